"""Tasks, events and calls: what they belong to, and which fields they must have."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.zoho import JsonObject, Zoho, only

EVENT = {
    "Event_Title": "Meeting",
    "Start_DateTime": "2024-05-20T09:00:00+02:00",
    "End_DateTime": "2024-05-20T10:00:00+02:00",
}
CALL = {
    "Subject": "Talk",
    "Call_Type": "Outbound",
    "Call_Start_Time": "2024-05-20T09:00:00+02:00",
    "Call_Duration": "10:00",
}
GOOD = {"Tasks": {"Subject": "Do it"}, "Events": EVENT, "Calls": CALL}


@pytest.mark.parametrize(
    ("module", "field"),
    [
        ("Tasks", "Subject"),
        *(("Events", name) for name in EVENT),
        *(("Calls", name) for name in CALL),
    ],
)
def test_mandatory_fields_must_be_there(zoho: Zoho, module: str, field: str) -> None:
    row = {name: value for name, value in GOOD[module].items() if name != field}

    error = only(zoho.insert([row], module))

    assert (error["code"], error["details"]["api_name"]) == ("MANDATORY_NOT_FOUND", field)
    assert only(zoho.insert([GOOD[module]], module))["code"] == "SUCCESS"


@pytest.mark.parametrize("people", ["Contacts", "Leads"])
@pytest.mark.parametrize("module", list(GOOD))
def test_an_activity_belongs_to_a_person_and_to_a_record_of_the_module_named(
    zoho: Zoho, module: str, people: str
) -> None:
    (person,) = zoho.created([{"Last_Name": "Person"}], people)
    (firm,) = zoho.created([{"Account_Name": "Firm"}], "Accounts")
    links = {"Who_Id": {"id": person}, "What_Id": {"id": firm}, "$se_module": "Accounts"}

    (record_id,) = zoho.created([{**GOOD[module], **links}], module)

    record = zoho.record(record_id, module)
    assert record["Who_Id"] == {"name": "Person", "id": person}
    assert (record["What_Id"], record["$se_module"]) == ({"name": "Firm", "id": firm}, "Accounts")


@pytest.mark.parametrize(
    ("module", "code", "details"),
    [
        (None, "MANDATORY_NOT_FOUND", {"api_name": "$se_module", "json_path": "$.data[0].$se_module"}),
        ("Deals", "INVALID_DATA", {"api_name": "What_Id", "json_path": "$.data[0].What_Id.id"}),
        ("Firms", "INVALID_DATA", {"api_name": "$se_module", "json_path": "$.data[0].$se_module"}),
    ],
)
def test_what_an_activity_is_about_must_be_in_the_module_named(
    zoho: Zoho, module: str | None, code: str, details: JsonObject
) -> None:
    (firm,) = zoho.created([{"Account_Name": "Firm"}], "Accounts")
    row = {"Subject": "Do it", "What_Id": {"id": firm}}

    error = only(zoho.insert([{**row, "$se_module": module} if module else row], "Tasks"))

    assert error["code"] == code
    assert {name: error["details"][name] for name in details} == details


def test_who_is_a_person(zoho: Zoho) -> None:
    (firm,) = zoho.created([{"Account_Name": "Firm"}], "Accounts")

    error = only(zoho.insert([{"Subject": "Do it", "Who_Id": {"id": firm}}], "Tasks"))

    assert (error["code"], error["details"]["api_name"]) == ("INVALID_DATA", "Who_Id")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "DEPENDENT_MISMATCH"),
        ({"Call_Type": "Inbound"}, "DEPENDENT_MISMATCH"),
        ({"Outbound_Call_Status": "Scheduled"}, "SUCCESS"),
        ({"Call_Type": "Missed"}, "SUCCESS"),
    ],
)
def test_only_a_call_that_took_place_must_have_taken_time(zoho: Zoho, changes: JsonObject, code: str) -> None:
    assert only(zoho.insert([{**CALL, "Call_Duration": "00:00", **changes}], "Calls"))["code"] == code


def test_activities_can_t_be_upserted(zoho: Zoho) -> None:
    for module, row in GOOD.items():
        assert only(zoho.upsert([row], module))["code"] == "INVALID_MODULE"


def test_an_event_has_participants(zoho: Zoho) -> None:
    (person,) = zoho.created([{"Last_Name": "Person"}], "Contacts")
    guests = [
        {"type": "email", "Email": "a@example.com"},
        {"type": "contact", "participant": person},
        {"type": "email", "participant": "b@example.com"},
    ]

    (record_id,) = zoho.created([{**EVENT, "Participants": guests}], "Events")

    shown = zoho.record(record_id, "Events")["Participants"]
    assert [one["type"] for one in shown] == ["email", "contact", "email"]
    assert [one["participant"] for one in shown] == ["a@example.com", person, "b@example.com"]


@pytest.mark.parametrize(
    ("guests", "code", "place"),
    [
        ([{"type": "email", "Email": "a@example.com"}] * 51, "LIMIT_EXCEEDED", ""),
        ([{"type": "contact", "participant": "12"}], "INVALID_DATA", "[0].participant"),
        ([{"type": "user", "participant": "05545974000000200002"}], "INVALID_DATA", "[0].participant"),
        ([{"type": "guest"}], "INVALID_DATA", "[0].type"),
        ([{"type": "email"}], "MANDATORY_NOT_FOUND", "[0].Email"),
        ("a@example.com", "INVALID_DATA", ""),
    ],
)
def test_participants_are_checked(zoho: Zoho, guests: Any, code: str, place: str) -> None:
    error = only(zoho.insert([{**EVENT, "Participants": guests}], "Events"))

    assert (error["code"], error["details"]["json_path"]) == (code, f"$.data[0].Participants{place}")


@pytest.mark.parametrize(
    ("module", "field", "good", "bad"),
    [
        ("Tasks", "Remind_At", {"ALARM": "ACTION=EMAIL;TRIGGER=-P1D;TRIGGER_TIME=22:52"}, "tomorrow"),
        ("Tasks", "Recurring_Activity", {"RRULE": "FREQ=DAILY;INTERVAL=1"}, {"RRULE": 7}),
        ("Events", "Remind_At", [{"unit": 15, "period": "minutes"}], [{"unit": "15", "period": "minutes"}]),
        ("Events", "Recurring_Activity", {"RRULE": "FREQ=DAILY;INTERVAL=1"}, ["FREQ=DAILY"]),
    ],
)
def test_reminders_and_repetitions_have_their_shape(
    zoho: Zoho, module: str, field: str, good: Any, bad: Any
) -> None:
    (record_id,) = zoho.created([{**GOOD[module], field: good}], module)

    assert zoho.record(record_id, module)[field] == good
    assert only(zoho.insert([{**GOOD[module], field: bad}], module))["code"] == "INVALID_DATA"


@pytest.mark.parametrize("people", ["Contacts", "Leads"])
def test_a_query_finds_activities_by_whose_they_are(zoho: Zoho, people: str) -> None:
    person, other = zoho.created([{"Last_Name": "Person"}, {"Last_Name": "Other"}], people)
    task, _ = zoho.created([{"Subject": "Do it", "Who_Id": {"id": one}} for one in (person, other)], "Tasks")

    (row,) = zoho.query(f"select Who_Id from Tasks where Who_Id = '{person}'").json()["data"]

    assert row == {"id": task, "Who_Id": {"id": person}}


def test_a_query_follows_a_lookup_to_several_modules_to_the_one_that_it_names(zoho: Zoho) -> None:
    (firm,) = zoho.created([{"Account_Name": "Firm"}], "Accounts")
    links = {"What_Id": {"id": firm}, "$se_module": "Accounts"}
    zoho.created([{"Subject": "Do it", **links}, {"Subject": "Another"}], "Tasks")

    path = "'What_Id->Accounts.Account_Name'"
    (row,) = zoho.query(f"select {path} from Tasks where {path} = 'Firm'").json()["data"]

    assert row["What_Id->Accounts.Account_Name"] == "Firm"
    assert zoho.query("select id from Tasks where 'What_Id->Deals.Deal_Name' = 'Firm'").status_code == 204
    for wrong in ("'What_Id->Nowhere.Name'", "'Who_Id->Deals.Deal_Name'"):
        assert zoho.query(f"select id from Tasks where {wrong} = 'A'").json()["code"] == "INVALID_QUERY"


def test_a_query_finds_activities_by_what_they_are_about(zoho: Zoho) -> None:
    (firm,) = zoho.created([{"Account_Name": "Firm"}], "Accounts")
    links = {"What_Id": {"id": firm}, "$se_module": "Accounts"}
    (task,) = zoho.created([{"Subject": "Do it", **links}], "Tasks")
    zoho.created([{"Subject": "Another"}], "Tasks")

    (row,) = zoho.query(f"select What_Id from Tasks where What_Id = '{firm}'").json()["data"]

    assert row == {"id": task, "What_Id": {"id": firm}}
