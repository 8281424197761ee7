"""What workers do with a batch: send it, look its keys up, find out what became of it. HTTP only: nothing is
stored here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from zmigrate.engine import links
from zmigrate.engine.askable import askable
from zmigrate.engine.batch import Batch, Pending, Second
from zmigrate.engine.outcomes import (
    ANSWER_LOST,
    EXISTS,
    KEY_AMBIGUOUS,
    KEY_NOT_ASKED,
    KEY_NOT_FOUND,
    Action,
    Outcome,
)
from zmigrate.engine.resolve import Answers, Place, Wanted, ask
from zmigrate.engine.target import Target
from zmigrate.engine.verdicts import (
    DUPLICATE_DATA,
    Verdict,
    all_written,
    changed_by_us,
    in_second_of,
    made_by_us,
    read_answer,
)
from zmigrate.errors import InDoubt, ZmigrateError
from zmigrate.stopping import StopRequested
from zmigrate.writes import Operation
from zmigrate.zoho.answers import Answer
from zmigrate.zoho.coql import can_query
from zmigrate.zoho.crm import write_body
from zmigrate.zoho.facts.limits import COQL_IN_VALUES

UNASKABLE = "a key with a backslash or a line break can't be looked up"


class Wire(Protocol):
    """The calls that a sender makes; `zmigrate.zoho.crm.Crm` has them."""

    def write(
        self,
        module: str,
        operation: Operation,
        content: bytes | None,
        *,
        rows: int,
        repeatable: bool,
        ids: Sequence[str],
        trigger: Sequence[str],
        brief: bool,
    ) -> Answer: ...
    def find(
        self, module: str, field: str, values: Sequence[str | int], extra_fields: Sequence[str] = ()
    ) -> list[dict[str, Any]]: ...
    def records_by_id(
        self, module: str, ids: Sequence[str], fields: Sequence[str] | None
    ) -> dict[str, dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Written:
    """Every row of a batch was written, and there is nothing to ask about any."""

    outcomes: list[Outcome]


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch was answered."""

    verdicts: list[Verdict]
    doubted: bool
    """An attempt before the one that was answered may have been applied."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What the org said about a batch before it is written."""

    found: list[str | Outcome | None]
    """For each row the id of its record, None where there is none yet, or the outcome of a row that ends
    here; empty where only references were asked for."""
    answers: list[tuple[Place, Answers]]


@dataclass(frozen=True, slots=True)
class Searched:
    """For each row of a batch in doubt, what a look into the org says; None: there is no record of ours."""

    verdicts: list[Verdict | None]


