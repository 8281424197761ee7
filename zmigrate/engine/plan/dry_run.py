"""The dry run of one record job: the session of a run, against the model of the org."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zmigrate.engine.dispatch.exchange import WithZoho
from zmigrate.engine.dispatch.org_access import OrgAccess
from zmigrate.engine.dispatch.sender import Sender
from zmigrate.engine.dispatch.settling import SettlingTime
from zmigrate.engine.model.batch import PreparedRow
from zmigrate.engine.model.keys import KeyField, unique_fields
from zmigrate.engine.model.outcomes import Outcome, RowCounts
from zmigrate.engine.model.run_options import PlanOptions
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.escapes import Escapes
from zmigrate.engine.pipeline.lookups import Lookups
from zmigrate.engine.pipeline.required import RequiredReferences
from zmigrate.engine.pipeline.resolver import Resolver, Wanted
from zmigrate.engine.pipeline.survey import Survey, Surveyor
from zmigrate.engine.plan.book import Book
from zmigrate.engine.plan.dry_exchange import DryExchange
from zmigrate.engine.plan.elsewhere import Elsewhere
from zmigrate.engine.plan.judge import Judge
from zmigrate.engine.plan.model_writes import ModelWrites, Sightings
from zmigrate.engine.plan.org_model import OrgModel, Record
from zmigrate.engine.plan.price import PlanCounts, Price, Tariff
from zmigrate.engine.plan.questions import OrgQuestions
from zmigrate.engine.plan.record_ids import Pointers
from zmigrate.engine.plan.row_files import PlannedRows
from zmigrate.engine.plan.row_notes import RowNotes, WatchedColumns
from zmigrate.engine.plan.second_look import PlanParts, SecondLook
from zmigrate.engine.preflight.invocation import Invocation
from zmigrate.engine.preflight.record_work import RecordWork
from zmigrate.engine.preflight.steps import ReadStep
from zmigrate.engine.runner.beginning import Opened
from zmigrate.engine.runner.record_session import RecordInput, RecordSession, SessionOptions
from zmigrate.engine.storage.id_map import IdMap
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.source_copy import copy_rows
from zmigrate.errors import Fatal, InternalError, RefusedError
from zmigrate.events import Credits, Event, EventHub, Log
from zmigrate.private_files import scratch_folder
from zmigrate.rows.sources.copied_rows import Original
from zmigrate.zoho.answers import Answer
from zmigrate.zoho.metadata import Layout


@dataclass(frozen=True, slots=True)
class OrgOfPlan:
    """What the steps of a plan share: the model of the org, and the keys that runs wrote or steps would."""

    model: OrgModel
    ids: Callable[[], IdMap]


@dataclass(frozen=True, slots=True)
class DryRun:
    """What came of one record job."""

    work: RecordWork
    opened: Opened
    rows: RowCounts
    limited: bool
    price: Price
    book: Book
    parts: PlanParts
    unread: Sequence[str]
    """Columns that `transform` never looks at."""
    files: PlannedRows
    stopping: Mapping[str, Sightings]
    """References that must find a record and find none, by field: a run would stop before its first write."""
    escapes: Escapes

    @property
    def target(self) -> Target:
        return self.work.target

    @property
    def counts(self) -> PlanCounts:
        rows, unasked = self.rows, self.parts.notes.not_asked()
        return PlanCounts(
            rows=rows.read,
            creates=rows.created - unasked["created"],
            updates=rows.updated - unasked["updated"] + rows.unchanged,
            unchanged=self.parts.notes.changing_nothing() + rows.unchanged,
            deletes=rows.deleted - unasked["deleted"],
            skipped=rows.skipped,
            refused=rows.failed,
            not_asked=unasked.total(),
            unsent=rows.unchanged,
        )


class DryRunner:
    """Makes the dry run of one record job."""

    def __init__(
        self,
        work: RecordWork,
        opened: Opened,
        invocation: Invocation,
        options: PlanOptions,
        org: OrgOfPlan,
        *,
        hands_on: bool,
    ) -> None:
        """`hands_on`: later steps may refer to what this one would write."""
        self._work = work
        self._opened = opened
        self._reads = opened.reads
        self._invocation = invocation
        self._options = options
        self._org = org
        self._hands_on = hands_on
        self._book = Book()
        self._stopping: dict[str, Sightings] = {}

    def run(self, seconds_per_call: Callable[[], float]) -> DryRun:
        """Go through all rows. Raises what reading the source and asking the org raise."""
        try:
            return self._run(seconds_per_call)
        except BaseException:
            self._book.close()
            raise

    def _run(self, seconds_per_call: Callable[[], float]) -> DryRun:
        folder = self._book.closing.enter_context(scratch_folder())
        work = self._work = self._with_copy(self._work, folder)
        self._org.model.sources.append(work.read.step.source.name)
        parts = self._make_parts(work)
        finds = AskedFinds(self._org.model, parts.questions)
        lookups = Lookups(self._org.ids, finds, self._reads.crm.fields)
        columns = WatchedColumns(work.read.step.job, work.read.step.source)
        with ExitStack() as stack:
            stack.callback(lookups.close, ids=False)
            survey = self._survey(lookups)
            self._book.closing.callback(survey.close)
            work.users.used.clear()  # the first pass has counted them, too
            tariff = Tariff(work.target, survey.gates)
            journal = self._journal(folder)
            given = RecordInput(
                work.read.step.job,
                survey,
                work.converter,
                work.target,
                lookups,
                self._reads.crm,
                columns.transform,
                work.read.repeated,
            )
            rows, limited, escapes = self._go_through(given, journal, parts, tariff)
            if self._hands_on:
                self._org.ids().follow(journal, work.target.to_json(), self._invocation.now())
        return DryRun(
            work,
            self._opened,
            rows,
            limited,
            self._price(tariff, seconds_per_call()),
            self._book,
            parts,
            columns.unread,
            PlannedRows(journal, self._book, self._org.model, survey.source, work.texts),
            self._stopping,
            escapes,
        )

    def _go_through(
        self, given: RecordInput, journal: Journal, parts: PlanParts, tariff: Tariff
    ) -> tuple[RowCounts, bool, Escapes]:
        """Go through the rows as a run does, then look at the refused ones again. Return the counts,
        whether the limit came before the end, and the values that seem to be escaped.
        """
        exchanges: list[DryExchange] = []

        def make_exchange(sender: Sender, resolver: Resolver) -> DryExchange:
            with_zoho = WithZoho(sender, resolver)
            made = DryExchange(
                with_zoho, self._org.model, parts.questions, parts.writes, tariff, bodies=journal.keeps_bodies
            )
            exchanges.append(made)
            return made

        session = RecordSession(
            given,
            self._access(),
            journal,
            self._hub(),
            self._invocation.stop,
            SessionOptions(
                SettlingTime(0.0),
                limit=self._options.limit,
                keep_going=True,
                watch=parts.notes,
                leaves_links=True,
            ),
            make_exchange=make_exchange,
        )
        result = session.run(self._invocation.now())
        self._invocation.stop.check()
        (exchange,) = exchanges
        SecondLook(self._book, self._work.target, self._org.model, self._reads, exchange, parts).go()
        return session.rows, result.state == "limited", session.escapes

    def _make_parts(self, work: RecordWork) -> PlanParts:
        model, target, layouts = self._org.model, work.target, self._layouts()
        keys, pointers = _keys(work), Pointers(work.fields, self._reads)
        unique = [key for key in keys if key.name != target.key or target.key_kind == "unique"]
        elsewhere = Elsewhere(work, self._reads, model)
        judge = Judge(model, work.fields, unique, pointers, self._reads, layouts, elsewhere)
        return PlanParts(
            layouts,
            judge,
            OrgQuestions(
                self._reads,
                model,
                target,
                work.fields,
                keys,
                pointers,
                elsewhere,
                rows=self._rows_expected,
                most=self._options.ask,
            ),
            ModelWrites(model, target, work.fields, keys, judge),
            RowNotes(
                self._book,
                model,
                self._invocation.hub,
                fields=work.fields,
                column_of={fill.field: fill.columns[0] for fill in work.fills or () if fill.columns},
                total=self._rows_expected,
            ),
        )

    # -- what the session is given ------------------------------------------------------------------

    def _survey(self, lookups: Lookups) -> Survey:
        required = RequiredReferences(lookups.resolver, lookups.ask, self._note_stopping)
        surveyor = Surveyor(self._work, required, self._reads.crm, self._invocation.stop)
        return surveyor.survey()

    def _note_stopping(self, row: PreparedRow, outcome: Outcome) -> None:
        """A run would stop; a plan goes on."""
        for reason in outcome.reasons:
            self._stopping.setdefault(reason.field or "", Sightings()).add("", row.line)

    def _journal(self, folder: Path) -> Journal:
        """What is sent is only needed if records are known by other fields than the key."""
        bodies = self._hands_on and self._org.ids().has_other_keys(self._work.target.to_json())
        journal = Journal.create(folder / "journal.db", lasting=False, bodies=bodies)
        self._book.closing.callback(journal.close)
        return journal

    def _access(self) -> OrgAccess:
        connection = self._opened.connection
        return OrgAccess(
            wire=_ModelWire(self._org.model),
            room=connection.limiter,
            clock=_NoClock(),
            token_left_s=connection.tokens.left_s,
            credits=lambda: Credits(connection.credits.used, connection.credits.left()),
            user="0",
        )

    def _hub(self) -> EventHub:
        """The session's own: most of what it tells is not about a plan."""
        hub = self._invocation.hub

        def hand_on(event: Event) -> None:
            if isinstance(event, Log) and event.level == "debug":
                hub.emit(event)

        return EventHub(hand_on)

    def _layouts(self) -> tuple[Layout, ...] | None:
        if self._work.target.operation not in {"insert", "upsert"}:
            return ()
        with suppress(Fatal, RefusedError):
            return self._reads.layouts(self._work.target.module)
        return None

    @property
    def _rows_expected(self) -> int | None:
        rows, limit = self._work.read.fingerprint.rows, self._options.limit
        return rows if limit is None else limit if rows is None else min(rows, limit)

    def _with_copy(self, work: RecordWork, folder: Path) -> RecordWork:
        """The rows that a run copies first, as it reads them, in a file that is deleted with the plan."""
        (step, fingerprint, _), source = work.read, work.read.step.source
        if not isinstance(source, Original):
            return work
        copy = copy_rows(
            source,
            folder / "source.jsonl",
            self._invocation.hub.emit,
            self._invocation.stop,
            most=None if self._options.limit is None else self._options.limit + 1,
            total=fingerprint.rows,
        )
        return replace(work, read=ReadStep(replace(step, source=copy), fingerprint))

    def _price(self, tariff: Tariff, seconds_per_call: float) -> Price:
        credits = self._opened.connection.credits
        return tariff.price(
            edition=self._opened.org.edition,
            concurrency=self._options.concurrency,
            seconds_per_call=seconds_per_call,
            credits_left=credits.left(),
            credits_used=credits.used,
        )


