"""Whose a file or folder is, for messages about those that this user may not read or write."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from zmigrate.errors import ConfigError

ANOTHER_PLACE = "Choose another place with --state-dir or ZMIGRATE_STATE_DIR."

if sys.platform == "win32":

    def this_user() -> int:
        return -1

    def user_name(_uid: int) -> str:
        return "another user"

    def has_private_group(_found: os.stat_result) -> bool:
        return False

else:
    import grp
    import pwd

    def this_user() -> int:
        return os.geteuid()

    def user_name(uid: int) -> str:
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return f"the user with the id {uid}"

    def has_private_group(found: os.stat_result) -> bool:
        """Whether the group of a file is this user's own, as many systems give one to each user: its main
        group, named alike, which nobody else is in. False where that can't be told.
        """
        try:
            user, group = pwd.getpwuid(this_user()), grp.getgrgid(found.st_gid)
        except KeyError:
            return False
        alike = group.gr_gid == user.pw_gid and group.gr_name == user.pw_name
        return alike and {user.pw_name}.issuperset(group.gr_mem)


def owner_of(path: Path) -> tuple[Path, str] | None:
    """The path and its owner's name; of what can't be looked at, the deepest folder around it that can. None
    where there is none.
    """
    for place in (path, *path.absolute().parents):
        try:
            return place, user_name(place.stat().st_uid)
        except OSError:
            continue
    return None


def why(path: Path, error: OSError) -> str:
    """What the system says, and whose the place is where it does not permit something: `Permission denied;
    it belongs to anna`.
    """
    said = error.strerror or str(error)
    found = owner_of(path) if isinstance(error, PermissionError) else None
    if found is None:
        return said
    place, owner = found
    return f"{said}; {'it' if place == path else place} belongs to {owner}"


def cant_read(path: Path, error: OSError) -> ConfigError:
    """The error of a file or folder of the state folder that can't be read."""
    hint = ANOTHER_PLACE
    if isinstance(error, PermissionError):
        hint = f"Work as that user, or have the folder given to you; else: {ANOTHER_PLACE}"
    return ConfigError(f"{path} can't be read: {why(path, error)}.", hint=hint)
