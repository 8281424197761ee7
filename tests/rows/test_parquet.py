"""Parquet: rows with the values that the file holds, read in batches."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.rows.files import write
from tests.support import Bench, read_rows
from zmigrate import Insert, RecordJob, scopes_for
from zmigrate.errors import SourceError, ZmigrateError
from zmigrate.rows.sources import Cursor, Parquet, parquet


def parquet_file(folder: Path, select: str, name: str = "leads.parquet") -> Path:
    plain = folder / "written.parquet"
    with duckdb.connect() as database:
        database.execute(f"copy ({select}) to '{plain}' (row_group_size 2048)")
    return plain.replace(folder / name)


def refusal(source: Parquet) -> SourceError:
    with pytest.raises(SourceError) as caught:
        source.scan()
    assert caught.value.hint
    return caught.value


def counted(folder: Path, rows: int) -> Path:
    return parquet_file(folder, f"select i as id, 'name ' || i as name from range(1, {rows + 1}) t(i)")


def test_rows_are_numbered_and_read_on_behind_any(tmp_path: Path) -> None:
    source = Parquet(counted(tmp_path, 5_000))
    assert source.columns == ("id", "name")
    rows = list(source.rows())
    assert [(row.number, row.line, row.values["id"]) for row in rows] == [(n, n, n) for n in range(1, 5_001)]
    for after in (1, 999, 1_000, 1_001, 2_048, 4_999, 5_000):
        assert list(source.rows(Cursor(after))) == rows[after:]
    found = source.scan()
    assert (found.rows, found.columns, source.stable, source.scopes) == (5_000, ("id", "name"), True, ())


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'Zoë'", "Zoë"),
        ("42", 42),
        ("9223372036854775807", 9223372036854775807),
        ("cast(1234.50 as decimal(12, 2))", Decimal("1234.50")),
        ("cast(0.5 as double)", 0.5),
        ("true", True),
        ("null", None),
        ("date '2024-03-31'", date(2024, 3, 31)),
        ("timestamp '2024-03-31 09:30:00.5'", datetime(2024, 3, 31, 9, 30, 0, 500_000)),
        ("timestamptz '2024-03-31 09:30:00+02'", datetime(2024, 3, 31, 7, 30, tzinfo=UTC)),
        ("[1, 2]", [1, 2]),
        ("{'a': 1, 'b': ['x']}", {"a": 1, "b": ["x"]}),
    ],
)
def test_values_are_those_of_python(tmp_path: Path, expression: str, value: Any) -> None:
    found = next(Parquet(parquet_file(tmp_path, f"select {expression} as x")).rows()).values["x"]
    assert found == value
    assert isinstance(found, type(value))


@pytest.mark.parametrize("name", ["a [1]*?.parquet", "quo'te.parquet", "year=2024/leads.parquet"])
def test_a_path_is_never_a_pattern(tmp_path: Path, name: str) -> None:
    counted(tmp_path, 1).replace(tmp_path / "a 1x.parquet")  # what the first name would match
    (tmp_path / name).parent.mkdir(exist_ok=True)
    path = parquet_file(tmp_path, "select 7 as id", name)
    assert [row.values for row in Parquet(path).rows()] == [{"id": 7}]


def test_columns_may_have_any_name(tmp_path: Path) -> None:
    path = parquet_file(tmp_path, """select 1 as "we""ird", 2 as file_row_number, 3 as "select" """)
    assert dict(next(Parquet(path).rows()).values) == {'we"ird': 1, "file_row_number": 2, "select": 3}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not Parquet"),
        (b"id,name\n1,a\n", "is not Parquet"),
        (b"PARE" + bytes(20), "is encrypted"),
        (b"PAR1" + bytes(20), "can't be read as Parquet"),
    ],
)
def test_what_is_no_parquet_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    assert message in refusal(Parquet(write(tmp_path, content, "leads.parquet"))).message


def test_a_file_that_is_cut_off_or_empty_is_refused(tmp_path: Path) -> None:
    whole = counted(tmp_path, 5_000).read_bytes()
    assert "can't be read" in refusal(Parquet(write(tmp_path, whole[:-100], "x.parquet"))).message
    assert "has no rows" in refusal(Parquet(counted(tmp_path, 0))).message
    assert "Did you mean" in (refusal(Parquet(tmp_path / "lead.parquet")).hint or "")


def test_damaged_pages_are_found_by_the_scan(tmp_path: Path) -> None:
    whole = bytearray(counted(tmp_path, 5_000).read_bytes())
    whole[100:3_000] = bytes(2_900)
    assert "can't be read as Parquet" in refusal(Parquet(write(tmp_path, bytes(whole), "x.parquet"))).message


def test_a_file_that_changed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS_AT_ONCE", 10)
    source = Parquet(counted(tmp_path, 50))
    then = source.scan()
    Parquet(source.path).check(then)
    rows = source.rows()
    next(rows)
    counted(tmp_path, 60)
    with pytest.raises(SourceError, match="50 rows then, 60 now"):
        Parquet(source.path).check(then)
    with pytest.raises(ZmigrateError, match="changed or replaced"):
        list(rows)


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = counted(tmp_path, 1)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert refusal(Parquet(path)).hint == "pip install 'zmigrate[parquet]'"


def job_of(path: Path) -> RecordJob:
    class FromParquet(RecordJob):
        """Leads from a Parquet file."""

        write = Insert("Leads", key="Legacy_ID")
        scopes = scopes_for(write)

        def source(self) -> Parquet:
            return Parquet(path)

        def transform(self, row: Mapping[str, Any]) -> dict[str, Any]:
            return {name: row[name] for name in ("Legacy_ID", "Last_Name", "Annual_Revenue")}

    return FromParquet()


def test_a_run_stops_and_goes_on_and_writes_values_as_text(bench: Bench, tmp_path: Path) -> None:
    path = parquet_file(
        tmp_path,
        "select printf('L-%05d', i) as Legacy_ID, 'Name ' || i as Last_Name,"
        " cast(i as decimal(9, 2)) / 4 as Annual_Revenue, [i] as tags, date '2024-03-31' as day,"
        " i % 2 = 0 as even from range(1, 1201) t(i)",
    )
    assert bench.run(job_of(path), limit=450).rows.created == 450
    result = bench.resume()
    assert (result.state, result.rows.created) == ("finished", 1_200)
    assert bench.audit()["created_twice"] == []
    first = read_rows(result.files["success"])[0]
    assert (first["line"], first["Last_Name"]) == ("1", "Name 1")
    assert (first["tags"], first["day"], first["even"]) == ("[1]", "2024-03-31", "false")
