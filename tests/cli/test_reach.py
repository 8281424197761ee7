"""Where Zoho can't be reached: said at once, not tried for ever, and no word of a run that never began."""

from __future__ import annotations

import pytest

from .test_runs import INSERT, write_leads

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def out_of_reach(monkeypatch):
    for name, value in {
        "ZMIGRATE_ACCOUNTS_URL": NOWHERE,
        "ZMIGRATE_CLIENT_ID": "1000.X",
        "ZMIGRATE_CLIENT_SECRET": "secret",
        "ZMIGRATE_SOID": "1",
        "ZMIGRATE_RETRY_BUDGET_S": "1.5",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("command", ["run", "check", "api", "fields"])
def test_it_is_said_at_once_with_the_host_and_without_a_word_of_resuming(zmigrate, folder, command):
    write_leads(folder / "leads.csv", 1)
    words = {
        "run": ["import-csv", "leads.csv", *INSERT],
        "check": [],
        "api": ["GET", "/crm/v8/org"],
        "fields": ["Leads"],
    }[command]
    done = zmigrate(command, *words)
    assert done.code == 4
    assert done.err.startswith(
        f"can't reach {NOWHERE} (ConnectError): trying again for up to 2 s; Ctrl-C stops\n"
    )
    assert f"error: No token within the time budget of 2 s: can't reach {NOWHERE}" in done.err
    assert "resume" not in done.err
