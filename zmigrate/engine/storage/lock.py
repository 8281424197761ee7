"""A lock on a file, held by one process. The system releases it when the process dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO, Final

from zmigrate.private_files import open_private

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


PID_LENGTH: Final = 20


class LockHeld(Exception):
    """Another process holds the lock. `holder` is its pid, or "unknown"."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


class Lock:
    """One lock file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: IO[str] | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds it."""
        return self._handle is not None

    def take(self) -> None:
        """Take the lock and write our pid into it. Raises LockHeld, or OSError if the file can't be used."""
        handle = self._opened(os.O_CREAT)
        if not _try_lock(handle):
            handle.seek(0)
            holder = handle.read(PID_LENGTH).strip() or "unknown"
            handle.close()
            raise LockHeld(holder)
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        self._handle = handle

    @property
    def displaced(self) -> bool:
        """Whether this object holds the lock, but its file has been moved or deleted."""
        if self._handle is None:
            return False
        held = os.fstat(self._handle.fileno())
        try:
            return held.st_nlink > 0 and not os.path.samestat(held, os.lstat(self._path))
        except OSError:
            return True

    def release(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None

    def _opened(self, flags: int = 0) -> IO[str]:
        descriptor = open_private(self._path, os.O_RDWR | flags)
        return os.fdopen(descriptor, "r+", encoding="ascii", errors="replace")

    @property
    def held_elsewhere(self) -> bool:
        """Whether another holder has the lock now."""
        if self.held or not os.path.exists(self._path):  # Path.exists raises if the folder may not be read
            return False
        try:
            with self._opened() as handle:
                return not _try_lock(handle)
        except OSError:
            return False


def _try_lock(handle: IO[str]) -> bool:
    try:
        if sys.platform == "win32":
            # The locked byte is far behind the pid, since Windows lets nobody else read locked bytes.
            handle.seek(1 << 20)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            handle.seek(0)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
