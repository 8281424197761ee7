"""From source rows to batches: read, prepare, wait at the fence, cut. Main thread only; sends nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from zmigrate.engine.model.batch import BATCH_ROWS, Batch, PreparedRow, digest_of
from zmigrate.engine.model.outcomes import Outcome
from zmigrate.engine.pipeline.duplicates import Duplicates
from zmigrate.engine.pipeline.fence import Fence
from zmigrate.engine.pipeline.reading import Reading
from zmigrate.rows.sources import Row

READS_AT_ONCE = 10
"""How many batches' worth of rows are read at a time: many skipped rows must not hold up the loop."""

Prepared = tuple[list[PreparedRow], list[tuple[PreparedRow, Outcome]]]
"""Rows that can be sent; and rows that end here (skipped, or failed before sending) with their outcomes."""


class Producer:
    """Makes batches in source order, except for rows that wait for their key, or another unique value.

    `duplicates` decides whether a row is written once the earlier rows with its key have ended.
    """

    def __init__(
        self,
        reading: Reading,
        prepare: Callable[[Sequence[Row]], Prepared],
        fence: Fence,
        *,
        batch_id: int = 1,
        duplicates: Duplicates | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        self.reading = reading
        self._prepare = prepare
        self._fence = fence
        self._next_id = batch_id
        self._duplicates = duplicates
        self._batch_rows = batch_rows
        self._freed: deque[PreparedRow] = deque()
        self._open: list[PreparedRow] = []
        self.decided: list[tuple[PreparedRow, Outcome]] = []
        """Rows that ended without a request. Whoever records them clears the list."""

    def take_id(self, count: int = 1) -> int:
        """Reserve batch ids; return the first."""
        first = self._next_id
        self._next_id += count
        return first

    def free(self, rows: list[PreparedRow]) -> None:
        """Take back rows whose turn has come."""
        self._freed.extend(rows)

    @property
    def lowest_open(self) -> int | None:
        """The lowest number among rows that were read and are in no batch yet."""
        numbers = [row.number for row in (*self._open, *self._freed)]
        if self._fence.lowest_waiting is not None:
            numbers.append(self._fence.lowest_waiting)
        return min(numbers, default=None)

    @property
    def at_rest(self) -> bool:
        """Whether no row that was read waits for a batch."""
        return not self._freed and not self._open and not self._fence.waiting

    @property
    def may_read(self) -> bool:
        """Whether the next rows of the source can be read now."""
        return not (self.reading.exhausted or self.reading.at_gate or self._fence.full)

    @property
    def stuck(self) -> bool:
        """Whether nothing can be given out until a key is released."""
        return not self._freed and not self._open and not self.may_read

    @property
    def over(self) -> bool:
        """Whether nothing is left to give out, now or later."""
        return self.reading.exhausted and not self._freed and not self._open and not self._fence.waiting

    def next_batch(self) -> Batch | None:
        """The next batch, or None. It is full unless the source or the fence has no more rows now."""
        self._place_freed()
        for _ in range(READS_AT_ONCE):
            missing = self._batch_rows - len(self._open)
            if not missing or not self.may_read:
                break
            self._read(missing)
            self._place_freed()
        whole = len(self._open) == self._batch_rows or not self.may_read
        if self._open and whole:
            rows, self._open = self._open, []
            return Batch(id=self.take_id(), rows=rows)
        return None

    def _read(self, count: int) -> None:
        """Read up to `count` rows, and prepare those that no earlier session recorded."""
        on_their_way, ended = self._prepare(self.reading.take(count))
        self.decided += ended
        admitted = self._fence.admit_all(on_their_way)
        if self._duplicates is None or not any(map(digest_of, admitted)):
            self._open += admitted
        else:
            for pending in admitted:
                self._place(pending)

    def _place_freed(self) -> None:
        while self._freed and len(self._open) < self._batch_rows:
            self._place(self._freed.popleft())

    def _place(self, row: PreparedRow) -> None:
        """Put a row that holds its values into the open batch, unless an earlier row keeps it from being
        written.
        """
        outcome = None if self._duplicates is None else self._duplicates.outcome(row)
        if outcome is None:
            self._open.append(row)
            return
        self.decided.append((row, outcome))
        self._freed.extend(self._fence.release(row.fenced))
