"""Rows of a source that share a key or another unique value: one rule decides which of them are written.

Rows of one key come here one after the other, in source order, once each holds its values at the fence: so it
is known what became of those before. `Repeats` alone looks at all rows beforehand, for `last` and `fail`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b

import orjson

from zmigrate.engine.model.batch import PreparedRow, digest_of
from zmigrate.engine.model.outcomes import (
    DUPLICATE_IN_SOURCE,
    Outcome,
    duplicate_in_source,
    failed,
    may_stand,
    skipped,
)
from zmigrate.engine.model.target import Target
from zmigrate.engine.pipeline.written_rows import WrittenRow, WrittenRows
from zmigrate.engine.storage.scratch import scratch_db
from zmigrate.rows.key_slots import RepeatedKeys

EVERY_ROW = "to write every row, one after the other: --on-repeated each"


class Duplicates:
    """Remembers which rows were written with which key, and decides about later rows with such a key."""

    def __init__(self, target: Target, repeated: RepeatedKeys | None = None) -> None:
        """`repeated`: which keys may come more than once; None: any may."""
        self._target = target
        self._repeated = repeated
        self._written = WrittenRows()
        by_key = target.writes_by_key and target.fold is not target.match
        self._one_record = by_key or target.ignore_case
        """Whether two spellings of a key may be one record, and a row would change an earlier row's."""
        self.by_others = target.operation == "upsert" and bool(target.others)
        """Whether Zoho finds records by other unique values, too."""
        chosen_here = target.operation == "delete" or target.on_repeated in {None, "first"}
        self._watches = chosen_here or self._one_record or self.by_others

    def watch(self, rows: list[PreparedRow]) -> list[PreparedRow]:
        """The rows before their references are filled in: those to remember get a digest."""
        if not self._watches:
            return rows
        if self._repeated is None:
            return list(map(_with_digest, rows))
        rows = list(rows)
        places = set(self._repeated.among([row.key or "" for row in rows]))
        if self.by_others:
            places.update(place for place, row in enumerate(rows) if row.others)
        for place in places:
            rows[place] = _with_digest(rows[place])
        return rows

    def outcome(self, row: PreparedRow) -> Outcome | None:
        """Why a row that holds its values is not written; None if it is."""
        if row.digest is None:
            return None
        for first in self._written.of(row.folded or ""):
            if self._same_key(row, first):
                outcome = self._of_same_key(row, first)
            elif self._one_record:
                outcome = in_another_case(self._target, row, first.line, first.key)
            else:
                outcome = None
            if outcome is not None:
                return outcome
        for value in row.others if self.by_others else ():
            for first in self._written.of(value):
                if not self._same_key(row, first):
                    message = shared(first.line, self._target.key or "")
                    return failed(DUPLICATE_IN_SOURCE, value.partition("\0")[0], message)
        return None

    def _same_key(self, row: PreparedRow, first: WrittenRow) -> bool:
        match = self._target.match
        return match(row.key or "") == match(first.key)

    def note(self, rows: Sequence[PreparedRow], outcomes: Sequence[Outcome]) -> None:
        """Remember the rows that were written, or may have been."""
        if not any(map(digest_of, rows)):
            return
        new: list[WrittenRow] = []
        for row, outcome in zip(rows, outcomes, strict=True):
            if row.digest is not None and may_stand(outcome):
                doubted = outcome.action == "in_doubt"
                for value in row.fenced if self.by_others else (row.folded or "",):
                    new.append(WrittenRow(value, row.key or "", row.line, row.digest, doubted))
        self._written.add(new)

    def close(self) -> None:
        self._written.close()

    def _of_same_key(self, row: PreparedRow, first: WrittenRow) -> Outcome | None:
        target, line = self._target, first.line
        if target.operation == "delete":
            deletes = "may have deleted" if first.doubted else "deletes"
            return skipped(f"line {line} {deletes} this record already")
        if target.on_repeated not in {None, "first"}:
            return None
        if row.digest == first.digest and not first.doubted:
            return skipped(f"the same as line {line}")
        if target.on_repeated == "first":
            written = "may have been written" if first.doubted else "was written"
            return skipped(f"line {line} has this key too, and {written}")
        remedy = None if target.operation == "insert" else EVERY_ROW
        return duplicate_in_source(row.key, line, target.key, doubted=first.doubted, remedy=remedy)


