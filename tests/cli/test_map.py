"""`map`: a mapping proposed for a file, against an emulator over a real socket, and what is written."""

from __future__ import annotations

import json
import sqlite3
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support import write_rows
from zmigrate.cli.emulator import environment_of
from zmigrate.emulator import Emulator
from zmigrate.emulator import Options as EmulatorOptions
from zmigrate.rows.mapping import read_mapping

ROWS = [
    {
        "opportunity_id": f"OP-{number}",
        "name": f"Deal {number}",
        "account": f"Account {number % 3}",
        "deal_stage": "Closed Won" if number % 2 else "closed lost",
        "close_date": f"{number + 12:02}/03/2017",
        "close_value": f"{number},5",
        "remark 7": "",
    }
    for number in range(1, 6)
]


@pytest.fixture
def deals(folder: Path) -> Path:
    return write_rows(folder / "deals.csv", ROWS)


def test_a_mapping_is_written_and_told(zmigrate, credentials, deals, folder):
    done = zmigrate("map", "deals.csv", "--module", "Deals")
    assert done.code == 0, done.err
    said = tomllib.loads((folder / "mapping.toml").read_text("utf-8"))
    assert (said["file"], said["module"], said["operation"], said["key"]) == (
        "deals.csv",
        "Deals",
        "insert",
        "Legacy_ID",
    )
    fields = said["fields"]
    assert fields["Legacy_ID"] == "opportunity_id"
    assert fields["Deal_Name"] == "name"
    assert fields["Closing_Date"] == {"column": "close_date", "format": "%d/%m/%Y"}
    assert fields["Amount"] == {"column": "close_value", "decimal": ","}
    assert fields["Stage"]["values"] == {"closed lost": "Closed Lost"}
    assert "key: Legacy_ID" in done.out
    assert "unsure of" in done.out
    assert done.out.endswith("next: zmigrate plan import-csv deals.csv --mapping mapping.toml\n")


@pytest.mark.parametrize("width", [80, 140])
def test_the_summary_fits_the_screen(zmigrate, credentials, deals, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = zmigrate("map", "deals.csv", "--module", "Deals").out.splitlines()
    assert max(map(len, lines)) <= width


def test_the_mapping_is_read_back_and_fills_every_column(zmigrate, credentials, deals, folder):
    (folder / "maps").mkdir()
    assert zmigrate("map", "deals.csv", "--module", "Deals", "--out", "maps/deals.toml").code == 0
    (load,) = read_mapping(folder / "maps" / "deals.toml")
    used = [column for fill in load.fills for column in fill.columns]
    assert sorted([*used, *load.words.ignore]) == sorted(ROWS[0])
    assert load.transform(ROWS[0])["Stage"] == "Closed Won"


def test_as_json(zmigrate, credentials, deals):
    found = json.loads(zmigrate("map", "deals.csv", "--module", "Deals", "--json").out)
    by_column = {each["column"]: each for each in found["columns"]}
    assert found["key"] == "Legacy_ID"
    assert by_column["account"]["reference"] == {"find": "Accounts", "by": "Account_Name"}
    assert by_column["deal_stage"]["values"] == {"closed lost": "Closed Lost"}
    assert by_column["close_date"]["settings"] == {"format": "%d/%m/%Y"}
    assert found["rows_looked_at"] == 5
    assert found["unfilled"] == []


def test_a_folder_is_no_file(zmigrate, credentials, deals, folder):
    done = zmigrate("map", str(folder), "--module", "Deals")
    assert done.code == 2
    assert "is a folder, not a file" in done.err


def test_what_a_person_has_edited_is_not_overwritten(zmigrate, credentials, deals, folder):
    (folder / "mapping.toml").write_text("mine")
    done = zmigrate("map", "deals.csv", "--module", "Deals", "--json")
    assert done.code == 2
    assert json.loads(done.out)["error"]["message"] == "mapping.toml exists already"
    assert (folder / "mapping.toml").read_text() == "mine"
    assert zmigrate("map", "deals.csv", "--module", "Deals", "--force").code == 0
    assert (folder / "mapping.toml").read_text() != "mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["deals.csv", "--module", "Deal"], "Did you mean Deals?"),
        (["deal.csv", "--module", "Deals"], "there is no such file"),
        (["deals.csv", "--module", "Deals", "--key", "Legacy"], "no field 'Legacy', so it can't be the key"),
        (["deals.csv", "--module", "Deals", "--out", "no/where.toml"], "there is no folder no"),
        (["deals.csv", "--module", "Deals", "--operation", "inserts"], "--operation"),
        (["deals.csv"], "--module"),
    ],
)
def test_wrong_use_is_told_and_nothing_is_written(zmigrate, credentials, deals, folder, words, message):
    done = zmigrate("map", *words)
    assert done.code == 2
    assert message in done.err
    assert not (folder / "mapping.toml").exists()


def test_how_the_file_was_opened_is_written_down(zmigrate, credentials, folder):
    (folder / "old.csv").write_bytes("Nachname;Firma\nMüller;Groß GmbH\n".encode("latin-1"))
    words = ["--module", "Leads", "--delimiter", ";", "--encoding", "latin-1"]
    assert zmigrate("map", "old.csv", *words).code == 0
    said = tomllib.loads((folder / "mapping.toml").read_text("utf-8"))
    assert (said["delimiter"], said["encoding"]) == (";", "latin-1")
    assert said["fields"] == {"Last_Name": "Nachname", "Company": "Firma"}


