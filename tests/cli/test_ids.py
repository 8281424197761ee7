"""`ids export`: the keys and ids that the runs of a folder left, without asking Zoho; `ids check` asks."""

from __future__ import annotations

import csv
import json
import os
import stat
from pathlib import Path

import pytest

from tests.support import leads, read_rows, write_rows
from zmigrate.cli.emulator import environment_of
from zmigrate.emulator import Emulator
from zmigrate.emulator import Options as EmulatorOptions


def load(zmigrate, folder: Path, rows, module: str = "Leads") -> None:
    path = write_rows(folder / f"{module}.csv", rows)
    words = [str(path), "--module", module, "--operation", "insert", "--key", "Legacy_ID"]
    done = zmigrate("run", "import-csv", *words, "--yes", "--quiet")
    assert done.code == 0, done.err


@pytest.fixture
def loaded(zmigrate, credentials, folder, monkeypatch):
    """Leads and accounts were imported, and no credentials are left."""
    load(zmigrate, folder, [*leads(3), {**leads(1)[0], "Legacy_ID": "=1+1"}])
    load(zmigrate, folder, [{"Legacy_ID": "A-1", "Account_Name": "Acme"}], "Accounts")
    for name in environment_of(credentials):
        monkeypatch.delenv(name)
    return credentials


def test_keys_and_ids_of_the_runs_are_written_without_a_token(zmigrate, loaded, folder):
    done = zmigrate("ids", "export")
    assert done.code == 0, done.err
    rows = read_rows(folder / "ids.csv")
    assert [(row["module"], row["field"], row["key"]) for row in rows] == [
        ("Accounts", "Legacy_ID", "A-1"),
        ("Leads", "Legacy_ID", "'=1+1"),
        ("Leads", "Legacy_ID", "L-000001"),
        ("Leads", "Legacy_ID", "L-000002"),
        ("Leads", "Legacy_ID", "L-000003"),
    ]
    assert all(row["id"].isdigit() for row in rows)
    assert "5 keys of Emulated Trading written to ids.csv" in done.out


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_the_file_is_its_owners_alone(zmigrate, loaded, folder):
    zmigrate("ids", "export")
    assert stat.S_IMODE((folder / "ids.csv").stat().st_mode) == 0o600


def test_one_module_as_json(zmigrate, loaded, folder):
    done = zmigrate("ids", "export", "--module", "Accounts", "--out", "a.csv", "--json")
    found = json.loads(done.out)
    assert (found["keys"], found["modules"], found["file"]) == (1, {"Accounts": 1}, "a.csv")
    assert found["org"]["name"] == "Emulated Trading"
    assert [row["key"] for row in read_rows(folder / "a.csv")] == ["A-1"]


def test_a_module_without_keys_gives_a_header_and_says_so(zmigrate, loaded, folder):
    done = zmigrate("ids", "export", "--module", "Deals")
    assert done.code == 0
    assert "no run has written records of Deals with a key" in done.out
    with (folder / "ids.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["module", "field", "key", "id"]]


def test_a_file_that_is_there_is_kept_unless_forced(zmigrate, loaded, folder):
    (folder / "ids.csv").write_text("mine")
    done = zmigrate("ids", "export", "--json")
    assert done.code == 2
    assert json.loads(done.out)["error"]["message"] == "ids.csv exists already"
    assert (folder / "ids.csv").read_text() == "mine"
    assert zmigrate("ids", "export", "--force").code == 0


def test_of_several_orgs_one_has_to_be_named(zmigrate, loaded, folder, monkeypatch):
    with Emulator(EmulatorOptions(zgid="20000000777")) as other:
        for name, value in environment_of(other).items():
            monkeypatch.setenv(name, value)
        load(zmigrate, folder, [{"Legacy_ID": "other", "Last_Name": "Li"}])
    done = zmigrate("ids", "export")
    assert done.code == 2
    mine = loaded.soid.removeprefix("ZohoCRM.")
    assert f"{mine} (Emulated Trading)" in done.err
    assert "20000000777 (Emulated Trading)" in done.err
    assert zmigrate("ids", "export", "--org", "ZohoCRM.20000000777").code == 0
    assert [row["key"] for row in read_rows(folder / "ids.csv")] == ["other"]


def test_the_org_of_a_profile_is_asked_for(zmigrate, credentials, folder, monkeypatch):
    load(zmigrate, folder, leads(2))
    (folder / "zmigrate.toml").write_text(
        f'[profiles.old]\nclient_id = "{credentials.client_id}"\nsoid = "{credentials.soid}"\n'
        f'accounts_url = "{credentials.accounts_url}"\nclient_secret_env = "OLD_SECRET"\n'
    )
    monkeypatch.setenv("OLD_SECRET", credentials.client_secret)
    done = zmigrate("ids", "export", "--profile", "old")
    assert done.code == 0, done.err
    assert len(read_rows(folder / "ids.csv")) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--org", "999"], "no run here went to the org 999"),
        (["--org", "999", "--profile", "x"], "--org and --profile exclude each other"),
        (["--out", "no/where.csv"], "there is no folder no"),
    ],
)
def test_wrong_use_is_told(zmigrate, loaded, words, message):
    done = zmigrate("ids", "export", *words)
    assert done.code == 2
    assert message in done.err


def test_practice_leaves_no_ids(zmigrate, folder):
    path = write_rows(folder / "Leads.csv", leads(2))
    words = [str(path), "--module", "Leads", "--operation", "insert", "--key", "Legacy_ID", "--emulator"]
    assert zmigrate("run", "import-csv", *words, "--quiet").code == 0
    done = zmigrate("ids", "export")
    assert done.code == 2
    assert "there are no runs against an org" in done.err


def test_records_that_were_deleted_in_zoho_are_forgotten(zmigrate, credentials, folder):
    load(zmigrate, folder, leads(3))
    load(zmigrate, folder, [{"Legacy_ID": "A-1", "Account_Name": "Acme"}], "Accounts")
    zmigrate("ids", "export")
    gone = read_rows(folder / "ids.csv")[2]
    scope = ("--scope", "ZohoCRM.modules.leads.DELETE")
    assert zmigrate("api", "DELETE", "/crm/v8/Leads", "--param", f"ids={gone['id']}", *scope).code == 0
    done = zmigrate("ids", "check")
    assert done.code == 0, done.err
    assert "4 records of Emulated Trading looked for, 1 gone" in done.out
    assert "1  Leads: their keys are forgotten" in done.out
    assert "Looked for by id, as the API user" in done.out
    zmigrate("ids", "export", "--force")
    assert gone["key"] not in [row["key"] for row in read_rows(folder / "ids.csv")]
    again = json.loads(zmigrate("ids", "check", "--module", "Leads", "--json").out)
    assert (again["checked"], again["gone"], again["modules"]) == (2, 0, {})
