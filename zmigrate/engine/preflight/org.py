"""The checks of the org before the first write: is it the right one, its clock, the token's user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from zmigrate.config import Credentials
from zmigrate.engine.model.target import Target
from zmigrate.errors import Fatal, OrgError, RefusedError, UsageError
from zmigrate.events import Emit, Log
from zmigrate.job.writes import Write
from zmigrate.rows.sources import Query, Source
from zmigrate.zoho.facts.scopes import module_scope
from zmigrate.zoho.ids import id_text
from zmigrate.zoho.metadata import Org
from zmigrate.zoho.org_check import named

SKEW_WARNED_S = 300.0


def scopes_of_checks(write: Write | None) -> tuple[str, ...]:
    """What the checks need beside the job's own scopes: the org; the fields of the module; the users,
    since a row may name an owner, and a record's creator shows whether it is ours; the records that are
    updated, since the time of their last change shows that, too.
    """
    if write is None:
        return ("ZohoCRM.org.READ",)
    scopes = ("ZohoCRM.org.READ", "ZohoCRM.settings.fields.READ")
    if write.operation == "delete":
        return scopes
    reads = (module_scope(write.module, "READ"),) if write.operation == "update" else ()
    return (*scopes, "ZohoCRM.users.READ", *reads)


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
