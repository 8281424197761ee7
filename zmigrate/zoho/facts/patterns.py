"""The patterns that Zoho's insert page prints for phone, e-mail and website (zoho-api 14.31). No live test of
them is known, so a value that misses its pattern is sent, and Zoho decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_IN_PHONE = "[0-9A-Za-z]+"
_IN_EMAIL = r"(?:[^\W_]|[\u0300-\u036f])"  # a letter, a mark on a letter, or a digit
_LETTER = r"(?:[^\W\d_]|[\u0300-\u036f])"
_IN_HOST = r"[^\x00-\x19\x22-\x27\x2A-\x2C\x2E-\x2F\x3A-\x3F\x5B-\x5E\x60\x7B\x7D-\x7F]+"
_BEHIND_DOT = r"[^\x00-\x19\x22\x24-\x2C\x2E-\x2F\x3C\x3E\x40\x5B-\x5E\x60\x7B\x7D-\x7F]+"

PATTERNS: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {
        "phone": re.compile(
            r"\+?(?![.-])"
            rf"(?>(?>[.-]?[ ]?{_IN_PHONE})+"
            rf"|[ ]?\((?![.-])(?>[ .-]?{_IN_PHONE})+\)(?![.])(?:[ -]?{_IN_PHONE})?)+"
            rf"(?>(?>,*;?{_IN_PHONE})+(?:(?:#{_IN_PHONE})+)?)?[#;]?"
        ),
        "email": re.compile(
            rf"(?:{_IN_EMAIL}|[+_-])(?:{_IN_EMAIL}|[!#$%&'*+/=?^_`{{|}}~.-])*@(?=.{{4,256}}\Z)"
            rf"(?:{_IN_EMAIL}+(?:[_-]+{_IN_EMAIL}+)*\.)+{_LETTER}{{2,22}}"
        ),
        "website": re.compile(
            rf"(?:(?:https?|ftp)://)?(?:www\.)?{_IN_HOST}(?:\.{_BEHIND_DOT})+(?:[/?].*)?", re.DOTALL
        ),
    }
)
"""By data type; a value is compared as a whole."""


def misses_pattern(data_type: str, value: str) -> bool:
    """Whether Zoho may refuse a value because of its form. False for types without a pattern."""
    pattern = PATTERNS.get(data_type)
    return pattern is not None and pattern.fullmatch(value) is None
