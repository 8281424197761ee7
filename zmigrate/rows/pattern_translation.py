"""Translates a pattern of Python's `re` into one of RE2 that is found in the same texts.

RE2 searches in linear time, but its `\\w`, `\\d`, `\\s` and `\\b` know only ASCII, it folds case differently,
and its `$` does not accept a newline at the end. So Python's own parser reads the pattern, and its own engine
finds the characters of a class; RE2 gets them as ranges. For `\\b` and `\\B` the text is marked at each
position (`BOUNDARY`, `NO_BOUNDARY`), and the pattern reads the marks.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from re import _parser  # type: ignore[attr-defined]  # the only reader of this grammar
from typing import Any, Final, NamedTuple

BOUNDARY, NO_BOUNDARY = "\ufdd0", "\ufdd1"  # Code points that are never characters in Unicode
MOST_REPEATS: Final = 1_000  # RE2's limit
MOST_BOUNDARIES: Final = 16
"""`\\b` and `\\B` in one alternative. Each needs a mark at every position, so the text grows with them."""

_MARKS: Final = rf"[{BOUNDARY}{NO_BOUNDARY}]*"
_NOT_IN_TEXTS: Final = ((0xD800, 0xDFFF), (ord(BOUNDARY), ord(NO_BOUNDARY)))
_BOTH_CASES: Final = [[(ord(letter), ord(letter)) for letter in both] for both in ("Kk", "Ss")]
"""RE2 reads `[Ss]` as `(?i:s)`, which can include the long s; likewise `[Kk]` the Kelvin sign. `S|s` is
exact.
"""
_CLASSES: Final = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
_LOOK: Final = (
    "a pattern here can't look ahead or behind: (?=...), (?!...), (?<=...), (?<!...)",
    "Use two conditions, or name the text that may follow: '^Test($|[^a-z])', not '^Test(?![a-z])'.",
)
_BACK: Final = (
    "a pattern here can't refer back to one of its groups: \\1, (?P=name), (?(1)...)",
    "Write the texts out: 'aa|bb', not '([ab])\\1'.",
)
_KEPT: Final = (
    "a pattern here can't have an atomic group or a possessive repetition: (?>...), a++, a*+, a?+",
    "Write (?:...), a+, a* or a?: no pattern here needs more for speed.",
)
_CANNOT: Final = {
    "ASSERT": _LOOK,
    "ASSERT_NOT": _LOOK,
    "FAILURE": _LOOK,
    "GROUPREF": _BACK,
    "GROUPREF_EXISTS": _BACK,
    "ATOMIC_GROUP": _KEPT,
    "POSSESSIVE_REPEAT": _KEPT,
}


class NotLinear(Exception):
    """A pattern has something that RE2 can't do. `instead`: another way to write it."""

    def __init__(self, what: str, instead: str) -> None:
        super().__init__(what)
        self.what = what
        self.instead = instead


class Translated(NamedTuple):
    """A pattern for RE2."""

    text: str
    boundaries: int  # How many marks each position of the text has. 0: the text is not marked.
    ascii_only: bool  # words end as in ASCII, with `(?a)`


class _PartPlace(NamedTuple):
    """The position of a part in the pattern."""

    flags: int
    first: bool
    last: bool
    marked: bool  # the text has marks
    ascii_only: bool  # the marks are for ASCII's words


