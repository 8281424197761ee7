"""Each error of a mapping: what is wrong, on which line, and how it looks when it is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rows.mappings import HEAD, csv_of, put, refused
from zmigrate.errors import SourceError
from zmigrate.rows.mapping import read_mapping

FIELD = len(HEAD.splitlines()) + 2
"""The line of the first field."""


@pytest.mark.parametrize(
    ("rule", "message", "hint"),
    [
        ("3", "fields.F: 3 is neither a column nor a table.", 'Stage = "deal_stage"'),
        ('""', "fields.F: '' is neither a column nor a table.", 'Stage = "deal_stage"'),
        ('{ colum = "a" }', 'fields.F.colum: the word "colum" is not known here.', 'Did you mean "column"?'),
        (
            '{ column = "a", zzz = 1 }',
            'fields.F.zzz: the word "zzz" is not known here.',
            "Known words: column, columns",
        ),
        (
            "{ column = 3 }",
            "fields.F.column: 3 does not fit here.",
            'Write it like this: column = "deal_stage"',
        ),
        ("{ trim = true }", "fields.F: the value has no source.", 'column = "deal_stage"'),
        ("{ }", "fields.F: the value has no source.", "column, columns, template, constant"),
        (
            '{ column = "a", constant = "b" }',
            "fields.F: `column` and `constant` exclude each other.",
            "A field is",
        ),
        (
            '{ column = "a", join = " " }',
            "fields.F.join: `join` does not go with `column`.",
            "With `column` go:",
        ),
        (
            '{ constant = "a", default = "b" }',
            "fields.F.default: `default` does not go with `constant`.",
            "ref",
        ),
        ('{ template = "{a}", split = "," }', "fields.F.split: `split` does not go with `template`.", "trim"),
        ('{ columns = ["a", "b"] }', "fields.F.columns: `columns` needs the text between them: join", None),
        (
            '{ columns = "a", join = "" }',
            "fields.F.columns: 'a' does not fit here.",
            'columns = ["first", "last"]',
        ),
        (
            '{ columns = [], join = "" }',
            "fields.F.columns: [] does not fit here.",
            'columns = ["first", "last"]',
        ),
        (
            '{ column = "a", part = 2 }',
            "fields.F.part: `part` needs the text that separates the parts: split = ",
            None,
        ),
        (
            '{ column = "a", split = ",", part = 0 }',
            "fields.F.part: 0 does not fit here.",
            "from 1; -1 is the last",
        ),
        ('{ column = "a", split = "" }', "fields.F.split: '' does not fit here.", 'split = ","'),
        ('{ column = "a", otherwise = "x" }', "fields.F.otherwise: `otherwise` needs the values", None),
        (
            '{ column = "a", strict = true }',
            "fields.F.strict: `strict` needs the values that are known",
            None,
        ),
        (
            '{ column = "a", values = { x = "y" }, strict = true, otherwise = "z" }',
            "fields.F.strict: `otherwise` and `strict` exclude each other: a value that is not in",
            None,
        ),
        (
            '{ column = "a", values = {} }',
            "fields.F.values: {} does not fit here.",
            'values = { Won = "Closed Won"',
        ),
        (
            '{ column = "a", values = { x = [1] } }',
            "fields.F.values: {'x': [1]} does not fit here.",
            "values = {",
        ),
        (
            '{ column = "a", values = { x = "1", " x" = "2" } }',
            "fields.F.values. x: ' x' is there twice.",
            None,
        ),
        (
            '{ column = "a", case = "lower", values = { Won = "x" } }',
            "fields.F.values.Won: `case = \"lower\"` comes first, so no cell is ever 'Won'.",
            "Write it as 'won', or leave `case` out.",
        ),
        (
            '{ column = "a", case = "Title" }',
            'fields.F.case: it is one of "lower", "upper", "title", not',
            '"title"',
        ),
        (
            '{ column = "a", empty = "skip" }',
            'fields.F.empty: it is one of "leave", "blank", not \'skip\'.',
            None,
        ),
        (
            '{ column = "a", empty = "blank", default = "x" }',
            "fields.F.empty: `default` and `empty` exclude",
            None,
        ),
        (
            '{ column = "a", default = 08:00:00 }',
            "fields.F.default: datetime.time(8, 0) does not fit",
            "default =",
        ),
        ('{ column = "a", default = nan }', "fields.F.default: NaN does not fit here.", 'default = "0"'),
        ('{ column = "a", trim = "yes" }', "fields.F.trim: 'yes' does not fit here.", "trim = true"),
        (
            '{ template = "{a" }',
            "fields.F.template: a '{' is alone",
            'template = "{account} - {product}"',
        ),
        ('{ template = "a}" }', "fields.F.template: a '}' is alone", "Write it like this"),
        ('{ template = "{ }" }', "fields.F.template: a column's name is missing between two braces.", None),
        (
            '{ template = "same" }',
            "fields.F.template: it has no column; a text that is the same in every",
            None,
        ),
        (
            '{ column = "a", format = "yyyy" }',
            "fields.F.format: date_format = 'yyyy' is not a date format",
            None,
        ),
        ('{ column = "a", decimal = ";" }', 'fields.F.decimal: it is one of ",", ".", not \';\'.', None),
        (
            '{ column = "a", thousands = "." }',
            "fields.F.thousands: decimal and thousands are both '.'.",
            None,
        ),
        (
            '{ column = "a", timezone = "Mars/Base" }',
            "fields.F.timezone: timezone = 'Mars/Base' is not a known",
            None,
        ),
        ('{ column = "a", true = "ja" }', "fields.F.true: 'ja' does not fit here.", 'true = ["ja", "wahr"]'),
        (
            '{ ref = "my accounts", column = "a" }',
            "fields.F.ref: 'my accounts' is not an api name of a module.",
            "ref =",
        ),
        ('{ ref = "Accounts" }', "fields.F: the value has no source.", "column"),
        (
            '{ ref = "A", find = "B", by = "C", column = "a" }',
            "fields.F.find: `ref` and `find` exclude",
            None,
        ),
        (
            '{ find = "Contacts", column = "a" }',
            "fields.F.find: `find` needs the field to find the record by",
            None,
        ),
        ('{ column = "a", by = "Email" }', "fields.F.by: `by` needs the module of the record", None),
        ('{ column = "a", when_open = "fail" }', "fields.F.when_open: `when_open` needs the module", None),
        ('{ ref = "A", column = "a", when_open = "wait" }', "fields.F.when_open: it is one of", None),
        (
            '{ ref = "A", column = "a", decimal = "," }',
            "fields.F.decimal: `decimal` does not go with a reference",
            None,
        ),
        (
            '{ rows = "i.csv", fields = { G = "b" } }',
            "fields.F.rows: `rows` needs which of its columns equals",
            None,
        ),
        (
            '{ column = "a", ignore_case = true }',
            'fields.F.ignore_case: `ignore_case` needs the module of the record: ref = "Accounts".',
            None,
        ),
        (
            '{ rows = "i.csv", match = { x = "a" } }',
            "fields.F.rows: `rows` needs the fields of its rows",
            None,
        ),
        (
            '{ rows = "i.csv", match = { x = "a" }, fields = { G = { colum = "b" } } }',
            'fields.F.fields.G.colum: the word "colum" is not known here.',
            'Did you mean "column"?',
        ),
        (
            '{ rows = "i.csv", match = { x = "a" }, fields = { G = { rows = "j.csv", match = { x = "a" },'
            ' fields = { H = "b" } } } }',
            "fields.F.fields.G: a subform has no subforms of its own.",
            None,
        ),
    ],
)
def test_an_error_of_a_field_names_its_line_and_the_right_shape(
    tmp_path: Path, rule: str, message: str, hint: str | None
) -> None:
    csv_of(tmp_path, ["a", "b"], ["x", "y"])
    error = refused(tmp_path, f"{HEAD}[load.fields]\nF = {rule}\n")
    assert error.message.startswith(f"old.toml:{FIELD}: {message}")
    assert hint is None or hint in str(error.hint)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        (
            'oparation = "x"',
            'oparation: the word "oparation" is not known here.',
            'Did you mean "operation"?',
        ),
        ('module = "my deals"', "module: 'my deals' is not an api name of a module.", 'module = "Deals"'),
        ('operation = "merge"', 'operation: it is one of "insert", "update", "upsert", "delete", not', None),
        ('on_existing = "skip"', "on_existing: without a key nothing shows whether", 'key = "FIELD"'),
        ('key = "id"', "key: a new record has no id yet.", None),
        (
            'operation = "update"\non_existing = "skip"',
            "on_existing: it is for insert, not for update.",
            None,
        ),
        (
            'operation = "delete"\non_repeated = "last"',
            "on_repeated: it is not for delete: repeated rows are skipped anyway.",
            None,
        ),
        (
            'operation = "upsert"\nmatch_on = "F"\nignore_case = true',
            "ignore_case: it is not for upsert: Zoho finds",
            None,
        ),
        (
            'key = "F"\nignore_case = true',
            "ignore_case: an insert looks no key up without on_existing (skip, update or fail).",
            None,
        ),
        (
            'operation = "update"\nignore_case = true',
            "ignore_case: an id has no letter case.",
            'key = "FIELD"',
        ),
        ('ignore_case = "yes"', "ignore_case: 'yes' does not fit here.", "ignore_case = true"),
        ('operation = "upsert"', "an upsert needs match_on FIELD, the field that shows", None),
        ('operation = "upsert"\nkey = "A"\nmatch_on = "B"', "by match_on; leave key out.", None),
        ('on_repeated = "all"', 'on_repeated: it is one of "first", "last", "each", "fail", not', None),
        ('match_on = "F"', "match_on: it is for upsert; insert finds a row's record by key.", None),
        ('decimal = "."\nthousands = "."', "thousands: decimal and thousands are both '.'.", None),
        ('date_format = "dd/mm"', "date_format: date_format = 'dd/mm' is not a date format", None),
        ('true = ["x"]\nfalse = ["x"]', "false: 'x' would mean both true and false.", None),
        ('ignore = "b"', "ignore: 'b' does not fit here.", 'ignore = ["internal_note"]'),
        ('delimiter = ";;"', "delimiter: ';;' is not a delimiter, which is one character.", 'or "tab"'),
        ('encoding = "utf-9"', "encoding: 'utf-9' is not an encoding.", 'encoding = "cp1252"'),
        ("header = 0", "header: 0 does not fit here.", "header = 3"),
        ("fields = 3", "fields: 3 does not fit here.", "[load.fields]"),
        ("skip_if = 3", "skip_if: 3 does not fit here.", 'skip_if = { column = "stage", is = "Deleted" }'),
        ("skip_if = {}", "skip_if: no column is named.", 'skip_if = { column = "stage"'),
        (
            'skip_if = { column = "a" }',
            "skip_if: it has no test: one of is, empty,",
            "a list of them means any",
        ),
        ('skip_if = { column = "a", is = "x", empty = true }', "skip_if: it has is and empty: one of", None),
        (
            'skip_if = { column = "a", iss = "x" }',
            'skip_if.iss: the word "iss" is not known here.',
            'Did you mean "is"?',
        ),
        (
            'skip_if = { column = "a", empty = false }',
            "skip_if.empty: False does not fit here.",
            "empty = true",
        ),
        (
            'skip_if = [{ column = "a", matches = "(" }]',
            "skip_if.1.matches: '(' is not a regular expression",
            "'^",
        ),
    ],
)
def test_an_error_of_a_load_names_its_line(tmp_path: Path, line: str, message: str, hint: str | None) -> None:
    csv_of(tmp_path, ["a"], ["x"])
    word = line.partition(" ")[0]
    head = "".join(f"{each}\n" for each in HEAD.splitlines() if not each.startswith(f"{word} "))
    error = refused(tmp_path, f"{head}{line}\n{'' if 'fields' in line else '[load.fields]'}\n")
    assert message in error.message
    assert error.message.startswith("old.toml:")
    assert hint is None or hint in str(error.hint)


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    error = refused(tmp_path, f'{HEAD}[load.fields]\nF = {{ colum = "a" }}\nG = "b"\nH = 3\n')
    assert [line.partition(": ")[0] for line in error.message.splitlines()] == ["old.toml:6", "old.toml:8"]
    assert error.hint == 'Did you mean "column"?'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('module = "Deals"\n[[load]]\n', "old.toml:1: module: it comes before the loads."),
        ('load = "x"', "old.toml:1: load: it is a list of tables."),
        ("[load]\n", "old.toml:1: load: it is a list of tables."),
        ('[[load]]\n[load.users]\na = "b"\n', "old.toml:2: load.1.users: it is for all loads."),
        ('[[load]]\ndefault_user = "b"\n', "old.toml:2: load.1.default_user: it is for all loads."),
        (
            '[[load]]\nfile = "old.csv"\n',
            'old.toml:1: missing: module = "MODULE" and operation = "OPERATION".',
        ),
        ('[[load]]\nmodule = "Deals"\noperation = "insert"\n', "old.toml:1: it does not name its `file`"),
        ('[users]\na = 3\n[[load]]\nfile = "old.csv"\n', "old.toml:1: users: {'a': 3} does not fit here."),
        (
            'default_user = ""\n[[load]]\nfile = "old.csv"\n',
            "old.toml:1: default_user: '' does not fit here.",
        ),
        (
            'default_usr = "x"\n[[load]]\n',
            'old.toml:1: default_usr: the word "default_usr" is not known here.',
        ),
    ],
)
def test_an_error_of_a_file_names_its_line(tmp_path: Path, text: str, message: str) -> None:
    assert refused(tmp_path, text).message.startswith(message)


def test_a_mapping_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    put(tmp_path / "mapping.toml", "")
    with pytest.raises(SourceError, match=r"maping\.toml: there is no such file") as error:
        read_mapping(tmp_path / "maping.toml")
    assert "mapping.toml" in str(error.value.hint)


# -------------------------------------------------------------------------------- against the file's columns


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[load.fields]\nF = "acount"',
            "old.toml:6: fields.F: old.csv has no column 'acount'. Did you mean 'account'?",
        ),
        (
            '[load.fields]\nF = { template = "{zzz}" }',
            "old.toml:6: fields.F: old.csv has no column 'zzz'. It has: ",
        ),
        ('ignore = ["account",\n "zzz"]', "old.toml:6: ignore.2: old.csv has no column 'zzz'."),
        ('skip_if = { column = "zzz", empty = true }', "old.toml:5: skip_if.1: old.csv has no column 'zzz'."),
        (
            '[load.fields]\nStage = "account"',
            "columns 'account' and 'Stage' both go to Stage; ignore one of them.",
        ),
        (
            '[load.fields]\nStage = { constant = "x" }',
            "fields.Stage: the column 'Stage' goes nowhere, since Stage is filled by a rule; ignore it.",
        ),
        ('key = "Code"', "no column of old.csv goes to Code, the field to find records by. It has: "),
        ('key = "stage"', 'If the field\'s own name is Stage: key = "Stage"'),
        ('key = "Legacy_ID"', 'Did you mean "legacy id"? Below [load.fields]: Legacy_ID = "legacy id"'),
    ],
)
def test_columns_that_do_not_fit_are_told(tmp_path: Path, text: str, message: str) -> None:
    csv_of(tmp_path, ["account", "Stage", "legacy id"], ["x", "y", "z"])
    assert message in refused(tmp_path, f"{HEAD}{text}\n").message


def test_of_many_columns_not_all_are_told(tmp_path: Path) -> None:
    csv_of(tmp_path, [f"c{number:03}" for number in range(300)], ["x"] * 300)
    message = refused(tmp_path, f'{HEAD}[load.fields]\nF = "zzz"\n').message
    assert message.endswith("c018, c019 and 280 more.")
