"""The files of a plan: every row with its fate, or the rows that would be refused, to be fixed and loaded."""

from __future__ import annotations

import csv
import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from zmigrate.engine.model.outcomes import Action, Outcome
from zmigrate.engine.pipeline.order import Ordered
from zmigrate.engine.plan.book import Book
from zmigrate.engine.plan.model_writes import CHANGES_NOTHING, NOT_ASKED, OVERWRITES
from zmigrate.engine.plan.org_model import OrgModel
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.recorded import Numbered
from zmigrate.engine.storage.result_files import names_in, pieces_of, with_source
from zmigrate.engine.storage.scratch import scratch_db
from zmigrate.errors import SourceError, UsageError
from zmigrate.plain_files import no_place_to_write
from zmigrate.private_files import Draft
from zmigrate.rows.cell_texts import CellTexts
from zmigrate.rows.sources import Source
from zmigrate.rows.sources.packed import TextFile
from zmigrate.rows.spreadsheet import DETAIL_COLUMNS, ERROR_COLUMNS, escape, reason_cells, result_header
from zmigrate.wording import CLOSE_IT

FATES: Final[Mapping[Action, str]] = {
    "created": "create",
    "updated": "update",
    "unchanged": "unchanged",
    "deleted": "delete",
    "skipped": "skip",
    "failed": "refuse",
}

_WITHOUT_CODE = frozenset([CHANGES_NOTHING, OVERWRITES])
"""Remarks whose code would look like one of a run."""


def file_of_step(path: Path, step: str) -> Path:
    """Where the rows of a flow's step go, which has its own columns: `bad-02-contacts.csv`."""
    return path.with_name(f"{path.stem}-{step}{path.suffix}")


def check_paths(paths: Iterable[Path], sources: Sequence[Source]) -> None:
    """Raise UsageError if a file can't be written to one of these paths, or would replace a source."""
    owns = [own for source in sources if isinstance(own := getattr(source, "path", None), Path)]
    files = [file for own in owns if (file := TextFile(own).disk).exists()]
    for path in paths:
        if path.exists() and any(path.samefile(file) for file in files):
            raise UsageError(f"{path} is the file that the rows come from", hint="Name another file.")
        if path.is_dir():
            raise UsageError(f"{path} is a folder, not a file", hint="Name a file.")
        if (what := no_place_to_write(path)) is not None:
            raise UsageError(f"{path} is {what}, not a file", hint="Name a file.")
        if not path.absolute().parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.absolute().parent}")


PlannedRow: TypeAlias = tuple[Numbered, Outcome, Any]
"""Number, line and key; the outcome; the row as the source gives it."""


def _by_line(rows: Iterable[PlannedRow]) -> Iterator[PlannedRow]:
    """The rows sorted by their lines, in a temporary database that spills to disk."""
    with closing(scratch_db()) as db:
        db.execute("CREATE TABLE planned (line INTEGER PRIMARY KEY, row BLOB)")
        db.execute("BEGIN")
        db.executemany("INSERT INTO planned VALUES (?,?)", ((row[0][1], pickle.dumps(row)) for row in rows))
        for (row,) in db.execute("SELECT row FROM planned ORDER BY line"):
            yield pickle.loads(row)  # noqa: S301  written by this process


@dataclass(frozen=True, slots=True)
class PlannedRows:
    """The rows of a plan with their outcomes, and where their cells are read from."""

    journal: Journal
    book: Book
    model: OrgModel
    source: Source
    """Read in the order in which the rows would be sent."""
    texts: CellTexts
    """Writes values as text."""

    def write_details(self, path: Path) -> int:
        """Write every row with its fate; return how many. See `write_rejects` for what is raised."""
        return self._write(path, DETAIL_COLUMNS, self._details)

    def write_rejects(self, path: Path) -> int:
        """Write the rows that would be refused; return how many.

        Raises UsageError if the file can't be written, SourceError if the source has changed.
        """
        return self._write(path, ERROR_COLUMNS, self._reject)

    def _write(self, path: Path, ours: Sequence[str], front: Any) -> int:
        check_paths([path], [self.source])
        try:
            with Draft(path) as file:
                writer = csv.writer(file)
                columns, count = self._columns(), 0
                writer.writerow(result_header(ours, columns))
                for row, outcome, values in self._rows():
                    cells = front(row, outcome)
                    if cells is None:
                        continue
                    rest = values if isinstance(values, list) else self.texts.row(values, columns)
                    writer.writerow([row[1], *map(escape, [row[2] or "", *cells, *rest])])
                    count += 1
        except OSError as error:
            raise UsageError(f"{path} can't be written: {error.strerror or error}", hint=CLOSE_IT) from None
        return count

    def _rows(self) -> Iterator[PlannedRow]:
        """The rows in source order, also where parents are sent first."""
        return _by_line(self._as_sent()) if isinstance(self.source, Ordered) else self._as_sent()

    def _columns(self) -> Sequence[str]:
        if self.source.columns is not None:
            return self.source.columns
        try:
            return names_in(self.journal, pieces_of(self.source))
        except SourceError as error:
            raise self._changed(error) from error

    def _changed(self, error: SourceError) -> SourceError:
        return SourceError(f"{self.source.name} changed meanwhile: {error.message}")

    def _as_sent(self) -> Iterator[PlannedRow]:
        try:
            for run, values in with_source(self.journal, pieces_of(self.source)):
                yield from zip(run.rows, run.outcomes, values, strict=True)
        except SourceError as error:
            raise self._changed(error) from error

    def _reject(self, row: Numbered, outcome: Outcome) -> list[str] | None:
        if outcome.action != "failed":
            return None
        return list(reason_cells(self.book.reasons(row[0])))

    def outcomes(self) -> Iterator[tuple[Numbered, Outcome]]:
        """Every row with its outcome and all its reasons. The id of a record that would be created is None.
        Raises SourceError if the source has changed.
        """
        for row, outcome, _ in self._rows():
            yield row, self._told(row, outcome)

    def _told(self, row: Numbered, outcome: Outcome) -> Outcome:
        """An outcome as a person sees it."""
        reasons = self.book.reasons(row[0]) if outcome.action == "failed" else outcome.reasons
        told = tuple(
            reason._replace(
                code="" if reason.code in _WITHOUT_CODE else reason.code,
                message=self.model.veiled(reason.message),
            )
            for reason in reasons
        )
        shown = None if self.model.is_planned(outcome.id) else outcome.id
        return outcome._replace(id=shown, reasons=told)

    def _details(self, row: Numbered, outcome: Outcome) -> list[str]:
        fate = FATES[outcome.action]
        if outcome.action != "failed" and NOT_ASKED in outcome.codes:
            fate = "not_asked"
        told = self._told(row, outcome)
        field, code, message = reason_cells(told.reasons)
        return [fate, told.id or "", code, field, message]
