"""From source rows to batches: read, prepare, keep behind the fence, cut. Runs on the main thread; sends
nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from zmigrate.engine.batch import BATCH_ROWS, Batch, Pending
from zmigrate.engine.fence import Fence
from zmigrate.engine.outcomes import DUPLICATE_IN_SOURCE, Outcome
from zmigrate.engine.seen import SeenKeys
from zmigrate.rows.sources import Row

READ_AT_ONCE = 1_000
"""Source rows read in one go, so that a long stretch of skipped rows can't keep the loop from turning."""


Prepared = tuple[Pending, Outcome | None]
"""A row, and its outcome where it ends here (skipped, or failed before sending)."""


class Producer:
    """Gives out batches in source order, but for rows that wait for their key.

    `recorded` tells the rows that are in the journal from before (on resume). `identity` gives a row's id
    where the source is read by id, in their order; `known_to` is the highest id in the journal. `limit` is
    how many rows to read, recorded ones aside.
    """

    def __init__(
        self,
        rows: Iterator[Row],
        prepare: Callable[[Row], Prepared],
        fence: Fence,
        *,
        batch_id: int = 1,
        position: int = 0,
        recorded: Callable[[Row], bool] | None = None,
        identity: Callable[[Row], str | None] | None = None,
        token: str | None = None,
        known_to: str | None = None,
        seen: SeenKeys | None = None,
        limit: int | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        self._rows = rows
        self._prepare = prepare
        self._fence = fence
        self._recorded = recorded
        self._identity = identity
        self._token = token
        self._known_to = None if known_to is None else int(known_to)
        self._began_at = position
        self._known_until = position
        """The number of the row with which `known_to` was passed."""
        self._tokens: deque[tuple[int, str | None]] = deque()
        self._seen = seen
        self._limit = limit
        self._taken = 0
        self._batch_rows = batch_rows
        self._next_id = batch_id
        self._freed: deque[Pending] = deque()
        self._open: list[Pending] = []
        self.position = position
        """The number of the last row that was read."""
        self.exhausted = False
        self.limited = False
        self.decided: list[tuple[Pending, Outcome]] = []
        """Rows that ended without a request; whoever records them clears the list."""

    def take_id(self, count: int = 1) -> int:
        """Reserve batch ids; gives back the first."""
        first = self._next_id
        self._next_id += count
        return first

    def free(self, rows: list[Pending]) -> None:
        """Take back rows whose turn has come."""
        self._freed.extend(rows)

    @property
    def lowest_open(self) -> int | None:
        """The lowest number among the rows that were read and given out in no batch yet."""
        numbers = [row.number for row in (*self._open, *self._freed)]
        if self._fence.lowest_waiting is not None:
            numbers.append(self._fence.lowest_waiting)
        return min(numbers, default=None)

    def resume_from(self, number: int) -> int:
        """Where a resume goes on if every row up to `number` is recorded: there, or where this session began.

        Rows that are read again have new numbers, so those that an earlier session recorded can be told only
        by a resume that begins before them.
        """
        if self._known_to is not None or number < self._known_until:
            return self._began_at
        return number

    def token_at(self, number: int) -> str | None:
        """The id of the row with this number, or of the last one before it. Numbers must not fall from call
        to call.
        """
        while self._tokens and self._tokens[0][0] <= number:
            self._token = self._tokens.popleft()[1]
        return self._token

    @property
    def stuck(self) -> bool:
        """Nothing can be given out before a key is let go."""
        return not self._freed and not self._open and (self.exhausted or self._fence.full)

    @property
    def over(self) -> bool:
        """Nothing is left to give out, now or later."""
        return self.exhausted and not self._freed and not self._open and not self._fence.waiting

    def next_batch(self) -> Batch | None:
        """The next batch, full unless the source or the fence gives no more rows; None when there is nothing
        to give out now.
        """
        for _ in range(READ_AT_ONCE):
            if len(self._open) == self._batch_rows:
                break
            if self._freed:
                self._place(self._freed.popleft())
            elif self.exhausted or self._fence.full:
                break
            else:
                self._read()
        if self._open and (len(self._open) == self._batch_rows or self.exhausted or self._fence.full):
            rows, self._open = self._open, []
            return Batch(id=self.take_id(), rows=rows)
        return None

    def _read(self) -> None:
        row = next(self._rows, None)
        if row is None:
            self.exhausted = True
            self._pass_known()
            return
        known = self._recorded is not None and self._recorded(row)
        if not known and self._limit is not None and self._taken >= self._limit:
            self.exhausted = self.limited = True
            return
        self.position = row.number
        mark = None if self._identity is None else self._identity(row)
        if mark is not None:
            self._tokens.append((row.number, mark))
            if self._known_to is not None and int(mark) >= self._known_to:
                self._pass_known()
        if known:
            return
        self._taken += 1
        pending, outcome = self._prepare(row)
        if outcome is not None:
            self.decided.append((pending, outcome))
        elif self._fence.admit(pending):
            self._place(pending)

    def _pass_known(self) -> None:
        if self._known_to is not None:
            self._known_to, self._known_until = None, self.position

    def _place(self, row: Pending) -> None:
        """Put a row that holds its key into the open batch, unless a row with that key was created before."""
        line = self._seen.line_of(row.folded) if self._seen is not None and row.folded is not None else None
        if line is None:
            self._open.append(row)
            return
        self.decided.append((row, duplicate_in_source(row.key, line)))
        self._freed.extend(self._fence.release([row.folded or ""]))


def duplicate_in_source(key: str | None, line: int, field: str | None = None) -> Outcome:
    return Outcome(
        "failed",
        None,
        DUPLICATE_IN_SOURCE,
        field,
        f"the key {key!r} stands in line {line} already, and that row was created",
    )
