"""The checks of single values: types, lengths, pick lists, references. Each field gets its check once.

Facts: docs v7 "insert records" (sample attributes), OAS `record.json`; limits as in "field metadata".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from math import isfinite
from typing import Any
from unicodedata import normalize

from .answers import UNKNOWN_ID, Json, error
from .clock import instant
from .fields import Field
from .ids import id_number

Check = Callable[[Any], Any]
"""Takes a value and returns what is stored; raises Invalid for a value that Zoho refuses."""

DATE = re.compile(r"\d{4}-\d\d-\d\d")
DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?([+-]\d\d:\d\d|Z)")
BIGINT = re.compile(r"-?\d+")
MAX_WHOLE_DIGITS = 16
MAX_DIGITS_AFTER_POINT = 9
DROPPED = object()


class Invalid(Exception):
    """A value that Zoho refuses. `path` follows the field's name in `json_path`; `api_name` names a value
    inside the field's value."""

    def __init__(
        self,
        details: Json,
        code: str = "INVALID_DATA",
        message: str = "invalid data",
        path: str = "",
        api_name: str = "",
    ) -> None:
        super().__init__(code)
        self.details = details
        self.code = code
        self.message = message
        self.path = path
        self.api_name = api_name

    def problem(self, field_name: str, index: int) -> Json:
        """The error object for row `index` of the call."""
        where = {
            "api_name": self.api_name or field_name,
            "json_path": f"$.data[{index}].{field_name}{self.path}",
        }
        if self.api_name:
            where["parent_api_name"] = field_name
        return error(self.code, self.message, {**self.details, **where})

    def problems(self, field_name: str, index: int) -> list[Json]:
        return [self.problem(field_name, index)]


def expects(data_type: str, path: str = "", api_name: str = "") -> Invalid:
    return Invalid({"expected_data_type": data_type}, path=path, api_name=api_name)


def too_long(most: int, path: str = "", api_name: str = "") -> Invalid:
    return Invalid({"maximum_length": most}, path=path, api_name=api_name)


def unknown_id(given: str, path: str = ".id", api_name: str = "") -> Invalid:
    return Invalid({"id": given}, message=UNKNOWN_ID, path=path, api_name=api_name)


def missing(path: str = "", api_name: str = "") -> Invalid:
    return Invalid({}, "MANDATORY_NOT_FOUND", "required field not found", path, api_name)


def text(size: int) -> Check:
    """Text is stored as it comes. UNCONFIRMED: text of blanks alone counts as empty."""

    def check(value: Any) -> Any:
        if type(value) is not str:
            raise expects("string")
        if len(value) > size:
            raise too_long(size)
        return value if value.strip() else None

    return check


def pattern(size: int, wanted: re.Pattern[str], kind: str) -> Check:
    """Text that is like a pattern, letters with their accents as one character."""

    def check(value: Any) -> Any:
        if type(value) is not str:
            raise expects(kind)
        if len(value) > size:
            raise too_long(size)
        if value and not wanted.fullmatch(normalize("NFC", value)):
            raise expects(kind)
        return value or None

    return check


def integer(digits: int) -> Check:
    def check(value: Any) -> Any:
        if type(value) is not int:
            raise expects("integer")
        if len(str(abs(value))) > digits:
            raise too_long(digits)
        return value

    return check


def bigint(digits: int) -> Check:
    def check(value: Any) -> Any:
        if type(value) is not str or not BIGINT.fullmatch(value):
            raise expects("bigint")
        if len(value.lstrip("-")) > digits:
            raise too_long(digits)
        return value

    return check


def decimal(digits: int) -> Check:
    """At most `digits` digits before the point, and 9 after it (docs v7 "insert records").

    UNCONFIRMED: the details for too many digits after the point. Here they are as for too many before it.
    """

    def check(value: Any) -> Any:
        if type(value) not in (int, float) or not isfinite(value):
            raise expects("double")
        if abs(value) >= 10**digits:
            raise too_long(digits)
        if -int(Decimal(repr(value)).as_tuple().exponent) > MAX_DIGITS_AFTER_POINT:
            raise too_long(MAX_DIGITS_AFTER_POINT)
        return value

    return check


def boolean(value: Any) -> Any:
    if type(value) is not bool:
        raise expects("boolean")
    return value


def day(value: Any) -> Any:
    if value == "":
        return None
    try:
        if not DATE.fullmatch(value):
            raise expects("date")
        date.fromisoformat(value)
    except (TypeError, ValueError):
        raise expects("date") from None
    return value


def moment(iso: Callable[[float], str]) -> Check:
    def check(value: Any) -> Any:
        if value == "":
            return None
        try:
            if not DATETIME.fullmatch(value):
                raise expects("datetime")
            return iso(instant(value))
        except (TypeError, ValueError, OverflowError):
            raise expects("datetime") from None

    return check


def choice(field: Field, mode: str) -> Check:
    """A value of the pick list. UNCONFIRMED: an `unused` value (docs v7 "field metadata") is refused."""
    used = [stored for stored, _ in field.picks if stored not in field.unused_picks]
    members = frozenset(used)

    def check(value: Any) -> Any:
        if type(value) is not str:
            raise expects("string")
        if not value or value == "-None-":
            return None
        if value in members or mode == "accept":
            return value
        if mode == "drop":
            return DROPPED
        raise Invalid({"supported_values": used})

    return check


def choices(field: Field, mode: str) -> Check:
    one = choice(field, mode)

    def check(value: Any) -> Any:
        if type(value) is not list:
            raise expects("jsonarray")
        kept = [one(item) for item in value]
        return [item for item in kept if item is not None and item is not DROPPED] or None

    return check


def reference(exists: Callable[[int], bool]) -> Check:
    """`{"id"}` of a record, a user or a layout that exists."""

    def check(value: Any) -> Any:
        if type(value) is not dict:
            raise expects("jsonobject")
        wanted = str(value.get("id", ""))
        number = id_number(wanted)
        if number is None or not exists(number):
            raise unknown_id(wanted)
        return {"id": wanted}

    return check
