"""COQL's grammar: parses a text into a Query (docs v8 "COQL limitations" and "overview")."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from .answers import Refused
from .reserved_words import has_reserved

MAX_COLUMNS, MAX_CRITERIA, MAX_IN, MAX_ORDER = 50, 25, 50, 10
DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET = 200, 2000, 100_000
MAX_LENGTH, MAX_BRACKETS, MAX_DIGITS = 200_000, 50, 100
"""The emulator's own limits: characters of a query, nested brackets, characters of a number."""
COMPARISONS = frozenset({"=", "!=", ">", ">=", "<", "<="})
KEYWORDS = frozenset(
    {"select", "from", "where", "group", "order", "by", "asc", "desc", "limit", "offset", "as"}
    | {"and", "or", "not", "in", "between", "is", "null", "like"}
)
LEXEMES = {
    "literal": r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"",
    "escape": r"'(?:[^'\\]|''|\\.)*'|\"(?:[^\"\\]|\"\"|\\.)*\"",
}
NAME = r"[A-Za-z_$][\w$]*"
REST = rf"|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>!?{NAME}(?:\.{NAME})*)|(?P<sign><=|>=|!=|<>|[=<>(),])"
TOKENS = {name: re.compile(rf"\s*(?:(?P<text>{text}){REST})", re.DOTALL) for name, text in LEXEMES.items()}

STEP = rf"{NAME}(?:->{NAME})?"
PATH = re.compile(rf"!?{STEP}(?:\.{STEP})*")
"""A path in quotes; `What_Id->Leads` says to which module a lookup to several leads (docs v7 "COQL")."""
Literal = str | int | float | bool


