"""A clock that reads like the wall's and does not jump when somebody sets that one."""

from __future__ import annotations

import time
from typing import Final

_OFFSET_S: Final = time.time() - time.monotonic()


def steady_time() -> float:
    """Epoch seconds as they were when the process began, plus what has gone by since."""
    return _OFFSET_S + time.monotonic()
