"""run.log: the run's events as JSON lines, without secrets."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import orjson

from zmigrate.errors import DiskFull
from zmigrate.events import BatchDone, BatchSent, Credits, Event, RequestSent, RowsCopied, Tick, WriteAnswered
from zmigrate.private_files import open_private
from zmigrate.wording import as_text

TOO_FREQUENT = (Credits, RequestSent, RowsCopied, Tick, WriteAnswered)
"""Frequent events that the log leaves out: the journal has their results."""

CAN_WAIT = (BatchDone, BatchSent)
"""Events that the journal has too: written with the next other event, or with the next tick."""


class RunLog:
    """A listener that appends to run.log. Raises DiskFull if the file can't grow.

    Every event is in the file by the next tick, a tenth of a second later. `leave_out`: events that another
    log has. `hide`: takes the secrets of the job out of a text.
    """

    def __init__(
        self, path: Path, leave_out: tuple[type[Event], ...] = (), *, hide: Callable[[str], str] = str
    ) -> None:
        self.path = path
        self._hide = hide
        self._leave_out = (*TOO_FREQUENT, *leave_out)
        descriptor = open_private(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._file: IO[bytes] = os.fdopen(descriptor, "ab", buffering=0)
        self._waiting: list[bytes] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, Tick):
            self._flush()
        if isinstance(event, self._leave_out):
            return
        fields = {f.name: getattr(event, f.name) for f in dataclasses.fields(event)}
        self._note(type(event).__name__, fields)
        if not isinstance(event, CAN_WAIT):
            self._flush()

    def write(self, name: str, fields: dict[str, object]) -> None:
        """Write one line: time, event, details."""
        self._note(name, fields)
        self._flush()

    def _note(self, name: str, fields: dict[str, object]) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        said = {"at": at, "event": name}
        try:
            line = _line({**said, **fields})
        except TypeError:  # an author's value that JSON can't express
            line = _line({**said, **{field: as_text(value) for field, value in fields.items()}})
        self._waiting.append(self._hide(line.decode()).encode())

    def _flush(self) -> None:
        if not self._waiting:
            return
        lines, self._waiting = b"".join(self._waiting), []
        try:
            self._file.write(lines)
        except OSError as error:
            raise DiskFull(
                f"{self.path}: can't be written: {error.strerror}", hint="Make room, then resume the run."
            ) from error

    def close(self) -> None:
        with suppress(DiskFull):  # the run itself has reported it
            self._flush()
        with suppress(OSError):  # nothing is left to write, and the run's result is known
            self._file.close()


def _line(said: dict[str, object]) -> bytes:
    return orjson.dumps(said, default=str, option=orjson.OPT_APPEND_NEWLINE)
