"""Cells as text, for the words of a mapping that look at text: not all sources have text alone."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import Any, Final

from zmigrate.reasons import Reason
from zmigrate.rows.conversion.refusal import BadValue, kind_of, shown

NOT_TEXT: Final = "NOT_TEXT"
"""Our code for a cell that is no text where a word of the mapping wants some."""
WHOLE_FLOATS_TO: Final = 2.0**53
"""Beyond it a float does not tell whole numbers apart."""

PLAIN_DIGITS: Final = 100
"""Before the point or behind it. 1e999999999 is short as it stands, and a gigabyte as digits."""


def as_text(cell: Any) -> str:
    """Text as it is, None as empty, numbers plain, dates ISO. Raises ValueError for what is not one value."""
    if cell is None or isinstance(cell, str):
        return cell or ""
    if isinstance(cell, int):
        return str(cell).lower()  # true and false, where it is a boolean
    if isinstance(cell, float):  # a spreadsheet's whole numbers are floats as well
        return str(int(cell)) if cell.is_integer() and abs(cell) < WHOLE_FLOATS_TO else repr(cell)
    if isinstance(cell, Decimal):
        plain = cell.is_finite() and abs(cell.adjusted()) < PLAIN_DIGITS
        return f"{cell:f}" if plain else str(cell)
    if isinstance(cell, date | time):  # a date-time is a date
        return cell.isoformat()
    raise ValueError(f"holds {kind_of(cell)}, where text is wanted")


def is_empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def bad_value(field: str, code: str, message: str, value: object = "") -> BadValue:
    """What fails a row for one value."""
    return BadValue(Reason(code, field, message, shown(value) or None))
