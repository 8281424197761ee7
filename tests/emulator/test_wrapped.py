"""Refusals of a whole call that stand in `data[]` as one element, however many records were sent."""

from __future__ import annotations

import pytest

from tests.emulator.zoho import JsonObject, Zoho, lead, only

FEATURES = [
    "layout_rules",
    "range_validation",
    "assignment_rules",
    "function_validation_rule",
    "criteria_validation_rule",
    "global_map_dependency",
    "territory_subordinates",
]


def creates(zoho: Zoho) -> int:
    return int(zoho.control("audit", module="Leads")["creates"])


@pytest.mark.parametrize(
    ("code", "details"),
    [
        ("AUTHORIZATION_FAILED", {"resource_path_index": 0}),
        ("INVALID_REQUEST_METHOD", {"resource_path_index": 0}),
        ("DEPENDENT_SERVICE_ERROR", {"dependency_error": "NO_PERMISSION"}),
        ("INTERNAL_ERROR", {}),
    ],
)
def test_a_script_refuses_a_call_so_and_nothing_is_done(zoho: Zoho, code: str, details: JsonObject) -> None:
    zoho.script({"path": "/crm/v8/Leads", "fault": "wrapped", "code": code})

    answer = zoho.insert([lead(1), lead(2), lead(3)])

    assert answer.status_code == 400
    assert (only(answer)["code"], only(answer)["details"], only(answer)["status"]) == (code, details, "error")
    assert creates(zoho) == 0
    assert zoho.control("writes")[-1]["applied"] is False


def test_a_script_may_give_message_details_and_status(zoho: Zoho) -> None:
    entry = {"fault": "wrapped", "code": "NEW_CODE", "message": "so", "details": {"a": 1}, "status": 500}
    zoho.script({**entry, "path": "/crm/v8/Leads"})

    answer = zoho.insert([lead(1)])

    assert answer.status_code == 500
    assert only(answer) == {"code": "NEW_CODE", "message": "so", "details": {"a": 1}, "status": "error"}


def test_a_403_can_carry_the_missing_permissions_in_data(zoho: Zoho) -> None:
    zoho.script({"path": "/crm/v8/Leads", "fault": "wrapped", "code": "NO_PERMISSION", "status": 403})

    answer = zoho.insert([lead(1), lead(2)])

    assert answer.status_code == 403
    assert only(answer)["details"] == {"permissions": ["Crm_Implied_View_Leads"]}


def test_a_script_that_names_no_code_is_refused(zoho: Zoho) -> None:
    answer = zoho.http.post("/_emulator/script", json=[{"fault": "wrapped"}])

    assert (answer.status_code, "code" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize(("method", "path"), [("POST", "Leads/123"), ("PUT", "Leads/upsert")])
def test_a_wrong_method_is_wrapped_in_writes(zoho: Zoho, method: str, path: str) -> None:
    answer = zoho.http.request(method, f"/crm/v8/{path}", json={"data": [lead(1), lead(2)]})

    assert answer.status_code == 400
    assert only(answer)["code"] == "INVALID_REQUEST_METHOD"
    assert only(answer)["details"] == {"resource_path_index": 0}
    assert creates(zoho) == 0


def test_a_wrong_method_of_another_call_is_bare(zoho: Zoho) -> None:
    body = zoho.http.delete("/crm/v8/Leads/upsert").json()

    assert (body["code"], body["details"]) == ("INVALID_REQUEST_METHOD", {})


@pytest.mark.parametrize("call", ["insert", "upsert"])
def test_a_feature_that_is_none_refuses_the_whole_call(zoho: Zoho, call: str) -> None:
    features = [{"name": "layout_rules"}, {"name": "layout_rule"}]

    answer = getattr(zoho, call)([lead(1), lead(2)], apply_feature_execution=features)

    assert answer.status_code == 400
    assert only(answer) == {
        "code": "INVALID_DATA",
        "details": {
            "api_name": "name",
            "json_path": "$.apply_feature_execution[1].name",
            "supported_values": FEATURES,
        },
        "message": "invalid data",
        "status": "error",
    }
    assert creates(zoho) == 0


def test_features_that_are_no_list_refuse_the_whole_call(zoho: Zoho) -> None:
    answer = zoho.insert([lead(1)], apply_feature_execution="layout_rules")

    assert only(answer)["details"]["json_path"] == "$.apply_feature_execution"


def test_every_documented_feature_is_taken(zoho: Zoho) -> None:
    features = [{"name": name} for name in FEATURES]

    assert zoho.insert([lead(1)], apply_feature_execution=features).status_code == 201


def test_of_a_write_an_unknown_module_and_too_many_records_are_wrapped_too(zoho: Zoho) -> None:
    assert only(zoho.insert([lead(1), lead(2)], "Nope"))["code"] == "INVALID_MODULE"
    assert only(zoho.update([{"id": "1"}] * 101))["code"] == "LIMIT_EXCEEDED"
    assert zoho.delete(["1"], "Nope").json()["code"] == "INVALID_MODULE"
