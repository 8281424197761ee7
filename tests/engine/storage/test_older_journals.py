"""Journals of the form before this one: what a run wrote stays known, and the run itself can't go on."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.engine.fakes import PLAIN
from tests.engine.storage.test_id_map_unread import LoadContacts, accounts_and_a_contact
from tests.support import Bench, file_job, leads, write_rows
from zmigrate import Insert
from zmigrate.engine.model.outcomes import Outcome, failed, found_by, skipped
from zmigrate.engine.storage.accounting import count_rows
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.journal_sql import APPLICATION_ID
from zmigrate.engine.storage.ledger import RunInfo, list_runs
from zmigrate.engine.storage.result_files import Piece, write_results
from zmigrate.engine.storage.sent_records import records_written
from zmigrate.errors import JournalDamaged, RunError
from zmigrate.events import Log

SCHEMA_4 = f"""
PRAGMA application_id={APPLICATION_ID};
CREATE TABLE batch (id INTEGER PRIMARY KEY, parent INTEGER, state TEXT NOT NULL, first_row INTEGER NOT NULL,
    last_row INTEGER NOT NULL, sends INTEGER NOT NULL, first_intent REAL, sent_at REAL,
    doubted INTEGER NOT NULL, second TEXT);
CREATE TABLE content (batch INTEGER PRIMARY KEY, rows TEXT NOT NULL, source BLOB, body BLOB, links TEXT);
CREATE TABLE outcome (batch INTEGER PRIMARY KEY, doubted INTEGER NOT NULL, held_until REAL, min_id INTEGER,
    max_id INTEGER, outcomes TEXT NOT NULL);
CREATE TABLE decided (number INTEGER PRIMARY KEY, line INTEGER NOT NULL, key TEXT, outcome TEXT NOT NULL,
    source BLOB);
CREATE TABLE place (place INTEGER PRIMARY KEY, number INTEGER NOT NULL, line INTEGER NOT NULL,
    level INTEGER NOT NULL, cut INTEGER NOT NULL);
CREATE TABLE item (key TEXT PRIMARY KEY, number INTEGER NOT NULL, outcome TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO batch VALUES (1, NULL, 'sent', 1, 4, 1, 1.0, 1.0, 0, NULL),
    (2, 1, 'sent', 4, 4, 1, 1, 1, 0, 'link');
INSERT INTO content VALUES (1, '[[1,2,"a"],[2,3,"b"],[3,4,"c"],[4,5,"d"]]', NULL, NULL, NULL),
    (2, '[[4,5,"d"]]', NULL, NULL, NULL);
INSERT INTO outcome VALUES (1, 0, NULL, 71, 74, '[["created","71"],
    ["failed",null,"INVALID_DATA; MANDATORY_NOT_FOUND","Email; Name","no address; required"],
    ["updated","73",null,"Email",null],["moved","74","LINK",null,null]]'), (2, 0, NULL, NULL, NULL,
    '[["created","74"]]');
