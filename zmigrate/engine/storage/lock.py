"""A lock on a file, held by one process. The system releases it when the process dies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Final

from zmigrate.file_lock import try_lock
from zmigrate.private_files import open_private

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
        try:
            taken = try_lock(handle.fileno())
        except OSError:
            handle.close()
            raise
        if not taken:
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
                return not try_lock(handle.fileno())
        except OSError:
            return False
