"""A run from its beginning, afresh or again, to its result. A flow's steps are runs in their turn."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from functools import partial

from zmigrate.engine.model.run_options import RunOptions
from zmigrate.engine.pipeline.lookups import Lookups
from zmigrate.engine.pipeline.required import RequiredReferences
from zmigrate.engine.pipeline.survey import Surveyor
from zmigrate.engine.preflight.invocation import Invocation
from zmigrate.engine.preflight.repetition import starting
from zmigrate.engine.preflight.steps import StepContext
from zmigrate.engine.runner.beginning import Beginning, Opened, Undertaking
from zmigrate.engine.runner.database import copy_database, keep_places, reads_database, refuse_changed_copy
from zmigrate.engine.runner.flow_session import FlowSession
from zmigrate.engine.runner.late_requests import wait_for_late
from zmigrate.engine.runner.session import OpenRun, Session, Surveyed
from zmigrate.engine.storage.folder import RunFolder, org_json, timestamp, versions
from zmigrate.engine.storage.inputs import code_hash, hashes_of, origin, tell_of_changed_code
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.run_record import RunRecord
from zmigrate.engine.storage.run_result import RunResult
from zmigrate.errors import UsageError
from zmigrate.job.job import Job, RecordJob, encode_options
from zmigrate.rows.sources.copied_rows import CopiedRows


class Runner:
    """Runs one job once, from the start (`start`) or from where a run stopped (`go_on`)."""

    def __init__(
        self, job: Job, invocation: Invocation, options: RunOptions, *, seat: StepContext | None = None
    ) -> None:
        """`seat`: the job's place in a flow, which has checked and asked for all its steps."""
        self._job = job
        self._invocation = invocation
        self._options = options
        self._seat = seat
        self._began = invocation.now()
        self._beginning = Beginning(job, invocation, trigger=options.trigger or (), seat=seat)

    # -- the two ways in --------------------------------------------------------------------------

    def start(self) -> RunResult:
        """A fresh run. Errors are raised until its folder is open; after that they are in the result."""
        beginning, again = self._beginning, self._options.again
        work = beginning.read()
        with ExitStack() as stack:
            opened = self._open(work, stack)
            beginning.refuse_repetition(work, opened, again=again)
            beginning.ask(work, opened, yes=self._options.yes)
            # A database is read once the folder is there to copy it to.
            surveyed = None if reads_database(opened) else self._survey(opened, stack)
            self._wait_for_late(opened)
            with self._gate():
                beginning.refuse_repetition(work, opened, again=again)
                place = self._create(work, opened, surveyed, stack)
            return self._work_on(work, place, opened, surveyed, stack)

    def go_on(self, folder: RunFolder, record: RunRecord) -> RunResult:
        """Resume the run of a folder that this process has locked."""
        beginning = self._beginning
        work = beginning.read_again(folder, record)
        with ExitStack() as stack:
            journal = None if work.is_flow else Journal.open(folder.journal)
            place = OpenRun(folder, record, journal)
            if journal is not None:
                stack.callback(journal.close)
                refuse_changed_copy(folder, journal)
            opened, surveyed = None, None
            if work.to_come or not work.is_flow:
                opened = self._open(work, stack, record)
                beginning.refuse_changed_write(work, opened, record)
                what_follows = f"rows from {place.rows.read + 1:,} on" if journal else "steps still to come"
                tell_of_changed_code(record, type(self._job), what_follows, self._invocation.hub.emit)
                beginning.ask(work, opened, yes=self._options.yes)
                surveyed = None if reads_database(opened) else self._survey(opened, stack, place)
                self._wait_for_late(opened, folder)
            place = replace(place, record=folder.turn_to("running", record, journal))
            return self._work_on(work, place, opened, surveyed, stack)

    # -- until the folder is open -----------------------------------------------------------------

    def _open(self, work: Undertaking, stack: ExitStack, record: RunRecord | None = None) -> Opened:
        opened = self._beginning.open(work, stack, record)
        if work.is_flow:
            opened.reads.close()  # the steps read for themselves
        return opened

    def _survey(self, opened: Opened, stack: ExitStack, place: OpenRun | None = None) -> Surveyed | None:
        """Read the rows of a record job a first time: they may refer to one another, or keys may have to
        be compared. A database's rows are copied first. `place`: the run's folder, once it is open.
        """
        if not isinstance(self._job, RecordJob):
            return None
        (work,) = opened.works
        invocation, crm = self._invocation, opened.connection.crm
        lookups = Lookups(partial(invocation.id_map, opened.identity), crm, crm.fields)
        stack.callback(lookups.close)
        required = RequiredReferences(lookups.resolver, lookups.ask)
        surveyor = Surveyor(work, required, crm, invocation.stop)
        journal = None if place is None else place.journal
        begun = journal is not None and journal.fact("progress") is not None
        if place is not None and journal is not None and reads_database(opened):
            limit = None if surveyor.reads_every_row else self._options.limit
            work = copy_database(place.folder, journal, work, limit, invocation)
        surveyor.source = source = work.read.step.source
        try:
            survey = surveyor.survey(journal.places() if journal is not None and begun else None)
        except UsageError:
            if isinstance(source, CopiedRows) and not begun:  # a resume reads the corrected rows
                source.path.unlink()
            raise
        stack.callback(survey.close)
        if journal is not None and not begun:
            keep_places(journal, survey)
        return Surveyed(work, lookups, survey)

    def _wait_for_late(self, opened: Opened, own: RunFolder | None = None) -> None:
        if isinstance(self._job, RecordJob):
            (work,), path = opened.works, None if own is None else own.path
            wait_for_late(self._invocation, opened.identity, work.target, self._invocation.now(), path)

    def _gate(self) -> AbstractContextManager[None]:
        """Only one process at a time opens a run. A step is in its flow's folder, which is held already."""
        alone = self._invocation.practice or self._seat is not None
        return nullcontext() if alone else starting(self._invocation.settings.state_dir)

    def _create(
        self, work: Undertaking, opened: Opened, surveyed: Surveyed | None, stack: ExitStack
    ) -> OpenRun:
        """Open a fresh folder; for a step, inside its flow's."""
        seat = self._seat
        if seat is None:
            folder = RunFolder.create(self._invocation.settings.state_dir, work.name)
        else:
            folder = seat.flow.create_step(seat.read.step.name)
        stack.callback(folder.unlock)
        journal = None if work.is_flow else Journal.create(folder.journal)
        if journal is not None:
            stack.callback(journal.close)
            if surveyed is not None:
                keep_places(journal, surveyed.survey)
        record = self._record(folder, work, opened)
        folder.write(record, journal)
        if seat is not None:  # only now: before it, the step can begin afresh
            seat.flow.note_begun(seat.read.step.name)
        return OpenRun(folder, record, journal)

    def _record(self, folder: RunFolder, work: Undertaking, opened: Opened) -> RunRecord:
        job, credentials = self._job, self._invocation.credentials
        return RunRecord(
            run_id=folder.run_id,
            job=work.name,
            state="running",
            started_at=timestamp(),
            options=encode_options(job),
            origin=origin(type(job)),
            settings={**self._options.to_json(), "profile": credentials.profile or None},
            org=org_json(opened.org),
            api_domain=opened.connection.api_domain,
            place=credentials.place,
            write=opened.write(work),
            source=work.source,
            versions=versions(),
            code=code_hash(type(job)),
            reads=hashes_of(job),
            steps=[read.step.to_json(read.fingerprint) for read in work.steps] if work.is_flow else None,
            practice=self._invocation.practice,
        )

    # -- from then on -----------------------------------------------------------------------------

    def _work_on(
        self,
        work: Undertaking,
        place: OpenRun,
        opened: Opened | None,
        surveyed: Surveyed | None,
        stack: ExitStack,
    ) -> RunResult:
        org = place.record.org if opened is None else org_json(opened.org)
        facts = self._beginning.facts(work, org, place.record.write)
        if work.is_flow:
            checks = None if opened is None else opened.connection
            flow = FlowSession(
                work, place, self._invocation, self._run_step, began=self._began, checks=checks
            )
            return flow.run(facts, self._options.limit)
        assert opened is not None  # noqa: S101  only a flow whose steps have finished has none
        session = Session(
            self._job, place, opened, surveyed, self._invocation, self._options, began=self._began
        )
        survey = partial(self._survey, opened, stack, place) if reads_database(opened) else None
        return session.run(facts, survey)

    def _run_step(self, seat: StepContext, place: RunFolder, limit: int | None) -> RunResult:
        """Run a step of this flow, from its start or from where it stopped."""
        options = replace(self._options, limit=limit)
        runner = Runner(seat.read.step.job, self._invocation, options, seat=seat)
        if not place.begun:
            return runner.start()
        place.lock()
        try:
            return runner.go_on(place, place.read())
        finally:
            place.unlock()
