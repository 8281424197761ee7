"""DUPLICATE_DATA: finds the records that already have a unique value, and names one in the refusal.

Facts: docs v7 "duplicate check preference", OAS `record` examples. UNCONFIRMED: the refusal names a record of
the same module first; an update is checked against the other module only for values that it changes; without
the preference for converted leads, their unique values are free.
"""

from __future__ import annotations

from typing import Any

from .answers import Json, error
from .ids import with_numbers
from .store import Index, Record
from .world import World

MAPPED_MODULES = {"Leads": "Contacts"}
"""The other module that is checked too (docs: only for Leads)."""
MAPPED_FIELDS = {"Email": "Email", "Legacy_ID": "Legacy_ID"}
"""Fields and the fields of the other module that they are compared with, if both are unique."""


def mapped_fields(world: World, module: str) -> dict[str, str]:
    """The module's unique fields, each with the field of the other module that it is compared with."""
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
        """One error object for each unique field whose value another record than `own` has."""
        found = []
        for name, taken in self._store.unique:
            value = kept.get(name)
            if value is None:
                continue
            live = [one for one in taken.all(value) if self._counts(one)]
            others = [(self._module, one) for one in live if own is None or one != own.id]
            others += self._elsewhere(name, taken, value, own)
            if others or (not live and self._deleted_record_has(name, taken.fold(value))):
                found.append(self.problem(name, index, others))
        return found

    def _counts(self, record_id: int) -> bool:
        """Whether a record of the module is held against a new value. A converted lead is by preference."""
        preferred = self._world.options.duplicate_check == "converted_records"
        return preferred or not self._store.records[record_id].converted

    def _elsewhere(self, name: str, taken: Index, value: Any, own: Record | None) -> list[tuple[str, int]]:
        """The other module's records with this value."""
        mapped = self._mapped.get(name)
        if mapped is None:
            return []
        before = None if own is None else own.values().get(name)
        if before is not None and taken.fold(before) == taken.fold(value):
            return []
        return [(MAPPED_MODULES[self._module], one) for one in mapped.all(value)]

    def _deleted_record_has(self, name: str, key: Any) -> bool:
        blocked = self._world.options.deleted_block_unique
        return blocked and key in self._store.taken_by_deleted.get(name, ())

    def problem(self, name: str, index: int, others: list[tuple[str, int]]) -> Json:
        """The error object for a value of `others`: module and id of each record, none if it was deleted."""
        more = len(others) > 1
        details: Json = {"api_name": name, "json_path": f"$.data[{index}].{name}", "more_records": more}
        shape = self._world.options.duplicate_shape
        if others and shape != "none":
            details |= self._named(*others[0])
        if shape == "text":
            return error("DUPLICATE_DATA", "duplicate data", f"{name} is taken")
        return error("DUPLICATE_DATA", "duplicate data", [details] if shape == "list" else details)

    def _named(self, module: str, record_id: int) -> Json:
        """The part of the details that names the record."""
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
