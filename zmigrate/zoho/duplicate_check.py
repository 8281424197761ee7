"""Zoho's duplicate check preference: which other records the unique values of a module are held against.

Source: the OpenAPI file of that name; zoho-api 14.11. With mapped modules, leads are held against contacts
and against converted leads; otherwise perhaps against converted leads alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

MODULES_WITH_CHECKS: Final = frozenset({"Leads", "Contacts"})
"""The modules for which there may be such a preference."""

NO_PREFERENCE: Final = "NOT_SUPPORTED"
"""Zoho's code for a module that has none."""


@dataclass(frozen=True, slots=True)
class MappedField:
    """A unique field, and the field of another module whose values are held against its own."""

    field: str
    module: str
    other: str


@dataclass(frozen=True, slots=True)
class DuplicateCheck:
    """What a module's unique values are held against besides the module's own records."""

    converted: bool = False
    """Against leads that were converted."""
    mapped: tuple[MappedField, ...] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """The other modules."""
        return tuple(dict.fromkeys(each.module for each in self.mapped))


def read_duplicate_check(body: Mapping[str, Any]) -> DuplicateCheck:
    """The preference as Zoho answers it. An empty answer, and whatever is not understood, means none."""
    told = body.get("duplicate_check_preference")
    told = told[0] if isinstance(told, list) and told else told
    if not isinstance(told, Mapping):
        return DuplicateCheck()
    kind = told.get("type")
    mapped = tuple(_mapped(told.get("type_configurations"))) if kind == "mapped_module_records" else ()
    return DuplicateCheck(kind in ("converted_records", "mapped_module_records"), mapped)


def _mapped(configurations: object) -> Iterator[MappedField]:
    for each in configurations if isinstance(configurations, list) else ():
        module = _name(each, "mapped_module")
        pairs = each.get("field_mappings") if isinstance(each, Mapping) else None
        for pair in pairs if isinstance(pairs, list) else ():
            field, other = _name(pair, "current_field"), _name(pair, "mapped_field")
            if module and field and other:
                yield MappedField(field, module, other)


def _name(told: object, key: str) -> str:
    named = told.get(key) if isinstance(told, Mapping) else None
    name = named.get("api_name") if isinstance(named, Mapping) else None
    return name if isinstance(name, str) else ""
