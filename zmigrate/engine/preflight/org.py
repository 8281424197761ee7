"""The checks of the org before the first write: it is the right one, its clock, who the token acts as."""

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
    """What the checks need beside the job's own scopes: the org; the fields of a write's module; the users,
    since a row may name an owner, and who made a record may tell whether it is ours; and the records that are
    updated, since the time of their last change may tell it, too.
    """
    if write is None:
        return ("ZohoCRM.org.READ",)
    scopes = ("ZohoCRM.org.READ", "ZohoCRM.settings.fields.READ")
    if write.operation == "delete":
        return scopes
    reads = (module_scope(write.module, "READ"),) if write.operation == "update" else ()
    return (*scopes, "ZohoCRM.users.READ", *reads)


def find_user(current_user: Callable[[], Mapping[str, Any]], emit: Emit) -> str | None:
    """The id of the user that the token acts as. None, with a warning, where Zoho does not say."""
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
    """Raise UsageError if what the job writes would come out of its source again."""
    if isinstance(source, Query) and write.operation == "insert" and source.module == write.module:
        raise UsageError(
            f"the job inserts into {write.module} what it reads from {write.module}: it would never end",
            hint="Read into a file first (ctx.crm.query in a Job), and insert from that.",
            code="ENDLESS",
        )


def tell_of_portal(org: Org, credentials: Credentials, emit: Emit) -> None:
    """Warn where the soid is a portal's: that it is the right one can't be checked. (The connection refuses
    an org that is neither the one asked for nor a portal's.)
    """
    if not org.answers_to(credentials.soid):
        emit(
            Log(
                "warning",
                f"{credentials.soid} is said to name a portal ({credentials.place}), so it was not "
                f"compared with the org that it opens: {named(org)}",
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
    """Warn, before the first write, of one whose rows end in doubt if an answer is lost. `place`: the step of
    a flow.
    """
    if target.warning is not None:
        emit(Log("warning", f"{place}: {target.warning}" if place else target.warning))


def check_clock(skew_s: float | None, emit: Emit) -> None:
    """Warn about a clock that is off. The run does not depend on it: it reckons with Zoho's."""
    if skew_s is not None and abs(skew_s) > SKEW_WARNED_S:
        emit(
            Log(
                "warning",
                f"this machine's clock is {abs(skew_s) / 60:.0f} minutes "
                f"{'behind' if skew_s > 0 else 'ahead of'} Zoho's; "
                "the run reckons with Zoho's clock, but the times in its files are off",
            )
        )
