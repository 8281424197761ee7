"""Reads to the end: a list page by page, a query by the last id or by offset.

A reading ends only if Zoho says that there is no more. If Zoho says that there is more but does not give it,
the reading fails: ending there would treat the rest as missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from zmigrate.errors import ReadFailed
from zmigrate.zoho import coql
from zmigrate.zoho.answers import Call, Params, call_params
from zmigrate.zoho.facts import limits

if TYPE_CHECKING:
    from zmigrate.zoho.transport import Transport


class PagedReader:
    """Reads lists and queries in pages. `api`: the beginning of all paths, `/crm/v8`."""

    def __init__(self, transport: Transport, api: str) -> None:
        self._transport = transport
        self._coql_path = f"{api}/coql"

    def pages(
        self, path: str, params: Params, name: str, *, heavy: bool = False, credits: int = 1
    ) -> Iterator[list[dict[str, Any]]]:
        """The pages of a list, which has this name in each answer. Records are paged by token, users by
        number. (Paging records by number would skip some if others are deleted meanwhile.)

        Raises ReadFailed if Zoho does not give what it announces.
        """
        asked = dict(params)
        number = int(str(asked.get("page", 1)))
        before: str | None = None
        while True:
            call = Call(
                "GET", path, call_params(asked), heavy=heavy, repeatable=True, credits=credits, by_id=True
            )
            body = self._transport.send(call).body or {}
            rows: list[dict[str, Any]] = body.get(name, [])
            yield rows
            if not _says_more(body, otherwise=len(rows) >= limits.RECORDS_PER_PAGE):
                return
            first = str(rows[0]["id"]) if rows else before
            if first == before:  # no rows, or the same page again
                raise _more_is_missing(path)
            before = first
            number += 1
            asked = {key: value for key, value in asked.items() if key not in {"page", "page_token"}}
            asked |= _next_page(path, name, body, number)

    def query(self, select: coql.Select, after: str | None = None) -> Iterator[dict[str, Any]]:
        """The rows of a query, after an id if it can be paged by id."""
        return self._by_id(select, after) if select.pages_by_id else self._by_offset(select)

    def _by_id(self, select: coql.Select, after: str | None) -> Iterator[dict[str, Any]]:
        """The rows of a query after an id, lowest id first."""
        last = after
        while True:
            rows, more = self._coql(select.page(last), limits.COQL_ROWS_PER_CALL, by_id=True)
            yield from rows
            if not more:
                return
            if not rows or (last is not None and int(rows[-1]["id"]) <= int(last)):
                raise _more_is_missing(self._coql_path)
            last = str(rows[-1]["id"])

    def _by_offset(self, select: coql.Select) -> Iterator[dict[str, Any]]:
        """The rows of a query with its own order or limit."""
        offset, wanted = select.bounds()
        while wanted is None or wanted > 0:
            size = limits.COQL_ROWS_PER_CALL if wanted is None else min(wanted, limits.COQL_ROWS_PER_CALL)
            rows, more = self._coql(select.window(offset, size), size)
            yield from rows
            if not more:
                return
            if not rows:
                raise _more_is_missing(self._coql_path)
            offset += len(rows)
            wanted = None if wanted is None else wanted - len(rows)

    def _coql(self, query: str, rows: int, *, by_id: bool = False) -> tuple[list[dict[str, Any]], bool]:
        """The rows of one call, and whether there are more. If the answer does not say, there are more as
        long as it has rows: Zoho documents two different maximums (zoho-api 6).
        """
        call = Call(
            "POST",
            self._coql_path,
            content=orjson.dumps({"select_query": query}),
            heavy=True,
            repeatable=True,
            credits=limits.coql_credits(rows),
            by_id=by_id,
        )
        body = self._transport.send(call).body or {}
        found: list[dict[str, Any]] = body.get("data", [])
        return found, _says_more(body, otherwise=bool(found))


def _info(body: Mapping[str, Any]) -> Mapping[str, Any]:
    info = body.get("info")
    return info if isinstance(info, dict) else {}


def _says_more(body: Mapping[str, Any], *, otherwise: bool) -> bool:
    """Whether a list goes on. `otherwise`: the assumption if the answer does not say."""
    more = _info(body).get("more_records")
    return otherwise if more is None else str(more).strip().lower() not in {"false", "0", "no", ""}


def _next_page(path: str, name: str, body: Mapping[str, Any], number: int) -> dict[str, str | int]:
    """The parameter for the page with this number."""
    token = _info(body).get("next_page_token")
    if isinstance(token, str) and token:
        return {"page_token": token}
    if name == "data":
        raise _more_is_missing(path)
    return {"page": number}


def _more_is_missing(path: str) -> ReadFailed:
    return ReadFailed(
        f"Zoho says that {path} has more than it gave, but does not give the rest.",
        hint="Try again later; or read the records with a query, which goes on after the last id.",
    )
