"""What a run has done so far, counted from its events. `progress` draws it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from zmigrate import events
from zmigrate.engine.model.outcomes import ACTIONS

RATE_WINDOW_S = 10.0
SAMPLE_EVERY_S = 0.25


@dataclass(slots=True)
class Rate:
    """Rows per second over the last ten seconds, so that a pause shows and an old burst does not."""

    samples: deque[tuple[float, int]] = field(default_factory=deque)

    def sample(self, now: float, rows: int) -> None:
        if self.samples and now - self.samples[-1][0] < SAMPLE_EVERY_S:
            return
        self.samples.append((now, rows))
        while len(self.samples) > 2 and now - self.samples[1][0] >= RATE_WINDOW_S:
            self.samples.popleft()

    def per_s(self) -> float | None:
        """None until there are two samples."""
        if len(self.samples) < 2:
            return None
        (began, first), (ended, last) = self.samples[0], self.samples[-1]
        return (last - first) / (ended - began)


class Figures:
    """A listener that keeps the totals for the progress; in a flow, those of the current step."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.run: events.BannerFacts | None = None
        self.began: float = clock()
        self._begin()

    def _begin(self) -> None:
        self._rate = Rate()
        self.rows_before = 0
        self.created = self.updated = self.unchanged = self.deleted = 0
        self.skipped = self.failed = self.in_doubt = 0
        self.requests = self.retries = self.throttled = 0
        self.in_flight = self.limit = self.parked = 0
        self.renewals = 0
        self.token_left_s: float | None = None
        self.credits_used = 0
        self.credits_left: int | None = None
        self.copied: events.RowsCopied | None = None
        """How far a database is read, before anything is written; None once there is more to tell."""
        self.waiting_for: str | None = None
        self._waiting_until = 0.0
        self.stopping = False
        self.ended = False
        self._parked_rows: dict[int, int] = {}

    def take(self, event: events.Event) -> None:
        """Count one event. Other kinds of events are ignored."""
        match event:
            case events.RunStarted():
                self._run_started(event)
            case events.BatchDone():
                for outcome in ACTIONS:
                    setattr(self, outcome, getattr(self, outcome) + getattr(event, outcome))
                self._parked_rows.pop(event.batch, None)
            case events.BatchDoubted():
                self._parked_rows[event.batch] = event.rows
            case events.BatchSplit():
                self._parked_rows.pop(event.batch, None)
            case events.RowsDecided():
                self.skipped += event.skipped
                self.failed += event.failed
                self.unchanged += event.unchanged
            case events.RowsCopied():
                self.copied = event
            case events.Stopping():
                self.stopping = True
                self.in_flight = event.in_flight
            case events.Tick():
                self._tick(event)
            case events.RunEnded():
                self.ended = True
                self.copied = self.waiting_for = None
            case _:
                self._take_call(event)

    def _take_call(self, event: events.Event) -> None:
        """Count an event about calls to Zoho: requests, tokens, credits, waits."""
        match event:
            case events.RequestSent():
                self.requests += 1
                self.credits_used += event.credits
            case events.Retrying():
                self.retries += 1
            case events.Throttled():
                self.throttled += 1
                self.limit = event.limit
            case events.TokenAcquired():
                self.renewals += event.renewed
                self.token_left_s = event.lifetime_s
            case events.Waiting():
                self.waiting_for = event.what
                self._waiting_until = self._clock() + event.seconds
            case events.Credits():
                self.credits_used = max(self.credits_used, event.used)
                self.credits_left = event.left

    @property
    def rows_done(self) -> int:
        """Rows with an outcome, including earlier sessions of this run."""
        return sum(getattr(self, outcome) for outcome in ACTIONS)

    @property
    def rows_now(self) -> int:
        """Rows with an outcome since this process began."""
        return self.rows_done - self.rows_before

    @property
    def rows_parked(self) -> int:
        """Rows in batches in doubt that wait to be checked."""
        return sum(self._parked_rows.values())

    @property
    def rows_total(self) -> int | None:
        return self.run.rows if self.run else None

    @property
    def elapsed_s(self) -> float:
        return self._clock() - self.began

    @property
    def rows_per_s(self) -> float | None:
        if self.ended:
            return self.rows_now / self.elapsed_s if self.elapsed_s > 0 else None
        return self._rate.per_s()

    @property
    def share(self) -> float | None:
        """The share of rows done, 0 to 1. None if the total is not known."""
        if self.rows_total is None:
            return None
        return min(self.rows_done / self.rows_total, 1.0) if self.rows_total else 1.0

    @property
    def left_s(self) -> float | None:
        """Seconds until the last row at the present rate. None while they are not known."""
        rate = self.rows_per_s
        if not rate or self.rows_total is None or self.ended:
            return None
        return max(self.rows_total - self.rows_done, 0) / rate

    def _run_started(self, event: events.RunStarted) -> None:
        if self.ended:
            self._begin()
        self.run = event.facts
        for outcome, rows in event.done.items():
            setattr(self, outcome, rows)
        self.rows_before = self.rows_done
        self.began = self._clock()
        self._rate.sample(self.began, 0)

    def _tick(self, event: events.Tick) -> None:
        self.copied = None
        self.in_flight = event.in_flight
        self.limit = event.limit
        self.parked = event.parked
        self.token_left_s = event.token_left_s
        now = self._clock()
        if self.waiting_for is not None and now >= self._waiting_until:
            self.waiting_for = None
        self._rate.sample(now, self.rows_now)

    @property
    def waiting_left_s(self) -> float:
        return max(self._waiting_until - self._clock(), 0.0)
