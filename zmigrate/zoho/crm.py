"""The CRM API as calls: what job authors get as `ctx.crm`, and what the engine writes with.

Synchronous and thread-safe. The transport handles tokens, limits and repeats.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal

import msgspec

from zmigrate.errors import Fatal, UsageError, ZmigrateError
from zmigrate.events import CallFailed, Emit, WriteAnswered
from zmigrate.zoho import coql, metadata
from zmigrate.zoho.answers import Answer, Call, Method, Params, call_params
from zmigrate.zoho.automations import silenced
from zmigrate.zoho.facts import limits
from zmigrate.zoho.ids import is_id
from zmigrate.zoho.metadata import Layout, ModuleFields, Org
from zmigrate.zoho.org_check import refuse_unusable
from zmigrate.zoho.own_queries import OwnQueries
from zmigrate.zoho.paged_reader import PagedReader
from zmigrate.zoho.paths import checked
from zmigrate.zoho.record_calls import data_of, elements_of, encoded, is_heavy, is_query, records_written
from zmigrate.zoho.transport import Transport

Operation = Literal["insert", "update", "upsert", "delete"]

API = "/crm/v8"

FIELD_LISTS: Final = ("all", "unused")
"""The lists of a module's fields; only the second tells what is on no layout."""

_MODULE = re.compile(r"[A-Za-z]\w*")


