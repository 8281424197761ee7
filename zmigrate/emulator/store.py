"""The records in memory: one store for each module, with indexes of values."""

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
    """Values as JSON. The copy has just its own size; the bytes of orjson keep a buffer of 4 KB."""
    return bytes(memoryview(orjson.dumps(values)))


class Record:
    """A record; `body` has its values. Times are seconds since the epoch on the emulator's clock.

    `waiting`: created with `"$approved": false`, and approved by nobody.
    """

    __slots__ = (
        "body",
        "converted",
        "created",
        "created_by",
        "id",
        "locked",
        "modified",
        "modified_by",
        "owner",
        "waiting",
    )

    def __init__(self, record_id: int, body: bytes, created: float, created_by: int, owner: int) -> None:
        self.id = record_id
        self.body = body
        self.created = self.modified = created
        self.created_by = self.modified_by = created_by
        self.owner = owner
        self.locked = self.converted = self.waiting = False

    def values(self) -> Values:
        values: Values = orjson.loads(self.body)
        return values


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deleted record, as the list of deleted records shows it."""

    id: int
    name: str | None
    created_by: int
    deleted_by: int
    deleted_at: float


class Index:
    """Record ids by folded value. A single id is stored without a list, since most values occur once."""

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
    """A function that maps equal values of the field to the same key, for unique fields and upserts.

    Letter case counts if the field's metadata say so (docs v7 "field metadata": `unique.case_sensitive`).
    UNCONFIRMED: blanks around a text and its Unicode form do not count. This strict reading refuses more, so
    that clients are tested with more refusals. The text itself is stored as it came.
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
        """Rebuilds the indexes of unique fields."""
        self._indexes = {}
        fields = [field for field in self.spec.fields.values() if field.unique]
        self.unique = tuple((field.api_name, self.index(field)) for field in fields)

    def find(self, record_id: Any) -> Record | None:
        """The record with the id that a call gives, if it exists."""
        number = id_number(record_id)
        return None if number is None else self.records.get(number)

    def index(self, field: Field) -> Index:
        """The index of a field. It is made on first use, and kept current from then on."""
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
        """Replaces the values `old` by `new`."""
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
        """Records with a greater id, ascending."""
        order, records = self._order, self.records
        for position in range(bisect_right(order, record_id), len(order)):
            record = records.get(order[position])
            if record is not None:
                yield record

    def before(self, record_id: int | None) -> Iterator[Record]:
        """Records with a smaller id, or all for None; descending."""
        order, records = self._order, self.records
        end = len(order) if record_id is None else bisect_right(order, record_id - 1)
        for position in range(end - 1, -1, -1):
            record = records.get(order[position])
            if record is not None:
                yield record

    def pick(self, ids: Iterable[int]) -> list[Record]:
        """The existing records among `ids`, ascending, each once."""
        return [self.records[one] for one in sorted(set(ids)) if one in self.records]
