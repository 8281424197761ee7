"""A text file: plain, gzipped, or inside a zip archive. It is unpacked while it is read, never as a whole."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, Final, Literal, NamedTuple

from zmigrate.errors import SourceError
from zmigrate.rows.sources.base import open_file
from zmigrate.rows.sources.memory_limits import ARCHIVE_LIST_BYTES, UNPACKED_BYTES, UNPACKED_RATIO

if TYPE_CHECKING:
    from typing_extensions import Buffer

CHUNK: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"
_LITTER: Final = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_SHOWN: Final = 10
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Methods that are unpacked in steps. With others, some bytes could become gigabytes at once."""

_READ_FAILS: Final = (EOFError, zlib.error, OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError)
"""What gzip and zipfile raise for a file that is cut off, damaged, encrypted, or packed in an unknown way."""


class _PackedPlace(NamedTuple):
    disk: Path
    kind: Literal["plain", "gzip", "zip"]
    member: str = ""


class TextFile:
    """The bytes of a source. `leads.csv.gz` is unpacked, and `export.zip` if it has one file;
    `export.zip/leads.csv` names one of several.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        archive = next((parent for parent in path.parents if parent.suffix.lower() == ".zip"), None)
        self.disk = path if archive is None or archive.is_dir() else archive  # the file on the disk
        self._place: _PackedPlace | None = None

    def __str__(self) -> str:
        return str(self._path)

    @property
    def suffix(self) -> str:
        return self._path.suffix.lower()

    @property
    def content_name(self) -> str:
        """The name of the file that is read; in an archive, of the file in it."""
        return self._find().member or self._path.name

    @property
    def packed(self) -> bool:
        return self._find().kind != "plain"

    def open(self) -> BinaryIO:
        """The unpacked bytes. Opening and reading raise SourceError if the packed file is damaged."""
        disk, kind, member = self._find()
        if kind == "plain":
            return open_file(disk)
        if kind == "gzip":
            raw = open_file(disk)
            size = os.fstat(raw.fileno()).st_size
            unpacked = _Unpacked(gzip.GzipFile(fileobj=raw), size, self._broken, raw.close)
            return io.BufferedReader(unpacked, CHUNK)
        archive = self._archive(disk)
        try:
            info = archive.getinfo(member)
            if info.compress_type not in _METHODS:
                raise NotImplementedError(f"method {info.compress_type}")
            opened = archive.open(info)
        except _READ_FAILS as error:
            archive.close()
            raise self._broken(error) from None
        return io.BufferedReader(_Unpacked(opened, info.compress_size, self._broken, archive.close), CHUNK)

    def _find(self) -> _PackedPlace:
        if self._place is None:
            with open_file(self.disk) as raw:
                head = raw.read(4)
            if head.startswith(_GZIP):
                self._place = _PackedPlace(self.disk, "gzip")
            elif self.disk != self._path or (head in (_ZIP, _EMPTY_ZIP) and self.suffix == ".zip"):
                self._place = _PackedPlace(self.disk, "zip", self._member())
            else:
                self._place = _PackedPlace(self.disk, "plain")
        return self._place

    def _member(self) -> str:
        with self._archive(self.disk) as archive:
            names = [info.filename for info in archive.infolist() if _is_content(info)]
        listed = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" * (len(names) > _SHOWN))
        if self.disk != self._path:
            wanted = self._path.relative_to(self.disk).as_posix()
            if wanted in names:
                return wanted
            raise SourceError(f"{self.disk} has no file {wanted!r}.", hint=f"It has: {listed or 'none'}.")
        if len(names) == 1:
            return names[0]
        if not names:
            raise SourceError(f"{self.disk} has no file in it.", hint="Is it the right one, and complete?")
        raise SourceError(
            f"{self.disk} has {len(names)} files in it: {listed}.",
            hint=f"Name the one to read: {self.disk}/{names[0]}",
        )

    def _archive(self, disk: Path) -> zipfile.ZipFile:
        try:
            return open_archive(disk)
        except _READ_FAILS as error:
            raise self._broken(error) from None

    def _broken(self, error: Exception) -> SourceError:
        hint = "Copy or export it again; or unpack it, and give the file in it."
        if isinstance(error, EOFError):
            return SourceError(f"{self} is cut off: its packed data end too early.", hint=hint)
        if isinstance(error, RuntimeError) and "password" in str(error):
            return SourceError(
                f"{self} is encrypted.", hint="Unpack it with its password, and give the file."
            )
        if isinstance(error, NotImplementedError):
            return SourceError(f"{self} is packed in an unknown way ({error}).", hint=hint)
        return SourceError(f"{self} can't be unpacked: it is damaged or cut off ({error}).", hint=hint)


class _OfArchive(io.BufferedReader):
    """An archive's file. It limits the list of files, which `zipfile` would read as a whole."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > ARCHIVE_LIST_BYTES:
            raise zipfile.BadZipFile(f"its list of files has more than {ARCHIVE_LIST_BYTES >> 20} MB")
        return super().read(size)


class _Archive(zipfile.ZipFile):
    """A zip archive that closes its file too."""

    def __init__(self, file: _OfArchive) -> None:
        self._opened = file
        super().__init__(file)

    def close(self) -> None:
        super().close()
        self._opened.close()


def open_archive(path: Path) -> zipfile.ZipFile:
    """A zip archive. Raises SourceError if there is no file, BadZipFile and others if it is damaged."""
    file = _OfArchive(open_file(path).detach())
    try:
        return _Archive(file)
    except BaseException:
        file.close()
        raise


def listed(file: IO[bytes]) -> zipfile.ZipFile:
    """The archive in an open file, which stays open. Raises BadZipFile; NotImplementedError if a part can't
    be unpacked in steps.
    """
    archive = zipfile.ZipFile(_OfArchive(io.FileIO(file.fileno(), closefd=False)))
    for info in archive.infolist():
        if info.compress_type not in _METHODS:
            raise NotImplementedError(f"{info.filename} in it is packed by method {info.compress_type}")
    return archive


def _is_content(info: zipfile.ZipInfo) -> bool:
    """Whether an entry is a real file: not a folder, and not an extra file of macOS or Windows."""
    name = info.filename.rpartition("/")[2]
    return not info.is_dir() and not info.filename.startswith("__MACOSX/") and name not in _LITTER


class _Unpacked(io.RawIOBase):
    """Unpacks while it is read. Errors become SourceErrors."""

    def __init__(
        self,
        unpacked: gzip.GzipFile | IO[bytes],
        packed_size: int,
        broken: Callable[[Exception], SourceError],
        close: Callable[[], None],
    ) -> None:
        self._unpacked = unpacked
        self._packed_size = packed_size
        self._broken = broken
        self._close = close
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        try:
            data = self._unpacked.read(len(memoryview(buffer)))
        except _READ_FAILS as error:
            raise self._broken(error) from None
        count = len(data)
        memoryview(buffer)[:count] = data
        self._size += count
        if self._size > UNPACKED_BYTES and self._size > UNPACKED_RATIO * self._packed_size:
            raise self._broken(
                OSError(f"it unpacks to more than {UNPACKED_RATIO} times its size, as no export does")
            )
        return count

    def close(self) -> None:
        if not self.closed:
            self._unpacked.close()
            self._close()
        super().close()
