"""Subforms from a second file: its rows are kept in a temporary database, by their parent."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from weakref import finalize

import orjson

from zmigrate.errors import SourceError
from zmigrate.rows.mapping.cells import NOT_TEXT, as_text, bad_value, is_empty
from zmigrate.rows.mapping.field_rule import SubformRows
from zmigrate.rows.mapping.rules import compile_rule
from zmigrate.rows.sources.base import Row, Source

_AT_ONCE: Final = 1000
NO_KEY: Final = "[]"  # the key of empty cells, which belongs to no parent


@dataclass(frozen=True, slots=True)
class Orphan:
    """A row of a second file without a parent in the main one."""

    file: str
    line: int
    key: str


class SecondFile:
    """The rows of a second file by their parent's key, in the file's order. They do not take memory: the
    database is a temporary SQLite file, which is gone with this object.
    """

    def __init__(self, source: Source, columns: Sequence[str]) -> None:
        """`columns`: the columns with the parent's key."""
        self.name = source.name
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        finalize(self, self._db.close)
        self._db.execute("CREATE TABLE item (key TEXT, number INTEGER, line INTEGER, cells BLOB)")
        self._db.execute("BEGIN")
        rows = source.rows()
        while block := list(islice(rows, _AT_ONCE)):
            self._db.executemany("INSERT INTO item VALUES (?,?,?,?)", map(_stored(self.name, columns), block))
        self._db.execute("CREATE INDEX by_key ON item (key, number)")
        self._db.execute("COMMIT")

    def of(self, key: str) -> Iterator[Mapping[str, Any]]:
        """The rows of one parent."""
        for (cells,) in self._db.execute("SELECT cells FROM item WHERE key=? ORDER BY number", (key,)):
            yield orjson.loads(cells)

    def orphans(self, keys: Iterable[str]) -> Iterator[Orphan]:
        """The rows with a key that is not among these, which are all keys of the main file."""
        self._db.execute("CREATE TEMP TABLE IF NOT EXISTS parent (key TEXT PRIMARY KEY) WITHOUT ROWID")
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT OR IGNORE INTO parent VALUES (?)", ((key,) for key in keys if key != NO_KEY)
        )
        self._db.execute("COMMIT")
        found = self._db.execute(
            "SELECT line, key FROM item WHERE key NOT IN (SELECT key FROM parent) ORDER BY number"
        )
        for line, key in found:
            yield Orphan(self.name, line, ", ".join(orjson.loads(key)))


def key_of(row: Mapping[str, Any], columns: Sequence[str]) -> str:
    """The cells of these columns, trimmed, as one text. Raises ValueError if a cell can't be text."""
    cells = []
    for column in columns:
        try:
            cells.append(as_text(row.get(column)).strip())
        except ValueError as error:
            raise ValueError(f"column {column!r} {error}") from None
    return orjson.dumps(cells).decode() if any(cells) else NO_KEY


def _stored(name: str, columns: Sequence[str]) -> Callable[[Row], tuple[str, int, int, bytes]]:
    def stored(row: Row) -> tuple[str, int, int, bytes]:
        try:
            key = key_of(row.values, columns)
            return key, row.number, row.line, orjson.dumps(row.values, default=as_text)
        except (ValueError, TypeError) as error:  # orjson's own error is both
            raise SourceError(f"{name}:{row.line}: {error}.") from None

    return stored


class SubformRule:
    """A row of the main file → the rows of its subform; empty text if there are none."""

    def __init__(self, name: str, rule: SubformRows, second: SecondFile) -> None:
        self._name = name
        self._ours = tuple(rule.match.values())
        self._fields = [
            (field, compile_rule(f"{name}.{field}", inner)) for field, inner in rule.fields.items()
        ]
        self._second = second

    def __call__(self, row: Mapping[str, Any]) -> Any:
        found = []
        try:
            key = key_of(row, self._ours)
        except ValueError as error:
            raise bad_value(self._name, NOT_TEXT, str(error)) from None
        for cells in self._second.of(key) if key != NO_KEY else ():
            values = {field: value_of(cells) for field, value_of in self._fields}
            found.append({field: value for field, value in values.items() if not _left(value)})
        return found or ""


def _left(value: Any) -> bool:
    return value is not None and is_empty(value)
