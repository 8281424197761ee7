"""The plan's model of the org: what the org was asked, and what the plan "wrote". Main thread only.

It lies in a temporary database that spills to disk. All steps of a flow share one model, so a later step
finds what an earlier one would have written. Records that would be created have ids that no org has; they are
never shown (see `veiled`).
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import orjson

from zmigrate.engine.model.keys import KeyField
from zmigrate.engine.storage.scratch import scratch_db
from zmigrate.job.key_text import fields_of_key, key_name, key_text, values_of_key
from zmigrate.rows.conversion.keys import fold_key
from zmigrate.zoho.ids import id_text

Record: TypeAlias = dict[str, Any]

_FIRST_ID = 9_000_000_000_000_000_000
"""Ids of records that would be created begin here: as long as Zoho's, and above all of them."""

_PLANNED_ID = re.compile(r"\b9\d{18}\b")

_SCHEMA = """
CREATE TABLE record (id TEXT PRIMARY KEY, module TEXT, body BLOB,
    line INTEGER,       -- of the last row that wrote it; NULL: the org's own
    source INTEGER,     -- the source of that row
    assumed INTEGER     -- the org was not asked whether it is there
) WITHOUT ROWID;
CREATE TABLE value (place INTEGER, folded TEXT, id TEXT, text TEXT,
    PRIMARY KEY (place, folded, id)) WITHOUT ROWID;
CREATE TABLE asked (place INTEGER, text TEXT, PRIMARY KEY (place, text)) WITHOUT ROWID;
CREATE TABLE absent (module TEXT, id TEXT, PRIMARY KEY (module, id)) WITHOUT ROWID;
CREATE TABLE refused (module TEXT, field TEXT, key TEXT, line INTEGER, source INTEGER,
    PRIMARY KEY (module, field, key)) WITHOUT ROWID;
"""


class Known(NamedTuple):
    """A record of the model."""

    id: str
    body: Record
    line: int | None
    """The line of the row that wrote it last, if this row is of the source that is being read."""
    assumed: bool


