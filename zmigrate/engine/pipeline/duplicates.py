"""Keys and unique values that several rows of a source share, and which of these rows are written.

They are kept in temporary databases that spill to disk, so that memory stays flat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zmigrate.engine.model.batch import PreparedRow
from zmigrate.engine.model.keys import KeyField
from zmigrate.engine.model.outcomes import DUPLICATE_IN_SOURCE, Outcome, failed
from zmigrate.engine.storage.scratch import scratch_db
from zmigrate.job.writes import OnRepeated


class Repeats:
    """For each key its first and last row."""

    def __init__(self, mode: OnRepeated, key: str) -> None:
        """`key`: the field that holds the keys."""
        self.mode = mode
        self._key = key
        self._db = scratch_db()
        self._db.execute(
            "CREATE TABLE seen (folded TEXT PRIMARY KEY, first INTEGER, first_line INTEGER,"
            " last INTEGER, last_line INTEGER) WITHOUT ROWID"
        )
        self._db.execute("BEGIN")

    def add(self, rows: Iterable[PreparedRow]) -> None:
        """Add rows in source order."""
        self._db.executemany(
            "INSERT INTO seen VALUES (?1,?2,?3,?2,?3)"
            " ON CONFLICT DO UPDATE SET last=excluded.last, last_line=excluded.last_line",
            [(row.folded, row.number, row.line) for row in rows if row.folded is not None],
        )

    def outcome(self, row: PreparedRow) -> Outcome | None:
        """Why a row is not written; None if it is. Rows are identified by their lines."""
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
        return (
            None
            if row.line == written
            else self._repeated(row, f"line {written} too, and written there instead")
        )

    def _repeated(self, row: PreparedRow, where: str) -> Outcome:
        message = f"the key {row.key!r} is used in {where}"
        return failed(DUPLICATE_IN_SOURCE, self._key, message, row.key)

    def close(self) -> None:
        self._db.close()


class SeenKeys:
    """The line of each row that created a record, by its key, if Zoho would allow a second one."""

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
    """How often each item of a hand-written loop has come."""

    def __init__(self) -> None:
        self._db = scratch_db()
        self._db.execute("CREATE TABLE met (item TEXT PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID")

    def meet(self, item: str) -> int:
        """Count an item once more; return how often it has come by now."""
        if self._db.execute("INSERT OR IGNORE INTO met VALUES (?,1)", (item,)).rowcount:
            return 1
        self._db.execute("UPDATE met SET times = times + 1 WHERE item = ?", (item,))
        times: int = self._db.execute("SELECT times FROM met WHERE item = ?", (item,)).fetchone()[0]
        return times

    def close(self) -> None:
        self._db.close()


def shared(line: int, key: str) -> str:
    """Why a row is not written."""
    return f"line {line} has this value too, with another {key}: Zoho would change the record of that line"


class SharedValues:
    """The first row that is sent with each unique value.

    If no record has an upsert's key, Zoho goes by the other unique fields (zoho-api 5.4): a later row with
    such a value would change the earlier row's record. Both may be in one request, so it is not known
    whether the earlier row succeeds.
    """

    def __init__(self, fields: Sequence[KeyField], key: str) -> None:
        """`key`: the field that the write matches on."""
        self._fields = fields
        self._key = key
        self._db = scratch_db()
        self._db.execute(
            "CREATE TABLE seen (field TEXT, folded TEXT, key TEXT, line INTEGER,"
            " PRIMARY KEY (field, folded)) WITHOUT ROWID"
        )
        self._db.execute("BEGIN")

    @property
    def names(self) -> list[str]:
        return [field.name for field in self._fields]

    def take_up(self, rows: Iterable[tuple[int, str, Mapping[str, Any]]]) -> None:
        """Take up rows that an earlier session sent: line, folded key, record."""
        for line, key, record in rows:
            self._keep(self._values(record), key, line)

    def outcome(self, row: PreparedRow) -> Outcome | None:
        """Why a row is not written; None if it is."""
        values = self._values(row.record)
        for place in values:
            first = self._db.execute(
                "SELECT key, line FROM seen WHERE field=? AND folded=?", place
            ).fetchone()
            if first is not None and first[0] != row.folded:
                return failed(DUPLICATE_IN_SOURCE, place[0], shared(first[1], self._key))
        self._keep(values, row.folded or "", row.line)
        return None

    def _values(self, record: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Field names and folded values of a record."""
        texts = ((field, field.text_of(record)) for field in self._fields)
        return [(field.name, field.fold(text)) for field, text in texts if text is not None]

    def _keep(self, values: Iterable[tuple[str, str]], key: str, line: int) -> None:
        self._db.executemany(
            "INSERT OR IGNORE INTO seen VALUES (?,?,?,?)", ((*each, key, line) for each in values)
        )

    def close(self) -> None:
        self._db.close()
