"""A test gives the emulator whole answers about fields; its modules become as they say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from tests.emulator.zoho import MODULES, JsonObject, Zoho, only
from tests.zoho.fields_answers import ANSWERS, FieldsAnswer
from zmigrate.emulator import BadValue, Emulator, Options

BY_NAME = {answer.name: answer for answer in ANSWERS}
each_answer = pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.name)


@contextmanager
def given(*names: str) -> Iterator[Zoho]:
    """An emulator whose modules are as these answers say."""
    answers = {BY_NAME[name].module: BY_NAME[name].read() for name in names}
    with Emulator(Options(), fields=answers) as emulator, closing(Zoho(emulator)) as zoho:
        zoho.login()
        yield zoho
        assert zoho.control("stats")["broken"] == []


def codes(result: JsonObject) -> set[tuple[str, str]]:
    """Code and field of each error of a refused row."""
    errors = result["details"].get("errors") or [result]
    return {(one["code"], one["details"]["json_path"].removeprefix("$.data[0].")) for one in errors}


@each_answer
def test_given_fields_are_served_as_they_were_given(zoho: Zoho, answer: FieldsAnswer) -> None:
    entries = answer.read()["fields"]
    zoho.act(f"fields/{answer.module}", {"fields": entries})

    def names(**params: str) -> set[str]:
        got = zoho.get("/settings/fields", module=answer.module, **params)
        return {one["api_name"] for one in got.json()["fields"]} if got.status_code == 200 else set()

    assert zoho.get("/settings/fields", module=answer.module, type="all").json() == {"fields": entries}
    assert names(type="unused") == answer.unused
    assert names() == answer.fields.keys() - answer.unused
    one = entries[0]
    shown = zoho.get(f"/settings/fields/{one['id']}", module=answer.module).json()
    assert shown == {"fields": [one]}


@pytest.mark.parametrize("module", [*MODULES, "Notes"])
def test_what_an_emulator_answers_can_be_given_to_another(zoho: Zoho, module: str) -> None:
    def fields(org: Zoho) -> JsonObject:
        return org.get("/settings/fields", module=module, type="all").json()  # type: ignore[no-any-return]  # JSON

    answer = fields(zoho)
    with Emulator(Options(), fields={module: answer}) as emulator, closing(Zoho(emulator)) as other:
        other.login()

        assert fields(other) == answer
        refused = (only(each.insert([{"Legacy_ID": "x"}], module)) for each in (zoho, other))
        assert len({repr(sorted(codes(one))) for one in refused}) == 1


@each_answer
def test_a_given_module_asks_for_its_mandatory_fields(zoho: Zoho, answer: FieldsAnswer) -> None:
    zoho.act(f"fields/{answer.module}", answer.read())
    kind = zoho.get(f"/settings/modules/{answer.module}").json()["modules"][0]["generated_type"]
    result = only(zoho.insert([{}], answer.module))
    asked = {("MANDATORY_NOT_FOUND", name) for name in answer.mandatory}

    assert kind in ("default", "custom")
    assert (codes(result) if result["status"] == "error" else set()) == asked


def test_values_of_read_only_fields_are_dropped_also_where_only_one_write_takes_them() -> None:
    with given("v8_leads") as zoho:
        row = {
            "Last_Name": "A",
            "Nur_Aenderung": "new",
            "Freigabe": True,
            "Created_Time": "2001-01-01T00:00:00Z",
        }
        (record,) = zoho.created([row])
        created = zoho.record(record)
        zoho.update([{"id": record, "Nur_Aenderung": "changed", "Freigabe": False}])
        changed = zoho.record(record)

    assert (created["Nur_Aenderung"], created["Freigabe"]) == (None, True)
    assert (changed["Nur_Aenderung"], changed["Freigabe"]) == ("changed", True)
    assert not created["Created_Time"].startswith("2001")


def test_rules_come_from_what_was_given() -> None:
    with given("v2_leads") as zoho:
        zoho.created([{"Last_Name": "A", "Email": "a@example.com", "Altsystem_Nr": "17"}])
        bad = {"Last_Name": "x" * 200, "Altsystem_Nr": "17", "Email": "A@example.com"}
        result = only(zoho.insert([bad]))

    # The address in other letters is another one: that field regards letter case.
    assert codes(result) == {("INVALID_DATA", "Last_Name"), ("DUPLICATE_DATA", "Altsystem_Nr")}


def test_a_pick_list_has_the_given_values() -> None:
    with given("v4_deals") as zoho:
        fields = BY_NAME["v4_deals"].fields
        used = [
            one["actual_value"]
            for one in fields["Stage"]["pick_list_values"]
            if one["actual_value"] != "-None-"
        ]
        good = only(zoho.insert([{"Deal_Name": "A", "Stage": used[0]}], "Deals"))
        bad = only(zoho.insert([{"Deal_Name": "B", "Stage": "nowhere"}], "Deals"))

    assert (good["code"], bad["code"], bad["details"]["api_name"]) == ("SUCCESS", "INVALID_DATA", "Stage")


def test_a_given_subform_has_its_own_given_fields() -> None:
    with given("v6_quotes", "v6_quoted_items") as zoho:
        (product,) = zoho.created([{"Product_Name": "Bolt"}], "Products")
        item = {"Product_Name": {"id": product}, "Quantity": 2}
        quote = {"Subject": "Roof", "Quoted_Items": [item]}
        (record,) = zoho.created([quote], "Quotes")
        lacking = only(zoho.insert([{**quote, "Quoted_Items": [{"Quantity": 2}]}], "Quotes"))
        kind = zoho.get("/settings/modules/Quoted_Items").json()["modules"][0]["generated_type"]
        rows = zoho.record(record, "Quotes")["Quoted_Items"]

    assert kind == "subform"
    assert (rows[0]["Product_Name"]["name"], rows[0]["Quantity"]) == ("Bolt", 2)
    assert codes(lacking) == {("MANDATORY_NOT_FOUND", "Quoted_Items[0].Product_Name")}


@pytest.mark.parametrize("order", [("v6_quotes", "v6_quoted_items"), ("v6_quoted_items", "v6_quotes")])
def test_the_rows_of_a_subform_may_be_given_before_or_after_it(order: tuple[str, str]) -> None:
    with given(*order) as zoho:
        answer = zoho.get("/settings/fields", module="Quoted_Items", type="all").json()

        assert answer == BY_NAME["v6_quoted_items"].read()
        assert zoho.get("/Quoted_Items", fields="id").json()["code"] == "INVALID_MODULE"


def test_a_module_that_a_given_lookup_names_is_there() -> None:
    with given("v5_products") as zoho:
        (vendor,) = zoho.created([{"Vendor_Name": "Smith"}], "Vendors")
        (product,) = zoho.created([{"Product_Name": "Bolt", "Lieferant": {"id": vendor}}], "Products")
        unknown = only(zoho.insert([{"Product_Name": "Nut", "Lieferant": {"id": "12"}}], "Products"))

        assert zoho.record(product, "Products")["Lieferant"] == {"name": "Smith", "id": vendor}
        assert codes(unknown) == {("INVALID_DATA", "Lieferant.id")}


def test_a_given_lookup_to_users_names_users_and_makes_no_module(zoho: Zoho) -> None:
    target = {"module": {"api_name": "users", "id": "1"}}
    visitor = {"api_name": "Visitor", "data_type": "lookup", "json_type": "jsonobject", "lookup": target}
    name = {"api_name": "Name", "data_type": "text", "json_type": "string", "length": 100}
    may = {"operation_type": {"api_create": True, "api_update": True}}
    zoho.act("fields/Visits", {"fields": [{**name, **may}, {**visitor, **may}]})
    user = zoho.get("/users", type="CurrentUser").json()["users"][0]

    (visit,) = zoho.created([{"Name": "A", "Visitor": {"id": user["id"]}}], "Visits")
    unknown = only(zoho.insert([{"Name": "B", "Visitor": {"id": "1"}}], "Visits"))

    assert zoho.record(visit, "Visits")["Visitor"]["id"] == user["id"]
    assert unknown["code"] == "INVALID_DATA"
    modules = {one["api_name"].lower() for one in zoho.get("/settings/modules").json()["modules"]}
    assert "visits" in modules
    assert "users" not in modules


def test_given_links_wrap_each_id_in_the_lookup_of_the_linking_module() -> None:
    with given("v3_contacts") as zoho:
        (product,) = zoho.created([{"Product_Name": "Bolt"}], "Products")
        (person,) = zoho.created(
            [{"Last_Name": "A", "Interessen": [{"Interessen": {"id": product}}]}], "Contacts"
        )
        bare = only(zoho.insert([{"Last_Name": "B", "Interessen": [{"id": product}]}], "Contacts"))

        assert zoho.record(person, "Contacts")["Interessen"][0]["Interessen"]["name"] == "Bolt"
        assert bare["code"] == "INVALID_DATA"


def test_a_given_encrypted_field_is_no_criterion() -> None:
    with given("v3_contacts") as zoho:
        answer = zoho.query("select id from Contacts where Geheim = 'x'")

        assert answer.json()["code"] == "INVALID_QUERY"


def test_given_fields_are_there_again_after_a_reset_but_not_those_given_later(zoho: Zoho) -> None:
    zoho.act("fields/Baustellen", BY_NAME["v7_baustellen"].read())
    zoho.act("reset")
    zoho.login()
    assert zoho.get("/settings/fields", module="Baustellen").json()["code"] == "INVALID_MODULE"

    with given("v7_baustellen") as fresh:
        fresh.act("reset")
        fresh.login()
        assert (
            fresh.get("/settings/fields", module="Baustellen", type="all").json()
            == BY_NAME["v7_baustellen"].read()
        )


def test_a_module_with_records_keeps_its_fields(zoho: Zoho) -> None:
    zoho.created([{"Last_Name": "A"}])

    answer = zoho.http.post("/_emulator/fields/Leads", json=BY_NAME["v2_leads"].read())

    assert answer.status_code == 400
    assert "Leads" in answer.json()["error"]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"fields": []},
        {"fields": [{"data_type": "text"}]},
        {"fields": ["Last_Name"]},
        {"fields": [{"api_name": "a b"}]},
        [],
    ],
)
def test_what_is_no_answer_about_fields_is_refused(answer: Any) -> None:
    with pytest.raises(BadValue, match="Leads"):
        Emulator(Options(), fields={"Leads": answer})
