"""The journal: what was about to be sent, and what came of it. The run's SQLite file, and the only SQL about
it.

A row of the source is *recorded* once it is in a batch or among the decided rows; until then it is read again
on resume. Batches hold rows and outcomes as JSON text (readable with plain `sqlite3`) and the body that was
sent, zlib-compressed.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from zmigrate.engine.batch import Batch, Pending
from zmigrate.engine.outcomes import Action, Outcome, unpacked
from zmigrate.errors import DiskFull, JournalDamaged

APPLICATION_ID = 0x7A6D6967
"""Marks the file as a zmigrate journal ("zmig")."""

SCHEMA_VERSION = 1
BODY_LEVEL = 1
"""zlib level of stored bodies: level 1 costs 0.6 µs a row, level 6 half as much again for a fifth less space.
"""

CACHE_KIB = 512
"""Memory for pages: what is written is seldom read again, and a batch is finished soon after it was begun."""

SCHEMA = """
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    parent INTEGER,
    state TEXT NOT NULL,          -- queued: not sent | sent: maybe applied | done: every row has its outcome
    first_row INTEGER NOT NULL,   -- numbers of source rows, from 1
    last_row INTEGER NOT NULL,
    sends INTEGER NOT NULL,
    first_intent REAL,            -- epoch seconds on Zoho's clock, at the earliest
    sent_at REAL,                 -- epoch seconds on our clock
    doubted INTEGER NOT NULL,     -- an earlier request may have been applied
    held_until REAL,              -- its keys are fenced until then (our clock)
    rows TEXT NOT NULL,           -- [[number, line, key], ...]
    body BLOB,                    -- what was sent, zlib
    source BLOB,                  -- the rows as they were read, zlib, where the source can't be read again
    outcomes TEXT,                -- [[action, id, code, field, message], ...], in the order of rows
    min_id INTEGER,               -- lowest and highest id among the outcomes, to find an id again
    max_id INTEGER
);
CREATE INDEX batch_open ON batch(state) WHERE state <> 'done';
CREATE INDEX batch_ids ON batch(min_id, max_id);
CREATE INDEX batch_first_row ON batch(first_row);
CREATE INDEX batch_last_row ON batch(last_row);
CREATE TABLE decided (
    number INTEGER PRIMARY KEY,
    line INTEGER NOT NULL,
    key TEXT,
    outcome TEXT NOT NULL,
    source BLOB
);
CREATE TABLE item (key TEXT PRIMARY KEY, number INTEGER NOT NULL, outcome TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

PUT_BATCH = (
    "INSERT INTO batch(id, parent, state, first_row, last_row, sends, first_intent, sent_at, doubted, rows,"
    " body, source) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET state=excluded.state,"
    " sends=excluded.sends, first_intent=excluded.first_intent, sent_at=excluded.sent_at,"
    " doubted=excluded.doubted, body=excluded.body"
)
FINISH_BATCH = (
    "UPDATE batch SET state='done', outcomes=?, held_until=?, doubted=?, min_id=?, max_id=? WHERE id=?"
)
MARK_BATCH = "UPDATE batch SET state=?, doubted=? WHERE id=?"
PUT_DECIDED = "INSERT INTO decided(number, line, key, outcome, source) VALUES (?,?,?,?,?)"
PUT_ITEM = "INSERT INTO item(key, number, outcome) VALUES (?,?,?)"
PUT_FACT = "INSERT INTO fact(name, value) VALUES (?,?) ON CONFLICT(name) DO UPDATE SET value=excluded.value"
OPEN_BATCHES = (
    "SELECT id, parent, state, sends, first_intent, sent_at, doubted, rows, body, source FROM batch"
    " WHERE state <> 'done' ORDER BY id"
)
DONE_BATCHES = "SELECT first_row, rows, outcomes, source FROM batch WHERE state = 'done' ORDER BY first_row"
MAY_HOLD_ID = "SELECT rows, outcomes FROM batch WHERE min_id <= ? AND max_id >= ? ORDER BY min_id DESC"
RECORDED_AFTER = "SELECT rows, source FROM batch WHERE last_row > ?"
DECIDED_AFTER = "SELECT number, source FROM decided WHERE number > ?"
HELD = "SELECT rows, held_until FROM batch WHERE held_until > ?"


class RecordedRow(NamedTuple):
    """A row as the journal knows it."""

    number: int
    line: int
    key: str | None
    outcome: Outcome
    source: dict[str, Any] | None


class Journal:
    """One run's journal. Used by the main thread alone.

    Raises JournalDamaged when the file is no journal or can't be read, DiskFull when it can't grow.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._db = connection
        self.path = path

    @classmethod
    def create(cls, path: Path) -> Journal:
        journal = cls._connect(path)
        with journal._guard():
            journal._db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            journal._db.executescript(SCHEMA)
            journal._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        return journal

    @classmethod
    def open(cls, path: Path) -> Journal:
        if not path.exists():
            raise JournalDamaged(f"{path}: the journal is missing", hint=RECOVERY)
        journal = cls._connect(path)
        with journal._guard():
            found = journal._db.execute("PRAGMA application_id").fetchone()[0]
            version = journal._db.execute("PRAGMA user_version").fetchone()[0]
            if found != APPLICATION_ID or version != SCHEMA_VERSION:
                journal.close()
                raise JournalDamaged(
                    f"{path}: not a journal of this version (schema {version}, needed {SCHEMA_VERSION})",
                    hint=RECOVERY,
                )
            trouble = journal._db.execute("PRAGMA quick_check(1)").fetchone()[0]
            if trouble != "ok":
                journal.close()
                raise JournalDamaged(f"{path}: the journal is damaged: {trouble}", hint=RECOVERY)
        return journal

    @classmethod
    def peek(cls, path: Path) -> dict[str, int]:
        """The counts of rows as they stand, also while a process is at work; empty if they can't be read."""
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as reader:
                row = reader.execute("SELECT value FROM fact WHERE name='progress'").fetchone()
        except sqlite3.Error:
            return {}
        return {} if row is None else dict(orjson.loads(row[0]).get("rows", {}))

    @classmethod
    def _connect(cls, path: Path) -> Journal:
        try:
            connection = sqlite3.connect(path, isolation_level=None, cached_statements=64)
        except sqlite3.OperationalError as error:
            raise JournalDamaged(f"{path}: can't be opened: {error}", hint=RECOVERY) from error
        journal = cls(connection, path)
        with journal._guard():
            # WAL with FULL: a committed turn survives a power cut, and readers never block the run.
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        return journal

    def close(self) -> None:
        self._db.close()

    # -- writing ----------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One durable transaction; on any error nothing of it is stored."""
        with self._guard():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def put_batch(self, batch: Batch, body: bytes | None) -> None:
        """Record a batch that is about to be sent (an intent) or that waits to be sent (queued)."""
        sources = [row.source for row in batch.rows]
        self._db.execute(
            PUT_BATCH,
            (
                batch.id,
                batch.parent,
                batch.state,
                batch.first_row,
                batch.last_row,
                batch.sends,
                batch.first_intent,
                batch.sent_at,
                batch.doubted,
                batch.packed_rows,
                None if body is None else batch.packed_body or pack_body(body),
                None if sources[0] is None else zlib.compress(orjson.dumps(sources, default=str), BODY_LEVEL),
            ),
        )

    def mark_batch(self, batch: Batch) -> None:
        """Record that a batch is queued again, or that it is in doubt."""
        self._db.execute(MARK_BATCH, (batch.state, batch.doubted, batch.id))

    def finish_batch(self, batch: Batch) -> None:
        """Record the outcomes of a batch."""
        ids = [int(outcome[1]) for outcome in batch.outcomes if outcome[0] in CLAIMED and outcome[1]]
        self._db.execute(
            FINISH_BATCH,
            (
                pack_outcomes(batch.outcomes),
                batch.held_until,
                batch.doubted,
                min(ids, default=None),
                max(ids, default=None),
                batch.id,
            ),
        )

    def put_decided(self, rows: Iterable[tuple[Pending, Outcome]]) -> None:
        """Record rows that ended without a request."""
        self._db.executemany(
            PUT_DECIDED,
            [
                (
                    row.number,
                    row.line,
                    row.key,
                    pack_outcome(outcome),
                    None if row.source is None else zlib.compress(orjson.dumps(row.source, default=str)),
                )
                for row, outcome in rows
            ],
        )

    def put_item(self, key: str, number: int, outcome: Outcome) -> None:
        """Record an item of a hand-written loop."""
        self._db.execute(PUT_ITEM, (key, number, pack_outcome(outcome)))

    def put_fact(self, name: str, value: object) -> None:
        """Keep a small JSON value by name (the cursor, counters)."""
        self._db.execute(PUT_FACT, (name, orjson.dumps(value).decode()))

    # -- reading ----------------------------------------------------------------------------------

    def fact(self, name: str) -> Any:
        """A value kept by `put_fact`, or None."""
        row = self._one("SELECT value FROM fact WHERE name=?", name)
        return None if row is None else orjson.loads(row[0])

    def next_batch_id(self) -> int:
        row = self._one("SELECT coalesce(max(id), 0) + 1 FROM batch")
        assert row is not None  # noqa: S101  an aggregate always has a row
        return int(row[0])

    def open_batches(self, rebuild: Callable[[bytes], list[dict[str, Any]]]) -> list[Batch]:
        """Batches without outcomes; `rebuild` makes the records of a body."""
        return [self._batch(row, rebuild) for row in self._all(OPEN_BATCHES)]

    @staticmethod
    def _batch(row: tuple[Any, ...], rebuild: Callable[[bytes], list[dict[str, Any]]]) -> Batch:
        id_, parent, state, sends, first_intent, sent_at, doubted, rows, body, source = row
        numbered = orjson.loads(rows)
        records = rebuild(zlib.decompress(body)) if body is not None else [{} for _ in numbered]
        sources = orjson.loads(zlib.decompress(source)) if source is not None else [None] * len(numbered)
        return Batch(
            id=id_,
            parent=parent,
            state=state,
            sends=sends,
            first_intent=first_intent,
            sent_at=sent_at,
            doubted=bool(doubted),
            rows=[
                Pending(number, line, key, None, record, kept)
                for (number, line, key), record, kept in zip(numbered, records, sources, strict=True)
            ],
        )

    def line_that(self, action: Action, record_id: str, besides: int) -> int | None:
        """The line of the row, other than number `besides`, that created or deleted this record.

        Zoho's ids grow, so the batch is among the last that start below the id.
        """
        for rows, outcomes in self._all(MAY_HOLD_ID, int(record_id), int(record_id)):
            for (number, line, _), outcome in zip(orjson.loads(rows), orjson.loads(outcomes), strict=True):
                if outcome[0] == action and outcome[1] == record_id and number != besides:
                    return int(line)
        return None

    def recorded_after(self, number: int) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """(number, source row) of every recorded row beyond `number`."""
        for rows, source in self._all(RECORDED_AFTER, number):
            kept = orjson.loads(zlib.decompress(source)) if source is not None else None
            for index, (row_number, _, _) in enumerate(orjson.loads(rows)):
                if row_number > number:
                    yield row_number, None if kept is None else kept[index]
        for row_number, source in self._all(DECIDED_AFTER, number):
            yield row_number, None if source is None else orjson.loads(zlib.decompress(source))

    def held_keys(self, now: float) -> Iterator[tuple[list[str], float]]:
        """Keys of finished batches that stay fenced, and until when."""
        for rows, until in self._all(HELD, now):
            yield [key for _, _, key in orjson.loads(rows) if key is not None], until

    def outcomes(self) -> Iterator[tuple[int, list[RecordedRow]]]:
        """Recorded rows with an outcome, in groups ordered by the lowest row number in each; moved rows are
        left out.
        """
        decided = self._all("SELECT number, line, key, outcome, source FROM decided ORDER BY number")
        waiting = next(decided, None)
        for first_row, rows, outcomes, source in self._all(DONE_BATCHES):
            while waiting is not None and waiting[0] < first_row:
                yield waiting[0], [_decided_row(waiting)]
                waiting = next(decided, None)
            kept = orjson.loads(zlib.decompress(source)) if source is not None else None
            yield (
                first_row,
                [
                    RecordedRow(number, line, key, unpacked(parts), None if kept is None else kept[index])
                    for index, ((number, line, key), parts) in enumerate(
                        zip(orjson.loads(rows), orjson.loads(outcomes), strict=True)
                    )
                    if parts[0] != "moved"
                ],
            )
        while waiting is not None:
            yield waiting[0], [_decided_row(waiting)]
            waiting = next(decided, None)

    def actions(self) -> Iterator[tuple[list[int], list[int], list[Action]]]:
        """Numbers, lines and actions of the recorded rows with an outcome, in groups, without moved rows."""
        for rows, outcomes in self._all("SELECT rows, outcomes FROM batch WHERE state = 'done'"):
            recorded, actions = orjson.loads(rows), [outcome[0] for outcome in orjson.loads(outcomes)]
            if "moved" in actions:
                recorded = [row for row, action in zip(recorded, actions, strict=True) if action != "moved"]
                actions = [action for action in actions if action != "moved"]
            yield [row[0] for row in recorded], [row[1] for row in recorded], actions
        for number, line, outcome in self._all("SELECT number, line, outcome FROM decided"):
            yield [number], [line], [orjson.loads(outcome)[0]]

    def open_rows(self) -> Iterator[list[int]]:
        """Numbers of the rows in batches without outcomes, batch by batch."""
        for (rows,) in self._all("SELECT rows FROM batch WHERE state <> 'done'"):
            yield [row[0] for row in orjson.loads(rows)]

    def items(self) -> Iterator[tuple[int, str, Outcome]]:
        for number, key, outcome in self._all("SELECT number, key, outcome FROM item ORDER BY number"):
            yield number, key, unpacked(orjson.loads(outcome))

    def has_item(self, key: str) -> bool:
        return self._one("SELECT 1 FROM item WHERE key=?", key) is not None

    # -- plumbing ---------------------------------------------------------------------------------

    def _one(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        with self._guard():
            row: tuple[Any, ...] | None = self._db.execute(sql, values).fetchone()
            return row

    def _all(self, sql: str, *values: object) -> Iterator[tuple[Any, ...]]:
        with self._guard():
            yield from self._db.execute(sql, values)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Say what an SQLite error means for the run."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if "full" in str(error) or "disk I/O" in str(error):
                raise DiskFull(
                    f"{self.path}: the journal can't grow: {error}",
                    hint="Make room on the disk, then resume the run.",
                ) from error
            raise JournalDamaged(f"{self.path}: {error}", hint=RECOVERY) from error
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(f"{self.path}: {error}", hint=RECOVERY) from error


def _decided_row(row: tuple[Any, ...]) -> RecordedRow:
    number, line, key, outcome, source = row
    kept = None if source is None else orjson.loads(zlib.decompress(source))
    return RecordedRow(number, line, key, unpacked(orjson.loads(outcome)), kept)


def pack_body(body: bytes) -> bytes:
    """The body of a request as the journal keeps it."""
    return zlib.compress(body, BODY_LEVEL)


def pack_outcomes(outcomes: list[Outcome]) -> str:
    """Outcomes as JSON; those of plain successes without their empty ends."""
    return orjson.dumps(
        [outcome[:2] if outcome[2] is None else tuple(outcome) for outcome in outcomes]
    ).decode()


def pack_outcome(outcome: Outcome) -> str:
    return orjson.dumps(outcome[:2] if outcome[2] is None else tuple(outcome)).decode()


CLAIMED = frozenset(["created", "deleted"])
"""Actions that one row of a run can have had on a record: no other row may claim it."""

RECOVERY = (
    "Restore the run folder from a copy and resume; without one, start again with an upsert on a unique key, "
    "which finds what was created already."
)
