"""Rows with what became of them, packed as the journal keeps them, and read back in groups or in the order of
the source.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import orjson

from zmigrate.engine.model.batch import MAYBE_APPLIED, BatchState
from zmigrate.engine.model.outcomes import Outcome

Numbered = tuple[int, int, str | None]
"""Number, line and key of a row. (JSON makes a list of it.)"""

Parts = Sequence[Any]
"""Action, id, code, field and message of an outcome; that of a plain success ends with the id."""


class RecordedRows(NamedTuple):
    """Rows that were recorded together, with what became of each."""

    first_row: int
    """None of them has a lower number."""
    rows: Sequence[Numbered]
    outcomes: Sequence[Parts]
    sources: Sequence[Mapping[str, Any]] | None
    """The rows as they were read, where the source can't be read again."""

    @property
    def numbers(self) -> list[int]:
        return [row[0] for row in self.rows]

    def without_moved(self) -> RecordedRows:
        """Only the rows whose outcome is here, and not in a batch that was cut from this one."""
        kept = [index for index, parts in enumerate(self.outcomes) if parts[0] != "moved"]
        return self._replace(
            rows=[self.rows[index] for index in kept],
            outcomes=[self.outcomes[index] for index in kept],
            sources=self.sources and [self.sources[index] for index in kept],
        )

    def runs(self) -> Iterator[RecordedRows]:
        """The same rows, cut where one is not the next of the one before."""
        numbers = self.numbers
        if not numbers:
            return
        if consecutive(numbers):
            yield self._replace(first_row=numbers[0])
            return
        ends = [at for at, number in enumerate(numbers[:-1], start=1) if numbers[at] != number + 1]
        for start, end in zip([0, *ends], [*ends, len(numbers)], strict=True):
            yield RecordedRows(
                numbers[start],
                self.rows[start:end],
                self.outcomes[start:end],
                self.sources and self.sources[start:end],
            )


def consecutive(numbers: list[int]) -> bool:
    """Whether each number, of one or more, follows the one before."""
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def in_order(groups: Iterable[RecordedRows]) -> Iterator[RecordedRows]:
    """The rows of groups, which come by their first row, in the order of the source and in groups without a
    gap.

    Between the numbers of such a group there is no room for another row: it may come as soon as no group is
    left that begins before it. Memory: the rows that a batch took out of turn.
    """
    ahead: list[tuple[int, int, RecordedRows]] = []
    tie = count()
    for group in groups:
        while ahead and ahead[0][0] < group.first_row:
            yield heapq.heappop(ahead)[2]
        for run in group.runs():
            heapq.heappush(ahead, (run.first_row, next(tie), run))
    while ahead:
        yield heapq.heappop(ahead)[2]


BODY_LEVEL = 1
"""zlib level of stored bodies: level 1 costs 0.3 µs a row, level 6 half as much again for a fifth less space.
"""


def pack_body(body: bytes) -> bytes:
    """The body of a request as the journal keeps it."""
    return zlib.compress(body, BODY_LEVEL)


def pack_source(source: object) -> bytes:
    """Rows as they were read, as the journal keeps them."""
    return zlib.compress(orjson.dumps(source, default=str), BODY_LEVEL)


def unpack_source(packed: bytes | None) -> Any:
    return None if packed is None else orjson.loads(zlib.decompress(packed))


def pack_outcomes(outcomes: list[Outcome]) -> str:
    """Outcomes as JSON; those of plain successes without their empty ends."""
    return orjson.dumps(
        [outcome[:2] if outcome[2] is outcome[3] is None else tuple(outcome) for outcome in outcomes]
    ).decode()


def pack_outcome(outcome: Outcome) -> str:
    return pack_outcomes([outcome])[1:-1]


def pack_state(state: BatchState) -> str:
    """The state of a batch as the journal keeps it."""
    return "done" if state is BatchState.FINISHED else "sent" if state in MAYBE_APPLIED else "queued"


def unpack_state(stored: str) -> BatchState:
    """The state of a batch that has no outcomes in the journal."""
    return BatchState.LEFT_UNSENT if stored == "queued" else BatchState.LEFT_IN_DOUBT
