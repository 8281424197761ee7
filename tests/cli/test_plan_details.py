"""`zmigrate plan --details FILE.csv`: where every row goes with what would become of it."""

from __future__ import annotations

import csv
import json

import pytest

INSERT = ["--module", "Leads", "--operation", "insert", "--key", "Legacy_ID"]
PLAN = ["plan", "import-csv", "leads.csv", *INSERT, "--emulator"]
LOAD = '[[load]]\nfile = "%s.csv"\nmodule = "Leads"\noperation = "insert"\n[load.fields]\n'
FIELDS = 'Last_Name = "Last_Name"\nEmail = "Email"\n'


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def leads(folder):
    rows = "1,Li,li@example.com\n2,Bo,nope\n,Al,al@example.com\n"
    (folder / "leads.csv").write_text("Legacy_ID,Last_Name,Email\n" + rows)


@pytest.fixture
def folder_of_two(folder):
    (folder / "mapping.toml").write_text(LOAD % "one" + FIELDS + LOAD % "two" + FIELDS)
    (folder / "one.csv").write_text("Last_Name,Email\nLi,nope\nBo,bo@example.com\n")
    (folder / "two.csv").write_text("Last_Name,Email\nAl,al@example.com\n")
    (folder / "out").mkdir()


def test_every_row_is_in_the_file_and_the_plan_says_where_it_is(zmigrate, leads, folder):
    done = zmigrate(*PLAN, "--details", "all.csv")
    assert done.code == 1, done.err
    assert "  all.csv  (3 rows)\n" in done.out
    assert [(row["line"], row["fate"], row["code"]) for row in read(folder / "all.csv")] == [
        ("2", "create", ""),
        ("3", "refuse", "INVALID_DATA"),
        ("4", "refuse", "EMPTY_KEY"),
    ]


def test_a_flow_has_one_file_a_step(zmigrate, folder_of_two, folder):
    done = zmigrate("plan", "import-folder", ".", "--emulator", "--details", "out/all.csv")
    assert done.code == 1, done.err
    assert "  out/all-01-one.csv  (2 rows)\n  out/all-02-two.csv  (1 row)\n" in done.out
    assert [row["fate"] for row in read(folder / "out" / "all-01-one.csv")] == ["refuse", "create"]
    assert [row["fate"] for row in read(folder / "out" / "all-02-two.csv")] == ["create"]


def test_json_stays_one_object_on_stdout(zmigrate, leads, folder):
    done = zmigrate(*PLAN, "--details", "all.csv", "--json")
    assert (done.code, json.loads(done.out)["rows"]) == (1, 3)
    assert len(read(folder / "all.csv")) == 3


@pytest.mark.parametrize("option", ["--details", "--rejects"])
def test_a_file_that_exists_is_replaced_by_force_only(zmigrate, leads, folder, option):
    (folder / "old.csv").write_text("mine\n")
    other = {"--details": "--rejects", "--rejects": "--details"}[option]
    done = zmigrate(*PLAN, other, "all.csv", option, "old.csv")
    assert (done.code, done.out) == (2, "")
    assert "old.csv exists already" in done.err
    assert "--force" in done.err
    assert (folder / "old.csv").read_text() == "mine\n"
    assert not (folder / "all.csv").exists()
    assert zmigrate(*PLAN, option, "old.csv", "--force").code == 1
    assert read(folder / "old.csv")[-1]["code"] == "EMPTY_KEY"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--details", "all.csv", "--rejects", "./all.csv"], "--details and --rejects name the same file"),
        (["--details", "all.csv", "--rejects", "all.csv", "--force"], "name the same file"),
        (["--details", "leads.csv", "--force"], "the file that the rows come from"),
        (["--details", "nowhere/all.csv"], "there is no folder"),
        (["--details", "."], "is a folder, not a file"),
    ],
)
def test_a_file_that_cant_be_written_is_told_before_anything_is_read(zmigrate, leads, folder, words, message):
    before = (folder / "leads.csv").read_text()
    done = zmigrate(*PLAN, *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert (folder / "leads.csv").read_text() == before


def test_the_details_of_a_flow_replace_no_file_of_its_own(zmigrate, folder_of_two, folder):
    (folder / "one.csv").rename(folder / "x-02-two.csv")
    (folder / "mapping.toml").write_text(LOAD % "x-02-two" + FIELDS + LOAD % "two" + FIELDS)
    done = zmigrate("plan", "import-folder", ".", "--emulator", "--details", "x.csv", "--force")
    assert done.code == 2
    assert "x-02-two.csv is the file that the rows come from" in done.err


@pytest.mark.parametrize("option", ["--details", "--rejects"])
def test_a_file_in_the_folder_that_is_imported_is_refused(zmigrate, folder_of_two, folder, option):
    done = zmigrate("plan", "import-folder", ".", "--emulator", option, "bad.csv")
    assert (done.code, done.out) == (2, "")
    assert "bad-01-one.csv is in the folder that is imported" in done.err
    assert zmigrate("plan", "import-folder", ".", "--emulator", option, "out/bad.csv").code == 1


def test_rejects_of_a_step_that_has_none_any_more_are_not_left_from_the_plan_before(
    zmigrate, folder_of_two, folder
):
    words = ["plan", "import-folder", ".", "--emulator", "--rejects", "out/bad.csv"]
    assert zmigrate(*words).code == 1
    assert len(read(folder / "out" / "bad-01-one.csv")) == 1
    (folder / "one.csv").write_text("Last_Name,Email\nLi,li@example.com\n")
    done = zmigrate(*words, "--force")
    assert done.code == 0, done.err
    assert read(folder / "out" / "bad-01-one.csv") == []
    assert not (folder / "out" / "bad-02-two.csv").exists()


def test_no_command_is_told_for_an_emulator_that_is_gone(zmigrate, folder_of_two):
    done = zmigrate("plan", "import-folder", ".", "--emulator", "--rejects", "out/bad.csv")
    assert "The rows of one.csv that would be refused:\n  out/bad-01-one.csv\n" in done.out
    assert "zmigrate run import-csv" not in done.out


def test_the_command_for_fixed_rejects_names_the_triggers_of_the_plan(zmigrate, folder_of_two, credentials):
    done = zmigrate("plan", "import-folder", ".", "--rejects", "out/bad.csv", "--trigger", "workflow")
    assert done.out.index("`run` instead of `plan`") < done.out.index(
        "After the run, fix the rows of one.csv"
    )
    (command,) = [line for line in done.out.splitlines() if line.startswith("  zmigrate run ")]
    assert "out/bad-01-one.csv" in command
    assert "--trigger workflow" in command


@pytest.mark.parametrize("job", ["import-csv", "import-file"])
def test_paths_may_begin_with_the_home(zmigrate, folder, monkeypatch, job):
    home = folder / "home"
    home.mkdir()
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(home))
    (home / "leads.csv").write_text("Last_Name\nLi\n")
    words = ("--module", "Leads", "--operation", "insert", "--emulator")
    done = zmigrate("plan", job, "~/leads.csv", *words, "--details=~/d.csv")
    assert done.code == 0, done.err
    assert "Li" in (home / "d.csv").read_text()
