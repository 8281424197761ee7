"""The errors.csv of a JSON Lines file, once mended, writes what the file said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zmigrate.ready_jobs.import_file import ImportFile

from tests.support import Bench

FIRST = {"Last_Name": "First", "Company": "C", "Legacy_ID": "1"}


def load(bench: Bench, path: Path) -> Any:
    job = ImportFile(file=str(path), module="Leads", operation="insert", key="Legacy_ID")
    return bench.run(job).to_json()


def reloaded(bench: Bench, row: dict[str, Any]) -> dict[str, Any]:
    """The record of a row that failed first, since its Rating was not in the pick list."""
    path = bench.folder / "rows.jsonl"
    rows = [FIRST, {"Last_Name": "Second", "Company": "C", "Legacy_ID": "2", "Rating": "bad", **row}]
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    ran = load(bench, path)
    assert (ran["rows"]["created"], ran["rows"]["failed"]) == (1, 1)
    mended = bench.folder / "mended.csv"
    text = Path(ran["files"]["errors"]).read_text(encoding="utf-8")
    mended.write_text(text.replace("bad", "Active"), encoding="utf-8")
    again = load(bench, mended)
    assert (again["rows"]["created"], again["rows"]["failed"]) == (1, 0)
    (found,) = [record for record in bench.records("Leads") if record["Last_Name"] == "Second"]
    return found


def test_what_only_a_later_row_says_is_not_lost(bench: Bench) -> None:
    found = reloaded(bench, {"City": "Bonn"})
    assert (found["Rating"], found["City"]) == ("Active", "Bonn")


def test_lists_and_objects_mean_the_same(bench: Bench) -> None:
    user = bench.get("users")[1]
    owner = {"id": "1111111000000000999", "email": user["email"], "name": "X"}
    found = reloaded(bench, {"Tag": ["vip", "a;b"], "Interests": ["Software", "Training"], "Owner": owner})
    assert [tag["name"] for tag in found["Tag"]] == ["vip", "a;b"]
    assert found["Interests"] == ["Software", "Training"]
    assert found["Owner"]["id"] == user["id"]


def test_a_plan_names_the_columns_of_all_rows(bench: Bench) -> None:
    path = bench.folder / "rows.jsonl"
    later = {"Company": "C", "Legacy_ID": "2", "City": "Bonn"}
    path.write_text(f"{json.dumps(FIRST)}\n{json.dumps(later)}\n", encoding="utf-8")
    job = ImportFile(file=str(path), module="Leads", operation="insert", key="Legacy_ID")
    plan = bench.plan(job)
    plan.write_details(bench.folder / "details.csv")
    assert (bench.folder / "details.csv").read_text(encoding="utf-8").splitlines()[2].endswith(",Bonn")
