"""Org, users, modules, layouts, fields."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.emulator.zoho import HIDDEN, MODULES, Zoho


def fields_of(zoho: Zoho, module: str, **params: Any) -> dict[str, Any]:
    answer = zoho.get("/settings/fields", module=module, **params)
    assert answer.status_code == 200, answer.text
    return {field["api_name"]: field for field in answer.json()["fields"]}


def test_the_orgs_zgid_is_the_soids_digits(zoho: Zoho) -> None:
    org = zoho.get("/org").json()["org"][0]

    assert f"ZohoCRM.{org['zgid']}" == zoho.emulator.soid
    assert re.fullmatch(r"\d{8,11}", org["zgid"])
    assert re.fullmatch(r"\d{19}", org["id"])
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

    assert kinds.keys() == {*MODULES, "Notes", *HIDDEN}
    assert {name for name, kind in kinds.items() if kind == "custom"} == {
        "Legacy_Assets",
        "Org_Units",
        "Branches",
    }
    assert {name: kind for name, kind in kinds.items() if kind in ("linking", "subform")} == HIDDEN
    assert {module["api_name"] for module in modules if module["creatable"]} == {*MODULES, "Notes"}
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


def test_links_name_the_linking_module_and_both_its_lookups(zoho: Zoho) -> None:
    products = fields_of(zoho, "Deals")["Related_Products"]
    reviewers = fields_of(zoho, "Legacy_Assets")["Reviewers"]
    linking = fields_of(zoho, "Deals_X_Products")

    described = products["multiselectlookup"]
    assert (products["data_type"], products["json_type"]) == ("multiselectlookup", "jsonarray")
    assert (described["linking_module"]["api_name"], described["connected_module"]["api_name"]) == (
        "Deals_X_Products",
        "Products",
    )
    assert linking[described["lookup_apiname"]]["lookup"]["module"]["api_name"] == "Deals"
    assert linking[described["connectedlookup_apiname"]]["lookup"]["module"]["api_name"] == "Products"
    assert products["multiuserlookup"] == reviewers["multiselectlookup"] == {}
    assert reviewers["multiuserlookup"]["connected_module"] is None
    assert reviewers["multiuserlookup"]["connectedlookup_apiname"] == "Reviewers"


def test_a_subform_names_the_module_whose_fields_are_its_columns(zoho: Zoho) -> None:
    subform = fields_of(zoho, "Legacy_Assets")["Service_Log"]
    columns = fields_of(zoho, subform["subform"]["module"])

    assert subform["associated_module"] == subform["subform"]
    assert subform["virtual_field"]
    assert columns["Service_Date"]["system_mandatory"]
    assert not columns["Parent_Id"]["operation_type"]["api_create"]
    (module,) = zoho.get(f"/settings/modules/{subform['subform']['module']}").json()["modules"]
    assert (module["generated_type"], module["id"]) == ("subform", subform["subform"]["id"])


def test_one_module_has_nearly_every_data_type(zoho: Zoho) -> None:
    fields = fields_of(zoho, "Legacy_Assets")

    assert {field["data_type"] for field in fields.values()} == {
        *("text", "textarea", "email", "phone", "website", "integer", "bigint", "double", "currency"),
        *("percent", "date", "datetime", "boolean", "picklist", "multiselectpicklist", "lookup", "layout"),
        *("ownerlookup", "userlookup", "multiselectlookup", "multiuserlookup", "subform"),
        *("fileupload", "imageupload", "autonumber", "formula"),
    }
    areas = {name: f["textarea"]["type"] for name, f in fields.items() if f["data_type"] == "textarea"}
    assert areas == {"Remarks": "small", "Description": "large", "Condition_Report": "rich_text"}
    assert fields["Weight"]["decimal_place"] == 3
    assert fields["Asset_Number"]["auto_number"]["prefix"] == "LA-"
    assert (fields["Tag"]["data_type"], fields["Tag"]["json_type"]) == ("text", "jsonarray")


def test_the_lookup_of_what_a_task_is_about_reaches_many_modules(zoho: Zoho) -> None:
    for module in ("Tasks", "Events", "Calls"):
        fields = fields_of(zoho, module)
        assert fields["What_Id"]["lookup"]["module"]["api_name"] == "se_module"
        assert fields["Who_Id"]["lookup"]["module"]["api_name"] == "Contacts"


def test_a_lookup_names_its_module_by_name_and_id(zoho: Zoho) -> None:
    modules = {one["api_name"]: one["id"] for one in zoho.get("/settings/modules").json()["modules"]}

    assert fields_of(zoho, "Deals")["Product_Link"]["lookup"]["module"] == {
        "api_name": "Products",
        "id": modules["Products"],
    }
    assert fields_of(zoho, "Branches")["Account"]["system_mandatory"]
    assert not fields_of(zoho, "Org_Units")["Parent_Unit"]["system_mandatory"]


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


def test_a_pick_list_tells_which_values_are_out_of_use(zoho: Zoho) -> None:
    values = fields_of(zoho, "Legacy_Assets")["Condition"]["pick_list_values"]

    assert [one["actual_value"] for one in values if one["type"] == "unused"] == ["Hired Out"]


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


def test_a_layout_shows_each_subform_in_a_section_of_its_own(zoho: Zoho) -> None:
    (layout,) = zoho.get("/settings/layouts", module="Legacy_Assets").json()["layouts"]
    main, rows = layout["sections"]

    assert (main["isSubformSection"], rows["isSubformSection"]) == (False, True)
    assert [field["api_name"] for field in rows["fields"]] == ["Service_Log"]
    assert rows["properties"]["maximum_rows"] == 100
    condition = next(field for field in main["fields"] if field["api_name"] == "Condition")
    assert [one["display_value"] for one in condition["pick_list_values"]] == [
        "-None-",
        "New",
        "Used",
        "Scrap",
        "Hired Out",
    ]


def test_a_layouts_flags_hold_for_every_module(zoho: Zoho) -> None:
    for module, wanted in (
        ("Branches", {"Name", "Account", "City"}),
        ("Deals", {"Deal_Name", "Stage", "Closing_Date"}),
    ):
        (layout,) = zoho.get("/settings/layouts", module=module).json()["layouts"]
        required = {field["api_name"] for field in layout["sections"][0]["fields"] if field["required"]}
        assert required == wanted


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
