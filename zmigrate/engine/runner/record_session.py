"""One session of a record job: puts source, fence, journal, workers and loop together, from the start or from
where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zmigrate.engine.dispatch.breaker import Breaker
from zmigrate.engine.dispatch.completion import Completions
from zmigrate.engine.dispatch.dispatcher import Dispatcher
from zmigrate.engine.dispatch.in_flight import InFlight
from zmigrate.engine.dispatch.sender import Sender
from zmigrate.engine.dispatch.settling import SettlingTime, in_doubt
from zmigrate.engine.model import deferred_links as links
from zmigrate.engine.model.batch import BATCH_ROWS, BREAKER_ROWS, Batch
from zmigrate.engine.model.outcomes import Rows, RunState, was_written
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.duplicates import SeenKeys, SharedValues
from zmigrate.engine.pipeline.fence import Fence
from zmigrate.engine.pipeline.lookups import Lookups
from zmigrate.engine.pipeline.pipeline import Pipeline
from zmigrate.engine.pipeline.prepare import Preparer
from zmigrate.engine.pipeline.producer import KnownMarks, Producer
from zmigrate.engine.pipeline.survey import Survey
from zmigrate.engine.storage.id_map import KeyRule
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.sent_records import rows_sent
from zmigrate.events import Credits, EventHub, Log
from zmigrate.job.job import DeclaredColumns, RecordJob
from zmigrate.rows.conversion.converter import Converter
from zmigrate.rows.sources import Cursor, Row
from zmigrate.stopping import StopSignal
from zmigrate.zoho.clock import steady_time
from zmigrate.zoho.facts.limits import HEAVY_IN_FLIGHT
from zmigrate.zoho.workers import Workers

if TYPE_CHECKING:
    from zmigrate.zoho.connection import Connection

SPARE_WORKERS = 4
"""Workers beyond the calls that may be in flight: some wait for their next try."""

DATED_S = 1.0
"""A run that goes on began earlier than this; one that seems not to was dated ahead of the clock."""


@dataclass(frozen=True, slots=True)
class SessionResult:
    """What a session came to, beside what the journal holds."""

    state: RunState
    """finished, limited or interrupted."""
    seconds: float
    """From the first send to the last outcome."""
    rows: int
    """Rows that got their outcome in this session."""


class RecordRun:
    """Wires a session up. `rows` counts on from where the journal stands; `user` is the id of the user that
    the token acts as, where it could be asked for.
    """

    def __init__(
        self,
        job: RecordJob,
        survey: Survey,
        target: Target,
        converter: Converter,
        lookups: Lookups,
        connection: Connection,
        journal: Journal,
        hub: EventHub,
        stop: StopSignal,
        *,
        settling: SettlingTime,
        run_began: float = 0.0,
        user: str | None = None,
        limit: int | None = None,
        keep_going: bool = False,
        batch_rows: int = BATCH_ROWS,
        clock: Callable[[], float] = steady_time,
        make_workers: Callable[[int], Workers[Batch]] = Workers,
    ) -> None:
        source = survey.source
        self._source = source
        self._survey = survey
        self._lookups = lookups
        self._run_began = run_began
        self._target = target
        self._connection = connection
        self._journal = journal
        self._hub = hub
        self._stop = stop
        self._settling = settling
        self._keep_going = keep_going
        self._batch_rows = batch_rows
        self._clock = clock
        self._make_workers = make_workers
        progress = journal.fact("progress") or {}
        self.rows = Rows(**progress.get("rows", {}))
        self._cursor = Cursor(progress.get("watermark", 0), progress.get("token"))
        self._fresh = not progress
        self._limit = limit
        self._sender = Sender(connection.crm, target, user)
        preparer = Preparer(
            job.transform,
            converter,
            target,
            hub.emit,
            keep_source=not source.stable,
            columns=DeclaredColumns.of(job),
        )
        self._shared = SharedValues(target.others, target.key or "") if target.others else None
        self._prepare = Pipeline(preparer, survey, lookups.resolver, self._shared)
        self._rows_read = self._numbered()

    def run(self, started_at: float) -> SessionResult:
        """Run to the end, to the limit, or to a stop. `started_at`: when the command began (our clock).

        Raises what ended the session early; what was known by then is in the journal.
        """
        first_only = self._target.operation == "insert" and self._target.on_repeated == "first"
        seen = SeenKeys() if first_only and self._target.key_kind == "plain" else None
        workers = self._make_workers(HEAVY_IN_FLIGHT + SPARE_WORKERS)
        try:
            flight, intake = self._assemble(seen)
            if self._target.tells_ours_by_time and not self._nothing_was_there():
                self._leave_the_second(started_at)
            dispatcher = Dispatcher(
                flight,
                intake,
                self._sender,
                self._lookups.resolver,
                workers,
                self._connection.limiter,
                self._hub,
                self._stop,
                zoho_time=self._connection.clock.earliest,
                token_left_s=self._connection.tokens.left_s,
                credits=lambda: Credits(self._connection.credits.used, self._connection.credits.left()),
                breaker=Breaker(None if self._keep_going else BREAKER_ROWS),
                clock=self._clock,
            )
            before = self.rows.accounted
            try:
                dispatcher.run()
            finally:
                self._warn_of_others(intake)
            first, last = dispatcher.first_sent_at, dispatcher.last_done_at
            return SessionResult(
                state=_state(flight),
                seconds=last - first if first is not None and last is not None else 0.0,
                rows=self.rows.accounted - before,
            )
        finally:
            workers.close(wait=not self._stop.aborted and workers.busy == 0)
            with suppress(Exception):  # every row that was read is recorded: what its end says is no loss
                self._rows_read.close()
            for keys in (seen, self._shared):
                if keys is not None:
                    keys.close()

    def _assemble(self, seen: SeenKeys | None) -> tuple[InFlight, Completions]:
        fence = Fence()
        recorded, marks = self._recorded()
        producer = Producer(
            self._rows_read,
            self._prepare,
            fence,
            batch_id=self._journal.next_batch_id(),
            position=self._cursor.number,
            token=self._cursor.token,
            recorded=recorded,
            known=KnownMarks(marks),
            identity=None if self._source.stable else self._source.identity,
            seen=seen,
            limit=self._limit,
            batch_rows=self._batch_rows,
            gates=self._survey.gates,
        )
        target = self._target
        flight = InFlight(
            self._journal,
            fence,
            producer,
            self.rows,
            self._hub.emit,
            seen,
            self._known(),
            first_only=target.operation == "insert" and target.on_repeated == "first",
        )
        intake = Completions(
            flight,
            self._sender,
            self._lookups.resolver,
            self._settling,
            self._hub.emit,
            lambda: self._stop.requested,
            self._clock,
        )
        if not self._fresh:
            self._take_up(flight, seen)
        return flight, intake

    def _known(self) -> Callable[[list[tuple[str, str]]], None] | None:
        """Where rows refer to one another, the id map learns each key as soon as its record is there."""
        if self._survey.order is None:
            return None
        rule = KeyRule.of(self._target.to_json())
        return None if rule is None else self._lookups.recorder(rule, self._run_began)

    # -- going on where an earlier session stopped ------------------------------------------------

    def _take_up(self, flight: InFlight, seen: SeenKeys | None) -> None:
        """Batches that were under way, keys on hold, keys that were created."""
        fold, now = self._target.fold, self._clock()
        for batch in self._journal.open_batches(self._sender.records):
            if batch.closes_circles:
                batch.rows = [links.reopened(row) for row in batch.rows]
            else:
                batch.rows = [
                    row._replace(folded=None if row.key is None else fold(row.key)) for row in batch.rows
                ]
            if batch.links_wait:
                flight.links.append(batch)
                continue
            batch.resolved = True
            batch.body = self._sender.body(batch)
            flight.fence.hold(batch.folded_keys)
            if batch.state == "queued":
                flight.ready.append(batch)
            elif self._sender.target_of(batch).recovery == "report":
                flight.finish(
                    batch,
                    in_doubt(
                        batch, "the run stopped before the answer came, and there is no key to look for"
                    ),
                )
            elif not self._dated(batch, now):
                why = (
                    "the journal dates its request ahead of the clock: its records can't be told from others"
                )
                flight.finish(batch, in_doubt(batch, why))
            else:
                flight.park(batch, self._due(batch, now))
        for keys, until in self._journal.held_keys(now):
            folded = [fold(key) for key in keys]
            flight.fence.hold(folded)
            # Were the clock set back meanwhile, they would be held for longer than any request can be late.
            flight.hold_until(min(until, now + self._settling.longest), folded)
        if self._shared is not None:
            sent = rows_sent(self._journal, self._shared.names)
            self._shared.take_up((line, fold(key), record) for line, key, record in sent)
        if seen is not None:
            seen.add(
                (fold(key), line)
                for (_, line, key), outcome in self._journal.ended()
                if key is not None and (outcome.action == "in_doubt" or was_written(outcome))
            )

    def _dated(self, batch: Batch, now: float) -> bool:
        """Whether it is known from when on a batch's records can be there. A time ahead of Zoho's clock tells
        no more than that they were sent after the run began; and if that is dated ahead too, nothing.
        """
        clock = self._connection.clock
        repeats = self._sender.target_of(batch).recovery == "repeat"
        if repeats or batch.first_intent is None or batch.first_intent <= clock.latest(now):
            return True
        batch.first_intent = clock.earliest(self._run_began)
        return now - self._run_began >= DATED_S

    def _due(self, batch: Batch, now: float) -> float:
        """When a request of a process that is gone can be settled; at once where repeating is safe.

        Counted from now: the process may have waited for a token, or been throttled, for long after the
        intent, and have sent the request just before it ended.
        """
        if self._sender.target_of(batch).recovery == "repeat" or batch.sent_at is None:
            return now
        return now + self._settling.longest

    def _recorded(self) -> tuple[Callable[[Row], bool] | None, set[str]]:
        """What tells the rows beyond the cursor that are in the journal already; and their ids, where the
        source has them.
        """
        if self._fresh:
            return None, set()
        numbers: set[int] = set()
        marks: set[str] = set()
        for number, values in self._journal.recorded_after(self._cursor.number):
            numbers.add(number)
            if values is not None:
                mark = self._source.identity(Row(number, number, values))
                if mark is not None:
                    marks.add(mark)
        if self._source.stable:
            return lambda row: row.number in numbers, marks
        return lambda row: self._source.identity(row) in marks, marks

    def _numbered(self) -> Generator[Row, None, None]:
        """The source's rows behind the cursor. A source that can't be read again goes on behind the highest
        number given out.
        """
        rows = self._source.rows(self._cursor, self._connection.crm)
        if self._source.stable or self._fresh:
            yield from rows
            return
        highest = max(
            (number for number, _ in self._journal.recorded_after(self._cursor.number)),
            default=self._cursor.number,
        )
        for number, row in enumerate(rows, start=highest + 1):
            yield row._replace(number=number, line=number)

    def _warn_of_others(self, intake: Completions) -> None:
        for field, records in intake.found_by_another.items():
            what = f"Zoho found {records:,} rows' records by {field}, and not by {self._target.key}"
            self._hub.emit(Log("warning", f"{what}: they were changed, and have the rows' keys now"))

    # -- small things -----------------------------------------------------------------------------

    def _leave_the_second(self, started_at: float) -> None:
        """Wait until Zoho's clock has surely left the second in which the command, or the resume, began.

        `Created_Time` has whole seconds: from here on it tells our records from those that were there before.
        """
        clock = self._connection.clock
        began = int(clock.latest(started_at))
        while int(clock.earliest(self._clock())) <= began:
            self._stop.sleep(0.05)

    def _nothing_was_there(self) -> bool:
        keyed = self._target.key_kind != "id"  # else there is no scope to ask, and there is something
        return self._fresh and keyed and self._connection.crm.is_empty(self._target.module)


def _state(flight: InFlight) -> RunState:
    """A stop that came when all was done interrupts nothing."""
    if not flight.over:
        return "interrupted"
    return "limited" if flight.producer.limited else "finished"
