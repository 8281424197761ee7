"""An answer of the CRM API becomes a value or an error. Here, and nowhere else.

Per-record results (`data[]`) are values, refused records among them; what refuses the whole request is an
error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import httpx
import msgspec
import orjson

from zmigrate.errors import Fatal, InDoubt, RefusedError, Retryable, ScopeError, ZmigrateError
from zmigrate.zoho.facts import codes
from zmigrate.zoho.facts.scopes import scopes_of_call

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

_NO_BODY = frozenset({204, 304})
_TEXT_CUT = 300
_UNREADABLE = object()


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the CRM API, before it is sent. `path` begins with `/`; the host is the token's."""

    method: Method
    path: str
    params: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None
    heavy: bool = False
    """Shares Zoho's sub-concurrency."""
    repeatable: bool = False
    """May be sent again after its fate became unknown."""
    credits: int = 1
    expect: int | None = None
    """How many elements `data[]` of the answer must have; None where it is not a write of records."""
    ok_statuses: tuple[int, ...] = ()
    """Statuses that are answers for this call, though they are errors for others."""
    brief: bool = False
    """Of records that were all written no more is wanted than `Answer.done`."""

    @property
    def writes(self) -> bool:
        """True when it can change the org."""
        return self.method != "GET" and not self.path.endswith("/coql")


class Details(msgspec.Struct, frozen=True, gc=False):
    """The record that was written."""

    id: Annotated[str, msgspec.Meta(min_length=1)]


class Done(msgspec.Struct, frozen=True, gc=False):
    """What `data[]` says of a record that was written."""

    code: Literal["SUCCESS"]
    details: Details
    action: Literal["insert", "update"] | None = None
    """What an upsert did."""
    duplicate_field: str | None = None
    """By which field an upsert found the record."""


class _AllDone(msgspec.Struct, gc=False):
    data: list[Done]
    code: None = None
    """Where a body has one, it is for `judge`."""


_ALL_DONE = msgspec.json.Decoder(_AllDone)
"""A second JSON library beside orjson, which has to make objects of everything: of what Zoho says about each
record of a hundred (times, users, state), this one reads the fields above and skips the rest."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Times are `time.time()` of this machine."""

    status: int
    body: Any
    """The decoded JSON, or None where there was no body, or where `done` says all that is wanted of it."""
    headers: Mapping[str, str]
    sent_at: float
    """When the first attempt was sent."""
    answered_at: float
    attempts: int = 1
    doubted_at: float | None = None
    """When the last earlier attempt was sent whose fate is unknown; None if there was none."""
    doubt_timed_out: bool = False
    """True when one of those attempts ended in a timeout."""
    done: Sequence[Done] | None = None
    """For a brief call whose records were all written, with no doubt before: one for each, in order."""


def decode(content: bytes) -> Any:
    """The JSON of a body; None for an empty one; a marker for what is no JSON (see `is_unreadable`)."""
    if not content:
        return None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return _UNREADABLE


def read_done(content: bytes, expect: int) -> list[Done] | None:
    """The records of an answer that says of each of them that it was written, and has as many as it must.

    None for every other body, be it JSON or not: `decode` and `judge` tell what that one means.
    """
    try:
        content.decode()  # the decoder does not look into the texts that it skips
        done = _ALL_DONE.decode(content).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return done if len(done) == expect else None


def is_unreadable(body: object) -> bool:
    return body is _UNREADABLE


def is_token_refused(response: httpx.Response) -> bool:
    """For a 401: True when the token is to blame, False when its scopes are."""
    return _code(decode(response.content)) != codes.SCOPE_CODE


def judge(call: Call, status: int, body: Any) -> Any:
    """The body, where it answers the call; else raises what it means.

    Retryable: throttled, not applied. InDoubt: nobody knows whether it was applied. ScopeError, RefusedError:
    scope and permission. Fatal (with status and code): refused for good.
    """
    if status in call.ok_statuses:
        return None if is_unreadable(body) else body
    if status == 429 or _code(body) in codes.THROTTLE_CODES:
        raise Retryable(
            "Zoho answers that there are too many requests.", status=status, code="TOO_MANY_REQUESTS"
        )
    if status >= 500 or status == 408:
        raise InDoubt(f"Zoho answered {status} to {_name(call)}.", status=status)
    if status in {401, 403, 413} or (300 <= status < 400 and status != 304):
        raise _refusal(call, status, body)
    if is_unreadable(body) or (body is None and status not in _NO_BODY and call.expect is not None):
        if status in {200, 201, 202, 207, 400}:
            raise InDoubt(f"Zoho's answer to {_name(call)} can't be read.", status=status)
        raise _refusal(call, status, body)
    return _judge_records(call, status, body) if call.expect is not None else _judge_plain(call, status, body)


