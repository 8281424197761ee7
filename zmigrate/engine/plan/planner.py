"""How a plan is made: of a record job, or of a flow, where each step knows the keys of those before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.resolver import IdLookup
from zmigrate.engine.plan.plan import FlowPlan, Plan, PlanWarning, StepPlan
from zmigrate.engine.plan.planned_keys import LazyIds, PlannedKeys
from zmigrate.engine.plan.price import Price, RoundTrips
from zmigrate.engine.plan.record_planner import PlanOptions, RecordPlanner, asked_how
from zmigrate.engine.plan.warnings import Findings, remarks
from zmigrate.engine.preflight.admission import refuse_fed_again, refuse_lacking
from zmigrate.engine.preflight.environment import tell_of_variables, variables_read
from zmigrate.engine.preflight.invocation import Invocation
from zmigrate.engine.preflight.org import check_clock, scopes_of_checks, tell_of_portal
from zmigrate.engine.preflight.repetition import refuse_repetition
from zmigrate.engine.preflight.steps import Step, for_each, read_step, steps_in
from zmigrate.engine.storage.folder import org_json
from zmigrate.engine.storage.id_map import IdMap
from zmigrate.engine.storage.inputs import origin, shown_origin
from zmigrate.engine.storage.ledger import identity
from zmigrate.errors import RunError, UsageError
from zmigrate.events import Event, Log
from zmigrate.job.job import Flow, Job, RecordJob, encode_options, fills_of, job_name, source_of
from zmigrate.rows.cell_texts import CellTexts
from zmigrate.rows.sources import Fingerprint, Source
from zmigrate.zoho.clock import steady_time
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
        wish: PlanOptions,
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
            tell_of_portal(org, self._invocation.credentials, self._invocation.hub.emit)
            check_clock(connection.clock.skew(), self._invocation.hub.emit)
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
        return self._as_plan(planner, found, connection, org, source)

    def _connected(self, source: Source, stack: ExitStack) -> Connection:
        """A connection with the job's scopes, and those to read whatever rows may point at."""
        refuse_lacking(self._job, source)
        checks = scopes_of_checks(self._job.write)
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

    def _as_plan(
        self, planner: RecordPlanner, found: Findings, connection: Connection, org: Org, source: Source
    ) -> Plan:
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
            variables=variables_read([source]),
            texts=CellTexts(self._job.formats, fills_of(self._job), found.fields),
        )


def open_ids(invocation: Invocation, org: Org) -> IdMap:
    """The id map of an org; in practice one that goes with it."""
    state_dir, emit = invocation.settings.state_dir, invocation.hub.emit
    return IdMap.open(state_dir, identity(org_json(org)), lasting=not invocation.practice, emit=emit)


