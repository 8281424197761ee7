"""The ids of users and records that a record names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from zmigrate.engine.preflight.first_reads import FirstReads
from zmigrate.job.references import Ref
from zmigrate.rows.conversion.activities import PARTICIPANT_MODULES, PARTICIPANTS
from zmigrate.rows.conversion.converter import PARENT
from zmigrate.rows.conversion.lookups import SE_MODULE, module_named, modules_of
from zmigrate.rows.conversion.open_id import OpenId
from zmigrate.zoho.metadata import LOOKUPS, Field, ModuleFields


class PointedAt(NamedTuple):
    """A record that a lookup names by its id."""

    field: str
    """Of a row in a subform the whole place: `Service_Log[1].Part`."""
    modules: tuple[str, ...]
    """The modules of which one must have the record; none: not known."""
    id: str
    by_key: bool
    """The id is that of a key which an earlier run wrote."""


class Pointers:
    """Finds the records that the lookups of a module's records name."""

    def __init__(self, fields: ModuleFields, reads: FirstReads) -> None:
        self._reads = reads
        self._lookups = {field.api_name: field for field in fields if field.data_type in LOOKUPS}
        self._subforms = {
            field.api_name: field.subform_module
            for field in fields
            if field.data_type == "subform" and field.subform_module
        }
        self._of_rows: dict[str, dict[str, Field]] = {}
        people = [PARTICIPANTS] if PARTICIPANTS in fields.fields else []
        self.fields = frozenset([*self._lookups, *self._subforms, *people])
        """The fields that may name a record."""

    def of(self, record: Mapping[str, Any]) -> Iterator[PointedAt]:
        """What the record names, each once a field."""
        if self.fields.isdisjoint(record):
            return
        for name in self._lookups.keys() & record.keys():
            yield from _named(name, self._lookups[name], record[name], record)
        for name in self._subforms.keys() & record.keys():
            rows = record[name] or ()
            lookups = self._lookups_of_rows(name) if rows else {}
            for number, values in enumerate(rows):
                for inner in lookups.keys() & values.keys():
                    yield from _named(f"{name}[{number}].{inner}", lookups[inner], values[inner], record)
        if PARTICIPANTS in self.fields:
            for place, kind, found in _participants(record):
                if kind in PARTICIPANT_MODULES:
                    yield PointedAt(place, (PARTICIPANT_MODULES[kind],), found, by_key=False)

    def _lookups_of_rows(self, subform: str) -> dict[str, Field]:
        if subform not in self._of_rows:
            fields = self._reads.fields(self._subforms[subform])
            self._of_rows[subform] = {
                field.api_name: field
                for field in fields
                if field.data_type in LOOKUPS and field.api_name != PARENT
            }
        return self._of_rows[subform]


def invited_users(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The users among the participants of an event: where each stands, and its id."""
    return ((place, found) for place, kind, found in _participants(record) if kind == "user")


def _participants(record: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The place, kind and id of each participant of an event; of one by e-mail the address. A field of this
    name in a custom module may be of any type.
    """
    people = record.get(PARTICIPANTS)
    for number, person in enumerate(people if isinstance(people, list) else ()):
        if isinstance(person, Mapping) and person.get("participant") is not None:
            place = f"{PARTICIPANTS}[{number}].participant"
            yield place, str(person.get("type")), str(person["participant"])


def user_ids(record: Mapping[str, Any], fields: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each of these fields that names a user, with the user's id."""
    for name in fields:
        found = _id(record.get(name))
        if found is not None:
            yield name, found


def _named(name: str, field: Field, value: Any, record: Mapping[str, Any]) -> Iterator[PointedAt]:
    beside = module_named(value.get("module")) if isinstance(value, Mapping) else None
    modules = (beside,) if beside else tuple(_modules_of(field, record))
    for found, by_key in _ids(value, field.connected_lookup or "").items():
        yield PointedAt(name, modules, found, by_key)


def _modules_of(field: Field, record: Mapping[str, Any]) -> Sequence[str]:
    """The modules that a lookup may refer to; for a `What_Id`, `$se_module` says which."""
    named = record.get(SE_MODULE)
    return list(modules_of(field)) or ([named] if isinstance(named, str) and named else [])


def _ids(value: Any, wrapped: str) -> dict[str, bool]:
    """The ids of a lookup, and whether each is that of a key: a single one, or several wrapped as
    `[{"<wrapped>": {"id": ...}}]`.
    """
    links = [row.get(wrapped) for row in value] if isinstance(value, list) else [value]
    return {
        found: isinstance(link, OpenId) and isinstance(link.reference, Ref)
        for link in links
        if (found := _id(link)) is not None
    }


def _id(value: Any) -> str | None:
    found = value.get("id") if isinstance(value, Mapping) else None
    return None if found is None else str(found)
