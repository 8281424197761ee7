"""A first pass over the rows, where a job needs one before its first write: who is whose parent, which keys
stand several times, which references must not stay open.
"""

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
from zmigrate.job.job import DeclaredColumns
from zmigrate.job.references import Ref, Reference
from zmigrate.job.writes import scopes_for
from zmigrate.rows.sources import Row, Source
from zmigrate.rows.sources.base import START
from zmigrate.stopping import StopSignal
from zmigrate.zoho.crm import Crm
from zmigrate.zoho.facts.scopes import missing
from zmigrate.zoho.metadata import ModuleFields

PEEKED_ROWS = 1_000
"""Rows that tell whether a job whose references are not declared has any that stop the run."""


@dataclass(slots=True)
class Survey:
    """What the first pass found out; all None where none was needed."""

    source: Source
    """The job's, or with its rows parents first."""
    order: Order | None = None
    repeats: Repeats | None = None

    @property
    def gates(self) -> Sequence[int]:
        """Rows behind which nothing is read before they have all ended."""
        return () if self.order is None else self.order.gates

    def close(self) -> None:
        for part in (self.order, self.repeats):
            if part is not None:
                part.close()


class Surveyor:
    """Makes the pass. `required` collects the references that stop a run where they are open."""

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
        self._source = work.read.step.source
        self._target = target
        self._required = required
        self._columns = DeclaredColumns.of(job)
        self._refers_to = () if self._columns is not None else job.refers_to
        self._prepare = Preparer(
            job.transform, work.converter, target, _to_no_one, keep_source=False, columns=self._columns
        )
        wants_order = self._may_refer_to_itself(work.fields)
        mode = job.write.on_repeated
        wants_repeats = target.key is not None and mode not in {"each", target.natural_on_repeated}
        in_turn = not wants_repeats
        self._order = Order(last_of_key=mode == "last", in_turn=in_turn) if wants_order else None
        self._repeats = Repeats(mode, target.key or "") if wants_repeats else None

    def survey(self, places: Iterator[Place] | None = None) -> Survey:
        """Read as much as is needed. Raises UsageError where a source can't be read twice, or a required
        reference is open. `places`: on resume, those that rows had when the run began.
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
                return Survey(self._source, None, repeats)
            if order.cuts:
                self._need_updates(order.cuts)
            return Survey(Ordered(self._source, order), order, repeats)
        except BaseException:
            for part in (order, repeats):
                if part is not None:
                    part.close()
            raise

    def _ordered(self, order: Order, rows: int, places: Iterator[Place] | None) -> bool:
        if places is None:
            return order.arrange(self._source, rows)
        return order.recall(self._source, rows, places)

    def _may_refer_to_itself(self, fields: ModuleFields) -> bool:
        target = self._target
        if target.operation not in {"insert", "upsert"} or target.key is None:
            return False
        if self._refers_to is not None:
            return target.module in self._refers_to
        # Undeclared, and not to be read twice: a row that refers to another of this source fails as open.
        return self._source.stable and any(
            field.lookup_module == target.module and (field.creatable or field.updatable) for field in fields
        )

    def _refuse_unstable(self) -> None:
        if not self._source.stable:
            raise UsageError(
                f"the rows of {self._source.name} have to be read twice, and may have changed by then",
                hint="Rows that refer to one another, and `on_repeated`, want a file: export to one first.",
                code="SOURCE_CHANGES",
            )

    def _need_updates(self, cuts: int) -> None:
        write = self._job.write
        lacking = missing(self._job.scopes, scopes_for(write, refers_to=(write.module,)))
        if lacking:
            raise JobError(
                f"{cuts:,} rows of {self._source.name} refer to one another in a circle, which takes a "
                "second write; the job declares too few scopes for it, missing: " + ", ".join(lacking),
                hint="Add them to `scopes`, or derive them: "
                f'scopes_for(write, refers_to=("{write.module}",))',
            )

    def _may_require(self) -> bool:
        """Whether a reference may stop the run: as the job declares, or else as its first rows show."""
        stated = self._job._hooks.may_stop
        if stated is not None:
            return stated
        if self._refers_to is not None:
            return bool(self._refers_to)
        return self._source.stable and self._peek()

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
        return self._source.rows(START, self._crm)

    def _add_to_order(self, order: Order, rows: Sequence[Row], on_their_way: Sequence[PreparedRow]) -> None:
        order.add_keys([(row.folded, row.number) for row in on_their_way if row.folded is not None])
        for row in on_their_way:
            keys = [(own_key(self._target, open_id.reference), open_id.field) for open_id in row.open]
            parents = [key for key, _ in keys if key is not None]
            if parents:
                order.add_child(rows[row.number - rows[0].number], parents)
                order.fields.update(field for key, field in keys if key is not None)

    def _is_a_key(self, reference: Ref) -> bool:
        """Whether a row of this source has the key that a reference names."""
        key = own_key(self._target, reference)
        return key is not None and self._order is not None and self._order.has_key(key)


def own_key(target: Target, reference: Reference) -> str | None:
    """The folded key of a reference to what this very run writes; None for any other."""
    if (
        isinstance(reference, Ref)
        and reference.module == target.module
        and reference.field in {None, target.key}
    ):
        return target.fold(reference.key.strip())
    return None


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while some := list(islice(rows, BATCH_ROWS)):
        yield some


def _to_no_one(event: Event) -> None:
    """What the rows of the pass would tell is told when they are read again."""
