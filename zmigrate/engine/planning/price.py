"""What a run would cost: calls, credits, minutes. Says what it assumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from zmigrate.engine.batch import BATCH_ROWS
from zmigrate.engine.planning.counts import PlanCounts
from zmigrate.engine.planning.levels import Levels
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

FIXED_CALLS = 3
"""Of every run: the org, and the module's fields (two)."""

CALLS_TO_TELL_OURS = 2
"""The user, and whether the module is empty: for what tells records of ours by their times."""

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
    fixed: int
    """Calls before the first write, among them: a flow makes them once more beforehand, for all steps."""
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


@dataclass(frozen=True, slots=True)
class Work:
    """What a run would send: writes, each of so many rows, one after the other; and questions."""

    writes: Sequence[tuple[Operation, int]]
    looked_up: int
    """Values that COQL is asked for on the way."""
    fixed: int
    """Calls that a run makes before its first write."""


def work_of(target: Target, counts: PlanCounts, existing: int, levels: Levels, finds: int) -> Work:
    """What a run would send. `existing`: rows that are left out, or refused, since the org has their keys;
    `finds`: different values that references ask the org for.
    """
    operation = target.operation
    changed = counts.updates + counts.unchanged
    first = counts.sent
    second = levels.cuts
    if operation == "insert":
        # A unique key is tried first, and Zoho's refusal tells of the record; others are asked for.
        first = counts.creates + counts.not_asked + (0 if target.asks_first else changed + existing)
        second += changed
    sizes = levels.sizes if sum(levels.sizes) == first else (first,)
    looked_up = counts.sent + existing if target.looked_up or target.asks_first else 0
    return Work(
        [*((operation, size) for size in sizes), ("update", second)],
        looked_up + finds,
        FIXED_CALLS + (CALLS_TO_TELL_OURS - (target.key_kind == "id") if target.tells_ours_by_time else 0),
    )


def price_of(
    target: Target,
    work: Work,
    *,
    edition: str,
    concurrency: int | None,
    seconds_per_call: float,
    credits_left: int | None,
    credits_used: int,
) -> Price:
    """The price of this work."""
    parts = [_writes(operation, rows) for operation, rows in work.writes]
    calls, credits = sum(part[0] for part in parts), sum(part[1] for part in parts)
    questions = -(-work.looked_up // COQL_IN_VALUES)
    rows = max(size for _, size in work.writes)
    in_flight = _in_flight(target.operation, rows, edition, concurrency)
    seconds = max(SHORTEST_CALL_S, seconds_per_call)
    rounds = sum(-(-part[0] // in_flight) for part in parts) + -(-questions // in_flight)
    return Price(
        requests=calls + questions + work.fixed,
        credits=credits + questions * coql_credits(COQL_ROWS_PER_CALL) + work.fixed,
        credits_left=credits_left,
        credits_used=credits_used,
        fixed=work.fixed,
        minutes=rounds * seconds / 60,
        in_flight=in_flight,
        seconds_per_call=seconds,
    )


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
