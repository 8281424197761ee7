"""A small file takes little memory, whatever it unpacks to: what is too large is refused by its place.

Each file is read in a process that has little memory.
"""

from __future__ import annotations

import gzip
import json
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import duckdb
import openpyxl
import pytest

from tests.rows.workbooks import ods, xls, xlsb
from tests.support import thorough
from zmigrate.errors import JobError
from zmigrate.rows.conversion.numbers import integer
from zmigrate.rows.conversion.refusal import Refused
from zmigrate.rows.mapping.cells import as_text
from zmigrate.rows.mapping.toml_lines import parse_toml, read_toml
from zmigrate.rows.sources import open_source, workbook_extent
from zmigrate.rows.sources.packed import CHUNK
from zmigrate.rows.sources.workbook_parts import column_letters

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
    thorough(
        [
            ("a.csv.gz", times(b"x", MB, HEADER), ":3: the row that begins here has more than 8 MB"),
            ("a.csv.gz", times(b'"\n",', MB, HEADER), ":3: the row that begins here has more than 8 MB"),
            ("a.csv.gz", times(b"x,", MB, HEADER), ":3: the row that begins here has more than 8 MB"),
            ("a.csv.gz", times(b"\n", 1, b'id\n"'), ":2: a quote is opened in the row"),
            ("a.csv.gz", times(b"\n", MB, b'id\n"'), ":2: the row that begins here has more than 8 MB"),
            ("a.csv.gz", times(b"column,", MB), ":1: the header has more than 65,536 characters"),
            ("a.csv.gz", times(b"x", MB), ":1: the header has more than 65,536 characters"),
            ("a.jsonl.gz", times(b" ", MB, b'{"a": 1}\n'), ":2: the line has more than 8 MB"),
            ("a.jsonl.gz", times(b"[", 2, b'{"a": '), ":1: not valid JSON"),
            ("a.jsonl.gz", times(b"1", 2, b'{"a": '), ":1: not valid JSON"),
        ],
        2,
        several=True,
    ),
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
    assert "is packed in an unknown way" in refusal(path)


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


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["XFD1048576"], "cell XFD1048576 of sheet 'Leads' is far from the others"),
        (["XFD8000"], "cell XFD8000 of sheet 'Leads' is far from the others"),
        (["XFD7", "B1048576"], "cells XFD7 and B1048576 of sheet 'Leads' are far from the others"),
    ],
)
def test_a_stray_cell_is_told_by_its_place(tmp_path: Path, cells: list[str], said: str) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Leads"
    for row in (["id", "name"], [1, "Doe"]):
        sheet.append(row)
    for cell in cells:
        sheet[cell] = "x"
    book.save(tmp_path / "leads.xlsx")
    assert said in refusal(tmp_path / "leads.xlsx")


def test_cells_that_have_but_a_format_are_no_stray_cells(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["id", "name"], [1, "Doe"]):
        sheet.append(row)
    for cell in ("XFD8000", "C1048576"):
        sheet[cell].number_format = "0.00"
    book.save(tmp_path / "leads.xlsx")
    assert scanned(tmp_path / "leads.xlsx", 2 << 30) == {"rows": 1}


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    "<sheetData>%s</sheetData></worksheet>"
)
HEAD = (
    '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c></row><row r="2"><c r="A2"><v>1</v></c></row>'
)


def xlsx_of(path: Path, cells: str) -> Path:
    """A workbook whose one sheet has these cells behind a header and a row."""
    openpyxl.Workbook().save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            text = (SHEET % (HEAD + cells)).encode() if name.endswith("sheet1.xml") else content
            archive.writestr(name, text)
    return path


