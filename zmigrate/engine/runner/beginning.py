"""How work begins, up to the consent: the same for a record job, a hand-written job, a flow, and for a plan.

    read        the sources, once and strictly
    open        get a token; the right org? do the steps fit its fields?
    refuse      what is under way or done already
    ask         a person, where the org is a production org

Problems are raised; nothing is written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from zmigrate.engine.preflight.admission import ask, refuse_another_org, refuse_fed_again, refuse_lacking
from zmigrate.engine.preflight.duplicate_check import may_be_held_elsewhere
from zmigrate.engine.preflight.environment import tell_of_variables, variables_read
from zmigrate.engine.preflight.first_reads import FirstReads
from zmigrate.engine.preflight.invocation import Invocation
from zmigrate.engine.preflight.org import (
    check_clock,
    check_same_org,
    scopes_of_checks,
    tell_of_portal,
    tell_unsettled,
)
from zmigrate.engine.preflight.record_work import Heard, RecordWork, begin_reads, check_record_job
from zmigrate.engine.preflight.repetition import refuse_repetition
from zmigrate.engine.preflight.steps import (
    ReadStep,
    Step,
    StepContext,
    combined,
    for_each,
    read_step,
    refuse_changed_steps,
    steps_in,
)
from zmigrate.engine.storage.folder import RunFolder, org_json
from zmigrate.engine.storage.inputs import origin, refuse_changed, shown_origin
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.ledger import identity
from zmigrate.engine.storage.run_record import RunRecord
from zmigrate.engine.storage.source_copy import source_in
from zmigrate.errors import UsageError
from zmigrate.events import BannerFacts
from zmigrate.job.job import Flow, Job, encode_options, job_name
from zmigrate.rows.sources import Fingerprint, Sql
from zmigrate.rows.sources.copied_rows import CopiedRows
from zmigrate.zoho.connection import Connection
from zmigrate.zoho.facts.scopes import COQL, DUPLICATE_CHECK, LAYOUTS, MODULES, USERS, only_reads
from zmigrate.zoho.metadata import Org


@dataclass(frozen=True, slots=True)
class Undertaking:
    """The work that begins: a job, and its record jobs as steps."""

    job: Job
    steps: Sequence[ReadStep]
    """The steps of a flow; a record job is one step; a hand-written job has none."""
    to_come: Sequence[ReadStep]
    """The steps that have not finished."""

    @property
    def name(self) -> str:
        return job_name(type(self.job))

    @property
    def is_flow(self) -> bool:
        return isinstance(self.job, Flow)

    @property
    def code(self) -> str:
        """The job's file, or that it is ready-made."""
        return shown_origin(origin(type(self.job)))

    @property
    def source(self) -> dict[str, Any] | None:
        """The source as `run.json` has it; for a flow, all sources together."""
        if self.is_flow:
            return combined([read.fingerprint for read in self.steps])
        return self.steps[0].fingerprint.to_json() if self.steps else None

    @property
    def rows(self) -> int | None:
        """How many rows there are, or None."""
        return (self.source or {}).get("rows")

    def scopes(self, *, plans: bool) -> list[str]:
        """The scopes of the checks, and of the job. Of a flow: all those of its first step to come, and those
        of the later ones that only read, since each step has a token of its own. A plan has one for all.
        """
        jobs = [read.step.job for read in self.to_come]
        own = [job.scopes for job in (jobs if plans else jobs[:1])] or [self.job.scopes]
        own += [] if plans else [list(filter(only_reads, job.scopes)) for job in jobs[1:]]
        checks = [scopes_of_checks(job) for job in jobs] or [scopes_of_checks(None)]
        return [scope for some in (*own, *checks) for scope in some]


@dataclass(frozen=True, slots=True)
class Opened:
    """An org in which the work may begin, with what the checks found."""

    connection: Connection
    """Of a flow that runs: the first step to come goes on with it, and each later one gets its own."""
    org: Org
    reads: FirstReads
    works: Sequence[RecordWork]
    """The steps to come."""
    warnings: Sequence[str]
    """The warnings of the checks of the org."""

    @property
    def identity(self) -> tuple[str, str]:
        """See `ledger.identity`."""
        return identity(org_json(self.org))

    def write(self, undertaking: Undertaking) -> Mapping[str, Any] | None:
        """What a record job writes, as `run.json` has it."""
        return None if undertaking.is_flow or not self.works else self.works[0].target.to_json()


