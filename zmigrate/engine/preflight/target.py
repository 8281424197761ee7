"""Where a record job writes to: the key that its records are found by, and what the module allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zmigrate.engine.model.keys import (
    CASE_INSENSITIVE,
    EXACT,
    KEY_TYPES,
    KeyField,
    match_of,
    unique_fields,
    why_no_key,
)
from zmigrate.engine.model.target import KeyKind, Target
from zmigrate.engine.preflight.fields import nearest_field, told_with_place
from zmigrate.errors import UsageError
from zmigrate.job.job import RecordJob
from zmigrate.job.key_text import fields_of_key, is_composite
from zmigrate.job.writes import Insert, Write
from zmigrate.rows.conversion.keys import fold_number
from zmigrate.zoho.facts import modules as module_facts
from zmigrate.zoho.metadata import STORED_ELSEWHERE, Field, ModuleFields


def find_target(
    write: Write, fields: ModuleFields, trigger: Sequence[str], job: RecordJob | None = None
) -> Target:
    """Where the job writes to; `job`: its mapping may name the key. Raises UsageError for an unusable key."""
    module, operation, key = write.module, write.operation, write.key
    with told_with_place(job, "operation"):
        if operation == "upsert" and module in module_facts.NO_UPSERT:
            raise UsageError(
                f"Zoho has no upsert for {module}",
                hint="Use an insert with a key, or an update.",
            )
    with told_with_place(job, "key"):
        kind, field = _key_kind(write, fields)
        several = _several(write, fields)
        if operation == "upsert":
            _check_matched(write, fields, kind)
    return Target(
        module,
        operation,
        key,
        kind,
        _fold(write, field) if several is None else several.fold,
        tuple(trigger),
        number=field is not None and field.whole_number,
        case_sensitive=field is not None and field.unique and field.case_sensitive,
        on_existing=write.on_existing if isinstance(write, Insert) else None,
        on_repeated=write.on_repeated,
        appended=frozenset(each.api_name for each in fields if each.data_type in STORED_ELSEWHERE),
        others=unique_fields(fields, key) if operation != "delete" else (),
        match=match_of(field) if several is None else several.match,
        email=field is not None and field.data_type == "email",
        ignore_case=write.ignore_case,
        several=several,
    )


def _several(write: Write, fields: ModuleFields) -> KeyField | None:
    """The key, if it has several fields."""
    if not is_composite(write.key):
        return None
    return KeyField.of_several([_key_field(write, name, fields) for name in fields_of_key(write.key)])


def _check_matched(write: Write, fields: ModuleFields, kind: KeyKind) -> None:
    if kind == "plain" and write.key != module_facts.SYSTEM_DUPLICATE_CHECK.get(write.module, "Name"):
        unique = (
            ", ".join(name for name, found in fields.fields.items() if found.unique and not found.encrypted)
            or "none"
        )
        raise UsageError(
            f"an upsert can't match on {write.module}.{write.key}: "
            "it is neither unique nor what Zoho matches on",
            hint=f"Unique fields of {write.module}: {unique}.",
        )


def _fold(write: Write, field: Field | None) -> Callable[[str], str]:
    """Which spellings of a key are kept apart in flight; `id` has no field."""
    if field is None or field.whole_number:
        return fold_number
    exact = field.unique and field.case_sensitive and field.data_type != "email"
    return EXACT if exact and not write.ignore_case else CASE_INSENSITIVE


def _key_kind(write: Write, fields: ModuleFields) -> tuple[KeyKind, Field | None]:
    key = write.key
    if key is None:
        return "none", None
    if key == "id":
        return "id", None
    if is_composite(key):
        return "plain", None
    field = _key_field(write, key, fields)
    return ("unique" if field.unique else "plain"), field


def _key_field(write: Write, key: str, fields: ModuleFields) -> Field:
    field = fields.get(key)
    if field is None:
        raise UsageError(
            f"{write.module} has no field {key!r}, which is the key",
            hint=nearest_field(key, fields),
            code="UNKNOWN_FIELD",
        )
    if not field.on_layout:
        raise UsageError(
            f"the key {write.module}.{key} is on no layout: Zoho would silently drop its value",
            hint="Put the field on a layout (Setup > Modules and Fields), or choose another key.",
            code="UNUSED_FIELD",
        )
    why = why_no_key(field)
    if why is not None:
        raise UsageError(
            f"{write.module}.{key} can't be a key: it is a {field.data_type} field; {why}",
            hint=f"A key is not encrypted, and one of: {', '.join(sorted(KEY_TYPES))}.",
            code="KEY_TYPE",
        )
    return field
