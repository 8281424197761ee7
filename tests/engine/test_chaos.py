"""The promise, under everything at once: every row is in the org once, and accounted for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import Bench, file_job, leads, write_rows
from zmigrate import Delete, Insert, Update, Upsert

ROWS = 5_000
FAULTS = {
    "rate_lost_answer": 0.05,
    "rate_5xx": 0.015,
    "rate_5xx_after": 0.015,
    "rate_reset": 0.03,
    "token_life_s": 2.0,
    "concurrency": 6,
    "latency_ms": 20.0,
    "seed": 7,
    "faults_on": "all",
}


@pytest.fixture
def stormy(bench_with: Callable[..., Bench]) -> Bench:
    return bench_with(**FAULTS)


@pytest.fixture
def late(bench_with: Callable[..., Bench]) -> Bench:
    """Answers are lost, and the write is applied when the client has long gone on."""
    return bench_with(rate_late=0.1, late_s=0.15, latency_ms=10.0, concurrency=6, seed=11, faults_on="writes")


WEATHERS = ["stormy", pytest.param("late", marks=pytest.mark.slow)]


@pytest.mark.parametrize(
    ("weather", "key"),
    [
        ("stormy", "Legacy_ID"),
        ("late", "Old_System_Ref"),
        pytest.param("stormy", "Old_System_Ref", marks=pytest.mark.slow),
        pytest.param("late", "Legacy_ID", marks=pytest.mark.slow),
    ],
)
def test_insert_creates_each_row_once(
    weather: str, key: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    bench: Bench = request.getfixturevalue(weather)
    path = write_rows(tmp_path / "leads.csv", leads(ROWS, key=key))
    result = bench.run(file_job(Insert("Leads", key=key), path))
    assert result.error is None
    assert result.rows.created == ROWS
    audit = bench.audit(key=key)
    assert (audit["creates"], audit["distinct_keys"], audit["created_twice"]) == (ROWS, ROWS, [])


@pytest.mark.parametrize("weather", WEATHERS)
def test_insert_with_a_key_of_several_fields_creates_each_row_once(
    weather: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    bench: Bench = request.getfixturevalue(weather)
    path = write_rows(tmp_path / "leads.csv", leads(ROWS, key="Old_System_Ref"))
    result = bench.run(file_job(Insert("Leads", key=("Last_Name", "Company")), path))
    assert (result.error, result.rows.created) == (None, ROWS)
    audit = bench.audit(key="Old_System_Ref")
    assert (audit["creates"], audit["distinct_keys"], audit["created_twice"]) == (ROWS, ROWS, [])


@pytest.mark.parametrize("weather", WEATHERS)
def test_upsert_tells_created_from_updated_and_creates_nothing_twice(
    weather: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    bench: Bench = request.getfixturevalue(weather)
    bench.seed(leads(1_000), created_time="2020-01-01T00:00:00+00:00")
    path = write_rows(tmp_path / "leads.csv", leads(ROWS))
    result = bench.run(file_job(Upsert("Leads", match_on="Legacy_ID"), path))
    assert result.error is None
    assert (result.rows.created, result.rows.updated) == (ROWS - 1_000, 1_000)
    assert bench.audit()["records"] == ROWS
    assert bench.audit()["created_twice"] == []


@pytest.mark.slow
@pytest.mark.parametrize("weather", WEATHERS)
def test_update_reaches_each_record(weather: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    bench: Bench = request.getfixturevalue(weather)
    bench.seed(leads(ROWS))
    changed = [{**row, "Company": "New"} for row in leads(ROWS)]
    path = write_rows(tmp_path / "leads.csv", changed)
    result = bench.run(file_job(Update("Leads", key="Legacy_ID"), path))
    assert result.error is None
    assert result.rows.updated == ROWS
    assert {record["Company"] for record in bench.records()} == {"New"}


@pytest.mark.slow
@pytest.mark.parametrize("weather", WEATHERS)
def test_delete_counts_each_record_as_deleted(
    weather: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    bench: Bench = request.getfixturevalue(weather)
    ids = bench.seed(leads(ROWS))
    path = write_rows(tmp_path / "leads.csv", [{"id": record_id} for record_id in ids])
    result = bench.run(file_job(Delete("Leads"), path))
    assert result.error is None
    assert result.rows.deleted == ROWS
    assert bench.audit()["records"] == 0
