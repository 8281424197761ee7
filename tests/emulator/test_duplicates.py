"""Duplicates: held against another module too, and the ways in which DUPLICATE_DATA names a record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.zoho import JsonObject, Zoho, lead, only

PREFERENCE = "/settings/duplicate_check_preference"
CONTACT = {"Last_Name": "Person", "Legacy_ID": "L-1", "Email": "a@example.com"}


def mapped(zoho: Zoho) -> str:
    """Leads are checked against Contacts; gives the id of the contact L-1."""
    zoho.set(duplicate_check="mapped_module_records")
    return zoho.created([CONTACT], "Contacts")[0]


def duplicate(answer: Any) -> JsonObject:
    """The details of the one element, which is refused as a duplicate."""
    assert (answer.status_code, only(answer)["code"]) == (400, "DUPLICATE_DATA")
    details: JsonObject = only(answer)["details"]
    return details


def legacy_id_of(zoho: Zoho, module: str) -> str:
    """The id of a module's field Legacy_ID."""
    fields = zoho.get("/settings/fields", module=module).json()["fields"]
    return next(str(field["id"]) for field in fields if field["api_name"] == "Legacy_ID")


def audited(zoho: Zoho, module: str = "Leads") -> tuple[int, list[Any]]:
    audit = zoho.control("audit", module=module)
    return audit["creates"], audit["created_twice"]


def test_leads_are_checked_against_leads_alone_by_default(zoho: Zoho) -> None:
    zoho.created([CONTACT], "Contacts")

    assert zoho.insert([lead(1)]).status_code == 201
    assert zoho.get(PREFERENCE, module="Leads").status_code == 204


def test_a_lead_is_held_against_contacts_by_a_mapped_unique_field(zoho: Zoho) -> None:
    contact = mapped(zoho)

    details = duplicate(zoho.insert([lead(1)]))

    assert details["duplicate_record"]["id"] == contact
    assert details["duplicate_record"]["module"]["api_name"] == "Contacts"
    assert (details["api_name"], details["json_path"]) == ("Legacy_ID", "$.data[0].Legacy_ID")
    assert details["more_records"] is False
    assert audited(zoho) == (0, [])


def test_an_upsert_finds_leads_alone_and_is_held_against_contacts_all_the_same(zoho: Zoho) -> None:
    mapped(zoho)

    details = duplicate(zoho.upsert([lead(1)], duplicate_check_fields=["Legacy_ID"]))

    assert details["duplicate_record"]["module"]["api_name"] == "Contacts"


def test_contacts_are_not_held_against_leads(zoho: Zoho) -> None:
    zoho.set(duplicate_check="mapped_module_records")
    zoho.created([lead(1)])

    assert zoho.insert([CONTACT], "Contacts").status_code == 201


def test_an_update_is_held_against_contacts_for_what_it_changes(zoho: Zoho) -> None:
    first, second = zoho.created([lead(1), lead(2)])
    mapped(zoho)

    same = zoho.update([{"id": first, "Legacy_ID": "L-1", "City": "Durban"}])
    other = zoho.update([{"id": second, "Legacy_ID": "L-1"}])

    assert same.status_code == 200
    assert duplicate(other)["more_records"] is True


def test_a_value_that_a_lead_and_a_contact_have_names_the_lead_and_says_there_is_more(zoho: Zoho) -> None:
    (first,) = zoho.created([lead(1)])
    mapped(zoho)

    details = duplicate(zoho.insert([lead(1)]))

    assert details["duplicate_record"]["id"] == first
    assert details["duplicate_record"]["module"]["api_name"] == "Leads"
    assert details["more_records"] is True
    assert audited(zoho) == (1, [])


def test_two_records_of_the_module_with_the_value_are_more_records_too(zoho: Zoho) -> None:
    zoho.act("records/Leads", {"data": [{"Legacy_ID": "L-1"}, {"Legacy_ID": "l-1"}]})

    assert duplicate(zoho.insert([lead(1)]))["more_records"] is True


@pytest.mark.parametrize("unique", [True, False])
def test_email_is_mapped_only_where_it_is_unique(zoho_with: Callable[..., Zoho], unique: bool) -> None:
    zoho = zoho_with(email_unique=unique)
    mapped(zoho)

    answer = zoho.insert([lead(2, Email="A@example.com")])
    (configuration,) = zoho.get(PREFERENCE, module="Leads").json()["duplicate_check_preference"][
        "type_configurations"
    ]

    names = [pair["current_field"]["api_name"] for pair in configuration["field_mappings"]]
    assert (answer.status_code, "Email" in names) == ((400, True) if unique else (201, False))
    assert "Legacy_ID" in names


def test_the_preference_names_the_fields_of_both_modules(zoho: Zoho) -> None:
    zoho.set(duplicate_check="mapped_module_records")

    preference = zoho.get(PREFERENCE, module="Leads").json()["duplicate_check_preference"]

    ids = {module: legacy_id_of(zoho, module) for module in ("Leads", "Contacts")}
    (configuration,) = preference["type_configurations"]
    assert preference["type"] == "mapped_module_records"
    assert configuration["mapped_module"]["api_name"] == "Contacts"
    assert configuration["field_mappings"] == [
        {
            "current_field": {"api_name": "Legacy_ID", "name": "Leads", "id": ids["Leads"]},
            "mapped_field": {"api_name": "Legacy_ID", "name": "Contacts", "id": ids["Contacts"]},
        }
    ]


