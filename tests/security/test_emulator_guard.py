"""The emulator against a page in the person's browser, and against requests that would make it stumble."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emulator.zoho import Zoho, lead
from tests.support import Bench, file_job, leads, write_rows
from zmigrate import Insert
from zmigrate.cli import main
from zmigrate.emulator import Emulator, Options
from zmigrate.emulator.protocol import BARE_LIMIT_BYTES
from zmigrate.emulator.wire import BODY_LIMIT_BYTES

PATHS = ["/_emulator/stats", "/crm/v8/org", "/oauth/v2/token", "/nowhere"]
MB = 1 << 20


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    with Emulator(Options(token_limit=100_000)) as emulator:
        yield emulator


@pytest.fixture
def refusal_of_command(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the command with options that are wrong use; gives what it says."""

    def run(*words: str) -> str:
        assert main(["emulator", *words]) == 2
        return capsys.readouterr().err

    return run


@pytest.fixture
def zoho(served: Emulator) -> Iterator[Zoho]:
    """Logged in; no fault of the emulator's own is in the books afterwards."""
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


# -- the control room ------------------------------------------------------------------------------

LONG = "x" * MB


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("faults", {"latency_ms": 1e9}, "latency_ms"),
        ("faults", {"latency_ms": -1}, "latency_ms"),
        ("faults", {"latency_ms": "1"}, "latency_ms"),
        ("faults", {"rate_5xx": 7}, "rate_5xx"),
        ("faults", {"token_life_s": 1e300}, "token_life_s"),
        ("faults", {"credits": 10**15}, "credits"),
        ("faults", {"token_error_status": 100}, "token_error_status"),
        ("faults", {"utc_offset_minutes": 100_000}, "utc_offset_minutes"),
        ("faults", {"clock_skew_s": 1e18}, "clock_skew_s"),
        ("faults", {"picklist": ["strict"]}, "picklist"),
        ("faults", {"allowed_scopes": LONG}, "allowed_scopes"),
        ("faults", {LONG: 1}, "xxx"),
        ("script", {"fault": "500"}, "list"),
        ("script", [1], "list"),
        ("script", [{"fault": "500", "times": 10**12}], "times"),
        ("script", [{"fault": "500", "times": "many"}], "times"),
        ("script", [{"fault": "500", "times": 1.5}], "times"),
        ("script", [{"fault": "delay", "delay_s": 1e9}], "delay_s"),
        ("script", [{"fault": "delay", "delay_s": -1}], "delay_s"),
        ("script", [{"fault": "answer", "status": 99}], "status"),
        ("script", [{"fault": "answer", "status": 9999}], "status"),
        ("script", [{"fault": "101"}], "101"),
        ("script", [{"fault": LONG}], "fault"),
        ("script", [{"fault": "500", "path": 5}], "path"),
        ("script", [{"fault": "500", "contains": 5}], "contains"),
        ("script", [{"fault": "500", "headers": {"X": "a\r\nSet-Cookie: b"}}], "header"),
        ("script", [{"fault": "500", "headers": {"X\r\nSet-Cookie": "b"}}], "header"),
        ("script", [{"fault": "500", "headers": {"Content-Length": "5"}}], "header"),
        ("script", [{"fault": "500", "headers": [1]}], "headers"),
        ("script", [{"fault": "500"}] * 10_001, "10000"),
        ("users", {}, "list"),
        ("users", [{"full_name": 1, "email": "a@b.de"}], "full_name"),
        ("users", [{"full_name": "A"}], "email"),
        ("users", [{"full_name": "A", "email": "a@b.de", "status": LONG}], "status"),
        ("users", [{"full_name": "A", "email": "a@b.de", "colour": 1}], "colour"),
        ("users", [{"full_name": "A", "email": f"{n}@b.de"} for n in range(2_001)], "at most"),
        ("records/Leads", {}, "data"),
        ("records/Leads", {"data": 5}, "data"),
        ("records/Leads", {"data": [5]}, "data"),
        ("records/Leads", {"data": [{"Owner": 5}]}, "Owner"),
        ("records/Leads", {"data": [{"Owner": {"id": "x"}}]}, "Owner"),
        ("records/Leads", {"data": [{"Email": {}}]}, "Email"),
        ("records/Leads", {"data": [{"Legacy_ID": []}]}, "Legacy_ID"),
        ("records/Leads", {"data": [{"Tag": [{"name": {}}]}]}, "Tag"),
        ("records/Leads", {"data": [{"Legacy_Created_Time": "soon"}]}, "Legacy_Created_Time"),
        ("records/Leads", {"data": [{}], "created_by": "me"}, "created_by"),
        ("records/Leads", {"data": [{}], "created_time": 1e300}, "created_time"),
        ("records/Leads", {"data": [{}], "created_time": LONG}, "created_time"),
        ("records/Leads", {"data": [{}] * 100_001}, "100000"),
        (f"records/{LONG[:5000]}", {"data": []}, "no module"),
        ("lock/Leads", {"ids": ["1"]}, "ids"),
        ("lock/Leads", {"ids": 5}, "ids"),
        ("lock/Leads", {}, "ids"),
        ("fields/Leads", {}, "api_name"),
        ("fields/Leads", {"api_name": 5}, "api_name"),
        ("fields/Leads", {"api_name": LONG}, "api_name"),
        ("fields/Leads", {"api_name": "X", "length": "5"}, "length"),
        ("fields/Leads", {"api_name": "X", "length": 10**12}, "length"),
        ("fields/Leads", {"api_name": "X", "data_type": "colour"}, "data_type"),
        ("fields/Leads", {"api_name": "X", "data_type": "subform", "subform": "Leads"}, "subform"),
        ("fields/Leads", {"api_name": "X", "data_type": "subform"}, "subform"),
        ("fields/Leads", {"api_name": "X", "data_type": "lookup", "lookup": "Service_Log"}, "lookup"),
        ("fields/Leads", {"api_name": "X", "data_type": "lookup", "lookup": "Nope"}, "lookup"),
        ("fields/Leads", {"api_name": "X", "picks": 5}, "picks"),
        ("fields/Leads", {"api_name": "Owner", "data_type": "text"}, "data_type"),
        (LONG[:5000], {}, "no such action"),
    ],
)
def test_what_the_control_room_can_not_take_is_refused_with_the_reason(
    zoho: Zoho, path: str, body: Any, named: str
) -> None:
    before = zoho.control("faults")
    answer = zoho.http.post(f"/_emulator/{path}", json=body)
    assert answer.status_code == 400
    assert named in answer.json()["error"]
    assert len(answer.content) < 1000
    assert zoho.control("faults") == before
    assert zoho.insert([lead()]).status_code == 201


