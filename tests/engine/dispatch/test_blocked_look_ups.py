"""A firewall blocks the query for one row's text, or every query."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.test_chaos import FAULTS
from tests.support import Bench, file_job, leads, read_rows, write_rows
from zmigrate import Csv, Delete, Find, Insert, RecordJob, Update, scopes_for
from zmigrate.errors import ZmigrateError

PLAIN = "Old_System_Ref"  # its values need not be unique
BAD = "x union select"
PAGE = {
    "method": "POST",
    "path": "/crm/v8/coql",
    "fault": "answer",
    "status": 403,
    "body": "<html>no</html>",
    "headers": {"Content-Type": "text/html"},
    "times": 1000,
}
BLOCKED = {**PAGE, "contains": "union select"}


def rows_with_one_bad(bench: Bench, rows: int = 250, bad: int = 41, key: str = "Legacy_ID") -> Path:
    """A file whose rows all have their records in the org, but for the key that is blocked."""
    given = leads(rows, key=key)
    given[bad][key] = BAD
    bench.seed(given)
    return write_rows(bench.folder / "leads.csv", [{**row, "Company": "Acme"} for row in given])


@pytest.mark.parametrize("write", [Update("Leads", key="Legacy_ID"), Delete("Leads", key="Legacy_ID")])
def test_the_one_row_whose_look_up_is_blocked_fails_alone(write: Any, bench: Bench) -> None:
    path = rows_with_one_bad(bench)
    bench.script(BLOCKED)

    result = bench.run(file_job(write, path))

    assert (result.state, result.exit_code) == ("finished", 1)
    assert (result.rows.updated + result.rows.deleted, result.rows.failed) == (249, 1)
    [failed] = read_rows(result.files["errors"])
    assert (failed["line"], failed["code"]) == ("43", "BLOCK_PAGE")
    assert "can't be asked" in failed["message"]


@pytest.mark.parametrize("on_existing", ["skip", "update"])
def test_an_insert_that_asks_first_goes_on_without_the_row_that_is_blocked(
    on_existing: Any, bench: Bench
) -> None:
    path = rows_with_one_bad(bench, rows=3, bad=1, key=PLAIN)
    bench.script(BLOCKED)

    result = bench.run(file_job(Insert("Leads", key=PLAIN, on_existing=on_existing), path))

    assert (result.rows.updated + result.rows.skipped, result.rows.failed) == (2, 1)
    assert bench.audit()["creates"] == 0


def test_a_single_row_that_is_blocked_fails_like_one_whose_write_is_blocked(bench: Bench) -> None:
    path = rows_with_one_bad(bench, rows=1, bad=0)
    bench.script(BLOCKED)

    result = bench.run(file_job(Update("Leads", key="Legacy_ID"), path))

    assert (result.state, result.rows.failed) == ("finished", 1)


def test_a_firewall_that_blocks_every_look_up_stops_the_run_and_its_rows_wait(bench: Bench) -> None:
    path = rows_with_one_bad(bench, rows=120)
    bench.script(PAGE)

    result = bench.run(file_job(Update("Leads", key="Legacy_ID"), path))

    assert (result.state, result.exit_code) == ("refused", 3)
    assert (result.rows.failed, result.rows.updated) == (0, 0)

    bench.script_clear()
    assert bench.resume().rows.updated == 120


def contacts(bench: Bench, blocked_at: int) -> RecordJob:
    """A job that finds the accounts of 30 contacts by their names."""
    names = [BAD if at == blocked_at else f"Acme {at}" for at in range(30)]
    bench.seed([{"Account_Name": name} for name in names], "Accounts")
    path = write_rows(bench.folder / "contacts.csv", [{"account": name} for name in names])

    class Contacts(RecordJob):
        write = Insert("Contacts")
        scopes = scopes_for(write, Find("Accounts"))
        source = Csv(path)

        def transform(self, row: Any) -> Any:
            return {"Last_Name": "Doe", "Account_Name": Find("Accounts", "Account_Name", row["account"])}

    return Contacts()


def test_a_find_that_is_blocked_fails_its_row_alone(bench: Bench) -> None:
    job = contacts(bench, 7)
    bench.script(BLOCKED)

    result = bench.run(job)

    assert (result.rows.created, result.rows.failed) == (29, 1)
    [failed] = read_rows(result.files["errors"])
    assert (failed["line"], failed["code"]) == ("9", "BLOCK_PAGE")


def test_a_plan_refuses_the_row_with_a_blocked_find_alone(bench: Bench) -> None:
    job = contacts(bench, 7)
    bench.script(BLOCKED)

    plan = bench.plan(job)

    assert (plan.counts.creates, plan.counts.refused) == (29, 1)
    assert [(one.line, one.reason.code) for one in plan.rejects] == [(9, "BLOCK_PAGE")]


@pytest.mark.parametrize("rows", [3, 30])
@pytest.mark.parametrize("write", [Update("Leads", key="Legacy_ID"), Delete("Leads", key="Legacy_ID")])
def test_a_plan_refuses_the_row_whose_look_up_is_blocked_alone(write: Any, rows: int, bench: Bench) -> None:
    bench.seed(leads(400, start=1000))  # so that the module is not read whole
    path = rows_with_one_bad(bench, rows=rows, bad=1)
    bench.script(BLOCKED)

    plan = bench.plan(file_job(write, path))

    counts = plan.counts
    assert (counts.rows, counts.updates + counts.deletes, counts.refused) == (rows, rows - 1, 1)
    assert [(one.line, one.reason.code) for one in plan.rejects] == [(3, "BLOCK_PAGE")]


def test_a_plan_whose_every_look_up_is_blocked_stops(bench: Bench) -> None:
    path = rows_with_one_bad(bench, rows=60)
    bench.script(PAGE)

    with pytest.raises(ZmigrateError) as caught:
        bench.plan(file_job(Update("Leads", key="Legacy_ID"), path))

    assert (caught.value.code, caught.value.exit_code) == ("BLOCK_PAGE", 3)


@pytest.mark.parametrize("fault", ["lost_answer", "reset"])
def test_after_a_lost_answer_the_row_that_cant_be_read_stays_in_doubt(fault: str, bench: Bench) -> None:
    """Whether the record is there is not known: the row is never sent again."""
    given = leads(100, key=PLAIN)
    given[41][PLAIN] = BAD
    path = write_rows(bench.folder / "leads.csv", given)
    bench.script({"method": "POST", "path": "/crm/v8/Leads", "fault": fault, "times": 1}, BLOCKED)

    result = bench.run(file_job(Insert("Leads", key=PLAIN), path))

    assert result.state == "finished"
    assert (result.rows.created, result.rows.failed, result.rows.in_doubt) == (99, 0, 1)
    [doubtful] = read_rows(result.files["in_doubt"])
    assert doubtful["line"] == "43"
    assert "firewall" in doubtful["message"]
    assert bench.audit()["creates"] == (100 if fault == "lost_answer" else 99)


def test_a_lost_answer_with_every_search_blocked_stops_the_run_and_a_resume_settles_it(bench: Bench) -> None:
    path = write_rows(bench.folder / "leads.csv", leads(4, key=PLAIN))
    bench.script({"method": "POST", "path": "/crm/v8/Leads", "fault": "lost_answer", "times": 1}, PAGE)

    result = bench.run(file_job(Insert("Leads", key=PLAIN), path))

    assert (result.state, result.exit_code) == ("refused", 3)
    assert (result.rows.created, result.rows.failed, result.rows.in_doubt) == (0, 0, 0)

    bench.script_clear()
    assert bench.resume().rows.created == 4
    assert bench.audit(key=PLAIN)["creates"] == 4


def test_a_run_with_one_row_in_doubt_that_cant_be_read_ends(bench: Bench) -> None:
    """No other search is left that Zoho could answer."""
    [row] = leads(1, key=PLAIN)
    path = write_rows(bench.folder / "leads.csv", [{**row, PLAIN: BAD}])
    bench.script({"method": "POST", "path": "/crm/v8/Leads", "fault": "lost_answer", "times": 1}, BLOCKED)

    result = bench.run(file_job(Insert("Leads", key=PLAIN), path))

    assert (result.state, result.exit_code, result.rows.in_doubt) == ("finished", 1, 1)
    [doubtful] = read_rows(result.files["in_doubt"])
    assert "web page (status 403). Ask whoever runs the firewall" in doubtful["message"]


def test_a_blocked_row_is_told_in_whole_sentences(bench: Bench) -> None:
    bench.script({**BLOCKED, "path": "/crm/v8/Leads"})
    path = write_rows(bench.folder / "leads.csv", [{**leads(1)[0], "Company": BAD}])

    result = bench.run(file_job(Insert("Leads", key="Legacy_ID"), path))

    [failed] = read_rows(result.files["errors"])
    assert "web page (status 403). Ask whoever runs the firewall" in failed["message"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("on_existing", ["fail", "skip", "update"])
def test_in_a_storm_only_the_blocked_rows_are_lost_and_no_row_is_written_twice(
    on_existing: Any, seed: int, bench_with: Callable[..., Bench]
) -> None:
    bench = bench_with(**{**FAULTS, "seed": seed})
    given = leads(600, key=PLAIN)
    for bad in (17, 18, 130, 333, 599):
        given[bad][PLAIN] = f"{BAD} {bad}"
    path = write_rows(bench.folder / "leads.csv", given)
    bench.script({**BLOCKED, "times": 100_000})

    result = bench.run(file_job(Insert("Leads", key=PLAIN, on_existing=on_existing), path))

    assert (result.state, result.rows.created) == ("finished", 595)
    assert result.rows.failed + result.rows.in_doubt == 5
    assert bench.audit(key=PLAIN)["created_twice"] == []
