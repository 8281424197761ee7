"""One function for each data type of Zoho: a value of Python or text becomes JSON, or is `Refused` with what to write.

Types, shapes and limits: zoho.com/crm/developer/docs/api/v8/insert-records.html ("Sample attributes") and
field-meta.html. Checked here is only what Zoho is sure to refuse; the rest is Zoho's to judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from zmigrate.zoho.metadata import Field

INVALID_DATA: Final = "INVALID_DATA"
PLAIN_TEXT: Final = frozenset({"text", "textarea"})
COMPUTED: Final = frozenset({"autonumber", "formula", "rollup_summary", "profileimage"})
"""Types that no record write can set."""
LONGEST_TEXT: Final = 255
"""Characters of a text field whose metadata name no length."""
INTEGER_DIGITS: Final = 9
BIGINT_DIGITS: Final = 18
DIGITS_BEFORE_POINT: Final = 16
DIGITS_AFTER_POINT: Final = 9
PERCENT_DIGITS: Final = 5
EXACT_FLOAT_DIGITS: Final = 15
"""A decimal of so many digits survives the way through a 64-bit float."""
PHONE_MARKS: Final = "+.- (),;#"
TRUE_WORDS: Final = frozenset({"true", "yes", "on", "1"})
FALSE_WORDS: Final = frozenset({"false", "no", "off", "0"})

NOTHING: Final = object()
"""What a converter gives where there is nothing to send."""

Convert = Callable[[Any], Any]

_ID = re.compile(r"\d{1,20}\Z", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+\Z", re.ASCII)
_PLAIN_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)\Z", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_DATETIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d(:\d\d)?)([.,]\d+)? ?(?P<offset>Z|[+-]\d\d:?\d\d)?\Z",
    re.ASCII,
)
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@(?P<domain>[\w-]+(\.[\w-]+)*\.[^\W\d_]{2,22})\Z")


class Refused(Exception):  # noqa: N818 - it is data: why a value can't go
    """A value can't become what its field takes."""

    def __init__(self, message: str, code: str = INVALID_DATA) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def converter(field: Field, time_zone: tzinfo | None = None) -> Convert:
    """The function for a field: a value becomes JSON, `NOTHING`, or is Refused. None becomes null."""
    kind = field.data_type
    if field.json_type == "jsonarray" and kind in PLAIN_TEXT:  # tags
        return as_is
    if kind in PLAIN_TEXT:
        return lambda value: text(value, field.length or LONGEST_TEXT)
    if kind == "email":
        return lambda value: email(value, field.length or 100)
    if kind == "phone":
        return lambda value: phone(value, field.length or 30)
    if kind == "website":
        return lambda value: website(value, field.length or 450)
    if kind in ("picklist", "multiselectpicklist"):
        values = frozenset(
            name for item in field.pick_list for name in (item.display_value, item.actual_value)
        )
        ordered = tuple(item.display_value for item in field.pick_list)
        if kind == "picklist":
            return lambda value: pick(value, values, ordered, field.length or LONGEST_TEXT)
        return lambda value: picks(value, values, ordered)
    if kind == "datetime":
        return lambda value: date_time(value, time_zone)
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    return as_is if field.json_type != "string" else lambda value: text(value, field.length or LONGEST_TEXT)


# ------------------------------------------------------------------------------------------------------- text


def text(value: Any, length: int) -> Any:
    """Text as it is, spaces and line breaks too; of other types those with one plain way to write them."""
    if value is None:
        return None
    plain = _as_text(value)
    if not plain or plain.isspace():
        return NOTHING
    if len(plain) > length:
        raise Refused(f"{len(plain):,} characters, {length:,} is the most; shorten it")
    if not plain.isascii():
        _check_letters(plain)
    return plain


def email(value: Any, length: int) -> Any:
    plain = _trim(text(value, length + _ROOM))
    if not isinstance(plain, str):
        return plain
    match = _EMAIL.match(plain)
    if match is None or not 4 <= len(match["domain"]) <= 256:
        raise Refused("not an e-mail address such as jo@example.com")
    return text(plain, length)


def phone(value: Any, length: int) -> Any:
    plain = _trim(text(value, length + _ROOM))
    if not isinstance(plain, str):
        return plain
    for letter in plain:
        if not (letter.isalnum() or letter in PHONE_MARKS):
            raise Refused(f"{letter!r} can't stand in a phone number; letters, digits and {PHONE_MARKS} can")
    return text(plain, length)


def website(value: Any, length: int) -> Any:
    plain = _trim(text(value, length + _ROOM))
    if not isinstance(plain, str):
        return plain
    if "." not in plain or any(letter.isspace() for letter in plain):
        raise Refused("not a web address such as https://example.com or www.example.com")
    return text(plain, length)


