"""A first pass over the rows, if the job needs one: it finds parents, repeated keys, required references."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from zmigrate.engine.model.batch import BATCH_ROWS, Place, PreparedRow
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.duplicates import Repeats
from zmigrate.engine.pipeline.order import Order, Ordered
from zmigrate.engine.pipeline.prepare import Preparer
from zmigrate.engine.pipeline.required import RequiredReferences
from zmigrate.engine.preflight.record_work import RecordWork
from zmigrate.errors import JobError, UsageError
from zmigrate.events import Event
from zmigrate.job.columns import DeclaredColumns
from zmigrate.job.references import Ref, Reference
from zmigrate.job.writes import scopes_for
from zmigrate.rows.sources import Row, Source
from zmigrate.rows.sources.base import START
from zmigrate.stopping import StopSignal
from zmigrate.zoho.crm import Crm
from zmigrate.zoho.facts.scopes import missing
from zmigrate.zoho.metadata import ModuleFields

PEEKED_ROWS = 1_000
"""How many first rows are looked at for references that stop the run, if the job declares none."""


@dataclass(slots=True)
class Survey:
    """What the first pass found; all None if none was needed."""

    source: Source
    """The job's source, or the same with parents first."""
    order: Order | None = None
    repeats: Repeats | None = None

    @property
    def gates(self) -> Sequence[int]:
        """Rows behind which reading waits until all earlier rows have ended."""
        return () if self.order is None else self.order.gates

    def close(self) -> None:
        for part in (self.order, self.repeats):
            if part is not None:
                part.close()


class Surveyor:
    """Makes the pass over `source`. `required` collects the references that stop a run if they are open."""

    def __init__(
        self,
        work: RecordWork,
        required: RequiredReferences,
        crm: Crm,
        stop: StopSignal,
    ) -> None:
        job, target = work.read.step.job, work.target
        self._job = job
        self._crm = crm
        self._stop = stop
        self.source = work.read.step.source
        self._target = target
        self._required = required
        self._columns = DeclaredColumns.of(job)
        self._refers_to = () if self._columns is not None else job.refers_to
        self._prepare = Preparer(
            job.transform, work.converter, target, _to_no_one, keep_source=False, columns=self._columns
        )
        wants_order = self._may_refer_to_itself(work.fields)
        mode = target.on_repeated
        chosen = target.key is not None and mode in {"last", "fail"}
        self._order = Order(last_of_key=mode == "last", in_turn=not chosen) if wants_order else None
        self._repeats = Repeats(target) if chosen else None

    @property
    def reads_every_row(self) -> bool:
        """Whether the job needs the pass whatever its rows are."""
        return bool(self._order or self._repeats or self._declares_references)

    def survey(self, places: Iterator[Place] | None = None) -> Survey:
        """Read as much as is needed. Raises UsageError if a source can't be read twice, or a required
        reference is open. `places`: on resume, the places that rows had when the run began.
        """
        order, repeats = self._order, self._repeats
        try:
            rows = 0
            if order is not None or repeats is not None:
                self._refuse_unstable()
                rows = self._pass()
            elif self._may_require():
                self._pass()
            self._required.check(self._is_a_key)
            if order is None or not self._ordered(order, rows, places):
                if order is not None:
                    order.close()
                return Survey(self.source, None, repeats)
            if order.cuts:
                self._need_updates(order.cuts)
            return Survey(Ordered(self.source, order), order, repeats)
        except BaseException:
            for part in (order, repeats):
                if part is not None:
                    part.close()
            raise

    def _ordered(self, order: Order, rows: int, places: Iterator[Place] | None) -> bool:
        if places is None:
            return order.arrange(self.source, rows)
        return order.recall(self.source, rows, places)

    def _may_refer_to_itself(self, fields: ModuleFields) -> bool:
        target = self._target
        if target.operation not in {"insert", "upsert"} or target.key is None:
            return False
        if self._refers_to is not None:
            return target.module in self._refers_to
        # Undeclared, and the source can't be read twice: a row that refers to another of its rows fails.
        return self.source.stable and any(
            field.lookup_module == target.module and (field.creatable or field.updatable) for field in fields
        )

    def _refuse_unstable(self) -> None:
        if not self.source.stable:
            raise UsageError(
                f"the rows of {self.source.name} have to be read twice, and may have changed by then",
                hint="Rows that refer to one another, and `on_repeated` last or fail, need a file: "
                "export to one first.",
                code="SOURCE_CHANGES",
            )

    def _need_updates(self, cuts: int) -> None:
        write = self._job.write
        lacking = missing(self._job.scopes, scopes_for(write, refers_to=(write.module,)))
        if lacking:
            raise JobError(
                f"{cuts:,} rows of {self.source.name} refer to one another in a circle, which takes a "
                "second write; the job declares too few scopes for it, missing: " + ", ".join(lacking),
                hint="Add them to `scopes`, or derive them: "
                f'scopes_for(write, refers_to=("{write.module}",))',
            )

    def _may_require(self) -> bool:
        """Whether a reference may stop the run, by the mapping, the job's declaration, or the first rows."""
        declares = self._declares_references
        return self.source.stable and self._peek() if declares is None else declares

    @property
    def _declares_references(self) -> bool | None:
        """None if the job does not say."""
        stated = self._job._hooks.may_stop
        if stated is not None:
            return stated
        return None if self._refers_to is None else bool(self._refers_to)

    def _peek(self) -> bool:
        for rows in _chunks(islice(self._rows(), PEEKED_ROWS)):
            on_their_way, _ = self._prepare(rows)
            if any(open_id.reference.when_open == "stop" for row in on_their_way for open_id in row.open):
                return True
        return False

    def _pass(self) -> int:
        count = 0
        for rows in _chunks(self._rows()):
            self._stop.check()
            count += len(rows)
            on_their_way, _ = self._prepare(rows)
            if self._repeats is not None:
                self._repeats.add(on_their_way)
            if self._order is not None:
                self._add_to_order(self._order, rows, on_their_way)
            for row in on_their_way:
                if row.open:
                    self._required.add(row)
        return count

    def _rows(self) -> Iterator[Row]:
        return self.source.rows(START, self._crm)

    def _add_to_order(self, order: Order, rows: Sequence[Row], on_their_way: Sequence[PreparedRow]) -> None:
        match = self._target.match
        order.add_keys([(match(row.key), row.number) for row in on_their_way if row.key is not None])
        for row in on_their_way:
            parents: list[str] = []
            ignore_case: list[str] = []
            for open_id in row.open:
                key = own_key(self._target, open_id.reference)
                if key is not None:
                    parents.append(key)
                    ignore_case += [key] if open_id.reference.ignore_case else []
                    order.fields.add(open_id.field)
            if parents:
                order.add_child(rows[row.number - rows[0].number], parents, ignore_case)

    def _is_a_key(self, reference: Ref) -> bool:
        """Whether a row of this source has the key that a reference names."""
        key = own_key(self._target, reference)
        if key is None or self._order is None:
            return False
        return self._order.has_key(key, ignore_case=reference.ignore_case)


def own_key(target: Target, reference: Reference) -> str | None:
    """The key of a reference to a row of this run, as it is matched; None for any other reference."""
    if (
        isinstance(reference, Ref)
        and reference.module == target.module
        and reference.field in ({target.key} if target.several is not None else {None, target.key})
    ):
        return target.match(reference.key)
    return None


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while some := list(islice(rows, BATCH_ROWS)):
        yield some


def _to_no_one(event: Event) -> None:
    """Events of the first pass are dropped: the second reading emits them again."""
