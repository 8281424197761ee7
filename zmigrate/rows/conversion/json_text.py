"""Lists and objects, given as such or as JSON of them."""

from __future__ import annotations

from typing import Any

import orjson

from zmigrate.rows.conversion.refusal import Refused, take


def from_json(value: Any) -> Any:
    """The value of a JSON text; any other value unchanged."""
    value = take(value)
    if not isinstance(value, str):
        return value
    if value[0] not in "[{":
        raise Refused("a list or an object is wanted, or JSON of one, not text")
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Refused(f"not JSON that can be read: {error}") from None


def whole(value: Any) -> Any:
    """An object or a list of objects, given as such or as JSON. Any other value or text unchanged."""
    text = value.strip() if isinstance(value, str) else ""
    return from_json(text) if text[:1] == "{" or (text[:1] == "[" and text[1:].lstrip()[:1] == "{") else value


def listed(text: str) -> list[Any] | None:
    """The list whose JSON a text is, as result files write lists of texts or objects. None for other text."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if all(isinstance(item, (str, dict)) for item in found) else None
