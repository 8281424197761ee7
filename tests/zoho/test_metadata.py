from __future__ import annotations

from typing import Any

import pytest

from zmigrate.zoho.metadata import Field, Layout, read_field, read_fields, read_layouts, read_org


def field(**raw: Any) -> Field:
    return read_field({"api_name": "X", "data_type": "text", **raw}, on_layout=True)


@pytest.mark.parametrize(
    ("unique", "expected"),
    [
        ({}, (False, False)),
        (None, (False, False)),
        ({"case_sensitive": True}, (True, True)),
        ({"case_sensitive": False}, (True, False)),
        ({"casesensitive": True}, (True, True)),
        ({"casesensitive": "1"}, (True, True)),
        ({"casesensitive": "true"}, (True, True)),
        ({"case_sensitive": 1}, (True, True)),
        ({"casesensitive": "0"}, (True, False)),
        ({"case_sensitive": None}, (True, False)),
        (True, (True, False)),
        ("1", (True, False)),
        (False, (False, False)),
        ("false", (False, False)),
    ],
)
def test_an_empty_unique_is_not_unique(unique: object, expected: tuple[bool, bool]) -> None:
    read = field(unique=unique)

    assert (read.unique, read.case_sensitive) == expected


@pytest.mark.parametrize(
    ("raw", "writable"),
    [
        ({}, (True, True)),
        ({"operation_type": {"api_create": True, "api_update": False}}, (True, False)),
        ({"operation_type": {"api_create": False, "api_update": False}, "read_only": False}, (False, False)),
        ({"read_only": True}, (False, False)),
        ({"field_read_only": True}, (False, False)),
        (
            {"data_type": "formula", "operation_type": {"api_create": True, "api_update": True}},
            (False, False),
        ),
        ({"data_type": "autonumber"}, (False, False)),
        ({"virtual_field": True}, (False, False)),
        ({"view_type": {"create": False, "edit": False}}, (False, False)),
        ({"view_type": {"create": True, "edit": False}}, (True, True)),
    ],
)
def test_what_the_api_may_write(raw: dict[str, Any], writable: tuple[bool, bool]) -> None:
    read = field(**raw)

    assert (read.creatable, read.updatable) == writable


NO_OPERATION = {"web_create": False, "web_update": False, "api_create": False, "api_update": False}


@pytest.mark.parametrize(
    ("raw", "writable"),
    [
        ({"view_type": {"create": True, "edit": True}}, (True, True)),
        ({"view_type": {"create": True, "edit": False}}, (True, False)),
        ({"view_type": {"create": False, "edit": False}}, (False, False)),
        ({"view_type": {"create": True, "edit": True}, "read_only": True}, (False, False)),
        ({"view_type": {"create": True, "edit": True}, "field_read_only": True}, (False, False)),
        ({}, (True, True)),
    ],
)
def test_a_subform_is_writable_if_its_view_is_whatever_its_operations_say(
    raw: dict[str, Any], writable: tuple[bool, bool]
) -> None:
    read = field(data_type="subform", virtual_field=True, operation_type=NO_OPERATION, **raw)

    assert (read.creatable, read.updatable) == writable


def test_tags_are_writable_although_no_form_shows_them() -> None:
    view, operations = {"create": False, "edit": False}, {"api_create": True, "api_update": True}
    tag, other = (field(api_name=name, view_type=view, operation_type=operations) for name in ("Tag", "Tags"))

    assert (tag.creatable, tag.updatable) == (True, True)
    assert (other.creatable, other.updatable) == (False, False)


@pytest.mark.parametrize("name", ["Call_Duration", "Participants", "Pricing_Details"])
def test_a_field_that_only_some_records_must_have_is_not_mandatory(name: str) -> None:
    assert not field(api_name=name, system_mandatory=True).mandatory
    assert field(api_name="Call_Start_Time", system_mandatory=True).mandatory


def test_a_field_with_a_crypt_is_encrypted() -> None:
    assert field(crypt={"mode": "encryption", "column": "C_1", "status": 1}).encrypted
    assert not field(crypt=None).encrypted
    assert not field(crypt={}).encrypted


