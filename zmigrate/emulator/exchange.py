"""One HTTP request and its answer. The answer can come late, in pieces, broken or not at all.

ASGI has no way to break a connection, so the protocol adds its transport to the scope.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from dataclasses import replace
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from .answers import Answer
from .protocol import TRANSPORT
from .request import Request, check_headers, check_json, too_long
from .world import World

BODY_LIMIT_BYTES = 32 * 1024 * 1024
"""A hundred records with Zoho's longest texts are smaller."""
SLOW_PIECES = 20
NO_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class Exchange:
    """One request and its answer, on one connection. `started`: a part of the answer was sent."""

    def __init__(
        self, world: World, closing: asyncio.Event, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._world = world
        self._closing = closing
        self._scope = scope
        self._receive = receive
        self._send = send
        self._came_at = asyncio.get_running_loop().time()
        self.started = False

    async def read(self, limit_bytes: int = BODY_LIMIT_BYTES, *, json: bool = True) -> Request | None:
        """The whole request, or None when the client left before it was complete.

        Raises Refused for a body that is too long or compressed and, with `json`, for one that is not JSON.
        """
        request = Request(
            self._scope["method"],
            self._scope["path"],
            dict(parse_qsl(self._scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            dict(self._scope["headers"]),
            b"",
        )
        check_headers(request, limit_bytes)
        body = await self._body(limit_bytes)
        if body is None:
            return None
        if json:
            check_json(request, body)
        return replace(request, body=body)

    async def _body(self, limit_bytes: int) -> bytes | None:
        """The whole body, or None when the client left. Raises Refused as soon as the body is too long."""
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
        """Waits, but not longer than the server runs."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), seconds)

    async def wait_since_request(self, seconds: float) -> None:
        """Waits until the request is `seconds` old."""
        await self.pause(self._came_at + seconds - asyncio.get_running_loop().time())

    async def deliver(self, answer: Answer, over_s: float = 0.0) -> int:
        """Sends the answer and returns its status. With `over_s`, the body takes that time, in pieces."""
        bare = answer.status in (204, 304)
        body = b"" if bare else answer.body or b""
        headers = [(b"date", self._world.clock.http_date()), *answer.headers]
        if answer.body is not None:
            headers.append((b"content-type", answer.content_type))
        if not bare:
            headers.append((b"content-length", str(len(body)).encode()))
        self.started = True
        await self._send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if over_s > 0:
            size = max(1, len(body) // SLOW_PIECES)
            for start in range(0, len(body), size):
                await self.pause(over_s / SLOW_PIECES)
                piece = body[start : start + size]
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            body = b""
        await self._send({"type": "http.response.body", "body": body})
        return answer.status

    async def break_off(self, *, reset: bool) -> None:
        """Ends the connection without an answer. `reset`: with a TCP reset instead of a plain close."""
        transport: asyncio.Transport = self._scope["extensions"][TRANSPORT]
        if reset:
            raw: socket.socket = transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        transport.abort()
        await self._disconnected()

    async def _disconnected(self) -> None:
        """Waits until either side has ended the connection."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def hang(self) -> None:
        """Sends no answer: waits until the client gives up or the server ends."""
        gone = asyncio.ensure_future(self._disconnected())
        closing = asyncio.ensure_future(self._closing.wait())
        await asyncio.wait({gone, closing}, return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        if not gone.done():
            await self.break_off(reset=False)
        await gone
