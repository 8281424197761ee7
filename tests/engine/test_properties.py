"""What must hold whatever the rows, the answers, the faults and the moments at which a run is stopped or
killed.

A run is told by a scenario: rows, what is in the org beforehand, and sessions that end where they end; the
last ones are left in peace. It goes through the real engine (source, fence, journal, loop, settling), with an
org in memory, a fake clock, and workers whose order the dice choose.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.fake_org import KEY, SOMEBODY_ELSE, US, FakeClock, FakeOrg, fold
from tests.engine.fakes import (
    PLAIN,
    RESOLVER,
    FakeConverter,
    FakeSource,
    FakeStop,
    FakeWire,
    FakeWorkers,
    Fate,
    RecordedRow,
    recorded_rows,
)
from tests.support import read_rows, thorough
from zmigrate import Skip
from zmigrate.engine.dispatch.org_access import OrgAccess
from zmigrate.engine.dispatch.settling import SettlingTime
from zmigrate.engine.model.outcomes import RowCounts
from zmigrate.engine.model.target import KeyKind, Target
from zmigrate.engine.pipeline.survey import Survey
from zmigrate.engine.runner.record_session import RecordInput, RecordSession, SessionOptions
from zmigrate.engine.storage.accounting import check_counts, count_rows
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.result_files import pieces_of, write_results
from zmigrate.errors import ApiError, PausedError, RefusedError
from zmigrate.events import Credits, EventHub
from zmigrate.job.writes import Operation
from zmigrate.zoho.redaction import Redactor

TARGETS: list[tuple[Operation, KeyKind]] = [
    ("insert", "unique"),
    ("insert", "plain"),
    ("insert", "none"),
    ("upsert", "unique"),
    ("upsert", "plain"),
    ("update", "id"),
    ("update", "plain"),
    ("delete", "id"),
    ("delete", "unique"),
]
KINDS = ["ok"] * 14 + ["refused", "refused", "skip", "bad value", "poison", "crash"]
QUIET_SESSIONS_MAX = 30


@dataclass(frozen=True)
class Plan:
    """How one session goes."""

    trouble: float = 0.0
    kill_at: int | None = None
    stop_at: int | None = None
    abort: bool = False
    limit: int | None = None
    pause_s: float = 0.0
    """Before the session."""
    seed: int | None = None
    """The number of a key that the same user creates by hand, right before the session."""


@dataclass(frozen=True)
class Scenario:
    rows: list[tuple[int, bool, str]]
    """Number of the key, whether it is in upper case, kind."""
    seeds: list[tuple[int, str, float]]
    """In the org beforehand: number of the key, creator, seconds ago."""
    plans: list[Plan]
    stable: bool
    batch_rows: int
    seed: int


moments = st.one_of(st.none(), st.integers(1, 60))
plans = st.builds(
    Plan,
    trouble=st.sampled_from([0.0, 0.1, 0.3, 0.6]),
    kill_at=moments,
    stop_at=moments,
    abort=st.booleans(),
    limit=st.one_of(st.none(), st.none(), st.integers(1, 10)),
    pause_s=st.sampled_from([0.0, 0.0, 1.0, 30.0, 10_000.0]),
    seed=st.one_of(st.none(), st.none(), st.integers(0, 9)),
)
scenarios = st.builds(
    Scenario,
    rows=st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.sampled_from(KINDS)), max_size=24),
    seeds=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from([US, SOMEBODY_ELSE]), st.sampled_from([0.0, 9_999.0])),
        max_size=4,
    ),
    plans=st.lists(plans, max_size=4),
    stable=st.booleans(),
    batch_rows=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
)


@dataclass
class Lab:
    """One run: its org, its journal, and its sessions one after another."""

    operation: Operation
    key_kind: KeyKind
    scenario: Scenario
    folder: RunFolder
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.scenario.seed)
        self.org = FakeOrg(self.clock, self.key_kind == "unique")
        key = {"none": None, "id": "id"}.get(self.key_kind, KEY)
        self.target = Target("Leads", self.operation, key, self.key_kind, fold)
        self.seeded = [self.org.seed(f"k{key}", who, ago) for key, who, ago in self._seeds()]
        self.rows = [self._row(n, *row) for n, row in enumerate(self.scenario.rows, start=1)]
        self.source = FakeSource(self.rows, self.scenario.stable, self._gone)

    def _seeds(self) -> Iterator[tuple[int, str, float]]:
        if self.key_kind == "id":
            return iter([(n, US, 99.0) for n in range(10)])
        seeds = self.scenario.seeds
        if self.key_kind == "unique":
            seeds = list({key: (key, who, ago) for key, who, ago in seeds}.values())
        # Created_Time has whole seconds; the run leaves the second of its start where it matters most.
        return ((key, who, ago if self.target.recovery == "query" else ago + 2) for key, who, ago in seeds)

    def _row(self, n: int, key: int, upper: bool, kind: str) -> dict[str, Any]:
        row = {"id": str(1_000 + n), "Row": n, "Kind": kind, KEY: f"K{key}" if upper else f"k{key}"}
        if self.key_kind == "id":
            row |= {"id": self.seeded[key], "Source": n}
        return row

    def _gone(self, row: Mapping[str, Any]) -> bool:
        """A backfill's condition: what was updated is not found again."""
        return self.operation == "update" and any(applied == row["Row"] for applied, _ in self.org.applied)

    def transform(self, values: dict[str, Any]) -> dict[str, Any]:
        if values["Kind"] == "skip":
            raise Skip("not wanted")
        left_out = {"insert": {"id"}, "upsert": {"id"}}.get(self.operation, set())
        if self.key_kind in {"plain", "unique"}:
            left_out = {"id"}
        return {name: value for name, value in values.items() if name not in left_out}

    # -- sessions ---------------------------------------------------------------------------------

    def run(self) -> None:
        """All sessions of the scenario, then quiet ones until the run is finished."""
        for plan in self.scenario.plans:
            if self.session(plan) == "finished":
                return
        for _ in range(QUIET_SESSIONS_MAX):
            if self.session(Plan()) == "finished":
                return
            self.org.troublemakers.discard("poison")
        raise AssertionError("left in peace, and still not finished")

    def _create_by_hand(self, key: str) -> None:
        """By the same user. Once the run has sent a key, nothing can tell such a record from its own."""
        begun = self.recorded() if self.folder.journal.exists() else ()
        if not any(fold(row[KEY]) == key and row["Row"] in begun for row in self.rows):
            self.org.seed(key, US)

    def session(self, plan: Plan) -> str:
        self.clock.advance(plan.pause_s)
        if plan.seed is not None and self.target.recovery == "query":
            self._create_by_hand(f"k{plan.seed}")
        path = self.folder.journal
        journal = Journal.open(path) if path.exists() else Journal.create(path)
        stop = FakeStop(self.clock)
        fate = Fate(self.dice, stop, plan.trouble, plan.kill_at, plan.stop_at, plan.abort)
        fate.on_kill = journal.close
        wire = FakeWire(self.org, self.clock, fate)
        crew: list[FakeWorkers] = []

        def make_workers(count: int) -> FakeWorkers:
            crew.append(FakeWorkers(count, self.clock, fate))
            return crew[0]

        org = OrgAccess(
            wire=wire,  # type: ignore[arg-type]
            room=SimpleNamespace(limit=lambda heavy: 4),
            clock=self.clock,
            token_left_s=lambda: None,
            credits=lambda: Credits(0, None),
            user=US,
        )
        given = RecordInput(
            job=SimpleNamespace(  # type: ignore[arg-type]
                transform=self.transform, _transforms_by_columns=False, _secrets=Redactor()
            ),
            survey=Survey(self.source),
            converter=FakeConverter(),  # type: ignore[arg-type]
            target=self.target,
            lookups=SimpleNamespace(resolver=RESOLVER),  # type: ignore[arg-type]
            crm=wire,  # type: ignore[arg-type]
        )
        run = RecordSession(
            given,
            org,
            journal,
            EventHub(),
            stop,
            SessionOptions(SettlingTime(), limit=plan.limit, batch_rows=self.scenario.batch_rows),
            clock=self.clock,
            make_workers=make_workers,  # type: ignore[arg-type]
        )
        state = "broken"
        try:
            state = run.run(self.clock.now).state
        except (PausedError, RefusedError, ApiError):
            state = "paused"
        except BaseException:
            if plan.kill_at is None or fate.moments < plan.kill_at:
                raise
            state = "killed"
        journal.close()
        crew[0].leave_behind(wire)
        self.check(state)
        return state

    # -- what must hold after every session -------------------------------------------------------

    def check(self, state: str) -> None:
        journal = Journal.open(self.folder.journal)
        try:
            progress = journal.fact("progress") or {"rows": {}, "watermark": 0, "token": None}
            total = len(self.rows) if self.scenario.stable else None
            check_counts(
                count_rows(journal), RowCounts(**progress["rows"]), finished=state == "finished", total=total
            )
        finally:
            journal.close()
        recorded = self.recorded()
        assert max(recorded.values(), default=1) == 1, "a row is in two batches"
        if self.scenario.stable:
            assert set(range(1, progress["watermark"] + 1)) <= recorded.keys()
        elif progress["token"] is not None:
            behind = {row["Row"] for row in self.rows if int(row["id"]) <= int(progress["token"])}
            assert behind <= recorded.keys()

    def recorded(self) -> Counter[int]:
        """How often each row stands in the journal, but for those that moved on to another batch."""
        db = sqlite3.connect(self.folder.journal)
        found: Counter[int] = Counter()
        for rows, source, outcomes in db.execute(
            "SELECT rows, source, outcomes FROM content LEFT JOIN outcome USING (batch)"
        ):
            kept = orjson.loads(zlib.decompress(source)) if source else None
            for index, (number, _, _) in enumerate(orjson.loads(rows)):
                if outcomes is None or orjson.loads(outcomes)[index][0] != "moved":
                    found[kept[index]["Row"] if kept else number] += 1
        for number, source in db.execute("SELECT number, source FROM decided"):
            found[orjson.loads(zlib.decompress(source))["Row"] if source else number] += 1
        db.close()
        return found

    def outcomes(self) -> dict[int, RecordedRow]:
        journal = Journal.open(self.folder.journal)
        found = [recorded for group in journal.groups() for recorded in recorded_rows(group)]
        journal.close()
        return {
            recorded.source["Row"] if recorded.source else recorded.number: recorded for recorded in found
        }

    # -- what must hold in the end ----------------------------------------------------------------

    def check_the_end(self) -> None:
        self.clock.advance(1_000)
        outcomes = self.outcomes()
        assert sorted(outcomes) == [row["Row"] for row in self.rows]
        created: dict[int, list[str]] = {}
        for n, record_id in self.org.creates:
            created.setdefault(n, []).append(record_id)
        assert all(len(ids) == 1 for ids in created.values()), "a row was created twice"
        if self.operation == "delete":
            self.check_deletes(outcomes)
        else:
            for n, recorded in outcomes.items():
                self.check_write(n, recorded, created.get(n, []))
        if self.target.key == KEY:
            self.check_keys(created)
        self.check_order()

    def check_write(self, n: int, recorded: RecordedRow, created: list[str]) -> None:
        action, record_id = recorded.outcome.action, recorded.outcome.id
        applied = [found for row, found in self.org.applied if row == n]
        if action == "created":
            assert created == [record_id]
        elif action == "updated":
            assert not created
            assert record_id in applied
        elif action in {"failed", "skipped"}:
            assert not applied
        else:
            assert action == "in_doubt"

    def check_deletes(self, outcomes: dict[int, RecordedRow]) -> None:
        deleted = {
            recorded.outcome.id for recorded in outcomes.values() if recorded.outcome.action == "deleted"
        }
        doubtful = any(recorded.outcome.action == "in_doubt" for recorded in outcomes.values())
        assert deleted <= set(self.org.deletes)
        assert doubtful or deleted == set(self.org.deletes)

    def check_keys(self, created: dict[int, list[str]]) -> None:
        """However often a key stands in the source, the run creates one record of it. Of an insert on a key
        that is not unique, another spelling is another key.
        """
        plain = self.operation == "insert" and self.key_kind == "plain"
        same = self.target.match if plain else fold
        key_of = {row["Row"]: same(row[KEY]) for row in self.rows}
        per_key = Counter(key_of[n] for n in created)
        assert max(per_key.values(), default=1) == 1

    def check_order(self) -> None:
        """What was applied to one record came in source order; a row may have come several times."""
        latest: dict[str, int] = {}
        for n, record_id in self.org.applied:
            assert n >= latest.get(record_id, 0), "an earlier row overwrote a later one"
            latest[record_id] = n

    def check_files(self) -> None:
        """The result files hold every row once."""
        journal = Journal.open(self.folder.journal)
        files = write_results(self.folder, journal, ["Row"], pieces_of(self.source), PLAIN)
        journal.close()
        listed = [(int(row["Row"]), name) for name, path in files.items() for row in read_rows(path)]
        home = {"skipped": "skipped", "failed": "errors", "in_doubt": "in_doubt"}
        expected = [
            (n, home.get(recorded.outcome.action, "success")) for n, recorded in self.outcomes().items()
        ]
        assert sorted(listed) == sorted(expected)


