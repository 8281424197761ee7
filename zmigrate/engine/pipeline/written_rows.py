"""The rows that were written, by key or other unique value. The index spills to disk: memory stays flat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from zmigrate.engine.storage.scratch import scratch_db

SPILLS_AT: Final = 20_000
"""Values in memory. They go to disk together, in order, which costs a quarter of going one by one."""

MARKS: Final = 1 << 25


class WrittenRow(NamedTuple):
    """A row that was written, or may have been, as far as later rows with one of its values need to know."""

    value: str
    """Its folded key, or another unique value: see `PreparedRow.fenced`."""
    key: str
    """What tells its key from others: see `Target.match`."""
    line: int
    digest: int
    doubted: bool
    """It is in doubt."""


class WrittenRows:
    """Finds the rows with a value. Of several with one value and key the first counts."""

    def __init__(self) -> None:
        self._recent: dict[str, list[WrittenRow]] = {}
        self._marks = bytearray()
        """A bit for each value on disk: most values that are not there need no search."""
        self._db = scratch_db()

    def add(self, rows: Iterable[WrittenRow]) -> None:
        recent = self._recent
        for row in rows:
            same = recent.get(row.value)
            if same is None:
                recent[row.value] = [row]
            elif all(each.key != row.key for each in same):
                same.append(row)
        if len(recent) >= SPILLS_AT:
            self._spill()

    def of(self, value: str) -> Sequence[WrittenRow]:
        """The rows with this value."""
        recent = self._recent.get(value, ())
        mark = hash(value) % MARKS
        if not self._marks or not self._marks[mark >> 3] & 1 << (mark & 7):
            return recent
        found = self._db.execute("SELECT * FROM written WHERE value=? ORDER BY line", (value,))
        return [*map(WrittenRow._make, found), *recent]

    def close(self) -> None:
        self._db.close()

    def _spill(self) -> None:
        if not self._marks:
            self._marks = bytearray(MARKS >> 3)
            self._db.execute(
                "CREATE TABLE written (value TEXT, key TEXT, line INTEGER, digest INTEGER, doubted INTEGER,"
                " PRIMARY KEY (value, key)) WITHOUT ROWID"
            )
        rows = (row for value in sorted(self._recent) for row in self._recent[value])
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR IGNORE INTO written VALUES (?,?,?,?,?)", rows)
        self._db.execute("COMMIT")
        for value in self._recent:
            mark = hash(value) % MARKS
            self._marks[mark >> 3] |= 1 << (mark & 7)
        self._recent.clear()
