from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import pytest

from zmigrate.stopping import StopRequested, StopSignal
from zmigrate.zoho.limiter import Limiter, Slot

STOP = StopSignal()


def round_trip(limiter: Limiter, heavy: bool, throttled: int = 0) -> None:
    """As many calls at once as may be in flight; the first `throttled` of them meet a 429."""
    with ExitStack() as stack:
        slots: list[Slot] = [
            stack.enter_context(limiter.slot(heavy, STOP)) for _ in range(limiter.limit(heavy))
        ]
        for number, slot in enumerate(slots):
            slot.throttled() if number < throttled else slot.succeeded()


def test_it_starts_at_what_every_edition_allows() -> None:
    limiter = Limiter()

    assert (limiter.limit(True), limiter.limit(False)) == (5, 5)


def test_clean_round_trips_double_the_limit_up_to_ten_for_heavy_calls() -> None:
    limiter = Limiter()

    seen = []
    for _ in range(4):
        round_trip(limiter, heavy=True)
        seen.append(limiter.limit(True))

    assert seen == [10, 10, 10, 10]


def test_clean_round_trips_double_the_limit_up_to_twenty_five_for_the_rest() -> None:
    limiter = Limiter()

    seen = []
    for _ in range(4):
        round_trip(limiter, heavy=False)
        seen.append(limiter.limit(False))

    assert seen == [10, 20, 25, 25]


def test_a_limit_that_was_never_reached_does_not_grow() -> None:
    limiter = Limiter()

    for _ in range(50):
        with limiter.slot(True, STOP) as slot:
            slot.succeeded()

    assert limiter.limit(True) == 5


def test_several_429s_of_one_burst_halve_once() -> None:
    limiter = Limiter()
    round_trip(limiter, heavy=True)

    round_trip(limiter, heavy=True, throttled=6)

    assert limiter.limit(True) == 5


def test_after_a_429_it_grows_by_one_a_round_trip() -> None:
    limiter = Limiter()
    round_trip(limiter, heavy=True)
    round_trip(limiter, heavy=True, throttled=1)

    seen = []
    for _ in range(4):
        round_trip(limiter, heavy=True)
        seen.append(limiter.limit(True))

    assert seen == [6, 7, 8, 9]


def test_it_never_falls_below_one() -> None:
    limiter = Limiter()

    for _ in range(10):
        round_trip(limiter, heavy=True, throttled=99)

    assert limiter.limit(True) == 1


def test_a_heavy_429_does_not_slow_light_calls() -> None:
    limiter = Limiter()
    round_trip(limiter, heavy=False)

    round_trip(limiter, heavy=True, throttled=1)

    assert limiter.limit(False) == 10
    assert limiter.limit(True) == 2


def test_a_ceiling_caps_both_limits() -> None:
    limiter = Limiter(ceiling=3)

    for _ in range(5):
        round_trip(limiter, heavy=True)
        round_trip(limiter, heavy=False)

    assert (limiter.limit(True), limiter.limit(False)) == (3, 3)


@pytest.mark.parametrize("ceiling", [6, 5, 10])
def test_it_settles_near_the_ceiling_of_the_org(ceiling: int) -> None:
    limiter = Limiter()
    served = trips = 0

    for _ in range(200):
        limit = limiter.limit(True)
        round_trip(limiter, heavy=True, throttled=max(0, limit - ceiling))
        served += min(limit, ceiling)
        trips += 1

    assert served / trips >= 0.7 * ceiling


def test_no_more_calls_are_in_flight_than_the_limit() -> None:
    limiter = Limiter()
    seen: list[int] = []

    def work() -> None:
        for _ in range(20):
            with limiter.slot(True, STOP) as slot:
                seen.append(limiter.in_flight(True) - limiter.limit(True))
                slot.succeeded()

    threads = [threading.Thread(target=work) for _ in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(seen) == 500
    assert max(seen) <= 0
    assert limiter.in_flight(True) == limiter.in_flight(False) == 0


def test_a_stop_wakes_whoever_waits_for_a_place() -> None:
    limiter, stop = Limiter(ceiling=1), StopSignal()
    woken: list[float] = []

    def wait() -> None:
        with pytest.raises(StopRequested), limiter.slot(True, stop):
            pass
        woken.append(time.monotonic())

    with limiter.slot(True, stop):
        thread = threading.Thread(target=wait)
        thread.start()
        stop.request()
        thread.join(2)

    assert len(woken) == 1
