"""What is there already, and keys that stand twice in the source: each by the job's choice, none silently."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import Bench, file_job, leads, read_rows, write_rows
from zmigrate import Insert, Update, Upsert
from zmigrate.emulator import Emulator, Options

UNIQUE, PLAIN = "Legacy_ID", "Old_System_Ref"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Emulator(Options()) as emulator:
        yield Bench(emulator, tmp_path)


def by_key(bench: Bench, key: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for record in bench.records():
        found.setdefault(record[key], []).append(record)
    return found


@pytest.mark.parametrize("key", [UNIQUE, PLAIN])
def test_what_is_there_is_skipped_with_its_id(bench: Bench, key: str) -> None:
    rows = leads(250, key=key)
    ids = bench.seed(leads(100, start=101, key=key))
    job = file_job(Insert("Leads", key=key, on_existing="skip"), write_rows(bench.folder / "l.csv", rows))
    result = bench.run(job)
    assert (result.rows.created, result.rows.skipped, result.rows.failed) == (150, 100, 0)
    skipped = read_rows(result.files["skipped"])
    assert {row["code"] for row in skipped} == {"EXISTS"}
    assert all(record_id in row["message"] for record_id, row in zip(ids, skipped, strict=True))
    assert all(len(records) == 1 for records in by_key(bench, key).values())


@pytest.mark.parametrize("key", [UNIQUE, PLAIN])
def test_what_is_there_is_updated(bench: Bench, key: str) -> None:
    bench.seed([{**row, "City": "Old"} for row in leads(100, start=101, key=key)])
    rows = [{**row, "City": "New"} for row in leads(250, key=key)]
    job = file_job(Insert("Leads", key=key, on_existing="update"), write_rows(bench.folder / "l.csv", rows))
    result = bench.run(job)
    assert (result.rows.created, result.rows.updated, result.rows.failed) == (150, 100, 0)
    found = by_key(bench, key)
    assert len(found) == 250
    assert all([record["City"] for record in records] == ["New"] for records in found.values())
    success = read_rows(result.files["success"])
    assert [row["line"] for row in success] == [str(line) for line in range(2, 252)]


@pytest.mark.parametrize("key", [UNIQUE, PLAIN])
def test_what_is_there_fails_with_its_id(bench: Bench, key: str) -> None:
    [record_id] = bench.seed(leads(1, key=key))
    path = write_rows(bench.folder / "l.csv", leads(2, key=key))
    result = bench.run(file_job(Insert("Leads", key=key, on_existing="fail"), path))
    assert (result.rows.created, result.rows.failed) == (1, 1)
    [failed] = read_rows(result.files["errors"])
    assert record_id in failed["message"]


def test_a_namesake_is_created_where_nobody_asked_to_look(bench: Bench) -> None:
    bench.seed(leads(1, key=PLAIN))
    result = bench.run(
        file_job(Insert("Leads", key=PLAIN), write_rows(bench.folder / "l.csv", leads(1, key=PLAIN)))
    )
    assert result.rows.created == 1
    assert len(bench.records()) == 2


def test_a_record_is_never_adopted_by_a_field_that_is_not_the_key(tmp_path: Path) -> None:
    with Emulator(Options(email_unique=True)) as emulator:
        bench = Bench(emulator, tmp_path)
        bench.seed([{"Last_Name": "Other", "Company": "C", "Email": "lead1@example.com"}])
        path = write_rows(tmp_path / "l.csv", leads(1))
        result = bench.run(file_job(Insert("Leads", key=UNIQUE, on_existing="update"), path))
        assert (result.rows.updated, result.rows.failed) == (0, 1)
        assert read_rows(result.files["errors"])[0]["code"] == "DUPLICATE_DATA"
        assert bench.records()[0]["Last_Name"] == "Other"


@pytest.mark.parametrize(
    ("on_existing", "counts"), [("skip", (0, 1, 0)), ("update", (1, 0, 0)), ("fail", (0, 0, 1))]
)
def test_a_record_that_shares_two_unique_values_is_known_by_the_key(
    on_existing: Any, counts: tuple[int, int, int], tmp_path: Path
) -> None:
    """Zoho names both values in one refusal."""
    with Emulator(Options(email_unique=True)) as emulator:
        bench = Bench(emulator, tmp_path)
        bench.seed(leads(1))
        path = write_rows(tmp_path / "l.csv", [{**leads(1)[0], "City": "New"}])
        job = file_job(Insert("Leads", key=UNIQUE, on_existing=on_existing), path)
        with bench.plan(job) as plan:
            assert (plan.counts.updates, plan.counts.skipped, plan.counts.refused) == counts
            foreseen = [reject.reason.code for reject in plan.rejects]
        result = bench.run(job)
        assert (result.rows.updated, result.rows.skipped, result.rows.failed) == counts
        assert [row["code"] for row in read_rows(result.files["errors"])] == foreseen


@pytest.mark.parametrize(
    "write", [Insert("Leads", key=PLAIN, on_existing="skip"), Update("Leads", key=PLAIN)]
)
def test_a_key_that_cant_be_asked_for_is_not_taken_for_new(write: Any, bench: Bench) -> None:
    rows = leads(2, key=PLAIN)
    rows[0][PLAIN] = r"CORP\anna"
    bench.seed(rows)
    job = file_job(write, write_rows(bench.folder / "l.csv", rows))
    with bench.plan(job) as plan:
        foreseen = [(reject.line, reject.reason.code) for reject in plan.rejects]
    result = bench.run(job)
    assert (result.rows.skipped + result.rows.updated, result.rows.failed) == (1, 1)
    assert [(int(row["line"]), row["code"]) for row in read_rows(result.files["errors"])] == foreseen
    assert len(bench.records()) == 2


def test_of_two_records_in_the_way_that_with_the_key_counts(tmp_path: Path) -> None:
    with Emulator(Options(email_unique=True)) as emulator:
        bench = Bench(emulator, tmp_path)
        one, two = leads(2)
        ids = bench.seed([{**one, "Email": ""}, {**two, "Email": one["Email"]}])
        job = file_job(Insert("Leads", key=UNIQUE, on_existing="skip"), write_rows(tmp_path / "l.csv", [one]))
        with bench.plan(job) as plan:
            assert plan.counts.skipped == 1
        [skipped] = read_rows(bench.run(job).files["skipped"])
        assert ids[0] in skipped["message"]


def test_several_namesakes_are_not_chosen_from(bench: Bench) -> None:
    ids = bench.seed([*leads(1, key=PLAIN), *leads(1, key=PLAIN)])
    path = write_rows(bench.folder / "l.csv", leads(1, key=PLAIN))
    result = bench.run(file_job(Insert("Leads", key=PLAIN, on_existing="update"), path))
    [failed] = read_rows(result.files["errors"])
    assert failed["code"] == "KEY_AMBIGUOUS"
    assert all(record_id in failed["message"] for record_id in ids)


@pytest.mark.parametrize(
    ("key", "on_existing"),
    [
        (UNIQUE, "update"),
        pytest.param(PLAIN, "skip", marks=pytest.mark.slow),
        pytest.param(UNIQUE, "skip", marks=pytest.mark.slow),
        pytest.param(PLAIN, "update", marks=pytest.mark.slow),
    ],
)
def test_existing_records_through_faults_and_resumes(tmp_path: Path, key: str, on_existing: Any) -> None:
    faults = Options(seed=3, rate_lost_answer=0.15, rate_5xx_after=0.1, rate_reset=0.1)
    with Emulator(faults) as emulator:
        bench = Bench(emulator, tmp_path)
        bench.seed([{**row, "City": "Old"} for row in leads(100, start=101, key=key)])
        rows = [{**row, "City": "New"} for row in leads(300, key=key)]
        job = file_job(
            Insert("Leads", key=key, on_existing=on_existing), write_rows(tmp_path / "l.csv", rows)
        )
        result = bench.run(job, limit=150)
        assert result.error is None
        result = bench.resume()
        there = result.rows.skipped if on_existing == "skip" else result.rows.updated
        assert (result.rows.created, there, result.rows.failed) == (200, 100, 0)
        found = by_key(bench, key)
        assert (len(found), sum(map(len, found.values()))) == (300, 300)
        old = sum(record["City"] == "Old" for records in found.values() for record in records)
        assert old == (100 if on_existing == "skip" else 0)


# -------------------------------------------------------------------------------------- keys that stand twice


def repeated(key: str) -> list[dict[str, str]]:
    """Keys 1 to 3, the second of them three times, far apart and close by."""
    one, two, three = leads(3, key=key)
    others = [(row, "x") for row in leads(300, start=10, key=key)]
    rows = [(one, "a"), (two, "b"), (two, "c"), *others, (three, "d"), (two, "e")]
    return [{**row, "City": city} for row, city in rows]


CASES = [
    (None, {"b"}, 2, 0),
    ("first", {"b"}, 0, 2),
    ("last", {"e"}, 0, 2),
    ("fail", set(), 3, 0),
]


@pytest.mark.parametrize("key", [UNIQUE, PLAIN])
@pytest.mark.parametrize(("mode", "cities", "failed", "skipped"), CASES)
def test_which_row_of_a_key_is_inserted(
    bench: Bench, key: str, mode: Any, cities: set[str], failed: int, skipped: int
) -> None:
    rows = repeated(key)
    result = bench.run(
        file_job(Insert("Leads", key=key, on_repeated=mode), write_rows(bench.folder / "l.csv", rows))
    )
    assert (result.rows.read, result.rows.failed, result.rows.skipped) == (305, failed, skipped)
    assert result.exit_code == bool(failed)
    found = by_key(bench, key)
    assert {record["City"] for record in found.get(rows[1][key], [])} == cities
    left_out = read_rows(result.files["errors" if failed else "skipped"])
    assert {row["code"] for row in left_out} == {"DUPLICATE_IN_SOURCE" if failed else "SKIPPED"}
    assert {row[key] for row in left_out} == {rows[1][key]}


def test_each_row_of_a_key_is_inserted_where_the_job_says_so(bench: Bench) -> None:
    path = write_rows(bench.folder / "l.csv", repeated(PLAIN))
    result = bench.run(file_job(Insert("Leads", key=PLAIN, on_repeated="each"), path))
    assert (result.rows.created, result.rows.failed) == (305, 0)


@pytest.mark.parametrize(("mode", "city"), [(None, "b"), ("first", "b"), ("last", "e"), ("each", "e")])
def test_which_row_of_a_key_is_upserted(bench: Bench, mode: Any, city: str) -> None:
    rows = repeated(UNIQUE)
    write = Upsert("Leads", match_on=UNIQUE, on_repeated=mode)
    result = bench.run(file_job(write, write_rows(bench.folder / "l.csv", rows)))
    left_out = {None: (2, 0), "each": (0, 0)}.get(mode, (0, 2))
    assert (result.rows.failed, result.rows.skipped) == left_out
    [record] = by_key(bench, UNIQUE)[rows[1][UNIQUE]]
    assert record["City"] == city


def test_which_row_of_an_id_is_updated(bench: Bench) -> None:
    [record_id] = bench.seed(leads(1))
    rows = [{"id": record_id, "City": city} for city in "abc"]
    result = bench.run(
        file_job(Update("Leads", on_repeated="first"), write_rows(bench.folder / "l.csv", rows))
    )
    assert (result.rows.updated, result.rows.skipped, result.exit_code) == (1, 2, 0)
    assert bench.records()[0]["City"] == "a"


def test_thousands_of_rows_with_one_key_take_few_requests(bench: Bench) -> None:
    rows = [{**leads(1)[0], "City": str(n)} for n in range(3_000)]
    result = bench.run(file_job(Insert("Leads", key=UNIQUE), write_rows(bench.folder / "l.csv", rows)))
    assert (result.rows.created, result.rows.failed) == (1, 2_999)
    assert result.requests["sent"] < 50


@pytest.mark.parametrize("key", [UNIQUE, PLAIN])
def test_a_row_that_updates_what_was_there_is_the_one_of_its_key(bench: Bench, key: str) -> None:
    rows = repeated(key)
    bench.seed([{**leads(2, key=key)[1], "City": "old"}])
    write = Insert("Leads", key=key, on_existing="update")
    result = bench.run(file_job(write, write_rows(bench.folder / "l.csv", rows)))
    assert (result.rows.updated, result.rows.failed) == (1, 2)
    [record] = by_key(bench, key)[rows[1][key]]
    assert record["City"] == "b"
