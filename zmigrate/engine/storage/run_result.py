"""The result of a run or a flow: the object that `--json` prints and `zmigrate.run()` returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zmigrate.engine.model.outcomes import RowCounts, RunState
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.run_record import RunRecord
from zmigrate.errors import ZmigrateError
from zmigrate.events import BatchDone, BatchSent, Event, RowsDecided

if TYPE_CHECKING:
    from zmigrate.zoho.connection import Connection


EXIT_OK = 0
EXIT_ROWS = 1
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a run. `rows_per_s` counts from the first send to the last outcome of this session."""

    run_id: str
    job: str
    state: RunState
    org: Mapping[str, Any]
    api_domain: str
    rows: RowCounts
    requests: Mapping[str, int] = field(default_factory=lambda: {"sent": 0, "retried": 0, "throttled": 0})
    tokens: Mapping[str, int] = field(default_factory=lambda: {"acquired": 0, "renewed": 0})
    credits: Mapping[str, int | None] = field(default_factory=lambda: {"estimated": None, "used": 0})
    elapsed_s: float = 0.0
    rows_per_s: float = 0.0
    files: Mapping[str, str | None] = field(default_factory=dict)
    error: ZmigrateError | None = None
    steps: Sequence[Mapping[str, Any]] | None = None
    """For a flow: the result of each step that has begun, as the JSON object of a run."""
    not_begun: Sequence[str] = ()
    """For a flow: the names of the steps still to come."""

    @property
    def exit_code(self) -> int:
        """The exit code of the command (DESIGN section 6)."""
        if self.error is not None:
            return self.error.exit_code
        if self.state == "interrupted":
            return EXIT_INTERRUPTED
        return EXIT_ROWS if self.rows.failed or self.rows.in_doubt else EXIT_OK

    def to_json(self) -> dict[str, Any]:
        flow = {} if self.steps is None else {"steps": list(self.steps), "not_begun": list(self.not_begun)}
        return {
            "run_id": self.run_id,
            "job": self.job,
            "state": self.state,
            "org": dict(self.org),
            "api_domain": self.api_domain,
            "rows": self.rows.to_json(),
            "requests": dict(self.requests),
            "tokens": dict(self.tokens),
            "credits": dict(self.credits),
            "elapsed_s": round(self.elapsed_s, 3),
            "rows_per_s": round(self.rows_per_s, 1),
            "files": dict(self.files),
            "error": self.error and self.error.to_json(),
            **flow,
        }


@dataclass(frozen=True, slots=True)
class Spent:
    """What the work on a connection cost."""

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
            self._rows += event.skipped + event.failed + event.unchanged
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
    """A flow's result from the results of its steps (JSON objects of runs). The costs of the steps and of the
    checks (`spent`) are added.
    """
    spent = spent or Spent()
    begun = {str(step["run_id"]).rpartition("/")[2] for step in steps}
    estimates = [step["credits"]["estimated"] for step in steps if step["credits"]["estimated"] is not None]
    return RunResult(
        run_id=record.run_id,
        job=record.job,
        state=state,
        org={name: record.org.get(name) for name in ("id", "name", "sandbox")},
        api_domain=record.api_domain,
        rows=RowCounts(**_sums(step["rows"] for step in steps)),
        requests={"sent": 0, "retried": 0, "throttled": 0}
        | _sums([spent.requests, *(step["requests"] for step in steps)]),
        tokens={"acquired": 0, "renewed": 0} | _sums([spent.tokens, *(step["tokens"] for step in steps)]),
        credits={
            "estimated": sum(estimates) if estimates else None,
            "used": spent.credits + sum(step["credits"]["used"] for step in steps),
        },
        elapsed_s=elapsed_s,
        rows_per_s=rows_per_s,
        files=file_names(folder, files or {}),
        error=error,
        steps=steps,
        not_begun=[each["name"] for each in record.steps or () if each["name"] not in begun],
    )


def file_names(folder: RunFolder, files: Mapping[str, Path]) -> dict[str, str | None]:
    """The files of a run, as its JSON names them. `files`: the result files that were written."""
    written = {name: str(path) for name, path in files.items()}
    return {"run": str(folder.record_file), "success": None, "errors": None, **written, "report": None}


def _sums(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for name, count in each.items():
            total[name] = total.get(name, 0) + count
    return total
