"""Runs whose source is a database: its rows are read once into the run's folder, and from there on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from signal import SIGINT, SIGKILL
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.engine.victim import Victim
from tests.support import Bench, read_rows
from zmigrate import Flow, Insert, RecordJob, Ref, Sql, Upsert, scopes_for
from zmigrate.errors import JournalDamaged, RunError, SourceError, UsageError
from zmigrate.events import BatchSent, Event, RowsCopied, RunStarted
from zmigrate.job.writes import Write
from zmigrate.stopping import StopSignal

PEOPLE = 'select legacy as "Legacy_ID", name as "Last_Name" from person'


def write_people(path: Path, people: Iterable[tuple[str, str]]) -> str:
    """A database of these people, instead of the one that is there; gives its URL."""
    with closing(sqlite3.connect(path)) as made:
        made.execute("drop table if exists person")
        made.execute("create table person (legacy text, name text)")
        made.executemany("insert into person values (?, ?)", people)
        made.commit()
    return f"sqlite:///{path}"


def people(count: int) -> list[tuple[str, str]]:
    """In no order of any column."""
    return [(f"L-{number * 7919 % count:05}", f"Name {number}") for number in range(count)]


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as made:
        made.execute(statement)
        made.commit()


def job_of(
    url: str, select: str = PEOPLE, into: Write | None = None, order_by: str | None = None
) -> RecordJob:
    into = into or Upsert("Leads", match_on="Legacy_ID")

    class FromSql(RecordJob):
        """People from a database."""

        write = into
        scopes = scopes_for(into)
        refers_to = ()

        def source(self) -> Sql:
            return Sql(url, select, order_by)

        def transform(self, row: Mapping[str, Any]) -> dict[str, Any]:
            return dict(row)

    return FromSql()


@pytest.fixture
def selects() -> Iterator[list[str]]:
    """The selects that any database was asked for."""
    asked: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


def copy_in(bench: Bench) -> Path:
    [path] = bench.folder.glob(".zmigrate/runs/*/source.jsonl")
    return path


def assert_each_once(bench: Bench, count: int) -> None:
    audit = bench.audit()
    assert (audit["records"], audit["distinct_keys"], audit["created_twice"]) == (count, count, [])


# -- a run -------------------------------------------------------------------------------------------


def test_the_rows_are_read_once_and_kept_in_a_private_file(bench: Bench, selects: list[str]) -> None:
    url = write_people(bench.folder / "old.db", people(250))
    result = bench.run(job_of(url))
    assert (result.state, result.rows.read, result.rows.created) == ("finished", 250, 250)
    assert_each_once(bench, 250)
    assert sum("count" not in select and "0 = 1" not in select for select in selects) == 1
    copy = copy_in(bench)
    assert (copy.stat().st_mode & 0o777, copy.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    lines = copy.read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0]) == ["Legacy_ID", "Last_Name"]
    assert [tuple(json.loads(line)) for line in lines[1:-1]] == people(250)


def test_the_total_is_known_and_the_progress_is_told_before_the_first_write(bench: Bench) -> None:
    bench.run(job_of(write_people(bench.folder / "old.db", people(250))))
    [started] = bench.seen(RunStarted)
    assert started.facts.rows == 250
    kinds = [type(each).__name__ for each in bench.events]
    assert bench.seen(RowsCopied)[-1] == RowsCopied(250, 250)
    assert kinds.index("RunStarted") < kinds.index("RowsCopied") < kinds.index("BatchSent")


def test_a_row_that_comes_while_a_run_begins_is_part_of_it(bench: Bench) -> None:
    """It was counted before, and read afterwards."""
    path = bench.folder / "old.db"
    url = write_people(path, people(120))

    def add_one(event: Event) -> None:
        if isinstance(event, RunStarted):
            change(path, "insert into person values ('L-99999', 'New')")

    result = bench.run(job_of(url), listeners=(bench.events.append, add_one))
    assert (result.error, result.state, result.rows.read) == (None, "finished", 121)
    assert_each_once(bench, 121)


def test_a_row_that_came_while_a_run_began_is_part_of_its_resume(bench: Bench) -> None:
    path = bench.folder / "old.db"
    url = write_people(path, people(120))

    def add_one_and_stop(event: Event) -> None:
        if isinstance(event, RunStarted):
            change(path, "insert into person values ('L-99999', 'New')")
        if isinstance(event, BatchSent):
            stop.request()

    stop = StopSignal()
    result = bench.run(job_of(url), listeners=(add_one_and_stop,), stop=stop)
    assert result.state == "interrupted"
    path.unlink()
    result = bench.resume()
    assert (result.error, result.state, result.rows.read) == (None, "finished", 121)
    assert bench.seen(RunStarted)[-1].facts.rows == 121
    assert_each_once(bench, 121)


def test_result_files_have_the_rows_with_the_values_of_the_database(bench: Bench) -> None:
    path = bench.folder / "old.db"
    url = write_people(path, [("L-1", "Doe"), ("L-2", "")])
    result = bench.run(job_of(url, into=Insert("Leads", key="Legacy_ID")))
    assert (result.rows.created, result.rows.failed) == (1, 1)
    [bad] = read_rows(result.files["errors"])
    assert (bad["line"], bad["Legacy_ID"], bad["Last_Name"]) == ("2", "L-2", "")


def test_rows_of_a_database_may_refer_to_one_another(bench: Bench) -> None:
    """Children before their parents, which a source that can't be read twice was refused for."""
    count = 60
    url = write_people(
        bench.folder / "old.db", [(f"{n}", f"{n - 1}" if n else "") for n in reversed(range(count))]
    )

    class Tree(RecordJob):
        """Accounts below one another."""

        write = Insert("Accounts", key="Legacy_ID")
        scopes = scopes_for(write, refers_to=("Accounts",))
        refers_to = ("Accounts",)

        def source(self) -> Sql:
            return Sql(url, "select * from person")

        def transform(self, row: Mapping[str, Any]) -> dict[str, Any]:
            parent = {"Parent_Account": Ref("Accounts", row["name"])} if row["name"] else {}
            return {"Legacy_ID": row["legacy"], "Account_Name": row["legacy"], **parent}

    result = bench.run(Tree(), limit=25)
    assert (result.state, result.rows.created) == ("limited", 25)
    (bench.folder / "old.db").unlink()  # all rows were read, since the first ones may be children of the last
    result = bench.resume()
    assert (result.state, result.rows.created, result.rows.failed) == ("finished", count, 0)
    found = {row["id"]: row for row in bench.records("Accounts")}
    parents = {
        row["Legacy_ID"]: found[row["Parent_Account"]["id"]]["Legacy_ID"]
        for row in found.values()
        if row["Parent_Account"]
    }
    assert parents == {f"{n}": f"{n - 1}" for n in range(1, count)}


