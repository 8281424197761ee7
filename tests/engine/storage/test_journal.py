"""The journal, seen from outside with plain `sqlite3`; and how a damaged one, or a full disk, is told."""

from __future__ import annotations

import json
import math
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.engine.fakes import row
from zmigrate.engine.model.batch import Batch, BatchState
from zmigrate.engine.model.outcomes import MOVED, Outcome, failed, skipped
from zmigrate.engine.storage import journal_sql
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.journal_file import holds_nothing
from zmigrate.engine.storage.journal_sql import APPLICATION_ID, SCHEMA_VERSION
from zmigrate.engine.storage.recorded import pack_state
from zmigrate.errors import DiskFull, InternalError, JournalDamaged

CREATED = Outcome("created", "5545974000000000001")
BODY = b'{"data":[{"Ref":"k1"},{"Ref":"K2"}]}'


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal.create(tmp_path / "journal.db")) as made:
        yield made


def sent(batch_id: int = 1, **more: Any) -> Batch:
    rows = [row(1, "k1"), row(2, "K2")]
    return Batch(
        batch_id, rows, state=BatchState.IN_FLIGHT, sends=1, first_intent=100.5, sent_at=99.5, **more
    )


def put(journal: Journal, batch: Batch, outcomes: list[Outcome] | None = None) -> None:
    with journal.transaction():
        journal.put_batch(batch, BODY)
        if outcomes is not None:
            batch.outcomes = outcomes
            journal.finish_batch(batch)


def held(journal: Journal, now: float) -> list[tuple[list[str | None], float]]:
    """The keys that stay fenced, and until when."""
    found = journal.held_rows(now, lambda body, second: json.loads(body)["data"])
    return [([row.key for row in rows], until) for rows, until in found]


def seen(path: Path, sql: str) -> list[dict[str, Any]]:
    """What another program finds in the file."""
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        return [dict(found) for found in db.execute(sql)]


def test_an_intent_stands_in_the_file_before_anything_is_sent(journal: Journal) -> None:
    put(journal, sent())
    [batch] = seen(journal.path, "SELECT * FROM batch JOIN content ON batch = id")
    assert (batch["state"], batch["sends"], batch["first_intent"], batch["sent_at"]) == (
        "sent",
        1,
        100.5,
        99.5,
    )
    assert json.loads(batch["rows"]) == [[1, 2, "k1"], [2, 3, "K2"]]
    assert zlib.decompress(batch["body"]) == BODY
    assert seen(journal.path, "SELECT * FROM outcome") == []


def test_outcomes_are_readable_json_in_the_order_of_the_rows(journal: Journal) -> None:
    put(journal, sent(), [CREATED, failed("INVALID_DATA", "Email", "é; 'x'")])
    [batch] = seen(journal.path, "SELECT * FROM outcome")
    assert batch["batch"] == 1
    assert json.loads(batch["outcomes"]) == [
        ["created", "5545974000000000001"],
        ["failed", None, [["INVALID_DATA", "Email", "é; 'x'"]]],
    ]
    assert batch["min_id"] == batch["max_id"] == 5545974000000000001


@pytest.mark.parametrize(
    ("ids", "span"),
    [
        (["103", "101", "102"], (101, 103)),
        (["99", "1000", "100"], (99, 1000)),
        ([None, "7"], (7, 7)),
        ([None], (None, None)),
    ],
)
def test_the_lowest_and_highest_id_are_kept_to_find_a_record_by(
    ids: list[str | None], span: tuple[int | None, int | None], journal: Journal
) -> None:
    outcomes = [Outcome("created", found) if found else Outcome("failed") for found in ids]
    outcomes.append(Outcome("skipped", "5"))
    put(
        journal, Batch(1, [row(n) for n in range(1, len(outcomes) + 1)], state=BatchState.IN_FLIGHT), outcomes
    )
    [found] = seen(journal.path, "SELECT min_id, max_id FROM outcome")
    assert (found["min_id"], found["max_id"]) == span


def test_rows_that_ended_without_a_request_stand_apart(journal: Journal) -> None:
    with journal.transaction():
        journal.put_decided([(row(7, "k7"), skipped("no email"))])
    [found] = seen(journal.path, "SELECT number, line, key, outcome FROM decided")
    assert (found["number"], found["line"], found["key"]) == (7, 8, "k7")
    assert json.loads(found["outcome"]) == ["skipped", None, [["SKIPPED", None, "no email"]]]


