"""Fields as real orgs describe them, planned and written over a socket: subforms, tags, lookups that name
their module, lists given whole, encrypted fields, and names that are words of COQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from zmigrate.ready_jobs.import_file import ImportFile

from tests.support import Bench, read_rows
from zmigrate import Find, Insert, JsonLines, RecordJob, Update, Upsert, scopes_for
from zmigrate.emulator import Emulator, Options
from zmigrate.engine.storage.run_result import RunResult
from zmigrate.errors import UsageError


@pytest.fixture(scope="module")
def org() -> Iterator[Emulator]:
    with Emulator(Options()) as emulator:
        yield emulator


@pytest.fixture
def bench(org: Emulator, tmp_path: Path) -> Bench:
    made = Bench(org, tmp_path)
    made.post("reset", {})
    return made


def put(bench: Bench, rows: Iterable[Mapping[str, Any]], name: str = "rows.jsonl") -> str:
    path = bench.folder / name
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return str(path)


def loaded(bench: Bench, module: str, rows: Iterable[Mapping[str, Any]], **options: Any) -> RunResult:
    """What a run of the rows gives, after a plan that foresees it."""
    given = {"module": module, "operation": "insert", **options}
    job = ImportFile(file=put(bench, rows), **given)
    with bench.plan(job) as plan:
        foreseen = plan.counts.creates, plan.counts.refused
    result = bench.run(job, again=True)
    assert foreseen == (result.rows.created, result.rows.failed)
    return result


ASSET = {"Name": "Press"}
LOG = [{"Service_Date": "2024-01-02", "Hours": 1.5}, {"Service_Date": "2024-02-03", "Work": "Oil"}]


def test_the_rows_of_a_subform_and_tags_are_written(bench: Bench) -> None:
    tags = [{"name": "VIP"}, {"name": "Old CRM"}]

    assert loaded(bench, "Legacy_Assets", [{**ASSET, "Service_Log": LOG, "Tag": tags}]).rows.created == 1

    (record,) = bench.records("Legacy_Assets")
    assert [row["Service_Date"] for row in record["Service_Log"]] == ["2024-01-02", "2024-02-03"]
    assert [tag["name"] for tag in record["Tag"]] == ["VIP", "Old CRM"]


def test_a_subform_takes_as_many_rows_as_its_layout_says_in_plan_and_run(bench: Bench) -> None:
    bench.post("fields/Legacy_Assets", {"api_name": "Service_Log", "max_rows": 25})
    few, many = ([{"Service_Date": "2024-01-02"}] * count for count in (25, 26))

    result = loaded(bench, "Legacy_Assets", [{**ASSET, "Service_Log": rows} for rows in (few, many)])

    (error,) = read_rows(result.files["errors"])
    assert (error["line"], error["code"], error["field"]) == ("2", "LIMIT_EXCEEDED", "Service_Log")


def test_a_reference_of_the_mapping_finds_the_parent_of_a_note_and_names_its_module(bench: Bench) -> None:
    loaded(bench, "Leads", [{"Legacy_ID": "K1", "Last_Name": "A"}], key="Legacy_ID")
    (lead,) = bench.records()
    notes = [{"lead": "K1", "Note_Content": "Called"}, {"lead": "nobody", "Note_Content": "x"}]

    result = loaded(bench, "Notes", notes, field=['Parent_Id={ref="Leads",column="lead"}'])

    (note,) = bench.records("Notes")
    assert (note["Parent_Id"]["module"]["api_name"], note["Parent_Id"]["id"]) == ("Leads", lead["id"])
    assert [row["line"] for row in read_rows(result.files["errors"])] == ["2"]


def test_the_parent_of_a_note_goes_as_a_dump_has_it(bench: Bench) -> None:
    (lead,) = bench.seed([{"Last_Name": "A"}])
    parent = {"id": lead, "name": "A", "module": {"api_name": "Leads", "id": "1"}}

    assert loaded(bench, "Notes", [{"Parent_Id": parent, "Note_Content": "x"}]).rows.created == 1


def test_a_lookup_to_several_modules_names_the_one_that_is_found(bench: Bench) -> None:
    bench.seed([{"Last_Name": "A", "Email": "a@example.com"}], module="Contacts")
    (service,) = bench.seed([{"Service_Name": "Fitting"}], module="Services__s")

    class Import(RecordJob):
        """Import appointments."""

        write = Insert("Appointments__s")
        scopes = scopes_for(write, finds=["Contacts"])

        def source(self) -> Any:
            return JsonLines(put(bench, [{"who": "a@example.com"}]))

        def transform(self, row: Any) -> Any:
            return {
                "Appointment_Name": "First",
                "Appointment_For": Find("Contacts", "Email", row["who"]),
                "Service_Name": service,
                "Appointment_Start_Time": "2024-03-31T09:30:00+02:00",
            }

    result = bench.run(Import())

    assert result.rows.created == 1, read_rows(result.files["errors"])
    (record,) = bench.records("Appointments__s")
    assert record["Appointment_For"]["module"]["api_name"] == "Contacts"


def test_the_prices_of_a_price_book_go_whole(bench: Bench) -> None:
    prices = [{"from_range": 1, "to_range": 10, "discount": 5}]

    loaded(bench, "Price_Books", [{"Price_Book_Name": "A", "Pricing_Details": prices}])

    (book,) = bench.records("Price_Books")
    assert [price["discount"] for price in book["Pricing_Details"]] == [5]


def test_a_scheduled_call_needs_no_duration(bench: Bench) -> None:
    start = "2024-03-31T09:30:00+02:00"
    call = {"Subject": "a", "Call_Type": "Outbound", "Call_Start_Time": start}
    rows = [{**call, "Outbound_Call_Status": "Scheduled"}, call]

    assert (loaded(bench, "Calls", rows).rows.created) == 1


# -- keys ------------------------------------------------------------------------------------------


def writes(bench: Bench) -> list[Any]:
    return list(bench.get("writes"))


@pytest.mark.parametrize(
    ("operation", "options"),
    [
        ("insert", {"key": "Secret"}),
        ("insert", {"key": "Secret", "on_existing": "skip"}),
        ("update", {"key": "Secret"}),
        ("delete", {"key": "Secret"}),
        ("upsert", {"match_on": "Secret"}),
        ("insert", {"field": ['Referred_By={find="Leads",by="Secret",column="old"}']}),
        ("insert", {"field": ['Referred_By={ref="Leads",by="Secret",column="old"}']}),
    ],
)
def test_an_encrypted_field_is_no_key_for_plan_and_run(
    bench: Bench, operation: str, options: dict[str, Any]
) -> None:
    bench.post("fields/Leads", {"api_name": "Secret", "unique": True, "encrypted": True})
    if "field" in options:
        bench.post("fields/Leads", {"api_name": "Referred_By", "data_type": "lookup", "lookup": "Leads"})
    path = put(bench, [{"Secret": "a", "Last_Name": "A"} | ({"old": "b"} if "field" in options else {})])
    job = ImportFile(file=path, module="Leads", operation=operation, **options)

    for ask in (bench.plan, bench.run):
        with pytest.raises(UsageError, match="encrypted"):
            ask(job)
    assert writes(bench) == []


@pytest.mark.parametrize("name", ["External", "Order", "Group"])
@pytest.mark.parametrize("write", [Update, Upsert])
def test_a_field_named_like_a_word_of_coql_is_a_key_like_any_other(
    bench: Bench, name: str, write: Any
) -> None:
    bench.post("fields/Leads", {"api_name": name, "unique": True})
    bench.seed([{name: "a", "Last_Name": "Before"}])
    operation, key = ("update", "key") if write is Update else ("upsert", "match_on")
    options = {"operation": operation, key: name}
    job = ImportFile(file=put(bench, [{name: "a", "Last_Name": "After"}]), module="Leads", **options)

    with bench.plan(job) as plan:
        assert plan.counts.updates == 1
    assert bench.run(job).rows.updated == 1
    assert [record["Last_Name"] for record in bench.records()] == ["After"]


def test_an_address_of_a_deleted_and_an_active_user_is_the_active_ones(bench: Bench) -> None:
    person = {"full_name": "Kim Roe", "email": "kim@example.com"}
    bench.post("users", [{**person, "status": "deleted"}])
    answer = bench.post("users", [{**person, "invited_again": True}])

    loaded(bench, "Leads", [{"Last_Name": "A", "Owner": {"id": "999", "email": "kim@example.com"}}])

    (lead,) = bench.records()
    assert lead["Owner"]["id"] == str(answer["ids"][-1])


def test_an_encrypted_field_is_no_part_of_a_key_either(bench: Bench) -> None:
    bench.post("fields/Leads", {"api_name": "Secret", "encrypted": True})
    path = put(bench, [{"Secret": "a", "Last_Name": "A"}])
    job = ImportFile(file=path, module="Leads", operation="update", key="Last_Name+Secret")

    with pytest.raises(UsageError, match="encrypted"):
        bench.run(job)
    assert writes(bench) == []


def test_a_key_that_zoho_understands_in_no_way_is_told_before_the_first_write(bench: Bench) -> None:
    bench.post("fields/Leads", {"api_name": "External", "unique": True})
    not_understood = {"code": "SYNTAX_ERROR", "details": {}, "message": "odd", "status": "error"}
    refusal = {"path": "/crm/v8/coql", "fault": "answer", "status": 400, "body": not_understood}
    path = put(bench, [{"External": "a", "Last_Name": "A"}])
    job = ImportFile(file=path, module="Leads", operation="insert", key="External")

    for ask in (bench.plan, bench.run):
        bench.script(*[refusal] * 3)
        with pytest.raises(UsageError, match="can't be found by External"):
            ask(job)
        bench.script_clear()
    assert writes(bench) == []
