"""Keys that stand several times in a source: which of their rows are written. Filled by a first pass."""

from __future__ import annotations

from collections.abc import Iterable

from zmigrate.engine.batch import Pending
from zmigrate.engine.outcomes import DUPLICATE_IN_SOURCE, Outcome
from zmigrate.engine.scratch import scratch_db
from zmigrate.writes import OnRepeated


class Repeats:
    """Key → its first and last row, in a temporary database that spills to disk: memory stays flat."""

    def __init__(self, mode: OnRepeated, key: str) -> None:
        """`key`: the field that the keys go to."""
        self.mode = mode
        self._key = key
        self._db = scratch_db()
        self._db.execute(
            "CREATE TABLE seen (folded TEXT PRIMARY KEY, first INTEGER, first_line INTEGER,"
            " last INTEGER, last_line INTEGER) WITHOUT ROWID"
        )
        self._db.execute("BEGIN")

    def add(self, rows: Iterable[Pending]) -> None:
        """Add rows in the order of the source."""
        self._db.executemany(
            "INSERT INTO seen VALUES (?1,?2,?3,?2,?3)"
            " ON CONFLICT DO UPDATE SET last=excluded.last, last_line=excluded.last_line",
            [(row.folded, row.number, row.line) for row in rows if row.folded is not None],
        )

    def outcome(self, row: Pending) -> Outcome | None:
        """Why a row is not written, or None. Rows are told apart by their lines."""
        if row.folded is None:
            return None
        found = self._db.execute(
            "SELECT first, first_line, last, last_line FROM seen WHERE folded=?", (row.folded,)
        ).fetchone()
        if found is None or found[0] == found[2]:
            return None
        _, first_line, _, last_line = found
        if self.mode == "fail":
            where = f"several lines, from {first_line} to {last_line}; none of them is written"
            return self._repeated(row, where)
        written = first_line if self.mode == "first" else last_line
        return None if row.line == written else self._repeated(row, f"line {written} too, which is written")

    def _repeated(self, row: Pending, where: str) -> Outcome:
        message = f"the key {row.key!r} stands in {where}"
        return Outcome("failed", None, DUPLICATE_IN_SOURCE, self._key, message)

    def close(self) -> None:
        self._db.close()
