"""Never more than ten tokens in ten minutes for one client, over all processes. Keeps only times, no
tokens.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from zmigrate.zoho.clock import stored_time
from zmigrate.zoho.shared_file import SharedFile

_MARGIN_S = 0.05  # Room for the difference between Zoho's clock and ours


class MintLedger:
    """The times at which tokens were asked for with one client id, in the state folder, under a lock.

    `limit`: (tokens, seconds). All times are epoch seconds. Zoho locks out a client that asks too often, so
    an unreadable entry counts as now, which costs at most a wait of one window.
    """

    def __init__(self, state_dir: Path, client_id: str, limit: tuple[int, float]) -> None:
        name = hashlib.sha256(client_id.encode()).hexdigest()[:16]
        self._tokens, self._window_s = limit
        # A damaged file counts as full at the time of its last write; no token was asked for later.
        self._file = SharedFile(
            state_dir / "tokens" / f"{name}.json",
            root=state_dir,
            when_damaged=lambda written_at: {"times": [written_at] * self._tokens},
        )

    def reserve(self, now: float) -> float:
        """Take a place in this window. Returns 0, or the seconds to wait before asking."""
        with self._file.edit() as content:
            times, blocked_until = self._tidied(content, now)
            wait_s = max(0.0, blocked_until - now)
            if len(times) >= self._tokens:
                wait_s = max(wait_s, times[-self._tokens] + self._window_s + _MARGIN_S - now)
            if wait_s <= 0:
                times.append(now)
            return wait_s

    def reason(self, now: float) -> str:
        """Why there is no token now, as a clause."""
        with self._file.edit() as content:
            if self._tidied(content, now)[1] > now:
                return "Zoho gives this client no more tokens for now"
        window = f"{self._window_s / 60:g} min" if self._window_s >= 60 else f"{self._window_s:g} s"
        return f"{self._tokens} tokens in {window} are used up, and each command or step of a flow takes one"

    def left(self, now: float) -> int:
        """How many more tokens may be asked for now."""
        with self._file.edit() as content:
            times, blocked_until = self._tidied(content, now)
            return 0 if blocked_until > now else max(0, self._tokens - len(times))

    def confirm(self, reserved: float, now: float) -> None:
        """The answer came at `now`. Zoho may have counted the token as late as that, so count it from
        `now`, also if its place has left the window in the meantime.
        """
        self._replace(reserved, now)

    def release(self, reserved: float) -> None:
        """The request was not sent: give the place back."""
        self._replace(reserved, None)

    def block(self, now: float) -> None:
        """Zoho says that this client asks too often: wait for a whole window."""
        with self._file.edit() as content:
            content["blocked_until"] = now + self._window_s + _MARGIN_S

    def _replace(self, reserved: float, by: float | None) -> None:
        with self._file.edit() as content:
            times = content.get("times")
            if not isinstance(times, list):
                return
            if reserved in times:
                times.remove(reserved)
            if by is not None:
                times.append(by)

    def _tidied(self, content: dict[str, Any], now: float) -> tuple[list[float], float]:
        """The times of this window in order, and until when Zoho gives no tokens. Corrects the content.

        A time ahead of the clock (it was set back) counts as now. Zoho locks nobody out for longer than a
        window. The correction is stored, or the wait would start again each time.
        """
        stored = content.get("times", [])
        every = stored if isinstance(stored, list) else [None] * self._tokens
        times = sorted(min(stored_time(each), now) for each in every)
        content["times"] = times = [each for each in times if each + self._window_s + _MARGIN_S > now]
        if "blocked_until" not in content:
            return times, 0.0
        until = min(stored_time(content["blocked_until"]), now + self._window_s + _MARGIN_S)
        content["blocked_until"] = until
        return times, until
