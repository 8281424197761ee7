"""What a field is, and how `GET /settings/fields` describes it (docs v7 "field metadata", OAS `fields`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
ModuleId = Callable[[str], str]
"""A module's id by its API name; "0" for one that has none."""

JSON_TYPES = {
    "text": "string",
    "textarea": "string",
    "email": "string",
    "phone": "string",
    "website": "string",
    "integer": "integer",
    "bigint": "string",
    "double": "double",
    "currency": "double",
    "percent": "double",
    "date": "string",
    "datetime": "string",
    "boolean": "boolean",
    "picklist": "string",
    "multiselectpicklist": "jsonarray",
    "lookup": "jsonobject",
    "ownerlookup": "jsonobject",
    "userlookup": "jsonobject",
    "formula": "string",
    "autonumber": "string",
    "layout": "jsonobject",
    "multiselectlookup": "jsonarray",
    "multiuserlookup": "jsonarray",
    "subform": "jsonarray",
    "fileupload": "jsonarray",
    "imageupload": "jsonarray",
    "rollup_summary": "double",
    "RRULE": "jsonobject",
    "ALARM": "jsonobject",
    "multireminder": "jsonarray",
}
LENGTHS = {
    "text": 255,
    "textarea": 2000,
    "email": 100,
    "phone": 30,
    "website": 450,
    "integer": 9,
    "bigint": 18,
    "double": 16,
    "currency": 16,
    "percent": 5,
    "date": 20,
    "datetime": 120,
    "boolean": 5,
    "picklist": 120,
    "multiselectpicklist": 250,
    "lookup": 120,
    "ownerlookup": 120,
    "userlookup": 120,
    "formula": 255,
    "autonumber": 60,
    "layout": 120,
    "multiselectlookup": 50,
    "multiuserlookup": 50,
    "subform": 0,
    "fileupload": 60,
    "imageupload": 60,
    "rollup_summary": 16,
    "RRULE": 100,
    "ALARM": 100,
    "multireminder": 100,
}
NUMBERS = frozenset({"integer", "bigint", "double", "currency", "percent"})
COMPUTED = frozenset({"formula", "autonumber", "rollup_summary"})
ROWS = frozenset({"multiselectlookup", "multiuserlookup", "subform", "fileupload", "imageupload"})
"""Types whose value is a list of rows with ids of their own: read by get one alone (docs "get records")."""
SMALL_TEXTAREA, LARGE_TEXTAREA, RICH_TEXTAREA = 2000, 32000, 50000
ANY_MODULE = "*"
"""The `lookup` of What_Id: a record of the module that `$se_module` names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a module. `picks` are (stored, shown) values; those stored as in `unused_picks` can't be
    chosen any more. `external` is "org", "user" or None.

    A multi-select or multi-user lookup goes through `linking`, a module with two lookups: `back_lookup` to
    the record itself, and `wrapped_in` to the other one, whose name wraps each id of a value. A subform's
    rows are of the module `subform`. An auto-number is `prefix` and a number from `start_number` on.
    A lookup takes records of `also_lookup` too, which its metadata do not name.
    """

    api_name: str
    data_type: str = "text"
    label: str = ""
    length: int = 0
    mandatory: bool = False
    layout_mandatory: bool = False
    unique: bool = False
    case_sensitive: bool = False
    external: str | None = None
    picks: tuple[tuple[str, str], ...] = ()
    unused_picks: tuple[str, ...] = ()
    lookup: str | None = None
    also_lookup: tuple[str, ...] = ()
    custom: bool = False
    writable: bool = True
    on_layout: bool = True
    decimals: int | None = None
    json_type: str = ""
    linking: str | None = None
    back_lookup: str = ""
    wrapped_in: str = ""
    subform: str | None = None
    prefix: str = ""
    start_number: int = 1

    @property
    def size(self) -> int:
        return self.length or LENGTHS[self.data_type]

    @property
    def lookup_modules(self) -> tuple[str, ...]:
        """Where the records are that a value may name."""
        return (self.lookup, *self.also_lookup) if self.lookup else ()

    @property
    def stored_by_api(self) -> bool:
        """False: a value is dropped with SUCCESS (seen in live orgs: formula, system, unused fields)."""
        return self.writable and self.on_layout and self.data_type not in COMPUTED

    @property
    def is_rich_text(self) -> bool:
        return self.data_type == "textarea" and self.size > LARGE_TEXTAREA

    @property
    def wire_type(self) -> str:
        return self.json_type or JSON_TYPES[self.data_type]

    def metadata(self, field_id: str, position: int, module_id: ModuleId) -> Json:
        """The field as `settings/fields` shows it."""
        writable = self.writable and self.data_type not in COMPUTED
        label = self.label or self.api_name.replace("_", " ")
        return {
            "associated_module": _rows_module(self, module_id),
            "webhook": True,
            "operation_type": {
                "web_update": writable,
                "api_create": writable,
                "web_create": writable,
                "api_update": writable,
            },
            "colour_code_enabled_by_system": False,
            "field_label": label,
            "display_label": label,
            "tooltip": None,
            "type": "used" if self.on_layout else "unused",
            "field_read_only": self.data_type in COMPUTED,
            "customizable_properties": ["field_label", "length"] if self.custom else [],
            "read_only": self.data_type in COMPUTED,
            "association_details": None,
            "businesscard_supported": self.data_type != "textarea",
            "blueprint_supported": writable,
            "currency": {"rounding_option": "round_off", "precision": self.decimals or 2}
            if self.data_type == "currency"
            else {},
            "id": field_id,
            "custom_field": self.custom,
            "lookup": _lookup(self, module_id),
            "multi_module_lookup": {},
            "visible": self.on_layout,
            "available_in_user_layout": self.on_layout,
            "display_field": False,
            "filterable": self.on_layout,
            "layout_associations": [],
            "refer_from_field": None,
            "length": self.size,
            "column_name": self.api_name.upper(),
            "view_type": {
                "view": self.on_layout,
                "edit": writable and self.on_layout,
                "quick_create": self.mandatory,
                "create": writable and self.on_layout,
            },
            "subform": _rows_module(self, module_id),
            "sub_module": None,
            "show_type": 7 if self.on_layout else 0,
            "external": {"show": False, "type": self.external} if self.external else None,
            "api_name": self.api_name,
            "unique": {"case_sensitive": self.case_sensitive} if self.unique else {},
            "enable_colour_code": False,
            "pick_list_values": _picks(self, field_id),
            "pick_list_values_sorted_lexically": False,
            "system_mandatory": self.mandatory,
            "virtual_field": self.data_type in ROWS,
            "json_type": self.wire_type,
            "crypt": None,
            "created_source": "default",
            "created_time": None,
            "modified_time": None,
            "category": 1,
            "display_type": -1,
            "ui_type": 1,
            "email_parser": {"fields_update_supported": False, "record_operations_supported": False},
            "quick_sequence_number": str(position),
            "sequence_number": position,
            "data_type": self.data_type,
            "formula": {"return_type": "string", "expression": "If(1>2,'a','b')"}
            if self.data_type == "formula"
            else {},
            "rollup_summary": _rollup(self),
            "decimal_place": self._decimal_place(),
            "mass_update": writable and not self.unique,
            "multiselectlookup": _linking(self, field_id, module_id, "multiselectlookup"),
            "multiuserlookup": _linking(self, field_id, module_id, "multiuserlookup"),
            "auto_number": _auto_number(self),
            "default_value": None,
            "global_picklist": None,
            "history_tracking": None,
            "searchable": self.data_type not in ("textarea", "boolean", *ROWS),
            "sortable": self.data_type not in ("textarea", "multiselectpicklist", *ROWS),
            "separator": False,
            "number_separator": self.data_type in NUMBERS,
            "hipaa_compliance_enabled": False,
            "hipaa_compliance": None,
            "sharing_properties": None,
            "convert_mapping": None,
            "file_upolad_optionlist": [],
            "allowed_modules": [],
            "additional_column": None,
            "private": None,
            "static_field": False,
            "profiles": [],
            **({"textarea": {"type": self._textarea()}} if self.data_type == "textarea" else {}),
        }

    def _decimal_place(self) -> int | None:
        if self.data_type in ("double", "currency"):
            return 2 if self.decimals is None else self.decimals
        return None

    def _textarea(self) -> str:
        if self.size <= SMALL_TEXTAREA:
            return "small"
        return "large" if self.size <= LARGE_TEXTAREA else "rich_text"


