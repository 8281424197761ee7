"""Text of every kind: plain, e-mail addresses, phone numbers, web addresses."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

from zmigrate.rows.conversion.refusal import NOTHING, Refused, kind_of

LONGEST_TEXT: Final = 255
PLAIN_EMAIL: Final = re.compile(r"[a-zA-Z0-9_.+-]{1,64}@[a-zA-Z0-9-]{2,60}\.[a-zA-Z]{2,22}\Z")
PLAIN_PHONE: Final = re.compile(r"[+(0-9][0-9 ().-]{1,28}[0-9]\Z")
"""The usual form, taken unchanged: a fifth of the price of the whole rule."""

_ADDRESS = re.compile(r"\S@\S")
"""What every e-mail address has. Zoho judges the rest, as with phone numbers and web addresses; a plan says
which values it may refuse.
"""


def text(value: Any, length: int) -> Any:
    """Text unchanged, with spaces and line breaks; values of other types if they have one plain form."""
    if value is None:
        return None
    plain = value if type(value) is str else as_text(value)
    if not plain or plain.isspace():
        return NOTHING
    return fitting(plain, length)


def email(value: Any, length: int) -> Any:
    if type(value) is str and len(value) <= length and PLAIN_EMAIL.match(value):
        return value
    plain = trimmed(value)
    if plain is None or plain is NOTHING:
        return plain
    if _ADDRESS.search(plain) is None:
        raise Refused("not an e-mail address such as jo@example.com")
    return fitting(plain, length)


def line(value: Any, length: int) -> Any:
    """A phone number or a web address: text without the blanks around it."""
    plain = trimmed(value)
    return plain if plain is None or plain is NOTHING else fitting(plain, length)


def trimmed(value: Any) -> Any:
    if value is None:
        return None
    plain = (value if type(value) is str else as_text(value)).strip()
    return plain or NOTHING


def as_text(value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**40:
        return str(value)
    if isinstance(value, Decimal) and value.is_finite() and -40 < value.adjusted() < 40:
        return format(value, "f")
    if isinstance(value, list | tuple) and not value:
        return ""
    raise Refused(f"text is wanted, not {kind_of(value)}", remedy="write it as text")


def fitting(plain: str, length: int) -> str:
    if len(plain) > length:
        raise Refused(f"{len(plain):,} characters, {length:,} is the most", remedy="shorten it")
    if not plain.isascii():
        try:
            plain.encode()
        except UnicodeEncodeError as error:
            raise Refused(f"character {error.start + 1} is half of a letter (a lone surrogate)") from None
    return plain
