"""The batches under way: the state of the loop, which nothing else changes. Main thread only.

Each method that moves a batch is named for what happens to it. What changes during a turn is collected, and
`commit` writes it to the journal in one durable transaction: finished outcomes and next intents together.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence

from zmigrate.engine.dispatch.held_keys import HeldKeys
from zmigrate.engine.model import deferred_links
from zmigrate.engine.model.batch import Batch, BatchState, PreparedRow
from zmigrate.engine.model.outcomes import MOVED, Outcome, RowCounts
from zmigrate.engine.pipeline.producer import Producer
from zmigrate.engine.storage.journal import Journal
from zmigrate.errors import InternalError
from zmigrate.events import BatchDone, Emit, RowsDecided

Watch = Callable[[Sequence[PreparedRow], Sequence[Outcome], Batch | None], None]
"""Takes rows with their outcomes, and the batch in which they were sent; None: without a request."""

QUEUED = frozenset([BatchState.UNRESOLVED, BatchState.READY, BatchState.SEARCH_DUE, BatchState.RESEND_DUE])
"""States of a batch that waits for a worker."""

AT_WORK = frozenset([BatchState.LOOKING_UP, BatchState.IN_FLIGHT, BatchState.SEARCHING])
"""States of a batch that a worker has."""


GONE = frozenset([BatchState.REPLACED, BatchState.FINISHED])
"""States of a batch that has no more to do."""


class InFlight:
    """Keeps every batch that is not finished, and the counts of rows."""

    def __init__(
        self,
        journal: Journal,
        producer: Producer,
        keys: HeldKeys,
        rows: RowCounts,
        emit: Emit,
        watch: Watch | None = None,
    ) -> None:
        """`watch` is told of the rows that have their outcomes."""
        self.journal = journal
        self.producer = producer
        self.keys = keys
        self._rows = rows
        self._emit = emit
        self._watch = watch
        self._count: Counter[BatchState] = Counter()
        self._unfinished: dict[int, Batch] = {}
        self._queue: deque[Batch] = deque()
        """Batches that wait for a worker, the next one first."""
        self._parked: dict[int, Batch] = {}
        self._waiting: dict[int, Batch] = {}
        self._unrecorded: dict[int, Batch] = {}
        """Batches that are not in the journal yet: on resume their rows are read again."""
        self._finished: list[Batch] = []
        self._intents: list[Batch] = []
        self._to_record: list[Batch] = []
        self._doubted: list[Batch] = []

    # -- what happens to a batch ------------------------------------------------------------------

    def add(self, batch: Batch, *, must_look_up: bool = False) -> None:
        """A fresh batch waits for a worker, behind the others."""
        self._move(batch, BatchState.UNRESOLVED if must_look_up else BatchState.READY)
        self._unrecorded[batch.id] = batch
        self._queue.append(batch)

    def look_up(self, batch: Batch) -> None:
        """A worker asks the org for the ids that the batch needs."""
        self._move(batch, BatchState.LOOKING_UP)

    def look_up_again(self, batch: Batch) -> None:
        """The look-up failed, and nothing was written."""
        self._move(batch, BatchState.UNRESOLVED)
        self._queue.appendleft(batch)

    def replace(self, batch: Batch, *batches: Batch, looked_up: bool = True) -> None:
        """Rows of the batch go on in these ones, which are next: their ids were looked up, and they are sent;
        or they are looked up by themselves."""
        self._move(batch, BatchState.REPLACED)
        self._unrecorded.pop(batch.id)
        for each in batches:
            self._move(each, BatchState.READY if looked_up else BatchState.UNRESOLVED)
            self._unrecorded[each.id] = each
        self._queue.extendleft(batches)

    def send(self, batch: Batch, first_intent: float, now: float) -> None:
        """A worker sends the batch as soon as this turn is committed. `first_intent`: on Zoho's clock, at the
        earliest; `now`: on ours."""
        self._move(batch, BatchState.IN_FLIGHT)
        if self._unrecorded.pop(batch.id, None) is not None:
            self._rows.read += len(batch.rows)
            self._rows.pending += len(batch.rows)
        batch.sends += 1
        batch.sent_at = now
        if batch.first_intent is None:
            batch.first_intent = first_intent
        self._intents.append(batch)

    def park(self, batch: Batch, due_at: float) -> None:
        """The batch is in doubt. It is settled no sooner than `due_at` (our clock)."""
        self._move(batch, BatchState.PARKED)
        batch.doubted = True
        batch.due_at = due_at
        self._parked[batch.id] = batch
        self._doubted.append(batch)

    def park_part(self, batch: Batch, part: Batch, due_at: float) -> None:
        """The answer to a batch left some of its rows open. They are in doubt, in a batch of their own, which
        counts as sent when the whole was."""
        self._move(part, BatchState.PARKED)
        part.sent_at = batch.sent_at
        part.doubted = True
        part.due_at = due_at
        self._parked[part.id] = part
        self._to_record.append(part)

    def search_next(self, batch: Batch) -> None:
        """The settling time is over; the next free worker searches the org for the records of the batch."""
        self._move(batch, BatchState.SEARCH_DUE)
        self._queue.appendleft(batch)

    def search(self, batch: Batch) -> None:
        """A worker searches the org for the records of the batch."""
        self._move(batch, BatchState.SEARCHING)

    def resend_next(self, batch: Batch) -> None:
        """The settling time is over; the next free worker sends the batch again, which settles it."""
        self._move(batch, BatchState.RESEND_DUE)
        self._queue.appendleft(batch)

    def set_aside(self, batch: Batch) -> None:
        """Zoho has not applied the batch. It is not sent again before more is known."""
        self._move(batch, BatchState.SET_ASIDE)
        if batch.id not in self._unrecorded:  # a batch that was never sent is read again on resume
            self._to_record.append(batch)

    def queue(self, *batches: Batch) -> None:
        """No request with these batches is under way. They are sent before anything new."""
        for batch in batches:
            self._move(batch, BatchState.READY)
            self._to_record.append(batch)
        self._queue.extendleft(reversed(batches))

    def add_second_write(self, batch: Batch) -> None:
        """An update is sent next. What closes circles waits until every record exists."""
        if batch.second == "update":
            self.queue(batch)
        else:
            self._to_record.append(batch)
            self.wait(batch)

    def wait(self, batch: Batch) -> None:
        """The batch closes circles, and waits until every record exists."""
        self._move(batch, BatchState.WAITING)
        self._waiting[batch.id] = batch

    def leave_links(self) -> None:
        """In a plan with a limit: the rows that wait to close circles count as they are, since what they
        refer to may lie behind the limit."""
        for batch in self.waiting:
            self.finish(batch, [Outcome("updated", row.record["id"]) for row in batch.rows])
        self.commit()

    def look_up_waiting(self, batches: Sequence[Batch]) -> None:
        """The org has to be asked about these batches, which wait; after that they wait on."""
        for batch in batches:
            self._move(batch, BatchState.UNRESOLVED)
            self._queue.append(batch)

    def split(self, batch: Batch, *parts: Batch) -> None:
        """All rows of the batch go on in these parts of it, which are sent next."""
        self.finish(batch, [MOVED] * len(batch.rows))
        self.queue(*parts)

    def finish(self, batch: Batch, outcomes: list[Outcome], held_until: float | None = None) -> None:
        """Every row of the batch has its outcome, or has moved to another batch. `held_until`: its keys stay
        fenced until then (our clock)."""
        self._move(batch, BatchState.FINISHED)
        if batch.closes_circles:
            outcomes = deferred_links.linked(batch, outcomes)
        batch.outcomes = outcomes
        batch.held_until = held_until
        self._finished.append(batch)
        self.keys.end_batch(batch, outcomes, held_until)
        actions = Counter([outcome.action for outcome in outcomes])
        del actions["moved"]
        for action, rows in actions.items():
            self._rows.add(action, rows)
            self._rows.pending -= rows
        self._emit(BatchDone(batch.id, **{str(action): rows for action, rows in actions.items()}))

    def end_row(self, row: PreparedRow, outcome: Outcome) -> None:
        """A row ends without a request of its own."""
        self.producer.decided.append((row, outcome))
        self.keys.end_row(row, outcome)

    def take_up(self, batch: Batch) -> None:
        """A batch that an earlier session left unsent is sent, after those that were taken up before it."""
        self._move(batch, BatchState.READY)
        self._queue.append(batch)

    def _move(self, batch: Batch, state: BatchState) -> None:
        """The one place where a batch changes its state; it leaves the collection of the state it had."""
        before = batch.state
        if not before.may_become(state):
            raise InternalError(f"a batch that is {before.value} can't become {state.value}")
        if before in QUEUED:
            self._queue.remove(batch)  # as a rule it is the first
        elif before is BatchState.PARKED:
            del self._parked[batch.id]
        elif before is BatchState.WAITING:
            del self._waiting[batch.id]
        if state in GONE:
            self._unfinished.pop(batch.id, None)  # an earlier session's batch may end at once
        else:
            self._unfinished[batch.id] = batch
        self._count[before] -= 1
        self._count[state] += 1
        batch.state = state

    # -- questions --------------------------------------------------------------------------------

    @property
    def queued(self) -> int:
        """How many batches wait for a worker."""
        return len(self._queue)

    @property
    def parked(self) -> int:
        """How many batches are in doubt, and wait until their settling time is over."""
        return len(self._parked)

    @property
    def waiting(self) -> list[Batch]:
        """The batches that close circles, and wait until every record exists."""
        return list(self._waiting.values())

    def next_queued(self) -> Batch | None:
        """The batch that the next free worker takes."""
        return self._queue[0] if self._queue else None

    def due(self, now: float) -> list[Batch]:
        """The parked batches whose settling time is over."""
        return [batch for batch in self._parked.values() if batch.due_at <= now]

    @property
    def next_due(self) -> float | None:
        """When the next parked batch or held key needs attention (our clock)."""
        times = [batch.due_at for batch in self._parked.values()]
        if self.keys.next_due is not None:
            times.append(self.keys.next_due)
        return min(times, default=None)

    @property
    def is_over(self) -> bool:
        """Whether every row has its outcome, and no more rows come. At a limit, batches that close circles
        wait for the rows behind it."""
        waits = self._waiting and not self.producer.reading.limited
        return self.producer.over and not (self._is_under_way or waits)

    @property
    def only_circles_left(self) -> bool:
        """Whether every record exists, and only references that close circles are left to be written."""
        all_there = self.producer.over and not self.producer.reading.limited and not self._is_under_way
        return all_there and bool(self._waiting)

    def is_last(self, batch: Batch) -> bool:
        """Whether every row outside this batch has its outcome, or waits to close a circle."""
        others = set(self._unfinished) - set(self._waiting) - {batch.id}
        return self.producer.over and not others

    @property
    def is_at_rest(self) -> bool:
        """Whether every row that was read has ended: the rows that come next may refer to them."""
        return self.producer.at_rest and not (self._is_under_way or self.keys.next_due is not None)

    @property
    def is_stuck(self) -> bool:
        """Whether nothing can go on before the batches that were set aside are finished."""
        return self.producer.stuck and not (self._is_moving or self.keys.next_due is not None)

    @property
    def _is_under_way(self) -> bool:
        return self._is_moving or self._count[BatchState.SET_ASIDE] > 0

    @property
    def _is_moving(self) -> bool:
        return bool(self._queue or self._parked) or any(self._count[state] for state in AT_WORK)

    @property
    def lowest_open(self) -> int | None:
        """The lowest number among rows that were read and have no outcome yet."""
        numbers = [batch.first_row for batch in self._unfinished.values()]
        if self.producer.lowest_open is not None:
            numbers.append(self.producer.lowest_open)
        return min(numbers, default=None)

    def answered(self) -> Iterator[Sequence[Outcome]]:
        """The outcomes of this turn, batch by batch."""
        for batch in self._finished:
            yield batch.outcomes

    # -- the turn ---------------------------------------------------------------------------------

    def commit(self) -> None:
        """Write what this turn changed, in one durable transaction."""
        producer, journal = self.producer, self.journal
        decided = producer.decided
        if not (self._finished or self._intents or self._to_record or self._doubted or decided):
            return
        if decided:
            self._count_decided(decided)
        if self._watch is not None:
            self._watch([row for row, _ in decided], [outcome for _, outcome in decided], None)
            for batch in self._finished:
                self._watch(batch.rows, batch.outcomes, batch)
        with journal.transaction():
            for batch in (*self._to_record, *self._intents):
                journal.put_batch(batch, batch.body)
            for batch in self._doubted:
                journal.mark_batch(batch)
            for batch in self._finished:
                journal.finish_batch(batch)
            journal.put_decided(decided)
            watermark = self._watermark
            journal.put_fact(
                "progress",
                {
                    "watermark": watermark,
                    "token": producer.reading.token_at(watermark),
                    "rows": self._rows.to_json(),
                },
            )
        producer.decided = []
        self._finished, self._intents, self._to_record, self._doubted = [], [], [], []

    @property
    def _watermark(self) -> int:
        """The highest number up to which every row is recorded, and from which a resume can go on."""
        lowest = [batch.first_row for batch in self._unrecorded.values()]
        if self.producer.lowest_open is not None:
            lowest.append(self.producer.lowest_open)
        return self.producer.reading.resume_from(min(lowest, default=self.producer.reading.position + 1) - 1)

    def _count_decided(self, decided: list[tuple[PreparedRow, Outcome]]) -> None:
        actions = Counter([outcome.action for _, outcome in decided])
        self._rows.read += len(decided)
        for action, rows in actions.items():
            self._rows.add(action, rows)
        self._emit(RowsDecided(actions["skipped"], actions["failed"], actions["unchanged"]))
