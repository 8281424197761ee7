"""Files that we write and read back: whatever a source, a key or a name holds, what is fed in again is what
it was, and no row is locked out of its errors.csv."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from zmigrate.ready_jobs.import_csv import ImportCsv
from zmigrate.ready_jobs.import_file import ImportFile

from tests.support import Bench, file_job, leads, read_rows, write_rows
from zmigrate import Csv, Insert, JsonLines, RecordJob, Sql, scopes_for
from zmigrate.cli import ids
from zmigrate.display.report import reasons_of
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.id_map import Entry
from zmigrate.errors import SourceError
from zmigrate.rows.sources import Source
from zmigrate.rows.sources.memory_limits import ROW_BYTES
from zmigrate.rows.spreadsheet import ERROR_COLUMNS, FIELDS_COLUMNS, escape, our_columns, result_header

ODD_KEYS = ["+49123", "-5", "=x", "@a", "'=x", " =1", "a;-b", "a, -b", "plain"]


def job_of(made: Source) -> RecordJob:
    """Inserts rows as they are; what has no last name fails."""
    cls = type(
        "OddJob",
        (RecordJob,),
        {
            "__module__": __name__,
            "write": Insert("Leads"),
            "scopes": scopes_for(Insert("Leads")),
            "source": lambda self: made,
            "transform": lambda self, row: {
                name: row[name] for name in ("Last_Name", "Company", "Description") if row.get(name)
            },
        },
    )
    job: RecordJob = cls()
    return job


def json_lines(path: Path, rows: Sequence[dict[str, Any]]) -> JsonLines:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return JsonLines(path)


def failed(bench: Bench, source: Source, times: int = 1) -> Path:
    """The errors.csv of a run in which every row fails."""
    result = bench.run(job_of(source))
    assert result.rows.failed == times
    return Path(result.files["errors"])


def values(path: Path) -> list[dict[str, Any]]:
    read = Csv(path)
    read.scan()
    return [row.values for row in read.rows()]


# -- keys and fields -------------------------------------------------------------------------------


def test_exported_keys_are_read_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "ids.csv"
    with path.open("w", newline="") as file:
        ids.write(file, [Entry("Leads", "Legacy_ID", key, "5") for key in ODD_KEYS])
    source = Csv(path)
    assert (source.columns, source.ours) == (("module", "field", "key", "id"), ())
    assert [row["key"] for row in values(path)] == ODD_KEYS


def test_exported_keys_that_a_german_excel_saved_are_read_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "ids.csv"
    path.write_text("module;field;key;id\nLeads;Legacy_ID;'-5;1\n", encoding="utf-8-sig")
    assert [row["key"] for row in values(path)] == ["-5"]


def test_exported_keys_come_unchanged_into_the_org(bench: Bench) -> None:
    rows = [{**row, "Legacy_ID": key} for row, key in zip(leads(3), ODD_KEYS, strict=False)]
    made = bench.run(file_job(Insert("Leads", key="Legacy_ID"), write_rows(bench.folder / "a.csv", rows)))
    assert made.rows.created == 3
    path = bench.folder / "ids.csv"
    with path.open("w", newline="") as file:
        found = [(record["Legacy_ID"], str(record["id"])) for record in bench.records()]
        ids.write(file, [Entry("Leads", "Legacy_ID", key, number) for key, number in found])
    job = ImportCsv(
        file=str(path),
        module="Leads",
        operation="update",
        key="id",
        map=["key=Legacy_ID"],
        ignore_column=["module", "field"],
    )
    assert bench.run(job).rows.failed == 0
    assert sorted(record["Legacy_ID"] for record in bench.records()) == sorted(ODD_KEYS[:3])


def test_a_list_of_fields_is_read_as_it_was(tmp_path: Path) -> None:
    cells = ["-None-; -5"] * len(FIELDS_COLUMNS)
    text = io.StringIO()
    csv.writer(text).writerows([FIELDS_COLUMNS, map(escape, cells)])
    path = tmp_path / "fields.csv"
    path.write_text(text.getvalue())
    assert list(values(path)[0].values()) == cells


# -- NUL, sizes ------------------------------------------------------------------------------------


def test_a_nul_in_a_cell_or_name_locks_no_row_out(bench: Bench) -> None:
    rows = [{"Company": "a\0b", "n\0": "\0"}, {"Company": "c", "n\0": "=\0;-1"}]
    path = failed(bench, json_lines(bench.folder / "a.jsonl", rows), 2)
    assert values(path) == rows
    assert reasons_of(path)[0].rows == 2


def test_a_nul_in_another_file_is_refused_still(tmp_path: Path) -> None:
    for name, text in (("a.csv", "id,note\n1,a\0b\n"), ("b.csv", "id,note\n" + "1,a\n" * 30_000 + "2,\0\n")):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(SourceError, match="is a NUL byte"):
            values(path)


def test_a_row_may_be_larger_in_our_file_than_in_others(tmp_path: Path) -> None:
    path = tmp_path / "errors.csv"
    text = "x" * (ROW_BYTES + (1 << 20))
    path.write_text(f"line,key,field,code,message,a\n2,k,f,c,m,{text}\n")
    assert values(path) == [{"a": text}]
    path.write_text(f"row,key,field,code,message,a\n2,k,f,c,m,{text}\n")
    with pytest.raises(SourceError, match="has more than 8 MB"):
        values(path)


@pytest.mark.slow
def test_a_cell_that_grows_by_its_escapes_is_read_again(bench: Bench) -> None:
    rows = [{"Company": ";=" * 1_500_000, "n": "1"}]
    source = json_lines(bench.folder / "a.jsonl", rows)
    assert values(failed(bench, source)) == rows


@pytest.mark.slow
def test_a_row_of_the_largest_size_is_read_again(bench: Bench) -> None:
    text = ";=" * (ROW_BYTES // 4) + "\"'" * (ROW_BYTES // 7)
    path = bench.folder / "a.jsonl"
    rows = [{"Company": text}]
    assert ROW_BYTES // 1.3 < len(json.dumps(rows[0])) < ROW_BYTES
    assert values(failed(bench, json_lines(path, rows))) == rows


def test_a_header_longer_than_others_may_have_is_read_again(bench: Bench) -> None:
    rows = [{f"column {number};=": "x" for number in range(6_000)} | {"a\n" * 3_000: "y"}]
    path = failed(bench, json_lines(bench.folder / "a.jsonl", rows))
    assert values(path) == rows
    [reason] = reasons_of(path)
    assert reason.rows == 1


@pytest.mark.slow
@pytest.mark.parametrize("start", ["line,", "line,key,field,code,message,", 'line,"'])
def test_a_header_that_only_begins_like_ours_is_bounded_as_any(tmp_path: Path, start: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(start + "ab," * 6_000_000 + "\n1\n")
    with pytest.raises(SourceError):
        Csv(path).scan()


def test_a_long_cell_is_shown_and_joined_without_a_csv_source(tmp_path: Path) -> None:
    step = RunFolder(tmp_path).path / "steps" / "01-leads"
    step.mkdir(parents=True)
    (step / "journal.db").touch()
    with (step / "errors.csv").open("w", newline="") as file:
        header = result_header(("file", *ERROR_COLUMNS), ["n"])
        csv.writer(file).writerows([header, ["a", "2", "k", "f", "c", "m", "x" * 200_000]])
    code = f"""
