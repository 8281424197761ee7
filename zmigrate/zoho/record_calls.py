"""Calls as a job's author writes them: how many records a path and a body write, and what the answer says of
each. Nothing is sent here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from zmigrate.zoho.answers import Method
    from zmigrate.zoho.crm import Operation

_RECORD_PATH = re.compile(r"/crm/v[\d.]+/(?P<module>[A-Z]\w*)(?:/(?P<rest>upsert|\d+))?")

_QUERY_PATH = re.compile(r"/crm/v[\d.]+/coql")


def is_query(path: str) -> bool:
    """Whether a POST to this path is a query, which changes nothing."""
    return _QUERY_PATH.fullmatch(path.partition("?")[0]) is not None


def record_path(path: str) -> tuple[re.Match[str] | None, dict[str, str]]:
    """The path of a module's records, None for another one, and the parameters that are written behind it."""
    bare, _, query = path.partition("?")
    return _RECORD_PATH.fullmatch(bare), dict(parse_qsl(query))


def data_of(json: Any) -> list[Any]:
    """The records in the body of a call, or what the body of its answer says of each."""
    data = json.get("data") if isinstance(json, dict) else None
    return list(data) if isinstance(data, list | tuple) else []  # both are sent as a list


def records_written(
    method: Method, path: str, query: Sequence[tuple[str, str]], json: Any
) -> tuple[Operation | None, int]:
    """What a call does to how many records; (None, 0) where it is no write of records."""
    match, written_behind = record_path(path)
    if match is None or method == "GET":
        return None, 0
    if method == "DELETE":
        named = {**written_behind, **dict(query)}.get("ids", "")
        ids = [match["rest"]] if match["rest"] else [one for one in named.split(",") if one.strip()]
        return ("delete", len(ids)) if ids else (None, 0)
    records = len(data_of(json))
    if not records:
        return None, 0
    if method == "POST":
        return "upsert" if match["rest"] == "upsert" else "insert", records
    return "update", records


def elements_of(body: Any) -> Iterator[Mapping[str, Any]]:
    """What an answer to a write says of each record or other thing: the elements of `data[]`, `tags[]` …; of
    a composite request, those of its parts. (zoho-api 4.1; OpenAPI composite_requests)
    """
    if not isinstance(body, dict):
        return
    if "code" in body:
        yield body
        return
    for listed in body.values():
        for element in listed if isinstance(listed, list) else ():
            if isinstance(element, dict) and ("code" in element or "status" in element):
                yield from list(elements_of(_answer_of_a_part(element))) or [element]


def _answer_of_a_part(element: Mapping[str, Any]) -> Any:
    """The answer to one request out of several that went together; None where the element is no such."""
    details = element.get("details")
    response = details.get("response") if isinstance(details, dict) else None
    return response.get("body") if isinstance(response, dict) else None
