"""One session of a record job: connects source, fence, journal, workers and loop. It begins with the first
row, or where an earlier session stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from zmigrate.engine.dispatch.breaker import Breaker
from zmigrate.engine.dispatch.completion import Completions
from zmigrate.engine.dispatch.dispatcher import Dispatcher
from zmigrate.engine.dispatch.exchange import Exchange, WithZoho
from zmigrate.engine.dispatch.held_keys import HeldKeys
from zmigrate.engine.dispatch.in_flight import InFlight, Watch
from zmigrate.engine.dispatch.org_access import OrgAccess
from zmigrate.engine.dispatch.sender import Sender
from zmigrate.engine.dispatch.settling import SettlingTime
from zmigrate.engine.model.batch import BATCH_ROWS, BREAKER_ROWS, Batch
from zmigrate.engine.model.outcomes import RunState
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.duplicates import Duplicates
from zmigrate.engine.pipeline.escapes import Escapes
from zmigrate.engine.pipeline.fence import Fence
from zmigrate.engine.pipeline.lookups import Lookups
from zmigrate.engine.pipeline.pipeline import Pipeline
from zmigrate.engine.pipeline.prepare import Preparer
from zmigrate.engine.pipeline.producer import Producer
from zmigrate.engine.pipeline.reading import KnownMarks, Reading
from zmigrate.engine.pipeline.resolver import Resolver
from zmigrate.engine.pipeline.survey import Survey
from zmigrate.engine.runner.recovery import ReadingPoint, Recovery
from zmigrate.engine.storage.id_map import KeyRule
from zmigrate.engine.storage.journal import Journal
from zmigrate.events import EventHub, Log
from zmigrate.job.author_code import hidden
from zmigrate.job.columns import DeclaredColumns
from zmigrate.job.job import RecordJob
from zmigrate.rows.conversion.converter import Converter
from zmigrate.rows.key_slots import RepeatedKeys
from zmigrate.rows.sources import Csv, Excel
from zmigrate.rows.sources.query import record_mark
from zmigrate.stopping import StopSignal
from zmigrate.zoho.clock import steady_time
from zmigrate.zoho.crm import Crm
from zmigrate.zoho.facts.limits import HEAVY_IN_FLIGHT
from zmigrate.zoho.workers import Workers

SPARE_WORKERS = 4
"""Workers beyond the calls that may be in flight: some of them wait for their next attempt."""

REPEATED_KEYS = "repeated_keys"
"""The fact of the journal that keeps `RecordInput.repeated` for a resume."""


@dataclass(frozen=True, slots=True)
class RecordInput:
    """What a record job writes: its rows, how they become records, and where these go."""

    job: RecordJob
    survey: Survey
    converter: Converter
    target: Target
    lookups: Lookups
    crm: Crm
    """Reads the rows of a source that is in the org."""
    transform: Callable[[Mapping[str, Any]], Any] | None = None
    """In place of the job's own."""
    repeated: str | None = None
    """Which keys may come more than once: see `ReadStep`."""


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """The options of one session."""

    settling_time: SettlingTime
    run_began: float = 0.0
    """Epoch seconds on our clock."""
    limit: int | None = None
    keep_going: bool = False
    batch_rows: int = BATCH_ROWS
    watch: Watch | None = None
    """Is told of the rows that have their outcomes."""
    leaves_links: bool = False
    """At a limit nothing waits for the rows behind it: there will be no resume."""


@dataclass(frozen=True, slots=True)
class SessionResult:
    """The result of a session, beside what the journal holds."""

    state: RunState
    """finished, limited or interrupted."""
    seconds: float
    """From the first send to the last outcome."""
    rows: int
    """Rows that got their outcome in this session."""


