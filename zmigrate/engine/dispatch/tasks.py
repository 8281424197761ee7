"""What has to be done with a batch before a worker can send it. Main thread only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zmigrate.engine.dispatch.sender import LookedUp, Sender
from zmigrate.engine.model.batch import Batch
from zmigrate.engine.pipeline.resolver import Resolver, settled
from zmigrate.engine.storage.recorded import pack_body


@dataclass(frozen=True, slots=True)
class Tasks:
    """Makes bodies and look-ups. Whatever `sender` and the look-ups do is for workers."""

    sender: Sender
    resolver: Resolver

    def must_look_up(self, batch: Batch) -> bool:
        """Whether the org has to be asked about a fresh batch before it can be sent."""
        target = self.sender.target
        if (target.looked_up or target.asks_first) and not batch.resolved:
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
