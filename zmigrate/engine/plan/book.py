"""A plan's notes about rows: in a temporary database that spills to disk, so that memory stays flat."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Literal, NamedTuple

from zmigrate.engine.storage.scratch import scratch_db
from zmigrate.reasons import Reason, told

Fate = Literal["create", "update", "unchanged", "delete", "skip", "unasked", "refused"]

KEPT_BACK = 1_000
"""How many notes are written together."""

_SCHEMA = """
CREATE TABLE row (number INTEGER PRIMARY KEY, line INTEGER, key TEXT, folded TEXT, fate TEXT, record TEXT);
CREATE TABLE reject (id INTEGER PRIMARY KEY, number INTEGER, line INTEGER, key TEXT, "column" TEXT,
    code TEXT, field TEXT, message TEXT, value TEXT, remedy TEXT, follows INTEGER);
CREATE TABLE source (number INTEGER PRIMARY KEY, cells TEXT);
CREATE TABLE taken (field TEXT, folded TEXT, number INTEGER, line INTEGER, value TEXT);
CREATE TABLE pointing (module TEXT, id TEXT, field TEXT, number INTEGER, line INTEGER);
CREATE TABLE reference (module TEXT, by TEXT, value TEXT, kind TEXT, field TEXT, when_open TEXT,
    number INTEGER, line INTEGER, state TEXT, ids TEXT);
