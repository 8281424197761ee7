"""A run's life: check everything, ask, open the folder, go, count, write the files. One run, one org, one
token provider.
"""

from __future__ import annotations

import inspect
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from zmigrate.engine import preflight
from zmigrate.engine.accounting import check_counts, count_rows
from zmigrate.engine.context import RunContext
from zmigrate.engine.folder import RunFolder, RunRecord, timestamp
from zmigrate.engine.journal import Journal
from zmigrate.engine.ledger import refuse_repetition, starting
from zmigrate.engine.outcomes import Rows, RunState
from zmigrate.engine.preflight import Banner
from zmigrate.engine.record_run import RecordRun, SessionResult
from zmigrate.engine.result import RunResult
from zmigrate.engine.results import SourceRow, write_results
from zmigrate.engine.runlog import RunLog
from zmigrate.engine.settle import SettlingTime
from zmigrate.engine.target import Target
from zmigrate.errors import (
    ApiError,
    DiskFull,
    InternalError,
    JobError,
    PausedError,
    RefusedError,
    SourceError,
    UsageError,
    ZmigrateError,
)
from zmigrate.events import EventHub, Log, RunEnded, RunStarted
from zmigrate.job import (
    Job,
    RecordJob,
    columns_of,
    encode_options,
    job_name,
    missing_scopes,
    source_of,
)
from zmigrate.rows.sources import Cursor, Fingerprint, Source
from zmigrate.rows.values import Converter
from zmigrate.stopping import StopRequested, StopSignal
from zmigrate.zoho.connection import Connection, connect
from zmigrate.zoho.facts.limits import RECORDS_PER_WRITE, write_credits
from zmigrate.zoho.metadata import Org

if TYPE_CHECKING:
    from zmigrate.config import Credentials, Settings

Confirm = Callable[[Banner], bool]


@dataclass(frozen=True, slots=True)
class Choices:
    """The runner's options for one session."""

    limit: int | None = None
    trigger: tuple[str, ...] = ()
    yes: bool = False
    again: bool = False
    keep_going: bool = False


@dataclass(slots=True)
class _Work:
    """What the checks found out."""

    org: Org
    source: Source | None = None
    fingerprint: Fingerprint | None = None
    target: Target | None = None
    converter: Converter | None = None

    @property
    def rows_total(self) -> int | None:
        return None if self.fingerprint is None else self.fingerprint.rows


@dataclass(slots=True)
class _Session:
    """What came of the work, apart from errors."""

    limited: bool = False
    seconds: float = 0.0
    rows_done: int = 0
    rows: Rows = field(default_factory=Rows)


