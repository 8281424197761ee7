"""Rows of which Zoho says that something failed inside of it: nobody knows whether they were applied."""

from __future__ import annotations

from signal import SIGKILL
from typing import Any

import pytest

from tests.engine.pipeline.test_relations import ACCOUNTS, account, make, parents, tree
from tests.engine.victim import Victim, importing
from tests.support import Bench, file_job, leads, read_rows, write_rows
from zmigrate import Delete, Insert, Update, Upsert
from zmigrate.engine.storage.run_result import RunResult
from zmigrate.job.writes import Write

LEADS = {"method": "POST", "path": "/crm/v8/Leads"}
UNIQUE, PLAIN = "Legacy_ID", "Old_System_Ref"
FAILS = {"code": "INTERNAL_ERROR", "status": "error", "message": "Internal Server Error", "details": {}}
ROW_FAILS = {**LEADS, "fault": "row_error", "rows_containing": "L-000002", "message": "Internal Server Error"}
OURS = {"created_time": "2099-01-01T00:00:00+00:00"}
"""Seeded so, a record is one that a request of the run may have made."""


@pytest.fixture
def bench(bench: Bench) -> Bench:
    bench.environ["ZMIGRATE_SETTLE_S"] = "0.05"
    return bench


def done(number: int) -> dict[str, Any]:
    record = {"id": f"554597400000008800{number}", "Modified_By": {"id": "5545974000000093001"}}
    return {"code": "SUCCESS", "status": "success", "message": "record added", "details": record}


def answering(*elements: dict[str, Any], times: int = 1, **more: Any) -> dict[str, Any]:
    """A fault: this is said of the rows, and nothing is done."""
    return {**LEADS, "fault": "answer", "status": 207, "body": {"data": elements}, "times": times, **more}


def loaded(bench: Bench, write: Write, rows: list[dict[str, Any]]) -> RunResult:
    return bench.run(file_job(write, write_rows(bench.folder / "rows.csv", rows)))


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("key", [UNIQUE, PLAIN])
def test_such_a_row_is_settled_and_the_others_have_their_outcomes(
    key: str, applied: bool, bench: Bench
) -> None:
    bench.script({**ROW_FAILS, "applied": applied})
    result = loaded(bench, Insert("Leads", key=key), leads(3, key=key))
    assert (result.rows.created, result.rows.failed, result.rows.in_doubt) == (3, 0, 0)
    success = read_rows(result.files["success"])
    assert [row["line"] for row in success] == ["2", "3", "4"]
    assert sorted(row["id"] for row in success) == [record["id"] for record in bench.records()]
    assert bench.audit(key=key)["creates"] == 3
    assert bench.stats()["requests"]["POST /crm/v8/Leads"] == (1 if applied and key == PLAIN else 2)


@pytest.mark.parametrize("key", [UNIQUE, PLAIN])
def test_a_row_that_fails_each_time_fails_for_good_where_its_record_is_not_there(
    key: str, bench: Bench
) -> None:
    bench.script({**ROW_FAILS, "applied": False, "times": 1_000})
    result = loaded(bench, Insert("Leads", key=key), leads(3, key=key))
    assert (result.rows.created, result.rows.failed, result.rows.in_doubt) == (2, 1, 0)
    [row] = read_rows(result.files["errors"])
    assert (row["line"], row["code"]) == ("3", "INTERNAL_ERROR")
    assert "not there" in row["message"]
    assert len(bench.records()) == 2
    assert bench.stats()["requests"]["POST /crm/v8/Leads"] <= 6


def test_what_failed_for_good_doubles_nothing_when_it_is_fed_in_again(bench: Bench) -> None:
    """The record of the first row was made all the same, and is not among what failed."""
    rows = leads(2, key=PLAIN)
    bench.script({**ROW_FAILS, "rows_containing": "L-000001"})
    bench.script({**ROW_FAILS, "applied": False, "times": 1_000})
    path = write_rows(bench.folder / "rows.csv", rows)
    first = bench.run(file_job(Insert("Leads", key=PLAIN), path), limit=1)
    first = bench.resume()
    assert (first.rows.created, first.rows.failed) == (1, 1)
    bench.post("script/clear", {})
    errors = [{name: row[name] for name in rows[0]} for row in read_rows(first.files["errors"])]
    mended = write_rows(bench.folder / "mended.csv", errors)
    assert bench.run(file_job(Insert("Leads", key=PLAIN), mended)).rows.created == 1
    assert sorted(record[PLAIN] for record in bench.records()) == ["L-000001", "L-000002"]


def test_without_a_key_such_a_row_is_in_doubt(bench: Bench) -> None:
    bench.script(answering(done(1), FAILS, done(3)))
    result = loaded(bench, Insert("Leads"), leads(3))
    assert (result.rows.created, result.rows.in_doubt) == (2, 1)
    [row] = read_rows(result.files["in_doubt"])
    assert (row["line"], row["code"]) == ("3", "ANSWER_LOST")
    assert "INTERNAL_ERROR" in row["message"]
    assert bench.stats()["requests"]["POST /crm/v8/Leads"] == 1


