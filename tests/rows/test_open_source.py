"""`open_source`: what a file's ending or a URL says of how to read it."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.rows.files import write
from zmigrate import Csv, Excel, JsonLines, Parquet, Sql, open_source
from zmigrate.errors import SourceError

SELECT = {"select": "select id from person", "order_by": "id"}


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("leads.csv", Csv),
        ("Leads.CSV", Csv),
        ("leads.tsv", Csv),
        ("leads.txt", Csv),
        ("leads.csv.gz", Csv),
        ("export.zip/leads.csv", Csv),
        ("people.jsonl", JsonLines),
        ("people.ndjson", JsonLines),
        ("people.jsonl.gz", JsonLines),
        ("export.zip/people.jsonl", JsonLines),
        ("leads.xlsx", Excel),
        ("leads.xlsm", Excel),
        ("leads.xlsb", Excel),
        ("leads.xls", Excel),
        ("leads.ods", Excel),
        ("leads.parquet", Parquet),
        (Path("folder") / "leads.csv", Csv),
    ],
)
def test_a_file_is_known_by_its_ending_and_not_opened(location: str | Path, kind: type) -> None:
    source = open_source(location)
    assert type(source) is kind
    assert source.name == Path(location).name


@pytest.mark.parametrize(
    ("member", "kind"), [("leads.csv", Csv), ("leads.txt", Csv), ("people.ndjson", JsonLines)]
)
def test_an_archive_is_known_by_the_file_in_it(tmp_path: Path, member: str, kind: type) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr(member, '{"a": 1}\n')
    assert type(open_source(tmp_path / "export.zip")) is kind


def test_an_archive_of_several_files_says_how_to_name_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("a.csv", "x\n1\n")
        archive.writestr("b.csv", "x\n2\n")
    with pytest.raises(SourceError, match=r"has 2 files in it: a\.csv, b\.csv") as error:
        open_source(tmp_path / "export.zip")
    assert "export.zip/a.csv" in (error.value.hint or "")
    assert next(open_source(tmp_path / "export.zip" / "b.csv").rows()).values == {"x": "2"}


@pytest.mark.parametrize("url", ["sqlite:///old.db", "postgresql://me:${PW}@host/crm", "${OLD_CRM}"])
def test_a_url_is_a_database(url: str) -> None:
    source = open_source(url, **SELECT)
    assert isinstance(source, Sql)
    assert (source.select, source.order_by) == (SELECT["select"], "id")


def test_options_reach_the_source(tmp_path: Path) -> None:
    path = write(tmp_path, "a:b\n1:J\xfcrgen\n", encoding="cp1252")
    rows = open_source(path, delimiter=":", encoding="cp1252").rows()
    assert next(rows).values == {"a": "1", "b": "Jürgen"}
    source = open_source("leads.xlsx", sheet="Leads", header=3)
    assert isinstance(source, Excel)
    assert (source.sheet, source.header) == ("Leads", 3)


@pytest.mark.parametrize(
    ("location", "options", "message"),
    [
        ("leads.csv", {"sheet": "Leads"}, "sheet is for workbooks, and leads.csv is read as Csv"),
        ("leads.csv", {"header": 2}, "header is for workbooks"),
        ("leads.jsonl", {"delimiter": ";"}, "delimiter is for CSV files"),
        ("leads.xlsx", {"encoding": "cp1252"}, "encoding is for CSV files"),
        ("leads.parquet", {"select": "x"}, "select is for databases"),
        ("leads.csv", {"order_by": "x"}, "order-by is for databases"),
        ("x://h", {**SELECT, "sheet": 1}, "sheet is for workbooks, and x://h is read as Sql"),
    ],
)
def test_an_option_of_another_kind_is_refused(location: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError) as error:
        open_source(location, **options)
    assert message in error.value.message


@pytest.mark.parametrize(
    ("location", "message", "hint"),
    [
        ("leads.pdf", "the ending '.pdf' is not known", ".parquet"),
        ("leads.xslx", "the ending '.xslx' is not known", "Is it .xlsx?"),
        ("leads", "it has no ending", ".csv"),
        ("dump.json", "the ending '.json' is not known", "jq -c '.data[]' dump.json > dump.jsonl"),
        ("leads.gz", "it has no ending", ".csv.gz"),
        ("leads.xlsx.gz", "is packed; only text can be read so", "Unpack it"),
    ],
)
def test_an_ending_that_is_not_known_is_refused_with_those_that_are(
    location: str, message: str, hint: str
) -> None:
    with pytest.raises(SourceError) as error:
        open_source(location)
    assert message in error.value.message
    assert hint in (error.value.hint or "")


def test_a_database_needs_a_select_and_no_order() -> None:
    with pytest.raises(SourceError, match="needs a select"):
        open_source("sqlite:///old.db", order_by="id")
    assert open_source("sqlite:///old.db", select="select 1").order_by is None


@pytest.mark.parametrize(
    "url", ["postgresql://me:s3cr3t@host/crm", "postgresql://host/crm?user=me&password=s3cr3t"]
)
def test_a_password_in_a_url_is_refused_since_a_run_keeps_its_options(url: str) -> None:
    with pytest.raises(SourceError, match=" in it, which the run would keep") as error:
        open_source(url, **SELECT)
    assert "s3cr3t" not in str(error.value)
    assert "${DB_PASSWORD}" in (error.value.hint or "")


def test_harmless_parameters_of_a_url_are_taken() -> None:
    assert "utf8mb4" not in repr(open_source("mysql+pymysql://me:${PW}@host/crm?charset=utf8mb4", **SELECT))


def test_a_gzipped_file_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(b"x\n1\n"), "leads.csv.gz")
    assert [row.values for row in open_source(str(path)).rows()] == [{"x": "1"}]


def test_a_zip_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "notzip.zip").write_text("id,name\n")
    with pytest.raises(SourceError, match="is not a zip archive, though it is named like one"):
        open_source(tmp_path / "notzip.zip")


def test_a_file_of_a_database_is_told_its_url(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a database by its ending") as caught:
        open_source("old.db")
    assert caught.value.hint == "sqlite:///old.db"


def test_json_is_told_to_be_lines() -> None:
    with pytest.raises(SourceError) as caught:
        open_source("array.json")
    assert "Is it .jsonl (one object a line)?" in (caught.value.hint or "")
