"""What a field is, and how `GET /settings/fields` describes it (docs v7 "field metadata", OAS `fields`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

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
}
NUMBERS = frozenset({"integer", "bigint", "double", "currency", "percent"})
COMPUTED = frozenset({"formula", "autonumber"})
SMALL_TEXTAREA, LARGE_TEXTAREA = 2000, 32000


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a module. `picks` are (stored, shown) values; `external` is "org", "user" or None."""

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
    lookup: str | None = None
    custom: bool = False
    writable: bool = True
    on_layout: bool = True
    decimals: int | None = None

    @property
    def size(self) -> int:
        return self.length or LENGTHS[self.data_type]

    @property
    def stored_by_api(self) -> bool:
        """False: a value is dropped with SUCCESS (seen in live orgs: formula, system, unused fields)."""
        return self.writable and self.on_layout and self.data_type not in COMPUTED

    def metadata(self, field_id: str, position: int) -> Json:
        """The field as `settings/fields` shows it."""
        writable = self.writable and self.data_type not in COMPUTED
        label = self.label or self.api_name.replace("_", " ")
        return {
            "associated_module": None,
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
            "lookup": _lookup(self),
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
            "subform": None,
            "sub_module": None,
            "show_type": 7 if self.on_layout else 0,
            "external": {"show": False, "type": self.external} if self.external else None,
            "api_name": self.api_name,
            "unique": {"case_sensitive": self.case_sensitive} if self.unique else {},
            "enable_colour_code": False,
            "pick_list_values": _picks(self, field_id),
            "pick_list_values_sorted_lexically": False,
            "system_mandatory": self.mandatory,
            "virtual_field": False,
            "json_type": JSON_TYPES[self.data_type],
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
            "rollup_summary": {},
            "decimal_place": self._decimal_place(),
            "mass_update": writable and not self.unique,
            "multiselectlookup": {},
            "multiuserlookup": {},
            "auto_number": {},
            "default_value": None,
            "global_picklist": None,
            "history_tracking": None,
            "searchable": self.data_type not in ("textarea", "boolean"),
            "sortable": self.data_type not in ("textarea", "multiselectpicklist"),
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


def _lookup(field: Field) -> Json:
    if not field.lookup:
        return {}
    return {
        "query_details": {},
        "module": {"api_name": field.lookup, "id": "0"},
        "display_label": field.lookup,
        "api_name": None,
        "id": "0",
        "revalidate_filter_during_edit": False,
        "show_fields": [],
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
            "type": "used",
        }
        for number, (stored, shown) in enumerate(field.picks, 1)
    ]


def picks(*values: str) -> tuple[tuple[str, str], ...]:
    """Pick-list values that are shown as they are stored, after the entry `-None-`."""
    return (("-None-", "-None-"), *((value, value) for value in values))
