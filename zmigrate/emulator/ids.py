"""Ids as calls write them."""

from __future__ import annotations

from typing import Any

MAX_DIGITS = 24


def id_number(value: Any) -> int | None:
    """The number behind an id, or None for what can be none. Ids are strings (OAS): `0123` is not `123`."""
    text = str(value)
    if len(text) > MAX_DIGITS or not text.isascii() or not text.isdecimal() or text[0] == "0":
        return None
    return int(text)


def with_numbers(value: Any) -> Any:
    """A value of JSON with each `id` in it as a number."""
    if isinstance(value, list):
        return [with_numbers(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _number(item) if name == "id" else with_numbers(item) for name, item in value.items()}


def _number(given: Any) -> Any:
    """An id as a number, where it is an id and a number of JSON (64 bits) can hold it."""
    number = id_number(given) if isinstance(given, str) and given else None
    return given if number is None or number >= 2**63 else number
