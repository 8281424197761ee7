"""Taken a column at a time, rows become the same records as one by one."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.rows.fields import LEADS
from zmigrate.rows.conversion.converter import BadValue, Converter

PLAIN = ["a", "jo@example.com", "030 123", "+49 (30) 1-2", "1", "Partner", "2024-03-31", "true"]
ODD = [
    "",
    " ",
    " a",
    "é",
    "\ud800",
    "x" * 81,
    "4.7E+11",
    "\n",
    "JO@EXAMPLE.COM ",
    "jo@",
    "partner",
    "2024-13-01",
]
CELLS = st.sampled_from(PLAIN + ODD) | st.text(max_size=5) | st.sampled_from([None, 3, True, 1.5, ["a"]])
NAMES = [*sorted(LEADS.fields), "id", "$tag", "Nowhere"]


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[Any]]]:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=4))
    often = draw(st.sampled_from(["a", "jo@example.com", "030 123", "1"]))
    cells = CELLS | st.just(often) | st.just(often)
    width = len(names)
    return names, draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=5))


@given(
    tables(),
    st.sampled_from(["insert", "update", "upsert", "delete"]),
    st.sampled_from([None, "id", "Legacy_ID", "Email", "Phone", "Legacy_Number"]),
)
@example((["Last_Name", "City"], [["", "x"], ["b", ""]]), "insert", None)
@example((["Legacy_ID"], [["4.7E+11"], ["a"]]), "upsert", "Legacy_ID")
@example((["Phone"], [[" 030 1 "], ["030 1"]]), "insert", "Phone")
def test_columns_give_the_records_of_their_rows(
    table: tuple[list[str], list[list[Any]]], operation: Any, key: Any
) -> None:
    names, rows = table
    together = Converter(LEADS, operation, key).convert_columns(names, list(zip(*rows, strict=True)))
    one_by_one = Converter(LEADS, operation, key)
    try:
        expected = [one_by_one.convert(dict(zip(names, row, strict=True))) for row in rows]
    except BadValue:
        assert together is None
    else:
        assert together == (None if operation == "delete" else expected)


def test_a_column_of_plain_cells_is_sent_as_it_is() -> None:
    columns = [("L-1", "L-2"), ("Müller", "O'Neil"), ("", "x"), ("jo@example.com", "al@example.com")]
    records = Converter(LEADS, "insert", "Legacy_ID").convert_columns(
        ("Legacy_ID", "Last_Name", "First_Name", "Email"), columns
    )
    assert records == [
        {"Legacy_ID": "L-1", "Last_Name": "Müller", "Email": "jo@example.com"},
        {"Legacy_ID": "L-2", "Last_Name": "O'Neil", "First_Name": "x", "Email": "al@example.com"},
    ]
