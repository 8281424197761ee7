"""Code that runs is code that somebody asked for: not what lies beside it, nor what a run's folder names."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

import zmigrate as front_door
from tests.support import leads, write_rows
from zmigrate.job.job import Job
from zmigrate.job_files import JOB_CLASSES, read_job_file
from zmigrate.registry import discover

JOB = '''
{head}
from pathlib import Path
from zmigrate import Argument, Csv, Insert, RecordJob, scopes_for

class {name}(RecordJob):
    """Load {name}."""

    write = Insert("Leads", key="Legacy_ID")
    scopes = scopes_for(write)
    file: Path = Argument(help="File.")

    def source(self):
        return Csv(self.file)

    def transform(self, row):
        return dict(row)
'''
TRAP = "import pathlib; pathlib.Path({mark!r}).touch()"


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file that is there once a module was imported that nobody asked for."""
    return tmp_path / "imported"


@pytest.fixture
def jobs(folder: Path, mark: Path) -> Path:
    """`./jobs` of somebody else, with one job of ours: each module but that one leaves its mark."""
    made = folder / "jobs"
    made.mkdir()
    trap = TRAP.format(mark=str(mark))
    (made / "mine.py").write_text(JOB.format(name="Mine", head=""))
    (made / "aaa_other.py").write_text(JOB.format(name="Other", head=trap))
    (made / "helper.py").write_text(trap)
    (made / "unknown_base.py").write_text(
        f"{trap}\nfrom somewhere import Base\nclass Maybe(Base):\n    pass\n"
    )
    write_rows(folder / "leads.csv", leads(2))
    return made


IMPORT = ["import-csv", "leads.csv", "--module", "Leads", "--operation", "insert", "--key", "Legacy_ID"]


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--help"],
        ["plan", "--help"],
        ["run", "mine", "--help"],
        ["show", "mine"],
        ["run", *IMPORT, "--emulator"],
        ["plan", *IMPORT, "--emulator"],
        ["run", "mine", "leads.csv", "--emulator"],
        ["run", "imprt-csv", "leads.csv"],
        ["report", "last"],
        ["runs"],
        ["fields", "Leads", "--emulator"],
    ],
    ids=" ".join,
)
def test_a_command_imports_no_other_module_of_the_folder(zmigrate, jobs, mark, words):
    if words[0] == "report":
        zmigrate("run", *IMPORT, "--emulator")
    zmigrate(*words)
    assert not mark.exists()


@pytest.mark.parametrize(
    "words", ["zmigrate run mi", "zmigrate plan ", "zmigrate run mine --ke", "zmigrate sho"]
)
def test_completion_imports_no_other_module_of_the_folder(zmigrate, jobs, mark, monkeypatch, capsys, words):
    monkeypatch.setenv("_ZMIGRATE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    with pytest.raises(SystemExit):
        zmigrate()
    assert not mark.exists()
    if words == "zmigrate plan ":
        assert {"mine", "other", "maybe", "import-csv"} <= set(capsys.readouterr().out.split())


def test_help_lists_every_job_with_its_first_line(zmigrate, jobs, mark):
    done = zmigrate("run", "--help")
    assert done.code == 0
    assert "Load Mine." in done.out
    assert "Load Other." in done.out
    assert "import-csv" in done.out


def test_jobs_lists_what_can_be_imported(zmigrate, jobs, mark):
    done = zmigrate("jobs")
    assert mark.exists()  # this one is asked which jobs can be run
    assert "jobs/aaa_other.py" in done.out
    assert "jobs/unknown_base.py" in done.err


# -- which classes are jobs, by their text alone -----------------------------------------------------


def test_every_base_class_of_the_front_door_is_known_by_name() -> None:
    found = {name for name in front_door.__all__ if is_job(getattr(front_door, name))}
    assert found == JOB_CLASSES


def is_job(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Job)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("from zmigrate import Job\nclass A(Job): pass", ["A"]),
        ("from zmigrate import Job as J\nclass A(J): pass", ["A"]),
        ("import zmigrate\nclass A(zmigrate.RecordJob): pass", ["A"]),
        ("import zmigrate as z\nclass A(z.Flow): pass", ["A"]),
        ("from zmigrate import Job\nclass B(Job, abstract=True): pass\nclass A(B): pass", ["A"]),
        ("from base import Base\nclass A(Base): pass", ["A"]),
        ("from base import *\nclass A(Base): pass", ["A"]),
        ("class A(make_base()): pass", ["A"]),
        (
            "from zmigrate import Job\nif True:\n    class A(Job): pass\nelse:\n    class B(Job): pass",
            ["A", "B"],
        ),
        ("from zmigrate import Job\ntry:\n    class A(Job): pass\nexcept ValueError:\n    pass", ["A"]),
        ("from enum import Enum\nclass A(Enum): pass", []),
        ("from zmigrate import Csv\nclass A(Csv): pass", []),
        ("class A(Exception): pass\nclass B: pass\nclass C(dict[str, int]): pass", []),
        ("class A(B): pass\nclass B(A): pass", []),
        ("from zmigrate import Job\ndef f():\n    class A(Job): pass", []),
    ],
)
def test_classes_are_found_without_running_the_file(tmp_path, text, names):
    (tmp_path / "load.py").write_text(text)
    assert [each.name for each in read_job_file(tmp_path / "load.py").classes] == names


