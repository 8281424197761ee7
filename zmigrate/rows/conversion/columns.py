"""Columns of text that go to Zoho unchanged: one look at all of their cells, instead of one at each.

A column is taken as a whole or not at all; the functions of `field_types` handle the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from zmigrate.rows.conversion.field_types import PLAIN_TEXT, text_length
from zmigrate.rows.conversion.refusal import NOTHING
from zmigrate.rows.conversion.texts import PLAIN_EMAIL, PLAIN_PHONE

if TYPE_CHECKING:
    from zmigrate.zoho.metadata import Field

TakeColumn = Callable[[Sequence[Any]], Sequence[Any] | None]
"""Cells for Zoho, with NOTHING if there is nothing to send. None: check each cell by itself."""

_LOOKS: Final = {"email": PLAIN_EMAIL, "phone": PLAIN_PHONE}


def column_taker(field: Field, *, is_key: bool) -> TakeColumn | None:
    """The function for a field's column. None for types with cells that must be checked one by one."""
    if field.json_type == "jsonarray":  # tags
        return None
    if field.data_type in PLAIN_TEXT:
        take: TakeColumn = partial(_take_text, length=text_length(field))
    elif field.data_type in _LOOKS:
        take = partial(_take_alike, look=_LOOKS[field.data_type], length=text_length(field))
    else:
        return None
    return partial(_take_keys, take=take) if is_key else take


def _take_text(cells: Sequence[Any], length: int) -> Sequence[Any] | None:
    try:
        joined = "".join(cells)
        if not joined.isascii():
            joined.encode()
    except (TypeError, UnicodeEncodeError):  # a cell that is not text, or has half of a character
        return None
    if max(map(len, cells)) > length:
        return None
    if all(cells) and not any(map(str.isspace, cells)):
        return cells
    return [cell if cell and not cell.isspace() else NOTHING for cell in cells]


def _take_alike(cells: Sequence[Any], look: re.Pattern[str], length: int) -> Sequence[Any] | None:
    try:
        return cells if all(map(look.match, cells)) and max(map(len, cells)) <= length else None
    except TypeError:
        return None


def _take_keys(cells: Sequence[Any], take: TakeColumn) -> Sequence[Any] | None:
    """Take keys: they must be trimmed, and not numbers that a spreadsheet has rounded (4.7E+11)."""
    taken = take(cells)
    if taken is not cells or any("E+" in cell or cell != cell.strip() for cell in cells):
        return None
    return taken