def translated(pattern: str) -> Translated:
    """The pattern for RE2. Raises re.error for an invalid pattern, and NotLinear."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about changes in future versions of Python
        parsed = _parser.parse(pattern)
    boundaries = _boundaries(parsed)
    if boundaries > MOST_BOUNDARIES:
        raise NotLinear(
            f"it has \\b {boundaries} times; {MOST_BOUNDARIES} are allowed", "Use several conditions."
        )
    flags = parsed.state.flags
    place = _PartPlace(flags, first=True, last=True, marked=boundaries > 0, ascii_only=bool(flags & re.ASCII))
    return Translated(_sequence(parsed, place), boundaries, place.ascii_only)


def _boundaries(parts: Any) -> int:
    """How many `\\b` and `\\B` a text can meet on its way through the pattern."""
    found = 0
    for op, value in parts:
        name = str(op)
        if name == "AT":
            found += "BOUNDARY" in str(value)
        elif name == "BRANCH":
            found += max(map(_boundaries, value[1]))
        elif name == "SUBPATTERN":
            found += _boundaries(value[3])
        elif name in {"MAX_REPEAT", "MIN_REPEAT"}:
            found += _boundaries(value[2]) * max(1, value[0])
    return found


def _sequence(parts: Any, place: _PartPlace) -> str:
    count = len(parts)
    return "".join(
        _part(
            str(op),
            value,
            place._replace(first=place.first and number == 0, last=place.last and number == count - 1),
        )
        for number, (op, value) in enumerate(parts)
    )


def _part(name: str, value: Any, place: _PartPlace) -> str:
    if name in _CANNOT:
        raise NotLinear(*_CANNOT[name])
    if name == "AT":
        return _position(str(value), place)
    if name == "BRANCH":
        return f"(?:{'|'.join(_sequence(each, place) for each in value[1])})"
    if name == "SUBPATTERN":
        _, more, fewer, inner = value
        return f"(?:{_sequence(inner, place._replace(flags=(place.flags | more) & ~fewer))})"
    if name in {"MAX_REPEAT", "MIN_REPEAT"}:
        least, most, inner = value
        return _repetition(least, most, inner, place)
    return (_MARKS if place.marked else "") + _character(name, value, place.flags)


def _position(name: str, place: _PartPlace) -> str:
    if name in {"AT_BOUNDARY", "AT_NON_BOUNDARY"}:
        if bool(place.flags & re.ASCII) != place.ascii_only:
            raise NotLinear("\\b can't be in (?a:...)", "Put (?a) at the beginning, for the whole pattern.")
        return BOUNDARY if name == "AT_BOUNDARY" else NO_BOUNDARY
    by_line = bool(place.flags & re.MULTILINE)
    if name in {"AT_BEGINNING", "AT_BEGINNING_STRING"}:
        if place.marked and not place.first:
            raise NotLinear(
                "with \\b in a pattern, ^ can only be its beginning",
                "Put ^ first: '^\\bTest', not '\\b^Test'.",
            )
        return "(?m:^)" if by_line and name == "AT_BEGINNING" else r"\A"
    before_newline = name == "AT_END" and not by_line
    if not place.last and (place.marked or before_newline):
        raise NotLinear(
            "$ can only be the end of a pattern here", "Put $ last; for the end of each line write (?m)$."
        )
    end = "(?m:$)" if by_line and name == "AT_END" else r"\z"
    marks = _MARKS if place.marked else ""
    return rf"(?:{marks}\n)?{marks}{end}" if before_newline else marks + end


def _repetition(least: int, most: Any, inner: Any, place: _PartPlace) -> str:
    """A repetition. Whether it is greedy does not change whether there is a match."""
    body = f"(?:{_sequence(inner, place._replace(first=False, last=False))})"
    endless = most is _parser.MAXREPEAT
    if max(least, 0 if endless else most) > MOST_REPEATS:
        raise NotLinear(f"it repeats more than {MOST_REPEATS:,} times", "Repeat less, or write + or *.")
    return body + f"{{{least},{'' if endless else most}}}"


# -- one character ------------------------------------------------------------------------------------


def _character(name: str, value: Any, flags: int) -> str:
    """One character of the pattern, as the set of characters that it matches."""
    if name == "ANY":
        return _written(_others(() if flags & re.DOTALL else ((0x0A, 0x0A),)))
    letters = flags & (re.IGNORECASE | re.ASCII)
    if name == "IN":
        return _written(_class("".join(_members(value)), letters))
    if name == "NOT_LITERAL":
        return _written(_class(f"^{_literal(value)}", letters))
    if name != "LITERAL":
        raise NotLinear(f"it has {name.lower()}, which is not known here", "Write it in another way.")
    return _written(_class(_literal(value), letters) if flags & re.IGNORECASE else ((value, value),))


def _members(members: Iterable[tuple[Any, Any]]) -> Iterator[str]:
    """A class as Python's `re` writes it, without brackets."""
    for op, value in members:
        name = str(op)
        if name == "NEGATE":
            yield "^"
        elif name == "LITERAL":
            yield _literal(value)
        elif name == "RANGE":
            yield f"{_literal(value[0])}-{_literal(value[1])}"
        else:
            yield _CLASSES[str(value)]


def _literal(code: int) -> str:
    return f"\\U{code:08x}"


Ranges = Sequence[tuple[int, int]]


@cache
def _class(members: str, flags: int) -> Ranges:
    """The code points of a class, found by Python's own engine."""
    found = re.compile(f"[{members}]+", flags).finditer(_every_character())
    return [(each.start(), each.end() - 1) for each in found]


@cache
def _every_character() -> str:
    return "".join(map(chr, range(sys.maxunicode + 1)))


def _others(ranges: Ranges) -> Ranges:
    found, after = [], 0
    for low, high in ranges:
        if low > after:
            found.append((after, low - 1))
        after = high + 1
    return [*found, (after, sys.maxunicode)] if after <= sys.maxunicode else found


def _written(ranges: Ranges) -> str:
    """A class for RE2, without code points that its texts never have."""
    kept = list(ranges)
    for low, high in _NOT_IN_TEXTS:
        kept = [
            part
            for begin, end in kept
            for part in ((begin, min(end, low - 1)), (max(begin, high + 1), end))
            if part[0] <= part[1]
        ]
    if not kept:
        return r"[^\x00-\x{10FFFF}]"
    if kept in _BOTH_CASES:
        return rf"(?:\x{{{kept[0][0]:x}}}|\x{{{kept[1][0]:x}}})"
    parts = [rf"\x{{{begin:x}}}-\x{{{end:x}}}" for begin, end in kept]
    return f"[{''.join(parts)}]"
