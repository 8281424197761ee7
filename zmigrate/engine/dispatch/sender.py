"""What workers do with a batch: send it, look up its keys, search for its records. Nothing is stored here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from zmigrate.engine.dispatch.searching import Hit, Reads, Search
from zmigrate.engine.dispatch.verdicts import Verdict, all_written, read_answer, why_unmatched
from zmigrate.engine.model import deferred_links
from zmigrate.engine.model.batch import Batch, PreparedRow, SecondWrite
from zmigrate.engine.model.keys import TAKE_KEY, UNASKABLE, Matches, choose
from zmigrate.engine.model.outcomes import (
    EXISTS,
    KEY_AMBIGUOUS,
    KEY_NOT_ASKED,
    KEY_NOT_FOUND,
    Action,
    Outcome,
    failed,
)
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.resolver import Answers, Place, Wanted, ask
from zmigrate.errors import InDoubt
from zmigrate.job.writes import Operation
from zmigrate.reasons import Reason
from zmigrate.zoho.answers import Answer
from zmigrate.zoho.coql import can_query
from zmigrate.zoho.ids import id_text
from zmigrate.zoho.record_calls import write_body
from zmigrate.zoho.refusals import code_of, details_of


class Wire(Reads, Protocol):
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


@dataclass(frozen=True, slots=True)
class Written:
    """Every row of a batch was written, and nothing is left to find out."""

    outcomes: list[Outcome]


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch was answered row by row."""

    verdicts: list[Verdict]
    doubted: bool
    """Zoho may have applied an attempt before the one that it answered."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The ids that a batch needs, as the org knows them."""

    found: list[str | Outcome | None]
    """For each row the id of its record, None where there is none yet, or the outcome of a row that ends
    here; empty where only references were asked for."""
    answers: list[tuple[Place, Answers]]


@dataclass(frozen=True, slots=True)
class Searched:
    """For each row of a batch in doubt the verdict of a search; None: the row has no record of ours."""

    verdicts: list[Verdict | None]


