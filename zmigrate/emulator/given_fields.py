"""Fields as a whole answer of `GET /settings/fields` has them, of any API version from 2 to 8.

Older versions lack keys, write modules as names, or flags as texts. What a key leaves open, Zoho's usual
value fills.
"""

from __future__ import annotations

from typing import Any

from .fields import ANY_MODULE, NEVER_STORED, TEXTAREAS, USERS, Field, Json
from .options import BadValue, shown

SYSTEM = frozenset({"id", "Created_By", "Modified_By", "Created_Time", "Modified_Time", "Full_Name"})
"""Fields that Zoho fills, whatever their flags say."""
MOST_FIELDS = 999
WIRE_TYPES = frozenset({"string", "integer", "double", "boolean", "jsonarray", "jsonobject"})


def given_fields(module: str, answer: Any) -> list[Field]:
    """The fields of an answer. Raises BadValue for something else."""
    entries = answer.get("fields") if isinstance(answer, dict) else None
    if not isinstance(entries, list) or not entries or len(entries) > MOST_FIELDS:
        raise BadValue(shown(module), f'needs an answer {{"fields": [...]}} with 1 to {MOST_FIELDS} fields')
    for number, entry in enumerate(entries):
        name = entry.get("api_name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name.isascii() or not name.isidentifier():
            raise BadValue(f"fields[{number}]", f"of {shown(module)} must be an object with an api_name")
    fields = [_field(entry) for entry in entries]
    if any(field.subform == module for field in fields):
        raise BadValue(shown(module), "can't be a subform of itself")
    return list({field.api_name: field for field in fields}.values())


def _field(raw: Json) -> Field:
    name, data_type = raw["api_name"], str(raw.get("data_type") or "text")
    create, update = (_writes(raw, data_type, verb) for verb in ("create", "update"))
    lookup, linking = _part(raw, "lookup"), _part(raw, "multiselectlookup") or _part(raw, "multiuserlookup")
    target = _module(lookup.get("module")) or _module(linking.get("connected_module"))
    picks = [one for one in raw.get("pick_list_values") or () if isinstance(one, dict)]
    number, external = _part(raw, "auto_number"), _part(raw, "external")
    linked = data_type in ("multiselectlookup", "multiuserlookup")
    return Field(
        api_name=name,
        data_type=data_type,
        label=str(raw.get("field_label") or ""),
        json_type=raw["json_type"] if raw.get("json_type") in WIRE_TYPES else "",
        length=_whole(raw.get("length")) or TEXTAREAS.get(str(_part(raw, "textarea").get("type")), 0),
        mandatory=_yes(raw.get("system_mandatory")),
        layout_mandatory=_yes(raw.get("required")),
        unique=bool(raw.get("unique")),
        case_sensitive=any(map(_yes, _part(raw, "unique").values())),
        external=str(external["type"]) if external.get("type") else None,
        picks=tuple((_stored(one), str(one.get("display_value"))) for one in picks),
        unused_picks=tuple(_stored(one) for one in picks if one.get("type") == "unused"),
        lookup=ANY_MODULE if target == "se_module" else target,
        also_lookup=("Leads",) if name == "Who_Id" else (),
        custom=_yes(raw.get("custom_field")),
        writable=create or update,
        left_out_of="" if create == update else "update" if create else "create",
        on_layout=raw.get("type") != "unused",
        decimals=_whole(raw.get("decimal_place")),
        linking=_module(linking.get("linking_module")) or (f"{name}_Links" if linked else None),
        back_lookup=str(linking.get("lookup_apiname") or "Parent_Id"),
        wrapped_in=str(linking.get("connectedlookup_apiname") or name) if linked else "",
        subform=_rows_module(raw, name) if data_type == "subform" else None,
        modules=tuple(filter(None, map(_module, _part(raw, "multi_module_lookup").get("modules") or ()))),
        encrypted=bool(raw.get("crypt")),
        prefix=str(number.get("prefix") or ""),
        start_number=_whole(number.get("start_number")) or 1,
        given=raw,
    )


def _writes(raw: Json, data_type: str, verb: str) -> bool:
    """Whether Zoho stores a value of the field.

    `operation_type` decides, but not for subforms. What no page takes is dropped, except Tag. Older versions
    have no `operation_type`; there the rest decides. Owner is written though it shows itself read-only.
    """
    name, view = raw["api_name"], _part(raw, "view_type")
    if data_type in NEVER_STORED or name in SYSTEM:
        return False
    pages = [view.get("create"), view.get("edit")]
    if pages.count(False) == len(pages) and name != "Tag":
        return False
    if data_type == "subform":
        shown_there = view.get("create" if verb == "create" else "edit")
        return shown_there is not False and not _read_only(raw)
    allowed = _part(raw, "operation_type").get(f"api_{verb}")
    return bool(allowed) if allowed is not None else name == "Owner" or not _read_only(raw)


def _read_only(raw: Json) -> bool:
    return _yes(raw.get("read_only")) or _yes(raw.get("field_read_only"))


def _rows_module(raw: Json, name: str) -> str:
    """The module of a subform's rows. Where no key names it, it is called as the field is."""
    for key in ("subform", "associated_module"):
        part = _part(raw, key)
        found = _module(part.get("module")) or _module(part)
        if found:
            return found
    return name


def _stored(pick: Json) -> str:
    return str(pick.get("actual_value") or pick.get("display_value"))


def _part(raw: Json, key: str) -> Json:
    part = raw.get(key)
    return part if isinstance(part, dict) else {}


def _module(named: Any) -> str | None:
    """A module as an object with its `api_name`, or as its name alone, as in older versions."""
    name = named.get("api_name") if isinstance(named, dict) else named
    if not isinstance(name, str) or not name:
        return None
    return USERS if name.lower() == USERS else name


def _yes(value: Any) -> bool:
    """A flag: a JSON boolean, or a text or number in its place."""
    return str(value).casefold() in ("true", "1")


def _whole(value: Any) -> int | None:
    return int(value) if str(value).isdecimal() else None
