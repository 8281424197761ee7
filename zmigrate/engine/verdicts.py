"""From Zoho's answer to a write to the outcome of each row. Pure: whoever needs to look again asks a
question.

Rows are matched by position. After a request that may have been applied before (a doubted one), a refusal can
mean "done already"; such a row becomes a Question, which the sender answers by reading the record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from zmigrate.engine.batch import Batch
from zmigrate.engine.outcomes import Action, Outcome
from zmigrate.writes import Operation
from zmigrate.zoho.answers import Done
from zmigrate.zoho.facts import codes
from zmigrate.zoho.facts.codes import SEVERAL, Meaning

DUPLICATE_DATA = "DUPLICATE_DATA"
INVALID_DATA = "INVALID_DATA"

SEPARATOR = "; "
"""Between several codes, fields and reasons of one row."""

DONE: dict[Operation, Action] = {"insert": "created", "update": "updated", "delete": "deleted"}
"""An upsert is not among them: it says of each row what it did."""


@dataclass(frozen=True, slots=True)
class Question:
    """Is the record with this id the one that our lost request made ("ours"), or is it no longer there
    ("gone")?

    If not, the verdict's outcome stands.
    """

    kind: Literal["ours", "gone"]
    record_id: str


class Verdict(NamedTuple):
    """One row's outcome, or a question that has to be answered first."""

    outcome: Outcome
    question: Question | None = None
    unless_owned: Outcome | None = None
    """A claim: `outcome` holds unless another row of the run made that record; then this one does."""


def read_answer(
    operation: Operation,
    key: str | None,
    batch: Batch,
    data: Sequence[Mapping[str, Any]],
    doubted: bool,
    user: str | None,
) -> list[Verdict]:
    """The verdict on each row of a batch.

    `data` is the answer's `data[]`, as long as the batch; `doubted` is true when an earlier request with
    these rows may have been applied; `user` is the id of the user that the token acts as, where known.
    """
    if doubted:
        return [_repeated(operation, key, batch, element, user) for element in data]
    return [
        Verdict(_success(operation, key, element))
        if element.get("code") == "SUCCESS"
        else Verdict(refusal(element, key))
        for element in data
    ]


def all_written(operation: Operation, key: str | None, done: Sequence[Done]) -> list[Outcome]:
    """The outcomes of a batch all of whose rows were written, with no request before that is in doubt."""
    always = DONE.get(operation)
    if always is not None:
        return [_written(always, one.details.id) for one in done]
    return [_upserted(one.action, one.details.id, one.duplicate_field, key) for one in done]


def _written(action: Action, record_id: str) -> Outcome:
    """For nearly all rows: made without the named tuple's own __new__, at a third of its price."""
    return tuple.__new__(Outcome, (action, record_id, None, None, None))


def _upserted(action: str | None, record_id: str, found_by: str | None, key: str | None) -> Outcome:
    """The outcome's field is the one by which a record was found that had not the key."""
    if action == "insert":
        return _written("created", record_id)
    if found_by is None or found_by == key:
        return _written("updated", record_id)
    return Outcome("updated", record_id, None, found_by)


def _repeated(
    operation: Operation, key: str | None, batch: Batch, element: Mapping[str, Any], user: str | None
) -> Verdict:
    if element.get("code") == "SUCCESS":
        outcome = _success(operation, key, element)
        repeated = operation == "upsert" and outcome.action == "updated"
        if repeated and made_by_us(element["details"], batch.first_intent, user):
            return Verdict(_written("created", element["details"]["id"]), unless_owned=outcome)
        return Verdict(outcome)
    refused = refusal(element, key)
    if operation == "insert":
        existing = duplicate_of(element, key)
        if existing is not None:
            return Verdict(refused, Question("ours", existing))
    if operation == "delete" and refused.code == INVALID_DATA:
        record_id = element.get("details", {}).get("id")
        if record_id is not None:
            return Verdict(refused, Question("gone", str(record_id)))
    return Verdict(refused)


def _success(operation: Operation, key: str | None, element: Mapping[str, Any]) -> Outcome:
    record_id = element["details"]["id"]
    always = DONE.get(operation)
    if always is not None:
        return _written(always, record_id)
    return _upserted(element.get("action"), record_id, element.get("duplicate_field"), key)


