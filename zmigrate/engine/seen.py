"""Keys that a run has met so far, in temporary databases that spill to disk, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterable

from zmigrate.engine.scratch import scratch_db


class SeenKeys:
    """Key → line of what this run has created, where Zoho itself would let a second one in. Exact; gone when
    closed.
    """

    def __init__(self) -> None:
        self._db = scratch_db()
        self._db.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID")

    def add(self, keys: Iterable[tuple[str, int]]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR IGNORE INTO seen VALUES (?,?)", keys)
        self._db.execute("COMMIT")

    def line_of(self, key: str) -> int | None:
        """The line of the row that was created with this key."""
        row = self._db.execute("SELECT line FROM seen WHERE key=?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def close(self) -> None:
        self._db.close()


class MetItems:
    """How often an item of a hand-written loop has come. Gone when closed."""

    def __init__(self) -> None:
        self._db = scratch_db()
        self._db.execute("CREATE TABLE met (item TEXT PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID")

    def meet(self, item: str) -> int:
        """It comes once more: gives how often it came until now, this time among them."""
        if self._db.execute("INSERT OR IGNORE INTO met VALUES (?,1)", (item,)).rowcount:
            return 1
        self._db.execute("UPDATE met SET times = times + 1 WHERE item = ?", (item,))
        times: int = self._db.execute("SELECT times FROM met WHERE item = ?", (item,)).fetchone()[0]
        return times

    def close(self) -> None:
        self._db.close()
