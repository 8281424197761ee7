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
        self._db.execute("BEGIN")

    @property
    def names(self) -> list[str]:
        return [field.name for field in self._fields]

    def take_up(self, rows: Iterable[tuple[int, str, Mapping[str, Any]]]) -> None:
        """Take up rows that an earlier session sent: line, folded key, record."""
        for line, key, record in rows:
            self._keep(self._values(record), key, line)

    def outcome(self, row: Pending) -> Outcome | None:
        """Why a row is not written, or None."""
        values = self._values(row.record)
        for place in values:
            first = self._db.execute(
                "SELECT key, line FROM seen WHERE field=? AND folded=?", place
            ).fetchone()
            if first is not None and first[0] != row.folded:
                return Outcome("failed", None, DUPLICATE_IN_SOURCE, place[0], shared(first[1], self._key))
        self._keep(values, row.folded or "", row.line)
        return None

    def _values(self, record: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Fields and folded values of a record."""
        texts = ((field, field.text_of(record)) for field in self._fields)
        return [(field.name, field.fold(text)) for field, text in texts if text is not None]

    def _keep(self, values: Iterable[tuple[str, str]], key: str, line: int) -> None:
        self._db.executemany(
            "INSERT OR IGNORE INTO seen VALUES (?,?,?,?)", ((*each, key, line) for each in values)
        )

    def close(self) -> None:
        self._db.close()
