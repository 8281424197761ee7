"""The exchange of a plan: a worker asks the org for what the model lacks, and the model answers in Zoho's
place, batch by batch, in the order in which they began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from zmigrate.engine.dispatch.exchange import Task, WithZoho
from zmigrate.engine.dispatch.searching import Search
from zmigrate.engine.dispatch.sender import LookedUp, Sent, Written
from zmigrate.engine.dispatch.settling import is_blocked
from zmigrate.engine.dispatch.verdicts import Verdict, all_written, on_refusal
from zmigrate.engine.model.batch import Batch, PreparedRow
from zmigrate.engine.model.outcomes import Outcome
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.resolver import Wanted
from zmigrate.engine.plan.model_writes import ModelWrites, Reply
from zmigrate.engine.plan.org_model import OrgModel
from zmigrate.engine.plan.price import Tariff
from zmigrate.engine.plan.questions import OrgQuestion, OrgQuestions
from zmigrate.zoho.answers import Done
from zmigrate.zoho.workers import Finished


@dataclass(frozen=True, slots=True)
class Begun:
    """A batch about which the org is asked."""

    batch: Batch
    looks_up: bool
    """Its ids are looked up; else it is sent."""
    questions: Sequence[OrgQuestion]
    wanted: Sequence[Wanted] = ()
    """The values that its `Find`s look for."""
    unasked: frozenset[int] = frozenset()
    """Numbers of rows for which the org is not asked."""
    asked_rows: int = 0
    """How many rows were counted as asked about."""


class DryExchange:
    """See `Exchange`. `sender` reads from the model, and never writes."""

    def __init__(
        self,
        with_zoho: WithZoho,
        model: OrgModel,
        questions: OrgQuestions,
        writes: ModelWrites,
        tariff: Tariff,
        *,
        bodies: bool,
    ) -> None:
        """`bodies`: the journal keeps what would be sent."""
        self.sender = with_zoho.sender
        self.resolver = with_zoho.resolver
        self._with_zoho = with_zoho
        self._bodies = bodies
        self._model = model
        self._questions = questions
        self._writes = writes
        self._tariff = tariff
        self._begun: dict[int, Begun] = {}
        """What is under way, in the order in which it began: by the ids of batches."""
        self._finished: dict[int, Finished[Batch]] = {}

    def must_look_up(self, batch: Batch) -> bool:
        return self._with_zoho.must_look_up(batch)

    def make_body(self, batch: Batch) -> None:
        """Nothing is sent; what would be is only needed by the journal."""
        if self._bodies:
            self._with_zoho.make_body(batch)

    def send(self, batch: Batch) -> Task:
        target = self.sender.target_of(batch)
        self._tariff.count_write(target.operation, len(batch.rows), batch.first_row)
        pointed = self._questions.about_pointers(batch.rows)
        if batch.second:
            return self._task(Begun(batch, False, pointed))
        by_key = target.looked_up or target.asks_first  # else only what its `Find`s want was looked up
        questions, unasked, asked = self._about(batch, again=batch.resolved and by_key)
        if target.operation in {"update", "delete"}:
            self._assume(unasked)
        numbers = frozenset(row.number for row in unasked)
        return self._task(Begun(batch, False, [*questions, *pointed], unasked=numbers, asked_rows=asked))

    def look_up(self, batch: Batch) -> Task:
        wanted = self.resolver.wanted(batch.rows)
        by_key = not batch.second and (self.sender.target.looked_up or self.sender.target.asks_first)
        self._tariff.count_look_up(len(batch.rows) if by_key else 0, [len(each.values) for each in wanted])
        finds = self._questions.about_finds(wanted)
        if not by_key:
            return self._task(Begun(batch, True, finds, wanted))
        questions, unasked, asked = self._about(batch)
        if self.sender.target.looked_up:
            self._assume(unasked)
        return self._task(Begun(batch, True, [*questions, *finds], wanted, asked_rows=asked))

    def _about(
        self, batch: Batch, *, again: bool = False
    ) -> tuple[list[OrgQuestion], Sequence[PreparedRow], int]:
        """What to ask the org about these rows, those that it is not asked about, and how many it is."""
        before = self._questions.asked_rows
        questions, unasked = self._questions.about(batch.rows, again=again)
        return list(questions), unasked, self._questions.asked_rows - before

    def search(self, batch: Batch) -> Task:
        raise AssertionError("no answer of the model is lost")

    def _assume(self, rows: Sequence[PreparedRow]) -> None:
        """Take it that the records of these rows are there, since the org is not asked."""
        target = self.sender.target
        for row in rows:
            text = str(row.record["id"]) if "id" in row.record else row.key or ""
            field = "id" if "id" in row.record else target.key or ""
            if not self._model.knows_some(target.module, field, text):  # of an earlier row, maybe
                self._model.assume(target.module, field, text)

    def _task(self, begun: Begun) -> Task:
        self._begun[begun.batch.id] = begun
        return lambda: [question.ask() for question in begun.questions]

    # -- on the main thread again -----------------------------------------------------------------------

    def conclude(self, finished: Sequence[Finished[Batch]]) -> Sequence[Finished[Batch]]:
        for each in finished:
            self._finished[each.tag.id] = each
        concluded = []
        while self._begun and (first := next(iter(self._begun))) in self._finished:
            done, begun = self._finished.pop(first), self._begun.pop(first)
            if done.error is not None and is_blocked(done.error):
                self._questions.asked_rows -= begun.asked_rows
                concluded.append(done)  # its rows are asked about again, in halves
                continue
            if done.error is not None:
                raise done.error
            assert isinstance(done.value, list)  # noqa: S101  see `_task`
            for question, answer in zip(begun.questions, done.value, strict=True):
                question.learn(answer)
            concluded.append(replace(done, value=self._answer(begun)))
        return concluded

    def _answer(self, begun: Begun) -> LookedUp | Written | Sent:
        batch = begun.batch
        if begun.looks_up:
            return self.sender.look_up(batch, begun.wanted)
        target = self.sender.target_of(batch)
        replies = self._writes.write(target, batch, begun.unasked)
        done = [reply for reply in replies if isinstance(reply, Done)]
        if len(done) == len(replies):
            return Written(self._with_remarks(batch, all_written(target.operation, target.key, done)))
        verdicts = [self._verdict(target, row, reply) for row, reply in zip(batch.rows, replies, strict=True)]
        if any(verdict.question is not None for verdict in verdicts):
            self._tariff.count_read_back()
            verdicts = Search(self._model, target, None).answered(batch, verdicts, looked_for=False)
        outcomes = self._with_remarks(batch, [verdict.outcome for verdict in verdicts])
        told = [
            verdict._replace(outcome=outcome) for verdict, outcome in zip(verdicts, outcomes, strict=True)
        ]
        return Sent(told, doubted=False)

    def _verdict(self, target: Target, row: PreparedRow, reply: Reply) -> Verdict:
        if isinstance(reply, Done):
            return Verdict(all_written(target.operation, target.key, [reply])[0])
        return on_refusal(target, row, reply)

    def _with_remarks(self, batch: Batch, outcomes: list[Outcome]) -> list[Outcome]:
        remarks = self._writes.remarks
        if not remarks:
            return outcomes
        return [
            outcome._replace(reasons=(*outcome.reasons, remarks[row.number]))
            if row.number in remarks
            else outcome
            for row, outcome in zip(batch.rows, outcomes, strict=True)
        ]
