"""Org, users, modules, layouts, fields."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.emulator.zoho import Zoho

MODULES = ["Leads", "Contacts", "Accounts", "Deals", "Products", "Tasks", "Legacy_Assets"]
MODULES += ["Events", "Calls", "Org_Units", "Branches"]
HIDDEN = {
    "Deals_X_Products": "linking",
    "Legacy_Assets_X_Contacts": "linking",
    "Legacy_Assets_X_Users": "linking",
    "Service_Log": "subform",
}
"""Modules that hold only rows of other modules' records."""


def fields_of(zoho: Zoho, module: str, **params: Any) -> dict[str, Any]:
    answer = zoho.get("/settings/fields", module=module, **params)
    assert answer.status_code == 200, answer.text
    return {field["api_name"]: field for field in answer.json()["fields"]}


def test_the_orgs_zgid_is_the_soids_digits(zoho: Zoho) -> None:
    org = zoho.get("/org").json()["org"][0]

    assert f"ZohoCRM.{org['zgid']}" == zoho.emulator.soid
    assert re.fullmatch(r"\d{18,19}", org["id"])
    assert (org["type"], org["license_details"]["paid_type"]) == ("sandbox", "enterprise")


@pytest.mark.parametrize("kind", ["production", "developer", "bigin"])
def test_the_orgs_type_is_an_option(zoho: Zoho, kind: str) -> None:
    zoho.set(org_type=kind)

    assert zoho.get("/org").json()["org"][0]["type"] == kind


def test_an_org_may_have_no_type(zoho: Zoho) -> None:
    zoho.set(org_type="absent")

    assert "type" not in zoho.get("/org").json()["org"][0]


def test_an_org_may_name_another_zgid_and_id_than_the_soid(zoho: Zoho) -> None:
    before = zoho.get("/org").json()["org"][0]
    zoho.set(wrong_zgid=True)
    after = zoho.get("/org").json()["org"][0]

    assert f"ZohoCRM.{after['zgid']}" != zoho.emulator.soid
    assert after["id"] != before["id"]


def test_the_current_user_is_who_creates(zoho: Zoho) -> None:
    (user,) = zoho.get("/users", type="CurrentUser").json()["users"]
    answer = zoho.insert([{"Last_Name": "A"}])

    assert answer.json()["data"][0]["details"]["Created_By"] == {"name": user["full_name"], "id": user["id"]}


def test_modules_are_listed_with_their_kind(zoho: Zoho) -> None:
    modules = zoho.get("/settings/modules").json()["modules"]
    kinds = {module["api_name"]: module["generated_type"] for module in modules}

    assert kinds.keys() == {*MODULES, *HIDDEN}
    assert {name for name, kind in kinds.items() if kind == "custom"} == {
        "Legacy_Assets",
        "Org_Units",
        "Branches",
    }
    assert {name: kind for name, kind in kinds.items() if kind in ("linking", "subform")} == HIDDEN
    assert {module["api_name"] for module in modules if module["creatable"]} == set(MODULES)
    assert zoho.get("/settings/modules/Deals").json()["modules"] == [modules[3]]
    assert zoho.get("/settings/modules/Nope").json()["code"] == "INVALID_MODULE"


def test_modules_are_listed_by_status(zoho: Zoho) -> None:
    everything = zoho.get("/settings/modules").json()

    assert zoho.get("/settings/modules", status="visible,user_hidden").json() == everything
    assert zoho.get("/settings/modules", status="user_hidden").status_code == 204
    assert zoho.get("/settings/modules", status="gone").json()["code"] == "INVALID_DATA"


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_unique_external_legacy_id_and_a_key_that_is_not_unique(
    zoho: Zoho, module: str
) -> None:
    fields = fields_of(zoho, module)

    # Zoho has no external fields in Calls.
    external = None if module == "Calls" else {"show": False, "type": "org"}
    assert fields["Legacy_ID"]["unique"] == {"case_sensitive": False}
    assert fields["Legacy_ID"]["external"] == external
    assert fields["Old_System_Ref"]["unique"] == {}
    assert fields["Old_System_Ref"]["external"] is None


