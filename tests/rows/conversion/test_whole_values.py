"""Objects and lists that an author gives whole, and lookups that name their record's module."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.rows.fields import LEADS, field, module
from tests.rows.refusals import Told
from zmigrate.job.references import Find, Ref
from zmigrate.rows.conversion.converter import BadValue, Converter
from zmigrate.zoho.metadata import ModuleFields

NOTES = module(
    field("Note_Title"),
    field("Parent_Id", "lookup", names_module=True),
    name="Notes",
)
APPOINTMENTS = module(
    field(
        "Appointment_For",
        "multi_module_lookup",
        json_type="jsonobject",
        names_module=True,
        lookup_modules=frozenset({"Contacts", "Leads"}),
    ),
    field(
        "Only_For",
        "multi_module_lookup",
        json_type="jsonobject",
        names_module=True,
        lookup_modules=frozenset({"Contacts"}),
    ),
    name="Appointments__s",
)
WHOLE = module(
    field("Tag", json_type="jsonarray"),
    field("Pricing_Details", json_type="jsonarray"),
    field("Tax", "multiselectpicklist", json_type="jsonarray"),
    field("Wizard", "bigint"),
    field("Participants", "bigint", json_type="jsonarray"),
    field("Legacy_Number", "bigint", custom=True),
    name="Products",
)
RANGES = [
    {"from_range": 1, "to_range": 10, "discount": 2.5},
    {"from_range": 11, "to_range": 20, "discount": 5},
]
TAXES = [{"id": "425248000000098001", "value": "VAT - 19.0 %"}]
WIZARD = {"name": "Intake", "id": "425248000000777001"}
DEALS = {"api_name": "Deals"}
DEAL = "425248000000555001"


def converted(fields: ModuleFields, record: dict[str, Any], operation: Any = "insert") -> Any:
    return orjson.loads(orjson.dumps(Converter(fields, operation).convert(record)))


def refused(fields: ModuleFields, record: dict[str, Any], operation: Any = "insert") -> Told:
    with pytest.raises(BadValue) as bad:
        Converter(fields, operation).convert(record)
    return Told.of(bad.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Pricing_Details", RANGES),
        ("Tax", TAXES),
        ("Wizard", WIZARD),
        ("Participants", [{"type": "email", "Email": "jo@example.com"}]),
        ("Participants", [{"type": "email", "participant": "jo@example.com"}]),
        ("Participants", [{"type": "contact", "participant": DEAL}]),
    ],
)
def test_what_an_author_gives_whole_goes_unchanged_as_such_or_as_json(name: str, value: Any) -> None:
    assert converted(WHOLE, {name: value}) == {name: value}
    assert converted(WHOLE, {name: orjson.dumps(value).decode()}) == {name: value}


def test_a_field_of_the_orgs_own_takes_no_object_for_a_number() -> None:
    assert refused(WHOLE, {"Legacy_Number": WIZARD}).field == "Legacy_Number"


def test_taxes_and_wizards_are_still_read_by_their_type() -> None:
    assert converted(WHOLE, {"Tax": "VAT; Sales", "Wizard": "12"}) == {
        "Tax": ["VAT", "Sales"],
        "Wizard": "12",
    }


@pytest.mark.parametrize(
    "given",
    [
        "VIP; Old CRM",
        ["VIP", "Old CRM"],
        [{"name": "VIP", "id": "1", "color_code": "#fff"}, {"name": "Old CRM"}],
    ],
)
def test_tags_are_names_separated_or_as_a_dump_has_them(given: Any) -> None:
    assert converted(WHOLE, {"Tag": given}) == {"Tag": [{"name": "VIP"}, {"name": "Old CRM"}]}


# -- lookups that name their module ----------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"id": DEAL, "module": DEALS},
        {"id": DEAL, "name": "A deal", "module": {**DEALS, "id": "425248000000002181"}},
        {"id": DEAL, "module": "Deals"},
        orjson.dumps({"id": DEAL, "module": DEALS}).decode(),
    ],
)
def test_the_parent_of_a_note_keeps_its_module(given: Any) -> None:
    assert converted(NOTES, {"Parent_Id": given}) == {"Parent_Id": {"id": DEAL, "module": DEALS}}


@pytest.mark.parametrize("reference", [Ref("Deals", "D1"), Find("Deals", "Deal_Name", "A deal")])
def test_a_reference_names_the_module_of_a_notes_parent(reference: Any) -> None:
    converter = Converter(NOTES, "insert")

    record = converter.convert({"Parent_Id": reference})
    (open_id,) = converter.open
    open_id.fill(DEAL)

    assert record == {"Parent_Id": {"id": DEAL, "module": DEALS}}


def test_the_module_of_an_older_dump_stands_beside_the_parent() -> None:
    record = {"Parent_Id": {"id": DEAL, "name": "A deal"}, "$se_module": "Deals"}

    assert converted(NOTES, record)["Parent_Id"] == {"id": DEAL, "module": DEALS}


def test_a_parent_without_a_module_is_refused_with_what_to_write() -> None:
    bad = refused(NOTES, {"Parent_Id": DEAL})

    assert (bad.field, bad.code) == ("Parent_Id", "MANDATORY_NOT_FOUND")
    assert '"module": {"api_name": "Deals"}' in bad.message


def test_a_lookup_with_a_single_module_needs_only_the_id() -> None:
    assert converted(APPOINTMENTS, {"Only_For": DEAL}) == {
        "Only_For": {"id": DEAL, "module": {"api_name": "Contacts"}}
    }
    assert refused(APPOINTMENTS, {"Appointment_For": DEAL}).code == "MANDATORY_NOT_FOUND"


def test_a_lookup_to_several_modules_refuses_all_others() -> None:
    for value in ({"id": DEAL, "module": DEALS}, Ref("Deals", "D1")):
        assert (
            "refers to Contacts or Leads, not to Deals"
            in refused(APPOINTMENTS, {"Appointment_For": value}).message
        )


# -- calls, and rows of subforms -------------------------------------------------------------------

CALLS = module(
    field("Subject", mandatory=True),
    field("Call_Type", "picklist"),
    field("Outbound_Call_Status", "picklist"),
    field("Call_Duration"),
    name="Calls",
)


def test_only_a_call_that_took_place_needs_a_duration() -> None:
    outbound = {"Subject": "a", "Call_Type": "Outbound"}
    scheduled = {**outbound, "Outbound_Call_Status": "Scheduled"}

    assert converted(CALLS, scheduled) == scheduled
    bad = refused(CALLS, outbound)
    assert (bad.field, bad.code) == ("Call_Duration", "MANDATORY_NOT_FOUND")
    assert converted(CALLS, outbound, "update") == outbound


def test_the_subforms_of_a_record_have_two_hundred_rows_together() -> None:
    fields = module(field("One", "subform"), field("Two", "subform"))
    rows = [{"A": "1"}]

    assert len(converted(fields, {"One": rows * 120, "Two": rows * 80})["One"]) == 120
    bad = refused(fields, {"One": rows * 120, "Two": rows * 81})
    assert (bad.field, bad.code) == ("One", "LIMIT_EXCEEDED")
    assert "201 rows in One and Two, 200 is the most" in bad.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Phone", "030/1234567"),
        ("Phone", "n.a."),
        ("Phone", "0800 ÄRZTE"),
        ("Website", "http://localhost:8080"),
        ("Website", "www.exa mple.com"),
        ("Email", "jo doe@example.com"),
        ("Email", "jo@example"),
        ("Email", "jo@@example.com"),
    ],
)
def test_a_form_that_zoho_may_refuse_is_sent_without_the_blanks_around_it(name: str, value: str) -> None:
    given = {"Last_Name": "A", name: f" {value} "}

    assert converted(LEADS, given)[name] == value


@pytest.mark.parametrize("reference", [Ref("Contacts", "K7"), Find("Contacts", "Email", "jo@example.com")])
@pytest.mark.parametrize("name", ["Participants", "Pricing_Details", "Tax", "Wizard", "$state"])
def test_a_reference_inside_a_whole_value_is_refused_and_not_written_as_an_object(
    name: str, reference: Ref | Find
) -> None:
    person = {"type": "contact", "participant": reference}
    with pytest.raises(BadValue, match=r"JSON can't hold it.*(Ref|Find)"):
        converted(WHOLE, {name: person if name == "Wizard" else [person]})
