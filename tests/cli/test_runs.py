"""Running a job: what stdout, stderr and the exit code say; and the commands that look back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zmigrate.cli.demo import ask
from zmigrate.cli.emulator import environment_of
from zmigrate.emulator import Emulator, Options

MAIN = [sys.executable, "-c", "import sys; from zmigrate.cli import main; sys.exit(main())"]
INSERT = ["--module", "Leads", "--operation", "insert", "--key", "Legacy_ID"]


def write_leads(path: Path, rows: int, *, bad: int = 0) -> None:
    lines = ["Legacy_ID,Last_Name,Email"]
    lines += [f"L{number},Name {number},n{number}@example.com" for number in range(rows - bad)]
    lines += [f"B{number},Name,not an address" for number in range(bad)]
    path.write_text("\n".join(lines) + "\n")


def test_a_clean_run_ends_with_0_and_accounts_for_every_row(zmigrate, folder):
    write_leads(folder / "leads.csv", 250)
    done = zmigrate("run", "import-csv", "leads.csv", *INSERT, "--emulator")
    assert done.code == 0, done.err
    assert done.out == ""
    assert "250: every row" in done.err.replace(" rows", "")
    assert "practice" in done.err
    assert "nothing has reached Zoho" in done.err


def test_failed_rows_end_with_1_and_the_report_groups_their_reasons(zmigrate, folder):
    write_leads(folder / "leads.csv", 50, bad=7)
    done = zmigrate("run", "import-csv", "leads.csv", *INSERT, "--emulator")
    assert done.code == 1
    assert "zmigrate report" in done.err
    report = zmigrate("report", "last")
    assert report.code == 0, report.err
    assert "why rows failed" in report.out
    (line,) = [line for line in report.out.splitlines() if "INVALID_DATA" in line]
    assert line.split()[:2] == ["7", "Email"]
    assert "45, 46, 47" in report.out


def test_json_prints_one_object_and_nothing_else_on_stdout(zmigrate, folder):
    write_leads(folder / "leads.csv", 120, bad=1)
    done = zmigrate("run", "import-csv", "leads.csv", *INSERT, "--emulator", "--json")
    body = json.loads(done.out)
    assert done.code == 1
    assert body["rows"]["created"] == 119
    assert body["error"] is None
    assert set(body) == {
        *("run_id", "job", "state", "org", "api_domain", "rows", "requests", "tokens", "credits"),
        *("elapsed_s", "rows_per_s", "files", "error"),
    }


def test_quiet_prints_nothing_at_all(zmigrate, folder):
    write_leads(folder / "leads.csv", 10)
    done = zmigrate("run", "import-csv", "leads.csv", *INSERT, "--emulator", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_missing_file_is_wrong_use_and_nothing_is_sent(zmigrate, credentials):
    done = zmigrate("run", "import-csv", "nowhere.csv", *INSERT, "--json")
    assert done.code == 2
    assert "nowhere.csv" in done.err
    assert json.loads(done.out)["error"]["code"] == "SOURCE"


def test_an_unknown_field_names_the_column_and_the_nearest(zmigrate, folder):
    (folder / "leads.csv").write_text("Legacy_ID,Last_Nam\n1,x\n")
    done = zmigrate("run", "import-csv", "leads.csv", *INSERT, "--emulator")
    assert done.code == 2
    assert "Last_Nam" in done.err
    assert "Last_Name" in done.err
    assert "--ignore-column" in done.err


def test_production_without_a_terminal_wants_yes(zmigrate, folder, monkeypatch):
    write_leads(folder / "leads.csv", 5)
    with Emulator(Options(org_type="production")) as emulator:
        for name, value in environment_of(emulator).items():
            monkeypatch.setenv(name, value)
        refused = zmigrate("run", "import-csv", "leads.csv", *INSERT)
        agreed = zmigrate("run", "import-csv", "leads.csv", *INSERT, "--yes")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert agreed.code == 0, agreed.err
    assert "production" in agreed.err


def test_emulator_and_profile_exclude_each_other(zmigrate, folder):
    write_leads(folder / "leads.csv", 5)
    done = zmigrate("run", "import-csv", "leads.csv", *INSERT, "--emulator", "--profile", "x")
    assert done.code == 2
    assert "exclude each other" in done.err


def test_a_trigger_that_zoho_does_not_know_is_refused(zmigrate, folder):
    write_leads(folder / "leads.csv", 5)
    done = zmigrate("run", "import-csv", "leads.csv", *INSERT, "--emulator", "--trigger", "workflows")
    assert done.code == 2
    assert "workflow" in done.err


def test_a_limited_run_is_gone_on_with_and_listed(zmigrate, folder, credentials):
    write_leads(folder / "leads.csv", 30)
    first = zmigrate("run", "import-csv", "leads.csv", *INSERT, "--limit", "10")
    assert first.code == 0, first.err
    assert "zmigrate resume" in first.err
    again = zmigrate("run", "import-csv", "leads.csv", *INSERT)
    assert again.code == 2
    assert "resume" in again.err
    second = zmigrate("resume", "last", "--json")
    assert second.code == 0, second.err
    assert json.loads(second.out)["rows"]["created"] == 30
    listed = json.loads(zmigrate("runs", "--json").out)
    assert [(run["state"], run["result"]["rows"]["created"]) for run in listed] == [("finished", 30)]
    table = zmigrate("runs").out
    assert "finished" in table
    assert max(map(len, table.splitlines())) <= 80


def test_a_mapping_mended_after_the_first_rows_were_all_refused_has_a_way_on(zmigrate, folder, credentials):
    write_leads(folder / "leads.csv", 600, bad=600)
    load = 'module = "Leads"\noperation = "insert"\nkey = "Legacy_ID"\n%s[fields]\n%s'
    rules = 'Legacy_ID = "Legacy_ID"\nLast_Name = "Last_Name"\n'
    mapping = folder / "leads.toml"
    mapping.write_text(load % ("", rules + 'Email = "Email"\n'))
    words = ["run", "import-csv", "leads.csv", "--mapping", "leads.toml"]
    assert zmigrate(*words).code == 4
    mapping.write_text(load % ('ignore = ["Email"]\n', rules))
    for refused in (zmigrate(*words), zmigrate("resume", "last")):
        assert refused.code == 2
        assert "--again" in refused.err
        assert "it has written nothing so far, so nothing is doubled" in refused.err
    done = zmigrate(*words, "--again", "--json")
    assert (done.code, json.loads(done.out)["rows"]["created"]) == (0, 600), done.err


JOB = """
from pathlib import Path

