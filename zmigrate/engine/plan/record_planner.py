"""The plan of one record job on an open connection: reads every row, asks the org, judges, prices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import islice

from zmigrate.engine.model.batch import PreparedRow
from zmigrate.engine.model.keys import KeyField
from zmigrate.engine.model.outcomes import EXISTS
from zmigrate.engine.model.run_options import PlanOptions
from zmigrate.engine.pipeline.prepare import Preparer
from zmigrate.engine.pipeline.resolver import IdLookup
from zmigrate.engine.plan.book import Book
from zmigrate.engine.plan.duplicates import follow_the_first, repeated_keys, repeated_values
from zmigrate.engine.plan.judge import Judge
from zmigrate.engine.plan.key_lookup import Hits, KeyQuestions
from zmigrate.engine.plan.plan import UserMapped
from zmigrate.engine.plan.planned_keys import NOT_YET, PlannedKeys
from zmigrate.engine.plan.price import Levels, PlanCounts, Price, levels_of, price_of, work_of
from zmigrate.engine.plan.reader import ROWS_TOGETHER, SourceReader
from zmigrate.engine.plan.record_ids import Pointers
from zmigrate.engine.plan.references import References
from zmigrate.engine.plan.warnings import Findings, required_by_layout
from zmigrate.engine.preflight.invocation import Invocation
from zmigrate.engine.preflight.record_work import RecordWork
from zmigrate.engine.runner.beginning import Opened
from zmigrate.engine.storage.source_copy import copy_rows
from zmigrate.errors import Fatal, RefusedError
from zmigrate.events import RowsJudged
from zmigrate.job.job import DeclaredColumns
from zmigrate.job.writes import Write
from zmigrate.private_files import scratch_folder
from zmigrate.reasons import told
from zmigrate.rows.conversion.converter import Converter
from zmigrate.rows.conversion.users import UserDirectory
from zmigrate.rows.sources import Source, Sql
from zmigrate.zoho.metadata import Layout

USERS_SHOWN = 1_000


class RecordPlanner:
    """Plans one record job. `known`: what earlier files and runs wrote; `planned` gets the keys of this
    job's rows, for later files.
    """

    def __init__(
        self,
        work: RecordWork,
        opened: Opened,
        invocation: Invocation,
        options: PlanOptions,
        *,
        known: Sequence[IdLookup] = (),
        planned: PlannedKeys | None = None,
    ) -> None:
        self.job = work.read.step.job
        self.source = work.read.step.source
        self._fingerprint = work.read.fingerprint
        self.opened = opened
        self._reads = opened.reads
        self._hub = invocation.hub
        self._options = options
        self._planned = planned
        self.write: Write = self.job.write
        self.fields = work.fields
        self.target = work.target
        self._column_of: Mapping[str, str] = {
            fill.field: fill.columns[0] for fill in work.fills or () if fill.columns
        }
        self.book = Book()
        self._directory = work.users
        self._references = References(self.target, self.book, self._reads, known, planned)
        self._pointers = Pointers(self.fields, self.book, self._reads)

    # -- the work ---------------------------------------------------------------------------------

    def work(self, seconds_per_call: Callable[[], float]) -> Findings:
        """Read, ask, judge. Raises what reading the source and asking the org raise."""
        if isinstance(self.source, Sql):
            self.source = self._copied(self.source)
        reader = self._reader()
        questions = self._questions()
        layouts = self._layouts
        judge = Judge(self.write, self.target, self.fields, questions.keys, required_by_layout(layouts))
        for group, hits in questions.answer(reader.groups(), self._rows_expected):
            self._hub.deliver()
            self._hub.emit(RowsJudged(reader.rows, self._rows_expected))
            self._note(group, hits, judge, questions.keys, reader)
        self._look_behind()
        counts = self._counts(reader)
        self._hand_on()
        self.book.index_rejects()
        price = self._price(counts, seconds_per_call())
        return Findings(
            self.target,
            self.fields,
            self.job.formats,
            layouts,
            self.opened.org,
            counts,
            price,
            self.book,
            reader,
            judge,
            questions,
            self._pointers,
            self._references,
        )

    def _converter(self, users: UserDirectory) -> Converter:
        write = self.write
        related = self._reads.fields
        return Converter(self.fields, write.operation, write.key, self.job.formats, users, related)

    def _reader(self) -> SourceReader:
        return SourceReader(
            self.job,
            self.source,
            self.target,
            self._converter(self._directory),
            self.book,
            column_of=self._column_of,
            reads=self._reads,
            emit=self._hub.emit,
            limit=self._options.limit,
            note_references=self._references.note,
        )

    def _questions(self) -> KeyQuestions:
        return KeyQuestions(
            self._reads,
            self.target,
            self.fields,
            compares=self.target.operation in {"update", "upsert"} or self.target.on_existing == "update",
            most=self._options.ask,
        )

    @cached_property
    def _layouts(self) -> tuple[Layout, ...] | None:
        if self.target.operation not in {"insert", "upsert"}:
            return ()
        with suppress(Fatal, RefusedError):
            return self._reads.layouts(self.target.module)
        return None

    @property
    def _rows_expected(self) -> int | None:
        rows, limit = self._fingerprint.rows, self._options.limit
        return rows if limit is None else limit if rows is None else min(rows, limit)

    def _note(
        self,
        group: Sequence[PreparedRow],
        hits: Hits | None,
        judge: Judge,
        keys: Sequence[KeyField],
        reader: SourceReader,
    ) -> None:
        """Judge a group of rows, and note what can only be checked once all rows are read."""
        others = [key for key in keys if key.name != self.target.key]
        rows = []
        for row in group:
            fate, reasons = judge.judge(row, hits)
            reasons = [*reasons, *self._pointers.wrong_users(row)]
            if reasons:
                fate = "refused"
                reader.note_rejects(row, reasons)
            rows.append((row.number, row.line, row.key, row.folded, fate, judge.record_id))
            if row.open:
                self._references.note(row)
            if fate != "refused":
                self._pointers.note(row)
            for key in others if fate != "refused" or self.target.operation == "upsert" else ():
                text = key.text_of(row.record)
                if text is not None:
                    self.book.note("taken", (key.name, key.fold(text), row.number, row.line, text))
        self.book.note_all("row", rows)

    def _copied(self, source: Sql) -> Source:
        """The rows as a run reads them, in a file that is deleted with the plan."""
        return copy_rows(
            source,
            self.book.closing.enter_context(scratch_folder()) / "source.jsonl",
            self._hub.emit,
            self._reads.stop,
            most=None if self._options.limit is None else self._options.limit + 1,
            total=self._fingerprint.rows,
        )

    def _look_behind(self) -> None:
        """Check what only all rows together show: missing records, repeated keys, open references."""
        book, columns = self.book, self._column_of
        book.refuse(self._pointers.missing(columns))
        if self._references.seen:
            self._references.look_up()
            book.refuse(self._references.open_ones(columns, of="refused"))
        self._refuse_open()
        if self.target.key is not None:
            book.refuse(repeated_keys(book, self.target, self.write.on_repeated, columns))
        book.refuse(repeated_values(book, self.target, columns))
        self._refuse_open()
        each = self.write.on_repeated == "each"
        updates = self.target.operation in {"update", "upsert"} or self.target.on_existing == "update"
        if updates and each:
            follow_the_first(book, "update")
        elif each and self.target.on_existing == "skip":
            follow_the_first(book, "skip")

    def _refuse_open(self) -> None:
        """Refuse the rows whose references are open, then the rows that refer to these, and so on."""
        while self._references.seen and self.book.refuse(self._references.open_ones(self._column_of)):
            self._reads.stop.check()

    def _counts(self, reader: SourceReader) -> PlanCounts:
        fates = self.book.fates()
        return PlanCounts(
            rows=reader.rows,
            creates=fates.get("create", 0),
            updates=fates.get("update", 0),
            unchanged=fates.get("unchanged", 0),
            deletes=fates.get("delete", 0),
            skipped=reader.skips.total() + fates.get("skip", 0),
            refused=self.book.refused_rows(),
            not_asked=fates.get("unasked", 0),
        )

    def _hand_on(self) -> None:
        """Hand the keys of this job's rows, and the fields they are found by, to later steps."""
        key, operation = self.target.key, self.target.operation
        if self._planned is not None and operation != "delete" and self.source.stable:
            self._planned.add_rows(self.target.module, self._values_of)
        if self._planned is None or key in {None, "id"} or operation == "delete":
            return
        found = self.book.db.execute(
            "SELECT DISTINCT folded FROM row WHERE fate<>'refused' AND folded IS NOT NULL"
        )
        rejected = self.book.rejected_keys()
        self._planned.add_refused(self.target.module, key or "", rejected, self.source.name, self.target.fold)
        self._planned.add(
            self.target.module, key or "", ((folded, NOT_YET) for (folded,) in found), self.target.fold
        )

    def _values_of(self, field: str) -> Iterator[tuple[str, str]]:
        """The values of a field in the records that would be written: see ValuesOf."""
        prepare = Preparer(
            self.job.transform,
            self._converter(UserDirectory(self.job.users, self._reads.users)),
            self.target,
            lambda event: None,
            keep_source=False,
            columns=DeclaredColumns.of(self.job),
        )
        rows = islice(self.source.rows(), self._options.limit)
        while some := list(islice(rows, ROWS_TOGETHER)):
            for row in prepare(some)[0]:
                value = row.record.get(field)
                if value is None:
                    continue
                fate, record_id = self.book.fate(row.number)
                if fate in {"create", "unasked"}:
                    yield str(value), f"line {row.line} of {self.source.name}"
                elif fate in {"update", "unchanged"} and record_id is not None:
                    yield str(value), record_id

    def _price(self, counts: PlanCounts, seconds_per_call: float) -> Price:
        credits = self.opened.connection.credits
        levels = Levels((counts.sent,))
        if self._references.seen:
            levels = levels_of(self.book, self.target, self.write.on_repeated, counts.sent)
        existing = self.book.fates().get("skip", 0) + self.book.count_code(EXISTS)
        work = work_of(self.target, counts, existing, levels, self._references.asked_values)
        return price_of(
            self.target,
            work,
            edition=self.opened.org.edition,
            concurrency=self._options.concurrency,
            seconds_per_call=seconds_per_call,
            credits_left=credits.left(),
            credits_used=credits.used,
        )

    def users(self) -> list[UserMapped]:
        """The org's users that the source's texts mean, the most frequent first."""
        directory = self._directory
        mapped = []
        for text, rows in directory.used.most_common(USERS_SHOWN):
            user = directory.found.get(text)
            if user is not None:
                mapped.append(UserMapped(text, rows, str(user)))
        problems = ((text, told(why)) for text, why in list(directory.missing.items())[:USERS_SHOWN])
        mapped += [UserMapped(text, directory.used.get(text, 0), None, why) for text, why in problems]
        return mapped


def asked_how(questions: KeyQuestions, rows: int) -> str:
    """How the org was asked, in words."""
    if questions.empty:
        return "the module is empty"
    if not questions.asked_rows:
        return (
            "the org was not asked for the rows' records" if questions.keys else "there is no key to ask for"
        )
    return f"the org was asked for {min(questions.asked_rows, rows):,} rows"
