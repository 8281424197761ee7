"""Each error of a mapping names the line, or the option, that says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rows.mappings import HEAD, csv_of, put, refused
from zmigrate.errors import JobError, SourceError
from zmigrate.rows.mapping import Load, read_mapping


def test_match_on_of_an_insert_is_told_where_it_stands(tmp_path: Path) -> None:
    message = "it is for upsert; insert finds a row's record by key."
    path = put(tmp_path / "old.toml", 'module = "Deals"\noperation = "insert"\n\nmatch_on = "F"\n')
    with pytest.raises(JobError) as error:
        Load.from_options(csv_of(tmp_path, ["F"], ["x"]), path)
    assert error.value.message == f"{path}:4: match_on: {message}"
    with pytest.raises(JobError) as error:
        Load.from_options("old.csv", module="Deals", operation="insert", match_on="F")
    assert error.value.message == "--match-on: it is for upsert; insert finds a row's record by --key."


def test_what_a_file_should_say_is_told_in_its_words(tmp_path: Path) -> None:
    path = put(tmp_path / "old.toml", 'module = "Deals"\noperation = "upsert"\n')
    with pytest.raises(JobError) as error:
        Load.from_options("old.csv", path, timezone="UTC")
    assert error.value.message.startswith(f"{path}:2: operation: an upsert needs match_on FIELD")


def test_a_second_file_that_is_missing_is_told_with_the_line_that_names_it(tmp_path: Path) -> None:
    csv_of(tmp_path, ["F"], ["x"])
    rule = 'S = { rows = "none.csv", match = { a = "F" }, fields = { B = "b" } }'
    path = put(tmp_path / "old.toml", f"{HEAD}\n[load.fields]\n{rule}\n")
    (load,) = read_mapping(path)
    with pytest.raises(SourceError) as error:
        load.fills  # noqa: B018 - looks at the columns
    assert error.value.message.startswith(f"{path}:7: fields.S.rows: {tmp_path / 'none.csv'}: ")


def test_a_mark_that_is_none_is_told_once_and_readably(tmp_path: Path) -> None:
    error = refused(tmp_path, f'{HEAD}decimal = ";;"\n')
    assert error.message == 'old.toml:5: decimal: it is one of ",", ".", not \';;\'.'
    assert error.hint is None


def test_a_key_that_nothing_fills_is_told_where_it_is_named(tmp_path: Path) -> None:
    csv_of(tmp_path, ["F"], ["x"])
    error = refused(tmp_path, f'{HEAD}key = "Legacy_ID"\n')
    assert error.message.startswith("old.toml:5: key: no column of old.csv goes to Legacy_ID")
    error = refused(tmp_path, HEAD.replace("insert", "upsert") + 'match_on = "Legacy_ID"\n')
    assert error.message.startswith("old.toml:5: match_on: no column of old.csv goes to Legacy_ID")
    error = refused(tmp_path, HEAD.replace("insert", "update"))
    assert error.message.startswith("old.toml:1: no column of old.csv goes to id")
