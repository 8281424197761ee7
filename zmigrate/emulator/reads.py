"""Get, list with pages and page tokens, deleted records, count (docs v7 "get records", OAS `record`)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from .answers import NO_CONTENT, Answer, Json, Refused, bad_param, json_answer, missing_param
from .clock import instant
from .paging import Page
from .record_view import RecordView
from .store import Record
from .world import World

MAX_FIELDS = 50
PER_PAGE = 200
MAX_DIGITS = 9
DISCRETE_LIMIT = 2000
TOKEN_LIFE_S = 86400.0
SORTS = ("id", "Created_Time", "Modified_Time")
BOUND_PARAMS = ("fields", "ids", "per_page", "sort_by", "sort_order", "converted")


def get_one(world: World, module: str, record_id: str, query: Mapping[str, str]) -> Answer:
    record = world.stores[module].find(record_id)
    if record is None:
        if world.options.unknown_id_status == "204" and record_id.isdecimal():
            return NO_CONTENT
        raise Refused(
            "INVALID_DATA", "the id given seems to be invalid", {"id": record_id, "resource_path_index": 1}
        )
    names = query["fields"].split(",") if query.get("fields") else None
    return json_answer({"data": [RecordView(world, module).record(record, names)]})


class Listing:
    """One `GET /{module}`."""

    def __init__(self, world: World, module: str, query: Mapping[str, str], since: str | None) -> None:
        self._world = world
        self._module = module
        self._query = query
        self._since = since
        self._store = world.stores[module]
        self._sort_by = query.get("sort_by") or "id"
        self._descending = (query.get("sort_order") or "desc") == "desc"
        self._bound = tuple(query.get(name) for name in BOUND_PARAMS)

    def answer(self) -> Answer:
        names = self._names()
        self._check_sort()
        per_page = positive(self._query, "per_page", PER_PAGE, PER_PAGE)
        page, token, number = self._start(per_page)
        skip = 0 if token else (number - 1) * per_page
        rows = list(islice(self._rows(page), skip, skip + per_page + 1))
        if not rows:
            return Answer(304) if self._since else NO_CONTENT
        more = len(rows) > per_page
        rows = rows[:per_page]
        given = (page.given if page else skip) + len(rows)
        view = RecordView(self._world, self._module)
        gives_token = more and self._world.options.page_tokens == "given"
        following = self._following(rows[-1], given, number, token) if gives_token else None
        info = self._info(len(rows), number, following, page)
        info |= {"per_page": per_page, "more_records": more}
        return json_answer({"data": [view.listed(row, names) for row in rows], "info": info})

    def _names(self) -> list[str]:
        if not self._query.get("fields"):
            raise missing_param("fields")
        names = [name for name in self._query["fields"].split(",") if name]
        if len(names) > MAX_FIELDS:
            raise Refused("LIMIT_EXCEEDED", "limit exceeded", {"limit": MAX_FIELDS, "param_name": "fields"})
        return names

    def _check_sort(self) -> None:
        if self._query.get("cvid"):
            if "sort_by" in self._query:
                raise ambiguous("cvid", "sort_by")
            raise bad_param("cvid")
        if self._sort_by not in SORTS:
            raise bad_param("sort_by", supported_values=list(SORTS))
        if (self._query.get("sort_order") or "desc") not in ("asc", "desc"):
            raise bad_param("sort_order", supported_values=["asc", "desc"])

    def _start(self, per_page: int) -> tuple[Page | None, str | None, int]:
        """Where the page begins: the token's state, the token, the page's number."""
        token = self._query.get("page_token")
        if token is None:
            number = positive(self._query, "page", 1, None)
            if number * per_page > DISCRETE_LIMIT:
                raise Refused(
                    "DISCRETE_PAGINATION_LIMIT_EXCEEDED",
                    "You can only get the first 2000 records without using page_token param",
                    {"limit": DISCRETE_LIMIT},
                )
            return None, None, number
        if "page" in self._query:
            raise ambiguous("page", "page_token")
        page = self._world.page_tokens.get(token)
        if page is None or page.bound != self._bound or page.module != self._module:
            raise Refused(
                "TOKEN_BOUND_DATA_MISMATCH",
                "The page_token given seems to be invalid or input param is added or altered or deleted",
                {"param_name": "page_token"},
            )
        if page.ends_at <= self._world.clock.now():
            where = {"api_name": "page_token", "json_path": "$.page_token"}
            raise Refused("EXPIRED_VALUE", "Page token expired", where)
        if page.given >= self._world.options.page_cap:
            raise Refused(
                "PAGINATION_LIMIT_EXCEEDED",
                "You can only get upto 100000 records using page_token param",
                {"param_name": "page_token"},
            )
        return page, token, page.number

    def _rows(self, page: Page | None) -> Iterator[Record]:
        rows = self._sorted(page)
        if self._query.get("ids"):
            wanted = set(self._query["ids"].split(","))
            rows = (row for row in rows if str(row.id) in wanted)
        if self._since:
            since = since_of(self._since)
            rows = (row for row in rows if row.modified > since)
        return rows

    def _sorted(self, page: Page | None) -> Iterator[Record]:
        if self._sort_by == "id":
            if self._descending:
                return self._store.before(page.last[1] if page else None)
            return self._store.after(page.last[1] if page else 0)
        key = self._key
        rows = sorted(self._store.records.values(), key=key, reverse=self._descending)
        if page is None:
            return iter(rows)
        if self._descending:
            return (row for row in rows if key(row) < page.last)
        return (row for row in rows if key(row) > page.last)

    def _key(self, record: Record) -> tuple[float, int]:
        match self._sort_by:
            case "Created_Time":
                return record.created, record.id
            case "Modified_Time":
                return record.modified, record.id
        return 0.0, record.id

    def _following(self, last: Record, given: int, number: int, token: str | None) -> str:
        """Makes the token of the next page."""
        following = secrets.token_hex(32)
        ends_at = self._world.clock.now() + TOKEN_LIFE_S
        self._world.page_tokens[following] = Page(
            self._bound, self._module, self._key(last), given, number + 1, ends_at, token
        )
        return following

    def _info(self, count: int, number: int, following: str | None, page: Page | None) -> Json:
        clock = self._world.clock
        return {
            "call": False,
            "next_page_token": following,
            "count": count,
            "sort_by": self._sort_by,
            "page": number,
            "previous_page_token": page.previous if page else None,
            "page_token_expiry": clock.iso(clock.now() + TOKEN_LIFE_S) if following else None,
            "sort_order": "desc" if self._descending else "asc",
            "email": False,
        }


def deleted(world: World, module: str, query: Mapping[str, str], since: str | None) -> Answer:
    """`GET /{module}/deleted`. Nothing is ever gone for good here: `permanent` lists nothing."""
    kind = query.get("type") or "all"
    if kind not in ("all", "recycle", "permanent"):
        raise Refused(
            "PATTERN_NOT_MATCHED", "Please check whether the input values are correct", {"param": "type"}
        )
    per_page = positive(query, "per_page", PER_PAGE, PER_PAGE)
    page = positive(query, "page", 1, None)
    gone = [] if kind == "permanent" else world.stores[module].deleted[::-1]
    if since:
        moment = since_of(since)
        gone = [one for one in gone if one.deleted_at > moment]
    shown = gone[(page - 1) * per_page : page * per_page]
    if not shown:
        return Answer(304) if since else NO_CONTENT
    data = [
        {
            "deleted_by": world.users.known(one.deleted_by).brief(),
            "id": str(one.id),
            "display_name": one.name,
            "type": "recycle",
            "created_by": world.users.known(one.created_by).brief(),
            "deleted_time": world.clock.iso(one.deleted_at),
        }
        for one in shown
    ]
    info = {
        "per_page": per_page,
        "count": len(shown),
        "page": page,
        "more_records": len(gone) > page * per_page,
    }
    return json_answer({"data": data, "info": info})


def count(world: World, module: str) -> Answer:
    return json_answer({"count": len(world.stores[module].records)})


def since_of(header: str) -> float:
    try:
        return instant(header)
    except ValueError:
        raise bad_param("If-Modified-Since") from None


def positive(query: Mapping[str, str], name: str, default: int, most: int | None) -> int:
    """A positive number from the query."""
    raw: Any = query.get(name)
    if raw is None:
        return default
    if not raw.isdecimal() or len(raw) > MAX_DIGITS or not 1 <= int(raw) <= (most or int(raw)):
        raise bad_param(name)
    return int(raw)


def ambiguous(*names: str) -> Refused:
    return Refused(
        "AMBIGUITY_DURING_PROCESSING",
        "ambiguity due to params",
        {"ambiguity_due_to": [{"param_name": name} for name in names]},
    )
