"""What zmigrate keeps is its user's alone: folders 0700 and files 0600 under any umask, opened without
following links, in folders that nobody else can write to. Every file that zmigrate writes comes by here.

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

from zmigrate.errors import ConfigError
from zmigrate.ownership import ANOTHER_PLACE, user_name

PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600

PART: Final = ".part"
"""How the name of a file ends that is not whole yet."""
_NAME_KEPT: Final = 40
"""Characters of a file's name in that of its unfinished version: names have 255 bytes at most."""

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_FLAGS: Final = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe is refused at once, and not waited for
    | getattr(os, "O_BINARY", 0)
)
_BESIDE_A_DATABASE: Final = ("", "-wal", "-shm", "-journal")

GIT_IGNORE: Final = ".gitignore"
_STATE: Final = frozenset({"runs", "orgs", "tokens", "crashes", "start.lock"})
"""What lies in a state folder."""


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


def private_folder(path: Path, root: Path | None = None) -> Path:
    """Make a folder, or take one that is there: from `root` on only this user may write to any of them, see
    `refuse_foreign`. Where `root` is named, git is kept from it: it is a state folder.

    Raises ConfigError for a folder that others can write to, OSError for one that can't be made.
    """
    refuse_foreign(path, root)
    if not os.path.isdir(path):
        make_folders(path)
        refuse_foreign(path, root)  # somebody else may have made one meanwhile
    if root is not None:
        _keep_from_git(root)
    return path


def refuse_foreign(path: Path, root: Path | None = None) -> None:
    """Raise ConfigError where others than this user could change what lies in a folder.

    From `root` (the folder itself by default) down to it each folder must belong to this user or to root, and
    nobody else may write to it. Folders above may be shared, as a team's or `/tmp` are, but not such that
    everybody may rename what is in them. What is not there is no fault.
    """
    if sys.platform == "win32":
        return
    root = path if root is None else root
    for folder in (root, *(each for each in reversed(path.parents) if root in each.parents), path):
        fault = _fault_of(folder)
        if fault is not None:
            raise ConfigError(
                f"{folder} can't hold what zmigrate keeps: {fault}.",
                hint=f"If the folder is yours alone: chmod 700 {folder}. "
                f"A folder that several people write to can't be used. {ANOTHER_PLACE}",
            )
    for above in {*root.absolute().parents, *Path(os.path.realpath(root)).parents}:
        if _everybody_renames(above):
            raise ConfigError(
                f"{root} can't hold what zmigrate keeps: every user of this machine can rename or replace it,"
                f" since {above} is open to everybody.",
                hint=f"If {above} is yours: chmod o-w {above} (or chmod +t, as /tmp is). {ANOTHER_PLACE}",
            )


def _fault_of(folder: Path) -> str | None:
    """Why what lies in a folder may be others' doing; None where it can't, or where there is no folder."""
    try:
        link, found = os.lstat(folder), os.stat(folder)
    except OSError:
        return None  # told by whoever uses it
    if stat.S_ISLNK(link.st_mode) and not _is_trusted(link.st_uid):
        return f"it is a link that {user_name(link.st_uid)} has made"
    if not _is_trusted(found.st_uid):
        return f"it belongs to {user_name(found.st_uid)}"
    if found.st_mode & _OTHERS_WRITE and _keeps_modes(folder):
        who = "every user of this machine" if found.st_mode & stat.S_IWOTH else "its whole group"
        return f"{who} can write to it (mode {stat.S_IMODE(found.st_mode):04o})"
    return None


def _is_trusted(owner: int) -> bool:
    """Whether a file's owner is this user, or root, who can do anything anyway."""
    return owner in (os.geteuid(), 0)


def _everybody_renames(folder: Path) -> bool:
    try:
        mode = os.stat(folder).st_mode
    except OSError:
        return False
    return bool(mode & stat.S_IWOTH and not mode & stat.S_ISVTX) and _keeps_modes(folder)


def _keeps_modes(folder: Path) -> bool:
    """Whether modes mean something here. Some file systems (a Windows drive in WSL, a USB stick) show one
    mode for all files; a private file that is made there tells.
    """
    try:
        descriptor, probe = _beside(folder / "zmigrate-probe")
    except OSError:
        return True
    try:
        return not os.fstat(descriptor).st_mode & _OTHERS_WRITE
    finally:
        os.close(descriptor)
        probe.unlink(missing_ok=True)


def _keep_from_git(root: Path) -> None:
    """Write a `.gitignore` for all of a state folder, unless the folder has one, or holds other things."""
    place = root / GIT_IGNORE
    if os.path.lexists(place):
        return
    with suppress(OSError):  # a run does not depend on it, and the next one tries again
        if _STATE.issuperset(os.listdir(root)):
            replace_whole(place, b"# What zmigrate keeps: data of customers, nothing for git.\n*\n")


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


def mode_of(path: Path) -> int:
    """The mode that a file has, which its user may have shared; of one that is not there, that of ours."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode) & 0o777
    except FileNotFoundError:
        return PRIVATE_FILE


def replace_whole(path: Path, content: bytes, *, mode: int = PRIVATE_FILE, durable: bool = True) -> None:
    """Write a file so that a crash leaves the old content or the new, never half of it. A link in its place
    is replaced, not followed. `durable`: it is on the disk when this is done. Raises OSError.
    """
    descriptor, part = _beside(path)
    try:
        with os.fdopen(descriptor, "wb") as file:
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


def drop_parts(folder: Path) -> None:
    """Delete what a process that was killed has not finished, in a folder where nobody else is at work."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.endswith(PART):
                os.unlink(folder / name)


def _beside(path: Path) -> tuple[int, Path]:
    """A fresh private file in the same folder, of a name that nobody can foresee. Raises OSError, also where
    `path` is a device or a pipe, which a file would do away with.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise _odd(path)
    part = path.with_name(f"{path.name[:_NAME_KEPT]}.{os.urandom(8).hex()}{PART}")
    return open_private(part, os.O_RDWR | os.O_CREAT | os.O_EXCL), part


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
