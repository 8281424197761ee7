"""What else is wrong with rows that are refused before Zoho would see them: a run stops at the first
problem, a plan tells all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from zmigrate.engine.dispatch.exchange import Exchange
from zmigrate.engine.dispatch.settling import halves, is_blocked, look_up_blocked
from zmigrate.engine.dispatch.zoho_reasons import ZohoReason
from zmigrate.engine.model.batch import BATCH_ROWS, Batch, PreparedRow
from zmigrate.engine.model.outcomes import Outcome
from zmigrate.engine.model.target import Target
from zmigrate.engine.plan.book import Book
from zmigrate.engine.plan.judge import Judge
from zmigrate.engine.plan.model_writes import ModelWrites
from zmigrate.engine.plan.org_model import OrgModel
from zmigrate.engine.plan.questions import OrgQuestion, OrgQuestions
from zmigrate.engine.plan.row_notes import RowNotes
from zmigrate.engine.preflight.first_reads import FirstReads
from zmigrate.errors import Fatal
from zmigrate.reasons import Reason
from zmigrate.rows.conversion.refusal import MANDATORY_NOT_FOUND
from zmigrate.zoho.metadata import Layout


@dataclass(frozen=True, slots=True)
class PlanParts:
    """What works on the rows of one record job in a plan."""

    layouts: Sequence[Layout] | None
    """None if they could not be read."""
    judge: Judge
    questions: OrgQuestions
    writes: ModelWrites
    notes: RowNotes


@dataclass(frozen=True, slots=True)
class SecondLook:
    """Looks at the rows that the book kept, once the plan has gone through all rows."""

    book: Book
    target: Target
    model: OrgModel
    reads: FirstReads
    exchange: Exchange
    parts: PlanParts

    def go(self) -> None:
        """Add the further reasons to the book; tell which rows only follow a refused one."""
        rows = self.book.unsent()
        while some := list(islice(rows, BATCH_ROWS)):
            self.reads.stop.check()
            self._look_at(some)
        if self.target.key not in (None, "id"):
            key = self.target.key or ""
            self.model.note_refused(self.target.module, key, self.book.refused_keys(), self.target.match)
        for reference in self.book.open_references():
            where = self.model.refused_row(reference.module, reference.key, reference.field)
            if where is not None:
                what = f"the {reference.module} record with the key {reference.key!r}"
                self.book.let_follow(reference.reject, f"{what} is in {where}, which would be refused itself")

    def _look_at(self, rows: Sequence[PreparedRow]) -> None:
        """A firewall may block what one of the rows looks for: then they are looked at in halves."""
        try:
            self._look_at_together(rows)
        except Fatal as error:
            if not is_blocked(error):
                raise
            if len(rows) == 1:
                self._add(rows[0], look_up_blocked(error).reasons)
                return
            for half in halves(list(rows)):
                self._look_at(half)

    def _look_at_together(self, rows: Sequence[PreparedRow]) -> None:
        questions = self.parts.questions
        rows = [self._with_key(row) for row in rows]
        wanted = self.exchange.resolver.wanted(rows)
        found = [row for row in rows if self._can_be_found(row)]
        self._ask(
            [
                *questions.about(found)[0],
                *questions.about_pointers(rows),
                *questions.about_finds(wanted),
            ]
        )
        looked_up = self.exchange.sender.look_up(Batch(0, list(found)), wanted) if found else None
        for place, answers in looked_up.answers if looked_up else ():
            self.exchange.resolver.learn(place, answers)
        _, ended = self.exchange.resolver.resolve(rows)
        open_ones = {row.number: outcome.reasons for row, outcome in ended}
        hits = dict(zip((row.number for row in found), looked_up.found if looked_up else (), strict=False))
        for row in rows:
            judged = self._of_record(row, hits.get(row.number)) if row.record else ()
            reasons = [*judged, *open_ones.get(row.number, ())]
            self._add(row, reasons)

    def _can_be_found(self, row: PreparedRow) -> bool:
        """Whether the row has what its record is found by; a key that could not be read is none."""
        if self.target.key_kind == "id":
            return "id" in row.record
        return row.folded is not None or self.target.key is None

    def _with_key(self, row: PreparedRow) -> PreparedRow:
        key = row.key
        return row if key is None else row._replace(folded=self.target.fold(key))

    def _ask(self, questions: Iterable[OrgQuestion]) -> None:
        tasks = ((question, question.ask) for question in questions)
        for question, answer in self.reads.side_by_side(tasks):
            question.learn(answer)

    def _of_record(self, row: PreparedRow, hit: str | Outcome | None) -> Iterator[Reason]:
        """What is wrong with the record, and with the key by which it is looked up."""
        if isinstance(hit, Outcome):
            yield from hit.reasons if hit.action == "failed" else ()
            hit = None
        if self.target.operation != "delete":
            for found in self._judged(row, hit):
                yield found.reason

    def _judged(self, row: PreparedRow, hit: str | None) -> Iterator[ZohoReason]:
        record, target, judge = row.record, self.target, self.parts.judge
        own = hit
        if target.operation == "upsert" and row.key is not None:
            there = self.model.with_key(target.module, self.parts.questions.keys[0], row.key)
            own = next((one for one, _ in there if not self.model.is_planned(one)), None)
        elif target.key_kind == "id":
            own = str(record["id"]) if "id" in record else None
        new = target.operation == "insert" or (target.operation == "upsert" and own is None)
        yield from judge.of_new(record) if new else judge.of_changed(record)
        if target.on_existing is None:
            yield from judge.taken(record, own, by_the_org_alone=True)

    def _add(self, row: PreparedRow, reasons: Iterable[Reason]) -> None:
        """Add the reasons that are not known yet."""
        known = self.book.reasons(row.number)
        codes = {(one.code, one.field) for one in known}
        # A bad cell of a subform (`Quoted_Items[0].Quantity`) takes the whole field out of the record.
        fields = {(one.field or "").partition("[")[0] for one in known}
        fresh = [
            reason
            for reason in reasons
            if (reason.code, reason.field) not in codes
            and not (reason.code == MANDATORY_NOT_FOUND and reason.field in fields)
        ]
        if fresh:
            self.parts.notes.refuse(row, fresh)
