"""JSON Lines files: one object a line, UTF-8."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from zmigrate.errors import SourceError
from zmigrate.rows.sources.base import START, Cursor, Fingerprint, Row
from zmigrate.rows.sources.limits import ROW_BYTES
from zmigrate.rows.sources.packed import TextFile
from zmigrate.rows.sources.text import file_hash
from zmigrate.rows.sources.watch import EVERY_ROWS, FileWatch

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm

_BOM = b"\xef\xbb\xbf"


class JsonLines:
    """Rows of a JSON Lines file, each the object of its line. Blank lines are no rows.

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

    def identity(self, row: Row) -> str | None:
        return None

    def _lines(self, raw: BinaryIO) -> Iterator[bytes]:
        for line, content in enumerate(iter(partial(raw.readline, ROW_BYTES), b""), start=1):
            if len(content) == ROW_BYTES:
                raise SourceError(
                    f"{self.path}:{line}: the line has more than {ROW_BYTES >> 20} MB.",
                    hint="Is it JSON Lines, one object a line? One list of all is not.",
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
                f"{self.path}:{line}: there is a NUL byte, which no text has.",
                hint="Copy or export the file again; JSON Lines are UTF-8.",
            )
        return SourceError(
            f"{self.path}:{line}: not valid JSON: {error.msg} (column {error.colno}).",
            hint="Every line is one complete JSON object.",
        )


_KINDS = {list: "list", str: "text", int: "number", float: "number", bool: "boolean", type(None): "null"}


def _blank(line: int, content: bytes) -> bool:
    return not (content.removeprefix(_BOM) if line == 1 else content).strip()
