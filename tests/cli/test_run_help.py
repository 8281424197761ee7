"""The commands of jobs are made from their classes: arguments, options, types and help, then the runner's."""

from __future__ import annotations

import json
import re

import pytest

JOB = '''
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Literal

from zmigrate import Argument, Job, Option


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class EchoOptions(Job):
    """Say what it was given [really].

    Second paragraph.
    """

    scopes = ("ZohoCRM.org.READ",)

    file: Path = Argument(help="File to read.")
    since: date | None = Option(default=None, help="Only what changed since.")
    many: list[int] = Option(default=[], help="Numbers.")
    color: Color = Option(default=Color.RED, help="A color.")
    size: Literal["s", "m"] = Option(help="A size.")
    loud: bool = Option(default=False, help="Shout.")
    password: str = Option(secret=True, env="OLD_PASSWORD", help="Password.")

    def check(self):
        raise ValueError(repr(vars(self)))

    def run(self, ctx):
        pass
'''


@pytest.fixture
def job(folder):
    (folder / "jobs").mkdir()
    (folder / "jobs" / "echo.py").write_text(JOB)


def test_run_help_lists_the_jobs(zmigrate, job):
    done = zmigrate("run", "--help")
    assert done.code == 0
    assert "echo-options" in done.out
    assert "import-csv" in done.out
    assert "Say what it was given [really]." in done.out


def test_a_jobs_help_shows_its_options_before_the_runners(zmigrate, job):
    done = zmigrate("run", "echo-options", "--help")
    text = done.out
    assert done.code == 0
    assert "Usage: zmigrate run echo-options [OPTIONS]" in text
    assert "--since" in text
    assert "DATE" in text
    assert "Default: red." in text
    assert "One of s, m." in text
    assert "--loud" in text
    assert text.index("--since") < text.index("Options of every run") < text.index("--keep-going")
    assert "--password" not in text


def test_a_jobs_values_are_of_the_declared_types(zmigrate, job, monkeypatch):
    monkeypatch.setenv("OLD_PASSWORD", "pw")
    words = ["run", "echo-options", "a.csv", "--since", "2024-03-31", "--many", "1", "--many", "2"]
    done = zmigrate(*words, "--size", "m", "--color", "blue", "--loud")
    assert done.code == 2
    for part in (
        "a.csv",
        "datetime.date(2024, 3, 31)",
        "[1, 2]",
        "Color.BLUE",
        "'m'",
        "True",
        "'password': '***'",
    ):
        assert part in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--since", "31.3.2024", "--size", "m"], "--since needs a date such as 2024-03-31, not '31.3.2024'"),
        (["--size", "xl"], "--size is one of s, m, not 'xl'"),
        (["--size", "m", "--many", "x"], "--many needs a whole number such as 42, not 'x'"),
        ([], "missing option '--size'"),
    ],
)
def test_a_wrong_value_says_what_is_wanted(zmigrate, job, words, message):
    done = zmigrate("run", "echo-options", "a.csv", *words)
    assert done.code == 2
    assert message in done.err


def test_a_secret_that_is_nowhere_names_its_variable(zmigrate, job):
    done = zmigrate("run", "echo-options", "a.csv", "--size", "m")
    assert done.code == 2
    assert "OLD_PASSWORD" in done.err


def test_jobs_may_be_named_before_or_after_the_job(zmigrate, folder):
    (folder / "mine.py").write_text(JOB)
    for words in (
        ["--jobs", "mine.py", "echo-options", "--help"],
        ["echo-options", "--jobs", "mine.py", "--help"],
    ):
        assert zmigrate("run", *words).code == 0


def test_a_broken_module_is_named_and_hides_no_other(zmigrate, job, folder):
    (folder / "jobs" / "bad.py").write_text("def broken(:\n")
    done = zmigrate("jobs")
    assert done.code == 0
    assert "echo-options" in done.out
    assert "jobs/bad.py:1" in done.err