class FlowPlanner:
    """Plans a flow once, with one token for all its steps. Nothing that it sends writes."""

    def __init__(
        self,
        flow: Flow,
        invocation: Invocation,
        wish: PlanOptions,
        *,
        now: Callable[[], float] = steady_time,
    ) -> None:
        self._flow = flow
        self._invocation = invocation
        self._wish = wish
        self._now = now
        self._began = now()
        self._told: list[PlanWarning] = []

    def plan(self) -> FlowPlan:
        """Raises what is wrong before rows are looked at, as a run does; the rest is in the plan."""
        steps = steps_in(self._flow)
        tell_of_variables([step.source for step in steps], self._invocation.hub.emit)
        fingerprints = for_each(steps, read_step)
        trips = RoundTrips()
        self._invocation.hub.add(trips)
        with ExitStack() as stack:
            connection = self._connected(steps, stack)
            org = self._check_org(connection)
            ids = LazyIds(lambda: open_ids(self._invocation, org))
            stack.callback(ids.close)
            planned = PlannedKeys()
            stack.callback(planned.close)
            unfinished = stack.enter_context(ExitStack())
            plans: list[StepPlan] = []
            left = self._wish.limit
            for step, fingerprint in zip(steps, fingerprints, strict=True):
                if left == 0:
                    self._told.append(
                        PlanWarning(
                            "LIMIT", f"{step.place} and what comes after it were not looked at: --limit"
                        )
                    )
                    break
                wish = replace(self._wish, limit=left)
                judged = partial(
                    self._plan_step,
                    fingerprint=fingerprint,
                    connection=connection,
                    org=org,
                    trips=trips,
                    ids=ids,
                    planned=planned,
                    wish=wish,
                )
                (plan,) = for_each([step], judged)
                left = None if left is None else left - plan.plan.counts.rows
                unfinished.callback(plan.plan.close)
                plans.append(plan)
            unfinished.pop_all()
            return self._as_plan(plans, connection, org)

    def _connected(self, steps: Sequence[Step], stack: ExitStack) -> Connection:
        """A connection with the scopes of all steps, and those to read whatever rows may point at."""
        own = [scope for step in steps for scope in step.job.scopes]
        checks = [scope for step in steps for scope in scopes_of_checks(step.job.write)]
        return self._invocation.connect((*own, *checks, LAYOUTS, USERS, MODULES, COQL), stack)

    def _check_org(self, connection: Connection) -> Org:
        self._invocation.hub.add(self._take_warning)
        try:
            org = connection.crm.org()
            tell_of_portal(org, self._invocation.credentials, self._invocation.hub.emit)
            check_clock(connection.clock.skew(), self._invocation.hub.emit)
        finally:
            self._invocation.hub.remove(self._take_warning)
        return org

    def _take_warning(self, event: Event) -> None:
        if isinstance(event, Log) and event.level == "warning":
            self._told.append(PlanWarning("CHECK", event.message))

    def _plan_step(
        self,
        step: Step,
        fingerprint: Fingerprint,
        connection: Connection,
        org: Org,
        trips: RoundTrips,
        ids: LazyIds,
        planned: PlannedKeys,
        wish: PlanOptions,
    ) -> StepPlan:
        planner = Planner(
            step.job,
            self._invocation,
            wish,
            now=self._now,
        )
        self._invocation.hub.add(planner.take_warning)
        try:
            plan = planner.plan_on(
                connection, org, step.source, fingerprint, trips, known=[ids, planned], planned=planned
            )
        finally:
            self._invocation.hub.remove(planner.take_warning)
        return StepPlan(step.facts(fingerprint.rows), plan)

    def _as_plan(self, steps: Sequence[StepPlan], connection: Connection, org: Org) -> FlowPlan:
        price = self._price([step.plan.price for step in steps], connection)
        return FlowPlan(
            job=job_name(type(self._flow)),
            code=shown_origin(origin(type(self._flow))),
            org={"id": org.id, "name": org.name, "sandbox": org.sandbox},
            environment=org.type or "production",
            profile=self._invocation.credentials.place,
            api_domain=connection.api_domain,
            steps=steps,
            warnings=[*self._told, *self._warnings(len(steps), price)],
            price=price,
            elapsed_s=self._now() - self._began,
        )

    def _price(self, prices: Sequence[Price], connection: Connection) -> Price:
        """The steps run one after the other, after a look at all of them; with many they wait for tokens."""
        looks = sum(price.fixed for price in prices)
        calls = looks + sum(price.requests for price in prices)
        minutes = sum(price.minutes for price in prices)
        return Price(
            requests=calls,
            credits=looks + sum(price.credits for price in prices),
            fixed=looks,
            credits_left=connection.credits.left(),
            credits_used=connection.credits.used,
            minutes=minutes + self._token_wait_s(len(prices)) / 60,
            in_flight=max(price.in_flight for price in prices),
            seconds_per_call=max(price.seconds_per_call for price in prices),
        )

    def _token_wait_s(self, steps: int) -> float:
        """A run takes a token for its checks and one a step."""
        tokens, window_s = self._invocation.settings.token_limit
        return steps // tokens * window_s

    def _warnings(self, steps: int, price: Price) -> list[PlanWarning]:
        told = []
        wait_s = self._token_wait_s(steps)
        if wait_s:
            tokens, window_s = self._invocation.settings.token_limit
            told.append(
                PlanWarning(
                    "TOKENS",
                    f"a run takes {steps + 1} tokens; a client gets {tokens} in {window_s / 60:g} minutes: "
                    f"it waits up to {wait_s / 60:g} minutes for them",
                )
            )
        if not price.affordable:
            told.append(
                PlanWarning(
                    "CREDITS_SHORT",
                    f"{price.credits:,} credits are needed in all, {price.credits_left:,} are left for these "
                    "24 hours: the run would pause on the way; run with --wait, or resume it",
                )
            )
        return told
