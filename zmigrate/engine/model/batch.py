"""A batch: up to 100 records that travel in one request, the rows they came from, and its state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import orjson

from zmigrate.engine.model.outcomes import Outcome
from zmigrate.rows.conversion.open_id import OpenId

BATCH_ROWS = 100
"""Records a write call may carry (Zoho: insert, update, upsert and delete take 100)."""

BREAKER_ROWS = 500
"""If so many rows in a row fail with one code, the run stops: the first ones, or later ones whose code speaks
of the org."""


class BatchState(Enum):
    """The state of a batch in the loop. `BATCH_TRANSITIONS` has the steps from one state to another."""

    NEW = "new"
    """Its rows were put together; the loop does not know it yet."""
    UNRESOLVED = "unresolved"
    """It waits for a worker that asks the org for the ids that its records need."""
    LOOKING_UP = "looking up"
    """A worker asks the org for the ids that its records need."""
    REPLACED = "replaced"
    """The ids were looked up: its rows have ended, or go on in a batch that can be sent."""
    READY = "ready"
    """It waits for a worker that sends it. No request with it is under way."""
    IN_FLIGHT = "in flight"
    """A worker sends it, or waits for the answer."""
    PARKED = "parked"
    """It is in doubt: Zoho may have applied it. It waits until its settling time is over."""
    SEARCH_DUE = "search due"
    """It is in doubt, and waits for a worker that searches the org for its records."""
    SEARCHING = "searching"
    """It is in doubt, and a worker searches the org for its records."""
    RESEND_DUE = "resend due"
    """It is in doubt, and waits for a worker that sends it again, which settles the doubt."""
    SET_ASIDE = "set aside"
    """Zoho refused it as a whole; whether its only row is at fault shows when another batch is accepted."""
    WAITING = "waiting"
    """It closes circles of references, and waits until every record of the run exists."""
    FINISHED = "finished"
    """Each of its rows has its outcome, or goes on in a batch that was cut from this one."""
    LEFT_UNSENT = "left unsent"
    """An earlier session left it in the journal; no request with it is under way."""
    LEFT_IN_DOUBT = "left in doubt"
    """An earlier session left it in the journal; Zoho may have applied it."""

    def may_become(self, after: BatchState) -> bool:
        return after in BATCH_TRANSITIONS[self]


BATCH_TRANSITIONS: dict[BatchState, frozenset[BatchState]] = {
    BatchState.NEW: frozenset(
        [BatchState.UNRESOLVED, BatchState.READY, BatchState.PARKED, BatchState.WAITING]
    ),
    BatchState.UNRESOLVED: frozenset([BatchState.LOOKING_UP]),
    BatchState.LOOKING_UP: frozenset(
        [BatchState.UNRESOLVED, BatchState.REPLACED, BatchState.WAITING, BatchState.SET_ASIDE]
    ),
    BatchState.REPLACED: frozenset(),
    BatchState.READY: frozenset([BatchState.IN_FLIGHT]),
    BatchState.IN_FLIGHT: frozenset(
        [BatchState.READY, BatchState.PARKED, BatchState.SET_ASIDE, BatchState.FINISHED]
    ),
    BatchState.PARKED: frozenset([BatchState.SEARCH_DUE, BatchState.RESEND_DUE, BatchState.FINISHED]),
    BatchState.SEARCH_DUE: frozenset([BatchState.SEARCHING]),
    BatchState.SEARCHING: frozenset([BatchState.PARKED, BatchState.FINISHED]),
    BatchState.RESEND_DUE: frozenset([BatchState.IN_FLIGHT]),
    BatchState.SET_ASIDE: frozenset([BatchState.FINISHED, BatchState.REPLACED]),
    BatchState.WAITING: frozenset([BatchState.UNRESOLVED, BatchState.FINISHED]),
    BatchState.FINISHED: frozenset(),
    BatchState.LEFT_UNSENT: frozenset([BatchState.READY, BatchState.WAITING]),
    BatchState.LEFT_IN_DOUBT: frozenset([BatchState.PARKED, BatchState.FINISHED]),
}

MAYBE_APPLIED = frozenset(
    [
        BatchState.IN_FLIGHT,
        BatchState.PARKED,
        BatchState.SEARCH_DUE,
        BatchState.SEARCHING,
        BatchState.RESEND_DUE,
        BatchState.LEFT_IN_DOUBT,
    ]
)
"""States in which Zoho may have applied the batch, and nobody knows yet."""


SecondWrite = Literal["link", "relink", "update"]
"""Why rows whose records exist are written a second time.

- link, relink: to fill in the references that close a circle, of records that the first write created (link)
  or updated (relink);
- update: to update records that existed before the run, where the first write was an insert.
"""


class Link(NamedTuple):
    """A field of a record whose value refers to a record that does not exist yet."""

    field: str
    value: Any
    """JSON with `OpenId`s in it."""


class PreparedRow(NamedTuple):
    """A row that was read, transformed and converted, and is not sent yet."""

    number: int
    line: int
    key: str | None
    folded: str | None
    record: dict[str, Any]
    source: Mapping[str, Any] | None = None
    """The row as it was read, kept only where the source can't be read again."""
    open: tuple[OpenId, ...] = ()
    """References in the record that wait for their ids."""
    links: tuple[Link, ...] = ()
    """References that close a circle: taken out of the record, and written once all records exist."""
    others: tuple[str, ...] = ()
    """The values of the other unique fields, folded, each with its field: `Email\\0jo@example.com`."""
    digest: int | None = None
    """Tells whether two records are the same. None: no later row can have one of its values, or it does not
    matter."""

    @property
    def fenced(self) -> tuple[str, ...]:
        """What no other row may write while this one is under way: its key, and its other unique values."""
        return self.others if self.folded is None else (self.folded, *self.others)