def _lookup(field: Field, module_id: ModuleId) -> Json:
    if not field.lookup or field.data_type != "lookup":
        return {}
    module = "se_module" if field.lookup == ANY_MODULE else field.lookup
    return {
        "query_details": {},
        "module": {"api_name": module, "id": module_id(module)},
        "display_label": module,
        "api_name": None,
        "id": "0",
        "revalidate_filter_during_edit": False,
        "show_fields": [],
    }


def _linking(field: Field, field_id: str, module_id: ModuleId, data_type: str) -> Json:
    """As in docs v7 "get blueprint", where both kinds are shown; modules as objects, as OAS v8 has them."""
    if field.data_type != data_type:
        return {}
    connected = {"api_name": field.lookup, "id": module_id(field.lookup)} if field.lookup else None
    return {
        "display_label": field.lookup or "Users",
        "linking_module": {"api_name": field.linking, "id": module_id(str(field.linking))},
        "lookup_apiname": field.back_lookup,
        "connected_module": connected,
        "api_name": f"{field.lookup or 'Users'}{field_id[-2:]}",
        "connectedlookup_apiname": field.wrapped_in,
        "connectedfield_apiname": None,
        "id": str(int(field_id) + 500),
        "record_access": data_type == "multiuserlookup",
    }


def _rows_module(field: Field, module_id: ModuleId) -> Json | None:
    if not field.subform:
        return None
    return {"module": field.subform, "api_name": field.subform, "id": module_id(field.subform)}


