"""The ready-made job import-csv."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from zmigrate.ready_jobs.import_csv import ImportCsv

from zmigrate import Delete, Insert, RecordJob, Update, Upsert
from zmigrate.errors import JobError
from zmigrate.job.job import fills_of
from zmigrate.rows.sources.of_job import missing_scopes


def job(folder: Path, header: str = "account,sector,city", **options: Any) -> RecordJob:
    path = folder / "accounts.csv"
    path.write_text(header + "\n" + ",".join("x" for _ in header.split(",")) + "\n", encoding="utf-8")
    return ImportCsv(**{"file": path, "module": "Accounts", "operation": "insert"} | options)


@pytest.mark.parametrize(
    ("options", "write"),
    [
        ({}, Insert("Accounts")),
        ({"key": "Legacy_ID"}, Insert("Accounts", key="Legacy_ID")),
        ({"operation": "update"}, Update("Accounts")),
        ({"operation": "update", "key": "Legacy_ID"}, Update("Accounts", key="Legacy_ID")),
        ({"operation": "upsert", "match_on": "Legacy_ID"}, Upsert("Accounts", match_on="Legacy_ID")),
        ({"operation": "delete"}, Delete("Accounts")),
    ],
)
def test_the_operation_makes_the_write_and_its_scopes(
    tmp_path: Path, options: dict[str, str], write: Any
) -> None:
    made = job(tmp_path, **options)
    assert made.write == write
    assert missing_scopes(made) == ()


def test_a_column_maps_itself_unless_told_otherwise(tmp_path: Path) -> None:
    made = job(tmp_path, map=["account=Account_Name"], ignore_column=["sector"])
    assert made.columns == {"account": "Account_Name", "city": "city"}
    assert made.transform({"account": "Acme", "sector": "s", "city": "Köln"}) == {
        "Account_Name": "Acme",
        "city": "Köln",
    }


def test_a_column_with_an_equals_sign_can_be_mapped(tmp_path: Path) -> None:
    assert job(tmp_path, "a=b,c", map=["a=b=Account_Name"]).columns == {"a=b": "Account_Name", "c": "c"}


def test_a_delete_sends_the_key_alone(tmp_path: Path) -> None:
    assert job(tmp_path, "id,name", operation="delete").columns == {"id": "id"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"operation": "upsert"}, "an upsert needs --match-on FIELD"),
        ({"match_on": "Legacy_ID"}, "--match-on: it is for upsert; insert finds a row's record by --key"),
        ({"operation": "upsert", "match_on": "A", "key": "B"}, "leave --key out"),
        ({"operation": "merge"}, "operation is one of insert, update, upsert, delete, not 'merge'"),
        ({"module": "my accounts"}, "not an api name of a module"),
        ({"map": ["account"]}, "--map needs COLUMN=FIELD, not 'account'"),
        ({"map": ["=Account_Name"]}, "--map needs COLUMN=FIELD"),
    ],
)
def test_options_that_do_not_fit_are_refused_when_the_job_is_built(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(JobError) as error:
        job(tmp_path, **options)
    assert message in error.value.message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"map": ["acount=Account_Name"]}, "has no column 'acount'. Did you mean 'account'?"),
        ({"ignore_column": ["zzz"]}, "has no column 'zzz'. It has: account, sector, city."),
        ({"map": ["account=city"]}, "columns 'account' and 'city' both go to city; ignore one of them"),
        ({"key": "Legacy_ID"}, "goes to Legacy_ID, the field to find records by"),
        ({"key": "Legacy_ID"}, "It has: account, sector, city."),
        ({"operation": "update"}, "goes to id, the field to find records by"),
        ({"operation": "update"}, "To find records by another field, name it: --key FIELD."),
        ({"operation": "delete"}, "To find records by another field, name it: --key FIELD."),
        (
            {"key": "Legacy_ID", "header": "Name,Legacy ID"},
            'Did you mean "Legacy ID"? --map "Legacy ID=Legacy_ID"',
        ),
    ],
)
def test_options_that_do_not_fit_the_file_are_refused(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(JobError) as error:
        fills_of(job(tmp_path, **options))
    assert message in error.value.message


def test_delimiter_and_encoding_are_handed_on(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("Account_Name:City\nGroß:Köln\n".encode("cp1252"))
    made = ImportCsv(file=path, module="Accounts", operation="insert", delimiter=":", encoding="cp1252")
    assert [dict(row.values) for row in made.source().rows()] == [{"Account_Name": "Groß", "City": "Köln"}]
