"""Records that do not exist yet: the keys and other values that earlier files of a flow will write."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from zmigrate.engine.model.keys import Matches
from zmigrate.engine.pipeline.resolver import IdLookup
from zmigrate.engine.storage.scratch import scratch_db
from zmigrate.rows.conversion.keys import fold_key

NOT_YET = "planned"
"""The id of a record that will be created."""


ValuesOf = Callable[[str], Iterator[tuple[str, str]]]
"""Reads one field of a source: (value, record) of each row. The record is its id, or words if it is new."""


class OpenedIds(IdLookup, Protocol):
    """An id map that has to be closed."""

    def close(self) -> None: ...


class LazyIds:
    """An id map that is opened when the first key is looked up."""

    def __init__(self, open_ids: Callable[[], OpenedIds]) -> None:
        self._open = open_ids
        self._ids: OpenedIds | None = None

    def find(
        self, module: str, keys: Sequence[str], field: str | None = None, *, ignore_case: bool = False
    ) -> dict[str, Matches]:
        if self._ids is None:
            self._ids = self._open()
        return self._ids.find(module, keys, field, ignore_case=ignore_case)

    def close(self) -> None:
        if self._ids is not None:
            self._ids.close()


class PlannedKeys:
    """Keys by module and field, in a temporary database that spills to disk. Main thread only."""

    def __init__(self) -> None:
        self.db = scratch_db(other_threads=True)
        weakref.finalize(self, self.db.close)
        self.db.execute(
            "CREATE TABLE planned (module TEXT, folded TEXT, field TEXT, id TEXT,"
            " PRIMARY KEY (module, folded, field, id)) WITHOUT ROWID"
        )
        self.db.execute("CREATE TABLE value (module TEXT, field TEXT, folded TEXT, row TEXT)")
        self.db.execute(
            "CREATE TABLE refused (module TEXT, field TEXT, folded TEXT, place TEXT,"
            " PRIMARY KEY (module, field, folded)) WITHOUT ROWID"
        )
        self._folds: dict[tuple[str, str], Callable[[str], str]] = {}
        self._values: dict[str, list[ValuesOf]] = {}
        self._read: set[tuple[str, str]] = set()

    def close(self) -> None:
        self.db.close()

    def add(
        self,
        module: str,
        field: str,
        keys: Iterable[tuple[str, str]],
        fold: Callable[[str], str] = fold_key,
    ) -> None:
        """Add (folded key, id) pairs; the id of a record that will be created is `NOT_YET`. `fold`: how the
        field compares keys.
        """
        self._folds[module, field] = fold
        self.db.execute("BEGIN")
        self.db.executemany(
            "INSERT OR IGNORE INTO planned VALUES (?,?,?,?)",
            ((module, folded, field, id_) for folded, id_ in keys),
        )
        self.db.execute("COMMIT")

    def add_refused(
        self,
        module: str,
        field: str,
        keys: Iterable[tuple[str, int]],
        source: str,
        fold: Callable[[str], str],
    ) -> None:
        """Add keys, with their lines, of rows that would be refused."""
        self.db.execute("BEGIN")
        self.db.executemany(
            "INSERT OR IGNORE INTO refused VALUES (?,?,?,?)",
            ((module, field, fold(key), f"line {line} of {source}") for key, line in keys),
        )
        self.db.execute("COMMIT")

    def refused(self, module: str, key: str, field: str | None) -> str | None:
        """The place of a row with this key that would be refused, or None."""
        for (of, name), fold in self._folds.items():
            if of == module and field in (None, name):
                found = self.db.execute(
                    "SELECT place FROM refused WHERE module=? AND field=? AND folded=?",
                    (module, name, fold(key)),
                ).fetchone()
                if found is not None:
                    return str(found[0])
        return None

    def find(
        self, module: str, keys: Sequence[str], field: str | None = None, *, ignore_case: bool = False
    ) -> dict[str, Matches]:
        found: dict[str, list[str]] = {key: [] for key in keys}
        folds = [
            (name, fold) for (of, name), fold in self._folds.items() if of == module and field in (None, name)
        ]
        for name, fold in folds:
            for key, ids in found.items():
                rows = self.db.execute(
                    "SELECT id FROM planned WHERE module=? AND folded=? AND field=?",
                    (module, fold(key), name),
                )
                ids.extend(id_ for (id_,) in rows if id_ not in ids)
        return {key: Matches(ids) for key, ids in found.items()}

    def add_rows(self, module: str, values_of: ValuesOf) -> None:
        """Add a source whose rows will be written; it is read again if a `Find` needs one of its fields."""
        self._values.setdefault(module, []).append(values_of)
        self._read = {place for place in self._read if place[0] != module}

    def rows_with(
        self, module: str, field: str, values: Sequence[str], fold: Callable[[str], str]
    ) -> dict[str, list[str]]:
        """The records that will have each of these values, as words or ids."""
        if module not in self._values:
            return {}
        if (module, field) not in self._read:
            self._read_values(module, field, fold)
        return {
            value: [
                row
                for (row,) in self.db.execute(
                    "SELECT row FROM value WHERE module=? AND field=? AND folded=? LIMIT 10",
                    (module, field, fold(value)),
                )
            ]
            for value in values
        }

    def renamed(self, module: str, field: str, record_id: str, folded: str) -> bool:
        """Whether a record will have another value by then. Only for fields given to `rows_with` before."""
        found = self.db.execute(
            "SELECT folded FROM value WHERE module=? AND field=? AND row=? ORDER BY rowid DESC LIMIT 1",
            (module, field, record_id),
        ).fetchone()
        return found is not None and found[0] != folded

    def _read_values(self, module: str, field: str, fold: Callable[[str], str]) -> None:
        self._read.add((module, field))
        self.db.execute("DELETE FROM value WHERE module=? AND field=?", (module, field))
        self.db.execute("DROP INDEX IF EXISTS value_folded")
        self.db.execute("DROP INDEX IF EXISTS value_row")
        self.db.execute("BEGIN")
        for values_of in self._values[module]:
            self.db.executemany(
                "INSERT INTO value VALUES (?,?,?,?)",
                ((module, field, fold(value), row) for value, row in values_of(field)),
            )
        self.db.execute("COMMIT")
        self.db.execute("CREATE INDEX value_folded ON value (module, field, folded)")
        self.db.execute("CREATE INDEX value_row ON value (module, field, row)")

    def fields_of(self, module: str) -> tuple[str, ...]:
        """The fields by which keys of this module are known."""
        return tuple(name for of, name in self._folds if of == module)
