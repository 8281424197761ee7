"""How a run begins, afresh or again: read the source, get the token, check, ask, open the folder."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from zmigrate.engine.model.outcomes import ACTIONS, Rows
from zmigrate.engine.pipeline.lookups import Lookups
from zmigrate.engine.pipeline.required import RequiredReferences
from zmigrate.engine.pipeline.survey import Surveyor
from zmigrate.engine.preflight.admission import (
    Confirm,
    ask,
    refuse_another_org,
    refuse_fed_again,
    refuse_lacking,
    tell_of_our_columns,
)
from zmigrate.engine.preflight.environment import tell_of_variables, variables_read
from zmigrate.engine.preflight.fields import check_fills, check_pointers, check_users, read_fields
from zmigrate.engine.preflight.invocation import Invocation
from zmigrate.engine.preflight.mapping import check_load
from zmigrate.engine.preflight.org import (
    Banner,
    check_clock,
    check_orphans,
    check_same_org,
    check_source,
    find_user,
    scopes_of_checks,
    tell_of_portal,
    tell_unsettled,
)
from zmigrate.engine.preflight.repetition import refuse_repetition, starting
from zmigrate.engine.preflight.steps import StepContext
from zmigrate.engine.preflight.target import find_target
from zmigrate.engine.runner.database import copy_database, keep_places, reads_database, source_in
from zmigrate.engine.runner.late_requests import wait_for_late
from zmigrate.engine.runner.session import RecordWork, RunOptions, Session
from zmigrate.engine.storage.folder import RunFolder, org_json, timestamp, versions
from zmigrate.engine.storage.inputs import (
    code_hash,
    hashes_of,
    origin,
    refuse_changed,
    shown_origin,
    tell_of_changed_code,
)
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.ledger import identity
from zmigrate.engine.storage.run_record import RunRecord
from zmigrate.engine.storage.run_result import RunResult
from zmigrate.errors import UsageError
from zmigrate.events import RunStarted
from zmigrate.job.job import Job, RecordJob, encode_options, fills_of, job_name, source_of
from zmigrate.rows.cell_texts import CellTexts
from zmigrate.rows.conversion.converter import Converter
from zmigrate.rows.conversion.users import UserDirectory
from zmigrate.rows.sources import Fingerprint, Source
from zmigrate.rows.sources.copied_rows import CopiedRows
from zmigrate.zoho.clock import steady_time
from zmigrate.zoho.connection import Connection
from zmigrate.zoho.metadata import Org


class Runner:
    """Runs one job once, from the start (`start`) or from where a folder stands (`go_on`)."""

    def __init__(
        self,
        job: Job,
        invocation: Invocation,
        choices: RunOptions,
        *,
        confirm: Confirm | None,
        seat: StepContext | None = None,
        now: Callable[[], float] = steady_time,
    ) -> None:
        """`seat`: where the job runs as a step of a flow, which has checked and asked for all its steps."""
        self._job = job
        self._name = job_name(type(job))
        self._invocation = invocation
        self._choices = choices
        self._confirm = confirm
        self._seat = seat
        self._now = now
        self._began = now()

    # -- the two ways in --------------------------------------------------------------------------

    def start(self) -> RunResult:
        """A fresh run. Before its folder is open, what is wrong is raised; from then on the result tells."""
        source, fingerprint = self._read_source()
        with ExitStack() as stack:
            connection = self._connected(source, stack)
            org = self._check_org(connection)
            work = self.check(connection, source, fingerprint)
            self.refuse_repetition(org, work)
            self._ask(org, work)
            if not reads_database(work):
                self._survey(org, work, connection, stack)
            self._wait_for_late(org, work)
            alone = self._invocation.practice or self._seat is not None
            with nullcontext() if alone else starting(self._invocation.settings.state_dir):
                self.refuse_repetition(org, work)
                folder = self._create_folder()
                stack.callback(folder.unlock)
                journal = Journal.create(folder.journal)
                stack.callback(journal.close)
                keep_places(journal, work)
                record = self._record(folder, org, work, connection.api_domain)
                folder.write(record, journal)
                if self._seat is not None:  # only now: before it, the step can begin afresh
                    self._seat.flow.note_begun(self._seat.step.name)
            return self._work_on(folder, record, journal, org, work, connection, stack)

    def go_on(self, folder: RunFolder, record: RunRecord) -> RunResult:
        """Resume the run of a folder that this process has locked."""
        source = source_in(folder, self._job) if isinstance(self._job, RecordJob) else None
        fingerprint = None if record.source is None else Fingerprint.from_json(record.source)
        if source is not None:
            self._tell_of_variables(source)
        if source is not None and fingerprint is not None:
            source.check(fingerprint)
        if isinstance(source, CopiedRows):
            fingerprint = source.scan()  # the database had so many rows when they were read
        refuse_changed(record.reads, self._job, record.run_id)
        with ExitStack() as stack:
            journal = Journal.open(folder.journal)
            stack.callback(journal.close)
            connection = self._connected(source, stack)
            org = self._check_org(connection)
            work = self.check(connection, source, fingerprint)
            self._refuse_another(record, org, work)
            rows = Rows(**(journal.fact("progress") or {}).get("rows", {}))
            what_follows = f"rows from {rows.read + 1:,} on"
            tell_of_changed_code(record, type(self._job), what_follows, self._invocation.hub.emit)
            self._ask(org, work)
            if not reads_database(work):
                self._survey(org, work, connection, stack, journal)
            self._wait_for_late(org, work, folder.path)
            record = folder.turn_to("running", record, journal)
            return self._work_on(folder, record, journal, org, work, connection, stack)

    def _work_on(
        self,
        folder: RunFolder,
        record: RunRecord,
        journal: Journal,
        org: Org,
        work: RecordWork | None,
        connection: Connection,
        stack: ExitStack,
    ) -> RunResult:
        session = Session(
            self._job,
            folder,
            record,
            journal,
            org,
            work,
            connection,
            self._invocation.hub,
            self._invocation.stop,
            self._invocation.settings,
            self._choices,
            began=self._began,
            file=None if self._seat is None else self._seat.step.file,
        )
        first = partial(self._survey, org, work, connection, stack, journal, folder)
        return session.run(
            self._announcement(folder, journal, org, work), first if reads_database(work) else None
        )

    # -- checks -----------------------------------------------------------------------------------

    def _read_source(self) -> tuple[Source | None, Fingerprint | None]:
        if not isinstance(self._job, RecordJob):
            return None, None
        source = source_of(self._job)
        self._tell_of_variables(source)
        fills_of(self._job)
        if self._seat is None:
            return source, source.scan()
        source.check(self._seat.fingerprint)
        return source, self._seat.fingerprint

    def _tell_of_variables(self, source: Source) -> None:
        """A flow has told of its steps'."""
        if self._seat is None:
            tell_of_variables([source], self._invocation.hub.emit)

    def _create_folder(self) -> RunFolder:
        if self._seat is None:
            return RunFolder.create(self._invocation.settings.state_dir, self._name)
        return self._seat.flow.create_step(self._seat.step.name)

    def _connected(self, source: Source | None, stack: ExitStack) -> Connection:
        """A connection with the job's token, closed by the stack: after a hard stop without a farewell."""
        job = self._job
        refuse_lacking(job, source)
        checks = scopes_of_checks(job.write if isinstance(job, RecordJob) else None)
        scratch = None if self._seat is None else self._seat.scratch
        return self._invocation.connect((*job.scopes, *checks), stack, scratch)

    def _check_org(self, connection: Connection) -> Org:
        org = connection.crm.org()
        if self._seat is not None:
            check_same_org(org, self._seat.org)
            return org
        tell_of_portal(org, self._invocation.credentials, self._invocation.hub.emit)
        check_clock(connection.clock.skew(), self._invocation.hub.emit)
        return org

    def check(
        self, connection: Connection, source: Source | None, fingerprint: Fingerprint | None
    ) -> RecordWork | None:
        """What a record job is about to do, None for another. Raises what the org's metadata say is wrong."""
        if not isinstance(self._job, RecordJob) or source is None or fingerprint is None:
            return None
        write = self._job.write
        fields = read_fields(connection.crm, write.module, self._job)
        target = find_target(write, fields, self._choices.trigger, self._job)
        fills = fills_of(self._job)
        if fills is not None:
            target = replace(target, appended=target.appended & {fill.field for fill in fills})
            check_fills(fills, fields, write.operation, write.key)
            check_pointers(fills, fields, partial(read_fields, connection.crm))
        check_source(source, write)
        check_orphans(self._job, source, self._invocation.hub.emit)
        tell_of_our_columns(source, self._invocation.hub.emit)
        user = find_user(connection.crm, self._invocation.hub.emit) if target.tells_ours_by_time else None
        users = UserDirectory(self._job.users, partial(connection.crm.users, "AllUsers"))
        check_users(users, self._job)
        check_load(self._job, fields, users, connection.crm, self._invocation.hub.emit)
        converter = Converter(
            fields,
            write.operation,
            write.key,
            self._job.formats,
            users,
            connection.crm.fields,
        )
        texts = CellTexts(self._job.formats, fills, fields)
        return RecordWork(source, fingerprint, fields, target, converter, texts, user)

    def _survey(
        self,
        org: Org,
        work: RecordWork | None,
        connection: Connection,
        stack: ExitStack,
        journal: Journal | None = None,
        folder: RunFolder | None = None,
    ) -> None:
        """Read the source a first time, where its rows refer to one another or their keys are to be
        compared. `journal`: once there is one. `folder`: where a database is to be copied to before.
        """
        if work is None or not isinstance(self._job, RecordJob):
            return
        where = identity(org_json(org))
        lookups = Lookups(
            self._invocation.settings.state_dir,
            where,
            connection.crm,
            lasting=not self._invocation.practice,
            emit=self._invocation.hub.emit,
        )
        stack.callback(lookups.close)
        required = RequiredReferences(lookups.resolver, lookups.ask)
        surveyor = Surveyor(
            self._job,
            work.source,
            work.target,
            work.fields,
            work.converter,
            required,
            connection.crm,
            self._invocation.stop,
        )
        begun = journal is not None and journal.fact("progress") is not None
        if folder is not None and journal is not None:
            limit = None if surveyor.reads_every_row else self._choices.limit
            copy_database(folder, journal, work, limit, self._invocation)
            surveyor.source = work.source
        try:
            work.survey = surveyor.survey(journal.places() if journal is not None and begun else None)
        except UsageError:
            if isinstance(work.source, CopiedRows) and not begun:  # a resume reads the mended rows
                work.source.path.unlink()
            raise
        work.lookups = lookups
        stack.callback(work.survey.close)
        if journal is not None and not begun:
            keep_places(journal, work)

    def refuse_repetition(self, org: Org, work: RecordWork | None) -> None:
        """Raise RunError if this work is under way or done already, or would double what its file says to be
        written; the steps of a flow were asked about together."""
        if self._invocation.practice or self._seat is not None:
            return
        if work is not None and not self._choices.again:
            refuse_fed_again(work.source, work.target)
        refuse_repetition(
            self._invocation.settings.state_dir,
            self._name,
            encode_options(self._job),
            _write_json(work),
            None if work is None else work.fingerprint.to_json(),
            identity(org_json(org)),
            once=type(self._job).once,
            again=self._choices.again,
        )

    def _wait_for_late(self, org: Org, work: RecordWork | None, own: Path | None = None) -> None:
        if work is not None:
            wait_for_late(self._invocation, identity(org_json(org)), work.target, self._now(), own)

    def _refuse_another(self, record: RunRecord, org: Org, work: RecordWork | None) -> None:
        """A resumed run goes on in the same org, with the same write."""
        refuse_another_org(record, org)
        if record.write != _write_json(work):
            raise UsageError(
                f"the job has changed since the run began: it wrote {record.write}, now {_write_json(work)}",
                hint="Put the job back as it was, or begin a new run.",
                code="JOB_CHANGED",
            )

    def _ask(self, org: Org, work: RecordWork | None) -> None:
        """Say what to know before the first write, and ask; a flow has done both for its steps."""
        if self._seat is not None:
            return
        if work is not None:
            tell_unsettled(work.target, self._invocation.hub.emit)
        if not self._invocation.practice:
            confirm = self._confirm
            agree = None if confirm is None else lambda: confirm(self._banner(org, work))
            ask(org, yes=self._choices.yes, agree=agree)

    def _banner(self, org: Org, work: RecordWork | None) -> Banner:
        target = None if work is None else work.target
        return Banner(
            job=self._name,
            code=shown_origin(origin(type(self._job))),
            org=f"{org.name} ({org.zgid})",
            org_id=org.id,
            environment=org.type or "production",
            profile=self._invocation.credentials.place,
            module=None if target is None else target.module,
            operation=None if target is None else target.operation,
            rows=None if work is None else work.fingerprint.rows,
            practice=self._invocation.practice,
            variables=() if work is None else variables_read([work.source]),
        )

    def _announcement(
        self, folder: RunFolder, journal: Journal, org: Org, work: RecordWork | None
    ) -> RunStarted:
        banner = self._banner(org, work)
        done = Rows(**(journal.fact("progress") or {}).get("rows", {}))
        return RunStarted(
            run_id=folder.run_id,
            job=banner.job if self._seat is None else self._seat.title,
            code=banner.code,
            folder=str(folder.path),
            org=banner.org,
            environment=banner.environment,
            profile=banner.profile,
            module=banner.module,
            operation=banner.operation,
            rows_total=banner.rows,
            rows_done=done.accounted,
            done={name: count for name, count in done.to_json().items() if name in ACTIONS},
            practice=banner.practice,
            variables=banner.variables,
        )

    def _record(self, folder: RunFolder, org: Org, work: RecordWork | None, api_domain: str) -> RunRecord:
        return RunRecord(
            run_id=folder.run_id,
            job=self._name,
            state="running",
            started_at=timestamp(),
            options=encode_options(self._job),
            origin=origin(type(self._job)),
            settings={
                "profile": self._invocation.credentials.profile or None,
                "trigger": list(self._choices.trigger),
                "limit": self._choices.limit,
                "allow_env": list(self._choices.allow_env),
            },
            org=org_json(org),
            api_domain=api_domain,
            place=self._invocation.credentials.place,
            write=_write_json(work),
            source=None if work is None else work.fingerprint.to_json(),
            versions=versions(),
            code=code_hash(type(self._job)),
            reads=hashes_of(self._job),
            practice=self._invocation.practice,
        )


def _write_json(work: RecordWork | None) -> dict[str, Any] | None:
    if work is None:
        return None
    return work.target.to_json()
