"""Measures how far a sheet's cells reach, before memory is taken for them. The size that a sheet claims is
ignored. Formats: see `cell_errors`.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final
from xml.parsers import expat

from zmigrate.errors import SourceError
from zmigrate.rows.sources.memory_limits import (
    PART_BYTES,
    PART_RATIO,
    SHEET_CELLS,
    SHEET_CELLS_PER_FILLED,
    XLS_BYTES,
)
from zmigrate.rows.sources.packed import CHUNK, listed
from zmigrate.rows.sources.workbook_parts import (
    ODS_CONTENT,
    Parts,
    column_letters,
    column_number,
    has_name_of_picture,
    local_name,
    records,
)
from zmigrate.rows.sources.xls_errors import cells_of_xls

_FILLED: Final = re.compile(rb"""<c(?:\s+r="([A-Z]{1,3}[0-9]{1,7})")?(?=[\s>])(?=[^<]*+<(?!/|c[\s/>]))""")
"""A cell with contents, with its reference if that comes first, as in all programs."""
_PREFIXED: Final = re.compile(rb"<[A-Za-z_][\w.-]*+:c[\s>]")
_LETTERS: Final = bytes(each if 65 <= each <= 90 else 32 for each in range(256))
_DIGITS: Final = bytes(each if 48 <= each <= 57 else 32 for each in range(256))
_REFERENCE: Final = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})\Z")
_LONGEST_ELEMENT: Final = 16 << 20
_CELLS_OF_XLSB: Final = range(2, 12)
_ROW_OF_XLSB: Final = 0


class Extent:
    """The rectangle of a sheet's cells with contents, and the cells that reach the furthest. Rows and columns
    count from 0.
    """

    def __init__(self) -> None:
        self.filled = 0
        self.last_row = self.last_column = -1
        self._lowest = self._rightmost = ""

    @property
    def cells(self) -> int:
        return (self.last_row + 1) * (self.last_column + 1)

    @property
    def too_large(self) -> bool:
        return self.cells > max(SHEET_CELLS, SHEET_CELLS_PER_FILLED * self.filled)

    def see(self, row: int, column: int) -> None:
        """Count a cell."""
        if row > self.last_row:
            self.last_row, self._lowest = row, f"{column_letters(column)}{row + 1}"
        if column > self.last_column:
            self.last_column, self._rightmost = column, f"{column_letters(column)}{row + 1}"

    def refusal(self, path: Path, sheet: str) -> SourceError:
        """The error that names the furthest cell: by row, if there are more rows than cells, else by
        column.
        """
        low = self.last_row >= self.filled
        right = not low or self.last_column >= self.filled
        far = list(dict.fromkeys([self._rightmost] * right + [self._lowest] * low))
        several = len(far) > 1
        return SourceError(
            f"{path}: cell{'s' * several} {' and '.join(far)} of sheet {sheet!r} {'are' if several else 'is'}"
            f" far from the others: the sheet would have {self.cells:,} cells, but only {self.filled:,} have"
            " contents.",
            hint=f"Empty {'them' if several else 'it'}: go there in Excel (F5), press Delete, and save. Or"
            " save the sheet as CSV.",
        )


def check_parts(path: Path, file: IO[bytes]) -> None:
    """Raise SourceError for a workbook that would fill the memory when it is opened: because of the size of
    its parts, or, if all sheets are read at once (.xls, .ods), because of cells that are far away. Raises
    BadZipFile and others if the file is damaged.
    """
    file.seek(0)
    if not zipfile.is_zipfile(file):
        _check_xls(path, file)
        return
    with listed(file) as archive:
        parts = Parts(archive)
        # Pictures last: recognising one reads the workbook's list of parts, whose size must be checked first.
        for part in sorted(archive.infolist(), key=lambda each: has_name_of_picture(each.filename)):
            if (
                part.file_size > PART_BYTES
                and part.file_size > PART_RATIO * part.compress_size
                and not parts.is_picture(part.filename)
            ):
                raise SourceError(
                    f"{path}: {part.filename} in it unpacks to {part.file_size >> 20:,} MB, more than"
                    f" {PART_RATIO} times its size, which no workbook does.",
                    hint="Does it open in Excel? Save it again, as .xlsx or CSV.",
                )
        if ODS_CONTENT in parts:
            with parts.open(ODS_CONTENT) as content:
                for sheet, extent in _of_ods(content):
                    if extent.too_large:
                        raise extent.refusal(path, sheet)


def check_sheet(path: Path, file: IO[bytes], sheet: str) -> None:
    """Raise SourceError for a sheet of an .xlsx or .xlsb workbook with cells too far away."""
    file.seek(0)
    if not zipfile.is_zipfile(file):
        return
    with listed(file) as archive:
        parts = Parts(archive)
        part = parts.of_sheet(sheet)
        if part is None:
            return
        if part.lower().endswith(".bin"):
            with parts.open(part) as content:
                extent = _of_xlsb(content)
        else:
            with parts.open(part) as content:
                quick = _of_xlsx(content)
            if quick is None:
                with parts.open(part) as content:
                    quick = _of_unusual_xlsx(content)
            extent = quick
    if extent.too_large:
        raise extent.refusal(path, sheet)


def _check_xls(path: Path, file: IO[bytes]) -> None:
    file.seek(0, 2)
    if file.tell() > XLS_BYTES:
        raise SourceError(
            f"{path} has more than {XLS_BYTES >> 20} MB. It is too large: .xls is read as a whole.",
            hint="Save it as .xlsx or CSV.",
        )
    for sheet, cells in cells_of_xls(file):
        extent = Extent()
        for row, column in cells:
            extent.filled += 1
            extent.see(row, column)
        if extent.too_large:
            raise extent.refusal(path, sheet)


def _of_xlsx(part: IO[bytes]) -> Extent | None:
    """By patterns, ten times as fast as by a parser. None if the sheet is written in an unusual way."""
    extent = Extent()
    buffer = b""
    while chunk := part.read(CHUNK):
        buffer += chunk  # after the rest of the previous one, in which a name may have begun
        if b"\0" in chunk or (b":c" in buffer and _PREFIXED.search(buffer)):
            return None  # UTF-16, or names with prefixes
        end = buffer.rfind(b"</")
        if end < 0:
            if len(buffer) > _LONGEST_ELEMENT:
                return None
            continue
        if not _see_all(extent, _FILLED.findall(buffer, 0, end + 2)):
            return None
        buffer = buffer[end:]
    return extent


def _see_all(extent: Extent, cells: list[bytes]) -> bool:
    """Count many cells, by sets of their columns and rows. False if one does not begin with its reference."""
    extent.filled += len(cells)
    text = b" ".join(cells)
    columns = text.translate(_LETTERS).split()
    if len(columns) != len(cells):
        return False
    if not cells:
        return True
    right = max(set(columns), key=lambda letters: (len(letters), letters))
    low = max(set(text.translate(_DIGITS).split()), key=int)
    if int(low) - 1 > extent.last_row:
        extent.see(*_place(next(cell for cell in reversed(cells) if cell.endswith(low))))
    if column_number(right.decode()) > extent.last_column:
        extent.see(*_place(next(cell for cell in cells if cell.rstrip(b"0123456789") == right)))
    return True


def _place(reference: bytes) -> tuple[int, int]:
    """Row and column of a reference such as B7, from 0."""
    letters = reference.rstrip(b"0123456789")
    return int(reference[len(letters) :]) - 1, column_number(letters.decode())


def _of_unusual_xlsx(part: IO[bytes]) -> Extent:
    """By a parser. Rows and cells without a reference follow those before them."""
    extent = Extent()
    row = column = -1
    inside = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, inside
        local = local_name(name)
        if local == "row":
            row, column = int(attributes.get("r", row + 2)) - 1, -1
        elif local == "c":
            found = _REFERENCE.match(attributes.get("r", ""))
            column = column + 1 if found is None else column_number(found[1])
            row = row if found is None else int(found[2]) - 1
            inside = True
        elif inside:
            extent.filled += 1
            extent.see(row, column)
            inside = False

    def end(name: str) -> None:
        nonlocal inside
        inside = inside and local_name(name) != "c"

    _parsed(part, start, end)
    return extent


def _of_xlsb(part: IO[bytes]) -> Extent:
    extent = Extent()
    row = 0
    for kind, content in records(part):
        if kind == _ROW_OF_XLSB:
            row = int.from_bytes(content[:4], "little")
        elif kind in _CELLS_OF_XLSB:
            extent.filled += 1
            extent.see(row, int.from_bytes(content[:4], "little"))
    return extent


def _of_ods(part: IO[bytes]) -> Iterator[tuple[str, Extent]]:
    """The extents of all sheets. A cell or a row may be repeated many times."""
    sheets: list[tuple[str, Extent]] = []
    row = column = rows = cells = 0
    inside = False

    def fill() -> None:
        nonlocal inside
        inside = False
        extent = sheets[-1][1]
        extent.filled += 1
        extent.see(row + rows - 1, column + cells - 1)

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, rows, cells, inside
        local = local_name(name)
        if local == "table":
            named = (value for key, value in attributes.items() if local_name(key) == "name")
            sheets.append((next(named, ""), Extent()))
            row = rows = 0
        elif local == "table-row":
            row, column = row + rows, 0
            rows, cells = _repeated(attributes, "number-rows-repeated"), 0
        elif local in ("table-cell", "covered-table-cell"):
            column += cells
            cells = _repeated(attributes, "number-columns-repeated")
            inside = bool(sheets)
            if inside and any(local_name(key) == "value-type" for key in attributes):
                fill()
        elif inside and local == "p":
            fill()

    def end(name: str) -> None:
        nonlocal inside
        inside = inside and local_name(name) not in ("table-cell", "covered-table-cell")

    _parsed(part, start, end)
    yield from sheets


def _repeated(attributes: dict[str, str], name: str) -> int:
    told = next((value for key, value in attributes.items() if local_name(key) == name), "1")
    return int(told) if told.isdecimal() and len(told) < 10 else 1


def _parsed(part: IO[bytes], start: Any, end: Any) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.ParseFile(part)
