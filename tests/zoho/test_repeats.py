"""DESIGN 5 "What is safe to repeat", against a Zoho that answers as told."""

from __future__ import annotations

from email.utils import formatdate
from pathlib import Path

import httpx
import pytest

from tests.zoho.fakes import FakeZoho, Reply, created, records_answer, refused, rig
from zmigrate.errors import CreditsSpent, Fatal, InDoubt, Outage, ReadFailed, RefusedError
from zmigrate.events import RequestSent, Retrying, Throttled, Waiting
from zmigrate.stopping import StopRequested
from zmigrate.zoho.answers import Call

INSERT = Call("POST", "/crm/v8/Leads", content=b'{"data":[1]}', heavy=True, expect=1, credits=1)
UPSERT = Call("POST", "/crm/v8/Leads/upsert", content=b"{}", expect=1, repeatable=True)
READ = Call("GET", "/crm/v8/Leads", repeatable=True)
GOOD = records_answer(created())
SHORT = records_answer()

NOT_SENT: dict[str, Reply] = {
    "connection refused": httpx.ConnectError("refused"),
    "connect timeout": httpx.ConnectTimeout("slow"),
    "pool timeout": httpx.PoolTimeout("full"),
    "429": refused("TOO_MANY_REQUESTS", 429),
    "old 429": httpx.Response(429, json={"code": 429, "error": "TOO_MANY_REQUESTS", "details": []}),
    "429 without a body": httpx.Response(429),
}
UNKNOWN: dict[str, Reply] = {
    "500": refused("INTERNAL_ERROR", 500),
    "502 in HTML": httpx.Response(502, html="<html>"),
    "503": httpx.Response(503),
    "reset": httpx.ReadError("reset"),
    "write error": httpx.WriteError("broken pipe"),
    "close error": httpx.CloseError("gone"),
    "closed while idle": httpx.RemoteProtocolError("Server disconnected without sending a response."),
    "read timeout": httpx.ReadTimeout("silence"),
    "write timeout": httpx.WriteTimeout("stuck"),
    "undecodable body": httpx.DecodingError("bad gzip"),
    "garbage body": httpx.Response(201, content=b'{"data": [{"co'),
    "empty body": httpx.Response(201),
    "too short data": SHORT,
    "too long data": records_answer(created(1), created(2)),
    "no data": httpx.Response(200, json={"hello": "there"}),
    "a list": httpx.Response(200, json=[1]),
}


@pytest.mark.parametrize("what", NOT_SENT)
@pytest.mark.parametrize("call", [INSERT, UPSERT, READ], ids=["insert", "upsert", "read"])
def test_what_was_not_sent_or_not_applied_is_repeated(tmp_path: Path, what: str, call: Call) -> None:
    zoho = FakeZoho([NOT_SENT[what], NOT_SENT[what], GOOD])

    with rig(tmp_path, zoho) as wire:
        answer = wire.transport.send(call)

    assert (answer.status, answer.attempts, answer.doubted_at) == (201, 3, None)
    assert wire.stop.slept == [1.0, 2.0]


@pytest.mark.parametrize("what", UNKNOWN)
def test_an_insert_whose_fate_is_unknown_is_in_doubt_and_never_repeated(tmp_path: Path, what: str) -> None:
    zoho = FakeZoho([UNKNOWN[what], GOOD])

    with rig(tmp_path, zoho) as wire, pytest.raises(InDoubt) as caught:
        wire.transport.send(INSERT)

    assert len(zoho.requests) == 1
    assert caught.value.timed_out is ("timeout" in what)
    assert caught.value.others_answered is False
    assert wire.stop.slept == []


@pytest.mark.parametrize("what", UNKNOWN)
def test_an_upsert_on_a_unique_field_is_repeated_and_says_that_it_was_doubted(
    tmp_path: Path, what: str
) -> None:
    zoho = FakeZoho([UNKNOWN[what], GOOD])

    with rig(tmp_path, zoho) as wire:
        first_sent_at = wire.time.now()
        answer = wire.transport.send(UPSERT)

    assert (answer.attempts, answer.sent_at, answer.doubted_at) == (2, first_sent_at, first_sent_at)
    assert answer.doubt_timed_out is ("timeout" in what)


def test_the_doubt_that_an_answer_tells_is_the_last_one(tmp_path: Path) -> None:
    zoho = FakeZoho([httpx.ReadError("reset"), httpx.ReadError("reset"), refused("X", 429), GOOD])

    with rig(tmp_path, zoho) as wire:
        start = wire.time.now()
        answer = wire.transport.send(UPSERT)

    assert (answer.attempts, answer.doubted_at) == (4, start + 1.0)


