"""The rules for requests that may have been applied: when to look, and what to do then. Pure; `Completions`
carries them out.

| recovery | a lost answer | after the settling time |
| --- | --- | --- |
| repeat | the transport repeats the request; the next session sends a batch of an earlier process again | – |
| resend | the batch is parked | the same batch is sent again; ids tell which records exist already |
| query | the batch is parked | two searches, a while apart; rows that both miss are sent again |
| report | the rows end in doubt | – |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeGuard

from zmigrate.engine.dispatch.sender import Searched
from zmigrate.engine.dispatch.verdicts import LeftOpen, Verdict
from zmigrate.engine.model.batch import Batch, PreparedRow
from zmigrate.engine.model.outcomes import MOVED, Outcome, failed, lost, zoho_says
from zmigrate.engine.model.target import Recovery, Target
from zmigrate.errors import ApiError, InDoubt, PausedError, RefusedError
from zmigrate.stopping import StopRequested
from zmigrate.zoho.barriers import BLOCK_PAGE

SETTLE_RESET_S = 10.0
"""After a reset or a server error: how long Zoho may still be at work on the request."""

SETTLE_TIMEOUT_S = 60.0
"""After a timeout, and for a request of a process that has ended."""

SENDS_MAX = 10
"""A batch whose answer is lost this often is given up: its rows end in doubt."""

SERVER_ERRORS_MAX = 2
"""Server errors for one batch, while Zoho answers others, before the batch is cut in halves."""

SERVER_ERRORS_OF_ONE_ROW_MAX = 5
"""Server errors for one row before it is given up. More than for a batch, since a row can't be cut."""

SESSIONS_MAX = 3
"""A batch that the transport repeats, and that was not answered in so many sessions, is cut in halves."""

READS_APART = 0.5
"""The second search comes after this share of the settling time."""


@dataclass(frozen=True, slots=True)
class SettlingTime:
    """How long to wait before the fate of a request can be known, in seconds. `override_s`
    (ZMIGRATE_SETTLE_S) is one number for all cases.
    """

    override_s: float | None = None

    def after(self, error: InDoubt) -> float:
        """After this error."""
        if self.override_s is not None:
            return self.override_s
        return SETTLE_TIMEOUT_S if error.timed_out else SETTLE_RESET_S

    @property
    def longest(self) -> float:
        """After any error."""
        return SETTLE_TIMEOUT_S if self.override_s is None else self.override_s

    @property
    def between_reads(self) -> float:
        """Between two searches for the same records."""
        return READS_APART * (SETTLE_RESET_S if self.override_s is None else self.override_s)


# -- a request that failed ------------------------------------------------------------------------


def was_not_applied(error: BaseException) -> bool:
    """Whether the error says that Zoho has applied no attempt of the request.

    The transport repeats requests. If the first attempt was lost and the second is refused, the first may
    have been applied: the error says so. A stop that comes then is raised as InDoubt.
    """
    refused = isinstance(error, (RefusedError, ApiError, PausedError)) and not error.maybe_applied
    return refused or isinstance(error, StopRequested)


class NextStep(NamedTuple):
    """What to do with a batch in doubt once its settling time is over."""

    kind: Literal["search", "resend", "halve", "give_up"]
    why: str = ""


def next_step(batch: Batch, target: Target) -> NextStep:
    """The step for a parked batch, which goes to this target."""
    if target.recovery == "query" or batch.refusal is not None:
        return NextStep("search")
    if target.recovery == "resend":
        return _resend_or_not(batch, target)
    if batch.open_answers and given_up(batch):
        return NextStep("give_up", hopeless(batch))
    # Within a session the transport repeats such a request until it is answered. A batch that was sent in
    # several sessions, and never answered, may be what makes Zoho fail.
    if batch.sends >= SESSIONS_MAX and not (batch.open_answers or batch.looked_for):
        return NextStep("halve", "it was never answered, in several sessions")
    return NextStep("resend")


def _resend_or_not(batch: Batch, target: Target) -> NextStep:
    if not (given_up(batch) or suspect(batch)):
        return NextStep("resend")
    # A search shows which rows were written; to send the batch again would most likely fail once more.
    if target.searchable:
        return NextStep("search")
    return NextStep("give_up", hopeless(batch)) if given_up(batch) else NextStep("halve", SERVER_ERRORS)


SERVER_ERRORS = "server errors for this batch alone"


def halves(rows: list[PreparedRow]) -> list[list[PreparedRow]]:
    """The rows in two halves, to find the one at fault. Of an odd number the first has one more."""
    middle = (len(rows) + 1) // 2
    return [rows[:middle], rows[middle:]]