class Sender:
    """Thread-safe: it keeps nothing but the id of the user that the token acts as, learnt from answers to
    writes.
    """

    def __init__(self, wire: Wire, target: Target, user: str | None = None) -> None:
        self._wire = wire
        self.target = target
        self.user = user

    def body(self, batch: Batch) -> bytes:
        """The request body; for a delete, the ids as a JSON list; for a link that waits, what it is to be
        made from. The batch is told whether it adds rows to records.
        """
        if batch.closes_circles and not batch.resolved:
            return links.pack(batch.rows)
        target = self.target_of(batch)
        batch.appends = target.appends
        if target.operation == "delete":
            return orjson.dumps([row.record["id"] for row in batch.rows])
        match_on = target.key if target.operation == "upsert" else None
        return write_body(batch.records, target.operation, target.trigger, match_on)

    def target_of(self, batch: Batch) -> Target:
        """Where a batch goes: a second write is an update by id, whatever the first was."""
        target = self.target if batch.second is None else self.target.second
        return target.of(batch.records)

    def records(self, body: bytes, second: Second | None) -> list[dict[str, Any]]:
        """The records of a body that was made by `body`."""
        waiting = links.unpack(body) if second in {"link", "relink"} else None
        if waiting is not None:
            return waiting
        parsed = orjson.loads(body)
        if self.target.operation == "delete" and second is None:
            return [{"id": record_id} for record_id in parsed]
        records: list[dict[str, Any]] = parsed["data"]
        return records

    def send(self, batch: Batch) -> Written | Sent:
        """Send a batch and read its answer: in brief, unless it has to tell who we are, or whose a record is.

        Raises what the transport raises.
        """
        target = self.target_of(batch)
        deletes = target.operation == "delete"
        answer = self._wire.write(
            target.module,
            target.operation,
            None if deletes else batch.body,
            rows=len(batch.rows),
            repeatable=target.repeatable,
            ids=[row.record["id"] for row in batch.rows] if deletes else (),
            trigger=target.trigger,
            brief=self.user is not None and not batch.doubted,
        )
        if answer.done is not None:
            return Written(all_written(target.operation, target.key, answer.done))
        data = answer.body["data"]
        doubted = batch.doubted or answer.doubted_at is not None
        self._learn_user(data)
        verdicts = read_answer(target.operation, target.key, batch, data, doubted, self.user)
        if doubted:
            verdicts = self._answer_questions(batch, verdicts)
        return Sent(verdicts, doubted)

    def _learn_user(self, data: Sequence[Mapping[str, Any]]) -> None:
        if self.user is None:
            for element in data:
                user = (element.get("details") or {}).get("Modified_By") or {}
                if element.get("code") == "SUCCESS" and user.get("id"):
                    self.user = str(user["id"])
                    return

    def _answer_questions(self, batch: Batch, verdicts: list[Verdict]) -> list[Verdict]:
        asked = sorted({verdict.question.record_id for verdict in verdicts if verdict.question is not None})
        if not asked:
            return verdicts
        fields = [self.target_of(batch).key or "id", "Created_Time", "Created_By"]
        try:
            known = self._wire.records_by_id(self.target.module, asked, fields)
        except (ZmigrateError, StopRequested) as error:
            # The write itself was answered: whether an earlier request was applied is still the question.
            raise InDoubt(f"the records could not be read back: {error}") from error
        return [
            self._answered(row, verdict, batch, known)
            for row, verdict in zip(batch.rows, verdicts, strict=True)
        ]

    def _answered(
        self, row: Pending, verdict: Verdict, batch: Batch, known: Mapping[str, dict[str, Any]]
    ) -> Verdict:
        question = verdict.question
        if question is None:
            return verdict
        record = known.get(question.record_id)
        if question.kind == "gone":
            if record is not None:
                return verdict
            return Verdict(Outcome("deleted", question.record_id), unless_owned=verdict.outcome)
        if record is not None and self._is_ours(record, row, batch):
            return Verdict(Outcome("created", question.record_id), unless_owned=verdict.outcome)
        return verdict

    def _is_ours(self, record: Mapping[str, Any], row: Pending, batch: Batch) -> bool:
        value = record.get(self.target.key or "")
        return (
            value is not None
            and row.folded == self.target.fold(str(value))
            and made_by_us(record, batch.first_intent, self.user)
        )

    def look_up(self, batch: Batch, wanted: Sequence[Wanted]) -> LookedUp:
        """Find the records of a batch by its key, and those that its `Find`s want."""
        target = self.target
        found: list[str | Outcome | None] = []
        if (target.looked_up or target.asks_first) and not batch.resolved and batch.second is None:
            hits = self._find_keys(batch, [])
            tell = self._only if target.looked_up else self._existing
            found = [tell(row, hits.get(row.folded or "", [])) for row in batch.rows]
        return LookedUp(found, [(one.place, ask(self._wire, one)) for one in wanted])

    def _existing(self, row: Pending, hits: list[dict[str, Any]]) -> str | Outcome | None:
        """For an insert: what a record that has the key already means for the row. None: there is none."""
        if not can_query(row.key or ""):
            reason = f"whether a record has the key {row.key!r} can't be asked: {UNASKABLE}"
            return Outcome("failed", None, KEY_NOT_ASKED, self.target.key, reason)
        if not hits:
            return None
        key, ids = self.target.key, [str(hit["id"]) for hit in hits]
        if self.target.on_existing == "update" and len(ids) == 1:
            return ids[0]
        if self.target.on_existing == "update":
            return self._ambiguous(row, ids)
        return existing(self.target, ids[0] if len(ids) == 1 else None, f"{key} {row.key!r}", ids)

    def _ambiguous(self, row: Pending, ids: Sequence[str]) -> Outcome:
        message = f"several records have the key {row.key!r}: {', '.join(ids)}"
        return Outcome("failed", None, KEY_AMBIGUOUS, self.target.key, message)

    def _only(self, row: Pending, hits: list[dict[str, Any]]) -> str | Outcome:
        key = self.target.key
        if len(hits) == 1:
            return str(hits[0]["id"])
        if not hits:
            reason = "no record has this key" if can_query(row.key or "") else UNASKABLE
            return Outcome("failed", None, KEY_NOT_FOUND, key, f"{reason}: {row.key!r}")
        return self._ambiguous(row, [str(hit["id"]) for hit in hits])

    def search(self, batch: Batch) -> Searched:
        """Ask the org for the records of a batch in doubt, and tell what we wrote from what others did."""
        if self.target_of(batch).appends:
            return Searched(self._find_changed(batch))
        hits = self._find_keys(batch, ["Created_Time", "Created_By"])
        return Searched([self._found(row, hits.get(row.folded or "", []), batch) for row in batch.rows])

    def _found(self, row: Pending, hits: list[dict[str, Any]], batch: Batch) -> Verdict | None:
        key = self.target.key
        if not can_query(row.key or ""):
            return Verdict(lost(UNASKABLE, key))
        ours = [hit for hit in hits if made_by_us(hit, batch.first_intent, self.user)]
        if not ours:
            return None
        if len(ours) > 1:
            ids = ", ".join(str(hit["id"]) for hit in ours)
            return Verdict(lost(f"several records with this key came up meanwhile: {ids}", key))
        record_id = str(ours[0]["id"])
        owned = lost("the record with this key is another row's", key)
        if self.target.key_kind == "unique":  # then there is no second one: Zoho refused this row
            owned = Outcome("failed", record_id, DUPLICATE_DATA, key, f"the record {record_id} has this key")
        return Verdict(Outcome("created", record_id), unless_owned=owned)

    def _find_changed(self, batch: Batch) -> list[Verdict | None]:
        """Of a batch that updates or upserts: which records our lost request has changed, or made."""
        times = ["Created_Time", "Created_By", "Modified_Time", "Modified_By"]
        ids = [str(row.record["id"]) for row in batch.rows if "id" in row.record]
        if ids:
            known = self._wire.records_by_id(self.target.module, ids, ["id", *times])
            hits = [
                [known[found]] if (found := str(row.record.get("id"))) in known else [] for row in batch.rows
            ]
        else:
            by_key = self._find_keys(batch, times)
            hits = [by_key.get(row.folded or "", []) for row in batch.rows]
        return [self._changed(row, found, batch) for row, found in zip(batch.rows, hits, strict=True)]

    def _changed(self, row: Pending, hits: list[dict[str, Any]], batch: Batch) -> Verdict | None:
        if "id" not in row.record and not can_query(row.key or ""):
            return Verdict(lost(UNASKABLE, self.target.key))
        ours = [hit for hit in hits if changed_by_us(hit, batch.first_intent, self.user)]
        if not ours:
            return None
        if len(ours) > 1:
            ids = ", ".join(str(hit["id"]) for hit in ours)
            return Verdict(lost(f"several records with this key were changed: {ids}", self.target.key))
        same_second = in_second_of(ours[0], batch.first_intent)
        if batch.closes_circles and same_second:
            reason = "the record was written twice in a second; whether it was so the second time is not told"
            return Verdict(lost(reason))
        upsert = self.target_of(batch).operation == "upsert"
        made = upsert and made_by_us(ours[0], batch.first_intent, self.user)
        outcome = Outcome("created" if made else "updated", str(ours[0]["id"]))
        if not same_second:  # later than whatever an earlier row did, and later ones wait behind the fence
            return Verdict(outcome)
        owned = lost("another row changed the record in the same second; which of the two came is not told")
        return Verdict(outcome, unless_owned=owned)

    def _find_keys(self, batch: Batch, extra: list[str]) -> dict[str, list[dict[str, Any]]]:
        """Records by folded key."""
        key = self.target.key or "id"
        keys = [row.key for row in batch.rows if row.key is not None]
        values = askable(keys, number=self.target.number)
        hits: dict[str, dict[str, dict[str, Any]]] = {}
        for start in range(0, len(values), COQL_IN_VALUES):
            for hit in self._wire.find(
                self.target.module, key, values[start : start + COQL_IN_VALUES], extra
            ):
                if hit.get(key) is not None:
                    hits.setdefault(self.target.fold(str(hit[key])), {})[str(hit.get("id"))] = hit
        return {folded: list(found.values()) for folded, found in hits.items()}


def existing(target: Target, record_id: str | None, what: str, ids: Sequence[str]) -> Outcome:
    """The outcome of a row that is not inserted, since a record with its key exists."""
    action: Action = "skipped" if target.on_existing == "skip" else "failed"
    return Outcome(action, record_id, EXISTS, target.key, f"{what} exists already: {', '.join(ids)}")


def lost(reason: str, field: str | None = None) -> Outcome:
    """The outcome of a row that was sent and whose answer never came."""
    return Outcome("in_doubt", None, ANSWER_LOST, field, reason)
