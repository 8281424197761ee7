"""A mapping said by options: the same words as in a file, alone or beside one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.rows.mappings import HEAD, csv_of, put
from zmigrate import Insert, Load, Skip, Update, Upsert, Users
from zmigrate.errors import JobError
from zmigrate.rows.mapping import read_mapping

COLUMNS = ("id", "account", "stage", "worth", "note")
FILE = (
    HEAD
    + 'key = "Legacy_ID"\ndecimal = ","\ndate_format = "%d/%m/%Y"\ntrue = ["ja"]\nignore = ["note"]\n'
    + 'skip_if = { column = "stage", is = "Deleted" }\non_existing = "skip"\nwhen_open = "stop"\n'
    + '[load.fields]\nLegacy_ID = "id"\nAccount_Name = { ref = "Accounts", column = "account" }\n'
    + 'Stage = { column = "stage", values = { Won = "Closed Won" } }\nAmount = "worth"\n'
)
OPTIONS: dict[str, Any] = {
    "module": "Deals",
    "operation": "insert",
    "key": "Legacy_ID",
    "decimal": ",",
    "date_format": "%d/%m/%Y",
    "true": ["ja"],
    "ignore_column": ["note"],
    "skip_if": ['{ column = "stage", is = "Deleted" }'],
    "on_existing": "skip",
    "when_open": "stop",
    "map": ["id=Legacy_ID", "worth=Amount"],
    "field": [
        'Account_Name = { ref = "Accounts", column = "account" }',
        'Stage = { column = "stage", values = { Won = "Closed Won" } }',
    ],
}


def files(folder: Path) -> tuple[Path, Path]:
    return csv_of(folder, COLUMNS, ["1", "A", "Won", "2", ""]), put(folder / "old.toml", FILE)


def test_options_and_a_file_say_the_same(tmp_path: Path) -> None:
    old, mapping = files(tmp_path)
    (by_file,) = read_mapping(mapping)
    by_options = Load.from_options(old, **OPTIONS)
    assert by_options.write == by_file.write == Insert("Deals", key="Legacy_ID", on_existing="skip")
    assert by_options.formats == by_file.formats
    row = {"id": "1", "account": "A", "stage": "Won", "worth": "2", "note": ""}
    assert by_options.transform(row) == by_file.transform(row)
    for load in (by_file, by_options):
        with pytest.raises(Skip, match="stage is Deleted"):
            load.transform({**row, "stage": "Deleted"})


def test_what_both_say_must_be_the_same(tmp_path: Path) -> None:
    old, mapping = files(tmp_path)
    assert Load.from_options(old, mapping, **OPTIONS).words.fields == read_mapping(mapping)[0].words.fields


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"module": "Leads"}, "old.toml:3: module: it is 'Deals' here, and 'Leads' by --module."),
        ({"decimal": "."}, "old.toml:6: decimal: it is ',' here, and '.' by --decimal."),
        ({"map": ["id=Amount"]}, "old.toml:17: fields.Amount: it is 'worth' here, and 'id' by --map."),
        (
            {"field": ['Amount = "id"']},
            "old.toml:17: fields.Amount: it is 'worth' here, and 'id' by --field Amount.",
        ),
    ],
)
def test_a_contradiction_is_refused_with_both_places(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    old, mapping = files(tmp_path)
    with pytest.raises(JobError) as error:
        Load.from_options(old, mapping, **options)
    assert error.value.message.endswith(message)
    assert error.value.hint == "Leave one of them out."


def test_options_add_to_a_file(tmp_path: Path) -> None:
    old, mapping = files(tmp_path)
    load = Load.from_options(
        old,
        mapping,
        skip_if=['{ column = "worth", empty = true }'],
        field=['Type = { constant = "New Business" }'],
        user=["anna@old.example=ben@example.com"],
        default_user="boss@example.com",
        on_repeated="last",
        ignore_case=True,
    )
    assert load.transform({"id": "1", "worth": "2"})["Type"] == "New Business"
    with pytest.raises(Skip, match="worth is empty"):
        load.transform({"id": "1", "worth": ""})
    assert load.users == Users({"anna@old.example": "ben@example.com"}, "boss@example.com")
    assert load.write == Insert(
        "Deals", key="Legacy_ID", on_existing="skip", on_repeated="last", ignore_case=True
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"field": ["Stage"]}, "--field:1:6: not valid TOML: expected '='"),
        ({"field": ['A = "a"\nB = "b"']}, "--field needs one field, not"),
        (
            {"field": ['Stage = { colum = "stage" }']},
            '--field Stage: colum: the word "colum" is not known here.',
        ),
        ({"field": ['Stage = "zzz"']}, "--field Stage: old.csv has no column 'zzz'."),
        (
            {"field": ['Stage = { column = "stage" }'], "map": ["account=Stage"]},
            "--field Stage: the field Stage is",
        ),
        (
            {"map": ["stage=Stage", "account=Stage"]},
            "columns 'stage' and 'account' both go to Stage; ignore one",
        ),
        ({"map": ["stage"]}, "--map needs COLUMN=FIELD, not 'stage'."),
        ({"skip_if": ['{ column = "stage", empty = true }\nx = 1']}, "--skip-if needs one condition, not "),
        ({"field": ["a = 1\nb = 2"]}, "--field needs one field, not "),
        ({"user": ["anna"]}, "--user needs OLD=NEW, not 'anna'."),
        ({"skip_if": ["stage"]}, "--skip-if:1:11: not valid TOML: "),
        ({"skip_if": ['{ column = "zzz", empty = true }']}, "--skip-if: old.csv has no column 'zzz'."),
        ({"skip_if": ['{ colum = "a" }']}, '--skip-if: colum: the word "colum" is not known here.'),
        ({"ignore_column": ["note", "zzz"]}, "--ignore-column: old.csv has no column 'zzz'."),
        ({"decimal": "x"}, '--decimal: it is one of ",", ".", not \'x\'.'),
        ({"date_format": "dd"}, "--date-format: date_format = 'dd' is not a date format"),
        ({"key": "id"}, "--key: a new record has no id yet."),
        ({"on_existing": "skip"}, "--on-existing: without a key nothing shows"),
        ({"ignore_case": True}, "--ignore-case: an insert looks no key up without --on-existing (skip, "),
        ({"operation": None}, "missing: --operation OPERATION."),
        ({"decimall": ","}, 'a load has no word "decimall".'),
    ],
)
def test_an_error_names_its_option(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    old, _ = files(tmp_path)
    with pytest.raises(JobError) as error:
        print(Load.from_options(old, **{"module": "Deals", "operation": "insert", **options}).fills)
    assert error.value.message.startswith(message)


def test_a_mapping_of_one_load_needs_no_list(tmp_path: Path) -> None:
    old, _ = files(tmp_path)
    text = 'module = "Deals"\noperation = "update"\ndefault_user = "x@y.z"\nignore = ["note", "id"]\n'
    text += 'skip_if = { column = "stage", empty = true }\n'
    text += '[users]\na = "b"\n[fields]\nStage = "stage"\nid = "id"\n'
    load = Load.from_options(old, put(tmp_path / "one.toml", text))
    assert load.write == Update("Deals")
    assert load.users == Users({"a": "b"}, "x@y.z")
    assert [fill.field for fill in load.fills] == ["Stage", "id", "account", "worth"]


def test_a_mistyped_key_is_told_the_field_that_is_filled(tmp_path: Path) -> None:
    old = csv_of(tmp_path, ["no"], ["1"], name="old.csv")
    text = 'module = "Deals"\noperation = "insert"\nkey = "Legacy_Id"\n[fields]\nLegacy_ID = "no"\n'
    load = Load.from_options(old, put(tmp_path / "m.toml", text))
    with pytest.raises(JobError, match=r"Did you mean Legacy_ID\?"):
        _ = load.fills


def test_of_several_loads_the_file_s_own_is_taken(tmp_path: Path) -> None:
    old, _ = files(tmp_path)
    other = '[[load]]\nfile = "new.csv"\nmodule = "Leads"\noperation = "insert"\n'
    both = put(tmp_path / "both.toml", other + FILE)
    assert Load.from_options(old, both).module == "Deals"
    for text, message in ((other * 2, "none for old.csv"), (FILE * 2, "several for old.csv")):
        with pytest.raises(JobError, match=f"has 2 loads, and {message}") as error:
            Load.from_options(old, put(tmp_path / "two.toml", text))
        assert str(error.value.hint).startswith("They are for: ")


def test_a_file_of_another_name_takes_the_load_of_its_module(tmp_path: Path) -> None:
    files(tmp_path)
    errors = csv_of(tmp_path, COLUMNS, ["1", "A", "Won", "2", ""], name="errors.csv")
    other = '[[load]]\nfile = "new.csv"\nmodule = "Leads"\noperation = "insert"\n'
    both = put(tmp_path / "both.toml", other + FILE)
    assert Load.from_options(errors, both, module="Deals").source().name == "errors.csv"
    with pytest.raises(JobError, match=r"none for errors\.csv and Tasks"):
        Load.from_options(errors, both, module="Tasks")


def test_the_load_of_the_only_one_is_taken_whatever_its_file_is_called(tmp_path: Path) -> None:
    _, mapping = files(tmp_path)
    renamed = csv_of(tmp_path, COLUMNS, ["1", "A", "Won", "2", ""], name="export-2024.csv")
    assert Load.from_options(renamed, mapping).source().name == "export-2024.csv"


def test_an_upsert_s_key_goes_by_either_word(tmp_path: Path) -> None:
    old, _ = files(tmp_path)
    said = {"module": "Deals", "operation": "upsert"}
    assert Load.from_options(old, **said, key="id").write == Upsert("Deals", match_on="id")
    assert Load.from_options(old, **said, match_on="id").write == Upsert("Deals", match_on="id")


def test_a_csv_file_has_no_sheet(tmp_path: Path) -> None:
    old, _ = files(tmp_path)
    mapping = put(tmp_path / "old.toml", FILE.replace("[load.fields]", 'sheet = "Deals"\n[load.fields]'))
    with pytest.raises(JobError, match=r"old\.toml:13: sheet: a CSV file has none"):
        Load.from_options(old, mapping, as_csv=True)


def test_the_example_of_the_manual_works_as_written(tmp_path: Path) -> None:
    put(
        tmp_path / "contacts.csv", "Legacy_ID,last,company_id,born,Email\n1,Doe,A1,31/12/1990,x@example.com\n"
    )
    text = """
[[load]]
file = "contacts.csv"
module = "Contacts"
operation = "insert"
key = "Legacy_ID"
decimal = "."                # optional
[load.fields]
Last_Name = "last"
Account_Name = { ref = "Accounts", column = "company_id" }
Date_of_Birth = { column = "born", format = "%d/%m/%Y" }
"""
    (load,) = read_mapping(put(tmp_path / "mapping.toml", text))
    (row,) = load.source().rows()
    assert list(load.transform(row.values)) == [
        *("Last_Name", "Account_Name", "Date_of_Birth", "Legacy_ID", "Email"),
    ]


def test_a_word_of_the_file_that_does_not_fit_is_told_although_options_add_to_it(tmp_path: Path) -> None:
    old, _ = files(tmp_path)
    mapping = put(tmp_path / "bad.toml", 'module = "Deals"\noperation = "insert"\nignore = "note"\n')
    with pytest.raises(JobError, match=r"bad\.toml:3: ignore: 'note' does not fit here"):
        Load.from_options(old, mapping, ignore_column=["id"])
