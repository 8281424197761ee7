"""The exchange of a plan: a worker asks the org for what the model lacks, and the model answers in Zoho's
place, batch by batch, in the order in which they began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from zmigrate.engine.dispatch.exchange import Task, WithZoho
from zmigrate.engine.dispatch.searching import Search
from zmigrate.engine.dispatch.sender import LookedUp, Sender, Sent, Written
from zmigrate.engine.dispatch.verdicts import Verdict, all_written, on_refusal
from zmigrate.engine.model.batch import Batch, BatchState
from zmigrate.engine.model.outcomes import Outcome
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.resolver import Resolver, Wanted
from zmigrate.engine.plan.model_writes import ModelWrites, Reply
from zmigrate.engine.plan.org_model import OrgModel
from zmigrate.engine.plan.price import Tariff
from zmigrate.engine.plan.questions import OrgQuestion, OrgQuestions
from zmigrate.zoho.answers import Done
from zmigrate.zoho.workers import Finished


class DryExchange:
    """See `Exchange`. `sender` reads from the model, and never writes."""

    def __init__(
        self,
        sender: Sender,
        resolver: Resolver,
        model: OrgModel,
        questions: OrgQuestions,
        writes: ModelWrites,
        tariff: Tariff,
    ) -> None:
        self.sender = sender
        self.resolver = resolver
        self._with_zoho = WithZoho(sender, resolver)
        self._model = model
        self._questions = questions
        self._writes = writes
        self._tariff = tariff
        self._begun: dict[int, tuple[Batch, BatchState, Sequence[OrgQuestion], Sequence[Wanted]]] = {}
        """What is under way, in the order in which it began: by the ids of batches."""
        self._finished: dict[int, Finished[Batch]] = {}

    def must_look_up(self, batch: Batch) -> bool:
        return self._with_zoho.must_look_up(batch)

    def make_body(self, batch: Batch) -> None:
        """Nothing is sent."""

    def send(self, batch: Batch) -> Task:
        target = self.sender.target_of(batch)
        self._tariff.count_write(target.operation, len(batch.rows), batch.first_row)
        questions = [] if batch.second else self._about(batch)
        return self._task(batch, [*questions, *self._questions.about_pointers(batch.rows)])

    def look_up(self, batch: Batch) -> Task:
        wanted = self.resolver.wanted(batch.rows)
        by_key = not batch.second and (self.sender.target.looked_up or self.sender.target.asks_first)
        self._tariff.count_look_up(len(batch.rows) if by_key else 0, [len(each.values) for each in wanted])
        questions = self._about(batch) if by_key else []
        return self._task(batch, [*questions, *self._questions.about_finds(wanted)], wanted)

    def search(self, batch: Batch) -> Task:
        raise AssertionError("no answer of the model is lost")

    def _about(self, batch: Batch) -> list[OrgQuestion]:
        questions, unasked = self._questions.about(batch.rows)
        target = self.sender.target
        for row in unasked:
            if target.operation in {"update", "delete"}:
                text = str(row.record["id"]) if target.key_kind == "id" else row.key or ""
                self._model.assume(target.module, target.key or "id", text)
            else:
                self._writes.unasked.add(row.number)
        return questions

    def _task(self, batch: Batch, questions: Sequence[OrgQuestion], wanted: Sequence[Wanted] = ()) -> Task:
        self._begun[batch.id] = (batch, batch.state, questions, wanted)
        return lambda: [question.ask() for question in questions]

    # -- on the main thread again -----------------------------------------------------------------------

    def conclude(self, finished: Sequence[Finished[Batch]]) -> Sequence[Finished[Batch]]:
        for each in finished:
            self._finished[each.tag.id] = each
        concluded = []
        while self._begun and (first := next(iter(self._begun))) in self._finished:
            done = self._finished.pop(first)
            batch, state, questions, wanted = self._begun.pop(first)
            if done.error is not None:
                raise done.error
            assert isinstance(done.value, list)  # noqa: S101  see `_task`
            for question, answer in zip(questions, done.value, strict=True):
                question.learn(answer)
            if state is BatchState.LOOKING_UP:
                concluded.append(replace(done, value=self._looked_up(batch, wanted)))
            else:
                concluded.append(replace(done, value=self._sent(batch)))
        return concluded

    def _looked_up(self, batch: Batch, wanted: Sequence[Wanted]) -> LookedUp:
        return self.sender.look_up(batch, wanted)

    def _sent(self, batch: Batch) -> Written | Sent:
        target = self.sender.target_of(batch)
        replies = self._writes.write(target, batch)
        done = [reply for reply in replies if isinstance(reply, Done)]
        if len(done) == len(replies):
            return Written(self._with_remarks(batch, all_written(target.operation, target.key, done)))
        verdicts = [self._verdict(target, reply) for reply in replies]
        if any(verdict.question is not None for verdict in verdicts):
            verdicts = Search(self._model, target, None).answered(batch, verdicts, looked_for=False)
        outcomes = self._with_remarks(batch, [verdict.outcome for verdict in verdicts])
        told = [
            verdict._replace(outcome=outcome) for verdict, outcome in zip(verdicts, outcomes, strict=True)
        ]
        return Sent(told, doubted=False)

    def _verdict(self, target: Target, reply: Reply) -> Verdict:
        if isinstance(reply, Done):
            return Verdict(all_written(target.operation, target.key, [reply])[0])
        return on_refusal(target, reply)

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
