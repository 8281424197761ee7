"""From source rows to batches: read, prepare, wait at the fence, cut. Main thread only; sends nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from zmigrate.engine.model.batch import BATCH_ROWS, Batch, PreparedRow
from zmigrate.engine.model.outcomes import Outcome, duplicate_in_source
from zmigrate.engine.pipeline.duplicates import SeenKeys
from zmigrate.engine.pipeline.fence import Fence
from zmigrate.rows.sources import Row

READS_AT_ONCE = 10
"""How many batches' worth of rows are read at a time: many skipped rows must not hold up the loop."""

Prepared = tuple[list[PreparedRow], list[tuple[PreparedRow, Outcome]]]
"""Rows that can be sent; and rows that end here (skipped, or failed before sending) with their outcomes."""


class Producer:
    """Makes batches in source order, except for rows that wait for their key.

    On resume `recorded` says which rows are in the journal. `identity` gives a row's id if the source is
    read in the order of ids; `known` are the ids in the journal. `limit`: rows to read, not counting
    recorded ones. `gates`: numbers of rows after which reading waits for `open_gate`.
    """

    def __init__(
        self,
        rows: Iterator[Row],
        prepare: Callable[[Sequence[Row]], Prepared],
        fence: Fence,
        *,
        batch_id: int = 1,
        position: int = 0,
        recorded: Callable[[Row], bool] | None = None,
        identity: Callable[[Row], str | None] | None = None,
        token: str | None = None,
        known: KnownMarks | None = None,
        seen: SeenKeys | None = None,
        limit: int | None = None,
        batch_rows: int = BATCH_ROWS,
        gates: Sequence[int] = (),
    ) -> None:
        self._rows = rows
        self._prepare = prepare
        self._fence = fence
        self._recorded = recorded
        self._identity = identity
        self._token = token
        self._known = known or KnownMarks(())
        self._began_at = position
        self._known_until = position
        """The number of the row at which the last of `known` was passed."""
        self._tokens: deque[tuple[int, str | None]] = deque()
        self._seen = seen
        self._limit = limit
        self._taken = 0
        self._batch_rows = batch_rows
        self._next_id = batch_id
        self._freed: deque[PreparedRow] = deque()
        self._open: list[PreparedRow] = []
        self._gates = deque(gate for gate in gates if gate >= position)
        self.position = position
        """The number of the last row that was read."""
        self.exhausted = False
        self.limited = False
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

    def resume_from(self, number: int) -> int:
        """Where a resume may start if every row up to `number` is recorded: there, or where this session
        began. Rows that are read again get new numbers, so only a resume that begins before them
        recognises them.
        """
        if not self._known.behind_us or number < self._known_until:
            return self._began_at
        return number

    def token_at(self, number: int) -> str | None:
        """The id of the row with this number, or of the last one before it. Numbers must not decrease."""
        while self._tokens and self._tokens[0][0] <= number:
            self._token = self._tokens.popleft()[1]
        return self._token

    @property
    def at_gate(self) -> bool:
        """Whether reading waits until all rows read so far have ended."""
        return not self.exhausted and bool(self._gates) and self.position >= self._gates[0]

    @property
    def at_rest(self) -> bool:
        """Whether no row that was read waits for a batch."""
        return not self._freed and not self._open and not self._fence.waiting

    @property
    def may_read(self) -> bool:
        """Whether the next rows of the source can be read now."""
        return not (self.exhausted or self._fence.full or self.at_gate)

    def open_gate(self) -> None:
        """All rows read so far have ended: go on reading."""
        self._gates.popleft()

    @property
    def stuck(self) -> bool:
        """Whether nothing can be given out until a key is released."""
        return not self._freed and not self._open and not self.may_read

    @property
    def over(self) -> bool:
        """Whether nothing is left to give out, now or later."""
        return self.exhausted and not self._freed and not self._open and not self._fence.waiting

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
        read, new = self._take(count)
        on_their_way, ended = self._prepare(new)
        self._taken += len(new)
        self.decided += ended
        if read:
            self.position = read[-1].number
            self._note_marks(read)
        admitted = self._fence.admit_all(on_their_way)
        if self._seen is None:
            self._open += admitted
        else:
            for pending in admitted:
                self._place(pending)
        if self.exhausted and not self._known.behind_us:
            self._known.forget()
            self._known_until = self.position

    def _take(self, count: int) -> tuple[list[Row], list[Row]]:
        """The next source rows, and the new ones among them. Notes when the source or the limit ends."""
        if self._gates:
            count = min(count, self._gates[0] - self.position)
        left = None if self._limit is None else self._limit - self._taken
        if left is not None:
            count = min(count, left + 1)  # one row more shows whether there is more
        read = list(islice(self._rows, count))
        self.exhausted = len(read) < count
        new = read if self._recorded is None else [row for row in read if not self._recorded(row)]
        if left is not None and len(new) > left:
            self.exhausted = self.limited = True
            read, new = read[: read.index(new[left])], new[:left]
        return read, new

    def _note_marks(self, read: list[Row]) -> None:
        if self._identity is None:
            return
        for row in read:
            mark = self._identity(row)
            if mark is not None:
                self._tokens.append((row.number, mark))
                if not self._known.behind_us:
                    self._known.see(mark)
                    self._known_until = row.number

    def _place_freed(self) -> None:
        while self._freed and len(self._open) < self._batch_rows:
            self._place(self._freed.popleft())

    def _place(self, row: PreparedRow) -> None:
        """Put a row that holds its key into the open batch, unless this run created that key's record."""
        line = self._seen.line_of(row.folded) if self._seen is not None and row.folded is not None else None
        if line is None:
            self._open.append(row)
            return
        self.decided.append((row, duplicate_in_source(row.key, line)))
        self._freed.extend(self._fence.release([row.folded or ""]))


class KnownMarks:
    """Says when reading has passed all ids of an earlier session. Ids come in order, so an id at or above
    the highest one is enough, even if some rows are gone.
    """

    def __init__(self, marks: Iterable[str]) -> None:
        self._highest = max(map(int, marks), default=None)

    @property
    def behind_us(self) -> bool:
        return self._highest is None

    def see(self, mark: str) -> None:
        """Note that a row with this mark was read."""
        if self._highest is not None and int(mark) >= self._highest:
            self._highest = None

    def forget(self) -> None:
        """The source has ended: marks that were not seen are gone from it."""
        self._highest = None
