"""Whether the token's org is the one that the credentials name. Sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zmigrate.errors import OrgError
from zmigrate.zoho.metadata import Org, is_org_id

if TYPE_CHECKING:
    from zmigrate.config import Credentials

UNKNOWN_ORG = "UNKNOWN_ORG"
UNUSABLE_ORG = "UNUSABLE_ORG"


def refuse_other_org(org: Org, credentials: Credentials) -> None:
    """Raise OrgError if the org is not the one asked for, unless the credentials name a portal."""
    fault = org_fault(org, credentials)
    if fault is not None and not credentials.portal:
        raise fault


def refuse_unusable(org: Org) -> None:
    """Raise OrgError unless Zoho's answer names an org, with valid ids."""
    if not org.id:
        raise OrgError("Zoho says nothing about the org of this token.", hint="Check the soid.")
    for what, said in (("id", org.id), ("zgid", org.zgid)):
        if said and not is_org_id(said):
            raise OrgError(
                f"Zoho's answer about the org can't be used: its {what} is {said[:60]!r}, not a number.",
                hint="Look at the answer: zmigrate api GET /crm/v8/org. Check the accounts URL, too.",
                code=UNUSABLE_ORG,
            )


def org_fault(org: Org, credentials: Credentials) -> OrgError | None:
    """Why the org is not the one of the soid, or may not be. None if it is the one."""
    asked = f"{credentials.soid} ({credentials.place})"
    opened = named(org)
    match org.answers_to(credentials.soid):
        case True:
            return None
        case False:
            return OrgError(
                f"The token opens another org than the one asked for. Asked for: {asked}. Opened: {opened}.",
                hint=_remedy(org, credentials),
            )
    return OrgError(
        f"It is unknown whether the token opens the org asked for. Asked for: {asked}. Opened: {opened}, "
        "but Zoho's answer has no zgid.",
        hint=f"See Zoho's answer: zmigrate api GET /crm/v8/org. {_portal(credentials)}",
        code=UNKNOWN_ORG,
    )


def named(org: Org) -> str:
    """`Acme GmbH, ZohoCRM.123456 (production)`: an org as a soid names it."""
    ids = f"ZohoCRM.{org.zgid}" if org.zgid else f"id {org.id}"
    return f"{org.name or 'an org without a name'}, {ids} ({org.type or 'production'})"


def _remedy(org: Org, credentials: Credentials) -> str:
    digits = credentials.soid.rpartition(".")[2]
    if digits == org.id:
        return f"{digits} is the org's id; the soid needs its zgid: ZohoCRM.{org.zgid}."
    return (
        f"Correct the soid; if {org.name or 'that org'} is meant, it is ZohoCRM.{org.zgid}. "
        f"{_portal(credentials)}"
    )


def _portal(credentials: Credentials) -> str:
    """How to declare that a soid names a portal. Only a profile can."""
    digits = credentials.soid.rpartition(".")[2]
    where = f"[profiles.{credentials.profile}]" if credentials.profile else "a profile"
    return f"If {digits} is a portal's id, say so in {where} of zmigrate.toml: portal = true."
