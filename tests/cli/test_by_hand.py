"""A hand-written job on the command line: what it tells, and what its report tells."""

from __future__ import annotations

import json

import pytest

JOB = """
from zmigrate import Job

class AddVendors(Job):
    scopes = ("ZohoCRM.modules.leads.ALL",)

    def run(self, ctx):
        for item in ctx.each([{"id": n} for n in "abc"]):
            if item["id"] == "c":
                ctx.skip("is a person")
                continue
            mail = "no address" if item["id"] == "b" else "jo@example.com"
            ctx.crm.post("/crm/v8/Leads", json={"data": [{"Last_Name": "V", "Email": mail}]})
"""


@pytest.fixture
def job(folder):
    (folder / "jobs").mkdir()
    (folder / "jobs" / "vendors.py").write_text(JOB)


def test_the_report_has_the_reasons_of_items_that_failed_or_were_skipped(zmigrate, job, credentials):
    done = zmigrate("run", "add-vendors")
    assert done.code == 1
    assert "errors.csv says which items failed, and why" in done.err
    assert "feed that file in again" not in done.err
    shown = zmigrate("report", "last").out
    assert "Email  INVALID_DATA" in shown
    assert "is a person" in shown
    counted = json.loads(zmigrate("report", "last", "--json").out)["result"]["rows"]
    assert (counted["created"], counted["failed"], counted["skipped"]) == (1, 1, 1)


def test_items_in_doubt_are_told_without_a_file_to_load(zmigrate, job, credentials):
    import httpx

    lost = {"method": "POST", "path": "/crm/v8/Leads", "fault": "lost_answer"}
    httpx.post(f"{credentials.url}/_emulator/script", json=[lost])
    done = zmigrate("run", "add-vendors")
    assert done.code == 4
    assert "look for each of them in Zoho" in done.err
    assert "load the rest" not in done.err
    assert "zmigrate resume" in done.err
    assert zmigrate("resume", "last").code == 1
    assert "look for each of them in Zoho" in zmigrate("report", "last").out


def test_an_option_that_takes_one_value_is_refused_when_given_twice(zmigrate, folder):
    (folder / "rows.csv").write_text("Last_Name\nDoe\n")
    words = ["import-csv", "rows.csv", "--module", "Leads", "--operation", "upsert", "--emulator"]
    for command in ("run", "plan"):
        done = zmigrate(command, *words, "--match-on", "Email", "--match-on=Phone")
        assert done.code == 2
        assert "--match-on takes one value, and is given 2 times: an upsert goes by one field" in " ".join(
            done.err.replace("│", " ").split()
        )
    done = zmigrate("run", *words, "--match-on", "Email", "--limit", "1", "--limit", "2")
    assert "--limit takes one value, and is given 2 times" in done.err
