"""`zmigrate new` writes a job that runs as it is and a test that passes, and overwrites nothing."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest


def test_the_scaffold_runs_as_it_is(zmigrate, folder):
    assert zmigrate("new", "import-customers").code == 0
    done = zmigrate("run", "import-customers", "samples/import_customers.csv", "--emulator", "--json")
    assert done.code == 0, done.err
    assert '"created": 3' in done.out
    assert '"skipped": 1' in done.out


KINDS = {"record-job": (3, 1), "job": (3, 1), "flow": (5, 0)}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_scaffold_runs_as_it_is(zmigrate, folder, kind):
    made = zmigrate("new", "import-customers", "--kind", kind)
    assert made.code == 0, made.err
    command = next(line for line in made.out.splitlines() if line.startswith("run it:"))
    done = zmigrate(*shlex.split(command.removeprefix("run it:"))[1:], "--json")
    assert done.code == 0, done.err
    rows = json.loads(done.out)["rows"]
    assert (rows["created"], rows["skipped"]) == KINDS[kind]
    assert zmigrate("new", "import-customers", "--kind", kind).code == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_test_of_each_kind_of_scaffold_passes(zmigrate, folder, kind):
    zmigrate("new", "load_2024", "--kind", kind)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "tests"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_kind_that_is_none_is_refused(zmigrate, folder):
    done = zmigrate("new", "import-customers", "--kind", "mapping")
    assert done.code == 2
    assert "record-job" in done.err
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_the_scaffolds_test_passes(zmigrate, folder):
    zmigrate("new", "load_2024")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "tests"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


@pytest.mark.slow
def test_the_test_command_that_new_prints_works(zmigrate, folder):
    done = zmigrate("new", "load-2024")
    command = next(line for line in done.out.splitlines() if line.startswith("test it:"))
    finished = subprocess.run(
        shlex.split(command.removeprefix("test it:")), capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_the_name_that_new_prints_is_the_jobs_name(zmigrate, folder):
    done = zmigrate("new", "load_2024")
    name = next(line for line in done.out.splitlines() if line.startswith("run it")).split()[4]
    assert zmigrate("show", name).code == 0


@pytest.mark.parametrize(
    "name", ["Import", "2024", "a b", "../x", "csv", "class", "path", "é", "", "-x-", "run"]
)
def test_a_name_that_can_not_be_a_job_is_refused(zmigrate, folder, name):
    done = zmigrate("new", "--", name)
    assert done.code == 2
    assert "hint: " in done.err
    assert list(folder.iterdir()) == []


def test_the_name_of_a_ready_made_job_is_refused(zmigrate, folder):
    done = zmigrate("new", "import-csv")
    assert (done.code, "ready-made" in done.err) == (2, True)
    assert not (folder / "jobs").exists()


def test_nothing_is_overwritten(zmigrate, folder):
    (folder / "tests").mkdir()
    (folder / "tests" / "test_import_customers.py").write_text("mine")
    done = zmigrate("new", "import-customers")
    assert done.code == 2
    assert "exists already" in done.err
    assert not (folder / "jobs").exists()
