"""The rows that would be refused, as a CSV like a run's errors.csv: fix it, then load it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import orjson

from zmigrate.engine.plan.book import Book, Reject
from zmigrate.errors import SourceError, UsageError
from zmigrate.private_files import Draft
from zmigrate.rows.cell_texts import CellTexts
from zmigrate.rows.sources import Source
from zmigrate.rows.sources.packed import TextFile
from zmigrate.rows.spreadsheet import ERROR_COLUMNS, escape, reason_cells, result_header


def file_of_step(path: Path, step: str) -> Path:
    """Where the rejects of a flow's step go, which has its own columns: `bad-02-contacts.csv`."""
    return path.with_name(f"{path.stem}-{step}{path.suffix}")


def check_paths(paths: Iterable[Path], sources: Sequence[Source]) -> None:
    """Raise UsageError if rejects can't be written to one of these paths, or would replace a source."""
    owns = [own for source in sources if isinstance(own := getattr(source, "path", None), Path)]
    files = [file for own in owns if (file := TextFile(own).disk).exists()]
    for path in paths:
        if path.exists() and any(path.samefile(file) for file in files):
            raise UsageError(f"{path} is the file that the rows come from", hint="Name another file.")
        if path.is_dir():
            raise UsageError(f"{path} is a folder, not a file", hint="Name a file.")
        if not path.absolute().parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.absolute().parent}")


def write_rejects(path: Path, book: Book, source: Source, texts: CellTexts) -> int:
    """Write each rejected row once, its reasons joined; return how many. Raises UsageError if the file
    can't be written, SourceError if the source has changed.
    """
    check_paths([path], [source])
    try:
        with Draft(path) as file:
            writer = csv.writer(file)
            count = 0
            columns = source.columns
            if columns is not None:
                writer.writerow(result_header(ERROR_COLUMNS, columns))
            for rejects, values in _with_source(book, source):
                if columns is None:
                    columns = tuple(values)
                    writer.writerow(result_header(ERROR_COLUMNS, columns))
                cells = [
                    rejects[0].key or "",
                    *reason_cells([reject.reason for reject in rejects]),
                    *texts.row(values, columns),
                ]
                writer.writerow([rejects[0].line, *map(escape, cells)])
                count += 1
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror or error}") from None
    return count


def _with_source(book: Book, source: Source) -> Iterator[tuple[list[Reject], Mapping[str, Any]]]:
    groups = ((number, list(found)) for number, found in groupby(book.rejects(), attrgetter("number")))
    if not source.stable:
        for number, rejects in groups:
            (cells,) = book.db.execute("SELECT cells FROM source WHERE number=?", (number,)).fetchone()
            yield rejects, orjson.loads(cells)
        return
    rows = iter(source.rows())
    for number, rejects in groups:
        row = next((row for row in rows if row.number == number), None)
        if row is None:
            raise SourceError(f"{source.name} has no row {number} any more: it changed meanwhile.")
        yield rejects, row.values
