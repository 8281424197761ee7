"""The keys that this run has created so far, where Zoho itself would let a second one in."""

from __future__ import annotations

from collections.abc import Iterable

from zmigrate.engine.scratch import scratch_db


class SeenKeys:
    """Key → line, in a temporary database that spills to disk, so that memory stays flat. Exact; gone when
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
