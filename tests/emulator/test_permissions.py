"""403: the profile lacks a permission, the edition a feature, or a firewall in front dislikes a text."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.emulator.zoho import Zoho, lead, only

DENIED = "NO_PERMISSION"
Call = Callable[[Zoho], httpx.Response]


def creates(zoho: Zoho) -> int:
    return int(zoho.control("audit", module="Leads")["creates"])


CALLS: dict[str, list[tuple[str, Call]]] = {
    "Crm_Implied_View_Leads": [
        ("get one", lambda zoho: zoho.get("/Leads/5545974000000500001")),
        ("list", lambda zoho: zoho.get("/Leads", fields="id")),
        ("deleted", lambda zoho: zoho.get("/Leads/deleted")),
        ("count", lambda zoho: zoho.get("/Leads/actions/count")),
        ("query", lambda zoho: zoho.query("select id from Leads where id is not null")),
        ("fields", lambda zoho: zoho.get("/settings/fields", module="Leads")),
        ("layouts", lambda zoho: zoho.get("/settings/layouts", module="Leads")),
        ("module", lambda zoho: zoho.get("/settings/modules/Leads")),
    ],
    "Crm_Implied_View_Accounts": [
        (
            "query over a lookup",
            lambda zoho: zoho.query("select Account_Name.Account_Name from Contacts where id is not null"),
        )
    ],
    "Crm_Implied_Create_Leads": [
        ("insert", lambda zoho: zoho.insert([lead()])),
        ("upsert", lambda zoho: zoho.upsert([lead()])),
    ],
    "Crm_Implied_Edit_Leads": [
        ("update", lambda zoho: zoho.update([{"id": "1"}])),
        ("upsert", lambda zoho: zoho.upsert([lead()])),
    ],
    "Crm_Implied_Delete_Leads": [("delete", lambda zoho: zoho.delete(["1"]))],
    "Crm_Implied_Manage_Users": [("users", lambda zoho: zoho.get("/users"))],
}


@pytest.mark.parametrize(
    ("permission", "call"),
    [
        pytest.param(permission, call, id=f"{name}-{permission}")
        for permission, calls in CALLS.items()
        for name, call in calls
    ],
)
def test_a_call_names_the_permission_that_the_user_lacks(zoho: Zoho, permission: str, call: Call) -> None:
    zoho.set(denied_permissions=f"Crm_Implied_View_Deals, {permission}")

    answer = call(zoho)

    assert answer.status_code == 403
    assert (answer.json()["code"], answer.json()["details"]) == (DENIED, {"permissions": [permission]})
    assert creates(zoho) == 0


def test_calls_that_need_another_permission_go_on(zoho: Zoho) -> None:
    zoho.set(denied_permissions="Crm_Implied_Create_Leads,Crm_Implied_Manage_Users")

    assert zoho.get("/Leads", fields="id").status_code == 204
    assert zoho.insert([{"Last_Name": "A"}], "Contacts").status_code == 201
    assert zoho.get("/org").status_code == 200


def test_the_refusal_may_be_the_one_element_of_data(zoho: Zoho) -> None:
    zoho.set(denied_permissions="Crm_Implied_Create_Leads", denied_shape="wrapped")

    answer = zoho.insert([lead(1), lead(2), lead(3)])

    assert answer.status_code == 403
    assert (only(answer)["code"], only(answer)["details"]["permissions"]) == (
        DENIED,
        ["Crm_Implied_Create_Leads"],
    )
    assert creates(zoho) == 0


def test_each_record_may_be_refused_by_itself(zoho: Zoho) -> None:
    zoho.set(denied_permissions="Crm_Implied_Create_Leads", denied_shape="rows")

    answer = zoho.insert([lead(1), lead(2), lead(3)])

    assert answer.status_code == 400
    assert [one["code"] for one in answer.json()["data"]] == [DENIED] * 3
    assert creates(zoho) == 0


def test_some_records_may_be_refused_and_the_others_written(zoho: Zoho) -> None:
    denied = {"fault": "row_error", "code": DENIED, "rows_containing": '"L-2"', "applied": False}
    zoho.script({**denied, "path": "/crm/v8/Leads"})

    answer = zoho.insert([lead(1), lead(2), lead(3)])

    assert answer.status_code == 207
    assert [one["code"] for one in answer.json()["data"]] == ["SUCCESS", DENIED, "SUCCESS"]


def test_the_status_of_the_refusal_is_a_switch(zoho: Zoho) -> None:
    zoho.set(denied_permissions="Crm_Implied_View_Leads", denied_status=400)

    answer = zoho.get("/Leads", fields="id")

    assert (answer.status_code, answer.json()["code"]) == (400, DENIED)


@pytest.mark.parametrize("fault", ["403", "wrapped"])
def test_an_edition_without_the_feature_is_told_by_its_own_code(zoho: Zoho, fault: str) -> None:
    script = {"path": "/crm/v8/Leads", "fault": fault, "code": "FEATURE_NOT_SUPPORTED", "status": 403}
    zoho.script(script)

    answer = zoho.insert([lead()])

    error = only(answer) if fault == "wrapped" else answer.json()
    assert (answer.status_code, error["code"], error["details"]) == (403, "FEATURE_NOT_SUPPORTED", {})
    assert error["message"] == "feature not available in this edition"


@pytest.mark.parametrize("status", [403, 400])
def test_a_firewall_blocks_each_request_with_a_text_that_it_dislikes(zoho: Zoho, status: int) -> None:
    zoho.script({"contains": "<script", "fault": str(status), "times": 1000})

    blocked = [zoho.insert([lead(number), lead(9, Description="<script>")]) for number in (1, 2)]
    passed = zoho.insert([lead(1)])

    for answer in blocked:
        assert answer.status_code == status
        assert answer.headers["content-type"] == "text/html"
        assert answer.text.startswith("<html>")
    assert passed.status_code == 201
    assert creates(zoho) == 1
