"""What a hand-written job is given: the API, a log, and a loop with cursor, counting and Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from zmigrate.engine.journal import Journal
from zmigrate.engine.outcomes import SKIPPED, Outcome, Rows
from zmigrate.errors import JobError
from zmigrate.events import BatchDone, Event, EventHub, Log, RequestSent, RowsDecided, Tick
from zmigrate.stopping import StopSignal

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm

Item = TypeVar("Item")

FLUSH_S = 0.5
"""Finished items are written down this often; a crash repeats those since the last time."""

READS = ("GET", "HEAD")
COQL_PATH = "/coql"


class RunContext:
    """`ctx` of `Job.run`. A listener, too: it sees whether the body of a loop wrote anything."""

    def __init__(
        self, crm: Crm, journal: Journal, hub: EventHub, stop: StopSignal, limit: int | None = None
    ) -> None:
        self.crm = crm
        self.rows = Rows(**((journal.fact("progress") or {}).get("rows", {})))
        self.limited = False
        self._journal = journal
        self._hub = hub
        self._stop = stop
        self._limit = limit
        self._wrote = False
        self._loops = 0
        """Loops begun so far: the same item may come in several."""
        self._outcome: Outcome | None = None
        self._done: list[tuple[str, int, Outcome]] = []
        self._flushed_at = time.monotonic()
        hub.add(self._watch)

    def log(self, message: str) -> None:
        """Tell the person, and run.log."""
        self._hub.emit(Log("info", message))

    def skip(self, reason: str = "left out by the job") -> None:
        """Inside `each`: count this item as skipped."""
        self._outcome = Outcome("skipped", None, SKIPPED, None, reason)

    def fail(self, reason: str) -> None:
        """Inside `each`: count this item as failed, and go on with the next."""
        self._outcome = Outcome("failed", None, "FAILED", None, reason)

    def each(self, items: Iterable[Item], *, key: str = "id") -> Iterator[Item]:
        """The items one by one; `key` names what tells them apart (a key of a mapping, or an attribute).

        An item counts as updated if the loop's body wrote something through `ctx.crm`, else as unchanged;
        `ctx.skip` and `ctx.fail` say otherwise. A resumed run leaves out what was finished; the item at work
        when a run dies comes again: at least once for each item.
        """
        self._loops += 1
        loop, taken = self._loops, 0
        try:
            for item in items:
                self._stop.check()
                mark = f"{loop}:{_mark(item, key)}"
                if self._journal.has_item(mark) or any(mark == done for done, _, _ in self._done):
                    continue
                if self._limit is not None and taken >= self._limit:
                    self.limited = True
                    return
                taken += 1
                self._wrote, self._outcome = False, None
                yield item
                self._finish(mark, self._outcome or Outcome("updated" if self._wrote else "unchanged"))
        finally:
            self.flush()

    def _finish(self, mark: str, outcome: Outcome) -> None:
        self.rows.read += 1
        self.rows.add(outcome.action)
        self._done.append((mark, self.rows.read, outcome))
        if outcome.action == "skipped":
            self._hub.emit(RowsDecided(1, 0))
        else:
            self._hub.emit(BatchDone(self.rows.read, **{outcome.action: 1}))
        if time.monotonic() - self._flushed_at >= FLUSH_S:
            self.flush()
            self._hub.emit(Tick(0, 1, 0, None))

    def flush(self) -> None:
        """Write down what is finished."""
        self._flushed_at = time.monotonic()
        if self._done:
            with self._journal.transaction():
                for mark, number, outcome in self._done:
                    self._journal.put_item(mark, number, outcome)
                self._journal.put_fact("progress", {"rows": self.rows.to_json()})
            self._done.clear()

    def _watch(self, event: Event) -> None:
        if (
            isinstance(event, RequestSent)
            and event.method not in READS
            and not event.path.endswith(COQL_PATH)
        ):
            self._wrote = self._wrote or (event.status is not None and event.status < 300)


def _mark(item: Any, key: str) -> str:
    value = item.get(key) if isinstance(item, Mapping) else getattr(item, key, None)
    if value is None:
        raise JobError(
            f"an item of ctx.each has no {key!r}",
            hint='Name what tells the items apart: ctx.each(items, key="id").',
        )
    return str(value)
