"""How hand-written jobs end and go on: lost answers, errors, breaks, kills."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest

from tests.engine.by_hand import (
    LEADS,
    Heard,
    by_hand,
    context_of,
    counts,
    each_of,
    insert,
    keys_in_org,
    lead,
    listed,
    no,
    numbered,
    says,
    yes,
)
from tests.engine.victim import Victim
from tests.support import Bench, read_rows
from zmigrate.engine.runner.context import RunContext
from zmigrate.engine.storage.journal import Journal
from zmigrate.errors import CreditsSpent, Fatal, InDoubt, JobError, Outage
from zmigrate.job.context import Context
from zmigrate.stopping import StopRequested, StopSignal

LOST = {"method": "POST", "path": LEADS, "fault": "lost_answer"}


# -- a lost answer that leaves the loop ------------------------------------------------------------


def test_a_lost_answer_pauses_the_run_and_the_resume_goes_on_with_the_next_item(bench: Bench) -> None:
    bench.script({**LOST, "skip": 1})
    first = bench.run(each_of(numbered("a", "b", "c"), insert))
    assert (first.state, first.exit_code) == ("paused", 4)
    assert counts(first) == {"read": 2, "created": 1, "in_doubt": 1}
    assert first.error is not None
    assert first.error.code == "ANSWER_LOST"
    assert "Item 2 is in doubt" in first.error.message
    last = bench.resume()
    assert counts(last) == {"read": 3, "created": 2, "in_doubt": 1}
    assert sorted(keys_in_org(bench)) == ["L-a", "L-b", "L-c"]
    assert [row[:2] for row in listed(last, "in_doubt")] == [("2", "b")]
    assert [row[:2] for row in listed(last, "success")] == [("1", "a"), ("3", "c")]


def test_a_lost_answer_in_an_inner_loop_leaves_the_outer_item_to_the_resume(bench: Bench) -> None:
    bench.script({**LOST, "skip": 1})

    def run(ctx: Context) -> None:
        for outer in ctx.each(numbered("x", "y")):
            for inner in ctx.each(numbered("a", "b")):
                ctx.crm.post(LEADS, json={"data": [lead(f"{outer['id']}-{inner['id']}")]})

    first = bench.run(by_hand(run))
    assert (first.state, counts(first)) == ("paused", {"read": 2, "created": 1, "in_doubt": 1})
    assert counts(bench.resume()) == {"read": 6, "created": 3, "in_doubt": 1, "unchanged": 2}
    assert sorted(keys_in_org(bench)) == ["L-x-a", "L-x-b", "L-y-a", "L-y-b"]


def test_a_lost_answer_outside_of_each_pauses_and_warns_of_the_resume(bench: Bench) -> None:
    bench.script(LOST)
    records = {"data": [lead(1), lead(2)]}
    result = bench.run(by_hand(lambda ctx: ctx.crm.post(LEADS, json=records)))
    assert (result.state, result.exit_code, counts(result)) == ("paused", 4, {"read": 2, "in_doubt": 2})
    assert result.error is not None
    assert "before you resume" in (result.error.hint or "")


def test_a_full_org_pauses_the_run_and_its_item_comes_again(bench: Bench) -> None:
    full = no("MAX_RECORDS_LIMIT_REACHED", "data", "the limit is reached")
    says(bench, 400, full, full, skip=1)

    def two(ctx: Context, item: dict[str, Any]) -> None:
        ctx.crm.post(LEADS, json={"data": [lead(f"{item['id']}1"), lead(f"{item['id']}2")]})

    first = bench.run(each_of(numbered("a", "b", "c"), two))
    assert (first.state, first.exit_code, counts(first)) == ("paused", 4, {"read": 1, "created": 1})
    assert first.error is not None
    assert first.error.code == "MAX_RECORDS_LIMIT_REACHED"
    assert counts(bench.resume()) == {"read": 3, "created": 3}


# -- other ways out of a loop ----------------------------------------------------------------------


def test_an_item_that_an_error_left_half_done_is_told_and_not_written_again(bench: Bench) -> None:
    faults = ["a note without its lead"]

    def run(ctx: Context, item: dict[str, Any]) -> None:
        insert(ctx, item)
        if faults and item["id"] == "b":
            raise ZeroDivisionError(faults.pop())

    first = bench.run(each_of(numbered("a", "b", "c"), run))
    assert (first.state, counts(first)) == ("broken", {"read": 2, "created": 1, "failed": 1})
    [(line, key, _, code, message)] = listed(first, "errors")
    assert (line, key, code) == ("2", "b", "HALF_DONE")
    assert re.match(r"1 record written \(id \d+\) when the run ended \(a note without its lead\)\.", message)
    assert counts(bench.resume()) == {"read": 3, "created": 2, "failed": 1}
    assert sorted(keys_in_org(bench)) == ["L-a", "L-b", "L-c"]


def test_an_item_whose_writes_can_be_made_again_comes_again_after_an_error(bench: Bench) -> None:
    [there] = bench.seed([lead("there")])
    faults = ["once"]

    def run(ctx: Context, item: dict[str, Any]) -> None:
        ctx.crm.put(f"{LEADS}/{item['id']}", json={"data": [{"City": "Bern"}]})
        if faults:
            raise ZeroDivisionError(faults.pop())

    assert counts(bench.run(each_of(numbered(there), run))) == {}
    assert counts(bench.resume()) == {"read": 1, "updated": 1}


def test_a_stop_waits_for_the_loops_inside_an_item_that_must_not_be_done_again(bench: Bench) -> None:
    stop = StopSignal()

    def run(ctx: Context) -> None:
        for account in ctx.each(numbered("x", "y")):
            insert(ctx, account)
            for contact in ctx.each(numbered("a", "b")):
                stop.request()
                ctx.crm.post(LEADS, json={"data": [lead(f"{account['id']}-{contact['id']}")]})

    first = bench.run(by_hand(run), stop=stop)
    assert (first.state, counts(first)) == ("interrupted", {"read": 3, "created": 3})
    stop = StopSignal()
    assert counts(bench.resume(stop=stop))["created"] == 6


def test_a_break_is_told_from_an_error_by_what_the_job_does_next(bench: Bench) -> None:
    def run(ctx: Context) -> None:
        for item in ctx.each(numbered("a", "b", "c")):
            insert(ctx, item)
            if item["id"] == "b":
                break
        for _ in ctx.each(numbered("d")):
            pass

    result = bench.run(by_hand(run))
    assert counts(result) == {"read": 3, "created": 2, "unchanged": 1}
    assert [row[1] for row in listed(result, "success")] == ["a", "b", "d"]


def test_an_error_caught_around_a_loop_does_not_lose_the_item_that_wrote(bench: Bench) -> None:
    def run(ctx: Context) -> None:
        try:
            for item in ctx.each(numbered("a", "b")):
                insert(ctx, item)
                raise ZeroDivisionError
        except ZeroDivisionError:
            ctx.log("enough")

    assert counts(bench.run(by_hand(run))) == {"read": 1, "created": 1}


def test_an_item_without_its_key_is_named(bench: Bench) -> None:
    result = bench.run(each_of([{"name": "x"}], insert))
    assert isinstance(result.error, JobError)
    assert "has no 'id'" in result.error.message


# -- killed ----------------------------------------------------------------------------------------

JOB = """
from zmigrate import Job

