"""Sql: a select of any database, read in the order of a unique column."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

from tests.engine.victim import Victim
from tests.support import Bench, read_rows
from zmigrate import RecordJob, Upsert, scopes_for
from zmigrate.engine.storage.recorded import unpack_source
from zmigrate.errors import PausedError, SourceError
from zmigrate.rows.sources import Cursor, Fingerprint
from zmigrate.rows.sources.sql import Sql

SELECT = "select id, name from person"
PASSWORD = "s3cr3t/@:"


def database(
    folder: Path, rows: Iterable[tuple[Any, ...]] = (), columns: str = "id integer, name text"
) -> str:
    path = folder / "old.db"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute(f"create table person({columns})")
        rows = list(rows)
        if rows:
            marks = ",".join("?" * len(rows[0]))
            connection.executemany(f"insert into person values ({marks})", rows)
    connection.close()
    return f"sqlite:///{path}"


def refusal(act: Callable[[], object]) -> SourceError:
    with pytest.raises(SourceError) as caught:
        act()
    return caught.value


PEOPLE = [(3, "c"), (1, "a"), (2, None), (10, "j")]


def test_rows_come_in_the_order_of_the_column(tmp_path: Path) -> None:
    source = Sql(database(tmp_path, PEOPLE), SELECT, "id")
    assert source.columns == ("id", "name")
    assert [(row.number, row.line, row.values) for row in source.rows()] == [
        (1, 1, {"id": 1, "name": "a"}),
        (2, 2, {"id": 2, "name": None}),
        (3, 3, {"id": 3, "name": "c"}),
        (4, 4, {"id": 10, "name": "j"}),
    ]
    assert (source.stable, source.scopes, source.scan().rows) == (False, (), 4)


@pytest.mark.parametrize(
    ("columns", "keys"),
    [
        ("id integer, name text", [1, 2, 3, 10, 20]),
        ("id text, name text", ["1", "10", "2", "20", "3"]),
        ("id real, name text", [0.1, 0.25, 1.5, 2.75, 1e17]),
        ("id text, name text", ["L-1", "L-'x'", "L:a", "ä", "日本"]),
        ("id text, name text", ["2024-01-01", "2024-01-02", "2024-02-01", "2025-01-01", "2026-01-01"]),
    ],
)
def test_reading_goes_on_behind_any_row(tmp_path: Path, columns: str, keys: list[Any]) -> None:
    rows = [(key, str(key)) for key in keys]
    source = Sql(database(tmp_path, random.Random(1).sample(rows, len(rows)), columns), SELECT, "id")
    source.scan()
    found = list(source.rows())
    assert [row.values["id"] for row in found] == sorted(keys)
    for row in found:
        behind = list(source.rows(Cursor(row.number, source.identity(row))))
        assert behind == found[row.number :]


def test_a_mark_is_the_same_from_the_database_and_from_the_journal(tmp_path: Path) -> None:
    from datetime import UTC, date, datetime
    from decimal import Decimal
    from uuid import UUID

    from zmigrate.engine.storage.recorded import pack_source
    from zmigrate.rows.sources import Row

    source = Sql("sqlite://", SELECT, "id")
    for value in (
        7,
        "x",
        0.1,
        Decimal("1.50"),
        date(2024, 3, 31),
        datetime(2024, 3, 31, 9, 30, 0, 5),
        datetime(2024, 3, 31, 9, 30, tzinfo=UTC),
        UUID(int=5),
    ):
        stored = unpack_source(pack_source({"id": value}))
        assert source.identity(Row(1, 1, stored)) == source.identity(Row(1, 1, {"id": value}))


def test_colons_percent_signs_comments_and_a_semicolon_are_left_alone(tmp_path: Path) -> None:
    select = "select id, '10:30 :x 100%' as t, \"name\" as n from person where name <> ':a\\' -- the rest;"
    source = Sql(database(tmp_path, [(1, "a"), (2, "b")]), select, "id")
    assert [row.values["t"] for row in source.rows(Cursor(1, "1"))] == ["10:30 :x 100%"]
    assert Sql(database(tmp_path, [(1, "a")]), f"{SELECT} ; ", "id").scan().rows == 1


def test_a_value_of_a_cursor_is_never_part_of_the_statement(tmp_path: Path) -> None:
    url = database(tmp_path, [("a", "1"), ("b' or 1=1 --", "2"), ("c", "3")], "id text, name text")
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        source = Sql(url, SELECT, "id")
        assert [row.values["id"] for row in source.rows(Cursor(2, json.dumps("b' or 1=1 --")))] == ["c"]
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert statements
    assert not any("or 1=1" in statement for statement in statements)


def test_a_scan_reads_counts_and_no_rows(tmp_path: Path) -> None:
    url = database(tmp_path, ((number, "x") for number in range(5_000)))
    fetched: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        fetched.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert Sql(url, SELECT, "id").scan().rows == 5_000
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert [("count" in statement) or ("0 = 1" in statement) for statement in fetched] == [True, True]


class TestWhatCannotGiveTheOrder:
    def test_a_column_that_is_not_selected(self, tmp_path: Path) -> None:
        error = refusal(Sql(database(tmp_path, PEOPLE), SELECT, "nr").scan)
        assert "the select has no column 'nr' to order by" in error.message
        assert error.hint == "It has: id, name."

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([(1, "a"), (None, "b")], "1 of 2 rows have no id"),
            ([(1, "a"), (2, "b"), (2, "c")], "id has the value 2 more than once"),
        ],
    )
    def test_nulls_and_repeats_are_told_before_anything_is_sent(
        self, tmp_path: Path, rows: list[tuple[Any, ...]], message: str
    ) -> None:
        assert message in refusal(Sql(database(tmp_path, rows), SELECT, "id").scan).message

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([(None, "a"), (1, "b")], "a row has no id"),
            ([(1, "a"), (2, "b"), (2, "c")], "id has the value 2 more than once"),
            ([(1, "a"), ("x", "b")], "id has values of two types: 1 and 'x'"),
            ([(b"1", "a")], "its values are of the type bytes"),
        ],
    )
    def test_they_are_told_while_reading_too(
        self, tmp_path: Path, rows: list[tuple[Any, ...]], message: str
    ) -> None:
        source = Sql(database(tmp_path, rows, "id, name text"), SELECT, "id")
        assert message in refusal(lambda: list(source.rows())).message

    def test_a_value_that_falls(self, tmp_path: Path) -> None:
        source = Sql(database(tmp_path, [(1, "a")]), SELECT, "id")
        with pytest.raises(SourceError, match="id falls from 3 to 2"):
            source._check_order(3, 2)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "nonsense is no URL of a database"),
        ("nodialect://host/x", "nodialect://host/x is no URL of a database"),
        ("sqlite:///there/is/none.db", "none.db: there is no such file"),
        ("mysql+pymysql://me:pw@host/x", r"mysql+pymysql://me:***@host/x needs the driver pymysql"),
        (
            "sqlite:///${NO_SUCH_VARIABLE}",
            "the variable NO_SUCH_VARIABLE, which sqlite:///${NO_SUCH_VARIABLE}",
        ),
    ],
)
def test_a_database_that_there_is_not_is_told(url: str, message: str) -> None:
    assert message in refusal(Sql(url, SELECT, "id").scan).message


def test_what_the_database_refuses_is_told_in_one_line(tmp_path: Path) -> None:
    error = refusal(Sql(database(tmp_path), "select id from nobody", "id").scan)
    assert error.message.endswith("no such table: nobody")
    with pytest.raises(SourceError, match="has a select and an order_by"):
        Sql("sqlite://", " ; ", "id")


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    assert refusal(Sql("sqlite://", SELECT, "id").scan).hint == "pip install 'zmigrate[sql]'"


def test_another_select_is_refused_on_resume(tmp_path: Path) -> None:
    url = database(tmp_path, PEOPLE)
    then = Fingerprint.from_json(Sql(url, SELECT, "id").scan().to_json())
    Sql(url, SELECT, "id").check(then)
    for changed in (
        Sql(url, SELECT + " where id > 1", "id"),
        Sql(url, SELECT, "name"),
        Sql("x://", SELECT, "id"),
    ):
        assert refusal(lambda changed=changed: changed.check(then)).code == "SOURCE_CHANGED"


FAILS_LATE = "select id, abs(case when id = 1500 then -9223372036854775808 else 1 end) as x from person"


def test_a_database_that_fails_midway_is_told(tmp_path: Path) -> None:
    source = Sql(database(tmp_path, ((number, "x") for number in range(1, 3_000))), FAILS_LATE, "id")
    assert refusal(lambda: list(source.rows())).message.endswith("integer overflow")


def test_a_lost_connection_pauses_and_can_be_resumed(tmp_path: Path) -> None:
    source = Sql(database(tmp_path, ((number, "x") for number in range(1, 3_000))), FAILS_LATE, "id")

    def lose(context: ExceptionContext) -> None:
        context.is_disconnect = True

    event.listen(Engine, "handle_error", lose)
    try:
        with pytest.raises(PausedError, match=r"the connection to sqlite:.* was lost") as caught:
            list(source.rows())
    finally:
        event.remove(Engine, "handle_error", lose)
    assert caught.value.code == "SOURCE_LOST"
    assert "resume the run" in (caught.value.hint or "")


# -- passwords ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{PASSWORD}@host:5432/crm",
        f"postgresql://me@host/crm?password={PASSWORD}&sslmode=require",
        f"mssql+pyodbc:///?odbc_connect=DRIVER=x;PWD={PASSWORD}",
        "postgresql://me:${DB_PASSWORD}@host/crm",
    ],
)
def test_a_password_is_never_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    source = Sql(url, SELECT, "id")
    shown = [repr(source), source.name, source.url, repr(source._fingerprint(1)), str(refusal(source.scan))]
    assert not any("s3cr3t" in text for text in shown)
    assert all("postgresql" in text or "mssql" in text for text in shown)


def test_a_variable_is_read_when_connecting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = database(tmp_path, PEOPLE)
    source = Sql("${OLD_CRM}", SELECT, "id")
    assert "the variable OLD_CRM" in refusal(source.scan).message
    monkeypatch.setenv("OLD_CRM", url)
    assert source.scan().path == "${OLD_CRM}"


def test_what_a_driver_says_is_told_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_TOKEN", PASSWORD)

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError(f"no access with {PASSWORD}")

    event.listen(Engine, "do_connect", refuse)
    try:
        message = refusal(Sql("sqlite:///file:x?uri=true&token=${DB_TOKEN}", SELECT, "id").scan).message
    finally:
        event.remove(Engine, "do_connect", refuse)
    assert message.endswith("${DB_TOKEN}: OperationalError")


def test_a_password_from_a_variable_needs_no_quoting(monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import make_url

    from zmigrate.rows.sources.url import expanded

    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    monkeypatch.setenv("DB", "crm")
    found = make_url(expanded("postgresql://me:${DB_PASSWORD}@host/${DB}", os.environ.__getitem__))
    assert (found.password, found.host, found.database) == (PASSWORD, "host", "crm")


# -- runs --------------------------------------------------------------------------------------------


def lead_rows(count: int, text_keys: bool) -> list[tuple[Any, ...]]:
    return [
        (f"k{number}" if text_keys else number, f"L-{number:05}", f"Name {number}") for number in range(count)
    ]


COLUMNS = "id primary key, legacy text, name text"
LEADS = 'select id, legacy as "Legacy_ID", name as "Last_Name" from person'


def job_of(url: str) -> RecordJob:
    class FromSql(RecordJob):
        """Leads from a database."""

        write = Upsert("Leads", match_on="Legacy_ID")
        scopes = scopes_for(write)

        def source(self) -> Sql:
            return Sql(url, LEADS, "id")

        def transform(self, row: Mapping[str, Any]) -> dict[str, Any]:
            return {"Legacy_ID": row["Legacy_ID"], "Last_Name": row["Last_Name"]}

    return FromSql()


@pytest.mark.parametrize("text_keys", [False, True])
def test_a_limited_run_goes_on_where_it_stopped(bench: Bench, tmp_path: Path, text_keys: bool) -> None:
    url = database(tmp_path, lead_rows(1_050, text_keys), COLUMNS)
    job = job_of(url)
    result = bench.run(job, limit=420)
    assert (result.state, result.rows.created) == ("limited", 420)
    result = bench.resume()
    assert (result.state, result.rows.read, result.rows.created) == ("finished", 1_050, 1_050)
    success = read_rows(result.files["success"])
    assert {row["Legacy_ID"] for row in success} == {f"L-{number:05}" for number in range(1_050)}
    assert set(success[0]) >= {"Legacy_ID", "Last_Name"}
    assert bench.audit()["created_twice"] == []


JOB_FILE = """
from zmigrate import RecordJob, Sql, Upsert, scopes_for


