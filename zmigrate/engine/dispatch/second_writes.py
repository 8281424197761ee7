"""Second writes: rows whose records exist, made by the first write or there before, go on in a batch that
updates them by id. Main thread only.
"""

from __future__ import annotations

from zmigrate.engine.dispatch.in_flight import InFlight
from zmigrate.engine.dispatch.sender import Sender, existing
from zmigrate.engine.dispatch.verdicts import taken
from zmigrate.engine.model import deferred_links as links
from zmigrate.engine.model.batch import Batch, PreparedRow, SecondWrite
from zmigrate.engine.model.outcomes import MOVED, Outcome, linked_later
from zmigrate.engine.pipeline.resolver import Resolver


class SecondWrites:
    """Makes the batches of second writes, and knows when those that close circles may go."""

    def __init__(self, flight: InFlight, sender: Sender, resolver: Resolver) -> None:
        self._flight = flight
        self._sender = sender
        self._target = sender.target
        self._resolver = resolver

    def after(self, batch: Batch, outcomes: list[Outcome]) -> list[Batch]:
        """The batches in which rows of this one go on; their outcomes here become "moved"."""
        on_existing = None if batch.second else self._target.on_existing
        if batch.closes_circles or (on_existing is None and not batch.has_links):
            return []
        rows_of: dict[SecondWrite, list[PreparedRow]] = {"link": [], "relink": [], "update": []}
        key = self._target.key
        for index, (row, outcome) in enumerate(zip(batch.rows, outcomes, strict=True)):
            record_id = outcome.id
            if record_id is None:
                continue
            if row.links and outcome.action in {"created", "updated"}:
                second: SecondWrite = "link" if outcome.action == "created" else "relink"
                rows_of[second].append(links.link_row(row, record_id))
                outcomes[index] = linked_later(outcome)
            elif on_existing and taken(outcome, key):
                if on_existing == "update":
                    rows_of["update"].append(links.update_row(row, record_id, key))
                    outcomes[index] = Outcome("moved", record_id)
                else:
                    outcomes[index] = existing(self._target, record_id, f"{key} {row.key!r}", [record_id])
        return [self.of(rows, second) for second, rows in rows_of.items() if rows]

    def of(self, rows: list[PreparedRow], second: SecondWrite) -> Batch:
        """A batch that writes these rows a second time."""
        batch = Batch(
            id=self._flight.producer.take_id(), rows=rows, second=second, resolved=second == "update"
        )
        batch.body = self._sender.body(batch)
        return batch

    def close_circles(self) -> None:
        """Every record is there: fill in the references that close circles, and send them; what only the org
        can tell is asked first."""
        flight = self._flight
        unasked = [
            batch for batch in flight.links if not batch.resolved and self._resolver.wanted(batch.rows)
        ]
        if unasked:
            flight.ask_for_links(unasked)
            return
        resolved = [(batch, *self._resolver.resolve(batch.rows)) for batch in flight.links]
        flight.links.clear()
        latest = links.latest(rows for _, rows, _ in resolved)
        for batch, linked, open_ones in resolved:
            rows = links.without_overwritten(linked, latest)
            outcomes = {row.number: outcome for row, outcome in [*open_ones, *links.bare(rows)]}
            rows = [row for row in rows if row.number not in outcomes]
            flight.finish(batch, [outcomes.get(row.number, MOVED) for row in batch.rows])
            if rows:
                batch.resolved = True
                flight.queue(self._sender.part(batch, flight.producer.take_id(), rows))
