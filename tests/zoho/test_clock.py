from __future__ import annotations

from email.utils import formatdate

from hypothesis import given
from hypothesis import strategies as st

from zmigrate.zoho.clock import ZohoClock


def test_nothing_is_known_before_the_first_answer() -> None:
    clock = ZohoClock()

    assert clock.skew() is None
    assert clock.earliest(1_000.0) == clock.latest(1_000.0) == 1_000.0


def test_one_answer_bounds_the_other_clock_by_the_second_and_the_round_trip() -> None:
    clock = ZohoClock()

    clock.observe(formatdate(2_000, usegmt=True), sent=1_000.0, received=1_000.5)

    assert clock.earliest(1_000.0) == 1_999.5
    assert clock.latest(1_000.0) == 2_001.0


@given(
    skew=st.floats(-7_200, 7_200),
    trips=st.lists(st.tuples(st.floats(0, 600), st.floats(0, 5), st.floats(0, 5)), min_size=1, max_size=30),
)
def test_the_true_time_is_always_within_the_bounds(
    skew: float, trips: list[tuple[float, float, float]]
) -> None:
    clock = ZohoClock()
    sent = 1_800_000_000.0

    for pause, there, back in trips:
        sent += pause
        clock.observe(formatdate(int(sent + there + skew), usegmt=True), sent, sent + there + back)
        truth = sent + skew
        assert clock.earliest(sent) <= truth + 1e-5
        assert truth - 1e-5 <= clock.latest(sent)


def test_answers_narrow_the_bounds() -> None:
    clock = ZohoClock()

    for tick in range(40):
        sent = 1_000.0 + tick * 1.05
        clock.observe(formatdate(int(sent + 3_600.25), usegmt=True), sent, sent + 0.02)

    assert clock.latest(0.0) - clock.earliest(0.0) < 0.2
    assert abs((clock.skew() or 0) - 3_600.25) < 0.1


def test_a_clock_that_was_set_starts_the_bounds_afresh() -> None:
    clock = ZohoClock()
    clock.observe(formatdate(5_000, usegmt=True), 5_000.0, 5_000.1)

    clock.observe(formatdate(5_010, usegmt=True), 8_610.0, 8_610.1)

    assert abs((clock.skew() or 0) + 3_600) < 1


def test_an_unreadable_date_teaches_nothing() -> None:
    clock = ZohoClock()

    for date in (None, "", "yesterday", "Wed, 99 Foo 2026"):
        clock.observe(date, 1.0, 2.0)

    assert clock.skew() is None
