"""API credits: what the org has spent in the last 24 hours, as far as zmigrate knows, and whether a call
fits.

Our own count is kept per org in the state folder, shared by processes, for each minute. Zoho's header appears
only after half is spent, and then it counts. If our count can't be read, the rest is unknown until the header
comes or a day is over.
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
_HEADER_FRESH_S = 900.0  # after this time without a header, a call is let through to get a new one


class CreditLedger:
    """Counts credits in memory until `open` names the org, then in the org's folder too."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._file: SharedFile | None = None
        self._allowance: int | None = None
        self._grains: dict[int, int] = {}
        self._unsaved: dict[int, int] = {}
        self._uncounted_until = 0.0
        """Before this time more may have been spent than is counted: a part of the count is unreadable."""
        self._header: tuple[float, int] | None = None
        """When Zoho's header was last seen, and how many credits it leaves by now."""
        self._presumed_until = 0.0
        """Until this time the credits count as spent, though Zoho has not said so. Not kept in the file."""
        self._saved_at = 0.0
        self._used = 0

    @property
    def used(self) -> int:
        """Credits that this object (this run) has spent."""
        return self._used

    def open(self, folder: Path, allowance: int | None, root: Path | None = None) -> None:
        """Continue the org's own count. `allowance`: its credits for 24 hours, if known. `root`: the state
        folder."""
        with self._lock:
            # Everything that may be missing was spent before the last write of the file.
            self._file = SharedFile(
                folder / "credits.json",
                root=root,
                when_damaged=lambda written_at: {"uncounted_until": written_at + CREDIT_WINDOW_S},
            )
            self._allowance = allowance
            self._save()

    def left(self) -> int | None:
        """The credits left now. None if neither the edition nor a header shows them."""
        with self._lock:
            return self._left(self._now())

    def spend(self, credits: int) -> None:
        """Count a call with this price."""
        with self._lock:
            now = self._now()
            grain = int(now // _GRAIN_S)
            self._presumed_until = 0.0  # a call was answered
            self._used += credits
            self._grains[grain] = self._grains.get(grain, 0) + credits
            self._unsaved[grain] = self._unsaved.get(grain, 0) + credits
            if self._header is not None:
                self._header = (self._header[0], self._header[1] - credits)
            if now - self._saved_at >= _FLUSH_S:
                self._save_if_possible()

    def correct(self, remaining: str | None) -> None:
        """Use the value of `X-API-CREDITS-REMAINING`, if the answer has it."""
        if not remaining or not re.fullmatch(r"-?[0-9]{1,15}", remaining.strip()):
            return
        with self._lock:
            self._header = (self._now(), int(remaining))

    def presume_spent(self, wait_s: float) -> None:
        """Nothing but spent credits explains Zoho's answers. `wait_s`: the wait that Zoho asks for, or 0."""
        with self._lock:
            self._presumed_until = self._now() + max(wait_s, _HEADER_FRESH_S)

    def shortage_s(self, credits: int) -> float:
        """Seconds until a call with this price fits; 0 if it fits now, or if nothing is known."""
        with self._lock:
            now = self._now()
            if now < self._presumed_until:
                return self._presumed_until - now
            left = self._left(now)
            if left is None or left >= credits:
                return 0.0
            if self._header is not None and now - self._header[0] > _HEADER_FRESH_S:
                return 0.0
            return self._free_again_s(credits - left, now)

    def exhausted(self, credits: int) -> bool:
        """Whether credits explain a 429: fewer are left than the call costs, or they are presumed spent."""
        left = self.left()
        return self._now() < self._presumed_until or (left is not None and left < credits)

    def spent_error(self, wait_s: float) -> CreditsSpent:
        """The error with the time when to go on."""
        again = datetime.fromtimestamp(self._now() + wait_s, UTC).astimezone()
        if self._now() < self._presumed_until:
            return CreditsSpent(
                'Zoho answers every call with "too many requests", also one at a time: most likely the org\'s'
                f" API credits are used up. Zoho does not say when; try at {again:%Y-%m-%d %H:%M %Z}.",
                hint="See Setup > Developer Hub > APIs and SDKs > Usage in Zoho, which other programs count"
                " towards, too. Resume later, or run with --wait.",
            )
        when = f"enough are free again about {again:%Y-%m-%d %H:%M %Z}"
        if wait_s == _HEADER_FRESH_S:  # others have spent them, so our own count does not help
            when = f"it is unknown when enough are free again; try at {again:%Y-%m-%d %H:%M %Z}"
        return CreditsSpent(
            f"The org's API credits are used up; {when}.", hint="Resume then, or run with --wait."
        )

    def close(self) -> None:
        """Write the rest, if possible."""
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
        """Drop credits that are free again. Entries ahead of the clock (it was set back) count as spent now,
        but a header ahead of the clock is dropped.
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
        """Save. A failure must not lose the answer of the call."""
        with suppress(ZmigrateError):
            self._save()

    def _save(self) -> None:
        """Add our new credits to the file, and take over those of other processes."""
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
    """The credits spent in each minute, and whether all could be read. No minute takes more than a day's
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
    """A stored header. An unreadable one is dropped: the next answer has a new one."""
    match stored:
        case [int() | float() as seen_at, int() as remaining] if not isinstance(remaining, bool):
            return (stored_time(seen_at), remaining)
    return None
