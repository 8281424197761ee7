"""What `runs`, `report` and `resume` say of runs whose record, or journal, can't be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_runs import INSERT, write_leads
from zmigrate.engine.storage.folder import RunFolder


@pytest.fixture
def run(zmigrate, folder, credentials) -> RunFolder:
    """A limited run."""
    write_leads(folder / "leads.csv", 30)
    assert zmigrate("run", "import-csv", "leads.csv", *INSERT, "--limit", "10").code == 0
    (made,) = folder.glob(".zmigrate/runs/*")
    return RunFolder(made)


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_run_whose_record_is_in_the_journal_is_told_and_goes_on(zmigrate, run):
    run.record_file.write_bytes(b"")
    (listed,) = json.loads(zmigrate("runs", "--json").out)
    assert (listed["run_id"], listed["state"]) == (run.run_id, "limited")
    assert "run.json is empty" in listed["trouble"]
    for told in (zmigrate("runs"), zmigrate("report", "last")):
        assert told.code == 0
        assert "run.json is empty" in words(told.out)
        assert run.run_id in told.out
    assert zmigrate("resume", "last").code == 0
    (listed,) = json.loads(zmigrate("runs", "--json").out)
    assert (listed["state"], listed["trouble"]) == ("finished", None)


@pytest.mark.parametrize("command", ["report", "resume"])
def test_a_run_of_which_nothing_is_known_is_named_with_what_to_do(command, zmigrate, run):
    run.record_file.write_text("[]")
    run.journal.write_bytes(b"x" * 8192)
    (listed,) = json.loads(zmigrate("runs", "--json").out)
    assert (listed["run_id"], listed["job"], listed["state"]) == (run.run_id, "import-csv", "unreadable")
    shown = words(zmigrate("runs").out)
    assert "unreadable" in shown
    assert "run.json is not the record of a run" in shown
    told = zmigrate(command, "last", "--json")
    assert told.code == 5
    assert json.loads(told.out)["error"]["code"] == "JOURNAL_DAMAGED"
    assert run.run_id in told.err
    assert "hint:" in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize("command", ["report", "resume"])
def test_a_run_that_never_began_frightens_nobody(command, zmigrate, folder, credentials):
    made = RunFolder.create(folder / ".zmigrate", "import-csv")
    made.unlock()
    (listed,) = json.loads(zmigrate("runs", "--json").out)
    assert (listed["run_id"], listed["state"]) == (made.run_id, "not begun")
    assert "nothing was sent" in words(zmigrate("runs").out)
    told = zmigrate(command, "last")
    assert told.code == 2
    assert "never began" in told.err
    write_leads(folder / "leads.csv", 3)
    assert zmigrate("run", "import-csv", "leads.csv", *INSERT).code == 0


def test_a_report_tells_no_zeros_where_the_rows_cant_be_counted(zmigrate, run):
    record = json.loads(run.record_file.read_bytes())
    run.record_file.write_text(json.dumps({**record, "state": "running", "result": None}))
    run.journal.unlink()
    told = zmigrate("report", "last")
    assert told.code == 0
    assert "its rows can't be counted" in words(told.out)
    assert "rows read" not in told.out
    (listed,) = json.loads(zmigrate("runs", "--json").out)
    assert listed["result"] is None


def test_the_last_run_is_not_the_one_before_a_run_that_cant_be_read(zmigrate, run, folder: Path):
    later = run.path.with_name("29990101-000000-import-csv-0000")
    later.mkdir()
    (later / "run.json").write_text("{")
    told = zmigrate("report", "last")
    assert told.code == 5
    assert later.name in told.err