from pathlib import Path
from zmigrate.display.report import reasons_of
from zmigrate.engine.storage.result_files import write_flow_files
from zmigrate.engine.storage.folder import RunFolder
write_flow_files(RunFolder(Path({str(tmp_path)!r})))
print(reasons_of(Path({str(step / "errors.csv")!r}))[0].rows)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert (tmp_path / "errors.csv").exists()


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ["Last_Name", " Last_Name", "Last_Name "],
        [" ", "", "\u00a0"],
        ["key", "zmigrate_key"],
        ["key", "zmigrate_key", "zmigrate_zmigrate_key", "line", "code"],
        ["zmigrate_code", "zmigrate_message"],
        ["=a", "'=a", " =a", ";=a", "a\n", "\ta"],
    ],
)
def test_names_of_columns_come_back_whatever_they_are(bench: Bench, names: list[str]) -> None:
    rows = [{"Company": "Acme", **dict.fromkeys(names, "x")}]
    if "Last_Name" in names:
        rows[0]["Last_Name"] = ""
    path = failed(bench, json_lines(bench.folder / "a.jsonl", rows))
    assert values(path) == rows
    assert our_columns(next(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))) == len(
        ERROR_COLUMNS
    )
    [(_, told)] = Csv(path).told()
    assert tuple(told) == ERROR_COLUMNS
    [reason] = reasons_of(path)
    assert (reason.code, reason.field) == (told["code"], told["field"])


