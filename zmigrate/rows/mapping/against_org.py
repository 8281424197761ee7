"""Checks a load against the org's metadata: what is known to be wrong before the first row. Sends nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from zmigrate.reasons import told
from zmigrate.rows.conversion.field_types import formats_read
from zmigrate.rows.conversion.refusal import shown
from zmigrate.rows.mapping.compiled import rules_that_count
from zmigrate.rows.mapping.field_rule import FieldRule, as_given

if TYPE_CHECKING:
    from zmigrate.job.hooks import Refusals
    from zmigrate.rows.mapping.load import Load
    from zmigrate.rows.mapping.toml_lines import KeyPath
    from zmigrate.zoho.metadata import Field, ModuleFields

_WORD_OF: Final = {"date_format": "format", "datetime_format": "format"}
"""Formats with another name in a field's rule."""
_FOR: Final = {
    "format": "date and datetime",
    "decimal": "number",
    "thousands": "number",
    "timezone": "datetime",
    "true": "boolean",
    "false": "boolean",
}


def problems_of(
    load: Load, fields: ModuleFields, subforms: Mapping[str, ModuleFields], refusals: Refusals
) -> Iterator[str]:
    """What would refuse every row, each with its place in the mapping: values that a field refuses
    (constants, defaults, values of `values`), rows for a field that is not a subform, formats that a field
    does not use.

    `subforms`: the fields of a subform's rows, by field, if they can be read. `refusals`: of the load's
    module.
    """
    for name, rule in rules_that_count(load.words).items():
        field = fields.get(name)
        if field is None:  # `id`, or reported elsewhere
            continue
        path: KeyPath = ("fields", name)
        target = f"{fields.module}.{name}"
        yield from _formats_unread(load, rule, field, target, path)
        if rule.rows is None:
            for at, value in _values_said(rule, path):
                for reason in refusals(name, value):
                    yield _refused(load, at, value, target, told(reason))
        elif not _takes_rows(field):
            where = load.places.of((*path, "rows"))
            yield f"{where}: {target} takes no rows: it is a {field.data_type} field, not a subform"
        else:
            yield from _of_rows(load, name, rule.rows.fields, refusals, subforms.get(name))


def _of_rows(
    load: Load,
    name: str,
    rules: Mapping[str, FieldRule],
    refusals: Refusals,
    fields: ModuleFields | None,
) -> Iterator[str]:
    for inner, rule in rules.items():
        path: KeyPath = ("fields", name, "fields", inner)
        field = None if fields is None else fields.get(inner)
        if field is None:
            continue
        yield from _formats_unread(load, rule, field, f"{name}.{inner}", path)
        for at, value in _values_said(rule, path):
            for reason in refusals(name, [{inner: value}]):
                if reason.field == f"{name}[0].{inner}":  # the row's other needs are not known yet
                    yield _refused(load, at, value, f"{name}.{inner}", told(reason))


def _refused(load: Load, path: KeyPath, value: Any, target: str, why: str) -> str:
    text = repr(value) if isinstance(value, str) else shown(value)
    return f"{load.places.of(path)}: {text} can't go to {target}: {why}"


def _values_said(rule: FieldRule, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """The values that the mapping itself gives a field, and where. A reference's values are keys, which the
    org or an earlier file may have.
    """
    if rule.pointer is not None:
        return
    said = {"constant": rule.constant, "default": rule.default, "otherwise": rule.otherwise}
    for word, value in said.items():
        if value is not None:
            yield (*path, word), as_given(value)
    for text, value in (rule.values or {}).items():
        yield (*path, "values", text), value


def _formats_unread(load: Load, rule: FieldRule, field: Field, target: str, path: KeyPath) -> Iterator[str]:
    read = formats_read(field)
    words = {_WORD_OF.get(name, name) for name in rule.formats}
    for word in sorted(words - {_WORD_OF.get(name, name) for name in read}):
        where = load.places.of((*path, word))
        yield f"{where}: it is for {_FOR[word]} fields, and {target} is a {field.data_type} field"


def _takes_rows(field: Field) -> bool:
    """Whether a field is a subform, or any other list of objects in JSON."""
    if field.data_type == "subform":
        return True
    return field.json_type == "jsonarray" and field.data_type != "multiselectpicklist"