def test_a_field_that_says_that_it_is_used_is_used_whatever_list_it_came_in() -> None:
    unused = [{"api_name": name, **said} for name, said in (("A", {"type": "used"}), ("B", {}))]
    every = [{"api_name": "C", "type": "unused"}, {"api_name": "D", "type": "used"}, {"api_name": "E"}]

    read = read_fields("Leads", {"fields": every}, {"fields": unused})

    assert {each.api_name: each.on_layout for each in read} == {
        "A": True,
        "B": False,
        "C": False,
        "D": True,
        "E": True,
    }


def test_a_layout_says_how_many_rows_its_subforms_take() -> None:
    rows = {"api_name": "Service_Log", "data_type": "subform"}
    sections = [
        {"properties": None, "fields": [{"api_name": "Name", "data_type": "text"}]},
        {"properties": {"maximum_rows": 25}, "fields": [rows]},
        {"properties": {"maximum_rows": None}, "fields": [{**rows, "api_name": "Parts"}]},
    ]

    (layout,) = read_layouts({"layouts": [{"id": "1", "name": "Standard", "sections": sections}]})

    assert layout.most_rows == (("Service_Log", 25),)


def test_the_edition_of_an_org_on_trial_is_that_of_the_trial() -> None:
    free = {"paid": False, "paid_type": "free", "users_license_purchased": 3}
    tried = read_org({"org": [{"license_details": {**free, "trial_type": "enterprise"}}]})
    left = read_org({"org": [{"license_details": {**free, "trial_type": None}}]})
    paid = {**free, "paid": True, "paid_type": "standard", "trial_type": "enterprise"}

    assert (tried.edition, tried.credit_allowance) == ("enterprise", 53_000)
    assert left.edition == "free"
    assert read_org({"org": [{"license_details": paid}]}).edition == "standard"


def test_a_field_is_read_whole() -> None:
    read = field(
        api_name="Stage",
        field_label="Stage",
        data_type="picklist",
        json_type="string",
        length=120,
        decimal_place=None,
        system_mandatory=True,
        external={"type": "org", "show": False},
        lookup={"module": {"api_name": "Accounts", "id": "1"}},
        pick_list_values=[
            {"actual_value": "Open", "display_value": "New", "type": "used"},
            {"display_value": "Old", "type": "unused"},
        ],
    )

    assert (read.mandatory, read.length, read.external, read.lookup_module) == (True, 120, "org", "Accounts")
    assert [(value.actual, value.display, value.used) for value in read.pick_list] == [
        ("Open", "New", True),
        ("Old", "Old", False),
    ]


def test_a_multi_select_lookup_tells_its_module_and_the_lookup_that_wraps_each_id() -> None:
    raw = {
        "linking_module": {"api_name": "Deals_X_Products", "id": "7"},
        "lookup_apiname": "Related_Deals",
        "connected_module": {"api_name": "Products", "id": "8"},
        "connectedlookup_apiname": "Related_Product",
    }
    several = field(data_type="multiselectlookup", virtual_field=True, multiselectlookup=raw)
    users = field(
        data_type="multiuserlookup", multiselectlookup={}, multiuserlookup={**raw, "connected_module": None}
    )

    assert (several.lookup_module, several.connected_lookup) == ("Products", "Related_Product")
    assert several.creatable
    assert (users.lookup_module, users.connected_lookup) == (None, "Related_Product")
    assert (field().lookup_module, field().connected_lookup) == (None, None)


def test_a_lookup_to_several_modules_names_them() -> None:
    modules = [{"api_name": "Accounts", "id": "1"}, {"api_name": "Deals", "id": "2"}]

    read = field(data_type="lookup", lookup={"module": ""}, multi_module_lookup={"modules": modules})

    assert (read.lookup_module, read.lookup_modules) == (None, {"Accounts", "Deals"})


