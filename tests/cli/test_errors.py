"""Every error says what is wrong and what to do, with the right exit code, under --json too."""

from __future__ import annotations

import json
import stat

import pytest
import typer

from zmigrate import errors
from zmigrate.cli.errors import crash, problem_of, value_of


def test_a_mistyped_command_names_the_nearest(zmigrate):
    done = zmigrate("chekc")
    assert done.code == 2
    assert done.err == "error: no such command 'chekc'. Did you mean 'check'?\nhint: see zmigrate --help\n"
    assert done.out == ""


def test_a_job_in_a_commands_place_is_told_how_jobs_are_begun(zmigrate):
    assert "zmigrate run JOB" in zmigrate("import-folder", "x").err


def test_a_missing_argument_says_what_it_is(zmigrate):
    done = zmigrate("resume")
    assert done.err.startswith("error: missing argument 'RUN'\nhint: Id of the run")
    assert "`last`" in done.err


def test_a_mistyped_option_is_an_object_under_json(zmigrate):
    done = zmigrate("jobs", "--json", "--nope")
    assert done.code == 2
    assert json.loads(done.out) == {
        "error": {
            "code": "USAGE",
            "message": "no such option: --nope",
            "hint": "see zmigrate jobs --help",
        }
    }


def test_a_run_that_never_began_prints_the_whole_contract_under_json(zmigrate):
    done = zmigrate("run", "import-csv", "missing.csv", "--json")
    body = json.loads(done.out)
    assert done.code == 2
    assert body["error"]["code"] == "USAGE"
    assert "--module" in body["error"]["message"]
    assert body["job"] == "import-csv"
    assert body["run_id"] is None
    assert set(body["rows"]) == {
        *("read", "created", "updated", "unchanged", "deleted", "skipped", "failed", "in_doubt", "pending")
    }


def test_an_unknown_job_names_the_nearest(zmigrate):
    done = zmigrate("run", "import-cvs", "--json")
    assert done.code == 2
    assert 'Did you mean "import-csv"?' in done.err
    assert json.loads(done.out)["error"]["code"] == "JOB"


def test_no_command_shows_the_help_and_is_wrong_use(zmigrate):
    done = zmigrate()
    assert done.code == 2
    assert "Usage: zmigrate" in done.out
    assert "error" not in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--limit", "0"], "--limit must be at least 1"),
        (["--limit", "many"], "--limit must be a whole number"),
        (["--concurrency", "99"], "--concurrency must be at most 25"),
        (["--trigger", "prod"], "--trigger: 'prod' is none of workflow, approval"),
        (["--limit"], "--limit needs a value"),
    ],
)
def test_a_wrong_value_is_told_in_our_own_words(zmigrate, words, message):
    done = zmigrate("run", "import-csv", "x.csv", "--module", "Leads", "--operation", "insert", *words)
    assert done.code == 2
    assert done.err.startswith(f"error: {message}")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("x"), 2),
        (errors.SourceError("x"), 2),
        (errors.RefusedError("x"), 3),
        (errors.Fatal("x"), 3),
        (errors.Outage("x"), 4),
        (errors.InternalError("x"), 5),
        (typer.BadParameter("x"), 2),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error, code):
    assert problem_of(error).exit_code == code


def test_an_unforeseen_error_is_one_line_and_its_traceback_a_private_file(folder):
    problem = crash(RuntimeError("boom"), ["run", "--state-dir", "elsewhere"])
    assert problem.exit_code == 5
    assert "RuntimeError: boom" in problem.message
    assert "\n" not in problem.message
    (file,) = (folder / "elsewhere" / "crashes").iterdir()
    assert str(file.relative_to(folder)) in problem.hint
    assert "RuntimeError: boom" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_unforeseen_error_says_so_even_where_nothing_can_be_written(folder):
    (folder / ".zmigrate").write_text("a file, not a folder")
    problem = crash(RuntimeError("boom"), [])
    assert "-v" in problem.hint


def test_an_option_is_found_before_the_words_are_parsed():
    assert value_of("--jobs", ["run", "a", "--jobs", "x.py"]) == "x.py"
    assert value_of("--jobs", ["run", "--jobs=x.py", "a"]) == "x.py"
    assert value_of("--jobs", ["run", "a", "--", "--jobs", "x.py"]) is None
    assert value_of("--jobs", ["run", "--jobs"]) is None