def test_of_repeated_keys_the_last_is_written(bench: Bench) -> None:
    url = write_people(bench.folder / "old.db", [("L-1", "First"), ("L-2", "Other"), ("L-1", "Last")])
    result = bench.run(job_of(url, into=Insert("Leads", key="Legacy_ID", on_repeated="last")), limit=2)
    bench.resume()
    assert {row["Last_Name"] for row in bench.records("Leads")} == {"Other", "Last"}
    assert result.state == "limited"


# -- what keeps a run from beginning -------------------------------------------------------------------


def test_what_cannot_be_kept_pauses_the_run_before_anything_is_sent(bench: Bench) -> None:
    path = bench.folder / "old.db"
    url = write_people(path, people(150))
    overflows = "abs(case when rowid = 120 then -9223372036854775808 else 1 end)"
    fails_late = PEOPLE.replace(" from", f', substr({overflows}, 1, 0) as "Company" from')
    result = bench.run(job_of(url, fails_late))
    assert (result.state, result.exit_code, result.rows.read) == ("paused", 4, 0)
    assert result.error is not None
    assert "integer overflow" in result.error.message
    assert bench.audit()["records"] == 0
    change(path, "delete from person where rowid = 120")
    result = bench.resume()
    assert (result.state, result.rows.created) == ("finished", 149)
    assert_each_once(bench, 149)


