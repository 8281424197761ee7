"""What an author's own code meets while it runs, and what it says of the fields that it fills."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm

Item = TypeVar("Item")


class Skip(Exception):
    """Raised by `transform`: leave this row out, for a reason. It is counted and listed as skipped."""

    reason: str = "left out by the job"

    def __init__(self, reason: str = reason) -> None:
        super().__init__(reason)
        self.reason = reason


class PointsAt(NamedTuple):
    """The module of the record that a field refers to, and by which field it is found, if that is said."""

    module: str
    by: str | None


class Fill(NamedTuple):
    """A field that a job fills, as far as that is known before the first row."""

    field: str
    columns: tuple[str, ...]
    """The columns that its value comes from; none for a constant."""
    said: str
    """Where that is said, for messages: `column 'stage'`, `old.toml:12: fields.Stage`."""
    points_at: PointsAt | None = None


class Context(Protocol):
    """What `Job.run` is given.

    Whatever the job writes through `ctx.crm` is judged by what Zoho answers: a record that Zoho refused has
    failed, with code and reason in errors.csv, although the call raised nothing. Inside `each` the item is
    what is counted. Outside of it each record that is written is a row of its own, and a resumed run, which
    runs the job from its start, writes it again.
    """

    @property
    def crm(self) -> Crm:
        """Zoho's API: `ctx.crm.get("/crm/v8/org")`, `ctx.crm.records("Deals", fields=["id"])`."""

    def each(self, items: Iterable[Item], *, key: str = "id") -> Iterator[Item]:
        """The items, with counting, progress, Ctrl-C and a cursor: a resumed run leaves out what was
        finished.

        `key` is what tells the items apart; an item whose key came before in this loop fails as repeated. At
        least once for each: the one at work when a run is killed comes again. One that an error has left half
        done comes again only if its writes may be made again (a PUT, an upsert); else it has failed. One with
        a write whose answer was lost is in doubt, whatever the job says of it then, and does not come again.

        The work on an item has to be done when the loop takes the next one: the item is finished then. So
        write `for item in ctx.each(items):` with the writes in its body, and not `list(ctx.each(items))`, nor
        batches or a thread pool that go on with an item after the loop has left it.

        A loop is known by the text of the line that calls `each`, so that a resume begins the loop anew where
        that line was changed; where one line makes several loops, they are counted in their order.
        """

    def skip(self, reason: str = ...) -> None:
        """Count this item of `each` as skipped, whatever it wrote. The reason is in skipped.csv."""

    def fail(self, reason: str) -> None:
        """Count this item of `each` as failed, whatever it wrote, and go on with the next. The reason is in
        errors.csv."""

    def log(self, message: str) -> None:
        """Tell the person, and the run's log."""
