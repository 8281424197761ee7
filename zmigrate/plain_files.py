"""Opening files of outside: regular files only, and no more of them than memory is meant for.

A pipe would be waited for without end, and what a run reads it reads several times.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from io import BufferedReader
from pathlib import Path
from typing import Final

SMALL_FILE_BYTES: Final = 16 << 20
"""Mappings, profiles, `.env`, a request's body: files that people write, and that are read as a whole. Zoho
takes no body beyond it, and the largest mapping seen has 100 KB."""

_NO_WAITING: Final = getattr(os, "O_NONBLOCK", 0)
"""Opening a pipe that nobody writes to ends at once; of no consequence for a file. Not on Windows."""
_LOOK_AGAIN_S: Final = 0.05
"""A pipe without a writer can't be waited for by the system's means, and Ctrl-C is to be heard."""
_KINDS: Final = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class NotAFile(OSError):
    """There is something at this path, and it is no file. `what` says what: "a pipe"."""

    def __init__(self, what: str) -> None:
        super().__init__(errno.EINVAL, f"{what}, not a file")
        self.what = what


class TooLarge(OSError):
    """The file is larger than anything that it may be."""

    def __init__(self, limit: int) -> None:
        super().__init__(errno.EFBIG, f"more than {limit >> 20} MB")


def open_regular(path: Path) -> BufferedReader:
    """Open for reading bytes, without ever waiting. Raises OSError, NotAFile among them."""
    try:
        file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  handed to the caller
    except OSError as error:
        what = _kind(path) if error.errno == errno.ENXIO else None  # a socket can't be opened at all
        if what is None:
            raise
        raise NotAFile(what) from None
    what = _kind(file.fileno())
    if what is not None:
        file.close()
        raise NotAFile(what)
    return file


def read_small(path: Path) -> bytes:
    """All of a file that a person wrote. Raises OSError, NotAFile and TooLarge among them."""
    with open_regular(path) as file:
        content = file.read(SMALL_FILE_BYTES + 1)
    if len(content) > SMALL_FILE_BYTES:
        raise TooLarge(SMALL_FILE_BYTES)
    return content


def read_served(path: Path, wait_s: float) -> bytes:
    """All that somebody writes into a named pipe, as password managers serve a file. Raises OSError, TooLarge
    among them, and TimeoutError where the pipe was not written into, and closed, in that time.
    """
    until = time.monotonic() + wait_s
    content = bytearray()
    descriptor = _without_waiting(str(path), os.O_RDONLY)
    try:
        while time.monotonic() < until:
            try:
                some = os.read(descriptor, 1 << 16)
            except BlockingIOError:
                select.select([descriptor], [], [], _LOOK_AGAIN_S)
                continue
            content += some
            if len(content) > SMALL_FILE_BYTES:
                raise TooLarge(SMALL_FILE_BYTES)
            if not some and content:
                return bytes(content)
            if not some:
                time.sleep(_LOOK_AGAIN_S)  # nobody has opened the pipe for writing yet
    finally:
        os.close(descriptor)
    said = "the writer of this pipe has not ended" if content else "nobody has written into this pipe"
    raise TimeoutError(errno.ETIMEDOUT, f"{said} for {wait_s:g} s")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | _NO_WAITING)


def _kind(place: Path | int) -> str | None:
    """What is there, where it is no file; folders are told apart by `open` itself."""
    mode = os.stat(place).st_mode
    return next((what for is_kind, what in _KINDS if is_kind(mode)), None)
