"""Numbers as text: declared decimal marks and thousands separators, or what to declare."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from zmigrate.rows.conversion.refusal import Refused, short

if TYPE_CHECKING:
    from zmigrate.job.formats import Formats

DECIMAL_MARKS: Final = (".", ",")
THOUSANDS_MARKS: Final = ("", ",", ".", " ", "'")
LONGEST_NUMBER: Final = 40  # Characters. A longer text is not a number, with any separators.
_WRITTEN_AS: Final = {" ": " \u00a0\u202f", "'": "'\u2019"}
"""A space may be a no-break space, an apostrophe a curved one."""


@dataclass(frozen=True, slots=True)
class Separators:
    """A decimal mark and a thousands separator ("": none)."""

    decimal: str
    thousands: str
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, decimal: str, thousands: str) -> Separators:
        whole = r"\d+"
        if thousands:
            mark = f"[{re.escape(_WRITTEN_AS.get(thousands, thousands))}]"
            whole = rf"\d{{1,3}}(?:{mark}\d\d\d)+|\d+"
        point = re.escape(decimal)
        pattern = rf"[+-]?(?:(?:{whole})(?:{point}\d*)?|{point}\d+)\Z"
        return cls(decimal, thousands, re.compile(pattern, re.ASCII))

    @classmethod
    def declared(cls, formats: Formats) -> Separators | None:
        """The declared separators. None for plain numbers, the default."""
        if (formats.decimal, formats.thousands) == (".", ""):
            return None
        return cls.of(formats.decimal, formats.thousands)

    def plain(self, text: str) -> str | None:
        """`1.234,50` as 1234.50. None if the text is not such a number. Thousands come in groups of three."""
        if self.pattern.match(text) is None:
            return None
        for mark in _WRITTEN_AS.get(self.thousands, self.thousands):
            text = text.replace(mark, "")
        return text.replace(self.decimal, ".")

    def read(self, text: str) -> str:
        plain = self.plain(text)
        if plain is None:
            parted = f" and {self.thousands!r} between thousands" if self.thousands else ""
            raise Refused(
                f"{short(text)} is not a number with {self.decimal!r} for the decimals{parted}, as declared"
            )
        return plain

    def __str__(self) -> str:
        marks = []
        if self.decimal != ".":
            marks.append(f'decimal = "{self.decimal}"')
        if self.thousands:
            marks.append(f'thousands = "{self.thousands}"')
        return " and ".join(marks)


_TRIED: Final = tuple(
    Separators.of(decimal, thousands)
    for decimal in DECIMAL_MARKS
    for thousands in THOUSANDS_MARKS
    if thousands != decimal and (decimal, thousands) != (".", "")
)


def undeclared(text: str, *, whole: bool) -> Refused:
    """The refusal of a text that is not a plain number: it names what to declare, if that would help."""
    fits: dict[Decimal, Separators] = {}
    for tried in _TRIED if len(text) <= LONGEST_NUMBER else ():
        plain = tried.plain(text)
        if plain is not None and not (whole and "." in plain):
            fits.setdefault(Decimal(plain), tried)
    if not fits:
        if whole:
            return Refused(f"{short(text)} is not a whole number such as 42 (no separators, no decimals)")
        return Refused(
            f"{short(text)} is not a plain number",
            remedy="write 1234.50: a point for the decimals, no thousands separators, no currency sign",
        )
    options = "--decimal, --thousands"
    if len(fits) == 1:
        ((number, separators),) = fits.items()
        wanted = "whole number such as 42" if whole else "plain number such as 1234.50"
        return Refused(
            f"{short(text)} is not a {wanted}",
            remedy=f"declare {separators} in the mapping ({options}) to read it as {number:f}",
        )
    readings = " or ".join(f"{number:f} ({separators})" for number, separators in fits.items())
    return Refused(
        f"{short(text)} is not a plain number and could be {readings}",
        remedy=f"declare which in the mapping ({options})",
        ambiguous=True,
    )
