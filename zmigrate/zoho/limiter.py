"""How many calls may be in flight: finds the org's ceiling by itself.

It starts at what every edition allows, doubles after each clean round trip, halves when Zoho throttles, then
adds one a round trip. Heavy calls (Zoho's sub-concurrency) have their own limit inside the total.
"""

from __future__ import annotations

import threading

from zmigrate.stopping import StopSignal
from zmigrate.zoho.facts import limits

_POLL_S = 0.25


class _Gauge:
    """One limit. A round trip: as many clean answers as the limit, if the limit was reached meanwhile."""

    def __init__(self, start: int, cap: int) -> None:
        self.cap = cap
        self.limit = max(1, min(start, cap))
        self.in_flight = 0
        self.epoch = 0
        """Counts halvings. A call from before the last halving does not change the present limit."""
        self._doubling = True
        self._clean = 0
        self._peak = 0

    @property
    def full(self) -> bool:
        return self.in_flight >= self.limit

    def enter(self) -> None:
        self.in_flight += 1
        self._peak = max(self._peak, self.in_flight)

    def leave(self) -> None:
        self.in_flight -= 1

    def succeeded(self, epoch: int) -> None:
        if epoch != self.epoch:
            return
        self._clean += 1
        if self._clean < self.limit:
            return
        if self._peak >= self.limit:
            self.limit = min(self.cap, self.limit * 2 if self._doubling else self.limit + 1)
        self._clean = 0
        self._peak = self.in_flight

    def throttled(self, epoch: int) -> None:
        if epoch != self.epoch:
            return
        self.limit = max(1, self.limit // 2)
        self.epoch += 1
        self._doubling = False
        self._clean = 0
        self._peak = self.in_flight


class Slot:
    """A place among the calls in flight. Report how the call went before leaving."""

    __slots__ = ("_epochs", "_gauges", "_limiter", "_stop")

    def __init__(self, limiter: Limiter, gauges: tuple[_Gauge, ...], stop: StopSignal) -> None:
        self._limiter = limiter
        self._gauges = gauges
        self._stop = stop
        self._epochs: tuple[int, ...] = ()

    def __enter__(self) -> Slot:
        self._epochs = self._limiter._enter(self._gauges, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._limiter._leave(self._gauges)

    def succeeded(self) -> None:
        """The call was answered, and not throttled."""
        with self._limiter._changed:
            for gauge, epoch in zip(self._gauges, self._epochs, strict=True):
                gauge.succeeded(epoch)

    def throttled(self) -> None:
        """Zoho answered 429: the narrowest limit of this call halves, once for all calls of one burst."""
        with self._limiter._changed:
            self._gauges[0].throttled(self._epochs[0])


class Limiter:
    """Lets calls through while there is room. Thread-safe; waiting polls the stop signal.

    `ceiling` (from --concurrency) caps both limits.
    """

    def __init__(
        self,
        heavy_cap: int = limits.HEAVY_IN_FLIGHT,
        total_cap: int = limits.CALLS_IN_FLIGHT,
        start: int = limits.CALLS_IN_FLIGHT_EVERYWHERE,
        ceiling: int | None = None,
    ) -> None:
        top = max(heavy_cap, total_cap) if ceiling is None else max(1, ceiling)
        self._changed = threading.Condition()
        self._heavy = _Gauge(start, min(heavy_cap, top))
        self._total = _Gauge(start, min(total_cap, top))

    def slot(self, heavy: bool, stop: StopSignal) -> Slot:
        """A context manager that waits for a place. Raises StopRequested if asked to stop meanwhile."""
        return Slot(self, (self._heavy, self._total) if heavy else (self._total,), stop)

    def limit(self, heavy: bool) -> int:
        """How many such calls may be in flight now."""
        return min(self._heavy.limit, self._total.limit) if heavy else self._total.limit

    def in_flight(self, heavy: bool) -> int:
        """How many heavy calls, or calls in all, are in flight now."""
        return self._heavy.in_flight if heavy else self._total.in_flight

    def _enter(self, gauges: tuple[_Gauge, ...], stop: StopSignal) -> tuple[int, ...]:
        with self._changed:
            while any(gauge.full for gauge in gauges):
                self._changed.wait(_POLL_S)
                stop.check()
            for gauge in gauges:
                gauge.enter()
            return tuple(gauge.epoch for gauge in gauges)

    def _leave(self, gauges: tuple[_Gauge, ...]) -> None:
        with self._changed:
            for gauge in gauges:
                gauge.leave()
            self._changed.notify_all()
