"""Patterns from outside, as in a mapping: they find what `re.search` finds, in linear time."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from zmigrate.rows.pattern_translation import BOUNDARY, NO_BOUNDARY, NotLinear, translated

LONGEST: Final = 1_000  # characters of a pattern
MEMORY_BYTES: Final = 32 << 20  # the most memory that a pattern may need

_OURS: Final = {ord(mark): "\ufffd" for mark in (BOUNDARY, NO_BOUNDARY)}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_POSITION: Final = re.compile(r"(\b)|\B")
_ASCII_POSITION: Final = re.compile(_POSITION.pattern, re.ASCII)


class BadPattern(ValueError):
    """A pattern that can't be used. `hint`: another way to write it."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def finder(pattern: str) -> Callable[[str], bool]:
    """A function that says whether a text has the pattern. The pattern means the same as for Python's `re`.

    Raises BadPattern if it is no regular expression, or if it can't be searched for in linear time.
    """
    if len(pattern) > LONGEST:
        raise BadPattern(f"the pattern has {len(pattern):,} characters; {LONGEST:,} are allowed.")
    try:
        made = translated(pattern)
    except NotLinear as error:
        raise BadPattern(f"{pattern!r}: {error.what}.", error.instead) from None
    except (re.error, OverflowError) as error:
        raise BadPattern(
            f"{pattern!r} is not a regular expression: {error}.",
            "In TOML write patterns in single quotes: matches = '^\\d+$'",
        ) from None
    except RecursionError:
        raise BadPattern(f"{pattern[:60]!r}... has groups that are nested too deeply.") from None
    search = _compiled(made.text, pattern).search
    if not made.boundaries:
        return lambda text: search(_clean(text)) is not None
    marks = BOUNDARY * made.boundaries, NO_BOUNDARY * made.boundaries
    positions = _ASCII_POSITION if made.ascii_only else _POSITION
    return lambda text: search(_marked(_clean(text), positions, *marks)) is not None


def _compiled(text: str, pattern: str) -> Any:
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415  only where there is a pattern

    options = re2.Options()
    options.max_mem = MEMORY_BYTES
    options.log_errors = False
    options.never_capture = True
    try:
        return re2.compile(text, options)
    except re2.error:
        raise BadPattern(
            f"{pattern!r} takes too much memory.", "Repeat less: \\w+, not \\w{1,500}."
        ) from None


def _clean(text: str) -> str:
    """The text without halves of characters, and without our marks."""
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", text).translate(_OURS)
    return text


def _marked(text: str, positions: re.Pattern[str], boundary: str, none: str) -> str:
    """The text with a mark at each position: whether `\\b` matches there."""
    return positions.sub(lambda found: none if found[1] is None else boundary, text)
