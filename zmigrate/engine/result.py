"""What a run came to: the object that `--json` prints and `zmigrate.run()` gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zmigrate.engine.outcomes import Rows, RunState
from zmigrate.errors import ZmigrateError

EXIT_OK = 0
EXIT_ROWS = 1
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run stands. `rows_per_s` counts from the first send to the last outcome of this session."""

    run_id: str
    job: str
    state: RunState
    org: Mapping[str, Any]
    api_domain: str
    rows: Rows
    requests: Mapping[str, int] = field(default_factory=lambda: {"sent": 0, "retried": 0, "throttled": 0})
    tokens: Mapping[str, int] = field(default_factory=lambda: {"acquired": 0, "renewed": 0})
    credits: Mapping[str, int | None] = field(default_factory=lambda: {"estimated": None, "used": 0})
    elapsed_s: float = 0.0
    rows_per_s: float = 0.0
    files: Mapping[str, str | None] = field(default_factory=dict)
    error: ZmigrateError | None = None
    steps: Sequence[Mapping[str, Any]] | None = None
    """Of a flow: what each job that has begun came to, as the JSON object of a run."""
    not_begun: Sequence[str] = ()
    """Of a flow: the names of the steps that are still to come."""

    @property
    def exit_code(self) -> int:
        """The exit code of the command (DESIGN section 6)."""
        if self.error is not None:
            return self.error.exit_code
        if self.state == "interrupted":
            return EXIT_INTERRUPTED
        return EXIT_ROWS if self.rows.failed or self.rows.in_doubt else EXIT_OK

    def to_json(self) -> dict[str, Any]:
        error = self.error
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
            "error": None
            if error is None
            else {"code": error.code, "message": error.message, "hint": error.hint},
            **flow,
        }
