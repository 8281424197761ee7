"""Escapes of a result file that is not known as one: they would be written to Zoho."""

from __future__ import annotations

from pathlib import Path

import pytest
from zmigrate.ready_jobs.import_file import ImportFile

from tests.rows.workbooks import xlsx
from tests.support import Bench, file_job, write_rows
from zmigrate import Insert
from zmigrate.errors import UsageError
from zmigrate.events import Log

INSERT = Insert("Leads", key="Legacy_ID")
LEAD = {"Legacy_ID": "1", "Last_Name": "Doe", "Company": "C"}
ERRORS = ["line", "key", "field", "code", "message"]


def rows_with(*notes: str) -> list[dict[str, str]]:
    return [{**LEAD, "Legacy_ID": str(n), "Description": note} for n, note in enumerate(notes)]


def test_a_plan_warns_of_values_that_seem_to_be_escaped(bench: Bench) -> None:
    rows = rows_with("'- call back", "plain", "'quoted'", "'=see file", "'@home", "'+49 30")
    plan = bench.plan(file_job(INSERT, write_rows(bench.folder / "rows.csv", rows)))
    (told,) = (warning for warning in plan.warnings if warning.code == "ESCAPED")
    assert (told.field, told.count, told.lines) == ("Description", 4, (2, 5, 6))
    assert "as an escape?" in told.message


def test_a_run_warns_of_them_too(bench: Bench) -> None:
    bench.run(file_job(INSERT, write_rows(bench.folder / "rows.csv", rows_with("'- call back"))))
    told = [
        log.message for log in bench.seen(Log) if log.level == "warning" and "as an escape?" in log.message
    ]
    assert len(told) == 1
    assert "Description" in told[0]


def test_escapes_of_a_result_file_are_no_reason_to_warn(bench: Bench) -> None:
    row = dict.fromkeys(ERRORS, "") | LEAD | {"Description": "''=his own"}
    path = write_rows(bench.folder / "errors.csv", [row])
    plan = bench.plan(ImportFile(file=str(path), module="Leads", operation="insert", key="Legacy_ID"))
    assert "ESCAPED" not in {warning.code for warning in plan.warnings}


def errors_workbook(folder: Path) -> Path:
    header = [*ERRORS, *LEAD, "Description"]
    return xlsx(folder, [header, [2, "1", "Rating", "INVALID_DATA", "bad", *LEAD.values(), "'- call back"]])


def test_escapes_of_an_errors_file_saved_as_a_workbook_are_undone(bench: Bench) -> None:
    bench.run(
        ImportFile(
            file=str(errors_workbook(bench.folder)),
            module="Leads",
            operation="insert",
            key="Legacy_ID",
            ignore_column=ERRORS,
        )
    )
    (record,) = bench.records()
    assert record["Description"] == "- call back"


def test_an_errors_file_that_is_not_known_as_one_is_named(bench: Bench) -> None:
    job = ImportFile(
        file=str(errors_workbook(bench.folder)), module="Leads", operation="insert", key="Legacy_ID"
    )
    with pytest.raises(UsageError) as caught:
        bench.plan(job)
    assert "This is zmigrate's errors.csv, changed since. Load the CSV as" in (caught.value.hint or "")
