"""How a run is told to stop. Signal handlers call `StopSignal.request`."""

from __future__ import annotations

import threading
import time
from typing import NoReturn


class StopRequested(BaseException):
    """The run was asked to stop. A BaseException, so that an author's `except Exception` can't swallow it."""


class StopSignal:
    """The stop that every wait checks. The first request finishes what is in flight, the second aborts."""

    def __init__(self) -> None:
        self._requested = threading.Event()
        self._aborted = threading.Event()
        self.obeyed = False
        """StopRequested was raised, so something was left undone, even if a job swallowed it."""

    def request(self) -> None:
        """Ask to stop: finish what is in flight. Asked again, stop at once. Safe in a signal handler."""
        if self._requested.is_set():
            self._aborted.set()
        self._requested.set()

    @property
    def requested(self) -> bool:
        return self._requested.is_set()

    @property
    def aborted(self) -> bool:
        return self._aborted.is_set()

    def check(self) -> None:
        """Raise StopRequested if a stop was asked for."""
        if self._requested.is_set():
            self._obey()

    def sleep(self, seconds: float) -> None:
        """Sleep, and raise StopRequested as soon as a stop is asked for.

        It waits at most 0.5 s at a time, so that Ctrl-C works on Windows too.
        """
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if self._requested.wait(min(max(left, 0.0), 0.5)):
                self._obey()
            if left <= 0:
                return

    def _obey(self) -> NoReturn:
        self.obeyed = True
        raise StopRequested
