"""Loops of hand-written jobs: how a resume knows them again, what a job may not swallow, and wrong use."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
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
    no,
    numbered,
    says,
    yes,
)
from tests.support import Bench, leads
from zmigrate.engine.model.outcomes import Outcome
from zmigrate.engine.storage.item_marks import item_mark
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.journal_file import guard
from zmigrate.errors import InternalError, JobError, JournalDamaged
from zmigrate.job.context import Context
from zmigrate.stopping import StopSignal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal.create(tmp_path / "journal.db")) as made:
        yield made


# -- which loop it is ------------------------------------------------------------------------------


def put(ctx: Context, id: str, field: str) -> None:
    ctx.crm.put(LEADS, json={"data": [{"id": id, field: "done"}]})


def fill(ctx: Context, rows: list[dict[str, Any]], field: str, fails_at: int | None = None) -> None:
    for number, row in enumerate(ctx.each(rows)):
        if number == fails_at:
            raise ZeroDivisionError
        put(ctx, row["id"], field)


def in_two_lines(ctx: Context, rows: list[dict[str, Any]], todo: list[dict[str, Any]], fails: bool) -> None:
    if todo:
        for row in ctx.each(todo):
            put(ctx, row["id"], "City")
    for number, row in enumerate(ctx.each(rows)):
        if fails and number == 1:
            raise ZeroDivisionError
        put(ctx, row["id"], "State")


def in_two_lines_that_read_alike(
    ctx: Context, rows: list[dict[str, Any]], todo: list[dict[str, Any]], fails: bool
) -> None:
    field, some = "City", todo
    if todo:
        for row in ctx.each(some):
            put(ctx, row["id"], field)
    field, some = "State", rows[:1] if fails else rows
    for row in ctx.each(some):
        put(ctx, row["id"], field)
    if fails:
        raise ZeroDivisionError


def in_a_function_called_twice(
    ctx: Context, rows: list[dict[str, Any]], todo: list[dict[str, Any]], fails: bool
) -> None:
    if todo:
        fill(ctx, todo, "City")
    fill(ctx, rows, "State", 1 if fails else None)


@pytest.mark.parametrize(
    "work", [in_two_lines, in_two_lines_that_read_alike, in_a_function_called_twice], ids=lambda f: f.__name__
)
def test_a_loop_is_known_again_though_one_before_it_does_not_come_any_more(
    bench: Bench, work: Callable[..., None]
) -> None:
    rows = [{"id": each} for each in bench.seed(leads(3))]
    todo, fails = list(rows), [True]
    job = by_hand(lambda ctx: work(ctx, rows, todo, bool(fails)))
    assert bench.run(job).state == "broken"
    todo.clear()
    fails.clear()
    assert counts(bench.resume()) == {"read": 6, "updated": 6}
    assert [(each["City"], each["State"]) for each in bench.records()] == [("done", "done")] * 3


def test_loops_without_source_are_known_by_their_order(journal: Journal) -> None:
    ctx = context_of(Heard(), journal)
    exec("for _ in range(2):\n  for item in ctx.each([{'id': 1}]): pass", {"ctx": ctx})
    ctx.close()
    assert [mark for _, mark, _ in journal.items()] == ['[["",1],"1"]', '[["",2],"1"]']


def test_a_run_whose_loops_had_numbers_is_not_taken_for_one_that_did_nothing(journal: Journal) -> None:
    with journal.transaction():
        journal.put_item('[1,"a"]', 1, Outcome("created"))
        journal.put_fact("progress", {"rows": {"read": 1, "created": 1}})
    with pytest.raises(JobError, match="an older zmigrate began this run, and it numbered loops"):
        context_of(Heard(), journal)


def test_the_mark_of_an_item_names_the_line_of_its_loop(journal: Journal) -> None:
    ctx = context_of(Heard(), journal)
    for _ in ctx.each(numbered("K7")):
        pass
    ctx.close()
    [(_, mark, _)] = journal.items()
    assert '> for _ in ctx.each(numbered(\\"K7\\")):",1],"K7"]' in mark
    assert item_mark((("a", 1), "b"), 2) == '[["a",1],"b",2]'


# -- a stop that the job swallows ------------------------------------------------------------------


def carelessly(do: Callable[[Context, dict[str, Any]], object]) -> Callable[[Context, dict[str, Any]], None]:
    def body(ctx: Context, item: dict[str, Any]) -> None:
        try:
            do(ctx, item)
        except:  # noqa: E722  as a careless author writes it
            ctx.fail("never mind")

    return body


def read(ctx: Context, item: dict[str, Any]) -> None:
    list(ctx.crm.records("Leads", fields=["id"]))


@pytest.mark.parametrize(("do", "method"), [(insert, "POST"), (read, "GET")])
def test_an_item_whose_call_was_not_made_for_a_stop_comes_again_whatever_the_job_swallows(
    bench: Bench, do: Any, method: str
) -> None:
    bench.script({"fault": "429", "method": method, "path": LEADS, "skip": 1, "times": 50})
    stop = StopSignal()

    def stop_when_refused(event: object) -> None:
        if type(event).__name__ == "Throttled":
            stop.request()

    job = each_of(numbered("a", "b", "c"), carelessly(do))
    first = bench.run(job, stop=stop, listeners=(stop_when_refused,))
    assert (first.state, first.exit_code, first.rows.read) == ("interrupted", 130, 1)
    bench.script_clear()
    last = bench.resume()
    assert (last.state, last.rows.read, last.rows.failed) == ("finished", 3, 0)
    if do is insert:
        assert sorted(keys_in_org(bench)) == ["L-a", "L-b", "L-c"]


def test_a_stop_between_two_items_that_the_job_swallows_ends_the_run(bench: Bench) -> None:
    stop = StopSignal()

    def run(ctx: Context) -> None:
        try:
            for _ in ctx.each(numbered("a", "b")):
                stop.request()
        except:  # noqa: E722  as a careless author writes it
            ctx.log("never mind")

    first = bench.run(by_hand(run), stop=stop)
    assert (first.state, counts(first)) == ("interrupted", {"read": 1, "unchanged": 1})


# -- other threads, and after the end --------------------------------------------------------------


def in_a_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def quietly(work: Callable[[], object]) -> Callable[[], None]:
    def do() -> None:
        try:
            work()
        except JobError:
            return

    return do


@pytest.mark.parametrize(
    "use",
    [
        lambda ctx: list(ctx.each(numbered("a"))),
        lambda ctx: ctx.skip("x"),
        lambda ctx: ctx.fail("x"),
    ],
    ids=["each", "skip", "fail"],
)
def test_the_loop_of_another_thread_is_refused_though_nobody_sees_its_error(bench: Bench, use: Any) -> None:
    result = bench.run(by_hand(lambda ctx: in_a_thread(quietly(lambda: use(ctx)))))
    assert (result.state, result.exit_code) == ("broken", 2)
    assert result.error is not None
    assert "from another thread than the job's `run`" in result.error.message
    assert "Restore" not in (result.error.hint or "")


def test_a_loop_that_another_thread_goes_on_with_is_refused(journal: Journal) -> None:
    ctx = context_of(Heard(), journal)
    loop = ctx.each(numbered("a", "b"))
    next(loop)
    in_a_thread(quietly(lambda: next(loop)))
    with pytest.raises(JobError, match="another thread"):
        ctx.finish()


def test_a_run_that_has_ended_counts_no_more(bench: Bench) -> None:
    kept: list[Context] = []
    bench.run(by_hand(kept.append))
    for use in (lambda: kept[0].skip("x"), lambda: kept[0].each([]), lambda: kept[0].fail("x")):
        with pytest.raises(JobError, match="after the run had ended"):
            use()


def test_a_journal_that_is_used_from_another_thread_is_not_called_damaged(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as db:
        raised: list[BaseException] = []

        def use() -> None:
            try:
                with guard(tmp_path / "x.db"):
                    db.execute("SELECT 1")
            except InternalError as error:
                raised.append(error)

        in_a_thread(use)
    assert [isinstance(error, JournalDamaged) for error in raised] == [False]
    assert "another thread" in str(raised[0])


# -- writes that outlive their item ----------------------------------------------------------------


def test_a_write_that_ends_after_its_item_is_refused_and_still_counted(journal: Journal) -> None:
    heard = Heard()
    ctx = context_of(heard, journal)
    loop = ctx.each(numbered("a", "b", "c"))
    next(loop)
    begun = heard.item()
    next(loop)
    heard.answers(yes(), begun=begun)
    with pytest.raises(JobError, match="was under way when"):
        next(loop)
    ctx.close()
    assert [outcome.action for _, _, outcome in journal.items()] == ["unchanged", "created"]


def test_a_pool_that_falls_behind_the_loop_is_refused(bench: Bench) -> None:
    bench.options(latency_ms=50)

    def run(ctx: Context) -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda item: insert(ctx, item), ctx.each(numbered(*"abcdef"))))

    result = bench.run(by_hand(run))
    assert (result.state, result.exit_code) == ("broken", 2)
    assert isinstance(result.error, JobError)
    assert result.rows.created == bench.audit()["creates"] > 0


def test_a_thread_of_an_outer_item_may_write_while_an_inner_loop_runs(journal: Journal) -> None:
    heard = Heard()
    ctx = context_of(heard, journal)
    for _ in ctx.each(numbered("outer")):
        begun = heard.item()
        for _ in ctx.each(numbered("inner")):
            heard.answers(yes(), begun=begun)
    ctx.close()
    assert [outcome.action for _, _, outcome in journal.items()] == ["unchanged", "created"]


# -- a run that does nothing -----------------------------------------------------------------------


def as_a_generator(ctx: Context) -> Iterator[None]:
    yield insert(ctx, {"id": "a"})  # type: ignore[misc]


async def later(ctx: Context) -> None:
    insert(ctx, {"id": "a"})


async def one_by_one(ctx: Context) -> AsyncIterator[None]:
    insert(ctx, {"id": "a"})
    yield


@pytest.mark.parametrize("run", [as_a_generator, later, one_by_one])
def test_a_run_whose_work_was_never_begun_does_not_count_as_finished(bench: Bench, run: Any) -> None:
    result = bench.run(by_hand(run))
    assert (result.state, result.exit_code, bench.audit()["creates"]) == ("broken", 2, 0)
    assert isinstance(result.error, JobError)


def test_records_in_a_tuple_are_records(bench: Bench) -> None:
    def run(ctx: Context, item: dict[str, Any]) -> None:
        ctx.crm.post(LEADS, json={"data": (lead("a"), lead("b"))})

    result = bench.run(each_of(numbered("a"), run))
    assert counts(result) == {"read": 1, "created": 1}
    says(bench, 207, yes(), no())
    result = bench.run(by_hand(lambda ctx: run(ctx, {})), again=True)
    assert counts(result) == {"read": 2, "created": 1, "failed": 1}
