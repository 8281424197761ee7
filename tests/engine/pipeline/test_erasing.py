"""A field is erased where a job or a mapping says so, and nowhere else."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

import zmigrate
from tests.support import Bench, leads, read_rows, write_rows
from zmigrate import Blank, Csv, Insert, JsonLines, Query, RecordJob, Ref, Update, Upsert
from zmigrate.rows.sources import Source

WRITES = {
    "update": Update("Leads", key="Legacy_ID"),
    "upsert": Upsert("Leads", match_on="Legacy_ID"),
    "insert": Insert("Leads", key="Legacy_ID", on_existing="update"),
}


def a_job(
    write: Any, rows: Source, transform: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict
) -> RecordJob:
    more_scopes = [f"ZohoCRM.modules.{write.module.lower()}.UPDATE"] if write.operation == "insert" else []
    made = type(
        "Erases",
        (RecordJob,),
        {
            "__module__": __name__,
            "write": write,
            "scopes": (*zmigrate.scopes_for(write, rows), *more_scopes),
            "source": lambda self: rows,
            "transform": lambda self, row: transform(row),
        },
    )
    job: RecordJob = made()
    return job


def rows_of(bench: Bench, *rows: dict[str, str]) -> Csv:
    return Csv(write_rows(bench.folder / "rows.csv", rows))


def phones(bench: Bench) -> dict[str, Any]:
    return {record["Legacy_ID"]: record.get("Phone") for record in bench.records()}


def there(bench: Bench) -> list[str]:
    known = leads(2)
    return bench.seed([{**known[0], "Phone": "030 1"}, {**known[1], "Phone": "030 2"}])


@pytest.mark.parametrize("operation", [*WRITES])
def test_a_none_of_transform_leaves_the_field_alone_and_blank_erases_it(bench: Bench, operation: str) -> None:
    there(bench)
    rows = rows_of(bench, *leads(2))

    def transform(row: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**row, "Phone": None if row["Legacy_ID"] == "L-000001" else Blank}

    result = bench.run(a_job(WRITES[operation], rows, transform))
    assert (result.exit_code, result.rows.updated) == (0, 2)
    assert phones(bench) == {"L-000001": "030 1", "L-000002": None}
    with sqlite3.connect(Path(str(result.files["success"])).parent / "journal.db") as journal:
        bodies = [zlib.decompress(body) for (body,) in journal.execute("SELECT body FROM content")]
    sent = [record for body in bodies for record in orjson.loads(body)["data"]]
    told = {record["Last_Name"]: record.get("Phone", ...) for record in sent}
    assert told == {"Name 1": ..., "Name 2": None}


def test_rows_of_a_query_that_pass_through_erase_nothing(bench: Bench) -> None:
    there(bench)
    bench.seed([{**leads(1, start=3)[0]}])
    job = a_job(Update("Leads"), Query("select id, Phone, Last_Name from Leads where id is not null"))
    result = bench.run(job)
    assert (result.exit_code, result.rows.updated) == (0, 3)
    assert phones(bench) == {"L-000001": "030 1", "L-000002": "030 2", "L-000003": None}


def test_a_null_of_json_lines_erases_nothing(bench: Bench) -> None:
    there(bench)
    path = bench.folder / "rows.jsonl"
    path.write_text('{"Legacy_ID": "L-000001", "Phone": null, "Company": "New"}\n', encoding="utf-8")
    assert bench.run(a_job(WRITES["update"], JsonLines(path))).exit_code == 0
    assert phones(bench)["L-000001"] == "030 1"


def test_an_empty_list_of_a_dump_erases_nothing(bench: Bench) -> None:
    record = {**leads(1)[0], "Tag": [{"name": "VIP"}], "Interests": ["Hardware"]}
    (known,) = bench.seed([record])
    before = bench.records()
    dump = {"id": known, "Tag": [], "Interests": [], "Lead_Source": "-None-", "Company": "New"}
    path = bench.folder / "dump.jsonl"
    path.write_bytes(orjson.dumps(dump))
    job = a_job(Update("Leads"), JsonLines(path))
    assert not [warning for warning in bench.plan(job).warnings if warning.code == "ERASES"]
    assert bench.run(job).rows.updated == 1
    after = bench.records()
    same = ("Tag", "Interests", "Lead_Source")
    assert [{name: one.get(name) for name in same} for one in after] == [
        {name: one.get(name) for name in same} for one in before
    ]
    assert after[0]["Company"] == "New"


def test_an_empty_list_of_a_subform_keeps_its_rows_and_blank_erases_them(bench: Bench) -> None:
    rows = [{"Service_Date": "2024-01-02"}]
    (known,) = bench.seed([{"Name": "x", "Service_Log": rows}], "Legacy_Assets")
    path = bench.folder / "dump.jsonl"
    path.write_bytes(orjson.dumps({"id": known, "Name": "y", "Service_Log": []}))
    assert bench.run(a_job(Update("Legacy_Assets"), JsonLines(path))).rows.updated == 1
    (kept,) = bench.records("Legacy_Assets")
    assert (kept["Name"], len(kept["Service_Log"])) == ("y", 1)
    erase = a_job(Update("Legacy_Assets"), JsonLines(path), lambda row: {**row, "Service_Log": Blank})
    assert bench.run(erase).rows.updated == 1
    assert not bench.records("Legacy_Assets")[0]["Service_Log"]


def test_blank_in_a_new_record_is_left_out(bench: Bench) -> None:
    job = a_job(
        Insert("Leads", key="Legacy_ID"), rows_of(bench, *leads(1)), lambda row: {**row, "Phone": Blank}
    )
    assert bench.run(job).rows.created == 1


def test_blank_for_a_mandatory_field_is_refused_before_anything_is_sent(bench: Bench) -> None:
    there(bench)
    job = a_job(WRITES["update"], rows_of(bench, *leads(2)), lambda row: {**row, "Last_Name": Blank})
    result = bench.run(job)
    (first, _) = read_rows(result.files["errors"])
    assert (result.rows.failed, first["field"], first["code"]) == (2, "Last_Name", "MANDATORY_NOT_FOUND")
    assert all(record["Last_Name"].startswith("Name") for record in bench.records())


# -- nothing to write ------------------------------------------------------------------------------


def test_an_update_with_nothing_but_its_key_fails_if_there_is_no_such_record(bench: Bench) -> None:
    there(bench)
    rows = rows_of(
        bench, {"Legacy_ID": "nobody", "Phone": ""}, {"Legacy_ID": leads(1)[0]["Legacy_ID"], "Phone": ""}
    )
    job = a_job(WRITES["update"], rows)
    with bench.plan(job) as plan:
        assert (plan.counts.refused, plan.counts.unchanged) == (1, 1)
    result = bench.run(job)
    assert (result.rows.failed, result.rows.unchanged) == (1, 1)
    (failed,) = read_rows(Path(result.files["errors"]))
    assert (failed["key"], failed["code"]) == ("nobody", "KEY_NOT_FOUND")


@pytest.mark.parametrize("key", ["id", "Legacy_ID"])
def test_an_update_with_nothing_but_its_key_is_unchanged_and_not_sent(bench: Bench, key: str) -> None:
    ids = there(bench)
    known = {"id": ids[0], "Legacy_ID": "L-000001"}[key]
    other = {"id": ids[1], "Legacy_ID": "L-000002"}[key]
    rows = rows_of(bench, {key: known, "Phone": ""}, {key: other, "Phone": "030 9"})
    job = a_job(Update("Leads", key=key), rows)
    plan = bench.plan(job)
    counts = plan.counts
    assert (counts.updates, counts.unchanged, counts.sent, counts.refused) == (2, 1, 1, 0)
    assert "unsent" not in plan.to_json()
    assert plan.write_details(bench.folder / "details.csv") == 2
    assert [row["fate"] for row in read_rows(bench.folder / "details.csv")] == ["unchanged", "update"]
    result = bench.run(job)
    assert (result.exit_code, result.rows.unchanged, result.rows.updated) == (0, 1, 1)
    first = read_rows(result.files["success"])[0]
    assert (first["action"], first["key"]) == ("unchanged", known)
    assert ids[0] in (first.get("id"), first.get("zmigrate_id"))


def test_an_update_whose_only_reference_is_left_out_is_unchanged(bench: Bench) -> None:
    (account,) = bench.seed([{"Account_Name": "Acme", "Legacy_ID": "A1"}], "Accounts")

    def transform(row: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"id": row["id"], "Parent_Account": Ref("Accounts", "nobody", when_open="leave_out")}

    job = a_job(Update("Accounts"), rows_of(bench, {"id": account}), transform)
    result = bench.run(job)
    assert (result.exit_code, result.rows.unchanged, result.rows.updated) == (0, 1, 0)


@pytest.mark.parametrize("key", ["Legacy_ID", "Old_System_Ref"])
def test_an_insert_that_finds_its_record_and_has_nothing_else_to_write_leaves_it_unchanged(
    bench: Bench, key: str
) -> None:
    (known,) = bench.seed([{"Account_Name": "Acme", key: "A1"}], "Accounts")
    write = Insert("Accounts", key=key, on_existing="update")

    result = bench.run(a_job(write, rows_of(bench, {key: "A1"})))
    assert result.rows.failed + result.rows.unchanged == 1
    assert bench.records("Accounts")[0]["id"] == known


# -- the plan --------------------------------------------------------------------------------------


def test_the_plan_counts_the_values_that_would_be_erased_and_those_that_are_there(bench: Bench) -> None:
    bench.seed([{**leads(1)[0], "Phone": "030 1", "Email": None}, {**leads(1, start=2)[0]}])
    rows = rows_of(bench, *leads(3))
    job = a_job(WRITES["upsert"], rows, lambda row: {**row, "Phone": Blank, "Email": Blank})
    plan = bench.plan(job)
    told = [warning for warning in plan.to_json()["warnings"] if warning["code"] == "ERASES"]
    assert [(each["field"], each["count"]) for each in told] == [("Email", 2), ("Phone", 2)]
    assert [each["message"] for each in told] == [
        "Email would be erased in 2 records; 1 of them has a value in the org now",
        "Phone would be erased in 2 records; 1 of them has a value in the org now",
    ]


def test_a_plan_without_erasures_says_nothing_of_them(bench: Bench) -> None:
    there(bench)
    plan = bench.plan(a_job(WRITES["update"], rows_of(bench, *leads(2)), lambda row: {**row, "Phone": None}))
    assert not [warning for warning in plan.warnings if warning.code == "ERASES"]


def test_empty_blank_of_a_mapping_erases_for_an_empty_list_too(bench: Bench, tmp_path: Path) -> None:
    there(bench)
    (tmp_path / "in.jsonl").write_text('{"Legacy_ID": "L-000001", "tel": []}\n', encoding="utf-8")
    (tmp_path / "in.toml").write_text(
        'file = "in.jsonl"\nmodule = "Leads"\noperation = "update"\nkey = "Legacy_ID"\n'
        '[fields]\nPhone = { column = "tel", empty = "blank" }\n',
        encoding="utf-8",
    )
    (load,) = zmigrate.read_mapping(tmp_path / "in.toml")
    assert bench.run(zmigrate.LoadFile(load)).rows.updated == 1
    assert phones(bench)["L-000001"] is None


def test_empty_blank_of_a_mapping_erases(bench: Bench, tmp_path: Path) -> None:
    there(bench)
    write_rows(tmp_path / "in.csv", [{"Legacy_ID": "L-000001", "tel": ""}])
    (tmp_path / "in.toml").write_text(
        'file = "in.csv"\nmodule = "Leads"\noperation = "update"\nkey = "Legacy_ID"\n'
        '[fields]\nPhone = { column = "tel", empty = "blank" }\n',
        encoding="utf-8",
    )
    (load,) = zmigrate.read_mapping(tmp_path / "in.toml")
    result = bench.run(zmigrate.LoadFile(load))
    assert (result.rows.updated, phones(bench)["L-000001"]) == (1, None)


def test_an_owner_is_not_erased(bench: Bench) -> None:
    bench.seed([{"Last_Name": "x", "Legacy_ID": "1"}])
    job = a_job(WRITES["update"], rows_of(bench, {"Legacy_ID": "1"}), lambda row: {**row, "Owner": Blank})
    plan = bench.plan(job)
    assert (plan.counts.refused, "ERASES" in {each.code for each in plan.warnings}) == (1, False)
    ran = bench.run(job).to_json()
    (row,) = read_rows(ran["files"]["errors"])
    assert (row["field"], row["code"]) == ("Owner", "MANDATORY_NOT_FOUND")
