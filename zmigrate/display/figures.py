"""What a run has done so far, counted from its events. Counting only: drawing is in `progress`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from zmigrate import events

RATE_WINDOW_S = 10.0
SAMPLE_EVERY_S = 0.25
OUTCOMES = ("created", "updated", "unchanged", "deleted", "skipped", "failed", "in_doubt")


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
    """A listener of events that keeps the totals which the progress shows; of a flow those of the step at
    work."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.run: events.RunStarted | None = None
        self.began: float = clock()
        self._begin()
        self._takers: dict[type[events.Event], Callable[..., None]] = {
            events.RunStarted: self._run_started,
            events.BatchDone: self._batch_done,
            events.BatchDoubted: self._batch_doubted,
            events.BatchSplit: self._batch_split,
            events.RowsCopied: self._rows_copied,
            events.RowsDecided: self._rows_decided,
            events.RequestSent: self._request_sent,
            events.Retrying: self._retrying,
            events.Throttled: self._throttled,
            events.TokenAcquired: self._token_acquired,
            events.Waiting: self._waiting,
            events.Credits: self._credits,
            events.Stopping: self._stopping,
            events.Tick: self._tick,
            events.RunEnded: self._run_ended,
        }

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
        """Count one event; kinds that carry no figures are passed over."""
        taker = self._takers.get(type(event))
        if taker is not None:
            taker(event)

    @property
    def rows_done(self) -> int:
        """Rows with an outcome, those of earlier sittings of this run included."""
        return sum(getattr(self, outcome) for outcome in OUTCOMES)

    @property
    def rows_now(self) -> int:
        """Rows that got their outcome since this process began."""
        return self.rows_done - self.rows_before

    @property
    def rows_parked(self) -> int:
        """Rows in batches that are in doubt and wait to be settled."""
        return sum(self._parked_rows.values())

    @property
    def rows_total(self) -> int | None:
        return self.run.rows_total if self.run else None

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
        """How much of the rows is done, 0 to 1; None where the total can't be told."""
        if self.rows_total is None:
            return None
        return min(self.rows_done / self.rows_total, 1.0) if self.rows_total else 1.0

    @property
    def left_s(self) -> float | None:
        """Seconds until the last row at the present rate; None while that can't be told."""
        rate = self.rows_per_s
        if not rate or self.rows_total is None or self.ended:
            return None
        return max(self.rows_total - self.rows_done, 0) / rate

    def _run_started(self, event: events.RunStarted) -> None:
        if self.ended:
            self._begin()
        self.run = event
        for outcome, rows in event.done.items():
            setattr(self, outcome, rows)
        self.rows_before = self.rows_done
        self.began = self._clock()
        self._rate.sample(self.began, 0)

    def _batch_done(self, event: events.BatchDone) -> None:
        self.created += event.created
        self.updated += event.updated
        self.unchanged += event.unchanged
        self.deleted += event.deleted
        self.skipped += event.skipped
        self.failed += event.failed
        self.in_doubt += event.in_doubt
        self._parked_rows.pop(event.batch, None)

    def _batch_doubted(self, event: events.BatchDoubted) -> None:
        self._parked_rows[event.batch] = event.rows

    def _batch_split(self, event: events.BatchSplit) -> None:
        self._parked_rows.pop(event.batch, None)

    def _rows_decided(self, event: events.RowsDecided) -> None:
        self.skipped += event.skipped
        self.failed += event.failed

    def _rows_copied(self, event: events.RowsCopied) -> None:
        self.copied = event

    def _request_sent(self, event: events.RequestSent) -> None:
        self.requests += 1
        self.credits_used += event.credits

    def _retrying(self, event: events.Retrying) -> None:
        self.retries += 1

    def _throttled(self, event: events.Throttled) -> None:
        self.throttled += 1
        self.limit = event.limit

    def _token_acquired(self, event: events.TokenAcquired) -> None:
        self.renewals += event.renewed
        self.token_left_s = event.lifetime_s

    def _waiting(self, event: events.Waiting) -> None:
        self.waiting_for = event.what
        self._waiting_until = self._clock() + event.seconds

    def _credits(self, event: events.Credits) -> None:
        self.credits_used = max(self.credits_used, event.used)
        self.credits_left = event.left

    def _stopping(self, event: events.Stopping) -> None:
        self.stopping = True
        self.in_flight = event.in_flight

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

    def _run_ended(self, event: events.RunEnded) -> None:
        self.ended = True
        self.copied = self.waiting_for = None

    @property
    def waiting_left_s(self) -> float:
        return max(self._waiting_until - self._clock(), 0.0)
