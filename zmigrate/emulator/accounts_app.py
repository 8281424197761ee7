"""The ASGI application of Zoho Accounts: what its endpoints read and answer."""

from __future__ import annotations

import asyncio
from email.parser import BytesParser
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from .accounts import HTML
from .answers import Answer
from .empty_answers import emptied
from .request import Request
from .wire import Exchange, fault_answer
from .world import World

FORM_LIMIT_BYTES = 64 * 1024


class AccountsApp:
    """Everything under `/oauth`."""

    def __init__(self, world: World, closing: asyncio.Event) -> None:
        self._world = world
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(self._world, self._closing, scope, receive, send)
        request = await exchange.read(FORM_LIMIT_BYTES, json=False)
        if request is None:
            return
        fault = self._world.faults.scripted(request.method, request.path, request.body)
        if fault is None:
            await exchange.deliver(self._answer(request))
        elif fault.kind == "reset":
            await exchange.break_off(reset=True)
        elif fault.kind == "lost_answer":
            self._answer(request)
            await exchange.break_off(reset=False)
        elif fault.kind == "hang":
            await exchange.hang()
        elif fault.kind == "delay":
            await exchange.hold_until(fault.delay_s or 0.0)
            await exchange.deliver(self._answer(request))
        elif fault.kind == "empty_200":
            await exchange.deliver(emptied(self._answer(request), request.path, fault.shape))
        else:
            self._world.accounts.requests += 1
            await exchange.deliver(fault_answer(self._world, fault))

    def _answer(self, request: Request) -> Answer:
        world = self._world
        match request.method, request.path:
            case "POST", "/oauth/v2/token":
                return world.accounts.mint(form_of(request), world.options, world.url)
            case "POST", "/oauth/v2/token/revoke":
                return world.accounts.revoke(form_of(request).get("token", ""))
        return Answer(404, HTML, content_type=b"text/html;charset=UTF-8")


def form_of(request: Request) -> dict[str, str]:
    """The parameters of query and body; a form may be urlencoded or multipart."""
    kind = request.header(b"content-type") or ""
    if kind.startswith("multipart/form-data"):
        head = f"Content-Type: {kind}\r\n\r\n".encode()
        parts = BytesParser().parsebytes(head + request.body).get_payload()
        return {
            **request.query,
            **{
                str(part.get_param("name", header="content-disposition")): str(part.get_payload()).strip()
                for part in parts
                if not isinstance(part, str)
            },
        }
    return {**request.query, **dict(parse_qsl(request.body.decode("utf-8", "replace")))}