class Vendors(Job):
    scopes = ("ZohoCRM.modules.leads.ALL", "ZohoCRM.org.READ")

    def run(self, ctx):
        for item in ctx.each([{"id": n} for n in range(1, 6)]):
            ctx.crm.get("/crm/v8/Leads", {"fields": "id"})
            ctx.crm.post("/crm/v8/Leads", json={"data": [{"Last_Name": "V", "Legacy_ID": str(item["id"])}]})
"""


@pytest.mark.slow
def test_killed_before_an_items_write_nothing_is_written_twice(bench: Bench) -> None:
    (bench.folder / "jobs").mkdir()
    (bench.folder / "jobs" / "vendors.py").write_text(JOB)
    bench.script({"method": "GET", "path": LEADS, "fault": "hang", "skip": 3})
    victim = Victim(bench, "run", "vendors")
    victim.wait_until(lambda: bench.stats()["scripts_left"] == 0)
    victim.kill()
    assert victim.gone() == -SIGKILL
    assert bench.audit()["creates"] == 3
    result = Victim(bench, "resume", "last").result()
    assert (result["state"], result["rows"]["created"]) == ("finished", 5)
    assert sorted(keys_in_org(bench)) == ["1", "2", "3", "4", "5"]


# -- what a job may not swallow --------------------------------------------------------------------


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal.create(tmp_path / "journal.db")) as made:
        yield made


def actions(ctx: RunContext, journal: Journal) -> list[str]:
    ctx.close()
    return [outcome.action for _, _, outcome in journal.items()]


def loop(ctx: RunContext, body: Callable[[], None]) -> None:
    for _ in ctx.each(numbered("a", "b")):
        body()


@pytest.mark.parametrize("records", [0, 1])
def test_a_pause_that_the_job_swallows_ends_the_loop_all_the_same(journal: Journal, records: int) -> None:
    heard = Heard()
    ctx = context_of(heard, journal)
    with pytest.raises(CreditsSpent):
        loop(ctx, lambda: heard.fails(CreditsSpent(), records=records))
    with pytest.raises(CreditsSpent):
        ctx.finish()
    assert actions(ctx, journal) == []


def test_a_source_that_pauses_ends_the_run_though_the_job_swallows_it(journal: Journal) -> None:
    def source() -> Iterator[dict[str, Any]]:
        yield from numbered("a")
        raise Outage

    ctx = context_of(Heard(), journal)
    with contextlib.suppress(Outage):
        list(ctx.each(source()))
    with pytest.raises(Outage):
        ctx.finish()
    assert actions(ctx, journal) == ["unchanged"]


def test_a_read_that_is_refused_is_the_jobs_own_affair(journal: Journal) -> None:
    heard = Heard()
    ctx = context_of(heard, journal)
    loop(ctx, lambda: heard.fails(Fatal(), records=0))
    assert actions(ctx, journal) == ["unchanged", "unchanged"]


def test_writes_of_other_threads_belong_to_the_item_at_work(journal: Journal) -> None:
    heard = Heard()
    ctx = context_of(heard, journal)

    def body() -> None:
        thread = threading.Thread(target=lambda: heard.answers(yes()))
        thread.start()
        thread.join()

    loop(ctx, body)
    assert actions(ctx, journal) == ["created", "created"]


def test_a_refusal_after_a_lost_answer_leaves_the_item_to_the_resume_if_it_ends_the_run(
    journal: Journal,
) -> None:
    heard, refused = Heard(), Fatal("no permission")
    refused.maybe_applied = True
    ctx = context_of(heard, journal)
    item = next(ctx.each(numbered("a")))
    heard.fails(refused, repeatable=True)
    ctx.end_by(refused)
    assert (item["id"], actions(ctx, journal)) == ("a", [])


def test_a_write_that_may_be_repeated_and_was_stopped_midway_comes_again(journal: Journal) -> None:
    heard, stop = Heard(), StopSignal()
    ctx = context_of(heard, journal, stop)

    def body() -> None:
        stop.request()
        heard.fails(InDoubt("not answered"), repeatable=True)

    with pytest.raises(StopRequested):
        loop(ctx, body)
    assert actions(ctx, journal) == []


@pytest.mark.parametrize(
    "odd", [{"code": "INVALID_DATA", "details": [1]}, {"status": "error"}, {"message": "no"}, "no", None]
)
def test_a_record_whose_answer_has_an_odd_shape_is_not_overlooked(journal: Journal, odd: Any) -> None:
    heard = Heard()
    ctx = context_of(heard, journal)
    loop(ctx, lambda: heard.answers(odd))
    assert actions(ctx, journal) == ["failed", "failed"]


def test_reasons_of_an_item_stay_few_however_many_records_it_writes(journal: Journal) -> None:
    heard = Heard()
    ctx = context_of(heard, journal)
    for _ in ctx.each(numbered("a")):
        for number in range(1_000):
            heard.answers({"code": "INVALID_DATA", "details": {}, "message": f"bad {number}"})
    [(_, _, outcome)] = journal.items()
    assert [reason.message for reason in outcome.reasons] == [
        *(f"bad {number}" for number in range(10)),
        "of this item's 1,000 records, Zoho refused 1,000",
    ]


def test_a_full_org_fails_no_record_that_is_written_outside_of_each(bench_with: Callable[..., Bench]) -> None:
    bench = bench_with(records_limit=3, full_shape="rows")
    records = {"data": [lead(number) for number in range(10)]}

    paused = bench.run(by_hand(lambda ctx: ctx.crm.post(LEADS, json=records)))

    assert (paused.state, paused.exit_code) == ("paused", 4)
    assert (paused.rows.created, paused.rows.failed) == (3, 0)


def test_an_item_that_a_full_org_left_half_done_says_how_many_of_its_records_are_missing(
    bench_with: Callable[..., Bench],
) -> None:
    bench = bench_with(records_limit=3, full_shape="rows")
    records = {"data": [lead(number) for number in range(5)]}

    bench.run(each_of(numbered("a"), lambda ctx, _: ctx.crm.post(LEADS, json=records)))

    bench.options(records_limit=None)
    result = bench.resume()
    [row] = read_rows(result.files["errors"])
    assert row["code"] == "HALF_DONE"
    assert "3 records written, 2 refused" in row["message"]
