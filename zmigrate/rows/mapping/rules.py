"""Each field's rule, compiled once into a function from a row to the field's value.

Empty text leaves the field alone; `Blank` erases it. If a row's cells do not fit, a BadValue names the column
and fails the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from zmigrate.job.blank import Blank
from zmigrate.job.key_text import is_composite, key_text
from zmigrate.job.references import Find, Ref
from zmigrate.rows.mapping.cells import NOT_TEXT, as_text, bad_value, is_empty
from zmigrate.rows.mapping.field_rule import FieldRule, Pointer, as_given

NOT_IN_VALUES: Final = "NOT_IN_VALUES"

Cells: TypeAlias = Mapping[str, Any]
RowFunction: TypeAlias = Callable[[Cells], Any]
TextFunction: TypeAlias = Callable[[str], Any]


def compile_rule(name: str, rule: FieldRule) -> RowFunction:
    """The function of a rule without rows of a second file. `name`: the field's, for messages."""
    if rule.constant is not None:
        constant = _pointed(rule.pointer, as_given(rule.constant))
        return lambda row: constant
    take = _taker(name, rule)
    empty = _when_empty(rule)
    each = _text_steps(name, rule)
    if each is not None and rule.split is not None and rule.part is None:
        take = _split_whole(take, rule.split)

    def value_of(row: Cells) -> Any:
        given = take(row)
        if each is not None and not isinstance(given, list | tuple):
            given = each(_text(name, rule, given))
        elif each is not None:
            given = [
                value for item in given if not is_empty(value := each(_text(name, rule, item)))
            ] or ""  # fmt: skip
        return empty if is_empty(given) else given

    return value_of


def _when_empty(rule: FieldRule) -> Any:
    if rule.default is not None:
        return _pointed(rule.pointer, as_given(rule.default))
    return Blank if rule.blank else ""


def _pointed(pointer: Pointer | None, value: Any) -> Any:
    """The value itself, or a reference to the record with this key."""
    if pointer is None:
        return value
    if isinstance(value, list):
        return [_pointed(pointer, item) for item in value]
    key = as_text(value).strip()
    if pointer.kind == "ref":
        return Ref(pointer.module, key, pointer.by, pointer.when_open, pointer.ignore_case)
    return Find(pointer.module, pointer.by or "", key, pointer.when_open, pointer.ignore_case)


# ---------------------------------------------------------------------------------------- from where


def _taker(name: str, rule: FieldRule) -> RowFunction:
    if rule.column is not None:
        column = rule.column
        return lambda row: row.get(column)
    template = rule.template
    if template is not None:
        return lambda row: template.fill(
            [_text(name, rule, row.get(each)).strip() for each in template.places]
        )
    columns, join = rule.columns, rule.join
    if rule.pointer is not None and is_composite(rule.pointer.by):
        return lambda row: _key_of([_text(name, rule, row.get(column)) for column in columns])
    return lambda row: join.join(
        filter(None, (_text(name, rule, row.get(column)).strip() for column in columns))
    )


def _key_of(values: Sequence[str]) -> str:
    """The text of a key of several fields; empty if all of them are."""
    return key_text(values) if any(value.strip() for value in values) else ""


def _text(name: str, rule: FieldRule, cell: Any) -> str:
    if type(cell) is str:
        return cell
    try:
        return as_text(cell)
    except ValueError as error:
        raise bad_value(name, NOT_TEXT, f"{rule.shown} {error}", cell) from None


def _split_whole(take: RowFunction, mark: str) -> RowFunction:
    def parts(row: Cells) -> Any:
        given = take(row)
        return [part.strip() for part in given.split(mark)] if isinstance(given, str) else given

    return parts


# --------------------------------------------------------------------------------------- what is done


def _text_steps(name: str, rule: FieldRule) -> TextFunction | None:
    """The steps that change the text. None if the cell stays unchanged."""
    steps: list[TextFunction] = []
    if rule.split is not None:
        if rule.part is not None:
            place = rule.part - 1 if rule.part > 0 else rule.part
            steps.append(partial(_part, mark=rule.split, place=place))
        else:
            steps.append(str)
    if rule.trim:
        steps.append(str.strip)
    if rule.case is not None:
        steps.append({"lower": str.lower, "upper": str.upper, "title": str.title}[rule.case])
    if rule.values is not None:
        steps.append(_lookup(name, rule, rule.values))
    if rule.pointer is not None:
        steps.append(partial(_point, pointer=rule.pointer))
    if not steps:
        return None

    def run(text: str) -> Any:
        value: Any = text
        for step in steps:
            value = step(value)
        return value

    return steps[0] if len(steps) == 1 else run


def _part(text: str, mark: str, place: int) -> str:
    parts = text.split(mark)
    return parts[place] if -len(parts) <= place < len(parts) else ""


def _lookup(name: str, rule: FieldRule, values: Mapping[str, Any]) -> TextFunction:
    otherwise, strict = rule.otherwise, rule.strict

    def look_up(text: str) -> Any:
        key = text.strip()
        if key in values:
            return values[key]
        if not key or not (strict or otherwise is not None):
            return text
        if strict:
            message = f"{rule.shown} has {key!r}, which `values` does not know"
            raise bad_value(name, NOT_IN_VALUES, message, key)
        return otherwise

    return look_up


def _point(value: Any, pointer: Pointer) -> Any:
    return value if is_empty(value) else _pointed(pointer, value)
