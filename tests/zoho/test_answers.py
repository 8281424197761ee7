from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmigrate.errors import ApiError, Fatal, InDoubt, RefusedError, Retryable, ScopeError
from zmigrate.zoho.answers import Call, Done, decode, judge, read_done
from zmigrate.zoho.redaction import Redactor

READ = Call("GET", "/crm/v8/Leads")
INSERT = Call("POST", "/crm/v8/Leads", content=b"{}", expect=2)
ROW = {"code": "SUCCESS", "details": {"id": "1"}, "status": "success"}
FAILED = {
    "code": "INVALID_DATA",
    "details": {"api_name": "Email"},
    "message": "invalid data",
    "status": "error",
}


def error(code: str | int, **details: Any) -> dict[str, Any]:
    return {"code": code, "details": details, "message": "the message", "status": "error"}


@pytest.mark.parametrize("status", [200, 201, 202, 207, 400, 412])
def test_one_element_for_each_record_is_an_answer_whatever_the_status(status: int) -> None:
    body = {"data": [ROW, FAILED]}

    assert judge(INSERT, status, body) is body


@pytest.mark.parametrize("elements", [0, 1, 3])
def test_another_number_of_elements_leaves_a_doubt(elements: int) -> None:
    with pytest.raises(InDoubt, match=f"{elements} results to 2 records"):
        judge(INSERT, 201, {"data": [ROW] * elements})


@pytest.mark.parametrize(
    "element", [{}, {"details": {"id": "1"}}, {**ROW, "code": None}, None, "done", 1, []]
)
def test_an_answer_that_does_not_say_what_became_of_a_record_leaves_a_doubt(element: Any) -> None:
    with pytest.raises(InDoubt, match="does not say what became"):
        judge(INSERT, 201, {"data": [ROW, element]})


def test_a_single_refused_record_of_a_single_insert_is_a_row_and_no_error() -> None:
    single = Call("POST", "/crm/v8/Leads", content=b"{}", expect=1)

    for row in (FAILED, error("NO_PERMISSION"), error("LIMIT_EXCEEDED", api_name="Tag")):
        assert judge(single, 400, {"data": [row]})["data"] == [row]


@pytest.mark.parametrize("expect", [1, 2, 100])
@pytest.mark.parametrize("wrapped", [True, False])
def test_an_invalid_module_is_fatal_wrapped_or_bare(expect: int, wrapped: bool) -> None:
    bare = error("INVALID_MODULE", resource_path_index=0)

    with pytest.raises(Fatal) as caught:
        judge(Call("POST", "/crm/v8/Nonsense", expect=expect), 400, {"data": [bare]} if wrapped else bare)

    assert (caught.value.code, caught.value.status) == ("INVALID_MODULE", 400)
    assert "API name" in (caught.value.hint or "")


@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize(
    "body", [None, error("TOO_MANY_REQUESTS"), {"code": 429, "details": []}, error("RATE_LIMIT_EXCEEDED")]
)
def test_throttling_is_known_by_status_or_code(status: int, body: Any) -> None:
    if status == 200 and body is None:
        return
    with pytest.raises(Retryable):
        judge(INSERT, status, body)


def test_a_missing_scope_names_what_the_call_needs() -> None:
    with pytest.raises(ScopeError) as caught:
        judge(Call("POST", "/crm/v8/coql"), 401, error("OAUTH_SCOPE_MISMATCH"))

    assert "ZohoCRM.coql.READ" in (caught.value.hint or "")
    assert caught.value.exit_code == 3


def test_a_missing_permission_is_refused_and_named() -> None:
    with pytest.raises(RefusedError, match="Crm_Implied_View_Leads") as caught:
        judge(READ, 403, error("NO_PERMISSION", permissions=["Crm_Implied_View_Leads"]))

    assert caught.value.exit_code == 3
    assert "Profiles" in (caught.value.hint or "")


def test_the_message_says_where_as_zoho_said_it() -> None:
    with pytest.raises(
        Fatal, match=r"GET /crm/v8/Leads: REQUIRED_PARAM_MISSING, the message, param_name=fields"
    ):
        judge(READ, 400, error("REQUIRED_PARAM_MISSING", param_name="fields"))


def test_an_error_envelope_is_an_error_even_with_status_200() -> None:
    with pytest.raises(Fatal):
        judge(READ, 200, error("INVALID_QUERY"))
    with pytest.raises(Fatal):
        judge(INSERT, 200, error("INVALID_DATA"))


def test_statuses_that_the_call_declares_are_answers() -> None:
    call = Call("GET", "/crm/v8/Leads/1", ok_statuses=(404,))

    assert judge(call, 404, {"x": 1}) == {"x": 1}
    assert judge(call, 404, decode(b"<html>", Redactor())) is None


def test_204_and_nothing_else_without_a_body_means_that_there_is_nothing() -> None:
    assert judge(READ, 204, None) is None
    for status in (200, 201, 202, 207, 304, 400):
        with pytest.raises(InDoubt, match="is empty"):
            judge(READ, status, None)
    with pytest.raises(Fatal, match="HTTP_404"):
        judge(READ, 404, None)


