"""A key of several fields in a mapping and as options."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from zmigrate.ready_jobs.import_csv import ImportCsv

from tests.rows.mappings import load_of, value
from zmigrate import Delete, Insert, Load, Ref, Update, Upsert
from zmigrate.errors import JobError
from zmigrate.job.key_text import fields_of_key, key_name, key_text, values_of_key


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "leads.csv"
    path.write_text("Last_Name,Company,tel\nDoe,Acme,1\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "values",
    [("a", "b|c"), ("a|b", "c"), ("a|", "b"), ("a", "|b"), ("a | b", "c"), ("a||", "|"), ("1", "2", "3")],
)
def test_the_text_of_a_key_tells_its_values(values: tuple[str, ...]) -> None:
    assert values_of_key(key_text(values)) == list(values)


def test_different_values_have_different_texts() -> None:
    values = ["a", "b", "|", "||", "a|", "|b", "a | b", "a |", "| b", "a||b"]
    pairs = [(one, other) for one in values for other in values]
    assert len({key_text(pair) for pair in pairs}) == len(pairs)


def test_a_write_reads_its_key_as_one_name() -> None:
    for write in (
        Insert("Leads", key=("A", "B")),
        Update("Leads", key=["A", "B"]),
        Delete("Leads", key="A+B"),
    ):
        assert write.key == "A+B" == key_name(("A", "B"))
        assert fields_of_key(write.key) == ("A", "B")
    assert Insert("Leads", key=("A",)) == Insert("Leads", key="A")


@pytest.mark.parametrize("key", [("A", "A"), ("A", "id"), ("A", "b c"), (), ("A", 1)])
def test_a_key_that_is_none_is_refused(key: tuple[str, ...]) -> None:
    with pytest.raises(JobError):
        Insert("Leads", key=key)


def test_an_upsert_has_no_key_of_several_fields_and_says_why(path: Path) -> None:
    with pytest.raises(
        JobError, match="matches on one field: of several, Zoho takes a record that agrees in any"
    ):
        Upsert("Leads", match_on=("A", "B"))  # type: ignore[arg-type]
    with pytest.raises(JobError, match="--key: an upsert matches on one field"):
        ImportCsv(file=path, module="Leads", operation="upsert", key="A+B")


def test_a_reference_by_several_values_needs_as_many_fields() -> None:
    assert Ref("Leads", ("Doe", 7), field=("A", "B")) == Ref("Leads", "Doe | 7", "A+B")  # type: ignore[arg-type]
    assert Ref("Leads", ("", None), field=("A", "B")).key == ""  # type: ignore[arg-type]
    for field in (None, "A", ("A", "B", "C")):
        with pytest.raises(JobError, match="needs `field`"):
            Ref("Leads", ("Doe", "Acme"), field=field)


def test_a_mapping_and_options_name_the_same_key(tmp_path: Path, path: Path) -> None:
    mapping = tmp_path / "leads.toml"
    mapping.write_text(
        'module = "Leads"\noperation = "update"\nkey = ["Last_Name", "Company"]\nignore = ["tel"]\n', "utf-8"
    )
    load = Load.from_options(path, mapping, key="Last_Name+Company")
    assert load.write == Update("Leads", key=("Last_Name", "Company"))
    assert load.transform({"Last_Name": "Doe", "Company": "Acme"}) == {"Last_Name": "Doe", "Company": "Acme"}


def test_a_column_for_each_field_of_the_key_is_needed(path: Path) -> None:
    load = Load.from_options(path, module="Leads", operation="delete", key="Last_Name+City")
    with pytest.raises(JobError, match=r"no column of leads\.csv goes to City"):
        load.fills  # noqa: B018


def test_a_delete_takes_the_columns_of_its_key_alone(path: Path) -> None:
    load = Load.from_options(path, module="Leads", operation="delete", key="Last_Name+Company")
    assert load.columns == {"Last_Name": "Last_Name", "Company": "Company"}


def test_a_mapping_with_a_wrong_key_says_so(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="each field once"):
        load_of(tmp_path, 'F = "a"', 'key = ["A", "A"]')


BY_TWO = '{ ref = "Accounts", by = ["Account_Name", "Billing_City"], columns = ["a", "b"] }'


def test_a_reference_of_a_mapping_takes_a_column_for_each_field(tmp_path: Path) -> None:
    made = Ref("Accounts", ("Acme", "Ulm|Bern"), field=("Account_Name", "Billing_City"))
    assert value(tmp_path, BY_TWO, {"a": "Acme ", "b": "Ulm|Bern"}) == made
    assert value(tmp_path, BY_TWO, {"a": " ", "b": ""}) == ""


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (BY_TWO.replace(', "b"]', "]"), "several fields in `by` need `columns`, one for each"),
        (BY_TWO.replace('columns = ["a", "b"]', 'column = "a"'), "several fields in `by` need `columns`"),
        (BY_TWO.replace("ref", "find"), "`find` does not go with several fields in `by`"),
        (BY_TWO.replace(" }", ', join = " " }'), "`join` does not go with several fields"),
    ],
)
def test_a_reference_by_several_fields_that_is_none_is_refused(
    tmp_path: Path, rule: str, message: str
) -> None:
    with pytest.raises(JobError, match=re.escape(message)):
        load_of(tmp_path, f"F = {rule}")
