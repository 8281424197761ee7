"""How keys are compared: two rows are about the same record if their folded keys are equal."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_WHOLE_NUMBER: Final = re.compile(r"([+-]?)0*([0-9]{1,18})")


def fold_key(value: object, case_sensitive: bool = False) -> str:
    """A key for comparison: trimmed, in one Unicode form, without letter case unless the field respects it.

    Zoho says for each unique field whether letter case counts (`unique.case_sensitive`). The default is no:
    two keys taken for one are only sent one after the other.
    """
    text = value.strip() if type(value) is str else str(value).strip()
    if text.isascii():
        return text if case_sensitive else text.lower()
    text = unicodedata.normalize("NFC", text)
    return text if case_sensitive else unicodedata.normalize("NFC", text.casefold())


def fold_number(key: str) -> str:
    """A whole number for comparison, without leading zeros. Any other text unchanged."""
    number = whole_number(key)
    return key.strip() if number is None else str(number)


def whole_number(text: str) -> int | None:
    """The number in a key or in a value to look for. None if no whole-number field can hold it (zoho-api 9.2:
    at most 18 digits).
    """
    found = _WHOLE_NUMBER.fullmatch(text.strip())
    return None if found is None else int(found[1] + found[2])
