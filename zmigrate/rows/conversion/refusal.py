"""What all types of fields share: how a value is taken, and how it is refused."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Final, NamedTuple

from zmigrate.job.references import Find, Ref
from zmigrate.rows.bad_cell import BadCell

INVALID_DATA: Final = "INVALID_DATA"
MANDATORY_NOT_FOUND: Final = "MANDATORY_NOT_FOUND"
LIMIT_EXCEEDED: Final = "LIMIT_EXCEEDED"
NOTHING: Final = object()
"""What a converter gives where there is nothing to send."""
LONGEST_SHOWN: Final = 200


class FieldError(NamedTuple):
    """What is wrong with one field: Zoho's code or ours, why, and the value as it is shown."""

    field: str
    """Its api name; `Quoted_Items[2].Quantity` is in the third row of a subform."""
    code: str
    message: str
    value: str = ""
    ambiguous: bool = False
    """The value could be read in several ways."""


class Refused(Exception):
    """A value can't become what its field takes."""

    def __init__(
        self,
        message: str,
        code: str = INVALID_DATA,
        *,
        ambiguous: bool = False,
        within: tuple[FieldError, ...] = (),
    ) -> None:
        """`within`: the errors of a subform's rows, their fields named from the row on: `[2].Quantity`."""
        super().__init__(message)
        self.message = message
        self.code = code
        self.ambiguous = ambiguous
        self.within = within

    def errors(self, field: str, value: object) -> tuple[FieldError, ...]:
        """As errors of the field that has the value."""
        if self.within:
            return tuple(error._replace(field=field + error.field) for error in self.within)
        return (FieldError(field, self.code, self.message, shown(value), self.ambiguous),)


class BadValue(Exception):
    """A record with values that Zoho would refuse or drop: all of them in `errors`.

    `field`, `code`, `message` and `value` are theirs, those of several joined by "; ".
    """

    def __init__(self, *errors: FieldError) -> None:
        self.errors = errors
        self.field = _joined(error.field for error in errors)
        self.code = _joined(error.code for error in errors)
        self.value = _joined(error.value for error in errors)
        self.ambiguous = any(error.ambiguous for error in errors)
        full = "; ".join(
            f"{error.field}: {error.message}" if error.field else error.message for error in errors
        )
        self.message = full if len(errors) > 1 else errors[0].message
        super().__init__(full)


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(part for part in parts if part))


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
        Decimal: "a number",
        date: "a date",
        datetime: "a date-time",
        time: "a time",
        dict: "an object",
        list: "a list",
        str: "text",
    }
    return names.get(type(value), f"a {type(value).__name__}")


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
            text = repr(value)
        except Exception as error:
            text = f"<{type(value).__name__} whose repr fails: {type(error).__name__}>"
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
