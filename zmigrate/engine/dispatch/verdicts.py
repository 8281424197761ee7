"""Turns Zoho's answer to a write into a verdict on each row. Pure.

Rows are matched by position. If an earlier request with the rows may have been applied, a refusal can mean
that the row was written by that request. Such a verdict has a Question, which a read of the record answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from zmigrate.engine.dispatch.made_by import made_by_us
from zmigrate.engine.dispatch.zoho_reasons import (
    ZohoReason,
    names_no_module,
    refusal,
    the_one_in_the_way,
    zoho_reasons,
)
from zmigrate.engine.model.batch import Batch, PreparedRow
from zmigrate.engine.model.outcomes import (
    DUPLICATE_DATA,
    FOUND_BY_ANOTHER_FIELD,
    INVALID_DATA,
    Action,
    Outcome,
    failed,
)
from zmigrate.engine.model.target import Target
from zmigrate.errors import OrgFull
from zmigrate.job.writes import Operation
from zmigrate.reasons import Reason
from zmigrate.zoho.answers import Done
from zmigrate.zoho.facts import codes
from zmigrate.zoho.facts.codes import ABOUT_ITS_VALUES, ROW_IN_DOUBT, Meaning
from zmigrate.zoho.ids import id_text

DONE: dict[Operation, Action] = {"insert": "created", "update": "updated", "delete": "deleted"}
"""The action of a row that succeeded. An upsert has none here: Zoho tells its action row by row."""

LeftOpen = Literal["unknown", "absent"]
"""Why an answer leaves open what became of a row: Zoho does not say whether it was applied; or the record
that the row may have made was looked for once, and not found."""


@dataclass(frozen=True, slots=True)
class Question:
    """What has to be read back before the verdict's outcome holds.

    - ours: is the record with this id the one that our lost request made?
    - gone: is the record with this id no longer there?
    - key: is there a record with the row's key that our lost request made?
    - there: does the record with this id exist in the module written to, and have the row's key? Asked where
      Zoho names no module, or where the record's key may differ in letter case.
    """

    kind: Literal["ours", "gone", "key", "there"]
    record_id: str | None = None
    stands: bool = False
    """Where no record has the key, the refusal stands: it was not about the key. Else nobody knows what Zoho
    meant, and the row is in doubt."""


class Verdict(NamedTuple):
    """One row's outcome, or a question that has to be answered first."""

    outcome: Outcome
    question: Question | None = None
    unless_owned: Outcome | None = None
    """The outcome if another row of the run made the record, in place of `outcome`."""
    left_open: LeftOpen | None = None
    """The row is in doubt, and goes on in a batch of its own; `outcome` counts where that is not possible."""


def read_answer(
    target: Target,
    batch: Batch,
    data: Sequence[Any],
    doubted: bool,
    user: str | None,
) -> list[Verdict]:
    """The verdict on each row of a batch that went to this target.

    `data` is the answer's `data[]`, as long as the batch; `doubted` is true when an earlier request with
    these rows may have been applied; `user` is the id of the user that the token acts as, where known.
    """
    return [
        _verdict(target, batch, row, element, doubted, user)
        for row, element in zip(batch.rows, data, strict=True)
    ]


def why_unmatched(operation: Operation, rows: Sequence[PreparedRow], ids: Sequence[str | None]) -> str | None:
    """Why the records that an answer names (None: it names none) can't be those of the rows at the same
    places; None if they can. What an upsert finds may be one record for two rows."""
    if operation == "insert":
        named = [one for one in ids if one is not None]
        return "one record for several rows" if len(set(named)) < len(named) else None
    if operation == "upsert":
        return None
    pairs = zip(rows, ids, strict=True)
    others = any(one is not None and one != str(row.record.get("id")) for row, one in pairs)
    return "other records than those that were sent" if others else None


def all_written(operation: Operation, key: str | None, done: Sequence[Done]) -> list[Outcome]:
    """The outcomes of a batch whose rows were all written, where no earlier request is in doubt."""
    always = DONE.get(operation)
    if always is not None:
        return [_written(always, str(one.details.id)) for one in done]
    return [_upserted(one.action, str(one.details.id), one.duplicate_field, key) for one in done]


def _written(action: Action, record_id: str) -> Outcome:
    """The outcome of most rows: made without the named tuple's own `__new__`, which takes three times as
    long."""
    return tuple.__new__(Outcome, (action, record_id, (), None))


def _upserted(action: object, record_id: str, found_by: object, key: str | None) -> Outcome:
    if action == "insert":
        return _written("created", record_id)
    if not isinstance(found_by, str) or found_by == key:
        return _written("updated", record_id)
    reason = Reason(FOUND_BY_ANOTHER_FIELD, found_by, "Zoho found the record by this field")
    return Outcome("updated", record_id, (reason,))


