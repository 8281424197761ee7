"""SA_RESETHAND, which Python's `signal` module does not offer."""

from __future__ import annotations

import platform
import sys
from typing import Final, NamedTuple

KNOWN_FLAGS: Final = {"linux": 0x0C000000, "darwin": 0x0001}
"""Flags of Python's own handlers: SA_ONSTACK, and on Linux the C library's SA_RESTORER."""


class _Layout(NamedTuple):
    """How the system's C library lays out `struct sigaction`."""

    mask_bytes: int
    reset_hand: int


def _layout() -> _Layout | None:
    if sys.platform == "linux" and platform.machine() in {"x86_64", "aarch64"}:
        return _Layout(128, 0x80000000)
    return _Layout(4, 0x0004) if sys.platform == "darwin" else None


def put_default_when_delivered(number: int) -> None:
    """Let the system restore the default handler at the moment in which it delivers this signal.

    Python's own handler only takes a note, and the real one runs later, in the main thread. A C function that
    never returns and holds the interpreter would block this handler and every further signal, unless the
    system has the default by then. On unknown systems nothing is changed.
    """
    layout = _layout()
    if layout is None:
        return
    try:
        import ctypes  # noqa: PLC0415  some builds of Python lack it
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
    if action.handler and not action.flags & ~KNOWN_FLAGS[sys.platform]:  # other flags: it was misread
        action.flags |= ctypes.c_int(layout.reset_hand).value
        libc.sigaction(number, ctypes.byref(action), None)
