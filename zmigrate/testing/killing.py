"""Ends a run of this process as `kill -9` would end a process of its own.

A killed process leaves what is on the disk at that moment. So the state folder is copied then, an exception
ends the run, and the copy takes the folder's place: what the run wrote at its end is gone.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from zmigrate.events import Event, RequestSent
from zmigrate.stopping import StopSignal
from zmigrate.zoho.answers import Call

NOT_ON_THE_DISK: Final = shutil.ignore_patterns("*.lock", "*-shm")
"""Locks end with their process; SQLite's shared memory too, and Windows lets nobody read a locked file."""


class Killed(BaseException):
    """The run was killed. Not an Exception, so that no job swallows it."""


class Kill:
    """A listener that kills the run once `after` write requests were answered. The answer of the last one has
    reached the client, and nothing has noted it yet.
    """

    def __init__(self, state_dir: Path, after: int) -> None:
        if after < 1:
            raise ValueError(f"killed_after is {after}: a number of write requests, 1 or more")
        self._state_dir = state_dir
        self._image = state_dir.with_name(f"{state_dir.name}-as-killed")
        self._after = after
        self._answered = 0
        self.stop = StopSignal()
        self.struck = False

    def __call__(self, event: Event) -> None:
        if self.struck or not (isinstance(event, RequestSent) and _writes(event)):
            return
        self._answered += 1
        if self._answered < self._after:
            return
        self.struck = True
        shutil.copytree(self._state_dir, self._image, ignore=NOT_ON_THE_DISK)
        self.stop.request()
        self.stop.request()  # asked twice, the run's end is short
        raise Killed

    def leave_only_the_image(self) -> None:
        """Put the state folder back as it was when the run was killed. Raises AssertionError if the run
        was not killed.
        """
        if not self.struck:
            raise AssertionError(
                f"The run was not killed: it sent {self._answered} write requests,"
                f" and was to be killed after {self._after}."
            )
        shutil.rmtree(self._state_dir)
        self._image.rename(self._state_dir)


def _writes(event: RequestSent) -> bool:
    return Call(event.method, event.path).writes  # type: ignore[arg-type]  # the event has the call's method
