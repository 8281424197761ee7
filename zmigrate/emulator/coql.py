"""Runs a parsed COQL query. Conditions with `=` or `in` use an index, conditions on ids the store's order."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import orjson

from .answers import NO_CONTENT, Answer, Json, Refused, invalid_data, json_answer
from .catalogue import ModuleSpec
from .clock import instant
from .coql_syntax import Column, Condition, Criterion, Joined, Literal, Query, parse
from .fields import ANY_MODULE, Field
from .nested import BY_NAME
from .record_view import comparable
from .store import Record, Store, Values
from .world import World

Getter = Callable[[Record, Values], Any]
Test = Callable[[Record, Values], bool]

ID = Field(api_name="id", data_type="bigint")
REFERENCES = frozenset({"lookup", "ownerlookup", "userlookup", "multi_module_lookup"})
NUMBERS = frozenset({"integer", "bigint", "double", "currency", "percent"})
LINKED = frozenset({"lookup", "userlookup", "multi_module_lookup"})
INDEXED = frozenset({"text", "email", "phone", "website"}) | LINKED
NOT_STORED = ("Full_Name", "Tag")
MAX_RELATIONS = 2
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def prepare(world: World, body: Any) -> Query:
    """Reads the query of a `POST /coql`. Raises Refused."""
    text = body.get("select_query") if isinstance(body, dict) else None
    if not isinstance(text, str):
        raise Refused("MANDATORY_NOT_FOUND", "mandatory key not found", {"api_name": "select_query"})
    query = parse(text, world.options.coql_backslash)
    if query.module not in world.stores:
        raise Refused("INVALID_MODULE", "the given module is not supported in api")
    return query


def unsupported(column: str, message: str = "unsupported column") -> Refused:
    return Refused("INVALID_QUERY", message, {"column_name": column})


class QueryRunner:
    """One query on one module."""

    def __init__(self, world: World, query: Query) -> None:
        self._world = world
        self._query = query
        self._store: Store = world.stores[query.module]
        self._folds = not world.options.coql_case_sensitive

    def answer(self, with_fields: bool) -> Answer:
        query = self._query
        counted = [column for column in query.columns if column.counted]
        self._check_columns(counted)
        test = self._test(query.where)
        if counted:
            total = sum(1 for _ in self._matching(test))
            return json_answer({"data": [{counted[0].shown_as: total}], "info": info(1, False)})
        rows = self._ordered(test)
        more = len(rows) > query.limit
        rows = rows[: query.limit]
        if not rows:
            return NO_CONTENT
        shown = [self._column(column) for column in query.columns if column.path != "id"]
        data = [
            {"id": str(record.id), **{name: get(record, values) for name, get in shown}}
            for record, values in rows
        ]
        answer: Json = {"data": data, "info": info(len(data), more)}
        if with_fields:
            fields = {column: self._resolve(column.path)[1] for column in query.columns}
            answer["fields"] = {
                column.shown_as: {
                    "api_name": column.path,
                    "data_type": field.data_type,
                    "json_type": field.wire_type,
                }
                for column, field in fields.items()
            }
        return json_answer(answer)

    def _check_columns(self, counted: list[Column]) -> None:
        seen = set()
        for column in self._query.columns:
            self._resolve(column.path)
            if column.shown_as in seen:
                raise Refused("DUPLICATE_DATA", "duplicate select column", {"column_name": column.path})
            seen.add(column.shown_as)
        if counted and len(self._query.columns) > 1:
            raise Refused("SYNTAX_ERROR", "given coql query not supported")

    def _ordered(self, test: Test) -> list[tuple[Record, Values]]:
        query = self._query
        needed = query.offset + query.limit + 1
        if not query.order or query.order[0] == ("id", False):
            return list(islice(self._matching(test), query.offset, needed))
        rows = list(self._matching(test))
        for column, descending in reversed(query.order):
            getter, _ = self._resolve(column)
            rows.sort(key=_sort_key(getter), reverse=descending)
        return rows[query.offset : needed]

    def _matching(self, test: Test) -> Iterator[tuple[Record, Values]]:
        """The matching records, by ascending id."""
        lag = self._world.options.coql_lag_s
        newest = self._world.clock.now() - lag if lag else float("inf")
        for record in self._candidates():
            if record.created > newest or record.converted:
                continue
            values: Values = orjson.loads(record.body)
            if test(record, values):
                yield record, values

    def _candidates(self) -> Iterator[Record]:
        """The records that can match, by ascending id; as few as an index allows."""
        for criterion in conjuncts(self._query.where):
            if criterion.negated or criterion.operator not in ("=", "in", ">", ">="):
                continue
            if criterion.column == "id":
                ids = [self._whole(value, "id") for value in criterion.values]
                if criterion.operator in (">", ">="):
                    return self._store.after(ids[0] - (criterion.operator == ">="))
                return iter(self._store.pick(ids))
            if criterion.operator in ("=", "in"):
                found = self._by_index(criterion)
                if found is not None:
                    return iter(self._store.pick(found))
        return self._store.after(0)

    def _by_index(self, criterion: Criterion) -> list[int] | None:
        """Ids of the records with one of the values, or None if no index can find them."""
        relation, _, last = criterion.column.partition(".")
        if last in ("", "id"):
            return self._found(self._store, relation, criterion.values, LINKED if last else INDEXED)
        lookup = self._store.spec.fields.get(relation)
        if lookup is None or lookup.data_type != "lookup" or lookup.lookup not in self._world.stores:
            return None
        others = self._found(self._world.stores[lookup.lookup], last, criterion.values, INDEXED)
        return None if others is None else self._found(self._store, relation, others, LINKED)

    def _found(
        self, store: Store, name: str, values: Sequence[Literal], types: frozenset[str]
    ) -> list[int] | None:
        """The same for a field of the store's own module."""
        field = store.spec.fields.get(name)
        if field is None or field.data_type not in types or name in NOT_STORED:
            return None
        if self._folds and field.unique and field.case_sensitive:
            return None
        index = store.index(field)
        return [found for value in values for found in index.all(str(value))]

    def _resolve(self, path: str) -> tuple[Getter, Field]:
        """A function that gets the value of a column or lookup path for comparison; and the field."""
        *relations, last = path.split(".")
        if len(relations) > MAX_RELATIONS:
            raise Refused("LIMIT_EXCEEDED", "join limit exceeded", {"limit": MAX_RELATIONS})
        module = self._query.module
        steps: list[tuple[Field, str]] = []
        for position, name in enumerate(relations):
            lookup = lookup_of(self._world.specs[module], name)
            if lookup is None:
                raise unsupported(path)
            if last == "id" and position == len(relations) - 1:
                return self._joined(steps, lookup[0].api_name, lookup[0]), ID
            steps.append(lookup)
            module = lookup[1]
            if module not in self._world.stores:
                raise unsupported(path)
        if last == "id":
            return lambda record, values: record.id, ID
        field = self._world.specs[module].fields.get(last)
        if field is None or not field.on_layout or not queryable(field):
            raise unsupported(path)
        return self._joined(steps, last, field), field

    def _joined(self, steps: list[tuple[Field, str]], name: str, field: Field) -> Getter:
        """`steps`: the lookups to follow, each with the module that it leads to."""
        data_type = field.data_type
        if not steps:
            return lambda record, values: comparable(record, values, name, data_type)

        def get(record: Record, values: Values) -> Any:
            for lookup, module in steps:
                reference = comparable(record, values, lookup.api_name, lookup.data_type)
                found = self._world.stores[module].records.get(reference)
                if found is None:
                    return None
                record, values = found, found.values()
            return comparable(record, values, name, data_type)

        return get

    def _column(self, column: Column) -> tuple[str, Getter]:
        """The column's name in the answer, and a function that gets its value. Lookups are only `{"id"}`."""
        getter, field = self._resolve(column.path)
        iso = self._world.clock.iso

        def show(record: Record, values: Values) -> Any:
            value = getter(record, values)
            if value is None:
                return None
            if field.data_type == "datetime":
                return iso(value)
            if field.data_type in REFERENCES:
                return {"id": str(value)}
            if field.data_type == "bigint":
                return str(value)
            return value.split(";") if field.data_type == "multiselectpicklist" else value

        return column.shown_as, show

    def _test(self, condition: Condition) -> Test:
        if isinstance(condition, Joined):
            left, right = self._test(condition.left), self._test(condition.right)
            if condition.operator == "and":
                return lambda record, values: left(record, values) and right(record, values)
            return lambda record, values: left(record, values) or right(record, values)
        return self._criterion(condition)

    def _criterion(self, criterion: Criterion) -> Test:
        getter, field = self._resolve(criterion.column)
        negated = criterion.negated
        if criterion.operator == "null":
            return lambda record, values: (getter(record, values) is None) is not negated
        if field.data_type == "textarea" or (field.encrypted and not _comparable(field, criterion)):
            raise unsupported(criterion.column, "unsupported column in criteria")
        if criterion.operator == "like":
            return _liking(getter, str(criterion.values[0]), negated)
        wanted = [self._value(value, field, criterion.column) for value in criterion.values]
        if criterion.operator == "in":
            among = frozenset(wanted)
            return self._compared(getter, lambda value: (value in among) is not negated)
        if criterion.operator == "between":
            low, high = wanted
            return self._compared(getter, lambda value: (low <= value <= high) is not negated)
        compare, other = COMPARE[criterion.operator], wanted[0]
        if criterion.operator in (">", ">=", "<", "<=") and field.data_type in ("boolean", *REFERENCES):
            details = {"column_name": criterion.column, "operator": criterion.operator}
            details["reason"] = "invalid operator found"
            raise Refused("INVALID_QUERY", "Invalid query formed", details)
        return self._compared(getter, lambda value: compare(value, other))

    def _compared(self, getter: Getter, holds: Callable[[Any], bool]) -> Test:
        """A test of the value. It is false for an empty value; it ignores letter case as the options say."""
        folds = self._folds

        def test(record: Record, values: Values) -> bool:
            value = getter(record, values)
            if value is None:
                return False
            return holds(value.casefold() if folds and isinstance(value, str) else value)

        return test

    def _value(self, value: Literal, field: Field, column: str) -> Any:
        """The literal as a value to compare with the field's. Raises Refused for the wrong type."""
        kind = field.data_type
        if field is ID or kind in REFERENCES:
            return self._whole(value, column)
        if kind in NUMBERS:
            return self._number(value, column)
        if kind == "boolean":
            if str(value).lower() not in ("true", "false"):
                raise wrong_type("boolean", column)
            return str(value).lower() == "true"
        if kind == "datetime":
            try:
                return int(instant(str(value)))
            except ValueError:
                raise wrong_type("datetime", column) from None
        if not isinstance(value, str):
            raise wrong_type("string", column)
        return value.casefold() if self._folds else value

    @staticmethod
    def _whole(value: Literal, column: str) -> int:
        if isinstance(value, bool) or not str(value).isdecimal():
            raise wrong_type("bigint", column)
        return int(value)

    @staticmethod
    def _number(value: Literal, column: str) -> float:
        try:
            return value if isinstance(value, int) else float(value)
        except ValueError:
            raise wrong_type("double", column) from None


