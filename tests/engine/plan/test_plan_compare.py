"""Whether a record of the org says already what a row would write."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rows.fields import LEADS
from zmigrate.engine.plan.compare import Comparison, comparable_fields

SAME = [
    ("Last_Name", "x", "x"),
    ("Last_Name", None, None),
    ("Email", None, ""),
    ("Annual_Revenue", 12.5, 12.50),
    ("Annual_Revenue", 12, 12.0),
    ("No_of_Employees", 7, "7"),
    ("Legacy_Number", "042", "42"),
    ("Legacy_Created_Time", "2024-03-31T09:30:00+02:00", "2024-03-31T07:30:00+00:00"),
    ("Email_Opt_Out", False, False),
    ("Account", {"id": "1"}, {"id": "1", "name": "Acme"}),
    ("Owner", {"id": "1"}, {"id": 1}),
    ("Interests", ["Hardware", "Software"], ["Software", "Hardware"]),
    ("Interests", ["Hardware"], "Hardware"),
]
OTHER = [
    ("Last_Name", "x", "X"),
    ("Last_Name", "x", None),
    ("Email", None, "jo@example.com"),
    ("Annual_Revenue", 0, None),
    ("Annual_Revenue", 12.5, "n/a"),
    ("Legacy_Created_Time", "2024-03-31T09:30:00+02:00", "2024-03-31T09:30:00+00:00"),
    ("Legacy_Created_Time", "2024-03-31T09:30:00+02:00", "yesterday"),
    ("Email_Opt_Out", False, True),
    ("Account", {"id": "1"}, {"id": "2"}),
    ("Account", {"id": None}, {"id": "2"}),
    ("Interests", ["Hardware"], ["Hardware", "Software"]),
    ("Lines", [], []),
    ("Tag", ["a"], ["a"]),
]


@pytest.mark.parametrize(("field", "sent", "found"), SAME)
def test_equal_values_change_nothing(field: str, sent: Any, found: Any) -> None:
    assert Comparison(LEADS).same({field: sent}, {"id": "9", field: found})


@pytest.mark.parametrize(("field", "sent", "found"), OTHER)
def test_other_values_and_those_that_cant_be_compared_are_a_change(field: str, sent: Any, found: Any) -> None:
    assert not Comparison(LEADS).same({field: sent}, {"id": "9", field: found})


def test_a_field_that_was_not_asked_for_is_a_change() -> None:
    assert not Comparison(LEADS).same({"Last_Name": "x"}, {"id": "9"})


def test_only_fields_that_queries_give_back_are_asked_for() -> None:
    names = ["id", "Legacy_ID", "Last_Name", "Lines", "Tag", "Quality", "$x", "Nowhere", "Account"]
    assert comparable_fields(names, LEADS, ["Legacy_ID"]) == ["Last_Name", "Account"]
