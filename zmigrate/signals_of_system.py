"""What Python's `signal` does not offer of a system's signal handlers: SA_RESETHAND."""

from __future__ import annotations

import platform
import sys
from typing import Final, NamedTuple

KNOWN_FLAGS: Final = {"linux": 0x0C000000, "darwin": 0x0001}
"""Those that Python's handlers have: SA_ONSTACK, and on Linux the C library's own SA_RESTORER."""


class _Layout(NamedTuple):
    """How the system's C library lays out `struct sigaction`."""

    mask_bytes: int
    reset_hand: int


def _layout() -> _Layout | None:
    if sys.platform == "linux" and platform.machine() in {"x86_64", "aarch64"}:
        return _Layout(128, 0x80000000)
    return _Layout(4, 0x0004) if sys.platform == "darwin" else None


def put_default_when_delivered(number: int) -> None:
    """Let the system put the default handler back in the moment in which it delivers this signal.

    Python's own handler, which stays, only takes note; what it stands for runs later, in the main thread. A
    C function that never returns and holds the interpreter would keep it from running for good, and so would
    every further signal, unless the system itself has the default by then. Where the system's structures are
    not known, nothing is changed.
    """
    layout = _layout()
    if layout is None:
        return
    try:
        import ctypes  # noqa: PLC0415  not every build of Python has it
    except ImportError:
        return
    fields = [
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_ubyte * layout.mask_bytes),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    ]
    libc, action = ctypes.CDLL(None), type("Action", (ctypes.Structure,), {"_fields_": fields})()
    if libc.sigaction(number, None, ctypes.byref(action)) != 0:
        return
    if action.handler and not action.flags & ~KNOWN_FLAGS[sys.platform]:  # else we misread it
        action.flags |= ctypes.c_int(layout.reset_hand).value
        libc.sigaction(number, ctypes.byref(action), None)
