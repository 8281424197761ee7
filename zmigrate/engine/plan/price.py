"""What a run would cost: counted while the plan goes through the rows as a run would."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from zmigrate.engine.model.cost import Cost, before_first_write, of_look_up, of_writes
from zmigrate.engine.model.target import Target
from zmigrate.events import Event, RequestSent
from zmigrate.job.writes import Operation
from zmigrate.zoho.facts.limits import (
    CALLS_IN_FLIGHT_EVERYWHERE,
    HEAVY_IN_FLIGHT,
    edition_of,
    is_heavy_write,
)

SHORTEST_CALL_S = 0.2
"""The shortest time that a write of a hundred records takes, however near the server is."""

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
    """Calls and credits of a run, and the credits that the org has left now."""

    requests: int
    credits: int
    credits_left: int | None
    """None if neither the edition nor Zoho says."""
    credits_used: int
    """Credits that the plan itself used."""
    fixed: int
    """How many calls come before the first write. A flow makes these once more, for all steps together."""
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


class Tariff:
    """Counts what a run would send. `gates`: rows behind which a run waits until all before have ended."""

    def __init__(self, target: Target, gates: Sequence[int]) -> None:
        self._target = target
        self._gates = gates
        self._cost = before_first_write(target)
        self._fixed = self._cost.calls
        self._rounds: Counter[object] = Counter()
        """Calls that may be in flight together."""
        self._largest = 0

    def count_write(self, operation: Operation, rows: int, first_row: int) -> None:
        """A batch is sent; `first_row`: its lowest number."""
        self._add(of_writes(operation, rows), (operation, bisect_left(self._gates, first_row)))
        self._largest = max(self._largest, rows)

    def count_look_up(self, keys: int, finds: Sequence[int]) -> None:
        """The keys of a batch are looked up, and the values of its `Find`s."""
        for values in (keys, *finds):
            self._add(of_look_up(values), "look-ups")

    def count_read_back(self) -> None:
        """The records that are in a batch's way are read, to see whether they are the rows'."""
        self._add(Cost(1, 1), "read back")

    def _add(self, cost: Cost, together: object) -> None:
        self._cost = self._cost.plus(cost)
        self._rounds[together] += cost.calls

    def price(
        self,
        *,
        edition: str,
        concurrency: int | None,
        seconds_per_call: float,
        credits_left: int | None,
        credits_used: int,
    ) -> Price:
        in_flight = _in_flight(self._target.operation, self._largest, edition, concurrency)
        seconds = max(SHORTEST_CALL_S, seconds_per_call)
        rounds = sum(-(-calls // in_flight) for calls in self._rounds.values())
        return Price(
            requests=self._cost.calls,
            credits=self._cost.credits,
            credits_left=credits_left,
            credits_used=credits_used,
            fixed=self._fixed,
            minutes=rounds * seconds / 60,
            in_flight=in_flight,
            seconds_per_call=seconds,
        )


def _in_flight(operation: Operation, rows: int, edition: str, concurrency: int | None) -> int:
    """Calls at a time: what the edition allows, but ten at most for heavy calls."""
    known = edition_of(edition)
    allowed = CALLS_IN_FLIGHT_EVERYWHERE if known is None else known.in_flight
    if is_heavy_write(operation, rows):
        allowed = min(allowed, HEAVY_IN_FLIGHT)
    return max(1, min(allowed, HEAVY_IN_FLIGHT + 4, concurrency or allowed))


@dataclass(frozen=True, slots=True)
class PlanCounts:
    """Rows by their fate. Every row that was read is in exactly one of the other counts, but `unchanged`."""

    rows: int
    creates: int = 0
    updates: int = 0
    unchanged: int = 0
    """Updates that change nothing: the org already has their values (they are sent all the same), or the row
    has nothing to write."""
    deletes: int = 0
    skipped: int = 0
    refused: int = 0
    not_asked: int = 0
    """Rows whose records were not looked up."""
    unsent: int = 0
    """Updates with nothing to write."""

    @property
    def sent(self) -> int:
        """Rows that take a place in a batch."""
        return self.creates + self.updates - self.unsent + self.deletes + self.not_asked

    def to_json(self) -> dict[str, int]:
        """The counts that a plan's JSON has: `unsent` is told only by the price."""
        return {name: rows for name, rows in asdict(self).items() if name != "unsent"}
