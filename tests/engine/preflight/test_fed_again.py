"""Result files fed in again: what may be in the org already is not inserted a second time unawares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from zmigrate.ready_jobs.import_file import ImportFile

from tests.engine.pipeline.test_relations import account, make, tree
from tests.support import Bench, file_job, leads, read_rows, write_rows
from zmigrate import Csv, Insert
from zmigrate.errors import RunError
from zmigrate.events import Log

PLAIN = Insert("Leads")
REFUSED = {"code": "INVALID_DATA", "details": {}, "message": "invalid data", "status": "error"}


def result_file(bench: Bench, name: str) -> Path:
    """A result file of a run without a key, of whose 150 rows a hundred are in doubt."""
    first = {"method": "POST", "path": "/crm/v8/Leads", "contains": "L-000001"}
    bench.script({**first, "fault": "lost_answer", "times": 1})
    path = write_rows(bench.folder / "leads.csv", leads(150, key="Description"))
    result = bench.run(file_job(PLAIN, path), concurrency=1)  # the first batch is the first at the server
    assert (result.rows.created, result.rows.in_doubt) == (50, 100)
    return Path(result.files[name])


@pytest.mark.parametrize(("name", "rows"), [("in_doubt", 100), ("success", 50)])
def test_rows_that_may_be_there_are_not_inserted_again(bench: Bench, name: str, rows: int) -> None:
    path = result_file(bench, name)
    again = file_job(PLAIN, path)
    with pytest.raises(RunError, match=rf"{rows} of its rows .* may have been \(lines 2, 3, 4, …\)"):
        bench.run(again)
    with bench.plan(again) as plan:
        assert any("an insert would double them" in warning.message for warning in plan.warnings)
    assert len(bench.records()) == 150


def test_they_are_inserted_where_that_is_said(bench: Bench) -> None:
    path = result_file(bench, "in_doubt")
    assert bench.run(file_job(PLAIN, path), again=True).rows.created == 100


def test_what_was_refused_is_fed_in_again_as_it_is(bench: Bench) -> None:
    rows = leads(3, key="Description")
    rows[1]["Last_Name"] = ""
    failed = bench.run(file_job(PLAIN, write_rows(bench.folder / "leads.csv", rows)))
    path = Path(failed.files["errors"])
    path.write_text(path.read_text().replace(",,Company", ",Mended,Company"))
    assert bench.run(file_job(PLAIN, path)).rows.created == 1


def test_a_record_that_was_written_without_its_link_is_not_inserted_again(bench: Bench) -> None:
    put = {"fault": "answer", "method": "PUT", "path": "/crm/v8/Accounts", "status": 400}
    bench.script({**put, "body": {"data": [REFUSED]}})
    rows = tree(("a", "b"), ("b", "a"))
    write = Insert("Accounts", key="Account_Name")

    def named(row: Any) -> dict[str, Any]:
        found = account({**row, "name": row["id"]})
        return {name: value for name, value in found.items() if name != "Legacy_ID"}

    first = bench.run(make(write, write_rows(bench.folder / "a.csv", rows), named))
    path = Path(first.files["errors"])
    written = [row["message"].startswith("written as ") for row in read_rows(path)]
    assert written == [True]
    with pytest.raises(RunError, match=r"1 of its rows .*line 2"):
        bench.run(make(write, path, named))


def test_what_a_result_file_says_of_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "errors.csv"
    path.write_text('line,key,field,code,message,name\n7,k,f,C,"two\nlines",a\n\n9,,,D,,b\n')
    assert list(Csv(path).told()) == [
        (2, {"line": "7", "key": "k", "field": "f", "code": "C", "message": "two\nlines"}),
        (5, {"line": "9", "key": "", "field": "", "code": "D", "message": ""}),
    ]
    path.write_text("code,message,name\nC,m,a\n")
    assert list(Csv(path).told()) == []


GERMAN = """
module = "Deals"
operation = "insert"
key = "Legacy_ID"
decimal = ","
thousands = "."
date_format = "%d.%m.%Y"
{declared}
[fields]
Legacy_ID = "id"
Deal_Name = "name"
Stage = "stage"
Amount = "amount"
Closing_Date = "closes"
"""


def fed_twice(bench: Bench, path: Path, declared: str = "") -> list[dict[str, Any]]:
    """The deals after a load of which a row fails for its stage, and one of its errors.csv, mended."""
    mapping = bench.folder / "deals.toml"
    mapping.write_text(GERMAN.format(declared=declared))
    first = bench.run(ImportFile(file=str(path), mapping=mapping))
    assert (first.rows.created, first.rows.failed) == (1, 1)
    mended = bench.folder / "mended.csv"
    mended.write_bytes(Path(first.files["errors"]).read_bytes().replace(b"Nonsense", b"Qualification"))
    assert bench.run(ImportFile(file=str(mended), mapping=mapping)).rows.created == 1
    return bench.records("Deals")


def test_what_was_no_text_in_the_source_means_the_same_when_it_is_mended(bench: Bench) -> None:
    path = bench.folder / "deals.jsonl"
    rows = [
        {"id": str(number), "name": "Müller", "stage": stage, "amount": 1.234, "closes": "31.12.2024"}
        for number, stage in enumerate(("Qualification", "Nonsense"))
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert [deal["Amount"] for deal in fed_twice(bench, path)] == [1.234, 1.234]


def test_what_is_declared_for_the_source_does_not_garble_a_result_file(bench: Bench) -> None:
    path = bench.folder / "deals.csv"
    rows = [
        f"{number};Müller;{stage};1.234,50;31.12.2024"
        for number, stage in enumerate(("Qualification", "Nonsense"))
    ]
    path.write_text("\r\n".join(["id;name;stage;amount;closes", *rows]), "cp1252")
    deals = fed_twice(bench, path, 'encoding = "cp1252"\ndelimiter = ";"')
    assert [(deal["Deal_Name"], deal["Amount"]) for deal in deals] == [("Müller", 1234.5)] * 2


def test_a_result_file_that_a_spreadsheet_saved_is_read_as_declared(tmp_path: Path) -> None:
    path = tmp_path / "errors.csv"
    path.write_text("line;key;field;code;message;name\r\n2;k;f;C;m;Müller\r\n", "cp1252")
    [row] = Csv(path, ";", "cp1252").rows()
    assert row.values == {"name": "Müller"}


def test_that_a_file_is_read_as_ours_is_told_by_plan_and_run(bench: Bench) -> None:
    path = bench.folder / "own.csv"
    path.write_text("line,key,field,code,message,Legacy_ID,Last_Name\n1,k,f,c,m,L1,Li\n")
    job = file_job(Insert("Leads", key="Legacy_ID"), path)
    said = "own.csv was written by zmigrate; "
    said += "its columns line, key, field, code, message are ignored"
    with bench.plan(job) as plan:
        assert said in [warning.message for warning in plan.warnings]
    bench.run(job)
    assert said in [event.message for event in bench.seen(Log)]