INSERT INTO decided VALUES (5, 6, 'e', '["skipped",null,"SKIPPED",null,"no email"]', NULL);
PRAGMA user_version=4;
"""


@pytest.fixture
def older(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(SCHEMA_4)
    return path


def test_outcomes_of_the_older_form_are_read_as_what_they_were(older: Path) -> None:
    with closing(Journal.read_only(older)) as journal:
        ended = {(number, outcome.action): outcome for (number, _, _), outcome in journal.ended()}
        rows = count_rows(journal)
    assert ended[1, "created"] == Outcome("created", "71")
    assert ended[2, "failed"] == failed(
        "INVALID_DATA; MANDATORY_NOT_FOUND", "Email; Name", "no address; required"
    )
    assert (ended[3, "updated"].id, found_by(ended[3, "updated"])) == ("73", "Email")
    assert ended[4, "moved"] == Outcome("moved", "74", first_write="created")
    assert ended[4, "created"] == Outcome("created", "74")
    assert ended[5, "skipped"] == skipped("no email")
    assert (rows.read, rows.created, rows.updated, rows.failed, rows.skipped) == (5, 2, 1, 1, 1)


def test_result_files_of_an_older_run_say_what_they_said(older: Path) -> None:
    cells = [Piece(1, [[str(number)] for number in range(1, 6)])]
    with closing(Journal.read_only(older)) as journal:
        files = write_results(RunFolder(older.parent), journal, ["n"], cells, PLAIN)
    assert files["errors"].read_text().splitlines()[1:] == [
        "3,b,Email; Name,INVALID_DATA; MANDATORY_NOT_FOUND,no address; required,2"
    ]
    assert files["skipped"].read_text().splitlines()[1:] == ["6,e,,SKIPPED,no email,5"]
    assert files["success"].read_text().splitlines()[1:] == [
        "2,a,71,created,1",
        "4,c,73,updated,3",
        "5,d,74,created,4",
    ]


def test_an_outcome_that_cant_be_read_is_told_with_its_journal(older: Path) -> None:
    with closing(sqlite3.connect(older)) as db, db:
        db.execute("UPDATE decided SET outcome='[\"failed\",null,[7]]'")
    with closing(Journal.read_only(older)) as journal, pytest.raises(JournalDamaged, match=r"journal\.db"):
        list(journal.ended())


# -- runs ------------------------------------------------------------------------------------------


def in_the_older_form(folder: RunFolder) -> None:
    """Of plain successes, which are all that these runs have, both forms say the same."""
    with closing(sqlite3.connect(folder.journal)) as db:
        db.execute("PRAGMA user_version=4")


def only(bench: Bench) -> RunFolder:
    (found,) = bench.folder.glob(".zmigrate/runs/*")
    return RunFolder(found)


def test_the_id_map_knows_what_an_older_run_wrote(bench: Bench) -> None:
    accounts, contacts = accounts_and_a_contact(bench)
    in_the_older_form(accounts)
    assert isinstance(contacts, LoadContacts)
    assert bench.run(contacts).rows.created == 1
    assert not [event for event in bench.seen(Log) if event.level == "warning"]


def the_leads(bench: Bench, count: int) -> Any:
    key = "Old_System_Ref"
    path = write_rows(bench.folder / "leads.csv", leads(count, key=key))
    return file_job(Insert("Leads", key=key), path)


def test_an_older_run_is_listed_with_its_counts_and_its_file_is_not_inserted_again(bench: Bench) -> None:
    job = the_leads(bench, 30)
    bench.run(job)
    folder = only(bench)
    in_the_older_form(folder)
    (run,) = list_runs(bench.folder / ".zmigrate")
    assert isinstance(run, RunInfo)
    assert (run.rows.created, run.uncounted) == (30, None)
    assert Journal.peek(folder.journal).created == 30
    with pytest.raises(RunError, match=folder.run_id):
        bench.run(job)
    assert len(bench.records()) == 30


def test_an_older_run_that_is_unfinished_guards_its_file_and_names_the_version_that_goes_on(
    bench: Bench,
) -> None:
    job = the_leads(bench, 30)
    bench.run(job, limit=10)
    folder = only(bench)
    record = json.loads(folder.record_file.read_bytes())
    record["versions"]["zmigrate"] = "0.0.9"
    folder.record_file.write_text(json.dumps(record))
    in_the_older_form(folder)
    before = folder.journal.read_bytes()

    with pytest.raises(JournalDamaged, match=r"schema 4, needed 6\), by zmigrate 0\.0\.9") as told:
        bench.resume()
    assert "pip install zmigrate==0.0.9" in (told.value.hint or "")
    assert folder.journal.read_bytes() == before
    with pytest.raises(RunError, match=folder.run_id):
        bench.run(job)
    (run,) = list_runs(bench.folder / ".zmigrate")
    assert isinstance(run, RunInfo)
    assert (run.rows.created, run.uncounted) == (10, None)


def test_what_an_older_run_sent_is_found_by_its_fields(bench: Bench) -> None:
    bench.run(the_leads(bench, 3))
    in_the_older_form(only(bench))
    with closing(Journal.read_only(only(bench).journal)) as journal:
        written = dict(records_written(journal, ["Email"]))
    assert {record["Email"] for record in written.values()} == {f"lead{n}@example.com" for n in (1, 2, 3)}
    assert set(written) == {record["id"] for record in bench.records()}
