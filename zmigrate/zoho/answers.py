"""Turns an answer of the CRM API into a value or an error. Nothing else does.

Results for single records (`data[]`) are values, also refusals; a refusal of the whole request is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import httpx
import msgspec
import orjson

from zmigrate.errors import InDoubt, Retryable, UsageError
from zmigrate.zoho.barriers import FIREWALL_STATUSES, begins_as_page
from zmigrate.zoho.facts import codes
from zmigrate.zoho.facts.promises import promised_list, promises_count
from zmigrate.zoho.ids import id_text, is_id
from zmigrate.zoho.record_calls import is_query
from zmigrate.zoho.redaction import Redactor
from zmigrate.zoho.refusals import blocked, code_of, concerns, is_error, refusal

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

_NOTHING_THERE = 204  # the only status without a body that answers a read: there is nothing
_NOT_MODIFIED = 304  # answers a question that zmigrate never asks, so it is not an answer
_READABLE_STATUSES = frozenset({*range(200, 300), 304, 400})
"""Statuses that always come with JSON. Other statuses mean enough without a body."""
_UNREADABLE = object()
_PAGE = object()

_DEEPEST = 100  # The deepest nesting of lists and objects. Zoho's answers have about ten levels.
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


Params = Mapping[str, str | int | bool | Sequence[str]]
"""Query parameters of a caller; a list's elements are joined by commas."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the CRM API, before it is sent. `path` begins with `/`; the host is the token's."""

    method: Method
    path: str
    params: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None
    heavy: bool = False
    """Counts towards Zoho's sub-concurrency."""
    repeatable: bool = False
    """May be sent again if it is unknown whether it was applied."""
    credits: int = 1
    expect: int | None = None
    """How many elements the answer's `data[]` must have. None if the call does not write records."""
    ok_statuses: tuple[int, ...] = ()
    """Statuses that are answers to this call, though they are errors for others."""
    brief: bool = False
    """If all records were written, `Answer.done` is enough."""
    by_id: bool = False
    """Each record of the answer must have its id, since reading goes on from the last id."""

    @property
    def writes(self) -> bool:
        """Whether the call can change the org."""
        return self.method != "GET" and not is_query(self.path)


def call_params(params: Params) -> tuple[tuple[str, str], ...]:
    """Query parameters for Zoho. Raises UsageError for any value but a text, a number or a list."""
    return tuple((name, _param(name, value)) for name, value in params.items())


def _param(name: str, value: str | int | bool | Sequence[str]) -> str:
    try:
        text = _text(value)
        (name + text).encode()
    except (TypeError, ValueError):  # ValueError: half a character, or a number with thousands of digits
        raise UsageError(
            f"The parameter {name!r:.80} can't be sent: its name or its value has a wrong type.",
            hint="A parameter is a text, a whole number, true or false, or a list of texts.",
        ) from None
    return text


