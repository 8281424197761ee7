"""Jobs that say or raise what is no plain text: every record is counted all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.engine.by_hand import (
    Heard,
    by_hand,
    context_of,
    counts,
    each_of,
    insert,
    lead,
    listed,
    numbered,
    yes,
)
from tests.support import Bench, file_job, leads, write_rows
from zmigrate import Insert, Skip
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.run_log import RunLog
from zmigrate.errors import DiskFull
from zmigrate.events import Event, EventHub, Log
from zmigrate.job.context import Context


class Mute(Exception):
    """Its author has made an error in `__str__`."""

    def __str__(self) -> str:
        raise ValueError("no words")


ODD = [ValueError("boom"), b"x", {"a": 1}, {1: 2}, 10**30, Mute(), "caf\udce9.txt", "a\x00b"]
NAMES = ["error", "bytes", "dict", "number keys", "big", "mute", "surrogate", "nul"]


@pytest.mark.parametrize("reason", ODD, ids=NAMES)
@pytest.mark.parametrize("how", ["fail", "skip"])
def test_a_reason_may_be_anything_and_its_item_is_counted(bench: Bench, how: str, reason: Any) -> None:
    def body(ctx: Context, item: dict[str, Any]) -> None:
        insert(ctx, item)
        if item["id"] == "b":
            getattr(ctx, how)(reason)

    result = bench.run(each_of(numbered("a", "b", "c"), body))
    name = "errors" if how == "fail" else "skipped"
    assert (result.state, result.error) == ("finished", None)
    assert counts(result) == {"read": 3, "created": 2, "failed" if how == "fail" else "skipped": 1}
    [(line, key, *_, message)] = listed(result, name)
    assert (line, key) == ("2", "b")
    assert message


def test_a_reason_outside_of_each_may_be_anything(bench: Bench) -> None:
    result = bench.run(by_hand(lambda ctx: ctx.fail("caf\udce9.txt")))
    assert counts(result) == {"read": 1, "failed": 1}
    assert listed(result, "errors")[0][-1] == "caf\\udce9.txt"


def test_a_key_may_have_what_could_not_be_decoded_and_is_known_again(bench: Bench) -> None:
    def write(ctx: Context, item: dict[str, Any]) -> None:
        ctx.crm.post("/crm/v8/Leads", json={"data": [lead(item["id"].encode("ascii", "replace").decode())]})

    items = numbered("a", "caf\udce9", "d")
    first = bench.run(each_of(items, write), limit=2)
    assert counts(first) == {"read": 2, "created": 2}
    assert counts(bench.resume()) == {"read": 3, "created": 3}
    assert bench.audit()["creates"] == 3


@pytest.mark.parametrize("error", [Mute(), FileNotFoundError(2, "No such file", "caf\udce9.txt")])
def test_an_error_that_cant_be_told_leaves_a_run_that_can_go_on(bench: Bench, error: Exception) -> None:
    faults = [error]

    def body(ctx: Context, item: dict[str, Any]) -> None:
        insert(ctx, item)
        if faults and item["id"] == "b":
            raise faults.pop()

    first = bench.run(each_of(numbered("a", "b", "c"), body))
    assert (first.state, counts(first)) == ("broken", {"read": 2, "created": 1, "failed": 1})
    assert counts(bench.resume()) == {"read": 3, "created": 2, "failed": 1}
    assert bench.audit()["creates"] == 3


@pytest.mark.parametrize("reason", ODD, ids=NAMES)
def test_a_row_may_be_skipped_for_any_reason(bench: Bench, tmp_path: Path, reason: Any) -> None:
    result = bench.run(_loads(tmp_path, Skip(reason)))
    assert counts(result) == {"read": 3, "created": 2, "skipped": 1}
    assert listed(result, "skipped")[0][4]


def test_a_skip_of_an_authors_own_class_needs_no_reason(bench: Bench, tmp_path: Path) -> None:
    class NotOurs(Skip):
        def __init__(self, row: object) -> None:
            self.row = row

    result = bench.run(_loads(tmp_path, NotOurs({})))
    assert listed(result, "skipped")[0][4] == "left out by the job"


@pytest.mark.parametrize("error", [Mute(), ValueError("caf\udce9.txt"), KeyError("caf\udce9")])
def test_a_row_fails_though_its_error_cant_be_told(bench: Bench, tmp_path: Path, error: Exception) -> None:
    result = bench.run(_loads(tmp_path, error))
    assert counts(result) == {"read": 3, "created": 2, "failed": 1}
    assert listed(result, "errors")[0][4].startswith(f"transform raised {type(error).__name__}")


def _loads(folder: Path, of_the_second: Exception) -> Any:
    job = file_job(Insert("Leads"), write_rows(folder / "leads.csv", leads(3)))

    def transform(self: Any, row: dict[str, str]) -> dict[str, str]:
        if row["Legacy_ID"] == "L-000002":
            raise of_the_second
        return dict(row)

    type(job).transform = transform  # type: ignore[assignment, method-assign]
    return job


# -- the log ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [*ODD, Counter([None, 1]), None], ids=[*NAMES, "counter", "none"])
def test_anything_can_be_logged(bench: Bench, said: Any) -> None:
    def run(ctx: Context) -> None:
        insert(ctx, {"id": "a"})
        ctx.log(said)

    result = bench.run(by_hand(run))
    assert (result.state, counts(result)) == ("finished", {"read": 1, "created": 1})
    [path] = bench.folder.glob(".zmigrate/runs/*/run.log")
    assert [orjson.loads(line)["event"] for line in path.read_bytes().splitlines()][-1] == "RunEnded"
    assert not [event for event in bench.seen(Log) if "hears no more" in event.message]


@pytest.mark.parametrize("value", [*ODD, [1, [10**30]]], ids=[*NAMES, "nested"])
def test_run_log_bears_any_value(tmp_path: Path, value: Any) -> None:
    log = RunLog(tmp_path / "run.log")
    log(Log("info", value))
    log.close()
    assert orjson.loads((tmp_path / "run.log").read_bytes())["level"] == "info"


def test_a_listener_that_has_gone_may_be_removed() -> None:
    def broken(event: Event) -> None:
        raise Mute

    hub = EventHub(broken)
    hub.emit(Log("info", "x"))
    hub.remove(broken)


# -- a journal that does not take an item ----------------------------------------------------------


class Stuck(Journal):
    """Its disk is full."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        raise DiskFull(hint="Make room.")
        yield


def test_an_item_that_wrote_and_that_the_journal_does_not_take_is_told(tmp_path: Path) -> None:
    with closing(Stuck.create(tmp_path / "journal.db")) as journal:
        heard = Heard()
        ctx = context_of(heard, journal)
        loop = ctx.each(numbered("a", "b"))
        next(loop)
        heard.answers(yes())
        with pytest.raises(DiskFull):
            next(loop)
        with pytest.raises(DiskFull) as full:
            ctx.end_by(DiskFull())
    assert full.value.hint is not None
    assert full.value.hint.startswith("Make room. The journal does not have what was written for item 1, and")