class OrgModel:
    """Records by id and by the values of fields. A field is indexed once something looks into it."""

    def __init__(self) -> None:
        self._db = scratch_db()
        weakref.finalize(self, self._db.close)
        self._db.executescript(_SCHEMA)
        self._db.execute("BEGIN")  # never committed: the database goes with the process
        self._last_id = _FIRST_ID
        self._places: dict[tuple[str, str], int] = {}
        self._keys: list[KeyField] = []
        """By place: the field, or the fields of one key, whose values are indexed."""
        self._folds: list[Callable[[str], str]] = []
        """How the values of each place fold."""
        self._indexed: dict[str, list[int]] = {}
        """By module: the places of its fields that are indexed."""
        self._created: list[tuple[str, Record, int | None]] = []
        self._complete: dict[str, frozenset[str] | None] = {}
        """By module of which all records are known: the fields that were read; None: all."""
        self._matches: dict[tuple[str, str], Callable[[str], str]] = {}
        self.sources: list[str] = []
        """The names of the sources that rows come from; the last one is being read."""

    # -- what is indexed --------------------------------------------------------------------------

    def index(self, module: str, field: str, *, number: bool) -> None:
        """Let records be found by a field."""
        self.index_key(module, KeyField(field, fold_key, number))

    def index_key(self, module: str, key: KeyField) -> None:
        """Let records be found by a key."""
        if (module, key.name) in self._places:
            return
        place = self._places[module, key.name] = len(self._places)
        fold = key.alike
        self._folds.append(fold)
        self._keys.append(key)
        self._indexed.setdefault(module, []).append(place)
        found = self._db.execute("SELECT id, body FROM record WHERE module=?", (module,))
        self._db.executemany(
            "INSERT OR REPLACE INTO value VALUES (?,?,?,?)",
            (
                (place, fold(text), record_id, text)
                for record_id, body in found
                if (text := _text_of(orjson.loads(body), key)) is not None
            ),
        )

    # -- what the org has -------------------------------------------------------------------------

    def note_complete(self, module: str, fields: Iterable[str] | None = None) -> None:
        """All records of the module are known, with these fields. None: it has none."""
        known = self._complete.get(module, frozenset())
        self._complete[module] = None if fields is None or known is None else known.union(fields)

    def is_complete(self, module: str, fields: Iterable[str]) -> bool:
        """Whether all records of the module are known by these fields."""
        known = self._complete.get(module, frozenset())
        return module in self._complete and (known is None or known.issuperset(fields))

    def note_asked(self, module: str, field: str, texts: Iterable[str]) -> None:
        """The org was asked for records with these values; those that it has were learned before. Whether it
        compares letter by letter is not documented, so another spelling was not asked for.
        """
        place = self._places[module, field]
        self._db.executemany(
            "INSERT OR IGNORE INTO asked VALUES (?,?)", ((place, text.strip()) for text in texts)
        )

    def note_absent(self, module: str, ids: Iterable[str]) -> None:
        """The org has no records with these ids."""
        self._db.executemany("INSERT OR IGNORE INTO absent VALUES (?,?)", ((module, one) for one in ids))

    def learn(self, module: str, records: Iterable[Mapping[str, Any]]) -> None:
        """Take up records of the org. What the plan has changed of them by now stays changed."""
        fresh: dict[str, Mapping[str, Any]] = {}
        for record in records:
            record_id = id_text(record.get("id"))
            if record_id is None or self.is_absent(module, record_id):  # deleted by the plan
                continue
            known = self.record(module, record_id)
            if known is None:
                fresh[record_id] = record
            else:
                self._complete_record(module, known, record)
        self._add(module, [(record_id, record, None) for record_id, record in fresh.items()])

    def _add(self, module: str, records: Sequence[tuple[str, Mapping[str, Any], int | None]]) -> None:
        """Add records by their ids, each with the line of the row that makes it (None: the org's own)."""
        source = len(self.sources) - 1
        self._db.executemany(
            "INSERT OR REPLACE INTO record VALUES (?,?,?,?,?,0)",
            [(record_id, module, orjson.dumps(record), line, source) for record_id, record, line in records],
        )
        for place in self._indexed.get(module, ()):
            fold, key = self._folds[place], self._keys[place]
            self._db.executemany(
                "INSERT OR REPLACE INTO value VALUES (?,?,?,?)",
                [
                    (place, fold(text), record_id, text)
                    for record_id, record, _ in records
                    if (text := _text_of(record, key)) is not None
                ],
            )

    def _complete_record(self, module: str, known: Known, record: Mapping[str, Any]) -> None:
        """The record was known, maybe with fewer fields, or as one that was only assumed."""
        body = {**record, **known.body}
        self._put(known.id, module, body, known.line, assumed=False)
        self._add_values(module, known.id, body)

    def assume(self, module: str, field: str, value: str) -> None:
        """Take it that a record with this value exists, since the org is not asked."""
        record_id = value if field == "id" else self._new_id()
        names = fields_of_key(field)
        body = dict(zip(names, values_of_key(value) if len(names) > 1 else [value], strict=True))
        self._put(record_id, module, body, None, assumed=True)
        if field != "id":
            self._add_values(module, record_id, body)

    # -- questions --------------------------------------------------------------------------------

    def knows_value(self, module: str, field: str, text: str) -> bool:
        """Whether the org need not be asked for records with this value."""
        if self.is_complete(module, fields_of_key(field)):
            return True
        asked = "SELECT 1 FROM asked WHERE place=? AND text=?"
        return self._db.execute(asked, (self._places[module, field], text.strip())).fetchone() is not None

    def knows_some(self, module: str, field: str, text: str) -> bool:
        """Whether some record with this value is known."""
        return self.has(module, text) if field == "id" else bool(self._with_value(module, field, text))

    def knows_id(self, module: str, record_id: str) -> bool:
        """Whether the org need not be asked for this record."""
        known = module in self._complete or self.is_absent(module, record_id)
        return known or self.has(module, record_id)

    def has(self, module: str, record_id: str) -> bool:
        """Whether the module has a record with this id."""
        found = self._db.execute("SELECT 1 FROM record WHERE id=? AND module=?", (record_id, module))
        return found.fetchone() is not None

    def is_absent(self, module: str, record_id: str) -> bool:
        found = self._db.execute("SELECT 1 FROM absent WHERE module=? AND id=?", (module, record_id))
        return found.fetchone() is not None

    def record(self, module: str, record_id: str) -> Known | None:
        found = self._db.execute(
            "SELECT body, CASE WHEN source=? THEN line END, assumed FROM record WHERE id=? AND module=?",
            (len(self.sources) - 1, record_id, module),
        ).fetchone()
        return None if found is None else Known(record_id, orjson.loads(found[0]), found[1], bool(found[2]))

    def with_key(self, module: str, key: KeyField, text: str) -> list[tuple[str, str]]:
        """Id and value of the records that have a value, as Zoho compares the values of this field."""
        folded = key.fold(text)
        return [
            (record_id, other)
            for record_id, other in self._with_value(module, key.name, text)
            if key.fold(other) == folded
        ]

    def _with_value(self, module: str, field: str, text: str) -> list[tuple[str, str]]:
        place = self._places[module, field]
        return self._db.execute(
            "SELECT id, text FROM value WHERE place=? AND folded=?", (place, self._folds[place](text))
        ).fetchall()

    # -- the calls that look for records, answered from what is known -------------------------------

    def find(
        self, module: str, field: str, values: Sequence[str | int], extra_fields: Sequence[str] = ()
    ) -> list[Record]:
        """See `Crm.find`; letter case is ignored."""
        found: list[Record] = []
        for value in values:
            for record_id, text in self._with_value(module, field, str(value)):
                known = self.record(module, record_id) if extra_fields else None
                more = {} if known is None else {name: known.body.get(name) for name in extra_fields}
                found.append({**more, "id": record_id, field: text})
        return found

    def find_together(
        self,
        module: str,
        fields: Sequence[str],
        keys: Sequence[Sequence[str | int]],
        extra_fields: Sequence[str] = (),
    ) -> list[Record]:
        """See `Crm.find_together`; letter case is ignored."""
        found: list[Record] = []
        for values in keys:
            text = key_text([str(value) for value in values])
            for record_id, other in self._with_value(module, key_name(fields), text):
                known = self.record(module, record_id) if extra_fields else None
                more = {} if known is None else {name: known.body.get(name) for name in extra_fields}
                of_key = dict(zip(fields, values_of_key(other), strict=True))
                found.append({**more, "id": record_id, **of_key})
        return found

    def records_by_id(
        self, module: str, ids: Sequence[str], fields: Sequence[str] | None
    ) -> dict[str, Record]:
        """See `Crm.records_by_id`."""
        known = ((one, self.record(module, one)) for one in ids)
        return {one: {**found.body, "id": one} for one, found in known if found is not None}

    # -- what the plan writes -----------------------------------------------------------------------

    def create(self, record: Record, line: int) -> str:
        """Add a record, once the batch is over (`add_created`); return its id. No other row of a batch can
        have to do with it, since the fence keeps rows with the same key or unique value apart.
        """
        record_id = self._new_id()
        self._created.append((record_id, record, line))
        return record_id

    def add_created(self, module: str) -> None:
        """The batch is over: its new records are there."""
        self._add(module, self._created)
        self._created.clear()

    def change(self, module: str, known: Known, record: Record, line: int) -> None:
        """Write values over those of a record."""
        body = {**known.body, **{name: value for name, value in record.items() if name != "id"}}
        self._put(known.id, module, body, line, assumed=known.assumed)
        for place in self._indexed.get(module, ()):
            key = self._keys[place]
            if record.keys().isdisjoint(key.names):
                continue
            if (text := _text_of(body, key)) != _text_of(known.body, key):
                self._drop_value(place, known)
                self._add_value(place, known.id, text)

    def touch(self, known: Known, line: int) -> None:
        """A row was written over a record and changed nothing."""
        self._db.execute(
            "UPDATE record SET line=?, source=? WHERE id=?", (line, len(self.sources) - 1, known.id)
        )

    def delete(self, module: str, known: Known) -> None:
        self._db.execute("DELETE FROM record WHERE id=?", (known.id,))
        for place in self._indexed.get(module, ()):
            self._drop_value(place, known)
        self.note_absent(module, [known.id])

    def _new_id(self) -> str:
        self._last_id += 1
        return str(self._last_id)

    def _put(self, record_id: str, module: str, body: Record, line: int | None, *, assumed: bool) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO record VALUES (?,?,?,?,?,?)",
            (record_id, module, orjson.dumps(body), line, len(self.sources) - 1, assumed),
        )

    def _add_values(self, module: str, record_id: str, record: Mapping[str, Any]) -> None:
        for place in self._indexed.get(module, ()):
            self._add_value(place, record_id, _text_of(record, self._keys[place]))

    def _add_value(self, place: int, record_id: str, text: str | None) -> None:
        if text is not None:
            self._db.execute(
                "INSERT OR REPLACE INTO value VALUES (?,?,?,?)",
                (place, self._folds[place](text), record_id, text),
            )

    def _drop_value(self, place: int, known: Known) -> None:
        text = _text_of(known.body, self._keys[place])
        if text is not None:
            self._db.execute(
                "DELETE FROM value WHERE place=? AND folded=? AND id=?",
                (place, self._folds[place](text), known.id),
            )

    # -- rows that are refused --------------------------------------------------------------------

    def note_refused(
        self, module: str, field: str, keys: Iterable[tuple[str, int]], match: Callable[[str], str]
    ) -> None:
        """Keys and lines of rows that would be refused. `match`: how keys of this field are compared."""
        self._matches[module, field] = match
        source = len(self.sources) - 1
        self._db.executemany(
            "INSERT OR IGNORE INTO refused VALUES (?,?,?,?,?)",
            ((module, field, match(key), line, source) for key, line in keys),
        )

    def refused_row(self, module: str, key: str, field: str | None) -> str | None:
        """The place of a row with this key that would be refused, or None."""
        for (of, name), match in self._matches.items():
            if of == module and field in (None, name):
                found = self._db.execute(
                    "SELECT line, source FROM refused WHERE module=? AND field=? AND key=?",
                    (module, name, match(key)),
                ).fetchone()
                if found is not None:
                    return self._place(*found)
        return None

    def _place(self, line: int, source: int) -> str:
        """`line 12`; of a row of another source than the one being read, `line 12 of accounts.csv`."""
        return f"line {line}" + ("" if source == len(self.sources) - 1 else f" of {self.sources[source]}")

    # -- what is shown ----------------------------------------------------------------------------

    def is_planned(self, record_id: str | None) -> bool:
        """Whether the record would only be created."""
        if record_id is None or len(record_id) != len(str(_FIRST_ID)):
            return False
        return str(_FIRST_ID) < record_id <= str(self._last_id)

    def veiled(self, message: str) -> str:
        """A message with the rows that records would be created from, in place of the records' ids."""
        if "90000" not in message:
            return message
        return _PLANNED_ID.sub(self._row_of, message)

    def _row_of(self, found: re.Match[str]) -> str:
        row = self._db.execute("SELECT line, source FROM record WHERE id=?", (found[0],)).fetchone()
        if not self.is_planned(found[0]) or row is None:
            return found[0]
        if row[0] is None:
            return "of a row that was not asked for"
        return f"of {self._place(row[0], row[1])}"


def _text_of(record: Mapping[str, Any], key: KeyField) -> str | None:
    if key.parts:
        return key.text_of(record)
    value = record.get(key.name)
    if type(value) is str:
        return value or None
    return None if value is None or isinstance(value, dict | list) else str(value)
