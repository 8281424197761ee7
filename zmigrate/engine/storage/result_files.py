"""The result files: made from the journal and the source when a run ends or stops, and again by a resume.

A row is in exactly one file. Every file opens in a spreadsheet and can be loaded again: `Csv` drops our
columns.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, compress, islice
from pathlib import Path
from typing import Any, NamedTuple

from zmigrate.engine.model.batch import BATCH_ROWS
from zmigrate.engine.model.outcomes import Action, Outcome
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.item_marks import key_of
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.recorded import Numbered, RecordedRows, in_order
from zmigrate.errors import DiskFull, PausedError, SourceError, is_full_disk
from zmigrate.private_files import Draft, open_private
from zmigrate.rows.cell_texts import CellTexts
from zmigrate.rows.sources import Csv, Source
from zmigrate.rows.sources.csv_delimiter import strict_reader
from zmigrate.rows.spreadsheet import (
    ERROR_COLUMNS,
    FILE_COLUMN,
    SUCCESS_COLUMNS,
    escape,
    escape_plain,
    reason_cells,
    result_header,
)

FILE_OF: Mapping[Action, str] = {
    "created": "success",
    "updated": "success",
    "unchanged": "success",
    "deleted": "success",
    "skipped": "skipped",
    "failed": "errors",
    "in_doubt": "in_doubt",
}
ALWAYS_WRITTEN = ("success", "errors")

MOST_NAMES = 1_000
"""Once the rows of a source without columns have so many names, later rows add none. No module of Zoho's has
more fields.
"""

SourceRows = Sequence[list[str]] | Sequence[Mapping[str, Any]]
"""Rows as the source gives them: cells, or values by column."""


class Piece(NamedTuple):
    """Consecutive rows of the source."""

    first: int
    """The number of the first row; the others follow without a gap, and so does the next piece."""
    rows: SourceRows


def pieces_of(source: Source) -> Iterator[Piece] | None:
    """The source's rows, from the first; None if only the journal has them."""
    if not source.stable:
        return None
    if isinstance(source, Csv) and type(source).rows is Csv.rows:
        return (Piece(block.first, block.cells) for block in source.blocks())
    return (Piece(row.number, [row.values]) for row in source.rows())


def names_in(journal: Journal, pieces: Iterable[Piece] | None) -> tuple[str, ...]:
    """The names of all recorded rows' values, in the order in which they come: not each row has all of them.
    `pieces` and what is raised: see `write_results`.
    """
    names: dict[str, None] = {}
    for _, rows in with_source(journal, pieces):
        for row in rows:
            if isinstance(row, Mapping) and not row.keys() <= names.keys():
                names.update(dict.fromkeys(row))
            if len(names) >= MOST_NAMES:
                return tuple(names)
    return tuple(names)


def write_results(
    folder: RunFolder,
    journal: Journal,
    columns: Sequence[str],
    pieces: Iterable[Piece] | None,
    texts: CellTexts,
    file: str | None = None,
) -> dict[str, Path]:
    """Write the files; return their paths by name.

    `pieces`: the source's rows in order, from the first; None if the journal keeps them. `texts` writes
    values as text. `file`: the first cell of every line, in a flow. Raises DiskFull, and SourceError if the
    source lacks a row of the journal.
    """
    return _written(_Tables(folder, columns, texts, file), with_source(journal, pieces))


def write_item_results(folder: RunFolder, journal: Journal) -> dict[str, Path]:
    """The files of a hand-written job, with the number and key of each item; none if it has no items."""
    groups = _item_groups(journal)
    first = next(groups, None)
    if first is None:
        return {}
    no_cells: list[list[str]] = [[]] * BATCH_ROWS
    every = ((group, no_cells[: len(group.rows)]) for group in chain([first], groups))
    return _written(_Tables(folder, (), None, None), every)


def _written(tables: _Tables, groups: Iterable[tuple[RecordedRows, SourceRows]]) -> dict[str, Path]:
    try:
        for run, rows in groups:
            tables.add(run, rows)
        return tables.finish()
    except OSError as error:
        raise why_not_written(error, tables.folder.path) from error
    finally:
        tables.discard()


def _item_groups(journal: Journal) -> Iterator[RecordedRows]:
    items = journal.items()
    while some := list(islice(items, BATCH_ROWS)):
        rows = [(number, number, key_of(mark)) for number, mark, _ in some]
        yield RecordedRows(some[0][0], rows, [outcome for _, _, outcome in some], None)


def why_not_written(error: OSError, path: Path) -> PausedError:
    """The error for a result file that can't be written: DiskFull if that is the cause."""
    what = f"{error.filename or path}: the result files can't be written: {error.strerror}"
    if is_full_disk(error):
        return DiskFull(what, hint="Make room, then resume the run.")
    return PausedError(
        what,
        hint="Close the file if a program has it open, then resume: only the files are left to write.",
        code="FILES_NOT_WRITTEN",
    )


def with_source(
    journal: Journal, pieces: Iterable[Piece] | None
) -> Iterator[tuple[RecordedRows, SourceRows]]:
    """Every recorded row with its source row, in source order, as many at a time as fit."""
    runs = in_order(journal.groups())
    if pieces is None:
        for run in runs:
            yield run, run.sources or [{}] * len(run.rows)
        return
    source = _Forward(pieces)
    for run in runs:
        yield run, source.take(run.first_row, len(run.rows))


