"""What can become of a row and of a run: outcomes, counts, states. Nothing is stored or sent here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

from zmigrate.reasons import Reason

Action = Literal["created", "updated", "unchanged", "deleted", "skipped", "failed", "in_doubt", "moved"]

ACTIONS: tuple[Action, ...] = (
    "created",
    "updated",
    "unchanged",
    "deleted",
    "skipped",
    "failed",
    "in_doubt",
)
"""The final actions. A row that `moved` goes on in a batch that was cut from this one."""

KNOWN_BY_ID = frozenset(["created", "updated", "unchanged", "skipped", "moved"])
"""Actions of rows whose record exists and whose outcome has its id."""

DUPLICATE_IN_SOURCE = "DUPLICATE_IN_SOURCE"
EMPTY_KEY = "EMPTY_KEY"
ID_IN_UPSERT = "ID_IN_UPSERT"
KEY_NOT_FOUND = "KEY_NOT_FOUND"
KEY_AMBIGUOUS = "KEY_AMBIGUOUS"
KEY_NOT_ASKED = "KEY_NOT_ASKED"
TRANSFORM_FAILED = "TRANSFORM_FAILED"
ANSWER_LOST = "ANSWER_LOST"
HALF_DONE = "HALF_DONE"

INVALID_DATA = "INVALID_DATA"

DUPLICATE_DATA = "DUPLICATE_DATA"
SKIPPED = "SKIPPED"
EXISTS = "EXISTS"
REFERENCE_OPEN = "REFERENCE_OPEN"
REFERENCE_AMBIGUOUS = "REFERENCE_AMBIGUOUS"
FOUND_BY_ANOTHER_FIELD = "FOUND_BY_ANOTHER_FIELD"


class Outcome(NamedTuple):
    """What became of one row."""

    action: Action
    id: str | None = None
    reasons: tuple[Reason, ...] = ()
    first_write: Action | None = None
    """For a row that moved: what the first write did to its record; the links are still to be written."""

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of its reasons, each once."""
        return tuple(dict.fromkeys(reason.code for reason in self.reasons if reason.code))


MOVED = Outcome("moved")


def failed(
    code: str,
    field: str | None,
    message: str,
    value: str | None = None,
    remedy: str | None = None,
    *,
    record_id: str | None = None,
) -> Outcome:
    """The outcome of a row that failed for one reason."""
    return Outcome("failed", record_id, (Reason(code, field, message, value, remedy),))


def skipped(reason: str) -> Outcome:
    """The outcome of a row that the job leaves out."""
    return Outcome("skipped", None, (Reason(SKIPPED, None, reason),))


def duplicate_in_source(
    key: str | None,
    line: int,
    field: str | None = None,
    record_id: str | None = None,
    *,
    doubted: bool = False,
    remedy: str | None = None,
) -> Outcome:
    """The outcome of a row whose key another row has. `doubted`: that row is in doubt."""
    written = "may have been written" if doubted else "was written"
    message = f"the key {key!r} is already used in line {line}, and that row {written}"
    return failed(DUPLICATE_IN_SOURCE, field, message, key, remedy, record_id=record_id)


def lost(reason: str, field: str | None = None, *more: Reason, remedy: str | None = None) -> Outcome:
    """The outcome of a sent row whose fate is unknown. `more`: remarks."""
    return Outcome("in_doubt", None, (Reason(ANSWER_LOST, field, reason, remedy=remedy), *more))


def zoho_says(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Zoho's words about a row in doubt, as remarks on its outcome."""
    return tuple(
        reason._replace(code="", message=f"Zoho answers {reason.code}: {reason.message}")
        for reason in reasons
    )


def found_by(outcome: Outcome) -> str | None:
    """The field by which an upsert found a record that did not have the row's key."""
    return next((reason.field for reason in outcome.reasons if reason.code == FOUND_BY_ANOTHER_FIELD), None)


def was_written(outcome: Outcome) -> bool:
    """Whether the row's record was created or updated."""
    return written_as(outcome) in {"created", "updated"}


def may_stand(outcome: Outcome) -> bool:
    """Whether Zoho did what the row wants, or may have done it."""
    return written_as(outcome) in {"created", "updated", "unchanged", "deleted", "in_doubt"}


def written_as(outcome: Outcome) -> Action:
    """An outcome's action; for a row whose links are still to be written, the action of its first write."""
    return outcome.first_write or outcome.action


def lets_go(outcome: Outcome) -> bool:
    """Whether a row with this outcome is done with its key in this batch."""
    return outcome.action != "moved" or outcome.first_write is not None


def linked_later(outcome: Outcome) -> Outcome:
    """A row whose record was written; its references that close a circle are written in another batch."""
    return Outcome("moved", outcome.id, first_write=outcome.action)


def disputed(action: Action) -> tuple[Action, ...]:
    """Actions that another row must not have done to a record, if this row claims to have done `action`."""
    return ("created", "updated") if action == "updated" else (action,)


@dataclass(slots=True)
class RowCounts:
    """Counts of rows; every row that was read is in exactly one of the other counts."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    skipped: int = 0
    failed: int = 0
    in_doubt: int = 0
    pending: int = 0

    def add(self, action: Action, rows: int = 1) -> None:
        if action != "moved":
            setattr(self, action, getattr(self, action) + rows)

    @property
    def accounted(self) -> int:
        return sum(getattr(self, action) for action in ACTIONS)

    @property
    def balanced(self) -> bool:
        return self.read == self.accounted + self.pending

    def to_json(self) -> dict[str, int]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def rows_of(stored: object) -> RowCounts | None:
    """The counts that `to_json` gave; None for anything else."""
    if not isinstance(stored, Mapping) or not stored.keys() <= {field.name for field in fields(RowCounts)}:
        return None
    counts = stored.values()
    return RowCounts(**stored) if all(type(count) is int and count >= 0 for count in counts) else None


RunState = Literal["running", "finished", "limited", "paused", "interrupted", "refused", "broken"]

TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    "running": frozenset(["running", "finished", "limited", "paused", "interrupted", "refused", "broken"]),
    "limited": frozenset(["running"]),
    "paused": frozenset(["running"]),
    "interrupted": frozenset(["running"]),
    "refused": frozenset(["running"]),
    "broken": frozenset(["running"]),
    "finished": frozenset(),
}
"""running → running is a resume after a crash, which left no other state behind."""

UNFINISHED: frozenset[RunState] = frozenset(state for state, after in TRANSITIONS.items() if after)


def may_follow(before: RunState, after: RunState) -> bool:
    return after in TRANSITIONS[before]