class Token(NamedTuple):
    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Criterion:
    """`column operator values`; the operator is one of COMPARISONS, in, between, like, null."""

    column: str
    operator: str
    values: tuple[Literal, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Joined:
    """Two conditions joined by `and` or `or`."""

    operator: str
    left: Condition
    right: Condition


Condition = Criterion | Joined


@dataclass(frozen=True, slots=True)
class Column:
    """A selected column; `counted` is count(column)."""

    path: str
    shown_as: str
    counted: bool = False


@dataclass(slots=True)
class Query:
    columns: list[Column]
    module: str
    where: Condition
    order: list[tuple[str, bool]] = field(default_factory=list)
    """Columns, each with True for descending."""
    limit: int = DEFAULT_LIMIT
    offset: int = 0


def syntax_error(message: str, **details: object) -> Refused:
    return Refused("SYNTAX_ERROR", message, dict(details))


def parse_error(token: Token | None) -> Refused:
    """An error at a token, or at the end of the query."""
    at, near = (token.at, token.text) if token else (0, "")
    return syntax_error("error occured while parsing the query", line=1, column=at, near=near)


def unexpected(at: int, near: str) -> Refused:
    return syntax_error("unexpected token", line=1, column=at, near=near)


def limit_exceeded(message: str, limit: int) -> Refused:
    return Refused("LIMIT_EXCEEDED", message, {"limit": limit})


def tokens_of(text: str, backslash: str) -> list[Token]:
    pattern, tokens, position = TOKENS[backslash], [], 0
    text = text.rstrip()
    while position < len(text):
        found = pattern.match(text, position)
        if found is None:
            raise unexpected(position + 1, text[position:].lstrip()[:20])
        kind = str(found.lastgroup)
        at = found.start(kind) + 1
        word = found[kind]
        if kind == "number" and len(word) > MAX_DIGITS:
            raise unexpected(at, word[:20])
        if kind == "word" and word.lower() in KEYWORDS:
            kind, word = "keyword", word.lower()
        tokens.append(Token(kind, word, at))
        position = found.end()
    return tokens


class Parser:
    """A recursive-descent parser with one method for each rule."""

    def __init__(self, text: str, backslash: str) -> None:
        if len(text) > MAX_LENGTH:
            raise limit_exceeded("query length exceeded", MAX_LENGTH)
        self._tokens = tokens_of(text, backslash)
        self._next = 0
        self._criteria = 0
        self._brackets = 0
        self._backslash = backslash

    def query(self) -> Query:
        self._keyword("select")
        columns = [self._column()]
        while self._take("sign", ","):
            columns.append(self._column())
        self._keyword("from")
        module = self._name().lstrip("!")
        self._keyword("where")
        query = Query(columns, module, self._condition())
        if self._take("keyword", "group"):
            raise syntax_error("given coql query not supported")
        if self._take("keyword", "order"):
            self._order(query)
        if self._take("keyword", "limit"):
            self._limit(query)
        if self._next < len(self._tokens):
            raise self._unexpected()
        self._check_sizes(query)
        return query

    def _check_sizes(self, query: Query) -> None:
        if query.limit < 1:
            raise Refused("INVALID_DATA", "limit should be greater than 0")
        for size, most, message in (
            (len(query.columns), MAX_COLUMNS, "select column limit exceeded"),
            (self._criteria, MAX_CRITERIA, "criteria limit exceeded"),
            (len(query.order), MAX_ORDER, "order by limit exceeded"),
            (query.limit, MAX_LIMIT, "limit exceeded"),
            (query.offset + query.limit, MAX_OFFSET, "Max records limit exceeded"),
        ):
            if size > most:
                raise limit_exceeded(message, most)

    def _column(self) -> Column:
        counted = self._function()
        name = self._name()
        shown_as = f"count({name})" if counted else name
        if counted:
            self._sign(")")
        if self._take("keyword", "as"):
            shown_as = self._expect("word").text
        return Column(name, shown_as, counted)

    def _function(self) -> bool:
        """Whether a `count(` comes. Raises Refused for another function."""
        coming = [token.text for token in self._tokens[self._next : self._next + 2]]
        if coming[1:] != ["("]:
            return False
        if coming[0].lower() != "count":
            raise syntax_error("given coql query not supported", near=coming[0])
        self._next += 2
        return True

    def _name(self) -> str:
        """A column or a module. A reserved word is one only in quotes. UNCONFIRMED: modules in quotes."""
        token = self._token()
        name = self._unquoted(token.text) if token.kind == "text" else token.text
        bare = token.kind == "word" and not has_reserved(name.lstrip("!"))
        if not bare and not (token.kind == "text" and PATH.fullmatch(name)):
            raise self._unexpected()
        self._next += 1
        return name

    def _condition(self) -> Condition:
        left = self._operand()
        operator = self._connector()
        if operator is None:
            return left
        joined = Joined(operator, left, self._operand())
        if self._connector() is not None:
            # Zoho wants more than two criteria on one level in nested brackets.
            raise parse_error(self._tokens[self._next - 1])
        return joined

    def _connector(self) -> str | None:
        for word in ("and", "or"):
            if self._take("keyword", word):
                return word
        return None

    def _operand(self) -> Condition:
        if self._take("sign", "("):
            self._brackets += 1
            if self._brackets > MAX_BRACKETS:
                raise limit_exceeded("bracket limit exceeded", MAX_BRACKETS)
            inside = self._condition()
            self._sign(")")
            self._brackets -= 1
            return inside
        self._criteria += 1
        return self._criterion(self._name())

    def _criterion(self, column: str) -> Criterion:
        if self._take("keyword", "is"):
            negated = self._take("keyword", "not")
            self._keyword("null")
            return Criterion(column, "null", (), negated)
        negated = self._take("keyword", "not")
        if self._take("keyword", "in"):
            return Criterion(column, "in", self._list(), negated)
        if self._take("keyword", "between"):
            low = self._literal()
            self._keyword("and")
            return Criterion(column, "between", (low, self._literal()), negated)
        if self._take("keyword", "like"):
            return Criterion(column, "like", (self._literal(),), negated)
        sign = self._expect("sign").text
        sign = "!=" if sign == "<>" else sign
        if negated or sign not in COMPARISONS:
            raise syntax_error("operator not supported", operator=sign)
        return Criterion(column, sign, (self._literal(),))

    def _list(self) -> tuple[Literal, ...]:
        self._sign("(")
        values = [self._literal()]
        while self._take("sign", ","):
            values.append(self._literal())
        self._sign(")")
        if len(values) > MAX_IN:
            raise limit_exceeded("in operator limit exceeded", MAX_IN)
        return tuple(values)

    def _literal(self) -> Literal:
        token = self._token()
        self._next += 1
        if token.kind == "text":
            return self._unquoted(token.text)
        if token.kind == "number":
            return float(token.text) if "." in token.text else int(token.text)
        if token.kind == "word" and token.text.lower() in ("true", "false"):
            return token.text.lower() == "true"
        self._next -= 1
        raise self._unexpected()

    def _unquoted(self, text: str) -> str:
        quote, inside = text[0], text[1:-1]
        inside = inside.replace(quote * 2, quote)
        return re.sub(r"\\(.)", r"\1", inside, flags=re.DOTALL) if self._backslash == "escape" else inside

    def _order(self, query: Query) -> None:
        self._keyword("by")
        while True:
            column = self._name()
            descending = self._take("keyword", "desc")
            if not descending:
                self._take("keyword", "asc")
            query.order.append((column, descending))
            if not self._take("sign", ","):
                return

    def _limit(self, query: Query) -> None:
        first = self._whole("limit")
        if self._take("sign", ","):
            query.offset, query.limit = first, self._whole("limit")
            return
        query.limit = first
        if self._take("keyword", "offset"):
            query.offset = self._whole("offset")

    def _whole(self, what: str) -> int:
        token = self._expect("number")
        if not token.text.isdecimal():
            raise Refused("INVALID_QUERY", f"{what} given seems to be invalid", {what: token.text})
        return int(token.text)

    def _token(self) -> Token:
        if self._next >= len(self._tokens):
            raise parse_error(None)
        return self._tokens[self._next]

    def _take(self, kind: str, text: str) -> bool:
        if self._next < len(self._tokens) and self._tokens[self._next][:2] == (kind, text):
            self._next += 1
            return True
        return False

    def _expect(self, kind: str) -> Token:
        token = self._token()
        if token.kind != kind:
            raise self._unexpected()
        self._next += 1
        return token

    def _keyword(self, word: str) -> None:
        if not self._take("keyword", word):
            raise syntax_error("missing clause", clause=word)

    def _sign(self, sign: str) -> None:
        if not self._take("sign", sign):
            raise self._unexpected()

    def _unexpected(self) -> Refused:
        if self._next >= len(self._tokens):
            return parse_error(None)
        token = self._tokens[self._next]
        return unexpected(token.at, token.text)


def parse(text: str, backslash: str = "literal") -> Query:
    """Reads one query. Raises Refused as Zoho does. `backslash` in text: "literal" or "escape"."""
    return Parser(text, backslash).query()
