"""What an author's own code meets while it runs, and what it says of the fields that it fills."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm

Item = TypeVar("Item")


class Skip(Exception):
    """Raised by `transform`: leave this row out, for a reason. It is counted and listed as skipped."""

    def __init__(self, reason: str = "left out by the job") -> None:
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
    """What `Job.run` is given."""

    @property
    def crm(self) -> Crm:
        """Zoho's API: `ctx.crm.get("/crm/v8/org")`, `ctx.crm.records("Deals", fields=["id"])`."""

    def each(self, items: Iterable[Item], *, key: str = "id") -> Iterator[Item]:
        """The items, with counting, progress, Ctrl-C and a cursor: a resumed run leaves out what was
        finished.

        `key` is what tells the items apart. At least once for each: the one at work when a run dies comes
        again.
        """

    def skip(self, reason: str = ...) -> None:
        """Inside `each`: count this item as skipped."""

    def fail(self, reason: str) -> None:
        """Inside `each`: count this item as failed, and go on with the next."""

    def log(self, message: str) -> None:
        """Tell the person, and the run's log."""
