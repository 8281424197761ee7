"""The fence: one value in at most one batch in flight, rows that share one in source order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.engine.fakes import row
from zmigrate.engine.model.batch import PreparedRow
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


def test_a_row_goes_when_it_is_first_in_line_for_all_its_values() -> None:
    fence = Fence()
    rows = [row(1, "a", others=("E",)), row(2, "b", others=("F",)), row(3, "c", others=("E", "F"))]
    assert fence.admit_all(rows) == rows[:2]
    assert fence.release(rows[0].fenced) == []
    assert fence.release(rows[1].fenced) == [rows[2]]
    assert fence.waiting == 0


def test_a_row_that_waits_for_one_value_is_not_overtaken_for_another() -> None:
    fence = Fence()
    rows = [row(1, "a", others=("E",)), row(2, "b", others=("E",)), row(3, "b")]
    assert fence.admit_all(rows) == rows[:1]
    assert fence.release(rows[0].fenced) == [rows[1]]
    assert fence.release(rows[1].fenced) == [rows[2]]


def test_rows_without_a_key_wait_for_their_other_values() -> None:
    fence = Fence()
    rows = [row(1, others=("E",)), row(2, others=("E",)), row(3)]
    assert fence.admit_all(rows) == [rows[0], rows[2]]
    assert fence.release(rows[0].fenced) == [rows[1]]


ROWS = st.lists(
    st.tuples(st.none() | st.sampled_from("abc"), st.sets(st.sampled_from("EFGH"))), min_size=1, max_size=30
)


@given(cells=ROWS, at_once=st.integers(1, 5), choices=st.randoms(use_true_random=False))
def test_no_value_is_under_way_twice_none_overtakes_and_every_row_goes(
    cells: list[tuple[str | None, set[str]]], at_once: int, choices: object
) -> None:
    fence = Fence()
    to_come = [row(n, key, others=tuple(sorted(others))) for n, (key, others) in enumerate(cells, start=1)]
    rows = list(to_come)
    under_way: list[PreparedRow] = []
    went: list[PreparedRow] = []
    while to_come or under_way:
        if to_come and (not under_way or choices.random() < 0.5):  # type: ignore[attr-defined]
            begun, to_come = fence.admit_all(to_come[:at_once]), to_come[at_once:]
        else:
            ended = under_way.pop(choices.randrange(len(under_way)))  # type: ignore[attr-defined]
            begun = fence.release(ended.fenced)
        under_way += begun
        went += begun
        held = [value for each in under_way for value in each.fenced]
        assert len(held) == len(set(held))
        assert under_way or not fence.waiting
    assert sorted(each.number for each in went) == [each.number for each in rows]
    for value in {value for each in rows for value in each.fenced}:
        of_value = [each.number for each in went if value in each.fenced]
        assert of_value == sorted(of_value)
