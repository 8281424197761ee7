"""The journal, a run's SQLite file: what was about to be sent, and what became of it.

A row of the source is *recorded* once it is in a batch or among the decided rows; until then a resume reads
it again. Batches hold rows and outcomes as JSON text (readable with plain `sqlite3`) and the body that was
sent, zlib-compressed.
"""

from __future__ import annotations

import heapq
import math
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from zmigrate.engine.model import deferred_links
from zmigrate.engine.model.batch import BATCH_ROWS, Batch, Place, PreparedRow, SecondWrite, digest_of
from zmigrate.engine.model.outcomes import Action, Outcome, RowCounts, lets_go, rows_of, written_as
from zmigrate.engine.storage import journal_sql as sql
from zmigrate.engine.storage.journal_file import (
    RECOVERY,
    RUN,
    connect,
    connect_again,
    connect_to_read,
    guard,
    schema_of,
)
from zmigrate.engine.storage.recorded import (
    READ_OUTCOME,
    Numbered,
    RecordedRows,
    id_span,
    pack_body,
    pack_digests,
    pack_outcome,
    pack_outcomes,
    pack_source,
    pack_state,
    stored_id,
    unpack_digests,
    unpack_outcomes,
    unpack_source,
    unpack_state,
)
from zmigrate.errors import JournalDamaged
from zmigrate.zoho.clock import stored_time

Rebuild = Callable[[bytes, SecondWrite | None], list[dict[str, Any]]]
"""Makes the records from a batch's body."""