class RecordSession:
    """Runs one session. `rows`: the run's counts, which go on from the journal's."""

    def __init__(
        self,
        given: RecordInput,
        org: OrgAccess,
        journal: Journal,
        hub: EventHub,
        stop: StopSignal,
        options: SessionOptions,
        *,
        clock: Callable[[], float] = steady_time,
        make_workers: Callable[[int], Workers[Batch]] = Workers,
        make_exchange: Callable[[Sender, Resolver], Exchange] = WithZoho,
    ) -> None:
        self._given = given
        self._target = given.target
        self._org = org
        self._journal = journal
        self._hub = hub
        self._stop = stop
        self._options = options
        self._clock = clock
        self._make_workers = make_workers
        self._make_exchange = make_exchange
        source = given.survey.source
        self.escapes = Escapes(undone=isinstance(source, Csv | Excel) and source.escaped)
        self._reading_point = ReadingPoint(journal, given.survey.source)
        self.rows = self._reading_point.rows
        self._rows_read = self._reading_point.rows_to_read(given.crm)

    def run(self, started_at: float) -> SessionResult:
        """Run to the end, to the limit, or to a stop. `started_at`: when the command began (our clock).

        Raises the error that ended the session early; what was known by then is in the journal.
        """
        target = self._target
        duplicates = None if target.key is None else Duplicates(target, self._repeated_keys())
        workers = self._make_workers(HEAVY_IN_FLIGHT + SPARE_WORKERS)
        try:
            sender = Sender(self._org.wire, target, self._org.user)
            exchange = self._make_exchange(sender, self._given.lookups.resolver)
            in_flight = self._make_in_flight(duplicates)
            completions = Completions(
                in_flight,
                exchange,
                self._options.settling_time,
                self._hub.emit,
                lambda: self._stop.requested,
                self._clock,
            )
            if not self._reading_point.is_fresh:
                self._recover(in_flight, sender, duplicates)
            if target.tells_ours_by_time and not self._nothing_was_there():
                self._leave_the_second(started_at)
            dispatcher = Dispatcher(
                in_flight,
                completions,
                exchange,
                workers,
                self._org,
                self._hub,
                self._stop,
                breaker=Breaker(None if self._options.keep_going else BREAKER_ROWS),
                clock=self._clock,
            )
            before = self.rows.accounted
            try:
                dispatcher.run()
                if self._options.leaves_links and _state(in_flight) == "limited":
                    in_flight.leave_links()
            finally:
                self._warn_of_others(completions)
                self._warn_of_left_out()
                self._warn_of_escapes()
            first, last = dispatcher.first_sent_at, dispatcher.last_done_at
            return SessionResult(
                state=_state(in_flight),
                seconds=last - first if first is not None and last is not None else 0.0,
                rows=self.rows.accounted - before,
            )
        finally:
            workers.close(wait=not self._stop.aborted and workers.busy == 0)
            with suppress(Exception):  # every row that was read is recorded: an error at the end loses none
                self._rows_read.close()
            if duplicates is not None:
                duplicates.close()

    def _repeated_keys(self) -> RepeatedKeys | None:
        """Which keys may come more than once, as the run's first session found out."""
        packed = self._given.repeated
        if not self._reading_point.is_fresh:
            packed = self._journal.fact(REPEATED_KEYS)
        elif packed is not None:
            with self._journal.transaction():
                self._journal.put_fact(REPEATED_KEYS, packed)
        return None if packed is None else RepeatedKeys(packed)

    def _make_in_flight(self, duplicates: Duplicates | None) -> InFlight:
        fence = Fence()
        producer = self._make_producer(fence, duplicates)
        inserts = self._target.operation == "insert"
        keys = HeldKeys(fence, producer, duplicates, self._known(), inserts=inserts)
        return InFlight(self._journal, producer, keys, self.rows, self._hub.emit, self._options.watch)

    def _make_producer(self, fence: Fence, duplicates: Duplicates | None) -> Producer:
        given, source = self._given, self._given.survey.source
        preparer = Preparer(
            given.transform or given.job.transform,
            given.converter,
            given.target,
            self._hub.emit,
            keep_source=not source.stable,
            columns=DeclaredColumns.of(given.job),
            hide=partial(hidden, given.job._secrets),
            escapes=self.escapes,
        )
        recorded, marks = self._reading_point.recorded()
        reading = Reading(
            self._rows_read,
            self._reading_point.cursor,
            recorded=recorded,
            identity=None if source.stable else record_mark,
            known=KnownMarks(marks),
            limit=self._options.limit,
            gates=given.survey.gates,
        )
        return Producer(
            reading,
            Pipeline(
                preparer,
                given.survey,
                given.lookups.resolver,
                duplicates,
                updates_by_id=given.target.operation == "update" and given.target.key == "id",
            ),
            fence,
            batch_id=self._journal.next_batch_id(),
            duplicates=duplicates,
            batch_rows=self._options.batch_rows,
        )

    def _known(self) -> Callable[[list[tuple[str, str]]], None] | None:
        """If rows refer to one another, the id map gets each key as soon as its record exists."""
        if self._given.survey.order is None:
            return None
        rule = KeyRule.of(self._target.to_json())
        return None if rule is None else self._given.lookups.recorder(rule, self._options.run_began)

    def _recover(self, in_flight: InFlight, sender: Sender, duplicates: Duplicates | None) -> None:
        options, now = self._options, self._clock()
        recovery = Recovery(
            self._journal, self._target, self._org.clock, options.settling_time, options.run_began
        )
        recovery.take_up_batches(in_flight, sender, now)
        recovery.take_up_held(in_flight, sender, now)
        if duplicates is not None:
            recovery.take_up_written(duplicates, sender)

    def _warn_of_others(self, completions: Completions) -> None:
        for field, records in completions.found_by_another.items():
            what = f"Zoho found {records:,} rows' records by {field}, and not by {self._target.key}"
            self._hub.emit(Log("warning", f"{what}: they were changed, and have the rows' keys now"))

    def _warn_of_left_out(self) -> None:
        told = self._given.converter.left_out.told
        if told is not None:
            self._hub.emit(Log("warning", told))

    def _warn_of_escapes(self) -> None:
        for told in self.escapes.told():
            where = ", ".join(map(str, told.lines)) + (", …" if told.values > len(told.lines) else "")
            self._hub.emit(Log("warning", f"{told.message} (lines {where})"))

    def _leave_the_second(self, started_at: float) -> None:
        """Wait until Zoho's clock has surely left the second in which the command, or the resume, began.

        `Created_Time` has whole seconds: from here on it shows which records are ours.
        """
        clock = self._org.clock
        began = int(clock.latest(started_at))
        while int(clock.earliest(self._clock())) <= began:
            self._stop.sleep(0.05)

    def _nothing_was_there(self) -> bool:
        keyed = self._target.key_kind != "id"  # else there is no scope to ask, and records exist
        return self._reading_point.is_fresh and keyed and self._org.wire.is_empty(self._target.module)


def _state(in_flight: InFlight) -> RunState:
    """The state of the run after the session. A stop that came when all was done interrupts nothing."""
    if not in_flight.is_over:
        return "interrupted"
    return "limited" if in_flight.producer.reading.limited else "finished"
