"""The write calls: insert, update, upsert and delete. Each row or id gets one result, in order.

Facts: docs v7 "insert/update/upsert/delete records", Kaizen #56 (upsert), OAS `record.json`. The status is
201 (insert) or 200 when no row is refused, 207 when some are, and 400 when all are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from . import capacity
from .answers import UNKNOWN_ID, Answer, Json, error, invalid_data
from .clock import instant
from .duplicates import Duplicates
from .record_view import approval_state
from .rules import Rules
from .store import Record, Store
from .users import CURRENT_USER
from .world import World

CONVERTED_TEXT = "can't update the converted record"
LOCKED_TEXT = "Sorry, you cannot perform this operation as the record is locked."
Problems = list[Json]
"""Zoho's error objects for one row."""


def results_of(rows: Sequence[Any], write: Callable[[Any, int], bytes | Problems], all_good: int) -> Answer:
    """Writes each row. `write` takes a row and its number, and returns a result or the problems."""
    results: list[bytes] = []
    refused = 0
    for index, row in enumerate(rows):
        result = write(row, index)
        if not isinstance(result, bytes):
            refused += 1
            result = orjson.dumps(
                result[0]
                if len(result) == 1
                else error("MULTIPLE_OR_MULTI_ERRORS", "Multiple errors in the request", {"errors": result})
            )
        results.append(result)
    status = all_good if not refused else 400 if refused == len(results) else 207
    return Answer(status, b'{"data":[' + b",".join(results) + b"]}")