def test_the_file_says_what_it_is(journal: Journal) -> None:
    assert seen(journal.path, "PRAGMA application_id") == [{"application_id": APPLICATION_ID}]
    assert seen(journal.path, "PRAGMA user_version") == [{"user_version": SCHEMA_VERSION}]
    assert seen(journal.path, "PRAGMA journal_mode") == [{"journal_mode": "wal"}]


def test_a_turn_that_ends_in_an_error_leaves_nothing_behind(journal: Journal) -> None:
    def half_a_turn() -> None:
        with journal.transaction():
            journal.put_batch(sent(), BODY)
            journal.put_fact("progress", {"watermark": 2})
            raise KeyError

    with pytest.raises(KeyError):
        half_a_turn()
    assert seen(journal.path, "SELECT id FROM batch UNION SELECT name FROM fact") == []


def test_a_turn_that_was_not_committed_is_gone_when_the_process_is(journal: Journal) -> None:
    put(journal, sent(1))
    turn = journal.transaction()
    turn.__enter__()
    journal.put_batch(sent(2), BODY)
    journal.close()
    assert seen(journal.path, "SELECT id FROM batch") == [{"id": 1}]
    with pytest.raises(InternalError, match="Cannot operate on a closed database"):
        turn.__exit__(None, None, None)


def test_a_batch_under_way_comes_back_with_all_that_is_known_of_its_requests(journal: Journal) -> None:
    put(journal, sent(doubted=True, parent=9))
    put(journal, sent(2), [CREATED, CREATED])
    [batch] = journal.open_batches(lambda body, second: json.loads(body)["data"])
    assert (batch.id, batch.parent, pack_state(batch.state), batch.sends) == (1, 9, "sent", 1)
    assert (batch.first_intent, batch.sent_at, batch.doubted) == (100.5, 99.5, True)
    assert [(found.number, found.line, found.key) for found in batch.rows] == [(1, 2, "k1"), (2, 3, "K2")]
    assert batch.records == [{"Ref": "k1"}, {"Ref": "K2"}]
    assert journal.next_batch_id() == 3


def test_a_batch_that_is_sent_again_keeps_its_rows_and_changes_its_state(journal: Journal) -> None:
    batch = sent()
    put(journal, batch)
    batch.state, batch.sends, batch.sent_at = BatchState.READY, 2, 300.0
    put(journal, batch)
    assert seen(journal.path, "SELECT id, state, sends, sent_at FROM batch") == [
        {"id": 1, "state": "queued", "sends": 2, "sent_at": 300.0}
    ]


def test_what_was_sent_is_kept_as_it_was_sent_last(journal: Journal) -> None:
    batch = sent()
    put(journal, batch)
    with journal.transaction():
        journal.put_batch(batch, b'{"data":[{}]}')
    [content] = seen(journal.path, "SELECT body FROM content")
    assert zlib.decompress(content["body"]) == b'{"data":[{}]}'


def test_a_batch_that_is_done_is_a_row_more_and_nothing_written_anew(journal: Journal) -> None:
    batch = sent()
    put(journal, batch)
    both = "SELECT * FROM batch JOIN content ON batch = id"
    before = seen(journal.path, both)
    with journal.transaction():
        batch.outcomes = [CREATED, CREATED]
        journal.finish_batch(batch)
    assert seen(journal.path, both) == before
    assert journal.open_batches(lambda body, second: json.loads(body)["data"]) == []
    assert list(journal.open_rows()) == []


@pytest.mark.parametrize(
    ("statement", "index"), [(journal_sql.MAY_HOLD_ID, "outcome_ids"), (journal_sql.HELD, "outcome_held")]
)
def test_each_index_serves_the_statement_that_it_is_there_for(
    statement: str, index: str, journal: Journal
) -> None:
    with closing(sqlite3.connect(journal.path)) as db:
        plan = db.execute(f"EXPLAIN QUERY PLAN {statement}", [1] * statement.count("?")).fetchall()
    assert any(f"INDEX {index} " in step[-1] for step in plan)
    assert not any("TEMP B-TREE" in step[-1] for step in plan)


