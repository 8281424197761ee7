"""Excel: one sheet of a workbook, with the values that its cells hold."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rows.files import write
from tests.rows.workbooks import Rows, ods, xls, xlsb, xlsx
from tests.support import Bench, read_rows
from zmigrate import Insert, RecordJob, scopes_for
from zmigrate.errors import SourceError
from zmigrate.rows.bad_cell import BadCell
from zmigrate.rows.sources import Cursor
from zmigrate.rows.sources.excel import Excel


def refusal(source: Excel) -> SourceError:
    with pytest.raises(SourceError) as caught:
        source.scan()
    return caught.value


def rows_of(source: Excel, after: int = 0) -> list[tuple[int, int, list[Any]]]:
    return [(row.number, row.line, list(row.values.values())) for row in source.rows(Cursor(after))]


ROWS = [["id", "name"], [1, "Zoë"], [], [2.5, ""], [3, "x"]]


def test_rows_have_the_line_of_the_sheet_and_blank_ones_are_none(tmp_path: Path) -> None:
    source = Excel(xlsx(tmp_path, ROWS))
    assert source.columns == ("id", "name")
    assert rows_of(source) == [(1, 2, [1, "Zoë"]), (2, 4, [Decimal("2.5"), ""]), (3, 5, [3, "x"])]
    assert rows_of(source, after=1) == rows_of(source)[1:]
    found = source.scan()
    assert (found.rows, found.columns) == (3, ("id", "name"))
    assert (source.stable, source.scopes, source.name) == (True, (), "leads.xlsx")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (12.0, 12),
        (-7, -7),
        (0, 0),
        (999_999_999_999_999, 999_999_999_999_999),
        (0.1, Decimal("0.1")),
        (0.1 + 0.2, Decimal("0.3")),
        (1234.5, Decimal("1234.5")),
        (True, True),
        (False, False),
        ("007", "007"),
        (" x ", " x "),
        ("=1+1", ""),  # openpyxl knows no result of the formula
        (date(2024, 3, 31), date(2024, 3, 31)),
        (datetime(2024, 3, 31, 9, 30), datetime(2024, 3, 31, 9, 30)),
        (time(9, 30), "09:30:00"),
        (timedelta(hours=30, minutes=5), "30:05:00"),
    ],
)
def test_a_cell_gives_what_it_holds(tmp_path: Path, cell: Any, value: Any) -> None:
    found = next(Excel(xlsx(tmp_path, [["id", "x"], ["1", cell]])).rows()).values["x"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("cell", [5725767000000524157, 1e15, -1e15, 1e300])
def test_a_number_that_excel_has_rounded_is_no_value(tmp_path: Path, cell: float) -> None:
    found = next(Excel(xlsx(tmp_path, [["x"], [cell]])).rows()).values["x"]
    assert isinstance(found, BadCell)
    assert "more than 15 digits" in found.why


@given(st.lists(st.one_of(st.integers(-(10**14), 10**14), st.booleans(), st.dates(date(1901, 1, 1)))))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, cells: list[int | bool | date]
) -> None:
    path = xlsx(tmp_path_factory.mktemp("excel"), [["id", "x"], *(["a", cell] for cell in cells)])
    assert [row.values["x"] for row in Excel(path).rows()] == cells


@pytest.mark.parametrize("write_book", [xlsx, xlsb, xls])
def test_a_cell_with_an_error_is_known_by_its_place(tmp_path: Path, write_book: Any) -> None:
    path = write_book(tmp_path, [["id", "name"], [1, "a"], [2, "#REF!"], [3, "b"]])
    values = [row.values["name"] for row in Excel(path).rows()]
    assert values == ["a", BadCell("#REF!", ""), "b"]


def test_an_error_that_a_formula_gave_is_known_in_an_xls(tmp_path: Path) -> None:
    path = xls(tmp_path, [["id", "name"], [1, "#N/A"], *([number, "b"] for number in range(2, 300))])
    values = [row.values["name"] for row in Excel(path).rows()]
    assert values == [BadCell("#N/A", ""), *["b"] * 298]


def test_an_error_in_an_ods_is_refused_since_its_place_is_not_known(tmp_path: Path) -> None:
    assert rows_of(Excel(ods(tmp_path, [["id", "name"], ["1", "a"]]))) == [(1, 2, ["1", "a"])]
    error = refusal(Excel(ods(tmp_path, [["id", "name"], ["1", "#REF!"]])))
    assert "has cells with an error such as #REF!" in error.message
    assert "save it as .xlsx" in (error.hint or "")


def test_a_row_with_only_an_error_is_not_blank(tmp_path: Path) -> None:
    assert rows_of(Excel(xlsx(tmp_path, [["id"], ["#N/A"]]))) == [(1, 2, [BadCell("#N/A", "")])]


class TestWhichSheet:
    SHEETS: Mapping[str, Rows] = {"Info": [["x"], ["1"]], "Leads": [["y"], ["2"]], "2": [["z"], ["3"]]}

    @pytest.mark.parametrize(
        ("sheet", "column"),
        [("Leads", "y"), (2, "y"), ("1", "x"), ("2", "z"), (3, "z")],
    )
    def test_by_name_or_number(self, tmp_path: Path, sheet: str | int, column: str) -> None:
        assert Excel(xlsx(tmp_path, self.SHEETS), sheet=sheet).columns == (column,)

    def test_the_only_one_with_something_in_it(self, tmp_path: Path) -> None:
        assert Excel(xlsx(tmp_path, {"Empty": [], "Leads": [["y"], ["2"]]})).columns == ("y",)

    def test_several_are_listed(self, tmp_path: Path) -> None:
        error = refusal(Excel(xlsx(tmp_path, self.SHEETS)))
        assert "has 3 sheets with contents: 1 'Info', 2 'Leads', 3 '2'" in error.message
        assert "--sheet" in (error.hint or "")

    def test_only_those_with_something_in_them_are_listed(self, tmp_path: Path) -> None:
        error = refusal(Excel(xlsx(tmp_path, {"Info": [["x"]], "Empty": [], "Leads": [["y"]]})))
        assert error.message.endswith("has 2 sheets with contents: 1 'Info', 3 'Leads'.")

    @pytest.mark.parametrize("sheet", ["leads", 4, 0, "-1"])
    def test_one_that_there_is_not(self, tmp_path: Path, sheet: str | int) -> None:
        error = refusal(Excel(xlsx(tmp_path, self.SHEETS), sheet=sheet))
        assert f"has no sheet {sheet!r}" in error.message
        assert "1 'Info'" in (error.hint or "")

    def test_hidden_ones_are_not_in_question(self, tmp_path: Path) -> None:
        path = xlsx(tmp_path, {"Leads": [["y"], ["2"]], "Lists": [["z"], ["3"]]})
        book = openpyxl.load_workbook(path)
        book["Lists"].sheet_state = "hidden"
        book.save(path)
        assert Excel(path).columns == ("y",)
        assert Excel(path, sheet="Lists").columns == ("z",)


class TestTheHeader:
    def test_it_may_stand_in_any_row_and_column(self, tmp_path: Path) -> None:
        path = xlsx(tmp_path, [["Report"], [], ["", "id", 2024], ["", 1, "x"]])
        source = Excel(path, header=3)
        assert source.columns == ("id", "2024")
        assert rows_of(source) == [(1, 4, [1, "x"])]

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([["id", "", "name"], [1, 2, 3]], "leads.xlsx:1: column 2 of 3 has no name"),
            ([["id", "id "], [1, 2]], "leads.xlsx:1: 2 columns are called 'id': 1 and 2"),
            ([[], ["id"]], "leads.xlsx:1: this row of sheet 'Leads' is empty, but should name the columns"),
            ([["id"]], "sheet 'Leads' has only a header, no rows"),
            ([["id"], [1, "x"]], "leads.xlsx:2: cell B2 of sheet 'Leads' is in no column: B1 names none"),
            ([["", "id"], ["", 1], [0, 1]], "leads.xlsx:3: cell A3 of sheet 'Leads' is in no column"),
        ],
    )
    def test_what_is_wrong_is_told_with_its_place(self, tmp_path: Path, rows: Rows, message: str) -> None:
        assert message in refusal(Excel(xlsx(tmp_path, rows))).message

    def test_rows_are_counted_from_one(self) -> None:
        with pytest.raises(SourceError, match="counted from 1"):
            Excel("x.xlsx", header=0)


@pytest.mark.parametrize("content", [b"", b"id,name\n", b"PK\x03\x04" + bytes(100), b"\xd0\xcf\x11\xe0" * 50])
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes) -> None:
    error = refusal(Excel(write(tmp_path, content, "leads.xlsx")))
    assert "can't be read as a workbook" in error.message
    assert error.hint


def test_a_missing_file_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    xlsx(tmp_path, ROWS)
    assert "Did you mean" in (refusal(Excel(tmp_path / "lead.xlsx")).hint or "")


def test_a_workbook_that_changed_is_told(tmp_path: Path) -> None:
    source = Excel(xlsx(tmp_path, ROWS))
    then = source.scan()
    Excel(source.path).check(then)
    xlsx(tmp_path, [*ROWS, [4, "y"]])
    with pytest.raises(SourceError, match="3 rows then, 4 now"):
        Excel(source.path).check(then)
    with pytest.raises(SourceError, match="changed or replaced"):
        next(source.rows())


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    assert refusal(Excel(xlsx(tmp_path, ROWS))).hint == "pip install 'zmigrate[excel]'"


def job_of(path: Path) -> RecordJob:
    class FromExcel(RecordJob):
        """Leads from a workbook."""

        write = Insert("Leads", key="Legacy_ID")
        scopes = scopes_for(write)

        def source(self) -> Excel:
            return Excel(path)

        def transform(self, row: Mapping[str, Any]) -> dict[str, Any]:
            return {**row, "Last_Name": row["Last_Name"].strip()}

    return FromExcel()


def test_a_run_sends_the_values_and_fails_rows_with_errors(bench: Bench, tmp_path: Path) -> None:
    header = ["Legacy_ID", "Last_Name", "Annual_Revenue", "City"]
    path = xlsx(
        tmp_path,
        [
            header,
            ["L-1", "Doe", 1234.5, "=1+1"],
            ["L-2", "#REF!", 1, "Bern"],
            ["L-3", "Roe", "#DIV/0!", "Bern"],
            ["L-4", "Poe", 2, "#N/A"],
            [5725767000000524157, "Zoe", 1, "Bern"],
        ],
    )
    result = bench.run(job_of(path))
    assert (result.state, result.rows.created, result.rows.failed) == ("finished", 1, 4)
    failed = {
        row["zmigrate_line" if "zmigrate_line" in row else "line"]: row
        for row in read_rows(result.files["errors"])
    }
    assert "#REF!, an error of the spreadsheet" in failed["3"]["message"]
    assert failed["4"]["field"] == "Annual_Revenue"
    assert "#DIV/0!, an error of the spreadsheet" in failed["4"]["message"]
    assert failed["4"]["Annual_Revenue"] == "#DIV/0!"
    assert failed["5"]["field"] == "City"
    assert "more than 15 digits" in failed["6"]["message"]
    assert bench.records()[0]["Annual_Revenue"] == 1234.5


def test_a_job_that_only_names_columns_fails_the_same_rows(bench: Bench, tmp_path: Path) -> None:
    path = xlsx(
        tmp_path,
        [["Nr", "Name", "When"], ["L-1", "Doe", date(2024, 3, 31)], ["L-2", "#REF!", ""], ["L-3", "Roe", ""]],
    )

    class Columns(RecordJob):
        """Leads from a workbook."""

        write = Insert("Leads", key="Legacy_ID")
        scopes = scopes_for(write)
        columns = {"Nr": "Legacy_ID", "Name": "Last_Name", "When": "First_Contact"}  # noqa: RUF012

        def source(self) -> Excel:
            return Excel(path)

    result = bench.run(Columns())
    assert (result.rows.created, result.rows.failed) == (2, 1), result.error
    (failed,) = read_rows(result.files["errors"])
    assert (failed["line"], failed["field"]) == ("3", "Last_Name")
    assert "#REF!, an error of the spreadsheet" in failed["message"]
