"""Tells from a record's times and users whether a request of ours made or changed it. Pure.

The answer is None where the record's times can't be read: None means "not known", not "no".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from zmigrate.zoho.ids import id_text


def made_by_us(record: Mapping[str, Any], first_intent: float | None, user: str | None) -> bool | None:
    """Whether a record was made by the user that our token acts as, and not before our first request.

    Both times are on Zoho's clock; `Created_Time` has whole seconds.
    """
    return _ours(record.get("Created_Time"), record.get("Created_By"), first_intent, user)


def changed_by_us(record: Mapping[str, Any], first_intent: float | None, user: str | None) -> bool | None:
    """Whether a record was last changed by the user that our token acts as, and not before our first
    request."""
    return _ours(record.get("Modified_Time"), record.get("Modified_By"), first_intent, user)


def in_second_of(record: Mapping[str, Any], first_intent: float | None) -> bool:
    """Whether a record was last changed in the second of our first request: Zoho's times have no fractions,
    so which of the two came first is not known."""
    changed = _seconds(record.get("Modified_Time"))
    return changed is not None and first_intent is not None and int(changed) == int(first_intent)


def _ours(at: object, by: object, first_intent: float | None, user: str | None) -> bool | None:
    who = id_text(by.get("id")) if isinstance(by, Mapping) else None
    if user is not None and who is not None and who != user:
        return False
    moment = _seconds(at)
    if moment is None or first_intent is None:
        return None
    return moment >= int(first_intent)


def _seconds(text: object) -> float | None:
    """Seconds since the epoch; None for a text that is not a time with an offset (zoho-api 4.1)."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.timestamp()
