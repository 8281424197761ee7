"""The ready-made jobs import-csv and import-file with a mapping, on files as they come."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import zmigrate.samples
from zmigrate.ready_jobs.import_csv import ImportCsv
from zmigrate.ready_jobs.import_file import ImportFile

from tests.rows.mappings import put
from tests.support import Bench, credentials_of, read_rows
from zmigrate.emulator import Emulator, Options
from zmigrate.engine.entry import plan
from zmigrate.errors import JobError, SourceError, UsageError
from zmigrate.events import Log
from zmigrate.job.columns import DeclaredColumns
from zmigrate.job.job import options
from zmigrate.rows.sources.of_job import missing_scopes

SAMPLES = Path(str(files(zmigrate.samples)))
LEADS = {"module": "Leads", "operation": "insert"}


@pytest.fixture(scope="module")
def org() -> Iterator[Emulator]:
    with Emulator(Options()) as emulator:
        yield emulator


@pytest.fixture
def bench(org: Emulator, tmp_path: Path) -> Bench:
    made = Bench(org, tmp_path)
    made.post("reset", {})
    return made


def outcome(bench: Bench, job: Any) -> dict[str, int]:
    return {name: count for name, count in bench.run(job).to_json()["rows"].items() if count}


# ----------------------------------------------------------------------------------------------- the samples


def test_the_sample_mapping_loads_the_old_deals(bench: Bench) -> None:
    bench.seed([{"Last_Name": "Köhler", "Email": "greta@example.com"}], module="Contacts")
    job = ImportCsv(file=SAMPLES / "old_deals.csv", mapping=SAMPLES / "mapping.toml")
    assert missing_scopes(job) == ()
    assert outcome(bench, job) == {"read": 8, "created": 7, "skipped": 1}
    deals = {deal["Legacy_ID"]: deal for deal in bench.records("Deals")}
    won = deals["D-1001"]
    assert (won["Stage"], won["Amount"], won["Closing_Date"]) == ("Closed Won", 12480.0, "2024-03-15")
    assert (won["Product"], won["Lead_Source"], won["Type"]) == ("GTX PRO", "Trade Show", "Existing Business")
    assert won["Deal_Name"] == "Köhler & Söhne: gtx pro / 2023 / EU"
    assert won["Contact_Name"]["name"] == "Köhler"
    assert {tag["name"] for tag in won["Tag"]} == {"renewal", "emea"}
    assert deals["D-1002"]["Owner"]["name"] == "Tom Okafor"
    assert deals["D-1003"]["Owner"]["name"] == "Tom Okafor"  # the successor of one who left
    assert deals["D-1003"]["Deal_Name"] == "MG Special / 2024 / US"
    assert deals["D-1007"]["Owner"]["name"] == "Mira Berger"  # nobody knows who it was
    assert deals["D-1007"]["Stage"] == "Qualification"
    assert deals["D-1004"]["Closing_Date"] == "2024-12-31"
    assert deals["D-1008"].get("Amount") is None


def test_the_sample_mapping_loads_the_old_assets_and_what_was_done_to_them(bench: Bench) -> None:
    job = ImportCsv(file=SAMPLES / "old_assets.csv", mapping=SAMPLES / "mapping.toml")
    assert outcome(bench, job) == {"read": 3, "created": 3}
    assets = {asset["Legacy_ID"]: asset for asset in bench.records("Legacy_Assets")}
    forklift = assets["7001"]
    assert (forklift["Condition"], forklift["Purchase_Price"], forklift["Insured"]) == ("Open", 18500.0, True)
    assert forklift["Inspected_At"].startswith("2024-02-01T")
    assert [(row["Service_Date"], row["Work"], row["Hours"]) for row in forklift["Service_Log"]] == [
        ("2022-05-10", "Oil change", 1.5),
        ("2023-05-12", "New tyres", 3.25),
    ]
    assert not assets["7002"].get("Service_Log")
    assert assets["7003"]["Caretaker"]["name"] == "Tom Okafor"


# ----------------------------------------------------------------------------------------- files as they come

ROWS = [("L-1", 'Köhler "Nord"', "1.234,50"), ("L-2", "two\nlines", ""), ("L-3", '=cmd|" /C calc"!A0', "7")]
RULES = {
    "field": ['Legacy_ID = "id"', 'Last_Name = { column = "name", trim = true }'],
    "map": ["worth=Annual_Revenue"],
    "decimal": ",",
    "thousands": ".",
}


def text_of(delimiter: str) -> str:
    lines = [("id", "name", "worth"), *ROWS]
    return (
        "\r\n".join(
            delimiter.join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in lines
        )
        + "\r\n"
    )


@pytest.mark.parametrize(
    ("name", "content", "more"),
    [
        ("old.csv", text_of(";").encode("utf-8-sig"), {}),
        ("old.csv", text_of("\t").encode("utf-16"), {}),
        ("old.csv", text_of(";").encode("latin-1"), {"encoding": "latin-1"}),
        ("old.txt", text_of("|").encode(), {}),
        ("old.csv.gz", gzip.compress(text_of(",").encode()), {}),
    ],
    ids=["semicolons and BOM", "UTF-16", "Latin-1", "pipes", "gzip"],
)
def test_a_dirty_file_is_loaded_by_rules_as_it_stands(
    bench: Bench, name: str, content: bytes, more: dict[str, str]
) -> None:
    path = bench.folder / name
    path.write_bytes(content)
    jobs = [ImportFile(file=str(path), **LEADS, **RULES, **more)]
    if not name.endswith(".gz"):
        jobs.append(ImportCsv(file=path, **LEADS, **RULES, **more))
    for job in jobs:
        bench.post("reset", {})
        assert outcome(bench, job) == {"read": 3, "created": 3}
        leads = {
            lead["Legacy_ID"]: (lead["Last_Name"], lead.get("Annual_Revenue")) for lead in bench.records()
        }
        assert leads == {"L-1": (ROWS[0][1], 1234.5), "L-2": (ROWS[1][1], None), "L-3": (ROWS[2][1], 7.0)}


def test_a_formula_is_escaped_in_what_we_write_and_the_line_is_the_file_s_own(bench: Bench) -> None:
    path = put(bench.folder / "old.csv", 'id,name,worth\n1,"two\nlines",\n2,=1+1,many\n')
    result = bench.run(ImportCsv(file=path, **LEADS, **RULES))
    (failed,) = read_rows(result.to_json()["files"]["errors"])
    assert (failed["line"], failed["field"], failed["name"]) == ("4", "Annual_Revenue", "'=1+1")


def test_three_hundred_columns_of_which_three_are_used(bench: Bench) -> None:
    columns = [f"column {number}" for number in range(300)]
    path = put(
        bench.folder / "old.csv", ",".join(columns) + "\n" + ",".join(f"v{n}" for n in range(300)) + "\n"
    )
    used = {"column 0": "Legacy_ID", "column 150": "Last_Name", "column 299": "Company"}
    job = ImportCsv(
        file=path,
        **LEADS,
        map=[f"{column}={field}" for column, field in used.items()],
        ignore_column=[column for column in columns if column not in used],
    )
    assert outcome(bench, job) == {"read": 1, "created": 1}
    (lead,) = bench.records()
    assert (lead["Legacy_ID"], lead["Last_Name"], lead["Company"]) == ("v0", "v150", "v299")


def test_an_update_leaves_a_field_alone_whose_cell_is_empty_unless_it_is_to_be_blanked(bench: Bench) -> None:
    bench.seed([{"Legacy_ID": "1", "Last_Name": "A", "City": "Köln", "Country": "Germany"}])
    lines = put(bench.folder / "old.jsonl", '{"Legacy_ID": "1", "City": null, "land": null}\n')
    job = ImportFile(
        file=str(lines),
        module="Leads",
        operation="update",
        key="Legacy_ID",
        field=['Country = { column = "land", empty = "blank" }'],
    )
    assert outcome(bench, job) == {"read": 1, "updated": 1}
    (lead,) = bench.records()
    assert (lead["City"], lead.get("Country")) == ("Köln", None)


def test_a_value_that_is_not_known_fails_its_row_and_no_other(bench: Bench) -> None:
    path = put(bench.folder / "old.csv", "name,from\nA,Messe\nB,Mars\nC,\n")
    rule = 'Lead_Source = { column = "from", values = { Messe = "Trade Show" }, strict = true }'
    job = ImportCsv(file=path, **LEADS, map=["name=Last_Name"], field=[rule])
    result = bench.run(job)
    assert result.to_json()["rows"]["created"] == 2
    (failed,) = read_rows(result.to_json()["files"]["errors"])
    assert (failed["line"], failed["field"], failed["code"]) == ("3", "Lead_Source", "NOT_IN_VALUES")
    assert failed["message"] == "column 'from' has 'Mars', which `values` does not know"


# ------------------------------------------------------------------------------------------------- refusals


def test_a_field_that_the_module_has_not_is_refused_with_its_line(bench: Bench) -> None:
    path = put(bench.folder / "old.csv", "name,land\nA,B\n")
    mapping = put(
        bench.folder / "old.toml",
        'module = "Leads"\noperation = "insert"\n[fields]\nLast_Name = "name"\n'
        'Contry = { column = "land", default = "Germany" }\n',
    )
    with pytest.raises(UsageError) as error:
        bench.run(ImportCsv(file=path, mapping=mapping))
    wanted = "old.toml:5: fields.Contry goes nowhere: Leads has no field 'Contry'. Did you mean Country"
    assert wanted in error.value.message
    assert bench.records() == []


def test_a_mapping_that_changed_is_not_gone_on_with(bench: Bench) -> None:
    path = put(bench.folder / "old.csv", "name\nA\nB\n")
    mapping = put(
        bench.folder / "old.toml", 'module = "Leads"\noperation = "insert"\n[fields]\nLast_Name = "name"\n'
    )
    bench.run(ImportCsv(file=path, mapping=mapping), limit=1)
    put(mapping, mapping.read_text("utf-8") + 'Company = { constant = "C" }\n')
    with pytest.raises(SourceError, match=r"old\.toml has changed since run"):
        bench.resume()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"file": "old.dat", **LEADS}, "is not known"),
        ({"file": "old.csv", "sheet": "A", **LEADS}, "sheet is for workbooks"),
        ({"file": "old.csv"}, "missing: --module MODULE and --operation OPERATION."),
        ({"file": "sqlite:///old.db", **LEADS}, "needs a select"),
    ],
)
def test_what_does_not_fit_is_told_when_the_job_is_built(more: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ImportFile(**more)


def test_an_option_that_contradicts_the_mapping_is_refused(tmp_path: Path) -> None:
    mapping = put(tmp_path / "old.toml", 'module = "Leads"\noperation = "insert"\n')
    with pytest.raises(JobError, match="module: it is 'Leads' here, and 'Deals' by --module"):
        ImportCsv(file=tmp_path / "old.csv", mapping=mapping, module="Deals")


def test_only_plain_columns_of_text_take_the_short_way(tmp_path: Path) -> None:
    path = put(tmp_path / "old.csv", "name\nA\n")
    lines = put(tmp_path / "old.jsonl", '{"name": "A"}\n')
    plain = ImportCsv(file=path, **LEADS, map=["name=Last_Name"], date_format="%d/%m/%Y")
    declared = DeclaredColumns.of(plain)
    assert declared is not None
    assert declared.fields == ("Last_Name",)
    for job in (
        ImportCsv(file=path, **LEADS, field=['Last_Name = { column = "name", trim = true }']),
        ImportCsv(file=path, **LEADS, map=["name=Last_Name"], skip_if=['{ column = "name", is = "B" }']),
        ImportCsv(file=path, **LEADS, field=['Last_Name = "name"', 'First_Name = "name"']),
        ImportFile(file=str(lines), **LEADS, map=["name=Last_Name"]),
    ):
        assert DeclaredColumns.of(job) is None


def test_arguments_come_first() -> None:
    assert [spec.name for spec in options(ImportFile)][:3] == ["file", "module", "operation"]


def test_rows_of_a_subform_without_a_parent_are_told_by_run_and_plan(bench: Bench) -> None:
    put(bench.folder / "log.csv", "asset,date\n1,2024-01-01\n9,2024-01-02\n9,2024-01-03\n")
    path = put(bench.folder / "old.csv", "Legacy_ID,Name\n1,A\n")
    rule = 'Service_Log = { rows = "log.csv", match = { asset = "Legacy_ID" }, fields.Service_Date = "date" }'
    job = ImportCsv(
        file=path, module="Legacy_Assets", operation="insert", map=["Legacy_ID=Legacy_ID"], field=[rule]
    )
    told = "rows of log.csv that have no parent in old.csv, and are not written: 2 (lines 3, 4)"
    with plan(
        job, credentials=credentials_of(bench.emulator), folder=bench.folder, environ=bench.environ
    ) as made:
        assert told in [warning.message for warning in made.warnings]
    assert outcome(bench, job) == {"read": 1, "created": 1}
    assert told in [event.message for event in bench.seen(Log)]


def test_of_hundreds_of_columns_that_go_nowhere_the_first_are_told(bench: Bench, tmp_path: Path) -> None:
    names = ["Last_Name", *(f"c{number}" for number in range(298))]
    path = tmp_path / "wide.csv"
    path.write_text(f"{','.join(names)}\n{','.join('x' for _ in names)}\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        bench.plan(ImportFile(file=str(path), module="Leads", operation="insert"))
    lines = caught.value.message.splitlines()
    assert "'c0' goes nowhere" in lines[0]
    assert lines[20:] == ["and 278 more"]


def test_a_file_with_other_rows_is_other_work_for_an_upsert(bench: Bench, tmp_path: Path) -> None:
    """Only a select is the same work whatever its order; a file is known by its content."""
    path = put(tmp_path / "leads.csv", "Legacy_ID,Last_Name\nA,Doe\nB,Roe\n")
    job = ImportFile(file=str(path), module="Leads", operation="upsert", match_on="Legacy_ID")
    assert bench.run(job, limit=1).state == "limited"
    put(tmp_path / "leads.csv", "Legacy_ID,Last_Name\nC,Poe\n")
    assert bench.run(job).rows.created == 1