class _Forward:
    """Takes rows out of the source's pieces, forward only."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = iter(pieces)
        self._piece = Piece(1, [])

    def take(self, first: int, count: int) -> SourceRows:
        """The rows with these numbers. Raises SourceError if one is missing."""
        taken: list[Any] = []
        while len(taken) < count:
            piece = self._piece
            start = first + len(taken) - piece.first
            if 0 <= start < len(piece.rows):
                taken += piece.rows[start : start + count - len(taken)]
                continue
            following = next(self._pieces, None) if start >= 0 else None
            if following is None:
                raise SourceError(f"row {first + len(taken)} is in the journal, but no longer in the source.")
            self._piece = following
        return taken


class _Tables:
    """The result files that have rows."""

    def __init__(
        self, folder: RunFolder, columns: Sequence[str], texts: CellTexts | None, file: str | None
    ) -> None:
        """`texts`: writes the cells of rows that are not text yet."""
        self.folder = folder
        self._file = file
        self._texts = texts
        self._columns = columns
        self._tables: dict[str, _Table] = {}

    def add(self, run: RecordedRows, rows: SourceRows) -> None:
        """Add recorded rows, each to its file. `rows` are their source rows, in the same order."""
        cells = [row if isinstance(row, list) else self._cells(row, self._columns) for row in rows]
        names = [FILE_OF[outcome.action] for outcome in run.outcomes]
        if names.count(names[0]) == len(names):
            self._table(names[0]).add(run.rows, run.outcomes, cells)
            return
        for name in dict.fromkeys(names):
            home = [name == other for other in names]
            self._table(name).add(
                compress(run.rows, home), compress(run.outcomes, home), compress(cells, home)
            )

    def _cells(self, row: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
        assert self._texts is not None  # noqa: S101  what has no texts has cells
        return self._texts.row(row, columns)

    def finish(self) -> dict[str, Path]:
        """Move the files to their places; delete files of an earlier session that have no rows now."""
        for name in ALWAYS_WRITTEN:
            self._table(name)
        for name in set(FILE_OF.values()) - self._tables.keys():
            self.folder.result_file(name).unlink(missing_ok=True)
        for table in self._tables.values():
            table.finish()
        return {name: table.path for name, table in self._tables.items()}

    def discard(self) -> None:
        for table in self._tables.values():
            table.discard()

    def _table(self, name: str) -> _Table:
        if name not in self._tables:
            self._tables[name] = _Table(self.folder.result_file(name), name, self._columns, self._file)
        return self._tables[name]


class _Table:
    """One CSV file, written beside its place and moved there when it is whole."""

    def __init__(self, path: Path, name: str, columns: Sequence[str], file: str | None) -> None:
        self.path = path
        self._success = name == "success"
        self._first = [] if file is None else [escape(file)]
        names = SUCCESS_COLUMNS if self._success else ERROR_COLUMNS
        header = result_header(names if file is None else (FILE_COLUMN, *names), columns)
        self._commas = len(header) - 1
        self._draft = Draft(path)
        self._file = self._draft.file
        self._writer = csv.writer(self._file)
        self._writer.writerow(header)

    def add(self, rows: Iterable[Numbered], outcomes: Iterable[Outcome], cells: Iterable[list[str]]) -> None:
        """Add rows. Most need no quotes, and one look at all of them together shows that: `csv.writer` looks
        at every letter, at four times the price.
        """
        if self._success:
            whole = [
                [str(line), key or "", outcome.id or "", outcome.action, *row]
                for (_, line, key), outcome, row in zip(rows, outcomes, cells, strict=True)
            ]
        else:
            whole = [
                [str(line), key or "", *reason_cells(outcome.reasons), *row]
                for (_, line, key), outcome, row in zip(rows, outcomes, cells, strict=True)
            ]
        if self._first:
            whole = [self._first + row for row in whole]
        lines = [",".join(row) for row in whole]
        text = "\r\n".join(lines)
        if self._written_plain(text, len(lines)):
            return
        for row, line in zip(whole, lines, strict=True):
            if not self._written_plain(line, 1):
                first = len(self._first)
                self._writer.writerow([*row[:first], *map(escape, row[first:])])

    def _written_plain(self, text: str, lines: int) -> bool:
        """Write these lines, unless a cell needs quotes or escaping."""
        if (
            text.count(",") != lines * self._commas
            or '"' in text
            or not text.count("\r") == text.count("\n") == lines - 1
        ):
            return False
        escaped = escape_plain(text)
        if escaped is None:
            return False
        self._file.write(escaped + "\r\n")
        return True

    def finish(self) -> None:
        self._draft.finish()

    def discard(self) -> None:
        self._draft.discard()


def write_flow_files(folder: RunFolder) -> dict[str, Path]:
    """Write a flow's files from its steps' files; return their paths by name. Raises PausedError."""
    written: dict[str, Path] = {}
    for name in dict.fromkeys(FILE_OF.values()):
        path = folder.result_file(name)
        parts = [part for step in folder.steps() if (part := step.result_file(name)).exists()]
        try:
            if parts or name in ALWAYS_WRITTEN:
                _write(path, SUCCESS_COLUMNS if name == "success" else ERROR_COLUMNS, parts)
                written[name] = path
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise why_not_written(error, path) from error
    return written


def _write(path: Path, ours: tuple[str, ...], parts: Iterable[Path]) -> None:
    """A cell that is escaped in a step's file stays as it is."""
    width = len(ours) + 1
    with Draft(path) as file:
        writer = csv.writer(file)
        writer.writerow((FILE_COLUMN, *ours))
        for part in parts:
            with open(part, encoding="utf-8", newline="", opener=open_private) as rows:
                reader = strict_reader(rows, ",")
                next(reader, None)
                writer.writerows(row[:width] for row in reader)