def test_a_read_that_got_no_readable_answer_is_repeated(tmp_path: Path) -> None:
    zoho = FakeZoho([httpx.Response(200, content=b"<html>"), httpx.ReadTimeout("slow"), GOOD])

    with rig(tmp_path, zoho) as wire:
        assert wire.transport.send(READ).attempts == 3


def test_an_insert_that_was_throttled_and_then_lost_is_in_doubt(tmp_path: Path) -> None:
    zoho = FakeZoho([refused("TOO_MANY_REQUESTS", 429), httpx.ReadTimeout("slow")])

    with rig(tmp_path, zoho) as wire, pytest.raises(InDoubt) as caught:
        wire.transport.send(INSERT)

    assert caught.value.timed_out


@pytest.mark.parametrize(
    ("reply", "code", "status"),
    [
        (httpx.Response(413, html="<html>"), "HTTP_413", 413),
        (refused("INVALID_DATA", 400), "INVALID_DATA", 400),
        (refused("UNABLE_TO_PARSE_DATA_TYPE", 400), "UNABLE_TO_PARSE_DATA_TYPE", 400),
        (refused("INVALID_URL_PATTERN", 404), "INVALID_URL_PATTERN", 404),
        (records_answer({"code": "INVALID_MODULE", "details": {"resource_path_index": 0}, "status": "error"},
                        status=400), "INVALID_MODULE", 400),
    ],
)  # fmt: skip
def test_a_write_refused_as_a_whole_tells_its_code_and_status(
    tmp_path: Path, reply: httpx.Response, code: str, status: int
) -> None:
    zoho = FakeZoho([reply])
    batch = Call("POST", "/crm/v8/Leads", content=b"{}", expect=100, repeatable=True)

    with rig(tmp_path, zoho) as wire, pytest.raises(Fatal) as caught:
        wire.transport.send(batch)

    assert (caught.value.code, caught.value.status) == (code, status)
    assert len(zoho.requests) == 1


def test_a_batch_of_refused_rows_is_an_answer_and_no_error(tmp_path: Path) -> None:
    row = {"code": "MANDATORY_NOT_FOUND", "details": {"api_name": "Last_Name"}, "status": "error"}

    with rig(tmp_path, FakeZoho([records_answer(row, row, status=400)])) as wire:
        answer = wire.transport.send(Call("POST", "/crm/v8/Leads", content=b"{}", expect=2))

    assert (answer.status, len(answer.body["data"])) == (400, 2)


def test_a_missing_permission_stops_and_is_named(tmp_path: Path) -> None:
    zoho = FakeZoho([refused("NO_PERMISSION", 403, permissions=["Crm_Implied_Create_Leads"])])

    with rig(tmp_path, zoho) as wire, pytest.raises(RefusedError, match="Crm_Implied_Create_Leads"):
        wire.transport.send(INSERT)

    assert len(zoho.requests) == 1


def test_a_batch_on_which_zoho_fails_while_others_succeed_is_handed_back(tmp_path: Path) -> None:
    def fail_here_only(request: httpx.Request) -> httpx.Response:
        return GOOD if request.method == "GET" else httpx.Response(500)

    with rig(tmp_path, FakeZoho([fail_here_only])) as wire:
        wire.stop.before_sleep = lambda: wire.transport.send(READ)
        with pytest.raises(InDoubt) as caught:
            wire.transport.send(UPSERT)

    assert (caught.value.others_answered, caught.value.status) == (True, 500)
    assert len([request for request in wire.zoho.requests if request.method == "POST"]) == 4


def test_5xx_for_everything_is_an_outage_once_the_budget_is_spent(tmp_path: Path) -> None:
    with rig(tmp_path, FakeZoho([httpx.Response(503)])) as wire, pytest.raises(Outage) as caught:
        wire.transport.send(UPSERT)

    assert caught.value.exit_code == 4
    assert 800 < wire.time.passed < 900
    assert caught.value.hint == "Check the network and status.zoho.com."


def test_a_read_on_which_zoho_fails_while_others_succeed_stops(tmp_path: Path) -> None:
    def fail_here_only(request: httpx.Request) -> httpx.Response:
        return GOOD if request.url.path.endswith("/Deals") else httpx.Response(500)

    other = Call("GET", "/crm/v8/Deals", repeatable=True)
    with rig(tmp_path, FakeZoho([fail_here_only])) as wire:
        wire.stop.before_sleep = lambda: wire.transport.send(other)
        with pytest.raises(ReadFailed, match="Zoho answered 500 to GET /crm/v8/Leads") as caught:
            wire.transport.send(READ)

    assert caught.value.exit_code == 4
    assert len([request for request in wire.zoho.requests if request.url.path.endswith("/Leads")]) == 8


