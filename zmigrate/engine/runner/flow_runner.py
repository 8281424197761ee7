"""How a flow runs: check all steps, ask once, then each step as a run of its own; or on where it stopped.

A step has its own folder below the flow's, with its own token and journal. The checks before the first write
have a token with the scopes of all steps, so that a refused scope is told before anything is written.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from zmigrate.engine.model.outcomes import RunState
from zmigrate.engine.preflight.admission import Confirm, ask, refuse_another_org
from zmigrate.engine.preflight.environment import tell_of_variables, variables_read
from zmigrate.engine.preflight.invocation import Invocation
from zmigrate.engine.preflight.org import (
    Banner,
    check_clock,
    scopes_of_checks,
    tell_of_portal,
    tell_unsettled,
)
from zmigrate.engine.preflight.repetition import refuse_repetition, starting
from zmigrate.engine.preflight.steps import (
    Step,
    StepContext,
    combined,
    for_each,
    read_step,
    refuse_changed_steps,
    steps_in,
)
from zmigrate.engine.runner.database import source_in
from zmigrate.engine.runner.runner import Runner
from zmigrate.engine.runner.session import RecordWork, RunOptions, as_problem, log_traceback, state_of
from zmigrate.engine.storage.folder import WITHOUT_RECORD, RunFolder, org_json, timestamp, versions
from zmigrate.engine.storage.inputs import (
    code_hash,
    hashes_of,
    origin,
    refuse_changed,
    shown_origin,
    tell_of_changed_code,
)
from zmigrate.engine.storage.ledger import identity, list_steps, readable
from zmigrate.engine.storage.result_files import write_flow_files
from zmigrate.engine.storage.run_log import RunLog
from zmigrate.engine.storage.run_record import RunRecord
from zmigrate.engine.storage.run_result import Pace, RunResult, Spent, flow_result
from zmigrate.errors import InternalError, JournalDamaged, PausedError, SourceError, UsageError, ZmigrateError
from zmigrate.events import BatchDone, BatchSent, FlowEnded, FlowStarted
from zmigrate.job.job import Flow, encode_options, job_name
from zmigrate.private_files import scratch_folder
from zmigrate.rows.sources import Fingerprint
from zmigrate.stopping import StopRequested
from zmigrate.zoho.clock import steady_time
from zmigrate.zoho.connection import Connection
from zmigrate.zoho.metadata import Org


class Planned(NamedTuple):
    """A step, and what its source was when the flow began."""

    step: Step
    fingerprint: Fingerprint


Checked = Sequence[tuple[Runner, RecordWork | None]]


class FlowRunner:
    """Runs one flow once, from the start (`start`) or from where a folder stands (`go_on`)."""

    def __init__(
        self,
        flow: Flow,
        invocation: Invocation,
        choices: RunOptions,
        *,
        confirm: Confirm | None,
        now: Callable[[], float] = steady_time,
    ) -> None:
        self._flow = flow
        self._name = job_name(type(flow))
        self._invocation = invocation
        self._choices = choices
        self._confirm = confirm
        self._now = now
        self._began = now()

    # -- the two ways in --------------------------------------------------------------------------

    def start(self) -> RunResult:
        """A fresh run. Before its folder is open, what is wrong is raised; from then on the result tells."""
        steps = steps_in(self._flow)
        tell_of_variables([step.source for step in steps], self._invocation.hub.emit)
        plan = [Planned(*each) for each in zip(steps, for_each(steps, read_step), strict=True)]
        with ExitStack() as stack:
            scratch = self._scratch(stack)
            with self._connected(plan, scratch) as connection:
                org = self._check_org(connection)
                checked = self._check_steps(plan, connection)
                spent, api_domain = Spent.by(connection), connection.api_domain
            self._refuse_repetition(org, plan, checked)
            self._ask(org, plan, plan, checked)
            with (
                nullcontext() if self._invocation.practice else starting(self._invocation.settings.state_dir)
            ):
                self._refuse_repetition(org, plan, checked)
                folder = RunFolder.create(self._invocation.settings.state_dir, self._name)
                stack.callback(folder.unlock)
                record = self._record(folder, org, plan, api_domain)
                folder.write(record)
            return self._work_on(folder, record, plan, scratch, spent)

    def go_on(self, folder: RunFolder, record: RunRecord) -> RunResult:
        """Resume the flow of a folder that this process has locked."""
        refuse_changed(record.reads, self._flow, record.run_id)
        tell_of_changed_code(record, type(self._flow), "steps still to come", self._invocation.hub.emit)
        stored = record.steps or ()
        steps = steps_in(self._flow)
        refuse_changed_steps(steps, stored, record.run_id)
        plan = [
            Planned(step, Fingerprint.from_json(known["source"]))
            for step, known in zip(steps, stored, strict=True)
        ]
        to_come = [
            Planned(replace(step, source=source_in(folder.step(step.name), step.job)), fingerprint)
            for step, fingerprint in plan
            if not _is_finished(folder.step(step.name))
        ]
        was = {step.name: fingerprint for step, fingerprint in to_come}
        tell_of_variables([step.source for step, _ in to_come], self._invocation.hub.emit)
        for_each([step for step, _ in to_come], lambda step: step.source.check(was[step.name]))
        spent = Spent()
        if to_come:
            with self._connected(to_come, None) as connection:
                org = self._check_org(connection)
                refuse_another_org(record, org)
                checked = self._check_steps(to_come, connection)
                spent = Spent.by(connection)
            self._ask(org, plan, to_come, checked)
        return self._work_on(folder, folder.turn_to("running", record), plan, None, spent)

    # -- checks -----------------------------------------------------------------------------------

    def _scratch(self, stack: ExitStack) -> Path | None:
        """Where the steps of a practice keep together what is of no use once their org is gone."""
        if not self._invocation.practice:
            return None
        return stack.enter_context(scratch_folder())

    @contextmanager
    def _connected(self, plan: Sequence[Planned], scratch: Path | None) -> Iterator[Connection]:
        """A connection for the checks, with the scopes of all these steps."""
        jobs = [step.job for step, _ in plan]
        own = [scope for job in jobs for scope in job.scopes]
        checks = [scope for job in jobs for scope in scopes_of_checks(job.write)]
        with ExitStack() as stack:
            yield self._invocation.connect((*own, *checks), stack, scratch)

    def _check_org(self, connection: Connection) -> Org:
        org = connection.crm.org()
        tell_of_portal(org, self._invocation.credentials, self._invocation.hub.emit)
        check_clock(connection.clock.skew(), self._invocation.hub.emit)
        return org

    def _check_steps(self, plan: Sequence[Planned], connection: Connection) -> Checked:
        """Check each step against the org's metadata. Raises a UsageError that tells all that is wrong."""
        was = {step.name: fingerprint for step, fingerprint in plan}

        def check(step: Step) -> tuple[Runner, RecordWork | None]:
            self._invocation.stop.check()
            runner = self._runner(step)
            return runner, runner.check(connection, step.source, was[step.name])

        return for_each([step for step, _ in plan], check)

    def _refuse_repetition(self, org: Org, plan: Sequence[Planned], checked: Checked) -> None:
        if self._invocation.practice:
            return
        refuse_repetition(
            self._invocation.settings.state_dir,
            self._name,
            encode_options(self._flow),
            None,
            combined([fingerprint for _, fingerprint in plan]),
            identity(org_json(org)),
            once=type(self._flow).once,
            again=self._choices.again,
        )
        for runner, work in checked:
            runner.refuse_repetition(org, work)

    def _ask(self, org: Org, plan: Sequence[Planned], to_come: Sequence[Planned], checked: Checked) -> None:
        """Say what to know before the first write of the steps to come, and ask once for all of them."""
        for (step, _), (_, work) in zip(to_come, checked, strict=True):
            if work is not None:
                tell_unsettled(work.target, self._invocation.hub.emit, step.place)
        if not self._invocation.practice:
            confirm = self._confirm
            agree = None if confirm is None else lambda: confirm(self._banner(org, plan))
            ask(org, yes=self._choices.yes, agree=agree)

    def _banner(self, org: Org, plan: Sequence[Planned]) -> Banner:
        return Banner(
            job=self._name,
            code=shown_origin(origin(type(self._flow))),
            org=f"{org.name} ({org.zgid})",
            org_id=org.id,
            environment=org.type or "production",
            profile=self._invocation.credentials.place,
            module=None,
            operation=None,
            rows=combined([fingerprint for _, fingerprint in plan])["rows"],
            practice=self._invocation.practice,
            steps=tuple(step.facts(fingerprint.rows) for step, fingerprint in plan),
            variables=variables_read(step.source for step, _ in plan),
        )

    def _record(self, folder: RunFolder, org: Org, plan: Sequence[Planned], api_domain: str) -> RunRecord:
        return RunRecord(
            run_id=folder.run_id,
            job=self._name,
            state="running",
            started_at=timestamp(),
            options=encode_options(self._flow),
            origin=origin(type(self._flow)),
            settings={
                "profile": self._invocation.credentials.profile or None,
                "trigger": list(self._choices.trigger),
                "limit": self._choices.limit,
                "allow_env": list(self._choices.allow_env),
            },
            org=org_json(org),
            api_domain=api_domain,
            place=self._invocation.credentials.place,
            write=None,
            source=combined([fingerprint for _, fingerprint in plan]),
            versions=versions(),
            code=code_hash(type(self._flow)),
            reads=hashes_of(self._flow),
            steps=[step.to_json(fingerprint) for step, fingerprint in plan],
            practice=self._invocation.practice,
        )

    # -- the steps, one after the other -----------------------------------------------------------

    def _work_on(
        self,
        folder: RunFolder,
        record: RunRecord,
        plan: Sequence[Planned],
        scratch: Path | None,
        spent: Spent,
    ) -> RunResult:
        with ExitStack() as stack:
            log = RunLog(folder.log, leave_out=(BatchDone, BatchSent))
            stack.callback(log.close)
            pace = Pace(self._now)
            for listener in (log, pace):
                self._invocation.hub.add(listener)
                stack.callback(self._invocation.hub.remove, listener)
            try:
                self._invocation.hub.emit(self._announcement(folder, record, plan))
                state, problem = self._go_through(folder, record, plan, scratch, log)
            except BaseException as error:
                problem = as_problem(error, log.path)
                state = state_of(problem)
                log_traceback(error, log)
            return self._conclude(folder, record, state, problem, spent, pace)

    def _go_through(
        self, folder: RunFolder, record: RunRecord, plan: Sequence[Planned], scratch: Path | None, log: RunLog
    ) -> tuple[RunState, ZmigrateError | None]:
        """Begin or go on with each step that is not finished, until one stops the flow.

        A limit is one of all its rows together: a step is begun when those before it are whole, and no row
        refers to one behind the limit.
        """
        left = self._choices.limit
        read = {info.folder.path: info.rows.read for info in readable(list_steps(folder))}
        for number, (step, fingerprint) in enumerate(plan, start=1):
            place = folder.step(step.name)
            if _is_finished(place):
                continue
            if self._invocation.stop.requested:
                return "interrupted", None
            if left == 0:
                return "limited", None
            title = f"{self._name} {number}/{len(plan)}: {step.name}"
            seat = StepContext(folder, step, fingerprint, title, identity(record.org), scratch)
            try:
                result = self._run_step(seat, place, left)
            except StopRequested:
                return "interrupted", None
            except Exception as error:
                problem = _between_steps(error, step, log)
                return state_of(problem), problem
            if result.state != "finished":
                return result.state, None if result.error is None else _at(step, result.error)
            if left is not None:
                left -= result.rows.read - read.get(place.path, 0)
        return "finished", None

    def _run_step(self, seat: StepContext, place: RunFolder, limit: int | None) -> RunResult:
        runner = self._runner(seat.step, seat, limit)
        if not place.begun:
            _refuse_lost(seat, place)
            return runner.start()
        place.lock()
        try:
            return runner.go_on(place, place.read())
        finally:
            place.unlock()

    def _runner(self, step: Step, seat: StepContext | None = None, limit: int | None = None) -> Runner:
        return Runner(
            step.job,
            self._invocation,
            replace(self._choices, limit=limit),
            confirm=None,
            seat=seat,
            now=self._now,
        )

    def _announcement(self, folder: RunFolder, record: RunRecord, plan: Sequence[Planned]) -> FlowStarted:
        done = [info.rows.accounted for info in readable(list_steps(folder))]
        return FlowStarted(
            run_id=folder.run_id,
            job=self._name,
            code=shown_origin(origin(type(self._flow))),
            folder=str(folder.path),
            org=f"{record.org['name']} ({record.org['zgid']})",
            environment=str(record.org["type"]),
            profile=self._invocation.credentials.place,
            steps=tuple(step.facts(fingerprint.rows) for step, fingerprint in plan),
            rows_total=(record.source or {}).get("rows"),
            rows_done=sum(done),
            practice=self._invocation.practice,
            variables=variables_read(step.source for step, _ in plan),
        )

    def _conclude(
        self,
        folder: RunFolder,
        record: RunRecord,
        state: RunState,
        problem: ZmigrateError | None,
        spent: Spent,
        pace: Pace,
    ) -> RunResult:
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
            spent=spent,
            files=files,
            elapsed_s=self._now() - self._began,
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
    """Raise JournalDamaged if a step has begun before, and its folder does not show it any more."""
    record = seat.flow.read()
    counted = (record.result or {}).get("steps") or ()
    told = {str(each.get("run_id")).rpartition("/")[2] for each in counted if isinstance(each, Mapping)}
    if seat.step.name in {*record.begun, *told}:
        raise JournalDamaged(
            f"the step had begun, and its folder is gone or emptied; what it sent is not known: {place.path}",
            hint=WITHOUT_RECORD,
        )


def _is_finished(place: RunFolder) -> bool:
    """Raises what is wrong with a step that can't be read: it may have sent its rows."""
    return place.begun and place.read().state == "finished"


def _at(step: Step, error: ZmigrateError) -> ZmigrateError:
    """The error, with the step that it befell."""
    told = copy.copy(error)
    told.message = f"{step.place}: {error.message}"
    told.args = (told.message,)
    return told


def _between_steps(error: Exception, step: Step, log: RunLog) -> ZmigrateError:
    """What kept a later step from beginning. Wrong use is a pause by now: earlier steps have written."""
    if isinstance(error, UsageError) and not isinstance(error, SourceError):
        return PausedError(f"{step.place}: {error.message}", hint=error.hint, code=error.code)
    problem = as_problem(error, log.path)
    if isinstance(problem, InternalError):
        log_traceback(error, log)
    return _at(step, problem)
