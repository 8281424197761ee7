"""The success.csv of an earlier run says which records to delete or update: its `id` is the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from zmigrate.ready_jobs.import_csv import ImportCsv
from zmigrate.ready_jobs.import_file import ImportFile

from tests.support import Bench, file_job, leads, read_rows, write_rows
from zmigrate import Csv, Insert, Upsert
from zmigrate.errors import JobError, SourceError
from zmigrate.events import Log


def loaded(bench: Bench, rows: list[dict[str, str]], **options: Any) -> Path:
    """The success.csv of a load of these rows."""
    job = ImportCsv(**{"file": write_rows(bench.folder / "in.csv", rows), "module": "Leads", **options})
    result = bench.run(job)
    assert result.exit_code == 0
    return Path(str(result.files["success"]))


INSERT: dict[str, Any] = {"operation": "insert", "key": "Legacy_ID"}


def delete_by(path: Path, **more: Any) -> ImportCsv:
    return ImportCsv(file=path, module="Leads", operation="delete", **more)


def warnings_of(bench: Bench) -> list[str]:
    return [event.message for event in bench.seen(Log) if event.level == "warning"]


def test_a_delete_takes_the_success_file_as_it_is(bench: Bench) -> None:
    bench.seed(leads(3, start=100))
    odd = [{**row, "internal note": "=1+1"} for row in leads(3)]
    path = loaded(bench, odd, **INSERT, ignore_column=["internal note"])
    plan = bench.plan(delete_by(path))
    assert (plan.counts.deletes, plan.counts.refused) == (3, 0)
    result = bench.run(delete_by(path))
    assert (result.exit_code, result.rows.deleted) == (0, 3)
    assert len(bench.records()) == 3
    again = read_rows(result.files["success"])
    assert [row["zmigrate_id"] for row in again] == [row["id"] for row in read_rows(path)]
    assert not [told for told in warnings_of(bench) if "existed before" in told]


def test_an_update_takes_the_success_file_with_its_columns(bench: Bench) -> None:
    path = loaded(bench, leads(2), **INSERT)
    text = path.read_text(encoding="utf-8").replace("Company 1,", "Renamed,")
    mended = bench.folder / "mended.csv"
    mended.write_text(text, encoding="utf-8")
    result = bench.run(ImportFile(file=str(mended), module="Leads", operation="update"))
    assert (result.exit_code, result.rows.updated) == (0, 2)
    assert sorted(record["Company"] for record in bench.records()) == ["Company 2", "Renamed"]


def test_the_id_of_another_system_is_not_taken_for_that_of_the_record(bench: Bench) -> None:
    rows = [{"id": row.pop("Legacy_ID"), **row} for row in leads(2)]
    path = loaded(bench, rows, **INSERT, map=["id=Legacy_ID"])
    assert "zmigrate_id" in path.read_text(encoding="utf-8")
    update = ImportCsv(file=path, module="Leads", operation="update", map=["id=Legacy_ID"])
    assert bench.run(update).rows.updated == 2
    assert bench.run(delete_by(path)).rows.deleted == 2
    assert bench.records() == []


def test_a_delete_warns_of_records_that_the_run_did_not_create(bench: Bench) -> None:
    (before,) = bench.seed(leads(1))
    path = loaded(bench, leads(2), operation="upsert", match_on="Legacy_ID")
    plan = bench.plan(delete_by(path))
    plan.close()
    (told,) = [told for told in warnings_of(bench) if "existed before" in told]
    assert "1 record of success.csv existed before that run (updated), and would be deleted too" in told
    only_new = delete_by(path, skip_if=[told.partition("--skip-if ")[2].strip("'")])
    result = bench.run(only_new)
    assert (result.rows.deleted, result.rows.skipped) == (1, 1)
    assert [record["id"] for record in bench.records()] == [before]


def test_a_file_without_ids_says_where_they_are(bench: Bench) -> None:
    write = Insert("Leads", key="Legacy_ID")
    bad = write_rows(bench.folder / "bad.csv", [{**leads(1)[0], "Last_Name": ""}])
    errors = Path(str(bench.run(file_job(write, bad)).files["errors"]))
    with pytest.raises(JobError, match=r"A run's success.csv has the ids of its records"):
        bench.run(delete_by(errors))
    assert bench.run(delete_by(errors, key="Legacy_ID")).rows.failed == 1


def test_another_key_leaves_the_ids_out(bench: Bench) -> None:
    path = loaded(bench, leads(2), **INSERT)
    assert bench.run(delete_by(path, key="Legacy_ID")).rows.deleted == 2


def test_the_overview_of_a_flow_names_the_files_of_its_steps(tmp_path: Path) -> None:
    path = tmp_path / "success.csv"
    path.write_text("file,line,key,id,action\na.csv,2,k,1,created\n", encoding="utf-8")
    with pytest.raises(SourceError) as refused:
        Csv(path).scan()
    assert "steps/02-deals/success.csv" in str(refused.value.hint)


def test_a_job_of_ones_own_may_read_the_ids_too(bench: Bench) -> None:
    write = Upsert("Leads", match_on="Legacy_ID")
    path = Path(
        str(bench.run(file_job(write, write_rows(bench.folder / "r.csv", leads(1)))).files["success"])
    )
    (row,) = Csv(path, with_id=True).rows()
    assert (row.values["id"], row.values["action"]) == (bench.records()[0]["id"], "created")
    assert "id" not in Csv(path).columns


@pytest.mark.parametrize("operation", ["delete", "update"])
def test_a_success_file_with_other_columns_does_not_take_the_id_of_its_source(
    bench: Bench, operation: str
) -> None:
    kept = bench.seed(leads(2, start=100))
    rows = [{"id": record_id, "Last_Name": "Copy", "Company": "C"} for record_id in kept]
    cells = read_rows(loaded(bench, rows, **INSERT, map=["id=Legacy_ID"]))
    columns = [name for name in cells[0] if name not in {"line", "key", "action"}]
    path = write_rows(bench.folder / "moved.csv", [{name: row[name] for name in columns} for row in cells])
    job = {"file": path, "module": "Leads", "operation": operation}
    with pytest.raises(JobError, match="'id' and 'zmigrate_id'"):
        bench.run(ImportCsv(**job))
    ours = ImportCsv(**job, ignore_column=["id"], map=["zmigrate_id=id"])
    assert bench.run(ours).exit_code == 0
    names = {record["id"]: record["Last_Name"] for record in bench.records()}
    assert [names.get(record_id) for record_id in kept] == ["Name 100", "Name 101"]