def test_a_number_that_is_none_is_no_json(zoho: Zoho) -> None:
    for text in ("NaN", "Infinity", "-Infinity", "1e999"):
        content = f'{{"latency_ms": {text}}}'.encode()
        answer = zoho.http.post(
            "/_emulator/faults", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 400


@pytest.mark.parametrize("query", ["offset=-1", "limit=x", "limit=-1", f"limit={'1' * 5000}", "offset=²"])
def test_a_page_of_records_that_is_none_is_refused(zoho: Zoho, query: str) -> None:
    answer = zoho.http.get(f"/_emulator/records/Leads?{query}")
    assert (answer.status_code, len(answer.content) < 500) == (400, True)


def test_a_status_that_has_no_body_is_answered_without_one(zoho: Zoho) -> None:
    zoho.script({"fault": "answer", "status": 204, "body": {"data": []}, "path": "/crm/v8/org"})
    assert zoho.get("/org").status_code == 204
    assert zoho.get("/org").status_code == 200


def test_no_wildcards_make_a_query_slow(zoho: Zoho) -> None:
    zoho.created([lead(number, Last_Name="a" * 80) for number in range(50)])
    answer = zoho.query("select id from Leads where Last_Name like '" + "%a" * 40 + "b%'")
    assert answer.status_code == 204
    assert zoho.query("select id from Leads where Last_Name like '%A%a%'").json()["info"]["count"] == 50
    for pattern in ("a" * 80, "a%", "%a", "%", "a%a", "%" + "a" * 80 + "%"):
        found = zoho.query(f"select count(id) from Leads where Last_Name like '{pattern}'")
        assert found.json()["data"][0]["count(id)"] == 50, pattern
    for pattern in ("a", "b%", "%b", "a" * 41 + "%" + "a" * 41, ""):
        assert zoho.query(f"select id from Leads where Last_Name like '{pattern}'").status_code == 204


@pytest.mark.parametrize(
    "query",
    [
        "select id from Leads where " + "(" * 3000 + "id > 0" + ")" * 3000,
        "select id from Leads where " + "(" * 100_000,
        "select " + "id," * MB + "id from Leads where id > 0",
        "select id from Leads where id = " + "9" * 5000,
        "select id from Leads where Annual_Revenue = 1" + "0" * 400 + ".5",
        "select id from Leads where id > 0 limit " + "9" * 5000,
    ],
)
def test_a_query_without_end_is_refused(zoho: Zoho, query: str) -> None:
    assert zoho.query(query).status_code == 400


def test_a_text_of_quotes_is_a_text(zoho: Zoho) -> None:
    quotes = "'" * 100_000
    assert zoho.query(f"select id from Leads where Last_Name = '{quotes}'").status_code == 204
    assert zoho.query(f"select id from Leads where Last_Name = '{quotes}''").status_code == 400


# -- anything at all -------------------------------------------------------------------------------

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = [
    "crm",
    "v8",
    "Leads",
    "upsert",
    "coql",
    "org",
    "users",
    "settings",
    "fields",
    "layouts",
    "actions",
    "count",
]
WORDS += [
    "oauth",
    "v2",
    "token",
    "revoke",
    "_emulator",
    "records",
    "script",
    "clear",
    "lock",
    "audit",
    "deleted",
]
WORDS += ["duplicate_check_preference", "modules", "faults", "stats", "writes", "1", "5545974000000500002"]
PARTS = st.sampled_from(WORDS) | st.text(max_size=6)
KEYS = (
    "data ids id fault times api_name data_type picks length full_name email Owner Tag name subform"
    " created_time select_query trigger Last_Name headers body lookup unique rate_5xx"
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS.split()),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
QUERIES = st.dictionaries(
    st.sampled_from(
        ["ids", "fields", "module", "key", "value", "limit", "offset", "type", "page", "page_token"]
    ),
    st.text(max_size=6) | st.sampled_from(["Leads", "id", "all", "1"]),
    max_size=3,
)


@FEW
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "PROPFIND"]),
    parts=st.lists(PARTS, max_size=5),
    query=QUERIES,
    body=JSON.map(json.dumps).map(str.encode) | st.binary(max_size=30),
    kind=st.sampled_from(["application/json", "application/json", "multipart/form-data; boundary=x", "x"]),
)
def test_any_request_is_answered_and_none_breaks_the_emulator(
    zoho: Zoho, method: str, parts: list[str], query: dict[str, str], body: bytes, kind: str
) -> None:
    path = "/" + "/".join(httpx.URL("http://x", params={"a": part}).query.decode()[2:] for part in parts)
    answer = zoho.http.request(
        method,
        zoho.emulator.url + path,
        params=query,
        content=body,
        headers={"Content-Type": kind, "If-Modified-Since": "x"},
    )
    assert answer.status_code < 500
    assert zoho.control("stats")["broken"] == []
    zoho.act("reset")
    zoho.login()


