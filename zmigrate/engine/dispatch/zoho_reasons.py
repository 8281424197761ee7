"""Reads why Zoho refused a row, from the row's element of `data[]`. Pure.

The element has several shapes. What a shape does not say is None. Nothing that Zoho may answer raises here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from zmigrate.engine.model.outcomes import DUPLICATE_DATA, Outcome
from zmigrate.reasons import Reason
from zmigrate.zoho.facts.codes import SEVERAL, WHAT_TO_DO, speaks_of_org
from zmigrate.zoho.ids import id_text
from zmigrate.zoho.refusals import code_of, details_of


@dataclass(frozen=True, slots=True)
class InTheWay:
    """The record that already has a value of the row, as Zoho describes it (zoho-api 14.10 and 14.11)."""

    id: str | None
    module: str | None
    """None where Zoho names no module: it is taken for the module that is written to."""
    several: bool
    """More than one record has the value."""

    def of_another(self, module: str) -> bool:
        """Whether the record is one of another module than this one."""
        return self.module is not None and self.module.casefold() != module.casefold()

    def one_of(self, module: str) -> str | None:
        """The id, if Zoho means a single record, and one of this module."""
        return None if self.several or self.of_another(module) else self.id


class ZohoReason(NamedTuple):
    """One reason for which Zoho refused a row, and the records that it speaks of."""

    reason: Reason
    """Its message is Zoho's own, with what `details` add."""
    record_id: str | None
    """The record that the reason speaks of (`details.id`): of an update or delete, the row's own."""
    in_the_way: InTheWay | None
    """Of DUPLICATE_DATA only."""


def zoho_reasons(element: object, module: str, own_id: str | None = None) -> list[ZohoReason]:
    """The reasons of a refused element, at least one. `module`: where it was to go; `own_id`: the record that
    the row itself names."""
    errors = details_of(element).get("errors") if code_of(element) == SEVERAL else None
    inner = [error for error in errors if isinstance(error, Mapping)] if isinstance(errors, list) else []
    return [_read(error, module, own_id) for error in inner] or [_read(element, module, own_id)]


def refusal(found: Sequence[ZohoReason], module: str, key: str | None = None) -> Outcome:
    """The outcome of a row that was refused. Its id is that of the record in the way, if that may be taken
    for the row's record, or what `details` name.
    """
    duplicates = any(each.in_the_way for each in found)
    named = next((each.record_id for each in found if each.record_id), None)
    record_id = the_one_in_the_way(found, module, key) if duplicates else named
    return Outcome("failed", record_id, tuple(each.reason for each in found))


def the_one_in_the_way(found: Sequence[ZohoReason], module: str, key: str | None = None) -> str | None:
    """The id of the one record of this module that stands in the way, whatever else may be wrong with the
    row: of several that which has the key; None where none of them has."""
    ids = [(each.reason.field, each.in_the_way.one_of(module)) for each in found if each.in_the_way]
    ways = {one for name, one in ids if key is not None and name == key} or {one for _, one in ids}
    return ways.pop() if len(ways) == 1 else None


def names_no_module(found: Sequence[ZohoReason]) -> bool:
    """Whether Zoho names a record in the way without its module: it may be a record of another module."""
    ways = [each.in_the_way for each in found if each.in_the_way is not None]
    return any(way.id is not None and way.module is None for way in ways)


def _read(error: object, module: str, own_id: str | None) -> ZohoReason:
    details = details_of(error)
    code = code_of(error) or "UNKNOWN"
    message = error.get("message") if isinstance(error, Mapping) else None
    in_the_way = _in_the_way(details, own_id) if code == DUPLICATE_DATA else None
    words = str(message or code) + "".join(
        f" ({what} {_listed(details[name])})"
        for name, what in DETAILS.items()
        if details.get(name) is not None
    )
    if in_the_way is not None:
        words += _way_told(in_the_way, module)
    remedy = WHAT_TO_DO.get(code) if speaks_of_org(code) else None  # else it speaks of calls
    reason = Reason(code, _field(details), words, remedy=remedy)
    return ZohoReason(reason, id_text(details.get("id")), in_the_way)


def _in_the_way(details: Mapping[str, Any], own_id: str | None) -> InTheWay:
    """The record stands in `duplicate_record`, or `details` have its id."""
    existing = details.get("duplicate_record")
    records = existing if isinstance(existing, list) else [existing]
    first = next(iter(records), None)
    told = first if isinstance(first, Mapping) else {"id": first}
    found = id_text(told.get("id")) or id_text(details.get("id"))
    module = told.get("module") or details.get("module")
    if isinstance(module, Mapping):
        module = module.get("api_name")
    more = any(_says_yes(each.get("more_records")) for each in (details, told))
    return InTheWay(
        None if found == own_id else found,
        module.strip() or None if isinstance(module, str) else None,
        more or len(records) > 1,
    )


def _says_yes(value: object) -> bool:
    """Whether a value means yes. An unclear value counts as yes: then no single record is taken for the
    row's."""
    return str(value).strip().lower() not in {"none", "false", "0", "no", ""}


def _way_told(other: InTheWay, module: str) -> str:
    """The record in the way, behind Zoho's message."""
    if other.id is None and not other.several and not other.of_another(module):
        return ""
    record = f"the record {other.id}" if other.id else "another record"
    if other.of_another(module):
        record = f"a record of {other.module}, {other.id}," if other.id else f"a record of {other.module}"
    if other.several:
        record = (
            f"{record.removesuffix(',')} and others"
            if other.id
            else f"several records of {other.module or module}"
        )
    return f" ({record} {'have' if other.several else 'has'} this value)"


def _field(details: Mapping[str, Any]) -> str | None:
    path = details.get("json_path")
    place = _PLACE.match(path) if isinstance(path, str) else None
    if place is not None and place["inner"]:
        return place["inner"]
    name = details.get("api_name")
    if isinstance(name, str) and name:
        return name
    return None if place is None else place["field"]


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


_PLACE = re.compile(r"\$\.data\[\d+\]\.(?:(?P<inner>\w+\[\d+\]\.\w+)|(?P<field>\w+))")
"""Where a value stands: `$.data[0].Email`, or in a row of a subform `$.data[0].Service_Log[1].Part.id`
(zoho-api 4)."""

DETAILS = {
    "expected_data_type": "expected type:",
    "maximum_length": "longest allowed:",
    "supported_values": "allowed:",
    "expected_fields": "one of these fields must be there:",
    "permissions": "permissions:",
    "reason": "reason:",
}
"""What Zoho puts into `details` of a refused row, and our words for it (zoho-api 4.1)."""
