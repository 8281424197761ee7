"""What a run would cost: calls, credits, minutes. Says what it assumes."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from zmigrate.engine.batch import BATCH_ROWS
from zmigrate.engine.target import Target
from zmigrate.events import Event, RequestSent
from zmigrate.writes import Operation
from zmigrate.zoho.facts.limits import (
    CALLS_IN_FLIGHT_EVERYWHERE,
    COQL_IN_VALUES,
    COQL_ROWS_PER_CALL,
    HEAVY_IN_FLIGHT,
    coql_credits,
    edition_of,
    is_heavy_write,
    write_credits,
)

SHORTEST_CALL_S = 0.2
"""A write of a hundred records takes no less, however near the server is."""

_FIXED_CALLS = 4
"""Of every run: the org, its fields (two), the user or whether the module is empty."""

_KEPT_TIMES = 1_000


class RoundTrips:
    """A listener that keeps how long calls took."""

    def __init__(self) -> None:
        self._times: list[float] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, RequestSent) and event.status is not None and len(self._times) < _KEPT_TIMES:
            self._times.append(event.elapsed_s)

    @property
    def median_s(self) -> float:
        return median(self._times) if self._times else 0.0


@dataclass(frozen=True, slots=True)
class Price:
    """Calls and credits of a run, and what the org has left of them now."""

    requests: int
    credits: int
    credits_left: int | None
    """None where neither the edition nor Zoho tells."""
    credits_used: int
    """By the plan itself."""
    minutes: float
    in_flight: int
    seconds_per_call: float

    @property
    def affordable(self) -> bool:
        return self.credits_left is None or self.credits_left >= self.credits

    def to_json(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "credits": self.credits,
            "credits_left": self.credits_left,
            "credits_used": self.credits_used,
            "minutes": round(self.minutes, 2),
            "assumed": {"in_flight": self.in_flight, "seconds_per_call": round(self.seconds_per_call, 3)},
        }


def price_of(
    target: Target,
    rows: int,
    *,
    looked_up: int,
    edition: str,
    concurrency: int | None,
    seconds_per_call: float,
    credits_left: int | None,
    credits_used: int,
) -> Price:
    """The price of writing so many rows; `looked_up` values are asked for by COQL on the way."""
    operation = target.operation
    calls, credits = _writes(operation, rows)
    questions = -(-looked_up // COQL_IN_VALUES)
    in_flight = _in_flight(operation, rows, edition, concurrency)
    seconds = max(SHORTEST_CALL_S, seconds_per_call)
    rounds = -(-(calls + questions) // in_flight)
    return Price(
        requests=calls + questions + (_FIXED_CALLS if rows else 0),
        credits=credits + questions * coql_credits(COQL_ROWS_PER_CALL) + (_FIXED_CALLS if rows else 0),
        credits_left=credits_left,
        credits_used=credits_used,
        minutes=rounds * seconds / 60,
        in_flight=in_flight,
        seconds_per_call=seconds,
    )


def looked_up_by_run(target: Target, rows: int) -> int:
    """How many keys a run asks the org for, of so many rows."""
    return rows if target.looked_up or target.asks_first else 0


def _writes(operation: Operation, rows: int) -> tuple[int, int]:
    full, rest = divmod(rows, BATCH_ROWS)
    credits = full * write_credits(operation, BATCH_ROWS) + (write_credits(operation, rest) if rest else 0)
    return full + bool(rest), credits


def _in_flight(operation: Operation, rows: int, edition: str, concurrency: int | None) -> int:
    """Calls at a time: what the edition allows, ten at most where the calls are heavy."""
    known = edition_of(edition)
    allowed = CALLS_IN_FLIGHT_EVERYWHERE if known is None else known.in_flight
    if is_heavy_write(operation, min(rows, BATCH_ROWS)):
        allowed = min(allowed, HEAVY_IN_FLIGHT)
    return max(1, min(allowed, HEAVY_IN_FLIGHT + 4, concurrency or allowed))
