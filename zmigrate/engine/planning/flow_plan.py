"""What a plan of a flow says: the plan of each step, and the sums."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from zmigrate.engine.planning.counts import PlanCounts
from zmigrate.engine.planning.plan import Plan, PlanWarning
from zmigrate.engine.planning.price import Price
from zmigrate.engine.planning.reject_file import check_paths, file_of_step
from zmigrate.events import StepFacts


@dataclass(frozen=True, slots=True)
class StepPlan:
    """A step of a flow and what is planned of it."""

    facts: StepFacts
    plan: Plan

    def rejects_file(self, path: Path) -> Path:
        """Where its refused rows go."""
        return file_of_step(path, self.facts.name)


@dataclass(slots=True)
class FlowPlan:
    """What a flow would do. Nothing was written. Close it, or use it in a `with`, once it was read."""

    job: str
    code: str
    """The flow's file, or that it is ready-made."""
    org: Mapping[str, Any]
    environment: str
    profile: str
    """Where the credentials were found."""
    api_domain: str
    steps: Sequence[StepPlan]
    warnings: Sequence[PlanWarning]
    """Of the flow as a whole; the steps have their own."""
    price: Price
    elapsed_s: float

    @property
    def counts(self) -> PlanCounts:
        """The sums over the steps."""
        return PlanCounts(
            **{
                count.name: sum(getattr(step.plan.counts, count.name) for step in self.steps)
                for count in fields(PlanCounts)
            }
        )

    @property
    def limited(self) -> bool:
        return any(step.plan.limited for step in self.steps)

    @property
    def repeatable(self) -> bool:
        """Whether every write whose answer is lost can be settled."""
        return all(step.plan.repeatable for step in self.steps)

    @property
    def exit_code(self) -> int:
        return max(step.plan.exit_code for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """The sums, and each step's plan as an object of its own. With many rejects, rather `write_json`."""
        steps = [{**_names(step), **step.plan.to_json()} for step in self.steps]
        return {**self._sums(), "steps": steps}

    def write_json(self, stream: TextIO) -> None:
        """The same object, the rejects one by one."""
        stream.write(json.dumps(self._sums(), ensure_ascii=False)[:-1] + ', "steps": [')
        for number, step in enumerate(self.steps):
            stream.write(", " if number else "")
            step.plan.write_json(stream, first=_names(step))
        stream.write("]}\n")

    def write_rejects(self, path: Path) -> int:
        """Write each step's refused rows to a file of its own (`StepPlan.rejects_file`); tells how many."""
        refused = [step for step in self.steps if step.plan.counts.refused]
        check_paths([step.rejects_file(path) for step in refused], [step.plan.source for step in self.steps])
        return sum(step.plan.write_rejects(step.rejects_file(path)) for step in refused)

    def close(self) -> None:
        for step in self.steps:
            step.plan.close()

    def __enter__(self) -> FlowPlan:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _sums(self) -> dict[str, Any]:
        counts = self.counts
        return {
            "job": self.job,
            "org": dict(self.org),
            "environment": self.environment,
            "api_domain": self.api_domain,
            **{count.name: getattr(counts, count.name) for count in fields(PlanCounts)},
            "limited": self.limited,
            "warnings": [warning.to_json() for warning in self.warnings],
            "repeatable": self.repeatable,
            **self.price.to_json(),
            "elapsed_s": self.elapsed_s,
            "error": None,
        }


def _names(step: StepPlan) -> dict[str, Any]:
    return {"step": step.facts.name, "file": step.facts.file}