@pytest.mark.parametrize("stopped", [False, True])
def test_a_reference_that_stops_the_run_is_looked_for_in_rows_read_anew(bench: Bench, stopped: bool) -> None:
    """`stopped`: once the rows are read, and before they are looked at."""
    path = bench.folder / "old.db"
    url = write_people(path, [("1", "none")])

    class Contacts(RecordJob):
        """Contacts of accounts."""

        write = Insert("Contacts", key="Legacy_ID")
        scopes = scopes_for(write, refers_to=("Accounts",))
        refers_to = ("Accounts",)

        def source(self) -> Sql:
            return Sql(url, "select * from person")

        def transform(self, row: Mapping[str, Any]) -> dict[str, Any]:
            company = {"Account_Name": Ref("Accounts", row["name"], when_open="stop")} if row["name"] else {}
            return {"Legacy_ID": row["legacy"], "Last_Name": row["legacy"], **company}

    def stop_after_reading(event: Event) -> None:
        if stopped and isinstance(event, RowsCopied):
            stop.request()

    stop = StopSignal()
    result = bench.run(Contacts(), listeners=(stop_after_reading,), stop=stop)
    assert result.rows.read == 0
    if stopped:
        assert result.state == "interrupted"
        with pytest.raises(UsageError, match="none"):
            bench.resume()
    else:
        assert result.exit_code == 2
    assert bench.audit("Contacts")["records"] == 0
    change(path, "update person set name = ''")
    result = bench.resume()
    assert (result.state, result.rows.created) == ("finished", 1)


# -- limits ------------------------------------------------------------------------------------------


def test_a_limited_run_reads_one_row_more_and_goes_on_where_it_stopped(bench: Bench) -> None:
    url = write_people(bench.folder / "old.db", people(1_050))
    result = bench.run(job_of(url), limit=420)
    assert (result.state, result.rows.created) == ("limited", 420)
    assert len(copy_in(bench).read_bytes().splitlines()) == 1 + 421 + 1
    result = bench.resume(limit=200)
    assert (result.state, result.rows.created) == ("limited", 620)
    assert len(copy_in(bench).read_bytes().splitlines()) == 1 + 621 + 1
    result = bench.resume()
    assert (result.state, result.rows.read, result.rows.created) == ("finished", 1_050, 1_050)
    assert {row["Legacy_ID"] for row in read_rows(result.files["success"])} == {
        key for key, _ in people(1_050)
    }
    assert_each_once(bench, 1_050)


def test_a_limit_of_all_rows_finishes(bench: Bench) -> None:
    result = bench.run(job_of(write_people(bench.folder / "old.db", people(20))), limit=20)
    assert (result.state, result.rows.created) == ("finished", 20)


@pytest.mark.parametrize(
    "changed",
    [
        "update person set name = 'Other' where rowid = 5",
        "delete from person where rowid = 5",
        "insert into person (rowid, legacy, name) values (0, 'L-new', 'New')",
    ],
)
def test_a_limited_run_does_not_go_on_where_its_first_rows_have_changed(bench: Bench, changed: str) -> None:
    path = bench.folder / "old.db"
    url = write_people(path, people(100))
    bench.run(job_of(url), limit=20)
    kept = path.read_bytes()
    change(path, changed)
    result = bench.resume()
    assert (result.state, result.exit_code, result.rows.created) == ("paused", 4, 20)
    assert result.error is not None
    assert result.error.code == "SOURCE_CHANGED"
    assert "--again" in (result.error.hint or "")
    assert bench.audit()["records"] == 20
    path.write_bytes(kept)
    assert bench.resume().state == "finished"
    assert_each_once(bench, 100)


# -- on resume ---------------------------------------------------------------------------------------


def test_a_run_whose_copy_is_gone_does_not_go_on(bench: Bench) -> None:
    path = bench.folder / "old.db"
    job = job_of(write_people(path, people(300)))
    bench.run(job, limit=100)
    copy_in(bench).unlink()
    result = bench.resume()
    assert result.error is not None
    assert result.error.code == "JOURNAL_DAMAGED"
    assert "source.jsonl: the run's copy of the rows is gone" in result.error.message
    assert bench.audit()["records"] == 100


def test_a_run_with_a_changed_select_does_not_go_on(bench: Bench) -> None:
    url = write_people(bench.folder / "old.db", people(100))
    bench.run(job_of(url), limit=20)
    bench.job = job_of(url, PEOPLE + " order by legacy")
    with pytest.raises(SourceError, match="has changed since the run began"):
        bench.resume()


def test_the_same_select_is_not_inserted_twice(bench: Bench) -> None:
    job = job_of(write_people(bench.folder / "old.db", people(20)), into=Insert("Leads", key="Legacy_ID"))
    bench.run(job)
    with pytest.raises(RunError, match="the same source was inserted already"):
        bench.run(job)