@pytest.mark.parametrize(
    "cell",
    thorough(
        [
            '<row r="8000"><c r="XFD8000"><v>1</v></c></row>',
            "<row r='8000'><c r='XFD8000'><v>1</v></c></row>",
            '<row r="8000"><c r="xfd8000"><v>1</v></c></row>',
            '<row r="8000"><c s="0" r="XFD8000"><v>1</v></c></row>',
            '<row r="8000"><c r="&#88;FD8000"><v>1</v></c></row>',
            '<row r="8000"><c  r = "XFD8000" ><v>1</v></c></row>',
            '<row r="8000"><c r="XFD8000" t="inlineStr"><!-- --><is><t>x</t></is></c></row>',
            '<x:row xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" r="8000">'
            '<x:c r="XFD8000"><x:v>1</x:v></x:c></x:row>',
            '<row r="3"><c r="A8000"><v>1</v></c><c r="XFD3"><v>1</v></c></row>',
            '<row r="8000"><c/>' + '<c r="B8000"/>' * 2 + "<c/>" * 16_000 + "<c><v>1</v></c></row>",
        ],
        3,
    ),
)
def test_a_stray_cell_is_found_however_it_is_written(tmp_path: Path, cell: str) -> None:
    assert "far from the others" in refusal(xlsx_of(tmp_path / "a.xlsx", cell))


def test_a_name_over_the_edge_of_a_piece_is_seen(tmp_path: Path) -> None:
    cell = '<row r="8000"><x:c r="XFD8000" xmlns:x="x"><x:v>1</x:v></x:c></row>'
    before = len((SHEET % HEAD).partition("</sheetData>")[0])
    for shift in range(4):
        blanks = " " * (CHUNK - before - len('<row r="8000"><x') + shift)
        assert "far from the others" in refusal(xlsx_of(tmp_path / "a.xlsx", blanks + cell))


def test_a_picture_may_be_as_large_as_it_is(tmp_path: Path) -> None:
    path = xlsx_of(tmp_path / "a.xlsx", '<row r="3"><c r="A3"><v>1</v></c></row>')
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image1.bmp", bytes(70 << 20))
    assert open_source(path).scan().rows


def test_a_sheet_that_is_called_as_a_picture_is_none(tmp_path: Path) -> None:
    path = xlsx_of(tmp_path / "a.xlsx", "")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            if name.endswith("sheet1.xml"):
                archive.writestr("xl/media/image1.bmp", bytes(70 << 20))
            else:
                archive.writestr(name, content.replace(b"worksheets/sheet1.xml", b"media/image1.bmp"))
    assert "unpacks to 70 MB" in refusal(path)


@pytest.mark.parametrize("change", [str.upper, lambda name: name.replace("/", "\\")])
def test_parts_are_found_however_their_names_are_written(
    tmp_path: Path, change: Callable[[str], str]
) -> None:
    path = xlsx_of(tmp_path / "a.xlsx", '<row r="3"><c r="A3"><v>1</v></c></row>')
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            info = zipfile.ZipInfo("x")
            info.filename = change(name) if name.startswith("xl/") else name
            archive.writestr(info, content)
    assert open_source(path).scan().rows


def test_a_sheet_may_be_sparse() -> None:
    """100 columns and 100,000 rows, of which three cells a row have something in them."""
    letters = [column_letters(number) for number in range(100)]
    head = '<row r="1">' + "".join(f'<c r="{each}1"><v>{each}</v></c>' for each in letters) + "</row>"
    rows = "".join(
        f'<row r="{row}"><c r="A{row}"><v>1</v></c><c r="B{row}"><v>1</v></c>'
        f'<c r="CV{row}"><v>1</v></c></row>'
        for row in range(2, 100_002)
    )
    extent = workbook_extent._of_xlsx(BytesIO((SHEET % (head + rows)).encode()))
    assert extent is not None
    assert (extent.cells, extent.filled, extent.too_large) == (10_000_100, 300_100, False)


def test_texts_that_unpack_to_gigabytes_are_refused(tmp_path: Path) -> None:
    path = xlsx_of(tmp_path / "a.xlsx", "")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b"<si><t>x</t></si>" * (5 << 20))
    assert "sharedStrings.xml in it unpacks to 85 MB, more than 200 times its size" in refusal(path)


