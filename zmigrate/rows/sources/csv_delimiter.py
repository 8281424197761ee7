"""Finds the character that separates the columns of a CSV file, and makes readers."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from zmigrate.errors import SourceError
from zmigrate.rows.sources.memory_limits import HEADER_CHARACTERS, OUR_ROW_BYTES

DELIMITERS: Final = (",", ";", "\t", "|")
SAMPLE_ROWS: Final = 20

LINE_END: Final = re.compile(r"\r\n|\r|\n")
_NAMES: Final = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe"}


class CsvReader(Protocol):
    """What `csv.reader` gives: rows of cells, and how many lines of the file were read."""

    @property
    def line_num(self) -> int: ...
    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


def strict_reader(lines: Iterator[str], delimiter: str) -> CsvReader:
    """A reader that refuses wrong quotes."""
    if csv.field_size_limit() < OUR_ROW_BYTES:
        # This setting is the process's, and is only ever raised. Rows are limited by their bytes.
        csv.field_size_limit(OUR_ROW_BYTES)
    return csv.reader(lines, delimiter=delimiter, strict=True)


def find_delimiter(path: Path, sample: str) -> str:
    """The delimiter that gives the header several columns, and the first rows as many.

    Raises SourceError if two fit equally well: a guess could be wrong unnoticed.
    """
    widths = {delimiter: _widths(sample, delimiter) for delimiter in DELIMITERS}
    several = [delimiter for delimiter, found in widths.items() if found[0] > 1]
    if not several:
        return ","
    if len(several) == 1:
        return several[0]
    even = [delimiter for delimiter in several if len(set(widths[delimiter])) == 1]
    if len(even) == 1:
        return even[0]
    names = " and ".join(_NAMES[delimiter] for delimiter in even or several)
    raise SourceError(
        f"{path}:1: the columns could be separated by {names}; it is unclear which.",
        hint='Declare it: --delimiter ";" (or the word "tab").',
    )


def refuse_other_delimiter(path: Path, sample: str, delimiter: str) -> None:
    """Raise SourceError if the declared delimiter separates nothing, but another one separates every row."""
    for other in DELIMITERS:
        widths = _widths(sample, other)
        if other != delimiter and widths[0] > 1 and len(set(widths)) == 1:
            raise SourceError(
                f"{path}:1: the columns are separated by {_NAMES[other]}s, not by "
                f"{_NAMES.get(delimiter, repr(delimiter))}s as declared.",
                hint="Leave the delimiter out: it is found automatically.",
            )


def _widths(sample: str, delimiter: str) -> list[int]:
    """How many cells the first rows have. The last row of a cut sample may be incomplete, and is left out."""
    widths = []
    cut = len(sample) >= HEADER_CHARACTERS
    try:
        for cells in islice(filter(None, strict_reader(iter(lines_of(sample)), delimiter)), SAMPLE_ROWS + 1):
            widths.append(len(cells))
    except csv.Error:
        cut = False
    if cut and len(widths) > 1 and len(widths) <= SAMPLE_ROWS:
        widths.pop()
    return widths or [0]


def lines_of(sample: str) -> list[str]:
    """The lines of a sample, each with its end."""
    ends = [match.end() for match in LINE_END.finditer(sample)]
    return [
        sample[start:end] for start, end in zip([0, *ends], [*ends, len(sample)], strict=True) if end > start
    ]