@pytest.mark.parametrize("begun_by", ["this version", "zmigrate 0.1"])
def test_the_same_rows_in_another_order_are_not_inserted_twice(bench: Bench, begun_by: str) -> None:
    url = write_people(bench.folder / "old.db", people(20))
    bench.run(job_of(url, into=Insert("Leads"), order_by="Legacy_ID"))
    if begun_by == "zmigrate 0.1":  # which had the order in its hash
        [record] = bench.folder.glob(".zmigrate/runs/*/run.json")
        source = Sql(url, PEOPLE, "Legacy_ID")
        record.write_text(record.read_text().replace(source.fingerprint(None).sha256, source.former_sha256))
    for order_by in ("Legacy_ID",) if begun_by == "zmigrate 0.1" else ("Legacy_ID", "Last_Name", None):
        with pytest.raises(RunError, match="the same source was inserted already"):
            bench.run(job_of(url, into=Insert("Leads"), order_by=order_by))
    assert bench.audit()["records"] == 20


def test_a_run_whose_copy_was_changed_does_not_go_on(bench: Bench) -> None:
    into = Insert("Leads", key="Legacy_ID", on_repeated="last")  # which needs all rows at the beginning
    bench.run(job_of(write_people(bench.folder / "old.db", people(20)), into=into), limit=2)
    lines = copy_in(bench).read_bytes().splitlines(keepends=True)
    lines[3], lines[9] = lines[9], lines[3]
    copy_in(bench).write_bytes(b"".join(lines))
    with pytest.raises(JournalDamaged, match="has changed since the run made it"):
        bench.resume()
    assert bench.audit()["records"] == 2


# -- flows -------------------------------------------------------------------------------------------


def flow_of(url: str) -> Flow:
    contacts = 'select legacy as "Legacy_ID", name as "Last_Name" from contact'

    class Both(Flow):
        """Leads, then contacts."""

        def jobs(self) -> list[RecordJob]:
            to_contacts = Upsert("Contacts", match_on="Legacy_ID")
            return [job_of(url), job_of(url, contacts, to_contacts)]

    return Both()


def test_each_step_of_a_flow_copies_its_rows_when_it_begins(bench: Bench) -> None:
    path = bench.folder / "old.db"
    url = write_people(path, people(150))
    change(path, "create table contact as select * from person")
    result = bench.run(flow_of(url), limit=200)
    assert (result.state, result.rows.created) == ("limited", 200)
    copies = sorted(bench.folder.glob(".zmigrate/runs/*/steps/*/source.jsonl"))
    assert [len(copy.read_bytes().splitlines()) for copy in copies] == [1 + 150 + 1, 1 + 51 + 1]
    result = bench.resume()
    assert (result.state, result.rows.created) == ("finished", 300)
    for module in ("Leads", "Contacts"):
        audit = bench.audit(module)
        assert (audit["records"], audit["created_twice"]) == (150, [])


# -- plans -------------------------------------------------------------------------------------------


