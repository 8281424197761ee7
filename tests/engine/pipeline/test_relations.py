"""Records that point at one another: parents first, circles, keys of earlier runs, and what is left open."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from zmigrate.ready_jobs.import_file import ImportFile

from tests.support import QUICK, Bench, read_rows, thorough, write_rows
from zmigrate import Csv, Find, Insert, RecordJob, Ref, Upsert, scopes_for
from zmigrate.emulator import Emulator, Options
from zmigrate.errors import JobError, UsageError
from zmigrate.events import RequestSent
from zmigrate.job.writes import Write

Transform = Callable[[Mapping[str, Any]], Mapping[str, Any]]

ACCOUNTS = Insert("Accounts", key="Legacy_ID")
CONTACTS = Insert("Contacts", key="Legacy_ID")


def make(write: Write, path: Path, transform: Transform, finds: Sequence[str] = ()) -> RecordJob:
    members = {
        "__module__": __name__,
        "write": write,
        "scopes": scopes_for(write, finds=finds, refers_to=(write.module,)),
        "source": lambda self: Csv(path),
        "transform": lambda self, row: transform(row),
    }
    job: RecordJob = type(f"Load{write.module}", (RecordJob,), members)()
    return job


def account(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Legacy_ID": row["id"],
        "Account_Name": row["name"],
        "Parent_Account": Ref("Accounts", row["parent"]),
    }


def tree(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """Accounts by (id, parent's id)."""
    return [{"id": key, "name": f"Account {key}", "parent": parent} for key, parent in pairs]


def parents(bench: Bench) -> dict[str, str | None]:
    """Each account's parent, by legacy ids, as the org has it."""
    records = bench.records("Accounts")
    names = {record["id"]: record["Legacy_ID"] for record in records}
    return {
        record["Legacy_ID"]: names[record["Parent_Account"]["id"]] if record.get("Parent_Account") else None
        for record in records
    }


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Emulator(Options()) as emulator:
        yield Bench(emulator, tmp_path)


def test_a_parent_further_down_in_the_file_is_written_first(bench: Bench) -> None:
    rows = tree(("a", "b"), ("b", "c"), ("c", ""), ("d", "a"), ("e", ""))
    result = bench.run(make(ACCOUNTS, write_rows(bench.folder / "a.csv", rows), account))
    assert (result.state, result.rows.created) == ("finished", 5)
    assert parents(bench) == {"a": "b", "b": "c", "c": None, "d": "a", "e": None}
    assert bench.audit("Accounts")["updates"] == 0


def test_the_result_files_tell_the_lines_of_the_file(bench: Bench) -> None:
    rows = tree(("a", "b"), ("b", ""), ("c", "nobody"))
    result = bench.run(make(ACCOUNTS, write_rows(bench.folder / "a.csv", rows), account))
    success = read_rows(result.files["success"])
    assert {row["key"]: (row["line"], row["zmigrate_id"], row["name"]) for row in success}.keys() == {
        "a",
        "b",
    }
    assert {row["key"]: row["line"] for row in success} == {"a": "2", "b": "3"}
    [failed] = read_rows(result.files["errors"])
    assert (failed["line"], failed["code"], failed["field"]) == ("4", "REFERENCE_OPEN", "Parent_Account")
    assert "'nobody'" in failed["message"]


def test_children_of_a_row_that_failed_fail_too(bench: Bench) -> None:
    rows = tree(("a", ""), ("b", "a"), ("c", "b"))
    rows[0]["name"] = "x" * 300
    result = bench.run(make(ACCOUNTS, write_rows(bench.folder / "a.csv", rows), account))
    assert (result.rows.created, result.rows.failed) == (0, 3)


def test_of_a_circle_one_row_takes_a_second_write_and_each_has_one_outcome(bench: Bench) -> None:
    rows = tree(("a", "c"), ("b", "a"), ("c", "b"), ("d", "d"), ("e", "a"))
    result = bench.run(make(ACCOUNTS, write_rows(bench.folder / "a.csv", rows), account))
    assert (result.rows.read, result.rows.created, result.rows.failed) == (5, 5, 0)
    assert parents(bench) == {"a": "c", "b": "a", "c": "b", "d": "d", "e": "a"}
    audit = bench.audit("Accounts")
    assert (audit["creates"], audit["updates"], audit["created_twice"]) == (5, 2, [])
    assert [row["action"] for row in read_rows(result.files["success"])] == ["created"] * 5


def test_a_circle_of_records_that_are_there_already_is_closed_too(bench: Bench) -> None:
    bench.seed([{"Legacy_ID": key, "Account_Name": "Old"} for key in "ab"], "Accounts")
    rows = tree(("a", "b"), ("b", "a"), ("c", "c"))
    write = Upsert("Accounts", match_on="Legacy_ID")
    result = bench.run(make(write, write_rows(bench.folder / "a.csv", rows), account))
    assert (result.rows.created, result.rows.updated, result.rows.failed) == (1, 2, 0)
    assert parents(bench) == {"a": "b", "b": "a", "c": "c"}


def test_a_circle_is_refused_beforehand_where_the_job_may_not_update(bench: Bench) -> None:
    job = make(ACCOUNTS, write_rows(bench.folder / "a.csv", tree(("a", "b"), ("b", "a"))), account)
    type(job).scopes = scopes_for(ACCOUNTS)
    with pytest.raises(JobError, match=r"missing: ZohoCRM\.modules\.accounts\.UPDATE"):
        bench.run(job)
    assert bench.audit("Accounts")["creates"] == 0


def test_a_link_that_zoho_refuses_fails_its_row_and_names_the_record(bench: Bench) -> None:
    rows = tree(("a", "b"), ("b", "a"))
    refusal = {"code": "INVALID_DATA", "details": {"api_name": "Parent_Account"}, "message": "invalid data"}
    answer = {"status": 400, "body": {"data": [{**refusal, "status": "error"}]}}
    bench.script({"fault": "answer", "method": "PUT", "path": "/crm/v8/Accounts", **answer})
    result = bench.run(make(ACCOUNTS, write_rows(bench.folder / "a.csv", rows), account))
    assert (result.rows.created, result.rows.failed) == (1, 1)
    [failed] = read_rows(result.files["errors"])
    ids = {record["Legacy_ID"]: record["id"] for record in bench.records("Accounts")}
    assert f"written as {ids[failed['key']]}" in failed["message"]
    assert failed["message"].endswith("correct that record by hand, and don't insert this row again")


def test_a_reference_to_what_an_earlier_run_wrote(bench: Bench) -> None:
    bench.run(make(ACCOUNTS, write_rows(bench.folder / "a.csv", tree(("a", ""), ("b", ""))), account))
    rows = [{"id": "1", "name": "Doe", "of": "b "}, {"id": "2", "name": "Roe", "of": ""}]
    path = write_rows(bench.folder / "c.csv", rows)

    def contact(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "Legacy_ID": row["id"],
            "Last_Name": row["name"],
            "Account_Name": Ref("Accounts", row["of"]),
        }

    result = bench.run(make(CONTACTS, path, contact))
    assert result.rows.created == 2
    ids = {record["Legacy_ID"]: record["id"] for record in bench.records("Accounts")}
    found = {record["Legacy_ID"]: record.get("Account_Name") for record in bench.records("Contacts")}
    assert found["1"]["id"] == ids["b"]
    assert not found["2"]


def test_the_id_map_is_built_again_when_it_is_thrown_away(bench: Bench) -> None:
    bench.run(make(ACCOUNTS, write_rows(bench.folder / "a.csv", tree(("a", ""))), account))
    for file in bench.folder.glob(".zmigrate/orgs/*/ids.db*"):
        file.unlink()
    bench.run(make(ACCOUNTS, write_rows(bench.folder / "b.csv", tree(("b", "a"))), account))
    assert parents(bench)["b"] == "a"


def find_by_name(when_open: Any = "fail") -> Transform:
    def contact(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "Legacy_ID": row["id"],
            "Last_Name": "Doe",
            "Account_Name": Find("Accounts", "Account_Name", row["of"], when_open),
        }

    return contact


def test_a_find_goes_by_what_the_org_has_and_is_asked_once_a_value(bench: Bench) -> None:
    first, second, third = bench.seed(
        [{"Account_Name": name} for name in ("Acme", "Twin", "Twin")], "Accounts"
    )
    rows = [{"id": str(n), "of": ["Acme", "Acme ", "Twin", "Nobody", ""][n % 5]} for n in range(500)]
    path = write_rows(bench.folder / "c.csv", rows)
    result = bench.run(make(CONTACTS, path, find_by_name(), ["Accounts"]))
    assert (result.rows.created, result.rows.failed) == (300, 200)
    found = [record.get("Account_Name") for record in bench.records("Contacts")]
    assert sum(bool(value) and value["id"] == first for value in found) == 200
    failed = read_rows(result.files["errors"])
    ambiguous = [row for row in failed if row["code"] == "REFERENCE_AMBIGUOUS"]
    assert len(ambiguous) == 100
    assert second in ambiguous[0]["message"]
    assert third in ambiguous[0]["message"]
    assert {row["code"] for row in failed} == {"REFERENCE_AMBIGUOUS", "REFERENCE_OPEN"}
    asked = [seen for seen in bench.seen(RequestSent) if seen.path.endswith("/coql")]
    assert len(asked) < 20


@pytest.mark.parametrize("when_open", ["fail", "leave_out"])
def test_a_find_by_a_number_goes_by_its_value(bench: Bench, when_open: Any) -> None:
    bench.post("fields/Accounts", {"api_name": "Old_No", "data_type": "integer"})
    seven, eight = bench.seed(
        [{"Account_Name": name, "Old_No": no} for name, no in (("A", 7), ("B", -8))], "Accounts"
    )
    rows = [{"id": str(n), "of": of} for n, of in enumerate(["007", "7", "-8", "²", "9" * 5_000])]

    def contact(row: Mapping[str, Any]) -> dict[str, Any]:
        found = Find("Accounts", "Old_No", row["of"], when_open)
        return {"Legacy_ID": row["id"], "Last_Name": "Doe", "Account_Name": found}

    job = make(CONTACTS, write_rows(bench.folder / "c.csv", rows), contact, ["Accounts"])
    with bench.plan(job) as plan:
        assert len(list(plan.rejects)) == (2 if when_open == "fail" else 0)
    bench.run(job)
    found = {
        record["Legacy_ID"]: (record.get("Account_Name") or {}).get("id")
        for record in bench.records("Contacts")
    }
    linked = {"0": seven, "1": seven, "2": eight}
    assert found == (linked if when_open == "fail" else {**linked, "3": None, "4": None})


def test_what_is_open_is_left_out_where_the_job_says_so(bench: Bench) -> None:
    path = write_rows(bench.folder / "c.csv", [{"id": "1", "of": "Nobody"}])
    result = bench.run(make(CONTACTS, path, find_by_name("leave_out"), ["Accounts"]))
    assert result.rows.created == 1
    assert not bench.records("Contacts")[0].get("Account_Name")


def test_what_cant_be_looked_up_is_not_taken_for_what_is_not_there(bench: Bench) -> None:
    bench.seed([{"Account_Name": "A\\B"}], "Accounts")
    path = write_rows(bench.folder / "c.csv", [{"id": "1", "of": "A\\B"}])
    job = make(CONTACTS, path, find_by_name("leave_out"), ["Accounts"])
    with bench.plan(job) as plan:
        assert [reject.reason.code for reject in plan.rejects] == ["REFERENCE_OPEN"]
    result = bench.run(job)
    assert (result.rows.created, result.rows.failed) == (0, 1)


def test_what_must_not_be_open_stops_the_run_before_its_first_write(bench: Bench) -> None:
    bench.seed([{"Account_Name": "Acme"}], "Accounts")
    rows = [{"id": "1", "of": "Acme"}, {"id": "2", "of": "Nobody"}]
    path = write_rows(bench.folder / "c.csv", rows)
    with pytest.raises(UsageError, match=r"line 3: Account_Name: .*'Nobody'"):
        bench.run(make(CONTACTS, path, find_by_name("stop"), ["Accounts"]))
    assert bench.audit("Contacts")["creates"] == 0


def test_keys_of_this_file_count_where_nothing_may_be_open(bench: Bench) -> None:
    def strict(row: Mapping[str, Any]) -> dict[str, Any]:
        return {**account(row), "Parent_Account": Ref("Accounts", row["parent"], when_open="stop")}

    rows = tree(("a", "b"), ("b", ""))
    assert bench.run(make(ACCOUNTS, write_rows(bench.folder / "a.csv", rows), strict)).rows.created == 2
    with pytest.raises(UsageError, match="'gone'"):
        bench.run(make(ACCOUNTS, write_rows(bench.folder / "b.csv", tree(("x", "gone"))), strict))


@pytest.mark.parametrize("seed", thorough(range(4)))
def test_any_family_tree_through_faults_and_kills(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    count = 250
    rows = tree(
        *[(f"k{n}", f"k{dice.randrange(count)}" if dice.random() < 0.7 else "") for n in range(count)]
    )
    faults = Options(seed=seed, rate_lost_answer=0.1, rate_5xx=0.05, rate_reset=0.05, rate_5xx_after=0.05)
    with Emulator(faults) as emulator:
        bench = Bench(emulator, tmp_path, environ=dict(QUICK))
        write = dice.choice([ACCOUNTS, Upsert("Accounts", match_on="Legacy_ID")])
        job = make(write, write_rows(tmp_path / "a.csv", rows), account)
        result = bench.run(job, limit=dice.randrange(1, count))
        while result.state != "finished":
            assert result.error is None
            result = bench.resume(limit=dice.randrange(50, count))
        assert (result.rows.created, result.rows.failed, result.rows.in_doubt) == (count, 0, 0)
        assert bench.audit("Accounts")["created_twice"] == []
        assert parents(bench) == {row["id"]: row["parent"] or None for row in rows}


def test_rows_of_a_database_refer_to_what_earlier_runs_wrote(bench: Bench) -> None:
    bench.run(make(ACCOUNTS, write_rows(bench.folder / "a.csv", tree(("a", ""))), account))
    with closing(sqlite3.connect(bench.folder / "old.db")) as old:
        old.execute("CREATE TABLE person (id TEXT, name TEXT, company TEXT)")
        old.executemany("INSERT INTO person VALUES (?,?,?)", [("1", "Doe", "a"), ("2", "Roe", "b")])
        old.commit()
    location = f"sqlite:///{bench.folder / 'old.db'}"
    job = ImportFile(
        file=location,
        select="select * from person",
        order_by="id",
        module="Contacts",
        operation="insert",
        key="Legacy_ID",
        field=['Legacy_ID="id"', 'Last_Name="name"', 'Account_Name={ref="Accounts", column="company"}'],
    )
    result = bench.run(job)
    assert (result.rows.created, result.rows.failed) == (1, 1)
    [contact] = bench.records("Contacts")
    [company] = bench.records("Accounts")
    assert contact["Account_Name"]["id"] == company["id"]


def test_a_damaged_id_map_is_built_again(bench: Bench) -> None:
    bench.run(make(ACCOUNTS, write_rows(bench.folder / "a.csv", tree(("a", ""), ("c", "a"))), account))
    [file] = bench.folder.glob(".zmigrate/orgs/*/ids.db")
    file.write_bytes(b"this is no database" * 1000)
    bench.run(make(ACCOUNTS, write_rows(bench.folder / "b.csv", tree(("b", "a"))), account))
    assert parents(bench)["b"] == "a"
