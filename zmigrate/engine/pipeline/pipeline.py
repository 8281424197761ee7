"""From rows of the source to rows that may be sent: prepared, keys compared, references filled in."""

from __future__ import annotations

from collections.abc import Sequence

from zmigrate.engine.model import deferred_links
from zmigrate.engine.model.batch import PreparedRow, nothing_to_write, refer
from zmigrate.engine.model.outcomes import Outcome
from zmigrate.engine.pipeline.duplicates import Duplicates, Repeats
from zmigrate.engine.pipeline.order import Order
from zmigrate.engine.pipeline.prepare import Preparer
from zmigrate.engine.pipeline.producer import Prepared
from zmigrate.engine.pipeline.resolver import Resolver
from zmigrate.engine.pipeline.survey import Survey
from zmigrate.rows.sources import Row


class Pipeline:
    """Called with source rows. Returns the rows that can be sent, and the ended rows with outcomes."""

    def __init__(
        self,
        prepare: Preparer,
        survey: Survey,
        resolver: Resolver,
        duplicates: Duplicates | None,
        *,
        updates_by_id: bool,
    ) -> None:
        """`updates_by_id`: rows with nothing to change need not be sent. (Of an update by another key the
        record is looked up first: there may be none.)
        """
        self._prepare = prepare
        self._updates_by_id = updates_by_id
        self._duplicates = duplicates
        self._repeats: Repeats | None = survey.repeats
        self._order: Order | None = survey.order
        self._resolver = resolver

    def __call__(self, rows: Sequence[Row]) -> Prepared:
        on_their_way, ended = self._prepare(rows)
        if self._repeats is not None:
            on_their_way, repeated = _parted(on_their_way, self._repeats)
            ended += repeated
        if self._duplicates is not None:
            on_their_way = self._duplicates.watch(on_their_way)
        if self._order is not None and self._order.cuts:
            on_their_way = [self._cut(row, self._order) for row in on_their_way]
        if refer(on_their_way):
            on_their_way, unresolved = self._resolver.resolve(on_their_way)
            ended += unresolved
        if self._updates_by_id and (unchanged := nothing_to_write(on_their_way)):
            ended += unchanged
            ends = {row.number for row, _ in unchanged}
            on_their_way = [row for row in on_their_way if row.number not in ends]
        return on_their_way, ended

    def _cut(self, row: PreparedRow, order: Order) -> PreparedRow:
        """Take out the references of a row that close a circle; also of later rows with its key, or the
        earlier row's references would overwrite theirs.
        """
        names = [name for name in row.record if name in order.fields]
        return deferred_links.cut(row, names) if names and order.is_cut(row.number) else row


def _parted(
    rows: Sequence[PreparedRow], repeats: Repeats
) -> tuple[list[PreparedRow], list[tuple[PreparedRow, Outcome]]]:
    on_their_way: list[PreparedRow] = []
    ended: list[tuple[PreparedRow, Outcome]] = []
    for row in rows:
        outcome = repeats.outcome(row)
        if outcome is None:
            on_their_way.append(row)
        else:
            ended.append((row, outcome))
    return on_their_way, ended