def _judge_records(call: Call, status: int, body: Any) -> Any:
    """A write of records is answered by one element for each, whatever the status."""
    elements = body.get("data") if isinstance(body, dict) else None
    if not isinstance(elements, list):
        if status >= 400 or _is_error(body):
            raise _refusal(call, status, body)
        raise InDoubt(f"Zoho's answer to {_name(call)} says nothing about its records.", status=status)
    if len(elements) == 1 and _refuses_the_whole(elements[0], alone=call.expect == 1):
        raise _refusal(call, status, elements[0])
    if len(elements) != call.expect:
        raise InDoubt(
            f"Zoho answered {len(elements)} results to {call.expect} records of {_name(call)}.", status=status
        )
    if not all(map(_tells_its_record, elements)):
        raise InDoubt(f"Zoho's answer to {_name(call)} does not say which records it wrote.", status=status)
    return body


def _tells_its_record(element: Any) -> bool:
    """A record that was written has its id there; one that was refused has its reasons."""
    return isinstance(element, dict) and (_code(element) != "SUCCESS" or bool(_details(element).get("id")))


def _judge_plain(call: Call, status: int, body: Any) -> Any:
    per_record = isinstance(body, dict) and isinstance(body.get("data"), list)
    if (status >= 400 and not per_record) or _is_error(body):
        raise _refusal(call, status, body)
    if per_record and len(body["data"]) == 1 and _refuses_the_whole(body["data"][0], alone=True):
        raise _refusal(call, status, body["data"][0])
    return body


def _refuses_the_whole(element: Any, *, alone: bool) -> bool:
    """Zoho wraps some refusals of a whole write in `data[]` (OpenAPI examples of insert and update)."""
    if not _is_error(element) or _code(element) not in codes.WHOLE_CALL_CODES:
        return False
    return not alone or "resource_path_index" in _details(element) or _code(element) != "LIMIT_EXCEEDED"


def _refusal(call: Call, status: int, body: Any) -> ZmigrateError:
    code = _code(body) or f"HTTP_{status}"
    message = f"Zoho refuses {_name(call)}: {code}{_said(body)} (status {status})."
    if code == codes.SCOPE_CODE:
        needed = scopes_of_call(call.method, call.path)
        hint = (
            f"It needs {' and '.join(needed)}."
            if needed
            else "Check the scopes that Zoho's page names for it."
        )
        return ScopeError(message, hint=f"{hint} Declare it in the job's scopes.", code=code)
    if status == 401:
        return RefusedError(
            f"Zoho refuses a fresh token at {_name(call)}: {code}.",
            hint="The client may have been removed or its owner deactivated; or the token's api_domain is of"
            " another data centre. Try `zmigrate check`.",
            code=code,
        )
    if status == 403 or code in codes.PERMISSION_CODES:
        permissions = _permissions(body)
        lacking = f" Missing: {', '.join(permissions)}." if permissions else ""
        return RefusedError(message + lacking, hint=codes.WHAT_TO_DO["NO_PERMISSION"], code=code)
    return Fatal(message, status=status, code=code, hint=codes.WHAT_TO_DO.get(code))


def _name(call: Call) -> str:
    return f"{call.method} {call.path}"


def _code(body: Any) -> str:
    """The answer's `code` as text (old answers have a number there), cut down to what a code may hold."""
    code = body.get("code") if isinstance(body, dict) else None
    return re.sub(r"\W", "", str(code))[:60] if isinstance(code, str | int) else ""


def _is_error(body: Any) -> bool:
    return isinstance(body, dict) and body.get("status") == "error"


def _details(body: Any) -> dict[str, Any]:
    details = body.get("details") if isinstance(body, dict) else None
    return details if isinstance(details, dict) else {}


def _permissions(body: Any) -> list[str]:
    permissions = _details(body).get("permissions")
    return [str(name)[:80] for name in permissions] if isinstance(permissions, list) else []


def _said(body: Any) -> str:
    """Zoho's own message and the details that say where, on one line."""
    if not isinstance(body, dict):
        return ""
    message = body.get("message")
    parts = [message] if isinstance(message, str) else []
    for key in ("param_name", "api_name", "column_name", "clause", "near", "reason", "limit", "json_path"):
        value = _details(body).get(key)
        if isinstance(value, str | int):
            parts.append(f"{key}={value}")
    text = " ".join(", ".join(parts).split())[:_TEXT_CUT]
    return f", {text}" if text else ""
