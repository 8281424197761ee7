"""What a write may set off in the org, and how it is kept from that: by a key of the body, or a parameter.

Source: the OpenAPI file `record` (its body, `wf_trigger`, `restrict_triggers`), the pages insert-records and
delete-records of v8. Of all files it is the only one whose writes take any of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from zmigrate.zoho.paths import ApiPath, taken_apart

TRIGGERS: Final = ("workflow", "approval", "blueprint", "pathfinder", "orchestration")
"""What `trigger` may name (insert-records.html). Absent, all of them run; empty, none."""


@dataclass(frozen=True, slots=True)
class Switch:
    """How a call is told to set nothing off."""

    name: str
    place: Literal["body", "params"]
    silent: str | tuple[str, ...] = ()
    """The value that sets nothing off."""
    cadences: bool = False
    """It also takes `skip_feature_execution` (zoho-api 5.2)."""


_BODY: Final = Switch("trigger", "body", cadences=True)
_BODY_ONLY: Final = Switch("trigger", "body")
_DELETE: Final = Switch("wf_trigger", "params", "false")
_PHOTO: Final = Switch("restrict_triggers", "params", "workflow")

_WRITES: Final = ("POST", "PUT", "PATCH")
_MODULE: Final = "(?!/contacts/roles$)/[^/]+"
"""Roles of contacts are no records (contact_roles.json)."""
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
"""By the parts of the path. PATCH is in no file; it is taken for a PUT."""

_NO_SWITCH: Final = "Zoho's documents name no way to keep this call from setting off workflows and mails"

_QUIET: Final = frozenset({("", "settings"), ("", "coql"), ("", "files"), ("bulk", "read")})
"""Areas, with the first parts of paths, that write no record: settings, queries, uploads, exports."""

_MASS_UPDATE: Final = "a mass update sets off the org's workflows, and takes no `trigger`"
"""zoho-api 14.26."""

_LOUD: Final = tuple(
    (re.compile(parts), why)
    for parts, why in (
        (
            rf"{_ONE}/actions/mass_update",
            _MASS_UPDATE,
        ),
        (rf"{_ONE}{_ONE}/actions/(?:send_mail|send_mail_merge|sign_mail_merge)", "this call sends mail"),
        (rf"{_ONE}(?:{_ONE})?/actions/portal_invite", "this call sends mail"),
        (rf"{_ONE}/actions/count", None),
    )
)
"""Those that send mail do so by their purpose; a count writes nothing (record_count.json)."""


def are_triggers(value: object) -> bool:
    """Whether a value is a list of triggers. Zoho would answer SUCCESS to another name, and run nothing."""
    return isinstance(value, list | tuple) and all(name in TRIGGERS for name in value)


def switch_of(method: str, path: str) -> Switch | None:
    """How a call is kept from setting anything off; None where the documents name no way."""
    place = taken_apart(path)
    if place.module is None:
        return None
    parts = _joined(place)
    found = (switch for methods, known, switch in _SWITCHES if method in methods and known.fullmatch(parts))
    return next(found, None)


def loudness(method: str, path: str) -> str | None:
    """Why a call may set off workflows and mails whatever its body says; None for any other call."""
    place = taken_apart(path)
    if method == "GET" or switch_of(method, path) is not None:
        return None
    if place.area == "bulk" and place.parts[:1] == ("write",):
        return (
            "whether a bulk write sets off workflows is not documented, and it takes no `trigger`;"
            " to be sure switch the org's rules off before"
        )
    if (place.area, *place.parts[:1]) in _QUIET:
        return None
    parts = _joined(place)
    return next((why for known, why in _LOUD if known.fullmatch(parts)), _NO_SWITCH)


def _joined(place: ApiPath) -> str:
    return "".join(f"/{part}" for part in place.parts)
