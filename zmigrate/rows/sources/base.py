"""What all sources have in common: rows that can be opened again and skipped. The kinds are beside this
file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from zmigrate.errors import SourceError
from zmigrate.plain_files import NotAFile, open_regular
from zmigrate.printable import RENAME, path_fault

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm


class Row(NamedTuple):
    """One row of a source."""

    number: int  # its place in the source, from 1
    line: int  # the line of the file on which it begins, from 1; the row's number if there is no file
    values: Mapping[str, Any]


class Block(NamedTuple):
    """Consecutive rows of a file, as cells."""

    first: int  # The number of its first row. The others follow without a gap.
    lines: Sequence[int]  # the line of the file on which each row begins
    cells: list[list[str]]  # in the order of the source's columns


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where to go on: after the row with this number. `token`: the source's own mark (a Query's last id)."""

    number: int = 0
    token: str | None = None


START: Final = Cursor()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A source's state when the run began, so that a resumed run can check that it is unchanged."""

    path: str  # A file's absolute path, or the query
    size: int
    sha256: str
    rows: int | None  # None if it can't be known beforehand (a query)
    encoding: str | None = None
    delimiter: str | None = None
    columns: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Fingerprint:
        columns = stored.get("columns")
        return cls(**{**stored, "columns": None if columns is None else tuple(columns)})


class Source(Protocol):
    """A source of rows."""

    @property
    def name(self) -> str:
        """For messages: `leads.csv`, `Query of Accounts`."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names that rows have. None if rows differ. Raises SourceError if they can't be read."""

    @property
    def stable(self) -> bool:
        """True: the same rows can be read again (a file, the copy of a database). False: they change as a run
        writes (a query)."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """The OAuth scopes that reading needs."""

    def scan(self) -> Fingerprint:
        """Read it all once, strictly, before anything is sent. Raises SourceError."""

    def check(self, fingerprint: Fingerprint) -> None:
        """Raise SourceError with the differences, unless the source is unchanged."""

    def rows(self, after: Cursor = START, crm: Crm | None = None) -> Iterator[Row]:
        """The rows after the cursor."""


def missing_extra(extra: str, what: str, error: ImportError) -> SourceError:
    """The error for a missing library: it names zmigrate's extra that has it."""
    return SourceError(
        f"{what} are read with {error.name or extra}, which is not installed.",
        hint=f"pip install 'zmigrate[{extra}]'",
    )


_NO_PIPE: Final = "Save its content to a file first, and give that file."


def open_file(path: Path) -> BufferedReader:
    """Open a file for reading bytes, without waiting for a pipe. Raises SourceError."""
    fault = path_fault(path)
    if fault is not None:
        raise SourceError(fault, hint=RENAME)
    try:
        return open_regular(path)
    except NotAFile as error:
        raise SourceError(
            f"{path} is {error.what}, but a run reads a file several times.",
            hint=_NO_PIPE,
        ) from None
    except FileNotFoundError:
        raise SourceError(f"{path}: there is no such file.", hint=_near(path)) from None
    except IsADirectoryError:
        raise SourceError(f"{path} is a folder, not a file.") from None
    except PermissionError:
        if path.is_dir():  # Windows reports a folder like this
            raise SourceError(f"{path} is a folder, not a file.") from None
        raise SourceError(
            f"{path} may not be read.",
            hint="Check the file's permissions; on Windows, close it if another program has it open.",
        ) from None
    except OSError as error:
        raise SourceError(f"{path} can't be read: {error.strerror or error}.") from None
    except ValueError:  # a NUL character in the path
        raise SourceError(f"{str(path)!r} is not a file name.") from None


def _near(path: Path) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only when a file is missing

    folder = path.parent
    if str(path) == "-":
        return f"A run reads a file several times, so it takes none from a pipe. {_NO_PIPE}"
    if re.match(r"\w{2,}(\+\w+)?:/", str(path)):
        return "A database is loaded by its URL with: zmigrate run import-file URL --select SELECT"
    if not folder.is_dir():
        return f"There is no folder {folder} either."
    hits = get_close_matches(path.name, os.listdir(folder), n=1)
    return f"Did you mean {folder / hits[0]}?" if hits else f"Looked in {folder.absolute()}."


def changed(name: str, then: Fingerprint, now: Fingerprint) -> SourceError:
    """The error for a file that has changed since the run began."""
    if then.columns != now.columns and then.columns is not None and now.columns is not None:
        gone = [column for column in then.columns if column not in now.columns]
        new = [column for column in now.columns if column not in then.columns]
        what = "; ".join(
            part
            for part in (
                f"columns gone: {', '.join(gone)}" if gone else "",
                f"columns new: {', '.join(new)}" if new else "",
                "" if gone or new else "its columns are in another order",
            )
            if part
        )
    elif then.rows != now.rows:
        what = f"{then.rows:,} rows then, {now.rows:,} now"
    elif then.size != now.size:
        what = f"as many rows, but {then.size:,} bytes then, {now.size:,} now"
    else:
        what = "as long as before, but other content"
    return SourceError(
        f"{name} has changed since the run began: {what}.",
        hint="Put the file back as it was, or start a new run with the changed one.",
        code="SOURCE_CHANGED",
    )