def queryable(field: Field) -> bool:
    """Whether a query can name the field. Lists and objects cannot be queried, except references."""
    structured = field.wire_type in ("jsonarray", "jsonobject")
    plain_list = field.data_type == "multiselectpicklist" and field.api_name not in BY_NAME
    return not structured or plain_list or field.data_type in REFERENCES


def _comparable(field: Field, criterion: Criterion) -> bool:
    """Whether a query may compare an encrypted field so: numbers, and for equality (docs v7 "COQL")."""
    return field.data_type in NUMBERS and criterion.operator in ("=", "!=")


def wrong_type(expected: str, column: str) -> Refused:
    return invalid_data(expected_data_type=expected, api_name=column, json_path="$.select_query")


def conjuncts(condition: Condition) -> Iterator[Criterion]:
    """The criteria that every matching row meets."""
    if isinstance(condition, Criterion):
        yield condition
    elif condition.operator == "and":
        yield from conjuncts(condition.left)
        yield from conjuncts(condition.right)


def criteria(condition: Condition) -> Iterator[Criterion]:
    if isinstance(condition, Criterion):
        yield condition
    else:
        yield from criteria(condition.left)
        yield from criteria(condition.right)


def lookup_of(spec: ModuleSpec, step: str) -> tuple[Field, str] | None:
    """The lookup of a step of a path, and the module it leads to, which `What_Id->Leads` names itself."""
    name, _, named = step.partition("->")
    field = spec.fields.get(name)
    if field is None or field.data_type not in REFERENCES:
        return None
    if named and named not in field.lookup_modules and ANY_MODULE not in field.lookup_modules:
        return None
    return field, named or str(field.lookup)


