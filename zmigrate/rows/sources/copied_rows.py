"""The rows of a database, or of a job's own, in a file of the run's folder: what a run reads in their place.

The first line has the columns, each further one a row (see `row_lines`), and the last one says how many rows
there are, and whether that is all of them: `{"rows": 1000, "whole": true}`. If the rows have no columns in
common, the first line is `[]`, and each row is one value.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson

from zmigrate.errors import SourceError
from zmigrate.private_files import open_private
from zmigrate.rows.sources.base import START, Cursor, Fingerprint, Row
from zmigrate.rows.sources.memory_limits import OUR_ROW_BYTES
from zmigrate.rows.sources.row_lines import values_of
from zmigrate.rows.sources.rows import Rows
from zmigrate.rows.sources.sql import Sql

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm

Original: TypeAlias = Sql | Rows
"""Sources that a run copies first: they may be gone, or give other rows, when it goes on."""

_LAST_LINE_BYTES: Final = 100
"""It is shorter."""


def last_line(rows: int, *, whole: bool) -> str:
    """The end of such a file."""
    return orjson.dumps({"rows": rows, "whole": whole}).decode()


class CopiedRows:
    """A source. `original` is what the rows were copied from."""

    stable = True
    scopes: tuple[str, ...] = ()

    def __init__(self, path: Path, original: Original) -> None:
        self.path = path
        self._original = original

    @property
    def name(self) -> str:
        return self._original.name

    @cached_property
    def columns(self) -> tuple[str, ...] | None:
        return tuple(self._values(next(self.lines(), b""))) or None

    @property
    def count(self) -> int:
        return int(self._end["rows"])

    @property
    def whole(self) -> bool:
        """Whether these are all rows of the database, and not the first ones of a run with a limit."""
        return bool(self._end["whole"])

    def scan(self) -> Fingerprint:
        return self._original.fingerprint(self.count)

    def check(self, fingerprint: Fingerprint) -> None:
        self._original.check(fingerprint)

    def rows(self, after: Cursor = START, crm: Crm | None = None) -> Iterator[Row]:
        columns = self.columns
        width = 1 if columns is None else len(columns)
        lines = islice(self.lines(), after.number + 1, None)
        for number in range(after.number + 1, self.count + 1):
            values = self._values(next(lines, b""))
            if len(values) != width:
                raise self._damaged()
            row = values[0] if columns is None else dict(zip(columns, values, strict=True))
            yield Row(number, number, row)

    def lines(self) -> Iterator[bytes]:
        """The line of the columns, and one for each row."""
        with os.fdopen(open_private(self.path, os.O_RDONLY), "rb") as file:
            for line in iter(partial(file.readline, OUR_ROW_BYTES), b""):
                if line.startswith(b"{"):
                    return
                yield line

    @cached_property
    def _end(self) -> dict[str, Any]:
        with os.fdopen(open_private(self.path, os.O_RDONLY), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LAST_LINE_BYTES))
            last = file.read().rpartition(b"\n{")[2]
        try:
            end: dict[str, Any] = orjson.loads(b"{" + last)
            return {name: end[name] for name in ("rows", "whole")}
        except (ValueError, LookupError):
            raise self._damaged() from None

    def _values(self, line: bytes) -> Any:
        try:
            return values_of(line)
        except ValueError:
            raise self._damaged() from None

    def _damaged(self) -> SourceError:
        return SourceError(
            f"{self.path}, the copy of the rows that the run goes by, is damaged.",
            hint="Put the run's folder back from a copy, then resume.",
            code="SOURCE_CHANGED",
        )
