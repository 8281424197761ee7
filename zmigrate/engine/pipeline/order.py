"""Parents first: rows of one source that refer to one another are written level by level, one write a record.

Level 0 holds the rows that refer to no other row of the source. Any other row is one level below the lowest
of its parents. In a circle one row is cut: it is written without the reference, which follows once all its
rows exist. The graph lives in a temporary database that spills to disk, so memory stays flat.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from zmigrate.engine.model.batch import Place
from zmigrate.engine.pipeline import order_sql as sql
from zmigrate.engine.storage.scratch import scratch_db
from zmigrate.rows.conversion.keys import fold_key
from zmigrate.rows.sources import Cursor, Fingerprint, Row, Source
from zmigrate.rows.sources.base import START

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm


WALKED_MOST = 100_000
"""The most rows that one search for circles visits."""


class Order:
    """Which rows refer to which, and in what order to write them. Fill it with `add_keys` and `add_child`,
    then call `arrange`.
    """

    def __init__(self, *, last_of_key: bool = False, in_turn: bool = False) -> None:
        """`last_of_key`: of several rows with one key the last is written, not the first. `in_turn`: all
        of them are sent, in order.
        """
        self._db = scratch_db()
        self._db.create_function("alike", 1, fold_key, deterministic=True)
        self._db.executescript(sql.SCHEMA)
        self._db.execute("BEGIN")
        self._last_of_key = last_of_key
        self._in_turn = in_turn
        self._ignores_case = False
        self.fields: set[str] = set()
        """The fields by which rows refer to one another."""
        self.roots = 0
        """Rows of level 0."""
        self.cuts = 0
        """Rows that are written without a reference that closes a circle."""
        self.gates: list[int] = []
        """The place of the last row of each level except the lowest."""

    def close(self) -> None:
        self._db.close()

    # -- filling ----------------------------------------------------------------------------------

    def add_keys(self, keys: Iterable[tuple[str, int]]) -> None:
        """Add rows by their keys, as they are matched, and numbers."""
        self._db.executemany("INSERT INTO key VALUES (?,?)", keys)

    def add_child(self, row: Row, parents: Sequence[str], ignore_case: Sequence[str] = ()) -> None:
        """Add a row that refers to rows with these keys, wherever they are in the source. `ignore_case`: of
        the keys those that a row in another letter case has, if none has them as they are.
        """
        self._db.execute(
            "INSERT INTO child VALUES (?,?,?,NULL,0,0,NULL)", (row.number, row.line, _packed(row))
        )
        pointers = [(row.number, key, key in ignore_case) for key in parents]
        self._db.executemany("INSERT INTO pointer VALUES (?,?,?)", pointers)
        self._ignores_case = self._ignores_case or bool(ignore_case)

    def arrange(self, source: Source | None, rows: int) -> bool:
        """Find the level and place of each of the source's `rows` rows. Return False if no row refers to
        another, so that the order of the source can stay. `source` None: only the levels are wanted, not the
        rows.
        """
        db = self._db
        db.execute("COMMIT")
        db.execute("BEGIN")
        db.execute("CREATE INDEX IF NOT EXISTS key_folded ON key(folded, number)")
        if self._ignores_case:
            db.execute(sql.ALIKE_INDEX)
            db.execute(sql.TO_ALIKE)
        db.execute(sql.EDGES.format(which="max" if self._last_of_key else "min"))
        db.execute("CREATE INDEX edge_child ON edge(child)")
        db.execute("DELETE FROM child WHERE number NOT IN (SELECT child FROM edge)")
        if self._in_turn:
            self._let_repeated_follow(source)
        db.execute(sql.WAITS)
        db.execute(sql.UNPLACED)
        db.execute("CREATE INDEX child_level ON child(level)")
        level = 0
        while self._next_level(level):
            level += 1
        if self._in_turn:
            db.execute(sql.CUT_FOLLOWERS)
        db.execute(sql.PLACES, (rows - self._one("SELECT count(*) FROM child"),))
        return self._count(rows)

    def recall(self, source: Source, rows: int, places: Iterable[Place]) -> bool:
        """Take over the places from when the run began, instead of `arrange`: the journal knows rows by
        these places, and a new arrangement might differ.
        """
        db = self._db
        db.execute("COMMIT")
        db.execute("BEGIN")
        db.executemany("INSERT INTO recalled VALUES (?,?,?,?,?)", places)
        db.execute("DELETE FROM child WHERE number NOT IN (SELECT number FROM recalled)")
        db.execute(sql.RECALL_LACKING)
        self._fill_in(source)
        db.execute(sql.RECALL)
        return self._count(rows)

    def places(self) -> Iterator[Place]:
        """The places of all rows below level 0."""
        yield from map(Place._make, self._db.execute(sql.PLACED))

    def _count(self, rows: int) -> bool:
        db = self._db
        db.execute("CREATE UNIQUE INDEX child_place ON child(place)")
        db.execute("COMMIT")
        self.cuts = self._one("SELECT count(*) FROM child WHERE cut")
        children = self._one("SELECT count(*) FROM child")
        self.roots = end = rows - children
        for (count,) in db.execute("SELECT count(*) FROM child GROUP BY level ORDER BY level").fetchall():
            self.gates.append(end)
            end += count
        return bool(children)

    def _let_repeated_follow(self, source: Source | None) -> None:
        """Let rows with a repeated key follow the earlier ones, as in the source, if they have parents.
        Rows that refer to such a key follow its last row if they can: the first may be refused and another
        written.
        """
        if not self._db.execute(sql.REPEATED).rowcount:
            return
        self._db.execute(sql.FOLLOWERS)
        self._db.execute(sql.BEHIND_THE_LAST)
        self._db.execute(sql.LACKING)
        if source is not None:
            self._fill_in(source)

    def _fill_in(self, source: Source) -> None:
        """Read the rows below level 0 that were not kept during the first pass."""
        numbers = (number for (number,) in self._db.execute(sql.LACKED))
        wanted = next(numbers, None)
        if wanted is None:
            return
        for row in source.rows():
            if row.number == wanted:
                self._db.execute(sql.KEEP, (row.line, _packed(row), row.number))
                wanted = next(numbers, None)

    def _next_level(self, level: int) -> bool:
        """Give the next level to the rows whose parents all have one. Return False if no rows are left."""
        db = self._db
        if level:
            db.execute(sql.LESS_TO_WAIT_FOR, (level,))
        while not db.execute(sql.LEVEL, (level + 1,)).rowcount:
            circles = self._circles()
            if not circles:
                return False
            cuts = [min(circle) for circle in circles if not self._given_up(circle)]
            db.executemany(sql.CUT, ((level + 1, number) for number in cuts))
            if cuts:
                return True
        return True

    def _circles(self) -> list[list[int]]:
        """Find circles by walking from rows without a level to their parents. Only some are found at a
        time, so that memory stays flat; each is opened on the current level, since levels are written one
        by one.
        """
        seen: set[int] = set()
        circles = []
        for (start,) in self._db.execute(sql.UNPLACED_ROWS):
            path: dict[int, None] = {}
            at = start
            while at not in seen:
                seen.add(at)
                path[at] = None
                at = self._one(sql.UNPLACED_PARENT, at)
            if at in path:
                walked = list(path)
                circles.append(walked[walked.index(at) :])
            if len(seen) > WALKED_MOST:
                break
        return circles

    def _given_up(self, circle: Sequence[int]) -> bool:
        """Open a circle that is closed only by a wait for the last row of a key, not by a reference."""
        for child, parent in zip(circle, [*circle[1:], circle[0]], strict=True):
            if self._db.execute(sql.GIVE_UP, (parent, child)).rowcount:
                self._db.execute(sql.ONE_LESS, (child,))
                return True
        return False

    # -- questions --------------------------------------------------------------------------------

    def has_key(self, folded: str, *, ignore_case: bool = False) -> bool:
        """Whether a row has this key. The first call makes an index."""
        if ignore_case:
            self._db.execute(sql.ALIKE_INDEX)
            return self._one(sql.HAS_ALIKE, folded) is not None
        self._db.execute("CREATE INDEX IF NOT EXISTS key_folded ON key(folded, number)")
        return self._one("SELECT 1 FROM key WHERE folded=? LIMIT 1", folded) is not None

    def is_cut(self, place: int) -> bool:
        """Whether the row at this place is written without the references that close its circle."""
        return bool(self._one("SELECT cut FROM child WHERE place=?", place))

    def child_numbers(self) -> Iterator[int]:
        """The numbers of the rows below level 0, lowest first."""
        for (number,) in self._db.execute("SELECT number FROM child ORDER BY number"):
            yield number

    def children(self, after: int) -> Iterator[Row]:
        """The rows below level 0 behind this place. Each row's number is its place."""
        for place, line, content in self._db.execute(
            "SELECT place, line, content FROM child WHERE place>? ORDER BY place", (after,)
        ):
            yield Row(place, line, pickle.loads(content))  # noqa: S301  written by this process

    def _one(self, statement: str, *values: object) -> Any:
        row = self._db.execute(statement, values).fetchone()
        return None if row is None else row[0]


def _packed(row: Row) -> bytes:
    return pickle.dumps(dict(row.values), protocol=pickle.HIGHEST_PROTOCOL)


class Ordered:
    """A source that gives parents first. A row's number is its place in that order; its line stays."""

    stable = True

    def __init__(self, source: Source, order: Order) -> None:
        self._source = source
        self._order = order

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def columns(self) -> tuple[str, ...] | None:
        return self._source.columns

    @property
    def scopes(self) -> tuple[str, ...]:
        return self._source.scopes

    def scan(self) -> Fingerprint:
        return self._source.scan()

    def check(self, fingerprint: Fingerprint) -> None:
        self._source.check(fingerprint)

    def rows(self, after: Cursor = START, crm: Crm | None = None) -> Iterator[Row]:
        if after.number < self._order.roots:
            yield from self._roots(after.number)
        yield from self._order.children(after.number)

    def _roots(self, after: int) -> Iterator[Row]:
        children = self._order.child_numbers()
        next_child = next(children, None)
        place = 0
        for row in self._source.rows():
            if row.number == next_child:
                next_child = next(children, None)
                continue
            place += 1
            if place > after:
                yield row._replace(number=place)
