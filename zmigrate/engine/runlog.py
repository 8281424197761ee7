"""run.log: the run's events as JSON lines. It holds no secrets, since no event does."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path
from typing import IO

import orjson

from zmigrate.errors import DiskFull
from zmigrate.events import Credits, Event, RequestSent, Tick

TOO_FREQUENT = (Credits, RequestSent, Tick)
"""Events that a display wants and a log does not."""


class RunLog:
    """A listener that appends to run.log. Raises DiskFull when the file can't grow."""

    def __init__(self, path: Path) -> None:
        self.path = path
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._file: IO[bytes] = os.fdopen(descriptor, "ab", buffering=0)

    def __call__(self, event: Event) -> None:
        if isinstance(event, TOO_FREQUENT):
            return
        fields = {f.name: getattr(event, f.name) for f in dataclasses.fields(event)}
        self.write(type(event).__name__, fields)

    def write(self, name: str, fields: dict[str, object]) -> None:
        """One line: when, what, and the details."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        line = orjson.dumps(
            {"at": at, "event": name, **fields}, default=str, option=orjson.OPT_APPEND_NEWLINE
        )
        try:
            self._file.write(line)
        except OSError as error:
            raise DiskFull(
                f"{self.path}: can't be written: {error.strerror}", hint="Make room, then resume the run."
            ) from error

    def close(self) -> None:
        self._file.close()
