"""The SQL of `order`: rows that refer to one another, as a graph in a temporary database."""

from __future__ import annotations

SCHEMA = """
CREATE TABLE key (folded TEXT NOT NULL, number INTEGER NOT NULL);
CREATE TABLE pointer (child INTEGER NOT NULL, folded TEXT NOT NULL, ignore_case INTEGER NOT NULL);
CREATE TABLE child (            -- rows that refer to others of the source
    number INTEGER PRIMARY KEY,
    line INTEGER NOT NULL,
    content BLOB NOT NULL,      -- the row as it was read
    level INTEGER,
    waits INTEGER NOT NULL,     -- rows that it refers to and that have no level yet
    cut INTEGER NOT NULL,
    place INTEGER
);
CREATE TABLE repeated (         -- keys of several rows, of which at least one refers to others
    folded TEXT PRIMARY KEY,
    first_child INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE recalled (place INTEGER, number INTEGER PRIMARY KEY, line INTEGER, level INTEGER, cut INTEGER);
CREATE TABLE edge (
    parent INTEGER,
    child INTEGER,
    soft INTEGER NOT NULL DEFAULT 0,  -- given up rather than a reference, where it closes a circle
    PRIMARY KEY (parent, child)
) WITHOUT ROWID;
"""

ALIKE_INDEX = "CREATE INDEX IF NOT EXISTS key_alike ON key(alike(folded))"
HAS_ALIKE = "SELECT 1 FROM key WHERE alike(folded) = alike(?) LIMIT 1"
TO_ALIKE = (
    "UPDATE pointer SET folded = (SELECT key.folded FROM key WHERE alike(key.folded) = alike(pointer.folded)"
    " ORDER BY number LIMIT 1)"
    " WHERE ignore_case AND NOT EXISTS (SELECT 1 FROM key WHERE key.folded = pointer.folded)"
    " AND EXISTS (SELECT 1 FROM key WHERE alike(key.folded) = alike(pointer.folded))"
)

EDGES = (
    "INSERT OR IGNORE INTO edge(parent, child)"
    " SELECT (SELECT {which}(number) FROM key WHERE key.folded = pointer.folded), child FROM pointer"
    " WHERE EXISTS (SELECT 1 FROM key WHERE key.folded = pointer.folded)"
)

REPEATED = (
    "INSERT INTO repeated SELECT folded, min(child.number) FROM"
    " (SELECT folded FROM key GROUP BY folded HAVING count(*) > 1)"
    " JOIN key USING (folded) JOIN child USING (number) GROUP BY folded"
)

FOLLOWERS = (
    "INSERT OR IGNORE INTO edge(parent, child) SELECT before, number FROM"
    " (SELECT number, first_child, lag(number) OVER (PARTITION BY folded ORDER BY number) AS before"
    " FROM key JOIN repeated USING (folded)) WHERE before >= first_child"
)

BEHIND_THE_LAST = (
    "INSERT OR IGNORE INTO edge(parent, child, soft) SELECT max(key.number), pointer.child, 1"
    " FROM pointer JOIN repeated USING (folded) JOIN key USING (folded)"
    " GROUP BY pointer.child, folded HAVING sum(key.number = pointer.child) = 0"
)
GIVE_UP = "DELETE FROM edge WHERE parent = ? AND child = ? AND soft"
ONE_LESS = "UPDATE child SET waits = waits - 1 WHERE number = ?"

LACKING = (
    "INSERT INTO child SELECT DISTINCT child, 0, x'', NULL, 0, 0, NULL FROM edge"
    " WHERE child NOT IN (SELECT number FROM child)"
)
LACKED = "SELECT number FROM child WHERE content = x'' ORDER BY number"
KEEP = "UPDATE child SET line=?, content=? WHERE number=?"

CUT_FOLLOWERS = (
    "UPDATE child SET cut = 1 WHERE number IN"
    " (SELECT later.number FROM child AS earlier JOIN key AS own USING (number)"
    " JOIN key AS later ON later.folded = own.folded AND later.number > own.number WHERE earlier.cut)"
)

WAITS = (
    "UPDATE child SET waits = (SELECT count(*) FROM edge JOIN child AS parent ON parent.number = edge.parent"
    " WHERE edge.child = child.number)"
)

UNPLACED = "CREATE INDEX child_unplaced ON child(waits) WHERE level IS NULL"

LEVEL = "UPDATE child SET level = ? WHERE level IS NULL AND waits = 0"

LESS_TO_WAIT_FOR = (
    "UPDATE child SET waits = waits - freed.rows FROM ("
    " SELECT edge.child AS number, count(*) AS rows"
    " FROM child AS parent JOIN edge ON edge.parent = parent.number"
    " WHERE parent.level = ? GROUP BY edge.child) AS freed"
    " WHERE child.number = freed.number AND child.level IS NULL"
)

UNPLACED_ROWS = "SELECT number FROM child WHERE level IS NULL ORDER BY number"
CUT = "UPDATE child SET level = ?, cut = 1 WHERE number = ?"

UNPLACED_PARENT = (
    "SELECT edge.parent FROM edge JOIN child AS parent ON parent.number = edge.parent"
    " WHERE edge.child = ? AND parent.level IS NULL ORDER BY edge.parent LIMIT 1"
)

PLACES = (
    "UPDATE child SET place = ordered.place + ? FROM"
    " (SELECT number, row_number() OVER (ORDER BY level, number) AS place FROM child) AS ordered"
    " WHERE ordered.number = child.number"
)

PLACED = "SELECT place, number, line, level, cut FROM child ORDER BY place"

RECALL_LACKING = (
    "INSERT INTO child SELECT number, line, x'', NULL, 0, 0, NULL FROM recalled"
    " WHERE number NOT IN (SELECT number FROM child)"
)

RECALL = (
    "UPDATE child SET level = recalled.level, cut = recalled.cut, place = recalled.place FROM recalled"
    " WHERE recalled.number = child.number"
)
