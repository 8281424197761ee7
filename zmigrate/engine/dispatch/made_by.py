"""Whether a request of ours made or changed a record: its times and users tell. Pure.

The answer is None where Zoho's words can't be read: then nobody knows, which is not "no".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from zmigrate.zoho.ids import id_text


def made_by_us(record: Mapping[str, Any], first_intent: float | None, user: str | None) -> bool | None:
    """Whether a record was made no earlier than our first request, and by the user that our token acts as.

    Both sides are on Zoho's clock; `Created_Time` has whole seconds.
    """
    return _ours(record.get("Created_Time"), record.get("Created_By"), first_intent, user)


def changed_by_us(record: Mapping[str, Any], first_intent: float | None, user: str | None) -> bool | None:
    """Whether a record's last change came no earlier than our first request, and by the user that our token
    acts as."""
    return _ours(record.get("Modified_Time"), record.get("Modified_By"), first_intent, user)


def in_second_of(record: Mapping[str, Any], first_intent: float | None) -> bool:
    """Whether a record's last change came in the very second of our first request: Zoho tells no more."""
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
    """Seconds since the epoch; None for what is no time with an offset (zoho-api 4.1)."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.timestamp()
