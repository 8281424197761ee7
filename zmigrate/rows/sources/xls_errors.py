"""Cells of an .xls workbook with an error.

The container is described in [MS-CFB]: chains of sectors, listed in a table. The stream in it is described in
[MS-XLS] 2.4: records; those of a sheet begin at the place in BoundSheet8.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator
from typing import IO, Final

Errors = dict[int, dict[int, str]]  # what each cell shows, by row and column from 0

_CODES: Final = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
_LAST_SECTOR: Final = 0xFFFFFFFA
"""Larger numbers are not sectors: they end a chain, or mark a free sector."""
_TABLE_PLACES: Final = 109
"""How many sectors of the table the header names; a chain of sectors names the others."""

_EXCEL_95: Final = 0x500
_FORMULA, _END, _SHEET, _BOOL_OR_ERROR, _BEGIN = 0x06, 0x0A, 0x85, 0x205, 0x809
_CELLS: Final = frozenset({0x06, 0xD6, 0xFD, 0x203, 0x204, 0x205, 0x27E})
"""Formula, RString, LabelSst, Number, Label, BoolErr, RK."""
_SEVERAL_NUMBERS: Final = 0xBD
"""MulRk: the row and the first column at its beginning, the last column at its end."""


def shown_error(code: int) -> str:
    return _CODES.get(code, "#ERROR!")


def errors_of_xls(file: IO[bytes], sheet: str) -> Errors:
    """The error cells of a sheet. Raises struct.error, IndexError, ValueError and KeyError if the file is
    damaged.
    """
    file.seek(0)
    stream = _workbook_stream(file.read())
    errors: Errors = defaultdict(dict)
    for kind, content in _records_of_sheet(stream, _places(stream)[sheet]):
        row, column = struct.unpack_from("<HH", content) if kind in (_FORMULA, _BOOL_OR_ERROR) else (0, 0)
        if kind == _BOOL_OR_ERROR and content[7]:
            errors[row][column] = shown_error(content[6])
        elif kind == _FORMULA and content[12:14] == b"\xff\xff" and content[6] == 2:
            errors[row][column] = shown_error(content[8])
    return dict(errors)


def cells_of_xls(file: IO[bytes]) -> Iterator[tuple[str, Iterator[tuple[int, int]]]]:
    """The cells with contents of every sheet, by row and column. Raises the same as `errors_of_xls`."""
    file.seek(0)
    stream = _workbook_stream(file.read())
    for sheet, place in _places(stream).items():
        yield sheet, _cells(_records_of_sheet(stream, place))


def _cells(records: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, int]]:
    for kind, content in records:
        if kind in _CELLS:
            yield struct.unpack_from("<HH", content)
        elif kind == _SEVERAL_NUMBERS:
            yield struct.unpack_from("<H", content)[0], struct.unpack_from("<H", content, len(content) - 2)[0]


def _records(stream: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    while place + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, place)
        place += 4 + size
        yield kind, stream[place - size : place]


def _records_of_sheet(stream: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    """The records up to the sheet's own end; charts in it have their own."""
    depth = 0
    for kind, content in _records(stream, place):
        depth += (kind == _BEGIN) - (kind == _END)
        if not depth:
            return
        if depth == 1:
            yield kind, content


def _places(stream: bytes) -> dict[str, int]:
    """The place of each sheet."""
    places = {}
    old = struct.unpack_from("<H", stream, 4)[0] == _EXCEL_95
    for kind, content in _records(stream, 0):
        if kind == _SHEET and old:
            places[content[7:].decode("cp1252", "replace")] = struct.unpack_from("<I", content)[0]
        elif kind == _SHEET:
            length, wide = content[6], content[7] & 1
            name = content[8 : 8 + length * (1 + wide)].decode("utf-16-le" if wide else "latin-1")
            places[name] = struct.unpack_from("<I", content)[0]
        elif kind == _END:
            break
    return places


def _workbook_stream(file: bytes) -> bytes:
    """The stream called Workbook, or Book (Excel 95)."""
    shift, small_shift = struct.unpack_from("<HH", file, 30)
    if shift not in (9, 12) or small_shift != 6:
        raise IndexError("its sectors have an unknown size")
    sector = 1 << shift
    table = _table(file, sector)

    def chain(start: int, table: list[int], content: bytes, sector: int, skipped: int) -> bytes:
        parts: list[bytes] = []
        while start < _LAST_SECTOR and len(parts) <= len(content) // sector:  # chains may go in circles
            place = skipped + start * sector
            parts.append(content[place : place + sector])
            start = table[start]
        return b"".join(parts)

    folder = chain(struct.unpack_from("<I", file, 48)[0], table, file, sector, sector)
    entries = {}
    for place in range(0, len(folder), 128):
        length = struct.unpack_from("<H", folder, place + 64)[0]
        name = folder[place : place + max(length - 2, 0)].decode("utf-16-le").lower()
        entries[name] = struct.unpack_from("<II", folder, place + 116)
    start, size = entries.get("workbook") or entries["book"]
    smallest, small_table = struct.unpack_from("<II", file, 56)
    if size >= smallest:
        return chain(start, table, file, sector, sector)[:size]
    small = chain(small_table, table, file, sector, sector)
    numbers = list(struct.unpack(f"<{len(small) // 4}I", small))
    small_sectors = chain(entries["root entry"][0], table, file, sector, sector)
    return chain(start, numbers, small_sectors, 1 << small_shift, 0)[:size]


def _table(file: bytes, sector: int) -> list[int]:
    """The next sector of each sector."""
    places = list(struct.unpack_from(f"<{_TABLE_PLACES}I", file, 76))
    more = struct.unpack_from("<I", file, 68)[0]
    for _ in range(min(struct.unpack_from("<I", file, 72)[0], len(file) // sector)):
        *further, more = struct.unpack_from(f"<{sector // 4}I", file, (more + 1) * sector)
        places += further
    table: list[int] = []
    for place in places[: len(file) // sector]:
        if place < _LAST_SECTOR:
            table += struct.unpack_from(f"<{sector // 4}I", file, (place + 1) * sector)
    return table
