"""The ASGI application of Zoho Accounts: what its endpoints read and answer."""

from __future__ import annotations

import asyncio
from email.parser import BytesParser
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from .accounts import HTML
from .answers import Answer
from .asked import Asked
from .empty_answers import emptied
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
        asked = await exchange.request(FORM_LIMIT_BYTES, json=False)
        if asked is None:
            return
        fault = self._world.faults.scripted(asked.method, asked.path, asked.body)
        if fault is None:
            await exchange.deliver(self._answer(asked))
        elif fault.kind == "reset":
            await exchange.break_off(reset=True)
        elif fault.kind == "lost_answer":
            self._answer(asked)
            await exchange.break_off(reset=False)
        elif fault.kind == "hang":
            await exchange.hang()
        elif fault.kind == "delay":
            await exchange.hold_until(fault.delay_s or 0.0)
            await exchange.deliver(self._answer(asked))
        elif fault.kind == "empty_200":
            await exchange.deliver(emptied(self._answer(asked), asked.path, fault.shape))
        else:
            self._world.accounts.requests += 1
            await exchange.deliver(fault_answer(self._world, fault))

    def _answer(self, asked: Asked) -> Answer:
        world = self._world
        match asked.method, asked.path:
            case "POST", "/oauth/v2/token":
                return world.accounts.mint(form_of(asked), world.options, world.url)
            case "POST", "/oauth/v2/token/revoke":
                return world.accounts.revoke(form_of(asked).get("token", ""))
        return Answer(404, HTML, content_type=b"text/html;charset=UTF-8")


def form_of(asked: Asked) -> dict[str, str]:
    """The parameters of query and body; a form may be urlencoded or multipart."""
    kind = asked.header(b"content-type") or ""
    if kind.startswith("multipart/form-data"):
        head = f"Content-Type: {kind}\r\n\r\n".encode()
        parts = BytesParser().parsebytes(head + asked.body).get_payload()
        return {
            **asked.query,
            **{
                str(part.get_param("name", header="content-disposition")): str(part.get_payload()).strip()
                for part in parts
                if not isinstance(part, str)
            },
        }
    return {**asked.query, **dict(parse_qsl(asked.body.decode("utf-8", "replace")))}
