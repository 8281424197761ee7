"""One session's work in an open run folder: do the job, judge how it ended, count, write the files, close."""

from __future__ import annotations

import traceback
import zlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from zmigrate.engine.dispatch.org_access import OrgAccess
from zmigrate.engine.dispatch.settling import SettlingTime
from zmigrate.engine.model.outcomes import ACTIONS, RowCounts, RunState
from zmigrate.engine.model.run_options import RunOptions
from zmigrate.engine.pipeline.lookups import Lookups
from zmigrate.engine.pipeline.survey import Survey
from zmigrate.engine.preflight.invocation import Invocation
from zmigrate.engine.preflight.record_work import RecordWork
from zmigrate.engine.runner.beginning import Opened
from zmigrate.engine.runner.context import RunContext
from zmigrate.engine.runner.record_session import RecordInput, RecordSession, SessionOptions, SessionResult
from zmigrate.engine.storage.accounting import check_counts, count_rows
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.journal_file import RECOVERY
from zmigrate.engine.storage.result_files import names_in, pieces_of, write_item_results, write_results
from zmigrate.engine.storage.run_log import RunLog
from zmigrate.engine.storage.run_record import RunRecord
from zmigrate.engine.storage.run_result import RunResult, Spent, file_names
from zmigrate.errors import (
    ApiError,
    InternalError,
    JournalDamaged,
    PausedError,
    RefusedError,
    SourceError,
    UsageError,
    ZmigrateError,
    disk_full,
    is_full_disk,
)
from zmigrate.events import BannerFacts, RunEnded, RunStarted
from zmigrate.job.author_code import advice_for, failure_of, hide, raised_by_author
from zmigrate.job.checks import JOB_SHAPE, does_nothing
from zmigrate.job.context import Context
from zmigrate.job.job import Job, RecordJob
from zmigrate.stopping import StopRequested
from zmigrate.wording import name_of
from zmigrate.zoho.redaction import Redactor


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run's folder that this process holds, and what is kept in it."""

    folder: RunFolder
    record: RunRecord
    journal: Journal | None
    """None for a flow: its steps have journals."""

    @property
    def rows(self) -> RowCounts:
        """The journal's row counts."""
        return RowCounts() if self.journal is None else self.journal.progress()


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What a record job reads and writes, once its rows were looked at as far as needed."""

    work: RecordWork
    lookups: Lookups
    survey: Survey


class Session:
    """Works on a run that this process holds. Errors are in the result, never raised."""

    def __init__(
        self,
        job: Job,
        place: OpenRun,
        opened: Opened,
        surveyed: Surveyed | None,
        invocation: Invocation,
        options: RunOptions,
        *,
        began: float,
    ) -> None:
        """`surveyed`: None for a hand-written job. `began`: when the command began (our clock)."""
        assert place.journal is not None  # noqa: S101  a flow has no session
        self._job = job
        self._place = place
        self._folder = place.folder
        self._journal = place.journal
        self._opened = opened
        self._connection = opened.connection
        self._surveyed = surveyed
        self._invocation = invocation
        self._hub = invocation.hub
        self._stop = invocation.stop
        self._options = options
        self._began = began
        self._now = invocation.now

    def run(self, facts: BannerFacts, survey: Callable[[], Surveyed | None] | None = None) -> RunResult:
        """Do the work, and return its result. The caller closes the folder and the journal. `survey`:
        reads the rows first, if they come from a database only now.
        """
        with ExitStack() as stack:
            secrets = self._job._secrets
            log = RunLog(self._folder.log, hide=secrets.redacted_text)
            stack.callback(log.close)
            self._hub.add(log)
            stack.callback(self._hub.remove, log)
            came_to, problem = None, None
            try:
                rows = self._place.rows
                started = RunStarted(
                    self._folder.run_id,
                    str(self._folder.path),
                    replace(facts, rows_done=rows.accounted),
                    {name: count for name, count in rows.to_json().items() if name in ACTIONS},
                )
                self._hub.emit(started)
                if survey is not None:
                    self._surveyed = survey()
                came_to = self._do()
                # After a hard stop the result files are left to a resume, so there must be one.
                state: RunState = "interrupted" if self._stop.aborted else came_to.state
            except StopRequested:
                state = "interrupted"
            except BaseException as error:
                problem = as_problem(error, log.path, secrets)
                state = state_of(problem)
                if problem is not error or isinstance(error, InternalError):
                    log_traceback(error, log)
            return self._conclude(state, problem, came_to)

    def _do(self) -> SessionResult:
        if self._surveyed is None:
            return self._do_by_hand()
        work = self._surveyed.work
        session = RecordSession(
            RecordInput(
                work.read.step.job,
                self._surveyed.survey,
                work.converter,
                work.target,
                self._surveyed.lookups,
                self._connection.crm,
                repeated=work.read.repeated,
            ),
            OrgAccess.of(self._connection, work.user),
            self._journal,
            self._hub,
            self._stop,
            SessionOptions(
                settling_time=SettlingTime(self._invocation.settings.settle_s),
                run_began=self._place.record.began(self._now()),
                limit=self._options.limit,
                keep_going=bool(self._options.keep_going),
            ),
        )
        return session.run(self._began)

    def _do_by_hand(self) -> SessionResult:
        context = RunContext(
            self._connection.crm,
            self._journal,
            self._hub,
            self._stop,
            self._options.limit,
            secrets=self._job._secrets,
            trigger=self._options.trigger or (),
            open_ids=partial(self._invocation.id_map, self._opened.identity),
        )
        began, before = self._now(), context.rows.accounted
        try:
            run: Callable[[Context], Any] = self._job.run  # whatever an author's `run` gives
            given = run(context)
            undone = does_nothing(f"`run` of {type(self._job).__name__}", given, JOB_SHAPE)
            if undone is not None:
                if hasattr(given, "close"):  # else Python warns of a coroutine that was never awaited
                    given.close()
                raise undone
            context.finish()
        except BaseException as error:
            context.end_by(error)
            raise
        finally:
            context.close()
        state: RunState = "limited" if context.limited else "finished"
        return SessionResult(state, self._now() - began, context.rows.accounted - before)

    # -- how it ended -----------------------------------------------------------------------------

    def _conclude(
        self, state: RunState, problem: ZmigrateError | None, came_to: SessionResult | None
    ) -> RunResult:
        files: Mapping[str, Path] = {}
        try:
            self._folder.refuse_replaced()
        except PausedError as error:
            problem, state = error, state_of(error)  # whatever else went wrong, this is why
        try:
            rows = self._count(state)
            files = self._write_files()
        except Exception as error:
            rows = self._place.rows
            problem = problem or as_problem(error, self._folder.log, self._job._secrets)
            state = state_of(problem)
        spent, record, org = Spent.by(self._connection), self._place.record, self._opened.org
        work = self._surveyed.work if self._surveyed else next(iter(self._opened.works), None)
        result = RunResult(
            run_id=self._folder.run_id,
            job=record.job,
            state=state,
            org={"id": org.id, "name": org.name, "sandbox": org.sandbox},
            api_domain=record.api_domain,
            rows=rows,
            requests=spent.requests,
            tokens=spent.tokens,
            credits={
                "estimated": None if work is None else work.estimated_credits,
                "used": spent.credits,
            },
            elapsed_s=self._now() - self._began,
            rows_per_s=came_to.rows / came_to.seconds if came_to and came_to.seconds > 0 else 0.0,
            files=file_names(self._folder, files),
            error=problem,
        )
        self._close(result)
        return result

    def _count(self, state: RunState) -> RowCounts:
        counted = count_rows(self._journal)
        total = None
        if self._surveyed is not None and (read := self._surveyed.work.read).step.source.stable:
            total = read.fingerprint.rows
        check_counts(counted, self._place.rows, finished=state == "finished", total=total)
        return counted

    def _write_files(self) -> Mapping[str, Path]:
        """The result files; after a hard stop the resume writes them, since they take a while."""
        if self._stop.aborted:
            return {}
        self._folder.refuse_replaced()
        if not isinstance(self._job, RecordJob):
            return write_item_results(self._folder, self._journal)
        if self._surveyed is None:  # stopped while a database was read: what files there are stay
            return {}
        source, work = self._surveyed.survey.source, self._surveyed.work
        file = work.read.step.file or None
        try:
            columns = source.columns
            if columns is None:
                columns = names_in(self._journal, pieces_of(source))
            return write_results(self._folder, self._journal, columns, pieces_of(source), work.texts, file)
        except SourceError as error:
            raise _source_went(error) from error

    def _close(self, result: RunResult) -> None:
        try:
            self._folder.turn_to(result.state, self._place.record, self._journal, result=result.to_json())
            self._hub.emit(RunEnded(result.run_id, result.state))
        except (PausedError, JournalDamaged):  # most likely the result has this error already
            if result.error is None:
                raise


def log_traceback(error: BaseException, log: RunLog) -> None:
    """Keep an unexpected error's traceback."""
    try:
        log.write("Traceback", {"detail": "".join(traceback.format_exception(error))})
    except ZmigrateError:
        return  # the disk is full, which is most likely why we are here


