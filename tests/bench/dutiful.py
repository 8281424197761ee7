"""The bare loop with zmigrate's duties, written the shortest way, so that one sees what the duties themselves
cost: `python -m tests.bench.dutiful CSV FOLDER IN_FLIGHT`.

It scans the file strictly and hashes it; keeps a durable journal of what it is about to send and of the ids
that came back; and writes success.csv from the journal and the file. It validates nothing, fences nothing,
settles nothing: the first trouble ends it. It prints what the rivals print.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import queue
import sqlite3
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import httpx
import orjson

from tests.bench.data import BATCH_ROWS, COLUMNS, KEY
from tests.bench.rivals import PATH, Org

SCHEMA = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE source (sha256 TEXT NOT NULL, rows INTEGER NOT NULL);
CREATE TABLE batch (id INTEGER PRIMARY KEY, rows TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE answer (id INTEGER PRIMARY KEY, ids TEXT NOT NULL);
"""
RECORDED = "SELECT rows, ids FROM batch JOIN answer USING (id) ORDER BY id"

Answer = tuple[int, bytes]
"""The batch's id, and what came back for it."""


@dataclass(frozen=True, slots=True)
class Batch:
    id: int
    rows: list[tuple[int, int, str]]
    """Number, line and key of each."""
    body: bytes


def insert(org: Org, path: Path, folder: Path, in_flight: int) -> tuple[int, float]:
    """Rows in the result file; seconds from the first request to the last answer."""
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as journal:
        journal.executescript(SCHEMA)
        journal.execute("INSERT INTO source VALUES (?,?)", scan(path))
        began = time.perf_counter()
        send(org, read_batches(path), journal, in_flight)
        seconds = time.perf_counter() - began
        return write_success(path, journal, folder / "success.csv"), seconds


def scan(path: Path) -> tuple[str, int]:
    """The file's SHA-256 and its number of rows. Raises csv.Error or ValueError if it is not sound."""
    with path.open("rb") as raw, io.TextIOWrapper(raw, "utf-8", newline="") as text:
        sha256 = hashlib.file_digest(raw, "sha256").hexdigest()
        raw.seek(0)
        widths = Counter(map(len, csv.reader(text, strict=True)))
    if widths.keys() != {len(COLUMNS)}:
        raise ValueError(f"{path}: not every row has {len(COLUMNS)} cells")
    return sha256, widths.total() - 1


def read_batches(path: Path) -> Iterator[Batch]:
    """A line is the one that the row ends on: there are no line breaks in the cells of `data`."""
    key = COLUMNS.index(KEY)
    with path.open(encoding="utf-8", newline="") as text:
        reader = csv.reader(text, strict=True)
        columns = next(reader)
        for batch_id in count():
            read = [(reader.line_num, cells) for cells in islice(reader, BATCH_ROWS)]
            if not read:
                return
            numbered = enumerate(read, batch_id * BATCH_ROWS + 1)
            rows = [(number, line, cells[key]) for number, (line, cells) in numbered]
            records = [dict(zip(columns, cells, strict=True)) for _, cells in read]
            yield Batch(batch_id, rows, orjson.dumps({"data": records, "trigger": []}))


def send(org: Org, batches: Iterator[Batch], journal: sqlite3.Connection, in_flight: int) -> None:
    """Each turn records the answers that came and the batches that take their places, then sends these."""
    finished: queue.SimpleQueue[Future[Answer]] = queue.SimpleQueue()
    with httpx.Client(timeout=60, headers=org.headers) as client, ThreadPoolExecutor(in_flight) as workers:

        def post(batch: Batch) -> Answer:
            return batch.id, client.post(org.url + PATH, content=batch.body).content

        busy, answers = 0, list[Answer]()
        while (begun := list(islice(batches, in_flight - busy))) or answers:
            record(journal, begun, answers)
            for batch in begun:
                workers.submit(post, batch).add_done_callback(finished.put)
            busy += len(begun)
            answers = [finished.get().result() for _ in range(max(1, finished.qsize()))] if busy else []
            busy -= len(answers)


def record(journal: sqlite3.Connection, begun: Sequence[Batch], answers: Sequence[Answer]) -> None:
    """One durable transaction. Raises KeyError if an answer lacks an id."""
    journal.execute("BEGIN")
    for batch in begun:
        rows, body = orjson.dumps(batch.rows).decode(), zlib.compress(batch.body, 1)
        journal.execute("INSERT INTO batch VALUES (?,?,?)", (batch.id, rows, body))
    for batch_id, content in answers:
        ids = [element["details"]["id"] for element in orjson.loads(content)["data"]]
        journal.execute("INSERT INTO answer VALUES (?,?)", (batch_id, orjson.dumps(ids).decode()))
    journal.execute("COMMIT")


def write_success(path: Path, journal: sqlite3.Connection, target: Path) -> int:
    """The result file; gives its number of rows. No cell in `data` needs quotes, so they are only joined."""
    written = 0
    with (
        path.open(encoding="utf-8", newline="") as text,
        target.open("w", encoding="utf-8", newline="") as out,
    ):
        reader = csv.reader(text, strict=True)
        out.write(f"line,key,id,action,{','.join(next(reader))}\r\n")
        for rows, ids in journal.execute(RECORDED):
            recorded = zip(orjson.loads(rows), orjson.loads(ids), reader, strict=False)
            lines = [
                f"{line},{key},{record_id},created,{','.join(cells)}\r\n"
                for (_, line, key), record_id, cells in recorded
            ]
            out.writelines(lines)
            written += len(lines)
    return written


if __name__ == "__main__":
    created, seconds = insert(Org.of_environment(), Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps({"created": created, "seconds": seconds}))
