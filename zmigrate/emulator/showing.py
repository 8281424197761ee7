"""A stored record as Zoho shows it, and single values as queries compare them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .answers import Json
from .clock import instant
from .org import LAYOUT_ID
from .store import Record, Values
from .world import World, full_name

Show = Callable[[Record, Values], Any]


class Showing:
    """Shows the records of one module."""

    def __init__(self, world: World, module: str) -> None:
        self._world = world
        self._module = module
        self._fields = world.specs[module].fields
        self._iso = world.clock.iso

    def record(self, record: Record, names: Iterable[str] | None) -> Json:
        """The record with these fields, or with all that are on a layout."""
        values = record.values()
        shown: Json = {"id": str(record.id)}
        for name in names if names is not None else self._fields:
            if name in self._fields and self._fields[name].on_layout:
                shown[name] = self.value(record, values, name)
        if names is None:
            shown |= {
                "$approval_state": "approved",
                "$editable": True,
                "$locked_for_me": False,
                "$in_merge": False,
                "Locked__s": record.locked,
                "Tag": [],
            }
        return shown

    def value(self, record: Record, values: Values, name: str) -> Any:  # noqa: PLR0911  # a table
        """One field: lookups with name and id, owners with e-mail, times in the org's offset."""
        match name:
            case "Owner":
                return self._world.users.known(record.owner).owner()
            case "Created_By":
                return self._world.users.known(record.created_by).owner()
            case "Modified_By":
                return self._world.users.known(record.modified_by).owner()
            case "Created_Time":
                return self._iso(record.created)
            case "Modified_Time":
                return self._iso(record.modified)
            case "Full_Name":
                return full_name(values) or None
            case "Layout":
                return {"name": "Standard", "id": str(LAYOUT_ID + self._world.position(self._module))}
        value = values.get(name)
        if isinstance(value, dict):
            return self._named(name, value)
        return value

    def _named(self, name: str, value: Json) -> Json:
        reference = int(value["id"])
        user = self._world.users.find(reference)
        if user is not None:
            return user.brief()
        module = self._fields[name].lookup
        for candidate in [module] if module in self._world.stores else list(self._world.stores):
            found = self._world.stores[str(candidate)].records.get(reference)
            if found is not None:
                return {"name": self._world.name_of(str(candidate), found.values()), "id": value["id"]}
        return {"name": None, "id": value["id"]}


def comparable(  # noqa: PLR0911  # a table
    record: Record, values: Values, name: str, data_type: str
) -> Any:
    """A field's value as a query compares it: ids as numbers, date-times as seconds, None when empty."""
    match name:
        case "id":
            return record.id
        case "Owner":
            return record.owner
        case "Created_By":
            return record.created_by
        case "Modified_By":
            return record.modified_by
        case "Created_Time":
            return int(record.created)
        case "Modified_Time":
            return int(record.modified)
        case "Full_Name":
            return full_name(values) or None
    value = values.get(name)
    if value is None:
        return None
    if data_type == "datetime":
        return int(instant(value))
    if data_type == "bigint":
        return int(value)
    if data_type == "multiselectpicklist":
        return ";".join(value)
    return int(value["id"]) if isinstance(value, dict) else value
