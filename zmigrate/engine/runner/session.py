"""One session's work in an open run folder: do the job, judge how it ended, count, write the files, close."""

from __future__ import annotations

import traceback
import zlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from zmigrate.engine.dispatch.org_access import OrgAccess
from zmigrate.engine.dispatch.settling import SettlingTime
from zmigrate.engine.model.outcomes import Rows, RunState
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.lookups import Lookups
from zmigrate.engine.pipeline.survey import Survey
from zmigrate.engine.runner.context import RunContext
from zmigrate.engine.runner.record_session import RecordInput, RecordSession, SessionOptions, SessionResult
from zmigrate.engine.storage.accounting import check_counts, count_rows
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.journal_file import RECOVERY
from zmigrate.engine.storage.result_files import pieces_of, write_item_results, write_results
from zmigrate.engine.storage.run_log import RunLog
from zmigrate.engine.storage.run_record import RunRecord
from zmigrate.engine.storage.run_result import RunResult
from zmigrate.errors import (
    ApiError,
    InternalError,
    JournalDamaged,
    PausedError,
    RefusedError,
    SourceError,
    ZmigrateError,
    disk_full,
    is_full_disk,
)
from zmigrate.events import EventHub, RunEnded, RunStarted
from zmigrate.job.checks import JOB_SHAPE, does_nothing
from zmigrate.job.context import Context
from zmigrate.job.job import Job, RecordJob
from zmigrate.rows.cell_texts import CellTexts
from zmigrate.rows.conversion.converter import Converter
from zmigrate.rows.sources import Fingerprint, Source
from zmigrate.stopping import StopRequested, StopSignal
from zmigrate.wording import as_text, name_of
from zmigrate.zoho.clock import steady_time
from zmigrate.zoho.connection import Connection
from zmigrate.zoho.facts.limits import RECORDS_PER_WRITE, write_credits
from zmigrate.zoho.metadata import ModuleFields, Org

if TYPE_CHECKING:
    from zmigrate.config import Settings


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The runner's options for one session."""

    limit: int | None = None
    trigger: tuple[str, ...] = ()
    yes: bool = False
    again: bool = False
    keep_going: bool = False
    allow_env: tuple[str, ...] = ()
    """As told, for the command that goes on with the run."""


@dataclass(slots=True)
class RecordWork:
    """What a record job reads and writes, as the checks found it."""

    source: Source
    fingerprint: Fingerprint
    fields: ModuleFields
    target: Target
    converter: Converter
    texts: CellTexts
    """Writes the cells of the result files."""
    user: str | None
    """The id of the user that the token acts as, where it could be asked for."""
    lookups: Lookups | None = None
    survey: Survey | None = None
    """Both are there once the first write is near."""

    @property
    def estimated_credits(self) -> int | None:
        """Credits of the writes, if every batch is full and sent once; None where the rows are not known."""
        if self.fingerprint.rows is None:
            return None
        full, rest = divmod(self.fingerprint.rows, RECORDS_PER_WRITE)
        operation = self.target.operation
        return full * write_credits(operation, RECORDS_PER_WRITE) + (
            write_credits(operation, rest) if rest else 0
        )


