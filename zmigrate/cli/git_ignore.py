"""Keeps a file with a secret out of git, by a line in .gitignore; says what the user has to do besides."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from shutil import which
from typing import Final

from zmigrate.private_files import read_whole, replace_shared
from zmigrate.state_folders import GIT_IGNORE

MOST_BYTES: Final = 1 << 20  # the largest .gitignore that is read
GIT_WAIT_S: Final = 5.0


def keep_from_git(file: Path) -> Iterator[str]:
    """Add a file to the .gitignore beside it, if a git repository would take the file. Yields sentences: what
    was done, and what the user has to do.
    """
    file = file.absolute()
    top = next((each for each in file.parents if os.path.lexists(each / ".git")), None)
    if top is None:
        return
    if not _is_ignored(file, top):
        place = file.parent / GIT_IGNORE
        try:
            _append(place, file.name)
            yield f"{file.name} was added to {GIT_IGNORE}, so that git does not take the secret."
        except OSError as error:
            yield (
                f"warning: git would take {file.name}, which has the secret, and {place} can't be written:"
                f" {error.strerror}. Add the line {file.name} to it."
            )
    if _is_tracked(file):
        yield (
            f"warning: git already has {file.name}, so {GIT_IGNORE} does not keep it out. Take it out:"
            f" git rm --cached {file.name}. If the secret was committed, everybody with the repository can"
            " read it: make a new one in Zoho's API console."
        )


def _is_ignored(file: Path, top: Path) -> bool:
    """Whether a .gitignore of the repository names the file; the last matching line decides. Other ways to
    ignore a file are not checked: one line too many does no harm.
    """
    ignored = False
    for folder in reversed([each for each in file.parents if each == top or top in each.parents]):
        for line in _lines_of(folder / GIT_IGNORE):
            pattern = line.removeprefix("!").removeprefix("**/")
            anchored, pattern = pattern.startswith("/"), pattern.removeprefix("/")
            if fnmatchcase(file.name, pattern) and (folder == file.parent or not anchored):
                ignored = not line.startswith("!")
    return ignored


def _lines_of(place: Path) -> list[str]:
    """The patterns of a .gitignore. A link is not read; git does not read one either."""
    try:
        text = read_whole(place, MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _append(place: Path, name: str) -> None:
    """Add a line at the end and keep every other byte. Raises OSError."""
    before = read_whole(place, MOST_BYTES) if os.path.lexists(place) else b""
    end = b"\r\n" if b"\r\n" in before else b"\n"
    gap = b"" if not before or before.endswith(b"\n") else end
    replace_shared(place, before + gap + name.encode() + end)


def _is_tracked(file: Path) -> bool:
    """Whether git has the file in its index. False if that can't be found out."""
    git = which("git")
    if git is None or Path(git).absolute().parent == Path.cwd():  # where Windows looks first
        return False
    words = [git, "-C", str(file.parent), "-c", "core.fsmonitor=false", "ls-files", "--error-unmatch", "--"]
    try:
        done = subprocess.run(  # noqa: S603  git itself, and a name of ours
            [*words, file.name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_WAIT_S,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
