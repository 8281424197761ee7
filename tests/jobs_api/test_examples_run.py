"""The example jobs run as they are against the emulator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import zmigrate.samples
from zmigrate.ready_jobs.fill_country import FillCountry
from zmigrate.ready_jobs.import_csv import ImportCsv
from zmigrate.ready_jobs.import_pipeline import ImportPipeline
from zmigrate.ready_jobs.reassign_records import ReassignRecords

import zmigrate
from tests.jobs_api.test_job_classes import ImportLeads
from tests.support import Bench
from zmigrate.emulator import Emulator, Options
from zmigrate.errors import JobError

SAMPLES = Path(str(files(zmigrate.samples)))


def outcome(job: zmigrate.Job, folder: Path) -> Mapping[str, int]:
    result = zmigrate.run(job, emulator=True, folder=folder, state_dir=folder / "state")
    return {name: count for name, count in result.to_json()["rows"].items() if count}


def test_import_csv_loads_the_sample_but_for_the_rows_that_must_fail(tmp_path: Path) -> None:
    job = ImportCsv(file=SAMPLES / "leads.csv", module="Leads", operation="insert", key="Legacy_ID")
    assert outcome(job, tmp_path) == {"read": 3000, "created": 2988, "failed": 12}


def test_the_job_of_the_manual_loads_the_old_crm(tmp_path: Path) -> None:
    job = ImportLeads(file=SAMPLES / "old_crm.csv")
    assert outcome(job, tmp_path) == {"read": 40, "created": 37, "skipped": 3}


def test_import_pipeline_loads_deals_and_fails_a_stage_that_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.csv"
    path.write_text(
        "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n"
        "A1,Moses,GTX,Cancity,Won,2016-10-20,2017-03-01,1054\n"
        "A2,Moses,GTX,,Engaging,2016-10-20,,\n"
        "A3,Moses,GTX,Isdom,Dreaming,2016-10-20,,\n",
        encoding="utf-8",
    )
    assert outcome(ImportPipeline(file=path), tmp_path) == {"read": 3, "created": 2, "failed": 1}


def test_fill_country_fills_what_it_knows_and_leaves_the_rest(tmp_path: Path) -> None:
    people: list[dict[str, Any]] = [
        {"Last_Name": "Vogt", "Phone": "+49 30 5550123"},
        {"Last_Name": "Doe", "Phone": "+1 555 0100"},
        {"Last_Name": "Ek", "Phone": "+46 8 555", "Country": "Norway"},
        {"Last_Name": "Li"},
    ]
    with Emulator(Options()) as emulator:
        request = Request(
            f"{emulator.url}/_emulator/records/Leads",
            data=json.dumps({"data": people}).encode(),
            headers={"Content-Type": "application/json"},
        )
        urlopen(request).close()
        (tmp_path / ".env").write_text(
            f"ZMIGRATE_CLIENT_ID={emulator.client_id}\nZMIGRATE_CLIENT_SECRET={emulator.client_secret}\n"
            f"ZMIGRATE_SOID={emulator.soid}\nZMIGRATE_ACCOUNTS_URL={emulator.accounts_url}\n",
            encoding="utf-8",
        )
        result = zmigrate.run(FillCountry(), folder=tmp_path, state_dir=tmp_path / "state", yes=True)
        with urlopen(f"{emulator.url}/_emulator/records/Leads") as answer:
            found = json.load(answer)
    rows = found if isinstance(found, list) else found["data"]
    assert {row["Last_Name"]: row.get("Country") for row in rows} == {
        "Vogt": "Germany",
        "Doe": None,
        "Ek": "Norway",
        "Li": None,
    }
    assert (result.rows.read, result.rows.updated, result.rows.skipped) == (2, 1, 1)


def reassign(**more: Any) -> ReassignRecords:
    given = {"leaver": "old@example.com", "successor": "new@example.com", "module": ["Leads", "Contacts"]}
    return ReassignRecords(**{**given, **more})


def test_reassign_records_gives_them_to_the_successor(bench: Bench) -> None:
    emails = ["old@example.com", "new@example.com"]
    old, new = bench.post("users", [{"email": each, "full_name": each} for each in emails])["ids"]
    bench.seed([{"Last_Name": f"L{n}", "Owner": {"id": old}} for n in range(150)])
    bench.seed([{"Last_Name": "C", "Owner": {"id": old}}], "Contacts")
    bench.seed([{"Last_Name": "other", "Owner": {"id": new}}])
    result = bench.run(reassign(leaver="Old@Example.com"))
    assert (result.state, result.rows.read, result.rows.updated) == ("finished", 151, 151)
    assert {record["Owner"]["id"] for record in bench.records()} == {new}
    assert bench.run(reassign(), again=True).rows.read == 0


def test_reassign_records_says_which_user_is_missing(bench: Bench) -> None:
    result = bench.run(reassign())
    assert (result.exit_code, result.rows.failed) == (1, 1)
    assert "no user old@example.com" in Path(result.files["errors"]).read_text()
    with pytest.raises(JobError, match="the successor is the user who left"):
        reassign(successor="Old@example.com")
