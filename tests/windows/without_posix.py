"""Runs zmigrate, or a piece of Python, without what Windows lacks, and with what it does otherwise.

    python without_posix.py run import-csv leads.csv …
    python without_posix.py -c "import zmigrate; …"

What is imported before is the real system's: Python's own modules and the libraries. zmigrate is imported
afterwards, and finds `sys.platform == "win32"`, no `fcntl`, `resource`, `pwd`, `grp` and `termios`, no flags,
functions and signals of POSIX. Files behave as on Windows: one that this process has open can't be deleted,
replaced or renamed, nor can a folder with one.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import importlib
import os
import shutil
import signal
import sys
import tempfile
import time
import types
from importlib.abc import MetaPathFinder
from pathlib import Path


def words(text: str) -> list[str]:
    return text.split()


LIBRARIES = words("""
argparse concurrent.futures ctypes email.parser encodings.cp1252 encodings.idna getpass
http.cookiejar logging.config platform socket sqlite3 ssl subprocess tempfile
webbrowser zoneinfo httpx httpcore anyio h11 tenacity orjson msgspec dotenv tomlkit re2 rapidfuzz
rapidfuzz.process rapidfuzz.fuzz typer typer._click typer.rich_utils typer.completion shellingham
rich.console rich.live rich.table rich.progress rich.panel rich.traceback rich.markup rich.text
rich.columns rich.pretty rich.syntax starlette.applications httptools uvicorn uvicorn.loops.asyncio
uvicorn.protocols.http.httptools_impl
""")
MODULES = words("fcntl resource pwd grp termios tty pty syslog posix _posixsubprocess")
NAMES = words("""
O_NOFOLLOW O_NONBLOCK O_DIRECTORY O_CLOEXEC O_NOCTTY O_SYNC O_DSYNC fchmod fchown chown lchown
getuid geteuid getgid getegid getgroups getpgid setsid killpg fork forkpty mkfifo mknod sysconf
statvfs fstatvfs set_blocking get_blocking pread pwrite openpty ttyname tcgetpgrp nice getloadavg
uname getpriority sched_getaffinity posix_spawn register_at_fork sendfile ctermid
""")
SIGNALS = words("""
SIGHUP SIGUSR1 SIGUSR2 SIGPIPE SIGALRM SIGCHLD SIGTSTP SIGWINCH alarm pthread_kill
pthread_sigmask sigwait siginterrupt setitimer
""")
IN_USE = "The process cannot access the file because it is being used by another process"


class Absent(MetaPathFinder):
    """Finds no module of POSIX."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def hide() -> None:
    """Take away what Windows lacks."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Absent())
    for owner, names in ((os, NAMES), (signal, SIGNALS), (time, ["tzset"])):
        for name in names:
            if hasattr(owner, name):
                delattr(owner, name)
    signal.SIGBREAK = int(signal.SIGTTIN)  # type: ignore[attr-defined]
    for supported in (os.supports_dir_fd, os.supports_effective_ids, os.supports_follow_symlinks):
        supported.clear()
    shutil._use_fd_functions = False  # type: ignore[attr-defined]
    os.O_BINARY = 0  # type: ignore[attr-defined]
    asyncio.ProactorEventLoop = asyncio.SelectorEventLoop  # type: ignore[attr-defined]  # uvicorn asks for it
    sys.modules["msvcrt"] = msvcrt()
    sys.platform = "win32"


def msvcrt() -> types.ModuleType:
    """The module's locks: a region that another handle has locked can't be locked."""
    module = types.ModuleType("msvcrt")
    module.LK_NBLCK = 2  # type: ignore[attr-defined]

    def locking(descriptor: int, mode: int, length: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(errno.EACCES, "Permission denied") from None

    module.locking = locking  # type: ignore[attr-defined]
    return module


def open_files() -> set[str]:
    """The files that this process has open."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            continue
    return found


def refuse_open(*places: str | os.PathLike[str]) -> None:
    """Raise PermissionError for a file that is open, and for a folder that has one."""
    opened = open_files()
    for place in places:
        real = os.path.realpath(place)
        if real in opened or any(each.startswith(real + os.sep) for each in opened):
            raise PermissionError(errno.EACCES, IN_USE, str(place))


def guard_files() -> None:
    """Let open files stay where they are."""
    plain = {name: getattr(os, name) for name in ("unlink", "remove", "rmdir", "replace", "rename")}

    def guarded(name: str) -> object:
        def work(*places: str | os.PathLike[str], **more: object) -> None:
            refuse_open(*places)
            if name == "rename" and os.path.lexists(places[1]):
                raise FileExistsError(errno.EEXIST, "File exists", str(places[1]))
            plain[name](*places, **more)

        return work

    for name in plain:
        setattr(os, name, guarded(name))


LAUNCHER = """#!{python}
import subprocess, sys
program = (
    "import runpy, sys; sys.platform, sys.argv = 'win32', sys.argv[1:];"
    " runpy.run_path(sys.argv[0], run_name='__main__')"
)
sys.exit(subprocess.call(["{python}", "-I", "-S", "-c", program, *sys.argv[3:]]))
"""


def put_launcher(folder: Path) -> None:
    """As in a virtual environment of Windows: `sys.executable` starts Python as another process."""
    launcher = folder / "python.exe"
    launcher.write_text(LAUNCHER.format(python=sys.executable), "utf-8")
    launcher.chmod(0o700)
    sys.executable = str(launcher)


def main() -> None:
    """Become Windows, then run the command or the code."""
    hide()
    guard_files()
    if sys.argv[1] == "-c":
        exec(sys.argv[2], {"__name__": "__main__"})
        return
    from zmigrate.cli import main as command

    with tempfile.TemporaryDirectory() as folder:
        put_launcher(Path(folder))
        sys.exit(command(sys.argv[1:]))


if __name__ == "__main__":
    main()
