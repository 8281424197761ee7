"""What the values of a column look like: how many there are, and how dates, numbers and yes/no are written.

This reads only the first rows, for a proposal that a person checks. A run reads by declared formats.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Any, Final, NamedTuple

from zmigrate.job.formats import FALSE_WORDS, TRUE_WORDS
from zmigrate.rows.bad_cell import BadCell
from zmigrate.rows.mapping.cells import as_text

SAMPLE_ROWS: Final = 1000
LONGEST_KEPT: Final = 1000  # how many characters of a value are kept; its full length is known anyway

ISO: Final = "iso"
DAY_FORMATS: Final = (
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d.%m.%y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%Y%m%d",
)
"""Day before month if both fit; the person is always told so."""
TIME_FORMATS: Final = (" %H:%M:%S", " %H:%M", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M")
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_ISO_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)? ?(?P<offset>Z|[+-]\d\d:?\d\d)?\Z", re.ASCII
)
_HAS_TIME = re.compile(r"\d:\d\d")
_DATE_LIKE = re.compile(r"(?=.*\d)[\w ./,:+-]{6,40}\Z")

MARKS: Final = ((".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (".", "'"), (".", " "))
"""Decimal mark and thousands separator; the default pair first."""

KNOWN_WORDS: Final = frozenset((*TRUE_WORDS, *FALSE_WORDS))  # words that need no declaration
YES_WORDS: Final = {*TRUE_WORDS, "y", "t", "x", "active", "ja", "j", "wahr", "oui", "vrai", "si", "sí", "sim"}
NO_WORDS: Final = {*FALSE_WORDS, "n", "f", "inactive", "nein", "falsch", "non", "faux", "falso", "não"}

SECRET_NAMES: Final = re.compile(
    r"pass(word|wd|wort)?\b|passw|secret|token|api.?key|credential|\bpin\b|\bssn\b|iban|card.?n|\bcvv?\b|geheim",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w+/=.-]{28,}\Z", re.ASCII)
LONGEST_SHOWN: Final = 40


@dataclass(frozen=True)
class Column:
    """One column of the first rows. `values`: each text and how often it occurs, without empty ones."""

    name: str
    rows: int
    values: Mapping[str, int]
    longest: int = 0
    items: Mapping[str, int] = field(default_factory=dict)
    """If cells are lists: their items, and how often each occurs."""

    @property
    def filled(self) -> int:
        return sum(self.values.values())

    @property
    def unique(self) -> bool:
        """Whether each row has a different value."""
        return self.rows > 0 and len(self.values) == self.rows

    @property
    def secret(self) -> bool:
        """Whether its values should not be shown."""
        return bool(SECRET_NAMES.search(self.name)) or any(
            _SECRET_VALUE.match(value) for value in islice(self.values, 20)
        )

    @cached_property
    def dates(self) -> Dates | None:
        """How its dates are written. None if it has none."""
        return dates_in(self.values)

    @cached_property
    def numbers(self) -> Numbers | None:
        """How its numbers are written. None if it has none."""
        return numbers_in(self.values)

    @cached_property
    def words(self) -> Words | None:
        """Its words for yes and no. None if a value is neither."""
        return words_in(self.values)

    def samples(self, count: int = 3) -> list[str]:
        """Some values, shortened, the most frequent first; none if the column may hold secrets."""
        if self.secret:
            return []
        ordered = sorted(self.values, key=lambda value: -self.values[value])
        return [shortened(value) for value in ordered[:count]]

    def share(self, fits: Iterable[str]) -> float:
        """The share of these values among the filled cells, from 0 to 1."""
        return sum(self.values[value] for value in fits) / self.filled if self.values else 0.0


def shortened(text: str, most: int = LONGEST_SHOWN) -> str:
    """The text, with `…` if it was cut."""
    return text if len(text) <= most else text[: most - 1] + "…"


def look_at(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None) -> list[Column]:
    """The columns of the first rows. `columns`: None to take those that the rows have."""
    names = dict.fromkeys(columns or ())
    seen: dict[str, Counter[str]] = {name: Counter() for name in names}
    items: dict[str, Counter[str]] = {}
    longest: Counter[str] = Counter()
    number = 0
    for number, row in enumerate(islice(rows, SAMPLE_ROWS), 1):  # noqa: B007 - counts them
        for name, value in row.items():
            if columns is None and name not in seen:
                seen[name] = Counter()
            text = looked_at(value)
            if name not in seen or not text:
                continue
            seen[name][text[:LONGEST_KEPT]] += 1
            if isinstance(value, list):
                items.setdefault(name, Counter()).update(filter(None, map(looked_at, value)))
            longest[name] = max(longest[name], len(text))
    return [Column(name, number, values, longest[name], items.get(name, {})) for name, values in seen.items()]


def looked_at(value: Any) -> str:
    """A value as text, as a run compares it; "" for nothing."""
    if isinstance(value, BadCell):
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    try:
        return as_text(value).strip()
    except ValueError:
        return str(value)


class Dates(NamedTuple):
    """How a column's dates are written."""

    formats: tuple[str, ...]  # every format that fits all of the dates; `ISO` needs none
    fitting: tuple[str, ...]  # the values that are dates
    time: bool
    offset: bool  # each has its offset from UTC


