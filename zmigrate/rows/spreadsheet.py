"""The cells and columns of result files: the engine writes them, and `Csv` recognises them when one is
loaded.

A spreadsheet runs a text that begins with `=`, `+`, `-` or `@`, also after blanks. It may begin a cell in the
middle of one of ours: a German Excel splits lines at `;`, tabs and line breaks, and ignores quotes there. So
each such sign gets an escape: `'` at the very beginning of a cell; `''` after blanks, before a sign of
another width (`＝`), and after a semicolon, tab or line break anywhere in a cell. Not after a comma: a cell
with a comma is quoted, and programs that split at commas respect quotes.

`unescape` restores every text exactly. If the text itself has a single `'` before such a sign, the sign is
safe already and nothing is added; if it has more, two are added.

The header shows what a file is: a result file, with our columns first, or a file of data only, as `ids
export` writes. Files of earlier versions have only the `'` at the beginning, and are read by the same rule;
only a text with its own `''` at one of the other places loses it. A mark to distinguish these files would
have to be in the header, which scripts rely on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from zmigrate.reasons import Reason, all_told

SUCCESS_COLUMNS: Final = ("line", "key", "id", "action")
ERROR_COLUMNS: Final = ("line", "key", "field", "code", "message")
DETAIL_COLUMNS: Final = ("line", "key", "fate", "id", "code", "field", "message")  # of a plan
FILE_COLUMN: Final = "file"  # the first column in the result files of a flow
PREFIX: Final = "zmigrate_"
IDS_COLUMNS: Final = ("module", "field", "key", "id")
_FIELDS_NAMES = """api_name label type length decimals mandatory mandatory_on unique case_sensitive external
    create update why_not custom target values"""
FIELDS_COLUMNS: Final = tuple(_FIELDS_NAMES.split())
"""The columns of `ids export` and `fields --csv`: all are data, and escaped like result files."""

_BY_NAME: Final = (("errors.csv", ERROR_COLUMNS), ("success.csv", SUCCESS_COLUMNS))
_OURS: Final = (ERROR_COLUMNS, SUCCESS_COLUMNS, DETAIL_COLUMNS)

_ALIKE = "＝＋－＠﹦﹢﹣﹫⁼⁺⁻₌₊₋−﬩⩵⩶"
"""The minus sign, and signs of other widths and heights: every character that NFKC turns into a sign."""
_LINE_ENDS = r"\r\n"
_PARTING = r";\t\v\f\x1c-\x1e\x85\u2028\u2029\u037e；﹔︔؛"
"""Characters after which a cell or a line may begin within our cell, besides our own line ends."""
_UNSEEN = (
    r'" \0-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2'
    r"\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u202a-\u202f\u205f-\u206f\u2800\u3000\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Characters that are skipped or invisible: quotes, blanks, control and format characters, empty marks."""

_SIGN = rf"[=+\-@{_ALIKE}]"
_ONE_OR_MORE = rf"(?!'{_SIGN})(?='*{_SIGN})"  # not if a single `'` protects the sign already
_PLACE = rf"(?:[{_LINE_ENDS}{_PARTING}][{_UNSEEN}]*+|\A(?:[{_UNSEEN}]++|(?='*[{_ALIKE}])))"
"""The places where a sign gets the longer escape."""

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")
_HIDDEN = re.compile(_PLACE + _ONE_OR_MORE)
_HIDDEN_ESCAPED = re.compile(rf"({_PLACE})''(?='*{_SIGN})")

_PLAIN_FORMULA = re.compile(r",(?='*[=+\-@\t])")
"""The comma before a cell that gets the `'`, in lines without quotes."""
_PLAIN_HIDDEN = re.compile(
    rf"(?:[{_PARTING}][{_UNSEEN}]*+|,(?:[{_UNSEEN}]++|(?='*[{_ALIKE}]))){_ONE_OR_MORE}"
)


def escape(cell: str) -> str:
    """The cell, escaped wherever a spreadsheet would run a part of it as a formula."""
    cell = _HIDDEN.sub(r"\g<0>''", cell)
    return "'" + cell if _FORMULA.match(cell) else cell


def unescape(cell: str) -> str:
    """The cell as it was before `escape`."""
    if "'" not in cell:
        return cell
    cell = cell[1:] if _ESCAPED.match(cell) else cell
    return _HIDDEN_ESCAPED.sub(r"\1", cell)


def seems_escaped(cell: str) -> bool:
    """Whether a text begins as `escape` makes it begin: with `'` before a sign."""
    return _ESCAPED.match(cell) is not None


def escape_plain(lines: str) -> str | None:
    """Lines with every cell but the first escaped, for lines without quotes in which every comma separates
    cells. None if each cell must be escaped by itself, which is slower.
    """
    return None if _PLAIN_HIDDEN.search(lines) else _PLAIN_FORMULA.sub(",'", lines)


def reason_cells(reasons: Sequence[Reason]) -> tuple[str, str, str]:
    """The last of ERROR_COLUMNS: field, code and message, those of several reasons joined."""
    fields = dict.fromkeys(reason.field for reason in reasons if reason.field)
    codes = dict.fromkeys(reason.code for reason in reasons if reason.code)
    return "; ".join(fields), "; ".join(codes), all_told(reasons)


def result_header(ours: Sequence[str], source_columns: Sequence[str]) -> list[str]:
    """Our columns, prefixed if the source has the same names, then the source's columns, escaped."""
    return _prefixed(ours, source_columns) + list(map(escape, source_columns))


def _prefixed(ours: Sequence[str], source_columns: Sequence[str]) -> list[str]:
    taken = frozenset(source_columns)
    return [next(free for free in _names(name) if free not in taken) for name in ours]


def _names(name: str) -> Iterator[str]:
    while True:
        yield name
        name = PREFIX + name


def own_name(column: str) -> str:
    """The name of our column without prefixes."""
    while column.startswith(PREFIX):
        column = column.removeprefix(PREFIX)
    return column


def is_ours(header: Sequence[str]) -> bool:
    """Whether a header is of a file that we wrote, so that its cells are escaped."""
    return our_columns(header) > 0 or tuple(header) in (IDS_COLUMNS, FIELDS_COLUMNS)


def result_file_with(columns: Collection[str]) -> str | None:
    """The result file that has all of its own columns among these; None if there is none."""
    own = set(map(own_name, columns))
    return next((name for name, ours in _BY_NAME if own.issuperset(ours)), None)


def is_overview(header: Sequence[str]) -> bool:
    """Whether a header is of a flow's own result file, which has no columns of a source."""
    return any(tuple(header) == (FILE_COLUMN, *names) for names in _OURS)


def our_columns(header: Sequence[str]) -> int:
    """How many columns at the front of a header are ours. 0 if it is not of a result file."""
    for ours in (*_OURS, *((FILE_COLUMN, *names) for names in _OURS)):
        front, rest = list(header[: len(ours)]), header[len(ours) :]
        if not rest or tuple(map(own_name, front)) != ours:
            continue
        if any(_FORMULA.match(name) and not _ESCAPED.match(name) for name in rest):
            continue
        if front == _prefixed(ours, list(map(unescape, rest))):
            return len(ours)
    return 0
