"""A plan's notes about refused rows: in a temporary database that spills to disk, so memory stays flat."""

from __future__ import annotations

import pickle
import weakref
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

from zmigrate.engine.model.batch import PreparedRow
from zmigrate.engine.model.outcomes import REFERENCE_OPEN
from zmigrate.engine.storage.scratch import scratch_db
from zmigrate.job.references import Ref
from zmigrate.reasons import Reason, told

_SCHEMA = """
CREATE TABLE reject (id INTEGER PRIMARY KEY, number INTEGER, line INTEGER, key TEXT, "column" TEXT,
    code TEXT, field TEXT, message TEXT, value TEXT, remedy TEXT,
    ambiguous INTEGER NOT NULL,     -- the value can be read in several ways
    follows INTEGER NOT NULL,       -- the row itself is fine: it refers to one that is refused
    ref_module TEXT, ref_by TEXT);  -- of an open reference by key
CREATE INDEX reject_number ON reject (number);
CREATE TABLE unsent (number INTEGER PRIMARY KEY, row BLOB);
"""

_PUT = "INSERT INTO reject VALUES (NULL,?,?,?,?,?,?,?,?,?,?,0,?,?)"
"""Which rows only follow another one shows at the end."""


class Reject(NamedTuple):
    """One reason for which a row would be refused. A row may have several."""

    number: int
    line: int
    key: str | None
    column: str | None
    reason: Reason
    follows: bool = False
    """The row itself is fine: it refers to one that would be refused."""

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


class OpenReference(NamedTuple):
    """A reject for a reference by key that finds no record."""

    reject: int
    module: str
    field: str | None
    key: str


class Book:
    """Notes of one plan. Main thread only."""

    def __init__(self) -> None:
        self._db = scratch_db()
        self.closing = ExitStack()
        """What is closed with the book."""
        self.closing.callback(self._db.close)
        weakref.finalize(self, self.closing.close)
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self.closing.close()

    # -- taking notes -----------------------------------------------------------------------------

    def note_rejects(self, row: PreparedRow, reasons: Iterable[Reason], column_of: Any) -> None:
        """Note why a row is refused. `column_of`: the column of a field, by the field's name."""
        references = {
            open_id.field: open_id.reference for open_id in row.open if isinstance(open_id.reference, Ref)
        }
        for reason in reasons:
            reference = references.get(reason.field or "") if reason.code == REFERENCE_OPEN else None
            names = (None, None) if reference is None else (reference.module, reference.field)
            column = column_of.get((reason.field or "").partition("[")[0])
            self._db.execute(_PUT, (row.number, row.line, row.key, column, *reason, *names))

    def note_unsent(self, row: PreparedRow) -> None:
        """Keep a row that was refused before Zoho would have seen it."""
        self._db.execute("INSERT OR REPLACE INTO unsent VALUES (?,?)", (row.number, pickle.dumps(row)))

    def let_follow(self, reject: int, message: str) -> None:
        """The row is refused because the row is that it refers to."""
        self._db.execute("UPDATE reject SET follows=1, message=? WHERE id=?", (message, reject))

    # -- reading them -----------------------------------------------------------------------------

    def unsent(self) -> Iterator[PreparedRow]:
        """The rows that `note_unsent` kept, in order."""
        for (row,) in self._db.execute("SELECT row FROM unsent ORDER BY number"):
            yield pickle.loads(row)  # noqa: S301  written by this process

    def reasons(self, number: int) -> tuple[Reason, ...]:
        """All reasons of a row."""
        found = self._db.execute(
            "SELECT code, field, message, value, remedy FROM reject WHERE number=? ORDER BY id", (number,)
        )
        return tuple(Reason(*each) for each in found)

    def open_references(self) -> Iterator[OpenReference]:
        """The rejects for references by key."""
        found = self._db.execute(
            "SELECT id, ref_module, ref_by, value FROM reject WHERE ref_module IS NOT NULL ORDER BY id"
        )
        yield from map(OpenReference._make, found.fetchall())

    def code_of_first(self, rows: int) -> str | None:
        """The one code with which all of the first `rows` rows are refused, or None."""
        found = self._db.execute(
            "SELECT COUNT(DISTINCT number), MIN(code), MAX(code) FROM reject WHERE number<=?", (rows,)
        ).fetchone()
        return str(found[1]) if found[0] == rows and found[1] == found[2] else None

    def refused_keys(self) -> Iterator[tuple[str, int]]:
        """Key and line of each refused row."""
        yield from self._db.execute("SELECT DISTINCT key, line FROM reject WHERE key IS NOT NULL")

    def rejects(self) -> Iterator[Reject]:
        """The rejects in source order."""
        found = self._db.execute(
            'SELECT number, line, key, "column", follows, code, field, message, value, remedy'
            " FROM reject ORDER BY number, id"
        )
        for number, line, key, column, follows, *reason in found:
            yield Reject(number, line, key, column, Reason(*reason), bool(follows))

    def groups(self, lines: int = 3, most: int = 200) -> list[RejectGroup]:
        """Rejects by code and field, the most frequent first, with their first lines."""
        found = self._db.execute(
            "SELECT code, field, COUNT(*) AS times, MIN(number) FROM reject GROUP BY code, field"
            " ORDER BY times DESC, MIN(number) LIMIT ?",
            (most,),
        ).fetchall()
        return [self._group(code, field, times, lines) for code, field, times, _ in found]

    def _group(self, code: str, field: str | None, times: int, lines: int) -> RejectGroup:
        first = self._db.execute(
            'SELECT line, "column", message, value, remedy FROM reject WHERE code=? AND field IS ?'
            " ORDER BY number LIMIT ?",
            (code, field, lines),
        ).fetchall()
        _, column, *rest = first[0]
        return RejectGroup(Reason(code, field, *rest), column, times, tuple(each[0] for each in first))

    def count_values(self, field: str, code: str) -> tuple[int, int, list[int]]:
        """A field's rejected values: how many different ones, how many in all, and the first lines;
        without ambiguous ones, and rows that only follow another one.
        """
        where = "FROM reject WHERE code=? AND field=? AND NOT follows AND NOT ambiguous"
        values = (code, field)
        different, times = self._db.execute(
            f"SELECT COUNT(DISTINCT value), COUNT(value) {where}",
            values,
        ).fetchone()
        lines = self._db.execute(
            f"SELECT line {where} AND value IS NOT NULL ORDER BY number LIMIT 3",
            values,
        )
        return different, times, [line for (line,) in lines]

    def distinct_values(self, field: str, code: str, most: int) -> list[tuple[str, int]]:
        """A field's rejected values and their counts, the most frequent first; without ambiguous
        ones, and rows that only follow another one.
        """
        return self._db.execute(
            "SELECT value, COUNT(*) FROM reject WHERE code=? AND field=? AND value IS NOT NULL"
            " AND NOT follows AND NOT ambiguous GROUP BY value ORDER BY 2 DESC, MIN(line) LIMIT ?",
            (code, field, most),
        ).fetchall()
