"""Which rows an earlier session recorded, told by marks of any kind."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from zmigrate.engine.pipeline.producer import KnownMarks

TEXTS = [f'"{name}"' for name in ("10", "9", "a", "B", "ä", "x y")]


def test_without_marks_all_are_behind_us() -> None:
    assert KnownMarks(()).behind_us


def test_numbers_are_passed_with_the_highest_or_one_beyond_it() -> None:
    for seen, passed in (("19", False), ("20", True), ("100", True)):
        known = KnownMarks(["3", "20", "-7"])
        known.see(seen)
        assert known.behind_us is passed


def test_texts_are_passed_when_each_was_seen_in_whatever_order() -> None:
    known = KnownMarks(TEXTS)
    for mark in random.Random(1).sample(TEXTS, len(TEXTS)):
        assert not known.behind_us
        known.see(mark)
    assert known.behind_us


def test_texts_that_look_like_numbers_are_no_numbers() -> None:
    known = KnownMarks(['"9"', '"10"'])
    known.see('"99"')
    known.see('"9"')
    assert not known.behind_us


def test_what_is_gone_is_passed_at_the_end() -> None:
    for marks in (["5"], ['"a"']):
        known = KnownMarks(marks)
        known.forget()
        assert known.behind_us


@given(st.sets(st.integers(), min_size=1), st.sets(st.integers()))
def test_numbers_read_in_order_are_passed_exactly_behind_the_last(known: set[int], gone: set[int]) -> None:
    marks = KnownMarks(map(str, known))
    left = sorted(known - gone)
    for number in left:
        marks.see(str(number))
    assert marks.behind_us is (bool(left) and left[-1] == max(known))
