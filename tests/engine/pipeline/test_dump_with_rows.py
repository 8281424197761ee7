"""Records as Zoho's own answers have them, with rows of subforms and links, loaded again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zmigrate.ready_jobs.import_file import ImportFile

from tests.support import Bench
from zmigrate.events import Log

RECORD: dict[str, Any] = {"Name": "Drill", "Service_Log": [{"Service_Date": "2024-01-02", "Hours": 1.5}]}


def dumped(bench: Bench) -> tuple[Path, dict[str, Any]]:
    """The file of a record that the org has, and the record."""
    (contact,) = bench.seed([{"Last_Name": "Doe"}], "Contacts")
    bench.seed([{**RECORD, "Used_By": [{"Used_By": {"id": contact}}]}], "Legacy_Assets")
    (record,) = bench.records("Legacy_Assets")
    names = ("id", "Name", "Service_Log", "Used_By")
    path = bench.folder / "dump.jsonl"
    path.write_text(json.dumps({name: record[name] for name in names}) + "\n", encoding="utf-8")
    return path, record


def test_a_dump_is_inserted_with_new_rows_and_one_warning_says_what_was_left_out(bench: Bench) -> None:
    path, known = dumped(bench)
    assert {"id", "Parent_Id", "Created_Time"} <= known["Service_Log"][0].keys()
    job = ImportFile(file=str(path), module="Legacy_Assets", operation="insert", ignore_column=["id"])

    told = [one for one in bench.plan(job).to_json()["warnings"] if one["code"] == "LEFT_OUT_OF_ROWS"]
    left = ", ".join(
        [
            *(f"Service_Log.{name}" for name in ("Created_Time", "Modified_Time", "Parent_Id", "id")),
            "Used_By.id",
        ]
    )
    assert [one["message"] for one in told] == [f"not sent, since Zoho sets them for each row: {left}"]

    result = bench.run(job)
    assert result.rows.created == 1
    (old, new) = bench.records("Legacy_Assets")
    assert old == known
    assert new["Service_Log"][0]["Hours"] == 1.5
    assert new["Service_Log"][0]["id"] != known["Service_Log"][0]["id"]
    assert new["Used_By"][0]["Used_By"] == known["Used_By"][0]["Used_By"]
    warned = [event.message for event in bench.seen(Log) if "each row" in event.message]
    assert warned == [f"not sent, since Zoho sets them for each row: {left}"]


def test_a_dump_that_updates_changes_its_own_rows_and_adds_none(bench: Bench) -> None:
    path, known = dumped(bench)
    record = json.loads(path.read_text())
    record["Service_Log"][0]["Hours"] = 4
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    job = ImportFile(file=str(path), module="Legacy_Assets", operation="update")
    assert bench.run(job).rows.updated == 1
    (now,) = bench.records("Legacy_Assets")
    assert [(row["id"], row["Hours"]) for row in now["Service_Log"]] == [(known["Service_Log"][0]["id"], 4)]
    assert [link["id"] for link in now["Used_By"]] == [link["id"] for link in known["Used_By"]]
