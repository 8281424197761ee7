"""What a plan says: counts, rejects, warnings, price. Rejects are in a temporary database until closed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from zmigrate.engine.plan.book import Book, Reject, RejectGroup
from zmigrate.engine.plan.price import PlanCounts, Price
from zmigrate.engine.plan.row_files import PlannedRows, check_paths, file_of_step
from zmigrate.events import StepFacts
from zmigrate.rows.sources import Source


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """Something that Zoho would accept, but that a person should know."""

    code: str
    message: str
    field: str | None = None
    count: int | None = None
    lines: tuple[int, ...] = ()
    """The first lines."""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "lines": list(self.lines)}


@dataclass(frozen=True, slots=True)
class UserMapped:
    """The user of the org that a text of the source means."""

    text: str
    rows: int
    user: str | None
    """Name and e-mail; None where nobody was found."""
    problem: str | None = None


@dataclass(slots=True)
class Plan:
    """What a job would do. Nothing was written. Close it, or use it in a `with`, once it was read."""

    job: str
    code: str
    """The job's file, or that it is ready-made."""
    org: Mapping[str, Any]
    environment: str
    profile: str
    """Where the credentials were found."""
    api_domain: str
    module: str
    operation: str
    key: str | None
    counts: PlanCounts
    skips: Sequence[tuple[str, int]]
    """The most frequent reasons for which rows are skipped, and how often."""
    warnings: Sequence[PlanWarning]
    users: Sequence[UserMapped]
    asked: str
    """How the org was asked for the rows' records."""
    repeatable: bool
    """Whether a write whose answer is lost can be settled."""
    price: Price
    limited: bool
    elapsed_s: float
    book: Book = field(repr=False)
    source: Source = field(repr=False)
    """What was planned."""
    files: PlannedRows = field(repr=False)
    variables: tuple[str, ...] = ()
    """What was read of the environment, and for which host."""

    @property
    def rejects(self) -> Iterator[Reject]:
        """Why rows would be refused, in the order of the source."""
        return self.book.rejects()

    def groups(self) -> list[RejectGroup]:
        """Rejects by code and field, the most frequent first."""
        return self.book.groups()

    @property
    def exit_code(self) -> int:
        return 1 if self.counts.refused else 0

    def to_json(self) -> dict[str, Any]:
        """The whole plan (DESIGN, section 6). With millions of rejects, rather `write_json`."""
        return {**self._head(), "rejects": [reject.to_json() for reject in self.rejects], **self._tail()}

    def write_json(self, stream: TextIO, first: Mapping[str, Any] | None = None) -> None:
        """Write the same object, one reject at a time. `first`: what comes first for a step of a flow."""
        head = json.dumps({**(first or {}), **self._head()}, ensure_ascii=False)
        tail = json.dumps(self._tail(), ensure_ascii=False)
        stream.write(head[:-1] + ', "rejects": [')
        for number, reject in enumerate(self.rejects):
            stream.write((", " if number else "") + json.dumps(reject.to_json(), ensure_ascii=False))
        stream.write("], " + tail[1:] + "\n")

    def write_rejects(self, path: Path) -> int:
        """Write the rows that would be refused as CSV, with their reasons, to be fixed and loaded. Return
        how many. Raises UsageError if the file can't be written.
        """
        return self.files.write_rejects(path)

    def write_details(self, path: Path) -> int:
        """Write every row with its fate as CSV; return how many. Raises UsageError if the file can't be
        written.
        """
        return self.files.write_details(path)

    def close(self) -> None:
        self.book.close()

    def __enter__(self) -> Plan:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _head(self) -> dict[str, Any]:
        return {
            "job": self.job,
            "org": dict(self.org),
            "environment": self.environment,
            "api_domain": self.api_domain,
            "module": self.module,
            "operation": self.operation,
            "key": self.key,
            **self.counts.to_json(),
            "limited": self.limited,
        }

    def _tail(self) -> dict[str, Any]:
        return {
            "warnings": [warning.to_json() for warning in self.warnings],
            "skips": [{"reason": reason, "count": count} for reason, count in self.skips],
            "users": list(map(asdict, self.users)),
            "asked": self.asked,
            "repeatable": self.repeatable,
            **self.price.to_json(),
            "elapsed_s": self.elapsed_s,
            "error": None,
        }


@dataclass(frozen=True, slots=True)
class StepPlan:
    """A step of a flow, and its plan."""

    facts: StepFacts
    plan: Plan

    def rows_file(self, path: Path) -> Path:
        """The file for its rows, beside those of the other steps."""
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
    """The warnings of the flow as a whole; the steps have their own."""
    price: Price
    elapsed_s: float

    @property
    def counts(self) -> PlanCounts:
        """The sums over the steps."""
        counts = [asdict(step.plan.counts) for step in self.steps]
        return PlanCounts(**{name: sum(each[name] for each in counts) for name in counts[0]})

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
        """Write each step's refused rows to a file of its own (`StepPlan.rows_file`); return how many. A
        step without any gets no file; one of an earlier plan is emptied.
        """
        written = [step for step in self.steps if step.plan.counts.refused or step.rows_file(path).exists()]
        check_paths([step.rows_file(path) for step in written], [step.plan.source for step in self.steps])
        return sum(step.plan.write_rejects(step.rows_file(path)) for step in written)

    def write_details(self, path: Path) -> int:
        """Write each step's rows with their fates to a file of its own; return how many."""
        check_paths([step.rows_file(path) for step in self.steps], [step.plan.source for step in self.steps])
        return sum(step.plan.write_details(step.rows_file(path)) for step in self.steps)

    def close(self) -> None:
        for step in self.steps:
            step.plan.close()

    def __enter__(self) -> FlowPlan:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _sums(self) -> dict[str, Any]:
        return {
            "job": self.job,
            "org": dict(self.org),
            "environment": self.environment,
            "api_domain": self.api_domain,
            **self.counts.to_json(),
            "limited": self.limited,
            "warnings": [warning.to_json() for warning in self.warnings],
            "repeatable": self.repeatable,
            **self.price.to_json(),
            "elapsed_s": self.elapsed_s,
            "error": None,
        }


def _names(step: StepPlan) -> dict[str, Any]:
    return {"step": step.facts.name, "file": step.facts.file}
