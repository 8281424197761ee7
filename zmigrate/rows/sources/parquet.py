"""Parquet files, read by DuckDB (extra `parquet`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zmigrate.errors import SourceError
from zmigrate.rows.sources.base import START, Cursor, Fingerprint, Row, missing_extra, open_file
from zmigrate.rows.sources.column_names import check_names
from zmigrate.rows.sources.file_watch import FileWatch
from zmigrate.rows.sources.memory_limits import BLOCK_BYTES, ROW_BYTES
from zmigrate.rows.sources.text import file_hash

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from zmigrate.zoho.crm import Crm

ROWS_AT_ONCE: Final = 1_000  # rows that are fetched together; fewer if they are long
MEMORY: Final = "1GB"  # DuckDB's limit. It holds a page of each column, and the words of a dictionary.
_PATTERN: Final = re.compile(r"[*?\[]")
_FILE: Final = "read_parquet(?, hive_partitioning = false)"
_NESTED: Final = ("STRUCT", "MAP", "UNION", "VARIANT", "JSON")
_MAGIC: Final = b"PAR1"
_ENCRYPTED: Final = b"PARE"


class Parquet:
    """Rows of a Parquet file, with its own values: text, int, float, Decimal, bool, date, datetime, lists,
    and structs as dicts. `line` is the row's number. Rows are streamed.
    """

    stable = True
    scopes: tuple[str, ...] = ()

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._columns: tuple[str, ...] | None = None
        self._lengths: dict[str, str] = {}
        """For each column without a fixed size: the SQL for a value's bytes."""
        self._longest: int | None = None
        """Bytes of the longest row, without columns of fixed size."""
        self._watch = FileWatch(self.path)

    def __repr__(self) -> str:
        return f"Parquet({str(self.path)!r})"

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def columns(self) -> tuple[str, ...]:
        if self._columns is None:
            with self._database() as database:
                self._columns = self._read_columns(database)
        return self._columns

    def scan(self) -> Fingerprint:
        """Hash, columns and number of rows. Also checks that every page can be unpacked."""
        self._watch.begin()
        size, sha256 = file_hash(self.path)
        with self._database() as database:
            self._columns = self._read_columns(database)
            found = database.execute("select num_rows from parquet_file_metadata(?)", [self._pattern])
            rows = sum(int(number) for (number,) in found.fetchall())
            if not rows:
                raise SourceError(f"{self.path} has no rows.", hint="Is it the right file, and complete?")
            every = ", ".join(map(_quoted, self._columns))
            # A count would be answered from the statistics, without opening a page.
            database.execute(f"select max(hash({every})) from {_FILE}", [self._pattern]).fetchall()  # noqa: S608
            self._longest = self._measure(database)
        self._watch.know(size, sha256)
        self._watch.confirm()
        return Fingerprint(str(self.path.absolute()), size, sha256, rows, columns=self._columns)

    def check(self, fingerprint: Fingerprint) -> None:
        self._watch.check(fingerprint, self.scan)

    def rows(self, after: Cursor = START, crm: Crm | None = None) -> Iterator[Row]:
        columns = self.columns
        wanted = ", ".join(map(_quoted, columns))
        numbers = count(after.number + 1)
        with self._database() as database:
            self._watch.confirm()
            if self._longest is None:
                self._longest = self._measure(database)
            at_once = max(1, min(ROWS_AT_ONCE, BLOCK_BYTES // (self._longest + 1)))
            behind = f"select {wanted} from {_FILE} offset ?"  # noqa: S608  columns, quoted
            found = database.execute(behind, [self._pattern, after.number])
            while cells := found.fetchmany(at_once):
                self._watch.confirm()
                for row, number in zip(cells, numbers, strict=False):
                    yield Row(number, number, dict(zip(columns, row, strict=True)))

    @property
    def _pattern(self) -> str:
        """The path, escaped so that DuckDB does not take it for a pattern of several files."""
        return _PATTERN.sub(lambda found: f"[{found[0]}]", str(self.path.absolute()))

    def _read_columns(self, database: DuckDBPyConnection) -> tuple[str, ...]:
        described = database.execute(f"describe from {_FILE}", [self._pattern]).fetchall()
        names = tuple(str(row[0]) for row in described)
        check_names(str(self.path), names)
        lengths = ((str(row[0]), _length(str(row[0]), str(row[1]))) for row in described)
        self._lengths = {name: length for name, length in lengths if length is not None}
        return names

    def _measure(self, database: DuckDBPyConnection) -> int:
        """Bytes of the longest row, without columns of fixed size. Raises SourceError for too long a row."""
        if not self._lengths:
            return 0
        length = " + ".join(self._lengths.values())
        found = database.execute(f"select max({length}) from {_FILE}", [self._pattern])  # noqa: S608
        longest = int((found.fetchone() or (0,))[0] or 0)
        if longest > ROW_BYTES:
            raise self._too_long(database)
        return longest

    def _too_long(self, database: DuckDBPyConnection) -> SourceError:
        """The error for the first row that is too long, with its longest cell."""
        lengths = ", ".join(self._lengths.values())
        found = database.execute(f"select {lengths} from {_FILE}", [self._pattern])  # noqa: S608
        cells = iter(partial(found.fetchmany, ROWS_AT_ONCE), [])
        number, row = next(
            (number, row)
            for number, row in enumerate(chain.from_iterable(cells), start=1)
            if sum(row) > ROW_BYTES
        )
        column = list(self._lengths)[row.index(max(row))]
        return SourceError(
            f"{self.path}: row {number:,} has more than {ROW_BYTES >> 20} MB, most of them in column"
            f" {column!r}.",
            hint="Leave this column out of the file, or shorten its values: Zoho's longest text has 50,000"
            " characters.",
        )

    @contextmanager
    def _database(self) -> Iterator[DuckDBPyConnection]:
        """A separate DuckDB in memory. Its errors become SourceErrors."""
        with open_file(self.path) as raw:
            head = raw.read(4)
        if head == _ENCRYPTED:
            raise SourceError(f"{self.path} is encrypted.", hint="Save it without encryption.")
        if head != _MAGIC:
            raise SourceError(f"{self.path} is not Parquet.", hint="Is it the right file, and complete?")
        try:
            import duckdb  # noqa: PLC0415
        except ImportError as error:
            raise missing_extra("parquet", "Parquet files", error) from None
        settings: dict[str, Any] = {
            "threads": 1,  # so that rows come in order, and take the memory of one thread
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "memory_limit": MEMORY,
            "temp_directory": "",  # leave nothing of the file in the current folder
        }
        try:
            with duckdb.connect(":memory:", config=settings) as database:
                yield database
        except duckdb.OutOfMemoryException:
            raise SourceError(
                f"{self.path} can't be read as Parquet: one part of the file needs more than {MEMORY}.",
                hint="Write the file again, with smaller row groups and pages; or save it as CSV.",
            ) from None
        except duckdb.Error as error:
            text = str(error).partition("\n")[0]
            raise SourceError(
                f"{self.path} can't be read as Parquet: {text}", hint="Copy or export it again."
            ) from None


def _length(name: str, kind: str) -> str | None:
    """The SQL for the bytes of a column's value. None if all values have the same small size."""
    if kind == "BLOB":
        length = f"octet_length({_quoted(name)})"
    elif kind == "VARCHAR":
        length = f"strlen({_quoted(name)})"
    elif kind.endswith("]") or kind.startswith(_NESTED):
        length = f"strlen(cast({_quoted(name)} as varchar))"
    else:
        return None
    return f"coalesce({length}, 0)"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