TYPES = (
    "text integer bigint boolean datetime picklist multiselectpicklist lookup subform layout email"
    " multiselectlookup multiuserlookup autonumber formula rollup_summary RRULE multireminder"
)
TRAITS = st.fixed_dictionaries(
    {"api_name": st.sampled_from(["Email", "Legacy_ID", "Owner", "New", "Last_Name", "Tag", "Interests"])},
    optional={
        "data_type": st.sampled_from(TYPES.split()),
        "unique": st.booleans(),
        "length": st.integers(-1, 300),
        "lookup": st.sampled_from(["Leads", "*", "Service_Log", None]),
        "subform": st.sampled_from(["Leads", "Service_Log", None]),
        "linking": st.sampled_from(["Legacy_Assets_X_Users", "X", None]),
        "wrapped_in": st.sampled_from(["", "Reviewers", "X"]),
        "json_type": st.sampled_from(["", "string", "jsonarray", "integer"]),
        "picks": st.lists(st.text(max_size=3), max_size=2),
        "on_layout": st.booleans(),
        "decimals": st.integers(0, 12),
    },
)
VALUES = JSON | st.sampled_from([{"id": "5545974000000500002"}, [{"name": "x"}], "2020-01-01T00:00:00Z", "5"])
ROW = st.dictionaries(
    st.sampled_from(
        ["Email", "Legacy_ID", "Owner", "New", "Last_Name", "Tag", "Interests", "Legacy_Created_Time"]
    ),
    VALUES,
    max_size=3,
)


