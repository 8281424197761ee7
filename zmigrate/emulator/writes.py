"""Insert, update, upsert and delete: a list of records in, one result for each out, in order.

Facts: docs v7 "insert/update/upsert/delete records", Kaizen #56 (upsert), OAS `record.json`. All good is 201
for an insert and 200 otherwise, mixed 207, all refused 400.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from . import capacity
from .answers import Answer, Json, Refused
from .checks import UNKNOWN_ID, error
from .clock import instant
from .duplicates import Duplicates
from .rules import Rules
from .store import Record, Store
from .users import CURRENT_USER
from .world import World

MANY = "MULTIPLE_OR_MULTI_ERRORS"
LOCKED_TEXT = "Sorry, you cannot perform this operation as the record is locked."


def folded(problems: list[Json]) -> bytes:
    """One error object for a record: itself when alone, several inside one."""
    if len(problems) == 1:
        return orjson.dumps(problems[0])
    return orjson.dumps(error(MANY, "Multiple errors in the request", {"errors": problems}))


def answer_of(results: Sequence[bytes], refused: int, all_good: int) -> Answer:
    status = all_good if not refused else 400 if refused == len(results) else 207
    return Answer(status, b'{"data":[' + b",".join(results) + b"]}")


def locked(record: Record, index: int) -> Json:
    details = {"api_name": "id", "json_path": f"$.data[{index}].id", "action": "record_locking"}
    return error("RECORD_LOCKED", LOCKED_TEXT, {**details, "id": str(record.id)})


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

    def insert(self, rows: Sequence[Any]) -> Answer:
        capacity.refuse_whole_call(self._world, len(rows))
        results: list[bytes] = []
        refused = 0
        head = b'{"code":"SUCCESS","details":{' + self._stamps() + b',"id":"'
        tail = b'","$approval_state":"approved"},"message":"record added","status":"success"}'
        for index, row in enumerate(rows):
            record = self._insert_one(row, index)
            if isinstance(record, Record):
                results.append(head + b"%d" % record.id + tail)
            else:
                refused += 1
                results.append(folded(record))
        return answer_of(results, refused, 201)

    def _stamps(self, record: Record | None = None) -> bytes:
        """Created and modified times and users, as every answer to a write names them."""
        iso, now, user = self._world.clock.iso, self._now, self._users.json(self._user)
        created = iso(record.created if record else now).encode()
        creator = self._users.json(record.created_by) if record else user
        return b'"Modified_Time":"%b","Modified_By":%b,"Created_Time":"%b","Created_By":%b' % (
            iso(now).encode(),
            user,
            created,
            creator,
        )

    def _insert_one(self, row: Any, index: int) -> Record | list[Json]:
        if type(row) is not dict:
            return [not_an_object(index)]
        kept, problems = self._rules.check(row, index)
        problems += self._rules.missing(kept, problems, index)
        problems += self._duplicates.problems(kept, index, None)
        if self._rules.rows and not problems:
            problems = self._rules.join_rows(kept, {}, index, self._new_row_id)
        if not problems and not capacity.has_room(self._world, 1):
            problems = [capacity.refusal(self._world).envelope()]
        return problems or self._create(kept)

    def _new_row_id(self) -> str:
        return str(self._world.new_id())

    def _create(self, kept: Json) -> Record:
        owner = kept.pop("Owner", None)
        kept.pop("Layout", None)
        if None in kept.values():
            kept = {name: value for name, value in kept.items() if value is not None}
        record = self._world.create(
            self._module,
            kept,
            user=self._user,
            owner=int(owner["id"]) if owner else self._user,
            created=self._now,
        )
        self._audit.created(record.id, record.body)
        return record

    def update(self, rows: Sequence[Any], *, unmodified_since: str | None = None) -> Answer:
        results: list[bytes] = []
        refused = stale = 0
        for index, row in enumerate(rows):
            found = self._find(row, index)
            if isinstance(found, Record) and unmodified_since and modified_since(found, unmodified_since):
                stale += 1
                problems = [already_modified(found, index)]
            elif isinstance(found, Record):
                problems = self._update_one(found, row, index)
            else:
                problems = found
            if problems:
                refused += 1
                results.append(folded(problems))
            else:
                assert isinstance(found, Record)  # noqa: S101  # a row without problems has a record
                results.append(self._updated(found, b""))
        answer = answer_of(results, refused, 200)
        return Answer(412, answer.body) if stale and stale == len(results) else answer

    def _find(self, row: Any, index: int) -> Record | list[Json]:
        """The record that a row of an update names by `id`."""
        if type(row) is not dict:
            return [not_an_object(index)]
        if row.get("id") is None:
            return [self._rules.not_found("id", index)]
        record = self._store.find(row["id"])
        if record is None:
            details = {"id": str(row["id"]), "api_name": "id", "json_path": f"$.data[{index}].id"}
            return [error("INVALID_DATA", UNKNOWN_ID, details)]
        return record

    def _update_one(self, record: Record, row: Json, index: int) -> list[Json]:
        if record.locked:
            return [locked(record, index)]
        kept, problems = self._rules.check(row, index)
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
        return b'{"code":"SUCCESS",%b"details":{%b,"id":"%d"%b},"message":"%b","status":"success"}' % (
            extra,
            self._stamps(record),
            record.id,
            approval,
            b"record updated",
        )

    def upsert(self, rows: Sequence[Any], check_fields: Sequence[str]) -> Answer:
        tried = self._match_fields(check_fields)
        if self._world.options.records_limit is not None:
            capacity.refuse_whole_call(self._world, sum(self._is_new(row, tried) for row in rows))
        results: list[bytes] = []
        refused = 0
        for index, row in enumerate(rows):
            result = self._upsert_one(row, index, tried)
            if isinstance(result, bytes):
                results.append(result)
            else:
                refused += 1
                results.append(folded(result))
        return answer_of(results, refused, 200)

    def _match_fields(self, check_fields: Sequence[str]) -> tuple[str, ...]:
        """The fields to find a record by: those given, then the unique ones; else the system's first."""
        spec = self._store.spec
        unique = [name for name, _ in self._store.unique]
        allowed = {*unique, spec.duplicate_check}
        for position, name in enumerate(check_fields):
            if name not in allowed:
                where = f"$.duplicate_check_fields[{position}]"
                raise Refused(
                    "INVALID_DATA", "invalid data", {"api_name": "duplicate_check_fields", "json_path": where}
                )
        first = list(check_fields) if check_fields else [str(spec.duplicate_check)]
        return tuple(dict.fromkeys([*first, *unique]))

    def _upsert_one(self, row: Any, index: int, tried: Sequence[str]) -> bytes | list[Json]:
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
        problems = self._update_one(found, row, index)
        if problems:
            return problems
        return self._updated(found, b'"duplicate_field":%b,"action":"update",' % orjson.dumps(name))

    def _match(self, row: Json, tried: Sequence[str]) -> tuple[str, Record] | None:
        """The first of these fields by which a record is found, and that record."""
        for name in tried:
            value = row.get(name)
            if value == "" or not isinstance(value, str | int | float):
                continue
            other = self._store.index(self._store.spec.fields[name]).first(value)
            if other is not None:
                return name, self._store.records[other]
        return None

    def _is_new(self, row: Any, tried: Sequence[str]) -> bool:
        """Whether a row of an upsert would make a new record."""
        return type(row) is dict and row.get("id") is None and self._match(row, tried) is None

    def _upsert_inserts(self, row: Json, index: int) -> bytes | list[Json]:
        record = self._insert_one(row, index)
        if not isinstance(record, Record):
            return record
        self._added.add(record.id)
        return (
            b'{"code":"SUCCESS","duplicate_field":null,"action":"insert","details":{%b,"id":"%d"},'
            b'"message":"record added","status":"success"}' % (self._stamps(record), record.id)
        )

    def delete(self, ids: Sequence[str]) -> Answer:
        results: list[bytes] = []
        refused = 0
        for one in ids:
            record = self._store.find(one)
            if record is None:
                refused += 1
                results.append(orjson.dumps(error("INVALID_DATA", "record not deleted", {"id": one})))
            elif record.locked:
                refused += 1
                details = {"action": "record_locking", "id": one}
                results.append(orjson.dumps(error("RECORD_LOCKED", LOCKED_TEXT, details)))
            else:
                name = self._world.name_of(self._module, record.values())
                self._store.remove(record, name, self._user, self._now)
                self._audit.deletes += 1
                results.append(
                    b'{"code":"SUCCESS","details":{"id":"%d"},"message":"record deleted","status":"success"}'
                    % record.id
                )
        return answer_of(results, refused, 200)


def not_an_object(index: int) -> Json:
    details = {"expected_data_type": "jsonobject", "api_name": "data", "json_path": f"$.data[{index}]"}
    return error("INVALID_DATA", "invalid data", details)


def modified_since(record: Record, header: str) -> bool:
    try:
        return int(record.modified) > instant(header)
    except ValueError:
        return False


def already_modified(record: Record, index: int) -> Json:
    details = {"id": str(record.id), "api_name": "id", "json_path": f"$.data[{index}].id"}
    text = "record updated time has already passed if-unmodified-since time"
    return error("ALREADY_MODIFIED", text, details)
