"""An emulator over a real socket, and connections to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.zoho.fakes import settings
from zmigrate.config import Credentials, Secret
from zmigrate.emulator import Emulator, Options
from zmigrate.events import Event
from zmigrate.stopping import StopSignal
from zmigrate.zoho.backoff import Backoff
from zmigrate.zoho.connection import Connection, connect

SCOPES = (
    "ZohoCRM.modules.ALL",
    "ZohoCRM.org.READ",
    "ZohoCRM.settings.ALL",
    "ZohoCRM.coql.READ",
    "ZohoCRM.users.READ",
)


class LocalZoho:
    """A running emulator with its control room, and connections to it that the test may forget to close."""

    def __init__(self, emulator: Emulator, folder: Path, stack: ExitStack) -> None:
        self.emulator = emulator
        self.folder = folder
        self.events: list[Event] = []
        self._stack = stack
        self._control = stack.enter_context(httpx.Client(base_url=emulator.url + "/_emulator", verify=False))

    def credentials(self) -> Credentials:
        emulator = self.emulator
        secret = Secret(emulator.client_secret)
        return Credentials(emulator.client_id, secret, emulator.soid, emulator.accounts_url, "a test")

    def connect(
        self, scopes: tuple[str, ...] = SCOPES, stop: StopSignal | None = None, **changes: Any
    ) -> Connection:
        connection = connect(
            self.credentials(),
            scopes,
            settings=settings(self.folder, **{"read_timeout_s": 5.0, **changes}),
            emit=self.events.append,
            stop=stop or StopSignal(),
            backoff=Backoff(first_s=0.01, longest_s=0.05, budget_s=20.0),
        )
        return self._stack.enter_context(connection)

    def told(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def ask(self, path: str, **params: str) -> Any:
        return self._control.get(path, params=params).json()

    def order(self, path: str, json: Any = None) -> Any:
        answer = self._control.post(path, json=json)
        assert answer.status_code < 300, answer.text
        return answer.json()


LocalZohoFactory = Callable[..., LocalZoho]


@pytest.fixture
def local_zoho(tmp_path: Path) -> Iterator[LocalZohoFactory]:
    """Starts an emulator with these options."""
    with ExitStack() as stack:

        def start(**options: Any) -> LocalZoho:
            emulator = stack.enter_context(Emulator(Options(**options)))
            return LocalZoho(emulator, tmp_path / "state", stack)

        yield start
