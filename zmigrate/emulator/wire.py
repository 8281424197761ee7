"""The wire: reads a request, lets it be answered, delivers the answer late, broken or not at all.

The ASGI interface has no way to break a connection, so the protocol hands its transport over in the scope.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import traceback
from dataclasses import replace
from urllib.parse import parse_qsl

import orjson
from starlette.types import Receive, Scope, Send

from .answers import Answer, Refused, dead_token, json_answer, named
from .audit import Audit
from .empty_answers import emptied
from .faults import Fault
from .ids import with_numbers
from .protocol import TRANSPORT
from .request import Request, check_json, check_length, too_long
from .routes import PlannedCall, plan, refusing
from .row_errors import with_row_errors
from .world import World

BODY_LIMIT_BYTES = 32 * 1024 * 1024
"""More than a hundred records with the longest texts of Zoho make."""
GARBAGE = b'<html><head><title>502</title></head><body>upstream {"data":['
SLOW_PIECES = 20
NO_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class Exchange:
    """One request and its answer, on one connection."""

    def __init__(
        self, world: World, closing: asyncio.Event, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._world = world
        self._closing = closing
        self._scope = scope
        self._receive = receive
        self._send = send
        self._came_at = asyncio.get_running_loop().time()

    async def read(self, limit_bytes: int = BODY_LIMIT_BYTES, *, json: bool = True) -> Request | None:
        """The whole request; None when the client is gone before it was complete, or was refused for the
        form or the size of its body. `json`: bodies that are no JSON are refused.
        """
        request = Request(
            self._scope["method"],
            self._scope["path"],
            dict(parse_qsl(self._scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            dict(self._scope["headers"]),
            b"",
        )
        try:
            check_length(request, limit_bytes)
            body = await self._body(limit_bytes)
            if body is not None and json:
                check_json(request, body)
        except Refused as refused:
            await self.deliver(refused.answer())
            return None
        return None if body is None else replace(request, body=body)

    async def _body(self, limit_bytes: int) -> bytes | None:
        """The whole body; None when the client is gone. Raises Refused as soon as it is too long."""
        pieces, size = [], 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return None
            piece = message.get("body", b"")
            pieces.append(piece)
            size += len(piece)
            if size > limit_bytes:
                raise too_long(limit_bytes)
            if not message.get("more_body"):
                return b"".join(pieces)

    async def pause(self, seconds: float) -> None:
        """Waits, but not beyond the server's end."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), seconds)

    async def hold_until(self, after_s: float) -> None:
        """Waits until `after_s` after the request came."""
        await self.pause(self._came_at + after_s - asyncio.get_running_loop().time())

    async def deliver(self, answer: Answer, over_s: float = 0.0) -> None:
        """Sends the answer, in pieces over `over_s` seconds if that is more than 0."""
        bare = answer.status in (204, 304)
        body = b"" if bare else answer.body or b""
        headers = [(b"date", self._world.clock.http_date()), *answer.headers]
        if answer.body is not None:
            headers.append((b"content-type", answer.content_type))
        if not bare:
            headers.append((b"content-length", str(len(body)).encode()))
        await self._send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if over_s > 0:
            size = max(1, len(body) // SLOW_PIECES)
            for start in range(0, len(body), size):
                await self.pause(over_s / SLOW_PIECES)
                piece = body[start : start + size]
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            body = b""
        await self._send({"type": "http.response.body", "body": body})

    async def break_off(self, *, reset: bool) -> None:
        """Ends the connection without an answer: with a reset, or with a plain end of the stream."""
        transport: asyncio.Transport = self._scope["extensions"][TRANSPORT]
        if reset:
            raw: socket.socket = transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        transport.abort()
        await self.client_gone()

    async def client_gone(self) -> None:
        """Waits until the connection has ended, from whichever side."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def hang(self) -> None:
        """Never answers: waits until the client gives up, or the server ends."""
        gone = asyncio.ensure_future(self.client_gone())
        closing = asyncio.ensure_future(self._closing.wait())
        await asyncio.wait({gone, closing}, return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        if not gone.done():
            await self.break_off(reset=False)
        await gone


class Crm:
    """The ASGI application for everything under `/crm`."""

    def __init__(self, world: World, closing: asyncio.Event) -> None:
        self._world = world
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(self._world, self._closing, scope, receive, send)
        request = await exchange.read()
        if request is None:
            return
        world = self._world
        planned = self._planned(request)
        world.audit.requests[planned.label] += 1
        if planned.write is not None:
            world.audit.write_begins(planned.write)
        status: int | str = "broken"
        admitted = world.concurrency.enter(planned.heavy, world.options)
        try:
            status = await self._answered(exchange, request, planned, admitted)
        finally:
            world.concurrency.leave(planned.heavy)
            if planned.write is not None:
                world.audit.write_ends(planned.write, status)

    def _planned(self, request: Request) -> PlannedCall:
        try:
            return plan(self._world, request)
        except Exception:  # our own fault: told in the books, so that a test can see it
            self._world.audit.broken.append(traceback.format_exc())
            return refusing("broken", named("INTERNAL_ERROR", status=500))

    async def _answered(
        self, exchange: Exchange, request: Request, planned: PlannedCall, admitted: bool
    ) -> int | str:
        """Answers, or does not; returns the status or a word for what became of the answer."""
        world = self._world
        options = world.options
        if not admitted:
            answer = too_many(world)
            await exchange.deliver(answer)
            return answer.status
        fault = world.faults.scripted(request.method, request.path, request.body)
        if fault is None:
            fault = world.faults.random(options, is_write=planned.write is not None)
        latency_s = options.latency_ms / 1000
        if fault is not None and not fault.applies:
            return await self._not_applied(exchange, request, planned, fault, latency_s)
        answer = self._run(request, planned, fault)
        if fault is None:
            await exchange.hold_until(latency_s)
            await exchange.deliver(answer)
            return answer.status
        return await self._applied(exchange, request, answer, fault, latency_s)

    async def _not_applied(
        self, exchange: Exchange, request: Request, planned: PlannedCall, fault: Fault, latency_s: float
    ) -> int | str:
        """Faults that come before anything is done, or (late) without being answered."""
        options = self._world.options
        if fault.kind == "late":
            refusal = self._admission(request, planned)
            if refusal is not None:
                await exchange.deliver(refusal)
                return refusal.status
            delay_s = options.late_s if fault.delay_s is None else fault.delay_s
            asyncio.get_running_loop().call_later(delay_s, self._run_late, planned, self._world.audit)
            if (fault.mode or options.late_mode) == "hang":
                await exchange.hang()
            else:
                await exchange.hold_until(latency_s)
                await exchange.break_off(reset=False)
            return "late"
        if fault.kind == "hang":
            await exchange.hang()
            return "hung"
        await exchange.hold_until(latency_s)
        if fault.kind == "reset":
            await exchange.break_off(reset=True)
            return "reset"
        answer = fault_answer(self._world, fault)
        await exchange.hold_until(latency_s + (fault.delay_s or 0.0))
        await exchange.deliver(answer)
        return answer.status

    async def _applied(
        self, exchange: Exchange, request: Request, answer: Answer, fault: Fault, latency_s: float
    ) -> int | str:
        """Faults that come after the call was carried out."""
        options = self._world.options
        await exchange.hold_until(latency_s + (fault.delay_s or 0.0 if fault.kind == "delay" else 0.0))
        match fault.kind:
            case "lost_answer":
                await exchange.break_off(reset=False)
                return "lost"
            case "slow_body":
                await exchange.deliver(
                    answer, options.slow_body_s if fault.delay_s is None else fault.delay_s
                )
                return answer.status
            case "garbage":
                answer = Answer(answer.status if answer.body else 200, GARBAGE)
            case "short_data":
                answer = shortened(answer)
            case "empty_200":
                answer = emptied(answer, request.path, fault.shape)
            case kind if kind.endswith("_after"):
                answer = fault_answer(self._world, fault)
        await exchange.deliver(answer)
        return answer.status

    def _run(self, request: Request, planned: PlannedCall, fault: Fault | None) -> Answer:
        """Carries out the call, if the token and the credits allow it."""
        refusal = self._admission(request, planned)
        if refusal is not None:
            return refusal
        if fault is not None and fault.kind == "row_error":
            return with_row_errors(planned.rows, fault, lambda: self._carried_out(planned))
        return self._carried_out(planned)

    def _run_late(self, planned: PlannedCall, audit: Audit) -> None:
        """Carries out a call that came some time ago, unless everything was emptied since."""
        if self._world.audit is audit:
            self._carried_out(planned)

    def _admission(self, request: Request, planned: PlannedCall) -> Answer | None:
        """Checks token and scopes and takes the credits; returns the refusal, if it is one."""
        world = self._world
        try:
            self._authorize(request, planned)
        except Refused as refused:
            return refused.answer()
        if world.credits.remaining(world.options) < planned.credits:
            return too_many(world)
        world.credits.spend(planned.credits)
        return None

    def _carried_out(self, planned: PlannedCall) -> Answer:
        world = self._world
        try:
            answer = planned.run()
        except Refused as refused:
            answer = refused.answer()
        except Exception:  # our own fault: told in the books, so that a test can see it
            world.audit.broken.append(traceback.format_exc())
            answer = fault_answer(world, Fault(kind="500"))
        if world.options.ids_as == "number" and answer.body:
            answer = replace(answer, body=orjson.dumps(with_numbers(orjson.loads(answer.body))))
        return replace(answer, headers=(*answer.headers, *world.credits.headers(world.options)))

    def _authorize(self, request: Request, planned: PlannedCall) -> None:
        header = request.header(b"authorization") or ""
        scheme, _, value = header.partition(" ")
        if not value:
            raise dead_token("AUTHENTICATION_FAILURE")
        accepted = scheme == "Zoho-oauthtoken" or (scheme == "Bearer" and self._world.options.accept_bearer)
        accepted = accepted and not self._world.options.refuse_tokens
        token = self._world.accounts.find(value) if accepted else None
        if token is None:
            raise dead_token(self._world.options.dead_token_code)
        for scope in planned.scopes:
            if not self._world.accounts.may(token, scope):
                raise Refused("OAUTH_SCOPE_MISMATCH", "Unauthorized", status=401)


def too_many(world: World) -> Answer:
    """429, for calls in flight and for credits alike: Zoho does not say which."""
    text = "too many requests. please try again after some time"
    answer = Refused("TOO_MANY_REQUESTS", text, status=429).answer()
    extra = world.credits.headers(world.options)
    seconds = world.options.retry_after_s
    if seconds is not None:
        extra = (*extra, (b"retry-after", str(seconds).encode()))
    return Answer(429, answer.body, extra)


def fault_answer(world: World, fault: Fault) -> Answer:
    """The answer that a fault names by its status or its code, or gives in full."""
    status = fault.status or (int(fault.kind[:3]) if fault.kind[0].isdigit() else 200)
    extra = tuple((name.lower().encode(), str(value).encode()) for name, value in fault.headers.items())
    if fault.body is not None:
        text = fault.body
        return Answer(status, text.encode() if isinstance(text, str) else orjson.dumps(text), extra)
    if fault.code is not None:
        wrapped = fault.kind == "wrapped"
        refused = named(fault.code, fault.message, fault.details, status, wrapped=wrapped)
        return replace(refused.answer(), headers=extra)
    match status:
        case 401:
            answer = dead_token(world.options.dead_token_code).answer()
        case 429:
            answer = too_many(world)
        case 500:
            answer = named("INTERNAL_ERROR", status=500).answer()
        case _:
            body = b"<html><head><title>%d</title></head><body></body></html>" % status
            answer = Answer(status, body, content_type=b"text/html")
    return Answer(answer.status, answer.body, (*answer.headers, *extra), answer.content_type)


def shortened(answer: Answer) -> Answer:
    """The answer with one element less in `data[]`."""
    value = orjson.loads(answer.body or b"null")
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value["data"].pop()
    return json_answer(value, answer.status, answer.headers)
