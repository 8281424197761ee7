"""Which rows an earlier session recorded, told by their ids."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zmigrate.engine.pipeline.reading import KnownMarks


def test_without_marks_all_are_behind_us() -> None:
    assert KnownMarks(()).behind_us


def test_numbers_are_passed_with_the_highest_or_one_beyond_it() -> None:
    for seen, passed in (("19", False), ("20", True), ("100", True)):
        known = KnownMarks(["3", "20", "7"])
        known.see(seen)
        assert known.behind_us is passed


def test_what_is_gone_is_passed_at_the_end() -> None:
    known = KnownMarks(["5"])
    known.forget()
    assert known.behind_us


@given(st.sets(st.integers(), min_size=1), st.sets(st.integers()))
def test_numbers_read_in_order_are_passed_exactly_behind_the_last(known: set[int], gone: set[int]) -> None:
    marks = KnownMarks(map(str, known))
    left = sorted(known - gone)
    for number in left:
        marks.see(str(number))
    assert marks.behind_us is (bool(left) and left[-1] == max(known))
