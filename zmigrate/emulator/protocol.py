"""uvicorn's HTTP protocol, with limits on what may come before the application has to look at it; and with
the transport within the application's reach.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TRANSPORT = "zmigrate.transport"
BARE_LIMIT_BYTES = 64 * 1024
"""The most that may come in a row without being a part of a body: request line and headers, and what stands
between the pieces of a body."""
REQUEST_WITHIN_S = 60.0
"""How long a request may take to come, from its first byte to its last."""
TOO_LARGE = "431 Request Header Fields Too Large"
TOO_SLOW = "408 Request Timeout"


class TooLarge(Exception):
    """The head of a request is larger than any that makes sense."""


class Protocol(HttpToolsProtocol):
    """One connection."""

    _bare_bytes = 0
    _head_comes = True
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._has_come()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._bare_bytes += len(data)
        super().data_received(data)
        if self._bare_bytes > BARE_LIMIT_BYTES:
            self._give_up(TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        """What uvicorn answers to a request that can't be read."""
        if self._bare_bytes > BARE_LIMIT_BYTES:
            self._give_up(TOO_LARGE)
        else:
            super().send_400_response(msg)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]  # a TypedDict that takes no key of ours
        scope["extensions"] = {TRANSPORT: self.transport}
        self._head_comes = True
        self._has_come()
        self._deadline = self.loop.call_later(REQUEST_WITHIN_S, self._too_slow)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_comes:  # headers behind a body change nothing that was checked
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_comes = False
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > BARE_LIMIT_BYTES:
            raise TooLarge
        self._bare_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._bare_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._bare_bytes = 0
        self._has_come()
        super().on_message_complete()
        if self.cycle.response_complete:
            self._await_request()

    def _await_request(self) -> None:
        """Close the connection if nothing comes for long."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _has_come(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        if self.flow.read_paused:  # it is we who do not read on
            self._deadline = self.loop.call_later(REQUEST_WITHIN_S, self._too_slow)
        else:
            self._give_up(TOO_SLOW)

    def _give_up(self, status: str) -> None:
        """Answer, if no other answer is on its way, and close the connection."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(
                f"HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode()
            )
        self.transport.close()
