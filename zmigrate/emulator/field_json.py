"""How `GET /settings/fields` shows a field (docs v7 "field metadata", OAS `fields`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .fields import ANY_MODULE, COMPUTED, LARGE_TEXTAREA, NUMBERS, ROWS, SMALL_TEXTAREA, Field, Json
from .options import UniqueSpelling

ModuleId = Callable[[str], str]
"""Takes a module's API name and returns its id, or "0" if it has none."""


class Org(NamedTuple):
    """What the JSON of fields and layouts depends on in the org."""

    module_id: ModuleId
    spelling: UniqueSpelling


VIRTUAL = frozenset({"subform", "multiselectlookup", "multiuserlookup"})
READ_ONLY = frozenset({"territories"})
"""Types that are read-only for everybody, by `field_read_only` too."""
NOT_ON_PAGES = frozenset({"Tag"})
"""Fields that the API writes, though no page of Zoho shows them for input (docs v7: `Tag`)."""
ENCRYPTED: Json = {"mode": "encryption", "status": 1}
SAME_FOR_ALL_FIELDS: Json = (
    {"webhook": True, "colour_code_enabled_by_system": False, "tooltip": None, "association_details": None}
    | {"display_field": False, "layout_associations": [], "refer_from_field": None}
    | {"sub_module": None, "enable_colour_code": False, "pick_list_values_sorted_lexically": False}
    | {"created_source": "default", "created_time": None, "modified_time": None, "category": 1}
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


def field_metadata(field: Field, field_id: str, position: int, org: Org) -> Json:
    """The field as `settings/fields` shows it.

    `operation_type` of a subform is false throughout, though it is written: `view_type`, `read_only` and
    `field_read_only` tell. That of `Tag` is true, its `view_type` not (both as live orgs show them).
    """
    if field.given is not None:
        return {"id": field_id, **field.given}
    computed = field.data_type in COMPUTED
    writable = field.writable and not computed and field.data_type not in READ_ONLY
    module_id = org.module_id
    on_pages = writable and field.on_layout and field.api_name not in NOT_ON_PAGES
    label = field.label or field.api_name.replace("_", " ")
    formula = {"return_type": "string", "expression": "If(1>2,'a','b')"}
    currency = {"rounding_option": "round_off", "precision": field.decimals or 2}
    shown = {
        "id": field_id,
        "api_name": field.api_name,
        "data_type": field.data_type,
        "json_type": field.wire_type,
        "field_label": label,
        "display_label": label,
        "column_name": field.api_name.upper(),
        "length": field.size,
        "sequence_number": position,
        "quick_sequence_number": str(position),
        "type": "used" if field.on_layout else "unused",
        "custom_field": field.custom,
        "customizable_properties": ["field_label", "length"] if field.custom else [],
        "system_mandatory": field.mandatory,
        "read_only": computed or field.data_type in READ_ONLY,
        "field_read_only": field.data_type in READ_ONLY,
        "operation_type": _operations(field, writable),
        "view_type": {
            "view": field.on_layout,
            "edit": on_pages,
            "quick_create": field.mandatory,
            "create": on_pages,
        },
        "visible": field.on_layout,
        "available_in_user_layout": field.on_layout,
        "filterable": field.on_layout,
        "show_type": 7 if field.on_layout else 0,
        "blueprint_supported": writable,
        "mass_update": writable and not field.unique,
        "businesscard_supported": field.data_type != "textarea",
        "searchable": field.data_type not in ("textarea", "boolean", *ROWS),
        "sortable": field.data_type not in ("textarea", "multiselectpicklist", *ROWS),
        "number_separator": field.data_type in NUMBERS,
        "virtual_field": field.data_type in VIRTUAL,
        "unique": _unique(field, org.spelling),
        "crypt": ENCRYPTED if field.encrypted else None,
        "external": {"show": False, "type": field.external} if field.external else None,
        "lookup": _lookup(field, module_id),
        "multi_module_lookup": _modules(field, module_id),
        "subform": _rows_module(field, module_id),
        "associated_module": _rows_module(field, module_id),
        "multiselectlookup": _linking(field, field_id, module_id, "multiselectlookup"),
        "multiuserlookup": _linking(field, field_id, module_id, "multiuserlookup"),
        "pick_list_values": _picks(field, field_id),
        "currency": currency if field.data_type == "currency" else {},
        "decimal_place": _decimal_place(field),
        "formula": formula if field.data_type == "formula" else {},
        "rollup_summary": _rollup(field),
        "auto_number": _auto_number(field),
    }
    if field.data_type == "textarea":
        shown["textarea"] = {"type": _textarea(field)}
    return SAME_FOR_ALL_FIELDS | shown


def _decimal_place(field: Field) -> int | None:
    if field.data_type in ("double", "currency"):
        return 2 if field.decimals is None else field.decimals
    return None


def _textarea(field: Field) -> str:
    if field.size <= SMALL_TEXTAREA:
        return "small"
    return "large" if field.size <= LARGE_TEXTAREA else "rich_text"


def _operations(field: Field, writable: bool) -> Json:
    names = ("web_update", "api_create", "web_create", "api_update")
    shown = dict.fromkeys(names, writable and field.data_type != "subform")
    shown |= {name: False for name in names if field.left_out_of and name.endswith(field.left_out_of)}
    return {**shown, "web_update": True} if field.data_type == "territories" else shown


def _unique(field: Field, spelling: UniqueSpelling) -> Json:
    """Docs and OAS spell it in two ways."""
    if not field.unique:
        return {}
    if spelling == "casesensitive":
        return {"casesensitive": "1" if field.case_sensitive else "0"}
    return {"case_sensitive": field.case_sensitive}


def _modules(field: Field, module_id: ModuleId) -> Json:
    """The modules of a multi_module_lookup, as an org shows them for appointments."""
    if field.data_type != "multi_module_lookup":
        return {}
    modules = [{"api_name": name, "module_name": name, "id": module_id(name)} for name in field.modules]
    return {"display_label": field.api_name.replace("_", " "), "api_name": field.api_name, "modules": modules}


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
