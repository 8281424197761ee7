"""A file is read several times: scanned, read, read again for the result files. Checks that it is
unchanged.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from zmigrate.errors import SourceError
from zmigrate.rows.sources.base import Fingerprint, changed, open_file
from zmigrate.rows.sources.text import file_hash

EVERY_ROWS: Final = 100
"""How many rows are read between two checks of the file. A check takes a few microseconds."""


class FileWatch:
    """Checks that a file is the one that was scanned: by the system's data, and by its hash if these
    differ.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark: tuple[int, ...] | None = None
        self._content: tuple[int, str] | None = None

    def begin(self) -> None:
        """Note the file's state, before it is read as a whole."""
        self._mark = self._look()

    def know(self, size: int, sha256: str) -> None:
        """Note the size and hash of what was read since `begin`."""
        self._content = size, sha256

    def confirm(self) -> None:
        """Raise SourceError unless the file has the known content. Without one, anything is accepted."""
        if self._content is None or self._look() == self._mark:
            return
        self.begin()
        if file_hash(self._path) != self._content:
            raise SourceError(
                f"{self._path} was changed or replaced while the run was reading it.",
                hint="Put it back as it was and resume; or start a new run with the changed one.",
                code="SOURCE_CHANGED",
            )

    def check(self, then: Fingerprint, scan: Callable[[], Fingerprint]) -> None:
        """Raise SourceError with the differences, unless the file is as it was when the run began."""
        self.begin()
        size, sha256 = file_hash(self._path)
        if (size, sha256) == (then.size, then.sha256):
            self.know(size, sha256)
            return
        try:
            now = scan()
        except SourceError as error:
            raise SourceError(
                f"{self._path} has changed since the run began, and can't be read now: {error.message}",
                hint=error.hint,
                code="SOURCE_CHANGED",
            ) from None
        raise changed(str(self._path), then, now)

    def _look(self) -> tuple[int, ...]:
        try:
            found = self._path.stat()
        except OSError:
            with open_file(self._path) as raw:  # raises an error that explains it
                found = os.fstat(raw.fileno())
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
