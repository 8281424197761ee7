"""Attacks on the promises: each lost, doubled or miscounted a record once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.victim import environ_for, importing
from tests.support import Bench, file_job, leads, read_rows, write_rows
from zmigrate import Delete, Insert, Job, Query, RecordJob, Update, Upsert, scopes_for
from zmigrate.engine.preflight.target import find_target
from zmigrate.errors import RunError, UsageError
from zmigrate.events import BatchDone, Event
from zmigrate.zoho.metadata import read_fields

LEADS = {"method": "POST", "path": "/crm/v8/Leads"}
UPSERT = {"method": "POST", "path": "/crm/v8/Leads/upsert"}
SOMEBODY_ELSE = "5545974000000999999"


def load(bench: Bench, write: Insert | Update | Upsert | Delete, rows: list[dict[str, str]]):  # type: ignore[no-untyped-def]
    return bench.run(file_job(write, write_rows(bench.folder / "rows.csv", rows)))


# -- keys ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["Legacy_Created_Time", "Description", "Owner", "Annual_Revenue"])
def test_a_field_whose_values_cant_be_compared_surely_is_no_key(key: str, bench: Bench) -> None:
    rows = [{**row, key: "1"} for row in leads(3)]
    with pytest.raises(UsageError, match=f"Leads.{key} can't be a key"):
        load(bench, Insert("Leads", key=key), rows)
    assert bench.audit()["creates"] == 0


def test_a_whole_number_is_found_again_however_it_is_written(bench: Bench) -> None:
    rows = [{**row, "No_of_Employees": f"{number:04}"} for number, row in enumerate(leads(100), start=1)]
    bench.script({**LEADS, "fault": "lost_answer"})
    result = load(bench, Insert("Leads", key="No_of_Employees"), rows)
    assert result.rows.created == 100
    assert bench.audit()["creates"] == 100


@pytest.mark.parametrize(
    ("data_type", "one", "other", "same"),
    [("bigint", "007", "7", True), ("integer", "7", " 7", True), ("text", "007", "7", False)],
)
def test_keys_are_equal_as_their_fields_type_says(data_type: str, one: str, other: str, same: bool) -> None:
    fields = read_fields("Leads", {"fields": [{"api_name": "Old_Id", "data_type": data_type}]}, {})
    target = find_target(Insert("Leads", key="Old_Id"), fields, ())
    assert (target.fold(one) == target.fold(other)) is same
    assert target.number is (data_type != "text")


def test_two_spellings_of_one_id_are_one_record_behind_the_fence(bench: Bench) -> None:
    """The first update is applied late: the second, whose id has blanks around it, waits for it."""
    (record,) = bench.seed(leads(1))
    bench.script({**LEADS, "method": "PUT", "fault": "late", "delay_s": 0.15})
    rows = [{"id": record, "City": "first"}, {"id": f" {record} ", "City": "second"}]
    filler = [{"id": found, "City": "x"} for found in bench.seed(leads(99, start=2))]
    load(bench, Update("Leads", on_repeated="each"), [rows[0], *filler, rows[1]])
    assert {found["id"]: found["City"] for found in bench.records()}[record] == "second"


def test_an_upsert_does_not_follow_an_id_past_its_key(bench: Bench) -> None:
    (record,) = bench.seed(leads(1))
    result = load(bench, Upsert("Leads", match_on="Legacy_ID"), [{**leads(1)[0], "id": record}])
    assert result.rows.failed == 1
    assert read_rows(result.files["errors"])[0]["code"] == "ID_IN_UPSERT"


# -- whose record is it ----------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["Legacy_ID", "Old_System_Ref"])
def test_another_users_record_is_not_ours_although_no_write_was_answered_yet(key: str, bench: Bench) -> None:
    """The first and only request is lost before it is applied, and somebody makes the record meanwhile."""
    bench.script({**LEADS, "fault": "reset"})
    bench.seed(leads(3, key=key), created_by=SOMEBODY_ELSE, created_time="2099-01-01T00:00:00+00:00")
    result = load(bench, Insert("Leads", key=key), leads(3, key=key))
    created = bench.audit(key=key)["creates"]
    assert result.rows.created == created
    assert result.rows.failed == 3 - created


@pytest.mark.parametrize("write", [Insert("Leads", key="Legacy_ID"), Upsert("Leads", match_on="Legacy_ID")])
def test_a_record_made_by_us_a_moment_before_the_run_was_there_before(
    write: Insert | Upsert, bench: Bench
) -> None:
    bench.seed(leads(50))
    bench.script({**LEADS, "fault": "lost_answer"}, {**UPSERT, "fault": "lost_answer"})
    result = load(bench, write, leads(50))
    assert result.rows.created == 0
    assert (result.rows.updated, result.rows.failed) in {(50, 0), (0, 50)}


def test_a_lost_insert_whose_repetition_is_refused_for_two_reasons_was_created(bench: Bench) -> None:
    """The record is there; and its e-mail has become invalid in the meantime."""
    bench.script({**LEADS, "fault": "lost_answer"})
    broken_once: list[bool] = []

    def spoil(event: Event) -> None:
        if not broken_once and bench.audit()["creates"] == 3:
            broken_once.append(True)
            bench.post("fields/Leads", {"api_name": "Company", "length": 3})

    path = write_rows(bench.folder / "rows.csv", leads(3))
    result = bench.run(file_job(Insert("Leads", key="Legacy_ID"), path), listeners=(spoil,))
    assert broken_once
    assert (result.rows.created, result.rows.failed) == (3, 0)


def test_an_id_that_stands_twice_is_deleted_once(bench: Bench) -> None:
    ids = bench.seed(leads(101))
    bench.script({"method": "DELETE", "path": "/crm/v8/Leads", "fault": "lost_answer", "skip": 1, "times": 1})
    rows = [{"id": record} for record in [*ids[:100], ids[100], ids[0]]]
    result = load(bench, Delete("Leads"), rows)
    assert (result.rows.deleted, result.rows.skipped, result.rows.failed) == (101, 1, 0)
    assert bench.audit()["deletes"] == 101


# -- sources ---------------------------------------------------------------------------------------


def test_a_file_rewritten_during_the_run_pauses_it(bench: Bench) -> None:
    """As long as before and with as many rows: only a look at the file tells."""
    path = write_rows(bench.folder / "leads.csv", leads(9_000))
    original = path.read_bytes()

    def rewrite(event: Event) -> None:
        if isinstance(event, BatchDone) and path.read_bytes() == original:
            write_rows(path, list(reversed(leads(9_000))))

    result = bench.run(file_job(Insert("Leads", key="Legacy_ID"), path), listeners=(rewrite,))
    assert (result.state, result.exit_code) == ("paused", 4)
    assert result.error is not None
    assert result.error.code == "SOURCE_CHANGED"
    path.write_bytes(original)
    assert bench.resume().rows.created == 9_000
    assert bench.audit()["created_twice"] == []


def test_a_query_of_the_module_that_it_inserts_into_is_refused(bench: Bench) -> None:
    query = Query("select id, Last_Name from Leads where Last_Name is not null")

    class Copy(RecordJob):
        write = Insert("Leads")
        scopes = scopes_for(write, query)

        def source(self) -> Query:
            return query

        def transform(self, row):  # type: ignore[no-untyped-def]
            return {"Last_Name": row["Last_Name"]}

    bench.seed(leads(3))
    with pytest.raises(UsageError, match="never end"):
        bench.run(Copy())


def test_a_second_loop_over_the_same_records_is_a_loop_of_its_own(bench: Bench) -> None:
    bench.seed(leads(5))

    class Twice(Job):
        scopes = ("ZohoCRM.modules.leads.READ",)

        def run(self, ctx):  # type: ignore[no-untyped-def]
            for _ in range(2):
                for _ in ctx.each(ctx.crm.records("Leads", fields=["id"])):
                    pass

    assert bench.run(Twice()).rows.read == 10


def test_a_copy_of_a_file_that_was_inserted_is_not_inserted_again(bench: Bench) -> None:
    path = write_rows(bench.folder / "leads.csv", leads(10))
    write = Insert("Leads", key="Old_System_Ref")
    rows = [{**row, "Old_System_Ref": row["Legacy_ID"], "Legacy_ID": ""} for row in leads(10)]
    write_rows(path, rows)
    bench.run(file_job(write, path))
    copy = Path(shutil.copy(path, bench.folder / "copy.csv"))
    with pytest.raises(RunError, match="inserted already"):
        bench.run(file_job(write, copy))


# -- endings ---------------------------------------------------------------------------------------


def test_an_outage_while_upserting_on_a_plain_field_pauses(bench: Bench) -> None:
    bench.script({**UPSERT, "fault": "reset", "times": 10_000})
    result = load(bench, Upsert("Leads", match_on="Email"), leads(3_000))
    assert (result.state, result.exit_code) == ("paused", 4)
    assert result.rows.in_doubt == 0
    bench.post("reset", {})
    assert bench.resume().rows.created == 3_000


def test_a_reader_of_stderr_that_goes_away_does_not_end_the_run(bench: Bench) -> None:
    path = write_rows(bench.folder / "leads.csv", leads(5_000))
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "zmigrate", *importing(path, "Legacy_ID"), "--yes", "--json"]
    ran = subprocess.run(
        command, cwd=bench.folder, env=environ_for(bench), stdout=subprocess.PIPE, stderr=writing, check=False
    )
    os.close(writing)
    assert b'"state": "finished"' in ran.stdout
    assert ran.returncode == 0
    assert bench.audit()["creates"] == 5_000


def test_a_result_file_that_cant_be_replaced_pauses_and_the_resume_writes_it(bench: Bench) -> None:
    path = write_rows(bench.folder / "leads.csv", leads(300))

    def block(event: Event) -> None:
        for folder in bench.folder.glob(".zmigrate/runs/*"):
            (folder / "success.csv").mkdir(exist_ok=True)

    result = bench.run(file_job(Insert("Leads", key="Legacy_ID"), path), listeners=(block,))
    assert (result.state, result.exit_code) == ("paused", 4)
    assert result.error is not None
    assert "success.csv" in result.error.message
    (folder,) = bench.folder.glob(".zmigrate/runs/*")
    (folder / "success.csv").rmdir()
    result = bench.resume()
    assert (result.state, result.rows.created) == ("finished", 300)
    assert len(read_rows(result.files["success"])) == 300