def test_at_most_two_fields_of_a_module_are_unique(zoho: Zoho) -> None:
    for module in MODULES:
        unique = [name for name, field in fields_of(zoho, module).items() if field["unique"]]
        assert len(unique) <= 2, module


def test_a_field_on_no_layout_is_only_among_the_unused_and_all(zoho: Zoho) -> None:
    used = fields_of(zoho, "Leads")
    unused = fields_of(zoho, "Leads", type="unused")

    assert "Old_Fax_Number" not in used
    assert list(unused) == ["Old_Fax_Number"]
    assert fields_of(zoho, "Leads", type="all").keys() == used.keys() | unused.keys()


def test_operation_type_tells_what_the_api_may_write(zoho: Zoho) -> None:
    fields = fields_of(zoho, "Leads")
    writable = {name for name, field in fields.items() if field["operation_type"]["api_create"]}

    assert {"Last_Name", "Owner", "Lead_Source", "Layout"} <= writable
    assert not {"Created_Time", "Modified_By", "Full_Name", "Data_Quality"} & writable


def test_fields_describe_type_length_pick_list_and_lookup(zoho: Zoho) -> None:
    fields = fields_of(zoho, "Contacts")

    assert (fields["Last_Name"]["length"], fields["Last_Name"]["system_mandatory"]) == (80, True)
    assert (fields["Email"]["data_type"], fields["Email"]["length"]) == ("email", 100)
    assert (fields["Account_Name"]["json_type"], fields["Account_Name"]["lookup"]["module"]["api_name"]) == (
        "jsonobject",
        "Accounts",
    )
    assert fields["Lead_Source"]["pick_list_values"][0]["actual_value"] == "-None-"
    assert fields["Description"]["textarea"] == {"type": "large"}


def test_a_pick_list_may_show_another_word_than_it_stores(zoho: Zoho) -> None:
    values = fields_of(zoho, "Legacy_Assets")["Condition"]["pick_list_values"]

    assert [(one["actual_value"], one["display_value"]) for one in values][1] == ("Open", "New")


def test_one_field_is_found_by_id(zoho: Zoho) -> None:
    wanted = fields_of(zoho, "Leads")["Email"]

    assert zoho.get(f"/settings/fields/{wanted['id']}", module="Leads").json() == {"fields": [wanted]}
    assert zoho.get("/settings/fields/1", module="Leads").status_code == 400


def test_fields_need_a_module_that_exists(zoho: Zoho) -> None:
    missing = zoho.get("/settings/fields")
    unknown = zoho.get("/settings/fields", module="Nope")

    assert missing.json()["code"] == "REQUIRED_PARAM_MISSING"
    assert missing.json()["details"] == {"param_name": "module"}
    assert (unknown.status_code, unknown.json()["code"]) == (400, "INVALID_MODULE")


def test_the_layout_holds_the_flags_of_layout_mandatory_fields(zoho: Zoho) -> None:
    (layout,) = zoho.get("/settings/layouts", module="Leads").json()["layouts"]
    fields = {field["api_name"]: field for field in layout["sections"][0]["fields"]}

    assert fields["Company"]["required"]
    assert not fields["Company"]["system_mandatory"]
    assert "Old_Fax_Number" not in fields
    assert zoho.get(f"/settings/layouts/{layout['id']}", module="Leads").json() == {"layouts": [layout]}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/crm/v8/settings/nothing", 404, "INVALID_URL_PATTERN"),
        ("GET", "/crm/v8/Leads/1/2/3", 404, "INVALID_URL_PATTERN"),
        ("GET", "/nowhere", 404, "INVALID_URL_PATTERN"),
        ("POST", "/crm/v8/org", 400, "INVALID_REQUEST_METHOD"),
        ("PATCH", "/crm/v8/Leads", 400, "INVALID_REQUEST_METHOD"),
        ("GET", "/crm/v7/org", 400, "API_NOT_SUPPORTED"),
        ("GET", "/crm/v8/Nope?fields=id", 400, "INVALID_MODULE"),
    ],
)
def test_wrong_urls_and_methods_are_named(zoho: Zoho, method: str, path: str, status: int, code: str) -> None:
    answer = zoho.http.request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
