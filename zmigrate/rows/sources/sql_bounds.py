"""What a database may take of this machine: how many of its rows are held in memory at once, and, of those
that run in our own process, which memory and files they may have.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from sys import getsizeof
from typing import TYPE_CHECKING, Any, Final

from zmigrate.errors import SourceError
from zmigrate.rows.sources.memory_limits import BLOCK_BYTES, DATABASE_BYTES, ROW_BYTES

if TYPE_CHECKING:
    from sqlalchemy import CursorResult, Engine, Executable
    from sqlalchemy.engine import Connection

ROWS_AT_ONCE: Final = 1_000
"""Rows that the driver fetches together, at most."""
ROWS_OF_SQLITE: Final = 4
"""Each may be as long as SQLite's memory; more at once are hardly quicker."""
_ROWS_AT_FIRST: Final = 16
_SQLITE_CELL_BYTES: Final = 4 * ROW_BYTES
"""Beyond the row limit, so that most cells that are too long are counted here, by row and column."""
_TEXTS: Final = frozenset({str, bytes})
_CHARACTER_BYTES: Final = 4
"""At most, in memory."""
_HINT: Final = "Leave the column out of the select, or shorten its values there: substr(note, 1, 50000)."


def bound(engine: Engine, *, files: bool) -> None:
    """Bounds a database in our own process. `files`: whether its selects may read other files, and the net.

    SQLite makes texts, and whole tables to sort, in our memory: `hex(zeroblob(400000000))`. DuckDB reads what
    a select names: `read_text('/home/me/.ssh/id_rsa')`.
    """
    from sqlalchemy import event  # noqa: PLC0415

    def bound_sqlite(connection: Any, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _SQLITE_CELL_BYTES)
            connection.execute(f"pragma hard_heap_limit = {DATABASE_BYTES}").close()

    def confine_duckdb(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("set enable_external_access = false")
        cursor.execute("set lock_configuration = true")

    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", bound_sqlite)
    elif engine.dialect.name == "duckdb" and not files:
        event.listen(engine, "connect", confine_duckdb)


def fetched(connection: Connection, statement: Executable, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
    """The rows, few at a time where they are long. Raises SourceError for one over the limit."""
    if connection.dialect.name == "sqlite":
        found = connection.execution_options(yield_per=ROWS_OF_SQLITE).execute(statement)
        share = ROW_BYTES // max(1, len(columns)) // _CHARACTER_BYTES  # one cell at least has more, or none
        for number, cells in enumerate(found, start=1):
            long = [
                True for cell in cells if (type(cell) is str or type(cell) is bytes) and len(cell) > share
            ]
            if long and sum(map(getsizeof, cells)) > ROW_BYTES:
                raise _long_row(number, cells, columns)
            yield cells
    else:
        options: dict[str, Any] = {"stream_results": True, "max_row_buffer": ROWS_AT_ONCE}
        result: CursorResult[Any] = connection.execution_options(**options).execute(statement)
        yield from in_blocks(result.fetchmany, columns)


def in_blocks(
    fetchmany: Callable[[int], Sequence[Sequence[Any]]], columns: Sequence[str]
) -> Iterator[Sequence[Any]]:
    """Rows fetched so many at once as make a block, by the size of those before."""
    number, at_once = 0, _ROWS_AT_FIRST
    while rows := fetchmany(at_once):
        size = 0
        for number, cells in enumerate(rows, start=number + 1):  # noqa: B020  (goes on counting)
            of_row = sum(map(getsizeof, cells))
            if of_row > ROW_BYTES:
                raise _long_row(number, cells, columns)
            size += of_row
            yield cells
        at_once = max(1, min(2 * at_once, ROWS_AT_ONCE, at_once * BLOCK_BYTES // max(1, size)))


def too_long(error: BaseException | None) -> SourceError | None:
    """What SQLite's refusal of a cell means; None for any other error."""
    if getattr(error, "sqlite_errorname", None) != "SQLITE_TOOBIG":
        return None
    return SourceError(
        f"a cell, or a row, has more than {_SQLITE_CELL_BYTES >> 20} MB; {ROW_BYTES >> 20} MB are allowed.",
        hint=_HINT,
    )


def no_memory(shown: str) -> SourceError:
    return SourceError(
        f"{shown}: its rows take more than {DATABASE_BYTES >> 20:,} MB of memory to put in order.",
        hint="Leave long columns out of the select, or make an index of the column that gives the order.",
    )


def _long_row(number: int, cells: Sequence[Any], columns: Sequence[str]) -> SourceError:
    sizes = list(map(getsizeof, cells))
    return SourceError(
        f"row {number:,} has more than {ROW_BYTES >> 20} MB, most of them in column"
        f" {columns[sizes.index(max(sizes))]}.",
        hint=_HINT,
    )
