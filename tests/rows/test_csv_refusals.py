"""Files that can't be read as they stand: what is wrong, where, and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.rows.files import write
from zmigrate.errors import SourceError
from zmigrate.rows.sources import Csv, JsonLines


def refusal(path: Path, **options: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        Csv(path, **options).scan()
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "leads.csv is empty"),
        (" \n\n", "leads.csv is empty"),
        ("\ufeff", "leads.csv is empty"),
        ("id,name\n", "has only a header"),
        ("id,name\n\n\n", "has only a header"),
        ("sep=;\nid;name\n1;a\n", "leads.csv:1: 'sep=;' is a line for Excel"),
        ('"sep=,"\r\nid,name\r\n1,a\r\n', "is a line for Excel"),
        ("id,,name\n1,2,3\n", "leads.csv:1: column 2 of 3 has no name"),
        ("id,name,id\n1,2,3\n", "leads.csv:1: 2 columns are called 'id': 1 and 3"),
        ("id,Name, Name\n1,2,3\n", "2 columns are called 'Name'"),
        ("id,name\n1,a\n2,b,c\n3,d\n", "leads.csv:3: expected 2 columns as in the header, got 3"),
        ('id,name\n1,"a\nb"\n2\n', "leads.csv:4: expected 2 columns as in the header, got 1"),
        (
            'id,name\n1,a\n2,"b\n3,c\n',
            "leads.csv:3: a quote is opened in the row that begins here and never closed",
        ),
        ('id,name\n1,"a"b\n', "leads.csv:2: a quoted cell in the row that begins here goes on"),
        ('id,name\n1,"say \\"x\\""\n', "leads.csv:2: a quoted cell"),
        ('id,"na"me\n1,a\n', "leads.csv:1: a quoted cell"),
        (
            "a,b;c,d\n1,2;3,4\n",
            "leads.csv:1: the columns could be separated by comma and semicolon",
        ),
    ],
)
def test_a_broken_file_is_refused_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    assert message in refusal(write(tmp_path, content)).message


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"PK\x03\x04", "is an Excel workbook, not text"),
        (b"\xd0\xcf\x11\xe0", "is an Excel workbook, not text"),
    ],
)
def test_a_workbook_is_known_by_its_first_bytes(tmp_path: Path, head: bytes, message: str) -> None:
    error = refusal(write(tmp_path, head + bytes(range(256))))
    assert message in error.message
    assert "save it as CSV" in (error.hint or "")


def test_a_quote_that_is_never_closed_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = write(tmp_path, 'id,name\n1,"a\n' + "2,some text that goes on and on and on\n" * 200_000)
    assert (
        "leads.csv:2: a quote is opened in the row that begins here and never closed" in refusal(path).message
    )


def test_a_bad_byte_is_told_with_line_and_offset(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, b"id,name\r\n1,a\r\n2,J\xfcrgen\r\n"))
    assert "leads.csv:3: byte 17 (0xfc) is not UTF-8 text" in error.message
    assert "--encoding cp1252" in (error.hint or "")


def test_a_bad_byte_far_into_the_file_is_found(tmp_path: Path) -> None:
    good = "1,Zoë\n".encode() * 400_000
    error = refusal(write(tmp_path, b"id,name\n" + good + b"2,\xff\n"))
    assert f"leads.csv:400002: byte {8 + len(good) + 2:,} (0xff)" in error.message


def test_a_letter_that_is_cut_off_at_the_end_is_told(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, "id,name\n1,Zoë".encode()[:-1]))
    assert "leads.csv:2:" in error.message
    assert "cut off" in (error.hint or "")


def test_a_declared_encoding_that_does_not_fit_is_told(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, "id,name\n1,Zoë\n"), encoding="ascii")
    assert "leads.csv:2: byte 12 (0xc3) is not ASCII text" in error.message


@pytest.mark.parametrize("encoding", ["utf-9", "undefined", "idna", "unicode_escape", "rot13", "a\0b"])
def test_an_encoding_that_there_is_not_is_told(tmp_path: Path, encoding: str) -> None:
    assert (
        f"no encoding called {encoding!r}" in refusal(write(tmp_path, "id\n1\n"), encoding=encoding).message
    )


@pytest.mark.parametrize("rows", [1, 100_000])
def test_a_nul_byte_is_told_with_line_and_offset(tmp_path: Path, rows: int) -> None:
    good = b"id,name\r\n" + b"1,a\r\n" * rows
    error = refusal(write(tmp_path, good + b"2,b\0c\r\n"))
    assert f"leads.csv:{rows + 2}: byte {len(good) + 3:,} is a NUL byte" in error.message


def test_utf_16_without_a_mark_is_told_as_what_it_probably_is(tmp_path: Path) -> None:
    assert "utf-16-le" in (refusal(write(tmp_path, "id,name\n1,a\n", encoding="utf-16-le")).hint or "")


def test_a_nul_character_in_utf_16_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"leads\.csv:3: there is a NUL character"):
        Csv(write(tmp_path, "id,name\n1,a\n2,\0\n", encoding="utf-16")).scan()


def test_a_missing_file_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    write(tmp_path, "id\n1\n")
    assert f"Did you mean {tmp_path / 'leads.csv'}?" in (refusal(tmp_path / "lead.csv").hint or "")
    assert "no folder" in (refusal(tmp_path / "gone" / "lead.csv").hint or "")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a folder"):
        Csv(tmp_path).scan()


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n"])
def test_a_delimiter_is_one_character(delimiter: str) -> None:
    with pytest.raises(SourceError, match="a delimiter is one character"):
        Csv("x.csv", delimiter=delimiter)


@pytest.mark.parametrize(
    ("now", "what"),
    [
        ("id,name\n1,a\n2,b\n3,c\n", "2 rows then, 3 now"),
        ("id,name\n1,a\n2,bb\n", "as many rows, but 16 bytes then, 17 now"),
        ("id,name\n1,a\n2,c\n", "as long as before, but other content"),
        ("id,mail\n1,a\n2,b\n", "columns gone: name; columns new: mail"),
        ("name,id\n1,a\n2,b\n", "its columns are in another order"),
        ('id,name\n1,"a\n', "can't be read now"),
        ("", "can't be read now"),
    ],
)
def test_a_file_that_changed_is_refused_with_what_changed(tmp_path: Path, now: str, what: str) -> None:
    path = write(tmp_path, "id,name\n1,a\n2,b\n")
    then = Csv(path).scan()
    Csv(path).check(then)
    write(tmp_path, now)
    with pytest.raises(SourceError, match="has changed since the run began") as error:
        Csv(path).check(then)
    assert what in error.value.message
    assert error.value.code == "SOURCE_CHANGED"


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "id\n1\n")
    then = Csv(path).scan()
    path.unlink()
    with pytest.raises(SourceError, match="no such file"):
        Csv(path).check(then)


def test_rows_that_break_without_a_scan_are_told_too(tmp_path: Path) -> None:
    path = write(tmp_path, "id,name\n1,a\n2,b\n")
    source = Csv(path)
    assert source.columns == ("id", "name")
    for content, message in [
        ("id,name\n1,a\n2\n", r"leads\.csv:3: expected 2 columns"),
        ('id,name\n1,a\n2,"b\n', r"leads\.csv:3: a quote is opened"),
        (b"id,name\n1,a\n2,\xff\n", r"leads\.csv:3: byte"),
    ]:
        write(tmp_path, content)
        with pytest.raises(SourceError, match=message):
            list(source.rows())


@pytest.mark.parametrize("kind", [Csv, JsonLines])
def test_a_file_that_is_changed_while_it_is_read_is_told(
    kind: type[Csv] | type[JsonLines], tmp_path: Path
) -> None:
    """As long as before, so that neither its size nor its number of rows tells."""
    shape = "L{:04}" if kind is Csv else '{{"id": 1{:04}}}'
    lines = [shape.format(number) for number in range(1_000)]
    path = tmp_path / "leads.txt"
    path.write_text("\n".join(lines))
    source = kind(path)
    source.scan()
    rows = source.rows()
    next(rows)
    path.write_text("\n".join(reversed(lines)))
    with pytest.raises(SourceError, match="changed or replaced"):
        list(rows)


def test_a_file_that_is_only_touched_is_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, "id,name\n1,a\n2,b\n")
    source = Csv(path)
    source.scan()
    os.utime(path, (1, 1))
    assert len(list(source.rows())) == 2


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_text_of_wide_letters_without_a_mark_is_told_with_its_byte_order(
    tmp_path: Path, encoding: str
) -> None:
    path = write(tmp_path, "id,name\n1,Žofie\n", encoding=encoding)
    assert f"--encoding {encoding}." in (refusal(path).hint or "")
    assert Csv(path, encoding=encoding).scan().rows == 1


@pytest.mark.parametrize(("encoding", "declared"), [("utf-16", "utf-16-le"), ("utf-8-sig", "utf-8")])
def test_a_declared_encoding_may_say_less_or_more_than_the_mark(
    tmp_path: Path, encoding: str, declared: str
) -> None:
    source = Csv(write(tmp_path, "id,name\n1,Žofie\n", encoding=encoding), encoding=declared)
    assert source.columns == ("id", "name")


def test_a_declared_encoding_that_the_mark_contradicts_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "id,name\n1,Žofie\n", encoding="utf-8-sig")
    assert "has the mark of UTF-8, but cp1252 is declared" in refusal(path, encoding="cp1252").message


def test_a_bad_byte_names_the_encodings_that_it_may_be(tmp_path: Path) -> None:
    hint = refusal(write(tmp_path, b"id,name\n1,J\xfcrgen\n")).hint or ""
    assert all(name in hint for name in ("cp1252", "cp1250", "cp1251", "mac-roman"))


def test_an_open_quote_is_told_by_the_line_of_its_row_also_without_a_scan(tmp_path: Path) -> None:
    path = write(tmp_path, 'id,name\n1,"a\n2,b\n3,c\n')
    with pytest.raises(SourceError, match=r"leads\.csv:2: a quote is opened in the row that begins here"):
        list(Csv(path).rows())


@pytest.mark.parametrize(
    ("head", "what", "how"),
    [
        (b"PK\x03\x04", "Excel workbook", "import-file"),
        (b"SQLite format 3\0", "SQLite database", "sqlite:///"),
        (b"PAR1", "Parquet file", "import-file"),
        (b'{"id": 1}\n', "JSON, not CSV", "import-file"),
        (b'[\n  {"id": 1}\n]', "JSON, not CSV", "one object a line"),
    ],
)
def test_a_file_of_another_kind_is_sent_to_what_reads_it(
    head: bytes, what: str, how: str, tmp_path: Path
) -> None:
    error = refusal(write(tmp_path, head + b"\0" * (b"{" not in head)))
    assert what in error.message
    assert how.casefold() in (error.hint or "").casefold()


@pytest.mark.parametrize(
    ("content", "declared", "parts"),
    [
        ("id;name\n1;a\n2;b,c\n", ",", "semicolons"),
        ("id;name\n1;a\n", "tab", "semicolons"),
        ("a,b\n1,2\n", "|", "commas"),
    ],
)
def test_a_delimiter_that_parts_nothing_is_told_with_the_one_that_does(
    content: str, declared: str, parts: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=f":1: the columns are separated by {parts}, not by") as caught:
        Csv(write(tmp_path, content), delimiter=declared).scan()
    assert caught.value.hint == "Leave the delimiter out: it is found automatically."


def test_one_column_may_be_declared(tmp_path: Path) -> None:
    assert Csv(write(tmp_path, "name\na;b\nc\n"), delimiter=",").scan().rows == 2


@pytest.mark.parametrize(("content", "text"), [("id,name\n1,a\n", True), ("i\0d\0,\0", False)])
def test_utf_16_without_a_mark_wants_its_order(content: str, text: bool, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"leads\.csv has no byte order mark") as caught:
        Csv(write(tmp_path, content), encoding="utf-16").scan()
    assert "--encoding utf-16-le or utf-16-be" in (caught.value.hint or "")
    assert ("does not look like UTF-16" in (caught.value.hint or "")) is text


def test_somebody_elses_columns_of_our_names_can_be_told(tmp_path: Path) -> None:
    ours = Csv(write(tmp_path, "line,key,field,code,message,Last_Name\n1,k,f,c,m,Li\n"))
    assert ours.ours == ("line", "key", "field", "code", "message")
    assert Csv(write(tmp_path, "line,key,Last_Name\n1,k,Li\n")).ours == ()
