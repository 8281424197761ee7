"""What import wizards and other tools are known to do wrong, each as a test that this one does not."""

from __future__ import annotations

from typing import Any

import pytest

import zmigrate
import zmigrate.emulator
from tests.engine.pipeline.test_relations import ACCOUNTS, account, make, parents, tree
from tests.support import Bench, credentials_of, file_job, leads, read_rows, write_rows
from zmigrate import Insert, Ref, Upsert, scopes_for
from zmigrate.errors import UsageError


def test_no_row_stands_in_the_success_file_and_in_the_error_file(bench: Bench) -> None:
    """Rows that Zoho takes at first and refuses later, as with a link, are in one of them."""
    rows = [*tree(("a", "b"), ("b", "a"), ("c", "c")), {"id": "d", "name": "x" * 300, "parent": ""}]
    refused = {"code": "INVALID_DATA", "details": {}, "message": "invalid data", "status": "error"}
    put = {"fault": "answer", "method": "PUT", "path": "/crm/v8/Accounts", "status": 400}
    bench.script({**put, "body": {"data": [refused, refused]}})
    result = bench.run(make(ACCOUNTS, write_rows(bench.folder / "a.csv", rows), account))
    success = [row["line"] for row in read_rows(result.files["success"])]
    errors = [row["line"] for row in read_rows(result.files["errors"])]
    assert not set(success) & set(errors)
    assert sorted(success + errors) == ["2", "3", "4", "5"]


def test_a_mandatory_parent_is_there_when_its_child_is_written(bench: Bench) -> None:
    """Where all is written without parents first, and linked in a second pass, a mandatory one is missing."""
    field: dict[str, Any] = {"api_name": "Parent_Account", "data_type": "lookup", "lookup": "Accounts"}
    root = bench.seed([{"Legacy_ID": "root", "Account_Name": "Root"}], "Accounts")[0]
    bench.post("fields/Accounts", {**field, "mandatory": True})
    rows = tree(("a", "b"), ("b", "c"), ("c", ""))

    def with_root(row: Any) -> dict[str, Any]:
        found = account(row)
        return found if row["parent"] else {**found, "Parent_Account": root}

    result = bench.run(make(ACCOUNTS, write_rows(bench.folder / "a.csv", rows), with_root))
    assert (result.rows.created, result.rows.failed) == (3, 0)
    assert parents(bench) == {"root": None, "a": "b", "b": "c", "c": "root"}


@pytest.mark.parametrize("column", ["Created_Time", "Modified_Time", "Created_By"])
def test_dates_of_the_old_system_are_not_dropped_without_a_word(bench: Bench, column: str) -> None:
    rows = [{**row, column: "2012-05-01T10:00:00Z"} for row in leads(2)]
    path = write_rows(bench.folder / "l.csv", rows)
    columns = dict.fromkeys(rows[0])
    job = declared(Insert("Leads", key="Legacy_ID"), path, {name: name for name in columns})
    with pytest.raises(UsageError, match=f"{column}.* can't be written"):
        bench.run(job)
    assert bench.audit()["creates"] == 0
    by_transform = bench.run(file_job(Insert("Leads", key="Legacy_ID"), path))
    assert by_transform.rows.failed == 2
    assert {row["field"] for row in read_rows(by_transform.files["errors"])} == {column}


def declared(write: Any, path: Any, columns: dict[str, str]) -> zmigrate.RecordJob:
    members = {
        "__module__": __name__,
        "write": write,
        "scopes": scopes_for(write),
        "source": lambda self: zmigrate.Csv(path),
        "columns": columns,
    }
    job: zmigrate.RecordJob = type("Declared", (zmigrate.RecordJob,), members)()
    return job


def test_create_is_not_announced_for_what_exists(bench: Bench) -> None:
    bench.seed(leads(30, start=11))
    path = write_rows(bench.folder / "l.csv", leads(100))
    job = file_job(Upsert("Leads", match_on="Legacy_ID"), path)
    with zmigrate.plan(job, credentials=credentials_of(bench.emulator), environ=bench.environ) as plan:
        assert (plan.counts.creates, plan.counts.updates) == (70, 30)
    result = bench.run(job)
    assert (result.rows.created, result.rows.updated) == (70, 30)


