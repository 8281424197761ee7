"""Keys are compared folded; cells of result files are escaped and come back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmigrate.rows.conversion.keys import fold_key, fold_number, whole_number
from zmigrate.rows.spreadsheet import ERROR_COLUMNS, escape, our_columns, result_header, unescape


@pytest.mark.parametrize(
    ("one", "other", "case_sensitive", "same"),
    [
        ("L1", " l1 ", False, True),
        ("L1", "l1", True, False),
        ("L1 ", "L1", True, True),
        ("Groß", "GROSS", False, True),
        ("Zoe\u0308", "Zoë", True, True),
        ("É", "e\u0301", False, True),
        (12, "12", False, True),
        ("", " ", False, True),
    ],
)
def test_keys_are_the_same_when_folded(one: object, other: object, case_sensitive: bool, same: bool) -> None:
    assert (fold_key(one, case_sensitive) == fold_key(other, case_sensitive)) is same


@given(st.text(), st.booleans())
def test_folding_twice_changes_nothing(key: str, case_sensitive: bool) -> None:
    folded = fold_key(key, case_sensitive)
    assert fold_key(folded, case_sensitive) == folded


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        (" 007 ", 7),
        ("-07", -7),
        ("+7", 7),
        ("0", 0),
        ("-0", 0),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("9" * 5_000, None),
        ("²", None),
        ("٧", None),
        ("7.0", None),
        ("", None),
    ],
)
def test_a_whole_number_is_compared_as_one(text: str, number: int | None) -> None:
    assert whole_number(text) == number
    assert fold_number(text) == (text.strip() if number is None else str(number))


@given(st.text())
def test_an_escaped_cell_comes_back(cell: str) -> None:
    assert unescape(escape(cell)) == cell
    assert not escape(cell).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_our_columns_are_prefixed_where_the_source_has_them() -> None:
    header = result_header(ERROR_COLUMNS, ["id", "key", "Email"])
    assert header[:5] == ["line", "zmigrate_key", "field", "code", "message"]
    assert our_columns(header) == 5
    assert our_columns(["id", "key", "Email"]) == 0
