"""COQL as text: names and values in quotes, look-ups by key, and pages of a query by id. Sends nothing.

Source: zoho.com/crm/developer/docs/api/v8/COQL-Overview.html and COQL-Limitations.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias

from zmigrate.errors import UsageError
from zmigrate.zoho.facts.limits import COQL_CRITERIA, COQL_IN_VALUES, COQL_ROWS_PER_CALL
from zmigrate.zoho.facts.modules import STANDARD_LOOKUPS
from zmigrate.zoho.facts.reserved_words import RESERVED

WriteName: TypeAlias = Callable[[str], str]
"""Writes the api name of a field or a module as a part of a query."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")
_WORDS = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[()]|\b(?:group\s+by|order\s+by|where|limit|offset)\b", re.IGNORECASE
)
_SHAPE = re.compile(
    r"\s*select\s+(?P<columns>\S++(?:\s++(?!from\s)\S++)*)\s+from\s+"
    r"(?P<mark>['\"]?)(?P<module>[A-Za-z]\w*)(?P=mark)\s*",
    re.I | re.S,
)
_AGGREGATE = re.compile(r"\b(?:count|sum|min|max|avg)\s*\(", re.IGNORECASE)
_LITERAL = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_LOOKUP_PATH = re.compile(r"(?<![\w.])[A-Za-z]\w*(?:\.[A-Za-z]\w*)+")
_CHOSEN_MODULE = re.compile(r"'\w+->([A-Za-z]\w*)\.")
_UNASKABLE = re.compile(r"[\\\x00-\x1f\x7f\u2028\u2029]")
_QUERY_HINT = "Write it as: select id, Last_Name from Leads where Email is null"


