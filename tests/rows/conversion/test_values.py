"""What holds for values of every type: empty ones, keys, ids, fields that take none.

Type by type: value_table.py.
"""

from __future__ import annotations

import copy
import pickle
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from tests.rows.fields import LEADS, choices, field, module
from tests.rows.refusals import Told
from zmigrate import Blank
from zmigrate.job.checks import said_of
from zmigrate.rows.conversion.converter import BadValue, Converter, field_problem
from zmigrate.rows.conversion.refusal import kind_of
from zmigrate.zoho.metadata import PickListValue


def converted(name: str, value: object, operation: Any = "insert", **options: Any) -> object:
    """What becomes of one value; `...` if nothing is sent."""
    record = Converter(LEADS, operation, **options).convert({"Last_Name": "Doe", name: value})
    return record.get(name, ...)


def refusal(name: str, value: object, operation: Any = "insert", **options: Any) -> Told:
    with pytest.raises(BadValue) as bad:
        converted(name, value, operation, **options)
    return Told.of(bad.value)


@pytest.mark.parametrize("name", [each.api_name for each in LEADS if each.creatable and each.on_layout][2:-1])
@pytest.mark.parametrize("operation", ["insert", "update", "upsert"])
def test_empty_text_is_not_sent(name: str, operation: str) -> None:
    if name == "Quality" or (name == "Only_New" and operation == "update"):
        return
    assert converted(name, "", operation) is ...
    assert converted(name, " \t\n", operation) is ...


@pytest.mark.parametrize(
    "name", ["First_Name", "Email", "No_of_Employees", "Interests", "Account", "First_Contact"]
)
def test_none_leaves_a_field_alone_and_blank_erases_it(name: str) -> None:
    for operation in ("insert", "update", "upsert"):
        assert converted(name, None, operation) is ...
    assert converted(name, Blank, "update") is None
    assert converted(name, Blank, "upsert") is None
    assert converted(name, Blank, "insert") is ...


def test_a_column_of_cells_with_blank_erases_as_a_single_one_does() -> None:
    columns = [["a", None, Blank, ""]]
    update = Converter(LEADS, "update").convert_columns(("First_Name",), columns)
    assert update == [{"First_Name": "a"}, {}, {"First_Name": None}, {}]


def test_blank_is_one_object_wherever_it_is_copied_to() -> None:
    assert copy.deepcopy({"a": Blank})["a"] is Blank
    assert pickle.loads(pickle.dumps(Blank)) is Blank
    assert repr(Blank) == "Blank"


def test_a_blank_key_is_an_empty_key() -> None:
    bad = refusal("Legacy_ID", Blank, "update", key="Legacy_ID")
    assert (bad.field, bad.code) == ("Legacy_ID", "EMPTY_KEY")


@pytest.mark.parametrize(
    ("name", "operation", "code", "message"),
    [
        (
            "Frist_Name",
            "insert",
            "UNKNOWN_FIELD",
            "Leads has no field 'Frist_Name'; did you mean 'First_Name'?",
        ),
        ("first name", "insert", "UNKNOWN_FIELD", "did you mean 'First_Name'?"),
        ("Quality", "insert", "NOT_WRITABLE", "Zoho computes it (formula)"),
        ("Created_Time", "insert", "NOT_WRITABLE", "read-only"),
        ("Only_New", "update", "NOT_WRITABLE", "read-only in an update"),
        ("Old_Fax", "insert", "NOT_WRITABLE", "on no layout"),
        ("id", "insert", "NOT_WRITABLE", "a new record has no id yet"),
    ],
)
def test_a_field_that_zoho_would_drop_is_told(name: str, operation: Any, code: str, message: str) -> None:
    bad = refusal(name, "5", operation)
    assert (bad.field, bad.code) == (name, code)
    assert message in bad.message


def test_field_problems_can_be_asked_for_before_the_first_row() -> None:
    assert field_problem(LEADS, "Last_Name", "insert") is None
    assert field_problem(LEADS, "Created_Time", "update", key="Created_Time") is None
    assert field_problem(LEADS, "Nope", "insert") == ("UNKNOWN_FIELD", "Leads has no field 'Nope'")


def test_an_old_local_time_with_seconds_in_its_offset_becomes_utc() -> None:
    moment = datetime(1890, 1, 1, tzinfo=timezone(timedelta(minutes=53, seconds=28)))
    assert converted("Legacy_Created_Time", moment) == "1889-12-31T23:06:32+00:00"


def test_the_key_is_trimmed_and_an_empty_one_fails_the_row() -> None:
    assert converted("Legacy_ID", "  L1 ", key="Legacy_ID") == "L1"
    for empty in ("", "  ", None):
        bad = refusal("Legacy_ID", empty, key="Legacy_ID")
        assert (bad.field, bad.code) == ("Legacy_ID", "EMPTY_KEY")
    with pytest.raises(BadValue, match="it is needed as the key"):
        Converter(LEADS, "upsert", "Legacy_ID").convert({"Last_Name": "Doe"})


def test_a_key_that_a_spreadsheet_has_rounded_is_refused() -> None:
    with pytest.raises(BadValue, match="was rounded by a spreadsheet"):
        converted("Legacy_ID", "1.23457E+17", key="Legacy_ID")
    assert converted("Legacy_ID", "A1.5E+11", key="Legacy_ID") == "A1.5E+11"


def test_an_update_by_id_wants_an_id() -> None:
    update = Converter(LEADS, "update", "id")
    assert update.convert({"id": " 42 ", "Last_Name": "Doe"}) == {"id": "42", "Last_Name": "Doe"}
    assert update.convert({"id": 42})["id"] == "42"
    with pytest.raises(BadValue, match="'L1' is not an id of Zoho"):
        update.convert({"id": "L1"})


