"""Who is answered: programs of this machine. A web page in the person's browser is not, wherever it is from.

A browser lets any page send requests to this machine, and tells of it in headers that no page can change: in
`Origin` and `Sec-Fetch-Site`; and in `Host`, which names the page's own host where that was made to lead here
(DNS rebinding). `Sec-Fetch-Site: none` is an address that the person typed, and is answered. Zoho's service
refuses none of this: the codes are the emulator's own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from .answers import Refused
from .options import shown
from .wire import Exchange
from .world import World

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[0-9a-z.-]+)(?::[0-9]{1,5})?", re.IGNORECASE)
OWN_SITES = frozenset({"same-origin", "none"})
WHO = "The emulator answers programs on this machine, not web pages"

Headers = Sequence[tuple[bytes, bytes]]


def is_loopback(host: str) -> bool:
    """Whether a name or an address, in brackets or not, is this machine and nothing else."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def refusal_of(headers: Headers) -> Refused | None:
    """Why a request with these headers is not answered."""
    hosts = values(headers, b"host")
    found = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if found is None or not is_loopback(found[1]):
        return refused(
            "INVALID_HOST", "the request's Host must be 127.0.0.1, [::1] or localhost", host=", ".join(hosts)
        )
    for origin in values(headers, b"origin"):
        if origin.lower() != f"http://{hosts[0]}".lower():
            return refused("FOREIGN_ORIGIN", f"the request's Origin is {shown(origin)}", origin=origin)
    for site in values(headers, b"sec-fetch-site"):
        if site.lower() not in OWN_SITES:
            return refused("FOREIGN_SITE", f"the request's Sec-Fetch-Site is {shown(site)}", site=site)
    return None


def values(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for other, value in headers if other == name]


def refused(code: str, why: str, **details: str) -> Refused:
    return Refused(code, f"{WHO}: {why}.", {name: text[:100] for name, text in details.items()}, status=403)


class Guard:
    """Hands on what is answered."""

    def __init__(self, world: World, closing: asyncio.Event, inner: ASGIApp) -> None:
        self._world = world
        self._closing = closing
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = refusal_of(scope["headers"])
        if refusal is None:
            await self._inner(scope, receive, send)
        else:
            exchange = Exchange(self._world, self._closing, scope, receive, send)
            await exchange.deliver(refusal.answer())
