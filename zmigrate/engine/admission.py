"""What a run needs to begin: a person's consent, the org in which it began, and the scopes of its job."""

from __future__ import annotations

from collections.abc import Callable

from zmigrate.engine.folder import org_json
from zmigrate.engine.ledger import identity
from zmigrate.engine.preflight import Banner
from zmigrate.engine.run_record import RunRecord
from zmigrate.errors import JobError, UsageError
from zmigrate.job import Job, job_name, missing_scopes
from zmigrate.rows.sources import Source
from zmigrate.zoho.metadata import Org

Confirm = Callable[[Banner], bool]


def ask(org: Org, *, yes: bool, agree: Callable[[], bool] | None) -> None:
    """Have a person agree to a write to a production org. Raises UsageError unless one does.

    `yes`: the person has said so beforehand. `agree` puts the question; None where nobody can be asked.
    """
    if not org.production or yes:
        return
    if agree is None:
        raise UsageError(
            f"{org.name} ({org.zgid}) is a production org, and there is no terminal to ask at",
            hint="If that is the org you mean, add --yes.",
            code="NOT_CONFIRMED",
        )
    if not agree():
        raise UsageError("not confirmed; nothing was written", code="NOT_CONFIRMED")


def refuse_another_org(record: RunRecord, org: Org) -> None:
    """Raise UsageError unless a run goes on in the org in which it began."""
    if identity(record.org) != identity(org_json(org)):
        raise UsageError(
            f"run {record.run_id} belongs to the org {record.org.get('name')} "
            f"({record.org.get('zgid')}), and these credentials to {org.name} ({org.zgid})",
            hint="Name the profile that the run was started with: --profile NAME.",
            code="WRONG_ORG",
        )


def refuse_lacking(job: Job, source: Source | None) -> None:
    """Raise JobError, naming them, if the job declares fewer scopes than it needs."""
    lacking = missing_scopes(job, source)
    if lacking:
        raise JobError(
            f"{job_name(type(job))} declares too few scopes for what it does; missing: {', '.join(lacking)}",
            hint="Add them to the job's `scopes`, or derive them: scopes = scopes_for(write, source)",
        )
