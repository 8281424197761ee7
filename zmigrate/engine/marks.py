"""The marks of rows that an earlier session recorded, in a source that is read again by its own order."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"-?\d+", re.ASCII)


class KnownMarks:
    """Tells when reading has come past all of them.

    Numbers come in their order, so one that is not below the highest says it, also where rows are gone by
    now. How a database orders texts is not known here: of those, each must have been seen.
    """

    def __init__(self, marks: Iterable[str]) -> None:
        left = set(marks)
        numbers = all(map(_NUMBER.fullmatch, left))
        self._highest = max(map(int, left)) if numbers and left else None
        self._left = set() if numbers else left

    @property
    def behind_us(self) -> bool:
        return self._highest is None and not self._left

    def see(self, mark: str) -> None:
        """A row with this mark was read."""
        if self._highest is not None and _NUMBER.fullmatch(mark) and int(mark) >= self._highest:
            self._highest = None
        self._left.discard(mark)

    def forget(self) -> None:
        """The source has ended: what was not seen is gone from it."""
        self._highest = None
        self._left.clear()
