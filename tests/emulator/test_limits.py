"""Calls in flight, heavy calls, credits over the rolling window, and the clock they go by."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from email.utils import parsedate_to_datetime
from time import time

import pytest

from tests.emulator.zoho import JsonObject, Zoho, lead

SLOW_MS = 1_500.0


def burst(zoho: Zoho, count: int, rows: int) -> list[int]:
    """Statuses of as many inserts at once, each of `rows` records."""
    body = {"data": [{"Last_Name": "A"}] * rows}
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: zoho.http.post("/crm/v8/Leads", json=body).status_code, range(count)))


@pytest.mark.parametrize(("edition", "ceiling"), [("free", 5), ("standard", 10), ("professional", 15)])
def test_the_edition_limits_calls_in_flight(zoho: Zoho, edition: str, ceiling: int) -> None:
    zoho.set(edition=edition, latency_ms=SLOW_MS)

    statuses = burst(zoho, ceiling + 3, rows=10)

    assert (statuses.count(201), statuses.count(429)) == (ceiling, 3)
    assert zoho.control("stats")["in_flight_max"] == ceiling + 1


def test_writes_of_more_than_ten_records_share_the_sub_concurrency(zoho: Zoho) -> None:
    zoho.set(edition="ultimate", latency_ms=SLOW_MS)

    heavy = burst(zoho, 13, rows=11)
    light = burst(zoho, 13, rows=10)

    assert (heavy.count(201), heavy.count(429)) == (10, 3)
    assert light.count(201) == 13
    stats = zoho.control("stats")
    assert (stats["throttled"], stats["heavy_in_flight_max"]) == (3, 11)


def test_queries_and_sorted_lists_are_heavy_too(zoho: Zoho) -> None:
    zoho.set(sub_concurrency=0)

    assert zoho.query("select id from Leads where id is not null").status_code == 429
    assert zoho.get("/Leads", fields="id", sort_by="id").status_code == 429
    assert zoho.get("/Leads", fields="id").status_code == 204


def test_too_many_requests_says_so_without_retry_after_unless_switched(zoho: Zoho) -> None:
    zoho.set(sub_concurrency=0)
    plain = zoho.query("select id from Leads where id is not null")
    zoho.set(retry_after_s=7)
    told = zoho.query("select id from Leads where id is not null")

    assert plain.json()["code"] == "TOO_MANY_REQUESTS"
    assert "retry-after" not in plain.headers
    assert told.headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({}, {"code": "TOO_MANY_REQUESTS", "details": {}, "status": "error"}),
        ({"retry_after_in": "details"}, {"code": "TOO_MANY_REQUESTS", "details": {"retry_after": 7}}),
        ({"retry_after_in": "retry_in_seconds"}, {"code": "TOO_MANY_REQUESTS", "retry_in_seconds": 7}),
        ({"too_many_shape": "number"}, {"code": 429, "error": "TOO_MANY_REQUESTS", "details": []}),
    ],
)
def test_the_shapes_of_too_many_requests_are_switches(
    zoho: Zoho, options: dict[str, str], body: JsonObject
) -> None:
    zoho.set(credits=0, retry_after_s=7, **options)

    answer = zoho.get("/org")

    assert answer.status_code == 429
    assert answer.json() | body == answer.json()
    assert ("retry-after" in answer.headers) is ("retry_after_in" not in options)
    assert ("message" in answer.json()) is ("too_many_shape" not in options)


def test_spent_credits_without_a_header_are_429_again_and_again(zoho: Zoho) -> None:
    zoho.set(credits=2, credits_header=False)

    answers = [zoho.get("/org") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200, 200, 429, 429, 429]
    assert not any("x-api-credits-remaining" in answer.headers for answer in answers)


def spent(zoho: Zoho) -> int:
    return int(zoho.control("stats")["credits_used"])


def test_each_call_costs_its_credits(zoho: Zoho) -> None:
    ids = zoho.created([lead(number) for number in range(100)])
    costs = [spent(zoho)]
    calls: tuple[Callable[[], object], ...] = (
        lambda: zoho.insert([{"Last_Name": "A"}]),
        lambda: zoho.update([{"id": one, "City": "X"} for one in ids[:11]]),
        lambda: zoho.delete(ids[:50]),
        lambda: zoho.get("/Leads", fields="id"),
        lambda: zoho.query("select id from Leads where id is not null limit 200"),
        lambda: zoho.query("select id from Leads where id is not null limit 201"),
        lambda: zoho.query("select id from Leads where id is not null limit 2000"),
        lambda: zoho.get("/Leads/deleted"),
        lambda: zoho.get("/Leads/actions/count"),
    )
    for call in calls:
        call()
        costs.append(spent(zoho))

    each = [after - before for before, after in zip([0, *costs], costs, strict=False)]
    assert each == [10, 1, 2, 1, 1, 1, 2, 3, 2, 50]


def test_the_credits_left_are_told_once_half_are_spent(zoho: Zoho) -> None:
    zoho.set(credits=4)

    told = [zoho.get("/org").headers.get("x-api-credits-remaining") for _ in range(5)]

    assert told == [None, "2", "1", "0", "0"]


def test_a_call_beyond_the_credits_is_refused_and_not_done(zoho: Zoho) -> None:
    zoho.set(credits=9)

    answer = zoho.insert([lead(number) for number in range(100)])

    assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_REQUESTS")
    assert zoho.control("audit", module="Leads")["records"] == 0


def test_credits_come_free_with_the_window(zoho: Zoho) -> None:
    zoho.set(credits=1)
    zoho.get("/org")
    assert zoho.get("/org").status_code == 429

    zoho.set(credits_window_s=0.0)

    assert zoho.get("/org").status_code == 200


def test_date_and_record_times_go_by_the_emulators_clock(zoho: Zoho) -> None:
    zoho.set(clock_skew_s=3600.0)

    answer = zoho.insert([lead(1)])

    date = parsedate_to_datetime(answer.headers["date"]).timestamp()
    created = datetime.fromisoformat(answer.json()["data"][0]["details"]["Created_Time"]).timestamp()
    assert 3590 < date - time() < 3610
    assert abs(date - created) <= 1


def test_tokens_and_credits_do_not_jump_with_the_clock(zoho: Zoho) -> None:
    zoho.set(clock_skew_s=90_000.0)

    assert zoho.get("/org").status_code == 200
