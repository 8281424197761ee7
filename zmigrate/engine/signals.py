"""Signals that end a process, handled for a while. Main thread only; elsewhere nothing is installed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from zmigrate.stopping import StopSignal

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
"""SIGHUP is not on Windows."""


@contextmanager
def stop_on_signals(stop: StopSignal) -> Iterator[None]:
    """While inside, a signal asks for a stop; a second one aborts. The handlers that were there come back.

    A second SIGHUP is not somebody's second wish: a terminal that closes sends one, and its shell another.
    """

    def handle(number: int, _frame: FrameType | None) -> None:
        if not (stop.requested and number == getattr(signal, "SIGHUP", None)):
            stop.request()

    with handled_by(handle):
        yield


@contextmanager
def handled_by(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """While inside, the signals go to this handler; afterwards to those that were there before.

    One that is ignored stays ignored, as SIGHUP under nohup and SIGINT of a script's background job. One that
    is handled outside Python (`getsignal` tells None) stays so: its handler could not be put back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {}
    for name in NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) not in (None, signal.SIG_IGN):
            before[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
