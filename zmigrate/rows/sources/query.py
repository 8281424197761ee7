"""Zoho itself as a source: a COQL select, paged by id, so that no row is missed while a job changes rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from zmigrate.errors import InternalError, SourceError, UsageError
from zmigrate.rows.sources.base import START, Cursor, Fingerprint, Row
from zmigrate.zoho.coql import parse
from zmigrate.zoho.facts.scopes import scopes_of_query

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm

_HINT = 'Write it like this: Query("select id, Billing_Country from Accounts where Region is null")'


class Query:
    """Records of a module: `Query("select id from Leads where Phone is null")`, without order or limit.

    It is paged by `id > last id`, never by offset, since its result may shrink while the job writes. A
    resumed run goes on after the last id.
    """

    stable = False

    def __init__(self, select: str) -> None:
        self.select = select.strip()
        try:
            self._parts = parse(self.select)
        except UsageError as error:
            raise SourceError(error.message, hint=_HINT) from None
        if not self._parts.pages_by_id:
            raise SourceError(
                f"a Query reads in the order of ids: it can't have `{self._parts.tail or 'count(...)'}`.",
                hint=f"{_HINT}; `--limit N` of a run takes the first N.",
            )
        self.module = self._parts.module
        self.fields = self._parts.names

    def __repr__(self) -> str:
        return f"Query({self.select!r})"

    @property
    def name(self) -> str:
        return f"Query of {self.module}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields that were asked for, and `id`, which is always there."""
        return self.fields if "id" in self.fields else ("id", *self.fields)

    @property
    def lookup_paths(self) -> tuple[tuple[str, ...], ...]:
        """The lookups that it goes through into other modules, see `coql.Select.lookup_paths`."""
        return self._parts.lookup_paths

    @property
    def scopes(self) -> tuple[str, ...]:
        return scopes_of_query(*self._parts.modules)

    def scan(self) -> Fingerprint:
        """The query itself. The number of rows is known only after reading. Sends nothing."""
        digest = hashlib.sha256(self.select.encode()).hexdigest()
        return Fingerprint(self.select, 0, digest, None, columns=self.columns)

    def check(self, fingerprint: Fingerprint) -> None:
        if fingerprint.path != self.select:
            raise SourceError(
                f"the query has changed since the run began: {fingerprint.path!r} then, {self.select!r} now.",
                hint="Put the query back as it was, or start a new run with the changed one.",
                code="SOURCE_CHANGED",
            )

    def rows(self, after: Cursor = START, crm: Crm | None = None) -> Iterator[Row]:
        if crm is None:
            raise InternalError("a Query can't be read without a connection")
        for number, record in enumerate(crm.query(self.select, after=after.token), start=after.number + 1):
            yield Row(number, number, record)


def record_mark(row: Row) -> str:
    """The mark for a cursor after a row of a Query: its record's id."""
    return str(row.values["id"])
