"""What a flow came to: the sums over its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zmigrate.engine.folder import RunFolder
from zmigrate.engine.outcomes import Rows, RunState
from zmigrate.engine.result import RunResult
from zmigrate.engine.run_record import RunRecord
from zmigrate.errors import ZmigrateError
from zmigrate.events import BatchDone, BatchSent, Event, RowsDecided

if TYPE_CHECKING:
    from zmigrate.zoho.connection import Connection


@dataclass(frozen=True, slots=True)
class Spent:
    """What the checks before the first step cost."""

    requests: Mapping[str, int] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)
    credits: int = 0

    @classmethod
    def by(cls, connection: Connection) -> Spent:
        sent, tokens = connection.transport, connection.tokens
        return cls(
            {"sent": sent.sent, "retried": sent.retried, "throttled": sent.throttled},
            {"acquired": tokens.acquired, "renewed": tokens.renewed},
            connection.credits.used,
        )


class Pace:
    """A listener that measures rows a second, from the first send to the last outcome of a session."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._rows = 0
        self._first: float | None = None
        self._last = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, BatchSent) and self._first is None:
            self._first = self._now()
        elif isinstance(event, BatchDone):
            self._rows += event.created + event.updated + event.unchanged + event.deleted
            self._rows += event.skipped + event.failed + event.in_doubt
            self._last = self._now()
        elif isinstance(event, RowsDecided):
            self._rows += event.skipped + event.failed
            self._last = self._now()

    @property
    def rows_per_s(self) -> float:
        if self._first is None or self._last <= self._first:
            return 0.0
        return self._rows / (self._last - self._first)


def flow_result(
    record: RunRecord,
    folder: RunFolder,
    steps: Sequence[Mapping[str, Any]],
    state: RunState,
    error: ZmigrateError | None = None,
    *,
    spent: Spent | None = None,
    files: Mapping[str, Path] | None = None,
    elapsed_s: float = 0.0,
    rows_per_s: float = 0.0,
) -> RunResult:
    """The result of a flow whose steps that have begun stand so (each as the JSON object of a run).

    What the steps and the checks (`spent`) cost is added up.
    """
    spent, files = spent or Spent(), files or {}
    begun = {str(step["run_id"]).rpartition("/")[2] for step in steps}
    estimates = [step["credits"]["estimated"] for step in steps if step["credits"]["estimated"] is not None]
    return RunResult(
        run_id=record.run_id,
        job=record.job,
        state=state,
        org={name: record.org.get(name) for name in ("id", "name", "sandbox")},
        api_domain=record.api_domain,
        rows=Rows(**_sums(step["rows"] for step in steps)),
        requests={"sent": 0, "retried": 0, "throttled": 0}
        | _sums([spent.requests, *(step["requests"] for step in steps)]),
        tokens={"acquired": 0, "renewed": 0} | _sums([spent.tokens, *(step["tokens"] for step in steps)]),
        credits={
            "estimated": sum(estimates) if estimates else None,
            "used": spent.credits + sum(step["credits"]["used"] for step in steps),
        },
        elapsed_s=elapsed_s,
        rows_per_s=rows_per_s,
        files={
            "run": str(folder.record_file),
            "success": None,
            "errors": None,
            **{name: str(path) for name, path in files.items()},
            "report": None,
        },
        error=error,
        steps=steps,
        not_begun=[each["name"] for each in record.steps or () if each["name"] not in begun],
    )


def _sums(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for name, count in each.items():
            total[name] = total.get(name, 0) + count
    return total
