"""A small JSON file that several processes share: read and written under a lock, replaced as a whole."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson

from zmigrate.errors import ConfigError, DiskFull
from zmigrate.file_lock import try_lock
from zmigrate.file_owner import ANOTHER_PLACE, cant_read, why
from zmigrate.private_files import open_private, read_whole, replace_whole
from zmigrate.state_folders import private_folder

_MOST_BYTES: Final = 16 << 20
"""Such a file has a number for each minute of a day, or for each token of ten minutes."""
_LOCK_POLL_S = 0.02
_LOCK_WAIT_S = 30.0  # Locks are held for milliseconds. A longer wait means that something is broken.


class SharedFile:
    """One JSON object in one file. `edit` is exclusive among processes and threads.

    A missing file is empty, a damaged one is not: `when_damaged` gives the content to use instead, for a file
    last written at that time (epoch seconds).
    """

    def __init__(
        self,
        path: Path,
        sleep: Callable[[float], None] = time.sleep,
        *,
        root: Path | None = None,
        when_damaged: Callable[[float], dict[str, Any]] | None = None,
    ) -> None:
        """`root`: the state folder that the file is in."""
        self._path = path
        self._root = root
        self._sleep = sleep
        self._when_damaged = when_damaged

    @contextmanager
    def edit(self) -> Iterator[dict[str, Any]]:
        """Hand out the file's content, and write it back with the caller's changes.

        Raises ConfigError if the state folder can't be read or written, DiskFull if its disk is full.
        """
        try:
            private_folder(self._path.parent, self._root)
            lock = open_private(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT)
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
                    f"{self._path} is locked by another process for too long.",
                    hint="End the other zmigrate process, or choose another --state-dir.",
                )
            self._sleep(_LOCK_POLL_S)

    def _try_lock(self, lock: int) -> bool:
        try:
            return try_lock(lock)
        except OSError as error:
            raise self._unwritable(error) from None

    def _read(self) -> dict[str, Any]:
        try:
            content = orjson.loads(read_whole(self._path, _MOST_BYTES))
            if isinstance(content, dict):
                return content
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise cant_read(self._path, error) from None
        except ValueError:
            pass  # reported below, like JSON that is not an object
        return self._damaged()

    def _damaged(self) -> dict[str, Any]:
        """The content to use instead of a damaged file, which is overwritten next. A copy is kept."""
        if self._when_damaged is None:
            raise ConfigError(f"{self._path} is damaged.", hint="Move it away, or put it back from a copy.")
        try:
            written_at = self._path.stat().st_mtime
            replace_whole(self._path.with_suffix(".damaged"), read_whole(self._path, _MOST_BYTES))
            return self._when_damaged(written_at)
        except OSError as error:
            raise self._unwritable(error) from None

    def _write(self, content: dict[str, Any]) -> None:
        try:
            replace_whole(self._path, orjson.dumps(content), durable=False)
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> ConfigError | DiskFull:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return DiskFull(f"The disk of {self._path.parent} is full.", hint="Free space, then resume.")
        return ConfigError(
            f"{self._path.parent} can't be written: {why(self._path.parent, error)}.",
            hint=f"Make the state folder writable. Else: {ANOTHER_PLACE}",
        )