def test_rows_of_a_source_that_cant_be_read_again_are_kept(journal: Journal) -> None:
    batch = Batch(
        1,
        [row(1, "a", {"id": "7", "n": "x"}), row(2, "b", {"id": "8", "n": None})],
        state=BatchState.IN_FLIGHT,
    )
    put(journal, batch)
    assert list(journal.recorded_after(1)) == [(2, {"id": "8", "n": None})]
    assert list(journal.recorded_after(0)) == [(1, {"id": "7", "n": "x"}), (2, {"id": "8", "n": None})]


def test_outcomes_come_by_the_first_row_of_their_group_without_the_moved(journal: Journal) -> None:
    put(journal, Batch(1, [row(4), row(6)], state=BatchState.IN_FLIGHT), [MOVED, CREATED])
    put(journal, Batch(2, [row(1), row(3)], state=BatchState.IN_FLIGHT), [CREATED, CREATED])
    with journal.transaction():
        journal.put_decided([(row(n), Outcome("skipped")) for n in (2, 5)])
    groups = [(group.first_row, group.numbers) for group in journal.groups()]
    assert groups == [(1, [1, 3]), (2, [2, 5]), (4, [6])]


def test_the_row_that_created_a_record_is_found_by_the_id_and_is_another_one(journal: Journal) -> None:
    put(journal, sent(), [CREATED, Outcome("updated", "5545974000000000001")])
    assert journal.row_that(["created"], "5545974000000000001", besides=2) == (2, "k1")
    assert journal.row_that(["created"], "5545974000000000001", besides=1) is None
    assert journal.row_that(["created"], "5545974000000000002", besides=2) is None


def test_ids_of_twenty_digits_are_found_again(journal: Journal) -> None:
    first, second = "99999999999999999998", "99999999999999999999"
    put(journal, sent(), [Outcome("created", first), Outcome("created", second)])
    assert journal.row_that(["created"], second, besides=0) == (3, "K2")
    assert journal.row_that(["created"], "99999999999999999997", besides=0) is None


def test_keys_on_hold_come_back_until_their_time_is_over(journal: Journal) -> None:
    put(journal, sent(held_until=500.0), [CREATED, CREATED])
    assert held(journal, 499.0) == [(["k1", "K2"], 500.0)]
    assert held(journal, 500.0) == []


def test_facts_are_overwritten_and_missing_ones_are_none(journal: Journal) -> None:
    for watermark in (1, 2):
        with journal.transaction():
            journal.put_fact("progress", {"watermark": watermark})
    assert journal.fact("progress") == {"watermark": 2}
    assert journal.fact("user") is None


# -- damage --------------------------------------------------------------------------------------


def closed_journal(folder: Path) -> Path:
    """A journal of some pages, all of them in the one file."""
    path = folder / "journal.db"
    with closing(Journal.create(path)) as journal:
        for batch_id in range(1, 200):
            put(journal, Batch(batch_id, [row(batch_id, "k" * 50)], state=BatchState.IN_FLIGHT), [CREATED])
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=DELETE")
    return path