def _verdict(
    target: Target, batch: Batch, row: PreparedRow, element: Any, doubted: bool, user: str | None
) -> Verdict:
    success = isinstance(element, Mapping) and element.get("code") == "SUCCESS"
    status = element.get("status") if isinstance(element, Mapping) else None
    if success and status != "error":
        return _success(target, batch, row, element, doubted, user)
    found = zoho_reasons(element, target.module, id_text(row.record.get("id")))
    refused = refusal(found, target.module, target.key)
    contradicts_itself = status == ("error" if success else "success")
    told = {each.reason.code.upper() for each in found}
    if contradicts_itself or (told & ROW_IN_DOUBT and not told & ABOUT_ITS_VALUES):
        return Verdict(refused, left_open="unknown")
    if doubted:
        return Verdict(refused, _question(target, row, found))
    return on_refusal(target, row, found)


def on_refusal(target: Target, row: PreparedRow, found: Sequence[ZohoReason]) -> Verdict:
    """The verdict on a row that was refused, where no earlier request is in doubt."""
    refused = refusal(found, target.module, target.key)
    unsure = names_no_module(found) or target.case_counts(row.key or "")
    asks = target.on_existing is not None and taken(refused, target.key) and unsure
    return Verdict(refused, Question("there", refused.id) if asks else None)


def _success(
    target: Target,
    batch: Batch,
    row: PreparedRow,
    element: Mapping[str, Any],
    doubted: bool,
    user: str | None,
) -> Verdict:
    told = element.get("details")
    details: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    record_id = id_text(details.get("id"))
    always = DONE.get(target.operation)
    if record_id is None and always != "created":
        record_id = id_text(row.record.get("id"))
    if record_id is None:
        untold = "Zoho says that the record was written, but not which one it is"
        return Verdict(failed("UNKNOWN", None, untold), left_open="unknown")
    if always is not None:
        return Verdict(_written(always, record_id))
    outcome = _upserted(element.get("action"), record_id, element.get("duplicate_field"), target.key)
    if doubted and outcome.action == "updated" and made_by_us(details, batch.first_intent, user):
        return Verdict(_written("created", record_id), unless_owned=outcome)
    return Verdict(outcome)


def _question(target: Target, row: PreparedRow, found: Sequence[ZohoReason]) -> Question | None:
    """The question about a row that was refused after an earlier request that may have been applied."""
    if target.operation == "delete":
        return _gone(row, found)
    if target.operation == "update" or target.key is None:
        return None
    one = the_one_in_the_way(found, target.module, target.key)
    if one is not None and target.operation == "insert":
        return Question("ours", one)
    duplicates = [(each.reason.field, each.in_the_way) for each in found if each.in_the_way is not None]
    others = {each.reason.code for each in found if each.in_the_way is None}
    about_values = others <= ABOUT_ITS_VALUES  # such a row was never accepted
    key_is_taken = any(
        field in (None, target.key) and not record.of_another(target.module) for field, record in duplicates
    )
    if about_values and not key_is_taken and (one is not None or not duplicates):
        return None  # what an upsert finds in its way is not the record that it would write
    return Question("key", stands=not key_is_taken or (about_values and bool(others)))


def _gone(row: PreparedRow, found: Sequence[ZohoReason]) -> Question | None:
    for each in found:
        record_id = each.record_id or id_text(row.record.get("id"))
        if each.reason.code == INVALID_DATA and record_id is not None:
            return Question("gone", record_id)
    return None


def taken(outcome: Outcome, key: str | None) -> bool:
    """Whether a row was refused only because one record of its module already has its key, and maybe other
    unique values of it."""
    if outcome.id is None or outcome.codes != (DUPLICATE_DATA,):
        return False
    return any(reason.field == key for reason in outcome.reasons)


def speaks_of_org(outcome: Outcome) -> Meaning | None:
    """What a refusal says about the org or the client; None where it is about the row."""
    if outcome.action != "failed":
        return None
    return next(filter(None, map(codes.speaks_of_org, outcome.codes)), None)


def org_full(outcome: Outcome) -> OrgFull | None:
    """The error that ends the run, if a row was refused because the org takes no more records."""
    if speaks_of_org(outcome) is not Meaning.FULL:
        return None
    reason = next(one for one in outcome.reasons if codes.speaks_of_org(one.code) is Meaning.FULL)
    return OrgFull(
        f"the org takes no more records: {reason.code}, {reason.message}",
        hint=reason.remedy,
        code=reason.code,
    )
