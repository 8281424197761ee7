"""The read calls: one record, lists, deleted records, count (docs v7 "get records", OAS `record`)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from .answers import NO_CONTENT, Answer, Json, Refused, invalid_data, json_answer, missing_param, unknown_id
from .clock import instant
from .record_view import RecordView
from .store import Record
from .world import PageToken, World

MAX_FIELDS = 50
PER_PAGE = 200
MAX_DIGITS = 9
DISCRETE_LIMIT = 2000
TOKEN_LIFE_S = 86400.0
SORTS = ("id", "Created_Time", "Modified_Time")
BOUND_PARAMS = ("fields", "ids", "per_page", "sort_by", "sort_order", "converted", "approved")
CHOICE = {"true": True, "false": False, "both": None}
"""Which records the parameters `converted` and `approved` list (docs v7 "get records").

UNCONFIRMED: a query lists no converted leads, and the records that wait for approval."""

T = TypeVar("T")


def get_one(world: World, module: str, record_id: str, query: Mapping[str, str]) -> Answer:
    record = world.stores[module].find(record_id)
    if record is None:
        if world.options.unknown_id_status == "204" and record_id.isdecimal():
            return NO_CONTENT
        raise unknown_id(id=record_id, resource_path_index=1)
    names = query["fields"].split(",") if query.get("fields") else None
    return json_answer({"data": [RecordView(world, module).record(record, names)]})


class Listing:
    """One `GET /{module}`. `since` is the header If-Modified-Since."""

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
        page = self._page()
        number = page.number if page else self._page_number(per_page)
        skip = 0 if page else (number - 1) * per_page
        rows = list(islice(self._rows(page), skip, skip + per_page + 1))
        if not rows:
            return Answer(304) if self._since else NO_CONTENT
        more = len(rows) > per_page
        rows = rows[:per_page]
        given = (page.given if page else skip) + len(rows)
        gives_token = more and self._world.options.page_tokens == "given"
        clock = self._world.clock
        info = {
            "call": False,
            "next_page_token": self._next_token(rows[-1], given, number) if gives_token else None,
            "count": len(rows),
            "sort_by": self._sort_by,
            "page": number,
            "previous_page_token": page.previous if page else None,
            "page_token_expiry": clock.iso(clock.now() + TOKEN_LIFE_S) if gives_token else None,
            "sort_order": "desc" if self._descending else "asc",
            "email": False,
            "per_page": per_page,
            "more_records": more,
        }
        view = RecordView(self._world, self._module)
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
            raise invalid_data(param_name="cvid")
        if self._sort_by not in SORTS:
            raise invalid_data(param_name="sort_by", supported_values=SORTS)
        if (self._query.get("sort_order") or "desc") not in ("asc", "desc"):
            raise invalid_data(param_name="sort_order", supported_values=["asc", "desc"])

    def _page_number(self, per_page: int) -> int:
        number = positive(self._query, "page", 1, None)
        if number * per_page > DISCRETE_LIMIT:
            text = "You can only get the first 2000 records without using page_token param"
            raise Refused("DISCRETE_PAGINATION_LIMIT_EXCEEDED", text, {"limit": DISCRETE_LIMIT})
        return number

    def _page(self) -> PageToken | None:
        """What the request's page token stands for, if there is one."""
        token = self._query.get("page_token")
        if token is None:
            return None
        if "page" in self._query:
            raise ambiguous("page", "page_token")
        page = self._world.page_tokens.get(token)
        where = {"param_name": "page_token"}
        if page is None or page.bound != self._bound or page.module != self._module:
            text = "The page_token given seems to be invalid or input param is added or altered or deleted"
            raise Refused("TOKEN_BOUND_DATA_MISMATCH", text, where)
        if page.ends_at <= self._world.clock.now():
            details = {"api_name": "page_token", "json_path": "$.page_token"}
            raise Refused("EXPIRED_VALUE", "Page token expired", details)
        if page.given >= self._world.options.page_cap:
            text = "You can only get upto 100000 records using page_token param"
            raise Refused("PAGINATION_LIMIT_EXCEEDED", text, where)
        return page

    def _rows(self, page: PageToken | None) -> Iterator[Record]:
        converted = CHOICE.get(self._query.get("converted", "false"))
        rows = (row for row in self._sorted(page) if converted in (None, row.converted))
        approved = CHOICE.get(self._query.get("approved", "true"))
        rows = (row for row in rows if approved in (None, not row.waiting))
        if self._query.get("ids"):
            ids = set(self._query["ids"].split(","))
            rows = (row for row in rows if str(row.id) in ids)
        if self._since:
            since = since_of(self._since)
            rows = (row for row in rows if row.modified > since)
        return rows

    def _sorted(self, page: PageToken | None) -> Iterator[Record]:
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

    def _next_token(self, last: Record, given: int, number: int) -> str:
        """Makes the token of the next page."""
        token = secrets.token_hex(32)
        ends_at = self._world.clock.now() + TOKEN_LIFE_S
        previous = self._query.get("page_token")
        self._world.page_tokens[token] = PageToken(
            self._bound, self._module, self._key(last), given, number + 1, ends_at, previous
        )
        return token


def deleted(world: World, module: str, query: Mapping[str, str], since: str | None) -> Answer:
    """`GET /{module}/deleted`. The emulator keeps all deleted records: `permanent` lists none."""
    kind = query.get("type") or "all"
    if kind not in ("all", "recycle", "permanent"):
        text = "Please check whether the input values are correct"
        raise Refused("PATTERN_NOT_MATCHED", text, {"param": "type"})
    gone = [] if kind == "permanent" else world.stores[module].deleted[::-1]
    if since:
        moment = since_of(since)
        gone = [one for one in gone if one.deleted_at > moment]
    shown, info = page_of(gone, query)
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
    return json_answer({"data": data, "info": info})


def page_of(rows: Sequence[T], query: Mapping[str, str]) -> tuple[Sequence[T], Json]:
    """The rows of the page that the query asks for, and the answer's `info`."""
    per_page = positive(query, "per_page", PER_PAGE, PER_PAGE)
    page = positive(query, "page", 1, None)
    shown = rows[(page - 1) * per_page : page * per_page]
    more = len(rows) > page * per_page
    return shown, {"per_page": per_page, "count": len(shown), "page": page, "more_records": more}


def count(world: World, module: str) -> Answer:
    return json_answer({"count": len(world.stores[module].records)})


def since_of(header: str) -> float:
    try:
        return instant(header)
    except ValueError:
        raise invalid_data(param_name="If-Modified-Since") from None


def positive(query: Mapping[str, str], name: str, default: int, most: int | None) -> int:
    """A positive number of the query, up to `most`."""
    raw = query.get(name)
    if raw is None:
        return default
    if not raw.isdecimal() or len(raw) > MAX_DIGITS or not 1 <= int(raw) <= (most or int(raw)):
        raise invalid_data(param_name=name)
    return int(raw)


def ambiguous(*names: str) -> Refused:
    details = {"ambiguity_due_to": [{"param_name": name} for name in names]}
    return Refused("AMBIGUITY_DURING_PROCESSING", "ambiguity due to params", details)
