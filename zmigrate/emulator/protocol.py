"""uvicorn's HTTP protocol with limits on the size and duration of a request.

The application finds the connection's transport in the scope's extensions.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TRANSPORT = "zmigrate.transport"
BARE_LIMIT_BYTES = 64 * 1024
"""The most bytes in a row outside a body: request line and headers, or the text between chunks of a body."""
REQUEST_WITHIN_S = 60.0
"""The most time from a request's first byte to its last."""
TOO_LARGE = "431 Request Header Fields Too Large"
TOO_SLOW = "408 Request Timeout"


class TooLarge(Exception):
    """The request line and headers are too large."""


class Protocol(HttpToolsProtocol):
    """One connection."""

    _bare_bytes = 0
    _in_head = True
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._request_complete()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._bare_bytes += len(data)
        super().data_received(data)
        if self._bare_bytes > BARE_LIMIT_BYTES:
            self._give_up(TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        """uvicorn's answer to a request that it cannot parse."""
        if self._bare_bytes > BARE_LIMIT_BYTES:
            self._give_up(TOO_LARGE)
        else:
            super().send_400_response(msg)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]  # a TypedDict that takes no key of ours
        scope["extensions"] = {TRANSPORT: self.transport}
        self._in_head = True
        self._request_complete()
        self._deadline = self.loop.call_later(REQUEST_WITHIN_S, self._too_slow)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # headers after a body must not change the checked ones
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
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
        self._request_complete()
        super().on_message_complete()
        if self.cycle.response_complete:
            self._await_request()

    def _await_request(self) -> None:
        """Closes the connection if no request comes for a long time."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _request_complete(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        if self.flow.read_paused:  # the delay is ours: reading is paused
            self._deadline = self.loop.call_later(REQUEST_WITHIN_S, self._too_slow)
        else:
            self._give_up(TOO_SLOW)

    def _give_up(self, status: str) -> None:
        """Answers, unless another answer has begun, and closes the connection."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(
                f"HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode()
            )
        self.transport.close()
