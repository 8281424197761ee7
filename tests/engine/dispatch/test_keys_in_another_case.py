"""Keys that are looked up, and letter case: a record whose key differs in it is not the row's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import Bench, file_job, leads, read_rows, write_rows
from zmigrate import Delete, Insert, Update
from zmigrate.emulator import Emulator, Options
from zmigrate.engine.storage.run_result import RunResult
from zmigrate.events import RequestSent
from zmigrate.job.writes import Write

UNIQUE, PLAIN = "Legacy_ID", "Old_System_Ref"
OURS = {"created_time": "2099-01-01T00:00:00+00:00"}
"""Seeded so, a record is one that a request of the run may have made."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Emulator(Options()) as emulator:
        yield Bench(emulator, tmp_path)


def lead(key: str, value: str, **more: str) -> dict[str, str]:
    return {**leads(1, key=key)[0], key: value, **more}


def load(bench: Bench, write: Write, *values: str, **more: str) -> RunResult:
    """Rows with these keys."""
    rows = [lead(write.key or "", value, **more) for value in values]
    return bench.run(file_job(write, write_rows(bench.folder / "leads.csv", rows)))


def failed(result: RunResult) -> dict[str, str]:
    [row] = read_rows(result.files["errors"])
    return row


def reads_by_id(bench: Bench) -> int:
    asked = [(event.method, event.path) for event in bench.seen(RequestSent)]
    return asked.count(("GET", "/crm/v8/Leads"))


# -- update and delete -----------------------------------------------------------------------------


@pytest.mark.parametrize("write", [Update("Leads", key=UNIQUE), Delete("Leads", key=PLAIN)])
def test_a_key_in_another_case_fails_its_row_with_the_spelling(bench: Bench, write: Any) -> None:
    bench.seed([lead(write.key, "K0016", City="Old")])
    row = failed(load(bench, write, "k0016", City="New"))
    assert (row["code"], row["field"]) == ("KEY_NOT_FOUND", write.key)
    assert "'k0016'; the org has 'K0016'" in row["message"]
    assert all(way in row["message"] for way in ("ignore_case = true", "ignore_case=True", "--ignore-case"))
    assert [record["City"] for record in bench.records()] == ["Old"]


@pytest.mark.parametrize("exact", [False, True])
def test_of_two_records_that_with_the_same_letters_is_changed(bench: Bench, exact: bool) -> None:
    bench.options(coql_case_sensitive=exact)
    bench.seed([lead(PLAIN, "K1", City="Old"), lead(PLAIN, "k1", City="Old")])
    for ignore_case in (False, True):
        city = f"New {ignore_case}"
        result = load(bench, Update("Leads", key=PLAIN, ignore_case=ignore_case), "k1", City=city)
        assert result.rows.updated == 1
        assert [record["City"] for record in bench.records()] == ["Old", city]


def test_an_update_that_ignores_case_leaves_the_key_as_the_org_has_it(bench: Bench) -> None:
    bench.seed([lead(UNIQUE, "K1", City="Old")])
    assert load(bench, Update("Leads", key=UNIQUE, ignore_case=True), "k1", City="New").rows.updated == 1
    [record] = bench.records()
    assert (record[UNIQUE], record["City"]) == ("K1", "New")


def test_of_several_spellings_none_is_chosen(bench: Bench) -> None:
    bench.seed([lead(PLAIN, "Key"), lead(PLAIN, "KEY")])
    row = failed(load(bench, Delete("Leads", key=PLAIN, ignore_case=True), "key"))
    assert row["code"] == "KEY_AMBIGUOUS"
    assert len(bench.records()) == 2


def test_an_email_address_ignores_case(bench: Bench) -> None:
    bench.seed([lead("Email", "Anna@Example.com", City="Old")])
    assert load(bench, Update("Leads", key="Email"), "anna@example.com", City="New").rows.updated == 1


# -- an insert that looks for what exists -----------------------------------------------------------


@pytest.mark.parametrize("on_existing", ["skip", "update", "fail"])
@pytest.mark.parametrize(("key", "code"), [(UNIQUE, "DUPLICATE_DATA"), (PLAIN, "EXISTS")])
def test_a_record_with_the_key_in_another_case_is_not_taken_for_the_rows(
    bench: Bench, on_existing: Any, key: str, code: str
) -> None:
    bench.seed([lead(key, "K0016", City="Old")])
    row = failed(load(bench, Insert("Leads", key=key, on_existing=on_existing), "k0016", City="New"))
    assert (row["code"], row["field"]) == (code, key)
    assert "the org has 'K0016'" in row["message"]
    assert "--ignore-case" in row["message"]
    assert [record["City"] for record in bench.records()] == ["Old"]