def test_the_name_of_the_job_is_told_from_the_path_of_the_jobs(zmigrate):
    done = zmigrate("run", "--jobs", "mine", "import-csv", "--json")
    assert json.loads(done.out)["job"] == "import-csv"


def test_verbose_before_the_command_counts(zmigrate, folder):
    (folder / "leads.csv").write_text("Legacy_ID,Last_Name\n1,Ada\n")
    words = ("run", "import-csv", "leads.csv", "--module", "Leads", "--operation", "insert", "--emulator")
    assert "token acquired" in zmigrate("-v", *words).err
    assert "token acquired" in zmigrate(*words, "-v").err
    assert "token acquired" not in zmigrate(*words).err


def test_a_crash_shows_its_traceback_under_verbose_only(zmigrate, folder):
    (folder / "jobs").mkdir()
    (folder / "jobs" / "odd.py").write_text(
        "from zmigrate import Job\n\nclass Odd(Job):\n    'Odd.'\n    scopes = ('ZohoCRM.org.READ',)\n"
        "    def check(self):\n        raise ZeroDivisionError('odd')\n    def run(self, ctx): pass\n"
    )
    done = zmigrate("run", "odd", "--emulator")
    assert done.code == 2
    assert "Traceback" not in done.err
    assert "ZeroDivisionError" in done.err
    assert "Traceback" in zmigrate("-v", "run", "odd", "--emulator").err


def test_a_full_disk_is_told_as_one_and_not_as_a_fault(zmigrate, folder):
    (folder / "jobs").mkdir()
    (folder / "jobs" / "big.py").write_text(
        "import sqlite3\nfrom zmigrate import Job\n\nclass Big(Job):\n    'Big.'\n"
        "    scopes = ('ZohoCRM.org.READ',)\n"
        "    def check(self):\n"
        "        db = sqlite3.connect(':memory:')\n        db.execute('PRAGMA max_page_count=2')\n"
        "        db.execute('CREATE TABLE a (b)')\n"
        "        db.execute('INSERT INTO a VALUES (zeroblob(100000))')\n"
        "    def run(self, ctx): pass\n"
    )
    done = zmigrate("run", "big", "--emulator", "--json")
    assert done.code == 4
    assert "A temporary database can't grow: database or disk is full" in done.err
    assert "SQLITE_TMPDIR" in done.err
    assert json.loads(done.out)["error"]["code"] == "DISK_FULL"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["plan", "--emulator", "import-csv", "x.csv"],
            "options go after the job's name: zmigrate plan JOB --emulator",
        ),
        (
            ["run", "import-csv", "x.csv", "--module", "--operation", "insert"],
            "--module needs a value, and --operation follows",
        ),
        (["run", "import-csv", "old.xlsx", "--sheet", "2"], "zmigrate run import-file FILE --sheet"),
        (["run", "old.xlsx", "--module", "Leads"], "zmigrate run import-file old.xlsx"),
        (["map", "x.csv", "--module", "users"], "users are not imported"),
    ],
)
def test_a_slip_of_the_hand_is_told_with_the_way_on(zmigrate, folder, words, said):
    (folder / "x.csv").write_text("Legacy_ID,Last_Name\n1,Ada\n")
    done = zmigrate(*words, *(["--emulator"] if words[0] == "map" else []))
    assert done.code == 2
    assert said in done.err


@pytest.mark.parametrize(
    ("argv", "hint"),
    [
        (["check"], "Give the command again then."),
        (["plan", "import-csv"], "Give the command again then."),
        (["run", "import-csv"], "Give the command again then, or at once with --wait."),
    ],
)
def test_spent_credits_name_no_option_that_the_command_lacks(argv, hint):
    assert problem_of(errors.CreditsSpent("x", hint="Resume then, or run with --wait."), argv).hint == hint


def test_a_word_of_a_fields_rule_is_told_where_it_goes(zmigrate, folder):
    done = zmigrate("plan", "import-csv", "leads.csv", "--module", "Leads", "--empty", "blank")
    assert done.code == 2
    assert """--field 'City = {column = "City", empty = "blank"}'""" in done.err