def test_names_of_a_query_with_blanks_come_back(bench: Bench) -> None:
    database = bench.folder / "a.db"
    with sqlite3.connect(database) as db:
        db.execute('CREATE TABLE t (n INTEGER, "Company" TEXT, " Company" TEXT)')
        db.execute("INSERT INTO t VALUES (1, 'a', 'b')")
    path = failed(bench, Sql(f"sqlite:///{database}", "SELECT * FROM t", order_by="n"))
    assert values(path) == [{"n": "1", "Company": "a", " Company": "b"}]


# -- messages, numbers -----------------------------------------------------------------------------


def test_what_we_say_and_an_address_stay_as_they_are(bench: Bench) -> None:
    row = {"Last_Name": "Doe", "Company": "Hauptstr. 1, @home", "Annual_Revenue": "1.234,5"}
    path = write_rows(bench.folder / "a.csv", [row])
    job = ImportCsv(file=str(path), module="Leads", operation="insert")
    rejects = bench.folder / "bad.csv"
    with bench.plan(job) as plan:
        assert plan.write_rejects(rejects) == 1
    errors = Path(bench.run(job).files["errors"])
    for file in (rejects, errors):
        [read] = read_rows(file)
        assert ", --" in read["message"]
        assert "''" not in read["message"]
        assert read["Company"] == "Hauptstr. 1, @home"


NUMBERS = [
    "1234567890123456.789",
    "12345678901234567890123",
    "-9223372036854775809",
    "0.12345678901234567890",
    "18446744073709551615",
    "1.00000000000000000001",
]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_keeps_its_digits(bench: Bench, number: str) -> None:
    path = bench.folder / "a.jsonl"
    path.write_text(f'{{"Company": "A", "n": {number}, "l": [{number}, {{"a": {number}}}]}}\n')
    read = values(failed(bench, JsonLines(path)))
    assert read == [{"Company": "A", "n": number, "l": f'[{number},{{"a":{number}}}]'}]


@pytest.mark.parametrize(
    "number",
    [
        "1.5",
        "0.1",
        "1e5",
        "123456789012345",
        "1.7976931348623157e308",
        "0.10000000000000001",
        "3.14000000000000012434",
    ],
)
def test_an_ordinary_number_is_what_it_was(tmp_path: Path, number: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"a": {number}, "b": [{number}], "id": "12345678901234567890"}}\n')
    [row] = JsonLines(path).rows()
    assert (row.values["a"], type(row.values["a"])) == (json.loads(number), type(json.loads(number)))


def test_a_key_that_no_float_is_comes_into_the_org_with_all_its_digits(bench: Bench) -> None:
    path = bench.folder / "a.jsonl"
    path.write_text('{"Last_Name": "Doe", "Company": "A", "Legacy_ID": 12345678901234567890123}\n')
    assert bench.run(import_file(path)).rows.created == 1
    assert [record["Legacy_ID"] for record in bench.records()] == ["12345678901234567890123"]


def test_a_number_that_would_be_rounded_fails_with_its_digits(bench: Bench) -> None:
    path = bench.folder / "a.jsonl"
    path.write_text('{"Last_Name": "Doe", "Company": "A", "Annual_Revenue": 1234567890123456.789}\n')
    errors = Path(bench.run(import_file(path)).files["errors"])
    assert values(errors)[0]["Annual_Revenue"] == "1234567890123456.789"
    assert bench.run(import_file(errors)).rows.failed == 1


def test_a_column_with_a_blank_before_its_name_can_be_named(bench: Bench) -> None:
    path = bench.folder / "a.jsonl"
    path.write_text('{"Last_Name": "Doe", "Company": "A", " Company": "B"}\n')
    made = bench.run(import_file(path, field=["Description={column=' Company'}"]))
    assert made.rows.created == 1, made
    [record] = bench.records()
    assert (record["Company"], record["Description"]) == ("A", "B")


def test_rows_of_a_subform_may_have_numbers_that_no_float_is(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"a": 12345678901234567890123, "b": 1234567890123456.789, "c": 18446744073709551615.5}\n'
    )
    [row] = JsonLines(path).rows()
    assert [str(value) for value in row.values.values()] == [
        "12345678901234567890123",
        "1234567890123456.789",
        "18446744073709551615.5",
    ]
    assert orjson.loads(orjson.dumps(row.values, default=str))["a"] == "12345678901234567890123"


def import_file(path: Path, **more: Any) -> ImportFile:
    return ImportFile(file=str(path), module="Leads", operation="insert", **more)
