"""Zoho's rules for activities besides their fields' types: for calls as a whole, and inside the lists and
objects of tasks and events (zoho-api 9.2, 9.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from zmigrate.reasons import Reason
from zmigrate.rows.conversion.refusal import LIMIT_EXCEEDED, MANDATORY_NOT_FOUND, Refused, kind_of, shown

DEPENDENT_MISMATCH: Final = "DEPENDENT_MISMATCH"  # Zoho's code for values that contradict each other

PARTICIPANTS: Final = "Participants"
MOST_PARTICIPANTS: Final = 50
PARTICIPANT_TYPES: Final = ("email", "contact", "lead", "user")
PARTICIPANT_MODULES: Final = {"contact": "Contacts", "lead": "Leads"}

WholeCheck = Callable[[Mapping[str, Any], bool], tuple[Reason, ...]]
"""Checks a record after each of its values was checked, and whether the record is new."""


def finished_call(record: Mapping[str, Any], new: bool) -> tuple[Reason, ...]:
    """A call that took place has a duration, others need none (zoho-api 14.15)."""
    duration = record.get("Call_Duration")
    scheduled = record.get("Outbound_Call_Status") == "Scheduled"
    if record.get("Call_Type") not in ("Inbound", "Outbound") or scheduled:
        return ()
    remedy = "leave such calls out, or give it a minute"
    if new and duration is None:
        message = "required field not found: a call that took place has a duration"
        return (Reason(MANDATORY_NOT_FOUND, "Call_Duration", message, None, remedy),)
    if not isinstance(duration, str) or duration.strip("0: "):
        return ()
    message = "the duration of a call that took place can't be zero"
    return (Reason(DEPENDENT_MISMATCH, "Call_Duration", message, shown(duration), remedy),)


WHOLE_CHECKS: Final[Mapping[str, WholeCheck]] = MappingProxyType({"Calls": finished_call})  # by module


def participants(value: Any) -> Any:
    """`[{"type": "email", "Email": ...}]`, or the address as `participant`; another type with the id as
    `participant` (zoho-api 14.24).
    """
    for number, item in enumerate(_objects(value)):
        kind = item.get("type")
        if kind not in PARTICIPANT_TYPES:
            raise Refused(f"[{number}].type is one of {', '.join(PARTICIPANT_TYPES)}, not {shown(kind)}")
        name = "Email" if kind == "email" else "participant"
        if not (item.get(name) or item.get("participant")):
            raise Refused(
                f'[{number}]: a participant of the type "{kind}" has its "{name}"', MANDATORY_NOT_FOUND
            )
    if isinstance(value, list) and len(value) > MOST_PARTICIPANTS:
        raise Refused(f"{len(value)} participants, {MOST_PARTICIPANTS} is the most", LIMIT_EXCEEDED)
    return value


def reminders(value: Any) -> Any:
    """For a task `{"ALARM": "..."}`; for an event `[{"unit": 15, "period": "minutes"}]`."""
    if isinstance(value, Mapping):
        return _with_text(value, "ALARM")
    for number, item in enumerate(_objects(value)):
        if type(item.get("unit")) is not int or not isinstance(item.get("period"), str):
            raise Refused(f'[{number}]: a reminder is {{"unit": 15, "period": "minutes"}}')
    return value


def recurrence(value: Any) -> Any:
    """`{"RRULE": "..."}`."""
    return _with_text(value, "RRULE") if isinstance(value, Mapping) else value


INSIDE: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {PARTICIPANTS: participants, "Remind_At": reminders, "Recurring_Activity": recurrence}
)
"""By field: the check of a value that is a list or an object."""


def _with_text(value: Mapping[str, Any], name: str) -> Any:
    if not isinstance(value.get(name), str):
        raise Refused(f'an object with the text "{name}" is wanted')
    return value


def _objects(value: Any) -> list[Mapping[str, Any]]:
    items = value if isinstance(value, list) else []
    for number, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise Refused(f"[{number}]: an object is wanted, not {kind_of(item)}")
    return items