@pytest.mark.parametrize("repeated", ["columns", "rows"])
def test_a_repeated_cell_of_ods_is_told_by_its_place(tmp_path: Path, repeated: str) -> None:
    path = ods(tmp_path, [["id", "name"], ["1", "Doe"]])
    with zipfile.ZipFile(path) as archive:
        content = archive.read("content.xml").decode()
    many = (
        '<table:table-row table:number-rows-repeated="9000"><table:table-cell'
        ' table:number-columns-repeated="16000" office:value-type="string"><text:p>x</text:p>'
        "</table:table-cell></table:table-row>"
        if repeated == "columns"
        else '<table:table-row table:number-rows-repeated="1048000"/><table:table-row><table:table-cell'
        ' table:number-columns-repeated="1000"/><table:table-cell office:value-type="string"><text:p>x'
        "</text:p></table:table-cell></table:table-row>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content.replace("</table:table>", many + "</table:table>"))
    place = "WQJ9002" if repeated == "columns" else "ALM1048003"
    assert f"cell {place} of sheet 'Leads' is far from the others" in refusal(path)


def test_empty_repeats_of_ods_are_no_cells(tmp_path: Path) -> None:
    """LibreOffice ends every sheet with them."""
    path = ods(tmp_path, [["id", "name"], ["1", "Doe"]])
    with zipfile.ZipFile(path) as archive:
        content = archive.read("content.xml").decode()
    rest = (
        '<table:table-row table:number-rows-repeated="1048574">'
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content.replace("</table:table>", rest + "</table:table>"))
    assert scanned(path, 2 << 30) == {"rows": 1}


@pytest.mark.parametrize("kind", ["xls", "xlsb"])
def test_a_stray_cell_of_the_other_kinds_is_told(tmp_path: Path, kind: str) -> None:
    if kind == "xls":
        path = xls(tmp_path, [["id", "name"], [1.0, "Doe"]])
        content = bytearray(path.read_bytes())
        place = content.index(struct.pack("<HHH", 1, 1, 15))
        content[place : place + 4] = struct.pack("<HH", 60_000, 250)
        path.write_bytes(content)
        said = "cell IQ60001 of sheet 'Leads'"
    else:
        path = xlsb(tmp_path, [["id", "name"], [1.0, "Doe"]])
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        sheet = parts["xl/worksheets/sheet1.bin"].replace(
            struct.pack("<IIHHBI", 1, 0, 300, 0, 0, 0), struct.pack("<IIHHBI", 9_000_000, 0, 300, 0, 0, 0)
        )
        with zipfile.ZipFile(path, "w") as archive:
            for name, part in parts.items():
                archive.writestr(name, sheet if name.endswith("sheet1.bin") else part)
        said = "cell A9000001 of sheet 'Leads'"
    assert said in refusal(path)


def test_a_workbook_of_very_many_parts_is_refused(tmp_path: Path) -> None:
    path = xlsx_of(tmp_path / "a.xlsx", "")
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(100):
            archive.writestr(f"{number:050000}.xml", b"")
    assert "its list of files has more than 4 MB" in refusal(path)


def test_a_workbook_that_unpacks_in_no_steps_is_refused(tmp_path: Path) -> None:
    path = xlsx_of(tmp_path / "a.xlsx", "")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("xl/more.xml", b"<a>" * 1_000)
    assert "xl/more.xml in it is packed by method 12" in refusal(path)


@pytest.mark.parametrize("text", ["0" * 5_000 + "12", "-" + "0" * 5_000 + "12"])
def test_a_number_of_very_many_zeros_is_read(text: str) -> None:
    assert abs(integer(text)) == 12


@pytest.mark.parametrize("number", ["1e99999999", "-1e99999999", "NaN", "sNaN", "Infinity"])
def test_a_number_with_a_large_exponent_or_none_at_all_is_refused(number: str) -> None:
    with pytest.raises(Refused, match="more than 9 digits, or no number at all"):
        integer(Decimal(number))


def test_a_number_with_a_large_exponent_is_no_text_of_gigabytes() -> None:
    assert as_text(Decimal("1e999999999")) == "1E+999999999"


@pytest.mark.parametrize(
    "text",
    [
        "a." * 1_000_000 + "b = 1",
        "a = " + "[" * 100_000,
        "a = " + "9" * 5_000,
        "a = {b" + ".b" * 200_000 + " = 1}",
    ],
)
def test_a_mapping_that_is_made_to_be_slow_is_refused_at_once(text: str) -> None:
    with pytest.raises(JobError, match=r"mapping\.toml") as caught:
        parse_toml(text, "mapping.toml")
    assert caught.value.hint


def test_a_mapping_of_more_than_it_may_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_bytes(b"#" * ((16 << 20) + 1))
    with pytest.raises(JobError, match="more than 16 MB"):
        read_toml(tmp_path / "mapping.toml")
