"""The metadata calls: org, users, fields, modules, layouts and the duplicate check preference."""

from __future__ import annotations

from collections.abc import Mapping

from .answers import (
    NO_CONTENT,
    Answer,
    Json,
    Refused,
    invalid_data,
    invalid_module,
    json_answer,
    missing_param,
    unknown_id,
)
from .catalogue import ModuleSpec
from .duplicates import MAPPED_MODULES, mapped_fields
from .field_json import field_metadata
from .ids import id_number
from .metadata_json import FIELD_ID, FIELDS_PER_MODULE, layout_metadata, module_metadata, org_metadata
from .reads import page_of
from .world import World

MODULE_STATES = frozenset({"visible", "user_hidden", "system_hidden", "scheduled_for_deletion"})


def org(world: World) -> Answer:
    return json_answer({"org": [org_metadata(world.options, world.zgid)]})


def users(world: World, query: Mapping[str, str]) -> Answer:
    """`GET /users?type=`."""
    found = world.users.of_type(query.get("type") or "AllUsers")
    if found is None:
        text = "Please check whether the input values are correct"
        raise Refused("PATTERN_NOT_MATCHED", text, {"api_name": "type"})
    shown, info = page_of(found, query)
    if not shown:
        return NO_CONTENT
    return json_answer({"users": [user.metadata(world.options) for user in shown], "info": info})


def user(world: World, user_id: str) -> Answer:
    number = id_number(user_id)
    known = None if number is None else world.users.find(number)
    if known is None:
        raise unknown_id(resource_path_index=1)
    return json_answer({"users": [known.metadata(world.options)]})


def module_of(world: World, query: Mapping[str, str], details: Json | None = None) -> ModuleSpec:
    """The module that the parameter `module` names. Raises Refused, with `details`, for an unknown one."""
    name = query.get("module")
    if not name:
        raise missing_param("module")
    spec = world.all_specs.get(name)
    if spec is None:
        raise invalid_module(details)
    return spec


def fields(world: World, query: Mapping[str, str], field_id: str | None = None) -> Answer:
    """`GET /settings/fields`. `type`: none for the fields on a layout, `unused` for the others, or `all`."""
    spec = module_of(world, query)
    kind = query.get("type")
    if kind not in (None, "all", "unused"):
        raise invalid_data(param_name="type", supported_values=["all", "unused"])
    first = FIELD_ID + world.position(spec.api_name) * FIELDS_PER_MODULE
    shown: list[Json] = []
    for number, field in enumerate(spec.fields.values(), 1):
        entry = field_metadata(field, str(first + number), number, world.shown_org)
        if field_id is not None:
            wanted = entry["id"] == field_id
        else:
            wanted = kind == "all" or field.on_layout is (kind is None)
        if wanted and field.given is None:
            entry["display_field"] = field.api_name == spec.name_field
        if wanted:
            shown.append(entry)
    if not shown and field_id is not None:
        raise unknown_id(resource_path_index=2)
    return json_answer({"fields": shown}) if shown else NO_CONTENT


def modules(world: World, query: Mapping[str, str]) -> Answer:
    """`GET /settings/modules`. Every module of the emulator is visible."""
    wanted = query.get("status", "visible").split(",")
    if not MODULE_STATES.issuperset(wanted):
        raise invalid_data(param_name="status", supported_values=sorted(MODULE_STATES))
    if "visible" not in wanted:
        return NO_CONTENT
    specs = world.all_specs.values()
    return json_answer({"modules": [module_metadata(one, world.position(one.api_name)) for one in specs]})


def module(world: World, name: str) -> Answer:
    """`GET /settings/modules/{api_name}`."""
    spec = world.all_specs.get(name)
    if spec is None:
        raise invalid_module()
    return json_answer({"modules": [module_metadata(spec, world.position(name))]})


def layouts(world: World, query: Mapping[str, str], layout_id: str | None = None) -> Answer:
    """`GET /settings/layouts?module=`. Each module has one layout."""
    spec = module_of(world, query)
    layout = layout_metadata(spec, world.position(spec.api_name), world.shown_org)
    if layout_id not in (None, layout["id"]):
        raise unknown_id(resource_path_index=2)
    return json_answer({"layouts": [layout]})


def duplicate_check_preference(world: World, query: Mapping[str, str]) -> Answer:
    """`GET /settings/duplicate_check_preference?module=Leads` (OAS of that name).

    UNCONFIRMED: 204 when no preference was chosen.
    """
    where, kind = {"param_name": "module"}, world.options.duplicate_check
    module = module_of(world, query, where).api_name
    if module not in MAPPED_MODULES:
        raise Refused("NOT_SUPPORTED", "the given module is not supported for this api", where)
    if kind == "own":
        return NO_CONTENT
    configurations = [_mapping(world, module)] if kind == "mapped_module_records" else []
    preference = {"type": kind, "type_configurations": configurations}
    return json_answer({"duplicate_check_preference": preference})


def _mapping(world: World, module: str) -> Json:
    """Which unique fields of a module are compared with which fields of the other module."""
    other = MAPPED_MODULES[module]
    pairs = [
        {
            "mapped_field": _named_field(world, other, mapped),
            "current_field": _named_field(world, module, name),
        }
        for name, mapped in mapped_fields(world, module).items()
    ]
    mapped_module = {"api_name": other, "name": world.all_specs[other].plural, "id": world.module_id(other)}
    return {"field_mappings": pairs, "mapped_module": mapped_module}


def _named_field(world: World, module: str, name: str) -> Json:
    """A field as the preference names it: `name` is the module's (OAS, docs v7)."""
    spec = world.all_specs[module]
    number = list(spec.fields).index(name) + 1
    field_id = FIELD_ID + world.position(module) * FIELDS_PER_MODULE + number
    return {"api_name": name, "name": spec.plural, "id": str(field_id)}
