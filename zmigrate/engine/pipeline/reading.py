"""Reads the rows of a source from where the run stands, up to a limit or a gate. Main thread only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from zmigrate.rows.sources import Cursor, Row
from zmigrate.rows.sources.base import START


class Reading:
    """Gives out the rows that no earlier session recorded, and knows from where a resume can go on.

    On resume `recorded` says which rows the journal has already. `identity` gives a row's id where the source
    is read in the order of ids, and `known` are the ids in the journal. `limit`: rows to read, not counting
    recorded ones. `gates`: numbers of rows behind which reading waits for `open_gate`.
    """

    def __init__(
        self,
        rows: Iterator[Row],
        after: Cursor = START,
        *,
        recorded: Callable[[Row], bool] | None = None,
        identity: Callable[[Row], str | None] | None = None,
        known: KnownMarks | None = None,
        limit: int | None = None,
        gates: Sequence[int] = (),
    ) -> None:
        self._rows = rows
        self._recorded = recorded
        self._identity = identity
        self._known = known or KnownMarks(())
        self._began_at = after.number
        self._known_until = after.number
        """The number of the row at which the last of `known` was passed."""
        self._token = after.token
        self._tokens: deque[tuple[int, str | None]] = deque()
        self._left = limit
        self._gates = deque(gate for gate in gates if gate >= after.number)
        self.position = after.number
        """The number of the last row that was read."""
        self.exhausted = False
        self.limited = False

    def take(self, count: int) -> list[Row]:
        """Read up to `count` rows; return those that are new. Notes when the source or the limit ends."""
        if self._gates:
            count = min(count, self._gates[0] - self.position)
        if self._left is not None:
            count = min(count, self._left + 1)  # one row more tells whether there is more
        read = list(islice(self._rows, count))
        self.exhausted = len(read) < count
        new = read if self._recorded is None else [row for row in read if not self._recorded(row)]
        if self._left is not None:
            if len(new) > self._left:
                self.exhausted = self.limited = True
                read, new = read[: read.index(new[self._left])], new[: self._left]
            self._left -= len(new)
        if read:
            self.position = read[-1].number
            self._note_marks(read)
        if self.exhausted and not self._known.behind_us:
            self._known.forget()
            self._known_until = self.position
        return new

    @property
    def at_gate(self) -> bool:
        """Reading waits until all rows read so far have ended."""
        return not self.exhausted and bool(self._gates) and self.position >= self._gates[0]

    def open_gate(self) -> None:
        """All rows read so far have ended: go on reading."""
        self._gates.popleft()

    # -- for a resume -----------------------------------------------------------------------------

    def resume_from(self, number: int) -> int:
        """Where a resume may go on if every row up to `number` is recorded: there, or where this session
        began. Rows that are read again get new numbers, so rows recorded by an earlier session are recognised
        only by a resume that begins before them.
        """
        if not self._known.behind_us or number < self._known_until:
            return self._began_at
        return number

    def token_at(self, number: int) -> str | None:
        """The id of the row with this number, or of the last one before it. Numbers must not fall from call
        to call.
        """
        while self._tokens and self._tokens[0][0] <= number:
            self._token = self._tokens.popleft()[1]
        return self._token

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


class KnownMarks:
    """Tells when reading has passed all marks of an earlier session. Ids come in order, so an id at or above
    the highest mark is enough, even if some rows are gone by now.
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
