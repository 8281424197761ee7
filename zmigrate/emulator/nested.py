"""The checks of lists and objects: links, subform rows, files, tags, participants, reminders.

`joined` merges new rows with a record's old rows. Facts: docs v7 "insert records", "update records" and
"subforms".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from .answers import Json
from .checks import Check, Invalid, expects, missing, reference, too_long, unknown_id
from .fields import Field
from .ids import id_number

TAG_LENGTH = 25
MAX_PARTICIPANTS = 50
PARTICIPANT_MODULES = {"contact": "Contacts", "lead": "Leads"}
PARTICIPANT_TYPES = ("email", "contact", "lead", "user")
DELETE = "_delete"


class RowRules(Protocol):
    """The rules of a subform's rows."""

    def check(self, record: Json, index: int) -> tuple[Json, list[Json]]: ...
    def missing(self, kept: Json, problems: list[Json], index: int) -> list[Json]: ...
    def blanked(self, kept: Json, index: int, record_id: str) -> list[Json]: ...


class InvalidRows(Invalid):
    """Several problems of a subform, each with its row's number. Their paths begin at a record 0."""

    def __init__(self, found: list[tuple[int, Json]]) -> None:
        super().__init__({})
        self._found = found

    def problems(self, field_name: str, index: int) -> list[Json]:
        placed = []
        for number, problem in self._found:
            inner = problem["details"]["json_path"].removeprefix("$.data[0]")
            where = {
                "json_path": f"$.data[{index}].{field_name}[{number}]{inner}",
                "parent_api_name": field_name,
            }
            placed.append({**problem, "details": {**problem["details"], **where}})
        return placed


def items(value: Any) -> Iterator[tuple[int, Json]]:
    """The objects of a list with their numbers. Raises Invalid for any other value."""
    if type(value) is not list:
        raise expects("jsonarray")
    for number, item in enumerate(value):
        if type(item) is not dict:
            raise expects("jsonobject", f"[{number}]")
        yield number, item


def marks(row: Json) -> Json:
    """The row's `id` and `_delete`, as far as they are given."""
    marked: Json = {"id": str(row["id"])} if row.get("id") is not None else {}
    return {**marked, DELETE: None} if DELETE in row else marked


def links(field: Field, exists: Callable[[int], bool]) -> Check:
    """`[{"<lookup of the linking module>": {"id"}}]`. A bare `id` is the id of an existing link."""
    other, one = field.wrapped_in, reference(exists)

    def check(value: Any) -> list[Json]:
        rows = []
        for number, item in items(value):
            row = marks(item)
            if item.get(other) is not None:
                try:
                    row[other] = one(item[other])
                except Invalid as bad:
                    path = f"[{number}].{other}{bad.path}"
                    raise Invalid(bad.details, bad.code, bad.message, path, other) from None
            elif "id" not in row:
                raise expects("jsonobject", f"[{number}].{other}", other)
            rows.append(row)
        return rows

    return check


def subform(rules: RowRules) -> Check:
    def check(value: Any) -> list[Json]:
        rows: list[Json] = []
        found: list[tuple[int, Json]] = []
        for number, item in items(value):
            row = marks(item)
            if DELETE not in row:
                kept, problems = rules.check(item, 0)
                known = row.get("id")
                problems += (
                    rules.missing(kept, problems, 0) if known is None else rules.blanked(kept, 0, known)
                )
                found += [(number, problem) for problem in problems]
                row |= kept
            rows.append(row)
        if found:
            raise InvalidRows(found)
        return rows

    return check


def files(value: Any) -> list[Json]:
    """`[{"File_Id__s"}]`. Any text is accepted as a file's id."""
    rows = []
    for number, item in items(value):
        row, name = marks(item), "File_Id__s"
        if "id" not in row:
            if not item.get(name):
                raise missing(f"[{number}].{name}", name)
            if type(item[name]) is not str:
                raise expects("string", f"[{number}].{name}", name)
            row[name] = item[name]
        rows.append(row)
    return rows


def tags(tag_id: Callable[[str], str]) -> Check:
    """`[{"name"}]`. A new name makes a tag. UNCONFIRMED: a name of blanks alone is refused."""

    def check(value: Any) -> list[Json] | None:
        named: dict[str, Json] = {}
        for number, item in items(value):
            name, path = item.get("name"), f"[{number}].name"
            if name is None:
                raise missing(path, "name")
            if type(name) is not str or not name.strip():
                raise expects("string", path, "name")
            if len(name) > TAG_LENGTH:
                raise too_long(TAG_LENGTH, path, "name")
            named.setdefault(name.casefold(), {"name": name, "id": tag_id(name), "color_code": None})
        return list(named.values()) or None

    return check


