"""Whether a record of the org already has the values that a row would write, compared as Zoho means them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, Final

from zmigrate.zoho.facts.limits import FIELDS_PER_READ
from zmigrate.zoho.metadata import NUMBERS, Field, ModuleFields

MOST_COMPARED: Final = FIELDS_PER_READ - 2
"""Fields of one query, besides the id and the key."""


def comparable_fields(names: Iterable[str], fields: ModuleFields, leave_out: Iterable[str]) -> list[str]:
    """The fields of a record whose values come back from a query in a form that can be compared."""
    out = {"id", *leave_out}
    return [
        name
        for name in names
        if name not in out and (field := fields.get(name)) is not None and _compare_of(field) is not None
    ]


class Comparison:
    """Tells whether writing a record would change nothing. A key in another letter case is a change."""

    def __init__(self, fields: ModuleFields) -> None:
        self._fields = fields
        self._compares: dict[str, Callable[[Any, Any], bool]] = {"id": lambda sent, found: True}

    def same(self, record: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
        """True if the org has all values of the record already. False also if that can't be known."""
        compares = self._compares
        for name, value in record.items():
            compare = compares.get(name) or self._compile(name)
            if not compare(value, found.get(name, _UNREAD)):
                return False
        return True

    def _compile(self, name: str) -> Callable[[Any, Any], bool]:
        field = self._fields.get(name)
        known = None if field is None else _compare_of(field)
        compare = _never if known is None else partial(_read_and, known)
        self._compares[name] = compare
        return compare


_UNREAD: Final = object()


def _never(sent: Any, found: Any) -> bool:
    return False


def _read_and(same: Callable[[Any, Any], bool], sent: Any, found: Any) -> bool:
    if type(sent) is str and sent == found:
        return True
    return found is not _UNREAD and same(sent, found)


def _compare_of(field: Field) -> Callable[[Any, Any], bool] | None:
    if field.json_type == "jsonarray" and field.data_type != "multiselectpicklist":
        return None  # a query does not give back tags, subforms and lists of lookups as they were sent
    return _COMPARE.get(field.data_type)


def _empty(value: Any) -> bool:
    return value is None or value in ("", [])


def _alike(same: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Equal, where an empty value equals only an empty value."""

    def compare(sent: Any, found: Any) -> bool:
        if _empty(sent) or _empty(found):
            return _empty(sent) and _empty(found)
        return same(sent, found)

    return compare


def _texts(sent: Any, found: Any) -> bool:
    return str(sent) == str(found)


def _numbers(sent: Any, found: Any) -> bool:
    try:
        return Decimal(str(sent)) == Decimal(str(found))
    except InvalidOperation:
        return False


def _moments(sent: Any, found: Any) -> bool:
    try:
        return datetime.fromisoformat(str(sent)) == datetime.fromisoformat(str(found))
    except (ValueError, TypeError):
        return False


def _booleans(sent: Any, found: Any) -> bool:
    return str(sent).lower() == str(found).lower()


def _records(sent: Any, found: Any) -> bool:
    return _id(sent) == _id(found) is not None


def _id(value: Any) -> str | None:
    found = value.get("id") if isinstance(value, Mapping) else value
    return None if found is None else str(found)


def _choices(sent: Any, found: Any) -> bool:
    return _chosen(sent) == _chosen(found)


def _chosen(value: Any) -> frozenset[str]:
    parts = value.split(";") if isinstance(value, str) else value
    return frozenset(map(str, parts))


_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    **dict.fromkeys(("text", "textarea", "email", "phone", "website", "picklist", "date"), _alike(_texts)),
    **dict.fromkeys(NUMBERS, _alike(_numbers)),
    "datetime": _alike(_moments),
    "boolean": _alike(_booleans),
    **dict.fromkeys(("lookup", "ownerlookup", "userlookup"), _alike(_records)),
    "multiselectpicklist": _alike(_choices),
}