def test_a_key_repeated_in_the_file_is_not_dropped_silently(bench: Bench) -> None:
    rows = [*leads(150), {**leads(1)[0], "Company": "Another"}]
    path = write_rows(bench.folder / "l.csv", rows)
    job = file_job(Insert("Leads", key="Legacy_ID"), path)
    with zmigrate.plan(job, credentials=credentials_of(bench.emulator), environ=bench.environ) as plan:
        assert [(found.line, found.reason.code) for found in plan.rejects] == [(152, "DUPLICATE_IN_SOURCE")]
    result = bench.run(job)
    assert (result.rows.read, result.rows.created, result.rows.failed) == (151, 150, 1)
    [failed] = read_rows(result.files["errors"])
    assert (failed["line"], failed["code"]) == ("152", "DUPLICATE_IN_SOURCE")
    assert "line 2" in failed["message"]


def test_a_lookup_by_a_name_that_several_records_have_picks_none_of_them(bench: Bench) -> None:
    bench.seed([{"Account_Name": "Acme", "Legacy_ID": key} for key in "ab"], "Accounts")
    rows = [{"id": "1", "of": "Acme"}]
    write = Insert("Contacts", key="Legacy_ID")

    def contact(row: Any) -> dict[str, Any]:
        found = zmigrate.Find("Accounts", "Account_Name", row["of"])
        return {"Legacy_ID": row["id"], "Last_Name": "Doe", "Account_Name": found}

    result = bench.run(make(write, write_rows(bench.folder / "c.csv", rows), contact, ["Accounts"]))
    assert result.rows.failed == 1
    assert bench.records("Contacts") == []


def test_children_are_not_hung_on_records_of_another_org(bench: Bench, tmp_path: Any) -> None:
    bench.run(make(ACCOUNTS, write_rows(bench.folder / "a.csv", tree(("a", ""))), account))
    with zmigrate.emulator.Emulator(zmigrate.emulator.Options()) as other:
        there = Bench(other, bench.folder, environ=bench.environ)
        write = Insert("Contacts", key="Legacy_ID")

        def contact(row: Any) -> dict[str, Any]:
            return {"Legacy_ID": row["id"], "Last_Name": "Doe", "Account_Name": Ref("Accounts", row["of"])}

        path = write_rows(bench.folder / "c.csv", [{"id": "1", "of": "a"}])
        result = there.run(make(write, path, contact))
        assert (result.rows.created, result.rows.failed) == (0, 1)


@pytest.mark.parametrize("status", [200, 302, 400, 403])
def test_a_login_page_in_place_of_every_answer_pauses_a_run_and_blames_no_row(
    bench: Bench, status: int
) -> None:
    """A laptop changes its Wi-Fi midway. A resume goes on, and nothing is lost or doubled."""
    page = {"fault": "answer", "status": status, "body": "<html>Please log in</html>", "times": 1_000_000}
    job = file_job(Upsert("Leads", match_on="Legacy_ID"), write_rows(bench.folder / "l.csv", leads(3_000)))

    def transform(self: Any, row: Any) -> dict[str, Any]:
        if row["Legacy_ID"] == "L-001500" and bench.audit()["creates"]:
            bench.script({**page, "path": "/crm/*"})
        return dict(row)

    type(job).transform = transform  # type: ignore[method-assign]
    paused = bench.run(job)
    bench.script_clear()
    assert paused.error is not None
    assert (paused.exit_code, paused.error.code) == (4, "BLOCK_PAGE")
    assert paused.rows.failed == 0
    assert 0 < paused.rows.created < 3_000
    done = bench.resume(paused.run_id)
    assert (done.exit_code, done.rows.created, done.rows.failed) == (0, 3_000, 0)
    assert bench.audit()["creates"] == 3_000
