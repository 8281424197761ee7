"""What was sent and never answered: found out, not guessed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support import Bench, file_job, leads, read_rows, thorough, write_rows
from zmigrate import Delete, Insert, Update, Upsert
from zmigrate.events import BatchDone, BatchDoubted, BatchSplit, Event

LEADS = {"method": "POST", "path": "/crm/v8/Leads"}
PLAIN = "Old_System_Ref"


def loaded(bench: Bench, write: Insert | Upsert, count: int = 300, key: str = "Legacy_ID"):  # type: ignore[no-untyped-def]
    path = write_rows(bench.folder / "leads.csv", leads(count, key=key))
    return bench.run(file_job(write, path))


@pytest.mark.parametrize("key", ["Legacy_ID", PLAIN])
@pytest.mark.parametrize("fault", thorough(["lost_answer", "reset", "garbage", "short_data", "500"], 2))
def test_insert_whose_answer_was_lost_is_created_once(fault: str, key: str, bench: Bench) -> None:
    bench.script({**LEADS, "fault": fault, "times": 1})
    result = loaded(bench, Insert("Leads", key=key), key=key)
    assert result.rows.created == 300
    assert bench.audit(key=key)["creates"] == 300
    assert len(bench.seen(BatchDoubted)) == 1
    assert {row["action"] for row in read_rows(result.files["success"])} == {"created"}


@pytest.mark.parametrize("seeded_at", thorough([None, "2020-01-01T00:00:00+00:00"]))
def test_records_that_were_there_before_are_never_taken_for_ours(seeded_at: str | None, bench: Bench) -> None:
    """The same value in a key that is not unique, by the same user; from long ago or a moment before."""
    more = {"created_time": seeded_at} if seeded_at else {}
    before = bench.seed([{**row, "Company": "Before"} for row in leads(100, key=PLAIN)], **more)
    bench.script({**LEADS, "fault": "reset", "times": 1})
    result = loaded(bench, Insert("Leads", key=PLAIN), 100, PLAIN)
    assert result.rows.created == 100
    assert bench.audit(key=PLAIN)["records"] == 200
    ours = {row["id"] for row in read_rows(result.files["success"])}
    assert len(ours) == 100
    assert not ours & set(before)


def test_another_users_record_that_comes_up_meanwhile_is_not_ours(bench: Bench) -> None:
    bench.script({**LEADS, "fault": "reset", "times": 1, "skip": 1})
    bench.seed(
        leads(100, key=PLAIN), created_by="5545974000000999999", created_time="2099-01-01T00:00:00+00:00"
    )
    result = loaded(bench, Insert("Leads", key=PLAIN), 200, PLAIN)
    assert result.rows.created == 200
    assert bench.audit(key=PLAIN)["records"] == 300


def test_insert_without_a_key_is_reported_in_doubt_and_never_repeated(bench: Bench) -> None:
    bench.script({**LEADS, "fault": "lost_answer", "times": 1})
    path = write_rows(bench.folder / "leads.csv", leads(300))
    result = bench.run(file_job(Insert("Leads"), path))
    assert (result.rows.created, result.rows.in_doubt) == (200, 100)
    assert result.exit_code == 1
    assert bench.audit()["creates"] == 300
    doubtful = read_rows(result.files["in_doubt"])
    assert len(doubtful) == 100
    assert doubtful[0]["code"] == "ANSWER_LOST"
    assert not {row["line"] for row in doubtful} & {row["line"] for row in read_rows(result.files["success"])}


def test_insert_without_a_key_pauses_when_zoho_loses_one_answer_after_another(bench: Bench) -> None:
    bench.script({**LEADS, "fault": "503", "times": 50})
    path = write_rows(bench.folder / "leads.csv", leads(5_000))
    result = bench.run(file_job(Insert("Leads"), path))
    assert result.state == "paused"
    assert result.exit_code == 4
    assert result.rows.in_doubt <= 2_000


def test_a_key_that_cant_be_looked_up_is_left_in_doubt(bench: Bench) -> None:
    """How COQL reads a backslash is not documented."""
    rows = leads(100, key=PLAIN)
    rows[5][PLAIN] = r"back\slash"
    bench.script({**LEADS, "fault": "lost_answer", "times": 1})
    result = bench.run(file_job(Insert("Leads", key=PLAIN), write_rows(bench.folder / "leads.csv", rows)))
    assert (result.rows.created, result.rows.in_doubt) == (99, 1)
    assert [row["line"] for row in read_rows(result.files["in_doubt"])] == ["7"]


def test_quotes_in_keys_are_looked_up_as_they_are(bench: Bench) -> None:
    rows = leads(100, key=PLAIN)
    rows[5][PLAIN], rows[6][PLAIN] = "O'Brien's", 'the "old" one'
    bench.script({**LEADS, "fault": "lost_answer", "times": 1})
    result = bench.run(file_job(Insert("Leads", key=PLAIN), write_rows(bench.folder / "leads.csv", rows)))
    assert result.rows.created == 100
    assert bench.audit(key=PLAIN)["creates"] == 100


def test_negative_numbers_are_looked_up_as_keys_too(bench: Bench) -> None:
    rows = [{**row, "No_of_Employees": str(-number)} for number, row in enumerate(leads(100), start=1)]
    bench.script({**LEADS, "fault": "lost_answer", "times": 1})
    path = write_rows(bench.folder / "leads.csv", [{**row, "Legacy_ID": ""} for row in rows])
    result = bench.run(file_job(Insert("Leads", key="No_of_Employees"), path))
    assert result.rows.created == 100
    assert bench.audit()["creates"] == 100


def test_upsert_repeated_after_a_lost_answer_still_says_created(bench: Bench) -> None:
    bench.script({"method": "POST", "path": "/crm/v8/Leads/upsert", "fault": "lost_answer", "times": 1})
    result = loaded(bench, Upsert("Leads", match_on="Legacy_ID"))
    assert (result.rows.created, result.rows.updated) == (300, 0)
    assert bench.audit()["creates"] == 300


def test_upsert_on_a_field_that_is_not_unique_waits_before_it_repeats(bench: Bench) -> None:
    """Email is what Zoho matches Leads on, and not unique: a late first request would make a twin."""
    bench.script(
        {"method": "POST", "path": "/crm/v8/Leads/upsert", "fault": "late", "delay_s": 0.15, "times": 1}
    )
    result = loaded(bench, Upsert("Leads", match_on="Email"))
    assert result.rows.created == 300
    assert bench.audit()["creates"] == 300
    assert len(bench.seen(BatchDoubted)) == 1


def test_delete_repeated_after_a_lost_answer_counts_what_is_gone_as_deleted(bench: Bench) -> None:
    ids = bench.seed(leads(200))
    bench.script({"method": "DELETE", "path": "/crm/v8/Leads", "fault": "lost_answer", "times": 1})
    path = write_rows(bench.folder / "ids.csv", [{"id": record_id} for record_id in ids])
    result = bench.run(file_job(Delete("Leads"), path))
    assert (result.rows.deleted, result.rows.failed) == (200, 0)


def test_deleting_what_was_never_there_fails_the_row(bench: Bench) -> None:
    ids = bench.seed(leads(1))
    path = write_rows(bench.folder / "ids.csv", [{"id": ids[0]}, {"id": "5545974000000999998"}])
    result = bench.run(file_job(Delete("Leads"), path))
    assert (result.rows.deleted, result.rows.failed) == (1, 1)
    assert read_rows(result.files["errors"])[0]["code"] == "INVALID_DATA"


def test_a_late_update_never_overwrites_a_later_row_of_the_same_record(bench: Bench) -> None:
    """The first request is applied after the client gave up on it; the second row waits that long."""
    ids = bench.seed(leads(1))
    rows = [{"id": ids[0], "Company": "first"}, {"id": ids[0], "Company": "second"}]
    bench.script({"method": "PUT", "path": "/crm/v8/Leads", "fault": "late", "delay_s": 0.15, "times": 1})
    write = Update("Leads", on_repeated="each")
    result = bench.run(file_job(write, write_rows(bench.folder / "rows.csv", rows)))
    assert result.rows.updated == 2
    assert bench.records()[0]["Company"] == "second"


@pytest.mark.parametrize(
    "write",
    [
        Insert("Leads", key="Legacy_ID"),
        pytest.param(Insert("Leads", key=PLAIN), marks=pytest.mark.slow),
    ],
)
def test_a_record_that_makes_zoho_fail_is_found_by_halving_and_fails_alone(
    write: Insert, bench: Bench
) -> None:
    rows = leads(24, key=write.key or "")
    rows[15]["Last_Name"] = "Poison"
    bench.script({**LEADS, "fault": "500", "times": 1_000, "contains": "Poison"})
    result = bench.run(file_job(write, write_rows(bench.folder / "leads.csv", rows)))
    assert (result.rows.created, result.rows.failed) == (23, 1)
    assert bench.audit(key=write.key or "")["creates"] == 23
    assert read_rows(result.files["errors"])[0]["line"] == "17"
    assert bench.seen(BatchSplit)


@pytest.mark.slow
def test_an_update_that_makes_zoho_fail_each_time_is_in_doubt_and_the_rest_goes_through(
    bench: Bench,
) -> None:
    ids = bench.seed(leads(3))
    rows = [{"id": record_id, "Company": "New"} for record_id in ids]
    rows[1]["Company"] = "Poison"
    bench.script({**LEADS, "method": "PUT", "fault": "500", "times": 10_000, "contains": "Poison"})
    result = bench.run(file_job(Update("Leads"), write_rows(bench.folder / "rows.csv", rows)))
    assert (result.rows.updated, result.rows.in_doubt) == (2, 1)


def test_a_record_that_makes_zoho_refuse_the_whole_request_fails_alone(bench: Bench) -> None:
    rows = leads(300)
    rows[42]["Last_Name"] = "Too big"
    bench.script({**LEADS, "fault": "413", "times": 1_000, "contains": "Too big"})
    result = bench.run(file_job(Insert("Leads", key="Legacy_ID"), write_rows(bench.folder / "a.csv", rows)))
    assert (result.rows.created, result.rows.failed) == (299, 1)
    assert read_rows(result.files["errors"])[0]["line"] == "44"


def test_a_refusal_that_is_no_records_fault_stops_the_run_and_costs_few_calls(bench: Bench) -> None:
    bench.script({**LEADS, "fault": "413", "times": 1_000})
    result = loaded(bench, Insert("Leads", key="Legacy_ID"))
    assert result.error is not None
    assert result.exit_code == 3
    assert result.rows.created == 0
    assert result.requests["sent"] < 100
    assert bench.resume().exit_code == 3
    bench.post("reset", {})
    assert bench.resume().rows.created == 300


def test_an_outage_pauses_the_run_and_a_resume_ends_it(bench_with: Callable[..., Bench]) -> None:
    bench = bench_with(latency_ms=10)
    bench.environ["ZMIGRATE_RETRY_BUDGET_S"] = "1"

    def break_down(event: Event) -> None:
        if isinstance(event, BatchDone) and len(bench.seen(BatchDone)) == 3:
            bench.post("faults", {"rate_5xx": 1.0})

    path = write_rows(bench.folder / "leads.csv", leads(3_000, key=PLAIN))
    job = file_job(Insert("Leads", key=PLAIN), path)
    result = bench.run(job, listeners=(bench.events.append, break_down))
    assert (result.state, result.exit_code) == ("paused", 4)
    assert result.rows.pending > 0
    assert result.rows.balanced
    bench.post("faults", {"rate_5xx": 0.0})
    result = bench.resume()
    assert (result.state, result.rows.created) == ("finished", 3_000)
    assert bench.audit(key=PLAIN)["created_twice"] == []
