"""Ids of Zoho as text. They come as digits in quotes (zoho-api 4.1), and from some places as JSON numbers."""

from __future__ import annotations

from typing import Final

LONGEST_ID: Final = 20
"""Digits; today's ids have 18 or 19 (zoho-api 4.1)."""


def is_id(text: str) -> bool:
    """Whether a text can be a record's id."""
    return len(text) <= LONGEST_ID and text.isascii() and text.isdigit()


def id_text(value: object) -> str | None:
    """The id that a JSON value stands for; None where it stands for none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    return text if is_id(text) else None
