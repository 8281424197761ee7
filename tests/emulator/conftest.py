"""One emulator for the tests of its answers, emptied before each; others on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.emulator.zoho import Zoho
from zmigrate.emulator import Emulator, Options


@pytest.fixture(scope="session")
def shared_emulator() -> Iterator[Emulator]:
    with Emulator(Options(token_limit=1000)) as emulator:
        yield emulator


@pytest.fixture
def zoho(shared_emulator: Emulator) -> Iterator[Zoho]:
    """The shared emulator as it was at its start, logged in for everything."""
    client = Zoho(shared_emulator)
    client.act("reset")
    client.login()
    yield client
    broken = client.control("stats")["broken"]
    client.close()
    assert broken == []


@pytest.fixture
def zoho_with() -> Iterator[Callable[..., Zoho]]:
    """Makes an emulator of its own with the given options, logged in for everything."""
    with ExitStack() as stack:

        def make(**options: Any) -> Zoho:
            emulator = stack.enter_context(Emulator(Options(**options)))
            client = Zoho(emulator)
            stack.callback(client.close)
            client.login()
            return client

        yield make
