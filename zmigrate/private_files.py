"""Files that only their user can read: folders 0700 and files 0600 under any umask, opened without following
links. zmigrate writes all its files through here. `state_folders` decides whether a folder is safe.

Windows has no modes: a new folder has the access list of the folder around it.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, TypeVar

from zmigrate.errors import ConfigError
from zmigrate.file_lock import try_lock

Made = TypeVar("Made")

PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600
_SHARED_FILE: Final = 0o666  # the umask restricts it

_SCRATCH: Final = "zmigrate-"
_ALIVE: Final = "alive.lock"  # locked as long as a temporary folder's process lives
_JUST_MADE_S: Final = 10.0  # a folder that is made may not be locked yet

PART: Final = ".part"  # the ending of an unfinished file's name
_NAME_KEPT: Final = 40
"""How many characters of a file's name its unfinished version keeps. Names have at most 255 bytes."""

_FLAGS: Final = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe is refused at once
    | getattr(os, "O_BINARY", 0)
)
_IN_USE_S: Final = 2.0
"""How long a file may be in use when it is to be replaced or read. On Windows nobody can replace a file that
is open, or open one that is being replaced; virus scanners and indexers, too, open files for a moment.
"""
_LOOK_AGAIN_S: Final = 0.05
_BESIDE_A_DATABASE: Final = ("", "-wal", "-shm", "-journal")


# -- folders ----------------------------------------------------------------------------------------


def make_folder(path: Path) -> None:
    """Make a folder that only its owner may enter. Raises OSError, FileExistsError if it exists."""
    os.mkdir(path, PRIVATE_FOLDER)
    if stat.S_IMODE(os.stat(path).st_mode) != PRIVATE_FOLDER:  # the umask took some of the owner's rights
        with suppress(OSError):  # a file system without modes
            os.chmod(path, PRIVATE_FOLDER)


def make_folders(path: Path) -> None:
    """Make a folder and the missing ones above it. Existing ones stay as they are. Raises OSError."""
    try:
        make_folder(path)
    except FileNotFoundError:
        if path.parent == path:
            raise
        make_folders(path.parent)
        make_folders(path)
    except OSError:
        if not path.is_dir():
            raise


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder for its owner only. Those of processes that were killed are deleted first. Raises
    ConfigError if there is no place for it.
    """
    from tempfile import TemporaryDirectory, gettempdir  # noqa: PLC0415  most commands do not need it

    try:
        around = Path(gettempdir())
    except OSError:
        raise ConfigError(
            "There is no folder for temporary files.", hint="Set TMPDIR to a folder that you can write to."
        ) from None
    with suppress(OSError):
        _drop_orphans(around)
    with TemporaryDirectory(prefix=_SCRATCH) as made:
        os.chmod(made, PRIVATE_FOLDER)
        lock = open_private(Path(made) / _ALIVE, os.O_RDWR | os.O_CREAT)
        try:
            with suppress(OSError):  # without locks, nobody finds out whose folder it is, and it stays
                try_lock(lock)
            yield Path(made)
        finally:
            os.close(lock)


def _drop_orphans(place: Path) -> None:
    """Delete this user's temporary folders whose process is gone: a killed one leaves copies of rows."""
    from shutil import rmtree  # noqa: PLC0415

    for name in os.listdir(place):
        folder = place / name
        if not name.startswith(_SCRATCH) or not _is_old_folder_of_ours(folder):
            continue
        with suppress(OSError):
            lock = open_private(folder / _ALIVE, os.O_RDWR)
            try:
                if try_lock(lock):
                    rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _is_old_folder_of_ours(folder: Path) -> bool:
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    ours = sys.platform == "win32" or found.st_uid == os.geteuid()
    return stat.S_ISDIR(found.st_mode) and ours and time.time() - found.st_mtime > _JUST_MADE_S


# -- files ------------------------------------------------------------------------------------------


def open_private(path: str | Path, flags: int) -> int:
    """Open a regular file; a new one (O_CREAT) gets 0600. Never truncates. Returns a descriptor.

    Raises OSError, also if there is a link, a pipe or a device instead of the file.
    """
    if sys.platform == "win32" and os.path.islink(path):
        raise _odd(path)
    flags |= _FLAGS
    if flags & os.O_CREAT:
        try:
            descriptor = os.open(path, flags | os.O_EXCL, PRIVATE_FILE)
        except FileExistsError:
            if flags & os.O_EXCL:
                raise
            flags &= ~os.O_CREAT
        else:
            _set_mode(descriptor, PRIVATE_FILE)
            return descriptor
    try:
        descriptor = os.open(path, flags)
    except OSError:
        refuse_odd(path)
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _odd(path)
    return descriptor


def _set_mode(descriptor: int, mode: int) -> None:
    """Set the mode despite the umask. A file system without modes is left alone."""
    if sys.platform != "win32" and stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
        with suppress(OSError):
            os.fchmod(descriptor, mode)


def refuse_odd(path: str | Path) -> None:
    """Raise OSError if there is a link, a pipe or the like instead of a file. A missing file is fine."""
    try:
        found = os.lstat(path)
    except OSError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise _odd(path)


