"""Columns that begin with `$`, as dumps of Zoho have them: they are written only if somebody names them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from zmigrate.ready_jobs.import_csv import ImportCsv
from zmigrate.ready_jobs.import_file import ImportFile

from tests.support import Bench, read_rows
from zmigrate import Insert, JsonLines, RecordJob, scopes_for
from zmigrate.emulator import Emulator, Options
from zmigrate.errors import UsageError

STATES = {
    "$approved": False,
    "$state": "save",
    "$in_merge": False,
    "$converted": False,
    "$currency_symbol": "R",
}
WRITE = Insert("Leads", key="Legacy_ID")
OPTIONS = {"module": "Leads", "operation": "insert", "key": "Legacy_ID"}


@pytest.fixture(scope="module")
def org() -> Iterator[Emulator]:
    with Emulator(Options()) as emulator:
        yield emulator


@pytest.fixture
def bench(org: Emulator, tmp_path: Path) -> Bench:
    made = Bench(org, tmp_path)
    made.post("reset", {})
    return made


def dump(folder: Path) -> Path:
    path = folder / "dump.jsonl"
    rows = [{"Legacy_ID": f"L{number}", "Last_Name": "A", **STATES} for number in (1, 2)]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def table(folder: Path) -> Path:
    path = folder / "dump.csv"
    path.write_text(f"Legacy_ID,Last_Name,{','.join(STATES)}\nL1,A,false,save,false,false,R\n")
    return path


def test_the_columns_of_a_table_go_nowhere_and_one_sentence_leaves_all_of_them_out(bench: Bench) -> None:
    with pytest.raises(UsageError) as caught:
        bench.run(ImportCsv(file=table(bench.folder), **OPTIONS))

    (line,) = caught.value.message.splitlines()
    assert line.startswith("column '$approved' and 4 more: a column that begins with $ is no field of Leads")
    assert "--ignore-column '$*'" in line
    assert bench.records() == []


def test_the_keys_of_a_dump_fail_each_row_in_plan_and_run_with_the_same_sentence(bench: Bench) -> None:
    job = ImportFile(file=str(dump(bench.folder)), **OPTIONS)

    plan = bench.plan(job)
    result = bench.run(job)

    assert (plan.counts.refused, result.rows.failed) == (2, 2)
    (reason, *_) = read_rows(result.files["errors"])
    assert (reason["code"], reason["field"]) == ("UNKNOWN_FIELD", "$approved")
    assert "is no field of Leads, and the row has 4 more of them; " in reason["message"]
    assert "--ignore-column '$*'" in reason["message"]
    assert bench.records() == []


@pytest.mark.parametrize("make", [table, dump])
def test_a_star_leaves_all_of_them_out(bench: Bench, make: Any) -> None:
    result = bench.run(ImportFile(file=str(make(bench.folder)), ignore_column=["$*"], **OPTIONS))

    assert result.rows.failed == 0
    assert {record["Last_Name"] for record in bench.records()} == {"A"}


def test_a_column_that_a_mapping_names_is_written(bench: Bench) -> None:
    path = table(bench.folder)
    others = [name for name in STATES if name != "$approved"]

    plan = bench.plan(ImportCsv(file=path, map=["$approved=$approved"], ignore_column=others, **OPTIONS))

    assert (plan.counts.creates, plan.counts.refused) == (1, 0)


def test_what_a_transform_returns_is_declared(bench: Bench) -> None:
    class Imported(RecordJob):
        """Import the dump as it is."""

        scopes = scopes_for(WRITE)
        write = WRITE

        def source(self) -> Any:
            return JsonLines(dump(bench.folder))

        def transform(self, row: Any) -> Any:
            return {**row, "$approved": False}

    assert bench.plan(Imported()).counts.creates == 2
