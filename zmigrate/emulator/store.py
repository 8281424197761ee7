"""Where records live: one store a module, compact (values are one piece of JSON), with value indexes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from unicodedata import normalize

import orjson

from .catalogue import ModuleSpec
from .fields import Field
from .ids import id_number

Values = dict[str, Any]
COMPACT_AFTER = 1000


def packed(values: Values) -> bytes:
    """Values as JSON, in memory of just that size: what orjson returns holds on to its 4 KB buffer."""
    return bytes(memoryview(orjson.dumps(values)))


class Record:
    """A live record. Times are seconds since the epoch on the emulator's clock; users are ids."""

    __slots__ = ("body", "created", "created_by", "id", "locked", "modified", "modified_by", "owner")

    def __init__(self, record_id: int, body: bytes, created: float, created_by: int, owner: int) -> None:
        self.id = record_id
        self.body = body
        self.created = self.modified = created
        self.created_by = self.modified_by = created_by
        self.owner = owner
        self.locked = False

    def values(self) -> Values:
        values: Values = orjson.loads(self.body)
        return values


@dataclass(frozen=True, slots=True)
class Deleted:
    """A record that is gone, as the list of deleted records shows it."""

    id: int
    name: str | None
    created_by: int
    deleted_by: int
    deleted_at: float


class Index:
    """Ids by folded value. One id is kept bare, several as a list: most values are met once."""

    __slots__ = ("_ids", "fold")

    def __init__(self, fold: Callable[[Any], Any]) -> None:
        self.fold = fold
        self._ids: dict[Any, int | list[int]] = {}

    def add(self, value: Any, record_id: int) -> None:
        key = self.fold(value)
        known = self._ids.setdefault(key, record_id)
        if isinstance(known, list):
            known.append(record_id)
        elif known != record_id:
            self._ids[key] = [known, record_id]

    def remove(self, value: Any, record_id: int) -> None:
        key = self.fold(value)
        known = self._ids.get(key)
        if isinstance(known, list):
            known.remove(record_id)
            if len(known) == 1:
                self._ids[key] = known[0]
        elif known == record_id:
            del self._ids[key]

    def first(self, value: Any) -> int | None:
        known = self._ids.get(self.fold(value))
        return known[0] if isinstance(known, list) else known

    def all(self, value: Any) -> list[int]:
        known = self._ids.get(self.fold(value))
        if known is None:
            return []
        return list(known) if isinstance(known, list) else [known]


def fold_for(field: Field) -> Callable[[Any], Any]:
    """How two values of a field are compared for being the same: of a unique field's, and in an upsert.

    Letter case counts where the field's metadata say so (docs v7 "field metadata": `unique.case_sensitive`).
    That blanks around a text and its Unicode form (NFC) do not count is UNCONFIRMED, and the strict reading:
    a client that must foresee refusals is tested with more of them. What is stored is the text as it came.
    """
    return _exact if field.unique and field.case_sensitive else _folded


def _exact(value: Any) -> Any:
    if isinstance(value, str):
        return normalize("NFC", value.strip())
    return value["id"] if isinstance(value, dict) else value


def _folded(value: Any) -> Any:
    exact = _exact(value)
    return normalize("NFC", exact.casefold()) if isinstance(exact, str) else exact


class Store:
    """The records of one module."""

    def __init__(self, spec: ModuleSpec) -> None:
        self.spec = spec
        self.records: dict[int, Record] = {}
        self.deleted: list[Deleted] = []
        self.taken_by_deleted: dict[str, set[Any]] = {}
        self._order: list[int] = []
        self._indexes: dict[str, Index] = {}
        self.unique: tuple[tuple[str, Index], ...] = ()
        self.spec_changed()

    def spec_changed(self) -> None:
        """Builds anew the indexes of unique fields."""
        self._indexes = {}
        fields = [field for field in self.spec.fields.values() if field.unique]
        self.unique = tuple((field.api_name, self.index(field)) for field in fields)

    def find(self, record_id: Any) -> Record | None:
        """The live record of an id as a call gives it."""
        number = id_number(record_id)
        return None if number is None else self.records.get(number)

    def index(self, field: Field) -> Index:
        """The index of a field; made on first use and kept up from then on."""
        index = self._indexes.get(field.api_name)
        if index is None:
            index = self._indexes[field.api_name] = Index(fold_for(field))
            for record in self.records.values():
                value = record.values().get(field.api_name)
                if value is not None:
                    index.add(value, record.id)
        return index

    def add(self, record: Record, values: Values) -> None:
        self.records[record.id] = record
        self._order.append(record.id)
        for name, index in self._indexes.items():
            value = values.get(name)
            if value is not None:
                index.add(value, record.id)

    def change(self, record: Record, old: Values, new: Values) -> None:
        """Stores `new` in place of `old`."""
        record.body = packed(new)
        for name, index in self._indexes.items():
            before, after = old.get(name), new.get(name)
            if before == after:
                continue
            if before is not None:
                index.remove(before, record.id)
            if after is not None:
                index.add(after, record.id)

    def remove(self, record: Record, name: str | None, deleted_by: int, now: float) -> None:
        values = record.values()
        del self.records[record.id]
        for field_name, index in self._indexes.items():
            value = values.get(field_name)
            if value is not None:
                index.remove(value, record.id)
                self.taken_by_deleted.setdefault(field_name, set()).add(index.fold(value))
        self.deleted.append(Deleted(record.id, name, record.created_by, deleted_by, now))
        if len(self._order) > COMPACT_AFTER and len(self._order) > 2 * len(self.records):
            self._order = list(self.records)

    def after(self, record_id: int) -> Iterator[Record]:
        """Live records with a greater id, ascending."""
        order, records = self._order, self.records
        for position in range(bisect_right(order, record_id), len(order)):
            record = records.get(order[position])
            if record is not None:
                yield record

    def before(self, record_id: int | None) -> Iterator[Record]:
        """Live records with a smaller id (all for None), descending."""
        order, records = self._order, self.records
        end = len(order) if record_id is None else bisect_right(order, record_id - 1)
        for position in range(end - 1, -1, -1):
            record = records.get(order[position])
            if record is not None:
                yield record

    def pick(self, ids: Iterable[int]) -> list[Record]:
        """The live ones among `ids`, ascending, each once."""
        return [self.records[one] for one in sorted(set(ids)) if one in self.records]