class Crm:
    """Calls to one org. `on_org` gets the org when it is first read, and may refuse it by raising."""

    def __init__(self, transport: Transport, on_org: Callable[[Org], None] | None = None) -> None:
        self._transport = transport
        self._reads = PagedReader(transport, API)
        self._ours = OwnQueries(self._reads)
        self._on_org = on_org
        self._emit: Emit | None = None
        self._item: Callable[[], int] = lambda: 0
        self._lock = threading.Lock()
        self._org: Org | None = None
        self._field_lists: dict[tuple[str, str], dict[str, Any]] = {}
        self._fields: dict[str, ModuleFields] = {}
        self._layouts: dict[str, tuple[Layout, ...]] = {}

    def tell_calls(self, emit: Emit, item: Callable[[], int]) -> None:
        """From now on emit WriteAnswered or CallFailed for each call. `item`: gives the number of the item
        that a call is for."""
        self._emit, self._item = emit, item

    def get(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """GET a path like `/crm/v8/org`. Returns the decoded body, empty for 204."""
        return self._plain("GET", path, params, None, True)

    def post(
        self, path: str, params: Params | None = None, json: Any = None, repeat: bool | None = None
    ) -> dict[str, Any]:
        """POST; repeated after a lost answer only if `repeat` says that this is safe.

        Returns the decoded body. A refused record is in its `data[]` and raises nothing. Writes of records
        set off no workflow, approval or mail, unless the body has a `trigger`. Some calls set them off
        anyway: a mass update, the conversion of a lead, a bulk write. Raises InDoubt if the answer is lost or
        incomplete.
        """
        return self._plain("POST", path, params, json, bool(repeat))

    def put(
        self, path: str, params: Params | None = None, json: Any = None, repeat: bool | None = None
    ) -> dict[str, Any]:
        """PUT; repeated after a lost answer unless `repeat` is False. As silent as `post`."""
        return self._plain("PUT", path, params, json, repeat is not False)

    def patch(
        self, path: str, params: Params | None = None, json: Any = None, repeat: bool | None = None
    ) -> dict[str, Any]:
        """PATCH; repeated after a lost answer only if `repeat` says that this is safe."""
        return self._plain("PATCH", path, params, json, bool(repeat))

    def delete(
        self, path: str, params: Params | None = None, json: Any = None, repeat: bool | None = None
    ) -> dict[str, Any]:
        """DELETE; repeated after a lost answer unless `repeat` is False. Sets off no workflows, unless the
        parameters have `wf_trigger`."""
        return self._plain("DELETE", path, params, json, repeat is not False)

    def records(
        self, module: str, fields: Sequence[str], **params: str | int | bool
    ) -> Iterator[dict[str, Any]]:
        """All records of a module, page after page (at most 100,000: beyond that use `query`)."""
        asked: dict[str, str | int | bool | Sequence[str]] = {
            "fields": fields,
            "per_page": limits.RECORDS_PER_PAGE,
            **params,
        }
        custom_view = "cvid" in asked
        pages = self._reads.pages(
            f"{API}/{_module(module)}",
            asked,
            "data",
            heavy=custom_view or "sort_by" in asked,
            credits=limits.list_credits(custom_view=custom_view),
        )
        for page in pages:
            yield from page

    def query(self, select_query: str, *, after: str | None = None) -> Iterator[dict[str, Any]]:
        """The rows of a COQL query.

        Without `order by` and `limit` it is paged by `id > last id` to the very end, however many rows there
        are and however the condition shrinks meanwhile; `after`: start after this id. Otherwise it is paged
        by offset.
        """
        select = coql.parse(select_query)
        if after is not None and not select.pages_by_id:
            raise UsageError("A query with `order by`, `group by` or `limit` can't start after an id.")
        yield from self._reads.query(select, after)

    def org(self) -> Org:
        """The org of the token (asked once)."""
        if self._org is None:
            org = metadata.read_org(self.get(f"{API}/org"))
            refuse_unusable(org)
            if self._on_org is not None:
                self._on_org(org)
            self._org = org
        return self._org

    def fields(self, module: str) -> ModuleFields:
        """The fields of a module (asked once). Two calls: only one shows which fields are on no layout."""
        with self._lock:
            known = self._fields.get(module)
        if known is not None:
            return known
        read = metadata.read_fields(module, *(self.field_list(module, which) for which in FIELD_LISTS))
        with self._lock:
            self._fields[module] = read
            for which in FIELD_LISTS:
                self._field_lists.pop((module, which), None)
        return read

    def field_list(self, module: str, which: str) -> dict[str, Any]:
        """One of a module's lists of fields as Zoho answers it: one call, kept until `fields` has read it."""
        with self._lock:
            known = self._field_lists.get((module, which))
        if known is not None:
            return known
        answer = self.get(f"{API}/settings/fields", {"module": _module(module), "type": which})
        with self._lock:
            self._field_lists[module, which] = answer
        return answer

    def layouts(self, module: str) -> tuple[Layout, ...]:
        """The layouts of a module (asked once). Needs the scope ZohoCRM.settings.layouts.READ."""
        with self._lock:
            known = self._layouts.get(module)
        if known is not None:
            return known
        read = metadata.read_layouts(self.get(f"{API}/settings/layouts", {"module": _module(module)}))
        with self._lock:
            self._layouts[module] = read
        return read

    def modules(self) -> list[dict[str, Any]]:
        """All modules as Zoho describes them (`api_name`, `api_supported`, `creatable`, …)."""
        found: list[dict[str, Any]] = self.get(f"{API}/settings/modules").get("modules", [])
        return found

    def users(self, type: str = "ActiveUsers") -> Iterator[dict[str, Any]]:
        """Users of one type (`AllUsers`, `ActiveUsers`, `CurrentUser`, …), page after page."""
        asked: Params = {"type": type, "page": 1, "per_page": limits.RECORDS_PER_PAGE}
        for page in self._reads.pages(f"{API}/users", asked, "users"):
            yield from page

    def current_user(self) -> dict[str, Any]:
        """The token's user: the owner of the client."""
        return next(self.users("CurrentUser"), {})

    def record(self, module: str, id: str, fields: Sequence[str] | None = None) -> dict[str, Any] | None:
        """One record by id, whole or with these fields only. None if there is none."""
        return self.records_by_id(module, [id], fields).get(id) if fields else self._whole_record(module, id)

    def records_by_id(
        self, module: str, ids: Sequence[str], fields: Sequence[str] | None
    ) -> dict[str, dict[str, Any]]:
        """Records by id, for at most 100 ids in one call. Missing ids are not in the result."""
        if not ids:
            return {}
        if len(ids) > limits.IDS_PER_READ:
            raise ValueError(f"at most {limits.IDS_PER_READ} ids a call")
        asked: dict[str, str | int | bool | Sequence[str]] = {
            "fields": fields or ["id"],
            "ids": ids,
            "per_page": limits.RECORDS_PER_PAGE,
        }
        if module == "Leads":
            asked["converted"] = "both"  # without it a list leaves converted leads out
        pages = self._reads.pages(f"{API}/{_module(module)}", asked, "data")
        return {str(record["id"]): record for page in pages for record in page}

    def is_empty(self, module: str) -> bool:
        """Whether a module has no record that COQL sees."""
        return next(self.select(module, ["id"], limit=1), None) is None

    def select(
        self, module: str, columns: Sequence[str], *, filled: str = "id", limit: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """The records of a module, by a query; `filled`: those that have a value in this field."""

        def made(write: coql.WriteName) -> str:
            listed = ", ".join(map(write, columns))
            select = f"select {listed} from {write(module)} where {write(filled)} is not null"  # noqa: S608  names
            return select if limit is None else f"{select} limit {limit}"

        return self._ours.ask(made, (module, filled, *columns))

    def count(self, module: str) -> int | None:
        """How many records a module has; None if Zoho does not say."""

        def made(write: coql.WriteName) -> str:
            return f"select COUNT(id) from {write(module)} where id is not null limit 1"  # noqa: S608  a name

        try:
            row = next(self._ours.ask(made, (module,)), {})
        except Fatal:
            return None
        return next((value for value in row.values() if isinstance(value, int)), None)

    def find(
        self,
        module: str,
        field: str,
        values: Sequence[str | int],
        extra_fields: Sequence[str] = (),
        *,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """The records whose `field` has one of at most 50 values (see `coql.can_query`), with extra fields.

        Zoho does not document whether `in` ignores letter case: compare the results.
        """

        def made(write: coql.WriteName) -> str:
            query = coql.in_query((field, *extra_fields), module, field, values, write)
            return query if limit is None else f"{query} limit {limit}"

        return list(self._ours.ask(made, (module, field, *extra_fields)))

    def find_together(
        self,
        module: str,
        fields: Sequence[str],
        keys: Sequence[Sequence[str | int]],
        extra_fields: Sequence[str] = (),
        *,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """The records whose `fields` have the values of one of these keys; and others, which have a value of
        one key in one field and of another in the next: compare the results. At most 50 values of a field.
        """
        columns = zip(*keys, strict=True)
        wanted = {field: list(dict.fromkeys(values)) for field, values in zip(fields, columns, strict=True)}

        def made(write: coql.WriteName) -> str:
            query = coql.together_query((*fields, *extra_fields), module, wanted, write)
            return query if limit is None else f"{query} limit {limit}"

        return list(self._ours.ask(made, (module, *fields, *extra_fields)))

    def write(
        self,
        module: str,
        operation: Operation,
        content: bytes | None,
        *,
        rows: int,
        repeatable: bool,
        ids: Sequence[str] = (),
        trigger: Sequence[str] = (),
        brief: bool = False,
    ) -> Answer:
        """Send one batch of records: a body from `write_body`, or for a delete the ids.

        The answer's `data[]` has one element a row, in order; with `brief`, a plain success has `Answer.done`
        instead. Errors: see `Transport.send`.
        """
        path = f"{API}/{_module(module)}"
        params: tuple[tuple[str, str], ...] = ()
        method: Method = "POST"
        if operation == "upsert":
            path += "/upsert"
        elif operation == "update":
            method = "PUT"
        elif operation == "delete":
            method = "DELETE"
            params = (("ids", ",".join(ids)), ("wf_trigger", "true" if "workflow" in trigger else "false"))
        call = Call(
            method,
            path,
            params,
            content,
            heavy=limits.is_heavy_write(operation, rows),
            repeatable=repeatable,
            credits=limits.write_credits(operation, rows),
            expect=rows,
            brief=brief,
        )
        return self._send(call, operation)

    def _plain(
        self, method: Method, path: str, params: Params | None, json: Any, repeatable: bool
    ) -> dict[str, Any]:
        params, json = silenced(method, checked(path), params or {}, json)
        content = None if json is None else encoded(json)
        rows = len(data_of(json))
        query = call_params(params)
        operation, records = records_written(method, path, query, json)
        call = Call(
            method,
            path,
            query,
            content,
            heavy=is_heavy(method, path, query, rows),
            repeatable=repeatable or is_query(path),
            credits=limits.write_credits("insert", rows) if rows else 1,
            expect=records or None,
        )
        body = self._send(call, operation).body
        return body if isinstance(body, dict) else {}

    def _send(self, call: Call, operation: Operation | None) -> Answer:
        """Send a call, and emit its result if asked to."""
        if self._emit is None:
            return self._transport.send(call)
        item = self._item()
        try:
            answer = self._transport.send(call)
        except ZmigrateError as error:
            records = (call.expect or 1) if call.writes else 0
            self._emit(CallFailed(call.method, call.path, records, call.repeatable, error, item))
            raise
        if call.writes:
            said = _said(answer) if operation else elements_of(answer.body)
            repeatable = call.repeatable or operation not in {"insert", None}
            doubted = answer.doubted_at is not None
            self._emit(
                WriteAnswered(call.method, call.path, operation, tuple(said), repeatable, doubted, item)
            )
        return answer

    def _whole_record(self, module: str, id: str) -> dict[str, Any] | None:
        if not is_id(id):
            raise UsageError(f"{id!r} is not a record id.")
        try:
            body = self.get(f"{API}/{_module(module)}/{id}")
        except Fatal as error:
            if error.code == "INVALID_DATA":  # Zoho has no such id
                return None
            raise
        records = body.get("data", [])
        return records[0] if records else None


def _said(answer: Answer) -> list[Any]:
    """The answer's result for each record, in any shape."""
    return data_of(answer.body) if answer.done is None else msgspec.to_builtins(answer.done)


def _module(module: str) -> str:
    if _MODULE.fullmatch(module) is None:
        raise UsageError(
            f"{module!r} is not a module's API name.", hint="API names have letters, digits and _."
        )
    return module
