"""Good and bad values of every data type, on the module that has nearly all of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.zoho import JsonObject, Zoho, only, whole_asset

GOOD: list[tuple[str, Any, Any]] = [
    # (field, value sent, value read)
    ("Remarks", "x" * 2000, "x" * 2000),
    ("Description", "x" * 32000, "x" * 32000),
    ("Condition_Report", "x" * 50000, "x" * 50000),
    ("Email", "o'neil+x@sub.example.co.za", "o'neil+x@sub.example.co.za"),
    ("Contact_Phone", "+1-555-0100", "+1-555-0100"),
    ("Manual_URL", "www.example.com", "www.example.com"),
    ("Units", 999_999_999, 999_999_999),
    ("Units", -1, -1),
    ("Barcode", "123456789012345678", "123456789012345678"),
    ("Weight", 250000.5, 250000.5),
    ("Weight", 7, 7),
    ("Weight", -1.234567891, -1.234567891),
    ("Weight", 1e-9, 1e-9),
    ("Weight", 2.5e-8, 2.5e-8),
    ("Purchase_Price", 1e15, 1e15),
    ("Purchase_Price", 1234567890123456.0, 1234567890123456.0),
    ("Purchase_Price", 9999999999999999, 9999999999999999),
    ("Depreciation", 99999, 99999),
    ("Purchase_Date", "2024-12-31", "2024-12-31"),
    ("Inspected_At", "2017-08-16T14:32:23+05:30", "2017-08-16T11:02:23+02:00"),
    ("Insured", False, False),
    ("Condition", "Scrap", "Scrap"),
    ("Condition", "-None-", None),
    ("Colours", ["GREEN"], ["GREEN"]),
    ("Colours", [], None),
    ("Tag", [{"name": "x" * 25}], "x" * 25),
    ("Tag", [], []),
]


@pytest.mark.parametrize(("field", "sent", "read"), GOOD)
def test_a_good_value_is_taken(zoho: Zoho, field: str, sent: Any, read: Any) -> None:
    (record_id,) = zoho.created([{"Name": "A", field: sent}], "Legacy_Assets")

    shown = zoho.record(record_id, "Legacy_Assets")[field]

    assert (shown[0]["name"] if field == "Tag" and shown else shown) == read


BAD: list[tuple[str, Any, JsonObject]] = [
    # (field, value, what the details say besides api_name and json_path)
    ("Remarks", "x" * 2001, {"maximum_length": 2000}),
    ("Description", "x" * 32001, {"maximum_length": 32000}),
    ("Condition_Report", "x" * 50001, {"maximum_length": 50000}),
    ("Email", "nobody@nowhere", {"expected_data_type": "email"}),
    ("Email", 7, {"expected_data_type": "email"}),
    ("Contact_Phone", "ask <her>", {"expected_data_type": "phone"}),
    ("Manual_URL", "somewhere", {"expected_data_type": "website"}),
    ("Units", 1.5, {"expected_data_type": "integer"}),
    ("Units", 1_000_000_000, {"maximum_length": 9}),
    ("Barcode", 12345, {"expected_data_type": "bigint"}),
    ("Barcode", "12 345", {"expected_data_type": "bigint"}),
    ("Weight", "1.5", {"expected_data_type": "double"}),
    ("Weight", 10**16, {"maximum_length": 16}),
    ("Weight", 1.2345678901, {"maximum_length": 9}),
    ("Weight", 1e-10, {"maximum_length": 9}),
    ("Purchase_Price", -0.1234567891, {"maximum_length": 9}),
    ("Depreciation", 0.0000000001, {"maximum_length": 9}),
    ("Purchase_Price", "1 999.99", {"expected_data_type": "double"}),
    ("Depreciation", 100_000, {"maximum_length": 5}),
    ("Depreciation", "12%", {"expected_data_type": "double"}),
    ("Purchase_Date", "31/12/2024", {"expected_data_type": "date"}),
    ("Inspected_At", "2024-12-31 10:00", {"expected_data_type": "datetime"}),
    # In the org's offset it is in the year 10000.
    ("Inspected_At", "9999-12-31T23:30:00Z", {"expected_data_type": "datetime"}),
    ("Insured", "yes", {"expected_data_type": "boolean"}),
    ("Insured", 1, {"expected_data_type": "boolean"}),
    ("Condition", 3, {"expected_data_type": "string"}),
    ("Condition", "Broken", {"supported_values": ["-None-", "Open", "Used", "Scrap"]}),
    ("Condition", "Hired Out", {"supported_values": ["-None-", "Open", "Used", "Scrap"]}),
    ("Colours", "RED", {"expected_data_type": "jsonarray"}),
    ("Colours", ["Red"], {"supported_values": ["RED", "GREEN", "BLUE"]}),
    ("Account", "Firm", {"expected_data_type": "jsonobject"}),
    ("Caretaker", "Tom Okafor", {"expected_data_type": "jsonobject"}),
    ("Used_By", {"id": "1"}, {"expected_data_type": "jsonarray"}),
    ("Reviewers", "Tom Okafor", {"expected_data_type": "jsonarray"}),
    ("Service_Log", {"Service_Date": "2024-01-01"}, {"expected_data_type": "jsonarray"}),
    ("Documents", "file.pdf", {"expected_data_type": "jsonarray"}),
    ("Tag", "old", {"expected_data_type": "jsonarray"}),
    ("Layout", "Standard", {"expected_data_type": "jsonobject"}),
]


@pytest.mark.parametrize(("field", "value", "details"), BAD)
def test_a_bad_value_refuses_the_row(zoho: Zoho, field: str, value: Any, details: JsonObject) -> None:
    error = only(zoho.insert([{"Name": "A", field: value}], "Legacy_Assets"))

    where = {"api_name": field, "json_path": f"$.data[0].{field}"}
    assert (error["code"], error["message"]) == ("INVALID_DATA", "invalid data")
    assert error["details"] == {**details, **where}


UNKNOWN = "5545974000000777777"


@pytest.mark.parametrize("field", ["Account", "Caretaker", "Owner", "Layout"])
def test_an_id_of_nothing_is_refused_with_the_place_of_the_id(zoho: Zoho, field: str) -> None:
    error = only(zoho.insert([{"Name": "A", field: {"id": UNKNOWN}}], "Legacy_Assets"))

    assert (error["code"], error["message"]) == ("INVALID_DATA", "the id given seems to be invalid")
    assert error["details"] == {
        "id": UNKNOWN,
        "api_name": field,
        "json_path": f"$.data[0].{field}.id",
    }


@pytest.mark.parametrize("field", ["Account", "Used_By", "Caretaker", "Reviewers", "Owner"])
def test_an_id_with_a_zero_before_it_names_nothing(zoho: Zoho, field: str) -> None:
    value = whole_asset(zoho)[field]
    wrapped = value[0][field] if isinstance(value, list) else value
    wrapped["id"] = "0" + wrapped["id"]

    error = only(zoho.insert([{"Name": "A", field: value}], "Legacy_Assets"))

    assert (error["code"], error["message"]) == ("INVALID_DATA", "the id given seems to be invalid")


def test_the_id_of_a_record_of_another_module_is_no_lookup(zoho: Zoho) -> None:
    (contact,) = zoho.created([{"Last_Name": "A"}], "Contacts")

    assert zoho.insert([{"Name": "A", "Account": {"id": contact}}], "Legacy_Assets").status_code == 400


def test_a_record_with_a_value_of_every_type_is_taken_and_read_again(zoho: Zoho) -> None:
    sent = whole_asset(zoho)
    (record_id,) = zoho.created([sent], "Legacy_Assets")

    read = zoho.record(record_id, "Legacy_Assets")

    plain = {name for name, value in sent.items() if not isinstance(value, dict | list)} - {"Inspected_At"}
    assert {name: read[name] for name in plain} == {name: sent[name] for name in plain}
    assert (read["Account"]["name"], read["Account"]["id"]) == ("Firm", sent["Account"]["id"])
    assert read["Caretaker"] == {"name": "Tom Okafor", "id": sent["Caretaker"]["id"]}
    assert read["Owner"]["email"] == "tom.okafor@example.com"


def test_computed_values_are_dropped_with_success(zoho: Zoho) -> None:
    row = {"Name": "A", "Asset_Number": "mine", "Data_Quality": "good"}
    first, second = zoho.created([row, row], "Legacy_Assets")
    (account,) = zoho.created([{"Account_Name": "A", "Open_Deals": 7}], "Accounts")

    assert zoho.record(first, "Legacy_Assets")["Asset_Number"] == "LA-1001"
    assert zoho.record(second, "Legacy_Assets")["Asset_Number"] == "LA-1002"
    assert zoho.record(second, "Legacy_Assets")["Data_Quality"] is None
    assert zoho.record(account, "Accounts")["Open_Deals"] is None


def test_a_layout_makes_its_mandatory_fields_count_on_insert_and_update(zoho: Zoho) -> None:
    layout = {"id": zoho.get("/settings/layouts", module="Branches").json()["layouts"][0]["id"]}
    (account,) = zoho.created([{"Account_Name": "A"}], "Accounts")
    row = {"Name": "North", "Account": {"id": account}}

    refused = only(zoho.insert([{**row, "Layout": layout}], "Branches"))
    (branch,) = zoho.created([{**row, "Layout": layout, "City": "Cape Town"}], "Branches")
    blanked = only(zoho.update([{"id": branch, "City": None, "Layout": layout}], "Branches"))

    for error in (refused, blanked):
        assert (error["code"], error["details"]["api_name"]) == ("MANDATORY_NOT_FOUND", "City")
    assert only(zoho.update([{"id": branch, "City": None}], "Branches"))["code"] == "SUCCESS"


def test_a_parent_may_be_mandatory(zoho: Zoho) -> None:
    error = only(zoho.insert([{"Name": "North"}], "Branches"))

    assert (error["code"], error["details"]["api_name"]) == ("MANDATORY_NOT_FOUND", "Account")


def test_units_have_parents_among_themselves(zoho: Zoho) -> None:
    (root,) = zoho.created([{"Name": "Group"}], "Org_Units")
    (team,) = zoho.created([{"Name": "Team", "Parent_Unit": {"id": root}}], "Org_Units")

    assert zoho.record(team, "Org_Units")["Parent_Unit"] == {"name": "Group", "id": root}
    assert zoho.record(root, "Org_Units")["Parent_Unit"] is None


def test_a_list_shows_no_rows_of_rows_and_cuts_rich_text(zoho: Zoho) -> None:
    zoho.created([whole_asset(zoho, Condition_Report="x" * 600)], "Legacy_Assets")
    names = "Name,Condition_Report,Account,Service_Log,Used_By,Reviewers,Photos,Documents,Tag,Owner"

    (row,) = zoho.get("/Legacy_Assets", fields=names).json()["data"]

    assert set(row) == {"id", "Name", "Condition_Report", "Account", "Tag", "Owner"}
    assert row["Condition_Report"] == "x" * 500
    assert row["Account"]["name"] == "Firm"
    assert row["Tag"][0]["name"] == "old"
    assert row["Owner"]["email"] == "tom.okafor@example.com"
