"""Text files that are packed: read as their content, told by name and line, refused clearly when broken."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rows.files import write
from tests.support import Bench, file_job, leads, read_rows, write_rows
from zmigrate import Insert
from zmigrate.errors import SourceError
from zmigrate.rows.sources import Csv, Cursor, JsonLines, packed

CONTENT = 'id,note\n1,"a\nb"\n\n2,x\n3,é\n'
LINES = [(1, 2), (2, 5), (3, 6)]


def zipped(folder: Path, *members: tuple[str, str | bytes], name: str = "export.zip") -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return path


def gzipped(folder: Path, content: str | bytes, name: str = "leads.csv.gz") -> Path:
    return write(folder, gzip.compress(content if isinstance(content, bytes) else content.encode()), name)


def refusal(source: Csv | JsonLines) -> SourceError:
    with pytest.raises(SourceError) as caught:
        source.scan()
    assert caught.value.hint
    return caught.value


def lines(source: Csv, after: int = 0) -> list[tuple[int, int]]:
    return [(row.number, row.line) for row in source.rows(Cursor(after))]


def test_a_gzipped_csv_is_read_with_the_lines_of_the_file_in_it(tmp_path: Path) -> None:
    source = Csv(gzipped(tmp_path, CONTENT))
    found = source.scan()
    assert (found.rows, found.columns) == (3, ("id", "note"))
    assert (lines(source), lines(source, after=1)) == (LINES, LINES[1:])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_mark_inside_a_packed_file_is_found(tmp_path: Path, encoding: str) -> None:
    source = Csv(gzipped(tmp_path, CONTENT.encode(encoding)))
    assert source.scan().encoding == encoding
    assert lines(source) == LINES


def test_a_zip_with_one_file_is_that_file(tmp_path: Path) -> None:
    path = zipped(tmp_path, ("in/leads.csv", CONTENT), ("__MACOSX/in/._leads.csv", "x"), (".DS_Store", "x"))
    assert lines(Csv(path)) == LINES
    assert Csv(path).scan().rows == 3


def test_one_of_several_files_is_named_behind_the_archive(tmp_path: Path) -> None:
    path = zipped(tmp_path, ("leads.csv", CONTENT), ("in/people.jsonl", '{"a": 1}\n'))
    error = refusal(Csv(path))
    assert "has 2 files in it: leads.csv, in/people.jsonl" in error.message
    assert error.hint == f"Name the one to read: {path}/leads.csv"
    assert lines(Csv(path / "leads.csv")) == LINES
    assert [row.values for row in JsonLines(path / "in" / "people.jsonl").rows()] == [{"a": 1}]
    error = refusal(Csv(path / "lead.csv"))
    assert "has no file 'lead.csv'" in error.message
    assert "leads.csv" in (error.hint or "")


def test_a_folder_may_be_called_like_an_archive(tmp_path: Path) -> None:
    folder = tmp_path / "old.zip"
    folder.mkdir()
    assert lines(Csv(write(folder, CONTENT))) == LINES


def test_packed_json_lines_are_read(tmp_path: Path) -> None:
    source = JsonLines(gzipped(tmp_path, '{"a": 1}\n\n{"a": 2}\n', "people.jsonl.gz"))
    assert source.scan().rows == 2
    assert [(row.line, row.values["a"]) for row in source.rows()] == [(1, 1), (3, 2)]


def test_faults_inside_are_told_with_their_line(tmp_path: Path) -> None:
    path = zipped(tmp_path, ("leads.csv", "id,name\n1,a\n2\n"))
    assert f"{path}:3: expected 2 columns" in refusal(Csv(path)).message
    error = refusal(Csv(gzipped(tmp_path, b"id,name\n1,J\xfcrgen\n")))
    assert "leads.csv.gz:2: byte 11 (0xfc) is not UTF-8" in error.message
    assert "leads.csv.gz:2: byte 10 is a NUL" in refusal(Csv(gzipped(tmp_path, b"id,name\n1,\0\n"))).message


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.999])
def test_a_gzip_that_is_cut_off_is_refused(tmp_path: Path, keep: float) -> None:
    whole = gzip.compress(b"id,square\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(200_000)))
    assert "is cut off" in refusal(Csv(write(tmp_path, whole[: int(len(whole) * keep)], "x.csv.gz"))).message


def test_a_gzip_whose_content_is_damaged_is_refused(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(b"id,name\n" + b"1,a\n" * 100_000))
    whole[-6] ^= 0xFF  # its checksum
    error = refusal(Csv(write(tmp_path, bytes(whole), "leads.csv.gz")))
    assert "can't be unpacked: it is damaged or cut off" in error.message


def test_a_broken_zip_is_refused(tmp_path: Path) -> None:
    whole = zipped(tmp_path, ("leads.csv", CONTENT)).read_bytes()
    assert "can't be unpacked" in refusal(Csv(write(tmp_path, whole[:-30], "cut.zip"))).message
    place = whole.index(b"leads.csv") + len("leads.csv") + 5
    damaged = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
    assert "can't be unpacked" in refusal(Csv(write(tmp_path, damaged, "bad.zip"))).message
    assert "has no file in it" in refusal(Csv(zipped(tmp_path, name="empty.zip"))).message


def test_an_encrypted_zip_is_told(tmp_path: Path) -> None:
    whole = bytearray(zipped(tmp_path, ("leads.csv", CONTENT)).read_bytes())
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # where the flags are; bit 0: encrypted
        whole[whole.index(header) + flags] |= 1
    error = refusal(Csv(write(tmp_path, bytes(whole), "secret.zip")))
    assert "is encrypted" in error.message


@pytest.mark.parametrize("kind", ["gzip", "zip"])
def test_a_bomb_is_refused_before_it_has_gone_off(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "UNPACKED_BYTES", 1 << 20)
    content = b"id\n" + b"\n" * (4 << 20)
    path = gzipped(tmp_path, content) if kind == "gzip" else zipped(tmp_path, ("leads.csv", content))
    assert "unpacks to more than 500 times its size" in refusal(Csv(path)).message


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = gzipped(tmp_path, b'{"a": 1}\n' + b" " * (65 << 20), "people.jsonl.gz")
    assert "people.jsonl.gz:2: the line has more than" in refusal(JsonLines(path)).message


def test_a_packed_file_that_changed_is_told(tmp_path: Path) -> None:
    path = gzipped(tmp_path, CONTENT)
    source = Csv(path)
    then = source.scan()
    Csv(path).check(then)
    gzipped(tmp_path, CONTENT + "4,y\n")
    with pytest.raises(SourceError, match="3 rows then, 4 now"):
        Csv(path).check(then)
    with pytest.raises(SourceError, match="changed or replaced"):
        list(source.rows())


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30), min_size=1))
def test_packed_or_not_it_is_the_same(tmp_path_factory: pytest.TempPathFactory, cells: list[str]) -> None:
    folder = tmp_path_factory.mktemp("packed")
    quoted = [cell.replace('"', '""') for cell in cells]
    content = "".join(f'"{cell}"\n' for cell in ["header", *quoted])
    plain = Csv(write(folder, content))
    for source in (Csv(gzipped(folder, content)), Csv(zipped(folder, ("a.csv", content)))):
        assert list(source.rows()) == list(plain.rows())
        assert source.scan().rows == plain.scan().rows


def test_a_run_takes_a_packed_file(bench: Bench, tmp_path: Path) -> None:
    plain = write_rows(tmp_path / "leads.csv", leads(250))
    result = bench.run(file_job(Insert("Leads", key="Legacy_ID"), gzipped(tmp_path, plain.read_bytes())))
    assert (result.state, result.rows.created) == ("finished", 250)
    assert len(read_rows(result.files["success"])) == 250
