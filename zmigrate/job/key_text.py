"""Keys of several fields as one text: their names, and their values. Pure.

Different values never become the same text: a `|` in a value is doubled, so a single one between blanks only
stands between two values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

PLUS: Final = "+"  # no api name has one
BAR: Final = " | "


def key_name(fields: str | Sequence[str]) -> str:
    """`Last_Name+Company`; the name of a single field as it is."""
    return fields if isinstance(fields, str) else PLUS.join(fields)


def fields_of_key(name: str | None) -> tuple[str, ...]:
    """The fields that a key's name names; none for no key."""
    return () if name is None else tuple(name.split(PLUS))


def is_composite(name: str | None) -> bool:
    """Whether a key's name names several fields."""
    return name is not None and PLUS in name


def key_text(values: Sequence[str]) -> str:
    """`Doe | Acme`: several values as one text."""
    return BAR.join(value.strip().replace("|", "||") for value in values)


def values_of_key(text: str) -> list[str]:
    """The values that `key_text` joined."""
    return [value.replace("||", "|") for value in text.split(BAR)]
