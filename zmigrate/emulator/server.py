"""Serves one emulated org over HTTP on loopback: in a thread (`Emulator`) or as a process (`serve`)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Generator
from types import FrameType, TracebackType

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .accounts_app import AccountsApp
from .answers import Refused, named
from .control import Control
from .local_only import Guard, is_loopback
from .options import Options, shown
from .protocol import Protocol
from .wire import Crm, Exchange
from .world import World

KEEP_ALIVE_S = 600
BACKLOG = 2048
START_WITHIN_S = 10.0
STOP_WITHIN_S = 10.0
ANSWER_WITHIN_S = 1.0
"""How long requests that are under way have when the server ends."""
EXIT_POLL_S = 0.02
"""How soon the server sees that it shall end."""
ENDING = (signal.SIGINT, signal.SIGTERM)


class Nowhere:
    """Every other path: Zoho's answer to a URL that is none."""

    def __init__(self, world: World, closing: asyncio.Event) -> None:
        self._world = world
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(self._world, self._closing, scope, receive, send)
        if await exchange.read() is not None:
            text = "Please check if the URL trying to access is a correct one"
            await exchange.deliver(Refused("INVALID_URL_PATTERN", text, status=404).answer())


class Router:
    """Hands a request to the application of its path's first part. What fails in one is told in the books,
    and answered without its details."""

    def __init__(self, world: World, closing: asyncio.Event) -> None:
        self._world = world
        self._closing = closing
        self._apps: dict[str, ASGIApp] = {
            "crm": Crm(world, closing),
            "oauth": AccountsApp(world, closing),
            "_emulator": Control(world, closing),
        }
        self._nowhere = Nowhere(world, closing)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._apps.get(scope["path"].removeprefix("/").partition("/")[0], self._nowhere)
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await app(scope, receive, noted)
        except Exception:
            self._world.audit.broken.append(traceback.format_exc())
            if started:
                raise
            exchange = Exchange(self._world, self._closing, scope, receive, send)
            await exchange.deliver(named("INTERNAL_ERROR", status=500).answer())


def application(world: World, closing: asyncio.Event) -> ASGIApp:
    return Guard(world, closing, Router(world, closing))


def listen(options: Options) -> socket.socket:
    """A listening socket on loopback; raises ValueError for any other host."""
    host = options.host.lower().strip("[]")
    if not is_loopback(host) or "%" in host:
        raise ValueError(
            f"the emulator listens on loopback only (127.0.0.1, ::1, localhost), not on {shown(options.host)}"
        )
    host = "127.0.0.1" if host == "localhost" else host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named asyncio sets TCP_NODELAY; without it each answer would wait 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # on Windows it would let two processes share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, options.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise type(error)(error.errno, f"{host}:{options.port}: {error.strerror}") from None
    return listener


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it is up and lets go of waiting requests when it ends."""

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
        """As uvicorn's, which sleeps a tenth of a second, and that for every emulator that ends."""
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
        """As uvicorn's, but a signal that was ignored when the process began stays ignored, as SIGINT of a
        script's background job.
        """
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
        application(world, closing),
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


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Emulator:
    """A local Zoho in a thread of this process. A context manager: serves while it is open."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self._world = World(self.options)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Base URL of API and Accounts, without a slash at its end; empty until it serves."""
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

    def __enter__(self) -> Emulator:
        listener = listen(self.options)
        self._world.url = _url(listener)
        started = threading.Event()
        self._server = _server(self._world, started.set)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="zmigrate-emulator", daemon=True
        )
        self._thread.start()
        if not started.wait(START_WITHIN_S):
            raise RuntimeError("the emulator did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(STOP_WITHIN_S)
        self._server = self._thread = None


def serve(options: Options, on_ready: Callable[[Emulator], None]) -> None:
    """Serves in the main thread until SIGINT or SIGTERM. `on_ready` is called once it listens."""
    emulator = Emulator(options)
    listener = listen(options)
    emulator._world.url = _url(listener)
    with contextlib.suppress(KeyboardInterrupt):  # a caught SIGINT is raised anew once the server has ended
        _server(emulator._world, lambda: on_ready(emulator)).run([listener])
