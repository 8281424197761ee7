"""A clock that reads like the wall's and does not jump when somebody sets that one; and times from files."""

from __future__ import annotations

import math
import time
from typing import Final

_OFFSET_S: Final = time.time() - time.monotonic()


def steady_time() -> float:
    """Epoch seconds as they were when the process began, plus what has gone by since."""
    return _OFFSET_S + time.monotonic()


def stored_time(value: object) -> float:
    """A time (epoch seconds) that was kept in a file. What is no time may be any, also the latest: whoever
    reads it sets a limit to it, as to one that lies ahead of the clock.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.inf
    return math.inf if math.isnan(value) else float(value)
