"""Serves one emulated org over HTTP on loopback: in a thread (`Emulator`) or as a process (`serve`)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
import traceback
from collections.abc import Awaitable, Callable, Generator, Mapping
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from .accounts_app import AccountsApp
from .answers import Refused, documented, no_such_url
from .control_app import ControlApp
from .crm_app import CrmApp
from .exchange import BODY_LIMIT_BYTES, Exchange
from .local_only import check_sender, is_loopback
from .options import Options, shown
from .protocol import Protocol
from .request import Request
from .world import World

App = Callable[[Exchange, Request], Awaitable[None]]

FORM_LIMIT_BYTES = 64 * 1024
KEEP_ALIVE_S = 600
BACKLOG = 2048
START_WITHIN_S = 10.0
STOP_WITHIN_S = 10.0
ANSWER_WITHIN_S = 1.0
"""How long running requests may take when the server ends."""
EXIT_POLL_S = 0.02
"""How often the server checks whether it shall end."""
ENDING = (signal.SIGINT, signal.SIGTERM)


class Router:
    """The ASGI application: finds the app for the first part of the path.

    An error of the emulator goes into the audit, and is answered without its details.
    """

    def __init__(self, world: World, closing: asyncio.Event) -> None:
        self._world = world
        self._closing = closing
        self._apps: dict[str, App] = {
            "crm": CrmApp(world),
            "oauth": AccountsApp(world),
            "_emulator": ControlApp(world),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(self._world, self._closing, scope, receive, send)
        name = scope["path"].removeprefix("/").partition("/")[0]
        try:
            check_sender(scope["headers"])
            is_form = name == "oauth"
            request = await exchange.read(FORM_LIMIT_BYTES if is_form else BODY_LIMIT_BYTES, json=not is_form)
            if request is None:
                return
            if name not in self._apps:
                raise no_such_url()
            await self._apps[name](exchange, request)
        except Refused as refused:
            await exchange.deliver(refused.answer())
        except Exception:
            self._world.audit.broken.append(traceback.format_exc())
            if exchange.started:
                raise
            await exchange.deliver(documented("INTERNAL_ERROR", status=500).answer())


def listen(options: Options) -> socket.socket:
    """A listening socket on loopback; raises ValueError for any other host."""
    host = options.host.lower().strip("[]")
    if not is_loopback(host) or "%" in host:
        raise ValueError(
            f"the emulator listens on loopback only (127.0.0.1, ::1, localhost), not on {shown(options.host)}"
        )
    host = "127.0.0.1" if host == "localhost" else host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sets TCP_NODELAY; otherwise each answer would wait 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # on Windows, two processes could share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, options.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise type(error)(error.errno, f"{host}:{options.port}: {error.strerror}") from None
    return listener


class _Server(uvicorn.Server):
    """uvicorn's server. It reports when it is up, and releases waiting requests when it ends."""

    def __init__(
        self, config: uvicorn.Config, closing: asyncio.Event, on_started: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._closing = closing
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._on_started()

    async def main_loop(self) -> None:
        while not self.should_exit:
            await asyncio.sleep(EXIT_POLL_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, without its sleep of 0.1 s, which every emulator of the tests would pay."""
        self._closing.set()
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_answered(), ANSWER_WITHIN_S)
        for task in self.server_state.tasks:
            task.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """As uvicorn's, but an ignored signal stays ignored, such as SIGINT in a script's background job."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        caught: list[int] = []

        def end(number: int, frame: FrameType | None) -> None:
            caught.append(number)
            self.handle_exit(number, frame)

        heard = [each for each in ENDING if signal.getsignal(each) not in (None, signal.SIG_IGN)]
        before = [(each, signal.signal(each, end)) for each in heard]
        try:
            yield
        finally:
            for each, handler in before:
                signal.signal(each, handler)
        for number in reversed(caught):
            signal.raise_signal(number)

    async def _all_answered(self) -> None:
        while self.server_state.connections or self.server_state.tasks:
            await asyncio.sleep(EXIT_POLL_S)


def _server(world: World, on_started: Callable[[], None]) -> _Server:
    closing = asyncio.Event()
    config = uvicorn.Config(
        Router(world, closing),
        loop="asyncio",
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        backlog=BACKLOG,
    )
    return _Server(config, closing, on_started)


class Emulator:
    """A local Zoho in a thread of this process. A context manager that serves while it is open."""

    def __init__(self, options: Options | None = None, fields: Mapping[str, Any] | None = None) -> None:
        """`fields`: whole answers of `GET /settings/fields` by module; the module becomes as they say.

        Raises BadValue for another answer.
        """
        self.options = options or Options()
        self._world = World(self.options, fields)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Base URL of API and Accounts, without a slash at its end; empty before serving."""
        return self._world.url

    @property
    def accounts_url(self) -> str:
        return self._world.url

    @property
    def client_id(self) -> str:
        return self._world.client_id

    @property
    def client_secret(self) -> str:
        return self._world.client_secret

    @property
    def soid(self) -> str:
        return self._world.soid

    def _listen(self) -> socket.socket:
        listener = listen(self.options)
        host, port = listener.getsockname()[:2]
        self._world.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return listener

    def __enter__(self) -> Emulator:
        listener = self._listen()
        started = threading.Event()
        self._server = _server(self._world, started.set)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="zmigrate-emulator", daemon=True
        )
        self._thread.start()
        if not started.wait(START_WITHIN_S):
            raise RuntimeError("the emulator did not start")
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(STOP_WITHIN_S)
        self._server = self._thread = None


def serve(
    options: Options, on_ready: Callable[[Emulator], None], fields: Mapping[str, Any] | None = None
) -> None:
    """Serves in the main thread until SIGINT or SIGTERM. Calls `on_ready` once it listens."""
    emulator = Emulator(options, fields)
    listener = emulator._listen()
    with contextlib.suppress(KeyboardInterrupt):  # a caught SIGINT is raised again after the server's end
        _server(emulator._world, lambda: on_ready(emulator)).run([listener])
