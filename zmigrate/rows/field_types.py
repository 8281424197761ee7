"""One function for each data type of Zoho: a value becomes JSON, or is `Refused` with what to write instead.

Types, shapes and limits: zoho.com/crm/developer/docs/api/v8/insert-records.html ("Sample attributes") and
field-meta.html. Checked here is only what Zoho is sure to refuse; the rest is Zoho's to judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import orjson

from zmigrate.rows.numbers import bigint, integer, number, percent, refuse_rounded
from zmigrate.rows.refusal import NOTHING, Refused, kind_of, short, take

if TYPE_CHECKING:
    from zmigrate.zoho.metadata import Field

PLAIN_TEXT: Final = frozenset({"text", "textarea"})
COMPUTED: Final = frozenset({"autonumber", "formula", "rollup_summary", "profileimage"})
"""Types that no record write can set."""
LONGEST_TEXT: Final = 255
LONGEST_TEXT_AREA: Final = 50_000
"""Characters of a field whose metadata name no length; a text area may be of rich text."""
SHOWN_CHOICES: Final = 8
NO_CHOICE: Final = "-None-"
"""Every pick list has it for "nothing chosen"."""
PHONE_MARKS: Final = "+.- (),;#"
TRUE_WORDS: Final = frozenset({"true", "yes", "on", "1"})
FALSE_WORDS: Final = frozenset({"false", "no", "off", "0"})

Convert = Callable[[Any], Any]

_ID = re.compile(r"\d{1,20}\Z", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_DATETIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d(:\d\d)?)([.,]\d+)? ?(?P<offset>Z|[+-]\d\d:?\d\d)?\Z",
    re.ASCII,
)
_NOT_IN_PHONE = re.compile(rf"[^\w{re.escape(PHONE_MARKS)}]|_")
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@(?P<domain>[\w-]+(\.[\w-]+)*\.[^\W\d_]{2,22})\Z")

PLAIN_EMAIL: Final = re.compile(r"[a-zA-Z0-9_.+-]{1,64}@[a-zA-Z0-9-]{2,60}\.[a-zA-Z]{2,22}\Z")
PLAIN_PHONE: Final = re.compile(r"[+(0-9][0-9 ().-]{1,28}[0-9]\Z")
"""What most of them look like: taken as it is, at a fifth of what the whole rule costs."""


def converter(field: Field, time_zone: tzinfo | None = None) -> Convert:
    """The function for a field: a value becomes JSON, `NOTHING`, or is Refused. None becomes null."""
    kind = field.data_type
    if kind in _TEXTS and field.json_type != "jsonarray":  # text with a list for its JSON: tags
        return partial(_TEXTS[kind][0], length=text_length(field))
    if kind in ("picklist", "multiselectpicklist"):
        choices = Choices.of(field)
        return partial(pick if kind == "picklist" else picks, choices=choices)
    if kind == "datetime":
        return partial(date_time, time_zone=time_zone)
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    return partial(text, length=field.length or LONGEST_TEXT) if field.json_type == "string" else as_is


def text_length(field: Field) -> int:
    """The most characters that a field of text takes."""
    return field.length or _TEXTS[field.data_type][1]


# ------------------------------------------------------------------------------------------------------- text


def text(value: Any, length: int) -> Any:
    """Text as it is, spaces and line breaks too; of other types those with one plain way to write them."""
    if value is None:
        return None
    plain = value if type(value) is str else _as_text(value)
    if not plain or plain.isspace():
        return NOTHING
    return _fitting(plain, length)


def email(value: Any, length: int) -> Any:
    if type(value) is str and len(value) <= length and PLAIN_EMAIL.match(value):
        return value
    plain = _trimmed(value)
    if plain is None or plain is NOTHING:
        return plain
    match = _EMAIL.match(plain)
    if match is None or not 4 <= len(match["domain"]) <= 256:
        raise Refused("not an e-mail address such as jo@example.com")
    return _fitting(plain, length)


def phone(value: Any, length: int) -> Any:
    if type(value) is str and len(value) <= length and PLAIN_PHONE.match(value):
        return value
    plain = _trimmed(value)
    if plain is None or plain is NOTHING:
        return plain
    odd = _NOT_IN_PHONE.search(plain)
    if odd is not None:
        raise Refused(f"{odd.group()!r} can't stand in a phone number; letters, digits and {PHONE_MARKS} can")
    return _fitting(plain, length)


def website(value: Any, length: int) -> Any:
    plain = _trimmed(value)
    if plain is None or plain is NOTHING:
        return plain
    if "." not in plain or any(letter.isspace() for letter in plain):
        raise Refused("not a web address such as https://example.com or www.example.com")
    return _fitting(plain, length)


def _trimmed(value: Any) -> Any:
    if value is None:
        return None
    plain = (value if type(value) is str else _as_text(value)).strip()
    return plain or NOTHING


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
    raise Refused(f"text is wanted, not {kind_of(value)}; write it as text")


def _fitting(plain: str, length: int) -> str:
    if len(plain) > length:
        raise Refused(f"{len(plain):,} characters, {length:,} is the most; shorten it")
    if not plain.isascii():
        try:
            plain.encode()
        except UnicodeEncodeError as error:
            raise Refused(f"character {error.start + 1} is half of a letter (a lone surrogate)") from None
    return plain


# ----------------------------------------------------------------------------------------- dates and booleans


def day(value: Any) -> Any:
    value = take(value)
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
    raise Refused(f"{short(value)} is not a date such as 2024-03-31 (year, month, day)")


def date_time(value: Any, time_zone: tzinfo | None) -> Any:
    """ISO 8601 with an offset, whole seconds. One without an offset is read in `time_zone`, or refused."""
    value = take(value)
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
        raise Refused(f"{short(value)} is beyond what a date-time can be") from None


def _read_moment(value: Any) -> datetime:
    match = _DATETIME.match(value) if isinstance(value, str) else None
    if match is None:
        raise Refused(f"{short(value)} is not a date-time such as 2024-03-31T09:30:00+02:00")
    try:
        return datetime.fromisoformat(f"{match['day']}T{match['time']}{match['offset'] or ''}")
    except ValueError:
        raise Refused(f"there is no time {value}") from None


def boolean(value: Any) -> Any:
    value = take(value)
    if value is None or value is NOTHING or isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, (str, int)) and len(str(value)[:9]) <= 5 else ""
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise Refused(f"{short(value)} is neither yes nor no; write true/false, yes/no, on/off or 1/0")


# ---------------------------------------------------------------------------------------- choices and records


@dataclass(frozen=True, slots=True)
class Choices:
    """What a pick list takes: what it shows, and what it stores where that differs. Empty: anything."""

    values: frozenset[str]
    shown: tuple[str, ...]

    @classmethod
    def of(cls, field: Field) -> Choices:
        both = (name for item in field.pick_list for name in (item.display, item.actual))
        shown = tuple(item.display for item in field.pick_list if item.display != NO_CHOICE)
        return cls(frozenset(both), shown)

    def check(self, chosen: str) -> str:
        if not self.values or chosen in self.values:
            return chosen
        near = get_close_matches(chosen, self.values, n=1)
        same = next(
            (name for name in self.shown if name.casefold() == chosen.casefold()), near[0] if near else None
        )
        if same is not None:
            raise Refused(f"{short(chosen)} is not in the pick list; did you mean {same!r}?")
        more = f" and {len(self.shown) - SHOWN_CHOICES} more" if len(self.shown) > SHOWN_CHOICES else ""
        few = ", ".join(self.shown[:SHOWN_CHOICES])
        raise Refused(f"{short(chosen)} is not in the pick list; it has {few}{more}")


def pick(value: Any, choices: Choices) -> Any:
    chosen = _trimmed(value)
    return choices.check(_fitting(chosen, LONGEST_TEXT)) if isinstance(chosen, str) else chosen


def picks(value: Any, choices: Choices) -> Any:
    """A list of choices; from text, parted by `;`."""
    value = take(value)
    if value is None or value is NOTHING:
        return value
    if isinstance(value, str):
        value = value.split(";")
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise Refused(f"a list is wanted, or text parted by ';', not {kind_of(value)}")
    chosen = [pick(item, choices) for item in value]
    return [item for item in chosen if isinstance(item, str)]


def lookup(value: Any) -> Any:
    """`{"id": ...}`, from that or from the id alone."""
    value = take(value)
    if value is None or value is NOTHING:
        return value
    if isinstance(value, dict):
        value = value.get("id")
    found = record_id(value)
    if found is NOTHING or found is None:
        raise Refused('no id; give {"id": "..."} or the id itself')
    return {"id": found}


def record_id(value: Any) -> Any:
    value = take(value)
    if value is None or value is NOTHING:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**20:
        return str(value)
    if isinstance(value, str) and _ID.match(value):
        return value
    if isinstance(value, str):
        refuse_rounded(value)
    raise Refused(
        f"{short(value)} is not an id of Zoho, which is up to 20 digits; give the record's id"
        " (a COQL query tells it by another field: zmigrate api POST /crm/v8/coql)"
    )


def as_is(value: Any) -> Any:
    """For types without a form in text: what the job gives, if JSON can hold it."""
    value = take(value)
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
    raise Refused(f"a list or an object is wanted, as Zoho's pages show it, not {kind_of(value)}")


_TEXTS: Final[dict[str, tuple[Callable[..., Any], int]]] = {
    "text": (text, LONGEST_TEXT),
    "textarea": (text, LONGEST_TEXT_AREA),
    "email": (email, 100),
    "phone": (phone, 30),
    "website": (website, 450),
}
"""With the length that a field has whose metadata name none."""

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