def test_a_write_answered_by_nothing_is_in_doubt() -> None:
    with pytest.raises(InDoubt):
        judge(INSERT, 204, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 500) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["code", "data", "status", "details", "message", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(
    status=st.sampled_from(
        [200, 201, 202, 204, 207, 301, 304, 400, 401, 403, 404, 408, 412, 413, 429, 500, 503]
    ),
    body=JSON,
    expect=st.sampled_from([None, 1, 2]),
)
def test_whatever_comes_is_a_value_or_an_error_of_ours_and_a_value_fits(
    status: int, body: Any, expect: int | None
) -> None:
    call = Call("POST", "/crm/v8/Leads", expect=expect)
    try:
        value = judge(call, status, body)
    except (ApiError, RefusedError):
        return
    if expect is not None:
        assert len(value["data"]) == expect


@given(st.binary(max_size=30))
def test_no_bytes_break_the_decoder(content: bytes) -> None:
    decode(content, Redactor())


# -- a plain success, in brief ------------------------------------------------------------------------


def written(record_id: object = "1", **more: Any) -> dict[str, Any]:
    """An element of `data[]` as Zoho sends it."""
    user = {"name": "Zoë", "id": "900"}
    stamps = {"Created_Time": "2024-01-01T00:00:00+05:30", "Created_By": user, "Modified_By": user}
    return {
        "code": "SUCCESS",
        "details": {**stamps, "id": record_id, "$approval_state": "approved"},
        "message": "record added",
        "status": "success",
        **more,
    }


def told(done: list[Done] | None) -> list[tuple[str, str | None]] | None:
    return None if done is None else [(one.details.id, one.action) for one in done]


def brief(*elements: Any, expect: int | None = None, **more: Any) -> list[tuple[str, str | None]] | None:
    content = orjson.dumps({"data": elements, **more})
    return told(read_done(content, len(elements) if expect is None else expect, Redactor()))


def test_of_records_that_were_written_ids_and_actions_are_read() -> None:
    upserted = [written("1", action="insert"), written("2", action="update", duplicate_field="Email")]

    assert brief(written("5545974000000000001"), written("2")) == [("5545974000000000001", None), ("2", None)]
    assert brief(*upserted, info={"what": ["nobody", "asked"]}) == [("1", "insert"), ("2", "update")]
    assert brief({"code": "SUCCESS", "details": {"id": "1"}}) == [("1", None)]


@pytest.mark.parametrize(
    "element",
    [
        FAILED,
        {**ROW, "code": "success"},
        {**ROW, "details": {}},
        {**ROW, "details": None},
        {**ROW, "details": []},
        {"code": "SUCCESS"},
        {"details": {"id": "1"}},
        written(1),
        written(None),
        written(""),
        written(action="merge"),
        None,
        "SUCCESS",
        [],
    ],
)
def test_one_element_that_is_no_plain_success_leaves_all_of_them_to_be_judged(element: Any) -> None:
    assert brief(*[ROW] * 99, element) is None


@pytest.mark.parametrize("expect", [1, 3, 100])
def test_another_number_of_successes_is_left_to_be_judged(expect: int) -> None:
    assert brief(ROW, ROW, expect=expect) is None


@pytest.mark.parametrize("code", ["TOO_MANY_REQUESTS", 429, "SUCCESS"])
def test_a_body_that_has_a_code_itself_is_left_to_be_judged(code: Any) -> None:
    assert brief(ROW, code=code) is None
    assert brief(ROW, code=None) == [("1", None)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"<html>busy</html>",
        b'{"data":{}}',
        b'{"data":[{"code":"SUCCESS","details":{"id":"1"}}',
        b'{"data":[{"code":"SUCCESS","details":{"id":"1"}}]}}',
        b'{"data":[{"code":"SUCCESS","message":"\xff","details":{"id":"1"}}]}',
        b'{"data":[{"code":"SUCCESS","message":"\\ud800","details":{"id":"1"}}]}',
        b'{"data":[{"code":"SUCCESS","details":{"id":"1"}}],"x":' + b"[" * 9_000 + b"]" * 9_000 + b"}",
    ],
)
def test_what_is_no_whole_answer_is_left_to_be_judged(content: bytes) -> None:
    assert read_done(content, 1, Redactor()) is None


@st.composite
def damaged_answers(draw: st.DrawFn) -> bytes:
    """A good answer, of which some bytes are lost, doubled or others."""
    elements = [written("1", action="insert"), written("2"), written("3", action="update")]
    content = bytearray(orjson.dumps({"data": elements, "code": None, "info": {"n": [-1.5, True]}}))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + 40)))
        part = content[start:end]
        other = draw(st.sampled_from(b'{}[]",:\\0123456789ntu \n\x00\xff\xc3'))
        content[start:end] = draw(st.sampled_from([b"", bytes([other]), part + part, part + bytes([other])]))
    return bytes(content)


@given(content=damaged_answers(), expect=st.sampled_from([3, 3, 2, 4]), status=st.sampled_from([200, 201]))
def test_what_is_read_in_brief_is_what_the_whole_answer_says(
    content: bytes, expect: int, status: int
) -> None:
    done = read_done(content, expect, Redactor())
    if done is not None:
        body = judge(Call("POST", "/crm/v8/Leads", expect=expect), status, decode(content, Redactor()))
        whole = [(one["code"], one["details"]["id"], one.get("action")) for one in body["data"]]
        assert whole == [("SUCCESS", record_id, action) for record_id, action in told(done) or ()]
