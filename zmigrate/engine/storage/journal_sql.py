"""The SQL of the journal: its tables, and every statement on them.

A journal is written batch by batch and seldom read back. An index slows every insert, a table hardly. So
large columns have tables of their own, and later facts are new rows, not updates.
"""

from __future__ import annotations

APPLICATION_ID = 0x7A6D6967
"""Marks the file as a zmigrate journal ("zmig")."""

SCHEMA_VERSION = 6

OLDEST_READ = 4
"""The oldest schema that can be read. A run whose journal has a schema older than ours can't be resumed."""

SCHEMA = """
CREATE TABLE batch (              -- small, so that a look over all of them is quick without an index
    id INTEGER PRIMARY KEY,
    parent INTEGER,
    state TEXT NOT NULL,          -- queued: not sent | sent: maybe applied; with an outcome: done
    first_row INTEGER NOT NULL,   -- numbers of source rows, from 1
    last_row INTEGER NOT NULL,
    sends INTEGER NOT NULL,
    first_intent REAL,            -- epoch seconds on Zoho's clock, at the earliest
    sent_at REAL,                 -- epoch seconds on our clock
    doubted INTEGER NOT NULL,     -- an earlier request may have been applied
    second TEXT                   -- link, update: a second write of rows whose records exist (see Batch)
);
CREATE TABLE content (            -- what is written once, and is most of the file
    batch INTEGER PRIMARY KEY,
    rows TEXT NOT NULL,           -- [[number, line, key], ...]
    source BLOB,                  -- the rows as they were read, zlib, where the source can't be read again
    body BLOB,                    -- what was sent, zlib
    links TEXT                    -- references that close circles, written later: {place: {field: ..}}
);
CREATE TABLE digest (             -- of rows whose key, or other unique value, may come again
    batch INTEGER PRIMARY KEY,
    digests BLOB NOT NULL         -- of each such row its place in the batch (1 byte) and its digest (8 bytes)
);
CREATE TABLE outcome (            -- a batch that is in here is done
    batch INTEGER PRIMARY KEY,
    doubted INTEGER NOT NULL,     -- an earlier request than the one that was answered may have been applied
    held_until REAL,              -- its keys are fenced until then (our clock)
    min_id INTEGER,               -- lowest and highest id of records that it created or deleted
    max_id INTEGER,
    outcomes TEXT NOT NULL        -- [[action, id, reasons, first write], ...], in the order of rows; of a
                                  -- reason [code, field, message, value, remedy]; without empty ends
);
-- One for MAY_HOLD_ID, one for HELD. What both are about is only in some outcomes.
CREATE INDEX outcome_ids ON outcome(min_id, max_id) WHERE min_id IS NOT NULL;
CREATE INDEX outcome_held ON outcome(held_until) WHERE held_until IS NOT NULL;
CREATE TABLE decided (
    number INTEGER PRIMARY KEY,
    line INTEGER NOT NULL,
    key TEXT,
    outcome TEXT NOT NULL,
    source BLOB
);
CREATE TABLE place (              -- rows that are read parents first; the others come before them
    place INTEGER PRIMARY KEY,    -- what batches and decided rows have as its number
    number INTEGER NOT NULL,      -- in the order of the source
    line INTEGER NOT NULL,
    level INTEGER NOT NULL,
    cut INTEGER NOT NULL          -- it goes without the references that close its circle
);
CREATE TABLE item (key TEXT PRIMARY KEY, number INTEGER NOT NULL, outcome TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

PUT_BATCH = (
    "INSERT INTO batch(id, parent, state, first_row, last_row, sends, first_intent, sent_at, doubted, second)"
    " VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET state=excluded.state, sends=excluded.sends,"
    " first_intent=excluded.first_intent, sent_at=excluded.sent_at, doubted=excluded.doubted"
)
PUT_CONTENT = (
    "INSERT INTO content(batch, rows, source, body, links) VALUES (?,?,?,?,?)"
    " ON CONFLICT(batch) DO UPDATE SET body=excluded.body WHERE body IS NOT excluded.body"
)
MARK_BATCH = "UPDATE batch SET state=?, doubted=? WHERE id=?"
PUT_OUTCOME = "INSERT INTO outcome(batch, doubted, held_until, min_id, max_id, outcomes) VALUES (?,?,?,?,?,?)"
PUT_DECIDED = "INSERT INTO decided(number, line, key, outcome, source) VALUES (?,?,?,?,?)"
PUT_DIGESTS = "INSERT OR IGNORE INTO digest(batch, digests) VALUES (?,?)"
PUT_PLACE = "INSERT INTO place(place, number, line, level, cut) VALUES (?,?,?,?,?)"
DROP_PLACES = "DELETE FROM place"
PUT_ITEM = "INSERT INTO item(key, number, outcome) VALUES (?,?,?)"
PUT_FACT = "INSERT INTO fact(name, value) VALUES (?,?) ON CONFLICT(name) DO UPDATE SET value=excluded.value"
OPEN_BATCHES = (
    "SELECT id, parent, state, sends, first_intent, sent_at, doubted, second, rows, source, body, links,"
    " digests FROM batch JOIN content ON content.batch = id LEFT JOIN digest ON digest.batch = id"
    " WHERE id NOT IN (SELECT batch FROM outcome) ORDER BY id"
)
WITH_DIGESTS = (
    "SELECT rows, {body}, second, outcomes, digests FROM digest JOIN content USING (batch)"
    " JOIN outcome USING (batch) JOIN batch ON id = digest.batch"
)
OPEN_ROWS = (
    "SELECT rows FROM batch JOIN content ON content.batch = id"
    " WHERE id NOT IN (SELECT batch FROM outcome) ORDER BY id"
)
BATCHES_IN_ORDER = "SELECT id, first_row FROM batch ORDER BY first_row, id"
FINISHED = "SELECT rows, source, outcomes FROM outcome JOIN content USING (batch) WHERE batch = ?"
DECIDED = "SELECT number, line, key, outcome, source FROM decided ORDER BY number"
MAY_HOLD_ID = (
    "SELECT rows, outcomes FROM outcome JOIN content USING (batch)"
    " WHERE min_id <= ? AND max_id >= ? ORDER BY min_id DESC"
)
RECORDED_AFTER = "SELECT rows, source FROM batch JOIN content ON content.batch = id WHERE last_row > ?"
DECIDED_AFTER = "SELECT number, source FROM decided WHERE number > ?"
HELD = (
    "SELECT rows, body, second, outcomes, held_until FROM outcome JOIN content USING (batch)"
    " JOIN batch ON id = batch WHERE held_until > ?"
)
HELD_UNTIL = "SELECT max(held_until) FROM outcome WHERE held_until IS NOT NULL"
"""A text would be the highest: SQLite sorts texts above all numbers."""
LAST_RECORDED = (
    "SELECT max(row) FROM (SELECT max(last_row) row FROM batch UNION SELECT max(number) FROM decided)"
)
LEFT_SENT = "SELECT 1 FROM batch WHERE state = 'sent' AND id NOT IN (SELECT batch FROM outcome) LIMIT 1"
ENDED = "SELECT rows, outcomes FROM outcome JOIN content USING (batch)"
SENT = (
    "SELECT rows, body, outcomes FROM content LEFT JOIN outcome USING (batch)"
    " WHERE body IS NOT NULL ORDER BY batch"
)
DECIDED_ROWS = "SELECT number, line, key, outcome FROM decided"
COUNT_ENDED = "SELECT (SELECT count(*) FROM outcome) + (SELECT count(*) FROM decided)"
FACT = "SELECT value FROM fact WHERE name=?"
PLACES = "SELECT place, number, line, level, cut FROM place ORDER BY place"
NEXT_BATCH = "SELECT coalesce(max(id), 0) + 1 FROM batch"
FOREIGN = "SELECT 1 FROM sqlite_master WHERE type NOT IN ('table', 'index') LIMIT 1"
"""Things that no journal has: a view or a trigger would run somebody else's SQL."""

TABLES = "SELECT name FROM sqlite_master WHERE type='table'"
ANY = {
    "batch": "SELECT 1 FROM batch LIMIT 1",
    "decided": "SELECT 1 FROM decided LIMIT 1",
    "item": "SELECT 1 FROM item LIMIT 1",
}
"""For each table: whether it has a row. A row means that something was sent or judged."""
ITEMS = "SELECT number, key, outcome FROM item ORDER BY number"
ITEM_NUMBER = "SELECT number FROM item WHERE key=?"
