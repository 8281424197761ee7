"""The checks of what tests post to the control endpoints. Each refusal tells its reason.

Seeded records need not keep Zoho's rules, but their values must have the JSON types that Zoho shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_type_hints

from .answers import Json
from .checks import BIGINT
from .clock import instant
from .fields import ANY_MODULE, DATA_TYPES, ROWS, Field
from .ids import id_number
from .nested import BY_NAME
from .options import ANSWER_STATUS, ANY_COUNT, UP_TO_AN_HOUR, BadValue, Like, Within, problem_of, shown

SEEDED_LIMIT = 100_000
"""Records of one call."""
USERS_LIMIT = 2_000
FIELDS_LIMIT = 500
SCRIPTS_LIMIT = 10_000
YEAR_3000 = 32_503_680_000
STRUCTURED = frozenset({"jsonarray", "jsonobject"})
NEEDED = {
    "lookup": ("lookup",),
    "multiselectlookup": ("lookup", "linking", "wrapped_in"),
    "multiuserlookup": ("linking", "wrapped_in"),
    "subform": ("subform",),
    "multi_module_lookup": ("modules",),
}
"""Properties that a field of this type needs."""
FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})

HEADER_NAME = Like(re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"), "the name of a header")
HEADER_VALUE = Like(re.compile(r"[^\x00-\x1f\x7f]*"), "a text without control characters")
NAME = Like(re.compile(r"[A-Za-z_$][\w$]{0,99}", re.ASCII), "an API name of up to 100 letters, digits and _")

LIKE = {
    **dict.fromkeys(("api_name", "linking", "wrapped_in", "back_lookup"), NAME),
    "left_out_of": Like(re.compile("(create|update)?"), "create, update or empty"),
}
"""What texts among the properties of a field must be like."""


class Kind(NamedTuple):
    """Type and limits of one value."""

    hint: Any
    within: Within = ANY_COUNT
    like: Like | None = None


SCRIPT: Mapping[str, Kind] = {
    "applied": Kind(bool),
    "code": Kind(str | None),
    "contains": Kind(str | None),
    "delay_s": Kind(float | None, UP_TO_AN_HOUR),
    "message": Kind(str | None),
    "method": Kind(str | None),
    "mode": Kind(Literal["close", "hang"] | None),
    "path": Kind(str | None),
    "rows_containing": Kind(str | None),
    "skip": Kind(int, Within(0, 1_000_000)),
    "status": Kind(int | None, ANSWER_STATUS),
    "times": Kind(int, Within(1, 1_000_000)),
}
USER: Mapping[str, Kind] = {
    "full_name": Kind(str),
    "email": Kind(str),
    "status": Kind(str),
    "confirm": Kind(bool),
    "admin": Kind(bool),
    "invited_again": Kind(bool),
}
NUMBERS: Mapping[str, Within] = {
    "length": Within(0, 100_000),
    "decimals": Within(0, 9),
    "max_rows": Within(1, 100),
    "start_number": Within(0, 10**12),
}


def check_kinds(entry: Json, kinds: Mapping[str, Kind]) -> None:
    """Raises BadValue for the first value that has the wrong type or is out of its limits."""
    for name, kind in kinds.items():
        why = problem_of(entry[name], kind.hint, kind.within, kind.like) if name in entry else None
        if why:
            raise BadValue(name, why)


def objects(value: Any, what: str, most: int) -> list[Json]:
    """The list of objects; raises BadValue for another value, or for more than `most` objects."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise BadValue(what, "must be a list of objects")
    if len(value) > most:
        raise BadValue(what, f"can be {most} at most, not {len(value)}")
    return value


def script(value: Any, present: int) -> list[Json]:
    """The entries of a script, which are added to the `present` ones."""
    entries = objects(value, "the entries", SCRIPTS_LIMIT - present)
    for entry in entries:
        check_kinds(entry, SCRIPT)
        headers = entry.get("headers") or {}
        if not isinstance(headers, dict):
            raise BadValue("headers", "must be an object")
        for name, text in headers.items():
            why = problem_of(name, str, like=HEADER_NAME) or problem_of(str(text), str, like=HEADER_VALUE)
            if why or name.lower() in FRAMING:
                raise BadValue(f"the header {shown(name)}", why or "is set by the emulator alone")
    return entries


def users(value: Any, present: int) -> list[Json]:
    """The users to add to the `present` ones, or to change. Raises BadValue for too many."""
    entries = objects(value, "the users", max(0, USERS_LIMIT - present))
    for entry in entries:
        unknown = sorted(set(entry) - set(USER))
        if unknown:
            raise BadValue(shown(unknown[0]), "is not a property of a user")
        for name in ("full_name", "email"):
            if name not in entry:
                raise BadValue(name, "is missing")
        check_kinds(entry, USER)
    return entries


def module_name(name: str) -> str:
    if not NAME.pattern.fullmatch(name):
        raise BadValue(shown(name), f"must be {NAME.what}")
    return name


def ids(value: Any) -> list[int]:
    numbers = [id_number(one) for one in value] if isinstance(value, list) else [None]
    if None in numbers:
        raise BadValue("ids", "must be a list of ids")
    return [number for number in numbers if number is not None]


def moment(value: Any) -> float | None:
    """A time: ISO 8601, or seconds since 1970."""
    if isinstance(value, str):
        try:
            value = instant(value)
        except (ValueError, OverflowError):
            raise BadValue("created_time", f"must be a time, not {shown(value)}") from None
    why = problem_of(value, float | None, Within(-YEAR_3000, YEAR_3000))
    if why:
        raise BadValue("created_time", why)
    return None if value is None else float(value)


