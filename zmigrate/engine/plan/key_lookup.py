"""What the org has for the keys of rows: looked up key by key, or the whole module if that is cheaper."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, TypeAlias

import orjson

from zmigrate.engine.model.batch import PreparedRow
from zmigrate.engine.model.keys import KeyField, askable, unique_fields
from zmigrate.engine.model.target import Target
from zmigrate.engine.plan.compare import MOST_COMPARED, comparable_fields
from zmigrate.engine.preflight.first_reads import FirstReads
from zmigrate.engine.storage.recorded import stored_id
from zmigrate.engine.storage.scratch import scratch_db
from zmigrate.errors import Fatal
from zmigrate.zoho.coql import can_query, in_query
from zmigrate.zoho.facts.limits import COQL_IN_VALUES, COQL_ROWS_PER_CALL, IDS_PER_READ, coql_credits
from zmigrate.zoho.metadata import ModuleFields

ASKED_BY_DEFAULT = 100_000
"""How many rows' keys are looked up, unless `--ask` says how many."""

_ROWS_OF_A_QUESTION = 200
"""The most rows that a query gives back for one credit."""

Record: TypeAlias = dict[str, Any]
Hits: TypeAlias = dict[str, dict[str, list[Record] | None]]
"""For each field and folded key the records with it; None: the org could not be asked."""

_Spellings: TypeAlias = dict[str, dict[str, None]]
"""For each folded key the spellings in the source, in their order."""

Asked: TypeAlias = Iterator[tuple[list[PreparedRow], Hits | None]]
"""Groups of rows with the records found for them; None: not looked up."""


def key_fields(target: Target, fields: ModuleFields) -> tuple[KeyField, ...]:
    """The write's key, then the unique fields that Zoho itself guards."""
    own = () if target.key is None else (KeyField(target.key, target.fold, target.number),)
    if target.operation == "delete":
        return own
    return own + unique_fields(fields, target.key)