def refer(rows: Iterable[PreparedRow]) -> bool:
    """Whether one of the rows has references. Most rows have none; this check is cheap."""
    return any(map(_open_of, rows))


def fenced_by(rows: Iterable[PreparedRow]) -> list[str]:
    """The keys and other unique values of rows."""
    rows = list(rows)
    keys = [row.folded for row in rows if row.folded is not None]
    return [*keys, *chain.from_iterable(map(_others_of, rows))]


def nothing_to_write(rows: Iterable[PreparedRow]) -> list[tuple[PreparedRow, Outcome]]:
    """The rows of an update that have nothing to change, with their outcomes: they are not sent."""
    return [
        (row, Outcome("unchanged", row.record.get("id")))
        for row in rows
        if not row.links and (not row.record or (len(row.record) == 1 and "id" in row.record))
    ]


digest_of = attrgetter("digest")
_open_of = attrgetter("open")
_others_of = attrgetter("others")
_links_of = attrgetter("links")


@dataclass(eq=False)
class Batch:
    """The rows of one request, and what is known of the requests that were made with them.

    `first_intent`, `sent_at`, `due_at` and `held_until` are epoch seconds: `first_intent` on Zoho's clock, at
    the earliest, the others on ours. A batch that is sent again keeps its `first_intent`, since Zoho may have
    applied the first request.
    """

    id: int
    rows: list[PreparedRow]
    parent: int | None = None
    """The batch from which this one was cut."""
    state: BatchState = BatchState.NEW
    """Set by `InFlight` alone."""
    sends: int = 0
    first_intent: float | None = None
    sent_at: float | None = None
    doubted: bool = False
    """Zoho may have applied an earlier request with these rows."""
    due_at: float = 0.0
    """When a parked batch can be settled."""
    misses: int = 0
    """Searches that did not find all of its records."""
    server_errors: int = 0
    """Server errors for this batch; where it can't be searched for, only those while Zoho answered others."""
    open_answers: int = 0
    """Answers in a row that did not say whether its rows were written."""
    looked_for: bool = False
    """Its records were searched for, and not found, after the last request that was lost."""
    search_failures: int = 0
    """Searches and look-ups of this batch that failed."""
    refused_when: int | None = None
    """How many requests Zoho had accepted when it refused this batch, or its first parent, as a whole."""
    blocked_when: int | None = None
    """How many look-ups and searches Zoho had answered when a firewall blocked that of this batch, or of its
    first parent."""
    refusal: Outcome | None = None
    """Of a batch of one row, which Zoho refuses in any request: the outcome if a search finds no record of
    it. An earlier request with the row may have been applied."""
    second: SecondWrite | None = None
    """The rows were in a batch before; now their records are updated by id."""
    resolved: bool = False
    """The ids that its records need were looked up."""
    appends: bool = False
    """It adds rows to records, to subforms and the like: see Target."""
    held_until: float | None = None
    """Until when its keys stay fenced although it is finished."""
    outcomes: list[Outcome] = field(default_factory=list)
    body: bytes = b""
    packed_body: bytes = b""
    """The body as the journal keeps it, where it was compressed ahead of time."""
    first_row: int = field(init=False)
    last_row: int = field(init=False)

    def __post_init__(self) -> None:
        numbers = [row.number for row in self.rows]
        self.first_row, self.last_row = min(numbers), max(numbers)

    @property
    def closes_circles(self) -> bool:
        """Whether it fills in references that close a circle."""
        return self.second in {"link", "relink"}

    @cached_property
    def has_open(self) -> bool:
        """Whether one of its rows has references."""
        return refer(self.rows)

    @cached_property
    def has_links(self) -> bool:
        """Whether references that close a circle were taken out of one of its rows."""
        return any(map(_links_of, self.rows))

    @cached_property
    def packed_rows(self) -> str:
        """Number, line and key of each row, as the journal keeps them."""
        return orjson.dumps([row[:3] for row in self.rows]).decode()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [row.record for row in self.rows]

    @property
    def fenced(self) -> list[str]:
        """The keys and other unique values of its rows."""
        return fenced_by(self.rows)

    def part(self, batch_id: int, rows: Iterable[PreparedRow]) -> Batch:
        """A new batch with some of these rows. It inherits what is known of the requests so far."""
        return Batch(
            id=batch_id,
            rows=list(rows),
            parent=self.id,
            sends=self.sends,
            first_intent=self.first_intent,
            doubted=self.doubted,
            server_errors=self.server_errors,
            open_answers=self.open_answers,
            looked_for=self.looked_for,
            refused_when=self.refused_when,
            blocked_when=self.blocked_when,
            second=self.second,
            resolved=self.resolved,
        )


class Place(NamedTuple):
    """The place of a row below level 0."""

    place: int
    number: int
    line: int
    level: int
    cut: bool
