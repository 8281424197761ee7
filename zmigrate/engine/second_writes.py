"""Rows whose records exist, and that are written a second time: by id, in a batch of their own. Pure."""

from __future__ import annotations

from zmigrate.engine import links
from zmigrate.engine.batch import Batch, Pending, Second
from zmigrate.engine.outcomes import Outcome, linked_later
from zmigrate.engine.sender import existing
from zmigrate.engine.target import Target
from zmigrate.engine.verdicts import taken


def second_rows(target: Target, batch: Batch, outcomes: list[Outcome]) -> dict[Second, list[Pending]]:
    """The rows that go on, by what they go on as: those with references that close a circle, and those of an
    insert whose key a record has that is to be updated. Their outcomes become "moved".
    """
    on_existing = None if batch.second else target.on_existing
    rows_of: dict[Second, list[Pending]] = {}
    if on_existing is None and not batch.has_links:
        return rows_of
    key = target.key
    for index, (row, outcome) in enumerate(zip(batch.rows, outcomes, strict=True)):
        record_id = outcome.id
        if record_id is None:
            continue
        if row.links and outcome.action in {"created", "updated"}:
            second: Second = "link" if outcome.action == "created" else "relink"
            rows_of.setdefault(second, []).append(links.link_row(row, record_id))
            outcomes[index] = linked_later(outcome)
        elif on_existing and taken(outcome, key):
            if on_existing == "update":
                rows_of.setdefault("update", []).append(links.update_row(row, record_id, key))
                outcomes[index] = Outcome("moved", record_id)
            else:
                outcomes[index] = existing(target, record_id, f"{key} {row.key!r}", [record_id])
    return rows_of
