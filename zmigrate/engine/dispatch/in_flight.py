"""What is under way: batches ready, in flight and parked, keys on hold, counts; and the turn's one durable
transaction.

Main thread only. Changes are collected during a turn and written by `commit`, finished outcomes and next
intents together.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from zmigrate.engine.model import deferred_links as links
from zmigrate.engine.model.batch import Batch, PreparedRow
from zmigrate.engine.model.outcomes import (
    KNOWN_BY_ID,
    Action,
    Outcome,
    Rows,
    duplicate_in_source,
    lets_go,
    was_written,
)
from zmigrate.engine.pipeline.duplicates import SeenKeys
from zmigrate.engine.pipeline.fence import Fence
from zmigrate.engine.pipeline.producer import Producer
from zmigrate.engine.storage.journal import Journal
from zmigrate.events import BatchDone, Emit, RowsDecided


class InFlight:
    """The state of the loop."""

    def __init__(
        self,
        journal: Journal,
        fence: Fence,
        producer: Producer,
        rows: Rows,
        emit: Emit,
        seen: SeenKeys | None = None,
        known: Callable[[list[tuple[str, str]]], None] | None = None,
        *,
        first_only: bool = False,
    ) -> None:
        """`known` is told each key whose record exists, with its id; `first_only`: once a key was created,
        rows that wait for it are not sent.
        """
        self.journal = journal
        self.fence = fence
        self.producer = producer
        self.rows = rows
        self.seen = seen
        self.emit = emit
        self._known = known
        self._first_only = first_only
        self.unrecorded: dict[int, Batch] = {}
        """Batches that were given out and are not in the journal yet: their rows are read again on resume."""
        self.ready: deque[Batch] = deque()
        self.in_flight: dict[int, Batch] = {}
        self.parked: list[Batch] = []
        self.aside: dict[int, Batch] = {}
        """Batches that were refused, and wait for more to be known."""
        self.links: deque[Batch] = deque()
        """Second writes that close circles: they wait until every record is there."""
        self._holds: list[tuple[float, int, list[str]]] = []
        self._finished: list[Batch] = []
        self._intents: list[Batch] = []
        self._queued: list[Batch] = []
        self._marked: list[Batch] = []

    # -- what happens to a batch ------------------------------------------------------------------

    def give_out(self, batch: Batch) -> None:
        """A batch fresh from the producer, with its body made."""
        self.unrecorded[batch.id] = batch

    def intend(self, batch: Batch, first_intent: float, now: float) -> None:
        """A worker is free: the batch is sent as soon as this turn is committed."""
        if self.unrecorded.pop(batch.id, None) is not None:
            self.rows.read += len(batch.rows)
            self.rows.pending += len(batch.rows)
        batch.state = "sent"
        batch.sends += 1
        batch.sent_at = now
        if batch.first_intent is None:
            batch.first_intent = first_intent
        self.in_flight[batch.id] = batch
        self._intents.append(batch)

    def park(self, batch: Batch, due_at: float) -> None:
        """The batch is in doubt until it is settled, no sooner than `due_at` (our clock)."""
        self.in_flight.pop(batch.id, None)
        batch.doubted = True
        batch.due_at = due_at
        self.parked.append(batch)
        self._marked.append(batch)

    def park_part(self, batch: Batch, part: Batch, due_at: float) -> None:
        """Some rows of a batch, whose answer left them open, are in doubt from here on, as a batch that was
        sent when the whole was."""
        part.state, part.sent_at = "sent", batch.sent_at
        part.doubted = True
        part.due_at = due_at
        self.parked.append(part)
        self._queued.append(part)

    def set_aside(self, batch: Batch) -> None:
        """The batch is known not to be applied, and is not sent again before more is known."""
        self.in_flight.pop(batch.id, None)
        batch.state = "queued"
        self.aside[batch.id] = batch
        self._queued.append(batch)

    def queue(self, *batches: Batch) -> None:
        """Batches that are known not to be under way; they are sent again, before anything new."""
        for batch in batches:
            self.in_flight.pop(batch.id, None)
            batch.state = "queued"
            self._queued.append(batch)
        self.ready.extendleft(reversed(batches))

    def put_by(self, batch: Batch) -> None:
        """A second write: an update is sent next, a link waits until every record is there."""
        if batch.second == "update":
            self.queue(batch)
        else:
            self._queued.append(batch)
            self.links.append(batch)

    def ask_for_links(self, batches: Sequence[Batch]) -> None:
        """Second writes that the org has to be asked about first; after that they wait on."""
        for batch in batches:
            self.links.remove(batch)
            self.ready.append(batch)

    def send_again(self, batch: Batch) -> None:
        """A batch in doubt whose repetition settles it."""
        self.ready.appendleft(batch)

    def finish(self, batch: Batch, outcomes: list[Outcome], held_until: float | None = None) -> None:
        """Every row of the batch has its outcome; the keys of rows that moved stay fenced."""
        self.in_flight.pop(batch.id, None)
        self.aside.pop(batch.id, None)
        if batch.closes_circles:
            outcomes = links.linked(batch, outcomes)
        batch.held_until = held_until
        batch.finish(outcomes)
        self._finished.append(batch)
        actions = Counter([outcome.action for outcome in outcomes])
        keys = batch.folded_keys
        if "moved" in actions:
            keys = [
                row.folded
                for row, outcome in zip(batch.rows, outcomes, strict=True)
                if row.folded is not None and lets_go(outcome)
            ]
        if self.seen is not None:
            self.seen.add(
                (row.folded or "", row.line)
                for row, outcome in zip(batch.rows, outcomes, strict=True)
                if outcome.action == "in_doubt" or was_written(outcome)
            )
        self._tell_known(batch.rows, outcomes)
        if self._first_only and self.fence.waiting:
            self._end_waiting(batch, outcomes)
        if held_until is None:
            self._release(keys)
        elif keys:
            self.hold_until(held_until, keys)
        del actions["moved"]
        self._count(batch, actions)

    def _tell_known(self, rows: Sequence[PreparedRow], outcomes: Sequence[Outcome]) -> None:
        if self._known is not None:
            self._known(
                [
                    (row.key, outcome.id)
                    for row, outcome in zip(rows, outcomes, strict=True)
                    if row.key is not None and outcome.id is not None and outcome.action in KNOWN_BY_ID
                ]
            )

    def _end_waiting(self, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        """Rows that wait for a key that was just written need not be sent to be refused."""
        for row, outcome in zip(batch.rows, outcomes, strict=True):
            if row.folded is not None and was_written(outcome):
                for waiting in self.fence.drop(row.folded):
                    self.producer.decided.append((waiting, duplicate_in_source(waiting.key, row.line)))

    def decide(self, row: PreparedRow, outcome: Outcome) -> None:
        """A row ends without a request of its own."""
        self._tell_known([row], [outcome])
        self.producer.decided.append((row, outcome))
        if row.folded is not None:
            self._release([row.folded])

    def _count(self, batch: Batch, actions: Mapping[Action, int]) -> None:
        for action, rows in actions.items():
            self.rows.add(action, rows)
            self.rows.pending -= rows
        self.emit(BatchDone(batch.id, **{str(action): rows for action, rows in actions.items()}))

    # -- keys -------------------------------------------------------------------------------------

    def hold_until(self, until: float, keys: list[str]) -> None:
        """Keep keys fenced: a late original could overwrite a later row."""
        heapq.heappush(self._holds, (until, len(self._holds), keys))

    def release_due(self, now: float) -> None:
        while self._holds and self._holds[0][0] <= now:
            self._release(heapq.heappop(self._holds)[2])

    def _release(self, keys: list[str]) -> None:
        freed = self.fence.release(keys)
        if freed:
            self.producer.free(freed)

    @property
    def over(self) -> bool:
        """Every row has its outcome, and no more are to come; at a limit, links wait for what is behind."""
        return self.producer.over and not (self._under_way or (self.links and not self.producer.limited))

    @property
    def only_links_left(self) -> bool:
        """Every record is there, and what is left are second writes that close circles."""
        over = self.producer.over and not self.producer.limited
        return bool(self.links) and over and not self._under_way

    @property
    def at_rest(self) -> bool:
        """Every row that was read has ended: what comes next may build on it."""
        return self.producer.at_rest and not (self._under_way or (self._holds and self.fence.waiting))

    @property
    def _under_way(self) -> bool:
        return bool(self.in_flight or self.ready or self.parked or self.unrecorded or self.aside)

    @property
    def stuck(self) -> bool:
        """Nothing is under way, nor will be before what was set aside is finished."""
        held = self._holds and self.fence.waiting
        return self.producer.stuck and not (self.in_flight or self.ready or self.parked or held)

    @property
    def next_due(self) -> float | None:
        """When the next parked batch or held key wants attention."""
        times = [batch.due_at for batch in self.parked]
        if self._holds and self.fence.waiting:
            times.append(self._holds[0][0])
        return min(times, default=None)

    def new_outcomes(self) -> Iterator[Sequence[Outcome]]:
        """The outcomes that came up in this turn: of rows that needed no request, then batch by batch."""
        if self.producer.decided:
            yield [outcome for _, outcome in self.producer.decided]
        for batch in self._finished:
            yield batch.outcomes

    # -- the turn ---------------------------------------------------------------------------------

    def commit(self) -> None:
        """Write what this turn changed, in one durable transaction."""
        producer, journal = self.producer, self.journal
        decided = producer.decided
        if not (self._finished or self._intents or self._queued or self._marked or decided):
            return
        if decided:
            self._count_decided(decided)
        with journal.transaction():
            for batch in self._queued:
                journal.put_batch(batch, batch.body)
            for batch in self._intents:
                journal.put_batch(batch, batch.body)
            for batch in self._marked:
                journal.mark_batch(batch)
            for batch in self._finished:
                journal.finish_batch(batch)
            journal.put_decided(decided)
            watermark = self.watermark
            journal.put_fact(
                "progress",
                {"watermark": watermark, "token": producer.token_at(watermark), "rows": self.rows.to_json()},
            )
        producer.decided = []
        self._finished, self._intents, self._queued, self._marked = [], [], [], []

    @property
    def watermark(self) -> int:
        """The highest number up to which every row is recorded, and from which a resume can go on."""
        lowest = [batch.first_row for batch in self.unrecorded.values()]
        if self.producer.lowest_open is not None:
            lowest.append(self.producer.lowest_open)
        return self.producer.resume_from(min(lowest, default=self.producer.position + 1) - 1)

    def _count_decided(self, decided: list[tuple[PreparedRow, Outcome]]) -> None:
        skipped = sum(outcome.action == "skipped" for _, outcome in decided)
        failed = len(decided) - skipped
        self.rows.read += len(decided)
        self.rows.skipped += skipped
        self.rows.failed += failed
        self.emit(RowsDecided(skipped, failed))
