"""Starting and stopping, where it listens, and that it keeps quiet."""

from __future__ import annotations

import ast
import os
import signal
import socket
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from threading import Thread
from time import monotonic

import httpx
import pytest

import zmigrate.emulator
from tests.emulator.zoho import Zoho, lead
from zmigrate.emulator import Emulator, Options

ROOM = Path(zmigrate.emulator.__file__).parent
OWN_PROCESS = """
from zmigrate.emulator import Options, serve
serve(Options(), lambda emulator: print(emulator.url, flush=True))
"""


def test_it_starts_in_half_a_second_and_answers_at_once() -> None:
    start = monotonic()
    with Emulator() as emulator:
        started_s = monotonic() - start
        assert httpx.get(f"{emulator.url}/_emulator/stats").status_code == 200

    assert started_s < 0.5


def test_it_stops_at_once_though_requests_hang() -> None:
    with Emulator() as emulator:
        zoho = Zoho(emulator)
        zoho.login()
        zoho.script({"fault": "hang"}, {"fault": "delay", "delay_s": 60})
        threads = [Thread(target=ended, args=(zoho,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        while zoho.control("stats")["scripts_left"]:
            pass
        start = monotonic()
    stopped_s = monotonic() - start
    for thread in threads:
        thread.join()
    zoho.close()

    assert stopped_s < 1.0


def ended(zoho: Zoho) -> None:
    """A request that ends with an answer or without one."""
    try:
        zoho.insert([lead(1)])
    except httpx.HTTPError:
        return


def test_two_emulators_are_two_orgs_and_two_clients() -> None:
    with Emulator() as first, Emulator() as second:
        assert first.url != second.url
        assert first.soid != second.soid
        assert first.client_id != second.client_id


def test_client_and_org_can_be_given() -> None:
    emulator = Emulator(Options(client_id="1000.ME", client_secret="s", zgid="42"))

    assert (emulator.client_id, emulator.client_secret, emulator.soid) == ("1000.ME", "s", "ZohoCRM.42")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com", "::"])
def test_it_refuses_to_listen_beyond_loopback(host: str) -> None:
    with pytest.raises(ValueError, match="loopback only"):
        Emulator(Options(host=host)).__enter__()


def test_a_port_that_is_taken_is_an_error() -> None:
    with Emulator() as emulator:
        port = int(emulator.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            Emulator(Options(port=port)).__enter__()


def test_a_request_that_names_another_host_is_refused(zoho: Zoho) -> None:
    answer = zoho.get("/org", headers={"Host": "crm.example.com"})

    assert (answer.status_code, answer.json()["code"]) == (403, "INVALID_HOST")


def test_every_answer_carries_a_date_and_no_server_name(zoho: Zoho) -> None:
    for path in ("/crm/v8/org", "/_emulator/stats", "/oauth/v2/token", "/nowhere"):
        headers = zoho.http.get(path).headers
        assert headers["date"].endswith("GMT")
        assert "server" not in headers


def test_a_connection_is_kept_for_many_requests(zoho: Zoho) -> None:
    host, _, port = zoho.emulator.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        for _ in range(3):
            connection.sendall(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while not answer.endswith(b'"status":"error"}'):
                answer += connection.recv(4096)
            assert answer.startswith(b"HTTP/1.1 404")


def test_in_a_process_of_its_own_it_says_nothing_and_ends_with_a_signal() -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-X", "dev", "-c", OWN_PROCESS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        assert httpx.get(f"{url}/_emulator/stats").status_code == 200
        httpx.get(f"{url}/crm/v8/nothing")
        os.kill(process.pid, signal.SIGINT)

        assert process.wait(5) == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


def test_every_option_explains_itself() -> None:
    assert [one.name for one in fields(Options) if not one.metadata.get("help")] == []


def test_it_imports_nothing_of_the_rest() -> None:
    for file in sorted(ROOM.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                assert not any(name.name.startswith("zmigrate") for name in node.names), file.name
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1, file.name
                assert not (node.module or "").startswith("zmigrate"), file.name
