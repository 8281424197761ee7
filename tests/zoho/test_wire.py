from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading

import httpx
import pytest

from zmigrate.zoho.wire import Trouble, build_client, send, trouble_of

BUILD = """
from zmigrate.errors import ConfigError
from zmigrate.zoho.wire import build_client
build_client(read_timeout_s=1.0, local=True).close()
try:
    build_client(read_timeout_s=1.0).close()
except ConfigError as error:
    print(error.message, error.hint)
"""


@pytest.mark.parametrize("variable", ["ALL_PROXY", "SSL_CERT_FILE"])
def test_a_proxy_or_certificate_that_can_not_be_used_is_a_usage_error(variable: str) -> None:
    environ = {**os.environ, variable: "gopher://127.0.0.1:1"}

    done = subprocess.run(
        [sys.executable, "-c", BUILD], env=environ, capture_output=True, text=True, check=True
    )

    assert variable in done.stdout


@pytest.mark.parametrize(
    ("error", "sent", "timed_out"),
    [
        (httpx.ConnectError, False, False),
        (httpx.ConnectTimeout, False, True),
        (httpx.PoolTimeout, False, True),
        (httpx.ProxyError, False, False),
        (httpx.ReadError, True, False),
        (httpx.ReadTimeout, True, True),
        (httpx.WriteError, True, False),
        (httpx.WriteTimeout, True, True),
        (httpx.CloseError, True, False),
        (httpx.RemoteProtocolError, True, False),
        (httpx.DecodingError, True, False),
    ],
)
def test_only_what_failed_before_a_connection_stood_is_certainly_not_sent(
    error: type[httpx.RequestError], sent: bool, timed_out: bool
) -> None:
    trouble = trouble_of(error("what it says"))

    assert (trouble.sent, trouble.timed_out, trouble.malformed) == (sent, timed_out, False)
    assert "what it says" not in trouble.why


def test_an_answer_that_comes_drop_by_drop_is_given_up() -> None:
    """Each drop is in time, the whole is not: nobody waits for it for ever."""
    gone = threading.Event()

    def drip(server: socket.socket) -> None:
        wire, _ = server.accept()
        with wire:
            wire.recv(1 << 16)
            wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
            while not gone.wait(0.01):  # 5 s for the whole
                wire.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as server:
        dripping = threading.Thread(target=drip, args=(server,))
        dripping.start()
        with build_client(read_timeout_s=0.1, local=True) as client:
            host, port = server.getsockname()
            found = send(client, httpx.Request("GET", f"http://{host}:{port}/"), None)
        gone.set()
        dripping.join()
    assert found == Trouble("ReadTimeout", sent=True, timed_out=True)


def test_cookies_are_not_kept() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, headers={"set-cookie": "JSESSIONID=1; Path=/"})

    with build_client(read_timeout_s=1.0, transport=httpx.MockTransport(answer)) as client:
        for _ in range(2):
            client.send(client.build_request("GET", "https://www.zohoapis.com/crm/v8/org"))

    assert ["cookie" in request.headers for request in seen] == [False, False]
