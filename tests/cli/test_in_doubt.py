"""A run whose rows end in doubt: warned of before, told loudly after, and the commands that it shows work."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import httpx
import pytest

from tests.support import thorough
from zmigrate.cli.watching import reload_commands
from zmigrate.display.in_doubt import LOAD, LOOK_FIRST, LOOKED_UP, TELLING
from zmigrate.display.next_commands import Named
from zmigrate.emulator import Emulator
from zmigrate.engine.model.outcomes import RowCounts
from zmigrate.engine.model.target import NOT_SETTLED
from zmigrate.engine.storage.run_result import RunResult

INSERT = ["run", "import-csv", "leads.csv", "--module", "Leads", "--operation", "insert"]
LOAD_OF = '[[load]]\nfile = "%s.csv"\nmodule = "%s"\noperation = "insert"\n%s[load.fields]\n%s'
ROWS = 150
ADVICE = LOOKED_UP.format(field="Legacy_ID")


@pytest.fixture
def leads(credentials, folder) -> Emulator:
    """An org, and a file of 150 rows for it: two requests."""
    lines = [f"Name {at},Company,L{at}" for at in range(ROWS)]
    (folder / "leads.csv").write_text("\n".join(["Last_Name,Company,Legacy_ID", *lines]) + "\n")
    return credentials


def lose(emulator: Emulator, fault: str) -> None:
    """The request with the first row meets a fault that leaves it in doubt."""
    first = {"method": "POST", "path": "/crm/v8/Leads", "contains": '"Name 0"', "fault": fault}
    httpx.post(f"{emulator.url}/_emulator/script", json=[first], timeout=10).raise_for_status()


def names_in(emulator: Emulator) -> set[str]:
    found = httpx.get(f"{emulator.url}/_emulator/records/Leads?limit=1000", timeout=10).json()
    rows = found["data"] if isinstance(found, dict) else found
    assert len(rows) == len({row["Last_Name"] for row in rows}), "nothing is there twice"
    return {row["Last_Name"] for row in rows}


def commands_in(text: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in re.findall(r"^  (zmigrate run .*)$", text, re.M)]


def unwrapped(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def delete_rows(path: str, names: set[str]) -> None:
    """As a person does who has looked them up in Zoho."""
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    left = [row for row in rows if row[header.index("Last_Name")] not in names]
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header, *left])


def test_an_insert_without_a_key_is_warned_of_before_it_begins_in_the_words_of_the_plan(zmigrate, leads):
    plan = zmigrate("plan", *INSERT[1:])
    done = zmigrate(*INSERT)
    assert NOT_SETTLED in unwrapped(plan.out)
    assert done.err.startswith(f"warning: {NOT_SETTLED}\n"), "before the banner"
    assert NOT_SETTLED not in zmigrate(*INSERT, "--key", "Legacy_ID", "--again").err


def test_a_resume_warns_too(zmigrate, leads):
    zmigrate(*INSERT, "--limit", "100")
    done = zmigrate("resume", "last")
    assert done.code == 0, done.err
    assert f"warning: {NOT_SETTLED}" in done.err


def test_a_flow_warns_of_each_step_without_a_key_once(zmigrate, leads, folder):
    (folder / "accounts.csv").write_text("Account_Name,Legacy_ID\nAcme,A1\n")
    fields = 'Last_Name = "Last_Name"\nCompany = "Company"\nLegacy_ID = "Legacy_ID"\n'
    account = 'Account_Name = "Account_Name"\nLegacy_ID = "Legacy_ID"\n'
    keyed = LOAD_OF % ("accounts", "Accounts", 'key = "Legacy_ID"\n', account)
    (folder / "mapping.toml").write_text(keyed + LOAD_OF % ("leads", "Leads", "", fields))
    lose(leads, "reset")
    done = zmigrate("run", "import-folder", ".", "--mapping", "mapping.toml")
    assert f"warning: 02-leads (leads.csv): {NOT_SETTLED}" in done.err
    assert done.err.count(NOT_SETTLED) == 1
    assert "02-leads: 100 rows in doubt" in done.err
    (command,) = commands_in(done.err)
    assert zmigrate(*command).code == 2, "nobody has looked yet"
    assert zmigrate(*command, "--again").code == 0
    assert len(names_in(leads)) == ROWS


def test_rows_in_doubt_end_with_1_and_with_all_that_there_is_to_know(zmigrate, leads):
    lose(leads, "lost_answer")
    done = zmigrate(*INSERT)
    assert done.code == 1
    assert "import-csv finished, 100 rows in doubt, after" in done.err
    assert "    100  the answer was lost (" in done.err
    assert ADVICE in unwrapped(done.err)
    report = zmigrate("report", "last").out
    assert ADVICE in unwrapped(report)
    assert commands_in(report) == commands_in(done.err)
    assert " in doubt " in zmigrate("runs").out


def test_the_result_names_the_file_of_rows_in_doubt(zmigrate, leads):
    lose(leads, "lost_answer")
    files = json.loads(zmigrate(*INSERT, "--json").out)["files"]
    assert Path(files["in_doubt"]).is_file()
    assert {"run", "success", "errors", "report"} < set(files)


@pytest.mark.parametrize("fault", thorough(["lost_answer", "reset"]))
def test_the_command_leaves_out_what_zoho_has_where_a_column_tells_the_rows_apart(zmigrate, leads, fault):
    lose(leads, fault)
    (command,) = commands_in(zmigrate(*INSERT).err)
    assert command[-4:] == ["--key", "Legacy_ID", "--on-existing", "skip"]
    for _ in range(2):  # copied twice, as it happens on a Friday night
        assert zmigrate(*command).code in {0, 2}
        assert len(names_in(leads)) == ROWS


def test_the_command_that_could_double_is_refused_until_a_person_has_looked(zmigrate, leads, folder):
    lines = [f"Name {at},Company" for at in range(ROWS)]
    (folder / "leads.csv").write_text("\n".join(["Last_Name,Company", *lines]) + "\n")
    lose(leads, "lost_answer")
    done = zmigrate(*INSERT)
    assert LOOK_FIRST.format(field=TELLING) in unwrapped(done.err)
    (command,) = commands_in(done.err)
    assert "--again" not in command
    assert zmigrate(*command).code == 2, "copied as it stands it doubles nothing"
    path = next(word for word in command if word.endswith("in_doubt.csv"))
    delete_rows(path, names_in(leads))
    with open(path, "a", newline="") as file:
        file.write("9,,,ANSWER_LOST,lost,One more,Company\n")
    done = zmigrate(*command, "--again")
    assert done.code == 0, done.err
    assert len(names_in(leads)) == ROWS + 1


def test_a_run_folder_that_cant_be_read_does_not_hide_how_the_run_ended(tmp_path):
    result = RunResult("20260101-gone", "import-csv", "broken", {}, "", RowCounts(read=1, in_doubt=1))
    assert reload_commands(result, Named(tmp_path)) == ([], {})


def test_practice_tells_why_and_sends_nobody_to_look(zmigrate, leads):
    done = zmigrate(*INSERT, "--emulator")
    assert f"warning: {NOT_SETTLED}" in done.err
    assert LOAD not in unwrapped(done.err)