@pytest.mark.parametrize("key", [None, UNIQUE, PLAIN])
def test_zoho_failing_on_every_row_of_every_request_pauses_the_run(key: str | None, bench: Bench) -> None:
    bench.environ["ZMIGRATE_SETTLE_S"] = "1"  # so that no row is sent again before the first answers are in
    bench.script(answering(*[FAILS] * 100, times=1_000))
    result = loaded(bench, Insert("Leads", key=key), leads(2_500, key=key or UNIQUE))
    bench.environ["ZMIGRATE_SETTLE_S"] = "0.05"
    assert (result.state, result.exit_code) == ("paused", 4)
    if key is not None:
        bench.post("reset", {})
        assert bench.resume().rows.created == 2_500
        assert bench.audit(key=key)["created_twice"] == []


@pytest.mark.parametrize("operation", ["update", "upsert", "delete"])
def test_a_write_that_may_be_repeated_is_sent_again(operation: str, bench: Bench) -> None:
    [record_id] = bench.seed(leads(1))
    writes: dict[str, tuple[Write, dict[str, Any], str, str]] = {
        "update": (Update("Leads"), {"id": record_id, "City": "Bern"}, "PUT", "updated"),
        "upsert": (Upsert("Leads", match_on=UNIQUE), {**leads(1)[0], "City": "Bern"}, "POST", "updated"),
        "delete": (Delete("Leads"), {"id": record_id}, "DELETE", "deleted"),
    }
    write, row, method, action = writes[operation]
    path = f"{LEADS['path']}/upsert" if operation == "upsert" else LEADS["path"]
    bench.script(answering(FAILS, method=method, path=path))
    result = loaded(bench, write, [row])
    assert getattr(result.rows, action) == 1
    assert [record["City"] for record in bench.records()] == ([] if operation == "delete" else ["Bern"])


def test_a_second_write_that_closes_a_circle_is_sent_again(bench: Bench) -> None:
    failing = answering(FAILS, method="PUT", path="/crm/v8/Accounts")
    bench.script(failing)
    path = write_rows(bench.folder / "accounts.csv", tree(("a", "b"), ("b", "a")))
    result = bench.run(make(ACCOUNTS, path, account))
    assert (result.rows.created, result.rows.read) == (2, 2)
    assert parents(bench) == {"a": "b", "b": "a"}


def test_a_row_that_updates_what_is_there_is_sent_again(bench: Bench) -> None:
    bench.seed(leads(1))
    bench.script(answering(FAILS, method="PUT"))
    rows = [{**row, "City": "Bern"} for row in leads(2)]
    result = loaded(bench, Insert("Leads", key=UNIQUE, on_existing="update"), rows)
    assert (result.rows.created, result.rows.updated) == (1, 1)
    assert [record["City"] for record in bench.records()] == ["Bern", "Bern"]


def test_a_delete_that_was_applied_all_the_same_counts_as_deleted(bench: Bench) -> None:
    bench.seed(leads(1))
    bench.script(answering(FAILS, method="DELETE"))
    assert loaded(bench, Delete("Leads"), [{"id": "5545974000000099999"}]).rows.deleted == 1


def test_an_update_that_fails_each_time_is_in_doubt_after_some_times(bench: Bench) -> None:
    [record_id] = bench.seed(leads(1))
    bench.script(answering(FAILS, method="PUT", times=100))
    result = loaded(bench, Update("Leads"), [{"id": record_id, "City": "Bern"}])
    assert (result.rows.in_doubt, result.rows.failed) == (1, 0)
    assert bench.stats()["requests"]["PUT /crm/v8/Leads"] <= 6


@pytest.mark.parametrize(
    ("key", "applied"),
    [
        (PLAIN, True),
        pytest.param(PLAIN, False, marks=pytest.mark.slow),
        pytest.param(UNIQUE, True, marks=pytest.mark.slow),
        pytest.param(UNIQUE, False, marks=pytest.mark.slow),
    ],
)
def test_killed_while_such_rows_wait_the_resume_settles_them(key: str, applied: bool, bench: Bench) -> None:
    path = write_rows(bench.folder / "rows.csv", leads(3, key=key))
    bench.script({**ROW_FAILS, "applied": applied})
    victim = Victim(bench, *importing(path, key), settle_s=5)
    victim.wait_until(lambda: victim.journal("SELECT 1 FROM batch WHERE parent IS NOT NULL") != [])
    victim.kill()
    assert victim.gone() == -SIGKILL
    result = Victim(bench, "resume", "last", settle_s=0.3).result()
    assert (result["rows"]["read"], result["rows"]["created"]) == (3, 3), result
    assert bench.audit(key=key)["creates"] == 3


@pytest.mark.slow
def test_killed_between_the_tries_of_a_row_that_fails_each_time(bench: Bench) -> None:
    rows = leads(2, key=PLAIN)
    bench.script(answering(done(1), FAILS), answering(FAILS, times=100))
    victim = Victim(bench, *importing(write_rows(bench.folder / "rows.csv", rows), PLAIN), settle_s=0.3)
    victim.wait_until(lambda: victim.journal("SELECT 1 FROM batch WHERE sends >= 3") != [])
    victim.kill()
    assert victim.gone() == -SIGKILL
    result = Victim(bench, "resume", "last", settle_s=0.2).result()
    assert (result["rows"]["created"], result["rows"]["failed"]) == (1, 1), result
    assert bench.records() == []
