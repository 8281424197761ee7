"""How Zoho shows a stored record, and how queries compare single values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .answers import Json
from .clock import instant
from .fields import ROWS, Field
from .store import Record, Values
from .world import World, full_name

LISTED_RICH_TEXT = 500
"""A list shows this many characters of a rich text (docs v8 "fetch full data")."""
FIXED_STATES: Json = (
    {"$currency_symbol": "R", "$field_states": None, "$review": None, "$state": "save"}
    | {"$review_process": {"approve": False, "reject": False, "resubmit": False}}
    | {"$process_flow": False, "$orchestration": False, "$pathfinder": False, "$in_merge": False}
    | {"$locked_for_me": False, "$sharing_permission": "full_access", "$canvas_id": None}
    | {"$zia_visions": None, "$wizard_connection_path": None}
)


class RecordView:
    """Turns the records of one module into JSON."""

    def __init__(self, world: World, module: str) -> None:
        self._world = world
        self._module = module
        self._fields = world.specs[module].fields
        self._iso = world.clock.iso

    def record(self, record: Record, names: Iterable[str] | None) -> Json:
        """The record as a read of one record shows it: with these fields, or all on a layout for None."""
        values = record.values()
        shown: Json = {"id": str(record.id)}
        for name in names if names is not None else self._fields:
            if name != "id" and name in self._fields and self._fields[name].on_layout:
                shown[name] = self.value(record, values, name)
        if "$se_module" in values:
            shown["$se_module"] = values["$se_module"]
        if names is None:
            shown |= self._states(record)
        rows = {name for name, field in self._fields.items() if field.data_type in ROWS}
        more = {name: False for name in shown if name in rows}
        return {**shown, "$has_more": more} if more else shown

    def _states(self, record: Record) -> Json:
        """The `$` keys of a record, as live orgs show them."""
        no_steps = dict.fromkeys(("delegate", "approve", "reject", "resubmit"), False)
        states = FIXED_STATES | {
            "$approved": not record.waiting,
            "$approval_state": approval_state(record.waiting),
            "$approval": {**no_steps, "approve": record.waiting, "reject": record.waiting},
            "$editable": not record.locked,
            "Locked__s": record.locked,
        }
        if self._module == "Leads":
            states |= {"$converted": record.converted, "$converted_detail": {}}
        return states

    def listed(self, record: Record, names: Iterable[str]) -> Json:
        """The record as a list shows it, without subforms, links and files (docs v7 "get records")."""
        values = record.values()
        shown: Json = {"id": str(record.id)}
        for name in names:
            field = self._fields.get(name)
            if field is None or name == "id" or not field.on_layout or field.data_type in ROWS:
                continue
            value = self.value(record, values, name)
            if field.is_rich_text and value is not None:
                value = value[:LISTED_RICH_TEXT]
            shown[name] = value
        if "What_Id" in shown and "$se_module" in values:
            shown["$se_module"] = values["$se_module"]
        return shown

    def value(self, record: Record, values: Values, name: str) -> Any:  # noqa: PLR0911  # a table
        """The value of one field: lookups with name and id, owners with email, times in the org's offset."""
        users = self._world.users
        match name:
            case "Owner":
                return users.known(record.owner).owner()
            case "Created_By":
                return users.known(record.created_by).owner()
            case "Modified_By":
                return users.known(record.modified_by).owner()
            case "Created_Time":
                return self._iso(record.created)
            case "Modified_Time":
                return self._iso(record.modified)
            case "Full_Name":
                return full_name(values) or None
            case "Layout":
                return {"name": "Standard", "id": self._world.layout_id(self._module)}
            case "Tag":
                return values.get("Tag", [])
        value = values.get(name)
        field = self._fields.get(name)
        if field is not None and field.data_type in ROWS:
            return [self._row(record, values, field, row) for row in value or ()]
        if field is not None and field.names_module and value is not None:
            named = value.get("module", {}).get("api_name")
            return {**value, **self._named([named], value)}
        if field is not None and field.data_type in ("lookup", "userlookup") and value is not None:
            modules = [values.get("$se_module")] if name == "What_Id" else field.lookup_modules
            return self._named(modules, value)
        return value

    def _named(self, modules: Sequence[str | None], value: Json) -> Json:
        """A reference with the name of its user or record. An unknown module means any module."""
        reference = int(value["id"])
        user = self._world.users.find(reference)
        if user is not None:
            return user.brief()
        stores = self._world.stores
        for module in [known for known in modules if known in stores] or list(stores):
            found = stores[str(module)].records.get(reference)
            if found is not None:
                return {"name": self._world.name_of(str(module), found.values()), "id": value["id"]}
        return {"name": None, "id": value["id"]}

    def _row(self, record: Record, values: Values, field: Field, row: Json) -> Json:
        """A subform row with all its columns, a link with the name of the other record, or a file."""
        if field.subform:
            columns = self._world.all_specs[field.subform].fields
            shown: Json = {"id": row["id"]}
            for name, column in columns.items():
                value = row.get(name)
                if value is not None and column.data_type in ("lookup", "userlookup"):
                    value = self._named(column.lookup_modules, value)
                shown[name] = value
            parent = {"name": self._world.name_of(self._module, values), "id": str(record.id)}
            times = {"Created_Time": self._iso(record.created), "Modified_Time": self._iso(record.modified)}
            return {**shown, "Parent_Id": parent, **times}
        if field.wrapped_in:
            other = self._named(field.lookup_modules, row[field.wrapped_in])
            return {"id": row["id"], field.wrapped_in: other}
        return {"File_Name__s": "file", "Size__s": "0", **row}


def approval_state(waiting: bool) -> str:
    """UNCONFIRMED: which of the documented states a record has that waits for approval."""
    return "webform_unapproved" if waiting else "approved"


def comparable(  # noqa: PLR0911  # a table
    record: Record, values: Values, name: str, data_type: str
) -> Any:
    """The value of a field for comparison: ids as numbers, date-times as seconds, None if empty."""
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
    if isinstance(value, dict):
        return int(value["id"])
    if data_type == "datetime":
        return int(instant(value))
    if data_type == "bigint":
        return int(value)
    return ";".join(value) if data_type == "multiselectpicklist" else value