class KeyQuestions:
    """Looks up the keys of groups of rows. `asked_rows` says for how many rows the org was asked."""

    def __init__(
        self,
        reads: FirstReads,
        target: Target,
        fields: ModuleFields,
        *,
        compares: bool,
        most: int | None = None,
    ) -> None:
        self._reads = reads
        self._crm = reads.crm
        self._target = target
        self._fields = fields
        self._compares = compares
        self._most = ASKED_BY_DEFAULT if most is None else most
        self.keys = key_fields(target, fields)
        self.compared = True
        """False: Zoho does not return the fields that the rows write, so no row is known as unchanged."""
        self.empty = False
        """The module has no records."""
        self.asked_rows = 0

    def answer(self, groups: Iterable[list[PreparedRow]], rows: int | None) -> Asked:
        """Every group again, with the records found for its rows. `rows`: the expected number of rows."""
        groups = iter(groups)
        first = next(groups, None)
        if first is None:
            return
        every: Iterator[list[PreparedRow]] = chain([first], groups)
        written = self._written(first)
        if not written or self._most == 0:
            yield from ((group, None) for group in every)
            return
        if self._crm.is_empty(self._target.module):
            self.empty = True
            yield from ((group, _nothing(self.keys)) for group in every)
            return
        records = self._count() if rows is None or rows > COQL_IN_VALUES else None
        if records is not None and self._whole_is_cheaper(records, rows, len(written)):
            yield from self._from_whole(every, first)
            return
        yield from self._from_questions(every)

    def _written(self, group: Sequence[PreparedRow]) -> list[KeyField]:
        names = set().union(*(pending.record.keys() for pending in group))
        return [key for key in self.keys if key.name in names or key.name == self._target.key]

    def _count(self) -> int | None:
        """How many records the module has; None if the org does not say."""
        query = f"select COUNT(id) from {self._target.module} where id is not null limit 1"  # noqa: S608
        try:
            row = next(self._crm.query(query), {})
        except Fatal:
            return None
        return next((value for value in row.values() if isinstance(value, int)), None)

    def _whole_is_cheaper(self, records: int, rows: int | None, keys: int) -> bool:
        whole = -(-records // COQL_ROWS_PER_CALL) * coql_credits(COQL_ROWS_PER_CALL)
        asked = self._most if rows is None else min(rows, self._most)
        size = IDS_PER_READ if self._target.key_kind == "id" else COQL_IN_VALUES
        return whole < -(-asked // size) * keys

    # -- the whole module -------------------------------------------------------------------------

    def _from_whole(self, groups: Iterable[list[PreparedRow]], first: Sequence[PreparedRow]) -> Asked:
        org = _WholeModule(self.keys)
        columns = [key.name for key in self.keys if key.name != "id"]
        names = dict.fromkeys(name for pending in first for name in pending.record)
        compared = comparable_fields(names, self._fields, columns) if self._compares else []
        columns = [*columns, *compared][: MOST_COMPARED + 1]
        query = f"select {', '.join(['id', *columns])} from {self._target.module} where id is not null"  # noqa: S608
        batch: list[Record] = []
        for record in self._crm.query(query):
            batch.append(record)
            if len(batch) == COQL_ROWS_PER_CALL:
                self._reads.stop.check()
                org.add(batch)
                batch = []
        org.add(batch)
        org.index()
        for group in groups:
            self.asked_rows += len(group)
            yield group, org.hits(self._wanted(group))
        org.close()

    # -- key by key -------------------------------------------------------------------------------

    def _from_questions(self, groups: Iterator[list[PreparedRow]]) -> Asked:
        size = IDS_PER_READ if self._target.key_kind == "id" else COQL_IN_VALUES
        beyond: list[list[PreparedRow]] = []

        def tasks() -> Iterator[tuple[list[PreparedRow], Callable[[], Hits]]]:
            for group in groups:
                room = self._most - self.asked_rows
                for start in range(0, min(len(group), room), size):
                    some = group[start : min(start + size, room)]
                    self.asked_rows += len(some)
                    yield some, partial(self._ask, self._wanted(some), self._to_compare(some))
                if room <= len(group):
                    beyond.append(group[room:])
                    return

        yield from self._reads.side_by_side(tasks())
        for group in chain(beyond, groups):
            yield group, None

    def _wanted(self, group: Sequence[PreparedRow]) -> dict[KeyField, _Spellings]:
        """For each field the keys to look up."""
        wanted: dict[KeyField, _Spellings] = {}
        for key in self.keys:
            own = key.name == self._target.key
            for pending in group:
                text = pending.key if own else key.text_of(pending.record)
                if text is not None:
                    folded = pending.folded if own and pending.folded is not None else key.fold(text)
                    wanted.setdefault(key, {}).setdefault(folded, {})[text] = None
        return wanted

    def _to_compare(self, group: Sequence[PreparedRow]) -> list[str]:
        if not self._compares or not self.compared:
            return []
        names = dict.fromkeys(name for pending in group for name in pending.record)
        return comparable_fields(names, self._fields, [self._target.key or "id"])[:MOST_COMPARED]

    def _ask(self, wanted: dict[KeyField, _Spellings], compared: list[str]) -> Hits:
        """Runs on a worker. For a record found by another field, its key is read as well."""
        key = self._target.key
        others = [key] if key is not None and key != "id" else []
        return {
            field.name: self._ask_field(field, texts, compared if field.name == key else others)
            for field, texts in wanted.items()
        }

    def _ask_field(
        self, key: KeyField, spellings: _Spellings, extra: list[str]
    ) -> dict[str, list[Record] | None]:
        if key.name == "id":
            ids = [next(iter(texts)) for texts in spellings.values()]
            found = self._crm.records_by_id(self._target.module, ids, ["id", *extra])
            return {
                folded: [found[record_id]] if record_id in found else []
                for folded, record_id in zip(spellings, ids, strict=True)
            }
        hits: dict[str, list[Record] | None] = {
            folded: [] if all(map(can_query, texts)) else None for folded, texts in spellings.items()
        }
        values = askable(chain.from_iterable(spellings.values()), number=key.number)
        for start in range(0, len(values), COQL_IN_VALUES):
            for record in self._find(key, values[start : start + COQL_IN_VALUES], extra):
                same = hits.get(key.fold(str(record.get(key.name))))
                if same is not None and all(str(other["id"]) != str(record["id"]) for other in same):
                    same.append(record)
        return hits

    def _find(self, key: KeyField, values: Sequence[str | int], compared: list[str]) -> list[Record]:
        module = self._target.module
        query = in_query((key.name, *compared), module, key.name, values)
        try:
            found = list(self._crm.query(f"{query} limit {_ROWS_OF_A_QUESTION}"))
        except Fatal:
            if not compared or key.name != self._target.key:
                raise
            self.compared = False  # a field that queries do not give back
            return self._find(key, values, [])
        if len(found) < _ROWS_OF_A_QUESTION:
            return found
        return self._crm.find(module, key.name, values, compared)


def _nothing(keys: Iterable[KeyField]) -> Hits:
    return {key.name: {} for key in keys}


class _WholeModule:
    """A module's records by their keys, in a temporary database that spills to disk."""

    def __init__(self, keys: Sequence[KeyField]) -> None:
        self._keys = keys
        self._db = scratch_db(other_threads=True)
        weakref.finalize(self, self._db.close)
        self._db.execute("CREATE TABLE record (id INTEGER PRIMARY KEY, body BLOB)")
        self._db.execute("CREATE TABLE key (field TEXT, folded TEXT, record INTEGER)")

    def close(self) -> None:
        self._db.close()

    def add(self, records: Sequence[Record]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT OR IGNORE INTO record VALUES (?,?)",
            ((stored_id(record["id"]), orjson.dumps(record)) for record in records),
        )
        self._db.executemany(
            "INSERT INTO key VALUES (?,?,?)",
            (
                (key.name, key.fold(text), stored_id(record["id"]))
                for record in records
                for key in self._keys
                if (text := key.text_of(record)) is not None
            ),
        )
        self._db.execute("COMMIT")

    def index(self) -> None:
        self._db.execute("CREATE INDEX key_found ON key (field, folded)")

    def hits(self, wanted: Mapping[KeyField, _Spellings]) -> Hits:
        return {
            key.name: {
                folded: [
                    orjson.loads(body)
                    for (body,) in self._db.execute(
                        "SELECT body FROM key JOIN record ON record.id=key.record"
                        " WHERE field=? AND folded=? ORDER BY record.id",
                        (key.name, folded),
                    )
                ]
                for folded in texts
            }
            for key, texts in wanted.items()
        }
