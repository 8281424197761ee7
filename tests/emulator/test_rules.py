"""What a record may hold: types, lengths, pick lists, lookups, mandatory and unique fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.zoho import Zoho, lead, only

REFUSED_VALUES: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("Leads", "Last_Name", 7, {"expected_data_type": "string"}),
    ("Leads", "Last_Name", "x" * 81, {"maximum_length": 80}),
    ("Leads", "Email", "no address", {"expected_data_type": "email"}),
    ("Leads", "Email", "a@" + "b" * 99 + ".de", {"maximum_length": 100}),
    ("Leads", "Phone", "call <me>", {"expected_data_type": "phone"}),
    ("Leads", "Phone", "1" * 31, {"maximum_length": 30}),
    ("Leads", "Website", "not a site", {"expected_data_type": "website"}),
    ("Leads", "No_of_Employees", "12", {"expected_data_type": "integer"}),
    ("Leads", "No_of_Employees", True, {"expected_data_type": "integer"}),
    ("Leads", "No_of_Employees", 1_000_000_000, {"maximum_length": 9}),
    ("Leads", "Legacy_Number", 12, {"expected_data_type": "bigint"}),
    ("Leads", "Legacy_Number", "1" * 19, {"maximum_length": 18}),
    ("Leads", "Annual_Revenue", "1.5", {"expected_data_type": "double"}),
    ("Leads", "Annual_Revenue", 1e17, {"maximum_length": 16}),
    ("Deals", "Probability", 123456, {"maximum_length": 3}),
    ("Leads", "First_Contact", "01.02.2020", {"expected_data_type": "date"}),
    ("Leads", "First_Contact", "2020-02-30", {"expected_data_type": "date"}),
    ("Leads", "Legacy_Created_Time", "2020-01-01T00:00:00", {"expected_data_type": "datetime"}),
    ("Leads", "Legacy_Created_Time", "2020-01-01T00:00:00.123+00:00", {"expected_data_type": "datetime"}),
    ("Leads", "Email_Opt_Out", "true", {"expected_data_type": "boolean"}),
    ("Leads", "Interests", "Software", {"expected_data_type": "jsonarray"}),
    ("Contacts", "Account_Name", "Firm", {"expected_data_type": "jsonobject"}),
    ("Contacts", "Account_Name", {"id": "1"}, {"id": "1"}),
    ("Leads", "Owner", {"id": "5545974000000999999"}, {"id": "5545974000000999999"}),
]
GOOD = {"Leads": lead(), "Contacts": {"Last_Name": "A"}, "Deals": {"Deal_Name": "D", "Stage": "Closed Won"}}


@pytest.mark.parametrize(("module", "field", "value", "details"), REFUSED_VALUES)
def test_a_value_of_the_wrong_kind_is_invalid_data_with_its_place(
    zoho: Zoho, module: str, field: str, value: Any, details: dict[str, Any]
) -> None:
    answer = zoho.insert([{**GOOD[module], field: value}], module)

    error = only(answer)
    assert answer.status_code == 400
    assert (error["code"], error["status"]) == ("INVALID_DATA", "error")
    path = f"$.data[0].{field}" + (".id" if "id" in details else "")
    assert error["details"] == {**details, "api_name": field, "json_path": path}


STORED_VALUES: list[tuple[str, Any, Any]] = [
    ("Last_Name", "Müller-Łuński", "Müller-Łuński"),
    ("Phone", "+27 (21) 555-0100 ext;2", "+27 (21) 555-0100 ext;2"),
    ("Website", "https://example.com/a?b=c", "https://example.com/a?b=c"),
    ("No_of_Employees", -12, -12),
    ("Legacy_Number", "00123456789012345", "00123456789012345"),
    ("Annual_Revenue", 1234.5, 1234.5),
    ("First_Contact", "2020-02-29", "2020-02-29"),
    ("Legacy_Created_Time", "2020-01-01T00:00:00+00:00", "2020-01-01T02:00:00+02:00"),
    ("Email_Opt_Out", False, False),
    ("Interests", ["Software", "Training"], ["Software", "Training"]),
    ("Lead_Source", "Cold Call", "Cold Call"),
    ("Description", "line one\nline two", "line one\nline two"),
    ("City", "", None),
    ("City", None, None),
    ("City", "  ", None),
    ("City", " Cape Town ", " Cape Town "),
]


@pytest.mark.parametrize(("field", "value", "stored"), STORED_VALUES)
def test_a_good_value_is_stored(zoho: Zoho, field: str, value: Any, stored: Any) -> None:
    (record_id,) = zoho.created([{**lead(), field: value}])

    assert zoho.record(record_id)[field] == stored


@pytest.mark.parametrize("value", [None, "", "  ", "\t\n"])
def test_a_mandatory_field_must_be_there_and_not_empty(zoho: Zoho, value: Any) -> None:
    absent = only(zoho.insert([{"Company": "Firm"}]))
    empty = only(zoho.insert([{"Last_Name": value}]))

    assert absent == {
        "code": "MANDATORY_NOT_FOUND",
        "details": {"api_name": "Last_Name", "json_path": "$.data[0].Last_Name"},
        "message": "required field not found",
        "status": "error",
    }
    assert empty == absent


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_mandatory_field_can_t_be_emptied(zoho: Zoho, value: Any) -> None:
    (record_id,) = zoho.created([lead(1)])

    error = only(zoho.update([{"id": record_id, "Last_Name": value}]))

    assert (error["code"], error["details"]["api_name"]) == ("MANDATORY_NOT_FOUND", "Last_Name")


def test_layout_mandatory_fields_count_only_with_a_layout(zoho: Zoho) -> None:
    layout = zoho.get("/settings/layouts", module="Leads").json()["layouts"][0]["id"]

    without = zoho.insert([{"Last_Name": "A"}])
    with_layout = zoho.insert([{"Last_Name": "B", "Layout": {"id": layout}}])

    assert without.status_code == 201
    assert only(with_layout)["details"]["api_name"] == "Company"


def test_a_taken_unique_value_names_the_record_that_has_it(zoho: Zoho) -> None:
    (record_id,) = zoho.created([lead(1, Legacy_ID="ab-1")])

    error = only(zoho.insert([lead(2, Legacy_ID="AB-1")]))

    assert (error["code"], error["message"]) == ("DUPLICATE_DATA", "duplicate data")
    assert error["details"]["api_name"] == "Legacy_ID"
    assert error["details"]["json_path"] == "$.data[0].Legacy_ID"
    assert error["details"]["duplicate_record"]["id"] == record_id
    assert error["details"]["duplicate_record"]["module"]["api_name"] == "Leads"
    assert set(error["details"]["duplicate_record"]["Owner"]) == {"name", "id", "zuid"}


def test_a_unique_field_may_regard_letter_case(zoho_with: Callable[..., Zoho]) -> None:
    zoho = zoho_with(legacy_case_sensitive=True)
    zoho.created([lead(1, Legacy_ID="ab-1")])

    assert zoho.insert([lead(2, Legacy_ID="AB-1")]).status_code == 201
    assert zoho.insert([lead(3, Legacy_ID="ab-1")]).status_code == 400


COMPOSED, DECOMPOSED = "Zo\u00eb", "Zoe\u0308"


@pytest.mark.parametrize("field", ["Legacy_ID", "Serial_Number"])
@pytest.mark.parametrize(
    ("there", "new"), [("ab-1", " ab-1\t"), (" ab-1", "ab-1"), (COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)]
)
def test_a_unique_field_regards_neither_blanks_around_a_value_nor_its_unicode_form(
    zoho: Zoho, field: str, there: str, new: str
) -> None:
    (record_id,) = zoho.created([{"Name": "A", field: there}], "Legacy_Assets")

    error = only(zoho.insert([{"Name": "B", field: new}], "Legacy_Assets"))

    assert (error["code"], error["details"]["api_name"]) == ("DUPLICATE_DATA", field)
    assert zoho.record(record_id, "Legacy_Assets")[field] == there


def test_a_unique_field_takes_its_own_value_written_otherwise(zoho: Zoho) -> None:
    (record_id,) = zoho.created([lead(1, Legacy_ID="ab-1")])

    assert zoho.update([{"id": record_id, "Legacy_ID": "AB-1 "}]).status_code == 200
    assert zoho.record(record_id)["Legacy_ID"] == "AB-1 "
    assert only(zoho.insert([lead(2, Legacy_ID="ab-1")]))["code"] == "DUPLICATE_DATA"


def test_blanks_are_no_value_that_could_be_taken(zoho: Zoho) -> None:
    assert zoho.insert([lead(1, Legacy_ID=" "), lead(2, Legacy_ID="  ")]).status_code == 201


def test_email_is_unique_only_by_option(zoho: Zoho, zoho_with: Callable[..., Zoho]) -> None:
    rows = [lead(1, Email="a@example.com"), lead(2, Email="A@example.com")]

    assert zoho.insert(rows).status_code == 201
    assert zoho_with(email_unique=True).insert(rows).status_code == 207


def test_two_rows_of_one_insert_with_one_key_make_one_record(zoho: Zoho) -> None:
    answer = zoho.insert([lead(1), lead(1)])

    assert answer.status_code == 207
    assert [one["code"] for one in answer.json()["data"]] == ["SUCCESS", "DUPLICATE_DATA"]


def test_values_of_deleted_records_are_free_unless_switched(zoho: Zoho) -> None:
    zoho.delete(zoho.created([lead(1)]))
    assert zoho.insert([lead(1)]).status_code == 201

    zoho.set(deleted_block_unique=True)
    zoho.delete(zoho.created([lead(2)]))

    assert only(zoho.insert([lead(2)]))["code"] == "DUPLICATE_DATA"


def test_several_errors_of_a_record_are_folded_into_one(zoho: Zoho) -> None:
    zoho.created([lead(1)])

    error = only(zoho.insert([{"Legacy_ID": "L-1", "Email": "bad", "Lead_Source": "Nowhere"}]))

    assert (error["code"], error["message"]) == ("MULTIPLE_OR_MULTI_ERRORS", "Multiple errors in the request")
    assert {(one["code"], one["details"]["api_name"]) for one in error["details"]["errors"]} == {
        ("INVALID_DATA", "Email"),
        ("INVALID_DATA", "Lead_Source"),
        ("MANDATORY_NOT_FOUND", "Last_Name"),
        ("DUPLICATE_DATA", "Legacy_ID"),
    }


def test_a_pick_list_is_strict_with_its_values_or_takes_or_drops_others(zoho: Zoho) -> None:
    row = {"Last_Name": "A", "Lead_Source": "Nowhere"}
    error = only(zoho.insert([row]))
    assert "Cold Call" in error["details"]["supported_values"]

    zoho.set(picklist="accept")
    (taken,) = zoho.created([row])
    zoho.set(picklist="drop")
    (dropped,) = zoho.created([row])

    assert zoho.record(taken)["Lead_Source"] == "Nowhere"
    assert zoho.record(dropped)["Lead_Source"] is None


def test_the_shown_word_of_a_pick_list_is_no_member(zoho: Zoho) -> None:
    assert zoho.insert([{"Name": "A", "Condition": "Open"}], "Legacy_Assets").status_code == 201
    assert zoho.insert([{"Name": "B", "Condition": "New"}], "Legacy_Assets").status_code == 400


@pytest.mark.parametrize(
    "field", ["Data_Quality", "Old_Fax_Number", "Full_Name", "Created_Time", "No_Such_Field"]
)
def test_values_that_zoho_does_not_store_are_dropped_with_success(zoho: Zoho, field: str) -> None:
    (record_id,) = zoho.created([lead(1, **{field: "lost"})])

    (stored,) = zoho.control("records/Leads", key="Legacy_ID", value="L-1")
    assert stored["id"] == record_id
    assert stored.get(field) != "lost"


def test_refusing_unknown_and_read_only_fields_are_switches(zoho: Zoho) -> None:
    zoho.set(unknown_field="refuse", readonly_field="refuse")

    unknown = only(zoho.insert([lead(1, No_Such_Field="x")]))
    read_only = only(zoho.insert([lead(1, Created_Time="2020-01-01T00:00:00+00:00")]))

    assert unknown["details"] == {"api_name": "No_Such_Field", "json_path": "$.data[0].No_Such_Field"}
    assert read_only["code"] == "INVALID_DATA"


def test_a_lookup_takes_the_id_of_a_record_that_is_there(zoho: Zoho) -> None:
    (account,) = zoho.created([{"Account_Name": "Firm"}], "Accounts")

    (contact,) = zoho.created([{"Last_Name": "A", "Account_Name": {"id": account}}], "Contacts")

    assert zoho.record(contact, "Contacts")["Account_Name"] == {"name": "Firm", "id": account}


def test_an_owner_must_be_active_unless_switched(zoho: Zoho) -> None:
    _, other, inactive, *_ = zoho.get("/users").json()["users"]

    (record_id,) = zoho.created([lead(1, Owner={"id": other["id"]})])
    assert zoho.record(record_id)["Owner"]["id"] == other["id"]
    assert zoho.insert([lead(2, Owner={"id": inactive["id"]})]).status_code == 400

    zoho.set(inactive_owner="accept")
    assert zoho.insert([lead(2, Owner={"id": inactive["id"]})]).status_code == 201
