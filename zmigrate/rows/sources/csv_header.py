"""The header of a CSV file, also of our own files after a spreadsheet has changed their delimiter."""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from zmigrate.errors import SourceError
from zmigrate.rows.sources.column_names import check_names
from zmigrate.rows.sources.csv_delimiter import lines_of, strict_reader
from zmigrate.rows.sources.memory_limits import HEADER_CHARACTERS, OUR_HEADER_CHARACTERS
from zmigrate.rows.spreadsheet import is_ours

_OUR_START: Final = re.compile(r'\s*"?\w+"?([,;\t|])')
"""The possible first column of our header, and the delimiter after it."""


def refuse_json(path: Path, sample: str) -> None:
    """Raise SourceError for JSON in a file named as CSV."""
    if sample.lstrip().startswith(('{"', "[{", "[\n")):
        raise SourceError(
            f"{path} is JSON, not CSV.",
            hint="For one object a line, use the ending .jsonl and import-file (in a job: JsonLines(...)).",
        )


def read_header(path: Path, sample: str, delimiter: str) -> list[str]:
    """The names of the columns, with ours. Raises SourceError."""
    lines = lines_of(sample)
    reader = strict_reader(iter(lines), delimiter)
    try:
        cells = next(filter(None, reader))
    except csv.Error as error:
        raise broken(path, 1, error) from None
    except StopIteration:
        cells = []
    ours = is_ours(cells)
    most = OUR_HEADER_CHARACTERS if ours else HEADER_CHARACTERS
    if sum(map(len, lines[: reader.line_num])) >= most:
        raise SourceError(
            f"{path}:1: the header has more than {most:,} characters.",
            hint="The first line names the columns. Is it a CSV file, with line ends?",
        )
    header = cells if ours else [cell.strip() for cell in cells]
    check_names(f"{path}:{reader.line_num}", header, empty=ours)
    return header


def has_header(sample: str) -> bool:
    """Whether a sample of one of our files has the whole header, with any delimiter."""
    lines = lines_of(sample)
    reader = strict_reader(iter(lines), ",")
    try:
        next(reader, None)
    except csv.Error:
        return False
    return len(sample) < HEADER_CHARACTERS or reader.line_num < len(lines)


def our_delimiter(path: Path, sample: str) -> str | None:
    """The delimiter of one of our files. (Its cells may have other delimiters, even as often as the header.)
    None if it is not ours.
    """
    found = _OUR_START.match(sample)
    with suppress(SourceError):
        if found is not None and is_ours(read_header(path, sample, found[1])):
            return found[1]
    return None


def broken(path: Path, line: int, error: csv.Error) -> SourceError:
    """The error for a row with wrong quotes."""
    text = str(error)
    if "unexpected end" in text:
        why = "a quote is opened in the row that begins here and never closed"
        hint = "Close it, or double it if it belongs to the text."
    else:
        why = f"a quoted cell in the row that begins here goes on after its closing quote ({text})"
        hint = 'A quote inside a quoted cell is doubled: "the ""old"" CRM".'
    return SourceError(f"{path}:{line}: {why}.", hint=hint)
