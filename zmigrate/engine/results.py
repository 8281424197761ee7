"""The result files: a projection of the journal and the source, written when a run ends or stops, and again
by a resume.

A row is in exactly one file. Every file opens in a spreadsheet and can be fed in again: `Csv` drops our
columns.
"""

from __future__ import annotations

import csv
import errno
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

from zmigrate.engine.folder import RunFolder
from zmigrate.engine.journal import Journal, RecordedRow
from zmigrate.engine.outcomes import Action
from zmigrate.errors import DiskFull, PausedError
from zmigrate.rows.spreadsheet import ERROR_COLUMNS, SUCCESS_COLUMNS, escape, result_header

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

_MARK = "\x1f"
_MAY_NEED_ESCAPE = re.compile(rf"{_MARK}['=+\-@\t\r]")
"""One look at a whole row, whose cells begin with the mark, instead of one at every cell."""


class SourceRow(NamedTuple):
    """A row of the source as the result files repeat it."""

    number: int
    values: Mapping[str, Any]


def write_results(
    folder: RunFolder, journal: Journal, columns: Sequence[str] | None, rows: Iterable[SourceRow] | None
) -> dict[str, Path]:
    """Write the files and give back their paths by name.

    `rows` are the source's, in order, from the first; None where the journal keeps them itself. `columns`
    None: they are the keys of the first row that is written. Raises DiskFull.
    """
    writers: dict[str, _Table] = {}
    try:
        for recorded, values in _merge(journal, rows):
            if columns is None:
                columns = list(values)
            name = FILE_OF[recorded.outcome.action]
            if name not in writers:
                writers[name] = _Table(folder.result_file(name), name, columns)
            writers[name].add(recorded, values)
        for name in ALWAYS_WRITTEN:
            if name not in writers:
                writers[name] = _Table(folder.result_file(name), name, columns or ())
        for name in ("skipped", "in_doubt"):
            if name not in writers:
                folder.result_file(name).unlink(missing_ok=True)
        for table in writers.values():
            table.finish()
    except OSError as error:
        what = f"{error.filename or folder.path}: the result files can't be written: {error.strerror}"
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise DiskFull(what, hint="Make room, then resume the run.") from error
        raise PausedError(
            what,
            hint="Close the file where it is open, then resume: what is left is to write the files.",
            code="FILES_NOT_WRITTEN",
        ) from error
    finally:
        for table in writers.values():
            table.discard()
    return {name: table.path for name, table in writers.items()}


def _merge(
    journal: Journal, rows: Iterable[SourceRow] | None
) -> Iterator[tuple[RecordedRow, Mapping[str, Any]]]:
    """Every recorded row with its source row. Memory: the rows that a batch took out of turn."""
    if rows is None:
        for _, group in journal.outcomes():
            for recorded in group:
                yield recorded, recorded.source or {}
        return
    ahead: dict[int, RecordedRow] = {}
    groups = journal.outcomes()
    first, group = next(groups, (None, []))
    for row in rows:
        while first is not None and first <= row.number:
            ahead.update((recorded.number, recorded) for recorded in group)
            first, group = next(groups, (None, []))
        found = ahead.pop(row.number, None)
        if found is not None:
            yield found, row.values
        if first is None and not ahead:
            return


class _Table:
    """One CSV file, written beside its place and moved there when it is whole."""

    def __init__(self, path: Path, name: str, columns: Sequence[str]) -> None:
        self.path = path
        self._part = path.with_name(path.name + ".part")
        self._columns = list(columns)
        self._success = name == "success"
        ours = SUCCESS_COLUMNS if self._success else ERROR_COLUMNS
        self._file: IO[str] = open(  # noqa: SIM115  closed by finish or discard
            self._part, "w", encoding="utf-8", newline="", opener=_private
        )
        self._writer = csv.writer(self._file)
        self._writer.writerow(result_header(ours, self._columns))

    def add(self, recorded: RecordedRow, values: Mapping[str, Any]) -> None:
        outcome = recorded.outcome
        cells: list[Any]
        if self._success:
            cells = [recorded.key or "", outcome.id or "", outcome.action]
        else:
            cells = [recorded.key or "", outcome.field or "", outcome.code or "", outcome.message or ""]
        cells += map(values.get, self._columns)
        try:
            marked = _MARK + _MARK.join(cells)
        except TypeError:  # a cell that is no text
            cells = [cell if type(cell) is str else _text(cell) for cell in cells]
            marked = _MARK + _MARK.join(cells)
        if _MAY_NEED_ESCAPE.search(marked):
            cells = [escape(cell) for cell in cells]
        self._write([str(recorded.line), *cells])

    def _write(self, cells: list[str]) -> None:
        """One line of the file. `csv.writer` looks at every letter; most rows have nothing to quote."""
        plain = ",".join(cells)
        if plain.count(",") >= len(cells) or '"' in plain or "\n" in plain or "\r" in plain:
            self._writer.writerow(cells)
        else:
            self._file.write(plain + "\r\n")

    def finish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self.path)

    def discard(self) -> None:
        """Drop what is not finished."""
        if not self._file.closed:
            self._file.close()
            self._part.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (dict, list, bool)):
        return orjson.dumps(value, default=str).decode()
    return str(value)
