"""Inserts into the module behind a multi-select lookup."""

from __future__ import annotations

from tests.emulator.zoho import JsonObject, Zoho, only

LINKING = "Legacy_Assets_X_Contacts"


def asset_and_person(zoho: Zoho) -> tuple[str, str]:
    (asset,) = zoho.created([{"Name": "A"}], "Legacy_Assets")
    (person,) = zoho.created([{"Last_Name": "Doe"}], "Contacts")
    return asset, person


def links(zoho: Zoho, asset: str) -> list[JsonObject]:
    found: list[JsonObject] = zoho.record(asset, "Legacy_Assets")["Used_By"]
    return found


def test_a_row_with_both_lookups_links_two_records(zoho: Zoho) -> None:
    asset, person = asset_and_person(zoho)

    answer = zoho.insert([{"Used_Assets": {"id": asset}, "Used_By": {"id": person}}], LINKING)

    assert (answer.status_code, only(answer)["code"]) == (201, "SUCCESS")
    assert links(zoho, asset) == [
        {"id": only(answer)["details"]["id"], "Used_By": {"name": "Doe", "id": person}}
    ]


def test_the_same_link_is_not_made_twice(zoho: Zoho) -> None:
    asset, person = asset_and_person(zoho)
    row = {"Used_Assets": {"id": asset}, "Used_By": {"id": person}}

    first, second = (only(zoho.insert([row], LINKING))["details"]["id"] for _ in range(2))

    assert first == second
    assert len(links(zoho, asset)) == 1


def test_a_link_needs_both_records(zoho: Zoho) -> None:
    asset, person = asset_and_person(zoho)
    rows = [{"Used_Assets": {"id": asset}}, {"Used_Assets": {"id": "1"}, "Used_By": {"id": person}}]

    answer = zoho.insert(rows, LINKING)

    told = [(one["code"], one["details"]["api_name"]) for one in answer.json()["data"]]
    assert told == [("MANDATORY_NOT_FOUND", "Used_By"), ("INVALID_DATA", "Used_Assets")]
    assert links(zoho, asset) == []


def test_users_are_linked_as_records_are(zoho: Zoho) -> None:
    asset, _ = asset_and_person(zoho)
    user = zoho.get("/users", type="CurrentUser").json()["users"][0]["id"]
    row = {"Reviewed_Assets": {"id": asset}, "Reviewers": {"id": user}}

    assert only(zoho.insert([row], "Legacy_Assets_X_Users"))["code"] == "SUCCESS"
    assert zoho.record(asset, "Legacy_Assets")["Reviewers"][0]["Reviewers"]["id"] == user


def test_the_rows_of_a_subform_are_no_links(zoho: Zoho) -> None:
    assert only(zoho.insert([{"Work": "x"}], "Service_Log"))["code"] == "INVALID_MODULE"