def _text(value: str | int | bool | Sequence[str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else ",".join(value)


class Details(msgspec.Struct, frozen=True, gc=False):
    """The record that was written."""

    id: str


class Done(msgspec.Struct, frozen=True, gc=False):
    """The result in `data[]` for a record that was written."""

    code: Literal["SUCCESS"]
    details: Details
    status: Literal["success"] = "success"
    action: Literal["insert", "update"] | None = None  # what an upsert did
    duplicate_field: str | None = None  # the field by which an upsert found the record


class _AllDone(msgspec.Struct, gc=False):
    data: list[Done]
    code: None = None  # A body with a code goes to `judge`


_ALL_DONE = msgspec.json.Decoder(_AllDone)
"""A second JSON library beside orjson: it decodes only the fields above, of a hundred records with many more.
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. Times are `time.time()` of this machine."""

    status: int
    body: Any
    """The decoded JSON. None if there was no body, or if `done` has all that is needed."""
    headers: Mapping[str, str]
    sent_at: float
    """When the first attempt was sent."""
    answered_at: float
    attempts: int = 1
    doubted_at: float | None = None
    """When the last earlier attempt with an unknown result was sent. None if there was none."""
    doubt_timed_out: bool = False
    """Whether one of these attempts timed out."""
    done: Sequence[Done] | None = None
    """For a brief call whose records were all written, without earlier doubt: one a record, in order."""


def decode(content: bytes, redactor: Redactor) -> Any:
    """The JSON of a body, with secrets hidden; None for an empty body. For no JSON, or JSON nested too deeply
    to walk through, a marker (see `is_unreadable`, `is_block_page`)."""
    if not content:
        return None
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return _PAGE if begins_as_page(content) else _UNREADABLE
    if _may_be_deep(content) and _is_deep(body):
        return _UNREADABLE
    return redactor.redacted(body) if redactor.may_hide(content) else body


def _may_be_deep(content: bytes) -> bool:
    """Whether the brackets allow deep nesting: a quick check, a hundred times as fast as a look inside."""
    brackets = content.translate(None, _NO_BRACKETS)
    for levels_left in range(_DEEPEST, 0, -1):
        if len(brackets) <= 2 * levels_left:
            return False
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return True


def _is_deep(body: Any) -> bool:
    level = [body]
    for _ in range(_DEEPEST):
        inside = (node.values() if isinstance(node, dict) else node for node in level)
        level = [child for children in inside for child in children if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def read_done(content: bytes, expect: int, redactor: Redactor) -> list[Done] | None:
    """The records of an answer that reports success for each of the expected number.

    None for any other body, JSON or not: it goes to `decode` and `judge`.
    """
    if redactor.may_hide(content):
        return None
    try:
        content.decode()  # the decoder does not check the texts that it skips
        done = _ALL_DONE.decode(content).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return done if len(done) == expect and all(is_id(one.details.id) for one in done) else None


def is_unreadable(body: object) -> bool:
    return body is _UNREADABLE or body is _PAGE


def is_block_page(status: int, body: object) -> bool:
    """Whether an answer to one call is the page of a firewall or proxy that did not let it through to Zoho.
    (`Transport` has seen whether pages come for every call.)"""
    return body is _PAGE and status in FIREWALL_STATUSES


def is_token_refused(response: httpx.Response, redactor: Redactor) -> bool:
    """For a 401: whether the token is to blame, and not its scopes."""
    return code_of(decode(response.content, redactor)) != codes.SCOPE_CODE


def judge(call: Call, status: int, body: Any) -> Any:
    """The body, if it answers the call. Raises an error otherwise.

    A read's answer must have what its path promises (`facts.promises`); 204 means that there is nothing. A
    write's answer must have one element for each record.

    Retryable: throttled, or a service inside Zoho failed; not applied. InDoubt: it is unknown whether the
    write was applied, or the read's answer is unusable. ScopeError, RefusedError: scope and permission.
    OrgFull: the org takes no more records. Fatal (with status and code): refused for good; the code is
    BLOCK_PAGE if the request did not reach Zoho.
    """
    if status in call.ok_statuses:
        return None if is_unreadable(body) else body
    if status == 429 or code_of(body) in codes.THROTTLE_CODES:
        raise Retryable(
            "Zoho answered that there are too many requests.", status=status, code="TOO_MANY_REQUESTS"
        )
    if status >= 500 or status == 408:
        raise InDoubt(f"Zoho answered {status} to {_name(call)}.", status=status)
    if code_of(body) in codes.ROW_IN_DOUBT:
        raise _no_answer(call, status, f"is {code_of(body)}")
    if is_block_page(status, body):
        raise blocked(call, status)
    if status == 403 and _is_row_by_row(body, call.expect):
        return body
    if status in {401, 403, 413} or (300 <= status < 400 and status != _NOT_MODIFIED):
        raise refusal(call, status, body, call.expect or 0)
    if is_unreadable(body):
        if status in _READABLE_STATUSES:
            raise _no_answer(call, status, "is not JSON")
        raise refusal(call, status, body)
    if call.expect is not None:
        return _judge_records(call, status, body, call.expect)
    return _judge_other_write(call, status, body) if call.writes else _judge_read(call, status, body)


def _judge_records(call: Call, status: int, body: Any, expect: int) -> Any:
    """The answer to a write of records, which has one element for each, whatever the status."""
    elements = body.get("data") if isinstance(body, dict) else None
    if not isinstance(elements, list):
        if is_error(body) and expect == 1 and _is_of_the_record(body):
            return {"data": [body]}  # the result of the only record, without a list
        if _is_refusal(status, body):
            raise refusal(call, status, body, expect)
        raise _no_answer(call, status, "says nothing about its records")
    if len(elements) == 1 < expect and code_of(elements[0]) in codes.ROW_IN_DOUBT:
        raise _no_answer(call, status, f"is {code_of(elements[0])}")
    if len(elements) == 1 and _refuses_the_whole(elements[0], status, expect):
        raise refusal(call, status, elements[0], expect)
    if len(elements) != expect:
        raise InDoubt(
            f"Zoho answered {len(elements)} results to {expect} records of {_name(call)}.", status=status
        )
    if not all(code_of(one) or is_error(one) for one in elements):
        raise _no_answer(call, status, "does not say what became of its records")
    return body


def _is_row_by_row(body: object, expect: int | None) -> bool:
    """Whether a refusal has a result for each of several records."""
    elements = body.get("data") if isinstance(body, dict) else None
    if not isinstance(elements, list) or not 1 < len(elements) == expect:
        return False
    return all(code_of(one) or is_error(one) for one in elements) and any(map(is_error, elements))


def _is_of_the_record(body: object) -> bool:
    """Whether a single refusal is about the only record of the call: by its path, or its code."""
    return concerns(body, 1) == 0 or (concerns(body, 1) == "unknown" and code_of(body) in codes.OF_A_RECORD)


def _refuses_the_whole(element: Any, status: int, expect: int) -> bool:
    """Whether a single element refuses the whole call, so that nothing was applied. Otherwise it is the
    result of the only record.
    """
    if not is_error(element):
        return False
    whom = concerns(element, expect)
    if whom == "call":
        return True
    code = code_of(element)
    if expect == 1:
        return whom == "unknown" and code in codes.WHOLE_CALL and code not in codes.ALSO_OF_A_ROW
    return code in codes.WHOLE_CALL or status >= 400


def _judge_other_write(call: Call, status: int, body: Any) -> Any:
    """The answer to any other write; the caller knows what to expect."""
    per_record = isinstance(body, dict) and isinstance(body.get("data"), list)
    if (status >= 400 and not per_record) or is_error(body):
        raise refusal(call, status, body)
    if per_record and len(body["data"]) == 1 and _refuses_the_whole(body["data"][0], status, 1):
        raise refusal(call, status, body["data"][0])
    return body


def _judge_read(call: Call, status: int, body: Any) -> Any:
    if status == _NOTHING_THERE:
        return None
    if _is_refusal_in_data(body) and code_of(body["data"][0]) in codes.ROW_IN_DOUBT:
        raise _no_answer(call, status, f"is {code_of(body['data'][0])}")
    if _is_refusal(status, body) or _is_refusal_in_data(body):
        raise refusal(call, status, body)
    if not isinstance(body, dict):
        raise _no_answer(call, status, "is empty" if body is None else "is not an object")
    name = promised_list(call.path)
    if name is not None and not _is_list_of_objects(body.get(name)):
        raise _no_answer(call, status, f"has no list {name!r}")
    if promises_count(call.path) and not isinstance(body.get("count"), int | str):
        raise _no_answer(call, status, "has no count")
    if call.by_id and not all(id_text(row.get("id")) for row in body[name or "data"]):
        raise _no_answer(call, status, "has records without an id")
    return body


def _is_refusal(status: int, body: object) -> bool:
    """Whether an answer without a list refuses the call. Without a body, the status must say enough."""
    says_enough = body is not None or status not in _READABLE_STATUSES
    return is_error(body) or (status >= 400 and says_enough)


def _is_refusal_in_data(body: object) -> bool:
    elements = body.get("data") if isinstance(body, dict) else None
    return isinstance(elements, list) and any(map(is_error, elements)) and bool(code_of(elements[0]))


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _no_answer(call: Call, status: int, why: str) -> InDoubt:
    """The error for an answer that lacks what it must have."""
    return InDoubt(f"Zoho's answer to {_name(call)} {why} (status {status}).", status=status)


def _name(call: Call) -> str:
    return f"{call.method} {call.path}"
