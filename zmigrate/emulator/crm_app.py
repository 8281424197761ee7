"""Zoho CRM: answers every request under `/crm`, with the faults that were asked for."""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import replace

import orjson

from . import permissions
from .answers import Answer, Refused, documented
from .audit import Audit
from .exchange import Exchange
from .fault_answers import GARBAGE, emptied, fault_answer, shortened, too_many_requests, with_row_errors
from .faults import Fault
from .ids import with_numbers
from .request import Request
from .routes import PlannedCall, plan
from .world import World


class CrmApp:
    """Everything under `/crm`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, exchange: Exchange, request: Request) -> None:
        world = self._world
        call = plan(world, request)
        world.audit.requests[call.label] += 1
        if call.write is not None:
            world.audit.write_begins(call.write)
        status: int | str = "broken"
        admitted = world.concurrency.enter(call.heavy, world.options)
        try:
            if admitted:
                status = await self._answered(exchange, request, call)
            else:
                status = await exchange.deliver(too_many_requests(world))
        finally:
            world.concurrency.leave(call.heavy)
            if call.write is not None:
                world.audit.write_ends(call.write, status)

    async def _answered(self, exchange: Exchange, request: Request, call: PlannedCall) -> int | str:
        """Answers, or does not. Returns the status, or a word for the answer's fate."""
        world = self._world
        fault = world.faults.scripted(request.method, request.path, request.body)
        if fault is None:
            fault = world.faults.random(world.options, is_write=call.write is not None)
        if fault is None:
            answer = self._run(request, call)
            await self._latency(exchange)
            return await exchange.deliver(answer)
        if fault.applies:
            return await self._applied(exchange, request, call, fault)
        return await self._not_applied(exchange, request, call, fault)

    async def _latency(self, exchange: Exchange, more_s: float = 0.0) -> None:
        await exchange.wait_since_request(self._world.options.latency_ms / 1000 + more_s)

    async def _not_applied(
        self, exchange: Exchange, request: Request, call: PlannedCall, fault: Fault
    ) -> int | str:
        """Faults of which the call is not carried out, or only later and without an answer."""
        options = self._world.options
        if fault.kind == "late":
            refusal = self._admission(request, call)
            if refusal is not None:
                return await exchange.deliver(refusal)
            delay_s = options.late_s if fault.delay_s is None else fault.delay_s
            asyncio.get_running_loop().call_later(delay_s, self._run_late, call, self._world.audit)
            if (fault.mode or options.late_mode) == "hang":
                await exchange.hang()
            else:
                await self._latency(exchange)
                await exchange.break_off(reset=False)
            return "late"
        if fault.kind == "hang":
            await exchange.hang()
            return "hung"
        await self._latency(exchange)
        if fault.kind == "reset":
            await exchange.break_off(reset=True)
            return "reset"
        answer = fault_answer(self._world, fault)
        await self._latency(exchange, fault.delay_s or 0.0)
        return await exchange.deliver(answer)

    async def _applied(
        self, exchange: Exchange, request: Request, call: PlannedCall, fault: Fault
    ) -> int | str:
        """Faults of which the call is carried out first."""
        answer, over_s = self._run(request, call, fault), 0.0
        await self._latency(exchange, fault.delay_s or 0.0 if fault.kind == "delay" else 0.0)
        match fault.kind:
            case "lost_answer":
                await exchange.break_off(reset=False)
                return "lost"
            case "slow_body":
                over_s = self._world.options.slow_body_s if fault.delay_s is None else fault.delay_s
            case "garbage":
                answer = Answer(answer.status if answer.body else 200, GARBAGE)
            case "short_data":
                answer = shortened(answer)
            case "empty_200":
                answer = emptied(answer, request.path, fault.shape)
            case kind if kind.endswith("_after"):
                answer = fault_answer(self._world, fault)
        return await exchange.deliver(answer, over_s)

    def _run(self, request: Request, call: PlannedCall, fault: Fault | None = None) -> Answer:
        """Carries out the call, if the token and the credits allow it."""
        refusal = self._admission(request, call)
        if refusal is not None:
            return refusal
        if fault is not None and fault.kind == "row_error":
            return with_row_errors(call.rows, fault, lambda: self._carried_out(call))
        return self._carried_out(call)

    def _run_late(self, call: PlannedCall, audit: Audit) -> None:
        """Carries out an older call, unless the emulator was reset since."""
        if self._world.audit is audit:
            self._carried_out(call)

    def _admission(self, request: Request, call: PlannedCall) -> Answer | None:
        """Checks token, scopes and permissions and spends the credits. Returns the refusal, or None."""
        world = self._world
        try:
            self._authorize(request, call)
        except Refused as refused:
            return refused.answer()
        if world.credits.remaining(world.options) < call.credits:
            return too_many_requests(world)
        refusal = permissions.refusal(world, call.permissions, call.write.rows if call.write else 0)
        if refusal is not None:
            return refusal
        world.credits.spend(call.credits)
        return None

    def _carried_out(self, call: PlannedCall) -> Answer:
        world = self._world
        try:
            answer = call.run()
        except Refused as refused:
            answer = refused.answer()
        except Exception:  # an error of the emulator: the audit shows it to the tests
            world.audit.broken.append(traceback.format_exc())
            answer = documented("INTERNAL_ERROR", status=500).answer()
        if world.options.ids_as == "number" and answer.body:
            answer = replace(answer, body=orjson.dumps(with_numbers(orjson.loads(answer.body))))
        return replace(answer, headers=(*answer.headers, *world.credits.headers(world.options)))

    def _authorize(self, request: Request, call: PlannedCall) -> None:
        accounts, options = self._world.accounts, self._world.options
        scheme, _, value = (request.header(b"authorization") or "").partition(" ")
        if not value:
            raise documented("AUTHENTICATION_FAILURE", status=401)
        accepted = scheme == "Zoho-oauthtoken" or (scheme == "Bearer" and options.accept_bearer)
        token = accounts.find(value) if accepted and not options.refuse_tokens else None
        if token is None:
            raise documented(options.dead_token_code, status=401)
        if not all(accounts.may(token, scope) for scope in call.scopes):
            raise Refused("OAUTH_SCOPE_MISMATCH", "Unauthorized", status=401)
