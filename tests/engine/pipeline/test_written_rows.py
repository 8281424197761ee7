"""The index of the rows that were written."""

from __future__ import annotations

import random

from zmigrate.engine.pipeline.written_rows import SPILLS_AT, WrittenRow, WrittenRows


def written(number: int, key: str) -> WrittenRow:
    return WrittenRow(key.lower(), key, number, number + 1, False)


def test_what_went_to_disk_is_found_like_what_is_in_memory() -> None:
    keys = [f"K{number}" for number in range(2 * SPILLS_AT + 10)]
    random.Random(1).shuffle(keys)
    index = WrittenRows()
    for start in range(0, len(keys), 100):
        index.add([written(number, keys[number]) for number in range(start, min(start + 100, len(keys)))])
    for number in (0, 1, SPILLS_AT, len(keys) - 1):
        assert index.of(keys[number].lower()) == [written(number, keys[number])]
    assert not index.of("unknown")
    index.close()


def test_the_first_row_of_a_key_counts_and_other_spellings_are_kept_beside_it() -> None:
    index = WrittenRows()
    index.add([written(1, "a"), written(2, "A"), written(3, "a")])
    assert [(row.key, row.line) for row in index.of("a")] == [("a", 1), ("A", 2)]
    index.close()
