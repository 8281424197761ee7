"""A field, and how `GET /settings/fields` shows it (docs v7 "field metadata", OAS `fields`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
ModuleId = Callable[[str], str]
"""Takes a module's API name and returns its id, or "0" if it has none."""

DATA_TYPES = {
    "text": ("string", 255),
    "textarea": ("string", 2000),
    "email": ("string", 100),
    "phone": ("string", 30),
    "website": ("string", 450),
    "integer": ("integer", 9),
    "bigint": ("string", 18),
    "double": ("double", 16),
    "currency": ("double", 16),
    "percent": ("double", 5),
    "date": ("string", 20),
    "datetime": ("string", 120),
    "boolean": ("boolean", 5),
    "picklist": ("string", 120),
    "multiselectpicklist": ("jsonarray", 250),
    "lookup": ("jsonobject", 120),
    "ownerlookup": ("jsonobject", 120),
    "userlookup": ("jsonobject", 120),
    "formula": ("string", 255),
    "autonumber": ("string", 60),
    "layout": ("jsonobject", 120),
    "multiselectlookup": ("jsonarray", 50),
    "multiuserlookup": ("jsonarray", 50),
    "subform": ("jsonarray", 0),
    "fileupload": ("jsonarray", 60),
    "imageupload": ("jsonarray", 60),
    "rollup_summary": ("double", 16),
    "RRULE": ("jsonobject", 100),
    "ALARM": ("jsonobject", 100),
    "multireminder": ("jsonarray", 100),
}
"""Each data type with its JSON type and its usual length."""
SAME_FOR_ALL_FIELDS: Json = (
    {"webhook": True, "colour_code_enabled_by_system": False, "tooltip": None, "association_details": None}
    | {"multi_module_lookup": {}, "display_field": False, "layout_associations": [], "refer_from_field": None}
    | {"sub_module": None, "enable_colour_code": False, "pick_list_values_sorted_lexically": False}
    | {"crypt": None, "created_source": "default", "created_time": None, "modified_time": None, "category": 1}
    | {"display_type": -1, "ui_type": 1, "default_value": None, "global_picklist": None, "separator": False}
    | {"email_parser": {"fields_update_supported": False, "record_operations_supported": False}}
    | {"history_tracking": None, "hipaa_compliance_enabled": False, "hipaa_compliance": None}
    | {
        "sharing_properties": None,
        "convert_mapping": None,
        "file_upolad_optionlist": [],
        "allowed_modules": [],
    }
    | {"additional_column": None, "private": None, "static_field": False, "profiles": []}
)
NUMBERS = frozenset({"integer", "bigint", "double", "currency", "percent"})
COMPUTED = frozenset({"formula", "autonumber", "rollup_summary"})
ROWS = frozenset({"multiselectlookup", "multiuserlookup", "subform", "fileupload", "imageupload"})
"""Types whose value is a list of rows with ids. Only a read of one record shows them (docs "get records")."""
SMALL_TEXTAREA, LARGE_TEXTAREA, RICH_TEXTAREA = 2000, 32000, 50000
ANY_MODULE = "*"
"""The `lookup` of What_Id, whose module is named by `$se_module`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a module.

    `picks`: pairs of stored and shown value; `unused_picks`: stored values that cannot be chosen any more.
    `external`: "org", "user" or None. `also_lookup`: more modules of a lookup, not in its metadata.
    `subform`: the module of the subform's rows. `prefix` and `start_number` belong to auto-numbers.

    A multi-select or multi-user lookup uses the linking module `linking`. This module has two lookups:
    `back_lookup` to the record itself, and `wrapped_in` to the other record. `wrapped_in` is also the key
    around each id of a value.
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
        return self.length or DATA_TYPES[self.data_type][1]

    @property
    def lookup_modules(self) -> tuple[str, ...]:
        """The modules whose records a value may name."""
        return (self.lookup, *self.also_lookup) if self.lookup else ()

    @property
    def stored_by_api(self) -> bool:
        """If False, a value is dropped with SUCCESS (seen in live orgs: formula, system, unused fields)."""
        return self.writable and self.on_layout and self.data_type not in COMPUTED

    @property
    def is_rich_text(self) -> bool:
        return self.data_type == "textarea" and self.size > LARGE_TEXTAREA

    @property
    def wire_type(self) -> str:
        return self.json_type or DATA_TYPES[self.data_type][0]

    def metadata(self, field_id: str, position: int, module_id: ModuleId) -> Json:
        """The field as `settings/fields` shows it."""
        computed = self.data_type in COMPUTED
        writable = self.writable and not computed
        label = self.label or self.api_name.replace("_", " ")
        formula = {"return_type": "string", "expression": "If(1>2,'a','b')"}
        currency = {"rounding_option": "round_off", "precision": self.decimals or 2}
        shown = {
            "id": field_id,
            "api_name": self.api_name,
            "data_type": self.data_type,
            "json_type": self.wire_type,
            "field_label": label,
            "display_label": label,
            "column_name": self.api_name.upper(),
            "length": self.size,
            "sequence_number": position,
            "quick_sequence_number": str(position),
            "type": "used" if self.on_layout else "unused",
            "custom_field": self.custom,
            "customizable_properties": ["field_label", "length"] if self.custom else [],
            "system_mandatory": self.mandatory,
            "read_only": computed,
            "field_read_only": computed,
            "operation_type": dict.fromkeys(
                ("web_update", "api_create", "web_create", "api_update"), writable
            ),
            "view_type": {
                "view": self.on_layout,
                "edit": writable and self.on_layout,
                "quick_create": self.mandatory,
                "create": writable and self.on_layout,
            },
            "visible": self.on_layout,
            "available_in_user_layout": self.on_layout,
            "filterable": self.on_layout,
            "show_type": 7 if self.on_layout else 0,
            "blueprint_supported": writable,
            "mass_update": writable and not self.unique,
            "businesscard_supported": self.data_type != "textarea",
            "searchable": self.data_type not in ("textarea", "boolean", *ROWS),
            "sortable": self.data_type not in ("textarea", "multiselectpicklist", *ROWS),
            "number_separator": self.data_type in NUMBERS,
            "virtual_field": self.data_type in ROWS,
            "unique": {"case_sensitive": self.case_sensitive} if self.unique else {},
            "external": {"show": False, "type": self.external} if self.external else None,
            "lookup": _lookup(self, module_id),
            "subform": _rows_module(self, module_id),
            "associated_module": _rows_module(self, module_id),
            "multiselectlookup": _linking(self, field_id, module_id, "multiselectlookup"),
            "multiuserlookup": _linking(self, field_id, module_id, "multiuserlookup"),
            "pick_list_values": _picks(self, field_id),
            "currency": currency if self.data_type == "currency" else {},
            "decimal_place": self._decimal_place(),
            "formula": formula if self.data_type == "formula" else {},
            "rollup_summary": _rollup(self),
            "auto_number": _auto_number(self),
        }
        if self.data_type == "textarea":
            shown["textarea"] = {"type": self._textarea()}
        return SAME_FOR_ALL_FIELDS | shown

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
    """As in docs v7 "get blueprint", which shows both kinds; modules are objects, as in OAS v8."""
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
    """Pick-list values that are shown as they are stored, after `-None-`."""
    return (("-None-", "-None-"), *((value, value) for value in values))


def text(name: str, length: int = 255, **more: object) -> Field:
    return Field(api_name=name, length=length, **more)  # type: ignore[arg-type]


def of(data_type: str, name: str, **more: object) -> Field:
    return Field(api_name=name, data_type=data_type, **more)  # type: ignore[arg-type]


def pick(name: str, values: str, **more: object) -> Field:
    """A pick list. `values` are separated by a comma and a blank."""
    return Field(api_name=name, data_type="picklist", picks=picks(*values.split(", ")), **more)  # type: ignore[arg-type]
