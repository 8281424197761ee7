"""What a test asserts about a run or a plan: every row with what became of it, the counts, the error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from zmigrate.engine.model.outcomes import Action, Outcome, RowCounts, RunState
from zmigrate.engine.plan.plan import FlowPlan, Plan, PlanWarning
from zmigrate.engine.plan.price import PlanCounts
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.item_marks import key_of
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.recorded import Numbered, in_order
from zmigrate.engine.storage.run_result import RunResult
from zmigrate.errors import ZmigrateError
from zmigrate.reasons import Reason, all_told

SHOWN_OUTCOMES = 3


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one row; in a plan, what would become of it."""

    line: int
    """The line of the file on which the row begins; for a hand-written job the number of the item."""
    key: str | None
    action: Action
    id: str | None = None
    """The record's id, if it is known."""
    reasons: tuple[Reason, ...] = ()
    """Why it failed, is skipped or in doubt: each with `code`, `field`, `message`, `value`, `remedy`."""
    step: str = ""
    """The step of a flow: `02-contacts`."""

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the reasons, each once."""
        return Outcome(self.action, self.id, self.reasons).codes

    def __str__(self) -> str:
        place = f"{self.step}, line {self.line}" if self.step else f"line {self.line}"
        said = f": {' '.join(self.codes)} {all_told(self.reasons)}" if self.reasons else ""
        return f"{place} {self.action}{said}"


class Outcomes(tuple[RowOutcome, ...]):
    """The outcomes of all rows, in the order of the source; of a flow, step by step."""

    __slots__ = ()

    def at_line(self, line: int, step: str = "") -> RowOutcome:
        """The outcome of the row on this line. Raises LookupError if there is none, or several."""
        return self._only([each for each in self if each.line == line], f"line {line}", step)

    def of_key(self, key: str, step: str = "") -> RowOutcome:
        """The outcome of the row with this key. Raises LookupError if there is none, or several."""
        return self._only([each for each in self if each.key == key], f"the key {key!r}", step)

    def _only(self, found: list[RowOutcome], what: str, step: str) -> RowOutcome:
        found = [each for each in found if step in ("", each.step)]
        if len(found) == 1:
            return found[0]
        there = "; ".join(map(str, self)) or "none"
        raise LookupError(f"{len(found)} rows have {what}. The rows: {there}")


@dataclass(frozen=True, slots=True, repr=False)
class JobResult:
    """The result of a run. An error that kept the run from beginning is here too, and is not raised."""

    run: RunResult | None
    """As `zmigrate.run` returns it; None if the run did not begin, or was killed."""
    state: RunState | None
    """None if the run did not begin."""
    rows: RowCounts
    """How many rows were read, created, updated, unchanged, deleted, skipped, failed, in doubt, pending."""
    outcomes: Outcomes
    error: ZmigrateError | None
    """Why the run did not begin, or stopped: with `code`, `message` and `hint`."""
    messages: tuple[str, ...] = ()
    """What was told on the way: `ctx.log` of a job, and zmigrate's own notes."""

    @property
    def exit_code(self) -> int:
        """The exit code of the command: 0 if all went well, 1 if rows failed."""
        if self.run is not None:
            return self.run.exit_code
        return 130 if self.error is None else self.error.exit_code

    def __repr__(self) -> str:
        counts = [f"{name} {count}" for name, count in self.rows.to_json().items() if count]
        troubled = (each for each in self.outcomes if each.action in {"failed", "in_doubt"})
        return _shown("JobResult", [self.state or "not begun", *counts], self.error, troubled)


@dataclass(frozen=True, slots=True, repr=False)
class JobPlan:
    """A plan. An error that ended it is here too, and is not raised."""

    plan: Plan | FlowPlan | None
    """As `zmigrate.plan` returns it. It is closed: its rejects are among the outcomes."""
    counts: PlanCounts
    """How many rows would be created, updated, unchanged, deleted, skipped, refused."""
    outcomes: Outcomes
    """What would become of each row, in the words of a run: `created`, `failed`."""
    warnings: tuple[PlanWarning, ...]
    """What Zoho would accept but a person should know: each with `code`, `message`, `field`, `lines`."""
    error: ZmigrateError | None

    @property
    def exit_code(self) -> int:
        """The exit code of the command: 0 if all went well, 1 if rows would be refused."""
        if self.error is not None or self.plan is None:
            return 5 if self.error is None else self.error.exit_code
        return self.plan.exit_code

    def __repr__(self) -> str:
        refused = (each for each in self.outcomes if each.action == "failed")
        return _shown("JobPlan", [f"{self.counts.rows} rows"], self.error, refused)


def _shown(name: str, counts: list[str], error: ZmigrateError | None, troubled: Iterable[RowOutcome]) -> str:
    """What pytest shows of an assertion that fails: the counts, the error, the first rows that failed."""
    parts = [", ".join(counts)]
    if error is not None:
        parts.append(f"{error.code}: {error.message}")
    parts += [str(each) for each, _ in zip(troubled, range(SHOWN_OUTCOMES), strict=False)]
    return f"<{name} {'; '.join(parts)}>"


def outcomes_of_run(folder: RunFolder) -> Outcomes:
    """The outcomes in the journals of a run."""
    steps = folder.steps()
    if not steps:
        return Outcomes(_of_journal(folder))
    return Outcomes(each for step in steps for each in _of_journal(step, step.path.name))


def _of_journal(folder: RunFolder, step: str = "") -> Iterator[RowOutcome]:
    """The rows of a record job, or the items of a hand-written one."""
    with closing(Journal.read_only(folder.journal)) as journal:
        for group in in_order(journal.groups()):
            yield from (
                _row(row, outcome, step) for row, outcome in zip(group.rows, group.outcomes, strict=True)
            )
        for number, mark, outcome in journal.items():
            yield _row((number, number, key_of(mark)), outcome, step)


def outcomes_of_plan(plan: Plan | FlowPlan) -> Outcomes:
    """The outcomes in a plan that is not closed yet."""
    if isinstance(plan, Plan):
        return Outcomes(_row(row, outcome, "") for row, outcome in plan.files.outcomes())
    return Outcomes(
        _row(row, outcome, step.facts.name)
        for step in plan.steps
        for row, outcome in step.plan.files.outcomes()
    )


def warnings_of_plan(plan: Plan | FlowPlan) -> tuple[PlanWarning, ...]:
    """The warnings; of a flow, then those of its steps."""
    steps = [] if isinstance(plan, Plan) else [step.plan for step in plan.steps]
    return tuple(warning for each in (plan, *steps) for warning in each.warnings)


def _row(row: Numbered, outcome: Outcome, step: str) -> RowOutcome:
    _, line, key = row
    return RowOutcome(line, key, outcome.action, outcome.id, outcome.reasons, step)
