"""What a run costs in calls and credits: of an estimate beforehand, and of a plan's count."""

from __future__ import annotations

from typing import NamedTuple

from zmigrate.engine.model.batch import BATCH_ROWS
from zmigrate.engine.model.keys import is_tried_first
from zmigrate.engine.model.target import Target
from zmigrate.job.writes import Operation
from zmigrate.zoho.facts.limits import COQL_IN_VALUES, COQL_ROWS_PER_CALL, coql_credits, write_credits

FIXED_CALLS = 3
"""Calls of every run: the org, and the module's fields (two)."""

CALLS_TO_TELL_OURS = 2
"""Two more calls if times show which records are ours: the user, and whether the module is empty."""


class Cost(NamedTuple):
    """Calls, and the credits that they take."""

    calls: int
    credits: int

    def plus(self, other: Cost) -> Cost:
        return Cost(self.calls + other.calls, self.credits + other.credits)


def before_first_write(target: Target) -> Cost:
    """The calls that a run makes before its first write."""
    tells = CALLS_TO_TELL_OURS - (target.key_kind == "id") if target.tells_ours_by_time else 0
    tried = sum(is_tried_first(target.module, name) for name in target.key_fields)
    return Cost(FIXED_CALLS + tells + tried, FIXED_CALLS + tells + tried)


def of_writes(operation: Operation, rows: int) -> Cost:
    """Rows that are written in batches as full as they can be."""
    full, rest = divmod(rows, BATCH_ROWS)
    credits = full * write_credits(operation, BATCH_ROWS) + (write_credits(operation, rest) if rest else 0)
    return Cost(full + bool(rest), credits)


def of_look_up(values: int) -> Cost:
    """Values that are looked up by COQL."""
    calls = -(-values // COQL_IN_VALUES)
    return Cost(calls, calls * coql_credits(COQL_ROWS_PER_CALL))


def estimate(target: Target, rows: int) -> Cost:
    """A run of so many rows, if all of them are sent once and refer to nothing."""
    looked_up = of_look_up(rows) if target.looked_up or target.asks_first else Cost(0, 0)
    return before_first_write(target).plus(of_writes(target.operation, rows)).plus(looked_up)