class Beginning:
    """Takes one job from the command to the consent."""

    def __init__(
        self,
        job: Job,
        invocation: Invocation,
        *,
        trigger: Sequence[str] = (),
        seat: StepContext | None = None,
        plans: bool = False,
    ) -> None:
        """`seat`: the job's place in a flow, which has told, refused and asked for all its steps. `plans`:
        the work is only planned; the token may read whatever rows may refer to.
        """
        self._job = job
        self._invocation = invocation
        self._trigger = trigger
        self._seat = seat
        self._plans = plans

    # -- read -------------------------------------------------------------------------------------

    def read(self) -> Undertaking:
        """The work of a fresh run. Raises what is wrong with a source or the job."""
        steps = self._steps()
        self._tell_of_variables(steps)
        if self._seat is None:
            read = for_each(steps, read_step)
        else:
            read = [self._seat.read._replace(step=step) for step in steps]
            for_each(read, _check_source)
        return Undertaking(self._job, read, read)

    def read_again(self, folder: RunFolder, record: RunRecord) -> Undertaking:
        """The work of a resumed run. Raises SourceError or RunError if sources or steps have changed."""
        refuse_changed(record.reads, self._job, record.run_id)
        steps = self._steps()
        sources = [record.source] if record.source is not None else []
        if record.steps is not None or isinstance(self._job, Flow):
            refuse_changed_steps(steps, record.steps or (), record.run_id)
            sources = [known["source"] for known in record.steps or ()]
        # A job that has become one of another kind is refused once its write is known.
        read = [ReadStep(step, Fingerprint.from_json(was)) for step, was in zip(steps, sources, strict=False)]
        to_come = [each for each in read if not each.place or not is_finished(folder.step(each.step.name))]
        for step in (folder.step(each.step.name) for each in to_come if each.place):
            if step.begun:
                Journal.open(step.journal).close()  # a step that can't go on is refused before the flow does
        to_come = [_as_left(each, folder) for each in to_come]
        self._tell_of_variables([each.step for each in to_come])
        for_each(to_come, _check_source)
        if isinstance(self._job, Flow):
            return Undertaking(self._job, read, to_come)
        counted = [_counted(each) for each in to_come]
        return Undertaking(self._job, counted, counted)

    def _steps(self) -> list[Step]:
        """The steps of the job; a step of a flow is its own only step."""
        return steps_in(self._job) if self._seat is None else [replace(self._seat.read.step, name="")]

    def _tell_of_variables(self, steps: Iterable[Step]) -> None:
        if self._seat is None:
            tell_of_variables([step.source for step in steps], self._invocation.hub.emit)

    # -- open -------------------------------------------------------------------------------------

    def open(self, work: Undertaking, stack: ExitStack, record: RunRecord | None = None) -> Opened:
        """Get a token, and check the org and the steps against it. The stack closes the connection.
        `record`: the resumed run, which belongs to an org.

        The checks' reads run side by side; nothing is used before the org is known to be the right one.
        """
        invocation = self._invocation
        heard = Heard(invocation.hub.emit)
        more = (LAYOUTS, USERS, MODULES, COQL) if self._plans else ()
        connection = None if self._seat is None else self._seat.connection
        if connection is None:
            held = self._plans and any(may_be_held_elsewhere(read.step.job.write) for read in work.to_come)
            scopes = (*work.scopes(plans=self._plans), *more)
            connection = invocation.connect(scopes, stack, optional=(DUPLICATE_CHECK,) if held else ())
        else:
            invocation.closes(connection, stack)
        reads = FirstReads(connection.crm, invocation.stop, invocation.hub.deliver)
        stack.callback(reads.close)
        begin_reads(reads, work.to_come, plans=self._plans)
        org = reads.org()
        if self._seat is not None:
            check_same_org(org, self._seat.org)
        else:
            tell_of_portal(org, invocation.credentials, heard)
            check_clock(connection.clock.skew(), heard)
        if record is not None:
            refuse_another_org(record, org)

        def check(read: ReadStep) -> RecordWork:
            invocation.stop.check()
            return check_record_job(read, reads, self._trigger, invocation.hub.emit, plans=self._plans)

        return Opened(connection, org, reads, for_each(work.to_come, check), heard.warnings)

    # -- refuse -----------------------------------------------------------------------------------

    def refuse_repetition(self, work: Undertaking, opened: Opened, *, again: bool) -> None:
        """Raise RunError if this work is under way or done already, or if its file says that it was
        written. `again`: a person wants it anyway.
        """
        if self._invocation.practice or self._seat is not None:
            return
        if work.is_flow or not work.steps:
            self._refuse_repetition(self._job, None, work.source, opened, again=again)
        for each in opened.works:
            self.refuse_step_again(each, opened, again=again)

    def refuse_step_again(self, work: RecordWork, opened: Opened, *, again: bool) -> None:
        """`refuse_repetition`, for one step."""
        if not again:
            refuse_fed_again(work.read.step.source, work.target)
        source = work.read.fingerprint.to_json()
        if isinstance(work.read.step.source, Sql):
            source["former_sha256"] = work.read.step.source.former_sha256
        self._refuse_repetition(work.read.step.job, work.target.to_json(), source, opened, again=again)

    def _refuse_repetition(
        self,
        job: Job,
        write: Mapping[str, Any] | None,
        source: Mapping[str, Any] | None,
        opened: Opened,
        *,
        again: bool,
    ) -> None:
        refuse_repetition(
            self._invocation.settings.state_dir,
            job_name(type(job)),
            encode_options(job),
            write,
            source,
            opened.identity,
            once=type(job).once,
            again=again,
        )

    def refuse_changed_write(self, work: Undertaking, opened: Opened, record: RunRecord) -> None:
        """Raise UsageError unless a resumed run writes as it did."""
        write = opened.write(work)
        if record.write != write:
            raise UsageError(
                f"the job has changed since the run began: it wrote {record.write}, now {write}",
                hint="Put the job back as it was, or begin a new run.",
                code="JOB_CHANGED",
            )

    # -- ask --------------------------------------------------------------------------------------

    def ask(self, work: Undertaking, opened: Opened, *, yes: bool) -> None:
        """Say what to know before the first write, and ask a person to agree. Raises UsageError unless one
        agrees. `yes`: the person has agreed.
        """
        if self._seat is not None:
            return
        for each in opened.works:
            tell_unsettled(each.target, self._invocation.hub.emit, each.place)
        if not self._invocation.practice:
            confirm = self._invocation.confirm
            facts = self.facts(work, org_json(opened.org), opened.write(work))
            agree = None if confirm is None else lambda: confirm(facts)
            ask(opened.org, yes=yes, agree=agree)

    def facts(
        self, work: Undertaking, org: Mapping[str, Any], write: Mapping[str, Any] | None
    ) -> BannerFacts:
        """What a person is asked to agree to. `org` and `write`: as `run.json` has them."""
        return BannerFacts(
            job=work.name if self._seat is None else self._seat.title,
            code=work.code,
            org=f"{org['name']} ({org['zgid']})",
            environment=org["type"],
            place=self._invocation.credentials.place,
            practice=self._invocation.practice,
            module=(write or {}).get("module"),
            operation=(write or {}).get("operation"),
            rows=work.rows,
            steps=[read.step.facts(read.fingerprint.rows) for read in work.steps] if work.is_flow else (),
            reads=variables_read(read.step.source for read in work.steps),
        )


def is_finished(place: RunFolder) -> bool:
    """Whether a step of a flow has finished. Raises JournalDamaged if the step can't be read."""
    return place.begun and place.read().state == "finished"


def _as_left(read: ReadStep, folder: RunFolder) -> ReadStep:
    """The step with the source of its run: the copy of a database's rows, if it is whole."""
    step = read.step
    place = folder.step(step.name) if step.name else folder
    return ReadStep(replace(step, source=source_in(place, step.job)), read.fingerprint)


def _counted(read: ReadStep) -> ReadStep:
    """A copy knows how many rows the database had when they were read."""
    source = read.step.source
    return ReadStep(read.step, source.scan()) if isinstance(source, CopiedRows) else read


def _check_source(read: ReadStep) -> None:
    read.step.source.check(read.fingerprint)
    refuse_lacking(read.step.job, read.step.source)
