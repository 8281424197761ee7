"""Decides which row of the run owns a record when Zoho's answer is ambiguous. Main thread only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zmigrate.engine.dispatch.verdicts import Verdict, taken
from zmigrate.engine.model.batch import Batch, PreparedRow
from zmigrate.engine.model.outcomes import Outcome, disputed, duplicate_in_source
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.duplicates import in_another_case
from zmigrate.engine.storage.journal import Journal


@dataclass(frozen=True, slots=True)
class Ownership:
    """Turns verdicts into outcomes. The journal tells which records other rows of the run have written."""

    journal: Journal
    target: Target

    def outcomes(self, batch: Batch, verdicts: Sequence[Verdict]) -> list[Outcome]:
        """The outcome of each row. Of several rows that claim one record, the first gets it. A plain success
        is taken as it is, without a search in the journal."""
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
        """The outcome of a row, unless another row of the run has written its record."""
        outcome = verdict.outcome
        row = batch.rows[index]
        key = self.target.key
        if verdict.unless_owned is not None and outcome.id is not None:
            other = self.journal.row_that(disputed(outcome.action), outcome.id, row.number)
            outcome = outcome if other is None else verdict.unless_owned
        if outcome.id is not None and taken(outcome, key):
            updates = self.target.on_existing == "update"
            other = self.journal.row_that(
                ["created", "updated"] if updates else ["created"], outcome.id, row.number
            )
            if other is not None and self.target.on_repeated != "each":
                return self._repeated(row, *other)._replace(id=outcome.id)
        return outcome

    def _repeated(self, row: PreparedRow, line: int, key: str | None) -> Outcome:
        """The outcome of a row whose record a row with this key has written."""
        match = self.target.match
        if key is not None and match(key) != match(row.key or ""):
            return in_another_case(self.target, row, line, key)
        return duplicate_in_source(row.key, line, self.target.key)
