"""Workbooks for tests. openpyxl writes .xlsx; the others are written here, as small as they can be."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import openpyxl

Rows = Sequence[Sequence[Any]]


def xlsx(folder: Path, sheets: Mapping[str, Rows] | Rows, name: str = "leads.xlsx") -> Path:
    """Texts such as `#REF!` become cells with this error."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in (sheets if isinstance(sheets, Mapping) else {"Leads": sheets}).items():
        sheet = book.create_sheet(title)
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row, start=1):
                sheet.cell(number, column, value)
    book.save(folder / name)
    return folder / name


def ods(folder: Path, rows: Rows) -> Path:
    """Cells of text; `#REF!` as LibreOffice writes an error."""
    lines = "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
    content = (
        '<?xml version="1.0"?><office:document-content'
        ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
        ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
        ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
        ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0">'
        f'<office:body><office:spreadsheet><table:table table:name="Leads">{lines}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(folder / "leads.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content)
    return folder / "leads.ods"


def _ods_cell(text: str) -> str:
    error = ' calcext:value-type="error"' if text == "#REF!" else ""
    return (
        f'<table:table-cell office:value-type="string"{error}><text:p>{escape(text)}</text:p>'
        "</table:table-cell>"
    )


def xlsb(folder: Path, rows: Rows) -> Path:
    """Numbers, texts, and `#REF!` as an error. Records: [MS-XLSB] 2.1.4."""
    dimensions = struct.pack("<IIII", 0, len(rows) - 1, 0, max(map(len, rows)) - 1)
    sheet = _record(129) + _record(148, dimensions) + _record(145)
    for number, row in enumerate(rows):
        sheet += _record(0, struct.pack("<IIHHBI", number, 0, 300, 0, 0, 0))
        sheet += b"".join(_xlsb_cell(column, value) for column, value in enumerate(row))
    sheet += _record(146) + _record(130)
    book = _record(131) + _record(143)
    book += _record(156, struct.pack("<II", 0, 1) + _wide("rId1") + _wide("Leads"))
    book += _record(144) + _record(132)
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    with zipfile.ZipFile(folder / "leads.xlsb", "w") as archive:
        archive.writestr("xl/workbook.bin", book)
        archive.writestr("xl/worksheets/sheet1.bin", sheet)
        archive.writestr(
            "xl/_rels/workbook.bin.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="rId1" Type="{relation}" Target="worksheets/sheet1.bin"/></Relationships>',
        )
    return folder / "leads.xlsb"


def _xlsb_cell(column: int, value: Any) -> bytes:
    place = struct.pack("<II", column, 0)
    if value == "#REF!":
        return _record(3, place + b"\x17")
    if isinstance(value, str):
        return _record(6, place + _wide(value))
    return _record(5, place + struct.pack("<d", value))


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def _record(kind: int, content: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return head + bytes([len(content) & 0x7F | 0x80, len(content) >> 7]) + content


def xls(folder: Path, rows: Rows) -> Path:
    """Numbers, texts, `#REF!` as an error and `#N/A` as that of a formula. Records: [MS-XLS] 2.4; the file
    around them: [MS-CFB].
    """
    begin = struct.pack("<HHHHII", 0x600, 0, 0, 0, 0, 6)
    name = b"Leads"
    globals_size = 4 + len(begin) + 2 + 4 + 8 + len(name) + 4
    globals_ = _biff(0x809, begin[:2] + b"\x05" + begin[3:])
    globals_ += _biff(0x85, struct.pack("<IHBB", globals_size - 2, 0, len(name), 0) + name) + _biff(0x0A)
    size = struct.pack("<IIHHH", 0, len(rows), 0, max(map(len, rows)), 0)
    sheet = _biff(0x809, begin[:2] + b"\x10" + begin[3:]) + _biff(0x200, size)
    for number, row in enumerate(rows):
        sheet += b"".join(_xls_cell(number, column, value) for column, value in enumerate(row))
    stream = (globals_ + sheet + _biff(0x0A)).ljust(4096, b"\0")
    sectors = len(stream) // 512 + (len(stream) % 512 > 0)
    stream = stream.ljust(sectors * 512, b"\0")
    end, free = 0xFFFFFFFE, 0xFFFFFFFF
    table = [0xFFFFFFFD, end, *range(3, 2 + sectors), end]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, end, 0, end, 0)
    header += struct.pack("<109I", 0, *[free] * 108)
    content = header + struct.pack("<128I", *table, *[free] * (128 - len(table)))
    content += (_entry("Root Entry", 5, 1, end, 0) + _entry("Workbook", 2, free, 2, len(stream))).ljust(
        512, b"\0"
    )
    (folder / "leads.xls").write_bytes(content + stream)
    return folder / "leads.xls"


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le")
    free = 0xFFFFFFFF
    head = text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text) + 2, kind, 1, free, free, child)
    return head + bytes(36) + struct.pack("<IQ", start, size)


def _xls_cell(row: int, column: int, value: Any) -> bytes:
    place = struct.pack("<HHH", row, column, 15)
    if value == "#REF!":
        return _biff(0x205, place + b"\x17\x01")
    if value == "#N/A":
        return _biff(0x06, place + b"\x02\x00\x2a\x00\x00\x00\xff\xff" + bytes(6) + b"\x02\x00\x1c\x2a")
    if isinstance(value, str):
        return _biff(0x204, place + struct.pack("<HB", len(value), 0) + value.encode("latin-1"))
    return _biff(0x203, place + struct.pack("<d", value))


def _biff(kind: int, content: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(content)) + content
