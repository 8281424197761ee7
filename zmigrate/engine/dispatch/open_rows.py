"""Rows that an answer to their batch left open: they go on in a batch of their own, in doubt, and are settled
like a lost answer. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from zmigrate.engine.dispatch.verdicts import LeftOpen, Verdict
from zmigrate.engine.model.batch import Batch, PreparedRow
from zmigrate.engine.model.outcomes import MOVED, Outcome, lost, zoho_says
from zmigrate.engine.model.target import Recovery


@dataclass(frozen=True, slots=True)
class OpenRows:
    """Rows of a batch that are open for the same reason. `why`: Zoho's words about the first of them."""

    left_open: LeftOpen
    why: str
    rows: list[PreparedRow] = field(default_factory=list)


def go_on(
    batch: Batch, verdicts: Sequence[Verdict], outcomes: list[Outcome], recovery: Recovery
) -> list[OpenRows]:
    """The rows that go on. Their outcomes become "moved"; without a way to find out more, "in doubt"."""
    parts: dict[LeftOpen, OpenRows] = {}
    for index, verdict in enumerate(verdicts):
        if verdict.left_open is None:
            continue
        said = verdict.outcome.reasons
        if recovery == "report":
            reason = "the row may be written, and has no key to look for"
            outcomes[index] = lost(reason, None, *zoho_says(said))
            continue
        why = ", ".join(f"{one.code}: {one.message}" for one in said)
        parts.setdefault(verdict.left_open, OpenRows(verdict.left_open, why)).rows.append(batch.rows[index])
        outcomes[index] = MOVED
    return list(parts.values())


def tells_nothing(batch: Batch, verdicts: Sequence[Verdict]) -> bool:
    """Whether an answer is as good as lost: it says of none of several rows whether it was applied.

    Rows that met this before are left out of account: they may be at fault, and not Zoho.
    """
    fresh = len(batch.rows) > 1 and not batch.open_answers
    return fresh and all(verdict.left_open == "unknown" for verdict in verdicts)
