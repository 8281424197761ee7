"""The system without POSIX, beside a bench."""

from __future__ import annotations

import pytest

from tests.support import Bench
from tests.windows.system import Windows


@pytest.fixture
def windows(bench: Bench) -> Windows:
    return Windows(bench)
