"""The cells and columns of result files: written by the engine, known again by `Csv` when one is fed in.

A cell that a spreadsheet would run as a formula gets a `'` in front; a cell that looks like one so escaped
gets one more, so that taking the escape away always gives back what was there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

SUCCESS_COLUMNS: Final = ("line", "key", "id", "action")
ERROR_COLUMNS: Final = ("line", "key", "field", "code", "message")
FILE_COLUMN: Final = "file"
"""Comes first in the result files of a flow."""
PREFIX: Final = "zmigrate_"

_OURS: Final = (ERROR_COLUMNS, SUCCESS_COLUMNS)

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")


def escape(cell: str) -> str:
    """The cell, with `'` in front if a spreadsheet would take it for a formula."""
    return "'" + cell if _FORMULA.match(cell) else cell


def unescape(cell: str) -> str:
    """What `escape` was given."""
    return cell[1:] if _ESCAPED.match(cell) else cell


def result_header(ours: Sequence[str], source_columns: Sequence[str]) -> list[str]:
    """Our columns, prefixed where the source has one of that name, then the source's, escaped as cells."""
    return [PREFIX + name if name in source_columns else name for name in ours] + list(
        map(escape, source_columns)
    )


def is_overview(header: Sequence[str]) -> bool:
    """Whether it is the header of a flow's own result file, which has nothing of its steps' sources."""
    return any(tuple(header) == (FILE_COLUMN, *names) for names in _OURS)


def our_columns(header: Sequence[str]) -> int:
    """How many columns at the front of a header are ours; 0 if it is not the header of a result file."""
    for ours in (*_OURS, *((FILE_COLUMN, *names) for names in _OURS)):
        rest = list(map(unescape, header[len(ours) :]))
        if rest and list(header) == result_header(ours, rest):
            return len(ours)
    return 0
