"""Folders that are safe for zmigrate's files: only this user (and root) can write to them, rename them or
replace them. Git ignores them.

Windows has no modes: a new folder has the access list of the folder around it.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Set
from contextlib import suppress
from pathlib import Path
from typing import Final

from zmigrate.errors import ConfigError
from zmigrate.file_owner import ANOTHER_PLACE, has_private_group, this_user, user_name
from zmigrate.private_files import keeps_modes, make_folders, read_whole, replace_whole

GIT_IGNORE: Final = ".gitignore"
_KEPT_FROM_GIT: Final = b"# What zmigrate keeps: data of customers, nothing for git.\n*\n"
_HOLDING_DATA: Final = frozenset({"runs", "orgs", "tokens", "crashes"})
_STATE: Final = _HOLDING_DATA | {"start.lock"}  # the names in a state folder

_GIVE: Final = (
    "Work as that user (in a container: docker run -u UID), or have the folder given to you (chown)."
)


def private_folder(path: Path, root: Path | None = None) -> Path:
    """Make a folder, or take an existing one: from `root` on, only this user may write to it (see
    `refuse_foreign`). `root`: the state folder, which git is told to ignore.

    Raises ConfigError if others can write to the folder, OSError if it can't be made.
    """
    refuse_foreign(path, root)
    if not os.path.isdir(path):
        make_folders(path)
        refuse_foreign(path, root)  # somebody else may have made one meanwhile
    if root is not None:
        _keep_from_git(path, root)
    return path


def refuse_foreign(path: Path, root: Path | None = None) -> None:
    """Raise ConfigError if anybody but this user could change a folder's contents.

    Each folder from `root` (by default the folder itself) down to it must belong to this user or to root, and
    nobody else may write to it. Missing folders are fine. For folders above see `_refuse_above`.
    """
    if sys.platform == "win32":
        return
    root = path if root is None else root
    for folder in (root, *(each for each in reversed(path.parents) if root in each.parents), path):
        _refuse(folder)
    places = {root.absolute(), Path(os.path.realpath(root))}
    for place in places:
        _refuse_above(root, place)


def _refuse(folder: Path) -> None:
    """Raise ConfigError if others may have written a folder's contents."""
    try:
        link, found = os.lstat(folder), os.stat(folder)
    except OSError:
        return  # whoever uses the folder reports this
    if stat.S_ISLNK(link.st_mode) and not _is_trusted(link.st_uid):
        fault, hint = f"it is a link made by {user_name(link.st_uid)}", "Name the folder itself."
    elif not _is_trusted(found.st_uid):
        fault, hint = f"it belongs to {user_name(found.st_uid)}", _GIVE
    elif _others_write(found) and keeps_modes(folder):
        who = "every user of this machine" if found.st_mode & stat.S_IWOTH else "its whole group"
        fault = f"{who} can write to it (mode {stat.S_IMODE(found.st_mode):04o})"
        hint = _hint_for_open(folder, found)
    else:
        return
    raise _untrusted(folder, fault, hint)


def _hint_for_open(folder: Path, found: os.stat_result) -> str:
    """What to do about a folder that others can write to. A folder that is shared on purpose, such as `/tmp`,
    should stay so.
    """
    if found.st_uid == this_user() and not found.st_mode & stat.S_ISVTX:
        return (
            f"If the folder is yours alone: chmod 700 {folder}. "
            "A folder that several people write to can't be used."
        )
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        return (
            f"It belongs to {user_name(found.st_uid)}, who has to change that: chmod 1777 {folder} (in "
            f"Kubernetes by an init container). Then name a new folder in it: {folder}/state."
        )
    return f"Name a new folder in it, which zmigrate makes for you alone: {folder}/state."


def _refuse_above(root: Path, place: Path) -> None:
    """Raise ConfigError if somebody could rename `root`, or a folder around it, and put another in its place.

    Folders above may be shared, as `/tmp` or a team's are. The owner of a shared folder is trusted by those
    who may write to it. Root trusts no team, since root's files could end up anywhere.
    """
    colleagues = set[int]()
    links: list[tuple[Path, int]] = []
    for above in place.parents:
        try:
            link, found = os.lstat(above), os.stat(above)
        except OSError:
            continue
        if stat.S_ISLNK(link.st_mode):
            links.append((above, link.st_uid))
        if this_user() != 0 and _is_shared_with_us(above, found):
            colleagues.add(found.st_uid)
        told = _told_of_above(above, found, colleagues)
        if told is not None:
            raise _untrusted(root, *told)
    for above, maker in links:
        if not _is_trusted(maker) and maker not in colleagues:
            fault = f"{above} is a link made by {user_name(maker)}, and can lead elsewhere"
            raise _untrusted(root, fault, "Name the folder itself.")


