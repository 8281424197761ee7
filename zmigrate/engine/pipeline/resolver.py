"""References become ids: a `Ref` through the id map, a `Find` through the org. Main thread only.

`wanted` says which values the org must be asked for; the caller asks, and gives the answer to `learn`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from zmigrate.engine.model.batch import PreparedRow
from zmigrate.engine.model.keys import (
    NO_MATCH,
    UNASKABLE,
    KeyField,
    Matches,
    askable,
    choose,
    why_no_key,
)
from zmigrate.engine.model.outcomes import REFERENCE_AMBIGUOUS, REFERENCE_OPEN, Outcome
from zmigrate.engine.pipeline.unreadable import told_as_unreadable
from zmigrate.engine.storage.scratch import scratch_db
from zmigrate.errors import UsageError
from zmigrate.job.references import Find, Ref, Reference
from zmigrate.reasons import Reason
from zmigrate.rows.conversion.keys import fold_key, fold_number
from zmigrate.rows.conversion.open_id import OpenId
from zmigrate.zoho.coql import can_query
from zmigrate.zoho.facts.limits import COQL_IN_VALUES
from zmigrate.zoho.metadata import ModuleFields

IDS_SHOWN = 5


Place = tuple[str, str]
"""The module and field that a `Find` looks into."""

Answers = Mapping[str, Sequence[tuple[str, str]]]
"""For each value the records that have it in any letter case: the value as they have it, and their ids."""

Keys = tuple[str, str | None, bool]
"""What `Ref`s look for keys by: module, field, and whether letter case is ignored."""


class IdLookup(Protocol):
    """Finds ids by key: the id map; in a plan also the keys that earlier files will write."""

    def find(
        self, module: str, keys: Sequence[str], field: str | None = None, *, ignore_case: bool = False
    ) -> dict[str, Matches]:
        """The records of each key: none if the key is unknown, several if it is ambiguous."""


class Finds(Protocol):
    """The call that answers a `Find` (`zmigrate.zoho.crm.Crm`)."""

    def find(
        self, module: str, field: str, values: Sequence[str | int], extra_fields: Sequence[str] = ()
    ) -> list[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Values to look for in one place."""

    place: Place
    values: list[str]
    number: bool
    """The field holds whole numbers, so the query must too."""


class FoundCache:
    """The org's answers so far, in a temporary database that spills to disk, so that memory stays flat."""

    def __init__(self) -> None:
        self._db = scratch_db()
        self._db.execute(
            "CREATE TABLE found (module TEXT, field TEXT, value TEXT, records TEXT NOT NULL,"
            " PRIMARY KEY (module, field, value)) WITHOUT ROWID"
        )

    def put(self, place: Place, answers: Answers) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT OR REPLACE INTO found VALUES (?,?,?,?)",
            [(*place, value.strip(), orjson.dumps(found).decode()) for value, found in answers.items()],
        )
        self._db.execute("COMMIT")

    def get(self, place: Place, value: str) -> list[tuple[str, str]] | None:
        row = self._db.execute(
            "SELECT records FROM found WHERE module=? AND field=? AND value=?", (*place, value.strip())
        ).fetchone()
        return (
            None if row is None else [(spelling, record_id) for spelling, record_id in orjson.loads(row[0])]
        )

    def close(self) -> None:
        self._db.close()


