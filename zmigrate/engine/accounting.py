"""The final count: from the journal alone, row by row, independent of what was counted on the way."""

from __future__ import annotations

from zmigrate.engine.journal import Journal
from zmigrate.engine.outcomes import Rows
from zmigrate.errors import AccountingError


class _Ticked:
    """A bit a row, so that a million rows take 125 KB."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self.highest = 0

    def tick(self, number: int) -> bool:
        """Tick a number off; False if it was ticked before."""
        byte, bit = number >> 3, 1 << (number & 7)
        if byte >= len(self._bits):
            self._bits.extend(bytes(byte + 4096 - len(self._bits)))
        if self._bits[byte] & bit:
            return False
        self._bits[byte] |= bit
        self.highest = max(self.highest, number)
        return True


def count_rows(journal: Journal) -> Rows:
    """Count every recorded row in the journal. Raises AccountingError if a row has more than one outcome."""
    rows, ticked = Rows(), _Ticked()
    for _, group in journal.outcomes():
        for recorded in group:
            if not ticked.tick(recorded.number):
                raise AccountingError(
                    f"row {recorded.number} (line {recorded.line}) has two outcomes in the journal"
                )
            rows.read += 1
            rows.add(recorded.outcome.action)
    for number in journal.open_rows():
        if not ticked.tick(number):
            raise AccountingError(f"row {number} has an outcome and is under way at the same time")
        rows.read += 1
        rows.pending += 1
    for _, _, outcome in journal.items():
        rows.read += 1
        rows.add(outcome.action)
    return rows


def check_counts(counted: Rows, on_the_way: Rows, *, finished: bool, total: int | None) -> None:
    """Raise AccountingError unless the journal agrees with what was counted on the way, and the source."""
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
