"""How long to wait before the next attempt, and when to give up: policies for tenacity."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import httpx
from tenacity import RetryCallState
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from zmigrate.zoho.clock import http_date

LONGEST_WAIT_S: Final = 7 * 24 * 3_600.0
"""The longest wait that an answer can ask for. No call has that much time."""

_WAITS: Final = ("retry_after", "retry_in_seconds")
_SECONDS: Final = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?")


@dataclass(slots=True)
class Patience:
    """What one call has gone through so far, for the policies. Times are monotonic seconds."""

    first_trouble: float | None = None
    asked_to_wait_s: float = 0.0  # the wait of the last answer's `Retry-After`
    failures: int = 0  # how often the server answered that it failed


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential with full jitter: a random wait up to `first_s`, doubled each time, at most `longest_s`."""

    first_s: float = 1.0
    longest_s: float = 60.0
    budget_s: float = 900.0  # A call is given up this many seconds after its first trouble
    uniform: Callable[[float, float], float] = random.uniform
    monotonic: Callable[[], float] = field(default=time.monotonic)

    def left_s(self, patience: Patience) -> float:
        """How many seconds the call may still be tried."""
        if patience.first_trouble is None:
            return self.budget_s
        return max(0.0, patience.first_trouble + self.budget_s - self.monotonic())


class FullJitter(wait_base):
    """tenacity's wait: the backoff, but never less than Zoho asked for. The last argument is `Patience`."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff

    def __call__(self, retry_state: RetryCallState) -> float:
        patience: Patience = retry_state.args[-1]
        doublings = min(retry_state.attempt_number - 1, 16)
        top = min(self._backoff.longest_s, self._backoff.first_s * 2**doublings)
        return patience.asked_to_wait_s + self._backoff.uniform(0.0, top)


class BudgetSpent(stop_base):
    """tenacity's stop: the next attempt would begin after the call's time budget."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff

    def __call__(self, retry_state: RetryCallState) -> bool:
        patience: Patience = retry_state.args[-1]
        if patience.first_trouble is None:
            return False
        spent_s = self._backoff.monotonic() - patience.first_trouble
        return spent_s + retry_state.upcoming_sleep >= self._backoff.budget_s


def retry_after_s(response: httpx.Response, body: object, now: float) -> float:
    """The wait in seconds that an answer asks for: `Retry-After`, else `retry_after` or `retry_in_seconds` of
    the body or its `details` (zoho-api 3.3 and 14.25); else 0."""
    text = response.headers.get("retry-after", "").strip()
    if text:
        return _seconds(text, now)
    details = body.get("details") if isinstance(body, dict) else None
    for told in (each.get(name) for name in _WAITS for each in (body, details) if isinstance(each, dict)):
        if isinstance(told, int | float | str) and not isinstance(told, bool):
            return _seconds(str(told).strip(), now)
    return 0.0


def _seconds(text: str, now: float) -> float:
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_WAIT_S)
    date = http_date(text)
    return 0.0 if date is None else min(max(0.0, date - now), LONGEST_WAIT_S)
