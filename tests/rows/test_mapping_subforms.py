"""Subforms whose rows stand in a second file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rows.mappings import HEAD, csv_of, put, refused
from zmigrate import Load, Ref
from zmigrate.errors import SourceError
from zmigrate.rows.conversion.refusal import BadValue
from zmigrate.rows.mapping import read_mapping

ITEMS = ("quote", "what", "qty", "position")
RULE = """
[load.fields.Items]
rows = "items.csv"
match = { quote = "id" }
ignore = ["position"]
[load.fields.Items.fields]
Product = { ref = "Products", column = "what" }
Quantity = { column = "qty", decimal = "," }
Unit = { constant = "Each" }
"""


def load_of(folder: Path, *items: tuple[str, ...], rule: str = RULE) -> Load:
    csv_of(folder, ["id", "Name"], ["1", "one"], ["2", "two"], ["3", "three"])
    csv_of(folder, ITEMS, *items, name="items.csv")
    (load,) = read_mapping(put(folder / "old.toml", HEAD + rule))
    return load


def test_each_record_gets_its_rows_in_their_order(tmp_path: Path) -> None:
    load = load_of(
        tmp_path, ("2", "B", "1", "x"), (" 1 ", "A", "3,5", "x"), ("2", "", "", "x"), ("2", "C", "2", "x")
    )
    made = {row.values["id"]: load.transform(row.values)["Items"] for row in load.source().rows()}
    assert made == {
        "1": [{"Product": Ref("Products", "A"), "Quantity": "3,5", "Unit": "Each"}],
        "2": [
            {"Product": Ref("Products", "B"), "Quantity": "1", "Unit": "Each"},
            {"Unit": "Each"},
            {"Product": Ref("Products", "C"), "Quantity": "2", "Unit": "Each"},
        ],
        "3": "",
    }
    assert load.formats.within("Items").of("Quantity").decimal == ","
    assert load.refers_to == ("Products",)
    assert load.find_refs == {"Items.Product": ("Products", None)}
    assert load.reads == (tmp_path / "old.toml", tmp_path / "items.csv")


def test_rows_without_a_parent_are_told(tmp_path: Path) -> None:
    load = load_of(
        tmp_path, ("1", "A", "1", "x"), ("9", "B", "1", "x"), ("", "C", "1", "x"), ("9", "D", "1", "x")
    )
    put(tmp_path / "old.csv", "id,Name\n1,one\n,nobody\n")
    assert [(orphan.file, orphan.line, orphan.key) for orphan in load.orphans()] == [
        ("items.csv", 3, "9"),
        ("items.csv", 4, ""),
        ("items.csv", 5, "9"),
    ]


def test_two_columns_can_tell_the_parent(tmp_path: Path) -> None:
    rule = RULE.replace('{ quote = "id" }', '{ quote = "id", position = "Name" }').replace(
        'ignore = ["position"]', ""
    )
    load = load_of(tmp_path, ("1", "A", "1", "one"), ("1", "B", "1", "two"), rule=rule)
    made = [load.transform(row.values)["Items"] for row in load.source().rows()]
    assert made[0] == [{"Product": Ref("Products", "A"), "Quantity": "1", "Unit": "Each"}]
    assert made[1:] == ["", ""]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            'quote = "id"',
            'qoute = "id"',
            "old.toml:7: fields.Items.match: items.csv has no column 'qoute'. Did you",
        ),
        ('quote = "id"', 'quote = "ident"', "old.toml:5: fields.Items: old.csv has no column 'ident'."),
        (
            'column = "what"',
            'column = "wat"',
            "old.toml:10: fields.Items.fields.Product: items.csv has no column",
        ),
        (
            'ignore = ["position"]',
            "",
            "old.toml:6: fields.Items.rows: column 'position' of items.csv goes nowhere.",
        ),
    ],
)
def test_columns_that_do_not_fit_are_told_before_the_first_row(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    csv_of(tmp_path, ["id", "Name"], ["1", "one"])
    csv_of(tmp_path, ITEMS, ["1"] * 4, name="items.csv")
    assert refused(tmp_path, HEAD + RULE.replace(before, after).lstrip()).message.startswith(message)


def test_a_second_file_that_is_not_there_or_broken_is_told_before_the_first_row(tmp_path: Path) -> None:
    load = load_of(tmp_path, ("1", "A", "1", "x"))
    put(tmp_path / "items.csv", "quote,what,qty,position\n1,A,1,x\n2,B\n")
    with pytest.raises(SourceError, match=r"items\.csv:3: expected 4 columns"):
        load.fills  # noqa: B018 - looks at the columns
    (tmp_path / "items.csv").unlink()
    with pytest.raises(SourceError, match=r"items\.csv: there is no such file"):
        load.fills  # noqa: B018


def test_a_bad_cell_of_a_subform_fails_its_record(tmp_path: Path) -> None:
    rule = RULE.replace(
        'Unit = { constant = "Each" }', 'Unit = { column = "qty", values = { 1 = "a" }, strict = true }'
    )
    load = load_of(tmp_path, ("1", "A", "1", "x"), ("1", "B", "2", "x"), rule=rule)
    with pytest.raises(BadValue) as error:
        load.transform({"id": "1", "Name": "one"})
    assert [reason.field for reason in error.value.reasons] == ["Items.Unit"]
