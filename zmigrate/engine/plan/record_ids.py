"""Users and records that rows refer to by id: do they exist?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, partial
from typing import Any

from zmigrate.engine.model.batch import PreparedRow
from zmigrate.engine.model.outcomes import INVALID_DATA
from zmigrate.engine.plan.book import Book, Reject
from zmigrate.engine.preflight.first_reads import FirstReads
from zmigrate.errors import Fatal, RefusedError, UsageError
from zmigrate.reasons import Reason
from zmigrate.rows.conversion.converter import PARENT
from zmigrate.rows.conversion.lookups import SE_MODULE, modules_of
from zmigrate.rows.conversion.users import User
from zmigrate.zoho.facts.limits import IDS_PER_READ
from zmigrate.zoho.metadata import Field, ModuleFields

IDS_ASKED = 10_000
"""Different ids of one module that are looked up: a hundred calls."""

_USER_TYPES = frozenset(["ownerlookup", "userlookup"])
_LOOKUP_TYPES = frozenset(["lookup", "multiselectlookup"])


class Pointers:
    """Notes the records that rows refer to by id, and looks them up."""

    def __init__(self, fields: ModuleFields, book: Book, reads: FirstReads) -> None:
        self._book = book
        self._reads = reads
        self._user_fields = [field.api_name for field in fields if field.data_type in _USER_TYPES]
        self._lookups = {field.api_name: field for field in fields if field.data_type in _LOOKUP_TYPES}
        self._subforms = {
            field.api_name: field.subform_module
            for field in fields
            if field.data_type == "subform" and field.subform_module
        }
        self._of_rows: dict[str, dict[str, Field]] = {}
        self.not_asked: dict[str, str] = {}
        """For each module, why ids of its records were not looked up."""

    def note(self, row: PreparedRow) -> None:
        """Keep the records that a row's lookups refer to, for `missing`."""
        record = row.record
        for name, field in self._lookups.items():
            if name in record:
                self._note(row, name, field, record[name])
        for name in self._subforms.keys() & record.keys():
            rows = record[name] or ()
            lookups = self._lookups_of_rows(name) if rows else {}
            for number, values in enumerate(rows):
                for inner in lookups.keys() & values.keys():
                    self._note(row, f"{name}[{number}].{inner}", lookups[inner], values[inner])

    def _note(self, row: PreparedRow, name: str, field: Field, value: Any) -> None:
        for found in _ids(value, field.connected_lookup or ""):
            for module in _modules_of(field, row.record):
                self._book.note("pointing", (module, found, name, row.number, row.line))

    def _lookups_of_rows(self, subform: str) -> dict[str, Field]:
        if subform not in self._of_rows:
            fields = self._reads.fields(self._subforms[subform])
            self._of_rows[subform] = {
                field.api_name: field
                for field in fields
                if field.data_type in _LOOKUP_TYPES and field.api_name != PARENT
            }
        return self._of_rows[subform]

    def wrong_users(self, row: PreparedRow) -> Iterator[Reason]:
        """Users that the org does not have, or that are not active."""
        for name in self._user_fields:
            found = _id(row.record.get(name))
            if found is None:
                continue
            if self._users is None:
                continue
            user = self._users.get(found)
            if user is None:
                yield Reason(INVALID_DATA, name, f"the org has no user with the id {found}", found)
            elif not user.active:
                yield Reason(INVALID_DATA, name, f"{user} is not active", found, "name another user")

    @cached_property
    def _users(self) -> dict[str, User] | None:
        """The org's users by id; None if they can't be read."""
        try:
            return {user.id: user for user in map(User.read, self._reads.users())}
        except (RefusedError, Fatal):
            return None

    def missing(self, column_of: Mapping[str, str]) -> Iterator[Reject]:
        """One reject for each lookup whose record does not exist. Each id is looked up once."""
        db = self._book.db
        self._book.flush()
        db.execute("CREATE INDEX pointing_id ON pointing (module, id)")
        db.execute("CREATE TEMP TABLE absent (module TEXT, id TEXT)")
        for (module,) in db.execute("SELECT DISTINCT module FROM pointing").fetchall():
            self._look_for(module)
        # A field may refer to several modules: a record in one of them is enough.
        found = self._book.spooled(
            "SELECT p.number, p.line, row.key, p.field, group_concat(p.module, ' or '), p.id FROM pointing p"
            " LEFT JOIN absent a ON a.module=p.module AND a.id=p.id JOIN row ON row.number=p.number"
            " WHERE p.id IN (SELECT id FROM absent) GROUP BY p.number, p.field, p.id"
            " HAVING COUNT(*)=COUNT(a.id) ORDER BY p.number, p.field"
        )
        for number, line, key, field, modules, wanted in found:
            column = column_of.get(field.partition("[")[0])
            reason = Reason(INVALID_DATA, field, f"{modules} has no record with this id", wanted)
            yield Reject(number, line, key, column, reason)

    def _look_for(self, module: str) -> None:
        db = self._book.db
        ids = [
            wanted
            for (wanted,) in db.execute(
                "SELECT DISTINCT id FROM pointing WHERE module=? LIMIT ?", (module, IDS_ASKED + 1)
            )
        ]
        if len(ids) > IDS_ASKED:
            self.not_asked[module] = f"only the first {IDS_ASKED:,} different ids were looked for"
            ids = ids[:IDS_ASKED]
        batches = [ids[start : start + IDS_PER_READ] for start in range(0, len(ids), IDS_PER_READ)]
        tasks = [(batch, partial(self._reads.crm.records_by_id, module, batch, ["id"])) for batch in batches]
        try:
            for batch, found in self._reads.side_by_side(tasks):
                absent = ((module, wanted) for wanted in batch if wanted not in found)
                db.executemany("INSERT INTO absent VALUES (?,?)", absent)
        except (Fatal, RefusedError, UsageError) as error:
            if error.code in {"INVALID_MODULE", UsageError.code}:
                db.executemany("INSERT INTO absent VALUES (?,?)", ((module, wanted) for wanted in ids))
            else:
                self.not_asked[module] = error.message


def _modules_of(field: Field, record: Mapping[str, Any]) -> Iterable[str]:
    """The modules that a lookup may refer to; for a `What_Id`, `$se_module` says which."""
    named = record.get(SE_MODULE)
    return modules_of(field) or ((named,) if isinstance(named, str) and named else ())


def _ids(value: Any, wrapped: str) -> list[str]:
    """The ids of a lookup, each once: a single one, or several wrapped as `[{"<wrapped>": {"id": ...}}]`."""
    links = [row.get(wrapped) for row in value] if isinstance(value, list) else [value]
    return list(dict.fromkeys(filter(None, map(_id, links))))


def _id(value: Any) -> str | None:
    found = value.get("id") if isinstance(value, Mapping) else None
    return None if found is None else str(found)