def participants(record_exists: Callable[[str, int], bool], user_exists: Callable[[int], bool]) -> Check:
    """Of an event: `{"type": "email", "Email"}`, or another type and the id as `participant`.

    SDK v8 has the address as `participant` too.
    """

    def exists(kind: str, wanted: int) -> bool:
        return user_exists(wanted) if kind == "user" else record_exists(PARTICIPANT_MODULES[kind], wanted)

    def check(value: Any) -> list[Json] | None:
        rows = []
        for number, item in items(value):
            kind = item.get("type")
            if kind not in PARTICIPANT_TYPES:
                details = {"supported_values": list(PARTICIPANT_TYPES)}
                raise Invalid(details, path=f"[{number}].type", api_name="type")
            key = "Email" if kind == "email" and "participant" not in item else "participant"
            wanted = str(item.get(key) or "")
            if not wanted:
                raise missing(f"[{number}].{key}", key)
            person = id_number(wanted)
            if kind != "email" and (person is None or not exists(kind, person)):
                raise unknown_id(wanted, f"[{number}].{key}", key)
            address = {"Email": wanted} if kind == "email" else {}
            rows.append({"type": kind, **address, "participant": wanted, "name": item.get("name")})
        if len(rows) > MAX_PARTICIPANTS:
            text = f"Only {MAX_PARTICIPANTS} participants can be added to an event."
            raise Invalid({"limit": MAX_PARTICIPANTS}, "LIMIT_EXCEEDED", text)
        return rows or None

    return check


def rule(key: str) -> Check:
    """An object with one text: `{"RRULE": …}` or `{"ALARM": …}`."""

    def check(value: Any) -> Json:
        if type(value) is not dict:
            raise expects("jsonobject")
        if type(value.get(key)) is not str:
            raise expects("string", f".{key}", key)
        return {key: value[key]}

    return check


def reminders(value: Any) -> list[Json] | None:
    """`[{"unit": 15, "period": "minutes"}]` of an event."""
    for number, item in items(value):
        for name, kind in (("unit", int), ("period", str)):
            if type(item.get(name)) is not kind:
                raise expects("integer" if kind is int else "string", f"[{number}].{name}", name)
    return value or None


def too_many_rows(most: int) -> Invalid:
    """UNCONFIRMED: how Zoho refuses them. Here as the documented LIMIT_EXCEEDED."""
    return Invalid({"limit": most}, "LIMIT_EXCEEDED", "Record insertion limit has been exceeded.")


def record_of_module(
    modules: Sequence[str], exists: Callable[[str, int], bool], module_id: Callable[[str], str]
) -> Check:
    """`{"id", "module": {"api_name"}}` of a note's parent, or of a lookup to several modules.

    UNCONFIRMED: how Zoho refuses a value without the module, or with another one.
    """

    def check(value: Any) -> Json:
        if type(value) is not dict:
            raise expects("jsonobject")
        module = value.get("module")
        name = module.get("api_name") if isinstance(module, dict) else module
        if name is None:
            raise missing(".module", "module")
        if name not in modules:
            raise Invalid({"supported_values": modules}, path=".module", api_name="module")
        wanted = str(value.get("id", ""))
        number = id_number(wanted)
        if number is None or not exists(name, number):
            raise unknown_id(wanted)
        return {"id": wanted, "module": {"api_name": name, "id": module_id(name)}}

    return check


def taxes(value: Any) -> list[Json] | None:
    """`[{"id", "value"}]` of a product or a service."""
    for number, item in items(value):
        if id_number(item.get("id")) is None:
            raise unknown_id(str(item.get("id", "")), f"[{number}].id", "id")
    return value or None


def prices(value: Any) -> list[Json] | None:
    """`[{"from_range", "to_range", "discount"}]` of a price book."""
    for number, item in items(value):
        for name in ("from_range", "to_range", "discount"):
            if type(item.get(name)) not in (int, float):
                raise expects("double", f"[{number}].{name}", name)
    return value or None


def wizard(value: Any) -> Json:
    """`{"id"}` of a wizard, though the metadata say bigint."""
    if type(value) is not dict:
        raise expects("jsonobject")
    if id_number(value.get("id")) is None:
        raise unknown_id(str(value.get("id", "")))
    return value


def as_given(wire_type: str) -> Check:
    """A list or an object whose inside is nowhere described."""
    kind = list if wire_type == "jsonarray" else dict

    def check(value: Any) -> Any:
        if not isinstance(value, kind):
            raise expects(wire_type)
        return value or None

    return check


BY_NAME: dict[str, Check] = {"Tax": taxes, "Pricing_Details": prices}
"""Lists whose items have a shape of their own."""


def joined(
    field: Field, old: list[Json], new: list[Json], new_id: Callable[[], str], *, replace: bool
) -> list[Json] | None:
    """The rows after a write. Raises Invalid for an unknown row id or too many rows.

    A row without id is added; a row with id is changed, or removed with `_delete`; `[]` removes all. Old rows
    that are not named stay (docs v7) or, with `replace`, go (as others report). A link is never made twice.
    """
    known = {row["id"]: row for row in old}
    rows: dict[str, Json] = {} if replace or not new else dict(known)
    linked = {row[field.wrapped_in]["id"] for row in rows.values()} if field.wrapped_in else set()
    for number, row in enumerate(new):
        row_id = row.get("id")
        if row_id is None:
            if DELETE in row:
                raise missing(f"[{number}].id", "id")
            other = row[field.wrapped_in]["id"] if field.wrapped_in else None
            if other is None or other not in linked:
                made = new_id()
                rows[made] = {"id": made, **row}
                linked.add(other)
        elif row_id not in known:
            raise unknown_id(row_id, f"[{number}].id", "id")
        elif DELETE in row:
            rows.pop(row_id, None)
        else:
            rows[row_id] = {**known[row_id], **row}
    if field.data_type == "subform" and len(rows) > field.max_rows:
        raise too_many_rows(field.max_rows)
    return [{k: v for k, v in row.items() if v is not None} for row in rows.values()] or None
