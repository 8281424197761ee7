"""A company's network on loopback: a proxy through which Zoho's hosts are reached, and what answers behind.

The certificates beside it are made for these tests alone: `ca.pem` has signed the three others, which are for
Zoho's hosts (`zoho`), for them until 2021 (`expired`), and for another host (`other`).
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CERTIFICATES = Path(__file__).parent / "certificates"
CA = CERTIFICATES / "ca.pem"

Answer = tuple[int, str, bytes]
"""Status, content type, body."""

ORG = {"org": [{"id": "1", "zgid": "700", "company_name": "Acme", "type": "production"}]}
TOKEN = {
    "access_token": "1000.aaaabbbb.ccccdddd",
    "api_domain": "https://www.zohoapis.com",
    "scope": "ZohoCRM.org.READ ZohoCRM.modules.ALL",
    "expires_in": 3600,
}
PAGE: Answer = (200, "text/html", b"<!DOCTYPE html><title>Hotel Wi-Fi</title>Please log in")


def as_json(body: Any, status: int = 200) -> Answer:
    return status, "application/json", json.dumps(body).encode()


def zoho(path: str) -> Answer:
    """What Zoho answers."""
    if path == "/oauth/v2/token":
        return as_json(TOKEN)
    return as_json(ORG if path == "/crm/v8/org" else {"data": [], "info": {"more_records": False}})


@dataclass
class Proxy:
    """What the proxy does; a test may change it midway."""

    answer: Callable[[str], Answer] = zoho
    certificate: str = "zoho"
    refuses: tuple[int, str] | None = None
    """The status for CONNECT."""
    speaks_tls: bool = True
    drops: int = 0
    """So many of the next tunnels end before TLS."""
    connects: int = 0
    asked: list[str] = field(default_factory=list)
    """The paths of all requests."""
    url: str = ""

    def serve(self, wire: socket.socket) -> None:
        with wire, suppress(OSError):
            _head(wire)
            self.connects += 1
            if self.refuses is not None:
                status, reason = self.refuses
                wire.sendall(f"HTTP/1.1 {status} {reason}\r\nContent-Length: 0\r\n\r\n".encode())
                return
            wire.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            if self.drops:
                self.drops -= 1
                return
            if not self.speaks_tls:
                wire.recv(1 << 16)
                wire.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n")
                return
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATES / f"{self.certificate}.pem")
            with context.wrap_socket(wire, server_side=True) as inner:
                self._answer(inner)

    def _answer(self, wire: socket.socket) -> None:
        path = _head(wire).split(b" ")[1].decode().partition("?")[0]
        self.asked.append(path)
        status, kind, body = self.answer(path)
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nConnection: close\r\n"
        wire.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def _head(wire: socket.socket) -> bytes:
    """The request's head; its body is read too."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = wire.recv(1 << 16)
        if not more:
            raise ConnectionError
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            left = int(line.partition(b":")[2]) - len(body)
            while left > 0:
                left -= len(wire.recv(left))
    return head


@contextmanager
def running(proxy: Proxy) -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        proxy.url = f"http://{host}:{port}"

        def accept() -> None:
            with suppress(OSError):
                while True:
                    wire, _ = server.accept()
                    threading.Thread(target=proxy.serve, args=(wire,), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield proxy
        server.shutdown(socket.SHUT_RDWR)
    accepting.join(5)
