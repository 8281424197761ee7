"""What a plan says that a run would cost is what the run pays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.pipeline.test_relations import account, make
from tests.engine.plan.test_plan import planned, warned
from tests.support import Bench, file_job, leads, write_rows
from zmigrate import Insert, RecordJob, Update, Upsert
from zmigrate.job.writes import Write

INSERT = Insert("Leads", key="Legacy_ID")
OTHER = "Old_System_Ref"
CLOSE = 2
"""So many calls a plan may be off."""


def pays_what_was_said(bench: Bench, job: RecordJob) -> None:
    with bench.plan(job) as plan:
        price = plan.price
    result = bench.run(job)
    assert result.state == "finished"
    assert abs(price.requests - result.requests["sent"]) <= CLOSE
    assert abs(price.credits - result.credits["used"]) <= CLOSE


def test_new_records(bench: Bench) -> None:
    pays_what_was_said(bench, file_job(INSERT, write_rows(bench.folder / "rows.csv", leads(950))))


@pytest.mark.parametrize(
    ("write", "there"),
    [
        (Insert("Leads", key="Legacy_ID", on_existing="skip"), 300),
        (Insert("Leads", key="Legacy_ID", on_existing="update"), 200),
        pytest.param(Insert("Leads", key="Legacy_ID", on_existing="fail"), 300, marks=pytest.mark.slow),
        pytest.param(Insert("Leads", key=OTHER, on_existing="skip"), 300, marks=pytest.mark.slow),
        pytest.param(Insert("Leads", key=OTHER, on_existing="update"), 200, marks=pytest.mark.slow),
        (Upsert("Leads", match_on="Legacy_ID"), 200),
        (Update("Leads", key="Legacy_ID"), 300),
    ],
)
def test_records_that_are_there_already(bench: Bench, write: Write, there: int) -> None:
    rows = leads(300, key=write.key or "")
    bench.seed(rows[:there])
    pays_what_was_said(bench, file_job(write, write_rows(bench.folder / "rows.csv", rows)))


@pytest.mark.parametrize("kind", ["themselves", "each other", "the one before", "nobody"])
def test_rows_that_refer_to_one_another(bench: Bench, kind: str) -> None:
    def parent_of(n: int) -> str:
        parents = {"themselves": n, "each other": n ^ 1, "the one before": n - 1 if n % 10 else None}
        parent = parents.get(kind)
        return "" if parent is None else f"k{parent}"

    rows = [{"id": f"k{n}", "name": "N", "parent": parent_of(n)} for n in range(400)]
    path = write_rows(bench.folder / "a.csv", rows)
    pays_what_was_said(bench, make(Insert("Accounts", key="Legacy_ID"), path, account))


def test_a_plan_tells_what_is_left(bench: Bench) -> None:
    with bench.plan(file_job(INSERT, write_rows(bench.folder / "rows.csv", leads(3)))) as plan:
        assert plan.price.credits_left is not None
        assert plan.price.credits_left > 50_000


def test_credits_that_do_not_reach_are_told(bench_with: Callable[..., Bench]) -> None:
    plan = planned(bench_with(edition="free"), INSERT, leads(6_000))
    assert "CREDITS_SHORT" not in warned(plan)
    assert plan.price.in_flight == 5
    rows: list[dict[str, Any]] = [{"Legacy_ID": str(n), "Last_Name": "x"} for n in range(51_000)]
    plan = planned(bench_with(edition="free"), INSERT, rows)
    assert plan.price.credits > 5_000
    assert "--wait" in warned(plan)["CREDITS_SHORT"].message