class Writer:
    """Carries out one write call on one module, as the token's user."""

    def __init__(self, world: World, module: str) -> None:
        self._world = world
        self._module = module
        self._store: Store = world.stores[module]
        self._rules: Rules = world.rules[module]
        self._duplicates = Duplicates(world, module)
        self._audit = world.audit.of(module)
        self._now = world.clock.now()
        self._users = world.users
        self._user = CURRENT_USER
        self._added: set[int] = set()
        self._since: str | None = None
        self._stale = 0

    def insert(self, rows: Sequence[Any]) -> Answer:
        capacity.refuse_whole_call(self._world, len(rows))
        head = b'{"code":"SUCCESS","details":{' + self.stamps() + b',"id":"'
        tail = b'","$approval_state":"%b"},"message":"record added","status":"success"}'
        tails = {waiting: tail % approval_state(waiting).encode() for waiting in (False, True)}

        def write(row: Any, index: int) -> bytes | Problems:
            record = self._insert_one(row, index)
            return head + b"%d" % record.id + tails[record.waiting] if isinstance(record, Record) else record

        return results_of(rows, write, 201)

    def stamps(self, record: Record | None = None) -> bytes:
        """Created and modified times and users, as the answers to writes have them."""
        iso, now, user = self._world.clock.iso, self._now, self._users.json(self._user)
        created = iso(record.created if record else now).encode()
        creator = self._users.json(record.created_by) if record else user
        return b'"Modified_Time":"%b","Modified_By":%b,"Created_Time":"%b","Created_By":%b' % (
            iso(now).encode(),
            user,
            created,
            creator,
        )

    def _insert_one(self, row: Any, index: int) -> Record | Problems:
        if type(row) is not dict:
            return [not_an_object(index)]
        kept, problems = self._rules.check(row, index)
        problems += self._rules.missing(kept, problems, index)
        problems += self._duplicates.problems(kept, index, None)
        if self._rules.rows and not problems:
            problems = self._rules.join_rows(kept, {}, index, self._new_row_id)
        if not problems and not capacity.has_room(self._world, 1):
            problems = [capacity.refusal(self._world).error]
        return problems or self._create(kept, waiting=row.get("$approved") is False)

    def _new_row_id(self) -> str:
        return str(self._world.new_id())

    def _create(self, kept: Json, *, waiting: bool) -> Record:
        owner = kept.pop("Owner", None)
        kept.pop("Layout", None)
        record = self._world.create(
            self._module,
            {name: value for name, value in kept.items() if value is not None},
            user=self._user,
            owner=int(owner["id"]) if owner else self._user,
            created=self._now,
        )
        record.waiting = waiting
        self._audit.created(record.id, record.body)
        return record

    def update(self, rows: Sequence[Any], *, unmodified_since: str | None = None) -> Answer:
        self._since = unmodified_since

        def write(row: Any, index: int) -> bytes | Problems:
            found = self._find(row, index)
            if not isinstance(found, Record):
                return found
            return self._update_one(found, row, index) or self._updated(found, b"")

        return self._unless_stale(results_of(rows, write, 200), len(rows))

    def _unless_stale(self, answer: Answer, rows: int) -> Answer:
        """The answer; with status 412 if all records were changed after the time of the header."""
        return Answer(412, answer.body) if self._stale and self._stale == rows else answer

    def _find(self, row: Any, index: int) -> Record | Problems:
        """The record of the row's `id`."""
        if type(row) is not dict:
            return [not_an_object(index)]
        if row.get("id") is None:
            return [self._rules.not_found("id", index)]
        found = self._store.find(row["id"])
        return found or [error("INVALID_DATA", UNKNOWN_ID, id_details(str(row["id"]), index))]

    def _update_one(self, record: Record, row: Json, index: int) -> Problems:
        if self._since and modified_since(record, self._since):
            self._stale += 1
            text = "record updated time has already passed if-unmodified-since time"
            return [error("ALREADY_MODIFIED", text, id_details(str(record.id), index))]
        if record.locked:
            details = {**id_details(str(record.id), index), "action": "record_locking"}
            return [error("RECORD_LOCKED", LOCKED_TEXT, details)]
        if record.waiting:
            text = "Cannot update record that is not approved yet"
            return [error("NOT_APPROVED", text, id_details(str(record.id), index))]
        if record.converted:
            return [error("CONVERTED_RECORD", CONVERTED_TEXT, id_details(str(record.id), index))]
        kept, problems = self._rules.check(row, index, "update")
        problems += self._rules.blanked(kept, index, str(record.id))
        problems += self._duplicates.problems(kept, index, record)
        old = record.values()
        if self._rules.rows and not problems:
            problems = self._rules.join_rows(kept, old, index, self._new_row_id)
        if problems:
            return problems
        owner = kept.pop("Owner", None)
        kept.pop("Layout", None)
        if owner:
            record.owner = int(owner["id"])
        append = row.get("$append_values")
        for name, wanted in append.items() if isinstance(append, dict) else ():
            if wanted is True and isinstance(kept.get(name), list):
                kept[name] = list(dict.fromkeys([*old.get(name, ()), *kept[name]]))
        new = {name: value for name, value in {**old, **kept}.items() if value is not None}
        self._store.change(record, old, new)
        record.modified, record.modified_by = self._now, self._user
        self._audit.updates += 1
        return []

    def _updated(self, record: Record, extra: bytes) -> bytes:
        approval = b"" if extra else b',"$approval_state":"approved"'
        return (
            b'{"code":"SUCCESS",%b"details":{%b,"id":"%d"%b},"message":"record updated","status":"success"}'
            % (extra, self.stamps(record), record.id, approval)
        )

    def upsert(
        self, rows: Sequence[Any], check_fields: Sequence[str], *, unmodified_since: str | None = None
    ) -> Answer:
        self._since = unmodified_since
        tried = self._match_fields(check_fields)
        if self._world.options.records_limit is not None:
            capacity.refuse_whole_call(self._world, sum(self._is_new(row, tried) for row in rows))
        answer = results_of(rows, lambda row, index: self._upsert_one(row, index, tried), 200)
        return self._unless_stale(answer, len(rows))

    def _match_fields(self, check_fields: Sequence[str]) -> tuple[str, ...]:
        """The fields to find a record by: the given ones or the system's first, then the unique fields."""
        system = str(self._store.spec.duplicate_check)
        unique = [name for name, _ in self._store.unique]
        for position, name in enumerate(check_fields):
            if name not in (*unique, system):
                where = f"$.duplicate_check_fields[{position}]"
                raise invalid_data(api_name="duplicate_check_fields", json_path=where)
        tried = dict.fromkeys([*(check_fields or [system]), *unique])
        return tuple(name for name in tried if name in self._store.spec.fields)

    def _upsert_one(self, row: Any, index: int, tried: Sequence[str]) -> bytes | Problems:
        if type(row) is not dict:
            return [not_an_object(index)]
        if row.get("id") is not None:
            name, found = "id", self._find(row, index)
            if isinstance(found, list):
                return found
        else:
            matched = self._match(row, tried)
            if matched is None:
                return self._upsert_inserts(row, index)
            name, found = matched
        if found.id in self._added and self._world.options.batch_twins == "refuse":
            return [self._duplicates.problem(name, index, [(self._module, found.id)])]
        extra = b'"duplicate_field":%b,"action":"update",' % orjson.dumps(name)
        return self._update_one(found, row, index) or self._updated(found, extra)

    def _match(self, row: Json, tried: Sequence[str]) -> tuple[str, Record] | None:
        """The first field whose value finds a record, and that record."""
        for name in tried:
            value = row.get(name)
            if value == "" or not isinstance(value, str | int | float):
                continue
            others = self._store.index(self._store.spec.fields[name]).all(value)
            found = [
                record for record in map(self._store.records.__getitem__, others) if not record.converted
            ]
            if found:
                return name, found[0]
        return None

    def _is_new(self, row: Any, tried: Sequence[str]) -> bool:
        """Whether a row of an upsert would make a new record."""
        return type(row) is dict and row.get("id") is None and self._match(row, tried) is None

    def _upsert_inserts(self, row: Json, index: int) -> bytes | Problems:
        record = self._insert_one(row, index)
        if not isinstance(record, Record):
            return record
        self._added.add(record.id)
        return (
            b'{"code":"SUCCESS","duplicate_field":null,"action":"insert","details":{%b,"id":"%d"},'
            b'"message":"record added","status":"success"}' % (self.stamps(record), record.id)
        )

    def delete(self, ids: Sequence[str]) -> Answer:
        return results_of(ids, self._delete_one, 200)

    def _delete_one(self, record_id: str, _index: int) -> bytes | Problems:
        record = self._store.find(record_id)
        if record is None:
            return [error("INVALID_DATA", "record not deleted", {"id": record_id})]
        if record.locked:
            return [error("RECORD_LOCKED", LOCKED_TEXT, {"action": "record_locking", "id": record_id})]
        if record.waiting:
            return [error("NOT_APPROVED", "cannot delete record that is not approved yet", {"id": record_id})]
        name = self._world.name_of(self._module, record.values())
        self._store.remove(record, name, self._user, self._now)
        self._audit.deletes += 1
        return (
            b'{"code":"SUCCESS","details":{"id":"%d"},"message":"record deleted","status":"success"}'
            % record.id
        )


def not_an_object(index: int) -> Json:
    details = {"expected_data_type": "jsonobject", "api_name": "data", "json_path": f"$.data[{index}]"}
    return error("INVALID_DATA", "invalid data", details)


def id_details(record_id: str, index: int) -> Json:
    return {"id": record_id, "api_name": "id", "json_path": f"$.data[{index}].id"}


def modified_since(record: Record, header: str) -> bool:
    try:
        return int(record.modified) > instant(header)
    except ValueError:
        return False
