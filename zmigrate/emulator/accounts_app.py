"""Zoho Accounts: answers every request under `/oauth`, with the faults that were asked for."""

from __future__ import annotations

from email.parser import BytesParser
from urllib.parse import parse_qsl

from .accounts import HTML
from .answers import Answer
from .exchange import Exchange
from .fault_answers import emptied, fault_answer
from .request import Request
from .world import World


class AccountsApp:
    """Everything under `/oauth`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, exchange: Exchange, request: Request) -> None:
        fault = self._world.faults.scripted(request.method, request.path, request.body)
        if fault is None:
            await exchange.deliver(self._answer(request))
            return
        match fault.kind:
            case "reset":
                await exchange.break_off(reset=True)
            case "lost_answer":
                self._answer(request)
                await exchange.break_off(reset=False)
            case "hang":
                await exchange.hang()
            case "delay":
                await exchange.wait_since_request(fault.delay_s or 0.0)
                await exchange.deliver(self._answer(request))
            case "empty_200":
                await exchange.deliver(emptied(self._answer(request), request.path, fault.shape))
            case _:
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
    """The parameters of query and body. A form is urlencoded or multipart."""
    kind = request.header(b"content-type") or ""
    if not kind.startswith("multipart/form-data"):
        return {**request.query, **dict(parse_qsl(request.body.decode("utf-8", "replace")))}
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    form = dict(request.query)
    for part in BytesParser().parsebytes(head + request.body).get_payload():
        if not isinstance(part, str):
            name = str(part.get_param("name", header="content-disposition"))
            form[name] = str(part.get_payload()).strip()
    return form
