"""The answers of faults: refusals without a reason, empty or cut bodies, and single rows that fail.

A proxy or a service in trouble answers 200 with an empty or wrong body. Zoho documents no such answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from .answers import Answer, Json, documented, error, json_answer
from .faults import Fault
from .options import EmptyBody
from .world import World

HTML = b"<!DOCTYPE html>\n<html><head><title>Zoho CRM</title></head><body>One moment, please</body></html>"
A_LIST = b'{"data":[{"id":"5545974000000500002"},{"id":"5545974000000500003"}]}'
GARBAGE = b'<html><head><title>502</title></head><body>upstream {"data":['
TOO_MANY: dict[str, Json] = {
    "code": error("TOO_MANY_REQUESTS", "too many requests. please try again after some time", {}),
    "number": {
        "code": 429,
        "error": "TOO_MANY_REQUESTS",
        "error_info": "Many requests fired than the allowed limit for the past 24 hours.",
        "details": [],
    },
}


def too_many_requests(world: World) -> Answer:
    """429. Zoho answers the same for calls in flight and for credits.

    UNCONFIRMED: the text. The body with a number is an older one; `details.retry_after` is from OAS `apis`,
    `retry_in_seconds` from a third party's client.
    """
    options = world.options
    headers, seconds = world.credits.headers(options), options.retry_after_s
    body: Json = {**TOO_MANY[options.too_many_shape]}
    if seconds is not None and options.retry_after_in == "header":
        headers = (*headers, (b"retry-after", str(seconds).encode()))
    elif seconds is not None and options.retry_after_in == "details":
        body["details"] = {"retry_after": seconds}
    elif seconds is not None:
        body["retry_in_seconds"] = seconds
    return json_answer(body, 429, headers)


def fault_answer(world: World, fault: Fault) -> Answer:
    """The answer that the fault gives in full, or names by its status or its code."""
    status = fault.status or (int(fault.kind[:3]) if fault.kind[0].isdigit() else 200)
    headers = tuple((name.lower().encode(), str(value).encode()) for name, value in fault.headers.items())
    if fault.body is not None:
        body = fault.body.encode() if isinstance(fault.body, str) else orjson.dumps(fault.body)
        return Answer(status, body, headers)
    if fault.code is not None:
        wrapped = fault.kind == "wrapped"
        answer = documented(fault.code, fault.message, fault.details, status, wrapped=wrapped).answer()
    elif status == 401:
        answer = documented(world.options.dead_token_code, status=401).answer()
    elif status == 429:
        answer = too_many_requests(world)
    elif status == 500:
        answer = documented("INTERNAL_ERROR", status=500).answer()
    else:
        page = b"<html><head><title>%d</title></head><body></body></html>" % status
        answer = Answer(status, page, content_type=b"text/html")
    return replace(answer, headers=(*answer.headers, *headers))


def shortened(answer: Answer) -> Answer:
    """The answer without the last element of `data[]`."""
    value = orjson.loads(answer.body or b"null")
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value["data"].pop()
    return json_answer(value, answer.status, answer.headers)


def emptied(answer: Answer, path: str, body: EmptyBody) -> Answer:
    """The answer to a call of `path` with status 200 and an empty or wrong body."""
    match body:
        case "none":
            return Answer(200, None, answer.headers)
        case "html":
            return Answer(200, HTML, answer.headers, b"text/html;charset=UTF-8")
        case "half":
            whole = answer.body or A_LIST
            return Answer(200, whole[: len(whole) // 2], answer.headers, answer.content_type)
    values: dict[str, Any] = {"object": {}, "null_list": {list_key(path): None}, "list": [], "text": "OK"}
    return json_answer(values.get(body, 0), 200, answer.headers)


def list_key(path: str) -> str:
    """The key of the records, users, fields … in the answer to a call of `path`."""
    match path.strip("/").split("/")[2:]:
        case ["users" | "org" as name, *_] | ["settings", name, *_]:
            return name
        case [_, "actions", "count"]:
            return "count"
    return "data"


def with_row_errors(rows: list[Any], fault: Fault, run: Callable[[], Answer]) -> Answer:
    """Runs a write of `rows`, and answers with the fault's error for each row that the fault hits.

    If such a row shall not be written, None takes its place, so that the other rows keep their numbers.
    """
    hit = [number for number, row in enumerate(rows) if fault.rows_containing in orjson.dumps(row)]
    if not fault.applied:
        for number in hit:
            rows[number] = None
    answer = run()
    body = orjson.loads(answer.body or b"null")
    results = body.get("data") if isinstance(body, dict) else None
    if not hit or not isinstance(results, list) or len(results) != len(rows):
        return answer
    for number in hit:
        results[number] = documented(str(fault.code), fault.message, fault.details).error
    failed = sum(result["status"] == "error" for result in results)
    return replace(answer, status=400 if failed == len(results) else 207, body=orjson.dumps(body))
