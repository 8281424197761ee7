"""Under --json stdout has one object and nothing else, whatever a job module prints, and however."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress

import pytest

from tests.support import leads, write_rows
from zmigrate.cli.emulator import environment_of

JOB = """
import atexit, os, subprocess, sys
from pathlib import Path
from zmigrate import Argument, Csv, Insert, RecordJob, scopes_for

print("loud: imported")
sys.__stdout__.write("loud: past us\\n")
atexit.register(print, "loud: at the end")

class Loud(RecordJob):
    "Prints wherever it can."

    write = Insert("Leads", key="Legacy_ID")
    scopes = scopes_for(write)
    file: Path = Argument(help="File.")

    def source(self):
        os.write(1, b"loud: by descriptor\\n")
        subprocess.run(["echo", "loud: another process"])
        return Csv(self.file)

    def transform(self, row):
        print("loud: row", row["Legacy_ID"])
        return dict(row)
"""
SAID_BY_A_RUN = {
    "loud: imported",
    "loud: past us",
    "loud: by descriptor",
    "loud: another process",
    "loud: row L-000001",
    "loud: row L-000002",
    "loud: at the end",
}


@pytest.fixture
def loud(folder):
    (folder / "jobs").mkdir()
    (folder / "jobs" / "loud.py").write_text(JOB)
    write_rows(folder / "leads.csv", leads(2))

    def run(*words: str, **options):
        return subprocess.run(
            [sys.executable, "-m", "zmigrate", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
            **options,
        )

    return run


def said(text: str) -> set[str]:
    return {line for line in text.splitlines() if line.startswith("loud: ")}


def test_what_a_job_prints_in_a_run_goes_to_stderr(loud):
    done = loud("run", "loud", "leads.csv", "--emulator", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"]["created"] == 2
    assert said(done.stderr) == SAID_BY_A_RUN


@pytest.mark.slow
def test_without_json_it_stays_where_the_job_printed_it(loud):
    done = loud("run", "loud", "leads.csv", "--emulator")
    assert done.returncode == 0, done.stderr
    assert (said(done.stdout), said(done.stderr)) == (SAID_BY_A_RUN, set())


@pytest.mark.parametrize("words", [("jobs",), ("show", "loud"), ("plan", "loud", "leads.csv", "--emulator")])
def test_every_command_that_imports_job_modules_keeps_stdout_clean(loud, words):
    done = loud(*words, "--json")
    assert (done.returncode, "loud: imported" in said(done.stderr)) == (0, True)
    json.loads(done.stdout)


@pytest.mark.slow
def test_a_resume_too(loud, bench, monkeypatch):
    for name, value in environment_of(bench.emulator).items():
        monkeypatch.setenv(name, value)
    assert loud("run", "loud", "leads.csv", "--limit", "1", "--json").returncode == 0
    done = loud("resume", "last", "--json")
    assert json.loads(done.stdout)["rows"]["created"] == 2
    assert "loud: row L-000002" in said(done.stderr)


@pytest.mark.slow
def test_a_job_that_replaces_or_closes_stdout_takes_nothing_from_the_result(loud, folder):
    (folder / "jobs" / "loud.py").write_text(
        JOB.replace(
            'print("loud: imported")', "sys.stdout = open('elsewhere', 'w'); sys.__stdout__.close()"
        ).replace('sys.__stdout__.write("loud: past us\\n")', "")
    )
    done = loud("run", "loud", "leads.csv", "--emulator", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "finished"


@pytest.mark.slow
def test_an_error_is_the_one_object_too(loud):
    done = loud("run", "loud", "missing.csv", "--emulator", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"]


BY_HAND = """
import sys
from zmigrate import Job

class Loud(Job):
    "Prints while the bars are there."

    scopes = ("ZohoCRM.org.READ",)

    def run(self, ctx):
        print("loud: first")
        print("loud: second", file=sys.stderr)
        print("loud: third", end="")
"""


def at_terminal(folder, stdout=None) -> tuple[int, str]:
    """Run it with stderr on a terminal, and stdout too if that has no place of its own."""
    pty = pytest.importorskip("pty")
    (folder / "jobs" / "loud.py").write_text(BY_HAND)
    mine, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "zmigrate", "run", "loud", "--emulator"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=its if stdout is None else stdout,
        stderr=its,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(its)
    told = b""
    with suppress(OSError):  # that of its end
        while more := os.read(mine, 4096):
            told += more
    os.close(mine)
    return process.wait(10), told.decode()


def test_on_a_terminal_what_a_job_prints_stands_above_the_bars_whole(folder, loud):
    code, told = at_terminal(folder)
    assert code == 0, told
    for line in ("loud: first", "loud: second", "loud: third"):
        before, _, after = told.partition(line)
        assert before.endswith("\x1b[2K")  # the picture was taken away
        assert after.startswith("\r\n\x1b[1mloud")  # and drawn again below


@pytest.mark.slow
def test_with_stdout_in_a_file_it_goes_there_and_not_among_the_bars(folder, loud):
    with (folder / "out").open("w") as out:
        code, told = at_terminal(folder, out)
    assert code == 0, told
    assert (folder / "out").read_text() == "loud: first\nloud: third"
    assert [line for line in ("first", "second", "third") if f"loud: {line}" in told] == ["second"]
