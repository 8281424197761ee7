"""Which row of a run a record belongs to, where Zoho's answer alone does not tell. Main thread only."""

from __future__ import annotations

from collections.abc import Sequence

from zmigrate.engine.dispatch.verdicts import Verdict, taken
from zmigrate.engine.model.batch import Batch
from zmigrate.engine.model.outcomes import Outcome, disputed, duplicate_in_source
from zmigrate.engine.model.target import Target
from zmigrate.engine.storage.journal import Journal


class Ownership:
    """Turns verdicts into outcomes, by what the journal has."""

    def __init__(self, journal: Journal, target: Target) -> None:
        self._journal = journal
        self._target = target

    def outcomes(self, batch: Batch, verdicts: Sequence[Verdict]) -> list[Outcome]:
        """The outcome of each row. A plain success needs no look into the journal; a claim holds once."""
        outcomes: list[Outcome] = []
        claimed: set[str | None] = set()
        for index, verdict in enumerate(verdicts):
            if verdict.unless_owned is None and not verdict.outcome.reasons:
                outcomes.append(verdict.outcome)
                continue
            outcome = self._checked(batch, index, verdict)
            if verdict.unless_owned is not None and outcome is verdict.outcome:
                if outcome.id in claimed:
                    outcome = verdict.unless_owned
                claimed.add(outcome.id)
            outcomes.append(outcome)
        return outcomes

    def _checked(self, batch: Batch, index: int, verdict: Verdict) -> Outcome:
        """The outcome of a row, once it is known that no other row of the run has its record."""
        outcome = verdict.outcome
        row = batch.rows[index]
        key = self._target.key
        if verdict.unless_owned is not None and outcome.id is not None:
            line = self._journal.line_that(disputed(outcome.action), outcome.id, row.number)
            outcome = outcome if line is None else verdict.unless_owned
        if outcome.id is not None and taken(outcome, key):
            updates = self._target.on_existing == "update"
            line = self._journal.line_that(
                ["created", "updated"] if updates else ["created"], outcome.id, row.number
            )
            if line is not None and self._target.on_repeated != "each":
                return duplicate_in_source(row.key, line, key, outcome.id)
        return outcome
