"""How a plan asks the org for what rows would meet: by the fewest credits, in bounds, with the rest told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.support import Bench, file_job, leads, write_rows
from zmigrate import Insert, Update, Upsert
from zmigrate.engine.plan import questions as asking
from zmigrate.engine.plan.plan import Plan
from zmigrate.events import RequestSent

INSERT = Insert("Leads", key="Legacy_ID")
UPSERT = Upsert("Leads", match_on="Legacy_ID")


def planned(bench: Bench, write: Any, rows: list[dict[str, str]], **options: Any) -> Plan:
    bench.events.clear()
    return bench.plan(file_job(write, write_rows(bench.folder / "rows.csv", rows)), **options)


def coql(bench: Bench) -> Counter[int]:
    """Queries by what they cost."""
    return Counter(event.credits for event in bench.seen(RequestSent) if event.path.endswith("/coql"))


def test_an_empty_module_takes_one_credit(bench: Bench) -> None:
    planned(bench, INSERT, leads(1_000))
    assert coql(bench) == {1: 1}


def test_a_small_module_is_read_whole_where_that_is_cheaper(bench: Bench) -> None:
    rows = leads(1_000)
    bench.seed([rows[0], {**rows[1], "Company": "another"}])
    plan = planned(bench, UPSERT, rows)
    assert coql(bench) == {1: 2, 3: 1}  # is there anything, how much, and all of it
    counts = plan.counts
    assert (counts.creates, counts.updates, counts.unchanged) == (998, 2, 1)


def test_few_rows_are_asked_for_fifty_keys_a_credit(bench: Bench) -> None:
    bench.seed(leads(5_000, start=10_001))
    plan = planned(bench, UPSERT, leads(120, start=10_000))
    assert coql(bench) == {1: 2 + 3}  # 2,000 rows a page would be nine credits
    assert (plan.counts.creates, plan.counts.unchanged) == (1, 119)


def test_a_module_of_several_pages_is_read_to_its_end(bench: Bench) -> None:
    bench.seed(leads(4_500))
    plan = planned(bench, INSERT, leads(4_600))
    assert (plan.counts.creates, plan.counts.refused) == (100, 4_500)
    assert coql(bench)[3] == 3


@pytest.mark.parametrize("ask", [0, 70])
def test_what_is_not_asked_is_said(bench: Bench, ask: int) -> None:
    bench.seed(leads(9_000, start=50_000))
    plan = planned(bench, UPSERT, leads(300), ask=ask)
    assert (plan.counts.creates, plan.counts.not_asked) == (ask, 300 - ask)
    (warning,) = [warning for warning in plan.warnings if warning.code == "NOT_ASKED"]
    assert warning.count == 300 - ask
    assert plan.exit_code == 0
    assert coql(bench)[1] <= 2 + 2


def test_by_default_a_hundred_thousand_rows_are_asked_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "ASKED_BY_DEFAULT", 130)
    bench.seed(leads(9_000, start=50_000))
    plan = planned(bench, INSERT, leads(300))
    assert (plan.counts.creates, plan.counts.not_asked) == (130, 170)


def test_a_key_that_cant_stand_in_a_query_is_not_asked_for(bench: Bench) -> None:
    bench.seed(leads(9_000, start=50_000))
    plan = planned(
        bench, UPSERT, [{"Legacy_ID": "a\\b", "Last_Name": "x"}, {"Legacy_ID": "c'd", "Last_Name": "x"}]
    )
    assert (plan.counts.creates, plan.counts.not_asked) == (1, 1)


def test_keys_are_asked_for_in_parallel_and_throttling_is_waited_out(
    bench_with: Callable[..., Bench],
) -> None:
    bench = bench_with(latency_ms=30, concurrency=3)
    bench.seed(leads(30_000, start=50_000))
    plan = planned(bench, INSERT, leads(900, start=49_900))
    assert (plan.counts.creates, plan.counts.refused) == (100, 800)
    assert bench.stats()["heavy_in_flight_max"] > 1


def test_fields_that_a_query_does_not_give_back_are_not_compared(bench: Bench) -> None:
    rows = leads(2)
    bench.seed([rows[0], *leads(9_000, start=50_000)])
    bench.script({"fault": "400", "contains": "Company", "body": UNSUPPORTED})
    plan = planned(bench, UPSERT, rows)
    assert (plan.counts.creates, plan.counts.updates, plan.counts.unchanged) == (1, 1, 0)
    assert "NOT_COMPARED" in {warning.code for warning in plan.warnings}


UNSUPPORTED = {
    "code": "INVALID_QUERY",
    "details": {"column_name": "Company"},
    "message": "unsupported column",
    "status": "error",
}


def test_a_number_key_is_asked_for_as_a_number(bench: Bench) -> None:
    bench.seed([{"Last_Name": "x", "Legacy_Number": "42"}, *leads(9_000, start=50_000)])
    rows = [{"Legacy_Number": number, "Company": "x"} for number in ("042", "43")]
    plan = planned(bench, Update("Leads", key="Legacy_Number"), rows)
    assert (plan.counts.updates, plan.counts.refused) == (1, 1)
