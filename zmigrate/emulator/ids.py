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