def _auto_number(field: Field) -> Json:
    if field.data_type != "autonumber":
        return {}
    numbers = {"start_number": field.start_number, "starting_number_length": len(str(field.start_number))}
    return {"prefix": field.prefix, "suffix": "", **numbers}


def _rollup(field: Field) -> Json:
    if field.data_type != "rollup_summary":
        return {}
    nothing = {"api_name": None, "id": None}
    return {
        "return_type": "double",
        "expression": {"function_parameters": [], "function": "COUNT"},
        "based_on_module": nothing,
        "related_list": nothing,
        "rollup_based_on": "summary",
    }


def _picks(field: Field, field_id: str) -> list[Json]:
    return [
        {
            "display_value": shown,
            "sequence_number": number,
            "reference_value": stored,
            "colour_code": None,
            "actual_value": stored,
            "id": str(int(field_id) * 10 + number)[-19:],
            "type": "unused" if stored in field.unused_picks else "used",
        }
        for number, (stored, shown) in enumerate(field.picks, 1)
    ]


def picks(*values: str) -> tuple[tuple[str, str], ...]:
    """Pick-list values that are shown as they are stored, after the entry `-None-`."""
    return (("-None-", "-None-"), *((value, value) for value in values))


def text(name: str, length: int = 255, **more: object) -> Field:
    return Field(api_name=name, length=length, **more)  # type: ignore[arg-type]


def of(data_type: str, name: str, **more: object) -> Field:
    return Field(api_name=name, data_type=data_type, **more)  # type: ignore[arg-type]


def pick(name: str, *values: str, **more: object) -> Field:
    return Field(api_name=name, data_type="picklist", picks=picks(*values), **more)  # type: ignore[arg-type]
