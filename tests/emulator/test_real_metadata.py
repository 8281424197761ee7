"""The emulator describes itself as real orgs do, also where their flags mislead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.zoho import JsonObject, Zoho, only

CALL = {"Subject": "Ring", "Call_Start_Time": "2024-01-01T10:00:00+00:00"}
PRICE = {"from_range": 1, "to_range": 9, "discount": 5}
TAX = {"id": "5545974000000021003", "value": "Vat - 0.8 %"}
SERVICE_ROW = {"Service_Date": "2024-01-01"}


def field_of(zoho: Zoho, module: str, name: str) -> JsonObject:
    fields = zoho.get("/settings/fields", module=module, type="all").json()["fields"]
    (found,) = [one for one in fields if one["api_name"] == name]
    return found  # type: ignore[no-any-return]  # JSON


def flags(field: JsonObject) -> tuple[set[bool], bool, bool]:
    """What `operation_type` and `view_type` say: all values, and whether create and edit are shown."""
    return set(field["operation_type"].values()), field["view_type"]["create"], field["view_type"]["edit"]


def test_a_subform_says_by_view_type_that_it_is_written_and_not_by_operation_type(zoho: Zoho) -> None:
    subform = field_of(zoho, "Legacy_Assets", "Service_Log")
    (record,) = zoho.created([{"Name": "Lathe", "Service_Log": [SERVICE_ROW]}], "Legacy_Assets")

    assert flags(subform) == ({False}, True, True)
    assert (subform["virtual_field"], subform["read_only"], subform["field_read_only"]) == (
        True,
        False,
        False,
    )
    assert len(zoho.record(record, "Legacy_Assets")["Service_Log"]) == 1


def test_tags_are_written_though_no_page_takes_them(zoho: Zoho) -> None:
    (record,) = zoho.created([{"Last_Name": "A", "Tag": [{"name": "old"}]}])

    assert flags(field_of(zoho, "Leads", "Tag")) == ({True}, False, False)
    assert [tag["name"] for tag in zoho.record(record)["Tag"]] == ["old"]


@pytest.mark.parametrize("name", ["Created_Time", "Modified_Time", "Created_By", "Modified_By"])
def test_no_api_keeps_who_made_a_record_and_when(zoho: Zoho, name: str) -> None:
    field = field_of(zoho, "Leads", name)

    assert flags(field) == ({False}, False, False)
    assert (field["read_only"], field["field_read_only"]) == (False, False)


def test_a_record_write_sets_no_territories(zoho: Zoho) -> None:
    (record,) = zoho.created([{"Last_Name": "A", "Territories": [{"id": "12"}]}])
    field = field_of(zoho, "Leads", "Territories")

    assert not field["operation_type"]["api_create"]
    assert not field["operation_type"]["api_update"]
    assert not zoho.record(record)["Territories"]


@pytest.mark.parametrize(
    ("spelling", "plain", "exact"),
    [
        ("case_sensitive", {"case_sensitive": False}, {"case_sensitive": True}),
        ("casesensitive", {"casesensitive": "0"}, {"casesensitive": "1"}),
    ],
)
def test_uniqueness_is_spelt_in_two_ways(
    zoho: Zoho, spelling: str, plain: JsonObject, exact: JsonObject
) -> None:
    zoho.set(unique_spelling=spelling)

    assert field_of(zoho, "Legacy_Assets", "Legacy_ID")["unique"] == plain
    assert field_of(zoho, "Legacy_Assets", "Serial_Number")["unique"] == exact
    assert field_of(zoho, "Legacy_Assets", "Name")["unique"] == {}


@pytest.mark.parametrize(
    ("kind", "test", "status"),
    [
        ("text", "= '4111'", 400),
        ("text", "in ('4111')", 400),
        ("text", "like '4%'", 400),
        ("text", "is not null", 200),
        ("integer", "= 4111", 200),
        ("integer", "!= 5", 200),
        ("integer", "> 5", 400),
    ],
)
def test_a_query_compares_no_encrypted_text(zoho: Zoho, kind: str, test: str, status: int) -> None:
    zoho.act("fields/Leads", {"api_name": "Secret", "data_type": kind, "encrypted": True})
    zoho.created([{"Last_Name": "A", "Secret": "4111" if kind == "text" else 4111}])

    answer = zoho.query(f"select Secret from Leads where Secret {test}")

    assert field_of(zoho, "Leads", "Secret")["crypt"] == {"mode": "encryption", "status": 1}
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["code"] == "INVALID_QUERY"
        assert answer.json()["details"] == {"column_name": "Secret"}


def appointment(zoho: Zoho, **more: Any) -> JsonObject:
    (contact,) = zoho.created([{"Last_Name": "Person"}], "Contacts")
    (service,) = zoho.created([{"Service_Name": "Repair"}], "Services__s")
    return {
        "Appointment_Name": "Repair",
        "Appointment_For": {"id": contact, "module": {"api_name": "Contacts"}},
        "Service_Name": {"id": service},
        "Appointment_Start_Time": "2030-01-01T10:00:00+00:00",
        **more,
    }


def test_a_lookup_to_several_modules_lists_them_and_its_value_names_one(zoho: Zoho) -> None:
    field = field_of(zoho, "Appointments__s", "Appointment_For")
    (record,) = zoho.created([appointment(zoho)], "Appointments__s")

    assert (field["data_type"], field["json_type"], field["lookup"]) == (
        "multi_module_lookup",
        "jsonobject",
        {},
    )
    assert [one["api_name"] for one in field["multi_module_lookup"]["modules"]] == ["Contacts", "Leads"]
    value = zoho.record(record, "Appointments__s")["Appointment_For"]
    assert (value["name"], value["module"]["api_name"]) == ("Person", "Contacts")


@pytest.mark.parametrize(
    ("module", "code", "place"),
    [
        (None, "MANDATORY_NOT_FOUND", ".module"),
        ({"api_name": "Accounts"}, "INVALID_DATA", ".module"),
        ({"api_name": "Leads"}, "INVALID_DATA", ".id"),
    ],
)
def test_a_lookup_to_several_modules_needs_the_module_of_its_record(
    zoho: Zoho, module: Any, code: str, place: str
) -> None:
    row = appointment(zoho)
    row["Appointment_For"] = {"id": row["Appointment_For"]["id"], "module": module}

    error = only(zoho.insert([row], "Appointments__s"))

    assert (error["code"], error["details"]["json_path"]) == (code, f"$.data[0].Appointment_For{place}")


@pytest.mark.parametrize(("module", "code"), [("Accounts", "SUCCESS"), (None, "MANDATORY_NOT_FOUND")])
def test_a_notes_parent_needs_its_module(zoho: Zoho, module: str | None, code: str) -> None:
    (firm,) = zoho.created([{"Account_Name": "Firm"}], "Accounts")
    parent = {"id": firm, "module": {"api_name": module}}

    answer = only(zoho.insert([{"Note_Title": "Call", "Parent_Id": parent}], "Notes"))

    assert answer["code"] == code
    if module:
        shown = zoho.record(answer["details"]["id"], "Notes")["Parent_Id"]
        assert (shown["id"], shown["name"], shown["module"]["api_name"]) == (firm, "Firm", module)


@pytest.mark.parametrize(
    ("module", "name", "row", "value"),
    [
        ("Price_Books", "Pricing_Details", {"Price_Book_Name": "2024"}, [PRICE]),
        ("Products", "Tax", {"Product_Name": "Bolt"}, [TAX]),
        ("Leads", "Wizard", {"Last_Name": "A"}, {"id": "5545974000000021007", "name": "Intake"}),
    ],
)
def test_some_fields_take_another_shape_than_their_type_says(
    zoho: Zoho, module: str, name: str, row: JsonObject, value: Any
) -> None:
    with_value, without = zoho.created([{**row, name: value}, row], module)

    assert zoho.record(with_value, module)[name] == value
    assert zoho.record(without, module)[name] is None
    assert only(zoho.insert([{**row, name: "text"}], module))["code"] == "INVALID_DATA"


def test_such_values_can_be_seeded_and_queries_stand_them(zoho: Zoho) -> None:
    wizard = {"id": "5545974000000021007", "name": "Intake"}
    zoho.act("records/Leads", {"data": [{"Last_Name": "A", "Wizard": wizard}]})
    zoho.act("records/Products", {"data": [{"Product_Name": "Bolt", "Tax": [TAX]}]})
    zoho.act("records/Price_Books", {"data": [{"Price_Book_Name": "2024", "Pricing_Details": [PRICE]}]})

    (row,) = zoho.query("select Wizard from Leads where Wizard = 5545974000000021007").json()["data"]
    assert row["Wizard"] == wizard["id"]
    for module, name in (("Products", "Tax"), ("Price_Books", "Pricing_Details")):
        answer = zoho.query(f"select {name} from {module} where id is not null")
        assert answer.json()["code"] == "INVALID_QUERY"


def test_an_org_may_not_take_tags_in_a_record(zoho: Zoho) -> None:
    zoho.set(tags="drop")
    (record,) = zoho.created([{"Last_Name": "A", "Tag": [{"name": "old"}]}])

    assert zoho.record(record)["Tag"] == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Call_Type": "Inbound"}, "MANDATORY_NOT_FOUND"),
        ({"Call_Type": "Outbound", "Outbound_Call_Status": "Completed"}, "MANDATORY_NOT_FOUND"),
        ({"Call_Type": "Outbound", "Outbound_Call_Status": "Scheduled"}, "SUCCESS"),
        ({"Call_Type": "Missed"}, "SUCCESS"),
        ({"Call_Type": "Inbound", "Call_Duration": "05:00"}, "SUCCESS"),
    ],
)
def test_only_a_finished_call_needs_its_duration(zoho: Zoho, changes: JsonObject, code: str) -> None:
    assert field_of(zoho, "Calls", "Call_Duration")["system_mandatory"]
    assert only(zoho.insert([{**CALL, **changes}], "Calls"))["code"] == code


def test_a_subform_has_at_most_the_rows_that_its_layout_says(zoho: Zoho) -> None:
    subform = {"api_name": "Repairs", "data_type": "subform", "subform": "Service_Log", "max_rows": 25}
    zoho.act("fields/Legacy_Assets", subform)

    (layout,) = zoho.get("/settings/layouts", module="Legacy_Assets").json()["layouts"]
    limits = {
        one["name"]: one["properties"]["maximum_rows"] for one in layout["sections"] if one["properties"]
    }
    good = only(zoho.insert([{"Name": "A", "Repairs": [SERVICE_ROW] * 25}], "Legacy_Assets"))
    bad = only(zoho.insert([{"Name": "A", "Repairs": [SERVICE_ROW] * 26}], "Legacy_Assets"))

    assert limits == {"Service Log": 100, "Repairs": 25}
    assert (good["code"], bad["code"], bad["details"]["limit"]) == ("SUCCESS", "LIMIT_EXCEEDED", 25)


def test_all_subforms_of_a_record_have_at_most_200_rows_together(zoho: Zoho) -> None:
    for name in ("Repairs", "Checks"):
        zoho.act("fields/Legacy_Assets", {"api_name": name, "data_type": "subform", "subform": "Service_Log"})
    hundred = [SERVICE_ROW] * 100
    row = {"Name": "A", "Service_Log": hundred, "Repairs": hundred}
    (record,) = zoho.created([row], "Legacy_Assets")

    more = only(zoho.update([{"id": record, "Checks": [SERVICE_ROW]}], "Legacy_Assets"))

    assert (more["code"], more["details"]["limit"]) == ("LIMIT_EXCEEDED", 200)


def test_an_org_may_be_on_trial(zoho: Zoho) -> None:
    zoho.set(trial=True, edition="enterprise", users_purchased=3)

    shown = zoho.get("/org").json()["org"][0]["license_details"]

    assert (shown["paid"], shown["paid_type"], shown["trial_type"]) == (False, "free", "enterprise")
    assert shown["users_license_purchased"] == 3


def test_scopes_of_system_modules_have_no_suffix(zoho_with: Callable[..., Zoho]) -> None:
    zoho = zoho_with()
    row = {"Service_Name": "Repair"}

    zoho.login("ZohoCRM.modules.services.CREATE")
    assert only(zoho.insert([row], "Services__s"))["code"] == "SUCCESS"
    zoho.login("ZohoCRM.modules.custom.CREATE")
    assert zoho.insert([row], "Services__s").json()["code"] == "OAUTH_SCOPE_MISMATCH"
