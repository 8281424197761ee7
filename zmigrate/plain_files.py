"""Opens files from outside: regular files only, up to a size that fits in memory.

Reading a pipe could wait forever, and a run reads its files several times.
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
"""For files that people write, and that are read as a whole: mappings, profiles, `.env`, a request's body.
Zoho takes no larger body, and the largest mapping seen has 100 KB.
"""

_NO_WAITING: Final = getattr(os, "O_NONBLOCK", 0)
"""Opening a pipe without a writer returns at once. No effect on files. Not on Windows."""
_LOOK_AGAIN_S: Final = 0.05
"""How often a pipe without a writer is tried. The system can't wait for one, and Ctrl-C must work."""
_KINDS: Final = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class NotAFile(OSError):
    """The path is not a file. `what`: what it is, such as "a pipe"."""

    def __init__(self, what: str) -> None:
        super().__init__(errno.EINVAL, f"{what}, not a file")
        self.what = what


class TooLarge(OSError):
    """The file is too large."""

    def __init__(self, limit: int) -> None:
        super().__init__(errno.EFBIG, f"more than {limit >> 20} MB")


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading bytes, without waiting. Raises OSError, including NotAFile."""
    try:
        file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  the caller closes it
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
    """The content of a file that a person wrote. Raises OSError, including NotAFile and TooLarge."""
    with open_regular(path) as file:
        content = file.read(SMALL_FILE_BYTES + 1)
    if len(content) > SMALL_FILE_BYTES:
        raise TooLarge(SMALL_FILE_BYTES)
    return content


def read_served(path: Path, wait_s: float) -> bytes:
    """The content that another program, such as a password manager, writes into a named pipe. Raises OSError,
    including TooLarge, and TimeoutError if the pipe is not written and closed in time.
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
                time.sleep(_LOOK_AGAIN_S)  # no program has opened the pipe for writing yet
    finally:
        os.close(descriptor)
    said = "the writer of this pipe has not ended" if content else "nobody has written into this pipe"
    raise TimeoutError(errno.ETIMEDOUT, f"{said} for {wait_s:g} s")


def no_place_to_write(path: Path) -> str | None:
    """What is in the place of a file that is to be written, if no file can be: "a pipe", "a device". None for
    files, folders and what is missing. A link such as `/dev/stdout` would be replaced itself.
    """
    try:
        leads_to_stream = os.path.islink(path) and os.readlink(path).startswith("/proc/")
        return "a stream" if leads_to_stream else _kind(path)
    except OSError:
        return None


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | _NO_WAITING)


def _kind(place: Path | int) -> str | None:
    """What the path is, if not a file or folder."""
    mode = os.stat(place).st_mode
    return next((what for is_kind, what in _KINDS if is_kind(mode)), None)
