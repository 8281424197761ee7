"""Fixtures for tests of flows: an emulator of their own, over a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support import Bench
from zmigrate.emulator import Emulator, Options

settings.register_profile("zmigrate", deadline=None)  # how long an example takes says nothing here
settings.load_profile("zmigrate")


@pytest.fixture
def bench_with(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Makes a bench with an emulator of the given options."""
    with ExitStack() as stack:

        def make(**options: Any) -> Bench:
            emulator = stack.enter_context(Emulator(Options(**{"token_limit": 1000, **options})))
            return Bench(emulator, tmp_path)

        yield make


@pytest.fixture
def bench(bench_with: Callable[..., Bench]) -> Bench:
    return bench_with()
