"""What the answer to a read must have: the name of its list or number, by path.

Source: the OpenAPI file of each call. An empty module, or a search without a hit, is answered with 204 and no
body (status-codes.html); any other answer must have what this table names.
"""

from __future__ import annotations

import re
from typing import Final

from zmigrate.zoho.facts.scopes import module_of
from zmigrate.zoho.paths import taken_apart

_LISTS: Final = tuple(
    (re.compile(path), name)
    for path, name in (
        ("coql", "data"),
        ("org", "org"),
        (r"users(?:/\d+)?", "users"),
        (r"settings/(fields|layouts|modules|related_lists)(?:/\w+)?", ""),
    )
)
"""Path and name. An empty name: the part of the path in brackets."""

_RECORDS: Final = re.compile(r"\w+(?:/(?:deleted|search|\d+|\d+/[A-Z]\w*))?")
_COUNT: Final = re.compile(r"\w+/actions/count")


def promised_list(path: str) -> str | None:
    """The name of the list in the answer to a read of this path. None if it is not known."""
    parts = _parts(path)
    if module_of(path) is not None:
        return "data" if _RECORDS.fullmatch(parts) else None
    for pattern, name in _LISTS:
        match = pattern.fullmatch(parts)
        if match is not None:
            return name or match[1]
    return None


def promises_count(path: str) -> bool:
    """Whether the answer to a read of this path has a number `count`."""
    return module_of(path) is not None and _COUNT.fullmatch(_parts(path)) is not None


def _parts(path: str) -> str:
    place = taken_apart(path)
    return "" if place.area else place.written