def as_problem(error: BaseException, log: Path, secrets: Redactor | None = None) -> ZmigrateError:
    """The error that ended a run, as one of ours, without secrets. `log` has the traceback of one that is
    unexpected, or the author's."""
    secrets = secrets or Redactor()
    problem = _as_ours(error, log, secrets)
    hide(problem, secrets)  # an author raises ours, too
    return problem


def _as_ours(error: BaseException, log: Path, secrets: Redactor) -> ZmigrateError:
    if isinstance(error, SourceError):
        return _source_went(error)
    raised = raised_by_author(error)
    if isinstance(error, UsageError | RefusedError | ApiError) and raised is not None:  # of a call of `ctx`
        error.hint = f"{_sentence(error.hint)} It is line {raised.place}.".lstrip()
    if isinstance(error, ZmigrateError):
        return error
    if is_full_disk(error):
        return disk_full(error, "then resume the run")
    if isinstance(error, (orjson.JSONDecodeError, zlib.error)) and (raised is None or raised.within_ours):
        return JournalDamaged(f"the journal holds what can't be read: {error}", hint=RECOVERY)
    failure = failure_of(error, secrets)
    if failure is not None:
        failure.hint = (
            f"{advice_for(error)}, then resume the run: what was sent is in the journal. "
            f"The traceback is in {log}."
        )
        return failure
    return InternalError(
        f"unexpected {name_of(error)}",
        hint=f"Nothing is lost: what was sent is in the journal. Resume the run. The traceback is in {log}.",
        code="UNEXPECTED",
    )


def _sentence(hint: str | None) -> str:
    """A hint that another sentence can follow."""
    return f"{hint}." if hint and not hint.endswith((".", "!", "?")) else hint or ""


def _source_went(error: SourceError) -> PausedError:
    return PausedError(
        f"the source changed while the run read it: {error.message}", hint=error.hint, code="SOURCE_CHANGED"
    )


def state_of(problem: ZmigrateError) -> RunState:
    """The state of a run that ended with this error."""
    if isinstance(problem, PausedError):
        return "paused"
    if isinstance(problem, (RefusedError, ApiError)):
        return "refused"
    return "broken"
