"""Rows of a source, prepared as `run` would; the rows that end here are noted with every reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import orjson

from zmigrate.engine.model.batch import PreparedRow
from zmigrate.engine.model.outcomes import Outcome
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.prepare import Preparer
from zmigrate.engine.plan.book import Book, Reject
from zmigrate.engine.preflight.first_reads import FirstReads
from zmigrate.events import Emit
from zmigrate.job.job import DeclaredColumns, RecordJob, fills_of
from zmigrate.reasons import Reason
from zmigrate.rows.conversion.converter import Converter
from zmigrate.rows.sources import Cursor, Row, Source

ROWS_TOGETHER = 100
REASONS_KEPT = 1_000
LINES_KEPT = 3


class ReadRow(dict[str, Any]):
    """A row that notes which of its columns are read."""

    __slots__ = ("_columns",)

    def __init__(self, values: Mapping[str, Any], columns: set[str]) -> None:
        super().__init__(values)
        self._columns = columns

    def __getitem__(self, name: str) -> Any:
        self._columns.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._columns.add(name)
        return super().get(name, default)

    def pop(self, name: str, *default: Any) -> Any:
        self._columns.add(name)
        return super().pop(name, *default)

    def _all(self) -> None:
        self._columns.update(dict.keys(self))

    def __iter__(self) -> Iterator[str]:
        self._all()
        return super().__iter__()

    def keys(self) -> Any:
        self._all()
        return super().keys()

    def values(self) -> Any:
        self._all()
        return super().values()

    def items(self) -> Any:
        self._all()
        return super().items()

    def copy(self) -> dict[str, Any]:
        self._all()
        return dict(super().items())

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def __ror__(self, other: Any) -> Any:
        return other | self.copy()


class SourceReader:
    """Reads once through a source."""

    def __init__(
        self,
        job: RecordJob,
        source: Source,
        target: Target,
        converter: Converter,
        book: Book,
        *,
        column_of: Mapping[str, str],
        reads: FirstReads,
        emit: Emit,
        limit: int | None = None,
        note_references: Callable[[PreparedRow], None],
    ) -> None:
        """`note_references` gets rows that are refused for their values, but refer to records."""
        self._source = source
        self._note_references = note_references
        self._book = book
        self._column_of = column_of
        self._reads = reads
        self._limit = limit
        self._columns = source.columns
        self._read_columns: set[str] = set()
        declared = DeclaredColumns.of(job)
        self._job = job
        self._prepare = Preparer(
            job.transform if declared is not None else self._watched_transform,
            converter,
            target,
            emit,
            keep_source=not source.stable,
            columns=declared,
        )
        self._declared = declared is not None or fills_of(job) is not None
        self.rows = 0
        """Rows read so far."""
        self.limited = False
        """There were more rows than the limit."""
        self.skips: Counter[str] = Counter()
        """Rows that `transform` left out, by reason."""
        self.filled: set[str] = set()
        """Fields that some record writes."""
        self.ambiguous: dict[str, list[int]] = {}
        """By field, the first lines with values that can be read in two ways."""
        self.ambiguous_values: Counter[str] = Counter()
        """How many such values there are."""

    @property
    def unread_columns(self) -> list[str]:
        """Columns that `transform` never looked at."""
        if self._declared or not self._columns or not self.rows:
            return []
        return [name for name in self._columns if name not in self._read_columns]

    def groups(self) -> Iterator[list[PreparedRow]]:
        """The rows that go on, up to a hundred together."""
        rows = iter(self._source.rows(Cursor(), self._reads.crm))
        while True:
            self._reads.stop.check()
            read = self._take(rows)
            if not read:
                return
            on_their_way, ended = self._prepare(read)
            for pending, outcome in ended:
                self._note_ended(pending, outcome)
            for pending in on_their_way:
                self.filled |= pending.record.keys()
                if pending.source is not None:
                    self._note_source(pending)
            if on_their_way:
                yield on_their_way

    def _take(self, rows: Iterator[Row]) -> list[Row]:
        left = ROWS_TOGETHER if self._limit is None else min(ROWS_TOGETHER, self._limit - self.rows)
        if left <= 0:
            self.limited = next(rows, None) is not None
            return []
        read = list(islice(rows, left))
        self.rows += len(read)
        return read

    def _watched_transform(self, values: Mapping[str, Any]) -> Any:
        if self._columns is None or len(self._read_columns) >= len(self._columns):
            return self._job.transform(values)
        return self._job.transform(ReadRow(values, self._read_columns))

    def _note_ended(self, pending: PreparedRow, outcome: Outcome) -> None:
        if outcome.action == "skipped":
            reason = outcome.reasons[0].message
            if reason in self.skips or len(self.skips) < REASONS_KEPT:
                self.skips[reason] += 1
            else:
                self.skips["for further reasons"] += 1
            return
        if pending.source is not None:
            self._note_source(pending)
        if pending.open:
            self._book.note("row", (pending.number, pending.line, pending.key, None, "refused", None))
            self._note_references(pending)
        self.note_rejects(pending, outcome.reasons)

    def _note_source(self, pending: PreparedRow) -> None:
        """Keep a row that can't be read again, for the file of rejects."""
        self._book.note("source", (pending.number, orjson.dumps(pending.source, default=str).decode()))

    def _note_ambiguous(self, field: str, line: int) -> None:
        self.ambiguous_values[field] += 1
        lines = self.ambiguous.setdefault(field, [])
        if len(lines) < LINES_KEPT:
            lines.append(line)

    def note_rejects(self, row: PreparedRow, reasons: Iterable[Reason]) -> None:
        """Note why a row is refused, with the columns of its fields if they are declared."""
        for reason in reasons:
            if reason.ambiguous:
                self._note_ambiguous(reason.field or "", row.line)
            column = self._column_of.get(reason.field or "")
            self._book.note("reject", Reject(row.number, row.line, row.key, column, reason).stored)
