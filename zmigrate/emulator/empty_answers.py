"""Answers with status 200 and a body that is none, or not what the call promises: pure misbehaviour.

A proxy or a service in trouble gives such; Zoho documents no answer of the kind.
"""

from __future__ import annotations

from typing import Literal, get_args

from .answers import Answer, json_answer

EmptyBody = Literal["none", "object", "null_list", "list", "text", "number", "html", "half"]
"""No body; `{}`; null where the call promises a list; a JSON list, text or number; a page; JSON cut off."""
EMPTY_BODIES: tuple[EmptyBody, ...] = get_args(EmptyBody)

HTML = b"<!DOCTYPE html>\n<html><head><title>Zoho CRM</title></head><body>One moment, please</body></html>"
A_LIST = b'{"data":[{"id":"5545974000000500002"},{"id":"5545974000000500003"}]}'


def emptied(answer: Answer, path: str, body: EmptyBody) -> Answer:  # noqa: PLR0911  # a table
    """What is sent in place of an honest answer to a call of `path`."""
    match body:
        case "none":
            return Answer(200, None, answer.headers)
        case "object":
            return json_answer({}, 200, answer.headers)
        case "null_list":
            return json_answer({promised(path): None}, 200, answer.headers)
        case "list":
            return json_answer([], 200, answer.headers)
        case "text":
            return json_answer("OK", 200, answer.headers)
        case "number":
            return json_answer(0, 200, answer.headers)
        case "html":
            return Answer(200, HTML, answer.headers, b"text/html;charset=UTF-8")
        case "half":
            whole = answer.body or A_LIST
            return Answer(200, whole[: len(whole) // 2], answer.headers, answer.content_type)


def promised(path: str) -> str:
    """The key under which the answer to a call of `path` gives what was asked for."""
    match path.strip("/").split("/")[2:]:
        case ["users" | "org" as name, *_] | ["settings", name, *_]:
            return name
        case [_, "actions", "count"]:
            return "count"
    return "data"
