"""Look-ups that a firewall blocks: halved until the one row is left whose text is blocked.

Main thread only.
"""

from __future__ import annotations

from zmigrate.engine.dispatch import settling
from zmigrate.engine.dispatch.in_flight import InFlight
from zmigrate.engine.model.batch import Batch
from zmigrate.errors import ApiError
from zmigrate.events import BatchSplit, Emit


class BlockedLookUps:
    """The rows whose look-up is blocked. Each fails alone if Zoho answers another look-up or search
    meanwhile; if it answers none, the reason is another, and the second such row stops the run."""

    def __init__(self, in_flight: InFlight, emit: Emit) -> None:
        self._in_flight = in_flight
        self._emit = emit
        self._set_aside: list[tuple[Batch, ApiError]] = []
        self._answers = 0
        """Look-ups and searches that Zoho answered, in this session."""

    def note_answer(self) -> None:
        """Zoho answered a look-up or a search."""
        self._answers += 1

    def others_answered(self, batch: Batch) -> bool:
        """Whether Zoho answered others since the batch, or its first parent, was blocked."""
        if batch.blocked_when is None:
            batch.blocked_when = self._answers
        return self._answers > batch.blocked_when

    def take(self, batch: Batch, error: ApiError) -> bool:
        """Halve the batch, or set its only row aside. Returns whether everything seems to be blocked."""
        to_blame = self.others_answered(batch)
        if len(batch.rows) > 1:
            take_id = self._in_flight.producer.take_id
            parts = [batch.part(take_id(), rows) for rows in settling.halves(batch.rows)]
            self._in_flight.replace(batch, *reversed(parts), looked_up=False)
            self._emit(BatchSplit(batch.id, len(batch.rows), error.message))
            return False
        self._in_flight.set_aside(batch)
        self._set_aside.append((batch, error))
        if to_blame:
            self.blame()
        return len(self._set_aside) > 1

    def blame(self) -> None:
        """The rows that were set aside are at fault: they fail."""
        for batch, error in self._set_aside:
            self._in_flight.end_row(batch.rows[0], settling.look_up_blocked(error))
            self._in_flight.replace(batch)
        self._set_aside.clear()