def _told_of_above(above: Path, found: os.stat_result, colleagues: Set[int]) -> tuple[str, str] | None:
    """What is wrong with a folder above, and what to do. None if nothing is wrong."""
    renames = "can rename or replace it"
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX and keeps_modes(above):
        return (
            f"every user of this machine {renames}, since {above} is open to everybody",
            f"If {above} is yours: chmod o-w {above} (or chmod +t, as /tmp is).",
        )
    if not _is_trusted(found.st_uid) and found.st_uid not in colleagues:
        owner = user_name(found.st_uid)
        return f"{owner} {renames}, since {above} belongs to {owner}", _GIVE
    if this_user() == 0 and _group_renames(found) and keeps_modes(above):
        return (
            f"the whole group of {above} {renames}, and you work as root",
            f"Work as another user; or: chmod g-w {above} (or chmod +t).",
        )
    return None


def _untrusted(folder: Path, fault: str, hint: str) -> ConfigError:
    return ConfigError(
        f"{folder} is not a safe place for zmigrate's files: {fault}.", hint=f"{hint} {ANOTHER_PLACE}"
    )


def _is_trusted(owner: int) -> bool:
    """Whether an owner is this user or root, who can do anything anyway. The owner of `/` is root too: a
    container may map root to another number.
    """
    return owner in (this_user(), 0, os.stat("/").st_uid)


def _others_write(found: os.stat_result) -> bool:
    """Whether others than the owner may write. A group without other members is nobody else."""
    if found.st_mode & stat.S_IWOTH:
        return True
    return bool(found.st_mode & stat.S_IWGRP) and not has_private_group(found)


def _group_renames(found: os.stat_result) -> bool:
    return not found.st_mode & stat.S_ISVTX and _others_write(found)


def _is_shared_with_us(folder: Path, found: os.stat_result) -> bool:
    """Whether a folder's owner lets this user, but not everybody, write to it."""
    effective = os.access in os.supports_effective_ids
    return not found.st_mode & stat.S_IWOTH and os.access(folder, os.W_OK, effective_ids=effective)


def _keep_from_git(path: Path, root: Path) -> None:
    """Write a `.gitignore` for a whole state folder. If the folder has other contents, write one for the part
    with `path`.
    """
    with suppress(OSError):  # no run depends on this, and the next one tries again
        if _ignores_all(root):
            return
        if not os.path.lexists(root / GIT_IGNORE) and _STATE.issuperset(os.listdir(root)):
            replace_whole(root / GIT_IGNORE, _KEPT_FROM_GIT)
            return
        part = next((each for each in (path, *path.parents) if each.parent == root), None)
        if part is not None and part.name in _HOLDING_DATA and not _ignores_all(part):
            replace_whole(part / GIT_IGNORE, _KEPT_FROM_GIT)


def _ignores_all(folder: Path) -> bool:
    """Whether a folder has our `.gitignore`."""
    try:
        return read_whole(folder / GIT_IGNORE, len(_KEPT_FROM_GIT)) == _KEPT_FROM_GIT
    except OSError:
        return False


def from_home(path: Path, in_full: str = "/path/to/it") -> Path:
    """A path that a person typed, with the home for its `~`: shells leave it in `--out=~/x`. What is there
    under the name itself stays. `in_full`: how to write it without `~`. Raises ConfigError if there is no
    such home.
    """
    if os.path.lexists(path):
        return path
    try:
        return path.expanduser()
    except RuntimeError:
        whose = "this user, who has none" if path.parts[0] == "~" else "a user who does not exist"
        raise ConfigError(
            f"{path} names the home of {whose}.", hint=f"Set HOME, or write it in full: {in_full}."
        ) from None


def place_from_home(place: str) -> str:
    """The same for a file or the URL of a database, which is no path."""
    return str(from_home(Path(place))) if place.startswith("~") else place
