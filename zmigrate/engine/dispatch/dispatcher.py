"""The loop: pick up what workers finished, decide what goes next, write both down in one transaction, send.

The main thread alone turns it: source, transform, journal and display live here; workers do HTTP and nothing
else. An intent is written when a worker is free to send it, not before: what waits in a queue is never in
doubt.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from zmigrate.engine.dispatch.breaker import Breaker
from zmigrate.engine.dispatch.completion import DOUBTS_IN_A_ROW_MAX, Completions
from zmigrate.engine.dispatch.in_flight import InFlight
from zmigrate.engine.dispatch.sender import Sender
from zmigrate.engine.model.batch import Batch
from zmigrate.engine.pipeline.resolver import Resolver, settled
from zmigrate.engine.storage.recorded import pack_body
from zmigrate.events import BatchSent, Credits, EventHub, Stopping, Tick
from zmigrate.stopping import StopRequested, StopSignal
from zmigrate.zoho.clock import steady_time
from zmigrate.zoho.workers import Workers

TICK_S = 0.1
"""The longest wait of a turn, and the shortest time between two ticks of the display."""

PREPARE_S = 0.02
"""The longest that a turn makes batches; a slow `transform` must not keep the first of them waiting."""

YIELD_S = 0.002
"""With a batch ready, more are made only once no answer has come for so many seconds: answers come in flocks,
and until then the workers need the interpreter more."""

PARKED_MAX = 100
"""Batches in doubt beyond which nothing new is sent until some are settled."""


class Room(Protocol):
    """How many calls may be in flight (zmigrate.zoho.limiter)."""

    def limit(self, heavy: bool) -> int: ...


class Dispatcher:
    """Runs a record job's batches to their end, or to a stop."""

    def __init__(
        self,
        flight: InFlight,
        intake: Completions,
        sender: Sender,
        resolver: Resolver,
        workers: Workers[Batch],
        room: Room,
        hub: EventHub,
        stop: StopSignal,
        *,
        zoho_time: Callable[[float], float],
        token_left_s: Callable[[], float | None] = lambda: None,
        credits: Callable[[], Credits] | None = None,
        breaker: Breaker | None = None,
        clock: Callable[[], float] = steady_time,
    ) -> None:
        self._flight = flight
        self._intake = intake
        self._sender = sender
        self._resolver = resolver
        self._workers = workers
        self._room = room
        self._hub = hub
        self._stop = stop
        self._zoho_time = zoho_time
        self._token_left_s = token_left_s
        self._credits = credits
        self._breaker = breaker or Breaker()
        self._clock = clock
        self._ticked_at = 0.0
        self._told_to_stop = False
        self.first_sent_at: float | None = None
        self.last_done_at: float | None = None

    @property
    def stopping(self) -> bool:
        return self._stop.requested or self._intake.failure is not None

    def run(self) -> None:
        """Turn until every row has its outcome or the run is told to stop. Raises what ended it."""
        idle = True
        while not self._over():
            self._go_on()
            if idle or not self._flight.ready:
                self._prepare()
            finished = self._workers.finished(self._patience())
            idle = not finished
            if finished:
                self.last_done_at = self._clock()
            for done in finished:
                self._intake.take(done)
            self._flight.release_due(self._clock())
            starts = self._choose()
            self._watch_breaker()
            self._flight.commit()
            for batch, task in starts:
                self._workers.start(batch, task)
            self._tick()
        for done in self._workers.finished(0):
            self._intake.take(done)
        self._flight.commit()
        if self._intake.failure is not None:
            raise self._intake.failure

    def _over(self) -> bool:
        if self._stop.aborted:
            return True
        if self.stopping:
            if not self._told_to_stop:
                self._told_to_stop = True
                self._hub.emit(Stopping(self._workers.busy))
            # A failure ends the waits of other workers, too.
            if self._intake.failure is not None and not self._stop.requested:
                self._stop.request()
            return self._workers.busy == 0
        if self._workers.busy:
            return False
        if self._flight.over or self._flight.stuck:
            self._intake.clear_suspects()
        return self._flight.over and not self._flight.producer.decided

    def _go_on(self) -> None:
        """Where all that was read has ended, what waited for it may begin: the next level, the links."""
        flight = self._flight
        if self.stopping:
            return
        if flight.producer.at_gate and flight.at_rest:
            flight.producer.open_gate()
        elif flight.only_links_left:
            self._intake.second_writes.close_circles()

    # -- before a turn: batches ahead of the workers ----------------------------------------------

    def _prepare(self) -> None:
        """Make a batch ahead, so that a worker that comes free finds one; where several wait, one for each.

        Their intents then share a transaction, whose wait for the disk is what a turn costs most.
        """
        until = self._clock() + PREPARE_S
        while self._prepare_one() and len(self._flight.ready) < self._places() and self._clock() < until:
            pass

    def _prepare_one(self) -> bool:
        """Make one batch; False when there is none to make, or no room for it."""
        flight = self._flight
        ahead = self._room.limit(True) + 2
        if self.stopping or len(flight.ready) >= ahead or len(flight.parked) >= PARKED_MAX:
            return False
        batch = self._next_batch()
        if batch is None:
            return False
        if not self._must_ask(batch):
            batch.body = self._sender.body(batch)
            batch.packed_body = pack_body(batch.body)  # now, and not while a worker waits for the commit
            _ = batch.packed_rows
        flight.give_out(batch)
        flight.ready.append(batch)
        return True

    def _next_batch(self) -> Batch | None:
        """The producer's next; where its source fails, what is in flight is still waited for."""
        try:
            return self._flight.producer.next_batch()
        except StopRequested:
            return None
        except Exception as error:
            self._intake.fail(error)
            return None

    def _patience(self) -> float:
        """How long to wait for a worker: not at all while there is something to send, or nothing ready."""
        flight = self._flight
        if self.stopping:
            return TICK_S
        producer = flight.producer
        can_prepare = (
            not producer.exhausted
            and not producer.at_gate
            and not flight.fence.full
            and len(flight.ready) < self._room.limit(True) + 2
        )
        if flight.ready and self._places() > 0:
            return 0.0
        if can_prepare and len(flight.parked) < PARKED_MAX:
            return YIELD_S if flight.ready else 0.0
        due = flight.next_due
        return TICK_S if due is None else min(TICK_S, max(0.0, due - self._clock()))

    # -- what goes next ---------------------------------------------------------------------------

    def _places(self) -> int:
        """How many tasks may start now. After many lost answers one at a time, until Zoho answers again."""
        allowed = self._room.limit(True)
        if self._intake.doubts_in_a_row >= DOUBTS_IN_A_ROW_MAX:
            allowed = 1
        return min(allowed, self._workers.count) - self._workers.busy

    def _choose(self) -> list[tuple[Batch, Callable[[], object]]]:
        """The tasks to start, with their intents noted."""
        starts: list[tuple[Batch, Callable[[], object]]] = []
        if self.stopping:
            return starts
        self._settle_due()
        places = self._places()
        flight = self._flight
        while flight.ready and len(starts) < places:
            starts.append(self._start(flight.ready.popleft()))
        return starts

    def _settle_due(self) -> None:
        now = self._clock()
        for batch in [batch for batch in self._flight.parked if batch.due_at <= now]:
            self._flight.parked.remove(batch)
            self._intake.come_due(batch)

    def _start(self, batch: Batch) -> tuple[Batch, Callable[[], object]]:
        flight, sender = self._flight, self._sender
        if batch.searching:
            flight.in_flight[batch.id] = batch
            return batch, lambda: sender.search(batch)
        if self._must_ask(batch):
            flight.in_flight[batch.id] = batch
            wanted = self._resolver.wanted(batch.rows)
            return batch, lambda: sender.look_up(batch, wanted)
        now = self._clock()
        if self.first_sent_at is None:
            self.first_sent_at = now
        flight.intend(batch, self._zoho_time(now), now)
        self._hub.emit(BatchSent(batch.id, len(batch.rows)))
        return batch, lambda: sender.send(batch)

    def _must_ask(self, batch: Batch) -> bool:
        """Whether the org has to be asked about a batch before it can be written."""
        if batch.links_wait:
            return True  # what is sent is cut from it
        if batch.state != "queued" or batch.second is not None:
            return False
        target = self._sender.target
        if (target.looked_up or target.asks_first) and not batch.resolved:
            return True
        return batch.has_open and not all(map(settled, batch.rows))

    # -- watching ---------------------------------------------------------------------------------

    def _watch_breaker(self) -> None:
        for outcomes in self._flight.new_outcomes():
            self._breaker.see(outcomes)
        if self._breaker.open:
            self._intake.fail(self._breaker.error())

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self._ticked_at >= TICK_S:
            self._ticked_at = now
            if self._credits is not None:
                self._hub.emit(self._credits())
            self._hub.emit(
                Tick(
                    self._workers.busy, self._room.limit(True), len(self._flight.parked), self._token_left_s()
                )
            )
        self._hub.deliver()
