"""Two clocks: our own, which never jumps, and Zoho's, known from the `Date` of its answers."""

from __future__ import annotations

import math
import threading
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

_LAST_S: Final = 4_102_444_800.0
"""The year 2100. A clock with a later time, or one before 1970, is wrong."""

_LONGEST_DATE: Final = 64


def http_date(text: str) -> float | None:
    """A date of an HTTP header (`Sun, 06 Nov 2033 08:49:37 GMT`) as epoch seconds. None for anything else."""
    if len(text) > _LONGEST_DATE or not text.isascii():
        return None
    try:
        date = parsedate_to_datetime(text)
        seconds = date.replace(tzinfo=date.tzinfo or UTC).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return seconds if 0 <= seconds < _LAST_S else None


class ZohoClock:
    """Keeps the interval of (Zoho's clock - local clock).

    `Date` is Zoho's time in whole seconds, rounded down, between sending and receiving. So each answer
    narrows the interval to [Date - received, Date + 1 - sent]. If the interval becomes empty, a clock was
    set: start again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bounds: tuple[float, float] | None = None
        self._parsed: tuple[str, float] = ("", 0.0)

    def observe(self, date: str | None, sent: float, received: float) -> None:
        """Learn from one answer. A missing or malformed `Date` is ignored."""
        if not date:
            return
        seconds = self._seconds(date)
        if seconds is None:
            return
        lower, upper = seconds - received, seconds + 1.0 - sent
        with self._lock:
            if self._bounds is not None:
                known_lower, known_upper = self._bounds
                if max(lower, known_lower) <= min(upper, known_upper):
                    lower, upper = max(lower, known_lower), min(upper, known_upper)
            self._bounds = (lower, upper)

    def earliest(self, local: float) -> float:
        """The earliest time of Zoho's clock at this local time. If nothing is known, the local time."""
        return local if self._bounds is None else local + self._bounds[0]

    def latest(self, local: float) -> float:
        """The latest time of Zoho's clock at this local time. If nothing is known, the local time."""
        return local if self._bounds is None else local + self._bounds[1]

    def skew(self) -> float | None:
        """How many seconds Zoho's clock is ahead of the local one, estimated. None before any answer."""
        return None if self._bounds is None else (self._bounds[0] + self._bounds[1]) / 2

    def _seconds(self, date: str) -> float | None:
        known, seconds = self._parsed
        if known == date:
            return seconds
        found = http_date(date)
        if found is not None:
            self._parsed = (date, found)
        return found


_OFFSET_S: Final = time.time() - time.monotonic()


def steady_time() -> float:
    """The time when the process began, plus the time since, in epoch seconds."""
    return _OFFSET_S + time.monotonic()


def stored_time(value: object) -> float:
    """A time (epoch seconds) from a file. An invalid one counts as the latest possible, which the caller
    limits.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.inf
    return math.inf if math.isnan(value) else float(value)
