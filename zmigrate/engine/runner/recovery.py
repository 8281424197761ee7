"""Takes up what earlier sessions of a run left in its journal: the reading point, recorded rows,
unfinished batches, and keys that must stay fenced.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from zmigrate.engine.dispatch.in_flight import InFlight
from zmigrate.engine.dispatch.org_access import OrgClock
from zmigrate.engine.dispatch.sender import Sender
from zmigrate.engine.dispatch.settling import SettlingTime, in_doubt
from zmigrate.engine.model import deferred_links
from zmigrate.engine.model.batch import Batch, BatchState, PreparedRow, fenced_by
from zmigrate.engine.model.outcomes import RowCounts
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.duplicates import Duplicates
from zmigrate.engine.storage.journal import Journal
from zmigrate.rows.sources import Cursor, Row, Source
from zmigrate.rows.sources.query import record_mark
from zmigrate.zoho.crm import Crm

DATED_S = 1.0
"""A run that goes on began at least this long ago. If it seems younger, the clock was ahead when it began."""


class ReadingPoint:
    """How far earlier sessions read the source, and which rows beyond that point are recorded."""

    def __init__(self, journal: Journal, source: Source) -> None:
        self._journal = journal
        self._source = source
        progress = journal.fact("progress") or {}
        self.rows = RowCounts(**progress.get("rows", {}))
        """The counts of rows up to now."""
        self.cursor = Cursor(progress.get("watermark", 0), progress.get("token"))
        self.is_fresh = not progress
        """No earlier session recorded anything."""

    def rows_to_read(self, crm: Crm) -> Generator[Row, None, None]:
        """The source's rows behind the cursor. Rows that may have changed get new, higher numbers."""
        rows = self._source.rows(self.cursor, crm)
        if self._source.stable or self.is_fresh:
            yield from rows
            return
        highest = max(
            (number for number, _ in self._journal.recorded_after(self.cursor.number)),
            default=self.cursor.number,
        )
        for number, row in enumerate(rows, start=highest + 1):
            yield row._replace(number=number, line=number)

    def recorded(self) -> tuple[Callable[[Row], bool] | None, set[str]]:
        """A function that says whether a row behind the cursor is recorded (None: no row is), and the ids
        of the recorded rows, if the source has ids.
        """
        if self.is_fresh:
            return None, set()
        behind = self._journal.recorded_after(self.cursor.number)
        if self._source.stable:
            numbers = {number for number, _ in behind}
            return lambda row: row.number in numbers, set()
        marks = {record_mark(Row(number, number, kept)) for number, kept in behind if kept is not None}
        return lambda row: record_mark(row) in marks, marks


@dataclass(frozen=True, slots=True)
class Recovery:
    """Puts batches and keys of earlier sessions back into the loop, before its first turn."""

    journal: Journal
    target: Target
    zoho_clock: OrgClock
    settling_time: SettlingTime
    run_began: float
    """Epoch seconds on our clock."""

    def take_up_batches(self, in_flight: InFlight, sender: Sender, now: float) -> None:
        """Batches that were never sent are sent now. Those that Zoho may have applied are in doubt."""
        for batch in self.journal.open_batches(sender.records):
            if batch.closes_circles:
                batch.rows = [deferred_links.reopened(row) for row in batch.rows]
            else:
                batch.rows = [self._with_fenced(row) for row in batch.rows]
            if batch.closes_circles and batch.parent is None:  # its parts, which are sent, have a parent
                in_flight.wait(batch)
                continue
            batch.resolved = True
            batch.body = sender.body(batch)
            in_flight.keys.take_up(batch.fenced)
            if batch.state is BatchState.LEFT_UNSENT:
                in_flight.take_up(batch)
            else:
                self._take_up_doubted(batch, in_flight, sender, now)

    def _with_fenced(self, row: PreparedRow) -> PreparedRow:
        """The row with its folded key and its other unique values, which the journal does not keep."""
        folded = None if row.key is None else self.target.fold(row.key)
        return row._replace(folded=folded, others=self.target.other_values(row.record))

    def _take_up_doubted(self, batch: Batch, in_flight: InFlight, sender: Sender, now: float) -> None:
        recovery = sender.target_of(batch).recovery
        if recovery == "report":
            why = "the run stopped before the answer came, and there is no key to look for"
            in_flight.finish(batch, in_doubt(batch, why))
        elif recovery != "repeat" and not self._is_dated(batch, now):
            why = "the journal has a future time for its request, so its records can't be recognised"
            in_flight.finish(batch, in_doubt(batch, why))
        elif recovery == "repeat" or batch.sent_at is None:
            in_flight.park(batch, now)
        else:
            # The settling time counts from now, not from the intent: after the intent the process may have
            # waited long for a token or for its turn, and have sent the request just before it ended.
            in_flight.park(batch, now + self.settling_time.longest)

    def _is_dated(self, batch: Batch, now: float) -> bool:
        """Whether it is known since when the records of a batch can exist.

        An intent dated ahead of Zoho's clock shows only that the batch was sent after the run began. If
        the beginning of the run is dated ahead too, nothing is known.
        """
        if batch.first_intent is None or batch.first_intent <= self.zoho_clock.latest(now):
            return True
        batch.first_intent = self.zoho_clock.earliest(self.run_began)
        return now - self.run_began >= DATED_S

    def take_up_held(self, in_flight: InFlight, sender: Sender, now: float) -> None:
        """Keys and other unique values of finished batches that an earlier request may still overwrite."""
        for rows, until in self.journal.held_rows(now, sender.records):
            # If the clock was set back meanwhile, `until` would be later than any request can arrive.
            latest = min(until, now + self.settling_time.longest)
            in_flight.keys.take_up(fenced_by(map(self._with_fenced, rows)), latest)

    def take_up_written(self, duplicates: Duplicates, sender: Sender) -> None:
        """Rows that earlier sessions wrote, with values that may come again."""
        rebuild = sender.records if duplicates.by_others else None
        for ended in self.journal.rows_with_digests(rebuild):
            duplicates.note([self._with_fenced(row) for row, _ in ended], [outcome for _, outcome in ended])
