"""JSON Lines files: one object a line, UTF-8."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import orjson

from zmigrate.errors import SourceError
from zmigrate.rows.sources.base import START, Cursor, Fingerprint, Row
from zmigrate.rows.sources.file_watch import EVERY_ROWS, FileWatch
from zmigrate.rows.sources.memory_limits import ROW_BYTES
from zmigrate.rows.sources.packed import TextFile
from zmigrate.rows.sources.text import file_hash

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm

_BOM = b"\xef\xbb\xbf"
_MAY_BE_ROUNDED: Final = frozenset({float, list, dict})
_AS_ZEROS: Final = bytes.maketrans(b"123456789.", b"0" * 10)
_LONG: Final = b"0" * 16
"""Only from here on a float may differ from the written number: it keeps any 15 digits. This check takes a
tenth of the time of a regular expression.
"""


_MOST_DIGITS: Final = 767  # No float has more digits


class JsonLines:
    """Rows of a JSON Lines file: the object of each line. Blank lines are not rows. A number that a float
    can't hold exactly becomes a Decimal, and so does a whole number with more than 64 bits.

    It may be packed: `people.jsonl.gz`, `export.zip` with one file in it, `export.zip/people.jsonl`.
    """

    stable = True
    scopes: tuple[str, ...] = ()
    columns = None

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = TextFile(self.path)
        self._watch = FileWatch(self._file.disk)

    def __repr__(self) -> str:
        return f"JsonLines({str(self.path)!r})"

    @property
    def name(self) -> str:
        return self.path.name

    def scan(self) -> Fingerprint:
        self._watch.begin()
        digest = hashlib.sha256()
        rows = size = 0
        with self._file.open() as raw:
            for line, content in enumerate(self._lines(raw), start=1):
                digest.update(content)
                if self._parse(line, size, content) is not None:
                    rows += 1
                size += len(content)
        if not rows:
            raise SourceError(f"{self.path} is empty.", hint="Is it the right file, and complete?")
        size, sha256 = file_hash(self._file.disk) if self._file.packed else (size, digest.hexdigest())
        self._watch.know(size, sha256)
        return Fingerprint(str(self.path.absolute()), size, sha256, rows, encoding="utf-8")

    def check(self, fingerprint: Fingerprint) -> None:
        self._watch.check(fingerprint, self.scan)

    def rows(self, after: Cursor = START, crm: Crm | None = None) -> Iterator[Row]:
        number = 0
        with self._file.open() as raw:
            self._watch.confirm()
            for line, content in enumerate(self._lines(raw), start=1):
                if number < after.number:
                    number += not _blank(line, content)
                    continue
                values = self._parse(line, 0, content)
                if values is not None:
                    number += 1
                    if not number % EVERY_ROWS:
                        self._watch.confirm()
                    yield Row(number, line, values)
        self._watch.confirm()

    def _lines(self, raw: BinaryIO) -> Iterator[bytes]:
        for line, content in enumerate(iter(partial(raw.readline, ROW_BYTES), b""), start=1):
            if len(content) == ROW_BYTES:
                raise SourceError(
                    f"{self.path}:{line}: the line has more than {ROW_BYTES >> 20} MB.",
                    hint="Is it JSON Lines, with one object a line? A single list of all rows is not.",
                )
            yield content

    def _parse(self, line: int, offset: int, content: bytes) -> dict[str, Any] | None:
        if _blank(line, content):
            return None
        if line == 1:
            content = content.removeprefix(_BOM)
        try:
            values = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise self._explain(line, offset, content, error) from None
        if not isinstance(values, dict):
            raise SourceError(
                f"{self.path}:{line}: every line is one JSON object, this is a {_KINDS[type(values)]}.",
                hint='Write it like this: {"Last_Name": "Doe", "Email": "doe@example.com"}',
            )
        if not _MAY_BE_ROUNDED.isdisjoint(map(type, values.values())) and _LONG in content.translate(
            _AS_ZEROS
        ):
            return self._parse_exactly(line, content)
        return values

    def _parse_exactly(self, line: int, content: bytes) -> dict[str, Any]:
        """The line parsed by Python's json, which is exact but slower."""
        try:
            values: dict[str, Any] = json.loads(content, parse_float=_number, parse_int=_whole)
        except RecursionError:
            raise SourceError(
                f"{self.path}:{line}: its lists and objects are nested too deeply.",
                hint="A record of Zoho has at most a list of objects.",
            ) from None
        return values

    def _explain(self, line: int, offset: int, content: bytes, error: orjson.JSONDecodeError) -> SourceError:
        try:
            content.decode()
        except UnicodeDecodeError as bad:
            return SourceError(
                f"{self.path}:{line}: byte {offset + bad.start:,} (0x{content[bad.start]:02x}) is not UTF-8.",
                hint="JSON Lines are UTF-8: convert the file.",
            )
        if b"\0" in content:
            return SourceError(
                f"{self.path}:{line}: there is a NUL byte, which text never has.",
                hint="Copy or export the file again; JSON Lines are UTF-8.",
            )
        return SourceError(
            f"{self.path}:{line}: not valid JSON: {error.msg} (column {error.colno}).",
            hint="Every line is one complete JSON object.",
        )


_KINDS = {list: "list", str: "text", int: "number", float: "number", bool: "boolean", type(None): "null"}


def _number(text: str) -> float | Decimal:
    """A float if it gives back the written digits (some programs write 0.1 with 17), otherwise a Decimal."""
    exact, number = Decimal(text), float(text)
    digits = min(len(exact.as_tuple().digits), _MOST_DIGITS)
    return number if Decimal(f"{number:.{digits - 1}e}") == exact else exact


def _whole(text: str) -> int | Decimal:
    """An int if orjson reads and writes it."""
    exact = Decimal(text)
    return int(exact) if -(1 << 63) <= exact < 1 << 64 else exact


def _blank(line: int, content: bytes) -> bool:
    return not (content.removeprefix(_BOM) if line == 1 else content).strip()
