"""An answer is bounded while it arrives: in length, unpacked, and in how it may be packed."""

from __future__ import annotations

import gzip
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.zoho.fakes import settings
from zmigrate.config import Credentials, Secret
from zmigrate.errors import InDoubt, Outage, ReadFailed
from zmigrate.stopping import StopSignal
from zmigrate.zoho.backoff import Backoff
from zmigrate.zoho.body import ANSWER_BYTES
from zmigrate.zoho.connection import connect
from zmigrate.zoho.record_calls import write_body
from zmigrate.zoho.wire import Trouble, build_client, send

TOKEN = b'{"access_token": "1000.x", "expires_in": 3600, "api_domain": "http://%s"}'


@contextmanager
def answering(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> Iterator[str]:
    """The address of a server that gives a token, and this body to all else."""

    def answer(wire: socket.socket, host: bytes) -> None:
        with wire:
            asked = b""
            while b"\r\n\r\n" not in asked:
                asked += wire.recv(1 << 16)
            is_token = b"/oauth/" in asked
            content, more, said = (TOKEN % host, (), b"200 OK") if is_token else (body, headers, status)
            lines = [b"HTTP/1.1 " + said, b"Connection: close", b"Content-Length: %d" % len(content), *more]
            try:
                wire.sendall(b"\r\n".join([*lines, b"", b""]) + content)
                while wire.recv(1 << 16):
                    pass
            except OSError:
                pass  # the client has seen enough

    def serve(server: socket.socket) -> None:
        while True:
            try:
                wire, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(wire, host.encode()), daemon=True).start()

    server = socket.create_server(("127.0.0.1", 0))
    host = "{}:{}".format(*server.getsockname())
    serving = threading.Thread(target=serve, args=(server,), daemon=True)
    serving.start()
    try:
        yield host
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        serving.join()


def fetched(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> httpx.Response | Trouble:
    with (
        answering(body, *headers, status=status) as host,
        build_client(read_timeout_s=10, local=True) as http,
    ):
        return send(http, httpx.Request("GET", f"http://{host}/"), None)


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    step = bytes(1 << 20)
    return b"".join([*(packer.compress(step) for _ in range(size >> 20)), packer.flush()])


GZIP = b"Content-Encoding: gzip"


def test_a_small_answer_that_unpacks_to_a_large_one_is_no_usable_answer() -> None:
    assert fetched(bomb(100 << 20), GZIP) == Trouble("is larger than 64 MB", sent=True, status=200)


def test_a_plain_answer_that_is_too_large_is_no_usable_answer() -> None:
    found = fetched(bytes(ANSWER_BYTES + 1), status=b"500 Internal Server Error")
    assert found == Trouble("is larger than 64 MB", sent=True, status=500)


@pytest.mark.parametrize("encoding", [b"gzip, gzip", b"deflate", b"br", b"gzip, identity", b"zstd"])
def test_only_the_encoding_that_was_asked_for_is_taken(encoding: bytes) -> None:
    found = fetched(gzip.compress(gzip.compress(b"{}")), b"Content-Encoding: " + encoding)
    assert found == Trouble("has an encoding that was not asked for", sent=True, status=200)


@pytest.mark.parametrize("encoding", [b"gzip", b"GZIP", b"x-gzip"])
def test_a_packed_answer_is_unpacked(encoding: bytes) -> None:
    body = b'{"data": []}' * 400_000
    found = fetched(gzip.compress(body), b"Content-Encoding: " + encoding)
    assert isinstance(found, httpx.Response)
    assert found.content == body


def test_a_damaged_packed_answer_is_no_answer() -> None:
    packed = bytearray(gzip.compress(b'{"data": []}' * 100))
    packed[20] ^= 0xFF
    assert fetched(bytes(packed), GZIP) == Trouble("DecodingError", sent=True)


BOUNDED = """
import resource
from tests.security.test_answer_sizes import GZIP, bomb, fetched
packed = bomb(300 << 20)
resource.setrlimit(resource.RLIMIT_AS, (600 << 20,) * 2)
print(fetched(packed, GZIP).why)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is Linux's")
def test_a_packed_answer_takes_no_more_memory_than_the_limit() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED],
        cwd=Path(__file__).parents[2],  # from where `tests` can be imported
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "is larger than 64 MB\n"


@pytest.fixture
def too_large(tmp_path: Path) -> Iterator[object]:
    """A connection to a Zoho whose every answer is too large."""
    with answering(bomb(ANSWER_BYTES + (1 << 20)), GZIP) as host:
        credentials = Credentials("1000.A", Secret("s"), "ZohoCRM.1", f"http://{host}", "a test")
        connection = connect(
            credentials,
            ("ZohoCRM.modules.ALL", "ZohoCRM.org.READ"),
            settings=settings(tmp_path, read_timeout_s=10),
            emit=lambda event: None,
            stop=StopSignal(),
            backoff=Backoff(first_s=0.01, longest_s=0.02, budget_s=0.5),
        )
        with connection:
            yield connection


def test_an_insert_whose_answer_is_too_large_is_in_doubt(too_large: object) -> None:
    body = write_body([{"Last_Name": "Doe"}], "insert")
    with pytest.raises(InDoubt, match="is larger than 64 MB") as caught:
        too_large.crm.write("Leads", "insert", body, rows=1, repeatable=False)  # type: ignore[attr-defined]
    assert caught.value.by_zoho


def test_a_read_whose_answer_is_too_large_is_given_up_and_says_so(too_large: object) -> None:
    with pytest.raises((Outage, ReadFailed), match="is larger than 64 MB"):
        too_large.crm.get("/crm/v8/Leads")  # type: ignore[attr-defined]
