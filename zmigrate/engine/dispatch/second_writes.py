"""Second writes: rows whose records exist, from the first write or from before the run, are updated by id.
Main thread only.
"""

from __future__ import annotations

from zmigrate.engine.dispatch.exchange import Exchange
from zmigrate.engine.dispatch.in_flight import InFlight
from zmigrate.engine.dispatch.sender import existing
from zmigrate.engine.dispatch.verdicts import taken
from zmigrate.engine.model import deferred_links
from zmigrate.engine.model.batch import Batch, PreparedRow, SecondWrite, nothing_to_write
from zmigrate.engine.model.outcomes import MOVED, Outcome, linked_later


class SecondWrites:
    """Makes the batches of second writes, and sends those that close circles once every record exists."""

    def __init__(self, in_flight: InFlight, exchange: Exchange) -> None:
        self._in_flight = in_flight
        self._sender = exchange.sender
        self._target = exchange.sender.target
        self._resolver = exchange.resolver

    def after(self, batch: Batch, outcomes: list[Outcome]) -> list[Batch]:
        """The batches in which rows of this one are written again. Their outcomes here become "moved"."""
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
                rows_of[second].append(deferred_links.link_row(row, record_id))
                outcomes[index] = linked_later(outcome)
            elif on_existing and taken(outcome, key):
                if on_existing == "update":
                    update = deferred_links.update_row(row, record_id, key)
                    if unchanged := nothing_to_write([update]):
                        outcomes[index] = unchanged[0][1]
                        continue
                    rows_of["update"].append(update)
                    outcomes[index] = Outcome("moved", record_id)
                else:
                    outcomes[index] = existing(self._target, record_id, f"{key} {row.key!r}", [record_id])
        return [self.of(rows, second) for second, rows in rows_of.items() if rows]

    def of(self, rows: list[PreparedRow], second: SecondWrite) -> Batch:
        """A batch that writes these rows a second time."""
        batch = Batch(
            id=self._in_flight.producer.take_id(), rows=rows, second=second, resolved=second == "update"
        )
        batch.body = self._sender.body(batch)
        return batch

    def close_circles(self) -> None:
        """Every record exists: fill in the references that close circles, and send them. References that only
        the org can resolve are looked up first."""
        in_flight = self._in_flight
        waiting = in_flight.waiting
        unasked = [batch for batch in waiting if not batch.resolved and self._resolver.wanted(batch.rows)]
        if unasked:
            in_flight.look_up_waiting(unasked)
            return
        resolved = [(batch, *self._resolver.resolve(batch.rows)) for batch in waiting]
        # Rows of one record may fill in one field each: a field is written by the last of them alone, since
        # these batches are sent at once, and the order in which Zoho applies them is not known.
        latest = deferred_links.latest(rows for _, rows, _ in resolved)
        for batch, linked, open_ones in resolved:
            rows = deferred_links.without_overwritten(linked, latest)
            outcomes = {row.number: outcome for row, outcome in [*open_ones, *deferred_links.bare(rows)]}
            rows = [row for row in rows if row.number not in outcomes]
            in_flight.finish(batch, [outcomes.get(row.number, MOVED) for row in batch.rows])
            if rows:
                batch.resolved = True
                in_flight.queue(self._sender.part(batch, in_flight.producer.take_id(), rows))
