"""Cells of a workbook with an error (#REF!, #DIV/0!). python-calamine gives them as empty.

Formats: .xlsx by ECMA-376 part 1, 18.3.1.4 (`<c t="e">`); .xlsb by [MS-XLSB] 2.1.4 and 2.4.311, .313; .ods by
what LibreOffice writes; .xls is in `xls_errors`.
"""

from __future__ import annotations

import re
import zipfile
from collections import defaultdict
from typing import IO, Final
from xml.parsers import expat

from zmigrate.rows.sources.packed import CHUNK, listed
from zmigrate.rows.sources.workbook_parts import ODS_CONTENT, Parts, column_number, local_name, records
from zmigrate.rows.sources.xls_errors import Errors, errors_of_xls, shown_error

_OVERLAP: Final = 64
_XLSX_ERROR: Final = re.compile(rb"""\bt\s*=\s*["']e["']""")
_ODS_ERROR: Final = re.compile(rb"""value-type\s*=\s*["']error["']""")
_REFERENCE: Final = re.compile(r"([A-Z]+)(\d+)")
_ROW, _ERROR, _ERROR_OF_FORMULA = 0, 3, 11  # BrtRowHdr, BrtCellError, BrtFmlaError


class HiddenErrors(Exception):
    """There are errors, but it is unknown in which cells."""


def error_cells(file: IO[bytes], sheet: str) -> Errors:
    """The error cells of a sheet. Raises HiddenErrors; BadZipFile, KeyError, IndexError and ExpatError if the
    file is damaged.
    """
    if not zipfile.is_zipfile(file):
        return errors_of_xls(file, sheet)
    with listed(file) as archive:
        parts = Parts(archive)
        path = parts.of_sheet(sheet)
        if path is None:
            with parts.open(ODS_CONTENT) as content:
                if _holds(content, _ODS_ERROR):
                    raise HiddenErrors
            return {}
        if path.lower().endswith(".bin"):
            with parts.open(path) as part:
                return _from_xlsb(part)
        with parts.open(path) as part:
            if not _holds(part, _XLSX_ERROR):
                return {}
        with parts.open(path) as part:
            return _from_xlsx(part)


def _holds(part: IO[bytes], pattern: re.Pattern[bytes]) -> bool:
    before = b""
    while chunk := part.read(CHUNK):
        if pattern.search(before + chunk):
            return True
        before = chunk[-_OVERLAP:]
    return False


def _from_xlsb(part: IO[bytes]) -> Errors:
    errors: Errors = defaultdict(dict)
    row = 0
    for kind, content in records(part):
        if kind == _ROW:
            row = int.from_bytes(content[:4], "little")
        elif kind in (_ERROR, _ERROR_OF_FORMULA):  # column, style, code
            errors[row][int.from_bytes(content[:4], "little")] = shown_error(content[8])
    return dict(errors)


def _from_xlsx(part: IO[bytes]) -> Errors:
    """Rows and cells without a reference follow those before them."""
    errors: Errors = defaultdict(dict)
    row = column = -1
    shown: list[str] | None = None

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, shown
        if local_name(name) == "row":
            row, column = int(attributes.get("r", row + 2)) - 1, -1
        elif local_name(name) == "c":
            found = _REFERENCE.match(attributes.get("r", ""))
            column = column + 1 if found is None else column_number(found[1])
            shown = [] if attributes.get("t") == "e" else None
        elif shown is not None:
            shown.clear()  # the formula's text

    def text(more: str) -> None:
        if shown is not None:
            shown.append(more)

    def end(name: str) -> None:
        nonlocal shown
        if local_name(name) == "c" and shown is not None:
            errors[row][column] = "".join(shown).strip() or "#ERROR!"
            shown = None

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.CharacterDataHandler, parser.EndElementHandler = start, text, end
    parser.ParseFile(part)
    return dict(errors)
