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
    shown = {}
    for name, item in value.items():
        number = id_number(item) if name == "id" and isinstance(item, str) and item else None
        shown[name] = with_numbers(item) if number is None else number
    return shown
