"""Times in a run's files that lie ahead of the clock count as now, and no hold lasts longer than it may."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.fakes import row
from tests.support import Bench, file_job, leads, thorough, write_rows
from zmigrate import Insert, RecordJob, Upsert
from zmigrate.engine.model.batch import Batch, BatchState
from zmigrate.engine.model.outcomes import Outcome
from zmigrate.engine.runner.late_requests import late_until
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.ledger import find_run
from zmigrate.engine.storage.run_record import began_at
from zmigrate.events import BatchDone, BatchSent, Event, Waiting
from zmigrate.stopping import StopSignal

KEY = "Old_System_Ref"
NOW = 1_700_000_000.0
LONGEST = 60.0


def only(bench: Bench) -> RunFolder:
    (found,) = bench.folder.glob(".zmigrate/runs/*")
    return RunFolder(found)


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


# -- holds of other runs ---------------------------------------------------------------------------


def held(tmp_path: Path, until: str, written_at: float = NOW) -> RunFolder:
    """A run whose journal holds a key until then."""
    folder = RunFolder.create(tmp_path, "job")
    folder.unlock()
    with closing(Journal.create(folder.journal)) as journal, journal.transaction():
        batch = Batch(1, [row(1, "k")], state=BatchState.IN_FLIGHT, held_until=1.0)
        journal.put_batch(batch, b"{}")
        batch.outcomes = [Outcome("updated", "1")]
        journal.finish_batch(batch)
    change(folder.journal, f"UPDATE outcome SET held_until={until}")
    os.utime(folder.journal, (written_at, written_at))
    return folder


@pytest.mark.parametrize("until", [f"{NOW + 1e6}", "9e999", "'soon'", "x'00'"])
def test_a_hold_lasts_at_most_the_longest_settling_time_from_now(until: str, tmp_path: Path) -> None:
    assert late_until([held(tmp_path, until)], LONGEST, NOW) == NOW + LONGEST


@pytest.mark.parametrize("until", [f"{NOW - 1}", "-9e999", "NULL"])
def test_a_hold_that_is_over_is_not_waited_for(until: str, tmp_path: Path) -> None:
    assert late_until([held(tmp_path, until)], LONGEST, NOW) is None


@pytest.mark.parametrize("how", ["damaged", "missing", "of another version"])
def test_a_journal_that_cant_be_read_is_waited_for_as_long_as_a_request_of_it_may_be_late(
    how: str, tmp_path: Path
) -> None:
    folder = held(tmp_path, "NULL")
    if how == "missing":
        folder.journal.unlink()
        os.utime(folder.path / "run.lock", (NOW - 20, NOW - 20))
        os.utime(folder.path, (NOW - 20, NOW - 20))
    elif how == "damaged":
        folder.journal.write_bytes(b"x" * 8192)
    else:
        change(folder.journal, "PRAGMA user_version=3")
    if how != "missing":
        os.utime(folder.journal, (NOW - 20, NOW - 20))
    assert late_until([folder], LONGEST, NOW) == pytest.approx(NOW + 40)
    assert late_until([folder], LONGEST, NOW + 41) is None


def test_a_journal_that_cant_be_read_and_is_dated_ahead_counts_as_written_now(tmp_path: Path) -> None:
    folder = held(tmp_path, "NULL")
    folder.journal.write_bytes(b"x" * 8192)
    os.utime(folder.journal, (NOW + 1e6, NOW + 1e6))
    assert late_until([folder], LONGEST, NOW) == NOW + LONGEST


def test_a_hold_of_a_long_settling_time_is_still_looked_for(tmp_path: Path) -> None:
    folder = held(tmp_path, f"{NOW + 100}", written_at=NOW - 200)
    assert late_until([folder], 300.0, NOW) == NOW + 100


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(until=st.none() | st.floats(allow_nan=False) | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=3))
def test_no_hold_is_longer_than_it_may_be(until: object, tmp_path: Path) -> None:
    folder = held(tmp_path, "NULL")
    with closing(sqlite3.connect(folder.journal)) as db, db:
        db.execute("UPDATE outcome SET held_until=?", (until,))
    os.utime(folder.journal, (NOW, NOW))
    end = late_until([folder], LONGEST, NOW)
    assert end is None or NOW < end <= NOW + LONGEST


def load(bench: Bench, city: str) -> RecordJob:
    rows = [{"Legacy_ID": "1", "Last_Name": "Doe", "City": city}]
    return file_job(Upsert("Leads", match_on="Legacy_ID"), write_rows(bench.folder / f"{city}.csv", rows))


@pytest.mark.parametrize("how", ["ahead", "unreadable"])
def test_a_run_after_one_whose_hold_lies_ahead_waits_no_longer_than_a_settling_time(
    how: str, bench: Bench
) -> None:
    bench.run(load(bench, "old"))
    folder = only(bench)
    if how == "ahead":
        change(folder.journal, "UPDATE outcome SET held_until=9e12")
    else:
        for path in (folder.journal, folder.record_file):
            path.write_bytes(b"x" * 8192)
    bench.environ = {**bench.environ, "ZMIGRATE_SETTLE_S": "2"}  # longer than a run takes to begin
    bench.run(load(bench, "new"))
    (waited,) = bench.seen(Waiting)
    assert (waited.what, 0 < waited.seconds <= 2) == ("late requests", True)


# -- when a run began ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("started_at", "run_id", "began"),
    [
        ("2023-05-01T12:00:00+00:00", "x", 1682942400.0),
        ("9999-12-31T23:59:59+00:00", "20240501-120000-job-0000", NOW),
        ("soon", "99991231-235959-job-0000", NOW),
        ("soon", "job", 0.0),
        ("", "", 0.0),
    ],
)
def test_a_run_began_when_its_record_says_else_its_id_and_never_ahead(
    started_at: str, run_id: str, began: float
) -> None:
    assert began_at(started_at, run_id, NOW) == began


@given(started_at=st.text(max_size=30) | st.datetimes().map(str), run_id=st.text(max_size=30))
def test_whatever_a_record_says_of_its_beginning_it_is_in_the_past(started_at: str, run_id: str) -> None:
    assert began_at(started_at, run_id, NOW) <= NOW


def test_a_run_that_is_dated_ahead_is_found_and_goes_on(bench: Bench) -> None:
    path = write_rows(bench.folder / "a.csv", leads(20, key=KEY))
    bench.run(file_job(Insert("Leads", key=KEY), path), limit=5)
    folder = only(bench)
    record = json.loads(folder.record_file.read_bytes())
    folder.record_file.write_text(json.dumps({**record, "started_at": "2999-01-01T00:00:00+00:00"}))
    assert find_run(bench.folder / ".zmigrate", "last").run_id == folder.run_id
    assert bench.resume().rows.created == 20


# -- requests --------------------------------------------------------------------------------------


def aborted(bench: Bench) -> RunFolder:
    """A run that was stopped hard, with requests under way that were applied."""
    stop = StopSignal()
    done: list[Event] = []

    def abort(event: Event) -> None:
        if isinstance(event, BatchDone):
            done.append(event)
        if isinstance(event, BatchSent) and done:
            stop.request()
            stop.request()

    path = write_rows(bench.folder / "leads.csv", leads(2_500, key=KEY))
    result = bench.run(file_job(Insert("Leads", key=KEY), path), stop=stop, listeners=(abort,))
    assert result.rows.pending > 0
    return only(bench)


@pytest.mark.parametrize("began_ahead", thorough([True, False]))
def test_a_request_that_is_dated_ahead_doubles_nothing(
    began_ahead: bool, bench_with: Callable[..., Bench]
) -> None:
    bench = bench_with(latency_ms=300)
    folder = aborted(bench)
    change(folder.journal, "UPDATE batch SET first_intent=first_intent+1e6, sent_at=sent_at+1e6")
    if began_ahead:
        record = json.loads(folder.record_file.read_bytes())
        folder.record_file.write_text(json.dumps({**record, "started_at": "2999-01-01T00:00:00+00:00"}))
    rows = bench.resume().rows
    assert bench.audit(key=KEY)["created_twice"] == []
    if began_ahead:
        assert rows.in_doubt > 0
        assert rows.created + rows.in_doubt == 2_500
    else:
        assert rows.created == 2_500
