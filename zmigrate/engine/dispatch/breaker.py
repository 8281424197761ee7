"""The breaker stops a run that fails row after row with the same code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zmigrate.engine.dispatch.verdicts import speaks_of_org
from zmigrate.engine.model.batch import BREAKER_ROWS
from zmigrate.engine.model.outcomes import Outcome
from zmigrate.errors import BreakerOpen


@dataclass(slots=True)
class Breaker:
    """Watches the outcomes of one session.

    The breaker opens if the first `rows_max` rows all fail with one code, whatever the code is. Later it
    opens if so many rows in a row fail with one code that is about the org or the client. With `rows_max`
    None it never opens.
    """

    rows_max: int | None = BREAKER_ROWS
    _rows: int = 0
    _codes: tuple[str, ...] = ()
    _only_failures: bool = True
    """Every row of this session has failed, and with the same code."""
    _of_org: bool = False

    def see(self, outcomes: Sequence[Outcome]) -> None:
        """Count outcomes, in the order in which the rows got them. Rows that moved have no outcome yet."""
        if self.rows_max is None or self.open:
            return
        if not any(outcome.reasons for outcome in outcomes):  # most batches: everything was written
            if any(outcome.action != "moved" for outcome in outcomes):
                self._start_over()
            return
        for outcome in outcomes:
            self._see_one(outcome)
            if self.open:
                return

    def _see_one(self, outcome: Outcome) -> None:
        if outcome.action == "moved":
            return
        if outcome.action != "failed":
            self._start_over()
            return
        codes = outcome.codes
        if self._rows and codes != self._codes:
            self._start_over()
        self._codes = codes
        self._rows += 1
        self._of_org = speaks_of_org(outcome) is not None

    def _start_over(self) -> None:
        self._rows, self._codes, self._only_failures = 0, (), False

    @property
    def open(self) -> bool:
        many = self.rows_max is not None and self._rows >= self.rows_max
        return many and (self._only_failures or self._of_org)

    def error(self) -> BreakerOpen:
        """The error that ends the run."""
        which = "the first" if self._only_failures else "the last"
        return BreakerOpen(
            f"{which} {self._rows} rows of this session all failed, with {' and '.join(self._codes)}",
            hint="errors.csv has the reason. Fix it and start again, or resume with --keep-going.",
        )
