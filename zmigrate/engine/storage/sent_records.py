"""What a run sent in some fields, read back from its journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from zmigrate.engine.model.outcomes import Outcome, was_written
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.recorded import Numbered

Sent = tuple[Numbered, Outcome | None, dict[str, Any]]
"""A row, its outcome (None: not known yet), and the record that was sent."""


def records_written(journal: Journal, fields: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(id, record) of every record that was written, from batches that have one of these fields."""
    for _, outcome, record in _sent_with(journal, fields):
        if outcome is not None and was_written(outcome) and outcome.id:
            yield outcome.id, record


def _sent_with(journal: Journal, fields: Sequence[str]) -> Iterator[Sent]:
    marks = [f'"{name}":'.encode() for name in fields]
    for rows, content, outcomes in journal.sent():
        records = orjson.loads(content).get("data") if any(mark in content for mark in marks) else None
        if records is not None:
            ended: Sequence[Outcome | None] = outcomes or [None] * len(rows)
            yield from zip(rows, ended, records, strict=True)