def test_the_waits_grow_exponentially_and_stay_under_a_minute(tmp_path: Path) -> None:
    with rig(tmp_path, FakeZoho([httpx.ConnectError("no")])) as wire, pytest.raises(Outage):
        wire.transport.send(READ)

    assert wire.stop.slept[:8] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


@pytest.mark.parametrize(
    ("headers", "body", "asked_s"),
    [
        ({"retry-after": "30"}, {}, 30.0),
        ({"retry-after": formatdate(1_800_000_045, usegmt=True)}, {}, 45.0),
        ({}, {"details": {"retry_after": 60}}, 60.0),
        ({}, {"retry_in_seconds": 60}, 60.0),
        ({}, {"retry_in_seconds": "60"}, 60.0),
        ({}, {"details": {"retry_in_seconds": 60.5}}, 60.5),
        ({"retry-after": "30"}, {"retry_in_seconds": 60}, 30.0),
        ({}, {"retry_in_seconds": True}, 0.0),
        ({}, {"retry_in_seconds": -60, "details": []}, 0.0),
        ({"retry-after": "soon"}, {}, 0.0),
        ({"retry-after": "-3"}, {}, 0.0),
    ],
)
def test_retry_after_is_honoured(
    tmp_path: Path, headers: dict[str, str], body: dict[str, object], asked_s: float
) -> None:
    zoho = FakeZoho([httpx.Response(429, headers=headers, json={"code": "TOO_MANY_REQUESTS", **body}), GOOD])

    with rig(tmp_path, zoho) as wire:
        wire.transport.send(INSERT)

    assert wire.stop.slept == [asked_s + 1.0]


def test_a_wait_beyond_the_budget_is_not_begun(tmp_path: Path) -> None:
    zoho = FakeZoho([httpx.Response(503, headers={"retry-after": "86400"})])

    with rig(tmp_path, zoho) as wire, pytest.raises(Outage):
        wire.transport.send(READ)

    assert wire.time.passed == 0


def test_the_place_in_flight_is_given_up_while_backing_off(tmp_path: Path) -> None:
    in_flight: list[int] = []

    with rig(tmp_path, FakeZoho([httpx.Response(503), GOOD])) as wire:
        wire.stop.before_sleep = lambda: in_flight.append(wire.limiter.in_flight(False))
        wire.transport.send(UPSERT)

    assert in_flight == [0]


def test_a_stop_during_a_backoff_raises_and_makes_no_more_attempt(tmp_path: Path) -> None:
    zoho = FakeZoho([refused("TOO_MANY_REQUESTS", 429), GOOD])

    with rig(tmp_path, zoho) as wire:
        wire.stop.before_sleep = wire.stop.request
        with pytest.raises(StopRequested):
            wire.transport.send(INSERT)

    assert len(zoho.requests) == 1


def test_a_stop_after_a_doubted_attempt_leaves_the_write_in_doubt(tmp_path: Path) -> None:
    with rig(tmp_path, FakeZoho([httpx.ReadTimeout("slow"), GOOD])) as wire:
        wire.stop.before_sleep = wire.stop.request
        with pytest.raises(InDoubt) as caught:
            wire.transport.send(UPSERT)

    assert caught.value.timed_out


def test_a_stop_after_a_lost_read_is_just_a_stop(tmp_path: Path) -> None:
    with rig(tmp_path, FakeZoho([httpx.ReadTimeout("slow"), GOOD])) as wire:
        wire.stop.before_sleep = wire.stop.request
        with pytest.raises(StopRequested):
            wire.transport.send(READ)


@pytest.mark.parametrize(
    "body", [{"code": "TOO_MANY_REQUESTS"}, {"code": 429, "error": "TOO_MANY_REQUESTS", "details": []}]
)
def test_throttling_that_goes_on_with_one_call_at_a_time_is_told_as_spent_credits(
    tmp_path: Path, body: dict[str, object]
) -> None:
    zoho = FakeZoho([httpx.Response(429, json=body)])

    with rig(tmp_path, zoho) as wire, pytest.raises(CreditsSpent, match="most likely") as caught:
        wire.transport.send(INSERT)

    assert (caught.value.exit_code, wire.limiter.limit(True)) == (4, 1)
    assert 60 < wire.time.passed < 600
    with pytest.raises(CreditsSpent):
        wire.transport.send(READ)
    assert len(zoho.requests) < 12, "once it is known, nothing more is sent"