def _odd(path: str | Path) -> OSError:
    what = "a link" if os.path.islink(path) else "a folder" if os.path.isdir(path) else "not a regular file"
    return OSError(errno.EINVAL, f"there is {what} in its place", str(path))


def read_whole(path: Path, most: int) -> bytes:
    """The content of one of our files. Raises OSError, also if it has more than `most` bytes."""
    with os.fdopen(_once_unused(lambda: open_private(path, os.O_RDONLY)), "rb") as file:
        content = file.read(most + 1) if os.fstat(file.fileno()).st_size <= most else None
    if content is None or len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most >> 20} MiB", str(path))
    return content


def write_new_shared(path: Path, text: str) -> None:
    """Write a new file that others may read, such as source code, and make its folder. Raises OSError,
    FileExistsError if the path exists; a link is not followed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "x", encoding="utf-8", newline="\n") as file:
        file.write(text)


def replace_shared(path: Path, content: bytes) -> None:
    """`replace_whole` for a file without secrets: it keeps its mode, and the umask decides for a new one."""
    try:
        _replace(path, content, stat.S_IMODE(os.stat(path).st_mode) & 0o777)
    except FileNotFoundError:
        _replace(path, content, None)


def replace_whole(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file so that a crash leaves the old content or the new one, never half of it. A link is
    replaced, not followed. `durable`: wait until the file is on the disk. Raises OSError.
    """
    _replace(path, content, PRIVATE_FILE, durable=durable)


def _replace(path: Path, content: bytes, mode: int | None, *, durable: bool = True) -> None:
    """`mode`: None for the umask's."""
    descriptor, part = _beside(path, _SHARED_FILE if mode is None else PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                _set_mode(descriptor, mode)
            file.write(content)
            file.flush()
            if durable:
                os.fsync(descriptor)
        _put_in_place(part, path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def _put_in_place(part: Path, path: Path) -> None:
    """Move an unfinished file to its place. Raises OSError, PermissionError if a program keeps it open."""
    _once_unused(lambda: part.replace(path))


def _once_unused(work: Callable[[], Made]) -> Made:
    """Do this to a file, on Windows as soon as no other program uses the file. Raises what `work` raises."""
    until = time.monotonic() + _IN_USE_S
    while True:
        try:
            return work()
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() >= until:
                raise
        time.sleep(_LOOK_AGAIN_S)


class Draft:
    """A text file (UTF-8, line ends as written) that replaces the old one as a whole: the old one stays until
    `finish`. As a context it finishes at the end, and is discarded on any error. Raises OSError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        descriptor, self._part = _beside(path)
        self.file: IO[str] = os.fdopen(descriptor, "w", encoding="utf-8", newline="")

    def finish(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        _put_in_place(self._part, self.path)

    def discard(self) -> None:
        """Drop the unfinished file."""
        with suppress(OSError):
            self.file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def __enter__(self) -> IO[str]:
        return self.file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.finish()
        finally:
            self.discard()


def keeps_modes(folder: Path) -> bool:
    """Whether a folder's file system keeps modes. Some (a Windows drive in WSL, a USB stick) show one mode
    for all files, so a private file is made there to find out.
    """
    try:
        descriptor, probe = _beside(folder / "zmigrate-probe")
    except OSError:
        return True
    try:
        return not os.fstat(descriptor).st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    finally:
        os.close(descriptor)
        probe.unlink(missing_ok=True)


def drop_parts(folder: Path) -> None:
    """Delete the unfinished files of a killed process, in a folder that nobody else is using."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.endswith(PART):
                os.unlink(folder / name)


def _beside(path: Path, mode: int = PRIVATE_FILE) -> tuple[int, Path]:
    """A new file in the same folder, with an unpredictable name. Raises OSError, also if `path` is a device
    or a pipe, which must not be replaced.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise _odd(path)
    part = path.with_name(f"{path.name[:_NAME_KEPT]}.{os.urandom(8).hex()}{PART}")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    return open_private(part, flags) if mode == PRIVATE_FILE else os.open(part, flags | _FLAGS, mode), part


# -- SQLite -----------------------------------------------------------------------------------------


def check_database(path: Path) -> None:
    """Raise OSError if SQLite would follow a link or wait for a pipe. A missing file is fine.

    The file is not opened: closing it would drop SQLite's locks on it.
    """
    for beside in _BESIDE_A_DATABASE:
        refuse_odd(path.with_name(path.name + beside))


def make_database(path: Path) -> None:
    """Check a database file and make a missing one, 0600. SQLite gives `-wal` and `-shm` the same mode."""
    check_database(path)
    with suppress(FileExistsError):
        os.close(open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))


# -- names ------------------------------------------------------------------------------------------


_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.I | re.S)


def is_device(name: str) -> bool:
    """Whether Windows takes a file's name, with any ending, for a device: `nul`, `con.py`."""
    return _DEVICES.fullmatch(name) is not None


def is_plain_name(name: str) -> bool:
    """Whether a name from elsewhere stays inside its folder when used as a path, and names a file on every
    system. Windows drops dots and blanks at its end.
    """
    if not name or len(name) > 200 or set(name) & set("/\\:\0"):
        return False
    return not name.endswith((".", " ")) and not is_device(name)
