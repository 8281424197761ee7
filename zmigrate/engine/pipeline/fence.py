"""The fence: a key, or another unique value, is in at most one batch in flight. Rows that share one go in
source order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from operator import attrgetter

from zmigrate.engine.model.batch import PreparedRow

WAITING_MAX = 10_000
"""Reading pauses when so many rows wait."""


class Fence:
    """Holds the values of rows in flight, and the rows that wait for one of them.

    Each value has a line of rows. A row goes when it is the first in line for all its values; until then it
    keeps its places, so rows wait only for earlier ones, and never for each other.
    """

    def __init__(self, waiting_max: int = WAITING_MAX) -> None:
        self._lines: dict[str, deque[PreparedRow] | None] = {}
        """The rows behind the one that is first in line for a value."""
        self._waiting: dict[int, int] = {}
        """By row number, how many of a row's values have another row first in line."""
        self._waiting_max = waiting_max

    def admit(self, row: PreparedRow) -> bool:
        """Put the row in line for its values. False if it must wait. A row without any is always admitted."""
        behind = 0
        for value in row.fenced:
            if value not in self._lines:
                self._lines[value] = None
                continue
            behind += 1
            line = self._lines[value]
            if line is None:
                line = self._lines[value] = deque()
            line.append(row)
        if behind:
            self._waiting[row.number] = behind
        return not behind

    def admit_all(self, rows: list[PreparedRow]) -> list[PreparedRow]:
        """Return the rows that hold their values now; the others wait."""
        values: list[str | None] = [row.folded for row in rows]
        if any(map(_others_of, rows)):
            values += [value for row in rows for value in row.others]
        new = dict.fromkeys(values)
        if len(new) == len(values) and None not in new and self._lines.keys().isdisjoint(new):
            self._lines.update(new)  # type: ignore[arg-type]  # no value is None
            return rows
        return [row for row in rows if self.admit(row)]

    def hold(self, values: Iterable[str]) -> None:
        """Hold values that an earlier session left in flight (on resume)."""
        for value in values:
            self._lines.setdefault(value, None)

    def release(self, values: Iterable[str]) -> list[PreparedRow]:
        """Release values. Return the rows whose turn has come; they hold their values from now on."""
        freed = []
        for value in values:
            line = self._lines.pop(value, None)
            if not line:
                continue
            row = line.popleft()
            self._lines[value] = line or None
            self._waiting[row.number] -= 1
            if not self._waiting[row.number]:
                del self._waiting[row.number]
                freed.append(row)
        return freed

    @property
    def full(self) -> bool:
        return len(self._waiting) >= self._waiting_max

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def lowest_waiting(self) -> int | None:
        """The lowest row number that waits. Rows arrive in source order, so it is the oldest entry."""
        return next(iter(self._waiting), None)


_others_of = attrgetter("others")
