"""What a run does with the values of its rows: those that are known to be refused cost no call, and are told
whole; users and formats are the job's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import Bench, file_job, read_rows, write_rows
from zmigrate import Csv, Formats, Insert, RecordJob, Users, scopes_for
from zmigrate.errors import Outage

WRITE = Insert("Legacy_Assets", key="Legacy_ID")


class Assets(RecordJob):
    """Assets of a German system."""

    write = WRITE
    scopes = scopes_for(WRITE)
    formats = Formats(decimal=",", thousands=".", date_format="%d.%m.%Y", true=("ja",), false=("nein",))
    users = Users({"Anna Alt": "tom.okafor@example.com"}, default="mira.berger@example.com")

    path: Path

    def source(self) -> Csv:
        return Csv(self.path)

    def transform(self, row: Any) -> Any:
        log = [{"Service_Date": row["serviced"], "Hours": row["hours"]}] if row["serviced"] else None
        return {
            "Legacy_ID": row["id"],
            "Name": row["name"],
            "Purchase_Price": row["price"],
            "Insured": row["insured"],
            "Owner": row["owner"],
            "Service_Log": log,
        }


def asset(number: int, **more: str) -> dict[str, str]:
    usual = {"name": f"Asset {number}", "price": "", "insured": "", "owner": "", "serviced": "", "hours": ""}
    return {"id": f"A-{number}", **usual, **more}


def test_rows_are_read_by_the_jobs_formats_and_users(bench: Bench) -> None:
    rows = [
        asset(1, price="1.234,50", insured="ja", owner="Anna Alt", serviced="2.1.2024", hours="1,5"),
        asset(2, owner="whoever"),
    ]
    result = bench.run(Assets(path=write_rows(bench.folder / "a.csv", rows)))
    assert (result.state, result.rows.created) == ("finished", 2)
    first, second = sorted(bench.records("Legacy_Assets"), key=lambda record: record["Legacy_ID"])
    assert (first["Purchase_Price"], first["Insured"]) == (1234.5, True)
    assert (first["Owner"]["email"], second["Owner"]["email"]) == (
        "tom.okafor@example.com",
        "mira.berger@example.com",
    )
    (row,) = first["Service_Log"]
    assert (row["Service_Date"], row["Hours"]) == ("2024-01-02", 1.5)


def test_rows_that_zoho_would_refuse_cost_no_call_and_are_told_whole(bench: Bench) -> None:
    rows = [
        asset(1, name="", price="€ 5", serviced="2024-01-02", hours="two"),
        asset(2, name="", owner="ana silva"),
        asset(3),
    ]
    result = bench.run(Assets(path=write_rows(bench.folder / "a.csv", rows)))
    assert (result.rows.created, result.rows.failed, result.exit_code) == (1, 2, 1)
    first, second = read_rows(result.files["errors"])
    assert first["field"] == "Purchase_Price; Service_Log[0].Service_Date; Service_Log[0].Hours; Name"
    assert first["code"] == "INVALID_DATA; MANDATORY_NOT_FOUND"
    assert "Service_Log[0].Hours: 'two' is not a number" in first["message"]
    assert (second["field"], second["code"]) == ("Owner; Name", "INVALID_DATA; MANDATORY_NOT_FOUND")
    assert [record["Legacy_ID"] for record in bench.records("Legacy_Assets")] == ["A-3"]
    assert len(bench.get("writes", module="Legacy_Assets")) == 1


def test_a_plain_file_without_a_mandatory_field_sends_nothing(bench: Bench) -> None:
    path = write_rows(bench.folder / "leads.csv", [{"Legacy_ID": f"L-{n}", "City": "x"} for n in range(250)])
    result = bench.run(file_job(Insert("Leads", key="Legacy_ID"), path), keep_going=True)
    assert (result.rows.failed, result.rows.created) == (250, 0)
    assert bench.get("writes", module="Leads") == []
    assert {error["code"] for error in read_rows(result.files["errors"])} == {"MANDATORY_NOT_FOUND"}


def test_no_row_fails_since_users_can_not_be_asked_just_now(bench: Bench) -> None:
    bench.environ["ZMIGRATE_RETRY_BUDGET_S"] = "0.2"
    job = Assets(path=write_rows(bench.folder / "a.csv", [asset(1, owner="Anna Alt")]))
    bench.script({"fault": "503", "path": "/crm/v8/users", "times": 1_000})
    with pytest.raises(Outage, match="/crm/v8/users"):
        bench.run(job)
    assert bench.audit("Legacy_Assets")["creates"] == 0