def test_a_plan_says_what_the_run_does_and_leaves_nothing_behind(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    rows = [*people(120), ("L-90001", ""), ("", "No Key"), ("L-00000", "Another")]
    job = job_of(write_people(bench.folder / "old.db", rows), into=Insert("Leads", key="Legacy_ID"))
    with bench.plan(job) as plan:
        counts = plan.counts
        assert len(list(scratch.iterdir())) == 1
        rejects = bench.folder / "rejects.csv"
        plan.write_rejects(rejects)
    assert list(scratch.iterdir()) == []
    assert not list(bench.folder.glob(".zmigrate/runs/*"))
    result = bench.run(job)
    assert (counts.creates, counts.refused) == (result.rows.created, result.rows.failed)
    errors = read_rows(result.files["errors"])
    assert [(row["line"], row["Last_Name"]) for row in read_rows(rejects)] == [
        (row["line"], row["Last_Name"]) for row in errors
    ]


def test_a_plan_with_a_limit_reads_no_further(bench: Bench) -> None:
    job = job_of(write_people(bench.folder / "old.db", people(120)))
    with bench.plan(job, limit=20) as plan:
        assert (plan.counts.rows, plan.limited) == (20, True)
    assert bench.seen(RowsCopied)[-1] == RowsCopied(21, 120)


# -- killed ------------------------------------------------------------------------------------------

JOB_FILE = """
from zmigrate import RecordJob, Sql, Upsert, scopes_for


class FromSql(RecordJob):
    \"\"\"Leads from a database.\"\"\"

    write = Upsert("Leads", match_on="Legacy_ID")
    scopes = scopes_for(write)
    refers_to = ()

    def source(self):
        return Sql("sqlite:///${OLD_CRM}", %r)

    def transform(self, row):
        return dict(row)
"""

ENDLESS = (
    "with recursive n(id) as (select 1 union all select id + 1 from n where id < (select most from until))"
    " select 'L-' || id as \"Legacy_ID\", 'Name ' || id as \"Last_Name\" from n"
)


def write_job(bench: Bench, select: str) -> None:
    (bench.folder / "jobs").mkdir()
    (bench.folder / "jobs" / "from_sql.py").write_text(JOB_FILE % select, encoding="utf-8")


def unfinished_copy(bench: Bench) -> int:
    return max(
        (path.stat().st_size for path in bench.folder.glob(".zmigrate/runs/**/source.*.part")), default=0
    )


def test_killed_while_the_rows_are_read_a_resume_reads_them_all(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(bench.folder / "s3cr3t.db", "create table until as select 10000000 as most")
    monkeypatch.setenv("OLD_CRM", "s3cr3t.db")
    write_job(bench, ENDLESS)
    victim = Victim(bench, "run", "from-sql")
    victim.wait_until(lambda: unfinished_copy(bench) > 1 << 20)
    victim.kill()
    assert victim.gone() == -SIGKILL
    assert not list(bench.folder.glob(".zmigrate/runs/*/source.jsonl"))
    assert bench.audit()["records"] == 0
    change(bench.folder / "s3cr3t.db", "update until set most = 1000")
    result = Victim(bench, "resume", "last").result()
    assert (result["error"], result["state"], result["rows"]["created"]) == (None, "finished", 1_000)
    assert_each_once(bench, 1_000)
    assert unfinished_copy(bench) == 0
    kept = b"".join(path.read_bytes() for path in bench.folder.glob(".zmigrate/runs/*/*") if path.is_file())
    assert b"${OLD_CRM}" in kept
    assert b"s3cr3t" not in kept


FLOW_FILE = """
from zmigrate import Flow, RecordJob, Sql, Upsert, scopes_for


class People(RecordJob, abstract=True):
    refers_to = ()

    def transform(self, row):
        return dict(row)


class ToLeads(People):
    \"\"\"The first step.\"\"\"

    write = Upsert("Leads", match_on="Legacy_ID")
    scopes = scopes_for(write)

    def source(self):
        return Sql("sqlite:///leads.db", %r)


class ToContacts(People):
    \"\"\"The second step.\"\"\"

    write = Upsert("Contacts", match_on="Legacy_ID")
    scopes = scopes_for(write)

    def source(self):
        return Sql("sqlite:///contacts.db", %r)


class Both(Flow):
    \"\"\"Leads, then contacts.\"\"\"

    def jobs(self):
        return [ToLeads(), ToContacts()]
"""


def test_killed_while_the_second_step_of_a_flow_reads_its_rows(bench: Bench) -> None:
    write_people(bench.folder / "leads.db", people(150))
    change(bench.folder / "contacts.db", "create table until as select 10000000 as most")
    (bench.folder / "jobs").mkdir()
    (bench.folder / "jobs" / "both.py").write_text(FLOW_FILE % (PEOPLE, ENDLESS), encoding="utf-8")
    victim = Victim(bench, "run", "both")
    victim.wait_until(lambda: unfinished_copy(bench) > 1 << 20)
    victim.kill()
    assert victim.gone() == -SIGKILL
    assert (bench.audit()["records"], bench.audit("Contacts")["records"]) == (150, 0)
    (bench.folder / "leads.db").unlink()
    change(bench.folder / "contacts.db", "update until set most = 300")
    result = Victim(bench, "resume", "last").result()
    assert (result["error"], result["state"], result["rows"]["created"]) == (None, "finished", 450)
    for module, count in (("Leads", 150), ("Contacts", 300)):
        audit = bench.audit(module)
        assert (audit["records"], audit["distinct_keys"], audit["created_twice"]) == (count, count, [])


def test_killed_after_the_rows_were_read_a_resume_needs_no_database(
    bench_with: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_with(latency_ms=60, rate_lost_answer=0.02)
    write_people(bench.folder / "old.db", people(1_000))
    monkeypatch.setenv("OLD_CRM", "old.db")
    write_job(bench, PEOPLE)
    arguments = ["run", "from-sql"]
    for created in (300, 600):
        victim = Victim(bench, *arguments)
        victim.wait_until(lambda created=created: bench.audit()["creates"] >= created)
        victim.kill()
        assert victim.gone() == -SIGKILL
        (bench.folder / "old.db").unlink(missing_ok=True)
        monkeypatch.delenv("OLD_CRM", raising=False)
        arguments = ["resume", "last"]
    result = Victim(bench, *arguments).result()
    assert (result["error"], result["state"]) == (None, "finished")
    assert (result["rows"]["read"], result["rows"]["failed"]) == (1_000, 0)
    assert_each_once(bench, 1_000)
    success = read_rows(result["files"]["success"])
    assert len({row["Legacy_ID"] for row in success}) == 1_000


@pytest.mark.slow
def test_killed_while_a_limited_run_reads_further_nothing_is_doubled(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bench.folder / "old.db"
    change(path, "create table until as select 500 as most")
    monkeypatch.setenv("OLD_CRM", "old.db")
    write_job(bench, ENDLESS)
    assert Victim(bench, "run", "from-sql", "--limit", "200").result()["state"] == "limited"
    change(path, "update until set most = 10000000")
    victim = Victim(bench, "resume", "last")
    victim.wait_until(lambda: unfinished_copy(bench) > 1 << 20)
    victim.kill()
    assert victim.gone() == -SIGKILL
    change(path, "update until set most = 900")
    result = Victim(bench, "resume", "last").result()
    assert (result["error"], result["state"], result["rows"]["created"]) == (None, "finished", 900)
    assert_each_once(bench, 900)


@pytest.mark.slow
def test_a_full_disk_while_the_rows_are_read_pauses_the_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(bench.folder / "old.db", "create table until as select 10000000 as most")
    monkeypatch.setenv("OLD_CRM", "old.db")
    write_job(bench, ENDLESS)
    victim = Victim(bench, "run", "from-sql", file_limit=1 << 20)
    result = victim.result()
    assert (result["state"], result["error"]["code"]) == ("paused", "DISK_FULL")
    assert victim.process.returncode == 4
    assert unfinished_copy(bench) == 0
    change(bench.folder / "old.db", "update until set most = 300")
    result = Victim(bench, "resume", "last").result()
    assert (result["state"], result["rows"]["created"]) == ("finished", 300)
    assert_each_once(bench, 300)


def test_stopped_while_the_rows_are_read_the_run_can_go_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(bench.folder / "old.db", "create table until as select 10000000 as most")
    monkeypatch.setenv("OLD_CRM", "old.db")
    write_job(bench, ENDLESS)
    victim = Victim(bench, "run", "from-sql")
    victim.wait_until(lambda: unfinished_copy(bench) > 1 << 16)
    victim.kill(SIGINT)
    assert victim.gone() == 130
    assert json.loads(victim.output)["state"] == "interrupted"
    assert unfinished_copy(bench) == 0
    change(bench.folder / "old.db", "update until set most = 300")
    assert Victim(bench, "resume", "last").result()["rows"]["created"] == 300


def from_url(bench: Bench, count: int) -> list[str]:
    """A run whose URL is said by an option, so the variable in it has to be allowed."""
    write_people(bench.folder / "old.db", people(count))
    location = ["sqlite:///${OLD_CRM}", "--select", PEOPLE]
    return [
        "run",
        "import-file",
        *location,
        "--module",
        "Leads",
        "--operation",
        "upsert",
        "--match-on",
        "Legacy_ID",
    ]


def test_a_resume_that_reads_further_wants_the_variable_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLD_CRM", "old.db")
    allowed = ["--allow-env", "OLD_CRM"]
    run = Victim(bench, *from_url(bench, 150), *allowed, "--limit", "50")
    assert run.result()["state"] == "limited"
    refused = Victim(bench, "resume", "last").result()
    assert refused["error"]["code"] == "VARIABLE_NOT_ALLOWED"
    assert Victim(bench, "resume", "last", *allowed).result()["rows"]["created"] == 150
    assert_each_once(bench, 150)


def test_a_resume_that_has_all_rows_wants_no_variable(
    bench_with: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_with(latency_ms=60)
    monkeypatch.setenv("OLD_CRM", "old.db")
    victim = Victim(bench, *from_url(bench, 1_000), "--allow-env", "OLD_CRM")
    victim.wait_until(lambda: bench.audit()["creates"] >= 100)
    victim.kill()
    assert victim.gone() == -SIGKILL
    monkeypatch.delenv("OLD_CRM")
    resume = Victim(bench, "resume", "last")
    assert resume.result()["rows"]["created"] == 1_000
    assert "OLD_CRM" not in resume.errors
    assert_each_once(bench, 1_000)
