"""How keys are compared: two rows are the same record's if their folded keys are equal."""

from __future__ import annotations

import unicodedata


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
    """A whole number without leading zeros; what is none, as it is."""
    text = key.strip()
    return text.lstrip("0") or "0" if text.isascii() and text.isdigit() else text
