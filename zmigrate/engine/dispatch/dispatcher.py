"""The loop of a record job: take what workers finished, decide what goes next, record both, start workers.

Only the main thread turns the loop: source, transform, journal and display belong to it. Workers talk to
Zoho and do nothing else. An intent to send a batch is recorded when a worker is free to send it, not before:
a batch that waits in the queue is never in doubt.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from zmigrate.engine.dispatch.breaker import Breaker
from zmigrate.engine.dispatch.completion import DOUBTS_IN_A_ROW_MAX, Completions
from zmigrate.engine.dispatch.exchange import Exchange, Task
from zmigrate.engine.dispatch.in_flight import InFlight
from zmigrate.engine.dispatch.org_access import OrgAccess
from zmigrate.engine.model.batch import Batch, BatchState
from zmigrate.events import BatchSent, EventHub, Stopping, Tick
from zmigrate.stopping import StopRequested, StopSignal
from zmigrate.zoho.clock import steady_time
from zmigrate.zoho.workers import Finished, Workers

TICK_S = 0.1
"""The longest wait of a turn, and the shortest time between two ticks of the display."""

PREPARE_S = 0.02
"""The longest time in a turn for making batches. A slow `transform` must not delay the first of them."""

YIELD_S = 0.002
"""While a batch is ready, another one is made only after so many seconds without an answer. Answers come in
groups, and until then the workers need the interpreter more."""

PARKED_MAX = 100
"""Batches in doubt beyond which nothing new is sent until some are settled."""

AHEAD = 2
"""Batches that are made ahead, beyond the calls that may be in flight."""


class Dispatcher:
    """Runs the batches of a record job to their end, or to a stop."""

    def __init__(
        self,
        in_flight: InFlight,
        completions: Completions,
        exchange: Exchange,
        workers: Workers[Batch],
        org: OrgAccess,
        hub: EventHub,
        stop: StopSignal,
        *,
        breaker: Breaker,
        clock: Callable[[], float] = steady_time,
    ) -> None:
        self._in_flight = in_flight
        self._completions = completions
        self._exchange = exchange
        self._workers = workers
        self._org = org
        self._hub = hub
        self._stop = stop
        self._breaker = breaker
        self._clock = clock
        self._ticked_at = 0.0
        self._told_to_stop = False
        self.first_sent_at: float | None = None
        self.last_done_at: float | None = None

    @property
    def stopping(self) -> bool:
        return self._stop.requested or self._completions.failure is not None

    def run(self) -> None:
        """Turn until every row has its outcome or the run is told to stop. Raises the error that ended it."""
        idle = True
        while not self._is_over():
            self._go_on()
            if idle or not self._in_flight.queued:
                self._prepare()
            finished = self._workers.finished(self._patience())
            idle = not finished
            if finished:
                self.last_done_at = self._clock()
            self._take(finished)
            self._in_flight.keys.release_due(self._clock())
            starts = self._choose()
            self._watch_breaker()
            self._in_flight.commit()
            for batch, task in starts:
                self._workers.start(batch, task)
            self._tick()
        self._take(self._workers.finished(0))
        self._in_flight.commit()
        self._hub.emit(self._org.credits())
        if self._completions.failure is not None:
            raise self._completions.failure

    def _take(self, finished: Sequence[Finished[Batch]]) -> None:
        for done in self._exchange.conclude(finished):
            self._completions.take(done)

    def _is_over(self) -> bool:
        in_flight, completions = self._in_flight, self._completions
        if self._stop.aborted:
            return True
        if self.stopping:
            if not self._told_to_stop:
                self._told_to_stop = True
                self._hub.emit(Stopping(self._workers.busy))
            # A failure ends the waits of the other workers, too.
            if completions.failure is not None and not self._stop.requested:
                self._stop.request()
            return self._workers.busy == 0
        if self._workers.busy:
            return False
        if in_flight.is_over or in_flight.is_stuck:
            completions.end_suspects()
        return in_flight.is_over and not in_flight.producer.decided

    def _go_on(self) -> None:
        """Once every row that was read has ended, begin what waited for that: the next level, or the
        references that close circles."""
        in_flight = self._in_flight
        if self.stopping:
            return
        if in_flight.producer.reading.at_gate and in_flight.is_at_rest:
            in_flight.producer.reading.open_gate()
        elif in_flight.only_circles_left:
            self._completions.second_writes.close_circles()

    # -- before a turn: batches ahead of the workers ----------------------------------------------

    def _prepare(self) -> None:
        """Make batches ahead, one for each idle worker and at least one, so that a free worker finds one.

        Their intents then share a transaction: its wait for the disk is the most expensive part of a turn.
        """
        until = self._clock() + PREPARE_S
        while self._prepare_one() and self._in_flight.queued < self._places() and self._clock() < until:
            pass

    def _prepare_one(self) -> bool:
        """Make one batch. False when there is none to make, or no room for it."""
        if self.stopping or not self._has_room_ahead():
            return False
        batch = self._next_batch()
        if batch is None:
            return False
        must_look_up = self._exchange.must_look_up(batch)
        if not must_look_up:
            self._exchange.make_body(batch)
        self._in_flight.add(batch, must_look_up=must_look_up)
        return True

    def _has_room_ahead(self) -> bool:
        ahead = self._org.room.limit(True) + AHEAD
        return self._in_flight.queued < ahead and self._in_flight.parked < PARKED_MAX

    def _next_batch(self) -> Batch | None:
        """The producer's next batch. If the source fails, the run ends once what is in flight is answered."""
        try:
            return self._in_flight.producer.next_batch()
        except StopRequested:
            return None
        except Exception as error:
            self._completions.fail(error)
            return None

    def _patience(self) -> float:
        """How long to wait for a worker, in seconds: not at all while a batch can be sent, or while none is
        queued and one can be made."""
        in_flight = self._in_flight
        if self.stopping:
            return TICK_S
        if in_flight.queued and self._places() > 0:
            return 0.0
        if in_flight.producer.may_read and self._has_room_ahead():
            return YIELD_S if in_flight.queued else 0.0
        due = in_flight.next_due
        return TICK_S if due is None else min(TICK_S, max(0.0, due - self._clock()))

    # -- what goes next ---------------------------------------------------------------------------

    def _places(self) -> int:
        """How many tasks may start now. After many lost answers it is one at a time, until Zoho answers."""
        allowed = self._org.room.limit(True)
        if self._completions.doubts_in_a_row >= DOUBTS_IN_A_ROW_MAX:
            allowed = 1
        return min(allowed, self._workers.count) - self._workers.busy

    def _choose(self) -> list[tuple[Batch, Task]]:
        """The tasks to start, with their intents noted."""
        starts: list[tuple[Batch, Task]] = []
        if self.stopping:
            return starts
        for parked in self._in_flight.due(self._clock()):
            self._completions.come_due(parked)
        places = self._places()
        while len(starts) < places and (batch := self._in_flight.next_queued()) is not None:
            starts.append((batch, self._start(batch)))
        return starts

    def _start(self, batch: Batch) -> Task:
        if batch.state is BatchState.SEARCH_DUE:
            self._in_flight.search(batch)
            return self._exchange.search(batch)
        if batch.state is BatchState.UNRESOLVED:
            self._in_flight.look_up(batch)
            return self._exchange.look_up(batch)
        now = self._clock()
        if self.first_sent_at is None:
            self.first_sent_at = now
        self._in_flight.send(batch, self._org.clock.earliest(now), now)
        self._hub.emit(BatchSent(batch.id, len(batch.rows)))
        return self._exchange.send(batch)

    # -- watching ---------------------------------------------------------------------------------

    def _watch_breaker(self) -> None:
        in_flight = self._in_flight
        decided = in_flight.producer.decided
        if decided:
            # Rows that are refused without a request end before earlier rows that wait for an answer. They
            # count only in front of all such rows: else they are neither the first rows nor in a row.
            lowest = in_flight.lowest_open
            self._breaker.see([outcome for row, outcome in decided if lowest is None or row.number < lowest])
        for outcomes in in_flight.answered():
            self._breaker.see(outcomes)
        if self._breaker.open:
            self._completions.fail(self._breaker.error())

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self._ticked_at >= TICK_S:
            self._ticked_at = now
            org = self._org
            self._hub.emit(org.credits())
            self._hub.emit(
                Tick(self._workers.busy, org.room.limit(True), self._in_flight.parked, org.token_left_s())
            )
        self._hub.deliver()
