"""The fence: one key in at most one batch in flight, rows of one key in source order."""

from __future__ import annotations

from tests.engine.fakes import row
from zmigrate.engine.pipeline.fence import Fence


def test_a_key_is_admitted_once_until_it_is_released() -> None:
    fence = Fence()
    assert fence.admit(row(1, "a"))
    assert not fence.admit(row(2, "a"))
    assert fence.admit(row(3, "b"))
    assert fence.release(["b"]) == []
    assert fence.admit(row(4, "b"))


def test_rows_without_a_key_never_wait() -> None:
    fence = Fence()
    assert all(fence.admit(row(number, None)) for number in range(1, 5))
    assert fence.waiting == 0


def test_rows_of_one_key_are_freed_one_at_a_time_in_source_order() -> None:
    fence = Fence()
    rows = [row(number, "a") for number in range(1, 5)]
    for waiting in rows:
        fence.admit(waiting)
    assert [fence.release(["a"]) for _ in range(4)] == [[rows[1]], [rows[2]], [rows[3]], []]
    assert fence.admit(row(9, "a"))


def test_a_freed_row_holds_its_key() -> None:
    fence = Fence()
    for number in (1, 2):
        fence.admit(row(number, "a"))
    fence.release(["a"])
    assert not fence.admit(row(3, "a"))
    assert fence.release(["a"]) == [row(3, "a")]


def test_keys_from_before_hold_back_the_rows_of_a_resume() -> None:
    fence = Fence()
    fence.hold(["a"])
    assert not fence.admit(row(5, "a"))
    assert fence.release(["a"]) == [row(5, "a")]


def test_holding_a_key_again_keeps_the_rows_that_wait_for_it() -> None:
    fence = Fence()
    for number in (1, 2):
        fence.admit(row(number, "a"))
    fence.hold(["a"])
    assert fence.release(["a"]) == [row(2, "a")]


def test_releasing_a_key_that_nobody_holds_frees_nothing() -> None:
    assert Fence().release(["a"]) == []


def test_the_lowest_waiting_row_is_known_whatever_is_freed_first() -> None:
    fence = Fence()
    for number, key in enumerate("abab", start=1):
        fence.admit(row(number, key))
    assert fence.lowest_waiting == 3
    fence.release(["a"])
    assert fence.lowest_waiting == 4
    fence.release(["b"])
    assert fence.lowest_waiting is None


def test_a_full_fence_says_so_until_a_row_is_freed() -> None:
    fence = Fence(waiting_max=2)
    for number in (1, 2, 3):
        fence.admit(row(number, "a"))
    assert fence.full
    fence.release(["a"])
    assert not fence.full
