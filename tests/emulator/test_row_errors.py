"""Single rows of a write that fail for no reason of their own: done all the same, or not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.zoho import JsonObject, Zoho, lead, only

LEADS = {"path": "/crm/v8/Leads*", "fault": "row_error", "rows_containing": "L-2"}
INTERNAL = {"code": "INTERNAL_ERROR", "details": {}, "message": "Internal Server Error", "status": "error"}


def codes(answer: Any) -> list[str]:
    return [element["code"] for element in answer.json()["data"]]


def audit(zoho: Zoho) -> JsonObject:
    found: JsonObject = zoho.control("audit", module="Leads")
    return found


def city_of(zoho: Zoho, key: str) -> Any:
    (record,) = zoho.control("records/Leads", key="Legacy_ID", value=key)
    return record["City"]


def test_a_row_of_an_insert_fails_and_its_record_is_there(zoho: Zoho) -> None:
    zoho.script(LEADS)

    answer = zoho.insert([lead(1), lead(2), lead(3)])

    assert answer.status_code == 207
    assert codes(answer) == ["SUCCESS", "INTERNAL_ERROR", "SUCCESS"]
    assert answer.json()["data"][1] == INTERNAL
    assert (audit(zoho)["creates"], audit(zoho)["distinct_keys"]) == (3, 3)


def test_a_row_of_an_insert_fails_and_its_record_is_not_there(zoho: Zoho) -> None:
    zoho.script({**LEADS, "applied": False})

    answer = zoho.insert([lead(1), lead(2), {}])

    last = answer.json()["data"][2]["details"]
    assert answer.status_code == 207
    assert codes(answer) == ["SUCCESS", "INTERNAL_ERROR", "MANDATORY_NOT_FOUND"]
    assert last["json_path"].startswith("$.data[2].")
    assert audit(zoho)["creates"] == 1


def test_a_call_whose_only_row_fails_so_is_400(zoho: Zoho) -> None:
    zoho.script(LEADS)

    answer = zoho.insert([lead(2)])

    assert (answer.status_code, only(answer)) == (400, INTERNAL)
    assert audit(zoho)["creates"] == 1


def test_a_row_sent_anew_after_such_an_error_is_seen_in_the_audit_if_it_doubles(zoho: Zoho) -> None:
    row = {"Last_Name": "L-2", "Old_System_Ref": "x"}
    zoho.script(LEADS)
    zoho.insert([row])

    zoho.insert([row])

    doubled = zoho.control("audit", module="Leads", key="Old_System_Ref")["created_twice"]
    assert [value for value, _ in doubled] == ["x"]


@pytest.mark.parametrize("applied", [True, False])
def test_a_row_of_an_update_fails(zoho: Zoho, applied: bool) -> None:
    first, second = zoho.created([lead(1), lead(2)])
    zoho.script({**LEADS, "applied": applied})

    answer = zoho.update(
        [{"id": first, "City": "Lagos"}, {"id": second, "Legacy_ID": "L-2", "City": "Cairo"}]
    )

    assert (answer.status_code, codes(answer)) == (207, ["SUCCESS", "INTERNAL_ERROR"])
    assert (city_of(zoho, "L-1"), city_of(zoho, "L-2")) == ("Lagos", "Cairo" if applied else None)
    assert audit(zoho)["updates"] == (2 if applied else 1)


@pytest.mark.parametrize("applied", [True, False])
def test_a_row_of_an_upsert_fails(zoho: Zoho, applied: bool) -> None:
    zoho.script({**LEADS, "applied": applied})

    answer = zoho.upsert([lead(1), lead(2)], duplicate_check_fields=["Legacy_ID"])

    assert (answer.status_code, codes(answer)) == (207, ["SUCCESS", "INTERNAL_ERROR"])
    assert audit(zoho)["creates"] == (2 if applied else 1)


def test_the_code_its_message_and_details_can_be_given(zoho: Zoho) -> None:
    zoho.script(
        {**LEADS, "code": "DEPENDENT_SERVICE_ERROR"},
        {**LEADS, "code": "NEW_CODE", "message": "so", "details": {"a": 1}},
    )

    service, new = only(zoho.insert([lead(2)])), only(zoho.insert([lead(2)]))

    assert (service["code"], service["details"]) == (
        "DEPENDENT_SERVICE_ERROR",
        {"dependency_error": "NO_PERMISSION"},
    )
    assert new == {"code": "NEW_CODE", "message": "so", "details": {"a": 1}, "status": "error"}


def test_calls_without_such_a_row_are_left_alone_and_the_fault_waits(zoho: Zoho) -> None:
    zoho.script({**LEADS, "times": 2})

    assert zoho.insert([lead(1), lead(3)]).status_code == 201
    assert zoho.insert([lead(2)]).status_code == 400
    assert zoho.upsert([lead(2)], duplicate_check_fields=["Legacy_ID"]).status_code == 400
    assert zoho.upsert([lead(2)], duplicate_check_fields=["Legacy_ID"]).status_code == 200
    assert audit(zoho)["creates"] == 3


def test_a_call_that_is_refused_as_a_whole_stays_refused(zoho: Zoho) -> None:
    zoho.set(records_limit=0)
    zoho.script(LEADS)

    assert zoho.insert([lead(2)]).json()["code"] == "MAX_RECORDS_LIMIT_REACHED"


def test_a_script_that_names_no_rows_is_refused(zoho: Zoho) -> None:
    answer = zoho.http.post("/_emulator/script", json=[{"fault": "row_error"}])

    assert (answer.status_code, "rows_containing" in answer.json()["error"]) == (400, True)
