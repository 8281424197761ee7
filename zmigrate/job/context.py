"""What an author's own code uses while it runs, and how a job names the fields that it fills."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm

Item = TypeVar("Item")


class Skip(Exception):
    """Raised by `transform` to leave a row out, with a reason. The row is counted and listed as skipped."""

    reason: str = "left out by the job"

    def __init__(self, reason: str = reason) -> None:
        super().__init__(reason)
        self.reason = reason


class PointsAt(NamedTuple):
    """The module that a field refers to, and the field by which its record is found, if declared."""

    module: str
    by: str | None


class Fill(NamedTuple):
    """A field that a job fills, as far as is known before the first row."""

    field: str
    columns: tuple[str, ...]
    """The columns of its value; none for a constant."""
    said: str
    """Where the job says so, for messages: `column 'stage'`, `old.toml:12: fields.Stage`."""
    points_at: PointsAt | None = None
    by_itself: bool = False
    """Nobody named the field: the column has its name."""


class Context(Protocol):
    """What `Job.run` gets.

    Zoho's answer decides what became of a write through `ctx.crm`: a record that Zoho refused has failed,
    with code and reason in errors.csv, although the call raised nothing. Inside `each` the item is counted.
    Outside, each written record is a row of its own, and a resumed run, which runs the job from its start,
    writes it again.
    """

    @property
    def crm(self) -> Crm:
        """Zoho's API: `ctx.crm.get("/crm/v8/org")`, `ctx.crm.records("Deals", fields=["id"])`."""

    def each(self, items: Iterable[Item], *, key: str = "id") -> Iterator[Item]:
        """The items, with counting, progress, Ctrl-C and a cursor: a resumed run leaves out finished items.

        `key` identifies an item; an item whose key came before in this loop fails as repeated. Each item
        comes at least once: the one at work when a run is killed comes again. An item that an error left half
        done comes again only if its writes may be repeated (a PUT, an upsert); otherwise it has failed. An
        item with a write whose answer was lost is in doubt, whatever the job says about it, and does not come
        again.

        An item counts as finished when the loop takes the next one. So write `for item in ctx.each(items):`
        with the writes in its body; no `list(ctx.each(items))`, and no batches or thread pools that go on
        with an item later.

        A loop is known by the text of its line: if the line was changed, a resume starts the loop again.
        Several loops on one line are counted in their order.
        """

    def skip(self, reason: str = ...) -> None:
        """Count this item of `each` as skipped, whatever it wrote. skipped.csv has the reason."""

    def fail(self, reason: str) -> None:
        """Count this item of `each` as failed, whatever it wrote, and go on. errors.csv has the reason."""

    def log(self, message: str) -> None:
        """Show a message to the person, and write it into the run's log."""
