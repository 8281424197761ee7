"""A list, a generator or a function as a source: the run copies its rows, and a resume reads the copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.engine.by_hand import counts
from tests.support import Bench, read_rows
from zmigrate import Blank, Find, Flow, Insert, Option, RecordJob, Ref, Rows, Upsert, scopes_for
from zmigrate.errors import RunError, SourceError

ROWS: list[dict[str, Any]] = [{"key": f"K{n}", "name": f"Name {n}"} for n in range(5)]


def job_with(source: Any, **parts: Any) -> RecordJob:
    """A job with this source."""
    write = Insert("Leads", key="Legacy_ID")
    made: type[RecordJob] = type(
        "OwnRows",
        (RecordJob,),
        {
            "__module__": __name__,
            "write": write,
            "scopes": scopes_for(write),
            "source": source,
            "transform": lambda self, row: {"Legacy_ID": row["key"], "Last_Name": row["name"]},
            **parts,
        },
    )
    return made()


def yields(self: Any) -> Iterator[dict[str, Any]]:
    yield from ROWS


SOURCES = {
    "a list": lambda self: ROWS,
    "a plain list": ROWS,
    "a generator": lambda self: (row for row in ROWS),
    "a generator function": yields,
    "rows of a list": lambda self: Rows(ROWS),
    "rows of a function": lambda self: Rows(lambda: iter(ROWS)),
    "rows of a generator": lambda self: Rows(row for row in ROWS),
    "a map": lambda self: map(dict, ROWS),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_rows_of_a_jobs_own_are_planned_written_and_resumed(bench: Bench, kind: str) -> None:
    job = job_with(SOURCES[kind])
    with bench.plan(job) as plan:
        assert plan.counts.creates == 5
    assert counts(bench.run(job, limit=2)) == {"read": 2, "created": 2}
    assert counts(bench.resume()) == {"read": 5, "created": 5}
    assert bench.audit()["created_twice"] == []
    with pytest.raises(RunError, match="inserted already"):
        bench.run(job)


def test_a_resume_reads_the_copy_whatever_the_job_would_give_now(bench: Bench) -> None:
    given = [*ROWS]
    job = job_with(lambda self: (row for row in given))
    bench.script({"method": "POST", "path": "/crm/v8/Leads", "fault": "answer", "status": 403, "body": {}})
    assert bench.run(job).state != "finished"
    given.clear()
    assert counts(bench.resume()) == {"read": 5, "created": 5}


def test_values_keep_their_types_and_rows_may_differ_in_their_keys(bench: Bench) -> None:
    seen: list[dict[str, Any]] = []
    first = {"key": "K1", "name": "A", "born": date(2000, 1, 2), "pay": Decimal("1.50")}
    rows = [first, {"key": 7, "name": "B"}]

    def transform(self: Any, row: dict[str, Any]) -> dict[str, Any]:
        seen.append(dict(row))
        return {"Legacy_ID": str(row["key"]), "Last_Name": row["name"]}

    result = bench.run(job_with(lambda self: iter(rows), transform=transform))
    assert result.rows.created == 2
    assert [next(row for row in seen if row["name"] == name) for name in "AB"] == rows
    written = read_rows(result.files["success"])[0]
    assert (written["key"], written["name"], written["born"]) == ("K1", "A", "2000-01-02")


def test_failed_rows_are_listed_with_their_values(bench: Bench) -> None:
    rows = [*ROWS[:1], {"key": "K9", "name": ""}]
    result = bench.run(job_with(lambda self: rows))
    assert counts(result) == {"read": 2, "created": 1, "failed": 1}
    [failed] = read_rows(result.files["errors"])
    assert (failed["line"], failed["zmigrate_key" if "zmigrate_key" in failed else "key"]) == ("2", "K9")


def test_steps_of_a_flow_may_have_rows_of_their_own(bench: Bench) -> None:
    class Part(RecordJob):
        write = Upsert("Leads", match_on="Legacy_ID")
        scopes = scopes_for(write)
        first: int = Option(default=0)

        def source(self) -> Iterator[dict[str, Any]]:
            yield from ROWS[self.first : self.first + 2]

        def transform(self, row: Any) -> Any:
            return {"Legacy_ID": row["key"], "Last_Name": row["name"]}

    class Both(Flow):
        def jobs(self) -> Any:
            yield Part(first=0)
            yield Part(first=2)

    result = bench.run(Both())
    assert (result.state, result.rows.created) == ("finished", 4)


def test_an_exception_while_the_rows_are_made_names_the_authors_line(bench: Bench) -> None:
    def broken(self: Any) -> Iterator[dict[str, Any]]:
        yield ROWS[0]
        raise ZeroDivisionError("oh")

    result = bench.run(job_with(broken))
    assert (result.exit_code, bench.audit()["creates"]) == (2, 0)
    assert result.error is not None
    assert "test_own_rows.py:" in result.error.message
    assert "ZeroDivisionError: oh" in result.error.message


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["a", "b"]], "row 1 is list; a row is a dict"),
        (["K1"], "row 1 is str"),
        ([{"key": object()}], "a value of column key can't be kept"),
    ],
)
def test_what_is_no_row_is_told_before_the_first_write(bench: Bench, rows: Any, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        bench.run(job_with(lambda self: rows))
    result = bench.run(job_with(lambda self: iter(rows)))
    assert result.error is not None
    assert said in result.error.message
    assert bench.audit()["creates"] == 0


@pytest.mark.parametrize(
    "make",
    [lambda: iter(ROWS), lambda: Rows(map(dict, ROWS)), lambda: Rows(dict(row) for row in ROWS)],
    ids=["iterator", "rows of a map", "rows of a generator"],
)
def test_rows_that_are_used_up_are_not_taken_for_none(bench: Bench, make: Callable[[], Any]) -> None:
    given = make()
    if not isinstance(given, Rows):
        given = (row for row in given)
    assert bench.run(job_with(lambda self: given)).rows.created == 5
    result = bench.run(job_with(lambda self: given), again=True)
    assert (result.state, result.rows.read) == ("paused", 0)
    assert result.error is not None
    assert "can be read only once" in result.error.message


@pytest.mark.parametrize("given", ["abc", {"key": "K1"}, 5, None])
def test_rows_are_given_as_a_list_or_by_a_function(given: Any) -> None:
    with pytest.raises(SourceError, match="Rows was given"):
        Rows(given)


def test_references_and_blank_are_values_of_rows(bench: Bench) -> None:
    """They mean the same after a resume, which reads the copied rows."""
    [there] = bench.seed([{"Account_Name": "Acme"}], "Accounts")
    rows = [
        {"Legacy_ID": "P", "Last_Name": "Parent", "Account_Name": Find("Accounts", "Account_Name", "Acme")},
        {"Legacy_ID": "C", "Last_Name": "Child", "Reporting_To": Ref("Contacts", "P"), "Email": Blank},
    ]
    write = Insert("Contacts", key="Legacy_ID")
    job = job_with(
        Rows(rows),
        write=write,
        scopes=scopes_for(write, Find("Accounts")),
        refers_to=("Contacts", "Accounts"),
        transform=lambda self, row: row,
    )
    with bench.plan(job) as plan:
        assert (plan.counts.creates, plan.counts.refused) == (2, 0)
    bench.run(job, limit=1)
    assert counts(bench.resume()) == {"read": 2, "created": 2}
    parent, child = sorted(bench.records("Contacts"), key=lambda each: each["Legacy_ID"], reverse=True)
    assert parent["Account_Name"]["id"] == there
    assert child["Reporting_To"]["id"] == parent["id"]


def test_an_insert_that_updates_needs_no_mandatory_field_for_a_record_that_exists(bench: Bench) -> None:
    """Without a unique key the org is asked first."""
    bench.seed([{"Last_Name": "Doe", "Company": "Old", "Old_System_Ref": "1"}])
    write = Insert("Leads", key="Old_System_Ref", on_existing="update")
    rows = [{"Old_System_Ref": "1", "Company": "New"}, {"Old_System_Ref": "2", "Company": "New"}]
    job = job_with(rows, write=write, scopes=scopes_for(write), transform=lambda self, row: row)
    with bench.plan(job) as plan:
        assert (plan.counts.updates, plan.counts.refused) == (1, 1)
    result = bench.run(job)
    assert (result.rows.updated, result.rows.failed) == (1, 1)
    [failed] = read_rows(result.files["errors"])
    assert (failed["code"], failed["field"]) == ("MANDATORY_NOT_FOUND", "Last_Name")
