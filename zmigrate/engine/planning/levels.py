"""In how many levels a run would write rows that refer to one another, and how many close circles."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from zmigrate.engine.order import Order
from zmigrate.engine.planning.book import Book
from zmigrate.engine.target import Target
from zmigrate.rows.sources import Row
from zmigrate.writes import OnRepeated

_POINTERS = """
SELECT r.number, r.line, fold_own(r.value) FROM reference r JOIN row me ON me.number=r.number
WHERE me.fate NOT IN ('refused', 'skip') AND r.kind='ref' AND r.module=? AND r.by IN ('', ?) ORDER BY r.number
"""

_NO_CELLS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Levels:
    """Each level is written before the next one begins."""

    sizes: tuple[int, ...]
    """Rows of each."""
    cuts: int = 0
    """Rows that are written a second time, with the reference that closes a circle."""


def levels_of(book: Book, target: Target, mode: OnRepeated, rows: int) -> Levels:
    """The levels of so many rows that would be written. The references were looked up by then."""
    repeats = mode not in {"each", target.natural_on_repeated}
    with closing(Order(last_of_key=mode == "last", in_turn=not repeats)) as order:
        written = book.db.execute(
            "SELECT folded, number FROM row WHERE folded IS NOT NULL AND fate NOT IN ('refused', 'skip')"
        )
        order.add_keys(written)
        pointers = book.db.execute(_POINTERS, (target.module, target.key or ""))
        for (number, line), found in groupby(pointers, itemgetter(0, 1)):
            order.add_child(Row(number, line, _NO_CELLS), [folded for _, _, folded in found])
        if not order.arrange(None, rows):
            return Levels((rows,))
        ends = [*order.gates, rows]
        sizes = (end - begin for begin, end in zip([0, *ends], ends, strict=False))
        return Levels(tuple(size for size in sizes if size), order.cuts)