def modules_of(world: World, query: Query) -> tuple[str, ...]:
    """The modules that a query reads: that of `from` first, then those that its lookup paths lead to.

    `Account_Name.id` is the reference itself, and reads no other module.
    """
    paths = [column.path for column in query.columns]
    paths += [criterion.column for criterion in criteria(query.where)]
    paths += [column for column, _ in query.order]
    found = [query.module]
    for path in paths:
        module = query.module
        for name in path.removesuffix(".id").split(".")[:-1]:
            lookup = lookup_of(world.specs[module], name)
            if lookup is None or lookup[1] not in world.specs:
                break
            module = lookup[1]
            found.append(module)
    return tuple(dict.fromkeys(found))


def _liking(getter: Getter, pattern: str, negated: bool) -> Test:
    """`like`, with `%` as wildcard, ignoring letter case."""
    first, *more = pattern.casefold().split("%")

    def test(record: Record, values: Values) -> bool:
        value = getter(record, values)
        return value is not None and _is_like(str(value).casefold(), first, more) is not negated

    return test


def _is_like(text: str, first: str, more: Sequence[str]) -> bool:
    """Whether the text is these parts with any text between them. One pass, so no pattern makes it slow."""
    if not more:
        return text == first
    *between, last = more
    end = len(text) - len(last)
    if not text.startswith(first) or not text.endswith(last) or end < len(first):
        return False
    at = len(first)
    for part in between:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def _sort_key(getter: Getter) -> Callable[[tuple[Record, Values]], tuple[bool, Any]]:
    def key(row: tuple[Record, Values]) -> tuple[bool, Any]:
        value = getter(*row)
        return (value is not None, value.casefold() if isinstance(value, str) else value or 0)

    return key


def info(count: int, more: bool) -> Json:
    return {"count": count, "more_records": more}
