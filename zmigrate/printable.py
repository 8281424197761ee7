"""Text that is safe to print on a terminal.

Names, values and messages come from files and from Zoho. A terminal obeys their control characters: some
write the clipboard, others overwrite earlier lines.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from typing import Final

_NEVER: Final = (
    "\x00-\x08\x0b-\x1f\x7f"  # C0 without tab and newline; DEL
    "\x80-\x9f"  # C1: escape sequences on some terminals
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164"  # no width
    "\ufeff\uffa0"  # no width
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # these change the direction of the text
    "\u2028\u2029"  # line and paragraph separator
    "\ufff9-\ufffb"  # interlinear annotation
    "\ud800-\udfff"  # halves of a pair, which can't be encoded
    "\U000e0000-\U000e0fff"  # invisible tags and selectors
)
HALF_CHARACTERS: Final = re.compile("[\ud800-\udfff]")
LOCALE: Final = "If the name looks right to you, set the locale: LANG=C.UTF-8."
"""What to do about a path that is not UTF-8, beside renaming it."""
RENAME: Final = f"Rename it. {LOCALE}"
UNPRINTABLE: Final = re.compile(f"[{_NEVER}]")

_DRAWING: Final = r"\x1b\[(?:[0-9;]*m|[0-9]*[AK]|\?25[hl])"
"""What a live display needs (ECMA-48): colors, one line up, clear the line, hide and show the cursor."""
_UNDRAWABLE: Final = re.compile(f"({_DRAWING}|\r)|[{_NEVER}]")


def is_unicode(text: str) -> bool:
    """Whether a text has whole characters only. Python gives half characters for a path whose bytes the
    locale can't read (PEP 383); JSON, TOML and SQLite take none.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def path_fault(path: str | os.PathLike[str]) -> str | None:
    """What is wrong with the path of a file that a run or a mapping has to name; None if nothing is."""
    place = os.fspath(path)
    with suppress(FileNotFoundError):  # the current folder was deleted
        place = os.path.abspath(path)
    return None if is_unicode(place) else f"the path {place} is not UTF-8."


def printable(text: str) -> str:
    """The text with control characters and invisible ones escaped: `\\x1b`, `\\u202e`."""
    return UNPRINTABLE.sub(_escape, text)


def drawable(text: str) -> str:
    """Like `printable`, but what draws (colors, cursor) stays."""
    return _UNDRAWABLE.sub(lambda found: found[1] or _escape(found), text)


def json_printable(text: str) -> str:
    """JSON with the same characters escaped in its strings. Its meaning stays the same."""
    return UNPRINTABLE.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