def test_a_client_that_may_read_fields_only_gets_a_proposal_all_the_same(
    zmigrate, deals, folder, monkeypatch
):
    with Emulator(EmulatorOptions(allowed_scopes="ZohoCRM.settings.fields.READ")) as emulator:
        for name, value in environment_of(emulator).items():
            monkeypatch.setenv(name, value)
        done = zmigrate("map", "deals.csv", "--module", "Deals")
    assert done.code == 0, done.err
    assert "warning: the layouts can't be read" in done.err
    assert (folder / "mapping.toml").exists()


def test_owners_are_found_among_the_users_of_the_org(zmigrate, credentials, folder):
    write_rows(folder / "leads.csv", [{"last name": "Li", "rep": "Nobody Knows"}])
    out = zmigrate("map", "leads.csv", "--module", "Leads", "--samples").out
    text = (folder / "mapping.toml").read_text("utf-8")
    assert "Owner" in out
    assert '# "Nobody Knows" = ""' in text


def test_a_folders_mapping_is_made_file_by_file(zmigrate, folder):
    write_rows(folder / "accounts.csv", [{"id": "1", "Account Name": "Acme", "Industry": "bankng"}])
    write_rows(folder / "contacts.csv", [{"id": "1", "Last Name": "Doe", "company": "1"}])
    for name, module in (("accounts", "Accounts"), ("contacts", "Contacts")):
        done = zmigrate("map", f"{name}.csv", "--module", module, "--append", "--emulator")
        assert done.code == 0, done.err
    assert "next: zmigrate plan import-folder . --emulator" in done.out
    loads = read_mapping(folder / "mapping.toml")
    assert [(load.file, load.module) for load in loads] == [
        ("accounts.csv", "Accounts"),
        ("contacts.csv", "Contacts"),
    ]
    planned = zmigrate("plan", "import-folder", ".", "--emulator")
    assert "01-accounts" in planned.out
    assert "02-contacts" in planned.out


def test_a_load_is_added_to_no_mapping_of_one_file(zmigrate, deals, folder):
    assert zmigrate("map", "deals.csv", "--module", "Deals", "--emulator").code == 0
    done = zmigrate("map", "deals.csv", "--module", "Deals", "--append", "--emulator")
    assert done.code == 2
    assert "mapping.toml is not the mapping of a folder: it has no [[load]]" in done.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'[[load]]\nfile = "M\xfcller.csv"\n', "mapping.toml:2: byte 0xfc is not UTF-8"),
        (b"[[load]]\nfile = \n", "mapping.toml:2"),
    ],
)
def test_a_load_is_added_to_no_file_that_can_t_be_read(zmigrate, deals, folder, content, message):
    (folder / "mapping.toml").write_bytes(content)
    done = zmigrate("map", "deals.csv", "--module", "Deals", "--append", "--emulator")
    assert done.code == 2
    assert message in done.err
    assert (folder / "mapping.toml").read_bytes() == content


def test_a_load_is_added_behind_a_byte_order_mark(zmigrate, deals, folder):
    assert zmigrate("map", "deals.csv", "--module", "Deals", "--append", "--emulator").code == 0
    mapping = folder / "mapping.toml"
    text = mapping.read_text("utf-8")
    mapping.write_text(text[text.index("[[load]]") :], "utf-8-sig")
    done = zmigrate("map", "deals.csv", "--module", "Deals", "--append", "--emulator")
    assert done.code == 0, done.err
    assert [load.file for load in read_mapping(mapping)] == ["deals.csv", "deals.csv"]


def test_a_database_and_a_file_in_an_archive_have_their_loads_too(zmigrate, folder):
    with sqlite3.connect(folder / "crm.db") as database:
        database.execute("create table person (id integer primary key, last_name text)")
        database.execute("insert into person values (1, 'Li')")
    with zipfile.ZipFile(folder / "export.zip", "w") as archive:
        archive.writestr("sub/accounts.csv", "id,Account Name\n1,Acme\n")
    select = ["--select", "select id, last_name from person", "--order-by", "id"]
    for file, module, words in (
        ("sqlite:///crm.db", "Leads", select),
        ("export.zip/sub/accounts.csv", "Accounts", []),
    ):
        done = zmigrate("map", file, "--module", module, *words, "--append", "--emulator")
        assert done.code == 0, done.err
        assert "next: zmigrate plan import-folder . --emulator" in done.out
    planned = zmigrate("plan", "import-folder", ".", "--emulator", "--json")
    assert planned.code in {0, 1}, planned.err
    assert [step["rows"] for step in json.loads(planned.out)["steps"]] == [1, 1]


def test_help_shows_what_looks_like_markup(zmigrate):
    assert "Add a [[load]]" in zmigrate("map", "--help").out


def test_the_mapping_of_a_folder_is_added_to_rather_than_overwritten(zmigrate, folder):
    (folder / "leads.csv").write_text("Legacy_ID,Last_Name\n1,Ada\n")
    words = ["map", "leads.csv", "--module", "Leads", "--emulator"]
    assert zmigrate(*words, "--append").code == 0
    refused = zmigrate(*words)
    assert refused.code == 2
    assert "--append" in refused.err


def test_a_file_of_another_folder_is_not_added_to_a_folders_mapping(zmigrate, folder):
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / f"{name}.csv").write_text("Legacy_ID,Last_Name\n1,Ada\n")
    words = ["--module", "Leads", "--emulator", "--append", "--out", "one/mapping.toml"]
    assert zmigrate("map", "one/one.csv", *words).code == 0
    refused = zmigrate("map", "two/two.csv", *words)
    assert refused.code == 2
    assert "two/two.csv is in another folder" in refused.err