def test_a_delete_keeps_the_key_alone() -> None:
    assert Converter(LEADS, "delete", "id").convert({"id": "42", "Whatever": object()}) == {"id": "42"}
    assert Converter(LEADS, "delete", "Legacy_ID").convert({"Legacy_ID": "L1", "Email": "x"}) == {
        "Legacy_ID": "L1"
    }


@pytest.mark.parametrize("record", [None, "text", ["a"], 5])
def test_what_is_no_record_is_told(record: Any) -> None:
    with pytest.raises(BadValue, match="transform returned") as bad:
        Converter(LEADS, "insert").convert(record)
    assert Told.of(bad.value).code == "NOT_A_RECORD"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (datetime(2024, 2, 29, 5), "2024-02-29 05:00:00"),
        (date(2024, 2, 29), "2024-02-29"),
        (Decimal("1.50"), "1.50"),
    ],
)
def test_values_are_shown_as_a_person_writes_them(value: Any, shown: str) -> None:
    assert refusal("Email_Opt_Out", value).value == shown


def test_the_value_that_is_shown_is_cut() -> None:
    assert len(refusal("Email", "x" * 5000).value) == 201


# ------------------------------------------------------------------------------------------ numbers and words


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (0.1 + 0.2, 0.3),
        (-0.1 - 0.2, -0.3),
        (1.5, 1.5),
        (19.99 * 3, 59.97),
        (12345678.123456789, 12345678.123456789),
    ],
)
def test_what_a_spreadsheet_reckons_is_sent_as_it_shows_it(given: float, sent: float) -> None:
    assert converted("Score", given) == sent


@pytest.mark.parametrize("given", [1 / 3, 0.12345678901, 1e-10, "0.12345678901", Decimal("0.12345678901")])
def test_more_than_nine_decimals_are_refused_however_they_came(given: object) -> None:
    assert refusal("Score", given).message == "more than 9 digits after the point; round it"


def test_a_float_of_more_digits_than_it_keeps_is_no_long_number() -> None:
    assert converted("Legacy_Number", 2.0**53 - 1) == "9007199254740991"
    assert "give it as text" in refusal("Legacy_Number", 123456789012345678.0).message
    assert "give it as text" in refusal("Legacy_Number", -(2.0**53)).message


@pytest.mark.parametrize("given", [[{"id": "5"}], [{"name": ""}], ["VIP", {"nam": "x"}]])
def test_a_tag_without_a_name_is_refused(given: object) -> None:
    assert 'a tag needs its name: "VIP"' in refusal("Tag", given).message


def test_a_pick_list_suggests_what_it_shows_and_never_nothing() -> None:
    assert refusal("Lead_Source", "None").message.endswith("it has Trade Show, Partner, Open")


@pytest.mark.parametrize("name", ["id", "Account", "Owner"])
def test_an_id_of_zohos_own_export_is_refused_with_how_to_write_it(name: str) -> None:
    told = refusal(name, "zcrm_4876876000000415001", "update")
    assert told.code == "INVALID_DATA"
    assert "zcrm_" in told.message
    [reason] = told.reasons
    in_a_mapping = '{ column = "COLUMN", split = "zcrm_", part = -1 }'
    assert reason.remedy == f"leave `zcrm_` away; in a mapping: {in_a_mapping}"


@pytest.mark.parametrize("operation", ["insert", "update", "upsert"])
def test_the_entry_for_nothing_chosen_leaves_a_pick_list_alone(operation: str) -> None:
    for value in ("-None-", " -None- "):
        assert converted("Lead_Source", value, operation) is ...
    for value in ("-None-", ["-None-"]):
        assert converted("Interests", value, operation) is ...
    assert converted("Lead_Source", Blank, "update") is None


def test_an_option_with_a_semicolon_in_a_cell_is_refused_with_how_to_write_it() -> None:
    options = field(
        "Kinds", "multiselectpicklist", json_type="jsonarray", pick_list=choices("Bolts; nuts", "Nails")
    )
    convert = Converter(module(options), "update").convert
    with pytest.raises(BadValue) as bad:
        convert({"Kinds": "Bolts; nuts;Nails"})
    [reason] = bad.value.reasons
    assert reason.remedy == 'write options that contain ";" as a JSON list: ["Bolts; nuts"]'
    assert convert({"Kinds": '["Bolts; nuts", "Nails"]'}) == {"Kinds": ["Bolts; nuts", "Nails"]}
    with pytest.raises(BadValue) as bad:
        convert({"Kinds": "Screws"})
    assert [one.remedy for one in bad.value.reasons] == [None]


def test_unused_entries_are_no_members_of_a_pick_list() -> None:
    entries = (*choices("Partner"), PickListValue("Old One", "Old One", used=False))
    fields = module(field("Source", "picklist", pick_list=entries))
    with pytest.raises(BadValue, match="'Old One' is not in the pick list; it has Partner"):
        Converter(fields, "insert").convert({"Source": "Old One"})


def test_text_for_a_lookup_is_told_how_a_mapping_refers_to_records() -> None:
    message = refusal("Account", "Acme").message
    assert (
        'in a mapping by ref (what zmigrate wrote) or find (what the org has), as in { ref = "Acc' in message
    )


def test_a_records_own_id_is_never_a_reference() -> None:
    message = refusal("id", "L1", "update", key="id").message
    assert message.endswith("up to 20 digits; to find records by another field, name that as the key")


def test_messages_name_what_was_given_as_an_author_writes_it() -> None:
    assert kind_of(Blank) == "Blank"
    assert kind_of(object()) == "an object"
    assert said_of(Blank) == "Blank"
