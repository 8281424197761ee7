"""What zmigrate keeps is its user's alone: folders 0700 and files 0600 under any umask, opened without
following links. Every file that zmigrate writes comes by here; whether a folder is safe: `state_folders`.

Windows has no modes: there a folder's access list decides, which a new folder has from the one around it.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final

PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600
_SHARED_FILE: Final = 0o666
"""Less what the umask takes."""

PART: Final = ".part"
"""How the name of a file ends that is not whole yet."""
_NAME_KEPT: Final = 40
"""Characters of a file's name in that of its unfinished version: names have 255 bytes at most."""

_FLAGS: Final = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe is refused at once, and not waited for
    | getattr(os, "O_BINARY", 0)
)
_BESIDE_A_DATABASE: Final = ("", "-wal", "-shm", "-journal")


# -- folders ----------------------------------------------------------------------------------------


def make_folder(path: Path) -> None:
    """Make one folder that only its owner may enter. Raises OSError, FileExistsError where it is there."""
    os.mkdir(path, PRIVATE_FOLDER)
    if stat.S_IMODE(os.stat(path).st_mode) != PRIVATE_FOLDER:  # a umask took rights of the owner's
        with suppress(OSError):  # a file system that keeps no modes
            os.chmod(path, PRIVATE_FOLDER)


def make_folders(path: Path) -> None:
    """Make a folder with those above it that are missing; what is there stays as it is. Raises OSError."""
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
    """A folder that is gone afterwards, for its owner only."""
    from tempfile import TemporaryDirectory  # noqa: PLC0415  most commands need none

    with TemporaryDirectory(prefix="zmigrate-") as made:
        os.chmod(made, PRIVATE_FOLDER)
        yield Path(made)


# -- files ------------------------------------------------------------------------------------------


def open_private(path: str | Path, flags: int) -> int:
    """A descriptor of a regular file, which is 0600 where it is made here (O_CREAT). Nothing is ever cut off.

    Raises OSError, also for a link, a pipe or a device that stands in its place.
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
    """What a umask has taken comes back; a file system that keeps no modes is left as it is."""
    if sys.platform != "win32" and stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
        with suppress(OSError):
            os.fchmod(descriptor, mode)


def refuse_odd(path: str | Path) -> None:
    """Raise OSError where a link, a pipe or the like stands in a file's place; a missing one is no fault."""
    try:
        found = os.lstat(path)
    except OSError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise _odd(path)


def _odd(path: str | Path) -> OSError:
    what = "a link" if os.path.islink(path) else "a folder" if os.path.isdir(path) else "no regular file"
    return OSError(errno.EINVAL, f"{what} stands in its place", str(path))


def read_whole(path: Path, most: int) -> bytes:
    """The content of a regular file of ours. Raises OSError, also for one of more than `most` bytes."""
    with os.fdopen(open_private(path, os.O_RDONLY), "rb") as file:
        content = file.read(most + 1) if os.fstat(file.fileno()).st_size <= most else None
    if content is None or len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most >> 20} MiB", str(path))
    return content


def write_new_shared(path: Path, text: str) -> None:
    """Write a file that others may read, as the umask says: source code. Its folder is made where there is
    none. Raises OSError, FileExistsError where something is there; a link is not followed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "x", encoding="utf-8", newline="\n") as file:
        file.write(text)


def replace_shared(path: Path, content: bytes) -> None:
    """`replace_whole` for a file without secrets, which others may read: it keeps the mode that it has, and a
    new one has that of the umask. Raises OSError.
    """
    try:
        _replace(path, content, stat.S_IMODE(os.stat(path).st_mode) & 0o777)
    except FileNotFoundError:
        _replace(path, content, None)


def replace_whole(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file so that a crash leaves the old content or the new, never half of it. A link in its place
    is replaced, not followed. `durable`: it is on the disk when this is done. Raises OSError.
    """
    _replace(path, content, PRIVATE_FILE, durable=durable)


def _replace(path: Path, content: bytes, mode: int | None, *, durable: bool = True) -> None:
    """`mode` None: as the umask says."""
    descriptor, part = _beside(path, _SHARED_FILE if mode is None else PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                _set_mode(descriptor, mode)
            file.write(content)
            file.flush()
            if durable:
                os.fsync(descriptor)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


class Draft:
    """A text file (UTF-8, line ends as they are written) that takes its place as a whole: until `finish` what
    stood there stays. As a context it is finished at the end, and discarded on any error. Raises OSError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        descriptor, self._part = _beside(path)
        self.file: IO[str] = os.fdopen(descriptor, "w", encoding="utf-8", newline="")

    def finish(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        self._part.replace(self.path)

    def discard(self) -> None:
        """Drop what is not finished."""
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
    """Whether modes mean something in a folder. Some file systems (a Windows drive in WSL, a USB stick) show
    one mode for all files; a private file that is made there tells.
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
    """Delete what a process that was killed has not finished, in a folder where nobody else is at work."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.endswith(PART):
                os.unlink(folder / name)


def _beside(path: Path, mode: int = PRIVATE_FILE) -> tuple[int, Path]:
    """A fresh file in the same folder, private by default, of a name that nobody can foresee. Raises OSError,
    also where `path` is a device or a pipe, which a file would do away with.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise _odd(path)
    part = path.with_name(f"{path.name[:_NAME_KEPT]}.{os.urandom(8).hex()}{PART}")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    return open_private(part, flags) if mode == PRIVATE_FILE else os.open(part, flags | _FLAGS, mode), part


# -- SQLite -----------------------------------------------------------------------------------------


def check_database(path: Path) -> None:
    """Raise OSError where SQLite would follow a link or wait for a pipe, which it does without asking. What
    is not there is no fault.

    The file is not opened: SQLite's locks on it would be gone when it is closed.
    """
    for beside in _BESIDE_A_DATABASE:
        refuse_odd(path.with_name(path.name + beside))


def make_database(path: Path) -> None:
    """The same for a database that need not be there yet: its file is made, 0600, and SQLite gives its `-wal`
    and `-shm` the same mode.
    """
    check_database(path)
    with suppress(FileExistsError):
        os.close(open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))


# -- names ------------------------------------------------------------------------------------------


def is_plain_name(name: str) -> bool:
    """Whether a name that was read somewhere names something in a folder, and leads nowhere else."""
    return name not in {"", ".", ".."} and len(name) <= 200 and not set(name) & set("/\\:\0")
