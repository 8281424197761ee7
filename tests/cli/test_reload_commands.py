"""Rows that failed: the commands that a run shows load them again once they are mended, as they stand."""

from __future__ import annotations

import json
import re
import shlex

import pytest

LOAD = '[[load]]\nfile = "%s.csv"\nmodule = "Contacts"\noperation = "insert"\nkey = "Legacy_ID"\n'
FIELDS = (
    '[load.fields]\nLegacy_ID = "id"\nLast_Name = "name"\nEmail = "mail"\nLead_Source = { constant = "%s" }\n'
)


def commands_in(text: str) -> list[list[str]]:
    return [shlex.split(line) for line in re.findall(r"^  (zmigrate run .*)$", text, re.M)]


def mend(path: str) -> None:
    with open(path, newline="") as file:
        text = file.read()
    with open(path, "w", newline="") as file:
        file.write(text.replace("bad", "jo@example.com"))


def load_again(zmigrate, words: list[str]):
    """Run a command as it was shown, its file mended."""
    mend(next(word for word in words if word.endswith("errors.csv")))
    done = zmigrate(*words[1:], "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


@pytest.fixture
def export(folder):
    """Two files for one module, each with a row that is refused."""
    made = folder / "old crm"
    made.mkdir()
    (made / "one.csv").write_text("id,name,mail\n1,C1,bad\n")
    (made / "two.csv").write_text("id,name,mail\n2,C2,bad\n3,C3,c3@example.com\n")
    (made / "mapping.toml").write_text(
        LOAD % "one" + FIELDS % "Trade Show" + LOAD % "two" + FIELDS % "Partner"
    )


def test_each_step_of_a_folder_is_fed_in_again_by_the_rules_of_its_own_load(zmigrate, export, credentials):
    done = zmigrate("run", "import-folder", "old crm")
    shown = commands_in(done.err)
    assert commands_in(zmigrate("report", "last").out) == shown
    assert len(shown) == 2, done.err
    assert [load_again(zmigrate, words)["rows"]["created"] for words in shown] == [1, 1]
    import httpx

    found = httpx.get(f"{credentials.url}/_emulator/records/Contacts", timeout=10).json()
    rows = found["data"] if isinstance(found, dict) else found
    assert {row["Legacy_ID"]: row["Lead_Source"] for row in rows} == {
        "1": "Trade Show",
        "2": "Partner",
        "3": "Partner",
    }


def test_the_overview_of_a_folders_errors_is_told_from_the_files_to_mend(zmigrate, export, credentials):
    done = zmigrate("run", "import-folder", "old crm", "--json")
    overview = json.loads(done.out)["files"]["errors"]
    fed = zmigrate("run", "import-csv", overview, "--module", "Contacts", "--operation", "insert")
    assert fed.code == 2
    assert "overview" in fed.err
    assert "steps" in fed.err


def test_a_file_is_fed_in_again_with_the_options_of_its_run(zmigrate, folder, credentials):
    (folder / "old leads.csv").write_text("Legacy_ID;Name;Email;x\n1;C1;bad;\n", "utf-8")
    options = ["--module", "Leads", "--operation", "insert", "--key", "Legacy_ID", "--delimiter", ";"]
    options += ["--map", "Name=Last_Name", "--ignore-column", "x"]
    done = zmigrate("run", "import-csv", "old leads.csv", *options)
    (words,) = commands_in(done.err)
    assert load_again(zmigrate, words)["rows"]["created"] == 1


def test_a_job_of_ones_own_is_fed_in_again_too(zmigrate, folder, credentials):
    (folder / "mine").mkdir()
    (folder / "mine" / "load.py").write_text(
        "from pathlib import Path\n"
        "from zmigrate import Argument, Csv, Option, RecordJob, Upsert, scopes_for\n\n\n"
        "class LoadMine(RecordJob):\n"
        '    """Load."""\n\n'
        '    write = Upsert("Leads", match_on="Legacy_ID")\n'
        "    scopes = scopes_for(write)\n"
        '    file: Path = Argument(help="CSV.")\n'
        '    loud: bool = Option(default=False, help="Shout.")\n\n'
        "    def source(self):\n"
        "        return Csv(self.file)\n\n"
        "    def transform(self, row):\n"
        "        return dict(row)\n"
    )
    (folder / "leads.csv").write_text("Legacy_ID,Last_Name,Email\n1,C1,bad\n")
    done = zmigrate("run", "load-mine", "leads.csv", "--loud", "--jobs", "mine")
    (words,) = commands_in(done.err)
    assert "--loud" in words
    assert load_again(zmigrate, words)["rows"]["created"] == 1


# -- several loads of one module --------------------------------------------------------------------

TWICE = """[[load]]
file = "people.csv"
module = "Contacts"
operation = "insert"
ignore = ["boss", "boss mail"]
[load.fields]
Last_Name = "name"
Email = "mail"
Lead_Source = { constant = "Partner" }

[[load]]
file = "people.csv"
module = "Contacts"
operation = "insert"
ignore = ["name", "mail"]
[load.fields]
Last_Name = "boss"
Email = "boss mail"
Lead_Source = { constant = "Trade Show" }
"""


@pytest.fixture
def twice(folder):
    """One file that is loaded twice into one module, in a folder whose name a shell would take apart."""
    made = folder / "the old crm's $HOME"
    made.mkdir()
    (made / "people.csv").write_text("name,mail,boss,boss mail\nC1,bad,B1,bad\n")
    (made / "mapping.toml").write_text(TWICE)
    return made


def in_contacts(emulator):
    import httpx

    found = httpx.get(f"{emulator.url}/_emulator/records/Contacts", timeout=10).json()
    rows = found["data"] if isinstance(found, dict) else found
    return sorted((row["Last_Name"], row["Lead_Source"]) for row in rows)


def test_a_file_that_is_loaded_twice_into_one_module_is_fed_in_again_by_both_loads(
    zmigrate, twice, credentials
):
    done = zmigrate("run", "import-folder", twice.name, "--state-dir", "my state")
    shown = commands_in(done.err)
    assert commands_in(zmigrate("report", "last", "--state-dir", "my state").out) == shown
    assert [load_again(zmigrate, words)["rows"]["created"] for words in shown] == [1, 1]
    assert in_contacts(credentials) == [("B1", "Trade Show"), ("C1", "Partner")]


def test_the_rejects_of_a_plan_are_loaded_by_the_load_that_refused_them(zmigrate, twice, credentials):
    (twice.parent / "my rejects").mkdir()
    done = zmigrate("plan", "import-folder", twice.name, "--rejects", "my rejects/bad.csv")
    shown = commands_in(done.out)
    assert len(shown) == 2, done.out + done.err
    for words in shown:
        mend(words[words.index("import-csv") + 1])
        again = zmigrate(*words[1:])
        assert again.code == 0, again.err
    assert in_contacts(credentials) == [("B1", "Trade Show"), ("C1", "Partner")]


def test_a_load_is_named_by_its_number_and_a_number_that_is_none_is_refused(zmigrate, twice, credentials):
    words = ["run", "import-csv", str(twice / "people.csv"), "--mapping", str(twice / "mapping.toml")]
    several = zmigrate(*words)
    assert several.code == 2
    assert "--load-of 2 is the second one" in several.err
    done = zmigrate(*words, "--load-of", "3")
    assert done.code == 2
    assert "has 2 loads, and none with the number 3" in done.err


MINE = """from pathlib import Path
from zmigrate import Argument, Csv, Flow, Insert, Option, RecordJob, scopes_for

class LoadPart(RecordJob):
    '''Load.'''
    write = Insert("Contacts")
    scopes = scopes_for(write)
    file: Path = Argument(help="CSV.")
    kind: str = Option(default="", help="Kind.")
    key: str = Option(secret=True, env="OLD_KEY", help="Key.")
    def source(self):
        return Csv(self.file)
    def transform(self, row):
        return {"Last_Name": row["name"], "Email": row["mail"], "Lead_Source": self.kind}

class LoadBoth(Flow):
    '''Both.'''
    folder: Path = Argument(help="Folder.")
    key: str = Option(secret=True, env="OLD_KEY", help="Key.")
    def jobs(self):
        for kind in ("Partner", "Trade Show"):
            yield LoadPart(file=self.folder / "people.csv", kind=kind, key=self.key)
"""


def test_each_step_of_a_flow_of_ones_own_is_fed_in_again_with_its_own_options(
    zmigrate, folder, credentials, monkeypatch
):
    monkeypatch.setenv("OLD_KEY", "s3cret")
    (folder / "my jobs").mkdir()
    (folder / "my jobs" / "mine.py").write_text(MINE)
    (folder / "it's here").mkdir()
    (folder / "it's here" / "people.csv").write_text("name,mail\nC1,bad\n")
    done = zmigrate("run", "load-both", "it's here", "--jobs", "my jobs")
    shown = commands_in(done.err)
    assert commands_in(zmigrate("report", "last", "--jobs", "my jobs").out) == shown
    assert "s3cret" not in done.err
    assert [load_again(zmigrate, words)["rows"]["created"] for words in shown] == [1, 1]
    assert in_contacts(credentials) == [("C1", "Partner"), ("C1", "Trade Show")]


def test_the_profile_of_the_run_is_kept(zmigrate, folder, emulator, monkeypatch):
    monkeypatch.setenv("OUR_SECRET", emulator.client_secret)
    (folder / "zmigrate.toml").write_text(
        f'[profiles."our box"]\nclient_id = "{emulator.client_id}"\nsoid = "{emulator.soid}"\n'
        f'accounts_url = "{emulator.accounts_url}"\nclient_secret_env = "OUR_SECRET"\n'
    )
    (folder / "leads.csv").write_text("Last_Name,Email\nC1,bad\n")
    words = ["run", "import-csv", "leads.csv", "--module", "Leads", "--operation", "insert"]
    done = zmigrate(*words, "--profile", "our box")
    (command,) = commands_in(done.err)
    assert command[command.index("--profile") + 1] == "our box"
    assert load_again(zmigrate, command)["rows"]["created"] == 1


@pytest.mark.parametrize(
    "named", [["--load-of", "one.csv"], ["--load-of", "1"], ["--load-of", "1", "--key", "Legacy_ID"]]
)
def test_a_load_that_is_named_otherwise_is_no_other_work(zmigrate, folder, export, credentials, named):
    words = ["run", "import-csv", "old crm/one.csv", "--mapping", "old crm/mapping.toml"]
    (folder / "old crm" / "one.csv").write_text("id,name\n1,C1\n")
    mapping = folder / "old crm" / "mapping.toml"
    mapping.write_text(mapping.read_text().replace('Email = "mail"\n', ""))
    assert zmigrate(*words).code == 0
    again = zmigrate(*words, *named)
    assert again.code == 2
    assert "--again" in again.err
