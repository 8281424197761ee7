"""Outcomes of a hand-written job's writes, and of the items that the writes belong to. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zmigrate.engine.dispatch.verdicts import Verdict, org_full, read_answer
from zmigrate.engine.dispatch.zoho_reasons import refusal, zoho_reasons
from zmigrate.engine.model.batch import Batch, PreparedRow
from zmigrate.engine.model.outcomes import (
    DUPLICATE_DATA,
    FOUND_BY_ANOTHER_FIELD,
    HALF_DONE,
    Action,
    Outcome,
    failed,
    lost,
    zoho_says,
)
from zmigrate.engine.model.target import Target
from zmigrate.errors import InDoubt, OrgFull
from zmigrate.events import CallFailed, WriteAnswered
from zmigrate.job.writes import Operation
from zmigrate.reasons import Reason
from zmigrate.stopping import StopRequested
from zmigrate.wording import counted, words_of
from zmigrate.zoho.ids import id_text
from zmigrate.zoho.paths import taken_apart

REASONS_KEPT = 10
"""How many reasons an item keeps: each of its records may be refused for another one."""

_BEST: tuple[Action, ...] = ("created", "updated", "deleted")
"""If an item did several things, the first of these names its outcome."""

_A_RECORD = PreparedRow(1, 1, None, None, {})
"""A row that only says that there is a record: what was sent, and when, is not known."""


def outcomes_of(event: WriteAnswered) -> list[Outcome]:
    """The outcome of each record or thing of a write; "updated" if Zoho only says that all is well."""
    if event.operation is None:
        return [_of_a_thing(element) for element in event.elements] or [Outcome("updated")]
    if not event.elements:
        return []
    module = taken_apart(event.path).module or ""
    return outcomes_of_records(module, event.operation, event.elements, event.doubted)


def outcomes_of_records(
    module: str, operation: Operation, elements: Sequence[Any], doubted: bool, match_on: str | None = None
) -> list[Outcome]:
    """The outcome of each record of a write. `doubted`: the answer to an earlier attempt was lost.
    `match_on`: the field by which an upsert was to find records; None if none was named, or if it is not
    known.
    """
    target = Target(module, operation, match_on, "none", str)
    batch = Batch(0, [_A_RECORD] * len(elements))
    verdicts = read_answer(target, batch, elements, doubted, None)
    outcomes = [_outcome(verdict, doubted) for verdict in verdicts]
    return outcomes if match_on is not None else list(map(_by_any_field, outcomes))


def _by_any_field(outcome: Outcome) -> Outcome:
    """Without a field that was named, none is another one."""
    return outcome._replace(reasons=()) if outcome.codes == (FOUND_BY_ANOTHER_FIELD,) else outcome


def _outcome(verdict: Verdict, doubted: bool) -> Outcome:
    """Nothing is looked up for a hand-written job: an open question means in doubt."""
    outcome = verdict.outcome
    if verdict.left_open is not None:
        return _in_doubt(outcome, "Zoho does not say whether it was written")
    exists = outcome.action == "failed" and DUPLICATE_DATA in outcome.codes
    if verdict.question is not None or (doubted and exists):
        return _in_doubt(outcome, "it was sent twice, since the first answer was lost")
    return outcome


def _in_doubt(refused: Outcome, why: str) -> Outcome:
    return lost(why, None, *zoho_says(refused.reasons))._replace(id=refused.id)


def _of_a_thing(element: Mapping[str, Any]) -> Outcome:
    """The outcome of a tag, a setting, or a record that an action was for."""
    if element.get("status") == "error":
        return refusal(zoho_reasons(element, ""), "")
    details = element.get("details")
    return Outcome("updated", id_text(details.get("id")) if isinstance(details, dict) else None)


def full_org(outcomes: Sequence[Outcome]) -> OrgFull | None:
    """The error that ends the run if a record was refused because the org is full."""
    return next(filter(None, map(org_full, outcomes)), None)


def failure_of(event: CallFailed) -> Outcome:
    """The outcome of each record of a write that failed as a whole."""
    error = event.error
    if isinstance(error, InDoubt) or error.maybe_applied:
        return lost(error.message)
    return failed(error.code, None, error.message)


@dataclass(slots=True)
class Tally:
    """What became of one item so far."""

    said: Outcome | None = None
    """The outcome by `ctx.skip` or `ctx.fail`."""
    written: int = 0
    """Records, or other things, that Zoho accepted."""
    would_double: bool = False
    """A record would be there twice if the item were done again."""
    in_doubt: bool = False
    """The answer to a write that must not be repeated was lost."""
    _best: Outcome | None = None
    _lost: Outcome | None = None
    _refused: int = 0
    _reasons: dict[Reason, None] = field(default_factory=dict)
    """The first reasons, each once."""

    @property
    def wrote(self) -> bool:
        """Whether it tried to write."""
        return bool(self.written or self._lost or self._refused)

    def add(self, outcome: Outcome, *, repeatable: bool = True) -> None:
        """Add one record, or other thing. `repeatable`: its write may be made twice without harm."""
        if outcome.action == "in_doubt":
            self._lost = self._lost or outcome
            self.in_doubt |= not repeatable
        elif outcome.action == "failed":
            self._refuse(outcome)
        else:
            self.written += 1
            self.would_double |= not repeatable
            if self._best is None or _BEST.index(outcome.action) < _BEST.index(self._best.action):
                self._best = outcome

    def _refuse(self, outcome: Outcome) -> None:
        self._refused += 1
        if len(self._reasons) < REASONS_KEPT:
            self._reasons |= dict.fromkeys(outcome.reasons)

    def outcome(self) -> Outcome:
        """The item's outcome.

        A lost answer counts most: what is in doubt must not be taken for failed and done again. Then what
        the author said, then a refusal, then what was written.
        """
        if self._lost is not None:
            reasons = () if self.said is None else self.said.reasons
            said = (Reason("", None, f"the job says: {reason.message}") for reason in reasons)
            return self._lost._replace(reasons=(*self._lost.reasons, *said))
        if self.said is not None:
            return self.said
        if self._refused:
            return self._failed()
        return self._best or Outcome("unchanged")

    def half_done(self, why: BaseException) -> Outcome:
        """The item's outcome if the run ended during it, and it must not come again."""
        ended = words_of(why) or ("it was stopped" if isinstance(why, StopRequested) else type(why).__name__)
        refused = f", {self._refused:,} refused" if self._refused else ""
        best = None if self._best is None else self._best.id
        which = "" if best is None else f" (id {best})" if self.written == 1 else f" (one has the id {best})"
        reason = Reason(
            HALF_DONE,
            None,
            f"{counted(self.written, 'record')} written{refused}{which} when the run ended ({ended})",
            remedy="A resume skips this item, so that nothing is written twice:"
            " check whether anything is missing",
        )
        return Outcome("failed", best, (reason, *zoho_says(self._reasons)))

    def _failed(self) -> Outcome:
        records = self._refused + self.written
        count = Reason("", None, f"of this item's {records:,} records, Zoho refused {self._refused:,}")
        return Outcome("failed", None, (*self._reasons, *([count] if records > 1 else ())))
