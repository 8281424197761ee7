"""The org takes no more records: the run pauses under Zoho's own code, no row fails for it, and a resume
loads the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.victim import Victim, importing
from tests.support import Bench, file_job, leads, read_rows, thorough, write_rows
from zmigrate import Insert, Upsert
from zmigrate.engine.dispatch.breaker import Breaker
from zmigrate.engine.model.outcomes import MOVED, Outcome
from zmigrate.job.writes import Write
from zmigrate.reasons import Reason

CODES = ["MAX_RECORDS_LIMIT_REACHED", "STORAGE_SPACE_EXCEEDED", "LICENSE_LIMIT_EXCEEDED"]
SHAPES = ["bare", "wrapped", "rows"]
WRITES = {
    "insert, unique": Insert("Leads", key="Legacy_ID"),
    "insert, not unique": Insert("Leads", key="Old_System_Ref"),
    "insert, no key": Insert("Leads"),
    "upsert": Upsert("Leads", match_on="Legacy_ID"),
}


def loading(bench: Bench, write: Write, rows: int) -> Any:
    return file_job(write, write_rows(bench.folder / "leads.csv", leads(rows, key=write.key or "Legacy_ID")))


@pytest.mark.parametrize("code", thorough(CODES))
@pytest.mark.parametrize("shape", SHAPES)
def test_a_full_org_pauses_the_run_and_the_rest_goes_in_once_there_is_room(
    code: str, shape: str, bench_with: Callable[..., Bench]
) -> None:
    bench = bench_with(records_limit=230, full_code=code, full_shape=shape)

    paused = bench.run(loading(bench, Insert("Leads", key="Legacy_ID"), 1_000))

    assert (paused.state, paused.exit_code) == ("paused", 4)
    assert paused.error is not None
    assert paused.error.code == code
    assert code in paused.error.message
    assert (paused.rows.failed, paused.rows.in_doubt) == (0, 0)
    assert paused.rows.created == len(bench.records()) <= 230
    assert len(bench.get("writes", module="Leads")) <= 15, "not row after row"

    bench.options(records_limit=None)
    result = bench.resume()

    assert (result.state, result.rows.created, result.rows.failed) == ("finished", 1_000, 0)
    assert bench.audit()["creates"] == 1_000
    assert len(read_rows(result.files["success"])) == 1_000


@pytest.mark.parametrize("what", WRITES)
@pytest.mark.parametrize("shape", thorough(["rows", "bare", "wrapped"]))
def test_an_org_that_is_full_at_the_start_fails_no_row(
    what: str, shape: str, bench_with: Callable[..., Bench]
) -> None:
    bench = bench_with(records_limit=0, full_shape=shape)

    paused = bench.run(loading(bench, WRITES[what], 250))

    assert (paused.state, paused.rows.failed, paused.rows.created) == ("paused", 0, 0)
    bench.options(records_limit=None)
    assert bench.resume().rows.created == 250
    assert len(bench.records()) == 250


def test_rows_that_fit_go_in_and_those_that_are_wrong_fail_for_their_own_reason(
    bench_with: Callable[..., Bench],
) -> None:
    bench = bench_with(records_limit=60, full_shape="rows")
    rows = leads(100)
    rows[5]["Email"] = "no address@"
    rows[5]["Company"] = ""

    job = file_job(Insert("Leads", key="Legacy_ID"), write_rows(bench.folder / "leads.csv", rows))
    paused = bench.run(job)
    assert (paused.rows.created, paused.rows.failed) == (60, 1)

    bench.options(records_limit=None)
    result = bench.resume()
    assert (result.rows.created, result.rows.failed) == (99, 1)
    [failed] = read_rows(result.files["errors"])
    assert failed["line"] == "7"


@pytest.mark.slow
@pytest.mark.parametrize("shape", thorough(["rows", "bare", "wrapped"]))
def test_killed_in_a_full_org_a_run_goes_on_where_it_was(
    shape: str, bench_with: Callable[..., Bench]
) -> None:
    bench = bench_with(records_limit=400, full_shape=shape, latency_ms=40.0, rate_lost_answer=0.1, seed=5)
    path = write_rows(bench.folder / "leads.csv", leads(2_000))
    victim = Victim(bench, *importing(path, "Legacy_ID"))
    victim.wait_until(lambda: len(bench.records()) >= 350)
    victim.kill()
    victim.gone()

    stopped = Victim(bench, "resume", "last").result()
    assert (stopped["state"], stopped["rows"]["failed"]) == ("paused", 0)

    bench.options(records_limit=None)
    result = Victim(bench, "resume", "last").result()
    assert (result["state"], result["rows"]["created"]) == ("finished", 2_000)
    assert bench.audit()["creates"] == 2_000


# -- the breaker --------------------------------------------------------------------------------------


def failed(code: str, rows: int = 100) -> list[Outcome]:
    return [Outcome("failed", None, tuple(Reason(one, None, "why") for one in code.split("; ")))] * rows


def done(rows: int = 100) -> list[Outcome]:
    return [Outcome("created", "1")] * rows


@pytest.mark.parametrize(
    ("batches", "opens"),
    [
        ([failed("INVALID_DATA")] * 5, True),
        ([failed("INVALID_DATA")] * 4, False),
        ([done(1), *[failed("INVALID_DATA")] * 20], False),
        ([done(), *[failed("NO_PERMISSION")] * 5], True),
        ([done(), *[failed("AUTHORIZATION_FAILED; INVALID_DATA")] * 5], True),
        ([done(), *[failed("NO_PERMISSION")] * 3, done(1), *[failed("NO_PERMISSION")] * 4], False),
        ([done(), *[failed("NO_PERMISSION"), failed("FEATURE_NOT_SUPPORTED")] * 4], False),
        ([done(), *[failed("NO_PERMISSION"), [MOVED] * 100] * 5], True),
        ([[MOVED] * 100, *[failed("INVALID_DATA")] * 5], True),
        ([done() * 50, *[failed("DEPENDENT_SERVICE_ERROR")] * 5], True),
        ([[*failed("NO_PERMISSION", 99), *done(1)] * 20], False),
    ],
)
def test_the_breaker_opens_for_first_rows_of_one_code_and_for_many_that_speak_of_the_org(
    batches: list[list[Outcome]], opens: bool
) -> None:
    breaker = Breaker()
    for outcomes in batches:
        breaker.see(outcomes)
    assert breaker.open is opens


def test_a_permission_that_is_taken_away_in_the_middle_stops_the_run(bench: Bench) -> None:
    refused = {"code": "NO_PERMISSION", "details": {}, "message": "permission denied", "status": "error"}
    answer = {"fault": "answer", "status": 400, "body": {"data": [refused] * 100}}
    bench.script({"method": "POST", "path": "/crm/v8/Leads", **answer, "skip": 5, "times": 500})

    result = bench.run(loading(bench, Insert("Leads", key="Legacy_ID"), 20_000))

    assert (result.state, result.exit_code) == ("paused", 4)
    assert result.rows.created == 500
    assert result.rows.failed < 2_500
    assert result.error is not None
    assert "NO_PERMISSION" in result.error.message

    bench.script_clear()
    assert bench.resume().rows.created == 20_000 - result.rows.failed
