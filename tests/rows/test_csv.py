"""What Csv reads: rows with their lines, in any of the usual ways to write them."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rows.files import write
from zmigrate.errors import SourceError
from zmigrate.rows.sources import Csv, Cursor, Fingerprint
from zmigrate.rows.spreadsheet import ERROR_COLUMNS, SUCCESS_COLUMNS, escape, result_header


def lines_and_values(source: Csv, after: int = 0) -> list[tuple[int, int, list[str]]]:
    return [(row.number, row.line, list(row.values.values())) for row in source.rows(Cursor(after))]


def test_a_row_is_a_mapping_from_column_to_text(tmp_path: Path) -> None:
    source = Csv(write(tmp_path, "id,name\n1,Zoë\n2,\n"))
    assert source.columns == ("id", "name")
    assert [dict(row.values) for row in source.rows()] == [
        {"id": "1", "name": "Zoë"},
        {"id": "2", "name": ""},
    ]


def test_the_line_is_that_on_which_the_row_begins(tmp_path: Path) -> None:
    path = write(tmp_path, 'id,note\n1,"a\nb\r\nc"\n\n2,x\n3,"y\n"\n4,z')
    assert [(number, line) for number, line, _ in lines_and_values(Csv(path))] == [
        (1, 2),
        (2, 6),
        (3, 7),
        (4, 9),
    ]
    assert Csv(path).scan().rows == 4


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read(tmp_path: Path, end: str) -> None:
    path = write(tmp_path, end.join(["id,name", "1,a", '2,"b"', ""]))
    assert lines_and_values(Csv(path)) == [(1, 2, ["1", "a"]), (2, 3, ["2", "b"])]
    assert Csv(path).scan().rows == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    path = write(tmp_path, delimiter.join(["id", "name"]) + "\n" + delimiter.join(["1", "a.b:c"]) + "\n")
    assert Csv(path).scan().delimiter == delimiter


def test_decimal_commas_do_not_confuse_the_search_for_the_delimiter(tmp_path: Path) -> None:
    assert Csv(write(tmp_path, "id;price\n1;2,50\n2;3,75\n")).scan().delimiter == ";"


def test_of_two_delimiters_in_the_header_the_one_that_fits_the_rows_is_taken(tmp_path: Path) -> None:
    assert Csv(write(tmp_path, "id,first|last,age\n1,jo,3\n")).scan().delimiter == ","


def test_a_single_column_is_a_table_too(tmp_path: Path) -> None:
    assert lines_and_values(Csv(write(tmp_path, "id\n1\n2\n"))) == [(1, 2, ["1"]), (2, 3, ["2"])]


def test_a_declared_delimiter_is_taken(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b:c\n1,2:3\n")
    assert Csv(path, delimiter=":").columns == ("a,b", "c")
    assert Csv(write(tmp_path, "a\tb\n1\t2\n"), delimiter="tab").columns == ("a", "b")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_is_found(tmp_path: Path, encoding: str) -> None:
    source = Csv(write(tmp_path, "id,name\n1,Žofie\n", encoding=encoding))
    assert source.columns == ("id", "name")
    assert lines_and_values(source) == [(1, 2, ["1", "Žofie"])]
    assert source.scan().rows == 1


def test_a_declared_encoding_is_taken(tmp_path: Path) -> None:
    source = Csv(write(tmp_path, "id,name\n1,Jürgen €\n", encoding="cp1252"), encoding="cp1252")
    assert source.scan().encoding == "cp1252"
    assert lines_and_values(source) == [(1, 2, ["1", "Jürgen €"])]


def test_spaces_around_a_column_name_are_not_part_of_it(tmp_path: Path) -> None:
    assert Csv(write(tmp_path, " id , name\n1,a\n")).columns == ("id", "name")


def test_a_cell_of_a_megabyte_is_read(tmp_path: Path) -> None:
    cell = "x" * 1_000_000
    path = write(tmp_path, f"id,note\n1,{cell}\n")
    assert Csv(path).scan().rows == 1
    assert lines_and_values(Csv(path))[0][2][1] == cell


def test_a_header_longer_than_the_first_sample_and_rows_cut_by_it_are_read(tmp_path: Path) -> None:
    rows = "".join(f'{n},"{"y" * 5000}, and\nmore"\n' for n in range(40))
    path = write(tmp_path, "id,note\n" + rows)
    assert Csv(path).scan().rows == 40


def test_reading_goes_on_behind_a_cursor(tmp_path: Path) -> None:
    path = write(tmp_path, 'id,note\n1,"a\nb"\n\n2,x\n3,y\n')
    assert lines_and_values(Csv(path), after=1) == [(2, 5, ["2", "x"]), (3, 6, ["3", "y"])]
    assert lines_and_values(Csv(path), after=2) == [(3, 6, ["3", "y"])]
    assert lines_and_values(Csv(path), after=3) == []


def test_a_scan_tells_what_the_file_is(tmp_path: Path) -> None:
    content = b"id,name\n1,a\n2,b\n"
    path = write(tmp_path, content)
    found = Csv(path).scan()
    assert found == Fingerprint(
        str(path), len(content), hashlib.sha256(content).hexdigest(), 2, "utf-8", ",", ("id", "name")
    )
    assert Fingerprint.from_json(found.to_json()) == found


def test_nothing_is_opened_when_the_source_is_made() -> None:
    assert Csv("there is no such file.csv").name == "there is no such file.csv"


def test_a_file_has_no_marks_of_its_own_for_the_cursor(tmp_path: Path) -> None:
    source = Csv(write(tmp_path, "id\n1\n"))
    assert (source.stable, source.scopes) == (True, ())


@pytest.mark.parametrize("ours", [ERROR_COLUMNS, SUCCESS_COLUMNS])
@pytest.mark.parametrize(
    "columns",
    [("Legacy_ID", "Last_Name"), ("id", "line"), ("key", "field", "x"), ("=cmd|' /C calc'!A0", "'-x")],
)
def test_our_own_result_files_are_known_again(
    tmp_path: Path, ours: tuple[str, ...], columns: tuple[str, ...]
) -> None:
    cells = ["=1+1", "'=1+1", "-5", "+49 30", "@x", "plain"][: len(columns)]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(result_header(ours, columns))
    writer.writerow([*("x" for _ in ours), *map(escape, cells)])
    source = Csv(write(tmp_path, text.getvalue()))
    assert source.columns == columns
    assert lines_and_values(source) == [(1, 2, cells)]
    assert source.scan().columns == columns


def test_a_file_with_some_of_our_columns_is_left_alone(tmp_path: Path) -> None:
    source = Csv(write(tmp_path, "line,key,field,name\n1,2,3,'=x\n"))
    assert source.columns == ("line", "key", "field", "name")
    assert lines_and_values(source)[0][2] == ["1", "2", "3", "'=x"]


CELLS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=20), st.sampled_from(["\n", "\r\n"]))
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], end: str
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("a", "b", "c"), *rows])
    source = Csv(write(tmp_path_factory.mktemp("csv"), text.getvalue()))
    assert source.scan().rows == len(rows)
    assert [tuple(row.values.values()) for row in source.rows()] == rows
    half = len(rows) // 2
    assert [tuple(row.values.values()) for row in source.rows(Cursor(half))] == rows[half:]


@given(
    st.lists(st.tuples(CELLS, CELLS) | st.just(()), min_size=1, max_size=230),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.integers(0, 220),
)
def test_every_row_has_the_line_on_which_the_csv_module_begins_it(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], end: str, after: int
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    path = write(tmp_path_factory.mktemp("csv"), text.getvalue())
    told, line = [], 1
    with path.open(encoding="utf-8", newline="") as file:
        for cells in (reader := csv.reader(file)):
            if cells:
                told.append((line, cells))
            line = reader.line_num + 1
    expected = [(number, line, cells) for number, (line, cells) in enumerate(told[1:], start=1)]
    assert lines_and_values(Csv(path), after) == expected[after:]


def test_rows_before_a_ragged_one_are_given_out(tmp_path: Path) -> None:
    source = Csv(write(tmp_path, "a,b\n1,2\n\n3,4\n5\n6,7\n"))
    rows = source.rows()
    assert [next(rows).line, next(rows).line] == [2, 4]
    with pytest.raises(SourceError, match=r"leads\.csv:5: expected 2 columns"):
        next(rows)


PLAIN_CELLS = st.text(
    st.characters(codec="cp1252", exclude_characters="\0", exclude_categories=["Cc"]), max_size=12
)


@given(
    st.lists(st.tuples(PLAIN_CELLS, PLAIN_CELLS), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252"]),
)
def test_every_encoding_and_delimiter_gives_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str]],
    delimiter: str,
    encoding: str,
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("first name", "name"), *rows])
    path = write(tmp_path_factory.mktemp("csv"), text.getvalue(), encoding=encoding)
    declared = encoding if encoding in {"utf-16-be", "cp1252"} else None
    source = Csv(path, encoding=declared)
    assert (source.scan().rows, source.scan().delimiter) == (len(rows), delimiter)
    assert [tuple(row.values.values()) for row in source.rows()] == rows


def test_three_hundred_columns_are_read(tmp_path: Path) -> None:
    names = [f"column {number}" for number in range(300)]
    path = write(tmp_path, ";".join(names) + "\n" + ";".join("x" * 300) + "\n", encoding="utf-8-sig")
    source = Csv(path)
    assert source.scan().columns == tuple(names)
    assert dict(next(source.rows()).values) == dict.fromkeys(names, "x")
