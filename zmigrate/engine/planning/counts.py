"""How many rows of a plan have which fate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlanCounts:
    """Rows by what would become of them. Every row that was read is in exactly one of the other counts."""

    rows: int
    creates: int = 0
    updates: int = 0
    unchanged: int = 0
    """Rows that say what the org has already. They are sent all the same."""
    deletes: int = 0
    skipped: int = 0
    refused: int = 0
    not_asked: int = 0
    """Rows whose records the org was not asked for."""

    @property
    def sent(self) -> int:
        """Rows that cost a place in a batch."""
        return self.creates + self.updates + self.unchanged + self.deletes + self.not_asked
