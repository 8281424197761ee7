"""What a plan notes of each row as it gets its outcome."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from zmigrate.engine.model.batch import Batch, PreparedRow
from zmigrate.engine.model.outcomes import DUPLICATE_IN_SOURCE, EMPTY_KEY, EXISTS, TRANSFORM_FAILED, Outcome
from zmigrate.engine.pipeline.resolver import waits
from zmigrate.engine.plan.book import Book
from zmigrate.engine.plan.doubtful import Doubtful
from zmigrate.engine.plan.model_writes import CHANGES_NOTHING, NOT_ASKED, OVERWRITES, REMARKS, Sightings
from zmigrate.engine.plan.org_model import OrgModel
from zmigrate.events import EventHub, RowsJudged
from zmigrate.job.columns import DeclaredColumns
from zmigrate.job.job import RecordJob, fills_of
from zmigrate.reasons import Reason
from zmigrate.rows.conversion.refusal import MANDATORY_NOT_FOUND
from zmigrate.rows.sources import Source
from zmigrate.zoho.metadata import ModuleFields

REASONS_KEPT = 1_000

_ALL_TOLD = frozenset([DUPLICATE_IN_SOURCE, TRANSFORM_FAILED])
"""Codes of rows of which nothing more is to be said."""

_MISSING = frozenset([EMPTY_KEY, MANDATORY_NOT_FOUND])
"""Codes of rows that have no value for the field that is named."""

_REPEATS = (
    (re.compile(r"the same as line \d+"), "the same as an earlier row"),
    (re.compile(r"line \d+ has this key too, and comes last"), "a later row has this key"),
    (re.compile(r"line \d+ has this key too, and .+ written"), "an earlier row has this key"),
    (re.compile(r"line \d+ .+ this record already"), "an earlier row deletes this record"),
)
"""Reasons of rows that repeat another one (`pipeline.duplicates`), and each one's kind."""


class RowNotes:
    """Told of rows by the session (see `Watch`). Main thread only."""

    def __init__(
        self,
        book: Book,
        model: OrgModel,
        hub: EventHub,
        *,
        fields: ModuleFields,
        column_of: Mapping[str, str],
        total: int | None,
    ) -> None:
        """`fields`: of the module that is written. `column_of`: the column of each field, where it is
        declared. `total`: the expected rows.
        """
        self.doubtful = Doubtful(fields)
        self._book = book
        self._model = model
        self._hub = hub
        self._column_of = column_of
        self._total = total
        self.rows = 0
        """Rows that have their outcome."""
        self.skips: Counter[str] = Counter()
        """Skipped rows by reason. Reasons that differ only in a line or an id count as one."""
        self.filled: set[str] = set()
        """Fields that some record writes."""
        self.given: set[str] = set()
        """Fields that some row has a value for, also if all of their values are refused."""
        self.ambiguous: dict[str, Sightings] = {}
        """By field, values that can be read in two ways."""
        self.left_out: dict[str, Sightings] = {}
        """By field, references that find no record, and without which the row is written."""
        self.remarks: dict[str, Sightings] = {code: Sightings() for code in REMARKS}
        """Rows by remark, and by what would be done to them."""

    def __call__(self, rows: Sequence[PreparedRow], outcomes: Sequence[Outcome], batch: Batch | None) -> None:
        final = [outcome.action != "moved" for outcome in outcomes]
        self.rows += sum(final)
        for row in rows:
            if not self.filled.issuperset(row.record):
                self.filled.update(row.record)
                self.given.update(row.record)
        if any(outcome.reasons for outcome in outcomes):
            for row, outcome in zip(rows, outcomes, strict=True):
                if outcome.reasons:
                    self._note(row, outcome, batch)
        if batch is not None and batch.has_open and batch.second is None:
            self._note_left_out(rows, outcomes)
        self.doubtful.note(rows, outcomes)
        self._hub.deliver()
        self._hub.emit(RowsJudged(self.rows, self._total))

    def _note(self, row: PreparedRow, outcome: Outcome, batch: Batch | None) -> None:
        if outcome.action == "failed":
            self.refuse(row, outcome.reasons)
            if batch is None and not _ALL_TOLD.intersection(outcome.codes):
                self._book.note_unsent(row)
            return
        if outcome.action == "skipped":
            kind = _kind_of(outcome.reasons[0])
            known = kind in self.skips or len(self.skips) < REASONS_KEPT
            self.skips[kind if known else "for further reasons"] += 1
        for reason in outcome.reasons:
            if reason.code in REMARKS:
                self.remarks[reason.code].add(outcome.action, row.line)

    def refuse(self, row: PreparedRow, reasons: Sequence[Reason]) -> None:
        """Note why a row is refused."""
        for reason in reasons:
            if reason.ambiguous:
                self.ambiguous.setdefault(reason.field or "", Sightings()).add("", row.line)
            if reason.field and reason.code not in _MISSING:
                self.given.add(reason.field.partition("[")[0])
        shown = [self._shown(row, reason) for reason in reasons]
        self._book.note_rejects(row, shown, self._column_of)

    def _shown(self, row: PreparedRow, reason: Reason) -> Reason:
        message = self._model.veiled(reason.message)
        return reason if message is reason.message else reason._replace(message=message)

    def _note_left_out(self, rows: Sequence[PreparedRow], outcomes: Sequence[Outcome]) -> None:
        for row, outcome in zip(rows, outcomes, strict=True):
            if outcome.action == "failed":
                continue
            cut = {link.field for link in row.links}
            for open_id in row.open:
                if not open_id.filled and not waits(row.record, open_id) and open_id.field not in cut:
                    self.left_out.setdefault(open_id.field, Sightings()).add("", row.line)

    def changing_nothing(self) -> int:
        """Updates whose values the org already has."""
        return self.remarks[CHANGES_NOTHING].rows.total()

    def not_asked(self) -> Counter[str]:
        """Rows whose records were not looked up, by what would be done to them."""
        return self.remarks[NOT_ASKED].rows

    @property
    def overwritten(self) -> Sightings:
        """Rows that overwrite what an earlier row wrote."""
        return self.remarks[OVERWRITES]


def _kind_of(reason: Reason) -> str:
    """Why a row is skipped, without the line or id of the other row or record."""
    if reason.code == EXISTS:
        return "the org has the record already"
    return next((kind for text, kind in _REPEATS if text.fullmatch(reason.message)), reason.message)


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


class WatchedColumns:
    """Finds the columns that a job's `transform` never looks at."""

    def __init__(self, job: RecordJob, source: Source) -> None:
        self._job = job
        self._columns = source.columns
        self._read: set[str] = set()
        declared = DeclaredColumns.of(job) is not None or fills_of(job) is not None
        self.watches = not declared and bool(self._columns)

    @property
    def transform(self) -> Callable[[Mapping[str, Any]], Any] | None:
        """In place of the job's own; None: the job says itself which columns it reads."""
        return self._transform if self.watches else None

    def _transform(self, values: Mapping[str, Any]) -> Any:
        if len(self._read) >= len(self._columns or ()):
            return self._job.transform(values)
        return self._job.transform(ReadRow(values, self._read))

    @property
    def unread(self) -> list[str]:
        """Columns that were never looked at."""
        return [name for name in self._columns or () if name not in self._read] if self.watches else []
