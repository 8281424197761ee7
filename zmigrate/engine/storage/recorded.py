"""Rows with their outcomes: packed for the journal, and read back in groups or in source order."""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count, starmap
from struct import Struct
from typing import Any, NamedTuple

import orjson

from zmigrate.engine.model.batch import MAYBE_APPLIED, BatchState, PreparedRow
from zmigrate.engine.model.outcomes import FOUND_BY_ANOTHER_FIELD, Action, Outcome
from zmigrate.engine.storage.journal_sql import SCHEMA_VERSION
from zmigrate.reasons import Reason

Numbered = tuple[int, int, str | None]
"""A row's number, line and key. (JSON makes a list of it.)"""


class RecordedRows(NamedTuple):
    """Rows that were recorded together, with their outcomes."""

    first_row: int
    """No row has a lower number."""
    rows: Sequence[Numbered]
    outcomes: Sequence[Outcome]
    sources: Sequence[Mapping[str, Any]] | None
    """The rows as they were read, if the source can't be read again."""

    @property
    def numbers(self) -> list[int]:
        return [row[0] for row in self.rows]

    def without_moved(self) -> RecordedRows:
        """Only the rows whose outcome is here, and not in a batch that was cut from this one."""
        kept = [index for index, outcome in enumerate(self.outcomes) if outcome.action != "moved"]
        return self._replace(
            rows=[self.rows[index] for index in kept],
            outcomes=[self.outcomes[index] for index in kept],
            sources=self.sources and [self.sources[index] for index in kept],
        )

    def runs(self) -> Iterator[RecordedRows]:
        """The same rows, cut wherever a number is missing."""
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
    """The rows of groups in source order, in groups without a gap. The groups come sorted by first row.

    A group without a gap has no room for another row, so it may come once no other group begins before it.
    Memory: the rows that a batch took out of turn.
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
"""zlib level of stored bodies: 1 costs 0.3 µs a row; 6 costs half as much again and saves a fifth."""


DIGEST = Struct("<Bq")
"""A row's place in its batch, and its digest."""


def pack_body(body: bytes) -> bytes:
    """The body of a request as the journal keeps it."""
    return zlib.compress(body, BODY_LEVEL)


def pack_source(source: object) -> bytes:
    """Rows as they were read, as the journal keeps them."""
    return zlib.compress(orjson.dumps(source, default=str), BODY_LEVEL)


def unpack_source(packed: bytes | None) -> Any:
    return None if packed is None else orjson.loads(zlib.decompress(packed))


def pack_digests(rows: Iterable[PreparedRow]) -> bytes:
    """The digests of a batch's rows that have one."""
    pairs = ((place, row.digest) for place, row in enumerate(rows) if row.digest is not None)
    return b"".join(starmap(DIGEST.pack, pairs))


def unpack_digests(packed: bytes | None) -> Iterator[tuple[int, int]]:
    """Places and digests of a batch's rows that have one."""
    return DIGEST.iter_unpack(packed or b"")


def pack_outcomes(outcomes: Iterable[Outcome]) -> str:
    """Outcomes as JSON; a plain success is only its action and id."""
    return orjson.dumps(
        [outcome[:2] if not (outcome[2] or outcome[3]) else _packed(outcome) for outcome in outcomes]
    ).decode()


def pack_outcome(outcome: Outcome) -> str:
    return pack_outcomes([outcome])[1:-1]


def _packed(outcome: Outcome) -> Sequence[Any]:
    reasons = [_without_empty_end(reason[:5]) for reason in outcome.reasons]
    return _without_empty_end((outcome.action, outcome.id, reasons, outcome.first_write))


def _without_empty_end(parts: Sequence[Any]) -> Sequence[Any]:
    filled = max(at for at, part in enumerate(parts, start=1) if part is not None)
    return parts[:filled]


ReadOutcome = Callable[[Sequence[Any]], Outcome]
"""Reads an outcome that has more than an action and an id."""


def unpack_outcomes(packed: str, read: ReadOutcome) -> list[Outcome]:
    """The reverse of `pack_outcomes`."""
    new = tuple.__new__
    return [
        new(Outcome, (*parts, (), None)) if len(parts) == 2 else read(parts) for parts in orjson.loads(packed)
    ]


def _with_reasons(parts: Sequence[Any]) -> Outcome:
    action, record_id, reasons, *more = parts
    return Outcome(action, record_id, tuple(Reason(*reason) for reason in reasons), *more)


_FIRST_WRITES: Mapping[str, Action] = {"LINK": "created", "RELINK": "updated"}


def _with_joined_reasons(parts: Sequence[Any]) -> Outcome:
    """Schema 4 has one code, field and message, which join those of several reasons. A code without a reason
    is the first write of a row that moved; a field without a code is the field by which a record was found.
    """
    action, record_id, code, field, message = parts
    if action == "moved":
        return Outcome("moved", record_id, first_write=_FIRST_WRITES.get(code))
    if code is None:
        code = FOUND_BY_ANOTHER_FIELD
    return Outcome(action, record_id, (Reason(code, field, message or ""),))


READ_OUTCOME: Mapping[int, ReadOutcome] = {
    4: _with_joined_reasons,
    5: _with_reasons,
    SCHEMA_VERSION: _with_reasons,
}
"""How an outcome is read, by the schema of the journal."""


def pack_state(state: BatchState) -> str:
    """The state of a batch as the journal keeps it."""
    return "done" if state is BatchState.FINISHED else "sent" if state in MAYBE_APPLIED else "queued"


def unpack_state(stored: str) -> BatchState:
    """The state of a batch that has no outcomes in the journal."""
    return BatchState.LEFT_UNSENT if stored == "queued" else BatchState.LEFT_IN_DOUBT


LARGEST_INTEGER = 2**63 - 1
"""The largest integer that SQLite can store."""


def id_span(ids: list[str]) -> tuple[int | None, int | None]:
    """The lowest and the highest id. Ids of one length, as most are, can be compared as text."""
    if not ids:
        return None, None
    key = int if len(set(map(len, ids))) > 1 else None
    return stored_id(min(ids, key=key)), stored_id(max(ids, key=key))


def stored_id(record_id: str) -> int:
    """An id that SQLite can compare: Zoho's ids may have 20 digits."""
    return min(int(record_id), LARGEST_INTEGER)
