"""API credits: what this org has spent in the last 24 hours, as far as zmigrate knows, and whether a call
fits in.

Our own count is kept per org in the state folder, shared by processes, in grains of a minute. Zoho's header
appears only after half is spent; where it has been seen it is the truth from then on. Where the count can't
be read nobody knows what is left, until the header tells or a day is over.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from zmigrate.errors import CreditsSpent, ZmigrateError
from zmigrate.zoho.clock import stored_time
from zmigrate.zoho.facts.limits import CREDIT_WINDOW_S
from zmigrate.zoho.shared_file import SharedFile

_GRAIN_S = 60.0
_FLUSH_S = 2.0
_HEADER_FRESH_S = 900.0
"""After so long without news the header is asked for again, by letting a call through."""


class CreditLedger:
    """Counts credits in memory until `open` names the org; from then on in the org's folder too."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._file: SharedFile | None = None
        self._allowance: int | None = None
        self._grains: dict[int, int] = {}
        self._unsaved: dict[int, int] = {}
        self._uncounted_until = 0.0
        """Until then more may have been spent than is counted: a part of the count can't be read."""
        self._header: tuple[float, int] | None = None
        """When Zoho's header was last seen, and what must be left of it by now."""
        self._saved_at = 0.0
        self._used = 0

    @property
    def used(self) -> int:
        """Credits spent through this ledger object (this run)."""
        return self._used

    def open(self, folder: Path, allowance: int | None, root: Path | None = None) -> None:
        """Go on with the org's own count; `allowance` is what it has for 24 hours, None where that is not
        known. `root`: the state folder that the org's folder is in."""
        with self._lock:
            # All that may be missing was spent before the file was written last.
            self._file = SharedFile(
                folder / "credits.json",
                root=root,
                when_damaged=lambda written_at: {"uncounted_until": written_at + CREDIT_WINDOW_S},
            )
            self._allowance = allowance
            self._save()

    def left(self) -> int | None:
        """Credits that are left now; None where neither the edition nor a header tells."""
        with self._lock:
            return self._left(self._now())

    def spend(self, credits: int) -> None:
        """A call was sent that costs so much."""
        with self._lock:
            now = self._now()
            grain = int(now // _GRAIN_S)
            self._used += credits
            self._grains[grain] = self._grains.get(grain, 0) + credits
            self._unsaved[grain] = self._unsaved.get(grain, 0) + credits
            if self._header is not None:
                self._header = (self._header[0], self._header[1] - credits)
            if now - self._saved_at >= _FLUSH_S:
                self._save_if_possible()

    def correct(self, remaining: str | None) -> None:
        """Take over what `X-API-CREDITS-REMAINING` says, where an answer carries it."""
        if not remaining or not re.fullmatch(r"-?[0-9]{1,15}", remaining.strip()):
            return
        with self._lock:
            self._header = (self._now(), int(remaining))

    def shortage_s(self, credits: int) -> float:
        """Seconds until a call of this price fits in; 0 when it does now, or when nothing is known."""
        with self._lock:
            now = self._now()
            left = self._left(now)
            if left is None or left >= credits:
                return 0.0
            if self._header is not None and now - self._header[0] > _HEADER_FRESH_S:
                return 0.0
            return self._free_again_s(credits - left, now)

    def exhausted(self, credits: int) -> bool:
        """True when a 429 is explained by credits: less is left than the call costs."""
        left = self.left()
        return left is not None and left < credits

    def spent_error(self, wait_s: float) -> CreditsSpent:
        """The error that says when to go on."""
        again = datetime.fromtimestamp(self._now() + wait_s, UTC).astimezone()
        when = f"enough are free again about {again:%Y-%m-%d %H:%M %Z}"
        if wait_s == _HEADER_FRESH_S:  # others have spent them, so our own count does not tell
            when = f"when enough are free again is not known, ask at {again:%Y-%m-%d %H:%M %Z}"
        return CreditsSpent(
            f"The org's API credits are used up; {when}.",
            hint="Resume then, or run with --wait.",
        )

    def close(self) -> None:
        """Write what is not yet written, where that is possible."""
        with self._lock:
            self._save_if_possible()

    def _left(self, now: float) -> int | None:
        self._forget(now)
        if self._header is not None and now - self._header[0] < CREDIT_WINDOW_S:
            return self._header[1]
        if self._allowance is None or now < self._uncounted_until:
            return None
        return self._allowance - sum(self._grains.values())

    def _free_again_s(self, wanted: int, now: float) -> float:
        freed = 0
        for grain in sorted(self._grains):
            freed += self._grains[grain]
            if freed >= wanted:
                return max(1.0, (grain + 1) * _GRAIN_S + CREDIT_WINDOW_S - now)
        return _HEADER_FRESH_S

    def _forget(self, now: float) -> None:
        """Drop what is free again. What lies ahead of the clock, which was set back, was spent by now; but
        what a header said then need not be true now.
        """
        oldest, newest = int((now - CREDIT_WINDOW_S) // _GRAIN_S), int(now // _GRAIN_S)
        for grain in [grain for grain in self._grains if not oldest <= grain <= newest]:
            spent = self._grains.pop(grain)
            if grain > newest:
                self._grains[newest] = self._grains.get(newest, 0) + spent
        self._uncounted_until = min(self._uncounted_until, now + CREDIT_WINDOW_S)
        if self._header is not None and self._header[0] > now:
            self._header = None

    def _save_if_possible(self) -> None:
        """A count that can't be written must not cost the answer of the call that it belongs to."""
        with suppress(ZmigrateError):
            self._save()

    def _save(self) -> None:
        """Add what is new to the file, and take over what other processes have added."""
        self._saved_at = now = self._now()
        if self._file is None:
            return
        with self._file.edit() as content:
            grains, whole = _grains(content.get("minutes", {}), self._allowance)
            for grain, spent in self._unsaved.items():
                grains[grain] = grains.get(grain, 0) + spent
            self._grains = grains
            self._uncounted_until = stored_time(content.get("uncounted_until", 0.0)) if whole else math.inf
            headers = (self._header, _header(content.get("header")))
            self._header = max((each for each in headers if each and each[0] <= now), default=None)
            self._forget(now)
            content["minutes"] = {str(grain): spent for grain, spent in self._grains.items()}
            content["header"] = self._header
            content["uncounted_until"] = self._uncounted_until
        self._unsaved = {}


def _grains(minutes: object, allowance: int | None) -> tuple[dict[int, int], bool]:
    """What was spent in each minute; and whether all of it could be read. No minute takes more than a day's
    allowance.
    """
    if not isinstance(minutes, dict):
        return {}, False
    most = math.inf if allowance is None else allowance
    grains = {
        int(grain): spent
        for grain, spent in minutes.items()
        if re.fullmatch(r"[0-9]{1,12}", grain) and type(spent) is int and 0 <= spent <= most
    }
    return grains, len(grains) == len(minutes)


def _header(stored: object) -> tuple[float, int] | None:
    """A header as it was kept. What can't be read is dropped: the next answer has another one."""
    match stored:
        case [int() | float() as seen_at, int() as remaining] if not isinstance(remaining, bool):
            return (stored_time(seen_at), remaining)
    return None