class Runner:
    """Runs one job once, from the start (`start`) or from where a folder stands (`go_on`)."""

    def __init__(
        self,
        job: Job,
        credentials: Credentials,
        settings: Settings,
        hub: EventHub,
        stop: StopSignal,
        choices: Choices,
        *,
        confirm: Confirm | None,
        practice: bool,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._job = job
        self._name = job_name(type(job))
        self._credentials = credentials
        self._settings = settings
        self._hub = hub
        self._stop = stop
        self._choices = choices
        self._confirm = confirm
        self._practice = practice
        self._now = now
        self._began = now()

    # -- the two ways in --------------------------------------------------------------------------

    def start(self) -> RunResult:
        """A fresh run. What is wrong before the folder is open is raised; from then on it is in the result."""
        source, fingerprint = self._read_source()
        with self._connected(source) as connection:
            work = self._check(connection, source, fingerprint)
            with starting(self._settings.state_dir):
                self._refuse_repetition(work)
                self._ask(work)
                folder = RunFolder.create(self._settings.state_dir, self._name)
            journal = Journal.create(folder.journal)
            record = self._record(folder, work, connection.api_domain)
            folder.write(record)
            return self._go(folder, record, journal, work, connection)

    def go_on(self, folder: RunFolder, record: RunRecord) -> RunResult:
        """Resume the run of a folder that this process has locked."""
        journal = Journal.open(folder.journal)
        source = source_of(self._job) if isinstance(self._job, RecordJob) else None
        fingerprint = None if record.source is None else Fingerprint.from_json(record.source)
        if source is not None and fingerprint is not None:
            source.check(fingerprint)
        with self._connected(source) as connection:
            work = self._check(connection, source, fingerprint)
            if str(record.org.get("id")) != work.org.id:
                raise UsageError(
                    f"run {folder.run_id} belongs to the org {record.org.get('name')} ({record.org.get('id')}), "
                    f"and these credentials to {work.org.name} ({work.org.id})",
                    hint="Name the profile that the run was started with: --profile.",
                    code="WRONG_ORG",
                )
            self._ask(work)
            record = folder.turn_to("running", record)
            return self._go(folder, record, journal, work, connection)

    # -- checks -----------------------------------------------------------------------------------

    def _read_source(self) -> tuple[Source | None, Fingerprint | None]:
        if not isinstance(self._job, RecordJob):
            return None, None
        source = source_of(self._job)
        columns_of(self._job)
        return source, source.scan()

    def _connected(self, source: Source | None) -> Connection:
        job = self._job
        lacking = missing_scopes(job, source)
        if lacking:
            raise JobError(
                f"{self._name} declares too few scopes for what it does; missing: {', '.join(lacking)}",
                hint="Add them to the job's `scopes`, or derive them: scopes = scopes_for(write, source)",
            )
        checks = preflight.CHECK_SCOPES + (preflight.FIELD_SCOPES if isinstance(job, RecordJob) else ())
        return connect(
            self._credentials,
            tuple(dict.fromkeys((*job.scopes, *checks))),
            settings=self._settings,
            emit=self._hub.emit,
            stop=self._stop,
        )

    def _check(self, connection: Connection, source: Source | None, fingerprint: Fingerprint | None) -> _Work:
        org = connection.crm.org()
        preflight.check_org(org, self._credentials.soid, self._hub.emit)
        preflight.check_clock(connection.clock.skew(), self._hub.emit)
        work = _Work(org, source, fingerprint)
        if isinstance(self._job, RecordJob):
            write = self._job.write
            fields = connection.crm.fields(write.module)
            work.target = preflight.find_target(write, fields, self._choices.trigger)
            columns = columns_of(self._job)
            if columns is not None:
                preflight.check_columns(columns, fields, write.operation, write.key)
            work.converter = Converter(fields, write.operation, write.key)
        return work

    def _refuse_repetition(self, work: _Work) -> None:
        if self._practice:
            return
        refuse_repetition(
            self._settings.state_dir,
            self._name,
            encode_options(self._job),
            None if work.fingerprint is None else work.fingerprint.to_json(),
            work.org.id,
            once=type(self._job).once,
            again=self._choices.again,
        )

    def _ask(self, work: _Work) -> None:
        if not work.org.production or self._practice or self._choices.yes:
            return
        banner = self._banner(work)
        if self._confirm is None:
            raise UsageError(
                f"{work.org.name} ({work.org.zgid}) is a production org, and there is no terminal to ask at",
                hint="If that is the org you mean, add --yes.",
                code="NOT_CONFIRMED",
            )
        if not self._confirm(banner):
            raise UsageError("not confirmed; nothing was written", code="NOT_CONFIRMED")

    def _banner(self, work: _Work) -> Banner:
        target = work.target
        return Banner(
            job=self._name,
            org=f"{work.org.name} ({work.org.zgid})",
            org_id=work.org.id,
            environment=work.org.type or "production",
            profile=self._credentials.place,
            module=None if target is None else target.module,
            operation=None if target is None else target.operation,
            rows=work.rows_total,
            practice=self._practice,
        )

    def _record(self, folder: RunFolder, work: _Work, api_domain: str) -> RunRecord:
        target = work.target
        return RunRecord(
            run_id=folder.run_id,
            job=self._name,
            state="running",
            started_at=timestamp(),
            options=encode_options(self._job),
            origin=inspect.getfile(type(self._job)),
            settings={
                "profile": self._credentials.profile or None,
                "trigger": list(self._choices.trigger),
                "limit": self._choices.limit,
            },
            org=_org_json(work.org),
            api_domain=api_domain,
            place=self._credentials.place,
            write=None
            if target is None
            else {"module": target.module, "operation": target.operation, "key": target.key},
            source=None if work.fingerprint is None else work.fingerprint.to_json(),
            versions={"zmigrate": version("zmigrate"), "python": sys.version.split()[0]},
            practice=self._practice,
        )

    # -- the work ---------------------------------------------------------------------------------

    def _go(
        self, folder: RunFolder, record: RunRecord, journal: Journal, work: _Work, connection: Connection
    ) -> RunResult:
        with ExitStack() as stack:
            stack.callback(folder.unlock)
            stack.callback(journal.close)
            log = RunLog(folder.log)
            stack.callback(log.close)
            self._hub.add(log)
            session, error = _Session(), None
            try:
                self._announce(folder, work, journal)
                session = self._work(journal, work, connection)
            except BaseException as caught:
                error = caught
            state, problem = self._judge(session, error, log)
            try:
                rows, problem = self._count(journal, state, work, problem)
                state = "broken" if isinstance(problem, InternalError) else state
                files = self._write_files(folder, journal, work)
            except ZmigrateError as caught:
                problem = problem or caught
                state = _state_of(problem)
                rows, files = _rows_on_record(journal), {}
            result = RunResult(
                run_id=folder.run_id,
                job=self._name,
                state=state,
                org={"id": work.org.id, "name": work.org.name, "sandbox": work.org.sandbox},
                api_domain=record.api_domain,
                rows=rows,
                requests=_requests(connection),
                tokens={"acquired": connection.tokens.acquired, "renewed": connection.tokens.renewed},
                credits={"estimated": _estimate(work), "used": connection.credits.used},
                elapsed_s=self._now() - self._began,
                rows_per_s=session.rows_done / session.seconds if session.seconds > 0 else 0.0,
                files=_file_names(folder, files),
                error=problem,
            )
            return self._close(folder, record, result)

    def _announce(self, folder: RunFolder, work: _Work, journal: Journal) -> None:
        banner = self._banner(work)
        done = Rows(**(journal.fact("progress") or {}).get("rows", {})).accounted
        self._hub.emit(
            RunStarted(
                run_id=folder.run_id,
                job=banner.job,
                folder=str(folder.path),
                org=banner.org,
                environment=banner.environment,
                profile=banner.profile,
                module=banner.module,
                operation=banner.operation,
                rows_total=banner.rows,
                rows_done=done,
                practice=banner.practice,
            )
        )

    def _work(self, journal: Journal, work: _Work, connection: Connection) -> _Session:
        job = self._job
        if (
            isinstance(job, RecordJob)
            and work.source is not None
            and work.target is not None
            and work.converter is not None
        ):
            run = RecordRun(
                job,
                work.source,
                work.target,
                work.converter,
                connection,
                journal,
                self._hub,
                self._stop,
                settling=SettlingTime(self._settings.settle_s),
                limit=self._choices.limit,
                keep_going=self._choices.keep_going,
            )
            came_to: SessionResult = run.run(self._began)
            if self._stop.requested:
                raise StopRequested
            return _Session(came_to.limited, came_to.seconds, came_to.rows, run.rows)
        context = RunContext(connection.crm, journal, self._hub, self._stop, self._choices.limit)
        began = self._now()
        try:
            job.run(context)
        finally:
            context.flush()
        return _Session(context.limited, self._now() - began, context.rows.accounted, context.rows)

    # -- how it ended -----------------------------------------------------------------------------

    def _judge(
        self, session: _Session, error: BaseException | None, log: RunLog
    ) -> tuple[RunState, ZmigrateError | None]:
        """The state that an ending means, and the error to show; a traceback goes to run.log."""
        if error is None:
            return ("limited" if session.limited else "finished"), None
        if isinstance(error, StopRequested):
            return "interrupted", None
        problem = _as_problem(error, str(log.path))
        if problem is not error or isinstance(error, InternalError):
            self._log_traceback(error, log)
        return _state_of(problem), problem

    @staticmethod
    def _log_traceback(error: BaseException, log: RunLog) -> None:
        try:
            log.write("Traceback", {"detail": "".join(traceback.format_exception(error))})
        except ZmigrateError:
            return  # the disk is full, which is most likely why we are here

    def _count(
        self, journal: Journal, state: RunState, work: _Work, problem: ZmigrateError | None
    ) -> tuple[Rows, ZmigrateError | None]:
        counted = count_rows(journal)
        on_record = _rows_on_record(journal)
        total = work.rows_total if work.source is not None and work.source.stable else None
        try:
            check_counts(counted, on_record, finished=state == "finished", total=total)
        except InternalError as error:
            return counted, problem or error
        return counted, problem

    def _write_files(self, folder: RunFolder, journal: Journal, work: _Work) -> Mapping[str, Any]:
        """The result files; after a hard stop they are left to the resume, since they take a while."""
        if work.source is None or self._stop.aborted:
            return {}
        source = work.source
        rows = None
        if source.stable:
            rows = (SourceRow(row.number, row.values) for row in source.rows(Cursor(), None))
        try:
            return write_results(folder, journal, source.columns, rows)
        except SourceError as error:
            raise _source_went(error) from error

    def _close(self, folder: RunFolder, record: RunRecord, result: RunResult) -> RunResult:
        try:
            folder.turn_to(result.state, record, result=result.to_json(), api_domain=result.api_domain)
            self._hub.emit(RunEnded(result.run_id, result.state))
        except DiskFull:
            if result.error is None:
                raise
        return result


def _as_problem(error: BaseException, log: str) -> ZmigrateError:
    if isinstance(error, SourceError):
        return _source_went(error)
    if isinstance(error, ZmigrateError):
        return error
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return DiskFull(hint="Make room, then resume the run.")
    return InternalError(
        f"unexpected {type(error).__name__}: {error}",
        hint=f"Nothing is lost: what was sent is in the journal. The traceback is in {log}. Go on with `zmigrate resume`.",
        code="UNEXPECTED",
    )


def _source_went(error: SourceError) -> PausedError:
    return PausedError(
        f"the source changed while the run read it: {error.message}", hint=error.hint, code="SOURCE_CHANGED"
    )


DISK_FULL = (28, 122)
"""ENOSPC and EDQUOT."""


def _state_of(problem: ZmigrateError) -> RunState:
    if isinstance(problem, PausedError):
        return "paused"
    if isinstance(problem, (RefusedError, ApiError)):
        return "refused"
    return "broken"


def _rows_on_record(journal: Journal) -> Rows:
    return Rows(**(journal.fact("progress") or {}).get("rows", {}))


def _requests(connection: Connection) -> dict[str, int]:
    transport = connection.transport
    return {"sent": transport.sent, "retried": transport.retried, "throttled": transport.throttled}


def _estimate(work: _Work) -> int | None:
    """Credits of the writes, if every batch is full and sent once; None where the rows are not known."""
    if work.target is None or work.rows_total is None:
        return None
    full, rest = divmod(work.rows_total, RECORDS_PER_WRITE)
    operation = work.target.operation
    return full * write_credits(operation, RECORDS_PER_WRITE) + (
        write_credits(operation, rest) if rest else 0
    )


def _file_names(folder: RunFolder, files: Mapping[str, Any]) -> dict[str, str | None]:
    names: dict[str, str | None] = {"run": str(folder.record_file)}
    names |= {name: str(files[name]) if name in files else None for name in ("success", "errors")}
    names |= {name: str(path) for name, path in files.items() if name in {"skipped", "in_doubt"}}
    names["report"] = None
    return names


def _org_json(org: Org) -> dict[str, Any]:
    return {
        "id": org.id,
        "name": org.name,
        "zgid": org.zgid,
        "type": org.type or "production",
        "sandbox": org.sandbox,
    }