class Session:
    """Works on a run that this process holds. What befalls the work is in the result, never raised."""

    def __init__(
        self,
        job: Job,
        folder: RunFolder,
        record: RunRecord,
        journal: Journal,
        org: Org,
        work: RecordWork | None,
        connection: Connection,
        hub: EventHub,
        stop: StopSignal,
        settings: Settings,
        choices: RunOptions,
        *,
        began: float,
        file: str | None = None,
        now: Callable[[], float] = steady_time,
    ) -> None:
        """`file`: what the result files of a flow's step call its source."""
        self._job = job
        self._folder = folder
        self._record = record
        self._journal = journal
        self._org = org
        self._work = work
        self._connection = connection
        self._hub = hub
        self._stop = stop
        self._settings = settings
        self._choices = choices
        self._began = began
        self._file = file
        self._now = now

    def run(self, announcement: RunStarted, first: Callable[[], None] | None = None) -> RunResult:
        """Do the work, and say what came of it. Who opened the folder and the journal closes them. `first`:
        what is to be done before the work itself.
        """
        with ExitStack() as stack:
            log = RunLog(self._folder.log)
            stack.callback(log.close)
            self._hub.add(log)
            stack.callback(self._hub.remove, log)
            came_to, problem = None, None
            try:
                self._hub.emit(announcement)
                if first is not None:
                    first()
                came_to = self._do()
                state: RunState = came_to.state
            except StopRequested:
                state = "interrupted"
            except BaseException as error:
                problem = as_problem(error, log.path)
                state = state_of(problem)
                if problem is not error or isinstance(error, InternalError):
                    log_traceback(error, log)
            return self._conclude(state, problem, came_to)

    def _do(self) -> SessionResult:
        work = self._work
        if work is None or not isinstance(self._job, RecordJob):
            return self._do_by_hand()
        assert work.survey is not None  # noqa: S101  the runner's last step
        assert work.lookups is not None  # noqa: S101
        session = RecordSession(
            RecordInput(
                self._job, work.survey, work.converter, work.target, work.lookups, self._connection.crm
            ),
            OrgAccess.of(self._connection, work.user),
            self._journal,
            self._hub,
            self._stop,
            SessionOptions(
                settling_time=SettlingTime(self._settings.settle_s),
                run_began=self._record.began(self._now()),
                limit=self._choices.limit,
                keep_going=self._choices.keep_going,
            ),
        )
        return session.run(self._began)

    def _do_by_hand(self) -> SessionResult:
        context = RunContext(self._connection.crm, self._journal, self._hub, self._stop, self._choices.limit)
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
            rows = _rows_on_record(self._journal)
            problem = problem or as_problem(error, self._folder.log)
            state = state_of(problem)
        connection = self._connection
        result = RunResult(
            run_id=self._folder.run_id,
            job=self._record.job,
            state=state,
            org={"id": self._org.id, "name": self._org.name, "sandbox": self._org.sandbox},
            api_domain=self._record.api_domain,
            rows=rows,
            requests={
                "sent": connection.transport.sent,
                "retried": connection.transport.retried,
                "throttled": connection.transport.throttled,
            },
            tokens={"acquired": connection.tokens.acquired, "renewed": connection.tokens.renewed},
            credits={
                "estimated": self._work.estimated_credits if self._work else None,
                "used": connection.credits.used,
            },
            elapsed_s=self._now() - self._began,
            rows_per_s=came_to.rows / came_to.seconds if came_to and came_to.seconds > 0 else 0.0,
            files=self._file_names(files),
            error=problem,
        )
        self._close(result)
        return result

    def _count(self, state: RunState) -> Rows:
        counted = count_rows(self._journal)
        stable = self._work is not None and self._work.source.stable
        total = self._work.fingerprint.rows if self._work is not None and stable else None
        check_counts(counted, _rows_on_record(self._journal), finished=state == "finished", total=total)
        return counted

    def _write_files(self) -> Mapping[str, Path]:
        """The result files; after a hard stop they are left to the resume, since they take a while."""
        if self._stop.aborted:
            return {}
        self._folder.refuse_replaced()
        if self._work is None:
            return write_item_results(self._folder, self._journal)
        if self._work.survey is None:  # what files there are stay
            return {}
        source = self._work.survey.source
        try:
            return write_results(
                self._folder, self._journal, source.columns, pieces_of(source), self._work.texts, self._file
            )
        except SourceError as error:
            raise _source_went(error) from error

    def _file_names(self, files: Mapping[str, Path]) -> dict[str, str | None]:
        names: dict[str, str | None] = {"run": str(self._folder.record_file)}
        names |= {name: str(files[name]) if name in files else None for name in ("success", "errors")}
        names |= {name: str(path) for name, path in files.items() if name in {"skipped", "in_doubt"}}
        return {**names, "report": None}

    def _close(self, result: RunResult) -> None:
        try:
            self._folder.turn_to(result.state, self._record, self._journal, result=result.to_json())
            self._hub.emit(RunEnded(result.run_id, result.state))
        except (PausedError, JournalDamaged):  # which is most likely what the result tells already
            if result.error is None:
                raise


def log_traceback(error: BaseException, log: RunLog) -> None:
    """Keep an unexpected error's traceback."""
    try:
        log.write("Traceback", {"detail": "".join(traceback.format_exception(error))})
    except ZmigrateError:
        return  # the disk is full, which is most likely why we are here


def as_problem(error: BaseException, log: Path) -> ZmigrateError:
    """What ended a run, as an error of ours. `log` has the traceback of what was not expected."""
    if isinstance(error, SourceError):
        return _source_went(error)
    if isinstance(error, ZmigrateError):
        error.message = as_text(error.message)  # an author raises such, too
        return error
    if isinstance(error, (orjson.JSONDecodeError, zlib.error)):
        return JournalDamaged(f"the journal holds what can't be read: {error}", hint=RECOVERY)
    if is_full_disk(error):
        return disk_full(error, "then resume the run")
    return InternalError(
        f"unexpected {name_of(error)}",
        hint="Nothing is lost: what was sent is in the journal, and `zmigrate resume` goes on. "
        f"The traceback is in {log}.",
        code="UNEXPECTED",
    )


def _source_went(error: SourceError) -> PausedError:
    return PausedError(
        f"the source changed while the run read it: {error.message}", hint=error.hint, code="SOURCE_CHANGED"
    )


def state_of(problem: ZmigrateError) -> RunState:
    """How a run stands that ended by this."""
    if isinstance(problem, PausedError):
        return "paused"
    if isinstance(problem, (RefusedError, ApiError)):
        return "refused"
    return "broken"


def _rows_on_record(journal: Journal) -> Rows:
    return Rows(**(journal.fact("progress") or {}).get("rows", {}))
