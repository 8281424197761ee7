"""What a run would cost: calls, credits, minutes, and in how many levels its rows would be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from statistics import median
from typing import Any

from zmigrate.engine.model.batch import BATCH_ROWS
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.order import Order
from zmigrate.engine.plan.book import Book
from zmigrate.events import Event, RequestSent
from zmigrate.job.writes import OnRepeated, Operation
from zmigrate.rows.sources import Row
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
"""The shortest time that a write of a hundred records takes, however near the server is."""

FIXED_CALLS = 3
"""Calls of every run: the org, and the module's fields (two)."""

CALLS_TO_TELL_OURS = 2
"""Two more calls if times show which records are ours: the user, and whether the module is empty."""

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


@dataclass(frozen=True, slots=True)
class Work:
    """What a run would send: rounds of writes, one after the other, with the rows of each; and lookups."""

    writes: Sequence[tuple[Operation, int]]
    looked_up: int
    """Values that are looked up by COQL on the way."""
    fixed: int
    """Calls that a run makes before its first write."""
    read_back: int
    """Calls that read the records whose keys Zoho says exist."""


def work_of(target: Target, counts: PlanCounts, existing: int, levels: Levels, finds: int) -> Work:
    """What a run would send. `existing`: rows that are skipped or refused because the org has their keys.
    `finds`: different values that references look up.
    """
    operation = target.operation
    changed = counts.updates + counts.unchanged
    first = counts.sent
    second = levels.cuts
    if operation == "insert":
        # A unique key is simply tried, and Zoho's refusal names the record; other keys are looked up.
        first = counts.creates + counts.not_asked + (0 if target.asks_first else changed + existing)
        second += changed
    tried = target.on_existing is not None and not target.asks_first
    sizes = levels.sizes if sum(levels.sizes) == first else (first,)
    looked_up = counts.sent + existing if target.looked_up or target.asks_first else 0
    return Work(
        [*((operation, size) for size in sizes), ("update", second)],
        looked_up + finds,
        FIXED_CALLS + (CALLS_TO_TELL_OURS - (target.key_kind == "id") if target.tells_ours_by_time else 0),
        min(changed + existing, -(-first // BATCH_ROWS)) if tried else 0,
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
        requests=calls + questions + work.fixed + work.read_back,
        credits=credits + questions * coql_credits(COQL_ROWS_PER_CALL) + work.fixed + work.read_back,
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
    """Calls at a time: what the edition allows, but ten at most for heavy calls."""
    known = edition_of(edition)
    allowed = CALLS_IN_FLIGHT_EVERYWHERE if known is None else known.in_flight
    if is_heavy_write(operation, min(rows, BATCH_ROWS)):
        allowed = min(allowed, HEAVY_IN_FLIGHT)
    return max(1, min(allowed, HEAVY_IN_FLIGHT + 4, concurrency or allowed))


@dataclass(frozen=True, slots=True)
class PlanCounts:
    """Rows by their fate. Every row that was read is in exactly one of the other counts."""

    rows: int
    creates: int = 0
    updates: int = 0
    unchanged: int = 0
    """Rows whose values the org already has. They are sent anyway."""
    deletes: int = 0
    skipped: int = 0
    refused: int = 0
    not_asked: int = 0
    """Rows whose records were not looked up."""

    @property
    def sent(self) -> int:
        """Rows that take a place in a batch."""
        return self.creates + self.updates + self.unchanged + self.deletes + self.not_asked


_POINTERS = """
SELECT r.number, r.line, fold_own(r.value) FROM reference r JOIN row me ON me.number=r.number
WHERE me.fate NOT IN ('refused', 'skip') AND r.kind='ref' AND r.module=? AND r.by IN ('', ?) ORDER BY r.number
"""

_NO_CELLS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Levels:
    """Levels of rows; each is written before the next begins."""

    sizes: tuple[int, ...]
    """The rows of each level."""
    cuts: int = 0
    """Rows that are written a second time, with the reference that closes a circle."""


def levels_of(book: Book, target: Target, mode: OnRepeated, rows: int) -> Levels:
    """The levels of these rows. References must have been looked up before."""
    repeats = mode not in {"each", target.natural_on_repeated}
    with closing(Order(last_of_key=mode == "last", in_turn=not repeats)) as order:
        written = book.db.execute(
            "SELECT folded, number FROM row WHERE folded IS NOT NULL AND fate NOT IN ('refused', 'skip')"
        )
        order.add_keys(written)
        pointers = book.db.execute(_POINTERS, (target.module, target.key or ""))
        for (number, line), found in groupby(pointers, itemgetter(0, 1)):
            order.add_child(Row(number, line, _NO_CELLS), [folded for _, _, folded in found])
        if not order.arrange(None, rows):
            return Levels((rows,))
        ends = [*order.gates, rows]
        sizes = (end - begin for begin, end in zip([0, *ends], ends, strict=False))
        return Levels(tuple(size for size in sizes if size), order.cuts)
