"""Opening files of outside: regular files only, and no more of them than memory is meant for.

A pipe would be waited for without end, and what a run reads it reads several times.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Final

SMALL_FILE_BYTES: Final = 16 << 20
"""Mappings, profiles, `.env`, a request's body: files that people write, and that are read as a whole. Zoho
takes no body beyond it, and the largest mapping seen has 100 KB."""

_NO_WAITING: Final = getattr(os, "O_NONBLOCK", 0)
"""Opening a pipe that nobody writes to ends at once; of no consequence for a file. Not on Windows."""
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


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | _NO_WAITING)


def _kind(place: Path | int) -> str | None:
    """What is there, where it is no file; folders are told apart by `open` itself."""
    mode = os.stat(place).st_mode
    return next((what for is_kind, what in _KINDS if is_kind(mode)), None)