@pytest.mark.parametrize(
    "content", [b"def broken(:", b"\xff\xfe\x00", b"\x00", b"(" * 100_000, b"x = " + b"-" * 200_000 + b"1"]
)
def test_a_file_that_is_no_python_is_a_fault_and_no_crash(tmp_path, content):
    (tmp_path / "load_leads.py").write_bytes(content)
    found = read_job_file(tmp_path / "load_leads.py")
    assert found.fault is not None
    assert "load-leads" in [each.job for each in found.classes]


def test_a_pipe_in_the_folder_of_jobs_does_not_hang(zmigrate, folder):
    (folder / "jobs").mkdir()
    os.mkfifo(folder / "jobs" / "pipe.py")
    assert zmigrate("run", "--help").code == 0
    assert zmigrate("jobs").code == 0


# -- names that are taken ----------------------------------------------------------------------------


def test_a_file_of_the_folder_takes_no_ready_made_jobs_name(zmigrate, jobs, mark, folder):
    trap = TRAP.format(mark=str(mark))
    (jobs / "zzz.py").write_text(JOB.format(name="ImportCsv", head=trap))
    for command in ("run", "plan"):
        done = zmigrate(command, *IMPORT, "--emulator")
        assert done.code == 2
        assert 'jobs/zzz.py has a job called "import-csv", and a ready-made job has that name' in done.err
        assert "--jobs jobs/zzz.py" in done.err
    assert not mark.exists()
    done = zmigrate("run", "import-csv", "leads.csv", "--emulator", "--jobs", "jobs/zzz.py")
    assert done.code == 0, done.err
    assert "jobs/zzz.py" in done.err
    assert mark.exists()


def test_a_copy_of_the_ready_made_jobs_is_no_hindrance(zmigrate, folder):
    ready_made = Path(front_door.__file__).parents[1] / "jobs"
    shutil.copytree(ready_made, folder / "jobs")
    assert {entry.origin for entry in discover(None, folder).jobs.values()} == {"ready-made"}


def test_an_editable_install_has_the_ready_made_jobs_in_its_own_folder_too():
    root = Path(front_door.__file__).parents[1]
    assert "import-csv" in discover(None, root).jobs


@pytest.mark.parametrize("command", ["run", "plan"])
def test_banner_and_plan_say_whose_code_it_is(zmigrate, jobs, command):
    done = zmigrate(command, "mine", "leads.csv", "--emulator")
    assert "code         jobs/mine.py" in done.out + done.err
    done = zmigrate(command, *IMPORT, "--emulator", *(["--again"] if command == "run" else []))
    assert "code         ready-made" in done.out + done.err


# -- a run goes on with the code that is here ---------------------------------------------------------


def interrupted(zmigrate, *words: str) -> None:
    assert zmigrate("run", *words, "--limit", "1", "--yes").code == 0


def record_of(folder: Path) -> Path:
    (found,) = (folder / ".zmigrate" / "runs").glob("*/run.json")
    return found


def change(record: Path, **changes: object) -> None:
    """What somebody does who may write a run's folder."""
    record.write_text(json.dumps({**json.loads(record.read_text()), **changes}))


@pytest.mark.parametrize("command", ["resume", "report"])
def test_a_file_that_a_runs_folder_names_is_not_imported(zmigrate, credentials, jobs, mark, folder, command):
    interrupted(zmigrate, "mine", "leads.csv")
    evil = folder / "elsewhere.py"
    evil.write_text(JOB.format(name="Mine", head=TRAP.format(mark=str(mark))))
    change(record_of(folder), origin=str(evil))
    done = zmigrate(command, "last", *(["--yes"] if command == "resume" else []))
    assert done.code == 0, done.err
    assert not mark.exists()


def test_a_resume_with_other_code_says_so(zmigrate, credentials, jobs, folder):
    interrupted(zmigrate, "mine", "leads.csv")
    with (jobs / "mine.py").open("a") as file:
        file.write("\n# mended\n")
    done = zmigrate("resume", "last", "--yes")
    assert done.code == 0
    assert "has changed since the run began" in done.err


def test_a_resume_with_a_file_of_another_place_says_so(zmigrate, credentials, jobs, folder):
    (folder / "other").mkdir()
    shutil.copy(jobs / "mine.py", folder / "other" / "mine.py")
    interrupted(zmigrate, "mine", "leads.csv", "--jobs", "other")
    with (jobs / "mine.py").open("a") as file:
        file.write("\n# another\n")
    done = zmigrate("resume", "last", "--yes")
    assert done.code == 0
    text = " ".join(done.err.split())
    assert "jobs/mine.py; the run began with the one in" in text


def test_a_job_that_is_not_found_from_here_is_named_and_not_imported(zmigrate, credentials, folder, mark):
    write_rows(folder / "leads.csv", leads(2))
    (folder / "other").mkdir()
    file = folder / "other" / "mine.py"
    file.write_text(JOB.format(name="Mine", head=""))
    interrupted(zmigrate, "mine", "leads.csv", "--jobs", "other")
    file.write_text(JOB.format(name="Mine", head=TRAP.format(mark=str(mark))))
    done = zmigrate("resume", "last", "--yes")
    assert done.code == 2
    assert "other/mine.py" in done.err
    assert "hint: If you trust that file: --jobs other/mine.py" in done.err
    assert not mark.exists()
    assert zmigrate("resume", "last", "--yes", "--jobs", "other").code == 0
    assert mark.exists()
