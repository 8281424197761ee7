"""Answers that contradict themselves or the rows that were sent: nobody's outcome is guessed from them."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.support import Bench, file_job, leads, read_rows, write_rows
from zmigrate import Delete, Insert, Update
from zmigrate.events import BatchSent, Event

LEADS = "/crm/v8/Leads"
PLAIN = "Old_System_Ref"
USER = {"Modified_By": {"id": "5545974000000093001"}}


@pytest.fixture
def bench(bench: Bench) -> Bench:
    bench.environ["ZMIGRATE_SETTLE_S"] = "0.05"
    return bench


def success(record_id: str, **more: Any) -> dict[str, Any]:
    details = {"id": record_id, **USER}
    return {"code": "SUCCESS", "details": details, "status": "success", "message": "done", **more}


def says(method: str, *elements: dict[str, Any], status: int = 200) -> dict[str, Any]:
    return {"method": method, "path": LEADS, "fault": "answer", "status": status, "body": {"data": elements}}


def test_an_update_whose_answer_names_other_records_is_sent_again(bench: Bench) -> None:
    ids = bench.seed(leads(3))
    rows = [{"id": one, "City": "Bern"} for one in ids]
    bench.script(says("PUT", *map(success, [ids[1], ids[2], ids[0]])))

    result = bench.run(file_job(Update("Leads"), write_rows(bench.folder / "u.csv", rows)))

    assert result.rows.updated == 3
    assert [row["zmigrate_id"] for row in read_rows(result.files["success"])] == ids
    assert {record["City"] for record in bench.records()} == {"Bern"}


def test_a_deletion_whose_answer_is_in_another_order_blames_no_other_row(bench: Bench) -> None:
    ids = bench.seed(leads(2))
    rows = [{"id": one} for one in [ids[0], "5545974000000099999", ids[1]]]
    gone = {"code": "INVALID_DATA", "details": {"id": rows[1]["id"]}, "status": "error", "message": "no"}
    bench.script(says("DELETE", success(ids[0]), success(ids[1]), gone, status=207))

    result = bench.run(file_job(Delete("Leads"), write_rows(bench.folder / "d.csv", rows)))

    assert {row["zmigrate_id"] for row in read_rows(result.files["success"])} >= set(ids)
    assert bench.records() == []


@pytest.mark.parametrize("key", ["Legacy_ID", PLAIN, None])
def test_an_insert_whose_answer_names_one_record_for_two_rows_is_looked_into(
    key: str | None, bench: Bench
) -> None:
    rows = leads(2, key=key or "Legacy_ID")
    bench.script(says("POST", success("5545974000000088001"), success("5545974000000088001"), status=201))

    result = bench.run(file_job(Insert("Leads", key=key), write_rows(bench.folder / "i.csv", rows)))

    if key is None:
        assert (result.rows.created, result.rows.in_doubt) == (0, 2)
    else:
        assert result.rows.created == 2
        assert len({row["id"] for row in read_rows(result.files["success"])}) == 2
        assert len(bench.records()) == 2


@pytest.mark.parametrize(
    "odd",
    [{"code": "RECORD_ADDED"}, {"code": "success"}, {"status": "error"}],
    ids=["another code", "a code in small letters", "an error with the code of a success"],
)
def test_a_row_of_which_code_and_status_disagree_is_looked_into(odd: dict[str, Any], bench: Bench) -> None:
    rows = leads(2, key=PLAIN)
    [there] = bench.seed([rows[1]], created_time="2099-01-01T00:00:00+00:00")
    bench.script(says("POST", success("5545974000000088001"), success(there, **odd), status=201))

    result = bench.run(file_job(Insert("Leads", key=PLAIN), write_rows(bench.folder / "i.csv", rows)))

    assert (result.rows.created, result.rows.failed) == (2, 0)
    assert [record["id"] for record in bench.records()] == [there]


def test_a_run_whose_folder_is_deleted_in_the_middle_sends_nothing_more(bench: Bench) -> None:
    path = write_rows(bench.folder / "leads.csv", leads(3_000))

    def delete_it(event: Event) -> None:
        if isinstance(event, BatchSent) and event.batch >= 5:
            shutil.rmtree(bench.folder / ".zmigrate" / "runs", ignore_errors=True)

    result = bench.run(file_job(Insert("Leads"), path), listeners=(delete_it,))

    assert result.exit_code == 5
    assert result.error is not None
    assert "was deleted during the run" in result.error.message
    assert len(bench.records()) < 2_500
