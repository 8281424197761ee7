"""Zoho itself as a source: a COQL select, paged by id, so that rows which drop out while a job writes are not missed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from zmigrate.errors import InternalError, SourceError
from zmigrate.rows.sources.base import Cursor, Fingerprint, Row
from zmigrate.zoho.facts.scopes import scopes_of_query

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm

_SELECT = re.compile(
    r"\s*select\s+(?P<fields>.+?)\s+from\s+(?P<module>!?[A-Za-z]\w*)(?:\s+where\s+(?P<where>.+?))?\s*;?\s*\Z",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_REFUSED = re.compile(r"\b(order\s+by|limit|offset|group\s+by)\b", re.IGNORECASE)
_FIELD = re.compile(r"[A-Za-z$][\w$.>-]*\Z")
_SHAPE = 'Query("select id, Billing_Country from Accounts where Region is null")'


class Query:
    """Records of a module, by a COQL select without order and limit: `Query("select id, Email from Leads where ...")`.

    It pages by `id > last id`, never by offset, since the condition may shrink as the job writes. A resumed run goes
    on behind the last id.
    """

    stable = False

    def __init__(self, select: str) -> None:
        outside = _QUOTED.sub(lambda match: " " * len(match.group()), select)
        refused = _REFUSED.search(outside)
        if refused is not None:
            raise SourceError(
                f"a Query has no `{refused.group().lower()}`: it reads everything, in the order of ids.",
                hint=f"Write it like this: {_SHAPE}; `--limit N` of a run takes the first N.",
            )
        match = _SELECT.match(outside)
        if match is None:
            raise SourceError(
                f"this is no select that a Query takes: {select!r}", hint=f"Write it like this: {_SHAPE}"
            )
        self.select = select.strip()
        self.module = match["module"].lstrip("!")
        self._from = match["module"]
        self.fields = tuple(_field(select, name.strip()) for name in match["fields"].split(","))
        self._where = None if match["where"] is None else select[slice(*match.span("where"))].strip()

    def __repr__(self) -> str:
        return f"Query({self.select!r})"

    @property
    def name(self) -> str:
        return f"Query of {self.module}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields that were asked for, and `id`, which always comes."""
        return self.fields if "id" in self.fields else ("id", *self.fields)

    @property
    def scopes(self) -> tuple[str, ...]:
        return scopes_of_query(self.module)

    def scan(self) -> Fingerprint:
        """What was asked; how much it is shows while it is read. Sends nothing."""
        return Fingerprint(
            self.select, 0, hashlib.sha256(self.select.encode()).hexdigest(), None, columns=self.columns
        )

    def check(self, fingerprint: Fingerprint) -> None:
        if fingerprint.path != self.select:
            raise SourceError(
                f"the query has changed since the run began: it was {fingerprint.path!r}, it is {self.select!r}.",
                hint="Put the query back as it was, or begin a new run with the changed one.",
                code="SOURCE_CHANGED",
            )

    def select_after(self, last_id: str | None) -> str:
        """The select for the records behind an id."""
        conditions = [] if self._where is None else [self._where]
        if last_id is not None:
            conditions = [f"({condition})" for condition in conditions] + [f"id > {last_id}"]
        where = " and ".join(conditions) or "id is not null"
        return f"select {', '.join(self.columns)} from {self._from} where {where}"

    def rows(self, after: Cursor = Cursor(), crm: Crm | None = None) -> Iterator[Row]:
        if crm is None:
            raise InternalError("a Query can't be read without a connection")
        for number, record in enumerate(crm.query(self.select_after(after.token)), start=after.number + 1):
            yield Row(number, number, record)

    def identity(self, row: Row) -> str | None:
        return str(row.values["id"])


def _field(select: str, name: str) -> str:
    if not _FIELD.match(name):
        raise SourceError(
            f"{name or 'an empty name'!r} in {select!r} is no field.", hint=f"Write it like this: {_SHAPE}"
        )
    return name
