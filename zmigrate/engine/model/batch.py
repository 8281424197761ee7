"""A batch: up to 100 records that travel in one request, and the rows that they came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
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

BatchState = Literal["queued", "sent", "done"]


SecondWrite = Literal["link", "relink", "update"]
"""A second write of rows whose records exist: the reference that closes a circle, of a record that the first
write created (link) or updated (relink); or what a record that was there before is to become (update)."""


class Link(NamedTuple):
    """A field of a record whose value refers to a record that does not exist yet."""

    field: str
    value: Any
    """JSON with `OpenId`s in it."""


class PreparedRow(NamedTuple):
    """A row on its way: read, transformed, typed; not sent yet."""

    number: int
    line: int
    key: str | None
    folded: str | None
    record: dict[str, Any]
    source: Mapping[str, Any] | None = None
    """The row as it was read, kept only where the source can't be read again."""
    open: tuple[OpenId, ...] = ()
    """References of the record that wait for their ids."""
    links: tuple[Link, ...] = ()
    """References that close a circle: taken out of the record, and written once all its rows are there."""


def refer(rows: Iterable[PreparedRow]) -> bool:
    """Whether one of the rows has references. Most have none, which this tells at little cost."""
    return any(map(_open_of, rows))


_open_of = attrgetter("open")
_links_of = attrgetter("links")


@dataclass(eq=False)
class Batch:
    """One request's worth of rows.

    `first_intent` and `held_until` are epoch seconds: the former on Zoho's clock (the earliest that it can
    have been), the latter on ours. A batch that is sent again keeps its `first_intent`, since the first
    request may have been applied.
    """

    id: int
    rows: list[PreparedRow]
    parent: int | None = None
    state: BatchState = "queued"
    sends: int = 0
    first_intent: float | None = None
    sent_at: float | None = None
    doubted: bool = False
    """Sent before, and the fate of that request is not known."""
    due_at: float = 0.0
    misses: int = 0
    """Reads that did not find all of its rows."""
    server_errors: int = 0
    open_answers: int = 0
    """Answers that left open what became of its rows, one after the other."""
    looked_for: bool = False
    """Since the last of its requests that was lost, its rows were looked for, and not found."""
    searching: bool = False
    """A worker looks for its rows in the org, to settle it."""
    search_failures: int = 0
    refused_when: int | None = None
    """How many requests had been accepted when this one, or its first parent, was refused as a whole."""
    refusal: Outcome | None = None
    """What its only row comes to, if a look into the org finds no record of it: Zoho refuses any request with
    the row, and an earlier one may have been applied."""
    second: SecondWrite | None = None
    """Its rows were in a batch before, and are updated by id now."""
    resolved: bool = False
    """Its records carry the ids that their keys were looked up for."""
    appends: bool = False
    """It adds rows to records, those of subforms and the like: see Target."""
    held_until: float | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    body: bytes = b""
    packed_body: bytes = b""
    """The body as the journal keeps it, where it was made ahead."""
    first_row: int = field(init=False)
    last_row: int = field(init=False)

    def __post_init__(self) -> None:
        numbers = [row.number for row in self.rows]
        self.first_row, self.last_row = min(numbers), max(numbers)

    @property
    def closes_circles(self) -> bool:
        return self.second in {"link", "relink"}

    @property
    def links_wait(self) -> bool:
        """It waits until every record is there: what is sent then is cut from it."""
        return self.closes_circles and self.parent is None

    @cached_property
    def has_open(self) -> bool:
        """Whether one of its rows has references."""
        return refer(self.rows)

    @cached_property
    def has_links(self) -> bool:
        """Whether one of its rows goes without references that close a circle."""
        return any(map(_links_of, self.rows))

    @cached_property
    def packed_rows(self) -> str:
        """Number, line and key of each row, as the journal keeps them."""
        return orjson.dumps([row[:3] for row in self.rows]).decode()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [row.record for row in self.rows]

    @property
    def folded_keys(self) -> list[str]:
        return [row.folded for row in self.rows if row.folded is not None]

    def finish(self, outcomes: list[Outcome]) -> None:
        self.outcomes = outcomes
        self.state = "done"

    def part(self, batch_id: int, rows: Iterable[PreparedRow]) -> Batch:
        """A new batch with some of these rows, which inherits what is known of the requests so far."""
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
            second=self.second,
            resolved=self.resolved,
        )


class Place(NamedTuple):
    """Where a row below level 0 stands."""

    place: int
    number: int
    line: int
    level: int
    cut: bool
