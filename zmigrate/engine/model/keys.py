"""Fields by whose values records are found, and which values the org can be asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from unicodedata import normalize

from zmigrate.rows.conversion.keys import fold_key, fold_number, whole_number
from zmigrate.zoho.coql import can_query
from zmigrate.zoho.metadata import WHOLE_NUMBERS, Field, ModuleFields

KEY_TYPES: Final = WHOLE_NUMBERS | {"text", "email", "phone", "website", "autonumber"}
"""Data types that can be unique (zoho-api 5.4: Kaizen #56), and auto-numbers, which can be looked up. Values
of other types come back in another form than they were sent (date-times in the org's zone), or COQL can't
look for them.
"""


@dataclass(frozen=True, slots=True)
class KeyField:
    """A field by whose values records are found."""

    name: str
    fold: Callable[[str], str]
    number: bool = False

    @classmethod
    def of(cls, field: Field) -> KeyField:
        if field.whole_number:
            return cls(field.api_name, fold_number, number=True)
        return cls(field.api_name, partial(fold_key, case_sensitive=field.case_sensitive))

    def text_of(self, record: Mapping[str, Any]) -> str | None:
        value = record.get(self.name)
        return None if value is None or value == "" else str(value)


def unique_fields(fields: ModuleFields, besides: str | None) -> tuple[KeyField, ...]:
    """The module's unique fields except `besides`. Zoho itself refuses duplicates in them."""
    return tuple(
        KeyField.of(field)
        for field in fields
        if field.unique and field.api_name != besides and field.data_type in KEY_TYPES and field.on_layout
    )


UNASKABLE = "a value with a backslash or a line break can't be looked up"


def askable(values: Iterable[str], *, number: bool) -> list[str | int]:
    """The values as a query can hold them, each once. Values that no query can hold are left out: no record
    has them. `number`: the field holds whole numbers.
    """
    if not number:
        # How Zoho compares Unicode forms is not documented: ask for both the composed and the given form.
        spellings = (form for value in values for form in (value, normalize("NFC", value)))
        return [value for value in dict.fromkeys(spellings) if can_query(value)]
    numbers = map(whole_number, values)
    return list(dict.fromkeys(value for value in numbers if value is not None))
