"""What a run needs to begin: consent, the right org, enough scopes, and a file that was not loaded before."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from zmigrate.engine.model.deferred_links import WRITTEN_AS
from zmigrate.engine.model.outcomes import ANSWER_LOST
from zmigrate.engine.model.target import Target
from zmigrate.engine.storage.folder import org_json
from zmigrate.engine.storage.ledger import identity
from zmigrate.engine.storage.run_record import RunRecord
from zmigrate.errors import JobError, RunError, UsageError
from zmigrate.events import BannerFacts, Emit, Log
from zmigrate.job.job import Job, job_name
from zmigrate.rows.sources import Csv, Source
from zmigrate.rows.sources.of_job import missing_scopes
from zmigrate.zoho.metadata import Org

Confirm = Callable[[BannerFacts], bool]


def ask(org: Org, *, yes: bool, agree: Callable[[], bool] | None) -> None:
    """Ask a person to agree to a write to a production org. Raises UsageError unless one agrees.

    `yes`: the person agreed beforehand. `agree` asks; None if nobody can be asked.
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


LINES_TOLD = 3


def tell_of_our_columns(source: Source, emit: Emit) -> None:
    """Warn that a file is read as a result file of ours: a file from elsewhere may have such columns, too."""
    if isinstance(source, Csv) and source.ours:
        left_out = ", ".join(column for column in source.ours if column not in source.kept)
        emit(
            Log(
                "warning",
                f"{source.name} was written by zmigrate; its columns {left_out} are ignored",
            )
        )


def refuse_fed_again(source: Source, target: Target) -> None:
    """Raise RunError if an insert would write rows that, by their file, were written before or may have
    been.

    With a unique key Zoho refuses such rows; with `on_existing` they are looked up.
    """
    safe = target.key_kind == "unique" or target.on_existing is not None
    if target.operation != "insert" or safe or not isinstance(source, Csv):
        return
    lines = (line for line, told in source.told() if _may_be_there(told))
    first = list(islice(lines, LINES_TOLD))
    if not first:
        return
    rows = len(first) + sum(1 for _ in lines)
    where = ", ".join(map(str, first)) + (", …" if rows > LINES_TOLD else "")
    raise RunError(
        f"{source.path} is a result file, and {rows:,} of its rows were inserted already, "
        f"or may have been ({'lines' if rows > 1 else 'line'} {where}): an insert would double them",
        hint="Delete these rows from the file. To insert only new records: a key and "
        "--on-existing skip. To insert the whole file anyway: --again.",
        code="FED_AGAIN",
    )


def _may_be_there(told: dict[str, str]) -> bool:
    """Whether our columns say that the row's record was written, or may have been."""
    written = told.get("action") in {"created", "updated", "unchanged"}
    return written or told.get("code") == ANSWER_LOST or told.get("message", "").startswith(WRITTEN_AS)
