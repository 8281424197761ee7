"""The final count: from the journal alone, and it must agree with what was counted on the way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.fakes import row
from zmigrate.engine.model.batch import Batch, BatchState
from zmigrate.engine.model.outcomes import MOVED, Action, Outcome, RowCounts
from zmigrate.engine.storage.accounting import check_counts, count_rows
from zmigrate.engine.storage.journal import Journal
from zmigrate.errors import AccountingError

CREATED = Outcome("created", "9")
SKIPPED = Outcome("skipped")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal.create(tmp_path / "journal.db")) as made:
        yield made


def put(journal: Journal, batch_id: int, numbers: list[int], outcomes: list[Outcome] | None = None) -> None:
    batch = Batch(batch_id, [row(number, f"k{number}") for number in numbers], state=BatchState.IN_FLIGHT)
    with journal.transaction():
        journal.put_batch(batch, b"")
        if outcomes is not None:
            batch.outcomes = outcomes
            journal.finish_batch(batch)


def test_rows_of_batches_and_decided_rows_add_up(journal: Journal) -> None:
    put(journal, 1, [1, 3], [CREATED, Outcome("failed")])
    put(journal, 2, [4, 5])
    with journal.transaction():
        journal.put_decided([(row(2), SKIPPED)])
    assert count_rows(journal) == RowCounts(read=5, created=1, failed=1, skipped=1, pending=2)


def test_a_row_that_moved_to_another_batch_counts_there(journal: Journal) -> None:
    put(journal, 1, [1, 2], [CREATED, MOVED])
    put(journal, 2, [2], [CREATED])
    assert count_rows(journal) == RowCounts(read=2, created=2)


def test_items_of_a_hand_written_loop_count_too(journal: Journal) -> None:
    with journal.transaction():
        journal.put_item("a", 1, Outcome("updated"))
        journal.put_item("b", 2, SKIPPED)
    assert count_rows(journal) == RowCounts(read=2, updated=1, skipped=1)


def test_two_outcomes_for_a_row_are_an_error_that_names_it(journal: Journal) -> None:
    put(journal, 1, [1, 7], [CREATED, CREATED])
    put(journal, 2, [7], [CREATED])
    with pytest.raises(AccountingError, match=r"row 7 \(line 8\) has two outcomes"):
        count_rows(journal)


@pytest.mark.parametrize(
    ("first", "second", "twice"),
    [
        (range(1, 101), range(100, 200), 100),
        (range(9, 17), range(1, 10), 9),
        (range(1, 41), range(16, 24), 16),
        (range(16, 24), range(1, 41), 16),
        ([3, 5, 8], range(4, 9), 5),
        (range(4, 9), [8, 30, 5], 8),
        (range(5_000, 5_100), [40_000, 5_099], 5_099),
    ],
)
def test_batches_that_overlap_in_a_row_are_an_error_that_names_it(
    first: Sequence[int], second: Sequence[int], twice: int, journal: Journal
) -> None:
    put(journal, 1, list(first), [CREATED] * len(first))
    put(journal, 2, list(second), [CREATED] * len(second))
    with pytest.raises(AccountingError, match=f"row {twice} .* two outcomes"):
        count_rows(journal)


def test_batches_that_stand_beside_and_between_one_another_add_up(journal: Journal) -> None:
    batches = [range(10, 17), range(1, 10), [17, 19, 20], range(21, 24), [18], range(24, 300), [40_000]]
    for batch_id, numbers in enumerate(batches, start=1):
        put(journal, batch_id, list(numbers), [CREATED] * len(numbers))
    assert count_rows(journal) == RowCounts(read=300, created=300)


def test_a_row_of_a_batch_that_was_decided_as_well_is_an_error(journal: Journal) -> None:
    put(journal, 1, [1], [CREATED])
    with journal.transaction():
        journal.put_decided([(row(1), SKIPPED)])
    with pytest.raises(AccountingError, match="row 1 "):
        count_rows(journal)


def test_a_row_with_an_outcome_that_is_under_way_is_an_error(journal: Journal) -> None:
    put(journal, 1, [1], [CREATED])
    put(journal, 2, [1])
    with pytest.raises(AccountingError, match="under way at the same time"):
        count_rows(journal)


def test_an_outcome_that_was_tampered_with_is_noticed(journal: Journal) -> None:
    put(journal, 1, [1], [CREATED])
    with closing(sqlite3.connect(journal.path)) as other, other:
        other.execute("""UPDATE outcome SET outcomes = '[["failed", null]]'""")
    with pytest.raises(AccountingError, match=r"the journal counts .*'failed': 1"):
        check_counts(count_rows(journal), RowCounts(read=1, created=1), finished=True, total=1)


def counted(read: int, **actions: int) -> RowCounts:
    return RowCounts(read=read, **actions)


@pytest.mark.parametrize(
    ("rows", "finished", "total", "what"),
    [
        (counted(2, created=1), False, None, "do not add up"),
        (counted(2, created=1, pending=1), True, 2, "1 rows have no outcome"),
        (counted(2, created=2), True, 3, "the source has 3 rows, and 2"),
    ],
)
def test_what_does_not_add_up_is_an_error(
    rows: RowCounts, finished: bool, total: int | None, what: str
) -> None:
    with pytest.raises(AccountingError, match=what):
        check_counts(rows, rows, finished=finished, total=total)


@pytest.mark.parametrize("action", ["created", "failed", "in_doubt"])
def test_what_adds_up_passes(action: Action) -> None:
    rows = counted(2)
    rows.add(action, 2)
    check_counts(rows, rows, finished=True, total=2)
    check_counts(counted(2, pending=2), counted(2, pending=2), finished=False, total=9)
