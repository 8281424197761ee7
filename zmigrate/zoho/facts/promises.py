"""What the answer to a read must hold: by path, the name of its list or number.

Source: the OpenAPI files of each call. An empty module, or a search without a hit, is answered 204 without a
body (status-codes.html): any other answer that lacks what stands here is no answer.
"""

from __future__ import annotations

import re
from typing import Final

_MODULE: Final = r"[A-Z]\w*"

_LISTS: Final = tuple(
    (re.compile(rf"/crm/v[\d.]+/{path}"), name)
    for path, name in (
        ("coql", "data"),
        ("org", "org"),
        (r"users(?:/\d+)?", "users"),
        (r"settings/(fields|layouts|modules|related_lists)(?:/\w+)?", ""),
        (_MODULE, "data"),
        (rf"{_MODULE}/(?:deleted|search|\d+)", "data"),
        (rf"{_MODULE}/\d+/{_MODULE}", "data"),
    )
)
"""Path and name; an empty name is the part of the path in brackets."""

_COUNT: Final = re.compile(rf"/crm/v[\d.]+/{_MODULE}/actions/count")


def promised_list(path: str) -> str | None:
    """The name of the list that a read of this path is answered with; None where that is not known."""
    for pattern, name in _LISTS:
        match = pattern.fullmatch(path)
        if match is not None:
            return name or match[1]
    return None


def promises_count(path: str) -> bool:
    """Whether a read of this path is answered with a number under `count`."""
    return _COUNT.fullmatch(path) is not None
