"""An org that holds only so many records: how it refuses, and what goes on all the same."""

from __future__ import annotations

import pytest

from tests.emulator.zoho import JsonObject, Zoho, lead, only

FULL = {
    "code": "MAX_RECORDS_LIMIT_REACHED",
    "details": {"size": 21474836480},
    "message": "maximum number of records limit reached",
    "status": "error",
}


def audited(zoho: Zoho, module: str = "Leads") -> tuple[int, int]:
    """Creates and records of a module."""
    audit = zoho.control("audit", module=module)
    assert audit["created_twice"] == []
    return audit["creates"], audit["records"]


def test_a_call_beyond_the_limit_is_refused_as_a_whole_and_nothing_is_done(zoho: Zoho) -> None:
    zoho.set(records_limit=3)
    zoho.created([lead(1), lead(2)])

    answer = zoho.insert([lead(3), lead(4)])

    assert (answer.status_code, answer.json()) == (400, FULL)
    assert audited(zoho) == (2, 2)
    assert zoho.control("writes")[-1]["applied"] is False
    assert zoho.insert([lead(3)]).status_code == 201


@pytest.mark.parametrize(
    ("edition", "details"),
    [
        ("free", {"max_no_of_records": 1}),
        ("standard", {"max_no_of_records": 1}),
        ("professional", {"size": 21474836480}),
        ("ultimate", {"size": 21474836480}),
    ],
)
def test_details_name_a_number_in_small_editions_and_a_size_in_others(
    zoho: Zoho, edition: str, details: JsonObject
) -> None:
    zoho.set(records_limit=1, edition=edition)

    assert zoho.insert([lead(1), lead(2)]).json()["details"] == details


@pytest.mark.parametrize("code", ["STORAGE_SPACE_EXCEEDED", "LICENSE_LIMIT_EXCEEDED"])
def test_the_code_is_a_switch(zoho: Zoho, code: str) -> None:
    zoho.set(records_limit=0, full_code=code)

    body = zoho.insert([lead(1)]).json()

    assert (body["code"], body["details"], body["status"]) == (code, {}, "error")


def test_the_refusal_can_be_wrapped_in_data_as_one_element(zoho: Zoho) -> None:
    zoho.set(records_limit=1, full_shape="wrapped")

    answer = zoho.insert([lead(1), lead(2)])

    assert (answer.status_code, answer.json()) == (400, {"data": [FULL]})
    assert audited(zoho) == (0, 0)


def test_the_rows_that_fit_can_be_created_and_the_others_refused(zoho: Zoho) -> None:
    zoho.set(records_limit=2, full_shape="rows")

    mixed = zoho.insert([lead(1), {}, lead(2), lead(3)])
    none = zoho.insert([lead(4)])

    codes = [element["code"] for element in mixed.json()["data"]]
    assert mixed.status_code == 207
    assert codes == ["SUCCESS", "MANDATORY_NOT_FOUND", "SUCCESS", FULL["code"]]
    assert (none.status_code, only(none)) == (400, FULL)
    assert audited(zoho) == (2, 2)


def test_every_module_counts_and_what_was_there_from_the_start(zoho: Zoho) -> None:
    zoho.act("records/Contacts", {"data": [{"Last_Name": "Old"}]})
    zoho.created([{"Account_Name": "Firm"}], "Accounts")
    zoho.set(records_limit=2)

    assert zoho.insert([lead(1)]).json()["code"] == FULL["code"]


def test_a_deleted_record_makes_room(zoho: Zoho) -> None:
    (record_id,) = zoho.created([lead(1)])
    zoho.set(records_limit=1)
    assert zoho.insert([lead(2)]).status_code == 400

    zoho.delete([record_id])

    assert zoho.insert([lead(2)]).status_code == 201


def test_updates_go_on_in_a_full_org_and_an_upsert_that_would_insert_does_not(zoho: Zoho) -> None:
    (record_id,) = zoho.created([lead(1)])
    zoho.set(records_limit=1)

    update = zoho.update([{"id": record_id, "City": "Durban"}])
    upsert = zoho.upsert([lead(1, City="Lagos"), {"id": record_id, "City": "Accra"}])
    new = zoho.upsert([lead(1, City="Cairo"), lead(2)])

    assert (update.status_code, upsert.status_code) == (200, 200)
    assert (new.status_code, new.json()) == (400, FULL)
    assert zoho.record(record_id)["City"] == "Accra"
    assert audited(zoho) == (1, 1)


def test_of_an_upsert_the_rows_that_update_can_be_done_in_a_full_org(zoho: Zoho) -> None:
    (record_id,) = zoho.created([lead(1)])
    zoho.set(records_limit=1, full_shape="rows")

    answer = zoho.upsert([lead(2), lead(1, City="Cairo")], duplicate_check_fields=["Legacy_ID"])

    assert answer.status_code == 207
    assert [element["code"] for element in answer.json()["data"]] == [FULL["code"], "SUCCESS"]
    assert zoho.record(record_id)["City"] == "Cairo"


def test_lifting_the_limit_lets_the_next_insert_through(zoho: Zoho) -> None:
    zoho.set(records_limit=0)
    assert zoho.insert([lead(1)]).status_code == 400

    zoho.set(records_limit=None)

    assert zoho.insert([lead(1)]).status_code == 201
    assert audited(zoho) == (1, 1)