def _keys(work: RecordWork) -> list[KeyField]:
    """The key of the target, but for `id`; then the unique fields that Zoho itself guards, if it can be asked
    for their values.
    """
    target = work.target
    field = work.fields.get(target.key or "")
    own = [] if field is None else [KeyField.of(field)]
    if target.several is not None:
        own = [target.several]
    others = () if target.operation == "delete" else unique_fields(work.fields, target.key)
    return own + [key for key in others if not work.fields.fields[key.name].encrypted]


class AskedFinds:
    """Answers a `Find` at once: asks the org for what the model lacks."""

    def __init__(self, model: OrgModel, questions: OrgQuestions) -> None:
        self._model = model
        self._questions = questions

    def find(
        self, module: str, field: str, values: Sequence[str | int], extra_fields: Sequence[str] = ()
    ) -> list[Record]:
        """See `Crm.find`."""
        number = all(isinstance(value, int) for value in values)
        wanted = Wanted((module, field), [str(value) for value in values], number)
        for question in self._questions.about_finds([wanted]):
            question.learn(question.ask())
        return self._model.find(module, field, values, extra_fields)


class _ModelWire:
    """The model as what a session sends its calls to. Writes go another way: see `DryExchange`."""

    def __init__(self, model: OrgModel) -> None:
        self.find = model.find
        self.find_together = model.find_together
        self.records_by_id = model.records_by_id

    def write(self, *_: Any, **__: Any) -> Answer:
        raise InternalError("a plan was about to write")

    def is_empty(self, module: str) -> bool:
        """No record of an earlier second has to be told from those of the plan."""
        return True


class _NoClock:
    """No record of a plan is recognised by its times."""

    def earliest(self, local: float) -> float:
        return math.inf

    def latest(self, local: float) -> float:
        return local
