"""The emulator against a page in the person's browser, and against requests that never end."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator

import pytest

from tests.emulator.zoho import Zoho, lead
from tests.security.emulated import MB, attacked, own_port, raw
from zmigrate.emulator import Emulator, Options
from zmigrate.emulator.exchange import BODY_LIMIT_BYTES
from zmigrate.emulator.protocol import BARE_LIMIT_BYTES, REQUEST_WITHIN_S

PATHS = ["/_emulator/stats", "/crm/v8/org", "/oauth/v2/token", "/nowhere"]


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    with Emulator(Options(token_limit=100_000)) as emulator:
        yield emulator


@pytest.fixture
def zoho(served: Emulator) -> Iterator[Zoho]:
    with attacked(served) as client:
        yield client


# -- web pages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Origin", "http://127.0.0.1:1"),
        ("Origin", "http://localhost"),
        ("Origin", ""),
        ("Origin", "http://127.0.0.1:1@evil.example"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Site", "whatever"),
        ("Host", "evil.example"),
        ("Host", "evil.example:80"),
        ("Host", "127.0.0.1.evil.example"),
        ("Host", "localhost.evil.example"),
        ("Host", "0.0.0.0"),
        ("Host", "[::]"),
        ("Host", "192.168.1.7"),
        ("Host", "127.0.0.1:80@evil.example"),
        ("Host", "127.0.0.1:x"),
        ("Host", "2130706433"),
        ("Host", ""),
    ],
)
def test_a_page_of_another_site_is_refused_and_told_why(zoho: Zoho, path: str, name: str, value: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        answer = zoho.http.request(method, path, headers={name: value})
        assert answer.status_code == 403, (method, path)
        assert "answers programs on this machine, not web pages" in answer.json()["message"]
        assert name in answer.json()["message"]
        assert not any(header.startswith("access-control") for header in answer.headers)


def test_a_page_changes_nothing(zoho: Zoho) -> None:
    page = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    zoho.http.post("/_emulator/faults", content=b'{"rate_5xx": 1.0}', headers=page)
    zoho.http.post("/crm/v8/Leads", content=json.dumps({"data": [lead()]}).encode(), headers=page)
    zoho.http.post("/oauth/v2/token", data=zoho.form(), headers={"Origin": "null"})
    assert zoho.control("faults")["rate_5xx"] == 0
    assert zoho.control("writes") == []
    assert zoho.control("stats")["token_requests"] == 1


@pytest.mark.parametrize("hosts", [[], ["127.0.0.1", "evil.example"], ["evil.example", "127.0.0.1"]])
def test_a_request_without_one_host_is_refused(zoho: Zoho, hosts: list[str]) -> None:
    lines = "".join(f"Host: {host}\r\n" for host in hosts)
    got = raw(zoho, f"GET /_emulator/stats HTTP/1.0\r\n{lines}\r\n".encode())
    assert got.startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]", "localhost:8080"]
)
def test_every_loopback_host_is_answered_and_so_is_its_own_origin(zoho: Zoho, host: str) -> None:
    own = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert zoho.http.get("/_emulator/stats", headers=own).status_code == 200


def test_a_typed_address_is_answered(zoho: Zoho) -> None:
    assert zoho.http.get("/_emulator/stats", headers={"Sec-Fetch-Site": "none"}).status_code == 200


# -- bodies ----------------------------------------------------------------------------------------

JSON_PATHS = ["/crm/v8/Leads", "/crm/v8/coql", "/_emulator/faults", "/_emulator/records/Leads"]


@pytest.mark.parametrize("path", JSON_PATHS)
@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""]
)
def test_a_body_that_does_not_say_it_is_json_is_refused_with_the_header_to_add(
    zoho: Zoho, path: str, kind: str
) -> None:
    answer = zoho.http.post(path, content=b'{"a": 1}', headers={"Content-Type": kind})
    assert answer.status_code == 415
    assert "-H 'Content-Type: application/json'" in answer.json()["message"]


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=UTF-8", None])
def test_json_is_taken_with_its_type_or_without_any_as_zohos_sdk_sends_it(
    zoho: Zoho, kind: str | None
) -> None:
    body = json.dumps({"data": [lead()]}).encode()
    answer = zoho.http.post("/crm/v8/Leads", content=body, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == 201


def test_the_token_endpoint_takes_forms(zoho: Zoho) -> None:
    assert "access_token" in zoho.ask_token().json()
    parts = {name: (None, value) for name, value in zoho.form().items()}
    assert "access_token" in zoho.http.post("/oauth/v2/token", files=parts).json()


@pytest.mark.parametrize("path", JSON_PATHS)
def test_a_compressed_body_is_refused(zoho: Zoho, path: str) -> None:
    bomb = gzip.compress(b"[" * MB)
    answer = zoho.http.post(path, content=bomb, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("path", "limit"), [("/crm/v8/Leads", BODY_LIMIT_BYTES), ("/oauth/v2/token", 64 * 1024)]
)
def test_a_body_that_tells_it_is_too_long_is_refused_before_it_comes(
    zoho: Zoho, path: str, limit: int
) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {limit + 1}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", own_port(zoho)), timeout=10) as wire:
        wire.sendall(head.encode())
        assert wire.recv(4096).startswith(b"HTTP/1.1 413")


def test_a_body_in_pieces_is_refused_once_it_is_too_long_and_held_no_longer(zoho: Zoho) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(3):
            yield b" " * (64 * 1024)

    answer = zoho.http.post("/oauth/v2/token", content=pieces())
    assert (answer.status_code, answer.json()["code"]) == (413, "REQUEST_BODY_TOO_LARGE")
    assert zoho.control("stats")["broken"] == []


@pytest.mark.parametrize("opened", [b'{"a":', b"["])
@pytest.mark.parametrize("levels", [60, 300, 1000, 100_000])
def test_a_body_that_is_nested_too_deeply_is_refused(zoho: Zoho, opened: bytes, levels: int) -> None:
    closed = b"}" if opened.startswith(b"{") else b"]"
    deep = opened * levels + b"1" + closed * levels
    for path, body in (
        ("/crm/v8/Leads", b'{"data":[{"Last_Name":"x","Tag":' + deep + b"}]}"),
        ("/_emulator/records/Leads", b'{"data":[{"Anything":' + deep + b"}]}"),
        ("/_emulator/script", b'[{"fault":"answer","body":' + deep + b"}]"),
        ("/crm/v8/coql", deep),
    ):
        answer = zoho.http.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400


def test_a_hundred_and_one_records_are_too_many(zoho: Zoho) -> None:
    assert zoho.insert([lead(number) for number in range(101)]).json()["data"][0]["code"] == "LIMIT_EXCEEDED"


# -- heads and connections -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * BARE_LIMIT_BYTES + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * BARE_LIMIT_BYTES + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * BARE_LIMIT_BYTES + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 4 * MB,
        b"\r\n" * MB,
    ],
)
def test_a_head_that_is_too_large_is_refused(zoho: Zoho, head: bytes) -> None:
    got = raw(zoho, *(head[at : at + 8192] for at in range(0, len(head), 8192)))
    assert got == b"" or got.startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize("between", [b"1;" + b"x" * MB, b"0\r\nX: " + b"x" * MB])
def test_what_stands_between_the_pieces_of_a_body_has_a_limit(zoho: Zoho, between: bytes) -> None:
    head = b"POST /crm/v8/Leads HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    got = raw(zoho, head, between)
    assert got == b"" or got.startswith(b"HTTP/1.1 431")


def test_headers_behind_a_body_change_nothing(zoho: Zoho) -> None:
    got = raw(
        zoho,
        b"POST /_emulator/reset HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: text/plain\r\n\r\n2\r\n{}\r\n0\r\nContent-Type: application/json\r\n\r\n",
    )
    assert got.startswith(b"HTTP/1.1 415")


@pytest.mark.slow
@pytest.mark.parametrize(
    "begun", [b"GET / HTTP/1.1\r\nHost: loc", b"POST /crm/v8/Leads HTTP/1.1\r\nHost: x\r\n"]
)
def test_a_request_that_comes_too_slowly_is_given_up(zoho: Zoho, begun: bytes) -> None:
    with socket.create_connection(("127.0.0.1", own_port(zoho)), timeout=2 * REQUEST_WITHIN_S) as wire:
        wire.sendall(begun)
        assert wire.recv(4096).startswith(b"HTTP/1.1 408")
