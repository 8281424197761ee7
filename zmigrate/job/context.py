"""What an author's own code uses while it runs, and how a job names the fields that it fills."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar, overload, runtime_checkable

if TYPE_CHECKING:
    from zmigrate.engine.runner.author_crm import AuthorCrm
    from zmigrate.engine.runner.known_ids import KnownIds
    from zmigrate.rows.sources import Source

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


@dataclass(frozen=True, slots=True)
class WrittenRecord:
    """What became of one record that `ctx.crm.insert`, `update`, `upsert` or `delete` sent."""

    action: Literal["created", "updated", "deleted", "failed", "in_doubt"]
    """`created`, `updated` or `deleted`; `failed` if Zoho refused it; `in_doubt` if the answer was lost, so
    that nobody knows."""
    id: str | None = None
    """The record's id, as far as Zoho told it."""
    code: str | None = None
    """Zoho's code for the refusal: `DUPLICATE_DATA`."""
    field: str | None = None
    """The field that was refused, by its API name."""
    message: str = ""

    @property
    def ok(self) -> bool:
        """Whether the record is in Zoho as it was sent; of a delete, whether it is gone."""
        return self.action not in {"failed", "in_doubt"}

    @property
    def in_doubt(self) -> bool:
        return self.action == "in_doubt"


@runtime_checkable
class Context(Protocol):
    """`ctx`, which `Job.run` gets: the API, loops that can be killed and resumed, and words for the results.

    Zoho's answer decides what became of a write through `ctx.crm`: a record that Zoho refused has failed,
    with code and reason in errors.csv, although the call raised nothing. Inside `each` the item is counted.
    Outside, each written record is a row of its own, and a resumed run, which runs the job from its start,
    writes it again.
    """

    @property
    def crm(self) -> AuthorCrm:
        """Zoho's API: `ctx.crm.insert("Leads", records)`, `ctx.crm.records("Deals", fields=["id"])`,
        `ctx.crm.get("/crm/v8/org")`."""

    @property
    def ids(self) -> KnownIds:
        """The id map, to be read: `ctx.ids.find("Accounts", "K7")` gives the id of the record that this or an
        earlier run wrote for the key, or None."""

    @overload
    def each(
        self, items: Source, *, key: str | Callable[[Mapping[str, Any]], object] = ...
    ) -> Iterator[Mapping[str, Any]]: ...

    @overload
    def each(self, items: Iterable[Item], *, key: str | Callable[[Item], object] = ...) -> Iterator[Item]: ...

    def each(self, items: Any, *, key: Any = "id") -> Iterator[Any]:
        """The items, with counting, progress, Ctrl-C and a cursor: a resumed run leaves out finished items.

        `items` is anything with items: records, a generator, a source such as `Csv(self.file)`. `key`
        identifies an item: the name of a field or attribute, or a function of the item. Plain values (texts,
        numbers, dates, tuples of these) identify themselves. An item whose key came before in this loop fails
        as repeated. Each item comes at least once: the one at work when a run is killed comes again. An item
        that an error left half done comes again only if its writes may be repeated (an update, an upsert);
        otherwise it has failed. An item with a write whose answer was lost is in doubt, whatever the job says
        about it, and does not come again.

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
        """Write a message to run.log, and to the screen with `--verbose`."""
