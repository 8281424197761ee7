"""A run whose record can't be read is still a run: it is named, it guards, and nothing of it is deleted."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from signal import SIGKILL
from typing import Any

import orjson
import pytest

from tests.engine.victim import Victim, importing
from tests.support import Bench, file_job, thorough, write_rows
from tests.support import leads as any_leads
from zmigrate import Argument, Flow, Insert, RecordJob, Upsert
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.ledger import UnreadableRun, find_run, list_runs, list_steps
from zmigrate.errors import JournalDamaged, RunError, ZmigrateError

KEY = "Old_System_Ref"
"""Not unique: Zoho takes every row a second time."""

INSERT = Insert("Leads", key=KEY)


def leads(count: int, start: int = 1) -> list[dict[str, str]]:
    return any_leads(count, start=start, key=KEY)


def spoil(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "deleted":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "of an older format":
        path.write_text(json.dumps({**json.loads(content), "format": 0}))
    elif how == "without what it needs":
        path.write_text(json.dumps({"job": "file-job", "state": "finished"}))
    elif how == "with nonsense in it":
        path.write_text(json.dumps({**json.loads(content), "options": 7, "org": "x"}))
    else:
        path.write_text(how)


DAMAGE = [
    "",
    "truncated",
    "[]",
    '{"another": "object"}',
    "null",
    "of an older format",
    "without what it needs",
    "with nonsense in it",
    "deleted",
]


def the_file(bench: Bench, count: int = 300) -> Path:
    return write_rows(bench.folder / "leads.csv", leads(count))


def only(bench: Bench) -> RunFolder:
    (found,) = bench.folder.glob(".zmigrate/runs/*")
    return RunFolder(found)


@pytest.mark.parametrize("how", thorough(DAMAGE, 3))
def test_a_finished_insert_without_a_readable_record_is_not_inserted_again(how: str, bench: Bench) -> None:
    job = file_job(INSERT, the_file(bench))
    first = bench.run(job)
    spoil(only(bench).record_file, how)
    with pytest.raises(RunError, match=first.run_id):
        bench.run(job)
    (known,) = list_runs(bench.folder / ".zmigrate")
    assert (known.run_id, known.record.state, known.rows.created) == (first.run_id, "finished", 300)
    assert known.trouble is not None
    assert "run.json" in known.trouble
    with pytest.raises(RunError, match="finished"):
        bench.resume()
    assert bench.audit()["creates"] == 300
    assert json.loads(only(bench).record_file.read_bytes())["run_id"] == first.run_id, "it is written again"
    assert bench.run(job, again=True).rows.created == 300


@pytest.mark.parametrize("how", thorough(["", "deleted", "[]", "of an older format"], 2))
def test_an_unfinished_run_goes_on_from_what_its_journal_knows(how: str, bench: Bench) -> None:
    job = file_job(INSERT, the_file(bench))
    first = bench.run(job, limit=100)
    spoil(only(bench).record_file, how)
    with pytest.raises(RunError, match=first.run_id):
        bench.run(job)
    assert bench.resume().rows.created == 300
    assert bench.audit(key=KEY)["created_twice"] == []
    (known,) = list_runs(bench.folder / ".zmigrate")
    assert (known.record.state, known.trouble) == ("finished", None)


@pytest.mark.parametrize("how", thorough(["", "deleted"]))
def test_killed_in_the_middle_and_its_record_lost_it_still_guards_and_goes_on(
    how: str, bench_with: Callable[..., Bench]
) -> None:
    bench = bench_with(latency_ms=40)
    path = write_rows(bench.folder / "leads.csv", leads(1_500))
    arguments = importing(path, KEY)
    victim = Victim(bench, *arguments)
    victim.wait_until(lambda: bench.audit(key=KEY)["creates"] >= 500)
    victim.kill()
    assert victim.gone() == -SIGKILL
    spoil(only(bench).record_file, how)
    (killed,) = list_runs(bench.folder / ".zmigrate")
    assert killed.record.state == "interrupted"
    assert killed.rows.created + killed.rows.pending >= 500
    refused = Victim(bench, *arguments).result()
    assert refused["error"]["code"] == "RUN"
    assert killed.run_id in refused["error"]["message"]
    result = Victim(bench, "resume", "last").result()
    assert (result["error"], result["state"], result["rows"]["created"]) == (None, "finished", 1_500)
    audit = bench.audit(key=KEY)
    assert (audit["created_twice"], audit["records"]) == ([], 1_500)


# -- nothing is known ------------------------------------------------------------------------------


def unknowable(bench: Bench, job: RecordJob) -> RunFolder:
    """A finished run of which neither the record nor the journal can be read any more."""
    bench.run(job)
    folder = only(bench)
    folder.record_file.write_bytes(b"")
    folder.journal.write_bytes(b"\0" * 8192)
    return folder


def test_a_folder_of_which_nothing_is_known_blocks_an_insert_of_its_job_until_again(bench: Bench) -> None:
    job = file_job(INSERT, the_file(bench))
    folder = unknowable(bench, job)
    with pytest.raises(RunError, match=folder.run_id) as refused:
        bench.run(job)
    assert "run.json is empty" in refused.value.message
    assert "--again" in (refused.value.hint or "")
    other = file_job(INSERT, write_rows(bench.folder / "other.csv", leads(5, start=900)))
    with pytest.raises(RunError, match=folder.run_id):
        bench.run(other)
    assert bench.audit()["creates"] == 300
    assert bench.run(other, again=True).rows.created == 5
    assert folder.path.is_dir()


def test_it_does_not_stand_in_the_way_of_what_can_be_repeated_or_of_another_job(bench: Bench) -> None:
    unknowable(bench, file_job(INSERT, the_file(bench)))
    upsert = file_job(Upsert("Leads", match_on="Legacy_ID"), write_rows(bench.folder / "b.csv", any_leads(5)))
    assert bench.run(upsert).rows.created == 5

    class AnotherJob(type(file_job(INSERT, bench.folder / "leads.csv"))):  # type: ignore[misc]
        """Another name."""

    assert bench.run(AnotherJob()).rows.created == 300


@pytest.mark.parametrize("reference", ["last", "the run"])
def test_it_is_named_and_never_passed_over(reference: str, bench: Bench) -> None:
    job = file_job(INSERT, the_file(bench))
    folder = unknowable(bench, job)
    older = folder.path.with_name("20200101-000000-file-job-0000")
    shutil.copytree(folder.path, older)
    (unknown_too, known) = list_runs(bench.folder / ".zmigrate")
    assert isinstance(known, UnreadableRun)
    assert isinstance(unknown_too, UnreadableRun)
    assert (known.run_id, known.job, known.may_have_sent) == (folder.run_id, "file-job", True)
    with pytest.raises(JournalDamaged, match=folder.run_id) as told:
        bench.resume(reference if reference == "last" else folder.run_id)
    assert "run.json is empty" in told.value.message
    assert told.value.hint
    with pytest.raises(JournalDamaged, match=folder.run_id):
        find_run(bench.folder / ".zmigrate", reference if reference == "last" else folder.run_id)


@pytest.mark.parametrize("left", ["nothing", "an empty journal", "a journal without rows"])
def test_a_folder_in_which_nothing_was_sent_never_began_and_blocks_nothing(left: str, bench: Bench) -> None:
    job = file_job(INSERT, the_file(bench))
    folder = RunFolder.create(bench.folder / ".zmigrate", "file-job")
    folder.unlock()
    if left == "an empty journal":
        folder.journal.touch()
    elif left == "a journal without rows":
        from zmigrate.engine.storage.journal import Journal

        Journal.create(folder.journal).close()
    (found,) = list_runs(bench.folder / ".zmigrate")
    assert isinstance(found, UnreadableRun)
    assert not found.may_have_sent
    with pytest.raises(RunError, match="never began"):
        bench.resume()
    assert bench.run(job).rows.created == 300


def test_a_result_file_tells_that_something_was_sent(bench: Bench) -> None:
    folder = RunFolder.create(bench.folder / ".zmigrate", "file-job")
    folder.unlock()
    folder.result_file("success").write_text("line,key,id,action\n2,x,1,created\n")
    with pytest.raises(RunError, match=folder.run_id):
        bench.run(file_job(INSERT, the_file(bench)))


def test_a_file_of_somebody_elses_beside_the_runs_is_no_run(bench: Bench) -> None:
    runs = bench.folder / ".zmigrate" / "runs"
    (runs / "notes").mkdir(parents=True)
    (runs / ".DS_Store").write_bytes(b"x")
    assert list_runs(bench.folder / ".zmigrate") == []


def test_a_record_of_another_run_does_not_stand_for_this_one(bench: Bench) -> None:
    one, two = (
        file_job(INSERT, write_rows(bench.folder / f"{start}.csv", leads(5, start=start)))
        for start in (1, 50)
    )
    first, second = bench.run(one), bench.run(two)
    runs = bench.folder / ".zmigrate" / "runs"
    shutil.copy(runs / first.run_id / "run.json", runs / second.run_id / "run.json")
    with pytest.raises(RunError, match=second.run_id):
        bench.run(two)


# -- figures ---------------------------------------------------------------------------------------


def test_a_step_of_a_flow_that_cant_be_counted_leaves_the_flow_uncounted(bench: Bench) -> None:
    bench.run(both(bench), limit=150)
    folder = only(bench)
    record = json.loads(folder.record_file.read_bytes())
    folder.record_file.write_text(json.dumps({**record, "state": "running", "result": None}))
    step = folder.step("02-two")
    step.record_file.write_bytes(b"")
    step.journal.unlink()
    (found,) = list_runs(bench.folder / ".zmigrate")
    assert found.record.result is None
    assert "02-two" in (found.uncounted or "")


def test_rows_that_cant_be_counted_are_not_told_as_zeros(bench: Bench) -> None:
    job = file_job(INSERT, the_file(bench))
    bench.run(job)
    folder = only(bench)
    record = json.loads(folder.record_file.read_bytes())
    folder.record_file.write_text(json.dumps({**record, "state": "running", "result": None}))
    folder.journal.unlink()
    (found,) = list_runs(bench.folder / ".zmigrate")
    assert found.record.state == "interrupted"
    assert found.record.result is None
    assert "journal" in (found.uncounted or "")
    with pytest.raises(RunError, match="unfinished") as refused:
        bench.run(job)
    assert "not known" in (refused.value.hint or "")


# -- times -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "nonsense",
    thorough(["yesterday", "9999-12-31T23:59:59+00:00", "", "2024-01-01T00:00:00", "0001-01-01T00:00:00"], 2),
)
def test_a_nonsense_time_hides_no_run_and_the_run_goes_on(nonsense: str, bench: Bench) -> None:
    bench.run(file_job(INSERT, write_rows(bench.folder / "a.csv", leads(5))))
    job = file_job(INSERT, the_file(bench))
    second = bench.run(job, limit=100)
    path = bench.folder / ".zmigrate" / "runs" / second.run_id / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "started_at": nonsense}))
    assert len(list_runs(bench.folder / ".zmigrate")) == 2
    assert bench.resume(second.run_id).state == "finished"


# -- flows -----------------------------------------------------------------------------------------


class Both(Flow):
    """Two loads."""

    folder: Path = Argument()

    def jobs(self) -> tuple[RecordJob, ...]:
        return tuple(file_job(INSERT, self.folder / f"{name}.csv") for name in ("one", "two"))


def both(bench: Bench) -> Both:
    for start, name in ((1, "one"), (200, "two")):
        write_rows(bench.folder / f"{name}.csv", leads(100, start=start))
    return Both(folder=bench.folder)


@pytest.mark.parametrize("how", thorough(["", "deleted", "[]", "of an older format"]))
@pytest.mark.parametrize("whose", thorough(["all", "the flow's", "a step's"]))
def test_a_flow_goes_on_whichever_record_is_lost(how: str, whose: str, bench: Bench) -> None:
    job = both(bench)
    first = bench.run(job, limit=150)
    folder = only(bench)
    lost = {
        "the flow's": [folder.record_file],
        "a step's": [step.record_file for step in folder.steps()][1:],
        "all": [folder.record_file, *(step.record_file for step in folder.steps())],
    }[whose]
    for path in lost:
        spoil(path, how)
    (known,) = list_runs(bench.folder / ".zmigrate")
    assert (known.run_id, known.rows.created) == (first.run_id, 150)
    with pytest.raises(RunError, match=first.run_id):
        bench.run(job)
    assert bench.resume().rows.created == 200
    assert bench.audit(key=KEY)["created_twice"] == []


def test_a_finished_flow_without_records_guards_its_files(bench: Bench) -> None:
    job = both(bench)
    first = bench.run(job)
    folder = only(bench)
    for path in [folder.record_file, *(step.record_file for step in folder.steps())]:
        path.write_bytes(b"")
    with pytest.raises(RunError, match=first.run_id):
        bench.run(job)


def test_a_step_in_which_something_may_have_been_sent_is_not_deleted(bench: Bench) -> None:
    job = both(bench)
    bench.run(job, limit=150)
    step = only(bench).step("02-two")
    step.record_file.unlink()
    step.journal.write_bytes(b"\0" * 8192)
    before = sorted(step.path.iterdir())
    with pytest.raises(JournalDamaged, match="02-two"):
        bench.resume()
    assert sorted(step.path.iterdir()) == before
    assert bench.audit()["creates"] == 150
    (known,) = list_runs(bench.folder / ".zmigrate")
    assert [isinstance(each, UnreadableRun) for each in list_steps(known.folder)] == [False, True]


def test_a_step_of_which_nothing_is_known_guards_its_file(bench: Bench) -> None:
    job = both(bench)
    bench.run(job)
    step = only(bench).step("02-two")
    for path in step.path.iterdir():
        path.write_bytes(b"")
    with pytest.raises(RunError, match="02-two"):
        bench.run(file_job(INSERT, bench.folder / "two.csv"))


def test_a_flow_of_which_nothing_is_known_blocks_its_job(bench: Bench) -> None:
    job = both(bench)
    bench.run(job)
    folder = only(bench)
    for path in folder.path.rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    with pytest.raises(RunError, match=folder.run_id):
        bench.run(job)


# -- other versions --------------------------------------------------------------------------------


def of_another_schema(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={version}")


@pytest.mark.parametrize("schema", [3, 99])
@pytest.mark.parametrize("known_from", ["run.json", "the journal"])
def test_a_journal_of_another_version_names_the_version_to_install(
    schema: int, known_from: str, bench: Bench
) -> None:
    job = file_job(INSERT, the_file(bench))
    bench.run(job, limit=100)
    folder = only(bench)
    record: dict[str, Any] = json.loads(folder.record_file.read_bytes())
    versions = {**record["versions"], "zmigrate": "7.8.9"}
    if known_from == "run.json":
        folder.record_file.write_text(json.dumps({**record, "versions": versions}))
    else:
        folder.record_file.write_bytes(b"")
        with closing(sqlite3.connect(folder.journal)) as db, db:
            db.execute(
                "UPDATE fact SET value=json_set(value, '$.versions.zmigrate', '7.8.9') WHERE name='run'"
            )
    of_another_schema(folder.journal, schema)
    with pytest.raises(ZmigrateError) as told:
        bench.resume()
    assert told.value.exit_code == 5
    assert "7.8.9" in told.value.message
    assert "pip install zmigrate==7.8.9" in (told.value.hint or "")
    assert "from a copy" not in (told.value.hint or "")
    with pytest.raises(RunError, match=folder.run_id):
        bench.run(job)


@pytest.mark.parametrize("lost", thorough(["its folder", "its files", "all steps"], 2))
def test_a_step_whose_folder_is_gone_is_not_begun_afresh(lost: str, bench: Bench) -> None:
    job = both(bench)
    bench.run(job, limit=150)
    before = len(bench.records())
    steps = only(bench).path / "steps"
    second = sorted(steps.iterdir())[-1]
    for path in [second] if lost != "all steps" else [steps]:
        shutil.rmtree(path)
    if lost == "its files":
        second.mkdir()

    result = bench.resume()

    assert result.exit_code == 5
    assert result.error is not None
    assert "had begun" in result.error.message
    assert len(bench.records()) == before


@pytest.mark.parametrize(
    "change",
    thorough(
        [
            {"source": None},
            {"write": None},
            {"org": {}},
            {"job": "another-job"},
            {"source": {}},
            {"source": ...},
            {"write": ...},
        ],
        4,
    ),
    ids=str,
)
def test_a_record_that_lost_what_the_guard_needs_is_not_gone_by(change: dict[str, Any], bench: Bench) -> None:
    job = file_job(INSERT, the_file(bench))
    first = bench.run(job)
    file = only(bench).record_file
    stored = {**orjson.loads(file.read_bytes()), **change}
    file.write_bytes(orjson.dumps({name: value for name, value in stored.items() if value is not ...}))

    with pytest.raises(RunError, match="was inserted already"):
        bench.run(job)
    assert [run.run_id for run in list_runs(bench.folder / ".zmigrate")] == [first.run_id]
