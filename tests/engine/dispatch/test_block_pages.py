"""A firewall between us and Zoho answers with a web page: for one row, or for everything."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import Bench, file_job, leads, read_rows, thorough, write_rows
from zmigrate import Insert, Update

LEADS = {"method": "POST", "path": "/crm/v8/Leads"}


def loading(bench: Bench, write: Insert, rows: int = 250) -> Any:
    return file_job(write, write_rows(bench.folder / "leads.csv", leads(rows)))


@pytest.mark.parametrize("status", thorough(["403", "400"]))
@pytest.mark.parametrize("key", ["Legacy_ID", None])
def test_the_one_row_that_a_firewall_blocks_is_found_and_fails_alone(
    status: str, key: str | None, bench: Bench
) -> None:
    bench.script({**LEADS, "fault": status, "contains": "L-000042", "times": 100})

    result = bench.run(loading(bench, Insert("Leads", key=key)))

    assert (result.state, result.exit_code) == ("finished", 1)
    assert (result.rows.created, result.rows.failed, result.rows.in_doubt) == (249, 1, 0)
    [failed] = read_rows(result.files["errors"])
    assert (failed["line"], failed["code"]) == ("43", "BLOCK_PAGE")
    assert "firewall" in failed["message"]
    assert bench.audit()["creates"] == 249


def test_a_firewall_that_blocks_every_write_stops_the_run_and_its_rows_wait(bench: Bench) -> None:
    bench.script({**LEADS, "fault": "403", "times": 1000})

    result = bench.run(loading(bench, Insert("Leads", key="Legacy_ID")))

    assert (result.state, result.exit_code) == ("refused", 3)
    assert result.error is not None
    assert "firewall" in result.error.message
    assert (result.rows.failed, result.rows.in_doubt) == (0, 0)

    bench.script_clear()
    assert bench.resume().rows.created == 250


def test_an_update_that_a_firewall_blocks_fails_alone_too(bench: Bench) -> None:
    ids = bench.seed(leads(5))
    rows = [{"id": one, "Last_Name": f"<script>{at}" if at == 2 else "Doe"} for at, one in enumerate(ids)]
    bench.script({"method": "PUT", "path": "/crm/v8/Leads", "fault": "403", "contains": "<script>"})
    bench.script(
        {"method": "PUT", "path": "/crm/v8/Leads", "fault": "403", "contains": "<script>", "times": 9}
    )

    result = bench.run(file_job(Update("Leads"), write_rows(bench.folder / "leads.csv", rows)))

    assert (result.rows.updated, result.rows.failed) == (4, 1)