"""

_INSERTS = {
    "row": "INSERT INTO row VALUES (?,?,?,?,?,?)",
    "reject": "INSERT INTO reject VALUES (NULL,?,?,?,?,?,?,?,?,?,?)",
    "source": "INSERT OR IGNORE INTO source VALUES (?,?)",
    "taken": "INSERT INTO taken VALUES (?,?,?,?,?)",
    "pointing": "INSERT INTO pointing VALUES (?,?,?,?,?)",
    "reference": "INSERT INTO reference VALUES (?,?,?,?,?,?,?,?,'unknown',NULL)",
}


class Reject(NamedTuple):
    """One reason for which a row would be refused. A row may have several."""

    number: int
    line: int
    key: str | None
    column: str | None
    reason: Reason
    follows: bool = False
    """The row itself is fine: it refers to one that would be refused."""

    @property
    def stored(self) -> tuple[Any, ...]:
        """The values of the table `reject`."""
        return (*self[:4], *self.reason[:5], self.follows)

    def to_json(self) -> dict[str, Any]:
        code, field, _, value, *_ = self.reason
        return {
            "line": self.line,
            "column": self.column,
            "field": field,
            "code": code,
            "message": told(self.reason),
            "value": value,
        }


class RejectGroup(NamedTuple):
    """Rejects of one code and field."""

    reason: Reason
    """The reason of the first reject."""
    column: str | None
    rejects: int
    lines: tuple[int, ...]
    """The lines of the first rejects."""


class Book:
    """Notes of one plan. Main thread only; what was noted is readable after `flush`."""

    def __init__(self) -> None:
        self.db = scratch_db(other_threads=True)
        self.closing = ExitStack()
        """What is closed with the book."""
        self.closing.callback(self.db.close)
        weakref.finalize(self, self.closing.close)
        self.db.executescript(_SCHEMA)
        self._spools = 0
        self._kept: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _INSERTS}

    def close(self) -> None:
        self.closing.close()

    # -- taking notes -----------------------------------------------------------------------------

    def note(self, table: str, values: Sequence[Any]) -> None:
        """Add a row to one of the tables."""
        kept = self._kept[table]
        kept.append(tuple(values))
        if len(kept) >= KEPT_BACK:
            self._write(table)

    def note_all(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add several rows."""
        self._kept[table] += rows
        if len(self._kept[table]) >= KEPT_BACK:
            self._write(table)

    def flush(self) -> None:
        for table in _INSERTS:
            self._write(table)

    def _write(self, table: str) -> None:
        kept = self._kept[table]
        if kept:
            self.db.execute("BEGIN")
            self.db.executemany(_INSERTS[table], kept)
            self.db.execute("COMMIT")
            kept.clear()

    def refuse(self, rejects: Iterable[Reject]) -> int:
        """Refuse rows that were noted with another fate; return how many."""
        self.flush()
        refused = 0
        batch: list[Reject] = []
        for reject in rejects:
            batch.append(reject)
            if len(batch) >= KEPT_BACK:
                refused += self._refuse(batch)
                batch = []
        return refused + self._refuse(batch)

    def _refuse(self, rejects: list[Reject]) -> int:
        before = self.db.total_changes
        self.db.execute("BEGIN")
        self.db.executemany(
            "UPDATE row SET fate='refused' WHERE number=? AND fate<>'refused'",
            [(reject.number,) for reject in rejects],
        )
        changed = self.db.total_changes - before
        self.db.executemany(_INSERTS["reject"], [reject.stored for reject in rejects])
        self.db.execute("COMMIT")
        return changed

    def spooled(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """The result of a query, stored first, so that rows can be refused while it is read."""
        self.flush()
        self._spools += 1
        table = f"spool_{self._spools}"
        self.db.execute(f"CREATE TEMP TABLE {table} AS {query}", values)
        found = self.db.execute(f"SELECT * FROM {table} ORDER BY rowid")  # noqa: S608  a name of ours
        try:
            yield from found
        finally:
            found.close()
            self.db.execute(f"DROP TABLE {table}")

    # -- reading them -----------------------------------------------------------------------------

    def fates(self) -> dict[str, int]:
        """How many rows have which fate, not counting rows that were rejected when they were read."""
        self.flush()
        return dict(self.db.execute("SELECT fate, COUNT(*) FROM row GROUP BY fate").fetchall())

    def fate(self, number: int) -> tuple[str | None, str | None]:
        """A row's fate, and the id of the record that it changes; None if it was rejected when read."""
        found = self.db.execute("SELECT fate, record FROM row WHERE number=?", (number,)).fetchone()
        return (None, None) if found is None else found

    def refused_rows(self) -> int:
        self.flush()
        return int(self.db.execute("SELECT COUNT(DISTINCT number) FROM reject").fetchone()[0])

    def code_of_first(self, rows: int) -> str | None:
        """The one code with which all of the first `rows` rows are refused, or None."""
        found = self.db.execute(
            "SELECT COUNT(DISTINCT number), MIN(code), MAX(code) FROM reject WHERE number<=?", (rows,)
        ).fetchone()
        return str(found[1]) if found[0] == rows and found[1] == found[2] else None

    def count_code(self, code: str) -> int:
        """Rejects of one code."""
        self.flush()
        return int(self.db.execute("SELECT COUNT(*) FROM reject WHERE code=?", (code,)).fetchone()[0])

    def index_rejects(self) -> None:
        """Make the indexes, once all rejects are noted."""
        self.flush()
        self.db.execute("CREATE INDEX reject_number ON reject (number)")
        self.db.execute("CREATE INDEX reject_group ON reject (code, field, number)")

    def rejects(self) -> Iterator[Reject]:
        """The rejects in source order."""
        found = self.db.execute(
            'SELECT number, line, key, "column", follows, code, field, message, value, remedy'
            " FROM reject ORDER BY number, id"
        )
        for number, line, key, column, follows, *reason in found:
            yield Reject(number, line, key, column, Reason(*reason), bool(follows))

    def rejected_keys(self, after: int = 0) -> Iterator[tuple[str, int]]:
        """Key and line of each reject with a higher id than `after`."""
        yield from self.db.execute("SELECT key, line FROM reject WHERE key IS NOT NULL AND id>?", (after,))

    def groups(self, lines: int = 3, most: int = 200) -> list[RejectGroup]:
        """Rejects by code and field, the most frequent first, with their first lines."""
        found = self.db.execute(
            "SELECT code, field, COUNT(*) AS times, MIN(number) FROM reject GROUP BY code, field"
            " ORDER BY times DESC, MIN(number) LIMIT ?",
            (most,),
        ).fetchall()
        return [self._group(code, field, times, lines) for code, field, times, _ in found]

    def _group(self, code: str, field: str | None, times: int, lines: int) -> RejectGroup:
        first = self.db.execute(
            'SELECT line, "column", message, value, remedy FROM reject WHERE code=? AND field IS ?'
            " ORDER BY number LIMIT ?",
            (code, field, lines),
        ).fetchall()
        _, column, *rest = first[0]
        return RejectGroup(Reason(code, field, *rest), column, times, tuple(each[0] for each in first))

    def count_values(self, field: str, code: str) -> tuple[int, int, list[int]]:
        """A field's rejected values: how many different ones, how many in all, and the first lines;
        without rows that only follow another one.
        """
        where, values = "FROM reject WHERE code=? AND field=? AND NOT follows", (code, field)
        different, times = self.db.execute(
            f"SELECT COUNT(DISTINCT value), COUNT(value) {where}",
            values,
        ).fetchone()
        lines = self.db.execute(
            f"SELECT line {where} AND value IS NOT NULL ORDER BY number LIMIT 3",
            values,
        )
        return different, times, [line for (line,) in lines]

    def distinct_values(self, field: str, code: str, most: int) -> list[tuple[str, int]]:
        """A field's rejected values and their counts, the most frequent first; without rows that only
        follow another one.
        """
        return self.db.execute(
            "SELECT value, COUNT(*) FROM reject WHERE code=? AND field=? AND value IS NOT NULL"
            " AND NOT follows GROUP BY value ORDER BY 2 DESC, MIN(line) LIMIT ?",
            (code, field, most),
        ).fetchall()
