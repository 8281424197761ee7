"""What a plan tells of rows that would be refused: nothing that is not so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from zmigrate.ready_jobs.import_file import ImportFile

from tests.support import Bench, file_job, leads, write_rows
from zmigrate import Insert

INSERT = Insert("Leads", key="Legacy_ID")


def planned(bench: Bench, rows: list[dict[str, str]]) -> dict[str, Any]:
    plan = bench.plan(file_job(INSERT, write_rows(bench.folder / "rows.csv", rows)))
    return {warning.code: warning for warning in plan.warnings}


def test_an_owner_that_no_row_gets_is_not_called_unmapped(bench: Bench) -> None:
    told = planned(bench, [{**row, "Owner": "nobody@example.com"} for row in leads(2)])
    assert "NO_OWNER" not in told
    assert "NO_OWNER" in planned(bench, leads(2))


def test_a_field_of_the_layout_whose_values_are_all_bad_is_not_called_unmapped(bench: Bench) -> None:
    told = planned(bench, [{"Legacy_ID": "1", "Last_Name": "x", "Company": "c" * 500}])
    assert "UNFILLED_ON_LAYOUT" not in told


def test_a_key_whose_values_are_all_bad_is_not_called_unmapped(bench: Bench) -> None:
    rows = [{"Last_Name": "x", "Legacy_ID": "k" * 500}]
    plan = bench.plan(file_job(Insert("Leads"), write_rows(bench.folder / "rows.csv", rows)))
    assert "NO_KEY_FILLED" not in {warning.code for warning in plan.warnings}


def given(name: str, data_type: str, **more: Any) -> dict[str, Any]:
    """A field that can be written, as Zoho describes it."""
    may = {"api_create": True, "api_update": True}
    shown = {"create": True, "edit": True, "view": True}
    known = {"api_name": name, "field_label": name, "data_type": data_type, "json_type": "string"}
    return {**known, "length": 100, "operation_type": may, "view_type": shown, **more}


SWAPPED = [
    {"display_value": "Warm", "actual_value": "Cold"},
    {"display_value": "Hot", "actual_value": "Warm"},
]


def test_a_value_that_may_be_two_choices_is_told_as_ambiguous_and_not_as_missing(bench: Bench) -> None:
    names = [given("Last_Name", "text"), given("Legacy_ID", "text", unique={"casesensitive": True})]
    bench.post("fields/Leads", {"fields": [*names, given("Grade", "picklist", pick_list_values=SWAPPED)]})
    rows = [{"Legacy_ID": grade, "Last_Name": "x", "Grade": grade} for grade in ("Warm", "Hut")]
    told = planned(bench, rows)
    assert "'Hut' (1, nearest 'Hot')" in told["NOT_IN_PICK_LIST"].message
    assert (told["NOT_IN_PICK_LIST"].count, told["NOT_IN_PICK_LIST"].lines) == (1, (3,))
    assert "'Warm' (" not in told["NOT_IN_PICK_LIST"].message
    assert (told["AMBIGUOUS"].field, told["AMBIGUOUS"].count) == ("Grade", 1)
    assert told["AMBIGUOUS"].message.endswith("write the other name of the value that is meant")


@pytest.mark.parametrize("own", [{}, {"Kind": "x"}])
def test_a_row_with_a_state_column_is_told_its_other_faults_too(bench: Bench, own: dict[str, str]) -> None:
    row = {"Legacy_ID": "1", "Last_Name": "x", "$approved": True, "Email": "none", "Nowhere": 1, **own}
    path = bench.folder / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    job = ImportFile(
        file=str(path),
        module="Leads",
        operation="insert",
        key="Legacy_ID",
        field=['Rating = { column = "Kind", values = { hot = "Active" }, strict = true }'] if own else [],
    )
    found = {(one["field"], one["code"]) for one in bench.plan(job).to_json()["rejects"]}
    assert found == {
        ("$approved", "UNKNOWN_FIELD"),
        ("Email", "INVALID_DATA"),
        ("Nowhere", "UNKNOWN_FIELD"),
        *([("Rating", "NOT_IN_VALUES")] if own else []),
    }


def test_a_job_that_adds_to_what_its_mapping_gives_is_told_nothing_that_it_may_add(bench: Bench) -> None:
    class Adds(ImportFile):
        """Import a dump, with a name."""

        def transform(self, row: Mapping[str, Any]) -> dict[str, Any]:
            return {**super().transform(row), "Last_Name": "added"}

    path = bench.folder / "rows.jsonl"
    path.write_text(json.dumps({"Legacy_ID": "1", "$approved": True}) + "\n", encoding="utf-8")
    job = Adds(file=str(path), module="Leads", operation="insert", key="Legacy_ID")
    found = [(one["field"], one["code"]) for one in bench.plan(job).to_json()["rejects"]]
    assert found == [("$approved", "UNKNOWN_FIELD")]


def test_namesakes_within_the_file_are_not_told_as_records_of_the_org(bench: Bench) -> None:
    rows = [{"Last_Name": "x", "City": city} for city in ("Bern", "bern", "Basel")]
    path = write_rows(bench.folder / "rows.csv", rows)
    told = {each.code: each for each in bench.plan(file_job(Insert("Leads", key="City"), path)).warnings}
    assert "NAMESAKES" not in told
    assert (told["NAMESAKES_IN_FILE"].field, told["NAMESAKES_IN_FILE"].lines) == ("City", (3,))
    bench.seed([{"Last_Name": "old", "City": "BERN"}])
    told = {each.code: each for each in bench.plan(file_job(Insert("Leads", key="City"), path)).warnings}
    assert told["NAMESAKES"].count == 2
    assert "NAMESAKES_IN_FILE" not in told