@pytest.mark.parametrize(
    "raw",
    [
        {"subform": {"module": "Service_Log", "id": "1"}},
        {"subform": {}, "associated_module": {"module": "Service_Log", "id": "1"}},
        {"associated_module": {"api_name": "Service_Log"}},
    ],
)
def test_a_subform_tells_the_module_of_its_rows(raw: dict[str, Any]) -> None:
    assert field(data_type="subform", virtual_field=True, **raw).subform_module == "Service_Log"
    assert field().subform_module is None


def test_a_text_area_tells_its_kind_and_a_field_whether_it_is_seen() -> None:
    assert field(data_type="textarea", textarea={"type": "rich_text"}).textarea_kind == "rich_text"
    assert field().textarea_kind is None
    assert (field().visible, field(visible=False).visible) == (True, False)


def test_layouts_tell_which_fields_they_want_filled() -> None:
    fields = [{"api_name": "A", "required": True}, {"api_name": "B", "required": False}, {"api_name": "C"}]
    answer = {
        "layouts": [
            {"id": "1", "name": "Standard", "sections": [{"fields": fields}, {"fields": []}, {}]},
            {"id": "2", "name": "Old", "status": "inactive", "sections": [{"fields": fields}]},
        ]
    }

    assert read_layouts(answer) == (Layout("1", "Standard", ("A",)),)
    assert read_layouts({}) == ()


def test_fields_on_no_layout_are_marked_whether_or_not_the_other_list_has_them() -> None:
    every = {"fields": [{"api_name": "A"}, {"api_name": "B"}]}
    unused = {"fields": [{"api_name": "B"}, {"api_name": "C"}]}

    read = read_fields("Leads", every, unused)

    assert {one.api_name: one.on_layout for one in read} == {"A": True, "B": False, "C": False}
    assert read.get("missing") is None
    assert len(read) == 3


@pytest.mark.parametrize(
    ("type_", "sandbox", "production"),
    [
        ("production", False, True),
        ("Production", False, True),
        ("SANDBOX", True, False),
        ("developer", False, False),
        ("bigin", False, True),
        (None, False, True),
    ],
)
def test_an_org_counts_as_production_unless_it_says_otherwise(
    type_: str | None, sandbox: bool, production: bool
) -> None:
    org = read_org({"org": [{"id": "1", "type": type_}]})

    assert (org.sandbox, org.production) == (sandbox, production)


@pytest.mark.parametrize(
    ("soid", "known", "names_it"),
    [
        ("ZohoCRM.222", {"zgid": "222"}, True),
        ("222", {"zgid": "222"}, True),
        ("ZohoCRM.222", {"zgid": 222}, True),
        ("ZohoCRM.333", {"zgid": "222"}, False),
        ("ZohoCRM.", {"zgid": "222"}, False),
        pytest.param("ZohoCRM.111", {"zgid": "222"}, False, id="the org's id is no zgid"),
        pytest.param("ZohoCRM.222", {"domain_name": "org222"}, True, id="the domain name has the zgid"),
        pytest.param("ZohoCRM.333", {"domain_name": "org222"}, False, id="and tells another org"),
        pytest.param("ZohoCRM.111", {}, True, id="without a zgid the id is taken"),
        pytest.param("ZohoCRM.333", {"domain_name": "acme"}, None, id="and nothing else can be told"),
    ],
)
def test_the_digits_of_a_soid_are_the_orgs_zgid(
    soid: str, known: dict[str, object], names_it: bool | None
) -> None:
    org = read_org({"org": [{"id": "111", "company_name": "Acme", **known}]})

    assert org.answers_to(soid) is names_it


@pytest.mark.parametrize("odd", [["text"], {"name": "text"}, 5])
def test_a_data_type_that_is_no_text_is_read_as_text(odd: object) -> None:
    field = read_field({"api_name": "Odd", "data_type": odd, "json_type": odd}, on_layout=True)

    assert (field.data_type, field.json_type, field.creatable) == (str(odd), str(odd), True)


def test_the_allowance_comes_from_edition_and_users() -> None:
    details = {"paid_type": "professional", "users_license_purchased": 4}

    assert read_org({"org": [{"id": "1", "license_details": details}]}).credit_allowance == 52_000
    assert read_org({"org": [{"id": "1"}]}).credit_allowance is None