def in_another_case(target: Target, row: PreparedRow, line: int, key: str) -> Outcome:
    """The outcome of a row that an earlier one keeps from being written, by its key in other letters."""
    why = "with ignore_case both may be" if target.ignore_case else "Zoho takes both for"
    message = f"line {line} has the key {key!r}, in another letter case: {why} one record"
    return failed(DUPLICATE_IN_SOURCE, target.key, message, row.key)


def _with_digest(row: PreparedRow) -> PreparedRow:
    """The row with a digest of its record; of open references, of what they refer to. A row with the same
    digest is skipped as the same, so a checksum, which another record may easily have, would not do.
    """
    content = orjson.dumps(row.record, option=orjson.OPT_SORT_KEYS)
    if row.open:
        content += repr([(each.field, each.reference) for each in row.open]).encode()
    digest = int.from_bytes(blake2b(content, digest_size=8).digest()) >> 1  # SQLite's integers are signed
    return tuple.__new__(PreparedRow, (*row[:-1], digest or 1))


def shared(line: int, key: str) -> str:
    """Why a row is not written."""
    return f"line {line} has this value too, with another {key}: Zoho would change the record of that line"


class Repeats:
    """For each key its first and last row, of all that can be prepared."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._db = scratch_db()
        self._db.execute(
            "CREATE TABLE seen (key TEXT PRIMARY KEY, first INTEGER, first_line INTEGER,"
            " last INTEGER, last_line INTEGER) WITHOUT ROWID"
        )
        self._db.execute("BEGIN")

    def add(self, rows: Iterable[PreparedRow]) -> None:
        """Add rows in source order."""
        match = self._target.match
        self._db.executemany(
            "INSERT INTO seen VALUES (?1,?2,?3,?2,?3)"
            " ON CONFLICT DO UPDATE SET last=excluded.last, last_line=excluded.last_line",
            [(match(row.key), row.number, row.line) for row in rows if row.key is not None],
        )

    def outcome(self, row: PreparedRow) -> Outcome | None:
        """Why a row is not written; None if it is. Rows are identified by their lines."""
        if row.key is None:
            return None
        found = self._db.execute(
            "SELECT first, first_line, last, last_line FROM seen WHERE key=?", (self._target.match(row.key),)
        ).fetchone()
        if found is None or found[0] == found[2]:
            return None
        _, first_line, _, last_line = found
        if self._target.on_repeated == "last":
            late = row.line == last_line
            return None if late else skipped(f"line {last_line} has this key too, and comes last")
        where = f"several lines, from {first_line} to {last_line}; none of them is written"
        message = f"the key {row.key!r} is used in {where}"
        return failed(DUPLICATE_IN_SOURCE, self._target.key, message, row.key)

    def close(self) -> None:
        self._db.close()


class MetItems:
    """How often each item of a hand-written loop has come."""

    def __init__(self) -> None:
        self._db = scratch_db()
        self._db.execute("CREATE TABLE met (item TEXT PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID")

    def meet(self, item: str) -> int:
        """Count an item once more; return how often it has come by now."""
        if self._db.execute("INSERT OR IGNORE INTO met VALUES (?,1)", (item,)).rowcount:
            return 1
        self._db.execute("UPDATE met SET times = times + 1 WHERE item = ?", (item,))
        times: int = self._db.execute("SELECT times FROM met WHERE item = ?", (item,)).fetchone()[0]
        return times

    def close(self) -> None:
        self._db.close()
