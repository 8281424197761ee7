"""How to read text that has several readings: declared, never guessed. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

TRUE_WORDS: Final = ("true", "yes", "on", "1")
FALSE_WORDS: Final = ("false", "no", "off", "0")


@dataclass(frozen=True, slots=True)
class Formats:
    """Declared formats of a source's text, for all fields or, in `fields`, for one by its api name.

    If not declared: plain numbers (1234.50), ISO dates and date-times, true/false, yes/no, on/off or 1/0.
    """

    decimal: str = "."
    """The decimal mark: "." or ","."""
    thousands: str = ""
    """The thousands separator: "", ",", ".", " " or "'"."""
    date_format: str | None = None
    """As for `strptime`: %d/%m/%Y."""
    datetime_format: str | None = None
    timezone: str | None = None
    """An IANA name, for date-times without an offset: Europe/Berlin."""
    true: tuple[str, ...] = ()
    """Words for yes, in any letter case. If declared, no others count."""
    false: tuple[str, ...] = ()
    fields: Mapping[str, Formats] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, name: str) -> Formats:
        """The formats of one field."""
        return self.fields.get(name) or self

    def within(self, subform: str) -> Formats:
        """The formats of a subform's rows: those of its field, and those of `Subform.Column`."""
        inside = f"{subform}."
        own = {
            name.removeprefix(inside): each for name, each in self.fields.items() if name.startswith(inside)
        }
        return replace(self.of(subform), fields=MappingProxyType(own))

    def for_field(self, name: str, **changes: object) -> Formats:
        """These formats, with changes for one field."""
        own = replace(self.of(name), fields=MappingProxyType({}), **changes)  # type: ignore[arg-type]
        return replace(self, fields=MappingProxyType({**self.fields, name: own}))
