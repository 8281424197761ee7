"""SIGINT, SIGTERM and SIGHUP set the stop signal. Main thread only; elsewhere nothing is installed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from zmigrate.stopping import StopSignal

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
"""SIGHUP is not on Windows."""


@contextmanager
def stop_on_signals(stop: StopSignal) -> Iterator[None]:
    """While inside, a signal asks for a stop; a second one aborts. The handlers that were there come back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.request()

    before = {}
    for name in NAMES:
        number = getattr(signal, name, None)
        if number is not None:
            before[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