@dataclass(frozen=True, slots=True)
class Select:
    """A query in parts. `where`: the bare condition ("" for none). `tail`: what comes after it."""

    columns: str
    module: str
    where: str
    tail: str
    source: str
    """The module as the query writes it: in quotes or not."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns as the answer names them."""
        return tuple(column.strip().strip("'\"") for column in self.columns.split(","))

    @property
    def pages_by_id(self) -> bool:
        """Whether the query can be paged by `id > last`."""
        return not self.tail and not _AGGREGATE.search(self.columns)

    @property
    def lookup_paths(self) -> tuple[tuple[str, ...], ...]:
        """The lookups that the query goes through, one path each: ("Account_Name", "Parent_Account").
        `Account_Name.id` is the lookup's own value and goes through nothing.
        """
        text = _LITERAL.sub("''", f"{self.columns} {self.where} {self.tail}")
        paths = (tuple(found.removesuffix(".id").split(".")[:-1]) for found in _LOOKUP_PATH.findall(text))
        return tuple(dict.fromkeys(filter(None, paths)))

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that the query reads, as far as its text tells: custom lookups are unknown here."""
        joined = (STANDARD_LOOKUPS.get(name) for path in self.lookup_paths for name in path)
        chosen = _CHOSEN_MODULE.findall(self.columns)
        return tuple(dict.fromkeys([self.module, *filter(None, joined), *chosen]))

    def page(self, after: str | None, rows: int = COQL_ROWS_PER_CALL) -> str:
        """The query for the next page by id: rows with an id greater than `after`, lowest first."""
        condition = self.where or "id is not null"
        if after is not None:
            condition = f"({condition}) and id > {quote(after)}"
        return f"{self._head()} where {condition} order by id asc limit {rows}"

    def window(self, offset: int, rows: int) -> str:
        """The query as written, without its own limit, from `offset` on."""
        order = _LIMIT.sub("", self.tail).strip()
        parts = [self._head(), "where", self.where or "id is not null", order, f"limit {rows}"]
        if offset:
            parts.append(f"offset {offset}")
        return " ".join(part for part in parts if part)

    def bounds(self) -> tuple[int, int | None]:
        """(offset, limit) of the query as written. Limit is None if there is none."""
        match = _LIMIT.search(self.tail)
        if match is None:
            return 0, None
        first, second, offset = match.group("first"), match.group("second"), match.group("offset")
        if second is not None:
            return int(first), int(second)
        return int(offset or 0), int(first)

    def _head(self) -> str:
        columns = self.columns
        has_id = any(name.lower() == "id" for name in self.names)
        if not has_id and not _AGGREGATE.search(columns) and "group" not in self.tail.lower():
            columns = f"id, {columns}"
        return f"select {columns} from {self.source}"  # noqa: S608 - COQL as the author wrote it


_LIMIT = re.compile(
    r"\blimit\s+(?P<first>\d+)(?:\s*,\s*(?P<second>\d+)|\s+offset\s+(?P<offset>\d+))?\s*$", re.IGNORECASE
)


def parse(query: str, write: WriteName | None = None) -> Select:
    """The parts of a query. Raises UsageError if it is not `select … from Module …`. `write`: how the module
    is written, if not in quotes.

    Words inside quotes and brackets are ignored. Zoho judges the rest.
    """
    text = query.strip().rstrip(";").strip()
    match = _SHAPE.match(text)
    if match is None:
        raise UsageError(f"This is not a query: {query.strip()[:200]}", hint=_QUERY_HINT)
    rest = text[match.end() :]
    marks = _top_level_words(rest)
    where_end = next((start for word, start, _ in marks if word != "where"), len(rest))
    first = marks[0] if marks else None
    if first is not None and first[0] == "where":
        if rest[: first[1]].strip():
            raise UsageError(
                f"This query is not understood before `where`: {query.strip()[:200]}", hint=_QUERY_HINT
            )
        where = rest[first[2] : where_end].strip()
    elif rest[:where_end].strip():
        raise UsageError(
            f"This query is not understood after its module: {query.strip()[:200]}", hint=_QUERY_HINT
        )
    else:
        where = ""
    module, mark = match["module"], match["mark"]
    source = f"{mark}{module}{mark}" if mark else (write or written)(module)
    return Select(match["columns"], module, where, rest[where_end:].strip(), source)


def quote(text: str) -> str:
    """A text literal: in single quotes, with inner quotes doubled."""
    return "'" + text.replace("'", "''") + "'"


def can_query(value: str | int) -> bool:
    """Whether a value may be part of a query. Zoho does not document how it reads a backslash, and does not
    allow a text of several lines."""
    return isinstance(value, int) or (bool(value.strip()) and _UNASKABLE.search(value) is None)


def written(name: str) -> str:
    """The name of a field or a module in a query: a reserved word stands in quotes (Kaizen #171).

    Raises UsageError for a text that is no api name.
    """
    _check_name(name)
    return quote(name) if is_reserved(name) else name


def ways_to_write(names: Iterable[str]) -> Iterator[WriteName]:
    """How to write these names, one way after another while Zoho refuses the query: there is no list of the
    words that it wants in quotes. Ways that come to the same are left out.
    """
    names, tried = list(names), list[list[str]]()
    for write in (written, _in_quotes, _bare):
        texts = [write(name) for name in names]
        if texts not in tried:
            tried.append(texts)
            yield write


def is_reserved(name: str) -> bool:
    """Whether a name is a word of COQL, which Zoho does not take as a name unless it is in quotes."""
    return name.lower() in RESERVED


def _in_quotes(name: str) -> str:
    _check_name(name)
    return name if name == "id" else quote(name)


def _bare(name: str) -> str:
    _check_name(name)
    return name


def _check_name(name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise UsageError(f"{name!r} is not an API name.")


def in_query(
    fields: Iterable[str],
    module: str,
    field: str,
    values: Sequence[str | int],
    write: WriteName = written,
) -> str:
    """`select … from module where field in (…)`, for at most 50 values that `can_query`."""
    return together_query(fields, module, {field: values}, write)


def together_query(
    fields: Iterable[str],
    module: str,
    wanted: Mapping[str, Sequence[str | int]],
    write: WriteName = written,
) -> str:
    """`select … from module where a in (…) and b in (…)`, for at most 50 values of each field. More than two
    conditions stand in nested brackets, as Zoho wants them; it takes 25 in all, one of which may be needed
    for the pages.
    """
    if len(wanted) >= COQL_CRITERIA:
        raise UsageError(f"a key has at most {COQL_CRITERIA - 1} fields, not {len(wanted)}")
    columns = ", ".join(map(write, dict.fromkeys(("id", *fields))))
    conditions = [f"{write(field)} in ({_listed(values)})" for field, values in wanted.items()]
    where = reduce(lambda before, one: f"({before}) and {one}", conditions)
    return f"select {columns} from {write(module)} where {where}"  # noqa: S608 - quoted


def _listed(values: Sequence[str | int]) -> str:
    if not 0 < len(values) <= COQL_IN_VALUES:
        raise ValueError(f"a query takes 1 to {COQL_IN_VALUES} values, not {len(values)}")
    for value in values:
        if not can_query(value):
            raise ValueError("a value that can't stand in a query")
    return ", ".join(str(value) if isinstance(value, int) else quote(value) for value in values)


def _top_level_words(text: str) -> list[tuple[str, int, int]]:
    """(word, start, end) of the clause words outside quotes and brackets."""
    depth = 0
    found = []
    for match in _WORDS.finditer(text):
        word = match.group()
        if word == "(":
            depth += 1
        elif word == ")":
            depth -= 1
        elif depth == 0 and word[0] not in "'\"":
            found.append((word.split()[0].lower(), match.start(), match.end()))
    return found
