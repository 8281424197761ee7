"""How a plan of a flow is made: step by step, with the keys of the files before each known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from zmigrate.engine import preflight
from zmigrate.engine.environment import tell_of_variables
from zmigrate.engine.flow import read_step
from zmigrate.engine.invocation import Invocation
from zmigrate.engine.job_code import origin, shown_origin
from zmigrate.engine.planning.flow_plan import FlowPlan, StepPlan
from zmigrate.engine.planning.known import LazyIds, PlannedKeys
from zmigrate.engine.planning.plan import PlanWarning
from zmigrate.engine.planning.planner import Planner, open_ids
from zmigrate.engine.planning.price import Price, RoundTrips
from zmigrate.engine.planning.record_plan import Wish
from zmigrate.engine.step import Step, for_each, steps_in
from zmigrate.events import Event, Log
from zmigrate.job import Flow, job_name
from zmigrate.rows.sources import Fingerprint
from zmigrate.steady import steady_time
from zmigrate.zoho.connection import Connection
from zmigrate.zoho.facts.scopes import COQL, LAYOUTS, MODULES, USERS
from zmigrate.zoho.metadata import Org


class FlowPlanner:
    """Plans a flow once, with one token for all its steps. Nothing that it sends writes."""

    def __init__(
        self,
        flow: Flow,
        invocation: Invocation,
        wish: Wish,
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
        checks = [scope for step in steps for scope in preflight.scopes_of_checks(step.job.write)]
        return self._invocation.connect((*own, *checks, LAYOUTS, USERS, MODULES, COQL), stack)

    def _check_org(self, connection: Connection) -> Org:
        self._invocation.hub.add(self._take_warning)
        try:
            org = connection.crm.org()
            preflight.tell_of_portal(org, self._invocation.credentials, self._invocation.hub.emit)
            preflight.check_clock(connection.clock.skew(), self._invocation.hub.emit)
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
        wish: Wish,
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
