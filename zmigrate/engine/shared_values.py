"""Values of unique fields that rows of different keys share. Where no record has the key of an upsert, Zoho
goes by its other unique fields (zoho-api 5.4): the later row would change the record of the earlier one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zmigrate.engine.batch import Pending
from zmigrate.engine.key_field import KeyField
from zmigrate.engine.outcomes import DUPLICATE_IN_SOURCE, Outcome
from zmigrate.engine.scratch import scratch_db


def shared(line: int, key: str) -> str:
    """Why a row is not written."""
    return f"line {line} has this value too, with another {key}: Zoho would go by it and change that record"


class SharedValues:
    """The first row that is sent with each value, in a temporary database that spills to disk, so that memory
    stays flat. What becomes of it is not known when the next one comes: both may be in one request.
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

    @property
    def names(self) -> list[str]:
        return [field.name for field in self._fields]

    def take_up(self, rows: Iterable[tuple[int, str, Mapping[str, Any]]]) -> None:
        """Take up rows that an earlier session sent: line, folded key, record."""
        self._db.execute("BEGIN")
        for line, key, record in rows:
            for field in self._fields:
                self._first(field, key, line, record)
        self._db.execute("COMMIT")

    def outcome(self, row: Pending) -> Outcome | None:
        """Why a row is not written, or None."""
        for field in self._fields:
            first = self._first(field, row.folded or "", row.line, row.record)
            if first is not None and first[0] != row.folded:
                return Outcome("failed", None, DUPLICATE_IN_SOURCE, field.name, shared(first[1], self._key))
        return None

    def _first(
        self, field: KeyField, key: str, line: int, record: Mapping[str, Any]
    ) -> tuple[str, int] | None:
        """Key and line of the first row with the value that this row has."""
        text = field.text_of(record)
        if text is None:
            return None
        folded = field.fold(text)
        self._db.execute("INSERT OR IGNORE INTO seen VALUES (?,?,?,?)", (field.name, folded, key, line))
        found: tuple[str, int] = self._db.execute(
            "SELECT key, line FROM seen WHERE field=? AND folded=?", (field.name, folded)
        ).fetchone()
        return found

    def close(self) -> None:
        self._db.close()