class FromSql(RecordJob):
    \"\"\"Leads from a database.\"\"\"

    write = Upsert("Leads", match_on="Legacy_ID")
    scopes = scopes_for(write)

    def source(self):
        return Sql("sqlite:///${OLD_CRM}", %r, order_by="id")

    def transform(self, row):
        return {"Legacy_ID": row["Legacy_ID"], "Last_Name": row["Last_Name"]}
"""


@pytest.mark.slow
@pytest.mark.parametrize("text_keys", [False, True])
def test_killed_twice_and_resumed_every_row_is_written_once(
    bench_with: Callable[..., Bench], tmp_path: Path, text_keys: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_with(latency_ms=60, rate_lost_answer=0.02)
    database(tmp_path, lead_rows(1_000, text_keys), COLUMNS)
    (tmp_path / "old.db").rename(tmp_path / "s3cr3t.db")
    monkeypatch.setenv("OLD_CRM", "s3cr3t.db")
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "from_sql.py").write_text(JOB_FILE % LEADS, encoding="utf-8")
    arguments = ["run", "from-sql"]
    for created in (300, 600):
        victim = Victim(bench, *arguments)
        victim.wait_until(lambda created=created: bench.audit()["creates"] >= created)
        victim.kill()
        assert victim.gone() == -SIGKILL
        arguments = ["resume", "last"]
    result = Victim(bench, *arguments).result()
    assert (result["error"], result["state"]) == (None, "finished")
    assert (result["rows"]["read"], result["rows"]["failed"]) == (1_000, 0)
    audit = bench.audit()
    assert (audit["records"], audit["distinct_keys"], audit["created_twice"]) == (1_000, 1_000, [])
    assert len({row["Legacy_ID"] for row in read_rows(result["files"]["success"])}) == 1_000
    kept = b"".join(path.read_bytes() for path in tmp_path.glob(".zmigrate/runs/*/*") if path.is_file())
    assert b"${OLD_CRM}" in kept
    assert b"s3cr3t" not in kept
