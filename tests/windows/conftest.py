"""The system without POSIX, beside a bench."""

from __future__ import annotations

import os

import pytest

from tests.support import Bench
from tests.windows.system import Windows

collect_ignore = [] if os.name == "posix" else ["test_without_posix.py"]


@pytest.fixture
def windows(bench: Bench) -> Windows:
    return Windows(bench)
