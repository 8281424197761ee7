"""Workbooks of Excel and LibreOffice, read by python-calamine (extra `excel`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

from zmigrate.errors import SourceError
from zmigrate.rows.bad_cell import BadCell
from zmigrate.rows.sources.base import START, Cursor, Fingerprint, Row, missing_extra, open_file
from zmigrate.rows.sources.cell_errors import HiddenErrors, error_cells
from zmigrate.rows.sources.column_names import check_names
from zmigrate.rows.sources.file_watch import FileWatch
from zmigrate.rows.sources.text import file_hash
from zmigrate.rows.sources.workbook import Workbook, WorkbookFailed
from zmigrate.rows.sources.workbook_extent import check_parts, check_sheet
from zmigrate.rows.sources.workbook_parts import STRUCTURE_FAULTS, column_letters
from zmigrate.rows.sources.xls_errors import Errors
from zmigrate.rows.spreadsheet import is_ours, our_columns, unescape

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm

EXACT: Final = 10**15  # Excel keeps only fifteen digits of a number, so from here on not every digit


class Excel:
    """Rows of one sheet of a workbook: .xlsx, .xlsm, .xlsb, .xls or .ods.

    `sheet`: a name, or a number from 1; by default the only sheet with contents. `header`: the number of the
    row with the columns' names. Values are date or datetime, int or Decimal, bool, text, "" for empty cells,
    text for times and durations, and for formulas the result when the workbook was saved. A cell with an
    error (#REF!) fails its row, and so does a number with more than fifteen digits, which Excel has rounded.
    `line` is the sheet's row. Blank rows are left out. In a result file of ours that a spreadsheet has saved,
    escapes are undone; our columns stay, and go nowhere unless they are mapped.

    Memory: a separate process reads the whole sheet.
    """

    stable = True
    scopes: tuple[str, ...] = ()

    def __init__(self, path: str | Path, sheet: str | int | None = None, header: int = 1) -> None:
        self.path = Path(path)
        self.sheet = sheet
        self.header = header
        if header < 1:
            raise SourceError(f"rows are counted from 1, so row {header} can't be the header.")
        self._columns: tuple[str, ...] | None = None
        self._escaped = False
        self._checked: set[tuple[Any, ...]] = set()
        """Files and sheets that are known not to be too large."""
        self._watch = FileWatch(self.path)

    def __repr__(self) -> str:
        return f"Excel({str(self.path)!r})"

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def columns(self) -> tuple[str, ...]:
        if self._columns is None:
            with self._opened():
                pass
        assert self._columns is not None  # noqa: S101  set by loading
        return self._columns

    @property
    def escaped(self) -> bool:
        """Whether zmigrate wrote the rows, so that their escapes are undone."""
        assert self.columns  # noqa: S101  reads the header
        return self._escaped

    def scan(self) -> Fingerprint:
        self._watch.begin()
        size, sha256 = file_hash(self.path)
        with self._opened() as sheet:
            rows = sum(1 for _ in sheet.rows())
        if not rows:
            raise SourceError(
                f"{self.path}: sheet {sheet.name!r} has only a header, no rows.",
                hint="Is it the right sheet, and complete?",
            )
        self._watch.know(size, sha256)
        self._watch.confirm()
        return Fingerprint(str(self.path.absolute()), size, sha256, rows, columns=self.columns)

    def check(self, fingerprint: Fingerprint) -> None:
        self._watch.check(fingerprint, self.scan)

    def rows(self, after: Cursor = START, crm: Crm | None = None) -> Iterator[Row]:
        with self._opened() as sheet:
            self._watch.confirm()
            columns, value_of = self.columns, _unescaped if self._escaped else _value
            for number, (line, cells) in enumerate(sheet.rows(), start=1):
                if number > after.number:
                    yield Row(number, line, dict(zip(columns, map(value_of, cells), strict=True)))

    @contextmanager
    def _opened(self) -> Iterator[_Sheet]:
        """The sheet, with its header read. Raises SourceError if it can't be read, also during reading."""
        try:
            from python_calamine import load_workbook  # noqa: F401, PLC0415  its own process reads with it
        except ImportError as error:
            raise missing_extra("excel", "workbooks", error) from None
        with open_file(self.path) as file:
            broken = self._check(file, check_parts)
            try:
                with Workbook(self.path, os.fstat(file.fileno()).st_size) as workbook:
                    workbook.sheets()  # has better errors, for example about a password
                    if broken is not None:
                        raise broken
                    sheet = self._sheet(workbook, file)
                    self._columns, self._escaped = sheet.columns, sheet.escaped
                    yield sheet
            except WorkbookFailed as error:
                raise self._unreadable(error) from None

    def _sheet(self, workbook: Workbook, file: BinaryIO) -> _Sheet:
        name = self._choose(workbook, file)
        first, rows = workbook.cells(name)
        try:
            errors = error_cells(file, name)
        except HiddenErrors:
            raise SourceError(
                f"{self.path} has cells with an error such as #REF!, and .ods does not show which.",
                hint="Fix them, or save it as .xlsx: then only their rows fail.",
            ) from None
        except STRUCTURE_FAULTS as error:
            raise self._unreadable(error) from None
        return _Sheet(self.path, name, self.header, first[1] if first else 0, rows, errors)

    def _check(self, file: BinaryIO, check: Callable[..., None], *sheet: str) -> SourceError | None:
        """Check its size, once for each state of a file. Returns the error if the file is damaged, raises it
        if it is too large.
        """
        found = os.fstat(file.fileno())
        mark = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, *sheet
        if mark not in self._checked:
            try:
                check(self.path, file, *sheet)
            except STRUCTURE_FAULTS as error:
                return self._unreadable(error)
            self._checked.add(mark)
        return None

    def _check_sheet(self, file: BinaryIO, sheet: str) -> str:
        """Raise SourceError for a sheet that is too large, or can't be read."""
        broken = self._check(file, check_sheet, sheet)
        if broken is not None:
            raise broken
        return sheet

    def _unreadable(self, error: Exception) -> SourceError:
        if isinstance(error, WorkbookFailed) and error.kind == "PasswordError":
            return SourceError(
                f"{self.path} is protected by a password.", hint="Save it without, and give that file."
            )
        return SourceError(
            f"{self.path} can't be read as a workbook: {error}.",
            hint="Does it open in Excel? Save it again, as .xlsx or CSV.",
        )

    def _choose(self, workbook: Workbook, file: BinaryIO) -> str:
        """The sheet to read. Raises SourceError with a list of the sheets."""
        names = [sheet.name for sheet in workbook.sheets()]
        listed = ", ".join(f"{number} {name!r}" for number, name in enumerate(names, start=1))
        if self.sheet in names:
            return self._check_sheet(file, str(self.sheet))
        if self.sheet is not None:
            number = int(self.sheet) if str(self.sheet).isdecimal() else 0
            if not 1 <= number <= len(names):
                raise SourceError(f"{self.path} has no sheet {self.sheet!r}.", hint=f"It has: {listed}.")
            return self._check_sheet(file, names[number - 1])
        shown = [sheet.name for sheet in workbook.sheets() if sheet.holds_cells and sheet.visible]
        if len(shown) > 1:
            shown = [name for name in shown if not workbook.is_empty(self._check_sheet(file, name))]
        if len(shown) == 1:
            return self._check_sheet(file, shown[0])
        if not shown:
            raise SourceError(f"{self.path} is empty.", hint="Is it the right file, and complete?")
        listed = ", ".join(f"{names.index(name) + 1} {name!r}" for name in shown)
        raise SourceError(
            f"{self.path} has {len(shown)} sheets with contents: {listed}.",
            hint="Name the one to read, by its name or number: --sheet, or Excel(..., sheet=...).",
        )


class _Sheet:
    """The rows of a sheet after its header, without empty columns at the left."""

    def __init__(
        self, path: Path, name: str, header: int, left: int, rows: Iterator[list[Any]], errors: Errors
    ) -> None:
        self.name = name
        self._path = path
        self._rows = enumerate(rows)
        self._left = left
        self._errors = errors
        cells = next((cells for number, cells in self._rows if number == header - 1), [])
        named = [place for place, cell in enumerate(cells) if cell != ""]
        if not named:
            raise SourceError(
                f"{path}:{header}: this row of sheet {name!r} is empty, but should name the columns.",
                hint="Give the row that does: --header, or Excel(..., header=3).",
            )
        self._span = slice(named[0], named[-1] + 1)
        self._header = header
        columns = tuple(str(_value(cell)).strip() for cell in cells[self._span])
        self.escaped = is_ours(columns)
        ours = our_columns(columns)
        self.columns = (*columns[:ours], *map(unescape, columns[ours:])) if self.escaped else columns
        check_names(f"{path}:{header}", self.columns)

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """(row of the sheet, cells) without blank rows. Raises SourceError for a cell outside the columns."""
        first, last = self._span.start, self._span.stop
        for number, cells in self._rows:
            errors = self._errors.get(number)
            if errors:
                for column, shown in errors.items():
                    if self._left <= column < self._left + len(cells):  # otherwise it is outside
                        cells[column - self._left] = _Error(shown)
            empty = cells.count("")
            if empty == len(cells):
                continue
            inside = cells[first:last]
            if len(cells) - len(inside) != empty - inside.count(""):
                raise self._outside(number, cells)
            yield number + 1, inside

    def _outside(self, number: int, cells: list[Any]) -> SourceError:
        place = next(
            place
            for place, cell in enumerate(cells)
            if cell != "" and not self._span.start <= place < self._span.stop
        )
        letter = column_letters(place + self._left)
        return SourceError(
            f"{self._path}:{number + 1}: cell {letter}{number + 1} of sheet {self.name!r} is in no column:"
            f" {letter}{self._header} names none.",
            hint="Name the column there, or empty the cell.",
        )


class _Error(NamedTuple):
    shown: str


def _value(cell: Any) -> Any:
    """A cell's value, in the types that fields take."""
    of_its_kind = _BY_KIND.get(type(cell))
    return cell if of_its_kind is None else of_its_kind(cell)


def _unescaped(cell: Any) -> Any:
    """The same of a cell that zmigrate wrote."""
    return unescape(cell) if isinstance(cell, str) else _value(cell)


def _number(cell: float) -> int | Decimal | BadCell:
    if not -EXACT < cell < EXACT:
        return BadCell(f"{cell:.14E}", "a number of more than 15 digits, which Excel has rounded")
    return int(cell) if cell == int(cell) else Decimal(f"{cell:.15g}")


def _duration(cell: timedelta) -> str:
    minutes, seconds = divmod(int(cell.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


_BY_KIND: Final[dict[type, Callable[[Any], Any]]] = {
    float: _number,
    int: _number,
    time: time.isoformat,
    timedelta: _duration,
    _Error: lambda cell: BadCell(cell.shown, f"{cell.shown}, an error of the spreadsheet"),
}
