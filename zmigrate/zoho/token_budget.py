"""Never more than ten tokens in ten minutes for one client, over all processes. Keeps times only, never
tokens."""

from __future__ import annotations

import hashlib
from pathlib import Path

from zmigrate.zoho.shared_file import SharedFile

_MARGIN_S = 0.05
"""Zoho's window is measured by Zoho's clock: leave a little room."""


class MintLedger:
    """The times at which tokens were asked for with one client id, in the state folder, under a lock.

    `limit` is (tokens, seconds). All times are epoch seconds.
    """

    def __init__(self, state_dir: Path, client_id: str, limit: tuple[int, float]) -> None:
        name = hashlib.sha256(client_id.encode()).hexdigest()[:16]
        self._file = SharedFile(state_dir / "tokens" / f"{name}.json")
        self._tokens, self._window_s = limit

    def reserve(self, now: float) -> float:
        """Take a place among the tokens of this window: 0 when it is taken, else the seconds to wait before
        asking."""
        with self._file.edit() as content:
            times = self._recent(content, now)
            blocked_s = _number(content.get("blocked_until")) - now
            wait_s = max(0.0, min(blocked_s, self._window_s))
            if len(times) >= self._tokens:
                wait_s = max(wait_s, times[-self._tokens] + self._window_s + _MARGIN_S - now)
            if wait_s <= 0:
                times.append(now)
            content["times"] = sorted(times)
            return wait_s

    def reason(self, now: float) -> str:
        """Why there is no token now, as a clause."""
        with self._file.edit() as content:
            if _number(content.get("blocked_until")) > now:
                return "Zoho gives this client no more tokens for now"
        window = f"{self._window_s / 60:g} min" if self._window_s >= 60 else f"{self._window_s:g} s"
        return f"{self._tokens} tokens in {window} are used up, and each command or step of a flow takes one"

    def left(self, now: float) -> int:
        """How many more tokens may be asked for now."""
        with self._file.edit() as content:
            if _number(content.get("blocked_until")) > now:
                return 0
            return max(0, self._tokens - len(self._recent(content, now)))

    def confirm(self, reserved: float, now: float) -> None:
        """The answer came at `now`: Zoho counted the token somewhere between, so count it from the later
        time."""
        self._replace(reserved, now)

    def release(self, reserved: float) -> None:
        """The request never left this machine: give the place back."""
        self._replace(reserved, None)

    def block(self, now: float) -> None:
        """Zoho says that this client asks too often: nobody asks again before a whole window is over."""
        with self._file.edit() as content:
            content["blocked_until"] = now + self._window_s + _MARGIN_S

    def _replace(self, reserved: float, by: float | None) -> None:
        with self._file.edit() as content:
            times = [_number(time) for time in content.get("times", [])]
            if reserved in times:
                times.remove(reserved)
                if by is not None:
                    times.append(by)
            content["times"] = sorted(times)

    def _recent(self, content: dict[str, object], now: float) -> list[float]:
        """Times of this window. One from the future (the clock was set back) counts as now."""
        times = content.get("times")
        if not isinstance(times, list):
            return []
        return sorted(
            min(_number(time), now) for time in times if _number(time) + self._window_s + _MARGIN_S > now
        )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
