"""DUPLICATE_DATA: the records that have a unique field's value already, and how the refusal names them.

Facts: docs v7 "duplicate check preference", OAS `record` examples. Which record is named when several match
is UNCONFIRMED: here one of the module itself first. So is that an update is held against the other module:
here only for a value that it changes.
"""

from __future__ import annotations

from typing import Any

from .answers import Json
from .checks import error
from .ids import with_numbers
from .store import Index, Record
from .world import World

MAPPED_MODULES = {"Leads": "Contacts"}
"""The module that is checked too (docs: Contacts, for Leads alone)."""
MAPPED_FIELDS = {"Email": "Email", "Legacy_ID": "Legacy_ID"}
"""The fields whose values are held against those of the other module's field, where both are unique."""


def mapped_fields(world: World, module: str) -> dict[str, str]:
    """A module's unique fields, each with the unique field of the other module that it is mapped to."""
    other = MAPPED_MODULES.get(module)
    if other is None:
        return {}
    fields, others = world.specs[module].fields, world.specs[other].fields
    return {
        name: mapped
        for name, mapped in MAPPED_FIELDS.items()
        if name in fields and mapped in others and fields[name].unique and others[mapped].unique
    }


class Duplicates:
    """The checks of one module's unique fields."""

    def __init__(self, world: World, module: str) -> None:
        self._world = world
        self._module = module
        self._store = world.stores[module]
        self._mapped: dict[str, Index] = {}
        if world.options.duplicate_check == "mapped_module_records":
            for name, mapped in mapped_fields(world, module).items():
                other = world.stores[MAPPED_MODULES[module]]
                self._mapped[name] = other.index(other.spec.fields[mapped])

    def problems(self, kept: Json, index: int, own: Record | None) -> list[Json]:
        """One problem for each unique field whose value a record other than `own` has."""
        found = []
        for name, taken in self._store.unique:
            value = kept.get(name)
            if value is None:
                continue
            live = taken.all(value)
            others = [(self._module, one) for one in live if own is None or one != own.id]
            others += self._elsewhere(name, taken, value, own)
            if others or (not live and self._taken_by_deleted(name, taken.fold(value))):
                found.append(self.problem(name, index, others))
        return found

    def _elsewhere(self, name: str, taken: Index, value: Any, own: Record | None) -> list[tuple[str, int]]:
        """The other module's records with this value."""
        mapped = self._mapped.get(name)
        if mapped is None:
            return []
        before = None if own is None else own.values().get(name)
        if before is not None and taken.fold(before) == taken.fold(value):
            return []
        return [(MAPPED_MODULES[self._module], one) for one in mapped.all(value)]

    def _taken_by_deleted(self, name: str, key: Any) -> bool:
        if not self._world.options.deleted_block_unique:
            return False
        return key in self._store.taken_by_deleted.get(name, ())

    def problem(self, name: str, index: int, others: list[tuple[str, int]]) -> Json:
        """The error object for a value that these records (module and id) have; for a deleted one's: none."""
        where = {"api_name": name, "json_path": f"$.data[{index}].{name}"}
        details: Json = {**where, "more_records": len(others) > 1}
        shape = self._world.options.duplicate_shape
        if others and shape != "none":
            details |= self._named(*others[0])
        if shape == "text":
            return error("DUPLICATE_DATA", "duplicate data", f"{name} is taken")
        return error("DUPLICATE_DATA", "duplicate data", [details] if shape == "list" else details)

    def _named(self, module: str, record_id: int) -> Json:
        """How the details name the record that has the value."""
        owner = self._world.users.known(self._world.stores[module].records[record_id].owner)
        record: Json = {
            "id": str(record_id),
            "Owner": {**owner.brief(), "zuid": owner.zuid},
            "module": {"api_name": module, "id": self._world.module_id(module)},
        }
        match self._world.options.duplicate_shape:
            case "record_without_module":
                del record["module"]
                return {"duplicate_record": record, "id": str(record_id)}
            case "id":
                return {"id": str(record_id)}
            case "number":
                return {"duplicate_record": with_numbers(record)}
        return {"duplicate_record": record}