@FEW
@given(traits=TRAITS, seeded=ROW, row=ROW)
def test_whatever_was_changed_in_the_control_room_every_call_is_still_answered(
    zoho: Zoho, traits: dict[str, Any], seeded: dict[str, Any], row: dict[str, Any]
) -> None:
    name = traits["api_name"]
    control: list[tuple[str, Any]] = [
        ("records/Leads", {"data": [seeded]}),
        ("fields/Leads", traits),
        ("records/Leads", {"data": [row]}),
    ]
    for path, body in control:
        assert zoho.http.post(f"/_emulator/{path}", json=body).status_code in (200, 400)
    zoho.insert([row, lead(1)])
    zoho.upsert([row, {**lead(1), **row}])
    for call in (
        zoho.get("/settings/fields", module="Leads"),
        zoho.get("/settings/layouts", module="Leads"),
        zoho.get("/Leads", fields=f"id,{name}"),
        zoho.query(f"select id, {name} from Leads where id > 0 order by {name} limit 5"),
        zoho.query(f"select id from Leads where {name} = 5"),
        zoho.query(f"select id from Leads where {name} like '%x'"),
        zoho.query(f"select id from Leads where {name} in ('x', '5')"),
        zoho.http.get("/_emulator/records/Leads"),
        zoho.http.get("/_emulator/audit?module=Leads"),
    ):
        assert call.status_code < 500
    for record in zoho.control("records/Leads"):
        assert zoho.get(f"/Leads/{record['id']}").status_code == 200
        assert zoho.update([{**row, "id": record["id"]}]).status_code < 500
    assert zoho.control("stats")["broken"] == []
    zoho.act("reset")
    zoho.login()


@FEW
@given(
    line=st.binary(max_size=30)
    | st.sampled_from([b"GET / HTTP/1.1", b"CONNECT a:1 HTTP/1.1", b"GET * HTTP/1.1"]),
    headers=st.lists(
        st.binary(max_size=20)
        | st.sampled_from(
            [b"Host: localhost", b"Upgrade: websocket", b"Connection: upgrade", b"Expect: 100-continue"]
        )
        | st.sampled_from(
            [b"Content-Length: 3", b"Transfer-Encoding: chunked", b"Content-Type: application/json"]
        ),
        max_size=5,
    ),
    body=st.binary(max_size=20),
)
def test_any_bytes_are_answered_or_end_the_connection(
    zoho: Zoho, line: bytes, headers: list[bytes], body: bytes
) -> None:
    raw(zoho, line + b"\r\n" + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body)
    assert zoho.control("stats")["broken"] == []


# -- where it listens, and what it says ------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost", "LocalHost", "::1"])
def test_it_works_with_the_client_on_every_loopback_address(
    host: str, bench_with: Callable[..., Bench]
) -> None:
    try:
        bench = bench_with(host=host)
    except OSError:
        assert host == "::1"
        pytest.skip("this machine has no IPv6")
    path = write_rows(bench.folder / "leads.csv", leads(3))
    assert bench.run(file_job(Insert("Leads", key="Legacy_ID"), path)).rows.created == 3


@pytest.mark.parametrize(
    "words",
    [
        ["--latency-ms", "-1"],
        ["--latency-ms", "nan"],
        ["--latency-ms", "inf"],
        ["--port", "99999"],
        ["--rate-5xx", "7"],
        ["--seed", "-1"],
        ["--zgid", "abc"],
        ["--client-id", "a b"],
        ["--token-error-status", "99"],
        ["--concurrency", "0"],
    ],
)
def test_an_option_that_can_not_be_is_wrong_use(
    words: list[str], refusal_of_command: Callable[..., str]
) -> None:
    said = refusal_of_command(*words)
    assert words[0] in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "::1%lo", "127.1", "", "a\nb"]
)
def test_it_refuses_to_listen_elsewhere_and_says_why(
    host: str, refusal_of_command: Callable[..., str]
) -> None:
    assert "loopback only" in refusal_of_command("--host", host)


def test_a_port_that_is_taken_is_named(zoho: Zoho, refusal_of_command: Callable[..., str]) -> None:
    said = refusal_of_command("--port", str(own_port(zoho)))
    assert f"127.0.0.1:{own_port(zoho)}" in said
    assert "in use" in said


def test_it_prints_and_logs_nothing_of_what_it_is_asked() -> None:
    command = [sys.executable, "-X", "dev", "-c", SERVE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        with httpx.Client(base_url=url, trust_env=False) as http:
            form = {"grant_type": "client_credentials", "client_id": "me", "client_secret": "hush-hush"}
            http.post("/oauth/v2/token", data=form)
            http.post("/oauth/v2/token", params=form)
            http.post("/oauth/v2/token", json=form)
            http.get("/crm/v8/org", headers={"Authorization": "Zoho-oauthtoken hush-hush"})
            shown = http.get("/_emulator/stats").text + http.get("/_emulator/writes").text
        process.terminate()
        rest = process.stdout.read() + process.stderr.read()
    assert rest == ""
    assert "hush" not in shown


SERVE = """
from zmigrate.emulator import Options, serve
serve(Options(), lambda emulator: print(emulator.url, flush=True))
"""
