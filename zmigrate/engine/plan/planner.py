"""How a plan is made: of a record job, or of a flow, where each step knows the keys of those before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

from zmigrate.engine.model.run_options import PlanOptions
from zmigrate.engine.plan.dry_run import DryRun, DryRunner, OrgOfPlan
from zmigrate.engine.plan.org_model import OrgModel
from zmigrate.engine.plan.plan import FlowPlan, Plan, PlanWarning, StepPlan, UserMapped
from zmigrate.engine.plan.price import Price, RoundTrips
from zmigrate.engine.plan.questions import OrgQuestions
from zmigrate.engine.plan.warnings import credits_short, warnings_of
from zmigrate.engine.preflight.environment import variables_read
from zmigrate.engine.preflight.invocation import Invocation
from zmigrate.engine.preflight.record_work import Heard, RecordWork
from zmigrate.engine.preflight.steps import for_each
from zmigrate.engine.runner.beginning import Beginning, Opened, Undertaking
from zmigrate.engine.storage.id_map import IdMap
from zmigrate.engine.storage.inputs import origin, shown_origin
from zmigrate.errors import RunError, UsageError
from zmigrate.job.job import Flow, Job, RecordJob, job_name
from zmigrate.reasons import told
from zmigrate.wording import counted
from zmigrate.zoho.connection import Connection

REASONS_SHOWN = 20
USERS_SHOWN = 1_000


class Planner:
    """Plans a job, a flow step by step, with one token. Nothing that it sends writes."""

    def __init__(self, job: Job, invocation: Invocation, options: PlanOptions) -> None:
        if not isinstance(job, RecordJob | Flow):
            raise UsageError(
                f"{job_name(type(job))} is a hand-written job, which can't be planned",
                hint="Jobs with `source` and `write` can be planned.",
                code="NO_PLAN",
            )
        self._invocation = invocation
        self._options = options
        self._began = invocation.now()
        self._beginning = Beginning(job, invocation, trigger=options.trigger or (), plans=True)
        self._trips = RoundTrips()

    def plan(self) -> Plan | FlowPlan:
        """Raises what a run raises before it looks at rows; the rest is in the plan."""
        work = self._beginning.read()
        self._invocation.hub.add(self._trips)
        with ExitStack() as stack:
            opened = self._beginning.open(work, stack)
            ids = _SharedIds(self._invocation, opened.identity)
            stack.callback(ids.close)
            org = OrgOfPlan(OrgModel(), lambda: ids.opened)
            if not work.is_flow:
                return self._plan_job(opened.works[0], opened, self._options, opened.warnings, org)
            told = [PlanWarning("CHECK", warning) for warning in opened.warnings]
            unfinished = stack.enter_context(ExitStack())
            plans: list[StepPlan] = []
            options = self._options
            for each in opened.works:
                if options.limit == 0:
                    rest = f"{each.place} and the steps after it were not looked at: --limit"
                    told.append(PlanWarning("LIMIT", rest))
                    break
                last = each is opened.works[-1]
                judged = partial(self._plan_step, opened=opened, options=options, org=org, last=last)
                (plan,) = for_each([each], judged)
                if options.limit is not None:
                    options = replace(options, limit=options.limit - plan.plan.counts.rows)
                unfinished.callback(plan.plan.close)
                plans.append(plan)
            unfinished.pop_all()
            return self._flow_plan(work, plans, told, opened)

    # -- a record job -----------------------------------------------------------------------------

    def _plan_step(
        self, work: RecordWork, opened: Opened, options: PlanOptions, org: OrgOfPlan, *, last: bool
    ) -> StepPlan:
        plan = self._plan_job(work, opened, options, (), org, hands_on=not last)
        return StepPlan(work.read.step.facts(work.read.fingerprint.rows), plan)

    def _plan_job(
        self,
        work: RecordWork,
        opened: Opened,
        options: PlanOptions,
        warnings: Sequence[str],
        org: OrgOfPlan,
        *,
        hands_on: bool = False,
    ) -> Plan:
        began = self._invocation.now()
        heard = Heard()
        self._invocation.hub.add(heard)
        try:
            runner = DryRunner(work, opened, self._invocation, options, org, hands_on=hands_on)
            found = runner.run(lambda: self._trips.median_s)
        finally:
            self._invocation.hub.remove(heard)
        told = [
            *(PlanWarning("CHECK", each) for each in (*warnings, *work.warnings, *heard.warnings)),
            *self._repetition(work, opened),
        ]
        return self._as_plan(work, found, told, began)

    def _repetition(self, work: RecordWork, opened: Opened) -> Iterator[PlanWarning]:
        """A run would be refused if the same work is under way or done, and perhaps even with `--again`."""
        if self._invocation.practice:
            return
        try:
            self._beginning.refuse_step_again(work, opened, again=self._options.again)
        except RunError as error:
            hint = f" {error.hint}" if error.hint else ""
            yield PlanWarning("RUN_BEFORE", f"a run would be refused: {error.message}.{hint}")

    def _as_plan(self, work: RecordWork, found: DryRun, told: Sequence[PlanWarning], began: float) -> Plan:
        target, counts, step = found.target, found.counts, work.read.step
        return Plan(
            **self._head(step.job, found.opened),
            module=target.module,
            operation=target.operation,
            key=target.key,
            counts=counts,
            skips=found.parts.notes.skips.most_common(REASONS_SHOWN),
            warnings=[*told, *warnings_of(found, self._options)],
            users=_users(found.work),
            asked=asked_how(found.parts.questions, counts.rows),
            repeatable=target.recovery != "report",
            price=found.price,
            limited=found.limited,
            elapsed_s=self._invocation.now() - began,
            book=found.book,
            source=step.source,
            files=found.files,
            variables=variables_read([step.source]),
        )

    def _head(self, job: Job, opened: Opened) -> dict[str, Any]:
        """What a plan says about the job and the org."""
        org = opened.org
        return {
            "job": job_name(type(job)),
            "code": shown_origin(origin(type(job))),
            "org": {"id": org.id, "name": org.name, "sandbox": org.sandbox},
            "environment": org.type or "production",
            "profile": self._invocation.credentials.place,
            "api_domain": opened.connection.api_domain,
        }

    # -- a flow -----------------------------------------------------------------------------------

    def _flow_plan(
        self, work: Undertaking, steps: Sequence[StepPlan], told: Sequence[PlanWarning], opened: Opened
    ) -> FlowPlan:
        price = self._price([step.plan.price for step in steps], opened.connection)
        return FlowPlan(
            **self._head(work.job, opened),
            steps=steps,
            warnings=[*told, *self._warnings(len(steps), price)],
            price=price,
            elapsed_s=self._invocation.now() - self._began,
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
        """A run takes one token for each step."""
        tokens, window_s = self._invocation.settings.token_limit
        return (steps - 1) // tokens * window_s

    def _warnings(self, steps: int, price: Price) -> list[PlanWarning]:
        told = []
        wait_s = self._token_wait_s(steps)
        if wait_s:
            tokens, window_s = self._invocation.settings.token_limit
            told.append(
                PlanWarning(
                    "TOKENS",
                    f"a run takes {steps} tokens; a client gets {tokens} in {window_s / 60:g} minutes: "
                    f"it waits up to {wait_s / 60:g} minutes for them",
                )
            )
        return [*told, *credits_short(price, wait=self._options.wait)]


class _SharedIds:
    """The keys of earlier runs, and of earlier steps: opened when the first one is looked up."""

    def __init__(self, invocation: Invocation, org: tuple[str, str]) -> None:
        self._invocation = invocation
        self._org = org

    @cached_property
    def opened(self) -> IdMap:
        invocation = self._invocation
        return IdMap.copied(
            invocation.settings.state_dir,
            self._org,
            lasting=not invocation.practice,
            emit=invocation.hub.emit,
        )

    def close(self) -> None:
        if "opened" in self.__dict__:
            self.opened.close()


def _users(work: RecordWork) -> list[UserMapped]:
    """The org's users that the source's texts mean, the most frequent first."""
    directory = work.users
    mapped = []
    for text, rows in directory.used.most_common(USERS_SHOWN):
        user = directory.found.get(text)
        if user is not None:
            mapped.append(UserMapped(text, rows, str(user)))
    problems = ((text, told(why)) for text, why in list(directory.missing.items())[:USERS_SHOWN])
    mapped += [UserMapped(text, directory.used.get(text, 0), None, why) for text, why in problems]
    return mapped


def asked_how(questions: OrgQuestions, rows: int) -> str:
    """How the org was asked, in words."""
    if questions.empty:
        return "the module is empty"
    if not questions.asked_rows:
        return (
            "the org was not asked for the rows' records" if questions.looks else "there is no key to ask for"
        )
    return f"the org was asked for {counted(min(questions.asked_rows, rows), 'row')}"