class Journal:
    """One run's journal. Used by the main thread alone.

    Raises JournalDamaged when the file is not a journal or can't be read, DiskFull when it can't grow.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, *, bodies: bool = True) -> None:
        """`bodies`: keep what is sent."""
        self._db = connection
        self.path = path
        self.keeps_bodies = bodies
        with self._guard():
            self._read_outcome = READ_OUTCOME[schema_of(connection)]

    @classmethod
    def create(cls, path: Path, *, lasting: bool = True, bodies: bool = True) -> Journal:
        """A new journal. `lasting` False: for this process alone. `bodies`: keep what is sent."""
        connection = connect(path, lasting=lasting)
        with guard(path):
            # All or nothing: what a crash leaves is an empty file or a journal.
            connection.executescript(
                f"BEGIN; PRAGMA application_id={sql.APPLICATION_ID};{sql.SCHEMA}"
                f"PRAGMA user_version={sql.SCHEMA_VERSION}; COMMIT"
            )
        return cls(connection, path, bodies=bodies)

    @classmethod
    def open(cls, path: Path) -> Journal:
        return cls(connect_again(path), path)

    @classmethod
    def read_only(cls, path: Path) -> Journal:
        """A journal for reading, also while a process works on the run. Raises JournalDamaged."""
        return cls(connect_to_read(path), path)

    @classmethod
    def peek(cls, path: Path) -> RowCounts:
        """The row counts, also while a process works on the run. Raises JournalDamaged."""
        with closing(cls.read_only(path)) as journal:
            return journal.progress()

    @classmethod
    def kept_run(cls, path: Path) -> object:
        """The record that `keep_run` stored, or None. Raises JournalDamaged if it can't be read."""
        with closing(cls.read_only(path)) as journal:
            return journal.fact(RUN)

    @classmethod
    def held_until(cls, path: Path) -> float | None:
        """Until when the last of the fenced keys stays fenced; None if none is. Infinite if a batch was sent
        and has no outcome: its process was killed, or still works. Raises JournalDamaged.
        """
        with closing(cls.read_only(path)) as journal:
            row = (math.inf,) if journal._one(sql.LEFT_SENT) else journal._one(sql.HELD_UNTIL)
        return None if row is None or row[0] is None else stored_time(row[0])

    def close(self) -> None:
        self._db.close()

    # -- writing ----------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One durable transaction; after an error nothing of it is stored.

        Raises JournalDamaged if the file was deleted: SQLite would go on writing to it, and nobody could read
        that.
        """
        if not self.path.exists():
            raise JournalDamaged(
                f"{self.path}: the journal was deleted during the run; nothing more was sent",
                hint="Zoho has what was sent before, but zmigrate no longer knows what it was. With a unique"
                " key, run the job again as an upsert; otherwise look in Zoho first.",
            )
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
        self._db.execute(
            sql.PUT_BATCH,
            (
                batch.id,
                batch.parent,
                pack_state(batch.state),
                batch.first_row,
                batch.last_row,
                batch.sends,
                batch.first_intent,
                batch.sent_at,
                batch.doubted,
                batch.second,
            ),
        )
        self._db.execute(
            sql.PUT_CONTENT,
            (
                batch.id,
                batch.packed_rows,
                None if batch.rows[0].source is None else pack_source([row.source for row in batch.rows]),
                (batch.packed_body or pack_body(body)) if self.keeps_bodies and body is not None else None,
                deferred_links.pack_links(batch.rows) if batch.has_links else None,
            ),
        )
        if any(map(digest_of, batch.rows)):
            self._db.execute(sql.PUT_DIGESTS, (batch.id, pack_digests(batch.rows)))

    def mark_batch(self, batch: Batch) -> None:
        """Record that a batch is queued again, or that it is in doubt."""
        self._db.execute(sql.MARK_BATCH, (pack_state(batch.state), batch.doubted, batch.id))

    def finish_batch(self, batch: Batch) -> None:
        """Record the outcomes of a batch."""
        disputable = batch.second is not None or batch.appends
        ids = [
            outcome.id
            for outcome in batch.outcomes
            if outcome.id and (outcome.action in CLAIMED or disputable or written_as(outcome) == "created")
        ]
        self._db.execute(
            sql.PUT_OUTCOME,
            (
                batch.id,
                batch.doubted,
                batch.held_until,
                *id_span(ids),
                pack_outcomes(batch.outcomes),
            ),
        )

    def put_decided(self, rows: Iterable[tuple[PreparedRow, Outcome]]) -> None:
        """Record rows that ended without a request."""
        self._db.executemany(
            sql.PUT_DECIDED,
            [
                (
                    row.number,
                    row.line,
                    row.key,
                    pack_outcome(outcome),
                    None if row.source is None else pack_source(row.source),
                )
                for row, outcome in rows
            ],
        )

    def put_item(self, mark: str, number: int, outcome: Outcome) -> None:
        """Record a row of a hand-written job, by its mark (see `item_marks`)."""
        self._db.execute(sql.PUT_ITEM, (mark, number, pack_outcome(outcome)))

    def put_fact(self, name: str, value: object) -> None:
        """Keep a small JSON value by name (the cursor, counters)."""
        self._db.execute(sql.PUT_FACT, (name, orjson.dumps(value, default=str).decode()))

    def keep_run(self, record: Mapping[str, Any]) -> None:
        """Keep the content of run.json, so that the run is known if that file can't be read."""
        with self.transaction():
            self.put_fact(RUN, record)

    def put_places(self, places: Iterable[Place]) -> None:
        """Replace the stored places of rows that are not read in source order."""
        self._db.execute(sql.DROP_PLACES)
        self._db.executemany(sql.PUT_PLACE, places)

    # -- reading ----------------------------------------------------------------------------------

    def fact(self, name: str) -> Any:
        """A value kept by `put_fact`, or None."""
        row = self._one(sql.FACT, name)
        try:
            return None if row is None else orjson.loads(row[0])
        except ValueError as error:
            raise JournalDamaged(
                f"{self.path}: `{name}` in the journal can't be read: {error}", hint=RECOVERY
            ) from error

    def progress(self) -> RowCounts:
        """The row counts; zeros before the first row was recorded."""
        kept = self.fact("progress")
        rows = RowCounts() if kept is None else rows_of(kept.get("rows") if isinstance(kept, dict) else None)
        if rows is None:
            raise JournalDamaged(f"{self.path}: the journal's counts can't be read: {kept}", hint=RECOVERY)
        return rows

    def places(self) -> Iterator[Place]:
        """The places that `put_places` kept."""
        yield from map(Place._make, self._all(sql.PLACES))

    def rows_with_digests(self, rebuild: Rebuild | None) -> Iterator[list[tuple[PreparedRow, Outcome]]]:
        """The rows with digests, and their outcomes; with empty records if there is no `rebuild`."""
        query = sql.WITH_DIGESTS.format(body="NULL" if rebuild is None else "body")
        for rows, body, second, outcomes, digests in self._all(query):
            numbered, ended = orjson.loads(rows), self._unpacked(outcomes)
            records = rebuild(zlib.decompress(body), second) if rebuild and body is not None else None
            found = []
            for at, digest in unpack_digests(digests):
                number, line, key = numbered[at]
                record = records[at] if records else {}
                found.append((PreparedRow(number, line, key, None, record, digest=digest), ended[at]))
            yield found

    def next_batch_id(self) -> int:
        return next(int(row[0]) for row in self._all(sql.NEXT_BATCH))  # an aggregate always has a row

    def open_batches(self, rebuild: Rebuild) -> list[Batch]:
        """Batches without outcomes; `rebuild` makes the records of a body."""
        return [self._batch(row, rebuild) for row in self._all(sql.OPEN_BATCHES)]

    @staticmethod
    def _batch(row: tuple[Any, ...], rebuild: Rebuild) -> Batch:
        id_, parent, state, sends, first_intent, sent_at, doubted, second, *content = row
        rows, source, body, linked, digests = content
        for at in (first_intent, sent_at):
            if at is not None and not (isinstance(at, int | float) and math.isfinite(at)):
                raise JournalDamaged(f"the journal has {at!r} for a time of batch {id_}", hint=RECOVERY)
        numbered = _with_records(rows, body, second, rebuild)
        sources = unpack_source(source) or [None] * len(numbered)
        for at, digest in unpack_digests(digests):
            numbered[at] = numbered[at]._replace(digest=digest)
        return Batch(
            id=id_,
            parent=parent,
            state=unpack_state(state),
            sends=sends,
            first_intent=first_intent,
            sent_at=sent_at,
            doubted=bool(doubted),
            second=second,
            rows=deferred_links.with_links(
                [row._replace(source=kept) for row, kept in zip(numbered, sources, strict=True)], linked
            ),
        )

    def row_that(
        self, actions: Collection[Action], record_id: str, besides: int
    ) -> tuple[int, str | None] | None:
        """Line and key of another row (not number `besides`) that did one of these actions to this record.

        Zoho's ids grow, so the batch that created the record is among the last that start below the id.
        """
        for rows, outcomes in self._all(sql.MAY_HOLD_ID, stored_id(record_id), stored_id(record_id)):
            ended = self._unpacked(outcomes)
            for (number, line, key), outcome in zip(orjson.loads(rows), ended, strict=True):
                same = written_as(outcome) in actions
                if same and outcome.id == record_id and number != besides:
                    return int(line), key
        return None

    def recorded_after(self, number: int) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """(number, source row) of every recorded row beyond `number`."""
        for rows, source in self._all(sql.RECORDED_AFTER, number):
            kept = unpack_source(source)
            for index, (row_number, _, _) in enumerate(orjson.loads(rows)):
                if row_number > number:
                    yield row_number, None if kept is None else kept[index]
        for row_number, source in self._all(sql.DECIDED_AFTER, number):
            yield row_number, unpack_source(source)

    def last_recorded(self) -> int:
        """The highest number of a recorded row; 0 if there is none."""
        row = self._one(sql.LAST_RECORDED)
        return row[0] or 0 if row else 0

    def held_rows(self, now: float, rebuild: Rebuild) -> Iterator[tuple[list[PreparedRow], float]]:
        """Rows of finished batches that stay fenced, and until when; without rows that moved."""
        for rows, body, second, outcomes, until in self._all(sql.HELD, now):
            ended = zip(_with_records(rows, body, second, rebuild), self._unpacked(outcomes), strict=True)
            yield [row for row, outcome in ended if lets_go(outcome)], stored_time(until)

    def groups(self) -> Iterator[RecordedRows]:
        """Recorded rows with an outcome, in groups ordered by their lowest row number; without moved rows."""
        return heapq.merge(self._finished(), self._decided(), key=lambda group: group.first_row)

    def _finished(self) -> Iterator[RecordedRows]:
        for batch, first_row in self._all(sql.BATCHES_IN_ORDER):
            found = self._one(sql.FINISHED, batch)
            if found is not None:
                rows, source, outcomes = found
                ended = self._unpacked(outcomes)
                group = RecordedRows(first_row, orjson.loads(rows), ended, unpack_source(source))
                yield group.without_moved() if "moved" in outcomes else group

    def _decided(self) -> Iterator[RecordedRows]:
        decided = self._all(sql.DECIDED)
        while rows := list(islice(decided, BATCH_ROWS)):
            yield RecordedRows(
                rows[0][0],
                [row[:3] for row in rows],
                [self._unpacked_one(row[3]) for row in rows],
                None if rows[0][4] is None else [unpack_source(row[4]) for row in rows],
            )

    def rows_ended(self) -> int:
        """A number that grows whenever rows end: batches with outcomes, and rows that needed no request."""
        row = self._one(sql.COUNT_ENDED)
        return 0 if row is None else int(row[0])

    def ended(self) -> Iterator[tuple[Numbered, Outcome]]:
        """Every row with its outcome, in no order; moved rows too."""
        for rows, outcomes in self._all(sql.ENDED):
            yield from zip(orjson.loads(rows), self._unpacked(outcomes), strict=True)
        for number, line, key, outcome in self._all(sql.DECIDED_ROWS):
            yield (number, line, key), self._unpacked_one(outcome)

    def sent(self) -> Iterator[tuple[list[Numbered], bytes, list[Outcome] | None]]:
        """For every batch that was sent: its rows, its body, its outcomes (None: not known yet)."""
        for rows, body, outcomes in self._all(sql.SENT):
            ended = None if outcomes is None else self._unpacked(outcomes)
            yield orjson.loads(rows), zlib.decompress(body), ended

    def open_rows(self) -> Iterator[list[int]]:
        """Numbers of the rows in batches without outcomes, batch by batch."""
        for (rows,) in self._all(sql.OPEN_ROWS):
            yield [row[0] for row in orjson.loads(rows)]

    def items(self) -> Iterator[tuple[int, str, Outcome]]:
        """Number, mark and outcome of the rows of a hand-written job, by number."""
        for number, mark, outcome in self._all(sql.ITEMS):
            yield number, mark, self._unpacked_one(outcome)

    def item_number(self, mark: str) -> int | None:
        """The number of a recorded item, or None."""
        row = self._one(sql.ITEM_NUMBER, mark)
        return None if row is None else int(row[0])

    # -- plumbing ---------------------------------------------------------------------------------

    def _unpacked(self, outcomes: str) -> list[Outcome]:
        try:
            return unpack_outcomes(outcomes, self._read_outcome)
        except (TypeError, ValueError) as error:
            raise JournalDamaged(f"{self.path}: an outcome can't be read: {error}", hint=RECOVERY) from error

    def _unpacked_one(self, outcome: str) -> Outcome:
        return self._unpacked(f"[{outcome}]")[0]

    def _one(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        with self._guard():
            row: tuple[Any, ...] | None = self._db.execute(statement, values).fetchone()
            return row

    def _all(self, statement: str, *values: object) -> Iterator[tuple[Any, ...]]:
        with self._guard():
            for row in self._db.execute(statement, values):  # noqa: UP028  `yield from` closes the cursor, and fails
                yield row

    def _guard(self) -> AbstractContextManager[None]:
        return guard(self.path)


def _with_records(
    rows: str, body: bytes | None, second: SecondWrite | None, rebuild: Rebuild
) -> list[PreparedRow]:
    """The rows of a batch, with the records that its body has."""
    numbered = orjson.loads(rows)
    records = rebuild(zlib.decompress(body), second) if body is not None else [{} for _ in numbered]
    return [
        PreparedRow(number, line, key, None, record)
        for (number, line, key), record in zip(numbered, records, strict=True)
    ]


CLAIMED = frozenset(["created", "deleted"])
"""Actions that one row of a run can have had on a record: no other row may claim it."""
