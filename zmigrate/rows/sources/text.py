"""Turns bytes into text: encodings, byte order marks, and the places where a file is broken."""

from __future__ import annotations

import codecs
import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from zmigrate.errors import SourceError
from zmigrate.rows.sources.base import open_file
from zmigrate.rows.sources.packed import CHUNK, TextFile

if TYPE_CHECKING:
    from typing_extensions import Buffer

_MARKS: Final = (  # the longer first: UTF-32's mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_OTHER_KINDS: Final = (
    (b"PK\x03\x04", "an Excel workbook", "with its own ending (.xlsx, .xlsb)", "Excel(...)"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", "with its own ending (.xls)", "Excel(...)"),
    (b"SQLite format 3\0", "an SQLite database", "by its URL (sqlite:///{file})", "Sql(...)"),
    (b"PAR1", "a Parquet file", "with its own ending (.parquet)", "Parquet(...)"),
)
"""The first bytes of files that are not text; the file's kind, and how import-file and a job read it."""
_LONGEST_MARK: Final = 16

_MARKED: Final = frozenset({"utf-16", "utf-32"})  # encodings that need a mark

COMMON_ENCODINGS: Final = "Common ones: utf-8, cp1252, latin-1, utf-16."
_NOT_OF_FILES: Final = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
"""Python's own encodings for host names and string literals. No program writes a table in them."""


class BoundedReader(io.RawIOBase):
    """A file's bytes, as long as rows end in them. `rows_ended` counts the rows that have ended."""

    def __init__(self, raw: BinaryIO, row_bytes: int) -> None:
        self._raw = raw
        self._row_bytes = row_bytes
        self.rows_ended: Callable[[], int] = int
        self._rows = 0
        self._size_then = 0
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        count: int = self._raw.readinto(view)  # type: ignore[attr-defined]
        self.size += count
        rows = self.rows_ended()
        if rows != self._rows:
            self._rows, self._size_then = rows, self.size
        elif self.size - self._size_then > self._row_bytes:
            raise EndlessRow
        self.see(view[:count])
        return count

    def see(self, data: memoryview) -> None:
        """Handle the bytes besides passing them on."""


class HashingReader(BoundedReader):
    """Also hashes the bytes, and refuses NUL bytes unless they are part of the text."""

    def __init__(self, raw: BinaryIO, row_bytes: int, *, nul_is_text: bool) -> None:
        super().__init__(raw, row_bytes)
        self._nul_is_text = nul_is_text
        self._digest = hashlib.sha256()

    def see(self, data: memoryview) -> None:
        self._digest.update(data)
        if not self._nul_is_text and b"\0" in bytes(data):
            raise NulByte

    def sha256(self) -> str:
        return self._digest.hexdigest()


class EndlessRow(Exception):
    """The most bytes of a row were read, and no row has ended."""


class NulByte(Exception):
    """The file has a NUL byte; `explain_nul` finds its place."""


def open_text(raw: BinaryIO | io.RawIOBase, encoding: str) -> io.TextIOWrapper:
    """Text with its own line ends, as the csv module needs them."""
    buffered = io.BufferedReader(raw, CHUNK) if isinstance(raw, io.RawIOBase) else raw
    return io.TextIOWrapper(buffered, encoding=encoding, newline="")


def file_hash(path: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 of a file."""
    digest = hashlib.sha256()
    size = 0
    with open_file(path) as raw:
        while chunk := raw.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def find_encoding(file: TextFile, declared: str | None) -> str:
    """The declared encoding, else the one of the byte order mark, else UTF-8. Raises SourceError for an
    unknown name, and for one that contradicts the mark.
    """
    with file.open() as raw:
        head = raw.read(_LONGEST_MARK)
    _refuse_other_kind(file, head)
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if declared is None:
        return marked or "utf-8"
    name = encoding_name(declared)
    if name is None:
        raise SourceError(f"there is no encoding called {declared!r}.", hint=COMMON_ENCODINGS)
    name = "utf-8-sig" if name == "utf-8" else name
    if marked is None and name in _MARKED:
        _refuse_unmarked(file, name, head)
    if marked is None or name == marked:
        return name
    if made_of_nul(name) and name[:6] == marked[:6]:
        return marked  # declared with its byte order, which the mark shows too
    raise SourceError(
        f"{file} has the mark of {marked.removesuffix('-sig').upper()}, but {declared} is declared.",
        hint="Leave the encoding out: the mark shows it.",
    )


def is_text(file: TextFile, encoding: str) -> bool:
    """Whether the whole file is text in this encoding."""
    try:
        with file.open() as raw, open_text(raw, encoding) as text:
            while text.read(CHUNK):
                pass
    except UnicodeDecodeError:
        return False
    return True


def encoding_name(declared: str) -> str | None:
    """An encoding's standard name. None if files can't have an encoding with this name."""
    try:
        name = codecs.lookup(declared).name
        "".encode(name)
    except (LookupError, TypeError, ValueError):
        return None
    return None if name in _NOT_OF_FILES else name


def _refuse_other_kind(file: TextFile, head: bytes) -> None:
    for mark, what, how, source in _OTHER_KINDS:
        if head.startswith(mark):
            raise SourceError(
                f"{file} is {what}, not text.",
                hint=f"Load it as it is by import-file, {how.format(file=file)}; in a job: {source}. "
                "Or save it as CSV (in Excel: Save As, CSV UTF-8), and give that file.",
            )


def _refuse_unmarked(file: TextFile, declared: str, head: bytes) -> None:
    """Raise SourceError for an encoding that needs a byte order mark, if there is none."""
    likely = (
        ""
        if b"\0" in head
        else f" It does not look like {declared.upper()}: leave it out, or see what it is."
    )
    raise SourceError(
        f"{file} has no byte order mark, but is declared as {declared}.",
        hint=f"Name the order: --encoding {declared}-le or {declared}-be.{likely}",
    )


def made_of_nul(encoding: str) -> bool:
    """Whether plain letters have NUL bytes in this encoding."""
    return encoding.startswith(("utf-16", "utf-32"))


def explain_bad_byte(file: TextFile, encoding: str) -> SourceError:
    """The error with the place of the first byte that does not fit the encoding."""
    line, text_bytes = 1, 0
    decoder = codecs.getincrementaldecoder(encoding)()
    ended_in_cr = False
    for offset, chunk in _chunks(file):
        held = len(decoder.getstate()[0])
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            good = error.object[: error.start].decode(encoding, "ignore")
            line += _line_ends(good, ended_in_cr)
            text_bytes = offset - held + error.start
            return _bad_byte(file, encoding, line, text_bytes, error)
        line += _line_ends(text, ended_in_cr)
        ended_in_cr = text.endswith("\r") if text else ended_in_cr
    return SourceError(f"{file} can't be read as {encoding}.", hint="Name the right one with --encoding.")


def _bad_byte(
    file: TextFile, encoding: str, line: int, offset: int, error: UnicodeDecodeError
) -> SourceError:
    value = error.object[error.start] if error.start < len(error.object) else 0
    hint = (
        "Declare the file's encoding. Likely ones: --encoding cp1252 (Windows, western Europe and America),"
        " cp1250 (Windows, central Europe), cp1251 (Cyrillic), mac-roman (old Mac)."
    )
    if error.reason == "unexpected end of data":
        hint = "The file seems to be cut off in the middle of a character: copy it again. " + hint
    return SourceError(
        f"{file}:{line}: byte {offset:,} (0x{value:02x}) is not {encoding.upper()} text.", hint=hint
    )


def explain_nul(file: TextFile) -> SourceError:
    """The error with the place of the first NUL byte."""
    line = 1
    ended_in_cr = False
    for offset, chunk in _chunks(file):
        place = chunk.find(b"\0")
        before = (chunk if place < 0 else chunk[:place]).decode("latin-1")
        line += _line_ends(before, ended_in_cr)
        if place >= 0:
            return SourceError(
                f"{file}:{line}: byte {offset + place:,} is a NUL byte, which text never has.",
                hint="Is it a text file? If it is UTF-16 or UTF-32 without a mark, declare it: --encoding"
                f" {_made_of_nul_like(chunk, place)}.",
            )
        ended_in_cr = before.endswith("\r")
    return SourceError(f"{file} has a NUL byte.", hint="Copy or export the file again.")


def _made_of_nul_like(chunk: bytes, place: int) -> str:
    """The encoding that would put NUL bytes at this place around a letter."""
    wide = chunk[place : place + 2] == b"\0\0"
    return ("utf-32" if wide else "utf-16") + ("-le" if place % 2 else "-be")


def _chunks(file: TextFile) -> Iterator[tuple[int, bytes]]:
    """(offset, bytes) of the file, and an empty chunk at the end."""
    offset = 0
    with file.open() as raw:
        while True:
            chunk = raw.read(CHUNK)
            yield offset, chunk
            if not chunk:
                return
            offset += len(chunk)


def _line_ends(text: str, after_cr: bool) -> int:
    """How many lines end in the text. CR LF counts once, even if the CR was in the text before."""
    count = text.count("\n") + text.count("\r") - text.count("\r\n")
    return count - 1 if after_cr and text.startswith("\n") else count
