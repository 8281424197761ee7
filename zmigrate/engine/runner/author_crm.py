"""`ctx.crm`: Zoho's API for a hand-written job, and writes that tell what became of each record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias, overload

from zmigrate.engine.model.batch import BATCH_ROWS
from zmigrate.engine.model.outcomes import Outcome, lost
from zmigrate.engine.runner.job_faults import no_id, no_record, no_records
from zmigrate.engine.runner.tally import outcomes_of_records
from zmigrate.errors import InDoubt
from zmigrate.job.context import WrittenRecord
from zmigrate.job.writes import Operation
from zmigrate.zoho.answers import Params
from zmigrate.zoho.crm import Crm
from zmigrate.zoho.metadata import ModuleFields, Org
from zmigrate.zoho.record_calls import body_of, data_of, encoded

Record: TypeAlias = Mapping[str, Any]
ToDelete: TypeAlias = str | int | Record
"""A record's id, or a record that has one."""


class AuthorCrm:
    """Zoho's API for a hand-written job. A job's scopes must cover what it calls.

    `insert`, `update`, `upsert` and `delete` take any number of records, send 100 in a call, and return a
    `WrittenRecord` for each record, in the order given. A record that Zoho refuses is data: it raises
    nothing, and is counted and listed as failed. A record whose answer was lost is in doubt, and is not sent
    again. Zoho sets off no workflow, approval or mail, unless the run has `--trigger`. Records are as Zoho's
    JSON has them.

    A call that is refused as a whole (scope, module, permission) raises `RefusedError` or `Fatal`; spent
    credits and outages end the run, which can be resumed.
    """

    def __init__(self, crm: Crm, trigger: Sequence[str] = (), may_go_on: Callable[[], None] = lambda: None):
        """`may_go_on`: raises StopRequested between two calls."""
        self._crm = crm
        self._trigger = trigger
        self._may_go_on = may_go_on

    # -- writes -----------------------------------------------------------------------------------

    def insert(self, module: str, records: Iterable[Record]) -> list[WrittenRecord]:
        """Create records: `ctx.crm.insert("Leads", [{"Last_Name": "Doe"}])`."""
        return self._write(module, "insert", records)

    def update(self, module: str, records: Iterable[Record]) -> list[WrittenRecord]:
        """Change records; each has its `id`. Fields that are not named stay as they are."""
        return self._write(module, "update", records)

    def upsert(
        self, module: str, records: Iterable[Record], match_on: str | None = None
    ) -> list[WrittenRecord]:
        """Change the records that are there, and create the others. `match_on`: the field that shows whether
        one is there; None: Zoho's own duplicate-check fields."""
        return self._write(module, "upsert", records, match_on)

    @overload
    def delete(
        self, module: str, records: Sequence[ToDelete] | Iterator[ToDelete]
    ) -> list[WrittenRecord]: ...

    @overload
    def delete(
        self, module: str, records: Params | None = None, json: Any = None, repeat: bool | None = None
    ) -> dict[str, Any]: ...

    def delete(self, module: str, records: Any = None, json: Any = None, repeat: bool | None = None) -> Any:
        """Delete records by id: `ctx.crm.delete("Leads", ids)`; records with an `id` do as well.

        With a path it is a plain DELETE, as `Crm.delete`: `ctx.crm.delete("/crm/v8/Leads", {"ids": "1,2"})`.
        """
        if module.startswith("/"):
            return self._crm.delete(module, records, json, repeat)
        return self._write(module, "delete", records)

    def _write(
        self, module: str, operation: Operation, records: Iterable[Any], match_on: str | None = None
    ) -> list[WrittenRecord]:
        if not isinstance(records, Iterable) or isinstance(records, str | bytes | Mapping):
            raise no_records(operation, records)
        left, written = iter(records), list[WrittenRecord]()
        while some := list(islice(left, BATCH_ROWS)):
            self._may_go_on()
            written += map(_told, self._write_some(module, operation, some, match_on))
        return written

    def _write_some(
        self, module: str, operation: Operation, some: list[Any], match_on: str | None
    ) -> list[Outcome]:
        content, ids = None, list[str]()
        if operation == "delete":
            ids = [_id_of(each) for each in some]
        else:
            for each in some:
                if not isinstance(each, Mapping):
                    raise no_record(operation, each)
            content = encoded(body_of([dict(each) for each in some], operation, self._trigger, match_on))
        try:
            answer = self._crm.write(
                module,
                operation,
                content,
                rows=len(some),
                repeatable=operation in {"update", "delete"},
                ids=ids,
                trigger=self._trigger,
            )
        except InDoubt as error:
            return [lost(error.message)] * len(some)
        doubted = answer.doubted_at is not None
        return outcomes_of_records(module, operation, data_of(answer.body), doubted, match_on)

    # -- reads ------------------------------------------------------------------------------------

    def records(
        self, module: str, fields: Sequence[str], **params: str | int | bool
    ) -> Iterator[dict[str, Any]]:
        """All records of a module with these fields (at most 100,000: beyond that use `query`)."""
        return self._crm.records(module, fields, **params)

    def query(self, select_query: str, *, after: str | None = None) -> Iterator[dict[str, Any]]:
        """The rows of a COQL query: `ctx.crm.query("select id from Leads where City = 'Bern'")`. Without
        `order by` and `limit` it gives all, in the order of ids. It needs ZohoCRM.coql.READ."""
        return self._crm.query(select_query, after=after)

    def count(self, module: str) -> int | None:
        """How many records a module has; None if Zoho does not say. It needs ZohoCRM.coql.READ."""
        return self._crm.count(module)

    def record(self, module: str, id: str, fields: Sequence[str] | None = None) -> dict[str, Any] | None:
        """One record by id, whole or with these fields only. None if there is none."""
        return self._crm.record(module, id, fields)

    def records_by_id(
        self, module: str, ids: Sequence[str], fields: Sequence[str] | None = None
    ) -> dict[str, dict[str, Any]]:
        """Up to 100 records by id. Ids without a record are not in the result."""
        return self._crm.records_by_id(module, ids, fields)

    def find(
        self, module: str, field: str, values: Sequence[str | int], extra_fields: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """The records whose `field` has one of at most 50 values. It needs ZohoCRM.coql.READ."""
        return self._crm.find(module, field, values, extra_fields)

    def org(self) -> Org:
        """The org, asked once."""
        return self._crm.org()

    def fields(self, module: str) -> ModuleFields:
        """The fields of a module, asked once. It needs ZohoCRM.settings.fields.READ."""
        return self._crm.fields(module)

    def modules(self) -> list[dict[str, Any]]:
        """All modules as Zoho describes them."""
        return self._crm.modules()

    def users(self, type: str = "ActiveUsers") -> Iterator[dict[str, Any]]:
        """Users of one type (`AllUsers`, `ActiveUsers`, `CurrentUser`, …)."""
        return self._crm.users(type)

    def current_user(self) -> dict[str, Any]:
        """The token's user: the owner of the client."""
        return self._crm.current_user()

    # -- calls by path ----------------------------------------------------------------------------

    def get(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """GET a path like `/crm/v8/org`. Returns the decoded body, empty for 204."""
        return self._crm.get(path, params)

    def post(
        self, path: str, params: Params | None = None, json: Any = None, repeat: bool | None = None
    ) -> dict[str, Any]:
        """POST, see `Crm.post`: a refused record is in the body, a lost answer raises InDoubt."""
        return self._crm.post(path, params, json, repeat)

    def put(
        self, path: str, params: Params | None = None, json: Any = None, repeat: bool | None = None
    ) -> dict[str, Any]:
        """PUT; repeated after a lost answer unless `repeat` is False."""
        return self._crm.put(path, params, json, repeat)

    def patch(
        self, path: str, params: Params | None = None, json: Any = None, repeat: bool | None = None
    ) -> dict[str, Any]:
        """PATCH; repeated after a lost answer only if `repeat` says that this is safe."""
        return self._crm.patch(path, params, json, repeat)


def _id_of(given: Any) -> str:
    found = given.get("id") if isinstance(given, Mapping) else given
    if isinstance(found, bool) or not isinstance(found, str | int) or not str(found).strip():
        raise no_id(given)
    return str(found).strip()


def _told(outcome: Outcome) -> WrittenRecord:
    """The outcome as an author reads it: of several reasons the first names code and field."""
    action: Any = outcome.action  # of a write these are always the actions that `WrittenRecord` has
    if not outcome.reasons:
        return WrittenRecord(action, outcome.id)
    first = outcome.reasons[0]
    message = "; ".join(reason.message for reason in outcome.reasons)
    return WrittenRecord(action, outcome.id, first.code or None, first.field, message)
