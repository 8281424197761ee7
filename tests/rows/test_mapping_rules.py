"""Each word of a field: what it makes of a cell."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.rows.mappings import load_of, value
from zmigrate import Blank, Find, Formats, Ref, Skip
from zmigrate.rows.conversion.refusal import BadValue

VALUES = 'values = { Won = "Closed Won", "n/a" = "" }'


@pytest.mark.parametrize(
    ("rule", "cell", "made"),
    [
        ('"a"', " Won ", " Won "),
        ('{ column = "a" }', "Won", "Won"),
        ('{ column = "a", trim = true }', " Won ", "Won"),
        ('{ column = "a", case = "lower" }', "WON É", "won é"),
        ('{ column = "a", case = "upper" }', "won", "WON"),
        ('{ column = "a", case = "title" }', "new york", "New York"),
        (f'{{ column = "a", {VALUES} }}', " Won ", "Closed Won"),
        (f'{{ column = "a", {VALUES} }}', "Open", "Open"),
        (f'{{ column = "a", {VALUES}, otherwise = "New" }}', "Open", "New"),
        (f'{{ column = "a", {VALUES}, otherwise = "New" }}', "", ""),
        (f'{{ column = "a", {VALUES}, default = "New" }}', "n/a", "New"),
        (f'{{ column = "a", {VALUES}, strict = true }}', "", ""),
        ('{ column = "a", values = { "" = "None yet" } }', "  ", "None yet"),
        ('{ column = "a", case = "lower", values = { won = "Closed Won" } }', "WON", "Closed Won"),
        ('{ column = "a", values = { yes = true, n = 3, d = 2024-03-31 } }', "d", date(2024, 3, 31)),
        ('{ column = "a", split = ",", part = 2 }', "x, y,z", " y"),
        ('{ column = "a", split = ",", part = 2, trim = true, case = "upper" }', "x, y,z", "Y"),
        ('{ column = "a", split = ",", part = -1 }', "x,y,z", "z"),
        ('{ column = "a", split = ",", part = 4 }', "x,y,z", ""),
        ('{ column = "a", split = ",", part = -4 }', "x,y,z", ""),
        ('{ column = "a", split = ",", part = 4, default = "none" }', "x,y,z", "none"),
        ('{ column = "a", split = "; " }', "x; y; ; z", ["x", "y", "z"]),
        ('{ column = "a", split = ";", values = { x = "X" } }', "x;y", ["X", "y"]),
        ('{ column = "a", split = ";" }', "", ""),
        ('{ column = "a", default = "0" }', "  ", "0"),
        ('{ column = "a", default = 0 }', "", 0),
        ('{ column = "a", default = 1.5 }', "", Decimal("1.5")),
        ('{ column = "a", default = ["x", "y"] }', "", ["x", "y"]),
        ('{ column = "a", empty = "blank" }', " ", Blank),
        ('{ column = "a", empty = "leave" }', "", ""),
        ('{ template = "{a} - {a}" }', " x ", "x - x"),
        ('{ template = "{{{a}}}" }', "x", "{x}"),
        ('{ template = "no. {a}" }', " ", ""),
        ('{ template = "no. {a}", default = "none" }', "", "none"),
        ('{ constant = "Old CRM" }', "x", "Old CRM"),
        ("{ constant = false }", "x", False),
        ('{ constant = ["x"] }', "x", ["x"]),
        ('{ ref = "Accounts", column = "a" }', " A-1 ", Ref("Accounts", "A-1")),
        (
            '{ ref = "Accounts", by = "Legacy_ID", column = "a", when_open = "stop" }',
            "A-1",
            Ref("Accounts", "A-1", "Legacy_ID", "stop"),
        ),
        ('{ ref = "Accounts", column = "a" }', " ", ""),
        ('{ ref = "Accounts", column = "a", empty = "blank" }', " ", Blank),
        ('{ ref = "Deals", column = "a", ignore_case = true }', "x", Ref("Deals", "x", ignore_case=True)),
        (
            '{ find = "Deals", by = "Deal_Name", column = "a", ignore_case = true }',
            "x",
            Find("Deals", "Deal_Name", "x", ignore_case=True),
        ),
        ('{ ref = "Accounts", column = "a", default = "A-0" }', " ", Ref("Accounts", "A-0")),
        ('{ ref = "Accounts", constant = "A-0" }', " ", Ref("Accounts", "A-0")),
        ('{ ref = "Deals", column = "a", split = ";" }', "1; 2", [Ref("Deals", "1"), Ref("Deals", "2")]),
        ('{ ref = "Deals", column = "a", values = { X = "GTX" } }', "X", Ref("Deals", "GTX")),
        ('{ find = "Contacts", by = "Email", column = "a" }', "x@y.z", Find("Contacts", "Email", "x@y.z")),
    ],
)  # fmt: skip
def test_a_rule_makes_of_a_cell(tmp_path: Path, rule: str, cell: str, made: Any) -> None:
    assert value(tmp_path, rule, {"a": cell}) == made


def test_columns_are_joined_without_the_empty_ones(tmp_path: Path) -> None:
    rule = '{ columns = ["first", "middle", "last"], join = " " }'
    row = {"first": " Ada ", "middle": "", "last": "Lovelace"}
    assert value(tmp_path, rule, row) == "Ada Lovelace"
    assert value(tmp_path, rule, dict.fromkeys(row, "")) == ""


def test_a_template_takes_columns_of_any_name(tmp_path: Path) -> None:
    row = {"Größe (m²)": "12", "a.b!": "x"}
    assert value(tmp_path, '{ template = "{Größe (m²)}/{a.b!}" }', row) == "12/x"


@pytest.mark.parametrize(
    ("cell", "made"),
    [
        (7, "seven"),
        (7.0, "seven"),
        (Decimal("7"), "seven"),
        (True, "yes"),
        (date(2024, 3, 31), "day"),
        (datetime(2024, 3, 31, 8, 0), "moment"),
        (None, ""),
        ([7, None, "x"], ["seven", "x"]),
        (1.5, "1.5"),
    ],
)
def test_cells_that_are_no_text_are_compared_as_text(tmp_path: Path, cell: Any, made: Any) -> None:
    words = '"7" = "seven", true = "yes", "2024-03-31" = "day", "2024-03-31T08:00:00" = "moment"'
    assert value(tmp_path, f'{{ column = "a", values = {{ {words} }} }}', {"a": cell}) == made


@pytest.mark.parametrize("cell", ["", "  ", None])
def test_an_empty_cell_of_any_source_can_have_a_value(tmp_path: Path, cell: Any) -> None:
    assert value(tmp_path, '{ column = "a", values = { "" = "none" } }', {"a": cell}) == "none"


@pytest.mark.parametrize("cell", [7, 1.5, True, date(2024, 3, 31), [1], {"id": "1"}])
def test_a_plain_column_hands_on_what_is_no_text(tmp_path: Path, cell: Any) -> None:
    assert value(tmp_path, '{ column = "a", default = "x" }', {"a": cell}) == cell


def test_an_empty_cell_of_another_source_leaves_the_field_alone_like_empty_text(tmp_path: Path) -> None:
    assert value(tmp_path, '"a"', {"a": None}) == ""


def test_a_value_that_is_not_known_fails_its_row_where_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadValue) as error:
        value(tmp_path, f'{{ column = "a", {VALUES}, strict = true }}', {"a": "Open"})
    (reason,) = error.value.reasons
    assert (reason.field, reason.code, reason.value) == ("F", "NOT_IN_VALUES", "Open")
    assert reason.message == "column 'a' has 'Open', which `values` does not know"


def test_all_that_is_wrong_with_a_row_is_told(tmp_path: Path) -> None:
    strict = f'{{ column = "%s", {VALUES}, strict = true }}'
    load = load_of(tmp_path, f"F = {strict % 'a'}\nG = {strict % 'b'}")
    with pytest.raises(BadValue) as error:
        load.transform({"a": "x", "b": "y"})
    assert [each.field for each in error.value.reasons] == ["F", "G"]


def test_a_cell_that_can_not_be_text_fails_its_row(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="F: column 'a' holds an object, where text is wanted"):
        value(tmp_path, '{ template = "{a}" }', {"a": {"id": 1}})


def test_the_load_says_what_its_references_do_where_they_do_not_say_it(tmp_path: Path) -> None:
    fields = 'F = { ref = "Accounts", column = "a" }\nG = { ref = "Deals", column = "b", when_open = "fail" }'
    load = load_of(tmp_path, fields, 'when_open = "leave_out"')
    assert load.transform({"a": "1", "b": "2"}) == {
        "F": Ref("Accounts", "1", when_open="leave_out"),
        "G": Ref("Deals", "2"),
    }


@pytest.mark.parametrize(
    ("condition", "cell", "reason"),
    [
        ('{ column = "a", is = "Deleted" }', " Deleted ", "a is Deleted"),
        ('{ column = "a", is = "Deleted" }', "deleted", None),
        ('{ column = "a", is = ["x", "y"] }', "y", "a is y"),
        ('{ column = "a", is = "" }', " ", "a is empty"),
        ('{ column = "a", empty = true }', " ", "a is empty"),
        ('{ column = "a", empty = true }', "x", None),
        ('{ column = "a", not_empty = true }', "x", "a is not empty"),
        ('{ column = "a", matches = "^TEST" }', "TEST 1", "a matches ^TEST"),
        ('{ column = "a", matches = "^TEST" }', "no TEST", None),
        ('[{ column = "b", is = "z" }, { column = "a", is = "y" }]', "y", "a is y"),
    ],
)
def test_rows_are_left_out_for_a_reason(
    tmp_path: Path, condition: str, cell: str, reason: str | None
) -> None:
    load = load_of(tmp_path, 'F = "a"\nG = "b"', f"skip_if = {condition}")
    row = {"a": cell, "b": "x"}
    if reason is None:
        assert load.transform(row)["F"] == cell
    else:
        with pytest.raises(Skip) as skip:
            load.transform(row)
        assert skip.value.reason == reason


def test_formats_are_those_of_the_load_but_where_a_field_has_its_own(tmp_path: Path) -> None:
    fields = 'F = { column = "a", format = "%d.%m.%Y", decimal = "." }\nG = "b"'
    more = (
        'decimal = ","\nthousands = " "\ndate_format = "%d/%m/%Y"\ntimezone = "Europe/Berlin"\ntrue = ["ja"]'
    )
    formats = load_of(tmp_path, fields, more).formats
    assert formats.of("G") == Formats(
        decimal=",",
        thousands=" ",
        date_format="%d/%m/%Y",
        timezone="Europe/Berlin",
        true=("ja",),
        fields=formats.fields,
    )
    own = formats.of("F")
    assert (own.decimal, own.thousands) == (".", " ")
    assert own.date_format == own.datetime_format == "%d.%m.%Y"


def test_a_load_tells_what_it_refers_to(tmp_path: Path) -> None:
    fields = (
        'F = { ref = "Accounts", column = "a" }\nG = { find = "Contacts", by = "Email", column = "b" }\n'
        'H = { ref = "Deals", by = "Code", column = "b" }\nI = { constant = "x" }'
    )
    load = load_of(tmp_path, fields, 'key = "I"')
    assert load.refers_to == ("Accounts", "Contacts", "Deals")
    assert load.finds == ("Contacts",)
    assert load.find_refs == {"F": ("Accounts", None), "H": ("Deals", "Code")}
    assert load.write.key == "I"
