"""Rows of subforms are added to those that a record has, so a request that adds some must not be applied
twice."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tests.engine.pipeline.test_relations import make
from tests.support import Bench, thorough, write_rows
from zmigrate import Insert, RecordJob, Update, Upsert, scopes_for
from zmigrate.engine.dispatch.sender import Sender
from zmigrate.engine.model.batch import Batch, PreparedRow
from zmigrate.engine.model.target import Target
from zmigrate.events import BatchDoubted
from zmigrate.job.writes import Write

MODULE = "Legacy_Assets"
WRITES: dict[str, Write] = {
    "upsert": Upsert(MODULE, match_on="Legacy_ID"),
    "update": Update(MODULE, key="Legacy_ID"),
    "insert": Insert(MODULE, key="Legacy_ID", on_existing="update"),
}
FAILS = {"code": "INTERNAL_ERROR", "status": "error", "message": "Internal Server Error", "details": {}}
FAULTS: dict[str, dict[str, Any]] = {
    "lost": {"fault": "lost_answer"},
    "never applied": {"fault": "reset"},
    "applied late": {"fault": "late", "delay_s": 0.15},
    "server error": {"fault": "503"},
    "error of each row": {"fault": "answer", "status": 207, "body": {"data": [FAILS, FAILS]}},
}


def asset(row: Any) -> dict[str, Any]:
    work = {"Service_Date": "2024-01-01", "Work": row["work"]}
    return {"Legacy_ID": row["id"], "Name": "Laptop", "Service_Log": [work, {**work, "Work": "Cleaned"}]}


def job_of(bench: Bench, write: Write, rows: list[dict[str, str]]) -> RecordJob:
    return make(write, write_rows(bench.folder / "assets.csv", rows), asset)


def works(bench: Bench) -> dict[str, list[str]]:
    return {
        record["Legacy_ID"]: [row["Work"] for row in record.get("Service_Log") or []]
        for record in bench.records(MODULE)
    }


@pytest.mark.parametrize(
    ("write", "fault"),
    [
        ("upsert", "lost"),
        ("update", "never applied"),
        ("insert", "applied late"),
        ("upsert", "error of each row"),
        *(pytest.param(write, fault, marks=pytest.mark.slow) for write in WRITES for fault in FAULTS),
    ],
)
def test_they_are_added_once_whatever_becomes_of_the_answer(bench: Bench, write: str, fault: str) -> None:
    bench.seed([{"Legacy_ID": "1", "Name": "Laptop"}, {"Legacy_ID": "2", "Name": "Mouse"}], MODULE)
    method = "POST" if write == "upsert" else "PUT"
    bench.script({**FAULTS[fault], "method": method, "path": f"/crm/v8/{MODULE}*", "times": 1})
    result = bench.run(job_of(bench, WRITES[write], [{"id": key, "work": f"Fixed {key}"} for key in "12"]))
    assert (result.rows.updated, result.exit_code) == (2, 0)
    assert works(bench) == {"1": ["Fixed 1", "Cleaned"], "2": ["Fixed 2", "Cleaned"]}


@pytest.mark.parametrize("fault", thorough(["lost", "never applied"]))
def test_an_update_by_id_adds_them_once(bench: Bench, fault: str) -> None:
    ids = bench.seed([{"Legacy_ID": "1", "Name": "Laptop"}, {"Legacy_ID": "2", "Name": "Mouse"}], MODULE)
    bench.script({**FAULTS[fault], "method": "PUT", "path": f"/crm/v8/{MODULE}", "times": 1})
    rows = [{"id": record_id, "work": f"Fixed {key}"} for key, record_id in zip("12", ids, strict=True)]
    path = write_rows(bench.folder / "assets.csv", rows)
    by_id = make(
        Update(MODULE), path, lambda row: {"id": row["id"], "Service_Log": asset(row)["Service_Log"]}
    )
    type(by_id).scopes = scopes_for(Update(MODULE))
    assert bench.run(by_id).rows.updated == 2
    assert works(bench) == {"1": ["Fixed 1", "Cleaned"], "2": ["Fixed 2", "Cleaned"]}


@pytest.mark.parametrize("fault", thorough(["lost", "server error"]))
def test_an_upsert_that_makes_them_is_told_from_one_that_adds_them(bench: Bench, fault: str) -> None:
    bench.seed([{"Legacy_ID": "1", "Name": "Laptop"}], MODULE)
    bench.script({**FAULTS[fault], "method": "POST", "path": f"/crm/v8/{MODULE}*", "times": 1})
    rows = [{"id": key, "work": f"Fixed {key}"} for key in "12"]
    result = bench.run(job_of(bench, WRITES["upsert"], rows))
    assert (result.rows.created, result.rows.updated) == (1, 1)
    assert works(bench) == {"1": ["Fixed 1", "Cleaned"], "2": ["Fixed 2", "Cleaned"]}


def test_where_two_rows_change_a_record_a_lost_answer_is_left_in_doubt(bench: Bench) -> None:
    """The time of its last change tells that one was applied, and not which."""
    bench.script({"fault": "reset", "method": "POST", "path": f"/crm/v8/{MODULE}*", "times": 1, "skip": 1})
    rows = [{"id": "1", "work": "Fixed"}, {"id": "1", "work": "Checked"}]
    result = bench.run(job_of(bench, Upsert(MODULE, match_on="Legacy_ID", on_repeated="each"), rows))
    assert (result.rows.created, result.rows.in_doubt + result.rows.updated) == (1, 1)
    assert works(bench)["1"].count("Checked") == result.rows.updated


def test_a_record_without_such_rows_is_repeated_at_once(bench: Bench) -> None:
    bench.script({"fault": "lost_answer", "method": "POST", "path": f"/crm/v8/{MODULE}*", "times": 1})
    path = write_rows(bench.folder / "assets.csv", [{"id": "1"}])
    plain = make(WRITES["upsert"], path, lambda row: {"Legacy_ID": row["id"], "Name": "Laptop"})
    assert bench.run(plain).rows.created == 1
    assert not bench.seen(BatchDoubted)


@pytest.mark.parametrize("write", list(WRITES))
def test_the_plan_says_that_rows_are_added(bench: Bench, write: str) -> None:
    bench.seed([{"Legacy_ID": "1", "Name": "Laptop"}], MODULE)
    rows = [{"id": key, "work": "Fixed"} for key in ("1", "2") if key == "1" or write != "update"]
    with bench.plan(job_of(bench, WRITES[write], rows)) as plan:
        [added] = [warning for warning in plan.warnings if warning.code == "ROWS_ADDED"]
        assert (added.field, added.count) == ("Service_Log", 1)
    with bench.plan(job_of(bench, Insert(MODULE, key="Legacy_ID"), rows)) as plan:
        assert not [warning for warning in plan.warnings if warning.code == "ROWS_ADDED"]


@pytest.mark.parametrize(("changed", "action"), [(0, "in_doubt"), (1, "updated"), (-1, None)])
def test_a_first_write_in_the_same_second_does_not_settle_the_second(
    changed: int, action: str | None
) -> None:
    """Times have whole seconds: the record may have been changed by its own first write alone."""
    intent = 1_700_000_000.4
    target = Target("Assets", "insert", "Legacy_ID", "unique", str.lower, appended=frozenset({"Spares"}))
    at = datetime.fromtimestamp(int(intent) + changed, UTC).isoformat()
    record = {"id": "5", "Modified_Time": at, "Modified_By": {"id": "1"}}
    wire: Any = SimpleNamespace(records_by_id=lambda module, ids, fields: {"5": record})
    row = PreparedRow(1, 2, "k", None, {"id": "5", "Spares": [{"Spares": {"id": "6"}}]})
    batch = Batch(2, [row], parent=1, second="link", first_intent=intent)
    [verdict] = Sender(wire, target, "1").search(batch).verdicts
    assert (None if verdict is None else verdict.outcome.action) == action
