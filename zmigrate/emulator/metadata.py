"""The metadata calls: org, users, fields, modules, layouts, and which modules duplicates are sought in."""

from __future__ import annotations

from collections.abc import Mapping

from .answers import NO_CONTENT, Answer, Json, Refused, bad_param, invalid_module, json_answer, missing_param
from .catalogue import ModuleSpec
from .duplicates import MAPPED_MODULES, mapped_fields
from .ids import id_number
from .metadata_json import (
    FIELD_ID,
    FIELDS_PER_MODULE,
    layout_metadata,
    module_metadata,
    org_metadata,
)
from .reads import positive
from .world import World

USERS_PER_PAGE = 200
MODULE_STATES = frozenset({"visible", "user_hidden", "system_hidden", "scheduled_for_deletion"})


def org(world: World) -> Answer:
    return json_answer({"org": [org_metadata(world.options, world.zgid)]})


def users(world: World, query: Mapping[str, str]) -> Answer:
    """`GET /users?type=`."""
    found = world.users.of_type(query.get("type") or "AllUsers")
    if found is None:
        raise Refused(
            "PATTERN_NOT_MATCHED", "Please check whether the input values are correct", {"api_name": "type"}
        )
    per_page = positive(query, "per_page", USERS_PER_PAGE, USERS_PER_PAGE)
    page = positive(query, "page", 1, None)
    shown = found[(page - 1) * per_page : page * per_page]
    if not shown:
        return NO_CONTENT
    info = {
        "per_page": per_page,
        "count": len(shown),
        "page": page,
        "more_records": len(found) > page * per_page,
    }
    return json_answer({"users": [user.metadata(world.options) for user in shown], "info": info})


def user(world: World, user_id: str) -> Answer:
    number = id_number(user_id)
    known = None if number is None else world.users.find(number)
    if known is not None:
        return json_answer({"users": [known.metadata(world.options)]})
    raise Refused("INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": 1})


def module_of(world: World, query: Mapping[str, str]) -> ModuleSpec:
    name = query.get("module")
    if not name:
        raise missing_param("module")
    spec = world.described.get(name)
    if spec is None:
        raise Refused("INVALID_MODULE", "the module name given seems to be invalid")
    return spec


def fields(world: World, query: Mapping[str, str], field_id: str | None = None) -> Answer:
    """`GET /settings/fields`: without `type` the fields on a layout, `unused` the others, `all` both."""
    spec = module_of(world, query)
    kind = query.get("type")
    if kind not in (None, "all", "unused"):
        raise bad_param("type", supported_values=["all", "unused"])
    first = FIELD_ID + world.position(spec.api_name) * FIELDS_PER_MODULE
    shown: list[Json] = []
    for number, field in enumerate(spec.fields.values(), 1):
        own_id = str(first + number)
        if field_id is not None:
            wanted = own_id == field_id
        else:
            wanted = kind == "all" or field.on_layout is (kind is None)
        if wanted:
            entry = field.metadata(own_id, number, world.module_id)
            entry["display_field"] = field.api_name == spec.name_field
            shown.append(entry)
    if not shown and field_id is not None:
        raise Refused("INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": 2})
    return json_answer({"fields": shown}) if shown else NO_CONTENT


def modules(world: World, query: Mapping[str, str]) -> Answer:
    """`GET /settings/modules`. Every module here is visible."""
    wanted = query.get("status")
    if wanted is not None and not set(wanted.split(",")) <= MODULE_STATES:
        raise bad_param("status", supported_values=sorted(MODULE_STATES))
    if wanted is not None and "visible" not in wanted.split(","):
        return NO_CONTENT
    specs = world.described.values()
    return json_answer({"modules": [module_metadata(one, world.position(one.api_name)) for one in specs]})


def module(world: World, name: str) -> Answer:
    """`GET /settings/modules/{api_name}`."""
    spec = world.described.get(name)
    if spec is None:
        raise invalid_module()
    return json_answer({"modules": [module_metadata(spec, world.position(name))]})


def layouts(world: World, query: Mapping[str, str], layout_id: str | None = None) -> Answer:
    """`GET /settings/layouts?module=`: each module has one."""
    spec = module_of(world, query)
    layout = layout_metadata(spec, world.position(spec.api_name), world.module_id)
    if layout_id not in (None, layout["id"]):
        raise Refused("INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": 2})
    return json_answer({"layouts": [layout]})


def duplicate_check_preference(world: World, query: Mapping[str, str]) -> Answer:
    """`GET /settings/duplicate_check_preference?module=Leads` (OAS of that name).

    That there is no content where no preference was chosen is UNCONFIRMED.
    """
    module, kind = query.get("module"), world.options.duplicate_check
    if not module:
        raise missing_param("module")
    where = {"param_name": "module"}
    if module not in world.described:
        raise Refused("INVALID_MODULE", "the module name given seems to be invalid", where)
    if module not in MAPPED_MODULES:
        raise Refused("NOT_SUPPORTED", "the given module is not supported for this api", where)
    if kind == "own":
        return NO_CONTENT
    configurations = [_mapping(world, module)] if kind == "mapped_module_records" else []
    preference = {"type": kind, "type_configurations": configurations}
    return json_answer({"duplicate_check_preference": preference})


def _mapping(world: World, module: str) -> Json:
    """Which unique fields of a module are held against which of the other one."""
    other = MAPPED_MODULES[module]
    pairs = [
        {
            "mapped_field": _named_field(world, other, mapped),
            "current_field": _named_field(world, module, name),
        }
        for name, mapped in mapped_fields(world, module).items()
    ]
    mapped_module = {"api_name": other, "name": world.described[other].plural, "id": world.module_id(other)}
    return {"field_mappings": pairs, "mapped_module": mapped_module}


def _named_field(world: World, module: str, name: str) -> Json:
    """A field as the preference names it: `name` is the module's (OAS, docs v7)."""
    spec = world.described[module]
    number = list(spec.fields).index(name) + 1
    field_id = FIELD_ID + world.position(module) * FIELDS_PER_MODULE + number
    return {"api_name": name, "name": spec.plural, "id": str(field_id)}
