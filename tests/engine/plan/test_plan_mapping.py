"""What a mapping says itself is held against the org before the first row, in plan and run alike."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from zmigrate.ready_jobs.import_csv import ImportCsv
from zmigrate.ready_jobs.import_file import ImportFile

from tests.rows.mappings import put
from tests.support import Bench
from zmigrate.errors import UsageError
from zmigrate.events import Log

HEAD = """module = "Deals"
operation = "insert"
key = "Legacy_ID"
ignore = ["more"]

[fields]
Legacy_ID = "id"
Deal_Name = "name"
Closing_Date = { constant = 2026-01-31 }
"""
STAGE = 'Stage = { constant = "Qualification" }\n'
RULE = len(HEAD.splitlines()) + 2
"""The line of what comes behind the stage."""
ASSETS = """module = "Legacy_Assets"
operation = "insert"
key = "Legacy_ID"

[fields]
Legacy_ID = "id"
Name = "name"
"""
LOG = 'Service_Log = { rows = "log.csv", match = { asset = "id" }, fields = { Work = "done", '


@pytest.fixture
def source(bench: Bench) -> Path:
    return put(bench.folder / "old.csv", "id,name,more\n1,One,x\n")


def refused(bench: Bench, act: str, job: Any) -> str:
    with pytest.raises(UsageError) as error:
        getattr(bench, act)(job)
    assert error.value.exit_code == 2
    assert bench.get("writes") == []
    return re.sub(r"\S*/", "", error.value.message)


def job_of(bench: Bench, source: Path, mapping: str, **options: Any) -> ImportCsv:
    return ImportCsv(file=source, mapping=put(bench.folder / "m.toml", mapping), **options)


@pytest.mark.parametrize("act", ["plan", "run"])
@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            'Type = { constant = "New Busines" }',
            r"Type.constant: 'New Busines' .*; did you mean 'New Business'\?",
        ),
        ('Type = { column = "more", default = "Foo" }', r"Type.default: 'Foo' can't go to Deals.Type"),
        (
            'Type = { column = "more", values = { a = "New Business" }, otherwise = "Foo" }',
            r"Type.otherwise: 'Foo' can't go to Deals.Type",
        ),
        (
            'Type = { column = "more", values = { a = "Foo", b = "New Business" } }',
            r"Type.values.a: 'Foo' can't go to Deals.Type",
        ),
        ('Probability = { constant = "abc" }', r"Probability.constant: 'abc' .* is not a plain number"),
        ('Owner = { constant = "no@body.example" }', r"Owner.constant: .*the org has no user 'no@body"),
        (
            'Description = { rows = "b.csv", match = { id = "id" }, fields = { Work = "name" } }',
            r"Description.rows: Deals.Description takes no rows: it is a textarea field, not a subform",
        ),
        (
            'Description = { column = "more", format = "%d/%m/%Y" }',
            r"Description.format: it is for date and datetime fields, and Deals.Description is a textarea",
        ),
        ('Type = { column = "more", decimal = "," }', r"Type.decimal: it is for number fields"),
        (
            'Account_Name = { find = "Accounts", by = "Description", column = "more" }',
            r"Account_Name looks for Accounts by Description, but values of a textarea field can't be",
        ),
    ],
)
def test_what_no_row_could_be_written_with_is_refused_with_its_line(
    bench: Bench, source: Path, act: str, rule: str, told: str
) -> None:
    put(bench.folder / "b.csv", "id,name\n1,x\n")
    used = '"more"' in rule
    head = HEAD.replace('ignore = ["more"]', "") if used else HEAD
    message = refused(bench, act, job_of(bench, source, f"{head}{STAGE}{rule}\n"))
    assert re.match(rf"m\.toml:{RULE}: fields\.{told}", message), message


@pytest.mark.parametrize("act", ["plan", "run"])
@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ('Wrk = "more" } }', r"Service_Log.fields.Wrk goes nowhere: Service_Log has no field 'Wrk'."),
        ('Kind = { constant = "Foo" } } }', r"Service_Log.fields.Kind.constant: 'Foo' can't go to"),
        ('Work = { column = "more", format = "%d.%m.%Y" } } }', r"Service_Log.fields.Work.format: it is"),
        (
            'Part = { find = "Products", by = "Description", column = "more" } } }',
            r"Service_Log.fields.Part looks for Products by Description, but values of a textarea field",
        ),
    ],
)
def test_the_fields_of_a_subform_are_held_against_the_org_too(
    bench: Bench, source: Path, act: str, rule: str, told: str
) -> None:
    put(bench.folder / "log.csv", "asset,done,more\n1,x,y\n")
    if "constant" in rule:
        put(bench.folder / "log.csv", "asset,done\n1,x\n")
    log = LOG.replace('Work = "done", ', 'Legacy = "done", ') if rule.startswith("Work") else LOG
    message = refused(bench, act, job_of(bench, source, f"{ASSETS}{log}{rule}\n", ignore_column=["more"]))
    assert re.search(rf"m\.toml:8: fields\.{told}", message), message


@pytest.mark.parametrize("act", ["plan", "run"])
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"Deals"', '"Dealz"', r"m\.toml:1: module: the org has no module 'Dealz'"),
        ("key = .*", 'key = "Deal_Nam"', r"m\.toml:3: key: no column of old.csv goes to Deal_Nam"),
        ("key = .*", 'key = "Stage"', r"m\.toml:3: key: Deals.Stage can't be a key: it is a picklist field"),
        (
            "insert(.|\n)*?key = .*",
            'upsert"\nmatch_on = "Stage"',
            r"m\.toml:3: match_on: Deals.Stage can't be a key: it is a picklist field",
        ),
    ],
)
def test_module_and_key_are_told_where_they_are_named(
    bench: Bench, source: Path, act: str, old: str, new: str, told: str
) -> None:
    message = refused(bench, act, job_of(bench, source, re.sub(old, new, HEAD + STAGE, count=1)))
    assert re.match(told, message), message


@pytest.mark.parametrize("act", ["plan", "run"])
def test_module_and_key_by_options_are_told_by_these(bench: Bench, source: Path, act: str) -> None:
    job = ImportCsv(file=source, module="Dealz", operation="insert", key="name")
    assert refused(bench, act, job) == "--module: the org has no module 'Dealz'"
    job = ImportCsv(file=source, module="Deals", operation="insert", key="name")
    assert refused(bench, act, job) == "--key: Deals has no field 'name', which is the key"
    job = ImportCsv(
        file=source,
        module="Deals",
        operation="insert",
        map=["id=Legacy_ID", "name=Deal_Name"],
        ignore_column=["more"],
        field=['Type = { constant = "Foo" }'],
    )
    assert refused(bench, act, job).startswith("--field Type: constant: 'Foo' can't go to Deals.Type")


@pytest.mark.parametrize("act", ["plan", "run"])
@pytest.mark.parametrize(
    ("top", "more", "told"),
    [
        ('default_user = "no@body"\n', "", "m.toml:1: default_user: the default user 'no@body' is not a"),
        ("", '[users]\n"a@b" = "no@body"\n', f"m.toml:{RULE + 1}: users.a@b: the successor of 'a@b': the"),
        ("", '[users]\n"a" = "b"\n"b" = "a"\n', f"m.toml:{RULE + 1}: users.a: the successor of 'a': the"),
    ],
)
def test_users_are_told_where_they_are_declared(
    bench: Bench, source: Path, act: str, top: str, more: str, told: str
) -> None:
    message = refused(bench, act, job_of(bench, source, f"{top}{HEAD}{STAGE}{more}"))
    assert message.startswith(told)


def test_a_user_by_option_is_told_by_it(bench: Bench, source: Path) -> None:
    job = job_of(bench, source, HEAD + STAGE, default_user="no@body")
    assert refused(bench, "plan", job).startswith("--default-user: the default user 'no@body'")


# --------------------------------------------------------------------------------------- for which file


def warnings(bench: Bench, job: Any) -> list[str]:
    with bench.plan(job) as made:
        return [re.sub(r"\S*/", "", each.message) for each in made.warnings]


def test_a_mapping_that_was_written_for_another_file_is_told(bench: Bench, source: Path) -> None:
    mapping = f'file = "deals.csv"\n{HEAD}{STAGE}'
    told = "m.toml:1: file: the mapping was written for deals.csv, not for this file"
    assert told in warnings(bench, job_of(bench, source, mapping))
    bench.run(job_of(bench, source, mapping))
    assert any(event.message.endswith("not for this file") for event in bench.seen(Log))
    assert told not in warnings(bench, job_of(bench, source, mapping.replace("deals.csv", "old.csv.gz")))


def test_a_result_file_needs_no_mapping_of_its_own(bench: Bench) -> None:
    """Neither its name nor how the source of its rows was read is held against it."""
    mapping = f'file = "deals.xlsx"\nsheet = "Deals"\nheader = 3\n{HEAD}{STAGE}'
    lines = "line,key,field,code,message,id,name,more\n2,1,Stage,X,y,1,One,x\n"
    path = put(bench.folder / "errors.csv", lines)
    toml = put(bench.folder / "m.toml", mapping)
    for job in (ImportCsv(file=path, mapping=toml), ImportFile(file=str(path), mapping=toml)):
        with bench.plan(job) as made:
            assert (made.counts.creates, made.counts.refused) == (1, 0)
            assert not any("written for" in each.message for each in made.warnings)


def test_words_for_a_workbook_are_refused_of_other_csv_files(bench: Bench, source: Path) -> None:
    toml = put(bench.folder / "m.toml", f'sheet = "Deals"\n{HEAD}{STAGE}')
    with pytest.raises(UsageError, match="1: sheet: a CSV file has none"):
        ImportCsv(file=source, mapping=toml)
    with pytest.raises(UsageError, match="sheet is for workbooks"):
        ImportFile(file=str(source), mapping=toml)
