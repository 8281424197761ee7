"""A plan takes the options of the run that it foresees, and its warnings go by them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import zmigrate
from tests.support import Bench, file_job, leads, write_rows
from zmigrate import Delete, Flow, Insert, Job, RecordJob, Upsert
from zmigrate.engine.plan.plan import Plan, PlanWarning

INSERT = Insert("Leads", key="Legacy_ID")
DELETE = Delete("Leads", key="Legacy_ID")


def planned(bench: Bench, write: Any, rows: list[dict[str, str]], **options: Any) -> Plan:
    return bench.plan(file_job(write, write_rows(bench.folder / "rows.csv", rows)), **options)


def warned(plan: Plan) -> dict[str, PlanWarning]:
    return {warning.code: warning for warning in plan.warnings}


def test_the_front_door_of_a_plan_has_every_option_of_a_run() -> None:
    run, plan = (set(inspect.signature(each).parameters) for each in (zmigrate.run, zmigrate.plan))
    assert run - plan == {"confirm"}, "a plan writes nothing, and asks nobody"
    assert plan - run == {"ask"}


@pytest.mark.parametrize(
    ("write", "trigger", "named"),
    [
        (INSERT, ["workflow", "approval"], "Zoho would run workflows, approvals for 3 records"),
        (
            Delete("Leads", key="Legacy_ID"),
            ["workflow", "approval"],
            "Zoho would run workflows for 3 records",
        ),
        (DELETE, ["approval"], None),
        (INSERT, [], None),
    ],
)
def test_automations_that_would_run_are_told(
    bench: Bench, write: Any, trigger: Sequence[str], named: str | None
) -> None:
    if isinstance(write, Delete):
        bench.seed(leads(3))
    told = warned(planned(bench, write, leads(3), trigger=trigger)).get("TRIGGERS")
    assert (told is None) == (named is None)
    assert told is None or (named or "") in told.message


def test_a_trigger_that_zoho_does_not_know_is_refused_as_by_a_run(bench: Bench) -> None:
    for does in (bench.plan, bench.run):
        with pytest.raises(zmigrate.errors.UsageError, match="trigger is"):
            does(file_job(INSERT, write_rows(bench.folder / "rows.csv", leads(1))), trigger=["mails"])


def test_with_again_a_run_before_is_not_in_the_way(bench: Bench) -> None:
    job = file_job(INSERT, write_rows(bench.folder / "rows.csv", leads(3)))
    bench.run(job)
    assert "RUN_BEFORE" in warned(bench.plan(job))
    assert "RUN_BEFORE" not in warned(bench.plan(job, again=True))


def test_a_job_that_runs_once_is_told_even_with_again(bench: Bench) -> None:
    job = file_job(INSERT, write_rows(bench.folder / "rows.csv", leads(3)))
    type(job).once = True
    bench.run(job)
    assert "runs once" in warned(bench.plan(job, again=True))["RUN_BEFORE"].message


def test_with_keep_going_first_rows_that_are_all_refused_stop_no_run(bench: Bench) -> None:
    rows = [{**row, "Email": "nobody"} for row in leads(500)] + leads(5, start=900)
    assert "BREAKER" not in warned(planned(bench, INSERT, rows, keep_going=True))
    job: Job = file_job(INSERT, bench.folder / "rows.csv")
    assert bench.run(job, keep_going=True).rows.created == 5


def test_with_wait_a_run_waits_for_credits(bench_with: Callable[..., Bench]) -> None:
    rows: list[dict[str, str]] = [{"Legacy_ID": str(n), "Last_Name": "x"} for n in range(51_000)]
    plan = planned(bench_with(edition="free"), INSERT, rows, wait=True)
    assert "the run would wait for more" in warned(plan)["CREDITS_SHORT"].message


# -- rows that overwrite what a person may not expect ------------------------------------------------


def test_rows_that_overwrite_an_earlier_row_are_told(bench: Bench) -> None:
    one, two = leads(2)
    rows = [{**row, "City": city} for row, city in ((one, "a"), (two, "b"), (one, "c"), (one, "d"))]
    write = Upsert("Leads", match_on="Legacy_ID", on_repeated="each")
    told = warned(planned(bench, write, rows))["OVERWRITES"]
    assert (told.count, told.lines, told.field) == (2, (4, 5), "Legacy_ID")
    assert bench.run(file_job(write, bench.folder / "rows.csv")).rows.updated == 2
    assert "OVERWRITES" not in warned(planned(bench, write, leads(2)))


def test_a_step_that_completes_the_records_of_an_earlier_one_overwrites_none_of_its_own_rows(
    bench: Bench,
) -> None:
    write = Upsert("Leads", match_on="Legacy_ID")
    cities = [{"Legacy_ID": row["Legacy_ID"], "City": "x"} for row in reversed(leads(2))]
    steps = [
        file_job(write, write_rows(bench.folder / name, rows))
        for name, rows in (("leads.csv", leads(2)), ("cities.csv", cities))
    ]

    class Both(Flow):
        """Leads, then their cities."""

        def jobs(self) -> list[RecordJob]:
            return steps

    with bench.plan(Both()) as plan:
        assert [step.plan.counts.updates for step in plan.steps] == [0, 2]
        assert "OVERWRITES" not in warned(plan.steps[1].plan)


def test_upserts_that_would_hit_a_record_of_another_spelling_are_told(bench: Bench) -> None:
    rows = leads(2)
    bench.seed([{**rows[0], "Legacy_ID": rows[0]["Legacy_ID"].lower(), "Last_Name": "There"}])
    plan = planned(bench, Upsert("Leads", match_on="Legacy_ID"), rows)
    told = warned(plan)["OTHER_SPELLING"]
    assert (told.count, told.lines, told.field) == (1, (2,), "Legacy_ID")
    same = [{**row, "Legacy_ID": row["Legacy_ID"].lower()} for row in rows]
    assert "OTHER_SPELLING" not in warned(planned(bench, Upsert("Leads", match_on="Legacy_ID"), same))
