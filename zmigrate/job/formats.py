"""How text is to be read where it could be read in several ways: declared, never guessed. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Formats:
    """Declared formats of a source's text, for all fields or, in `fields`, for one by its api name.

    Undeclared, numbers are plain (1234.50), dates and date-times ISO, and booleans true/false, yes/no, on/off
    or 1/0.
    """

    decimal: str = "."
    """The decimal mark: "." or ","."""
    thousands: str = ""
    """What parts thousands: "", ",", ".", " " or "'"."""
    date_format: str | None = None
    """As `strptime` has it: %d/%m/%Y."""
    datetime_format: str | None = None
    timezone: str | None = None
    """An IANA name, for date-times that tell no offset: Europe/Berlin."""
    true: tuple[str, ...] = ()
    """Words for yes, compared without letter case; once declared, no others count."""
    false: tuple[str, ...] = ()
    fields: Mapping[str, Formats] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, name: str) -> Formats:
        """The formats of one field."""
        return self.fields.get(name) or self

    def within(self, subform: str) -> Formats:
        """The formats of a subform's rows: those of its field, and of `Subform.Column` for one of them."""
        inside = f"{subform}."
        own = {
            name.removeprefix(inside): each for name, each in self.fields.items() if name.startswith(inside)
        }
        return replace(self.of(subform), fields=MappingProxyType(own))

    def for_field(self, name: str, **changes: object) -> Formats:
        """The same with other formats for one field."""
        own = replace(self.of(name), fields=MappingProxyType({}), **changes)  # type: ignore[arg-type]
        return replace(self, fields=MappingProxyType({**self.fields, name: own}))
