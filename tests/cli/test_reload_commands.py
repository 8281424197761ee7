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
