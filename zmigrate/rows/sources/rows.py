"""Rows that a job makes itself: a list, a generator, a function. A run copies them into its folder first."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from zmigrate.errors import SourceError
from zmigrate.job.checks import said_of, takes
from zmigrate.rows.sources.base import START, Cursor, Fingerprint, Row
from zmigrate.rows.sources.row_lines import line_of_whole
from zmigrate.wording import as_text

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm

_HINT = 'Write it like this: Rows([{"Last_Name": "Doe"}, {"Last_Name": "Roe"}])'

NOT_NAMED: Final = "rows"


class Rows:
    """Rows of a job's own: `Rows([{"id": 1, "name": "Doe"}])`, or what gives them: `Rows(self.read)`.

    A row is a dict by column name. The rows are read once, and copied into the run's folder before the first
    write: a resume reads the copy, so a generator is as good as a list. `name` is for messages.
    """

    stable = True
    scopes: tuple[str, ...] = ()

    def __init__(
        self,
        rows: Iterable[Mapping[str, Any]] | Callable[[], Iterable[Mapping[str, Any]]],
        name: str = NOT_NAMED,
        *,
        made_by: str = "",
    ) -> None:
        """`made_by`: the job and its options, which tell rows apart that can't be read beforehand."""
        self._rows = rows
        self.name = name
        self._made_by = made_by
        self._opened: list[bool] = []  # shared by all that have the same rows
        if not callable(rows):
            _refuse_no_list(rows, "Rows was given")
        elif not takes(rows, 0):
            raise SourceError(f"Rows was given {said_of(rows)}, which needs values to be called.", hint=_HINT)

    def __repr__(self) -> str:
        return f"Rows({self.name!r})"

    def of_job(self, name: str, made_by: str) -> Rows:
        """The same rows, under the name that is told."""
        same = Rows(self._rows, name, made_by=made_by)
        same._opened = self._opened
        return same

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The keys of the rows of a list that all have the same, if they are texts; else None."""
        if not isinstance(self._rows, list | tuple) or not self._rows:
            return None
        first = tuple(self._row(1, self._rows[0]))
        alike = all(self._row(n, row).keys() == set(first) for n, row in enumerate(self._rows, start=1))
        named = all(isinstance(name, str) for name in first)
        return first if alike and first and named else None

    def scan(self) -> Fingerprint:
        """Reads a list. The number of other rows is known only after reading."""
        return self.fingerprint(len(self._rows) if isinstance(self._rows, list | tuple) else None)

    def fingerprint(self, rows: int | None) -> Fingerprint:
        """What tells these rows from others: the rows of a list; of others, the job that makes them."""
        digest = hashlib.sha256(self._made_by.encode())
        if isinstance(self._rows, list | tuple):
            digest = hashlib.sha256()
            for number, row in enumerate(self._rows, start=1):
                digest.update(line_of_whole(number, self._row(number, row)).encode())
        return Fingerprint(self.name, 0, digest.hexdigest(), rows, columns=self.columns)

    def check(self, fingerprint: Fingerprint) -> None:
        """Nothing to compare: a run goes by its copy."""

    def rows(self, after: Cursor = START, crm: Crm | None = None) -> Iterator[Row]:
        columns = self.columns
        for number, row in enumerate(islice(self._open(), after.number, None), start=after.number + 1):
            values = self._row(number, row)
            yield Row(number, number, values if columns is None else {name: values[name] for name in columns})

    def _open(self) -> Iterator[Any]:
        used_up = isinstance(self._rows, Generator) and getattr(self._rows, "gi_frame", self) is None
        if used_up or (self._opened and isinstance(self._rows, Iterator)):
            raise SourceError(
                f"{self.name}: these rows can be read only once.",
                hint="Give Rows a list, or a function that gives the rows.",
            )
        self._opened.append(True)
        rows = self._rows
        if callable(rows):
            rows = rows()
            _refuse_no_list(rows, f"{self.name}: the function of Rows gave")
        return iter(rows)

    def _row(self, number: int, row: Any) -> Mapping[str, Any]:
        if not isinstance(row, Mapping):
            raise SourceError(
                f"{self.name}: row {number:,} is {said_of(row)}; a row is a dict by column name.",
                hint=_HINT,
            )
        unnamed = [name for name in row if not isinstance(name, str)]
        if unnamed:
            raise SourceError(
                f"{self.name}: row {number:,} has a column {as_text(unnamed[0])}; a column's name is a text.",
                hint=_HINT,
            )
        return row


def _refuse_no_list(rows: Any, what: str) -> None:
    if isinstance(rows, str | bytes | Mapping | type) or not isinstance(rows, Iterable):
        raise SourceError(f"{what} {said_of(rows)}, which is not a list of rows.", hint=_HINT)