@pytest.mark.parametrize("key", [UNIQUE, PLAIN])
def test_it_is_taken_if_the_insert_ignores_case(bench: Bench, key: str) -> None:
    bench.seed([lead(key, "K1", City="Old")])
    skips = Insert("Leads", key=key, on_existing="skip", ignore_case=True)
    updates = Insert("Leads", key=key, on_existing="update", ignore_case=True)
    assert load(bench, skips, "k1", City="New").rows.skipped == 1
    assert load(bench, updates, "k1", City="New").rows.updated == 1
    [record] = bench.records()
    assert (record[key], record["City"]) == ("K1", "New")


@pytest.mark.parametrize("shape", ["record", "record_without_module", "id"])
def test_the_same_spelling_is_found_in_every_shape_of_the_refusal(tmp_path: Path, shape: Any) -> None:
    with Emulator(Options(duplicate_shape=shape)) as emulator:
        bench = Bench(emulator, tmp_path)
        bench.seed([lead(UNIQUE, "K1")])
        assert load(bench, Insert("Leads", key=UNIQUE, on_existing="skip"), "K1").rows.skipped == 1


def test_records_in_the_way_are_read_a_batch_at_a_time(bench: Bench) -> None:
    bench.seed(leads(200))
    path = write_rows(bench.folder / "leads.csv", leads(200))
    result = bench.run(file_job(Insert("Leads", key=UNIQUE, on_existing="skip"), path))
    assert result.rows.skipped == 200
    assert reads_by_id(bench) == 2


@pytest.mark.parametrize(
    ("write", "value"),
    [
        (Insert("Leads", key=UNIQUE, on_existing="skip"), "4711-08"),
        (Insert("Leads", key=UNIQUE, on_existing="skip", ignore_case=True), "K1"),
        (Insert("Leads", key=UNIQUE), "K1"),
    ],
)
def test_no_record_is_read_where_letter_case_does_not_matter(bench: Bench, write: Any, value: str) -> None:
    bench.seed([lead(UNIQUE, value)])
    assert load(bench, write, value).rows.created == 0
    assert reads_by_id(bench) == 0


# -- answers that were lost -------------------------------------------------------------------------


@pytest.mark.parametrize("on_existing", [None, "update"])
@pytest.mark.parametrize("shape", ["record", "none"])
def test_after_a_lost_answer_a_record_in_another_case_is_not_ours(
    tmp_path: Path, on_existing: Any, shape: Any
) -> None:
    with Emulator(Options(duplicate_shape=shape)) as emulator:
        bench = Bench(emulator, tmp_path)
        bench.seed([lead(UNIQUE, "K1", City="Old")], **OURS)
        bench.script({"method": "POST", "path": "/crm/v8/Leads", "fault": "reset"})
        result = load(bench, Insert("Leads", key=UNIQUE, on_existing=on_existing), "k1", City="New")
        assert (result.rows.created, result.rows.updated) == (0, 0)
        row = failed(result)
        assert row["code"] == "DUPLICATE_DATA"
        assert ("the org has 'K1'" in row["message"]) == (on_existing is not None)
        assert [record["City"] for record in bench.records()] == ["Old"]


@pytest.mark.parametrize("key", [UNIQUE, PLAIN])
def test_after_a_lost_answer_our_record_is_found_by_the_keys_letters(bench: Bench, key: str) -> None:
    bench.script({"method": "POST", "path": "/crm/v8/Leads", "fault": "lost_answer"})
    result = load(bench, Insert("Leads", key=key), " Kä1 ", "k2")
    assert (result.rows.created, result.rows.failed, result.rows.in_doubt) == (2, 0, 0)
    assert len(bench.records()) == 2


def test_a_namesake_in_another_case_does_not_stop_a_lost_insert(bench: Bench) -> None:
    bench.seed([lead(PLAIN, "K1")], **OURS)
    bench.script({"method": "POST", "path": "/crm/v8/Leads", "fault": "reset"})
    assert load(bench, Insert("Leads", key=PLAIN), "k1").rows.created == 1
    assert sorted(record[PLAIN] for record in bench.records()) == ["K1", "k1"]
