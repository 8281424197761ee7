"""The fault `row_error`: single rows of a write fail for no reason of their own, done all the same or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from .answers import Answer, named
from .faults import Fault


def with_row_errors(rows: list[Any], fault: Fault, run: Callable[[], Answer]) -> Answer:
    """Runs a write of these rows, and answers for those that the fault hits with its error.

    Rows that shall not be done are put out of the way, at their places: the others keep their numbers.
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
        results[number] = named(str(fault.code), fault.message, fault.details).envelope()
    failed = sum(result["status"] == "error" for result in results)
    return replace(answer, status=400 if failed == len(results) else 207, body=orjson.dumps(body))
