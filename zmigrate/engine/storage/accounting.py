"""The final count: row by row from the journal alone, independent of the counts kept during the run."""

from __future__ import annotations

from collections import Counter

from zmigrate.engine.model.outcomes import RowCounts
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.recorded import consecutive
from zmigrate.errors import AccountingError


class _Ticked:
    """One bit a row: a million rows take 125 KB."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def tick(self, numbers: list[int]) -> int | None:
        """Tick numbers off. Return the first one that was already ticked, or None."""
        bits = self._bits
        if not numbers or (consecutive(numbers) and self._tick_range(numbers[0], len(numbers))):
            return None
        self._make_room(max(numbers))
        for number in numbers:
            byte, bit = number >> 3, 1 << (number & 7)
            if bits[byte] & bit:
                return number
            bits[byte] |= bit
        return None

    def _tick_range(self, first: int, count: int) -> bool:
        """Tick a range of numbers at once. Return False, without a change, if one was already ticked."""
        self._make_room(first + count)
        start, end = first >> 3, ((first + count) >> 3) + 1
        before = int.from_bytes(self._bits[start:end], "little")
        these = ((1 << count) - 1) << (first & 7)
        if before & these:
            return False
        self._bits[start:end] = (before | these).to_bytes(end - start, "little")
        return True

    def _make_room(self, number: int) -> None:
        if number >> 3 >= len(self._bits):
            self._bits.extend(bytes((number >> 3) + 4096 - len(self._bits)))


def count_rows(journal: Journal) -> RowCounts:
    """Count every recorded row in the journal. Raises AccountingError if a row has more than one outcome."""
    rows, ticked = RowCounts(), _Ticked()
    for group in journal.groups():
        numbers = group.numbers
        again = ticked.tick(numbers)
        if again is not None:
            line = group.rows[numbers.index(again)][1]
            raise AccountingError(f"row {again} (line {line}) has two outcomes in the journal")
        rows.read += len(numbers)
        for action, count in Counter([outcome.action for outcome in group.outcomes]).items():
            rows.add(action, count)
    for numbers in journal.open_rows():
        again = ticked.tick(numbers)
        if again is not None:
            raise AccountingError(f"row {again} has an outcome and is under way at the same time")
        rows.read += len(numbers)
        rows.pending += len(numbers)
    for _, _, outcome in journal.items():
        rows.read += 1
        rows.add(outcome.action)
    return rows


def check_counts(counted: RowCounts, on_the_way: RowCounts, *, finished: bool, total: int | None) -> None:
    """Raise AccountingError unless the journal agrees with the run's own counts and with the source."""
    if counted != on_the_way:
        raise AccountingError(
            f"the journal counts {counted.to_json()}, the run counted {on_the_way.to_json()}"
        )
    if not counted.balanced:
        raise AccountingError(f"the rows do not add up: {counted.to_json()}")
    if finished and counted.pending:
        raise AccountingError(f"the run is over and {counted.pending} rows have no outcome")
    if finished and total is not None and counted.read != total:
        raise AccountingError(f"the source has {total} rows, and {counted.read} were accounted for")
