"""What workers do with a batch, as tasks: send it, look up the ids that it needs, search for its records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zmigrate.engine.dispatch.sender import LookedUp, Searched, Sender, Sent, Written
from zmigrate.engine.model.batch import Batch
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.resolver import Resolver, settled
from zmigrate.engine.storage.recorded import pack_body


@dataclass(frozen=True, slots=True)
class Tasks:
    """Makes tasks. A task talks to Zoho and changes nothing here; the main thread takes its result."""

    sender: Sender
    resolver: Resolver

    @property
    def target(self) -> Target:
        return self.sender.target

    def must_look_up(self, batch: Batch) -> bool:
        """Whether the org has to be asked about a fresh batch before it can be sent."""
        if (self.target.looked_up or self.target.asks_first) and not batch.resolved:
            return True
        return batch.has_open and not all(map(settled, batch.rows))

    def make_body(self, batch: Batch) -> None:
        """Make what is sent and what the journal keeps ahead of time: a worker must not wait for it."""
        batch.body = self.sender.body(batch)
        batch.packed_body = pack_body(batch.body)
        _ = batch.packed_rows  # a cached property

    def look_up(self, batch: Batch) -> Callable[[], LookedUp]:
        """Raises UsageError if a reference names a field that does not exist."""
        wanted = self.resolver.wanted(batch.rows)
        return lambda: self.sender.look_up(batch, wanted)

    def search(self, batch: Batch) -> Callable[[], Searched]:
        return lambda: self.sender.search(batch)

    def send(self, batch: Batch) -> Callable[[], Written | Sent]:
        return lambda: self.sender.send(batch)
