"""API credits in a rolling window, and calls in flight (docs v8 "API limits", Kaizen #93)."""

from __future__ import annotations

from collections import deque

from .clock import Clock
from .options import Options

EDITION_CREDITS = {  # base, per user, ceiling
    "free": (5_000, 0, 5_000),
    "standard": (50_000, 250, 100_000),
    "professional": (50_000, 500, 3_000_000),
    "enterprise": (50_000, 1_000, 5_000_000),
    "ultimate": (50_000, 2_000, None),
}
EDITION_CONCURRENCY = {"free": 5, "standard": 10, "professional": 15, "enterprise": 20, "ultimate": 25}
HEADER_FROM_SHARE = 0.5
"""The header X-API-CREDITS-REMAINING appears once half of the credits are spent."""


class Credits:
    """The credits spent in the window, summed for each second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._spent: deque[list[float]] = deque()
        self._sum = 0
        self.used_in_all = 0

    @staticmethod
    def allowance(options: Options) -> int:
        if options.credits is not None:
            return options.credits
        base, per_user, ceiling = EDITION_CREDITS[options.edition]
        credits = base + per_user * options.users_purchased
        return credits if ceiling is None else min(credits, ceiling)

    def remaining(self, options: Options) -> int:
        start = self._clock.steady() - options.credits_window_s
        while self._spent and self._spent[0][0] <= start:
            self._sum -= int(self._spent.popleft()[1])
        return max(0, self.allowance(options) - self._sum)

    def spend(self, cost: int) -> None:
        now = self._clock.steady()
        if self._spent and int(self._spent[-1][0]) == int(now):
            self._spent[-1][1] += cost
        else:
            self._spent.append([now, cost])
        self._sum += cost
        self.used_in_all += cost

    def headers(self, options: Options) -> tuple[tuple[bytes, bytes], ...]:
        left = self.remaining(options)
        if not options.credits_header or left > self.allowance(options) * (1 - HEADER_FROM_SHARE):
            return ()
        return ((b"x-api-credits-remaining", str(left).encode()),)


class Concurrency:
    """Counts the calls in flight, and the heavy ones among them."""

    def __init__(self) -> None:
        self._all = 0
        self._heavy = 0
        self.max_all = 0
        self.max_heavy = 0
        self.throttled = 0

    def enter(self, heavy: bool, options: Options) -> bool:
        """Counts a call. Returns False if it exceeds the org's limit; `leave` must follow in either case."""
        self._all += 1
        self._heavy += heavy
        self.max_all = max(self.max_all, self._all)
        self.max_heavy = max(self.max_heavy, self._heavy)
        ceiling = options.concurrency or EDITION_CONCURRENCY[options.edition]
        if self._all > ceiling or (heavy and self._heavy > options.sub_concurrency):
            self.throttled += 1
            return False
        return True

    def leave(self, heavy: bool) -> None:
        self._all -= 1
        self._heavy -= heavy
