"""What all types of fields share: how a value is taken, and how it is refused."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from zmigrate.rows.bad_cell import BadCell

INVALID_DATA: Final = "INVALID_DATA"
NOTHING: Final = object()
"""What a converter gives where there is nothing to send."""


class Refused(Exception):
    """A value can't become what its field takes."""

    def __init__(self, message: str, code: str = INVALID_DATA) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def take(value: Any) -> Any:
    """An enum's value, text trimmed, empty text as NOTHING."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        value = str(value).strip()
        if not value:
            return NOTHING
    return value


def kind_of(value: Any) -> str:
    if isinstance(value, BadCell):
        return value.why
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        dict: "an object",
        list: "a list",
        str: "text",
    }
    return names.get(type(value), f"a {type(value).__name__}")


def short(value: Any) -> str:
    if not isinstance(value, str):
        return kind_of(value)
    return repr(value if len(value) <= 60 else value[:60] + "…")