def field_properties(
    change: Json, known: Field | None, *, used: bool, modules: Sequence[str], hidden: Sequence[str]
) -> Json:
    """The properties to set on a field. Raises BadValue for one that no field can have.

    `used`: the module has records; `modules`: the modules with records; `hidden`: those of subform rows.
    """
    hints = get_type_hints(Field)
    made: Json = {}
    for name, value in change.items():
        if name not in hints or name == "given":
            raise BadValue(shown(name), "is not a property of a field")
        if name in ("picks", "unused_picks", "also_lookup", "modules"):
            if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                raise BadValue(name, "must be a list of texts")
            made[name] = value
            continue
        like = LIKE.get(name)
        why = problem_of(value, hints[name], NUMBERS.get(name, ANY_COUNT), like)
        if why:
            raise BadValue(name, why)
        made[name] = value
    if "api_name" not in made:
        raise BadValue("api_name", "is missing")
    _check_type(made, known, used)
    for name, allowed in (
        ("lookup", (*modules, ANY_MODULE)),
        ("also_lookup", modules),
        ("modules", modules),
        ("subform", hidden),
    ):
        for module in made.get(name, ()) if name in ("also_lookup", "modules") else [made.get(name)]:
            if module is not None and module not in allowed:
                raise BadValue(name, f"can't be {shown(module)}: there is no such module")
    return made


def _check_type(made: Json, known: Field | None, used: bool) -> None:
    kind = made.get("data_type", known.data_type if known else "text")
    if kind not in DATA_TYPES:
        raise BadValue("data_type", f"must be one of {', '.join(DATA_TYPES)}, not {shown(kind)}")
    wire_type = DATA_TYPES[kind][0]
    if made.get("json_type", "") not in ("", known.json_type if known else wire_type, wire_type):
        raise BadValue("json_type", f"must be {wire_type}, as the type {kind} is")
    if known is not None and kind != known.data_type and (used or not known.custom):
        raise BadValue("data_type", "can change only for a custom field of a module without records")
    if made.get("unique") and (known.wire_type if known else wire_type) in STRUCTURED:
        raise BadValue("unique", f"can't be true for the type {kind}")
    for name in NEEDED.get(kind, ()):
        if not made.get(name, known and getattr(known, name)):
            raise BadValue(name, f"is missing, which a field of the type {kind} needs")


def rows(value: Any, specs: Mapping[str, Field], all_fields: Mapping[str, Mapping[str, Field]]) -> list[Json]:
    """The records to seed. `all_fields`: the fields of every module, also of subforms."""
    found = objects(value, "data", SEEDED_LIMIT)
    for number, row in enumerate(found):
        for name, cell in row.items():
            field = specs.get(name)
            wanted = None if cell is None or field is None else _wrong_type(cell, field, all_fields)
            if wanted:
                raise BadValue(f"data[{number}].{name}", f"must be {wanted}, not {shown(cell)}")
        if not isinstance(row.get("$se_module", ""), str):
            raise BadValue(f"data[{number}].$se_module", "must be a text")
    return found


def _wrong_type(  # noqa: PLR0911  # a table
    value: Any, field: Field, all_fields: Mapping[str, Mapping[str, Field]]
) -> str | None:
    """What the value must be, or None if the value is right."""
    match field.wire_type:
        case "string" if field.api_name == "Wizard":
            return None if isinstance(value, dict) and id_number(value.get("id")) else "an object with an id"
        case "string" if not isinstance(value, str):
            return "a text"
        case "integer" | "double" if isinstance(value, bool) or not isinstance(value, int | float):
            return "a number"
        case "boolean" if not isinstance(value, bool):
            return "true or false"
        case "jsonobject" if not isinstance(value, dict) or not (
            field.data_type in ("RRULE", "ALARM") or id_number(value.get("id"))
        ):
            return "an object with an id"
        case "jsonarray":
            return _wrong_list(value, field, all_fields)
    if field.data_type == "datetime":
        try:
            moment(value)
        except BadValue:
            return "a date and a time"
    if field.data_type == "bigint" and not BIGINT.fullmatch(value):
        return "a text of digits"
    return None


def _wrong_list(value: Any, field: Field, all_fields: Mapping[str, Mapping[str, Field]]) -> str | None:
    texts = field.data_type == "multiselectpicklist" and field.api_name not in BY_NAME
    kind = str if texts else dict
    if not isinstance(value, list) or not all(isinstance(one, kind) for one in value):
        return f"a list of {'texts' if kind is str else 'objects'}"
    if field.api_name == "Tag" and not all(isinstance(one.get("name"), str) for one in value):
        return "a list of objects with a name"
    if field.data_type not in ROWS:
        return None
    if not all(id_number(one.get("id", 1)) for one in value):
        return "a list of objects, whose ids are ids"
    if field.wrapped_in:
        ends = [one.get(field.wrapped_in) for one in value]
        if not all(isinstance(end, dict) and id_number(end.get("id")) for end in ends):
            return f"a list of objects with {field.wrapped_in}, an object with an id"
    columns = all_fields[field.subform] if field.subform else {}
    cells = ((name, cell) for one in value for name, cell in one.items() if name in columns)
    wanted = (
        (name, _wrong_type(cell, columns[name], all_fields)) for name, cell in cells if cell is not None
    )
    return next((f"a list of objects, {name} in them {what}" for name, what in wanted if what), None)
