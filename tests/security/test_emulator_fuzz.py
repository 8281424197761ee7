"""Whatever is sent to the emulator is answered, at once, and breaks nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emulator.zoho import Zoho, lead
from tests.security.emulated import MB, attacked, raw
from zmigrate.emulator import Emulator, Options


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    with Emulator(Options(token_limit=100_000)) as emulator:
        yield emulator


@pytest.fixture
def zoho(served: Emulator) -> Iterator[Zoho]:
    with attacked(served) as client:
        yield client


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

FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