def groups(batch: Batch, missing: list[PreparedRow]) -> list[list[PreparedRow]]:
    """The batches in which rows that a search did not find are sent again: one, or two halves if one of the
    rows may be what makes Zoho fail."""
    return halves(missing) if suspect(batch) and len(missing) > 1 else [missing]


def suspect(batch: Batch) -> bool:
    """Whether one of the batch's records may be what makes Zoho fail."""
    return batch.server_errors >= SERVER_ERRORS_MAX and len(batch.rows) > 1


def given_up(batch: Batch) -> bool:
    """Whether the batch was sent often enough, and is not sent again."""
    alone = len(batch.rows) == 1 and batch.server_errors >= SERVER_ERRORS_OF_ONE_ROW_MAX
    each = batch.open_answers >= SERVER_ERRORS_OF_ONE_ROW_MAX  # each of its rows was answered so
    return alone or each or batch.sends >= SENDS_MAX


def hopeless(batch: Batch) -> str:
    """Why a batch is given up that can't be searched for."""
    if not batch.open_answers:
        return "the answer was lost again and again"
    return f"Zoho answered with an error of its own each of {batch.sends} times; the row may be written"


def whole_refusal(error: ApiError) -> Outcome:
    """The outcome of a row that makes every request with it refused, or blocked on its way to Zoho."""
    if is_blocked(error):
        message = f"no request with this record gets through: {error.message}"
        return failed(error.code, None, message, remedy=error.hint)
    return failed(error.code, None, f"Zoho refuses any request with this record: {error.message}")


def look_up_blocked(error: ApiError) -> Outcome:
    """The outcome of a row whose look-up is blocked on its way to Zoho."""
    message = f"what the row looks for can't be asked: {error.message}"
    return failed(error.code, None, message, remedy=error.hint)


def search_blocked(error: ApiError) -> Outcome:
    """The outcome of a row in doubt whose search is blocked on its way to Zoho."""
    return lost(f"the answer was lost, and the look-up is blocked: {error.message}", remedy=error.hint)


def is_blocked(error: BaseException) -> TypeGuard[ApiError]:
    """Whether a firewall's page came in Zoho's place."""
    return isinstance(error, ApiError) and error.code == BLOCK_PAGE


def outcome_if_absent(batch: Batch) -> Outcome | None:
    """The outcome of rows that a search did not find; None: they are sent again."""
    if batch.refusal is not None:
        return batch.refusal
    if not given_up(batch):
        return None
    # After server errors the search shows that no request was applied. After lost answers alone it does not:
    # the last request may still arrive.
    return _poisoned(batch) if batch.server_errors or batch.open_answers else lost(hopeless(batch))


def _poisoned(batch: Batch) -> Outcome:
    """The outcome of a row for which Zoho has a server error each time."""
    return failed(
        "INTERNAL_ERROR",
        None,
        f"Zoho answered with a server error each of {batch.sends} times; the record is not there",
    )


# -- a search in the org --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settled:
    """The result of two searches in the org."""

    verdicts: list[Verdict]
    missing: list[PreparedRow]
    """Rows that neither search found; their verdicts say that they moved."""


def settle(batch: Batch, searched: Searched) -> Settled | None:
    """Decide after a search. None: search once more, since the first search did not find every record, and
    Zoho may be slow to show one."""
    if batch.misses == 0 and None in searched.verdicts:
        return None
    missing = [row for row, verdict in zip(batch.rows, searched.verdicts, strict=True) if verdict is None]
    return Settled([verdict or Verdict(MOVED) for verdict in searched.verdicts], missing)


def in_doubt(batch: Batch, reason: str) -> list[Outcome]:
    """The outcomes of a batch whose rows all end in doubt."""
    return [lost(reason)] * len(batch.rows)


# -- an answer that leaves rows open --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenRows:
    """Rows of a batch that its answer left open for the same reason: nobody knows whether they were written.
    They go on in a batch of their own, in doubt, as after a lost answer. `why`: Zoho's words about the first.
    """

    left_open: LeftOpen
    why: str
    rows: list[PreparedRow] = field(default_factory=list)


def open_rows(
    batch: Batch, verdicts: Sequence[Verdict], outcomes: list[Outcome], recovery: Recovery
) -> list[OpenRows]:
    """The rows that an answer left open. Their outcomes become "moved", or "in doubt" where nothing can be
    found out about them."""
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
    """Whether an answer is as good as lost: it says of none of several rows whether the row was written.

    A batch that got such an answer before does not count: its rows may be at fault, and not Zoho.
    """
    fresh = len(batch.rows) > 1 and not batch.open_answers
    return fresh and all(verdict.left_open == "unknown" for verdict in verdicts)
