"""Sql: a select of any database, read once into the run's folder."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

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
    assert (source.stable, source.scopes, source.scan().rows) == (True, (), 4)


def test_without_order_by_rows_come_in_the_order_of_the_select(tmp_path: Path) -> None:
    url = database(tmp_path, PEOPLE)
    assert [row.values["id"] for row in Sql(url, SELECT).rows()] == [3, 1, 2, 10]
    ordered = Sql(url, f"{SELECT} order by name desc -- nulls last;")
    assert [row.values["id"] for row in ordered.rows()] == [10, 3, 1, 2]
    assert ordered.scan().rows == 4


def test_rows_that_share_the_value_they_are_ordered_by_all_come(tmp_path: Path) -> None:
    url = database(tmp_path, [(2, "a"), (None, "b"), (1, "c"), (2, "d")])
    assert [row.values["id"] for row in Sql(url, SELECT, "id").rows()] == [None, 1, 2, 2]


def test_colons_percent_signs_comments_and_a_semicolon_are_left_alone(tmp_path: Path) -> None:
    select = "select id, '10:30 :x 100%' as t, \"name\" as n from person where name <> ':a\\' -- the rest;"
    for order_by in (None, "id"):
        source = Sql(database(tmp_path, [(1, "a"), (2, "b")]), select, order_by)
        assert [row.values["t"] for row in source.rows(Cursor(1))] == ["10:30 :x 100%"]
    assert Sql(database(tmp_path, [(1, "a")]), f"{SELECT} ; ", "id").scan().rows == 1


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


def test_a_column_to_order_by_that_is_not_selected_is_told(tmp_path: Path) -> None:
    error = refusal(Sql(database(tmp_path, PEOPLE), SELECT, "nr").scan)
    assert "the select has no column 'nr' to order by" in error.message
    assert error.hint == "It has: id, name."


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
    with pytest.raises(SourceError, match="has a select"):
        Sql("sqlite://", " ; ", "id")


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    assert refusal(Sql("sqlite://", SELECT, "id").scan).hint == "pip install 'zmigrate[sql]'"


def test_another_select_is_refused_on_resume(tmp_path: Path) -> None:
    url = database(tmp_path, PEOPLE)
    then = Fingerprint.from_json(Sql(url, SELECT, "id").scan().to_json())
    Sql(url, SELECT, "id").check(then)
    Sql(url, SELECT, "name").check(then)  # the same rows, in another order
    for changed in (
        Sql(url, SELECT + " where id > 1", "id"),
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
    shown = [repr(source), source.name, source.url, repr(source.fingerprint(1)), str(refusal(source.scan))]
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
