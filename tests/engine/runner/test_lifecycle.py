"""A run's life from outside: limits, resuming, what is refused, who may run what again."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import Bench, file_job, leads, read_rows, write_rows
from zmigrate import Csv, Insert, Job, RecordJob, Skip, Update, Upsert, scopes_for
from zmigrate.engine.runner.session import as_problem, state_of
from zmigrate.engine.storage.ledger import find_run, list_runs
from zmigrate.errors import (
    InternalError,
    JobError,
    JournalDamaged,
    RefusedError,
    RunError,
    ScopeError,
    SourceError,
    UsageError,
)
from zmigrate.events import BatchDone, BatchSent, Event, Log
from zmigrate.job.writes import Write
from zmigrate.stopping import StopSignal

INSERT = Insert("Leads", key="Legacy_ID")


def the_file(bench: Bench, count: int = 300) -> Path:
    return write_rows(bench.folder / "leads.csv", leads(count))


def folder_of(bench: Bench) -> Path:
    (found,) = bench.folder.glob(".zmigrate/runs/*")
    return found


# -- limits and resuming ---------------------------------------------------------------------------


def test_limit_stops_after_n_rows_and_resume_goes_on_with_the_next(bench: Bench) -> None:
    job = file_job(INSERT, the_file(bench))
    first = bench.run(job, limit=150)
    assert (first.state, first.exit_code, first.rows.read) == ("limited", 0, 150)
    second = bench.resume(limit=50)
    assert (second.state, second.rows.read) == ("limited", 200)
    last = bench.resume()
    assert (last.state, last.rows.read, last.rows.created) == ("finished", 300, 300)
    assert bench.audit()["creates"] == 300
    assert len(read_rows(last.files["success"])) == 300


def test_a_limit_that_is_not_reached_finishes_the_run(bench: Bench) -> None:
    assert bench.run(file_job(INSERT, the_file(bench)), limit=300).state == "finished"


def test_a_finished_run_can_not_be_resumed(bench: Bench) -> None:
    bench.run(file_job(INSERT, the_file(bench)))
    with pytest.raises(RunError, match="finished"):
        bench.resume()


def test_first_stop_drains_and_the_resume_ends_the_run(bench_with: Callable[..., Bench]) -> None:
    bench = bench_with(latency_ms=20)
    stop = StopSignal()

    def interrupt(event: Event) -> None:
        if isinstance(event, BatchDone) and not stop.requested:
            stop.request()

    job = file_job(INSERT, the_file(bench, 3_000))
    result = bench.run(job, stop=stop, listeners=(interrupt,))
    assert (result.state, result.exit_code) == ("interrupted", 130)
    assert result.rows.pending == 0
    assert 0 < result.rows.created < 3_000
    assert bench.audit()["creates"] == result.rows.created
    assert len(read_rows(result.files["success"])) == result.rows.created
    assert bench.resume().rows.created == 3_000
    assert bench.audit()["creates"] == 3_000


def test_second_stop_leaves_what_is_in_flight_in_doubt_and_the_resume_settles_it(
    bench_with: Callable[..., Bench],
) -> None:
    bench = bench_with(latency_ms=400)
    stop = StopSignal()
    done: list[Event] = []

    def abort(event: Event) -> None:
        """When something is done, and something else has just been sent."""
        if isinstance(event, BatchDone):
            done.append(event)
        if isinstance(event, BatchSent) and done:
            stop.request()
            stop.request()

    job = file_job(INSERT, the_file(bench, 3_000))
    result = bench.run(job, stop=stop, listeners=(abort,))
    assert (result.state, result.exit_code) == ("interrupted", 130)
    assert result.rows.pending > 0
    assert result.rows.balanced
    assert bench.resume().rows.created == 3_000
    assert bench.audit()["creates"] == 3_000


def test_resume_refuses_a_file_that_has_changed_and_says_what_changed(bench: Bench) -> None:
    path = the_file(bench)
    bench.run(file_job(INSERT, path), limit=100)
    write_rows(path, leads(301))
    with pytest.raises(SourceError, match="300 rows then, 301 now"):
        bench.resume()


def test_resume_refuses_another_org(bench_with: Callable[..., Bench]) -> None:
    bench, other = bench_with(), bench_with()
    bench.run(file_job(INSERT, the_file(bench)), limit=100)
    other.job = bench.job
    with pytest.raises(UsageError, match="belongs to the org") as refused:
        other.resume()
    assert refused.value.code == "WRONG_ORG"


# -- what is refused before anything is sent -------------------------------------------------------


def test_production_is_not_written_to_without_a_yes(bench_with: Callable[..., Bench]) -> None:
    bench = bench_with(org_type="production")
    job = file_job(INSERT, the_file(bench))
    with pytest.raises(UsageError, match="production") as refused:
        bench.run(job, yes=False)
    assert refused.value.exit_code == 2
    with pytest.raises(UsageError, match="not confirmed"):
        bench.run(job, yes=False, confirm=lambda banner: False)
    assert bench.audit()["creates"] == 0
    assert (
        bench.run(job, yes=False, confirm=lambda banner: banner.environment == "production").rows.created
        == 300
    )


def test_an_org_that_does_not_say_what_it_is_counts_as_production(bench_with: Callable[..., Bench]) -> None:
    bench = bench_with(org_type="absent")
    with pytest.raises(UsageError, match="production"):
        bench.run(file_job(INSERT, the_file(bench)), yes=False)


def test_an_unfinished_run_of_the_same_file_is_named_and_not_run_again(bench: Bench) -> None:
    job = file_job(INSERT, the_file(bench))
    first = bench.run(job, limit=100)
    with pytest.raises(RunError, match=first.run_id):
        bench.run(job)
    assert bench.run(job, again=True).rows.failed == 100


def test_a_finished_insert_is_not_run_again_and_a_finished_upsert_is(bench: Bench) -> None:
    path = the_file(bench)
    bench.run(file_job(INSERT, path))
    with pytest.raises(RunError, match="inserted already"):
        bench.run(file_job(INSERT, path))
    upsert = file_job(Upsert("Leads", match_on="Legacy_ID"), write_rows(bench.folder / "b.csv", leads(100)))
    assert bench.run(upsert).rows.updated == 100
    assert bench.run(upsert).rows.updated == 100


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (INSERT, "is not doubled, since it is found by its key"),
        (Upsert("Leads", match_on="Legacy_ID"), "is not doubled, since it is found by its key"),
        (
            Insert("Leads", key="Email"),
            'unless existing records are skipped with on_existing = "skip"',
        ),
        (Insert("Leads"), "would be there TWICE"),
    ],
)
def test_the_hint_says_what_a_run_begun_anew_would_do_beside_one_that_has_written(
    bench: Bench, write: Write, said: str
) -> None:
    job = file_job(write, the_file(bench))
    bench.run(job, limit=100)
    with pytest.raises(RunError, match="unfinished") as caught:
        bench.run(job)
    assert "--again" in (caught.value.hint or "")
    assert said in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("write", "named"), [(Insert("Leads", key="Email"), True), (INSERT, True), (Insert("Leads"), False)]
)
def test_only_an_insert_with_a_key_is_told_to_leave_out_what_is_there(
    bench: Bench, write: Write, named: bool
) -> None:
    job = file_job(write, the_file(bench))
    bench.run(job)
    with pytest.raises(RunError, match="inserted already") as caught:
        bench.run(job)
    assert ("on_existing" in (caught.value.hint or "")) is named


def test_an_insert_of_which_no_row_got_in_may_be_repeated(bench: Bench) -> None:
    rows = [{**row, "Email": "nope"} for row in leads(5)]
    path = write_rows(bench.folder / "leads.csv", rows)
    assert bench.run(file_job(INSERT, path)).rows.failed == 5
    assert bench.run(file_job(INSERT, path)).rows.failed == 5


def test_a_job_that_runs_once_does_not_run_again(bench: Bench) -> None:
    path = the_file(bench)

    class OnlyOnce(RecordJob):
        once = True
        write = Upsert("Leads", match_on="Legacy_ID")
        scopes = scopes_for(write)

        def source(self) -> Csv:
            return Csv(path)

        def transform(self, row):  # type: ignore[no-untyped-def]
            return dict(row)

    bench.run(OnlyOnce())
    with pytest.raises(RunError, match="runs once"):
        bench.run(OnlyOnce(), again=True)


def test_columns_and_keys_are_checked_against_the_orgs_fields(bench: Bench) -> None:
    path = the_file(bench)
    with pytest.raises(UsageError, match="Legacy_IDs"):
        bench.run(file_job(Insert("Leads", key="Legacy_IDs"), path))
    with pytest.raises(UsageError, match="neither unique"):
        bench.run(file_job(Upsert("Leads", match_on="City"), path))
    with pytest.raises(UsageError, match="no upsert"):
        bench.run(file_job(Upsert("Tasks", match_on="Legacy_ID"), path))
    assert bench.audit()["creates"] == 0
    assert not list(bench.folder.glob(".zmigrate/runs/*"))


def test_an_unknown_module_is_refused(bench: Bench) -> None:
    with pytest.raises(UsageError, match="Leeds") as refused:
        bench.run(file_job(Insert("Leeds", key="Legacy_ID"), the_file(bench)))
    assert "Leads" in (refused.value.hint or "")


def test_a_scope_that_the_client_may_not_have_is_refused_before_anything(
    bench_with: Callable[..., Bench],
) -> None:
    bench = bench_with(allowed_scopes="ZohoCRM.org.READ,ZohoCRM.settings.fields.READ")
    with pytest.raises(RefusedError) as refused:
        bench.run(file_job(INSERT, the_file(bench)))
    assert isinstance(refused.value, ScopeError)
    assert refused.value.exit_code == 3


def test_a_permission_that_is_missing_stops_the_run_and_nothing_is_lost(bench: Bench) -> None:
    bench.script(
        {
            "method": "POST",
            "path": "/crm/v8/Leads",
            "fault": "403",
            "times": 100,
            "body": {
                "code": "NO_PERMISSION",
                "details": {"permissions": ["Crm_Implied_Create_Leads"]},
                "message": "permission denied",
                "status": "error",
            },
        }
    )
    result = bench.run(file_job(INSERT, the_file(bench)))
    assert (result.state, result.exit_code) == ("refused", 3)
    assert result.error is not None
    assert "Crm_Implied_Create_Leads" in result.error.message
    assert result.rows.failed == 0


def test_the_breaker_stops_a_run_whose_first_rows_all_fail_alike(bench: Bench) -> None:
    rows = [{**row, "Last_Name": ""} for row in leads(2_000)]
    job = file_job(INSERT, write_rows(bench.folder / "leads.csv", rows))
    result = bench.run(job)
    assert (result.state, result.exit_code) == ("paused", 4)
    assert result.error is not None
    assert "MANDATORY_NOT_FOUND" in result.error.message
    assert 500 <= result.rows.failed < 2_000
    assert bench.resume(keep_going=True).rows.failed == 2_000


@pytest.mark.parametrize("bad", [2, 10])
def test_rows_refused_without_a_request_do_not_stop_a_run_whose_good_rows_wait_for_an_answer(
    bench: Bench, bad: int
) -> None:
    """One row of `bad` is good. The refused rows end first, by hundreds, but they are not the first rows."""
    bench.options(latency_ms=60)
    rows = [
        {**row, "Last_Name": row["Last_Name"] if number % bad == 0 else ""}
        for number, row in enumerate(leads(2_000))
    ]
    result = bench.run(file_job(INSERT, write_rows(bench.folder / "leads.csv", rows)))
    assert (result.state, result.exit_code) == ("finished", 1)
    assert (result.rows.created, result.rows.failed) == (2_000 // bad, 2_000 - 2_000 // bad)


def test_a_hard_stop_at_the_last_answer_leaves_the_result_files_to_a_resume(bench: Bench) -> None:
    stop = StopSignal()

    def twice(event: Event) -> None:
        if isinstance(event, BatchDone):
            stop.request()
            stop.request()

    result = bench.run(file_job(INSERT, the_file(bench, 5)), stop=stop, listeners=(twice,))
    assert result.state == "interrupted"
    assert read_rows(bench.resume().files["success"])
    assert bench.audit()["records"] == 5


# -- rows ------------------------------------------------------------------------------------------


def test_a_transform_that_raises_fails_its_row_and_no_other(bench: Bench) -> None:
    path = the_file(bench)

    class Picky(RecordJob):
        write = INSERT
        scopes = scopes_for(write)

        def source(self) -> Csv:
            return Csv(path)

        def transform(self, row):  # type: ignore[no-untyped-def]
            if row["Legacy_ID"] == "L-000007":
                raise Skip("a test record")
            if row["Legacy_ID"] == "L-000009":
                return {"Last_Name": row["surname"]}
            return dict(row)

    result = bench.run(Picky())
    assert (result.rows.created, result.rows.skipped, result.rows.failed) == (298, 1, 1)
    (failed,) = read_rows(result.files["errors"])
    assert (failed["line"], failed["code"]) == ("10", "TRANSFORM_FAILED")
    assert failed["message"].startswith("transform raised KeyError: 'surname' (")
    assert "test_lifecycle.py:" in failed["message"]
    has = "Legacy_ID, Last_Name, Company, Email"
    assert failed["message"].endswith(f"; the row has no column 'surname'. It has: {has}.")
    assert failed["Legacy_ID"] == "L-000009"
    (skipped,) = read_rows(result.files["skipped"])
    assert (skipped["line"], skipped["message"]) == ("8", "a test record")
    assert "Traceback" in (folder_of(bench) / "run.log").read_text()


@pytest.mark.parametrize("key", ["Legacy_ID", "Old_System_Ref"])
def test_a_key_that_stands_twice_in_the_file_is_inserted_once(key: str, bench: Bench) -> None:
    rows = leads(250, key=key)
    rows[40][key] = rows[3][key].lower()
    rows[230][key] = " " + rows[3][key]
    result = bench.run(file_job(Insert("Leads", key=key), write_rows(bench.folder / "a.csv", rows)))
    lines = ["42", "232"] if key == "Legacy_ID" else ["232"]  # in another case it is another record
    assert (result.rows.created, result.rows.failed) == (250 - len(lines), len(lines))
    failed = read_rows(result.files["errors"])
    assert [row["line"] for row in failed] == lines
    assert {row["code"] for row in failed} == {"DUPLICATE_IN_SOURCE"}
    assert "line 5" in failed[0]["message"]


def test_the_second_of_two_rows_goes_in_where_the_first_was_refused(bench: Bench) -> None:
    rows = leads(3, key="Old_System_Ref")
    rows[0]["Last_Name"] = ""
    rows[2]["Old_System_Ref"] = rows[0]["Old_System_Ref"]
    result = bench.run(
        file_job(Insert("Leads", key="Old_System_Ref"), write_rows(bench.folder / "a.csv", rows))
    )
    assert (result.rows.created, result.rows.failed) == (2, 1)


def test_rows_with_one_key_reach_zoho_one_after_the_other_in_source_order(
    bench_with: Callable[..., Bench],
) -> None:
    bench = bench_with(latency_ms=15, rate_5xx=0.1, rate_429=0.05, seed=3)
    rows = [{**row, "City": f"City {turn}"} for turn in range(4) for row in leads(400)]
    upsert = Upsert("Leads", match_on="Legacy_ID", on_repeated="each")
    result = bench.run(file_job(upsert, write_rows(bench.folder / "a.csv", rows)))
    assert (result.rows.created, result.rows.updated) == (400, 1_200)
    assert {record["City"] for record in bench.records()} == {"City 3"}
    assert bench.stats()["key_conflicts"] == 0


def test_a_record_found_by_another_key_is_updated_and_none_or_several_fail_the_row(bench: Bench) -> None:
    bench.seed([*leads(3, key="Old_System_Ref"), *leads(1, key="Old_System_Ref")])
    rows = [{"Old_System_Ref": f"L-00000{n}", "City": "Bern"} for n in (1, 2, 3, 4)]
    job = file_job(Update("Leads", key="Old_System_Ref"), write_rows(bench.folder / "a.csv", rows))
    result = bench.run(job)
    assert (result.rows.updated, result.rows.failed) == (2, 2)
    failed = read_rows(result.files["errors"])
    assert {row["line"]: row["code"] for row in failed} == {"2": "KEY_AMBIGUOUS", "5": "KEY_NOT_FOUND"}


def test_an_empty_key_fails_its_row(bench: Bench) -> None:
    rows = leads(3)
    rows[1]["Legacy_ID"] = "  "
    result = bench.run(file_job(INSERT, write_rows(bench.folder / "a.csv", rows)))
    assert (result.rows.created, result.rows.failed) == (2, 1)
    assert read_rows(result.files["errors"])[0]["code"] == "EMPTY_KEY"


def test_errors_csv_mended_and_fed_in_again_loads_the_rest_and_nothing_twice(bench: Bench) -> None:
    rows = leads(300)
    rows[10]["Last_Name"] = ""
    rows[20]["Email"] = "nobody"
    first = bench.run(file_job(INSERT, write_rows(bench.folder / "leads.csv", rows)))
    assert first.rows.failed == 2
    errors = first.files["errors"]
    assert errors is not None
    text = Path(errors).read_text(encoding="utf-8")
    mended = bench.folder / "mended.csv"
    mended.write_text(
        text.replace("L-000011,,", "L-000011,Mended,").replace(",nobody", ",somebody@example.com"), "utf-8"
    )
    second = bench.run(file_job(INSERT, mended))
    assert (second.rows.read, second.rows.created) == (2, 2)
    assert bench.audit()["creates"] == 300
    assert bench.audit()["created_twice"] == []


# -- what is sent ----------------------------------------------------------------------------------


def test_nothing_is_triggered_unless_asked_for(bench: Bench) -> None:
    path = the_file(bench, 10)
    bench.run(file_job(INSERT, path))
    bench.run(file_job(Upsert("Leads", match_on="Legacy_ID"), path))
    bench.run(file_job(Update("Leads", key="Legacy_ID"), path))
    for write in bench.get("writes", module="Leads"):
        assert write["trigger"] == []
        assert "cadences" in json.dumps(write["skip_feature_execution"])
    loud = file_job(Update("Leads", key="Legacy_ID"), write_rows(bench.folder / "b.csv", leads(5)))
    bench.run(loud, trigger=("workflow",))
    assert bench.get("writes", module="Leads")[-1]["trigger"] == ["workflow"]


def test_the_token_has_the_jobs_scopes_and_the_checks_and_is_revoked(bench: Bench) -> None:
    job = file_job(INSERT, the_file(bench, 10))
    bench.run(job)
    stats = bench.stats()
    (scopes,) = stats["tokens"]
    checks = {"ZohoCRM.org.READ", "ZohoCRM.settings.fields.READ", "ZohoCRM.users.READ"}
    assert set(scopes) == {*job.scopes, *checks}
    assert stats["revoked"] == 1


# -- folders, locks, damage ------------------------------------------------------------------------


def test_run_folders_are_private_and_hold_no_secret(bench: Bench) -> None:
    bench.run(file_job(INSERT, the_file(bench)))
    folder = folder_of(bench)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert ":" not in folder.name
    for path in bench.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert bench.emulator.client_secret.encode() not in content
            assert b"Zoho-oauthtoken" not in content


def test_a_second_process_on_the_same_run_is_refused_with_the_holders_pid(bench: Bench) -> None:
    bench.run(file_job(INSERT, the_file(bench)), limit=100)
    (info,) = list_runs(bench.folder / ".zmigrate")
    info.folder.lock()
    try:
        with pytest.raises(RunError, match=f"pid {os.getpid()}"):
            bench.resume()
        assert list_runs(bench.folder / ".zmigrate")[0].record.state == "running"
    finally:
        info.folder.unlock()
    assert bench.resume().state == "finished"


def test_a_damaged_journal_is_told_and_nothing_is_sent(bench: Bench) -> None:
    bench.run(file_job(INSERT, the_file(bench)), limit=100)
    journal = folder_of(bench) / "journal.db"
    content = bytearray(journal.read_bytes())
    content[4_096:12_000] = b"x" * (12_000 - 4_096)
    journal.write_bytes(content)
    sent = bench.stats()["requests"]
    with pytest.raises(JournalDamaged, match="journal"):
        bench.resume()
    assert bench.stats()["requests"] == sent


def test_a_state_folder_that_cant_be_written_is_told_before_anything_is_sent(bench: Bench) -> None:
    (bench.folder / ".zmigrate").write_text("a file, not a folder")
    with pytest.raises(UsageError, match=r"\.zmigrate"):
        bench.run(file_job(INSERT, the_file(bench)))
    assert bench.audit()["creates"] == 0


def test_runs_are_found_by_a_unique_beginning_and_by_last(bench: Bench) -> None:
    first = bench.run(file_job(INSERT, the_file(bench)), limit=100)
    state_dir = bench.folder / ".zmigrate"
    assert find_run(state_dir, "last").run_id == first.run_id
    assert find_run(state_dir, first.run_id[:-3]).run_id == first.run_id
    with pytest.raises(RunError, match="no run"):
        find_run(state_dir, "nonsense")


def test_a_job_changed_since_the_run_began_is_not_resumed(bench: Bench) -> None:
    path = the_file(bench)
    bench.run(file_job(INSERT, path), limit=100)
    bench.job = file_job(Upsert("Leads", match_on="Legacy_ID"), path)
    with pytest.raises(UsageError, match="has changed"):
        bench.resume()


def test_a_job_that_declares_too_few_scopes_is_refused_with_the_missing_ones(bench: Bench) -> None:
    path = the_file(bench)
    with pytest.raises(JobError, match=r"ZohoCRM\.coql\.READ"):
        type(
            "TooFew",
            (RecordJob,),
            {
                "write": INSERT,
                "scopes": ("ZohoCRM.modules.leads.ALL",),
                "source": lambda self: Csv(path),
                "transform": lambda self, row: row,
            },
        )


def test_a_clock_that_is_an_hour_off_is_told_and_does_no_harm(bench_with: Callable[..., Bench]) -> None:
    bench = bench_with(clock_skew_s=-3600.0)
    bench.script({"method": "POST", "path": "/crm/v8/Leads", "fault": "lost_answer", "times": 1})
    rows = leads(200, key="Old_System_Ref")
    result = bench.run(
        file_job(Insert("Leads", key="Old_System_Ref"), write_rows(bench.folder / "a.csv", rows))
    )
    assert result.rows.created == 200
    assert bench.audit(key="Old_System_Ref")["creates"] == 200
    assert any("60 minutes" in event.message for event in bench.seen(Log))


# -- hand-written jobs -----------------------------------------------------------------------------


class Rename(Job):
    """Every lead gets another city, one call each."""

    scopes = ("ZohoCRM.modules.leads.READ", "ZohoCRM.modules.leads.UPDATE")

    def run(self, ctx):  # type: ignore[no-untyped-def]
        for lead in ctx.each(ctx.crm.records("Leads", fields=["id", "Last_Name"])):
            if lead["Last_Name"] == "Name 3":
                ctx.skip("not this one")
                continue
            if lead["Last_Name"] == "Name 4":
                continue
            ctx.crm.put(f"/crm/v8/Leads/{lead['id']}", json={"data": [{"City": "Bern"}]})


def test_a_hand_written_loop_is_counted_stopped_and_resumed(bench: Bench) -> None:
    bench.seed(leads(20))
    first = bench.run(Rename(), limit=8)
    assert (first.state, first.rows.read) == ("limited", 8)
    last = bench.resume()
    assert (last.state, last.rows.read) == ("finished", 20)
    assert (last.rows.updated, last.rows.skipped, last.rows.unchanged) == (18, 1, 1)
    assert sum(record["City"] == "Bern" for record in bench.records()) == 18


def test_an_error_in_a_hand_written_job_keeps_what_is_done_and_its_traceback(bench: Bench) -> None:
    bench.seed(leads(5))

    class Broken(Job):
        scopes = ("ZohoCRM.modules.leads.READ",)

        def run(self, ctx):  # type: ignore[no-untyped-def]
            for number, _ in enumerate(ctx.each(ctx.crm.records("Leads", fields=["id"]))):
                if number == 3:
                    raise ZeroDivisionError("oh")

    result = bench.run(Broken())
    assert (result.state, result.exit_code, result.rows.read) == ("broken", 2, 3)
    assert "ZeroDivisionError: oh" in (folder_of(bench) / "run.log").read_text()


def test_a_temporary_database_without_room_pauses_the_run(tmp_path: Path) -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("PRAGMA max_page_count=2")
    db.execute("CREATE TABLE a (b)")

    with pytest.raises(sqlite3.OperationalError) as full:
        db.execute("INSERT INTO a VALUES (zeroblob(100000))")
    problem = as_problem(full.value, tmp_path)
    assert (problem.code, problem.exit_code, state_of(problem)) == ("DISK_FULL", 4, "paused")
    assert "then resume the run" in (problem.hint or "")
    assert isinstance(as_problem(sqlite3.OperationalError("no such table"), tmp_path), InternalError)
