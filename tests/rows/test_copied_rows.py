"""The rows of a database as lines of a file: every value comes back with its type."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmigrate import Blank, Find, Ref
from zmigrate.engine.storage.source_copy import copy_rows
from zmigrate.errors import SourceError
from zmigrate.events import Event, RowsCopied
from zmigrate.rows.sources import Cursor, Sql
from zmigrate.rows.sources.copied_rows import CopiedRows
from zmigrate.rows.sources.row_lines import line_of, line_of_whole, values_of
from zmigrate.stopping import StopRequested, StopSignal

SELECT = "select * from person"


def to_no_one(event: Event) -> None:
    """The progress does not matter here."""


def database(folder: Path, rows: int) -> Sql:
    path = folder / "old.db"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute("create table person(id integer, name text)")
        people = [(number, f"Name {number}") for number in range(1, rows + 1)]
        connection.executemany("insert into person values (?, ?)", people)
    connection.close()
    return Sql(f"sqlite:///{path}", SELECT)


def copied(source: Sql, path: Path, most: int | None = None, compared: int = 0) -> CopiedRows:
    return copy_rows(source, path, to_no_one, StopSignal(), most=most, compared=compared)


# -- values ------------------------------------------------------------------------------------------

offsets = st.integers(-86_399, 86_399).map(lambda seconds: timezone(timedelta(seconds=seconds)))
plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
    st.decimals(allow_nan=False),
    st.dates(),
    st.times(),
    st.datetimes(timezones=st.one_of(st.none(), offsets)),
    st.timedeltas(),
    st.uuids(),
)
keys = st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 9), st.dates())
cells = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=5)


def types_in(value: Any) -> Any:
    if isinstance(value, list):
        return [types_in(each) for each in value]
    if isinstance(value, dict):
        return [(types_in(key), types_in(each)) for key, each in value.items()]
    return type(value)


@given(st.lists(cells))
def test_every_value_comes_back_as_it_was_with_its_type(row: list[Any]) -> None:
    line = line_of(1, {str(number): value for number, value in enumerate(row)})
    assert "\n" not in line
    found = values_of(line.encode())
    assert found == row
    assert types_in(found) == types_in(row)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (float("inf"), float("inf")),
        (2**70, Decimal(2**70)),
        (bytearray(b"\0x"), b"\0x"),
        (memoryview(b"\0x"), b"\0x"),
        ((1, Decimal("1.50")), [1, Decimal("1.50")]),
        (Decimal("-0"), Decimal("-0")),
        (datetime(2024, 3, 31, 9, 30, 0, 5, UTC), datetime(2024, 3, 31, 9, 30, 0, 5, UTC)),
    ],
)
def test_what_drivers_give_in_other_forms_is_kept_in_a_common_one(value: Any, kept: Any) -> None:
    [found] = values_of(line_of(1, {"x": value}).encode())
    assert (repr(found), type(found)) == (repr(kept), type(kept))


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", [object(), [object()], nested(300), nested(5_000)])
def test_a_value_that_cannot_be_kept_is_told_with_row_and_column(value: Any) -> None:
    with pytest.raises(SourceError, match=r"row 1,234: a value of column note can't be kept") as caught:
        line_of(1_234, {"id": 1, "note": value})
    assert "cast(note as varchar" in (caught.value.hint or "")


@pytest.mark.parametrize("write", [line_of, line_of_whole])
def test_at_any_depth_a_value_is_kept_or_told(write: Any) -> None:
    for depth in range(240, 260):
        with suppress(SourceError):
            write(1, {"note": nested(depth)})


def test_half_of_a_character_is_told_as_that() -> None:
    with pytest.raises(SourceError, match=r"row 7: a value of column note has half of a character"):
        line_of(7, {"id": 1, "note": "a\ud800"})


@pytest.mark.parametrize(
    "line",
    [
        "",
        "7",
        '{"rows": 1}',
        "[1",
        '[{"object": "x"}]',
        '[{"date": "x"}]',
        '[{"Decimal": "x"}]',
        '[{"UUID": 7}]',
        '[{"timedelta": [9999999999, 0, 0]}]',
        '[{"dict": [[[], 1]]}]',
    ],
)
def test_a_line_that_nobody_wrote_is_no_row(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whatever it says
        values_of(line.encode())


# -- the file ----------------------------------------------------------------------------------------


def test_a_copy_gives_the_rows_of_the_database_from_any_row_on(tmp_path: Path) -> None:
    source = database(tmp_path, 30)
    copy = copied(source, tmp_path / "source.jsonl")
    rows = list(source.rows())
    assert list(copy.rows()) == rows
    for after in (0, 1, 29, 30, 31):
        assert list(copy.rows(Cursor(after))) == rows[after:]
    assert (copy.columns, copy.count, copy.whole, copy.name) == (source.columns, 30, True, source.name)
    assert copy.scan() == source.scan()
    assert (tmp_path / "source.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_database_without_rows_has_a_copy_without_rows(tmp_path: Path) -> None:
    copy = copied(database(tmp_path, 0), tmp_path / "source.jsonl")
    assert (copy.columns, list(copy.rows()), copy.whole) == (("id", "name"), [], True)


def test_the_progress_tells_how_many_rows_are_read(tmp_path: Path) -> None:
    told: list[Event] = []
    seconds = iter(range(1_000))
    copy_rows(
        database(tmp_path, 5),
        tmp_path / "source.jsonl",
        told.append,
        StopSignal(),
        total=5,
        clock=lambda: next(seconds),
    )
    assert told[-1] == RowsCopied(5, 5)
    assert [event.rows for event in told if isinstance(event, RowsCopied)] == [*range(6), 5]


def test_a_stop_leaves_no_file(tmp_path: Path) -> None:
    stop = StopSignal()

    def stop_at_once(event: Event) -> None:
        stop.request()

    source, path = database(tmp_path, 5), tmp_path / "run" / "source.jsonl"
    path.parent.mkdir()
    seconds = iter(range(1_000))
    with pytest.raises(StopRequested):
        copy_rows(source, path, stop_at_once, stop, clock=lambda: next(seconds))
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "no end", "row", "columns", "short row", "empty"])
def test_a_damaged_copy_is_told_and_not_read_as_fewer_rows(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "source.jsonl"
    source = database(tmp_path, 30)
    copied(source, path)
    lines = path.read_bytes().splitlines(keepends=True)
    changed = {
        "cut": lines[:10],
        "no end": lines[:-1],
        "row": [*lines[:10], b"[1,\n", *lines[11:]],
        "columns": [b"\n", *lines[1:]],
        "short row": [*lines[:10], b"[1]\n", *lines[11:]],
        "empty": [],
    }
    path.write_bytes(b"".join(changed[damage]))
    with pytest.raises(SourceError, match=r"source.jsonl, the copy of the rows .* is damaged"):
        list(CopiedRows(path, source).rows())


# -- the first rows, and more ------------------------------------------------------------------------


def test_the_first_rows_are_no_whole_copy_and_grow_into_one(tmp_path: Path) -> None:
    source, path = database(tmp_path, 30), tmp_path / "source.jsonl"
    first = copied(source, path, most=11)
    assert (first.count, first.whole) == (11, False)
    more = copied(source, path, most=21)
    assert (list(more.rows()), more.whole) == (list(source.rows())[:21], False)
    every = copied(source, path)
    assert (list(every.rows()), every.whole) == (list(source.rows()), True)


def test_fewer_rows_than_the_most_are_all(tmp_path: Path) -> None:
    assert copied(database(tmp_path, 10), tmp_path / "source.jsonl", most=11).whole


CHANGES = [
    ("update person set name = 'x' where id = 3", "row 3 is"),
    ("delete from person where id = 11", "row 11 is"),
    ("delete from person where id > 5", "row 6 is"),
    ("alter table person add column note", "the columns are"),
]


@pytest.mark.parametrize(("change", "told"), CHANGES)
def test_first_rows_that_have_changed_are_refused_and_stay(tmp_path: Path, change: str, told: str) -> None:
    source, path = database(tmp_path, 30), tmp_path / "source.jsonl"
    copied(source, path, most=11)
    before = path.read_bytes()
    with sqlite3.connect(tmp_path / "old.db") as connection:
        connection.execute(change)
    connection.close()
    with pytest.raises(SourceError, match=told) as caught:
        copied(Sql(source.url, SELECT), path, compared=11)
    assert caught.value.code == "SOURCE_CHANGED"
    assert "--again" in (caught.value.hint or "")
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith("source")] == ["source.jsonl"]


def test_rows_behind_the_first_may_change(tmp_path: Path) -> None:
    source, path = database(tmp_path, 30), tmp_path / "source.jsonl"
    copied(source, path, most=11)
    with sqlite3.connect(tmp_path / "old.db") as connection:
        connection.execute("delete from person where id = 12")
    connection.close()
    assert copied(source, path, compared=11).count == 29


def test_only_rows_that_the_run_has_recorded_must_be_the_same(tmp_path: Path) -> None:
    source, path = database(tmp_path, 30), tmp_path / "source.jsonl"
    copied(source, path, most=11)
    with sqlite3.connect(tmp_path / "old.db") as connection:
        connection.execute("update person set name = 'x' where id = 11")
    connection.close()
    assert copied(source, path, most=6, compared=5).count == 6
    copied(source, path, most=11)
    assert copied(source, path, compared=10).count == 30


def test_memory_stays_flat_while_rows_are_copied(tmp_path: Path) -> None:
    """The rows are asked for one by one, and none is kept."""
    import tracemalloc

    numbers = "with recursive n(id) as (select 1 union all select id + 1 from n where id < 20000)"
    source = Sql(database(tmp_path, 1).url, f"{numbers} select id, printf('%1000d', id) as name from n")
    tracemalloc.start()
    try:
        copied(source, tmp_path / "source.jsonl")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "source.jsonl").stat().st_size > 19 << 20
    assert peak < 8 << 20


def test_what_an_author_writes_for_a_field_comes_back_as_it_was() -> None:
    given = [
        Blank,
        Ref("Accounts", "K7", when_open="leave_out"),
        Ref("Contacts", ("Doe", "Acme"), field=("Last_Name", "Company")),
        [{"Part": Find("Products", "Product_Name", "P", ignore_case=True), "Work": Blank}],
    ]
    found = values_of(line_of(1, {str(number): value for number, value in enumerate(given)}).encode())
    assert found == given
    assert found[0] is Blank
