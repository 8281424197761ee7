"""A load with the columns of its source: where each goes, and how a row becomes a record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias

from zmigrate.errors import SourceError
from zmigrate.job.context import Fill, PointsAt, Skip
from zmigrate.job.key_text import fields_of_key
from zmigrate.reasons import Reason
from zmigrate.rows.conversion.refusal import UNKNOWN_FIELD, BadValue
from zmigrate.rows.conversion.state_columns import goes_nowhere
from zmigrate.rows.mapping.column_checks import (
    check_columns,
    check_key,
    check_one_id,
    check_second,
    columns_by_themselves,
)
from zmigrate.rows.mapping.field_rule import FieldRule, SubformRows
from zmigrate.rows.mapping.ignored import is_ignored
from zmigrate.rows.mapping.load_words import LoadWords
from zmigrate.rows.mapping.places import Places
from zmigrate.rows.mapping.rules import RowFunction, compile_rule
from zmigrate.rows.mapping.subforms import Orphan, SecondFile, SubformRule, key_of
from zmigrate.rows.mapping.toml_lines import KeyPath
from zmigrate.rows.sources import Csv, Source
from zmigrate.zoho.facts.modules import STATES

OpenSource: TypeAlias = Callable[[str, Mapping[str, Any]], Source]

GOES_NOWHERE: Final = "COLUMNS"


class Compiled:
    """What a load does with the rows of its source.

    Raises JobError for columns that do not exist, or that go nowhere.
    """

    def __init__(self, words: LoadWords, source: Source, open_second: OpenSource, places: Places) -> None:
        header = source.columns
        self._rules = rules_that_count(words)
        self._own: dict[str, str] = {}  # columns that go to the field with their name
        if header is not None:
            check_columns(words, source.name, header, places)
            kept = source.kept if isinstance(source, Csv) else {}
            self._own = columns_by_themselves(words, [name for name in header if name not in kept], places)
            if "id" not in words.fields and (ids := [name for name in kept if kept[name] == "id"]):
                # A source's own column of this name may hold another system's ids.
                self._own = {column: name for column, name in self._own.items() if name != "id"}
                self._own |= dict.fromkeys(ids, "id")
            elif not kept:
                check_one_id(words, source.name, self._own, header, places)
            is_result_file = isinstance(source, Csv) and bool(source.ours)
            check_key(words, source.name, self._own, header, places, is_result_file=is_result_file)
            if words.write.operation == "delete":
                keys = fields_of_key(words.write.key)
                self._own = {column: name for column, name in self._own.items() if name in keys}
        self._places = places
        self._operation = words.write.operation
        self._seconds: dict[str, SecondFile] = {}
        for name, rule in self._rules.items():
            if rule.rows is not None:
                self._seconds[name] = _second(rule.rows, open_second, places, ("fields", name))
        self.columns = self._plain_columns(words, header)
        self.transform = self._transform(words, rows_differ=header is None)

    def column_of(self, name: str | None) -> str | None:
        """The column whose cells go to a field unchanged; None if there is none."""
        rule = self._rules.get(name or "")
        if rule is not None:
            return rule.column if rule.plain else None
        return next((column for column, own in self._own.items() if own == name), None)

    @property
    def fills(self) -> list[Fill]:
        """The fields that are filled in every row, by rules and by columns with their name."""
        by_rules = [
            Fill(name, rule.uses, self._said(name, rule), points_at(rule))
            for name, rule in self._rules.items()
        ]
        return by_rules + [
            Fill(name, (column,), f"column {column!r}", by_itself=True) for column, name in self._own.items()
        ]

    def _said(self, name: str, rule: FieldRule) -> str:
        where = self._places.of(("fields", name))
        return f"column {rule.column!r} → {name}" if where == "--map" else where

    def orphans(self, source: Source) -> Iterator[Orphan]:
        """Rows of the second files without a parent in the source."""
        for name, second in self._seconds.items():
            ours = self._rules[name].uses
            yield from second.orphans(_keys(source, ours))

    def _plain_columns(self, words: LoadWords, header: Sequence[str] | None) -> Mapping[str, str] | None:
        rules = self._rules
        if header is None or words.skip_if or not all(rule.plain for rule in rules.values()):
            return None
        columns = {str(rule.column): name for name, rule in rules.items()} | self._own
        if len(columns) < len(rules) + len(self._own):
            return None  # a column goes to several fields
        return {column: columns[column] for column in header if column in columns}

    def _transform(
        self, words: LoadWords, *, rows_differ: bool
    ) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        conditions = [condition.compiled() for condition in words.skip_if]
        functions = [(name, self._function(name, rule)) for name, rule in self._rules.items()]
        functions += [
            (name, compile_rule(name, FieldRule(column=column))) for column, name in self._own.items()
        ]
        used = {column for rule in words.fields.values() for column in rule.uses}
        deletes = self._operation == "delete"

        def transform(row: Mapping[str, Any]) -> dict[str, Any]:
            for reason_in in conditions:
                reason = reason_in(row)
                if reason is not None:
                    raise Skip(reason)
            reasons: list[Reason] = []
            try:
                record = {name: value_of(row) for name, value_of in functions}
            except BadValue:
                record, reasons = _each_alone(functions, row)
            if rows_differ and not deletes:
                own, nowhere = _unclaimed(row, used, words)
                record |= own
                reasons += nowhere
            if reasons:
                raise BadValue(*reasons, record=record)
            return record

        return transform

    def _function(self, name: str, rule: FieldRule) -> RowFunction:
        if rule.rows is not None:
            return SubformRule(name, rule.rows, self._seconds[name])
        return compile_rule(name, rule)


def rules_that_count(words: LoadWords) -> dict[str, FieldRule]:
    """The rules that have an effect: a delete sends only its key."""
    if words.write.operation == "delete":
        return {name: rule for name, rule in words.fields.items() if name in fields_of_key(words.write.key)}
    return dict(words.fields)


def _second(rule: SubformRows, open_second: OpenSource, places: Places, path: KeyPath) -> SecondFile:
    """Open a second file. Raises SourceError if it can't be read, JobError if its columns do not fit."""
    try:
        second = open_second(rule.file, rule.reading)
        check_second(rule, second, places, path)
        return SecondFile(second, tuple(rule.match))
    except SourceError as error:
        where = places.of((*path, "rows"))
        raise SourceError(f"{where}: {error.message}", hint=error.hint) from None


