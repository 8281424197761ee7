"""How a flow runs: step by step, each as a run of its own, with its own folder, token and journal."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from zmigrate.engine.model.outcomes import RunState
from zmigrate.engine.preflight.invocation import Invocation
from zmigrate.engine.preflight.steps import Step, StepContext
from zmigrate.engine.runner.beginning import Undertaking, is_finished
from zmigrate.engine.runner.session import OpenRun, as_problem, log_traceback, state_of
from zmigrate.engine.storage.folder import WITHOUT_RECORD, RunFolder
from zmigrate.engine.storage.ledger import identity, list_steps, readable
from zmigrate.engine.storage.result_files import write_flow_files
from zmigrate.engine.storage.run_log import RunLog
from zmigrate.engine.storage.run_result import Pace, RunResult, Spent, flow_result
from zmigrate.errors import (
    InternalError,
    JobFailed,
    JournalDamaged,
    PausedError,
    SourceError,
    UsageError,
    ZmigrateError,
)
from zmigrate.events import BannerFacts, BatchDone, BatchSent, FlowEnded, FlowStarted
from zmigrate.stopping import StopRequested
from zmigrate.zoho.connection import Connection

RunStep: TypeAlias = Callable[[StepContext, RunFolder, int | None], RunResult]
"""Runs a step, from its start or from where it stopped, up to a number of rows."""


class FlowSession:
    """Works on a flow that this process holds. Errors are in the result, never raised."""

    def __init__(
        self,
        work: Undertaking,
        place: OpenRun,
        invocation: Invocation,
        run_step: RunStep,
        *,
        began: float,
        checks: Connection | None,
    ) -> None:
        """`checks`: the connection of the checks, if there was anything to check. The first step goes on with
        it, so that a flow takes one token a step.
        """
        self._work = work
        self._place = place
        self._invocation = invocation
        self._run_step = run_step
        self._began = began
        self._checks = checks
        """None once a step has counted what the checks have cost."""

    def run(self, facts: BannerFacts, limit: int | None) -> RunResult:
        """Do the steps, and return the flow's result. `limit`: the rows of all steps together."""
        folder = self._place.folder
        with ExitStack() as stack:
            secrets = self._work.job._secrets
            log = RunLog(folder.log, leave_out=(BatchDone, BatchSent), hide=secrets.redacted_text)
            stack.callback(log.close)
            pace = Pace(self._invocation.now)
            for listener in (log, pace):
                self._invocation.hub.add(listener)
                stack.callback(self._invocation.hub.remove, listener)
            try:
                done = sum(info.rows.accounted for info in readable(list_steps(folder)))
                started = FlowStarted(folder.run_id, str(folder.path), replace(facts, rows_done=done))
                self._invocation.hub.emit(started)
                state, problem = self._go_through(limit, log)
            except BaseException as error:
                problem = as_problem(error, log.path, secrets)
                state = state_of(problem)
                log_traceback(error, log)
            return self._conclude(state, problem, pace)

    def _go_through(self, left: int | None, log: RunLog) -> tuple[RunState, ZmigrateError | None]:
        """Begin or resume each unfinished step, until one stops the flow.

        The limit is for all rows together: a step begins only when those before it are complete, so no row
        refers to one beyond the limit.
        """
        folder, steps = self._place.folder, self._work.steps
        read = {info.folder.path: info.rows.read for info in readable(list_steps(folder))}
        for number, each in enumerate(steps, start=1):
            step = each.step
            place = folder.step(step.name)
            if is_finished(place):
                continue
            if self._invocation.stop.requested:
                return "interrupted", None
            if left == 0:
                return "limited", None
            title = f"{self._work.name} {number}/{len(steps)}: {step.name}"
            seat = StepContext(folder, each, title, identity(self._place.record.org), self._checks)
            try:
                _refuse_lost(seat, place)
                result = self._run_step(seat, place, left)
            except StopRequested:
                return "interrupted", None
            except Exception as error:
                problem = _between_steps(error, step, log)
                return state_of(problem), problem
            self._checks = None
            if result.state != "finished":
                return result.state, None if result.error is None else _at(step, result.error)
            if left is not None:
                left -= result.rows.read - read.get(place.path, 0)
        return "finished", None

    def _conclude(self, state: RunState, problem: ZmigrateError | None, pace: Pace) -> RunResult:
        folder, record = self._place.folder, self._place.record
        files: dict[str, Path] = {}
        try:
            folder.refuse_replaced()
        except PausedError as error:
            problem, state = error, state_of(error)  # whatever else went wrong, this is why
        else:
            try:
                if not self._invocation.stop.aborted:
                    files = write_flow_files(folder)
            except PausedError as error:
                problem, state = problem or error, state_of(problem or error)
        result = flow_result(
            record,
            folder,
            [info.stands for info in readable(list_steps(folder))],
            state,
            problem,
            spent=None if self._checks is None else Spent.by(self._checks),
            files=files,
            elapsed_s=self._invocation.now() - self._began,
            rows_per_s=pace.rows_per_s,
        )
        try:
            folder.refuse_replaced()
            folder.turn_to(result.state, replace(record, begun=folder.read().begun), result=result.to_json())
            self._invocation.hub.emit(FlowEnded(result.run_id, result.state))
        except PausedError:
            if result.error is None:
                raise
        return result


def _refuse_lost(seat: StepContext, place: RunFolder) -> None:
    """Raise JournalDamaged if a step had begun, and its folder does not show that any more."""
    if place.begun:
        return
    record = seat.flow.read()
    counted = (record.result or {}).get("steps") or ()
    told = {str(each.get("run_id")).rpartition("/")[2] for each in counted if isinstance(each, Mapping)}
    if seat.read.step.name in {*record.begun, *told}:
        raise JournalDamaged(
            f"the step had begun, and its folder is gone or emptied; what it sent is not known: {place.path}",
            hint=WITHOUT_RECORD,
        )


def _at(step: Step, error: ZmigrateError) -> ZmigrateError:
    """The error, with the step where it happened."""
    told = copy.copy(error)
    told.message = f"{step.place}: {error.message}"
    told.args = (told.message,)
    return told


def _between_steps(error: Exception, step: Step, log: RunLog) -> ZmigrateError:
    """The error that kept a later step from beginning. A usage error is a pause: earlier steps have
    written.
    """
    if isinstance(error, UsageError) and not isinstance(error, SourceError | JobFailed):
        return PausedError(f"{step.place}: {error.message}", hint=error.hint, code=error.code)
    problem = as_problem(error, log.path, step.job._secrets)
    if isinstance(problem, InternalError | JobFailed):
        log_traceback(error, log)
    return _at(step, problem)
