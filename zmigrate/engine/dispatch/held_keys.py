"""The keys and other unique values of rows that are under way: no other row with one of them is sent. Main
thread only.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from zmigrate.engine.model.batch import Batch, PreparedRow, fenced_by
from zmigrate.engine.model.outcomes import KNOWN_BY_ID, Outcome, lets_go
from zmigrate.engine.pipeline.duplicates import Duplicates
from zmigrate.engine.pipeline.fence import Fence
from zmigrate.engine.pipeline.producer import Producer


class HeldKeys:
    """Lets go of a row's values once it has ended, and gives the rows that waited for them back to the
    producer.
    """

    def __init__(
        self,
        fence: Fence,
        producer: Producer,
        duplicates: Duplicates | None = None,
        known: Callable[[list[tuple[str, str]]], None] | None = None,
    ) -> None:
        """`duplicates` remembers the rows that were written. `known` is told each key whose record exists,
        with its id.
        """
        self._fence = fence
        self._producer = producer
        self._duplicates = duplicates
        self._known = known
        self._held: list[tuple[float, int, list[str]]] = []
        """Values of finished rows that stay fenced, by the time until which they do."""

    def take_up(self, values: list[str], until: float | None = None) -> None:
        """Fence values of an earlier session; to a time (our clock), or for as long as their batch is under
        way."""
        self._fence.hold(values)
        if until is not None:
            self._hold_until(until, values)

    def _hold_until(self, until: float, values: list[str]) -> None:
        """Keep values fenced: a request that arrives late could overwrite what a later row wrote."""
        heapq.heappush(self._held, (until, len(self._held), values))

    def release_due(self, now: float) -> None:
        """Let go of the values that were held until now."""
        while self._held and self._held[0][0] <= now:
            self._release(heapq.heappop(self._held)[2])

    @property
    def next_due(self) -> float | None:
        """When the next held value is let go; None where no row waits for one."""
        return self._held[0][0] if self._held and self._fence.waiting else None

    def end_batch(self, batch: Batch, outcomes: Sequence[Outcome], held_until: float | None) -> None:
        """The rows of a batch have these outcomes. The values of rows that moved stay fenced."""
        values = batch.fenced
        if any(outcome.action == "moved" for outcome in outcomes):
            ended = zip(batch.rows, outcomes, strict=True)
            values = fenced_by(row for row, outcome in ended if lets_go(outcome))
        if self._duplicates is not None:
            self._duplicates.note(batch.rows, outcomes)
        self._tell_known(batch.rows, outcomes)
        if held_until is None:
            self._release(values)
        elif values:
            self._hold_until(held_until, values)

    def end_row(self, row: PreparedRow, outcome: Outcome) -> None:
        """A row has its outcome without a request of its own."""
        self._tell_known([row], [outcome])
        self._release(row.fenced)

    def _tell_known(self, rows: Sequence[PreparedRow], outcomes: Sequence[Outcome]) -> None:
        if self._known is not None:
            self._known(
                [
                    (row.key, outcome.id)
                    for row, outcome in zip(rows, outcomes, strict=True)
                    if row.key is not None and outcome.id is not None and outcome.action in KNOWN_BY_ID
                ]
            )

    def _release(self, values: Sequence[str]) -> None:
        freed = self._fence.release(values)
        if freed:
            self._producer.free(freed)
