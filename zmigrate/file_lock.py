"""The system's lock on an open file, held by one process and released when it dies."""

from __future__ import annotations

import errno
import os
import sys
from typing import Final

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_HELD: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK})
"""What the systems say if another process holds the lock."""

_LOCKED_BYTE: Final = 1 << 20  # Windows lets nobody else read locked bytes, so it lies behind the content


def try_lock(descriptor: int) -> bool:
    """Take the lock without waiting. False if another holder has it. The place in the file is its beginning
    afterwards. Raises OSError if the file system has no locks, as some network and shared folders.
    """
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            finally:
                os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise
    return True
