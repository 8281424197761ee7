"""How the id map compares keys: letter by letter, except for e-mail addresses and numbers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import Bench, file_job, write_rows
from zmigrate import Insert
from zmigrate.emulator import Emulator, Options
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.id_map import IdMap, KeyRule
from zmigrate.engine.storage.ledger import identity

TEXT = KeyRule("Accounts", "Legacy_ID")
UNIQUE = KeyRule("Accounts", "Legacy_ID", unique=True)

OLDER = """
CREATE TABLE run (journal TEXT PRIMARY KEY, rows INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (
    module TEXT NOT NULL, folded TEXT NOT NULL, field TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL,
    kind TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (module, folded, field, id)
) WITHOUT ROWID;
CREATE INDEX entry_id ON entry(id);
CREATE TABLE gone (id TEXT PRIMARY KEY) WITHOUT ROWID;
INSERT INTO run VALUES ('runs/x/journal.db', 3);
INSERT INTO entry VALUES ('Accounts', 'k1', 'Legacy_ID', 'K1', '7', 'u', 1.0);
INSERT INTO gone VALUES ('9');
"""
"""The id map of zmigrate 0.1."""


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        yield db


def ids_of(ids: IdMap, *keys: str, ignore_case: bool = False) -> list[list[str]]:
    return [found.ids for found in ids.find("Accounts", keys, ignore_case=ignore_case).values()]


def test_keys_that_differ_in_case_are_two_keys(db: sqlite3.Connection) -> None:
    ids = IdMap(db)
    ids.add(UNIQUE, 1.0, [("ab1Cd", "1"), ("Ab1Cd", "2")])
    assert ids_of(ids, "Ab1Cd", " ab1Cd ", "AB1CD") == [["2"], ["1"], []]


def test_it_tells_the_spelling_that_exists(db: sqlite3.Connection) -> None:
    ids = IdMap(db)
    ids.add(TEXT, 1.0, [("K1", "1")])
    found = ids.find("Accounts", ["k1", "k2", "K1"])
    assert [one.spelling for one in found.values()] == ["K1", None, None]


def test_a_caller_may_ignore_case(db: sqlite3.Connection) -> None:
    ids = IdMap(db)
    ids.add(UNIQUE, 1.0, [("K1", "1"), ("K2", "2"), ("k2", "3")])
    assert ids_of(ids, "k1", "k2", ignore_case=True) == [["1"], ["3"]]


def test_of_several_spellings_of_a_unique_key_none_is_chosen(db: sqlite3.Connection) -> None:
    ids = IdMap(db)
    ids.add(UNIQUE, 1.0, [("Key", "1"), ("KEY", "2")])
    assert ids_of(ids, "key", ignore_case=True) == [["1", "2"]]


def test_email_addresses_and_numbers_have_one_spelling(db: sqlite3.Connection) -> None:
    ids = IdMap(db)
    ids.add(KeyRule("Accounts", "Email", unique=True, email=True), 1.0, [("Anna@Example.com", "1")])
    ids.add(KeyRule("Accounts", "Old_No", unique=True, number=True), 1.0, [("007", "2")])
    assert ids_of(ids, "anna@example.COM", "7") == [["1"], ["2"]]


def test_of_one_email_address_the_latest_record_counts(db: sqlite3.Connection) -> None:
    ids, rule = IdMap(db), KeyRule("Accounts", "Email", unique=True, email=True)
    ids.add(rule, 1.0, [("Anna@Example.com", "1")])
    ids.add(rule, 2.0, [("anna@example.com", "2")])
    assert ids_of(ids, "ANNA@example.com") == [["2"]]


def test_a_record_keeps_each_spelling_by_which_it_was_written(db: sqlite3.Connection) -> None:
    """A row that takes an existing record in another case is known by its own key, and the record by its."""
    ids = IdMap(db)
    ids.add(UNIQUE, 1.0, [("K1", "1")])
    ids.add(UNIQUE, 2.0, [("k1", "1")])
    assert ids_of(ids, "K1", "k1") == [["1"], ["1"]]


def test_an_older_id_map_is_taken_over(db: sqlite3.Connection) -> None:
    db.executescript(OLDER)
    for _ in range(2):
        ids = IdMap(db)
        ids.add(UNIQUE, 2.0, [("k1", "7")])
        assert ids_of(ids, "K1", "k1") == [["7"], ["7"]]
        assert db.execute("SELECT * FROM gone").fetchall() == [("9",)]
        assert db.execute("SELECT * FROM run").fetchall() == [("runs/x/journal.db", 3)]


def test_a_run_tells_that_its_key_is_an_email_address(tmp_path: Path) -> None:
    with Emulator(Options(email_unique=True)) as emulator:
        bench = Bench(emulator, tmp_path)
        rows = [{"Last_Name": "Anna", "Email": "Anna@Example.com"}]
        bench.run(file_job(Insert("Contacts", key="Email"), write_rows(tmp_path / "c.csv", rows)))
        (folder,) = tmp_path.glob(".zmigrate/runs/*")
        org = identity(RunFolder(folder).read().org)
        with closing(IdMap.open(tmp_path / ".zmigrate", org)) as ids:
            assert len(ids.find("Contacts", ["anna@example.com"])["anna@example.com"].ids) == 1
