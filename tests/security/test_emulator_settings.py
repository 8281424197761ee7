"""The values that the emulator takes as options and at its control endpoints, and those it refuses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.emulator.zoho import Zoho, lead
from tests.security.emulated import MB, attacked, own_port
from tests.support import Bench, file_job, leads, write_rows
from zmigrate import Insert
from zmigrate.cli import main
from zmigrate.emulator import Emulator, Options


@pytest.fixture
def refusal_of_command(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the command with options that are wrong use; gives what it says."""

    def run(*words: str) -> str:
        assert main(["emulator", *words]) == 2
        return capsys.readouterr().err

    return run


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    with Emulator(Options(token_limit=100_000)) as emulator:
        yield emulator


@pytest.fixture
def zoho(served: Emulator) -> Iterator[Zoho]:
    with attacked(served) as client:
        yield client


# -- the control endpoints -------------------------------------------------------------------------

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
