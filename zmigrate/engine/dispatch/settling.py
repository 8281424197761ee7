"""The rules for what was sent and never answered: when to look, what to do then. Pure; the dispatcher carries
it out.

| recovery | a lost answer | after the settling time |
| --- | --- | --- |
| repeat | (the transport repeats it; from an earlier process: sent again) | – |
| resend | parked | the same batch again; what exists already is told apart by its id |
| query | parked | two looks apart; what both miss is sent again |
| report | the rows are in doubt | – |
"""

from __future__ import annotations

from dataclasses import dataclass

from zmigrate.engine.dispatch.sender import Searched
from zmigrate.engine.dispatch.verdicts import Verdict
from zmigrate.engine.model.batch import Batch, PreparedRow
from zmigrate.engine.model.outcomes import MOVED, Outcome, failed, lost
from zmigrate.errors import ApiError, InDoubt

SETTLE_RESET_S = 10.0
"""After a reset or a server error: how long Zoho may still be at work on the request."""

SETTLE_TIMEOUT_S = 60.0
"""After a timeout, and for a request of a process that is gone."""

SENDS_MAX = 10
"""A batch whose answer is lost this often is reported in doubt."""

SERVER_ERRORS_MAX = 2
"""Server errors for one batch, while Zoho answers others, before it is cut in halves."""

SERVER_ERRORS_OF_ONE_ROW_MAX = 5
"""Server errors for one row before it is given up: more, since there is nothing left to cut."""

SESSIONS_MAX = 3
"""A batch that is repeated at once and outlasts so many sessions is cut in halves."""

READS_APART = 0.5
"""The second look comes after this share of the settling time."""


@dataclass(frozen=True, slots=True)
class SettlingTime:
    """How long to wait before the fate of a request can be known; `override_s` (ZMIGRATE_SETTLE_S) is one
    number for all.
    """

    override_s: float | None = None

    def after(self, error: InDoubt) -> float:
        if self.override_s is not None:
            return self.override_s
        return SETTLE_TIMEOUT_S if error.timed_out else SETTLE_RESET_S

    @property
    def longest(self) -> float:
        return SETTLE_TIMEOUT_S if self.override_s is None else self.override_s

    @property
    def between_reads(self) -> float:
        return READS_APART * (SETTLE_RESET_S if self.override_s is None else self.override_s)


def halves(rows: list[PreparedRow]) -> list[list[PreparedRow]]:
    middle = (len(rows) + 1) // 2
    return [rows[:middle], rows[middle:]]


def groups(batch: Batch, missing: list[PreparedRow]) -> list[list[PreparedRow]]:
    """How rows that have to be sent again travel: together, or in halves.

    Halves, once the batch met server errors often enough while others did not.
    """
    return halves(missing) if suspect(batch) and len(missing) > 1 else [missing]


def suspect(batch: Batch) -> bool:
    """Whether one of the batch's records may be what makes Zoho fail."""
    return batch.server_errors >= SERVER_ERRORS_MAX and len(batch.rows) > 1


def given_up(batch: Batch) -> bool:
    alone = len(batch.rows) == 1 and batch.server_errors >= SERVER_ERRORS_OF_ONE_ROW_MAX
    each = batch.open_answers >= SERVER_ERRORS_OF_ONE_ROW_MAX  # each of its rows was answered so
    return alone or each or batch.sends >= SENDS_MAX


def hopeless(batch: Batch) -> str:
    """Why a batch that can't be looked for is given up."""
    if not batch.open_answers:
        return "the answer was lost again and again"
    return f"Zoho answered with an error of its own each of {batch.sends} times; the row may be written"


def whole_refusal(error: ApiError) -> Outcome:
    """The outcome of the one row that makes Zoho refuse any request that it is in."""
    return failed(error.code, None, f"Zoho refuses any request with this record: {error.message}")


def poisoned(batch: Batch) -> Outcome:
    return failed(
        "INTERNAL_ERROR",
        None,
        f"Zoho answered with a server error each of {batch.sends} times; the record is not there",
    )


@dataclass(frozen=True, slots=True)
class Settled:
    """What two looks into the org came to."""

    verdicts: list[Verdict]
    missing: list[PreparedRow]
    """Rows to send again; their verdicts say that they moved."""


def settle(batch: Batch, searched: Searched) -> Settled | None:
    """Decide after a look; None: look once more, since something was not found the first time."""
    if batch.misses == 0 and None in searched.verdicts:
        return None
    missing = [row for row, verdict in zip(batch.rows, searched.verdicts, strict=True) if verdict is None]
    return Settled([verdict or Verdict(MOVED) for verdict in searched.verdicts], missing)


def in_doubt(batch: Batch, reason: str) -> list[Outcome]:
    return [lost(reason)] * len(batch.rows)
