"""A small file takes little memory, whatever it unpacks to: what is too large is refused by its place.

Each file is read in a process that has little memory.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is Linux's")

MEMORY = 600 << 20
SCAN = """
import json, resource, sys
from zmigrate.errors import ZmigrateError
from zmigrate.rows.sources import open_source
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
try:
    source = open_source(sys.argv[1])
    rows = source.scan().rows
    assert rows == sum(1 for _ in source.rows())
    print(json.dumps({"rows": rows}))
except ZmigrateError as error:
    print(json.dumps({"message": error.message, "hint": error.hint, "exit_code": error.exit_code}))
"""


def scanned(path: Path, memory: int = MEMORY) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", SCAN, str(path), str(memory)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    assert not done.stderr
    said: dict[str, str] = json.loads(done.stdout)
    return said


def refusal(path: Path, memory: int = MEMORY) -> str:
    said = scanned(path, memory)
    assert said.get("exit_code") == 2, said
    assert said["hint"]
    return said["message"]


def gzipped(path: Path, pieces: Iterator[bytes]) -> Path:
    with gzip.open(path, "wb", compresslevel=1) as file:
        for piece in pieces:
            file.write(piece)
    return path


def times(piece: bytes, megabytes: int, before: bytes = b"") -> Iterator[bytes]:
    """So many megabytes of a piece again and again."""
    yield before
    whole = piece * ((1 << 20) // len(piece))
    for _ in range(megabytes):
        yield whole


MB = 12
HEADER = b"id,note\n1,a\n"


@pytest.mark.parametrize(
    ("name", "pieces", "said"),
    [
        ("a.csv.gz", times(b"x", MB, HEADER), ":3: the row that begins here has more than 8 MB"),
        ("a.csv.gz", times(b'"\n",', MB, HEADER), ":3: the row that begins here has more than 8 MB"),
        ("a.csv.gz", times(b"x,", MB, HEADER), ":3: the row that begins here has more than 8 MB"),
        ("a.csv.gz", times(b"\n", 1, b'id\n"'), ":2: a quote is opened in the row"),
        ("a.csv.gz", times(b"\n", MB, b'id\n"'), ":2: the row that begins here has a cell of more than"),
        ("a.csv.gz", times(b"column,", MB), ":1: the header has more than 65,536 characters"),
        ("a.csv.gz", times(b"x", MB), ":1: the header has more than 65,536 characters"),
        ("a.jsonl.gz", times(b" ", MB, b'{"a": 1}\n'), ":2: the line has more than 8 MB"),
        ("a.jsonl.gz", times(b"[", 2, b'{"a": '), ":1: not valid JSON"),
        ("a.jsonl.gz", times(b"1", 2, b'{"a": '), ":1: not valid JSON"),
    ],
)
def test_a_text_file_that_unpacks_to_more_than_a_row_may_be(
    tmp_path: Path, name: str, pieces: Iterator[bytes], said: str
) -> None:
    path = gzipped(tmp_path / name, pieces)
    assert f"{path}{said}" in refusal(path)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32-be", "cp500", "utf-8"])
def test_a_row_without_an_end_is_told_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    from zmigrate.errors import SourceError
    from zmigrate.rows.sources import Csv

    letter = {"utf-16-le": "\u0a0a", "utf-32-be": "\u0a0a"}.get(encoding, "x")  # with the byte of a line end
    plain = tmp_path / "a.csv"
    plain.write_bytes("id,note\n1,a\n".encode(encoding) + letter.encode(encoding) * (5 << 20) * 2)
    with pytest.raises(SourceError, match=r"a\.csv:3: the row that begins here has more than 8 MB"):
        Csv(plain, encoding=encoding, delimiter=",").scan()


@pytest.mark.slow
def test_rows_of_megabytes_are_read_few_at_a_time(tmp_path: Path) -> None:
    def rows() -> Iterator[bytes]:
        yield b"id,note\n"
        cell = b"x" * (3 << 20)
        for number in range(100):
            yield b"%d,%s\n" % (number, cell)

    assert scanned(gzipped(tmp_path / "a.csv.gz", rows()), 250 << 20) == {"rows": 100}


def test_an_archive_of_very_many_files_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(100):
            archive.writestr(f"{number:050000}.csv", b"")
    assert "its list of files has more than 4 MB" in refusal(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_that_unpacks_in_no_steps_is_refused(tmp_path: Path, method: int) -> None:
    path = tmp_path / "leads.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("leads.csv", b"id\n" + b"\n" * (10 << 20))
    assert "is packed in a way that is not known here" in refusal(path)


def parquet(path: Path, select: str, options: str = "row_group_size 2048, compression zstd") -> Path:
    with duckdb.connect() as database:
        database.execute(f"copy ({select}) to '{path}' ({options})")
    return path


def test_a_parquet_row_of_more_than_it_may_be_is_told_with_its_column(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "a.parquet",
        "select i as id, repeat('x', case when i = 7 then 9000000 else 3 end) as note from range(1, 10) t(i)",
    )
    assert "row 7 has more than 8 MB, most of them in column 'note'" in refusal(path, 1536 << 20)


def test_parquet_rows_of_megabytes_are_fetched_few_at_a_time(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", "select i as id, repeat('x', 4000000) as note from range(60) t(i)")
    assert path.stat().st_size < 100_000
    assert scanned(path, 1536 << 20) == {"rows": 60}
    assert os.listdir(tmp_path) == ["a.parquet"]


@pytest.mark.slow
def test_a_parquet_page_that_does_not_fit_into_memory_is_refused(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "a.parquet", "select i as id, repeat('x', 4000000) as note from range(280) t(i)"
    )
    assert path.stat().st_size < 100_000
    assert "one part of the file needs more than 1GB" in refusal(path, 1536 << 20)


@pytest.mark.slow
def test_nested_parquet_values_of_megabytes_are_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", "select i as id, range(1100000) as ids from range(2) t(i)")
    assert "row 1 has more than 8 MB, most of them in column 'ids'" in refusal(path, 1536 << 20)
