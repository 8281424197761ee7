"""What all types of fields share: how a value is taken, and how it is refused."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from zmigrate.job.blank import Blank
from zmigrate.job.references import Find, Ref
from zmigrate.reasons import Reason, told
from zmigrate.rows.bad_cell import BadCell
from zmigrate.wording import as_text, without_addresses

INVALID_DATA: Final = "INVALID_DATA"
UNKNOWN_FIELD: Final = "UNKNOWN_FIELD"
MANDATORY_NOT_FOUND: Final = "MANDATORY_NOT_FOUND"
LIMIT_EXCEEDED: Final = "LIMIT_EXCEEDED"
NOTHING: Final = object()
"""What a converter gives where there is nothing to send."""
LONGEST_SHOWN: Final = 200


class Refused(Exception):
    """A value can't become what its field takes."""

    def __init__(
        self,
        message: str,
        code: str = INVALID_DATA,
        *,
        remedy: str | None = None,
        ambiguous: bool = False,
        within: tuple[Reason, ...] = (),
    ) -> None:
        """`within`: the reasons of a subform's rows, their fields named from the row on: `[2].Quantity`."""
        self.reason = Reason(code, None, message, None, remedy, ambiguous)
        super().__init__(told(self.reason))
        self._within = within

    def reasons(self, field: str, value: object) -> tuple[Reason, ...]:
        """As reasons of the field that has the value."""
        if self._within:
            return tuple(reason._replace(field=f"{field}{reason.field}") for reason in self._within)
        return (self.reason._replace(field=field, value=shown(value) or None),)


class BadValue(Exception):
    """A record with values that Zoho would refuse or drop: all of them in `reasons`, the rest in `record`."""

    def __init__(self, *reasons: Reason, record: dict[str, Any] | None = None) -> None:
        self.record = record or {}
        self.reasons = tuple(map(_printable, reasons))
        super().__init__(
            "; ".join(
                f"{reason.field}: {told(reason)}" if reason.field else told(reason) for reason in reasons
            )
        )


def _printable(reason: Reason) -> Reason:
    """The same as text that every file takes: names and values are an author's."""
    code, field, message, value, remedy, ambiguous = reason
    field = None if field is None else as_text(field)
    return Reason(code, field, as_text(message), None if value is None else as_text(value), remedy, ambiguous)


def take(value: Any) -> Any:
    """An enum's value, text trimmed. Empty text is NOTHING, and so is an empty list: Zoho's own answers have
    one where a record has no tags or no rows.
    """
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        value = str(value).strip()
        if not value:
            return NOTHING
    return NOTHING if isinstance(value, list | tuple) and not value else value


def kind_of(value: Any) -> str:
    if isinstance(value, BadCell):
        return value.why
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        Decimal: "a number",
        date: "a date",
        datetime: "a date-time",
        time: "a time",
        dict: "an object",
        list: "a list",
        str: "text",
        bytes: "bytes",
    }
    if value is Blank:
        return "Blank"
    name = type(value).__name__
    return names.get(type(value), f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}")


def short(value: Any) -> str:
    if not isinstance(value, str):
        return kind_of(value)
    return repr(value if len(value) <= 60 else value[:60] + "…")


def shown(value: object) -> str:
    """A value as text of at most 200 characters, whatever it is."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, Ref | Find):
        text = str(value.key if isinstance(value, Ref) else value.value)
    elif type(value) in (date, datetime, time, Decimal):
        text = str(value)
    else:
        try:
            text = without_addresses(repr(value))
        except Exception as error:
            text = f"<{type(value).__name__} whose repr fails: {type(error).__name__}>"
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
