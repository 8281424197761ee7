"""Rows of a list whose keys are no texts."""

from __future__ import annotations

from typing import Any

from tests.engine.runner.test_own_rows import job_with
from tests.support import Bench

ROWS: list[dict[Any, Any]] = [
    {"Legacy_ID": "1", "Last_Name": "Doe"},
    {"Legacy_ID": "2", "Last_Name": "Roe", 5: 6},
]


def test_so_are_rows_that_all_have_one(bench: Bench) -> None:
    job = job_with([{**row, 5: 6} for row in ROWS], transform=lambda self, row: dict(row))
    assert bench.plan(job).counts.refused == 2
    assert bench.run(job).to_json()["rows"]["failed"] == 2


def test_a_row_with_a_key_that_is_no_text_is_refused_by_plan_and_run(bench: Bench) -> None:
    job = job_with(ROWS, transform=lambda self, row: dict(row))
    assert bench.plan(job).counts.refused == 1
    ran = bench.run(job).to_json()
    assert (ran["rows"]["created"], ran["rows"]["failed"]) == (1, 1)
