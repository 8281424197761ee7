"""Fields by whose values records are found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from zmigrate.rows.keys import fold_key, fold_number
from zmigrate.zoho.metadata import WHOLE_NUMBERS, Field, ModuleFields

KEY_TYPES: Final = WHOLE_NUMBERS | {"text", "email", "phone", "website", "autonumber"}
"""Data types that can be unique (zoho-api 5.4: Kaizen #56), and auto-numbers, which can be looked up. Others
come back in another form than they were sent (date-times in the org's zone), or COQL does not look for them.
"""


@dataclass(frozen=True, slots=True)
class KeyField:
    """A field by whose values records are looked for."""

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
    """The unique fields of a module, which Zoho guards by itself, other than this one."""
    return tuple(
        KeyField.of(field)
        for field in fields
        if field.unique and field.api_name != besides and field.data_type in KEY_TYPES and field.on_layout
    )
