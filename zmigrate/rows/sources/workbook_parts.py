"""The parts of a workbook in a zip archive: where each sheet is, and its records.

Formats: .xlsx by ECMA-376 part 1; .xlsb by [MS-XLSB] 2.1.4.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any, Final
from xml.parsers import expat

STRUCTURE_FAULTS: Final = (
    OSError,
    LookupError,
    ValueError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    expat.ExpatError,
    struct.error,
)
"""What reading the parts of a damaged workbook may raise; RuntimeError for an encrypted archive."""

_SHEET_OF_XLSB: Final = 156  # BrtBundleSh
_LONGEST_RECORD: Final = 1 << 20  # Bytes. The longest record has a text of 32,767 characters.


ODS_CONTENT: Final = "content.xml"  # the part with all sheets of an .ods file


_PICTURES: Final = (".emf", ".wmf", ".bmp", ".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".svg")


class Parts:
    """The parts of a workbook by name. As in Excel, names ignore letter case (ECMA-376 part 2, 6.2.2), and a
    backslash is a slash.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names: dict[str, str] = {}
        for name in archive.namelist():
            if self._names.setdefault(_folded(name), name) != name:
                raise zipfile.BadZipFile(f"two parts in it have the name {name}")

    def __contains__(self, name: str) -> bool:
        return _folded(name) in self._names

    def open(self, name: str) -> IO[bytes]:
        """Raises KeyError if there is no such part."""
        return self._archive.open(self._name(name))

    def read(self, name: str) -> bytes:
        """Raises KeyError if there is no such part."""
        return self._archive.read(self._name(name))

    def is_picture(self, name: str) -> bool:
        """Whether this part is never unpacked to read rows: it has a picture's name, and the workbook does
        not name it as one of its own parts.
        """
        if not has_name_of_picture(name):
            return False
        relations = (known for known in self._names if known.endswith("/_rels/workbook.xml.rels"))
        file = _folded(name).rpartition("/")[2].encode()
        return not any(file in self.read(each).lower() for each in relations)

    def _name(self, name: str) -> str:
        try:
            return self._names[_folded(name)]
        except KeyError:
            raise KeyError(f"there is no {name} in it") from None

    def of_sheet(self, sheet: str) -> str | None:
        """The name of a sheet's part. None for .ods, which has one part for all. Raises KeyError and others
        if the file is damaged.
        """
        if ODS_CONTENT in self:
            return None
        if "xl/workbook.bin" in self:
            return _target(self, "xl/workbook.bin", _id_in_xlsb(self, sheet))
        return _target(self, "xl/workbook.xml", _id_in_xlsx(self, sheet))


def has_name_of_picture(name: str) -> bool:
    """Whether a part's name ends like a picture's."""
    return name.lower().endswith(_PICTURES)


def _folded(name: str) -> str:
    return name.replace("\\", "/").lower()


def _target(parts: Parts, workbook: str, relation: str) -> str:
    """The part that a relation of the workbook refers to."""
    targets: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        if local_name(name) == "Relationship":
            targets[attributes["Id"]] = attributes["Target"]

    folder, _, file = workbook.rpartition("/")
    _parse(parts.read(f"{folder}/_rels/{file}.rels"), start)
    target = targets[relation]
    return target.lstrip("/") if target.startswith("/") else str(PurePosixPath(folder) / target)


def _id_in_xlsx(parts: Parts, sheet: str) -> str:
    ids: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        if local_name(name) == "sheet":
            ids[attributes["name"]] = next(value for key, value in attributes.items() if key.endswith(":id"))

    _parse(parts.read("xl/workbook.xml"), start)
    return ids[sheet]


def _id_in_xlsb(parts: Parts, sheet: str) -> str:
    with parts.open("xl/workbook.bin") as part:
        for kind, content in records(part):
            if kind == _SHEET_OF_XLSB:
                relation, rest = _wide_text(content[8:])
                if _wide_text(rest)[0] == sheet:
                    return relation
    raise KeyError(sheet)


def _wide_text(content: bytes) -> tuple[str, bytes]:
    end = 4 + 2 * int.from_bytes(content[:4], "little")
    return content[4:end].decode("utf-16-le"), content[end:]


def records(part: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The records of a part of .xlsb: kind and content."""
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
        if size > _LONGEST_RECORD:
            raise zipfile.BadZipFile("a record in it is too long")
        yield kind, part.read(size)


def _parse(content: bytes, start: Any) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.Parse(content, True)


def local_name(name: str) -> str:
    """A name of XML without its prefix."""
    return name.rpartition(":")[2]


def column_letters(column: int) -> str:
    """The name of a column, from 0: A, B, ..., Z, AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def column_number(letters: str) -> int:
    """The place of a column, from 0, by its name."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
