"""A wire to the org in memory, workers without threads, a source: what the engine needs to run in a test.

What can go wrong is drawn from one seeded `Random`, so that a run can be told again. Requests may be lost
before or after they were applied, or be applied late: within the settling time, which Zoho is taken to keep
(10 s after a reset or server error, 60 s after a timeout or the end of the process).
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from tests.engine.fake_org import KEY, FakeClock, FakeOrg, fold
from zmigrate.engine.model.batch import Batch, PreparedRow
from zmigrate.engine.model.outcomes import Outcome
from zmigrate.engine.pipeline.resolver import FoundCache, Resolver
from zmigrate.engine.storage.id_map import IdMap
from zmigrate.engine.storage.recorded import RecordedRows
from zmigrate.errors import CreditsSpent, Fatal, InDoubt, Outage, RefusedError, ZmigrateError
from zmigrate.job.formats import Formats
from zmigrate.job.writes import Operation
from zmigrate.reasons import Reason
from zmigrate.rows.cell_texts import CellTexts
from zmigrate.rows.conversion.converter import BadValue
from zmigrate.rows.conversion.left_out import LeftOut
from zmigrate.rows.sources import Cursor, Fingerprint, Row
from zmigrate.stopping import StopRequested, StopSignal
from zmigrate.zoho.answers import Answer, read_done
from zmigrate.zoho.metadata import ModuleFields
from zmigrate.zoho.redaction import Redactor
from zmigrate.zoho.workers import Finished

PLAIN = CellTexts(Formats(), (), ModuleFields("Leads", {}))
"""Cells of result files in no declared format."""

LATE_AFTER_RESET_S = 9.9
LATE_AFTER_TIMEOUT_S = 59.9
TURNS_MAX = 4_000
ROW_FAILS = {"status": "error", "code": "INTERNAL_ERROR", "message": "internal error", "details": {}}


class Killed(BaseException):
    """kill -9, at the moment that was chosen."""


class FakeStop(StopSignal):
    """Sleeps on the fake clock."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def sleep(self, seconds: float) -> None:
        self.check()
        self._clock.advance(seconds)


@dataclass
class Fate:
    """When the process is killed or told to stop, counted in moments; and how much goes wrong on the wire."""

    dice: random.Random
    stop: FakeStop
    trouble: float = 0.0
    kill_at: int | None = None
    stop_at: int | None = None
    abort: bool = False
    moments: int = 0
    on_kill: Callable[[], None] = lambda: None

    def moment(self) -> None:
        self.moments += 1
        if self.moments == self.stop_at:
            self.stop.request()
        if self.abort and self.stop_at is not None and self.moments == self.stop_at + 2:
            self.stop.request()
        if self.moments == self.kill_at:
            self.on_kill()
            raise Killed

    def goes_wrong(self) -> bool:
        return self.dice.random() < self.trouble


TROUBLES = ("lost", "lost", "timeout", "error", "error", "throttled", "throttled", "refused")


