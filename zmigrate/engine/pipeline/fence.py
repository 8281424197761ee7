"""The fence: one key is in at most one batch in flight, and rows with the same key go in source order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from zmigrate.engine.model.batch import PreparedRow

WAITING_MAX = 10_000
"""Reading pauses when so many rows wait for their key."""


class Fence:
    """Holds the keys of rows in flight, and the rows that wait for one of them."""

    def __init__(self, waiting_max: int = WAITING_MAX) -> None:
        self._held: dict[str, deque[PreparedRow] | None] = {}
        self._waiting: dict[int, None] = {}
        self._waiting_max = waiting_max

    def admit(self, row: PreparedRow) -> bool:
        """Hold the row's key and return True; or, if another row holds it, keep this row waiting and return
        False. A row without a key is always admitted.
        """
        key = row.folded
        if key is None:
            return True
        if key not in self._held:
            self._held[key] = None
            return True
        queue = self._held[key]
        if queue is None:
            queue = self._held[key] = deque()
        queue.append(row)
        self._waiting[row.number] = None
        return False

    def admit_all(self, rows: list[PreparedRow]) -> list[PreparedRow]:
        """Return the rows that hold their keys now; the others wait."""
        keys = dict.fromkeys([row.folded for row in rows])
        if len(keys) == len(rows) and None not in keys and self._held.keys().isdisjoint(keys):
            self._held.update(keys)  # type: ignore[arg-type]  # no key is None
            return rows
        return [row for row in rows if self.admit(row)]

    def hold(self, keys: Iterable[str]) -> None:
        """Hold keys that an earlier session left in flight (on resume)."""
        for key in keys:
            self._held.setdefault(key, None)

    def release(self, keys: Iterable[str]) -> list[PreparedRow]:
        """Release keys. Return the rows whose turn has come; they hold their keys from now on."""
        freed = []
        for key in keys:
            queue = self._held.pop(key, None)
            if queue:
                row = queue.popleft()
                self._held[key] = queue or None
                del self._waiting[row.number]
                freed.append(row)
        return freed

    def drop(self, key: str) -> list[PreparedRow]:
        """Return the rows that wait for a key and will not get it. The present holder keeps the key."""
        queue = self._held.get(key)
        if not queue:
            return []
        self._held[key] = None
        for row in queue:
            del self._waiting[row.number]
        return list(queue)

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