def points_at(rule: FieldRule) -> PointsAt | None:
    """The module that a rule refers to, if any."""
    return None if rule.pointer is None else PointsAt(rule.pointer.module, rule.pointer.by)


def _keys(source: Source, columns: Sequence[str]) -> Iterator[str]:
    for row in source.rows():
        with suppress(ValueError):  # a row with unusable key cells fails later, in its turn
            yield key_of(row.values, columns)


def _each_alone(
    functions: Sequence[tuple[str, RowFunction]], row: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Reason]]:
    """The values that the functions give, and why others give none."""
    record: dict[str, Any] = {}
    reasons: list[Reason] = []
    for name, value_of in functions:
        try:
            record[name] = value_of(row)
        except BadValue as bad:
            reasons += bad.reasons
    return record, reasons


def _unclaimed(
    row: Mapping[str, Any], used: set[str], words: LoadWords
) -> tuple[dict[str, Any], list[Reason]]:
    """The cells of a row without a header that go to the field with their name, and why others go nowhere."""
    own = {
        column: cell
        for column, cell in row.items()
        if column not in used and not is_ignored(column, words.ignore)
    }
    taken = [column for column in own if column in words.fields]
    states = [column for column in own if column.startswith(STATES) and column not in taken]
    message = "goes nowhere: the field is filled otherwise; ignore it"
    reasons = [Reason(GOES_NOWHERE, column, f"{column!r} {message}") for column in taken]
    if states:
        told = goes_nowhere(words.write.module, len(states) - 1)
        reasons.append(Reason(UNKNOWN_FIELD, states[0], told))
    gone = {*taken, *states}
    return {name: "" if cell is None else cell for name, cell in own.items() if name not in gone}, reasons