_ROOM: Final = 1000
"""Spaces around a value that is trimmed do not count for its length."""


def _as_text(value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**40:
        return str(value)
    if isinstance(value, Decimal) and value.is_finite() and -40 < value.adjusted() < 40:
        return format(value, "f")
    raise Refused(f"text is wanted, not {_kind(value)}; write it as text")


def _trim(plain: Any) -> Any:
    return plain.strip() if isinstance(plain, str) else plain


def _check_letters(plain: str) -> None:
    try:
        plain.encode()
    except UnicodeEncodeError as error:
        raise Refused(f"character {error.start + 1} is half of a letter (a lone surrogate)") from None


def _input(value: Any) -> Any:
    """An enum's value, text trimmed, empty text as NOTHING."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        value = str(value).strip()
        if not value:
            return NOTHING
    return value


# ---------------------------------------------------------------------------------------------------- numbers


def integer(value: Any) -> Any:
    value = _input(value)
    if value is None or value is NOTHING:
        return value
    whole = _whole(value, INTEGER_DIGITS)
    return int(whole)


def bigint(value: Any) -> Any:
    """A long integer, which Zoho takes as a string; leading zeros are kept."""
    value = _input(value)
    if value is None or value is NOTHING:
        return value
    return _whole(value, BIGINT_DIGITS).removeprefix("+")


def _whole(value: Any, most: int) -> str:
    if isinstance(value, str):
        if not _WHOLE.match(value):
            raise Refused(f"{_short(value)} is not a whole number such as 42 (no separators, no decimals)")
        plain = value
    elif isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise Refused(f"a whole number is wanted, not {_kind(value)}")
    else:
        if not abs(value) < 10**most:
            raise Refused(f"more than {most} digits, or no number at all")
        if value != int(value):
            raise Refused(f"{value} is not a whole number")
        plain = str(int(value))
    if len(plain.lstrip("+-")) > most:
        raise Refused(f"{len(plain.lstrip('+-'))} digits, {most} is the most")
    return plain


def number(value: Any) -> Any:
    return _number(value, DIGITS_BEFORE_POINT)


def percent(value: Any) -> Any:
    return _number(value, PERCENT_DIGITS)


def _number(value: Any, before: int) -> Any:
    value = _input(value)
    if value is None or value is NOTHING:
        return value
    if isinstance(value, float):
        if not abs(value) < 10**before:
            raise Refused(f"more than {before} digits before the point, or no number at all")
        return round(value, DIGITS_AFTER_POINT)
    if isinstance(value, str):
        if not _PLAIN_NUMBER.match(value):
            raise Refused(
                f"{_short(value)} is not a plain number; write 1234.50: a point for the decimals, no thousands separators,"
                " no currency sign"
            )
        if (
            len(value) <= EXACT_FLOAT_DIGITS
            and before > EXACT_FLOAT_DIGITS
            and len(value.partition(".")[2]) <= 9
        ):
            return float(value)
        exact = Decimal(value)
    elif isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        if isinstance(value, int) and not abs(value) < 10**before:
            raise Refused(f"more than {before} digits")
        exact = Decimal(value)
    else:
        raise Refused(f"a number is wanted, not {_kind(value)}")
    return _from_decimal(exact, before)


def _from_decimal(exact: Decimal, before: int) -> float | int:
    if not exact.is_finite() or (exact and exact.adjusted() >= before):
        raise Refused(f"more than {before} digits before the point, or no number at all")
    if exact and (exact.adjusted() < -DIGITS_AFTER_POINT or exact != round(exact, DIGITS_AFTER_POINT)):
        raise Refused(f"more than {DIGITS_AFTER_POINT} digits after the point; round it")
    rough = float(exact)
    if Decimal(repr(rough)) == exact:
        return rough
    if exact == int(exact):
        return int(exact)
    raise Refused("more digits than a number in JSON keeps exactly; round it")


# ------------------------------------------------------------------------------------------- dates and booleans


def day(value: Any) -> Any:
    value = _input(value)
    if value is None or value is NOTHING:
        return value
    if isinstance(value, datetime):
        raise Refused("a date is wanted, not a date-time; give value.date()")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and _DATE.match(value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            raise Refused(f"there is no day {value}") from None
    raise Refused(f"{_short(value)} is not a date such as 2024-03-31 (year, month, day)")


def date_time(value: Any, time_zone: tzinfo | None) -> Any:
    """ISO 8601 with an offset, whole seconds. One without an offset is read in `time_zone`, or refused."""
    value = _input(value)
    if value is None or value is NOTHING:
        return value
    moment = value if isinstance(value, datetime) else _read_moment(value)
    try:
        if moment.utcoffset() is None and time_zone is not None:
            moment = moment.replace(tzinfo=time_zone)
        offset = moment.utcoffset()
        if offset is None:
            raise Refused("no time zone; write an offset behind it: 2024-03-31T09:30:00+02:00, or Z for UTC")
        if offset.total_seconds() % 60:  # an old local time; JSON's offset has no seconds
            moment = moment.astimezone(UTC)
        return moment.isoformat(timespec="seconds")
    except (OverflowError, ValueError):
        raise Refused(f"{_short(value)} is beyond what a date-time can be") from None


def _read_moment(value: Any) -> datetime:
    match = _DATETIME.match(value) if isinstance(value, str) else None
    if match is None:
        raise Refused(f"{_short(value)} is not a date-time such as 2024-03-31T09:30:00+02:00")
    try:
        return datetime.fromisoformat(f"{match['day']}T{match['time']}{match['offset'] or ''}")
    except ValueError:
        raise Refused(f"there is no time {value}") from None


def boolean(value: Any) -> Any:
    value = _input(value)
    if value is None or value is NOTHING or isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, (str, int)) and len(str(value)[:9]) <= 5 else ""
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise Refused(f"{_short(value)} is neither yes nor no; write true/false, yes/no, on/off or 1/0")


# ------------------------------------------------------------------------------------------ choices and records


def pick(value: Any, values: frozenset[str], ordered: tuple[str, ...], length: int) -> Any:
    chosen = _trim(text(value, max(length, LONGEST_TEXT)))
    if isinstance(chosen, str) and values and chosen not in values:
        raise Refused(_no_such_choice(chosen, values, ordered))
    return chosen


def picks(value: Any, values: frozenset[str], ordered: tuple[str, ...]) -> Any:
    """A list of choices; from text, parted by `;`."""
    value = _input(value)
    if value is None or value is NOTHING:
        return value
    if isinstance(value, str):
        value = value.split(";")
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise Refused(f"a list is wanted, or text parted by ';', not {_kind(value)}")
    chosen = [pick(item, values, ordered, LONGEST_TEXT) for item in value]
    return [item for item in chosen if isinstance(item, str)]


def _no_such_choice(chosen: str, values: Iterable[str], ordered: tuple[str, ...]) -> str:
    near = get_close_matches(chosen, list(values), n=1)
    same = next((name for name in values if name.casefold() == chosen.casefold()), near[0] if near else None)
    few = ", ".join(ordered[:8]) + (f" and {len(ordered) - 8} more" if len(ordered) > 8 else "")
    return f"{_short(chosen)} is not in the pick list; " + (
        f"did you mean {same!r}?" if same else f"it has {few}"
    )


def lookup(value: Any) -> Any:
    """`{"id": ...}`, from that or from the id alone."""
    value = _input(value)
    if value is None or value is NOTHING:
        return value
    if isinstance(value, dict):
        value = value.get("id")
    found = record_id(value)
    if found is NOTHING or found is None:
        raise Refused('no id; give {"id": "..."} or the id itself')
    return {"id": found}


def record_id(value: Any) -> Any:
    value = _input(value)
    if value is None or value is NOTHING:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**20:
        return str(value)
    if isinstance(value, str) and _ID.match(value):
        return value
    raise Refused(f"{_short(value)} is not an id of Zoho, which is up to 20 digits")


def as_is(value: Any) -> Any:
    """For types without a form in text: what the job gives, if JSON can hold it."""
    value = _input(value)
    if value is NOTHING:
        return value
    try:
        orjson.dumps(value)
    except TypeError as error:
        raise Refused(f"JSON can't hold it: {error}") from None
    return value


def structured(value: Any) -> Any:
    value = as_is(value)
    if value is None or value is NOTHING or isinstance(value, (list, dict, tuple)):
        return value
    raise Refused(f"a list or an object is wanted, as Zoho's pages show it, not {_kind(value)}")


_BY_TYPE: Final[dict[str, Convert]] = {
    "integer": integer,
    "bigint": bigint,
    "double": number,
    "currency": number,
    "percent": percent,
    "date": day,
    "boolean": boolean,
    "lookup": lookup,
    "ownerlookup": lookup,
    "userlookup": lookup,
    "layout": lookup,
    **dict.fromkeys(
        ("multiselectlookup", "multiuserlookup", "subform", "fileupload", "imageupload", "territories"),
        structured,
    ),
}


def _kind(value: Any) -> str:
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        dict: "an object",
        list: "a list",
        str: "text",
    }
    return names.get(type(value), f"a {type(value).__name__}")


def _short(value: Any) -> str:
    if not isinstance(value, str):
        return _kind(value)
    return repr(value if len(value) <= 60 else value[:60] + "…")
