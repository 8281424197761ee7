"""An emulated org with a few records, to which values are sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulator.zoho import Zoho
from tests.rows.org import Org
from zmigrate.emulator import Emulator, Options


@pytest.fixture(scope="session")
def org() -> Iterator[Org]:
    with Emulator(Options(token_limit=1000)) as emulator:
        client = Zoho(emulator)
        client.login()
        yield Org(client)
        client.close()
