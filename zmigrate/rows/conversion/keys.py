"""How keys are compared: two rows are the same record's if their folded keys are equal."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_WHOLE_NUMBER: Final = re.compile(r"([+-]?)0*([0-9]{1,18})")


def fold_key(value: object, case_sensitive: bool = False) -> str:
    """A key as it is compared: trimmed, in one Unicode form, without letter case unless the field minds it.

    Zoho says for each unique field whether letter case counts (`unique.case_sensitive`); where it does not
    say, it does not count: taking two keys for one only sends them one after the other.
    """
    text = value.strip() if type(value) is str else str(value).strip()
    if text.isascii():
        return text if case_sensitive else text.lower()
    text = unicodedata.normalize("NFC", text)
    return text if case_sensitive else unicodedata.normalize("NFC", text.casefold())


def fold_number(key: str) -> str:
    """A whole number as it is compared, without leading zeros; what is none, as it is."""
    number = whole_number(key)
    return key.strip() if number is None else str(number)


def whole_number(text: str) -> int | None:
    """The number that a key or a value to look for stands for; None where no field of whole numbers can hold
    it (zoho-api 9.2: at most 18 digits).
    """
    found = _WHOLE_NUMBER.fullmatch(text.strip())
    return None if found is None else int(found[1] + found[2])
