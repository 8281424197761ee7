"""The emulator's clock, which can differ from this machine's; and Zoho's format of a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import formatdate


class Clock:
    """Tells Zoho's time. `source` gives seconds since the epoch."""

    def __init__(
        self, skew_s: float, utc_offset_minutes: int, source: Callable[[], float] = time.time
    ) -> None:
        self._source = source
        self.skew_s = skew_s
        self.utc_offset_minutes = utc_offset_minutes
        self._shown: tuple[int, int, str] = (-1, 0, "")

    def now(self) -> float:
        return self._source() + self.skew_s

    def steady(self) -> float:
        """Seconds for measuring durations. They do not jump when the skew changes."""
        return self._source()

    def http_date(self) -> bytes:
        """The `Date` header."""
        return formatdate(int(self.now()), usegmt=True).encode()

    def iso(self, moment: float) -> str:
        """A time in Zoho's format: ISO 8601 with offset, in whole seconds."""
        second, offset = int(moment), self.utc_offset_minutes
        if self._shown[:2] != (second, offset):
            zone = timezone(timedelta(minutes=offset))
            self._shown = (second, offset, datetime.fromtimestamp(second, zone).isoformat())
        return self._shown[2]


def instant(text: str) -> float:
    """Seconds since the epoch of an ISO 8601 date-time, in UTC if it has no offset. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