from zmigrate import Argument, Csv, Insert, RecordJob, scopes_for


class LoadMine(RecordJob):
    \"\"\"Load.\"\"\"

    write = Insert("Leads", key="Legacy_ID")
    scopes = scopes_for(write)
    file: Path = Argument(help="CSV.")

    def source(self):
        return Csv(self.file)

    def transform(self, row):
        return {**row, "Company": "OLD"}
"""


def test_a_resume_tells_that_the_jobs_code_has_changed_and_from_where_on(zmigrate, folder, credentials):
    write_leads(folder / "leads.csv", 30)
    (folder / "jobs").mkdir()
    module = folder / "jobs" / "mine.py"
    module.write_text(JOB)
    zmigrate("run", "load-mine", "leads.csv", "--limit", "10")
    same = zmigrate("resume", "last", "--limit", "10")
    assert "has changed" not in same.err
    module.write_text(JOB.replace("OLD", "NEW"))
    done = zmigrate("resume", "last")
    assert done.code == 0, done.err
    told = f"warning: {module} has changed since the run began: rows from 21 on are made by the new code"
    assert told in " ".join(done.err.split())


@pytest.mark.parametrize("command", ["resume", "report"])
def test_a_run_that_is_not_there_is_named_with_the_nearest(zmigrate, folder, command):
    assert "there are no runs" in zmigrate(command, "last").err
    write_leads(folder / "leads.csv", 5)
    zmigrate("run", "import-csv", "leads.csv", *INSERT, "--emulator", "--quiet")
    done = zmigrate(command, "2020", "--json")
    assert done.code == 2
    assert "The latest runs: 2" in done.err
    assert json.loads(done.out)["error"]["code"] == "RUN"


def test_runs_without_any_says_so(zmigrate):
    assert zmigrate("runs").out == "no runs yet\n"
    assert json.loads(zmigrate("runs", "--json").out) == []


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(zmigrate, folder, monkeypatch):
    write_leads(folder / "leads.csv", 3000)
    with Emulator(Options(latency_ms=300)) as emulator:
        for name, value in environment_of(emulator).items():
            monkeypatch.setenv(name, value)
        process = subprocess.Popen(
            [*MAIN, "run", "import-csv", "leads.csv", *INSERT],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        try:
            wait_for_a_write(emulator.url)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
            process.communicate()
        assert process.returncode == 130, err
        assert out == ""
        assert "zmigrate resume" in err
        assert zmigrate("report", "last").out.count("interrupted") >= 1
        done = zmigrate("resume", "last", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["rows"]["created"] == 3000


def wait_for_a_write(url: str) -> None:
    """Until the emulator has got a write."""
    end = time.monotonic() + 20
    while not ask(url, "writes?module=Leads"):
        assert time.monotonic() < end, "the run did not begin"
        time.sleep(0.05)


def test_a_killed_run_is_reported_as_interrupted_and_can_be_gone_on_with(zmigrate, folder, monkeypatch):
    write_leads(folder / "leads.csv", 2000)
    with Emulator(Options(latency_ms=300)) as emulator:
        for name, value in environment_of(emulator).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("ZMIGRATE_SETTLE_S", "0.5")
        process = subprocess.Popen([*MAIN, "run", "import-csv", "leads.csv", *INSERT, "--quiet"])
        try:
            wait_for_a_write(emulator.url)
            at_work = zmigrate("report", "last")
        finally:
            process.kill()
            process.wait()
        report = zmigrate("report", "last")
        done = zmigrate("resume", "last", "--quiet")
        audit = ask(emulator.url, "audit?module=Leads&key=Legacy_ID")
    assert "at work" in at_work.out
    assert "zmigrate resume" not in at_work.out
    assert "interrupted" in report.out
    assert "zmigrate resume" in report.out
    for shown in (at_work.out, report.out):
        assert "0 s" not in shown
        assert "0 requests" not in shown
    assert done.code == 0, done.err
    assert (audit["records"], audit["created_twice"]) == (2000, [])


@pytest.mark.parametrize(
    "words", [["runs"], ["report", "last"], ["run", "import-csv", "leads.csv", *INSERT, "--emulator"]]
)
def test_a_file_can_not_be_the_state_folder(zmigrate, folder, words):
    write_leads(folder / "leads.csv", 1)
    (folder / "file").touch()
    done = zmigrate(*words, "--state-dir", "file")
    assert done.code == 2
    assert "error: file is a file, not a folder" in done.err
