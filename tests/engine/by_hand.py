"""Hand-written jobs for tests, and answers of Zoho that refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from tests.support import Bench, read_rows
from zmigrate import Job
from zmigrate.engine.runner.context import RunContext
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.run_result import RunResult
from zmigrate.errors import ZmigrateError
from zmigrate.events import CallFailed, Emit, EventHub, WriteAnswered
from zmigrate.job.context import Context
from zmigrate.stopping import StopSignal
from zmigrate.zoho.crm import Crm

LEADS = "/crm/v8/Leads"

Body = Callable[[Context, dict[str, Any]], object]


def by_hand(run: Callable[[Context], object]) -> Job:
    """A job that does this."""
    made = type(
        "ByHand",
        (Job,),
        {
            "__module__": __name__,
            "scopes": ("ZohoCRM.modules.leads.ALL", "ZohoCRM.settings.tags.ALL"),
            "run": lambda self, ctx: run(ctx),
        },
    )
    job: Job = made()
    return job


def each_of(items: Iterable[dict[str, Any]], body: Body) -> Job:
    """A job with one loop."""

    def run(ctx: Context) -> None:
        for item in ctx.each(items):
            body(ctx, item)

    return by_hand(run)


def numbered(*ids: object) -> list[dict[str, Any]]:
    return [{"id": str(each)} for each in ids]


def insert(ctx: Context, item: dict[str, Any]) -> dict[str, Any]:
    return ctx.crm.post(LEADS, json={"data": [lead(item["id"])]})


def lead(key: object) -> dict[str, Any]:
    return {"Last_Name": f"Name {key}", "Company": "Acme", "Legacy_ID": f"L-{key}"}


def says(bench: Bench, status: int, *elements: dict[str, Any], skip: int = 0, **where: Any) -> None:
    """The next write of leads is answered so, and not done."""
    fault = {"path": LEADS, "fault": "answer", "status": status, "body": {"data": list(elements)}}
    bench.script({"method": "POST", **fault, "skip": skip, **where})


def no(code: str = "INVALID_DATA", field: str = "Email", message: str = "invalid data") -> dict[str, Any]:
    details = {"api_name": field, "json_path": f"$.data[0].{field}"}
    return {"code": code, "details": details, "message": message, "status": "error"}


def yes(number: int = 77) -> dict[str, Any]:
    return {"code": "SUCCESS", "details": {"id": str(number)}, "message": "record added", "status": "success"}


def counts(result: RunResult) -> dict[str, int]:
    """What is not zero."""
    return {name: number for name, number in result.rows.to_json().items() if number}


def listed(result: RunResult, name: str) -> list[tuple[str, ...]]:
    """The rows of a result file, without its header."""
    return [tuple(row.values()) for row in read_rows(result.files[name])]


def keys_in_org(bench: Bench) -> Iterator[str]:
    yield from (record["Legacy_ID"] for record in bench.records())


class Heard:
    """Stands in for the calls: the test says what became of them."""

    emit: Emit

    item: Callable[[], int]

    def tell_calls(self, emit: Emit, item: Callable[[], int]) -> None:
        self.emit, self.item = emit, item

    def fails(self, error: ZmigrateError, *, records: int = 1, repeatable: bool = False) -> None:
        self.emit(CallFailed("POST", LEADS, records, repeatable, error, self.item()))

    def answers(self, *elements: Any, begun: int | None = None) -> None:
        """`begun`: the item that was at work when the call began, where that is not the one now."""
        item = self.item() if begun is None else begun
        self.emit(WriteAnswered("POST", LEADS, "insert", elements, False, False, item))


def context_of(heard: Heard, journal: Journal, stop: StopSignal | None = None) -> RunContext:
    return RunContext(cast("Crm", heard), journal, EventHub(), stop or StopSignal())
