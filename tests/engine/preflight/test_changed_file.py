"""A file that was inserted, mended where it lies, and given again: its rows are not doubled unasked."""

from __future__ import annotations

import pytest

from tests.support import Bench, file_job, leads, write_rows
from zmigrate import Insert, Upsert
from zmigrate.errors import RunError
from zmigrate.job.writes import Write

PLAIN = "Old_System_Ref"


def load(bench: Bench, write: Write, rows: int, **options: bool) -> int:
    path = write_rows(bench.folder / "leads.csv", leads(rows, key=write.key or PLAIN))
    return bench.run(file_job(write, path), **options).rows.created


@pytest.mark.parametrize("write", [Insert("Leads"), Insert("Leads", key=PLAIN)])
def test_what_could_double_is_refused_until_again(write: Write, bench: Bench) -> None:
    load(bench, write, 2)

    with pytest.raises(RunError, match="has changed since") as caught:
        load(bench, write, 3)

    assert "TWICE" in (caught.value.hint or "")
    assert len(bench.records()) == 2
    assert load(bench, write, 3, again=True) == 3


@pytest.mark.parametrize(
    "write",
    [
        Insert("Leads", key="Legacy_ID"),
        Upsert("Leads", match_on="Legacy_ID"),
        Insert("Leads", key=PLAIN, on_existing="skip"),
    ],
)
def test_what_is_known_by_its_key_is_loaded(write: Write, bench: Bench) -> None:
    load(bench, write, 2)
    assert load(bench, write, 3) == 1
    assert len(bench.records()) == 3


def test_a_run_that_wrote_nothing_is_in_nobodys_way(bench: Bench) -> None:
    path = write_rows(bench.folder / "leads.csv", [{"Last_Name": "x", "Company": "y", "Email": "none"}])
    assert bench.run(file_job(Insert("Leads"), path)).rows.failed == 1
    assert load(bench, Insert("Leads"), 2) == 2