def spoil(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("line,key,id\n" * 500)
    elif how == "cut off":
        path.write_bytes(content[: len(content) // 2])
    elif how == "a page of zeros":
        path.write_bytes(content[:8192] + bytes(4096) + content[12288:])
    elif how == "its first bytes gone":
        path.write_bytes(bytes(100) + content[100:])
    else:
        with closing(sqlite3.connect(path)) as db:
            db.execute(how)


@pytest.mark.parametrize(
    "how",
    [
        "missing",
        "empty",
        "text",
        "cut off",
        "a page of zeros",
        "its first bytes gone",
        "PRAGMA application_id=0",
    ],
)
def test_what_is_no_journal_of_ours_is_told_with_what_to_do(how: str, tmp_path: Path) -> None:
    path = closed_journal(tmp_path)
    spoil(path, how)
    with pytest.raises(JournalDamaged, match=r"journal\.db") as caught:
        Journal.open(path)
    assert "Restore the run folder" in (caught.value.hint or "")
    assert caught.value.exit_code == 5


def test_a_journal_of_another_version_names_both(tmp_path: Path) -> None:
    path = closed_journal(tmp_path)
    spoil(path, "PRAGMA user_version=99")
    with pytest.raises(JournalDamaged, match="schema 99, needed 6") as caught:
        Journal.open(path)
    assert "Restore the run folder" not in (caught.value.hint or "")
    assert "install" in (caught.value.hint or "")


LOOKS = [Journal.open, Journal.read_only, Journal.peek, Journal.held_until, Journal.kept_run]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(
    "how", ["missing", "empty", "text", "PRAGMA application_id=0", "PRAGMA user_version=3"]
)
def test_every_reader_refuses_what_is_no_journal_of_this_version(
    look: Callable[[Path], object], how: str, tmp_path: Path
) -> None:
    path = closed_journal(tmp_path)
    spoil(path, how)
    with pytest.raises(JournalDamaged, match=r"journal\.db"):
        look(path)


@pytest.mark.parametrize(
    "kept",
    [
        "[]",
        "{",
        '{"rows": 7}',
        '{"rows": {"read": "many"}}',
        '{"rows": {"read": -1}}',
        '{"rows": {"rode": 1}}',
    ],
)
def test_counts_that_cant_be_read_are_not_told_as_zeros(kept: str, tmp_path: Path) -> None:
    path = closed_journal(tmp_path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO fact VALUES ('progress', ?)", (kept,))
    with pytest.raises(JournalDamaged, match=r"progress|counts"):
        Journal.peek(path)


def test_what_is_not_opened_for_writing_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE theirs (a)")
    before = path.read_bytes()
    with pytest.raises(JournalDamaged):
        Journal.open(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("left", [0, 1, 2, 3])
def test_a_crash_while_a_journal_is_made_leaves_one_that_holds_nothing(left: int, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    if left == 1:
        path.touch()
    elif left == 2:
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA journal_mode=WAL")
    elif left == 3:
        Journal.create(path).close()
    assert holds_nothing(path) is (left > 0)


@pytest.mark.parametrize("time", ["'soon'", "9e999", "x'00'"])
def test_a_hold_that_is_no_time_may_end_any_time(time: str, journal: Journal) -> None:
    put(journal, sent(held_until=500.0), [CREATED, CREATED])
    with closing(sqlite3.connect(journal.path)) as db, db:
        db.execute(f"UPDATE outcome SET held_until={time}")
    assert Journal.held_until(journal.path) == math.inf
    assert held(journal, 499.0) == [(["k1", "K2"], math.inf)]


@pytest.mark.parametrize("time", ["'soon'", "9e999", "-9e999"])
def test_a_time_of_a_request_that_is_no_time_is_told(time: str, journal: Journal) -> None:
    put(journal, sent())
    with closing(sqlite3.connect(journal.path)) as db, db:
        db.execute(f"UPDATE batch SET first_intent={time}")
    with pytest.raises(JournalDamaged, match="batch 1"):
        journal.open_batches(lambda body, second: json.loads(body)["data"])


def test_a_folder_in_its_place_is_told_too(tmp_path: Path) -> None:
    (tmp_path / "journal.db").mkdir()
    with pytest.raises(JournalDamaged, match="can't be opened"):
        Journal.open(tmp_path / "journal.db")


def test_a_whole_journal_opens_again(tmp_path: Path) -> None:
    with closing(Journal.open(closed_journal(tmp_path))) as journal:
        assert journal.next_batch_id() == 200


def test_a_full_disk_is_told_and_the_journal_goes_on_once_there_is_room(journal: Journal) -> None:
    put(journal, sent(1))
    with closing(sqlite3.connect(journal.path)) as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
    big = Batch(2, [row(3, "k" * 100_000)], state=BatchState.IN_FLIGHT)
    limit_pages(journal, pages + 1)
    with pytest.raises(DiskFull, match="can't grow") as caught:
        put(journal, big)
    assert "resume" in (caught.value.hint or "")
    assert seen(journal.path, "SELECT id FROM batch") == [{"id": 1}]
    limit_pages(journal, pages + 1_000)
    put(journal, big)
    assert seen(journal.path, "SELECT id FROM batch") == [{"id": 1}, {"id": 2}]


def limit_pages(journal: Journal, pages: int) -> None:
    """SQLite's own full disk. The limit is the connection's, so it is set from inside."""
    journal._db.execute(f"PRAGMA max_page_count={pages}")


def test_rows_that_nobody_reads_to_the_end_are_no_fault_of_a_journal_that_was_closed(tmp_path: Path) -> None:
    made = Journal.create(tmp_path / "journal.db")
    put(made, sent(), [CREATED, CREATED])
    put(made, sent(2), [CREATED, CREATED])
    groups = made.groups()
    next(groups)
    made.close()
    groups.close()  # type: ignore[attr-defined]