class Sender:
    """Sends batches of one target, and searches for their records. Thread-safe: it keeps only the id of the
    user that the token acts as, which answers to writes tell.
    """

    def __init__(self, wire: Wire, target: Target, user: str | None = None) -> None:
        self._wire = wire
        self.target = target
        self.user = user

    def body(self, batch: Batch) -> bytes:
        """The request body; for a delete, the ids as a JSON list; for a batch that waits to close circles,
        its records with their open references. Sets `batch.appends`.
        """
        if batch.closes_circles and not batch.resolved:
            return deferred_links.pack(batch.rows)
        target = self.target_of(batch)
        batch.appends = target.appends
        if target.operation == "delete":
            return orjson.dumps([row.record["id"] for row in batch.rows])
        match_on = target.key if target.operation == "upsert" else None
        return write_body(batch.records, target.operation, target.trigger, match_on)

    def part(self, batch: Batch, batch_id: int, rows: list[PreparedRow]) -> Batch:
        """A new batch with some of a batch's rows and a body of its own. It inherits what is known of the
        requests so far."""
        part = batch.part(batch_id, rows)
        part.body = self.body(part)
        return part

    def target_of(self, batch: Batch) -> Target:
        """The target of a batch: a second write is an update by id, whatever the first write was."""
        target = self.target if batch.second is None else self.target.second
        return target.of(batch.records)

    def records(self, body: bytes, second: SecondWrite | None) -> list[dict[str, Any]]:
        """The records of a body that was made by `body`."""
        waiting = deferred_links.unpack(body) if second in {"link", "relink"} else None
        if waiting is not None:
            return waiting
        parsed = orjson.loads(body)
        if self.target.operation == "delete" and second is None:
            return [{"id": record_id} for record_id in parsed]
        records: list[dict[str, Any]] = parsed["data"]
        return records

    def send(self, batch: Batch) -> Written | Sent:
        """Send a batch and read the answer. The answer is read in brief, unless the id of our user or the
        times of the records are needed.

        Raises the transport's errors, and InDoubt for an answer that can't be matched to the rows.
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
            self._check_ids(target, batch, [one.details.id for one in answer.done], answer.status)
            return Written(all_written(target.operation, target.key, answer.done))
        data = answer.body["data"]
        self._check_ids(target, batch, list(map(_id_of_success, data)), answer.status)
        again = answer.doubted_at is not None
        doubted = batch.doubted or again
        self._learn_user(data)
        verdicts = read_answer(target, batch, data, doubted, self.user)
        if any(verdict.question is not None for verdict in verdicts):
            verdicts = self._search().answered(batch, verdicts, batch.looked_for and not again)
        return Sent(verdicts, doubted)

    @staticmethod
    def _check_ids(target: Target, batch: Batch, ids: Sequence[str | None], status: int) -> None:
        """Rows are matched to an answer by position. Raises InDoubt if the answer's ids contradict that."""
        why = why_unmatched(target.operation, batch.rows, ids)
        if why is not None:
            raise InDoubt(f"Zoho's answer names {why}: which row it is about is not known", status=status)

    def _learn_user(self, data: Sequence[Any]) -> None:
        if self.user is None:
            self.user = next(filter(None, map(_writer, data)), None)

    def _search(self) -> Search:
        return Search(self._wire, self.target, self.user)

    def look_up(self, batch: Batch, wanted: Sequence[Wanted]) -> LookedUp:
        """Find the records of a batch by its key, and those that its `Find`s want."""
        target = self.target
        found: list[str | Outcome | None] = []
        if (target.looked_up or target.asks_first) and not batch.resolved and batch.second is None:
            search = self._search()
            hits = search.by_key(batch.rows)
            tell = self._only if target.looked_up else self._existing
            found = [tell(row, self._with_key(row, search.alike(row, hits))) for row in batch.rows]
        return LookedUp(found, [(one.place, ask(self._wire, one)) for one in wanted])

    def _with_key(self, row: PreparedRow, alike: Sequence[Hit]) -> Matches:
        target = self.target
        known = [(target.key_of(hit) or "", str(hit["id"])) for hit in alike]
        return choose(row.key or "", known, target.match, ignore_case=target.ignore_case)

    def _existing(self, row: PreparedRow, found: Matches) -> str | Outcome | None:
        """For an insert: what a record that has the key already means for the row. None: there is none."""
        if not can_query(row.key or ""):
            reason = f"zmigrate can't ask whether a record has the key {row.key!r}: {UNASKABLE}"
            return failed(KEY_NOT_ASKED, self.target.key, reason, row.key)
        key, ids = self.target.key, found.ids
        if found.spelling is not None:
            message = f"{key} {row.key!r} exists in another letter case: the org has {found.spelling!r}"
            return failed(EXISTS, key, message, row.key, TAKE_KEY)
        if not ids:
            return None
        if self.target.on_existing == "update" and len(ids) == 1:
            return ids[0]
        if self.target.on_existing == "update":
            return self._ambiguous(row, ids)
        return existing(self.target, ids[0] if len(ids) == 1 else None, f"{key} {row.key!r}", ids)

    def _ambiguous(self, row: PreparedRow, ids: Sequence[str]) -> Outcome:
        message = f"several records have the key {row.key!r}: {', '.join(ids)}"
        return failed(KEY_AMBIGUOUS, self.target.key, message, row.key)

    def _only(self, row: PreparedRow, found: Matches) -> str | Outcome:
        if len(found.ids) == 1:
            return found.ids[0]
        if found.ids:
            return self._ambiguous(row, found.ids)
        reason = "no record has this key" if can_query(row.key or "") else UNASKABLE
        message, remedy = f"{reason}: {row.key!r}", None
        if found.spelling is not None:
            message, remedy = f"{message}; the org has {found.spelling!r}", TAKE_KEY
        return failed(KEY_NOT_FOUND, self.target.key, message, row.key, remedy)

    def search(self, batch: Batch) -> Searched:
        """Search the org for the records of a batch in doubt, and tell our records from those of others."""
        search = self._search()
        return Searched(search.changed(batch) if self.target_of(batch).appends else search.written(batch))


def existing(target: Target, record_id: str | None, what: str, ids: Sequence[str]) -> Outcome:
    """The outcome of a row that is not inserted, since a record with its key exists."""
    action: Action = "skipped" if target.on_existing == "skip" else "failed"
    reason = Reason(EXISTS, target.key, f"{what} exists already: {', '.join(ids)}")
    return Outcome(action, record_id, (reason,))


def _details_of_success(element: Any) -> Mapping[str, Any]:
    """The details of a record that was written; empty for a row that was refused."""
    return details_of(element) if code_of(element) == "SUCCESS" else {}


def _id_of_success(element: Any) -> str | None:
    return id_text(_details_of_success(element).get("id"))


def _writer(element: Any) -> str | None:
    """The id of the user who wrote a record, as the answer to the write names it."""
    user = _details_of_success(element).get("Modified_By")
    return id_text(user.get("id")) if isinstance(user, Mapping) else None
