"""Random faults: by rate, seeded, on all calls or on writes only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import httpx
import pytest

from tests.emulator.zoho import Zoho, lead

RATES = {
    "rate_401": 0.1,
    "rate_429": 0.1,
    "rate_5xx": 0.1,
    "rate_5xx_after": 0.1,
    "rate_reset": 0.1,
    "rate_lost_answer": 0.1,
    "rate_garbage": 0.1,
    "rate_short_data": 0.1,
}


def fates(zoho: Zoho, count: int) -> list[int | str]:
    """How each of `count` inserts was answered."""
    seen: list[int | str] = []
    for number in range(count):
        try:
            answer = zoho.insert([lead(number)])
        except httpx.HTTPError as error:
            seen.append(type(error).__name__)
        else:
            seen.append(answer.status_code if b"upstream" not in answer.content else "garbage")
    return seen


def test_the_same_seed_gives_the_same_faults(zoho_with: Callable[..., Zoho]) -> None:
    first = fates(zoho_with(seed=5, **RATES), 60)
    second = fates(zoho_with(seed=5, **RATES), 60)
    other = fates(zoho_with(seed=6, **RATES), 60)

    assert first == second
    assert first != other
    assert {201, 401, 429, "ReadError", "RemoteProtocolError", "garbage"} <= set(first)


def test_rates_are_shares(zoho: Zoho) -> None:
    zoho.set(rate_5xx=0.25)

    seen = Counter(fates(zoho, 200))

    assert 30 < seen[500] + seen[502] + seen[503] < 70


def test_faults_can_be_kept_to_writes(zoho: Zoho) -> None:
    zoho.set(rate_5xx=1.0, faults_on="writes")
    assert zoho.get("/org").status_code == 200
    assert zoho.insert([lead(1)]).status_code in (500, 502, 503)

    zoho.set(faults_on="all")

    assert zoho.get("/org").status_code in (500, 502, 503)
    assert "access_token" in zoho.ask_token().json()


def test_reads_are_neither_late_nor_short(zoho: Zoho) -> None:
    zoho.set(rate_late=0.5, rate_short_data=0.5)

    assert zoho.get("/org").status_code == 200


@pytest.mark.parametrize("mode", ["close", "hang"])
def test_late_writes_by_rate(zoho: Zoho, mode: str) -> None:
    zoho.set(rate_late=1.0, late_s=0.0, late_mode=mode)

    with pytest.raises(httpx.HTTPError):
        zoho.http.post("/crm/v8/Leads", json={"data": [lead(1)]}, timeout=0.2)

    assert zoho.control("audit", module="Leads")["records"] == 1


def test_a_random_401_does_not_end_the_token(zoho: Zoho) -> None:
    zoho.set(rate_401=1.0)
    assert zoho.get("/org").json()["code"] == "INVALID_TOKEN"

    zoho.set(rate_401=0.0)

    assert zoho.get("/org").status_code == 200