def test_spent_credits_that_nobody_told_of_are_waited_for_if_asked(tmp_path: Path) -> None:
    zoho = FakeZoho([refused("TOO_MANY_REQUESTS", 429)] * 12 + [GOOD])

    with rig(tmp_path, zoho, wait_for_credits=True) as wire:
        answer = wire.transport.send(INSERT)

    assert answer.status == 201
    assert [waiting.what for waiting in wire.told(Waiting)] == ["API credits"]


def test_throttling_of_one_call_while_others_are_answered_is_not_told_as_spent_credits(
    tmp_path: Path,
) -> None:
    zoho = FakeZoho([refused("TOO_MANY_REQUESTS", 429)])

    with rig(tmp_path, zoho) as wire:

        def another_is_answered() -> None:
            wire.transport._answered += 1

        wire.stop.before_sleep = another_is_answered
        with pytest.raises(Outage, match="too many requests") as caught:
            wire.transport.send(INSERT)

    assert "--concurrency" in (caught.value.hint or "")


def test_a_wait_of_hours_for_a_throttled_call_is_told_as_spent_credits(tmp_path: Path) -> None:
    zoho = FakeZoho([httpx.Response(429, headers={"retry-after": "7200"})])

    with rig(tmp_path, zoho) as wire, pytest.raises(CreditsSpent, match="try at 2027-01-15 1") as caught:
        wire.transport.send(INSERT)

    assert (wire.time.passed, caught.value.exit_code) == (0, 4)


def test_throttling_with_no_credits_left_is_credits_spent(tmp_path: Path) -> None:
    spent = httpx.Response(429, headers={"x-api-credits-remaining": "0"}, json={"code": "TOO_MANY_REQUESTS"})

    with rig(tmp_path, FakeZoho([spent])) as wire, pytest.raises(CreditsSpent) as caught:
        wire.transport.send(INSERT)

    assert len(wire.zoho.requests) == 1
    assert "it is unknown when enough are free again; try at 20" in caught.value.message


def test_with_wait_the_run_goes_on_when_credits_are_free_again(tmp_path: Path) -> None:
    spent = httpx.Response(429, headers={"x-api-credits-remaining": "0"}, json={"code": "TOO_MANY_REQUESTS"})

    with rig(tmp_path, FakeZoho([spent, spent, GOOD]), wait_for_credits=True) as wire:
        answer = wire.transport.send(INSERT)

    assert answer.attempts == 3
    assert wire.time.passed > 900


def test_what_was_sent_repeated_and_throttled_is_counted_and_told(tmp_path: Path) -> None:
    zoho = FakeZoho([refused("TOO_MANY_REQUESTS", 429), httpx.Response(503), GOOD])

    with rig(tmp_path, zoho) as wire:
        wire.transport.send(UPSERT)

    assert (wire.transport.sent, wire.transport.retried, wire.transport.throttled) == (3, 2, 1)
    assert [event.status for event in wire.told(RequestSent)] == [429, 503, 201]
    assert [event.limit for event in wire.told(Throttled)] == [5]
    assert [event.attempt for event in wire.told(Retrying)] == [2, 3]
    assert [event.credits for event in wire.told(RequestSent)] == [0, 1, 1]


def test_a_request_that_cannot_be_sent_at_all_is_fatal(tmp_path: Path) -> None:
    with rig(tmp_path, FakeZoho([httpx.LocalProtocolError("illegal header")])) as wire, pytest.raises(Fatal):
        wire.transport.send(INSERT)


def test_zohos_clock_is_learned_from_answers(tmp_path: Path) -> None:
    ahead = httpx.Response(200, headers={"date": formatdate(1_800_003_600, usegmt=True)}, json={"data": []})

    with rig(tmp_path, FakeZoho([ahead])) as wire:
        wire.transport.send(READ)

    assert wire.clock.earliest(wire.time.now()) == 1_800_003_600


def test_it_tells_which_host_is_out_of_reach(tmp_path: Path) -> None:
    with rig(tmp_path, FakeZoho([httpx.ConnectError("no"), GOOD])) as wire:
        wire.transport.send(UPSERT)

    [retrying] = wire.told(Retrying)
    assert retrying.why == "can't reach https://www.zohoapis.com (ConnectError)"
    assert 899 < retrying.left_s <= 900
