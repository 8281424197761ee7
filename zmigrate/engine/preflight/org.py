"""The checks of the org before the first write: is it the right one, its clock, the token's user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from zmigrate.config import Credentials
from zmigrate.engine.model.target import Target
from zmigrate.engine.preflight.fields import FieldsOf
from zmigrate.errors import Fatal, JobError, OrgError, RefusedError, UsageError
from zmigrate.events import Emit, Log
from zmigrate.job.job import RecordJob, job_name
from zmigrate.job.writes import Write
from zmigrate.rows.sources import Query, Source
from zmigrate.zoho.facts.scopes import FIELDS, ORG, USERS, missing, module_scope, scopes_of_query
from zmigrate.zoho.ids import id_text
from zmigrate.zoho.metadata import Org
from zmigrate.zoho.org_check import named

SKEW_WARNED_S = 300.0


def scopes_of_checks(job: RecordJob | None) -> tuple[str, ...]:
    """What the checks need beside the job's own scopes, only to read: the org; the fields of the module; the
    users, since a row may name an owner, and a record's creator shows whether it is ours; the records that
    are updated, since the time of their last change shows that, too; the modules that rows look into, as the
    job declares them.
    """
    if job is None:
        return (ORG,)
    write = job.write
    scopes = [ORG, FIELDS]
    if write.operation == "delete":
        return tuple(scopes)
    scopes.append(USERS)
    if write.operation == "update":
        scopes.append(module_scope(write.module, "READ"))
    for module in () if job._hooks.names_finds else job.refers_to or ():
        scopes += scopes_of_query(module)
    return tuple(scopes)


def find_user(current_user: Callable[[], Mapping[str, Any]], emit: Emit) -> str | None:
    """The id of the token's user. None, with a warning, if Zoho does not say."""
    try:
        found = current_user().get("id")
    except (RefusedError, Fatal) as error:
        emit(Log("warning", f"can't ask which user the token acts as: {error.message}"))
        return None
    user = id_text(found)
    if user is None:
        emit(Log("warning", "Zoho does not say which user the token acts as"))
    return user


def check_source(source: Source, write: Write) -> None:
    """Raise UsageError if the job would read the records that it writes."""
    if isinstance(source, Query) and write.operation == "insert" and source.module == write.module:
        raise UsageError(
            f"the job inserts into {write.module} what it reads from {write.module}: it would never end",
            hint="Read into a file first (ctx.crm.query in a Job), and insert from that.",
            code="ENDLESS",
        )


def check_lookup_paths(source: Source, job: RecordJob, fields_of: FieldsOf) -> None:
    """Raise JobError if a query goes through lookups into modules that the job's token may not read. (Those
    of standard lookups are among the source's scopes.)
    """
    if not isinstance(source, Query):
        return
    wanted: list[str] = []
    for path in source.lookup_paths:
        module: str | None = source.module
        for name in path:
            field = None if module is None else fields_of(module).get(name)
            module = None if field is None else field.lookup_module
            wanted += [] if module is None else scopes_of_query(module)
    lacking = missing([*job.scopes, *scopes_of_checks(job)], wanted)
    if lacking:
        raise JobError(
            f"{job_name(type(job))} reads other modules through lookups, and declares too few scopes for it; "
            f"missing: {', '.join(lacking)}",
            hint="Add them to the job's `scopes`.",
        )


def tell_of_portal(org: Org, credentials: Credentials, emit: Emit) -> None:
    """Warn if the soid is a portal's: nobody can check that it is the right one. (The connection refuses
    an org that is neither the one asked for nor a portal's.)
    """
    if not org.answers_to(credentials.soid):
        emit(
            Log(
                "warning",
                f"{credentials.soid} is declared as a portal's ({credentials.place}), so it was not "
                f"compared with the org: {named(org)}",
            )
        )


def check_same_org(org: Org, first: tuple[str, str]) -> None:
    """Raise OrgError unless a later step's token opens the org (id, zgid) that the flow began in."""
    if (org.id, org.zgid) != first:
        raise OrgError(
            f"The token of this step opens another org: {org.name} ({org.zgid}).",
            hint="Check the credentials, then resume.",
        )


def tell_unsettled(target: Target, emit: Emit, place: str = "") -> None:
    """Warn if rows of this write end in doubt when an answer is lost. `place`: the step of a flow."""
    if target.warning is not None:
        emit(Log("warning", f"{place}: {target.warning}" if place else target.warning))


def check_clock(skew_s: float | None, emit: Emit) -> None:
    """Warn if this machine's clock is off. The run itself uses Zoho's clock."""
    if skew_s is not None and abs(skew_s) > SKEW_WARNED_S:
        emit(
            Log(
                "warning",
                f"this machine's clock is {abs(skew_s) / 60:.0f} minutes "
                f"{'behind' if skew_s > 0 else 'ahead of'} Zoho's; "
                "the run uses Zoho's clock, but the times in its files are off",
            )
        )
