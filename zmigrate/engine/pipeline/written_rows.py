"""The rows that were written, by key or other unique value. The index spills to disk: memory stays flat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zmigrate.engine.model.batch import WrittenRow
from zmigrate.engine.storage.scratch import scratch_db
from zmigrate.rows.key_slots import KeySlots

SPILLS_AT = 20_000
"""Values in memory. They go to disk together, in order, which costs a quarter of going one by one."""


class WrittenRows:
    """Finds the rows with a value. Of several with one value and key it keeps the first."""

    def __init__(self) -> None:
        self._recent: dict[str, list[WrittenRow]] = {}
        self._spilled: KeySlots | None = None
        """Tells for most values that no row on disk has them."""
        self._db = scratch_db()

    def add(self, rows: Iterable[WrittenRow]) -> None:
        recent = self._recent
        for row in rows:
            same = recent.setdefault(row.value, [])
            if all(each.key != row.key for each in same):
                same.append(row)
            if len(recent) >= SPILLS_AT:
                self._spill()

    def of(self, value: str) -> Sequence[WrittenRow]:
        """The rows with this value, each with another key."""
        recent = self._recent.get(value, ())
        if self._spilled is None or not self._spilled.has(value):
            return recent
        found = self._db.execute("SELECT * FROM written WHERE value=? ORDER BY line", (value,))
        return [*map(WrittenRow._make, found), *recent]

    def close(self) -> None:
        self._db.close()

    def _spill(self) -> None:
        if self._spilled is None:
            self._spilled = KeySlots()
            self._db.execute(
                "CREATE TABLE written (value TEXT, key TEXT, line INTEGER, digest INTEGER, doubted INTEGER,"
                " PRIMARY KEY (value, key)) WITHOUT ROWID"
            )
        self._db.execute("BEGIN")
        rows = [row for value in sorted(self._recent) for row in self._recent[value]]
        self._db.executemany("INSERT OR IGNORE INTO written VALUES (?,?,?,?,?)", rows)
        self._db.execute("COMMIT")
        for value in self._recent:
            self._spilled.add(value)
        self._recent.clear()