def made_by_us(record: Mapping[str, Any], first_intent: float | None, user: str | None) -> bool:
    """Whether a record was made no earlier than our first request, and by the user that our token acts as.

    Both sides are on Zoho's clock; `Created_Time` has whole seconds.
    """
    return _ours(record.get("Created_Time"), record.get("Created_By"), first_intent, user)


def changed_by_us(record: Mapping[str, Any], first_intent: float | None, user: str | None) -> bool:
    """Whether a record's last change came no earlier than our first request, and by the user that our token
    acts as."""
    return _ours(record.get("Modified_Time"), record.get("Modified_By"), first_intent, user)


def in_second_of(record: Mapping[str, Any], first_intent: float | None) -> bool:
    """Whether a record's last change came in the very second of our first request: Zoho tells no more."""
    changed = record.get("Modified_Time")
    if first_intent is None or not isinstance(changed, str):
        return False
    return int(datetime.fromisoformat(changed).timestamp()) == int(first_intent)


def _ours(at: Any, by: Any, first_intent: float | None, user: str | None) -> bool:
    if first_intent is None or not isinstance(at, str):
        return False
    if datetime.fromisoformat(at).timestamp() < int(first_intent):
        return False
    return user is None or not isinstance(by, Mapping) or by.get("id") == user


def duplicate_of(element: Mapping[str, Any], key: str | None = None) -> str | None:
    """The id of the record that stands in the way, whatever else may be wrong with the row: of several that
    which has the key; None where none of them has."""
    errors = element.get("details", {}).get("errors") if element.get("code") == SEVERAL else [element]
    ids: list[tuple[str | None, str | None]] = []
    for error in errors or []:
        if error.get("code") == DUPLICATE_DATA:
            details = error.get("details", {})
            existing = details.get("duplicate_record") or {}
            ids.append((details.get("api_name"), existing.get("id") or details.get("id")))
    found = {one for name, one in ids if key is not None and name == key} or {one for _, one in ids}
    return str(found.pop()) if len(found) == 1 and None not in found else None


def taken(outcome: Outcome, key: str | None) -> bool:
    """Whether a row was refused for nothing but that one record has its key already, and maybe others of its
    unique values."""
    fields = (outcome.field or "").split(SEPARATOR)
    return outcome.code == DUPLICATE_DATA and outcome.id is not None and key in fields


def speaks_of_org(outcome: Outcome) -> Meaning | None:
    """What the reason of a refused row says of the org or of the client, and not of the row."""
    if outcome.action != "failed" or outcome.code is None:
        return None
    return next(filter(None, map(codes.speaks_of_org, outcome.code.split(SEPARATOR))), None)


def refusal(element: Mapping[str, Any], key: str | None = None) -> Outcome:
    """A row that Zoho refused: its codes, fields and reasons, several of them joined by "; "."""
    details = element.get("details") or {}
    errors = details.get("errors") if element.get("code") == SEVERAL else None
    parts = [_reason(error) for error in errors or [element]]
    codes, field_names, messages = zip(*parts, strict=True)
    return Outcome(
        "failed",
        duplicate_of(element, key) or details.get("id"),
        SEPARATOR.join(dict.fromkeys(codes)),
        SEPARATOR.join(dict.fromkeys(name for name in field_names if name)) or None,
        SEPARATOR.join(messages),
    )


def _reason(error: Mapping[str, Any]) -> tuple[str, str | None, str]:
    details = error.get("details") or {}
    code = str(error.get("code") or "UNKNOWN")
    inner = _IN_ROWS.match(str(details.get("json_path") or ""))
    field_name = inner[1] if inner else details.get("api_name")
    message = str(error.get("message") or code)
    for key, words in REASONS.items():
        if details.get(key) is not None:
            value = details[key]
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            message += f" ({words} {text})"
    existing = details.get("duplicate_record") or {}
    if existing.get("id"):
        message += f" (the record {existing['id']} has this value)"
    return code, field_name, message


_IN_ROWS = re.compile(r"\$\.data\[\d+\]\.(\w+\[\d+\]\.\w+)")
"""Where a value in a row of a subform stands: `$.data[0].Service_Log[1].Part.id` (zoho-api 4)."""

REASONS = {
    "expected_data_type": "expected type:",
    "maximum_length": "longest allowed:",
    "supported_values": "allowed:",
    "expected_fields": "one of these fields must be there:",
    "permissions": "permissions:",
    "reason": "reason:",
}
"""What Zoho puts into `details` of a refused row, and our words for it (zoho-api 4.1)."""
