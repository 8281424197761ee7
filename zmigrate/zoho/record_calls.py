"""Bodies of writes; and calls of a job's author: the body as bytes, how many records the call writes, and the
result for each. Nothing is sent here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from zmigrate.errors import UsageError
from zmigrate.zoho.automations import CADENCES, UPSERT_CADENCES, is_composite
from zmigrate.zoho.facts.limits import HEAVY_FROM_RECORDS
from zmigrate.zoho.paths import taken_apart

if TYPE_CHECKING:
    from zmigrate.zoho.answers import Method
    from zmigrate.zoho.crm import Operation

_ID = re.compile(r"[0-9]+")

_HEAVY_PARAMS = frozenset({"cvid", "sort_by"})
_HEAVY_ACTION = re.compile(r"/actions/(?:convert|send_mail)$")
"""These count towards Zoho's sub-concurrency, as do large writes, queries and composite requests (API
limits).
"""


def is_query(path: str) -> bool:
    """Whether a POST to this path is a query, which changes nothing."""
    return taken_apart(path).parts == ("coql",) and path.endswith("/coql")


def is_heavy(method: Method, path: str, query: Sequence[tuple[str, str]], rows: int) -> bool:
    """Whether a call counts towards Zoho's sub-concurrency."""
    if method == "GET":
        return any(name in _HEAVY_PARAMS for name, _ in query)
    alone = is_query(path) or is_composite(path) or _HEAVY_ACTION.search(path) is not None
    return alone or rows >= HEAVY_FROM_RECORDS


def encoded(json: Any) -> bytes:
    """A body as bytes. Raises UsageError for a value that JSON can't have."""
    try:
        content = orjson.dumps(json)
    except TypeError as error:  # orjson's own error is one
        raise UsageError(
            f"The body can't be sent as JSON: {error}.",
            hint="JSON has texts, whole numbers of up to 64 bits, other numbers, true, false, null, lists and"
            " objects, nested at most 250 deep.",
        ) from None
    if _holds_no_number(json):  # it would be sent as null and empty the field
        raise UsageError(
            "The body has NaN or infinity, which JSON can't have.",
            hint="Give a number, or null to empty the field.",
        )
    return content


def _holds_no_number(json: Any) -> bool:
    if isinstance(json, float):
        return not math.isfinite(json)
    inside = json.values() if isinstance(json, dict) else json if isinstance(json, list | tuple) else ()
    return any(map(_holds_no_number, inside))


def data_of(json: Any) -> list[Any]:
    """The records in the body of a call, or the results in the body of its answer."""
    data = json.get("data") if isinstance(json, dict) else None
    return list(data) if isinstance(data, list | tuple) else []  # both are sent as a list


def records_written(
    method: Method, path: str, query: Sequence[tuple[str, str]], json: Any
) -> tuple[Operation | None, int]:
    """What a call does to how many records. (None, 0) if it does not write records."""
    place = taken_apart(path)
    behind = place.rest[0] if place.rest else ""
    of_records = len(place.rest) < 2 and (behind in {"", "upsert"} or _ID.fullmatch(behind) is not None)
    if place.module is None or not of_records or method == "GET":
        return None, 0
    if method == "DELETE":
        ids = [behind] if behind else [one for one in dict(query).get("ids", "").split(",") if one.strip()]
        return ("delete", len(ids)) if ids else (None, 0)
    records = len(data_of(json))
    if not records:
        return None, 0
    if method == "POST":
        return "upsert" if behind == "upsert" else "insert", records
    return "update", records


def elements_of(body: Any) -> Iterator[Mapping[str, Any]]:
    """The results in an answer to a write: the elements of `data[]`, `tags[]` …; of a composite request, the
    results of its parts. (zoho-api 4.1; OpenAPI composite_requests)
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
    """The answer to one request of a composite one. None if the element is not one."""
    details = element.get("details")
    response = details.get("response") if isinstance(details, dict) else None
    return response.get("body") if isinstance(response, dict) else None


def write_body(
    records: Sequence[Any], operation: Operation, trigger: Sequence[str] = (), match_on: str | None = None
) -> bytes:
    """The body of an insert, update or upsert as bytes.

    Records are dicts ready for JSON, or `orjson.Fragment`s of encoded records.
    """
    return orjson.dumps(body_of(records, operation, trigger, match_on))


def body_of(
    records: Sequence[Any], operation: Operation, trigger: Sequence[str] = (), match_on: str | None = None
) -> dict[str, Any]:
    """The body of an insert, update or upsert. An empty `trigger` is sent too: without it everything runs."""
    body: dict[str, Any] = {
        "data": records,
        "trigger": list(trigger),
        "skip_feature_execution": UPSERT_CADENCES if operation == "upsert" else CADENCES,
    }
    if match_on is not None:
        body["duplicate_check_fields"] = [match_on]
    return body
