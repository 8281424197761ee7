"""The keys of rows that are under way: no other row with such a key is sent. Main thread only."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from zmigrate.engine.model.batch import Batch, PreparedRow
from zmigrate.engine.model.outcomes import KNOWN_BY_ID, Outcome, duplicate_in_source, lets_go, was_written
from zmigrate.engine.pipeline.duplicates import SeenKeys
from zmigrate.engine.pipeline.fence import Fence
from zmigrate.engine.pipeline.producer import Producer


class HeldKeys:
    """Lets go of a key once its row has ended, and gives the rows that waited for it back to the producer."""

    def __init__(
        self,
        fence: Fence,
        producer: Producer,
        seen: SeenKeys | None = None,
        known: Callable[[list[tuple[str, str]]], None] | None = None,
        *,
        first_only: bool = False,
    ) -> None:
        """`seen` keeps the keys that were written, where a later row with one of them fails. `known` is told
        each key whose record exists, with its id. `first_only`: once a key is written, rows that wait for it
        fail.
        """
        self._fence = fence
        self._producer = producer
        self._seen = seen
        self._known = known
        self._first_only = first_only
        self._held: list[tuple[float, int, list[str]]] = []
        """Keys of finished rows that stay fenced, by the time until which they do."""

    def take_up(self, keys: list[str], until: float | None = None) -> None:
        """Fence keys of an earlier session; to a time (our clock), or for as long as their batch is under
        way."""
        self._fence.hold(keys)
        if until is not None:
            self._hold_until(until, keys)

    def _hold_until(self, until: float, keys: list[str]) -> None:
        """Keep keys fenced: a request that arrives late could overwrite what a later row wrote."""
        heapq.heappush(self._held, (until, len(self._held), keys))

    def release_due(self, now: float) -> None:
        """Let go of the keys that were held until now."""
        while self._held and self._held[0][0] <= now:
            self._release(heapq.heappop(self._held)[2])

    @property
    def next_due(self) -> float | None:
        """When the next held key is let go; None where no row waits for one."""
        return self._held[0][0] if self._held and self._fence.waiting else None

    def end_batch(self, batch: Batch, outcomes: Sequence[Outcome], held_until: float | None) -> None:
        """The rows of a batch have these outcomes. The keys of rows that moved stay fenced."""
        keys = batch.folded_keys
        if any(outcome.action == "moved" for outcome in outcomes):
            keys = [
                row.folded
                for row, outcome in zip(batch.rows, outcomes, strict=True)
                if row.folded is not None and lets_go(outcome)
            ]
        if self._seen is not None:
            self._seen.add(
                (row.folded or "", row.line)
                for row, outcome in zip(batch.rows, outcomes, strict=True)
                if outcome.action == "in_doubt" or was_written(outcome)
            )
        self._tell_known(batch.rows, outcomes)
        if self._first_only and self._fence.waiting:
            self._end_waiting(batch, outcomes)
        if held_until is None:
            self._release(keys)
        elif keys:
            self._hold_until(held_until, keys)

    def end_row(self, row: PreparedRow, outcome: Outcome) -> None:
        """A row has its outcome without a request of its own."""
        self._tell_known([row], [outcome])
        if row.folded is not None:
            self._release([row.folded])

    def _tell_known(self, rows: Sequence[PreparedRow], outcomes: Sequence[Outcome]) -> None:
        if self._known is not None:
            self._known(
                [
                    (row.key, outcome.id)
                    for row, outcome in zip(rows, outcomes, strict=True)
                    if row.key is not None and outcome.id is not None and outcome.action in KNOWN_BY_ID
                ]
            )

    def _end_waiting(self, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        """Rows that wait for a key that was just written need not be sent: Zoho would refuse them."""
        for row, outcome in zip(batch.rows, outcomes, strict=True):
            if row.folded is not None and was_written(outcome):
                for waiting in self._fence.drop(row.folded):
                    self._producer.decided.append((waiting, duplicate_in_source(waiting.key, row.line)))

    def _release(self, keys: list[str]) -> None:
        freed = self._fence.release(keys)
        if freed:
            self._producer.free(freed)
