"""Record ids in requests and answers."""

from __future__ import annotations

from typing import Any

MAX_DIGITS = 24


def id_number(value: Any) -> int | None:
    """The number of an id, or None if the value is not an id. Ids are strings (OAS): `0123` is not `123`."""
    text = str(value)
    if len(text) > MAX_DIGITS or not text.isascii() or not text.isdecimal() or text[0] == "0":
        return None
    return int(text)


def with_numbers(value: Any) -> Any:
    """The JSON value, with each `id` in it as a number."""
    if isinstance(value, list):
        return [with_numbers(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _number(item) if name == "id" else with_numbers(item) for name, item in value.items()}


def _number(given: Any) -> Any:
    """The id as a number, if it is an id and fits into 64 bits; otherwise the value itself."""
    number = id_number(given) if isinstance(given, str) and given else None
    return given if number is None or number >= 2**63 else number