def dates_in(values: Iterable[str]) -> Dates | None:
    """How the dates among the values are written."""
    texts = [value for value in values if _DATE_LIKE.match(value)]
    if not texts:
        return None
    timed = bool(_HAS_TIME.search(texts[0]))
    iso = [value for value in texts if (_ISO_MOMENT if timed else _ISO_DAY).match(value)]
    if iso and 2 * len(iso) >= len(texts):
        offsets = [timed and _ISO_MOMENT.match(value)["offset"] is not None for value in iso]  # type: ignore[index]
        return Dates((ISO,), tuple(value for value in iso if _is_iso(value)), timed, all(offsets))
    formats = [day + time for day in DAY_FORMATS for time in TIME_FORMATS] if timed else list(DAY_FORMATS)
    fitting = {form: tuple(value for value in texts if is_date(value, form)) for form in formats}
    most = max(map(len, fitting.values()))
    best = tuple(form for form in formats if len(fitting[form]) == most)
    return Dates(best, fitting[best[0]], timed, False) if most else None


def _is_iso(text: str) -> bool:
    return is_date(text[:10], "%Y-%m-%d")


def is_date(text: str, form: str) -> bool:
    """Whether `strptime` reads the text with this format, and the year is plausible."""
    try:
        return 1800 <= datetime.strptime(text, form).year <= 2200
    except ValueError:
        return False


class Numbers(NamedTuple):
    """How a column's numbers are written."""

    decimal: str
    thousands: str
    fitting: tuple[str, ...]
    whole: bool  # None has decimals
    unsure: bool  # the numbers have a second reading: 1.234


def numbers_in(values: Collection[str]) -> Numbers | None:
    """How the numbers among the values are written."""
    found = {marks: tuple(value for value in values if _number(*marks).match(value)) for marks in MARKS}
    most = max(map(len, found.values()))
    if not most:
        return None
    best = [marks for marks in MARKS if len(found[marks]) == most]
    decimal, thousands = best[0]
    fitting = found[best[0]]
    marked = [value for value in fitting if not value.lstrip("+-").isdigit()]
    unsure = bool(marked) and len(best) > 1 and all(_both_ways(value) for value in marked)
    if unsure:
        decimal, thousands = next(marks for marks in best if marks[1] and marks[1] in marked[0])
    return Numbers(decimal, thousands, fitting, not any(decimal in value for value in fitting), unsure)


def _number(decimal: str, thousands: str) -> re.Pattern[str]:
    plain = rf"\d+(?:{re.escape(decimal)}\d+)?"
    grouped = (
        rf"|\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+(?:{re.escape(decimal)}\d+)?" if thousands else ""
    )
    return re.compile(rf"[+-]?(?:{plain}{grouped})\Z", re.ASCII)


def _both_ways(text: str) -> bool:
    """Whether a number has two readings: `1,234` is a thousand and more, or one and a bit."""
    return re.fullmatch(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", text, re.ASCII) is not None


class Words(NamedTuple):
    """The words for yes and for no in a column."""

    true: tuple[str, ...]
    false: tuple[str, ...]
    declare: bool  # some of them must be declared


def words_in(values: Collection[str]) -> Words | None:
    """The words for yes and no, if each value is one of them."""
    if not values or len(values) > 6:
        return None
    true = tuple(value for value in values if value.casefold() in YES_WORDS)
    false = tuple(value for value in values if value.casefold() in NO_WORDS)
    if len(true) + len(false) != len(values):
        return None
    return Words(true, false, not all(value.casefold() in KNOWN_WORDS for value in values))
