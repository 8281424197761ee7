"""An emulator under attack, and a client that looks at its books afterwards."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.emulator.zoho import Zoho
from zmigrate.emulator import Emulator

MB = 1 << 20


@contextmanager
def attacked(served: Emulator) -> Iterator[Zoho]:
    """A client of the emulator as it was at its start, logged in for everything. Afterwards no fault of the
    emulator's own is in its books."""
    client = Zoho(served)
    client.act("reset")
    client.login()
    yield client
    broken = client.control("stats")["broken"]
    client.close()
    assert broken == []


def own_port(zoho: Zoho) -> int:
    return int(zoho.emulator.url.rpartition(":")[2])


def raw(zoho: Zoho, *pieces: bytes) -> bytes:
    """What comes back for these bytes, until the server closes."""
    got = b""
    with socket.create_connection(("127.0.0.1", own_port(zoho)), timeout=10) as wire:
        try:
            for piece in pieces:
                wire.sendall(piece)
            wire.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server had enough
        try:
            while more := wire.recv(1 << 16):
                got += more
        except ConnectionError:
            pass
    return got