class Resolver:
    """Fills in the references of prepared rows. `ids` is opened at the first `Ref`; `fields_of` gives the
    fields of a module that a `Find` looks into.
    """

    def __init__(
        self,
        ids: Callable[[], IdLookup],
        found: FoundCache,
        fields_of: Callable[[str], ModuleFields],
        unread: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """`unread`: unreadable runs, which may have written an unknown key."""
        self._unread = unread
        self._ids = ids
        self._found = found
        self._fields_of = fields_of
        self._key_fields: dict[Place, KeyField] = {}

    def resolve(
        self, rows: Sequence[PreparedRow]
    ) -> tuple[list[PreparedRow], list[tuple[PreparedRow, Outcome]]]:
        """Return the rows that can go on, and the rows that end here because a reference finds no record, or
        several. A row that is not `settled` afterwards has a `Find` that the org must be asked for.
        """
        known = self._known_refs(rows)
        on_their_way: list[PreparedRow] = []
        ended: list[tuple[PreparedRow, Outcome]] = []
        for row in rows:
            problems = [
                problem
                for open_id in row.open
                if waits(row.record, open_id) and (problem := self._fill(row, open_id, known)) is not None
            ]
            if problems:
                ended.append((row, Outcome("failed", None, tuple(problems))))
            else:
                on_their_way.append(row)
        return on_their_way, ended

    def wanted(self, rows: Iterable[PreparedRow]) -> list[Wanted]:
        """What to ask the org before these rows are sent. Raises UsageError for an unknown field."""
        places: dict[Place, dict[str, str]] = {}
        for row in rows:
            for open_id in row.open:
                reference = open_id.reference
                if isinstance(reference, Find) and waits(row.record, open_id):
                    place = (reference.module, reference.field)
                    places.setdefault(place, {})[reference.value.strip()] = reference.value.strip()
        return [
            Wanted(place, list(values.values()), self._key_field(place).number)
            for place, values in places.items()
        ]

    def learn(self, place: Place, answers: Answers) -> None:
        """Remember what the org answered."""
        self._found.put(place, answers)

    def _known_refs(self, rows: Sequence[PreparedRow]) -> dict[Keys, dict[str, Matches]]:
        keys: dict[Keys, list[str]] = {}
        for row in rows:
            for open_id in row.open:
                reference = open_id.reference
                if isinstance(reference, Ref) and waits(row.record, open_id):
                    keys.setdefault(_looked_for_by(reference), []).append(reference.key)
        return {
            by: self._ids().find(module, wanted, field, ignore_case=ignore_case)
            for by, wanted in keys.items()
            for module, field, ignore_case in [by]
        }

    def _fill(
        self, row: PreparedRow, open_id: OpenId, known: Mapping[Keys, Mapping[str, Matches]]
    ) -> Reason | None:
        """Fill in one reference. Return the reason if it ends the row."""
        reference = open_id.reference
        if isinstance(reference, Ref):
            found: Matches | None = known[_looked_for_by(reference)].get(reference.key, NO_MATCH)
        elif not can_query(reference.value):
            found = NO_MATCH
        else:
            found = self._answered(reference)
        if found is None:
            return None
        if len(found.ids) == 1:
            open_id.fill(found.ids[0])
            return None
        if found.ids:
            return _points_at_several(open_id, found.ids)
        if found.spelling is not None:
            return _points_at_another_spelling(open_id, found.spelling)
        unasked = isinstance(reference, Find) and not can_query(reference.value)
        if not unasked and reference.when_open == "leave_out":
            leave_out(row.record, open_id)
            return None
        return points_at_nothing(open_id, self._unread() if isinstance(reference, Ref) else ())

    def _answered(self, find: Find) -> Matches | None:
        """The org's answer; None if it was not asked yet."""
        place = (find.module, find.field)
        alike = self._found.get(place, find.value)
        if alike is None:
            return None
        return choose(find.value, alike, self._key_field(place).match, ignore_case=find.ignore_case)

    def _key_field(self, place: Place) -> KeyField:
        if place not in self._key_fields:
            module, name = place
            with told_as_unreadable(module):
                field = self._fields_of(module).get(name)
            if field is None:
                raise UsageError(
                    f"a record of {module} can't be found by {name!r}: there is no such field",
                    hint=f"See: zmigrate fields {module}",
                    code="UNKNOWN_FIELD",
                )
            if field.encrypted:
                raise UsageError(
                    f"a record of {module} can't be found by {name}: {why_no_key(field)}", code="KEY_TYPE"
                )
            self._key_fields[place] = KeyField.of(field)
        return self._key_fields[place]


def settled(row: PreparedRow) -> bool:
    """Whether all references of a row are filled in or left out."""
    return not any(waits(row.record, open_id) for open_id in row.open)


def waits(record: Mapping[str, Any], open_id: OpenId) -> bool:
    """Whether a reference in a record still lacks its id."""
    if open_id.filled:
        return False
    value = record.get(open_id.field)
    if value is open_id:
        return True
    return isinstance(value, list) and any(part is open_id for element in value for part in element.values())


def ask(crm: Finds, wanted: Wanted) -> dict[str, list[tuple[str, str]]]:
    """Ask for the records with each of these values, in whatever letter case Zoho finds them. Values that no
    query can hold find nothing. Runs on a worker; keeps nothing. Raises ScopeError or RefusedError if the
    token may not read the module.
    """
    module, field = wanted.place
    fold = fold_number if wanted.number else fold_key
    alike: dict[str, list[str]] = {}
    for value in wanted.values:
        alike.setdefault(fold(value), []).append(value)
    answers: dict[str, list[tuple[str, str]]] = {value: [] for value in wanted.values}
    values = askable(wanted.values, number=wanted.number)
    for start in range(0, len(values), COQL_IN_VALUES):
        with told_as_unreadable(module):
            hits = crm.find(module, field, values[start : start + COQL_IN_VALUES])
        for hit in hits:
            found = (str(hit.get(field)), str(hit["id"]))
            for value in alike.get(fold(found[0]), ()):
                if found not in answers[value]:  # the value was asked for in two spellings
                    answers[value].append(found)
    return answers


def leave_out(record: dict[str, Any], open_id: OpenId) -> None:
    """Take an open reference out of a record: the field, or its place in a list."""
    value = record.get(open_id.field)
    if value is open_id:
        del record[open_id.field]
    elif isinstance(value, list):
        for element in value:
            for name in [name for name, part in element.items() if part is open_id]:
                del element[name]
        kept = [element for element in value if element]
        if kept:
            record[open_id.field] = kept
        else:
            del record[open_id.field]


def describe(reference: Reference) -> str:
    """`Accounts record with the key 'K9029'`."""
    if isinstance(reference, Ref):
        where = f" in {reference.field}" if reference.field else ""
        return f"{reference.module} record with the key {reference.key!r}{where}"
    return f"{reference.module} record with {reference.field} {reference.value!r}"


def some_of(ids: Sequence[str]) -> str:
    """The first ids, and how many more there are."""
    more = f" and {len(ids) - IDS_SHOWN} more" if len(ids) > IDS_SHOWN else ""
    return ", ".join(ids[:IDS_SHOWN]) + more


def points_at_nothing(open_id: OpenId, unread: Sequence[str]) -> Reason:
    """The reason of a row with a reference to nothing. `unread`: runs that can't be read."""
    reference = open_id.reference
    if isinstance(reference, Ref):
        why = "not in this run, and not in earlier runs"
        if unread:
            why = f"{why} ({some_of(unread)} can't be read)"
    elif can_query(reference.value):
        why = "not in the org"
    else:
        why = UNASKABLE
    message = f"there is no {describe(reference)}: {why}"
    return Reason(REFERENCE_OPEN, open_id.field, message, _value(reference))


def _points_at_another_spelling(open_id: OpenId, spelling: str) -> Reason:
    reference = open_id.reference
    word = "ref" if isinstance(reference, Ref) else "find"
    has = "this run or an earlier one wrote" if isinstance(reference, Ref) else "the org has"
    message = f"there is no {describe(reference)}; {has} {spelling!r}"
    remedy = (
        f"write ignore_case = true beside `{word}` to take it (in a job: {word.capitalize()}(..., "
        "ignore_case=True))"
    )
    return Reason(REFERENCE_OPEN, open_id.field, message, _value(reference), remedy)


def _looked_for_by(ref: Ref) -> Keys:
    return ref.module, ref.field, ref.ignore_case


def _points_at_several(open_id: OpenId, ids: Sequence[str]) -> Reason:
    reference, remedy = open_id.reference, None
    if isinstance(reference, Ref):
        remedy = "if some of them were deleted in Zoho, `zmigrate ids check` forgets them"
    message = f"there is more than one {describe(reference)}: {some_of(ids)}"
    return Reason(REFERENCE_AMBIGUOUS, open_id.field, message, _value(reference), remedy)


def _value(reference: Reference) -> str:
    return reference.key if isinstance(reference, Ref) else reference.value
