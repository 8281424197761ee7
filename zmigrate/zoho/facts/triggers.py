"""What a write may set off in the org, and the key of the body or the parameter that prevents it.

Source: the OpenAPI file `record` (its body, `wf_trigger`, `restrict_triggers`), and the v8 pages
insert-records and delete-records. The writes of all other files take none of these.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from zmigrate.zoho.paths import ApiPath, taken_apart

TRIGGERS: Final = ("workflow", "approval", "blueprint", "pathfinder", "orchestration")
"""The names that `trigger` takes (insert-records.html). Without `trigger` all run; if it is empty, none."""


@dataclass(frozen=True, slots=True)
class Switch:
    """How to tell a call to set nothing off."""

    name: str
    place: Literal["body", "params"]
    silent: str | tuple[str, ...] = ()  # the value that sets nothing off
    cadences: bool = False  # it also takes `skip_feature_execution` (zoho-api 5.2)


_BODY: Final = Switch("trigger", "body", cadences=True)
_BODY_ONLY: Final = Switch("trigger", "body")
_DELETE: Final = Switch("wf_trigger", "params", "false")
_PHOTO: Final = Switch("restrict_triggers", "params", "workflow")

_WRITES: Final = ("POST", "PUT", "PATCH")
_MODULE: Final = "(?!/contacts/roles$)/[^/]+"  # Roles of contacts are not records (contact_roles.json)
_ONE: Final = "/[^/]+"
_SWITCHES: Final = tuple(
    (methods, re.compile(parts), switch)
    for methods, parts, switch in (
        (_WRITES, rf"{_MODULE}(?:{_ONE})?", _BODY),  # an id, a value of an external field, `upsert`
        (_WRITES, rf"{_MODULE}(?:{_ONE})?/actions/(?:assign|remove)_territories", _BODY_ONLY),
        (("DELETE",), rf"{_MODULE}(?:{_ONE})?", _DELETE),
        (("POST",), rf"{_MODULE}{_ONE}/photo", _PHOTO),
    )
)
"""By the parts of the path. PATCH is in no file; it is treated as a PUT."""

_NO_SWITCH: Final = "Zoho documents no way to keep this call from setting off workflows and mails"

_QUIET: Final = frozenset({("", "settings"), ("", "coql"), ("", "files"), ("bulk", "read")})
"""Areas and first parts of paths that write no record: settings, queries, uploads, exports."""

_MASS_UPDATE: Final = "a mass update sets off the org's workflows, and takes no `trigger`"
"""zoho-api 14.26."""

_LOUD: Final = tuple(
    (re.compile(parts), why)
    for parts, why in (
        (rf"{_ONE}/actions/mass_update", _MASS_UPDATE),
        (rf"{_ONE}{_ONE}/actions/(?:send_mail|send_mail_merge|sign_mail_merge)", "this call sends mail"),
        (rf"{_ONE}(?:{_ONE})?/actions/portal_invite", "this call sends mail"),
        (rf"{_ONE}/actions/count", None),
    )
)
"""Calls that send mail on purpose; a count writes nothing (record_count.json)."""


def are_triggers(value: object) -> bool:
    """Whether a value is a list of triggers. Zoho would answer SUCCESS to another name, and run nothing."""
    return isinstance(value, list | tuple) and all(name in TRIGGERS for name in value)


def switch_of(method: str, path: str) -> Switch | None:
    """How to keep a call from setting anything off. None if Zoho documents no way."""
    place = taken_apart(path)
    if place.module is None:
        return None
    parts = _joined(place)
    found = (switch for methods, known, switch in _SWITCHES if method in methods and known.fullmatch(parts))
    return next(found, None)


def loudness(method: str, path: str) -> str | None:
    """Why a call may set off workflows and mails whatever its body says. None if it does not."""
    place = taken_apart(path)
    if method == "GET" or switch_of(method, path) is not None:
        return None
    if place.area == "bulk" and place.parts[:1] == ("write",):
        return (
            "Zoho does not document whether a bulk write sets off workflows, and it takes no `trigger`;"
            " to be sure, switch the org's rules off first"
        )
    if (place.area, *place.parts[:1]) in _QUIET:
        return None
    parts = _joined(place)
    return next((why for known, why in _LOUD if known.fullmatch(parts)), _NO_SWITCH)


def _joined(place: ApiPath) -> str:
    return "".join(f"/{part}" for part in place.parts)
