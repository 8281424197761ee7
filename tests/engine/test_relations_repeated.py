"""Records that point at one another: keys that stand several times or are there already, limits in between."""

from __future__ import annotations

import pytest

from tests.engine.test_relations import account, make, parents
from tests.support import Bench, read_rows, write_rows
from zmigrate import Insert, RecordJob, Upsert
from zmigrate.writes import Write

INSERT = Insert("Accounts", key="Legacy_ID")
UPSERT = Upsert("Accounts", match_on="Legacy_ID")


def load(bench: Bench, write: Write, *rows: tuple[str, str, str]) -> RecordJob:
    """A load of accounts by (key, name, parent's key)."""
    cells = [dict(zip(("id", "name", "parent"), row, strict=True)) for row in rows]
    return make(write, write_rows(bench.folder / "accounts.csv", cells), account)


def names(bench: Bench) -> dict[str, str]:
    return {record["Legacy_ID"]: record["Account_Name"] for record in bench.records("Accounts")}


def test_the_later_row_of_a_key_is_written_later_although_it_has_no_parent(bench: Bench) -> None:
    result = bench.run(load(bench, UPSERT, ("a", "Old", "b"), ("b", "B", ""), ("a", "New", "")))
    assert (result.rows.created, result.rows.updated) == (2, 1)
    assert names(bench) == {"a": "New", "b": "B"}
    assert parents(bench) == {"a": "b", "b": None}


def test_the_first_row_of_a_key_is_inserted_although_it_has_a_parent(bench: Bench) -> None:
    result = bench.run(load(bench, INSERT, ("a", "First", "b"), ("b", "B", ""), ("a", "Second", "")))
    assert names(bench) == {"a": "First", "b": "B"}
    [failed] = read_rows(result.files["errors"])
    assert (failed["line"], failed["code"]) == ("4", "DUPLICATE_IN_SOURCE")


@pytest.mark.parametrize("there_before", [False, True])
def test_a_link_does_not_overwrite_what_a_later_row_says(there_before: bool, bench: Bench) -> None:
    if there_before:
        bench.seed([{"Legacy_ID": key, "Account_Name": "Old"} for key in "abc"], "Accounts")
    rows = [("a", "A", "b"), ("b", "B", "a"), ("c", "C", ""), ("a", "A2", "c")]
    result = bench.run(load(bench, UPSERT, *rows))
    assert (result.state, result.rows.created + result.rows.updated) == ("finished", 4)
    assert names(bench)["a"] == "A2"
    assert parents(bench) == {"a": "c", "b": "a", "c": None}


@pytest.mark.parametrize("key", ["Legacy_ID", "Old_System_Ref"])
def test_a_circle_of_records_that_are_updated_since_they_exist_is_closed(key: str, bench: Bench) -> None:
    old = [{"Legacy_ID": name, key: name, "Account_Name": "Old"} for name in "ab"]
    bench.seed(old, "Accounts")
    job = load(bench, Insert("Accounts", key=key, on_existing="update"), ("a", "A", "b"), ("b", "B", "a"))
    members = {"transform": lambda self, row: {**account(row), key: row["id"], "Legacy_ID": row["id"]}}
    result = bench.run(type("Load", (type(job),), {"__module__": __name__, **members})())
    assert (result.rows.updated, result.rows.failed) == (2, 0)
    assert parents(bench) == {"a": "b", "b": "a"}


def test_a_limit_between_the_rows_of_a_circle_leaves_its_link_to_the_resume(bench: Bench) -> None:
    result = bench.run(load(bench, INSERT, ("a", "A", "b"), ("b", "B", "a"), ("c", "C", "")), limit=2)
    assert (result.state, result.rows.created, result.rows.pending) == ("limited", 1, 1)
    result = bench.resume()
    assert (result.state, result.rows.created, result.rows.failed) == ("finished", 3, 0)
    assert parents(bench) == {"a": "b", "b": "a", "c": None}
