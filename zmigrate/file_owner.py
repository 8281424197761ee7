"""Who owns a file or folder, for messages about access."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from zmigrate.errors import ConfigError

ANOTHER_PLACE = "Choose another place with --state-dir or ZMIGRATE_STATE_DIR, on a local disk."

_NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS})

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
        """Whether a file's group has no member but this user: their main group, with their name. False if
        unknown.
        """
        try:
            user, group = pwd.getpwuid(this_user()), grp.getgrgid(found.st_gid)
        except KeyError:
            return False
        alike = group.gr_gid == user.pw_gid and group.gr_name == user.pw_name
        return alike and {user.pw_name}.issuperset(group.gr_mem)


def owner_of(path: Path) -> tuple[Path, str] | None:
    """A path and its owner's name. If the path is not accessible, the deepest folder around it that is.
    None if that can't be known.
    """
    if sys.platform == "win32":  # Python knows no owners there
        return None
    for place in (path, *path.absolute().parents):
        try:
            return place, user_name(place.stat().st_uid)
        except OSError:
            continue
    return None


def why(path: Path, error: OSError) -> str:
    """What the system says, with the owner if it is permission: `Permission denied; it belongs to anna`."""
    said = error.strerror or str(error)
    if error.errno in _NO_LOCKS:
        return f"its file system has no locks, as some network and shared folders ({said})"
    found = owner_of(path) if isinstance(error, PermissionError) else None
    if found is None:
        return said
    place, owner = found
    return f"{said}; {'it' if place == path else place} belongs to {owner}"


def cant_read(path: Path, error: OSError) -> ConfigError:
    """The error for something in the state folder that can't be read."""
    hint = ANOTHER_PLACE
    if isinstance(error, PermissionError) and sys.platform == "win32":
        hint = f"Close it if another program has it open. {ANOTHER_PLACE}"
    elif isinstance(error, PermissionError):
        hint = f"Work as that user, or have the folder given to you. {ANOTHER_PLACE}"
    return ConfigError(f"{path} can't be read: {why(path, error)}.", hint=hint)
