"""Zoho's ids as text. They are digits in quotes (zoho-api 4.1), but in some places JSON numbers."""

from __future__ import annotations

from typing import Final

LONGEST_ID: Final = 20  # Digits; today's ids have 18 or 19 (zoho-api 4.1)


def is_id(text: str) -> bool:
    """Whether a text can be a record's id."""
    return len(text) <= LONGEST_ID and text.isascii() and text.isdigit()


def id_text(value: object) -> str | None:
    """The id in a JSON value, or None."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    return text if is_id(text) else None
