"""A small JSON file that several processes share: read and written under a lock, replaced as a whole."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from zmigrate.errors import ConfigError, DiskFull

_LOCK_POLL_S = 0.02
_LOCK_WAIT_S = 30.0
"""Holders keep the lock for milliseconds; longer than this means that something is broken."""


class SharedFile:
    """One JSON object in one file. `edit` is exclusive among processes (and among threads of this one)."""

    def __init__(self, path: Path, sleep: Callable[[float], None] = time.sleep) -> None:
        self._path = path
        self._sleep = sleep

    @contextmanager
    def edit(self) -> Iterator[dict[str, Any]]:
        """Hand out the file's content and write it back as it then is. A damaged file counts as empty.

        Raises ConfigError when the state folder can't be written, DiskFull when its disk is full.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            self._acquire(lock)
            content = self._read()
            yield content
            self._write(content)
        finally:
            os.close(lock)

    def _acquire(self, lock: int) -> None:
        tries = int(_LOCK_WAIT_S / _LOCK_POLL_S)
        while not self._try_lock(lock):
            tries -= 1
            if tries <= 0:
                raise ConfigError(
                    f"{self._path} stays locked by another process.",
                    hint="End the other zmigrate process, or choose another --state-dir.",
                )
            self._sleep(_LOCK_POLL_S)

    def _try_lock(self, lock: int) -> bool:
        try:
            return _try_lock(lock)
        except OSError as error:
            raise self._unwritable(error) from None

    def _read(self) -> dict[str, Any]:
        try:
            content = orjson.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _write(self, content: dict[str, Any]) -> None:
        draft = self._path.with_suffix(f".{os.getpid()}.tmp")
        try:
            draft.write_bytes(orjson.dumps(content))
            os.replace(draft, self._path)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> ConfigError | DiskFull:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return DiskFull(f"The disk of {self._path.parent} is full.", hint="Free space, then resume.")
        return ConfigError(
            f"{self._path.parent} can't be written: {error.strerror}.",
            hint="Make the state folder writable, or choose another with --state-dir or ZMIGRATE_STATE_DIR.",
        )


if sys.platform == "win32":
    import msvcrt

    def _try_lock(lock: int) -> bool:
        try:
            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _try_lock(lock: int) -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
