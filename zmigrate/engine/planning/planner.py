"""How a plan is made: read the source, get a token, check the org, and have the job's rows judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from zmigrate.engine import preflight
from zmigrate.engine.admission import refuse_lacking
from zmigrate.engine.environment import tell_of_variables, variables_read
from zmigrate.engine.fed_again import refuse_fed_again
from zmigrate.engine.folder import org_json
from zmigrate.engine.idmap import IdMap
from zmigrate.engine.invocation import Invocation
from zmigrate.engine.job_code import origin, shown_origin
from zmigrate.engine.ledger import identity
from zmigrate.engine.planning.known import LazyIds, PlannedKeys
from zmigrate.engine.planning.plan import Plan, PlanWarning
from zmigrate.engine.planning.price import RoundTrips
from zmigrate.engine.planning.record_plan import RecordPlanner, Wish, asked_how
from zmigrate.engine.planning.remarks import Findings, remarks
from zmigrate.engine.repetition import refuse_repetition
from zmigrate.engine.resolve import IdLookup
from zmigrate.engine.target import Target
from zmigrate.errors import RunError, UsageError
from zmigrate.events import Event, Log
from zmigrate.job import Job, RecordJob, encode_options, fills_of, job_name, source_of
from zmigrate.rows.cell_texts import CellTexts
from zmigrate.rows.sources import Fingerprint, Source
from zmigrate.steady import steady_time
from zmigrate.zoho.connection import Connection
from zmigrate.zoho.facts.scopes import COQL, LAYOUTS, MODULES, USERS
from zmigrate.zoho.metadata import Org

REASONS_SHOWN = 20


class Planner:
    """Plans one record job once. Nothing that it sends writes."""

    def __init__(
        self,
        job: Job,
        invocation: Invocation,
        wish: Wish,
        *,
        now: Callable[[], float] = steady_time,
    ) -> None:
        if not isinstance(job, RecordJob):
            raise UsageError(
                f"{job_name(type(job))} does its work by hand, so nothing can be said of it beforehand",
                hint="Jobs with `source` and `write` can be planned.",
                code="NO_PLAN",
            )
        self._job = job
        self._name = job_name(type(job))
        self._invocation = invocation
        self._wish = wish
        self._now = now
        self._began = now()
        self._told: list[PlanWarning] = []

    def plan(self) -> Plan:
        """Raises what is wrong before rows are looked at, as a run does; the rest is in the plan."""
        source = source_of(self._job)
        tell_of_variables([source], self._invocation.hub.emit)
        fills_of(self._job)
        fingerprint = source.scan()
        trips = RoundTrips()
        for listener in (trips, self.take_warning):
            self._invocation.hub.add(listener)
        with ExitStack() as stack:
            connection = self._connected(source, stack)
            org = connection.crm.org()
            preflight.tell_of_portal(org, self._invocation.credentials, self._invocation.hub.emit)
            preflight.check_clock(connection.clock.skew(), self._invocation.hub.emit)
            ids = LazyIds(lambda: open_ids(self._invocation, org))
            stack.callback(ids.close)
            return self.plan_on(connection, org, source, fingerprint, trips, known=[ids])

    def plan_on(
        self,
        connection: Connection,
        org: Org,
        source: Source,
        fingerprint: Fingerprint,
        trips: RoundTrips,
        *,
        known: Sequence[IdLookup],
        planned: PlannedKeys | None = None,
    ) -> Plan:
        """Plan on a connection that is open. `known`: what earlier runs, and the files before this one,
        wrote; `planned` takes the keys of this one's rows.
        """
        planner = RecordPlanner(
            self._job,
            source,
            fingerprint,
            connection,
            org,
            self._invocation.hub,
            self._invocation.stop,
            self._wish,
            known=known,
            planned=planned,
        )
        found = planner.work(lambda: trips.median_s)
        self._warn_of_repetition(source, found.target, fingerprint, org)
        return self._as_plan(planner, found, connection, org)

    def _connected(self, source: Source, stack: ExitStack) -> Connection:
        """A connection with the job's scopes, and those to read whatever rows may point at."""
        refuse_lacking(self._job, source)
        checks = preflight.scopes_of_checks(self._job.write)
        return self._invocation.connect((*self._job.scopes, *checks, LAYOUTS, USERS, MODULES, COQL), stack)

    def take_warning(self, event: Event) -> None:
        """What the checks warn of belongs to the plan."""
        if isinstance(event, Log) and event.level == "warning":
            self._told.append(PlanWarning("CHECK", event.message))

    def _warn_of_repetition(self, source: Source, target: Target, fingerprint: Fingerprint, org: Org) -> None:
        """A run would be refused if the same work is under way or done."""
        if self._invocation.practice:
            return
        try:
            refuse_fed_again(source, target)
            refuse_repetition(
                self._invocation.settings.state_dir,
                self._name,
                encode_options(self._job),
                target.to_json(),
                fingerprint.to_json(),
                identity(org_json(org)),
                once=type(self._job).once,
                again=False,
            )
        except RunError as error:
            hint = f" {error.hint}" if error.hint else ""
            self._told.append(PlanWarning("RUN_BEFORE", f"a run would be refused: {error.message}.{hint}"))

    def _as_plan(self, planner: RecordPlanner, found: Findings, connection: Connection, org: Org) -> Plan:
        target, counts = found.target, found.counts
        return Plan(
            job=self._name,
            code=shown_origin(origin(type(self._job))),
            org={"id": org.id, "name": org.name, "sandbox": org.sandbox},
            environment=org.type or "production",
            profile=self._invocation.credentials.place,
            api_domain=connection.api_domain,
            module=target.module,
            operation=target.operation,
            key=target.key,
            counts=counts,
            skips=found.reader.skips.most_common(REASONS_SHOWN),
            warnings=[*self._told, *remarks(found)],
            users=planner.users(),
            asked=asked_how(found.questions, counts.rows),
            repeatable=target.recovery != "report",
            price=found.price,
            limited=found.reader.limited,
            elapsed_s=self._now() - self._began,
            book=found.book,
            source=planner.source,
            variables=variables_read([planner.source]),
            texts=CellTexts(self._job.formats, fills_of(self._job), found.fields),
        )


def open_ids(invocation: Invocation, org: Org) -> IdMap:
    """The id map of an org; in practice one that goes with it."""
    state_dir, emit = invocation.settings.state_dir, invocation.hub.emit
    return IdMap.open(state_dir, identity(org_json(org)), lasting=not invocation.practice, emit=emit)
