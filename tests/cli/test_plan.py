"""`zmigrate plan JOB`: what a person and a script see, and the exit codes."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import httpx
import pytest

INSERT = ["--module", "Leads", "--operation", "insert", "--key", "Legacy_ID"]


@pytest.fixture
def leads(folder):
    rows = [[f"L{number}", f"Name {number}", f"n{number}@example.com"] for number in range(40)]
    rows[3][2] = rows[20][2] = "nope"
    with (folder / "leads.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["Legacy_ID", "Last_Name", "Email"], *rows])


def test_a_plan_says_what_would_become_of_the_rows_and_what_to_do(zmigrate, leads):
    done = zmigrate("plan", "import-csv", "leads.csv", *INSERT, "--emulator")
    assert done.code == 1, done.err
    for part in (
        "plan of import-csv",
        "insert into Leads",
        "would be created  38",
        "would be refused   2",
        "Email  INVALID_DATA  lines 5, 22",
        "'nope': not an e-mail address",
        "2 of 40 rows would be refused; nothing was written",
        "--rejects",
        "`run` instead of `plan`",
    ):
        assert part in done.out, part
    assert all(len(line) <= 80 for line in done.out.splitlines())


def test_without_rejects_it_ends_with_0(zmigrate, folder):
    (folder / "leads.csv").write_text("Legacy_ID,Last_Name\n1,x\n")
    done = zmigrate("plan", "import-csv", "leads.csv", *INSERT, "--emulator")
    assert done.code == 0, done.err
    assert "no row would be refused" in done.out


def test_json_prints_one_object_and_nothing_else_on_stdout(zmigrate, leads):
    done = zmigrate("plan", "import-csv", "leads.csv", *INSERT, "--emulator", "--json")
    body = json.loads(done.out)
    assert (done.code, body["creates"], body["refused"]) == (1, 38, 2)
    assert body["rejects"][0] == {
        "line": 5,
        "column": "Email",
        "field": "Email",
        "code": "INVALID_DATA",
        "message": "not an e-mail address such as jo@example.com",
        "value": "nope",
    }


def test_quiet_tells_by_its_exit_code_only(zmigrate, leads):
    done = zmigrate("plan", "import-csv", "leads.csv", *INSERT, "--emulator", "--quiet")
    assert (done.code, done.out, done.err) == (1, "", "")


def test_production_is_planned_without_asking_and_nothing_is_written(zmigrate, leads, credentials):
    httpx.post(f"{credentials.url}/_emulator/faults", json={"org_type": "production"}, timeout=10)
    done = zmigrate("plan", "import-csv", "leads.csv", *INSERT)
    assert done.code == 1, done.err
    assert "production" in done.out
    assert httpx.get(f"{credentials.url}/_emulator/writes", timeout=10).json() == []


def test_rejects_are_mended_in_their_file_and_loaded(zmigrate, leads, folder, credentials):
    done = zmigrate("plan", "import-csv", "leads.csv", *INSERT, "--rejects", "bad.csv")
    assert done.code == 1
    assert "bad.csv" in done.out
    bad = folder / "bad.csv"
    bad.write_text(bad.read_text().replace("nope", "jo@example.com"))
    done = zmigrate("run", "import-csv", "bad.csv", *INSERT, "--json")
    assert (done.code, json.loads(done.out)["rows"]["created"]) == (0, 2), done.err


def test_rejects_that_somebody_may_have_mended_are_replaced_by_force_only(zmigrate, leads, folder):
    words = ["plan", "import-csv", "leads.csv", *INSERT, "--emulator", "--rejects", "bad.csv"]
    assert zmigrate(*words).code == 1
    bad = folder / "bad.csv"
    bad.write_text(bad.read_text().replace("nope", "jo@example.com"))
    again = zmigrate(*words)
    assert again.code == 2
    assert "bad.csv exists already" in again.err
    assert "--force" in again.err
    assert "nope" not in bad.read_text()
    assert zmigrate(*words, "--force").code == 1
    assert "nope" in bad.read_text()


def test_the_rejects_of_a_step_come_with_the_command_that_loads_them(zmigrate, folder, credentials):
    load = '[[load]]\nfile = "%s.csv"\nmodule = "Leads"\noperation = "insert"\n[load.fields]\n'
    rules = 'Last_Name = "Last_Name"\nEmail = "Email"\n'
    (folder / "mapping.toml").write_text(load % "one" + rules + load % "two" + rules)
    for name in ("one", "two"):
        (folder / f"{name}.csv").write_text(f"Last_Name,Email\n{name},nope\n")
    (folder / "out of the way").mkdir()
    done = zmigrate("plan", "import-folder", ".", "--rejects", "out of the way/bad.csv")
    shown = [shlex.split(line) for line in done.out.splitlines() if line.startswith("  zmigrate run ")]
    assert len(shown) == 2, done.out
    for words in shown:
        bad = folder / words[3]
        bad.write_text(bad.read_text().replace("nope", "jo@example.com"))
        loaded = zmigrate(*words[1:])
        assert loaded.code == 0, loaded.err


def test_nor_are_the_rejects_of_a_flows_steps(zmigrate, folder):
    load = '[[load]]\nfile = "leads.csv"\nmodule = "Leads"\noperation = "insert"\n'
    (folder / "mapping.toml").write_text(load + '[load.fields]\nLast_Name = "Last_Name"\nEmail = "Email"\n')
    (folder / "leads.csv").write_text("Last_Name,Email\nLi,nope\n")
    words = ["plan", "import-folder", ".", "--emulator", "--rejects", "x/bad.csv"]
    (folder / "x").mkdir()
    assert zmigrate(*words).code == 1
    again = zmigrate(*words)
    assert again.code == 2
    assert "x/bad-01-leads.csv exists already" in again.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["leads.csv", "--rejects", "leads.csv"], "the file that the rows come from"),
        (["leads.csv", "--rejects", "nowhere/bad.csv"], "there is no folder"),
        (["leads.csv", "--rejects", "."], ". is a folder, not a file"),
        (["nowhere.csv"], "nowhere.csv"),
        (["leads.csv", "--profile", "x"], "exclude each other"),
        (["leads.csv", "--ask", "-1"], "--ask"),
        (["leads.csv", "--trigger", "mails"], "--trigger"),
    ],
)
def test_wrong_use_ends_with_2(zmigrate, leads, words, message):
    done = zmigrate("plan", "import-csv", *words, *INSERT, "--emulator", "--json")
    assert done.code == 2
    assert message in done.err
    assert json.loads(done.out)["error"]["message"]


@pytest.mark.parametrize(
    ("rejects", "message"),
    [
        ("x.csv", "x-01-leads.csv is the file that the rows come from"),
        ("nowhere/bad.csv", "there is no folder"),
    ],
)
def test_the_rejects_of_a_flow_replace_no_file_of_its_own(zmigrate, folder, rejects, message):
    load = (
        '[[load]]\nfile = "%s.csv"\nmodule = "Leads"\noperation = "insert"\n[load.fields]\nEmail = "Email"\n'
    )
    (folder / "mapping.toml").write_text(load % "leads" + load % "x-01-leads")
    for name in ("leads", "x-01-leads"):
        (folder / f"{name}.csv").write_text("Last_Name,Email\nLi,nope\n")
    done = zmigrate("plan", "import-folder", ".", "--emulator", "--rejects", rejects)
    assert done.code == 2
    assert message in done.err
    assert (folder / "x-01-leads.csv").read_text() == "Last_Name,Email\nLi,nope\n"


def test_nothing_is_said_of_rejects_where_there_are_none(zmigrate, folder):
    (folder / "leads.csv").write_text("Legacy_ID,Last_Name\n1,x\n")
    done = zmigrate("plan", "import-csv", "leads.csv", *INSERT, "--emulator", "--rejects", "bad.csv")
    assert done.code == 0, done.err
    assert "mend them there" not in done.out


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder where even root can't write")
def test_a_plan_is_told_where_its_rejects_can_t_be_written(zmigrate, leads):
    done = zmigrate("plan", "import-csv", "leads.csv", *INSERT, "--emulator", "--rejects", "/proc/bad.csv")
    assert done.code == 2
    assert "bad.csv can't be written" in done.err
    assert "2 of 40 rows would be refused" in done.out
    assert "mend them there" not in done.out


def test_a_refused_client_ends_with_3(zmigrate, leads, credentials):
    httpx.post(f"{credentials.url}/_emulator/faults", json={"allowed_scopes": "ZohoCRM.org.READ"}, timeout=10)
    done = zmigrate("plan", "import-csv", "leads.csv", *INSERT, "--json")
    assert done.code == 3
    assert json.loads(done.out)["error"]["code"]


def test_a_column_that_goes_nowhere_is_told_as_by_run(zmigrate, folder):
    (folder / "leads.csv").write_text("Legacy_ID,Last_Name,Shoe size\n1,x,44\n")
    said = [
        zmigrate(command, "import-csv", "leads.csv", *INSERT, "--emulator") for command in ("plan", "run")
    ]
    assert said[0].code == said[1].code == 2
    assert said[0].err == said[1].err
    assert "Shoe size" in said[0].err


@pytest.mark.parametrize("option", ["--details", "--rejects", "--force", "--ask"])
def test_a_run_says_which_options_are_those_of_a_plan(zmigrate, leads, option):
    done = zmigrate("run", "import-csv", "leads.csv", *INSERT, option)
    assert done.err == (
        f"error: no such option: {option}\n"
        f"hint: {option} is an option of plan: zmigrate plan import-csv ... {option}\n"
    )


def test_a_file_in_place_of_the_job_is_answered_with_the_command_that_was_given(zmigrate, leads):
    assert "To plan it: zmigrate plan import-csv leads.csv --module" in zmigrate("plan", "leads.csv").err
    assert "To load it: zmigrate run import-csv leads.csv --module" in zmigrate("run", "leads.csv").err


def test_help_has_every_option_of_the_run_and_those_of_a_plan(zmigrate):
    def options(command):
        return set(re.findall(r"(?<=│ )--[a-z-]+", zmigrate(command, "import-csv", "--help").out))

    assert {"--module", "--trigger", "--keep-going"} < options("run")
    assert options("plan") - options("run") == {"--details", "--rejects", "--force", "--ask"}
    assert options("run") <= options("plan")
    assert "import-csv" in zmigrate("plan", "--help").out


def test_options_that_steer_a_run_are_taken_and_change_nothing(zmigrate, leads):
    words = ["plan", "import-csv", "leads.csv", *INSERT, "--emulator", "--json"]
    steers = ["--yes", "--keep-going", "--wait", "--again"]
    plain, steered = [json.loads(zmigrate(*words, *more).out) for more in ([], steers)]
    for name in ("creates", "refused", "rejects", "warnings", "requests", "credits"):
        assert plain[name] == steered[name]


def test_nothing_is_left_in_the_state_folder_but_the_orgs_credits(zmigrate, leads, folder, credentials):
    zmigrate("plan", "import-csv", "leads.csv", *INSERT)
    left = {path.name for path in (folder / ".zmigrate").rglob("*") if path.is_file()}
    assert "run.json" not in left
    assert zmigrate("runs").out.count("import-csv") == 0
