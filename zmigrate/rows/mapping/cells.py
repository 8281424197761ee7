"""Cells as text, for the parts of a mapping that work on text: some sources have other types too."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import Any, Final

from zmigrate.reasons import Reason
from zmigrate.rows.conversion.refusal import BadValue, kind_of, shown

NOT_TEXT: Final = "NOT_TEXT"  # Our code for a cell that is not text, but must be for the mapping
WHOLE_FLOATS_TO: Final = 2.0**53  # beyond it a float can't hold every whole number

PLAIN_DIGITS: Final = 100
"""Before the point or after it. 1e999999999 is short like this, and a gigabyte as digits."""


def as_text(cell: Any) -> str:
    """Text unchanged, None and `[]` empty, numbers plain, dates ISO. Raises ValueError for other values."""
    if cell is None or cell == [] or isinstance(cell, str):
        return cell or ""
    if isinstance(cell, int):
        return str(cell).lower()  # true and false, where it is a boolean
    if isinstance(cell, float):  # a spreadsheet's whole numbers are floats too
        return str(int(cell)) if cell.is_integer() and abs(cell) < WHOLE_FLOATS_TO else repr(cell)
    if isinstance(cell, Decimal):
        plain = cell.is_finite() and abs(cell.adjusted()) < PLAIN_DIGITS
        return f"{cell:f}" if plain else str(cell)
    if isinstance(cell, date | time):  # a date-time is a date
        return cell.isoformat()
    raise ValueError(f"holds {kind_of(cell)}, where text is wanted")


def is_empty(cell: Any) -> bool:
    return cell is None or cell == [] or (isinstance(cell, str) and not cell.strip())


def bad_value(field: str, code: str, message: str, value: object = "") -> BadValue:
    """The error that fails a row for one value."""
    return BadValue(Reason(code, field, message, shown(value) or None))
