"""Columns that have the name of a field, and lists: proposed with what is wrong with them, never left out."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tests.rows.fields import LEADS, choices, field, module
from tests.rows.proposal.test_propose import column, only, proposed, text_of
from zmigrate.rows.conversion.converter import Converter


@pytest.mark.parametrize(
    ("name", "values", "many", "why"),
    [
        ("Annual_Revenue", ("1.200 EUR", "about 5"), "2 of 2", "'1.200 EUR' is not a plain number"),
        ("Annual_Revenue", ("1,234 T", "n/a", "5"), "2 of 3", "'1,234 T' is not a plain number"),
        ("First_Contact", ("soon", "3/4/2024", "later"), "2 of 3", "'soon' does not fit"),
        ("Email_Opt_Out", ("maybe", "ja", "sure"), "3 of 3", "'maybe' is neither yes nor no"),
        ("No_of_Employees", ("10-50", "many"), "2 of 2", "'10-50' is not a whole number"),
        ("Email", ("at work", "none"), "2 of 2", "not an e-mail address"),
    ],
)
def test_a_column_with_the_name_of_a_field_goes_there_and_says_what_is_wrong(
    name: str, values: tuple[str, ...], many: str, why: str
) -> None:
    proposal = proposed(column(name, *values), fields=LEADS)
    line = only(proposal)
    assert (line.field.api_name, proposal.left, line.sure) == (name, (), False)
    text = text_of(proposal, samples=True)
    assert f"# UNSURE: {many} values would be refused: {why}" in text
    assert "ignore" not in tomllib.loads(text)


def test_what_to_declare_is_said() -> None:
    line = only(proposed(column("Email_Opt_Out", "aktiv", "gesperrt"), fields=LEADS))
    assert any("declare the words in the mapping (true = [..], false = [..])" in each for each in line.unsure)


def test_a_pick_list_of_that_name_lists_what_it_lacks() -> None:
    line = only(proposed(column("Lead_Source", "Xing", "Radio"), fields=LEADS))
    assert [each.value for each in line.fit.values] == ["Xing", "Radio"]
    assert not line.sure


def test_the_name_itself_comes_before_a_better_column_of_another_name() -> None:
    columns = [column("revenue", "100", "200"), column("Annual_Revenue", "n/a", "-")]
    lines = {line.field.api_name: line.column.name for line in proposed(*columns, fields=LEADS).lines}
    assert lines["Annual_Revenue"] == "Annual_Revenue"


def test_why_a_column_can_not_go_to_the_field_of_its_name_is_said() -> None:
    (left,) = proposed(column("Quality", "good", "bad"), fields=LEADS).left
    assert left.why.startswith("Quality can't be written: Zoho computes it (formula)")


def test_an_old_id_is_not_taken_for_the_records_own() -> None:
    line = only(proposed(column("id", "L1", "L2"), fields=LEADS, operation="update"))
    assert line.field.api_name == "Legacy_ID"


# ----------------------------------------------------------------------------------------------------- lists


def test_the_elements_of_lists_are_looked_at_for_several_choices() -> None:
    lists: Any = (["Hardware", "Training"], ["Software"], [], ["hardware"])
    proposal = proposed(column("Interests", *lists))
    line = only(proposal)
    assert [(each.value, each.near, each.sure) for each in line.fit.values] == [
        ("hardware", "Hardware", True)
    ]
    assert line.sure
    assert '["' not in str(tomllib.loads(text_of(proposal))["fields"])


def test_lists_of_known_choices_go_as_they_are() -> None:
    interests = field("Interests", "multiselectpicklist", pick_list=choices("Hardware", "Training"))
    fields = module(interests)
    line = only(proposed(column("Interests", ["Hardware", "Training"], ["Training"]), fields=fields))
    assert (line.fit.values, dict(line.fit.settings), line.sure) == ((), {}, True)
    record = Converter(fields, "insert").convert({"Interests": ["Hardware", "Training"]})
    assert record == {"Interests": ["Hardware", "Training"]}
