"""Cells of a workbook that hold an error (#REF!, #DIV/0!): python-calamine gives them as empty ones.

Formats: .xlsx by ECMA-376 part 1, 18.3.1.4 (`<c t="e">`); .xlsb by [MS-XLSB] 2.1.4 and 2.4.311, .313; .ods by
what LibreOffice writes; .xls is in `xls_errors`.
"""

from __future__ import annotations

import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any, Final
from xml.parsers import expat

from zmigrate.rows.sources.xls_errors import Errors, errors_of_xls, shown_error

CHUNK: Final = 1 << 20
_OVERLAP: Final = 64
_XLSX_ERROR: Final = re.compile(rb"""\bt\s*=\s*["']e["']""")
_ODS_ERROR: Final = re.compile(rb"""value-type\s*=\s*["']error["']""")
_REFERENCE: Final = re.compile(r"([A-Z]+)(\d+)")
_SHEET_OF_XLSB: Final = 156
_ROW, _ERROR, _ERROR_OF_FORMULA = 0, 3, 11
"""BrtBundleSh; BrtRowHdr, BrtCellError, BrtFmlaError."""


class HiddenErrors(Exception):
    """There are errors, and it can't be told in which cells."""


def error_cells(file: IO[bytes], sheet: str) -> Errors:
    """The error cells of a sheet. Raises HiddenErrors; BadZipFile, KeyError, IndexError and ExpatError where
    the file is broken.
    """
    if not zipfile.is_zipfile(file):
        return errors_of_xls(file, sheet)
    with zipfile.ZipFile(file) as archive:
        names = set(archive.namelist())
        if "content.xml" in names:
            with archive.open("content.xml") as content:
                if _holds(content, _ODS_ERROR):
                    raise HiddenErrors
            return {}
        if "xl/workbook.bin" in names:
            with archive.open(_target(archive, "xl/workbook.bin", _id_in_xlsb(archive, sheet))) as part:
                return _from_xlsb(part)
        path = _target(archive, "xl/workbook.xml", _id_in_xlsx(archive, sheet))
        with archive.open(path) as part:
            if not _holds(part, _XLSX_ERROR):
                return {}
        with archive.open(path) as part:
            return _from_xlsx(part)


def _holds(part: IO[bytes], pattern: re.Pattern[bytes]) -> bool:
    before = b""
    while chunk := part.read(CHUNK):
        if pattern.search(before + chunk):
            return True
        before = chunk[-_OVERLAP:]
    return False


def _target(archive: zipfile.ZipFile, workbook: str, relation: str) -> str:
    """The part that a relation of the workbook leads to."""
    targets: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == "Relationship":
            targets[attributes["Id"]] = attributes["Target"]

    folder, _, file = workbook.rpartition("/")
    _parse(archive.read(f"{folder}/_rels/{file}.rels"), start)
    target = targets[relation]
    return target.lstrip("/") if target.startswith("/") else str(PurePosixPath(folder) / target)


def _id_in_xlsx(archive: zipfile.ZipFile, sheet: str) -> str:
    ids: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == "sheet":
            ids[attributes["name"]] = next(value for key, value in attributes.items() if key.endswith(":id"))

    _parse(archive.read("xl/workbook.xml"), start)
    return ids[sheet]


def _id_in_xlsb(archive: zipfile.ZipFile, sheet: str) -> str:
    with archive.open("xl/workbook.bin") as part:
        for kind, content in _records(part):
            if kind == _SHEET_OF_XLSB:
                relation, rest = _wide_text(content[8:])
                if _wide_text(rest)[0] == sheet:
                    return relation
    raise KeyError(sheet)


def _wide_text(content: bytes) -> tuple[str, bytes]:
    end = 4 + 2 * int.from_bytes(content[:4], "little")
    return content[4:end].decode("utf-16-le"), content[end:]


def _from_xlsb(part: IO[bytes]) -> Errors:
    errors: Errors = defaultdict(dict)
    row = 0
    for kind, content in _records(part):
        if kind == _ROW:
            row = int.from_bytes(content[:4], "little")
        elif kind in (_ERROR, _ERROR_OF_FORMULA):  # column, style, code
            errors[row][int.from_bytes(content[:4], "little")] = shown_error(content[8])
    return dict(errors)


def _records(part: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    while head := part.read(1):
        kind = head[0]
        if kind & 0x80:
            kind = (kind & 0x7F) | (part.read(1)[0] & 0x7F) << 7
        size = 0
        for shift in (0, 7, 14, 21):
            byte = part.read(1)[0]
            size |= (byte & 0x7F) << shift
            if not byte & 0x80:
                break
        yield kind, part.read(size)


def _from_xlsx(part: IO[bytes]) -> Errors:
    """Rows and cells without a reference stand behind the ones before."""
    errors: Errors = defaultdict(dict)
    row = column = -1
    shown: list[str] | None = None

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, shown
        if _local(name) == "row":
            row, column = int(attributes.get("r", row + 2)) - 1, -1
        elif _local(name) == "c":
            found = _REFERENCE.match(attributes.get("r", ""))
            column = column + 1 if found is None else _column(found[1])
            shown = [] if attributes.get("t") == "e" else None
        elif shown is not None:
            shown.clear()  # what was said of the formula

    def text(more: str) -> None:
        if shown is not None:
            shown.append(more)

    def end(name: str) -> None:
        nonlocal shown
        if _local(name) == "c" and shown is not None:
            errors[row][column] = "".join(shown).strip() or "#ERROR!"
            shown = None

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.CharacterDataHandler, parser.EndElementHandler = start, text, end
    parser.ParseFile(part)
    return dict(errors)


def _parse(content: bytes, start: Any) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.Parse(content, True)


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