@pytest.mark.parametrize("preference", ["own", "converted_records"])
def test_a_converted_lead_holds_its_values_only_by_preference(zoho: Zoho, preference: str) -> None:
    ids = zoho.created([lead(1)])
    zoho.act("convert/Leads", {"ids": ids})
    zoho.set(duplicate_check=preference)

    answer = zoho.insert([lead(1)])

    if preference == "own":
        assert answer.status_code == 201
    else:
        assert duplicate(answer)["duplicate_record"]["id"] == ids[0]


def test_a_converted_lead_is_listed_on_request_and_found_by_its_id_alone(zoho: Zoho) -> None:
    (converted, other) = zoho.created([lead(1), lead(2)])
    zoho.act("convert/Leads", {"ids": [converted]})

    listed = {
        wanted: [one["id"] for one in zoho.get("/Leads", fields="id", converted=wanted).json()["data"]]
        for wanted in ("true", "false", "both")
    }

    assert listed == {"true": [converted], "false": [other], "both": [other, converted]}
    assert [one["id"] for one in zoho.get("/Leads", fields="id").json()["data"]] == [other]
    assert zoho.query("select id from Leads where Legacy_ID = 'L-1'").status_code == 204
    assert zoho.record(converted)["$converted"] is True
    assert zoho.record(other)["$converted"] is False


def test_a_converted_lead_takes_no_update_and_no_upsert_finds_it(zoho: Zoho) -> None:
    (converted,) = zoho.created([lead(1)])
    zoho.act("convert/Leads", {"ids": [converted]})

    updated = zoho.update([{"id": converted, "City": "Durban"}])
    upserted = zoho.upsert([lead(1)], duplicate_check_fields=["Legacy_ID"])

    assert (updated.status_code, only(updated)["code"]) == (400, "CONVERTED_RECORD")
    assert (upserted.status_code, only(upserted)["action"]) == (200, "insert")


def test_the_preference_for_converted_leads_has_no_mapping(zoho: Zoho) -> None:
    zoho.set(duplicate_check="converted_records")

    assert zoho.get(PREFERENCE, module="Leads").json() == {
        "duplicate_check_preference": {"type": "converted_records", "type_configurations": []}
    }


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "REQUIRED_PARAM_MISSING"),
        ({"module": "Nope"}, "INVALID_MODULE"),
        ({"module": "Contacts"}, "NOT_SUPPORTED"),
    ],
)
def test_the_preference_is_one_of_leads(zoho: Zoho, params: dict[str, str], code: str) -> None:
    answer = zoho.get(PREFERENCE, **params)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["details"] == {"param_name": "module"}


def test_the_preference_has_a_scope_of_its_own(zoho: Zoho) -> None:
    zoho.login("ZohoCRM.settings.fields.READ")
    assert zoho.get(PREFERENCE, module="Leads").json()["code"] == "OAUTH_SCOPE_MISMATCH"

    zoho.login("ZohoCRM.settings.duplicate_check_preference.READ")

    assert zoho.get(PREFERENCE, module="Leads").status_code == 204


def details_in_shape(zoho: Zoho, shape: str) -> tuple[Any, str]:
    """The details of a duplicate in this shape, and the id of the record that has the value."""
    (record_id,) = zoho.created([lead(1)])
    zoho.set(duplicate_shape=shape)
    answer = zoho.insert([lead(1)])
    assert only(answer)["code"] == "DUPLICATE_DATA"
    return only(answer)["details"], record_id


def test_the_record_may_come_without_its_module_and_with_the_id_beside_it(zoho: Zoho) -> None:
    details, record_id = details_in_shape(zoho, "record_without_module")

    assert (details["id"], details["duplicate_record"]["id"]) == (record_id, record_id)
    assert set(details["duplicate_record"]) == {"id", "Owner"}


def test_the_id_may_stand_alone(zoho: Zoho) -> None:
    details, record_id = details_in_shape(zoho, "id")

    assert details["id"] == record_id
    assert "duplicate_record" not in details


def test_ids_may_be_numbers(zoho: Zoho) -> None:
    details, record_id = details_in_shape(zoho, "number")

    record = details["duplicate_record"]
    assert record["id"] == int(record_id)
    assert isinstance(record["module"]["id"], int)
    assert isinstance(record["Owner"]["id"], int)


def test_no_id_may_come(zoho: Zoho) -> None:
    details, record_id = details_in_shape(zoho, "none")

    assert details["api_name"] == "Legacy_ID"
    assert record_id not in str(details)


@pytest.mark.parametrize(("shape", "kind"), [("text", str), ("list", list)])
def test_details_may_be_a_text_or_a_list(zoho: Zoho, shape: str, kind: type) -> None:
    details, _ = details_in_shape(zoho, shape)

    assert isinstance(details, kind)
    assert audited(zoho) == (1, [])
