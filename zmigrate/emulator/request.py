"""A request, and the checks of its body: length, type and nesting.

Zoho documents the statuses 413 and 415 for bodies, but no codes. The emulator refuses bodies that are not
JSON to protect itself: a browser lets a web page send such bodies without asking first. A body without a
content type is read as JSON, because Zoho's own SDK sends none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from .answers import Json, Refused, unreadable_body
from .options import shown

NESTING_LIMIT = 50
"""Levels. No value of a record has more than six; orjson writes 254."""
JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    body: bytes

    def header(self, name: bytes) -> str | None:
        value = self.headers.get(name)
        return value.decode("latin-1") if value is not None else None


def too_long(limit_bytes: int) -> Refused:
    text = f"the body has more than {limit_bytes} bytes"
    return Refused("REQUEST_BODY_TOO_LARGE", text, {"maximum_length": limit_bytes}, status=413)


def check_headers(request: Request, limit_bytes: int) -> None:
    """Refuses a body that is compressed or too long, before the body is read."""
    encoding = request.header(b"content-encoding") or "identity"
    if encoding.strip().lower() != "identity":
        raise wrong_type(f"the emulator reads no compressed bodies (Content-Encoding: {shown(encoding)})")
    length = request.header(b"content-length") or "0"
    if length.isdecimal() and int(length[:20]) > limit_bytes:
        raise too_long(limit_bytes)


def check_json(request: Request, body: bytes) -> None:
    """Refuses a body whose content type is not JSON."""
    kind = request.header(b"content-type")
    if body and kind is not None and kind.partition(";")[0].strip().lower() != JSON_TYPE:
        raise wrong_type(
            f"the body must be JSON and say so with the header Content-Type: {JSON_TYPE}"
            f" (curl: -H 'Content-Type: {JSON_TYPE}'), not {shown(kind)}"
        )


def wrong_type(why: str) -> Refused:
    return Refused("UNSUPPORTED_MEDIA_TYPE", why, status=415)


def json_of(body: bytes) -> Any:
    """The body's JSON value. Refuses other text, and JSON that is nested too deeply to be stored."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise unreadable_body() from None
    if is_deep(value, NESTING_LIMIT):
        raise Refused("INVALID_DATA", f"the body is nested more than {NESTING_LIMIT} levels deep")
    return value


def is_deep(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested more than `levels` deep."""
    if type(value) is dict:
        value = value.values()
    elif type(value) is not list:
        return False
    return levels == 0 or any(is_deep(one, levels - 1) for one in value if type(one) in (dict, list))


def parsed(body: bytes) -> Json:
    """The body's JSON object."""
    value = json_of(body)
    if not isinstance(value, dict):
        raise unreadable_body()
    return value