@contextmanager
def lab(operation: Operation, key_kind: KeyKind, scenario: Scenario) -> Iterator[Lab]:
    if key_kind == "id" and not scenario.stable:  # a query gives every record once, in the order of ids
        unique = {key: (key, upper, kind) for key, upper, kind in scenario.rows}
        scenario = Scenario(**{**vars(scenario), "rows": [unique[key] for key in sorted(unique)]})
    with tempfile.TemporaryDirectory() as place:
        yield Lab(operation, key_kind, scenario, RunFolder(Path(place)))


def tell(operation: Operation, key_kind: KeyKind, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(scenarios)
    def holds(scenario: Scenario) -> None:
        with lab(operation, key_kind, scenario) as run:
            run.run()
            run.check_the_end()
            run.check_files()

    holds()


@pytest.mark.parametrize(("operation", "key_kind"), thorough(TARGETS, 4, several=True))
def test_whatever_happens_every_row_is_accounted_for_and_nothing_is_done_twice(
    operation: Operation, key_kind: KeyKind
) -> None:
    tell(operation, key_kind, 40)


@pytest.mark.slow
@pytest.mark.parametrize(("operation", "key_kind"), TARGETS)
def test_whatever_happens_in_many_more_ways(operation: Operation, key_kind: KeyKind) -> None:
    tell(operation, key_kind, 1_000)
