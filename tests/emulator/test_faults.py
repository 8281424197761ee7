"""Faults: scripted ones one by one, and what each leaves behind."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from tests.emulator.zoho import Zoho, lead

LEADS = {"method": "POST", "path": "/crm/v8/Leads"}


def last_write(zoho: Zoho) -> tuple[Any, bool]:
    """What became of the answer of the last write, and whether it was applied."""
    write = zoho.control("writes")[-1]
    return write["status"], write["applied"]


def records(zoho: Zoho) -> int:
    return int(zoho.control("audit", module="Leads")["records"])


def wait_for(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    end = monotonic() + within_s
    while not condition():
        assert monotonic() < end, "did not come about"
        sleep(0.01)


@pytest.mark.parametrize("status", [401, 429, 500, 502, 503, 504])
def test_a_status_before_the_write_leaves_nothing(zoho: Zoho, status: int) -> None:
    zoho.script({**LEADS, "fault": str(status)})

    assert zoho.insert([lead(1)]).status_code == status
    assert (last_write(zoho), records(zoho)) == ((status, False), 0)
    assert zoho.insert([lead(1)]).status_code == 201


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_status_after_the_write_leaves_the_record(zoho: Zoho, status: int) -> None:
    zoho.script({**LEADS, "fault": f"{status}_after"})

    assert zoho.insert([lead(1)]).status_code == status
    assert (last_write(zoho), records(zoho)) == ((status, True), 1)


def test_a_reset_comes_before_the_write(zoho: Zoho) -> None:
    zoho.script({**LEADS, "fault": "reset"})

    with pytest.raises(httpx.ReadError):
        zoho.insert([lead(1)])

    assert (last_write(zoho), records(zoho)) == (("reset", False), 0)


def test_a_lost_answer_leaves_the_record_and_an_ended_connection(zoho: Zoho) -> None:
    zoho.script({**LEADS, "fault": "lost_answer"})

    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        zoho.insert([lead(1)])

    assert (last_write(zoho), records(zoho)) == (("lost", True), 1)


def test_a_late_write_is_applied_after_the_connection_was_closed(zoho: Zoho) -> None:
    zoho.script({**LEADS, "fault": "late", "delay_s": 0.3})

    with pytest.raises(httpx.RemoteProtocolError):
        zoho.insert([lead(1)])

    assert (last_write(zoho), records(zoho)) == (("late", False), 0)
    wait_for(lambda: records(zoho) == 1)
    assert last_write(zoho) == ("late", True)


def test_a_late_write_can_let_the_client_time_out(zoho: Zoho) -> None:
    zoho.script({**LEADS, "fault": "late", "delay_s": 0.4, "mode": "hang"})

    with pytest.raises(httpx.ReadTimeout):
        zoho.http.post("/crm/v8/Leads", json={"data": [lead(1)]}, timeout=0.2)

    assert records(zoho) == 0
    wait_for(lambda: records(zoho) == 1)


def test_a_late_write_is_applied_though_its_token_ended_meanwhile(zoho: Zoho) -> None:
    zoho.script({**LEADS, "fault": "late", "delay_s": 0.1})
    with pytest.raises(httpx.RemoteProtocolError):
        zoho.insert([lead(1)])
    zoho.act("expire_tokens")

    wait_for(lambda: records(zoho) == 1)


def test_a_late_write_with_a_dead_token_is_refused_at_once(zoho: Zoho) -> None:
    zoho.act("expire_tokens")
    zoho.script({**LEADS, "fault": "late", "delay_s": 0.0})

    assert zoho.insert([lead(1)]).status_code == 401
    assert (last_write(zoho), records(zoho)) == ((401, False), 0)


def test_a_late_write_does_not_outlive_a_reset(zoho: Zoho) -> None:
    zoho.script({**LEADS, "fault": "late", "delay_s": 0.1})
    with pytest.raises(httpx.RemoteProtocolError):
        zoho.insert([lead(1)])
    zoho.act("reset")
    sleep(0.15)

    assert records(zoho) == 0


def test_a_late_write_meets_what_was_written_meanwhile(zoho: Zoho) -> None:
    zoho.script({**LEADS, "fault": "late", "delay_s": 0.2})
    with pytest.raises(httpx.RemoteProtocolError):
        zoho.insert([lead(1)])
    zoho.created([lead(1)])

    wait_for(lambda: bool(zoho.control("writes")[0]["applied"]))

    assert records(zoho) == 1


def test_a_hang_is_never_answered_and_never_done(zoho: Zoho) -> None:
    zoho.script({**LEADS, "fault": "hang"})

    with pytest.raises(httpx.ReadTimeout):
        zoho.http.post("/crm/v8/Leads", json={"data": [lead(1)]}, timeout=0.1)

    wait_for(lambda: last_write(zoho) == ("hung", False))
    assert records(zoho) == 0


def test_a_garbage_body_comes_after_the_write(zoho: Zoho) -> None:
    zoho.script({**LEADS, "fault": "garbage"})

    answer = zoho.insert([lead(1)])

    assert answer.status_code == 201
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()
    assert (last_write(zoho), records(zoho)) == ((201, True), 1)


def test_short_data_lacks_a_result(zoho: Zoho) -> None:
    zoho.script({**LEADS, "fault": "short_data"})

    answer = zoho.insert([lead(1), lead(2)])

    assert (answer.status_code, len(answer.json()["data"]), records(zoho)) == (201, 1, 2)


def test_a_slow_body_trickles_and_is_whole(zoho: Zoho) -> None:
    zoho.script({**LEADS, "fault": "slow_body", "delay_s": 0.3})
    start = monotonic()

    answer = zoho.insert([lead(1)])

    assert answer.json()["data"][0]["code"] == "SUCCESS"
    assert monotonic() - start > 0.25


def test_a_delay_holds_the_answer_back(zoho: Zoho) -> None:
    zoho.script({**LEADS, "fault": "delay", "delay_s": 0.2})
    start = monotonic()

    assert zoho.insert([lead(1)]).status_code == 201
    assert monotonic() - start > 0.19


def test_an_answer_can_be_given_word_for_word(zoho: Zoho) -> None:
    zoho.script(
        {
            "path": "/crm/v8/org",
            "fault": "answer",
            "status": 429,
            "body": {"code": 429, "error": "TOO_MANY_REQUESTS"},
            "headers": {"Retry-After": "3"},
        }
    )

    answer = zoho.get("/org")

    assert (answer.status_code, answer.json()["error"]) == (429, "TOO_MANY_REQUESTS")
    assert answer.headers["retry-after"] == "3"


def test_a_script_skips_repeats_and_looks_into_the_body(zoho: Zoho) -> None:
    zoho.script({"path": "/crm/v8/Leads", "contains": "L-9", "fault": "503", "skip": 1, "times": 2})

    statuses = [zoho.insert([lead(number)]).status_code for number in (1, 9, 9, 9, 9)]

    assert statuses == [201, 201, 503, 503, 400]
    assert zoho.control("stats")["scripts_left"] == 0


def test_a_scripts_path_may_end_in_a_star(zoho: Zoho) -> None:
    zoho.script({"method": "GET", "path": "/crm/v8/Leads/*", "fault": "500"})

    assert zoho.get("/Leads", fields="id").status_code == 204
    assert zoho.get("/Leads/123").status_code == 500


def test_the_token_endpoint_can_be_scripted_too(zoho: Zoho) -> None:
    token = {"method": "POST", "path": "/oauth/v2/token"}
    zoho.script(
        {**token, "fault": "answer", "body": {"error": "general_error"}},
        {**token, "fault": "503"},
        {**token, "fault": "reset"},
        {**token, "fault": "lost_answer"},
        {**token, "fault": "delay", "delay_s": 0.05},
    )

    assert zoho.ask_token().json() == {"error": "general_error"}
    assert zoho.ask_token().status_code == 503
    with pytest.raises(httpx.ReadError):
        zoho.ask_token()
    with pytest.raises(httpx.RemoteProtocolError):
        zoho.ask_token()
    assert "access_token" in zoho.ask_token().json()


@pytest.mark.parametrize("entry", [{"fault": "nonsense"}, {"fault": "500", "pth": "/x"}])
def test_a_script_with_a_mistake_is_refused(zoho: Zoho, entry: dict[str, str]) -> None:
    assert zoho.http.post("/_emulator/script", json=[entry]).status_code == 400


def test_latency_holds_an_answer_back(zoho: Zoho) -> None:
    zoho.set(latency_ms=200.0)
    start = monotonic()

    zoho.get("/org")

    assert monotonic() - start > 0.195


@pytest.mark.parametrize("fault", ["slow_body", "lost_answer", "reset", "500_after", "late", "garbage"])
def test_a_client_that_saw_the_end_of_a_call_is_no_longer_in_flight(zoho: Zoho, fault: str) -> None:
    for _ in range(10):
        zoho.script({**LEADS, "fault": fault, "delay_s": 0.02})
        with contextlib.suppress(httpx.HTTPError):
            zoho.insert([lead(1)])
        zoho.insert([lead(1)])

    stats = zoho.control("stats")
    assert (stats["key_conflicts"], stats["in_flight_max"]) == (0, 1)
