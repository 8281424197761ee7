"""Records that are not there yet: keys that rows of files before this one will be written with."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from zmigrate.rows.keys import fold_key

NOT_YET = "planned"
"""In the place of an id: the record is still to be written."""


class IdLookup(Protocol):
    """What tells ids by key; `zmigrate.engine.idmap.IdMap` does, and `PlannedKeys`."""

    def find(self, module: str, keys: Sequence[str], field: str | None = None) -> dict[str, list[str]]:
        """The ids that each key stands for: none where it is not known, several where it is ambiguous."""


class OpenedIds(IdLookup, Protocol):
    """An id map that has to be closed."""

    def close(self) -> None: ...


class LazyIds:
    """An id map that is opened when the first key is looked up."""

    def __init__(self, open_ids: Callable[[], OpenedIds]) -> None:
        self._open = open_ids
        self._ids: OpenedIds | None = None

    def find(self, module: str, keys: Sequence[str], field: str | None = None) -> dict[str, list[str]]:
        if self._ids is None:
            self._ids = self._open()
        return self._ids.find(module, keys, field)

    def close(self) -> None:
        if self._ids is not None:
            self._ids.close()


class PlannedKeys:
    """Keys by module and field, in a temporary database that spills to disk. Main thread only."""

    def __init__(self) -> None:
        self.db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self.db.close)
        self.db.execute("PRAGMA journal_mode=OFF")
        self.db.execute(
            "CREATE TABLE planned (module TEXT, folded TEXT, field TEXT, id TEXT,"
            " PRIMARY KEY (module, folded, field, id)) WITHOUT ROWID"
        )
        self._folds: dict[tuple[str, str], Callable[[str], str]] = {}

    def close(self) -> None:
        self.db.close()

    def add(
        self,
        module: str,
        field: str,
        keys: Iterable[tuple[str, str]],
        fold: Callable[[str], str] = fold_key,
    ) -> None:
        """Add (key as it is folded, id) pairs; the id of a record that is still to be written is `NOT_YET`.

        `fold` is how the field compares keys.
        """
        self._folds[module, field] = fold
        self.db.execute("BEGIN")
        self.db.executemany(
            "INSERT OR IGNORE INTO planned VALUES (?,?,?,?)",
            ((module, folded, field, id_) for folded, id_ in keys),
        )
        self.db.execute("COMMIT")

    def find(self, module: str, keys: Sequence[str], field: str | None = None) -> dict[str, list[str]]:
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
        return found

    def fields_of(self, module: str) -> tuple[str, ...]:
        """The fields by which keys of this module are known."""
        return tuple(name for of, name in self._folds if of == module)