@pytest.mark.parametrize("file", ["no_scope.py", "other.py"])
def test_a_job_whose_module_is_broken_is_told_its_own_reason_first(zmigrate, job, folder, file):
    (folder / "jobs" / "bad.py").write_text("def broken(:\n")
    text = "import nowhere_to_be_found\nfrom zmigrate import Job\n\nclass NoScope(Job):\n    pass\n"
    (folder / "jobs" / file).write_text(text)
    done = zmigrate("run", "no-scope")
    assert done.code == 2
    (first,) = done.err.splitlines()
    said = 'error: the job "no-scope" can\'t be used, because its file has an error: '
    assert first.startswith(f"{said}jobs/{file}:1: ModuleNotFoundError")


@pytest.mark.parametrize("name", ["bad", "bad-one"])
def test_a_job_in_a_file_that_is_no_python_is_told_where(zmigrate, job, folder, name):
    (folder / "jobs" / "bad.py").write_text("class BadOne(Job):\n    pass\ndef broken(:\n")
    done = zmigrate("run", name)
    assert done.code == 2
    assert (
        f'the job "{name}" can\'t be used, because its file has an error: jobs/bad.py:3: SyntaxError'
        in done.err
    )


def test_an_unknown_job_names_the_files_that_are_no_python(zmigrate, job, folder):
    (folder / "jobs" / "bad.py").write_text("def broken(:\n")
    assert "jobs/bad.py:1" in zmigrate("run", "gone").err


def test_a_file_in_the_jobs_place_is_told_how_to_be_loaded(zmigrate):
    done = zmigrate("run", "leads.csv")
    assert done.code == 2
    assert "zmigrate run import-csv leads.csv --module MODULE" in done.err


def test_show_ends_with_a_line_that_has_all_that_is_required(zmigrate):
    text = zmigrate("show", "import-csv").out
    wanted = "FILE --module MODULE --operation insert|update|upsert|delete --emulator"
    assert text.splitlines()[-1] == f"try it: zmigrate run import-csv {wanted}"
    assert re.search(r"--map +COLUMN=FIELD", text)


def test_show_describes_a_job(zmigrate, job):
    done = zmigrate("show", "echo-options")
    assert done.code == 0
    assert "ZohoCRM.org.READ" in done.out
    assert "OLD_PASSWORD" in done.out
    data = json.loads(zmigrate("show", "echo-options", "--json").out)
    assert data["scopes"] == ["ZohoCRM.org.READ"]
    assert {each["name"]: each["default"] for each in data["options"]}["color"] == "red"


def test_show_of_an_unknown_job_names_the_nearest(zmigrate):
    done = zmigrate("show", "import-cvs")
    assert done.code == 2
    assert "import-csv" in done.err


def test_no_option_is_shown_that_does_not_work_yet(zmigrate):
    text = zmigrate("run", "import-csv", "--help").out
    for word in ("--via", "--diff", "--no-undo"):
        assert word not in text
    for word in ("retry", "verify", "undo"):
        assert f" {word} " not in zmigrate("--help").out


def test_choices_are_in_the_help_and_another_value_is_a_usage_error(zmigrate, folder):
    (folder / "jobs").mkdir()
    (folder / "jobs" / "mine.py").write_text(
        "import enum\nfrom zmigrate import Job, Option\n\n"
        "class Tier(enum.Enum):\n    GOLD = 'gold'\n    TIN = 'tin'\n\n"
        "class Mine(Job):\n    '''Mine.'''\n    scopes = ('ZohoCRM.org.READ',)\n"
        "    region: str = Option(choices=('emea', 'apac'), default='emea', help='Region.')\n"
        "    tier: Tier = Option(default=Tier.GOLD, help='Tier.')\n"
        "    def run(self, ctx):\n        ctx.log(self.region + self.tier.name)\n"
    )
    shown = " ".join(zmigrate("run", "mine", "--help").out.replace("│", " ").split())
    assert "Region. One of emea, apac. Default: emea." in shown
    assert "Tier. One of gold, tin. Default: gold." in shown
    for words in (["--region", "mars"], ["--tier", "GOLD"]):
        done = zmigrate("run", "mine", "--emulator", *words)
        assert done.code == 2
        assert f"{words[0]} is one of" in done.err
    assert zmigrate("run", "mine", "--emulator", "--region", "apac", "--tier", "tin").code == 0
