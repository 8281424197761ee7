"""The `$` keys of records: what reads show, and what writes take."""

from __future__ import annotations

import pytest

from tests.emulator.zoho import Zoho, lead, only


def test_a_read_shows_the_states_of_a_record(zoho: Zoho) -> None:
    (record_id,) = zoho.created([lead()])
    record = zoho.record(record_id)

    assert (record["$approved"], record["$approval_state"], record["$state"]) == (True, "approved", "save")
    assert (record["$in_merge"], record["$converted"], record["$editable"]) == (False, False, True)
    assert record["$approval"] == dict.fromkeys(("delegate", "approve", "reject", "resubmit"), False)
    assert record["$review_process"] == dict.fromkeys(("approve", "reject", "resubmit"), False)


def test_states_that_a_read_showed_change_nothing_when_they_are_sent_back(zoho: Zoho) -> None:
    (first,) = zoho.created([lead(1)])
    read = {name: value for name, value in zoho.record(first).items() if name.startswith("$")}
    (second,) = zoho.created([lead(2, **{**read, "$in_merge": True, "$converted": True, "$state": "draft"})])

    assert {name: value for name, value in zoho.record(second).items() if name.startswith("$")} == read


def test_a_record_that_is_not_approved_waits_and_is_neither_changed_nor_deleted(zoho: Zoho) -> None:
    answer = only(zoho.insert([{**lead(), "$approved": False}]))
    record_id = answer["details"]["id"]
    record = zoho.record(record_id)

    changed = only(zoho.update([{"id": record_id, "City": "Bonn"}]))
    upserted = only(zoho.upsert([lead(City="Bonn")], duplicate_check_fields=["Legacy_ID"]))
    deleted = only(zoho.delete([record_id]))

    assert record["$approved"] is False
    assert record["$approval_state"] == answer["details"]["$approval_state"] != "approved"
    assert [one["code"] for one in (changed, upserted, deleted)] == ["NOT_APPROVED"] * 3
    assert changed["message"] == "Cannot update record that is not approved yet"
    assert zoho.record(record_id)["City"] is None


@pytest.mark.parametrize(
    ("approved", "names"),
    [(None, ["Name 1"]), ("true", ["Name 1"]), ("false", ["Name 2"]), ("both", ["Name 2", "Name 1"])],
)
def test_a_list_has_approved_records_unless_it_asks_for_others(
    zoho: Zoho, approved: str | None, names: list[str]
) -> None:
    zoho.created([lead(1), {**lead(2), "$approved": False}])
    params = {"fields": "Last_Name"} if approved is None else {"fields": "Last_Name", "approved": approved}

    assert [one["Last_Name"] for one in zoho.get("/Leads", **params).json()["data"]] == names


def test_values_of_a_multi_select_are_added_where_the_update_says_so(zoho: Zoho) -> None:
    (record_id,) = zoho.created([lead(Interests=["Hardware"])])

    zoho.update([{"id": record_id, "Interests": ["Software"], "$append_values": {"Interests": True}}])
    assert zoho.record(record_id)["Interests"] == ["Hardware", "Software"]
    zoho.upsert([lead(Interests=["Training"], **{"$append_values": {"Interests": False}})])
    assert zoho.record(record_id)["Interests"] == ["Training"]
