"""A refusal of the whole call, bare or wrapped in `data[]` (zoho-api 14.12): whom it concerns and what it
means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.zoho.fakes import FakeZoho, records_answer, refused, rig
from zmigrate.errors import Fatal, InDoubt, OrgFull, Outage, RefusedError, Retryable
from zmigrate.zoho.answers import Call, judge
from zmigrate.zoho.facts.codes import WHAT_TO_DO, WHOLE_CALL, Meaning, speaks_of_org

SHAPES = ["bare", "wrapped"]


def insert(rows: int) -> Call:
    return Call("POST", "/crm/v8/Leads", content=b"{}", expect=rows)


def error(code: str, **details: Any) -> dict[str, Any]:
    return {"code": code, "details": details, "message": "the message", "status": "error"}


def body(shape: str, element: Any) -> dict[str, Any]:
    return {"data": [element]} if shape == "wrapped" else element


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rows", [1, 2, 100])
@pytest.mark.parametrize(
    "element",
    [
        error("AUTHORIZATION_FAILED"),
        error("AUTHORIZATION_FAILED", resource_path_index=0),
        error("INVALID_REQUEST_METHOD", resource_path_index=0),
        error("FEATURE_NOT_SUPPORTED"),
        error("INVALID_MODULE", resource_path_index=0),
        error("INVALID_DATA", json_path="$.apply_feature_execution[0].name", api_name="name"),
        error("INVALID_DATA", json_path="$.trigger"),
        error("SOMETHING_NEW", resource_path_index=1),
    ],
    ids=lambda element: f"{element['code']} {element['details']}",
)
def test_what_refuses_the_call_stops_it_and_blames_no_record(shape: str, rows: int, element: Any) -> None:
    with pytest.raises((Fatal, RefusedError), match=element["code"]) as caught:
        judge(insert(rows), 400, body(shape, element))

    assert caught.value.exit_code == 3
    assert not getattr(caught.value, "may_be_one_record", False)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_path_into_a_record_names_the_one_that_is_at_fault(shape: str) -> None:
    element = error("INVALID_DATA", json_path="$.data[41].Email", api_name="Email")

    with pytest.raises(Fatal) as caught:
        judge(insert(100), 400, body(shape, element))

    assert (caught.value.row, caught.value.may_be_one_record) == (41, False)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_refusal_of_the_only_record_is_its_result(shape: str) -> None:
    element = error("INVALID_DATA", json_path="$.data[0].Email", api_name="Email")

    assert judge(insert(1), 400, body(shape, element)) == {"data": [element]}


@pytest.mark.parametrize("shape", SHAPES)
def test_several_errors_of_one_record_name_it_too(shape: str) -> None:
    each = [error("INVALID_DATA", json_path=f"$.data[3].{name}") for name in ("Email", "Phone")]

    with pytest.raises(Fatal) as caught:
        judge(insert(100), 400, body(shape, error("MULTIPLE_OR_MULTI_ERRORS", errors=each)))
    assert caught.value.row == 3


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("details", [{}, {"api_name": "Email"}, {"json_path": None}])
def test_a_refusal_that_names_nothing_may_be_the_fault_of_one_record(
    shape: str, details: dict[str, Any]
) -> None:
    with pytest.raises(Fatal) as caught:
        judge(insert(100), 400, body(shape, error("INVALID_DATA", **details)))

    assert (caught.value.row, caught.value.may_be_one_record) == (None, True)


def test_one_result_for_many_records_with_a_status_of_success_leaves_a_doubt() -> None:
    for element in (error("INVALID_DATA", json_path="$.data[1].Email"), error("INVALID_DATA")):
        for status in (200, 201, 207):
            with pytest.raises(InDoubt):
                judge(insert(100), status, {"data": [element]})


@pytest.mark.parametrize("details", ["text", ["list"], None, 7])
def test_details_of_another_kind_harm_nothing(details: Any) -> None:
    element = {**error("AUTHORIZATION_FAILED"), "details": details}

    with pytest.raises(RefusedError):
        judge(insert(100), 400, {"data": [element]})
    with pytest.raises(Fatal):
        judge(insert(100), 400, {"data": [{**element, "code": "INVALID_DATA"}]})


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rows", [1, 100])
@pytest.mark.parametrize(
    "element",
    [
        error("MAX_RECORDS_LIMIT_REACHED", max_no_of_records=100_000),
        error("MAX_RECORDS_LIMIT_REACHED", size=21_474_836_480),
        error("STORAGE_SPACE_EXCEEDED"),
        error("LICENSE_LIMIT_EXCEEDED"),
    ],
)
def test_a_full_org_is_told_by_its_code_and_is_a_pause(shape: str, rows: int, element: Any) -> None:
    with pytest.raises(OrgFull, match=element["code"]) as caught:
        judge(insert(rows), 400, body(shape, element))

    assert (caught.value.exit_code, caught.value.code) == (4, element["code"])
    assert "resume" in (caught.value.hint or "")


def test_a_permission_that_stands_in_data_is_named() -> None:
    element = error("NO_PERMISSION", permissions=["Crm_Implied_Create_Leads"])

    for rows in (1, 100):
        with pytest.raises(RefusedError, match="Crm_Implied_Create_Leads"):
            judge(insert(rows), 403, {"data": [element]})


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rows", [1, 100])
def test_a_service_inside_zoho_that_fails_is_tried_again(shape: str, rows: int) -> None:
    with pytest.raises(Retryable, match="DEPENDENT_SERVICE_ERROR"):
        judge(insert(rows), 400, body(shape, error("DEPENDENT_SERVICE_ERROR")))


def test_a_service_that_goes_on_failing_pauses_with_its_code_after_some_tries(tmp_path: Path) -> None:
    zoho = FakeZoho([records_answer(error("DEPENDENT_SERVICE_ERROR"), status=400)])

    with rig(tmp_path, zoho) as wire, pytest.raises(Outage, match="DEPENDENT_SERVICE_ERROR") as caught:
        wire.transport.send(insert(100))

    assert (caught.value.code, caught.value.exit_code, len(zoho.requests)) == (
        "DEPENDENT_SERVICE_ERROR",
        4,
        5,
    )
    assert not caught.value.maybe_applied


def test_a_service_that_recovers_costs_nothing(tmp_path: Path) -> None:
    done = records_answer({"code": "SUCCESS", "details": {"id": "1"}, "status": "success"})
    zoho = FakeZoho([refused("DEPENDENT_SERVICE_ERROR"), done])

    with rig(tmp_path, zoho) as wire:
        answer = wire.transport.send(insert(1))

    assert (answer.status, answer.attempts, answer.doubted_at) == (201, 2, None)


def test_a_read_that_is_refused_in_data_is_refused(tmp_path: Path) -> None:
    zoho = FakeZoho([httpx.Response(400, json={"data": [error("INVALID_MODULE", resource_path_index=0)]})])

    with rig(tmp_path, zoho) as wire, pytest.raises(Fatal, match="INVALID_MODULE"):
        list(wire.crm.records("Leads", ["id"]))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("status", [200, 400])
def test_an_internal_error_of_the_whole_call_leaves_a_doubt_whatever_its_status(
    shape: str, status: int
) -> None:
    with pytest.raises(InDoubt, match="INTERNAL_ERROR"):
        judge(insert(100), status, body(shape, error("INTERNAL_ERROR")))


def test_every_code_that_stops_or_pauses_says_what_to_do() -> None:
    untold = {code for code, meaning in WHOLE_CALL.items() if code not in WHAT_TO_DO}

    assert untold <= {"INVALID_HOST", "API_NOT_SUPPORTED", "OAUTH_SCOPE_MISMATCH"}
    assert speaks_of_org("DUPLICATE_DATA") is None
    assert speaks_of_org(None) is None
    assert speaks_of_org("STORAGE_SPACE_EXCEEDED") is Meaning.FULL
