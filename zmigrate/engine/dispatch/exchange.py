"""What the main thread and the workers do about a batch: the seam between a run and a plan.

In a run a worker asks Zoho, and the main thread concludes from the answer as it comes. In a plan a worker
asks the org for what the plan's model of it lacks, and the main thread concludes from the model's answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from zmigrate.engine.dispatch.sender import Sender
from zmigrate.engine.model.batch import Batch
from zmigrate.engine.pipeline.resolver import Resolver, settled
from zmigrate.engine.storage.recorded import pack_body
from zmigrate.zoho.workers import Finished

Task = Callable[[], object]
"""Runs on a worker."""


class Exchange(Protocol):
    """Everything but the tasks runs on the main thread."""

    @property
    def sender(self) -> Sender: ...

    @property
    def resolver(self) -> Resolver: ...

    def must_look_up(self, batch: Batch) -> bool:
        """Whether the org has to be asked about a fresh batch before it can be sent."""

    def make_body(self, batch: Batch) -> None:
        """Make ahead of time what is sent and what the journal keeps."""

    def send(self, batch: Batch) -> Task: ...

    def look_up(self, batch: Batch) -> Task:
        """Raises UsageError if a reference names a field that does not exist."""

    def search(self, batch: Batch) -> Task: ...

    def conclude(self, finished: Sequence[Finished[Batch]]) -> Sequence[Finished[Batch]]:
        """What to take from finished tasks now: their own values, or what was made of them."""


@dataclass(frozen=True, slots=True)
class WithZoho:
    """The exchange of a run."""

    sender: Sender
    resolver: Resolver

    def must_look_up(self, batch: Batch) -> bool:
        target = self.sender.target
        if (target.looked_up or target.asks_first) and not batch.resolved:
            return True
        return batch.has_open and not all(map(settled, batch.rows))

    def make_body(self, batch: Batch) -> None:
        """A worker must not wait for it."""
        batch.body = self.sender.body(batch)
        batch.packed_body = pack_body(batch.body)
        _ = batch.packed_rows  # a cached property

    def send(self, batch: Batch) -> Task:
        return lambda: self.sender.send(batch)

    def look_up(self, batch: Batch) -> Task:
        wanted = self.resolver.wanted(batch.rows)
        return lambda: self.sender.look_up(batch, wanted)

    def search(self, batch: Batch) -> Task:
        return lambda: self.sender.search(batch)

    def conclude(self, finished: Sequence[Finished[Batch]]) -> Sequence[Finished[Batch]]:
        return finished
