"""The patterns of e-mail addresses, phone numbers and websites: a loose and a strict one of each.

Docs v7 "insert records" prints Zoho's patterns; the strict ones take and refuse the same. No live test of
them is known, but one live refusal (of `() Not provided.` as a phone number). So the loose ones, which refuse
only what is none at all, are the default of the option `patterns`.
"""

from __future__ import annotations

import re

from .options import Patterns

_LETTER, _SIGN = r"[^\W_]", r"\w!#$%&'*+/=?^`{|}~-"
_DOMAIN = rf"(?=.{{4,256}}$)(?:{_LETTER}(?:[-_]*{_LETTER})*\.)+[^\W\d_]{{2,22}}"

_WORD = "[0-9A-Za-z]++"
_IN_BRACKETS = rf" ?\((?![.-])(?:[ .-]?{_WORD})+\)(?!\.)(?:[ -]?{_WORD})?"
_EXTENSION = rf"(?:,*;?{_WORD})+(?:#{_WORD})*"

_CONTROLS = r"\x00-\x19\x7f"
_FIRST = rf"""[^{_CONTROLS}"#$%&'*+,./:;<=>?\[\\\]^`{{|}}]+"""
_MORE = rf"""[^{_CONTROLS}"$%&'()*+,./<>@\[\\\]^`{{|}}]+"""

LOOSE = {
    "email": re.compile(rf"[.{_SIGN}]+@(?=.{{4,256}}$)([\w-]+\.)+[^\W\d_]{{2,22}}"),
    "phone": re.compile(r"[0-9A-Za-z+.\- (),;#]+"),
    "website": re.compile(r"(https?://|ftp://)?[^\s/?#.]+(\.[^\s/?#.]+)+([/?#]\S*)?"),
}
STRICT = {
    "email": re.compile(rf"[\w+-][.{_SIGN}]*@{_DOMAIN}"),
    "phone": re.compile(rf"\+?(?![.-])(?:[.-]? ?{_WORD}|{_IN_BRACKETS})+(?:{_EXTENSION})?[#;]?"),
    "website": re.compile(rf"(?:(?:https?|ftp)://)?{_FIRST}(?:\.{_MORE})+(?:[/?].*)?"),
}
BY_OPTION: dict[Patterns, dict[str, re.Pattern[str]]] = {"loose": LOOSE, "strict": STRICT}