class FakeWire:
    """Carries calls to the org as the transport does: repeats what may be repeated, raises what it raises."""

    def __init__(self, org: FakeOrg, clock: FakeClock, fate: Fate) -> None:
        self._org = org
        self._clock = clock
        self._fate = fate
        self.dead = False
        """The process is gone; what it still sends may arrive, and is not answered."""

    def write(
        self,
        module: str,
        operation: Operation,
        content: bytes | None,
        *,
        rows: int,
        repeatable: bool,
        ids: Sequence[str] = (),
        trigger: Sequence[str] = (),
        brief: bool = False,
    ) -> Answer:
        records = orjson.loads(content)["data"] if content is not None else [{"id": name} for name in ids]
        assert len(records) == rows <= 100

        def apply() -> list[dict[str, Any]]:
            return [self._answer_to(operation, record) for record in records]

        kinds = {record.get("Kind") for record in records}
        if self.dead:
            if kinds.isdisjoint(self._org.troublemakers):
                self._clock.later(self._fate.dice.uniform(0, LATE_AFTER_TIMEOUT_S), apply)
            raise Killed
        self._fate.moment()
        kinds &= self._org.troublemakers
        doubted_at: float | None = None
        for attempt in range(1, 8):
            self._take_time(0.5)
            sent_at = self._clock.now
            trouble = self._trouble(kinds, attempt)
            if trouble is None:
                data = apply()
                self._fate.moment()
                body = {"data": data}
                done = (
                    read_done(orjson.dumps(body), rows, Redactor()) if brief and doubted_at is None else None
                )
                whole = body if done is None else None
                return Answer(200, whole, {}, sent_at, sent_at, attempt, doubted_at, done=done)
            if trouble in {"throttled", "refused"}:
                self._refuse(trouble, doubted_at)
                self._take_time(20)
                continue
            error = self._lose(trouble, apply)
            doubted_at = sent_at
            if repeatable:
                error.others_answered = attempt > 3 and error.status is not None
            if not repeatable or (error.others_answered and attempt > 3) or self._fate.stop.requested:
                raise error
            self._take_time(20)
        raise _noted(Outage("nothing but trouble"), doubted_at)

    def _answer_to(self, operation: Operation, record: Mapping[str, Any]) -> dict[str, Any]:
        """One element of `data[]`: for some rows an error of Zoho's own, whether they are applied or not; and
        a record in the way is not always named."""
        fails = self._fate.goes_wrong() and self._fate.dice.random() < 0.3
        if fails and self._fate.dice.random() < 0.5:
            return dict(ROW_FAILS)
        [element] = self._org.apply(operation, [record])
        if fails:
            return dict(ROW_FAILS)
        if element["code"] == "DUPLICATE_DATA" and self._fate.goes_wrong():
            shapes: list[object] = [
                {"api_name": KEY},
                {"id": int(element["details"]["duplicate_record"]["id"])},
            ]
            return {**element, "details": self._fate.dice.choice([*shapes, {}, [], None, "taken"])}
        return element

    def _trouble(self, kinds: set[Any], attempt: int) -> str | None:
        if "poison" in kinds:
            raise Fatal("too large", status=413, code="REQUEST_TOO_LARGE", may_be_one_record=True)
        if "crash" in kinds:
            return "crash"
        return self._fate.dice.choice(TROUBLES) if self._fate.goes_wrong() else None

    def _refuse(self, trouble: str, doubted_at: float | None) -> None:
        """Not applied. A stop ends the waiting; the credits, or the client, may be at an end."""
        if self._fate.stop.requested:
            raise StopRequested if doubted_at is None else InDoubt("not repeated since the run was stopped")
        if trouble == "refused" and self._fate.dice.random() < 0.3:
            raise _noted(self._fate.dice.choice([RefusedError, CreditsSpent])(), doubted_at)

    def _lose(self, trouble: str, apply: Callable[[], Any]) -> InDoubt:
        timed_out = trouble == "timeout"
        if timed_out:
            self._clock.advance(60)
        when = "never" if trouble == "crash" else self._fate.dice.choice(["never", "now", "late"])
        if when == "now":
            apply()
            self._fate.moment()
        elif when == "late":
            longest = LATE_AFTER_TIMEOUT_S if timed_out else LATE_AFTER_RESET_S
            self._clock.later(self._fate.dice.uniform(0, longest), apply)
        status = 500 if trouble in {"error", "crash"} else None
        others = trouble == "crash" or self._fate.dice.random() < 0.5
        return InDoubt(trouble, status=status, timed_out=timed_out, others_answered=others)

    def find(
        self, module: str, field: str, values: Sequence[str | int], extra_fields: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        self._read()
        assert len(values) <= 50
        wanted = {fold(value) for value in values}
        return [dict(record) for record in self._org.records.values() if fold(record.get(field)) in wanted]

    def is_empty(self, module: str) -> bool:
        return not self._org.records

    def records_by_id(
        self, module: str, ids: Sequence[str], fields: Sequence[str] | None
    ) -> dict[str, dict[str, Any]]:
        self._read()
        assert len(ids) <= 100
        return {name: dict(self._org.records[name]) for name in ids if name in self._org.records}

    def _read(self) -> None:
        if self.dead:
            raise Killed
        self._fate.moment()
        self._take_time(0.5)
        if self._fate.goes_wrong():
            if self._fate.stop.requested:
                raise StopRequested
            if self._fate.dice.random() < 0.3:
                raise self._fate.dice.choice([RefusedError, CreditsSpent, Outage])()
            self._take_time(20)

    def _take_time(self, most_s: float) -> None:
        self._clock.advance(self._fate.dice.uniform(0, most_s))


def _noted(error: ZmigrateError, doubted_at: float | None) -> ZmigrateError:
    error.maybe_applied = doubted_at is not None
    return error


@dataclass
class _Task:
    tag: Batch
    run: Callable[[], object]
    begun: bool = False
    done: Finished[Batch] | None = None


class FakeWorkers:
    """`Workers` without threads: the dice say when a task runs, and when what it came to is picked up."""

    def __init__(self, count: int, clock: FakeClock, fate: Fate) -> None:
        self.count = count
        self._clock = clock
        self._fate = fate
        self.tasks: list[_Task] = []
        self._turns = 0

    @property
    def busy(self) -> int:
        return len(self.tasks)

    def start(self, tag: Batch, task: Callable[[], object]) -> None:
        keys = {row.folded for row in tag.rows if row.folded is not None}
        for other in self.tasks:
            assert keys.isdisjoint(row.folded for row in other.tag.rows), "one key in two batches in flight"
        self._fate.moment()
        self.tasks.append(_Task(tag, task))

    def finished(self, wait_s: float) -> list[Finished[Batch]]:
        self._turns += 1
        assert self._turns < TURNS_MAX, "the loop turns, and nothing happens"
        self._fate.moment()
        dice = self._fate.dice
        for task in dice.sample(self.tasks, len(self.tasks)):
            if not task.begun and dice.random() < 0.6:
                task.done = self._run(task)
        picked = [task for task in self.tasks if task.done is not None and dice.random() < 0.6]
        self.tasks = [task for task in self.tasks if task not in picked]
        if not picked:
            self._clock.advance(dice.choice([wait_s, wait_s, 3.0, 20.0]) if wait_s else 0.0)
        return [task.done for task in picked if task.done is not None]

    def _run(self, task: _Task) -> Finished[Batch]:
        task.begun = True
        try:
            return Finished(task.tag, value=task.run())
        except Killed:
            raise
        except BaseException as error:
            return Finished(task.tag, error=error)

    def close(self, *, wait: bool) -> None:
        assert not (wait and self.tasks)

    def leave_behind(self, wire: FakeWire) -> None:
        """The process is gone: requests that were about to be sent, or were, may still be applied."""
        wire.dead = True
        for task in self.tasks:
            if not task.begun and self._fate.dice.random() < 0.6:
                try:
                    task.run()
                except Killed:
                    continue


class FakeConverter:
    """Refuses rows of the kind `bad value`; leaves the others as they are."""

    open = ()
    left_out = LeftOut()

    def convert(self, record: Mapping[str, Any]) -> dict[str, Any]:
        if record["Kind"] == "bad value":
            raise BadValue(Reason("INVALID_DATA", "Value", "not a number", "x"))
        return dict(record)


RESOLVER = Resolver(lambda: IdMap(sqlite3.connect("")), FoundCache(), lambda module: ModuleFields(module, {}))
"""Knows of nothing."""


@dataclass(frozen=True)
class RecordedRow:
    """A row as the journal tells it."""

    number: int
    line: int
    key: str | None
    outcome: Outcome
    source: Mapping[str, Any] | None


def recorded_rows(group: RecordedRows) -> list[RecordedRow]:
    sources = group.sources or [None] * len(group.rows)
    whole = zip(group.rows, group.outcomes, sources, strict=True)
    return [RecordedRow(*row, outcome, source) for row, outcome, source in whole]


class FakeSource:
    """Rows that can be read again; or, not `stable`, a query by id whose rows may be gone the next time."""

    name, columns, scopes = "fake", None, ()

    def __init__(
        self, rows: Sequence[Mapping[str, Any]], stable: bool, gone: Callable[[Mapping[str, Any]], bool]
    ) -> None:
        self._rows = rows
        self.stable = stable
        self._gone = gone

    def rows(self, after: Cursor = Cursor(), crm: object = None) -> Iterator[Row]:  # noqa: B008
        if self.stable:
            for number, values in enumerate(self._rows[after.number :], start=after.number + 1):
                yield Row(number, number + 1, values)
            return
        left = [row for row in self._rows if after.token is None or int(row["id"]) > int(after.token)]
        for number, values in enumerate(self._unless_gone(left), start=after.number + 1):
            yield Row(number, number, values)

    def _unless_gone(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        return (row for row in rows if not self._gone(row))

    def scan(self) -> Fingerprint:
        raise NotImplementedError

    def check(self, fingerprint: Fingerprint) -> None:
        raise NotImplementedError


def row(
    number: int,
    key: str | None = None,
    source: Mapping[str, Any] | None = None,
    others: tuple[str, ...] = (),
) -> PreparedRow:
    """A row on its way, from the line behind its number, as below a header. `others`: see `PreparedRow`."""
    folded = None if key is None else fold(key)
    return PreparedRow(number, number + 1, key, folded, {KEY: key}, source, others=others)
