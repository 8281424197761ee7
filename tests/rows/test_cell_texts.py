"""Cells of result files: fed in again under the same formats, they mean what the source's values meant."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rows.assets import MODULES, converter
from zmigrate.job.context import Fill
from zmigrate.job.formats import Formats
from zmigrate.rows.cell_texts import CellTexts
from zmigrate.rows.conversion.dates import came_twice

GERMAN = Formats(
    decimal=",",
    thousands=".",
    date_format="%d.%m.%Y",
    datetime_format="%d.%m.%Y %H:%M:%S",
    timezone="Europe/Berlin",
)
ALL = (Formats(timezone="Europe/Berlin"), GERMAN)
VALUES = {
    "Weight": st.decimals(-(10**9), 10**9, places=3) | st.floats(-(10**9), 10**9).map(lambda x: round(x, 3)),
    "Purchase_Date": st.dates(date(1000, 1, 1))
    | st.dates(date(1000, 1, 1)).map(lambda day: datetime(day.year, day.month, day.day)),
    "Inspected_At": st.datetimes(datetime(1950, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC))
    .map(lambda at: at.replace(microsecond=0))
    .filter(lambda at: not came_twice(at.astimezone(ZoneInfo("Europe/Berlin")))),
}


def fed_again(field: str, value: Any, formats: Formats, *, known: bool = True) -> Any:
    fills = [Fill(field, ("cell",), "")] if known else None
    [text] = CellTexts(formats, fills, MODULES["Legacy_Assets"]).row({"cell": value}, ["cell"])
    return text


@pytest.mark.parametrize("formats", ALL, ids=["plain", "German"])
@pytest.mark.parametrize("field", list(VALUES))
@given(st.data())
def test_what_was_no_text_is_read_as_what_it_was(field: str, formats: Formats, data: st.DataObject) -> None:
    value = data.draw(VALUES[field])
    assets = converter(formats=formats)
    text = fed_again(field, value, formats)
    again, meant = assets.convert({field: text})[field], assets.convert({field: value})[field]
    if field == "Inspected_At":
        again, meant = datetime.fromisoformat(again), datetime.fromisoformat(meant)
    assert again == meant


@pytest.mark.parametrize(
    ("value", "text", "without_fills"),
    [
        (1.234, "1,234", "1,234"),
        (Decimal("0.50"), "0,50", "0,50"),
        (42.0, "42", "42"),
        (7, "7", "7"),
        (True, "true", "true"),
        (None, "", ""),
        ("1.234", "1.234", "1.234"),
        (["a", {"b": 1.5}], '["a",{"b":1.5}]', '["a",{"b":1.5}]'),
    ],
)
def test_numbers_have_the_declared_mark(value: Any, text: str, without_fills: str) -> None:
    assert fed_again("Weight", value, GERMAN) == text
    assert fed_again("Weight", value, GERMAN, known=False) == without_fills


def test_an_hour_that_the_clocks_showed_twice_keeps_its_offset() -> None:
    later = datetime(2024, 10, 27, 1, 30, tzinfo=UTC)
    assert fed_again("Inspected_At", later, GERMAN) == "2024-10-27T02:30:00+01:00"
    earlier = datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
    assert fed_again("Inspected_At", earlier, GERMAN) == "2024-10-27T02:30:00+02:00"
    before = datetime(2024, 10, 26, 23, 30, tzinfo=UTC)
    assert fed_again("Inspected_At", before, GERMAN) == "27.10.2024 01:30:00"


@pytest.mark.parametrize(
    ("field", "value", "formats", "text"),
    [
        ("Purchase_Date", date(1950, 3, 4), Formats(date_format="%d.%m.%y"), "1950-03-04"),
        ("Purchase_Date", date(2050, 3, 4), Formats(date_format="%d.%m.%y"), "04.03.50"),
        (
            "Inspected_At",
            datetime(2024, 3, 1, 9, 30, 15),
            Formats(datetime_format="%d.%m.%Y %H:%M"),
            "2024-03-01T09:30:15",
        ),
        ("Insured", True, Formats(true=("ja",), false=("nein",)), "ja"),
        ("Insured", False, Formats(true=("ja",), false=("nein",)), "nein"),
    ],
)
def test_a_format_that_does_not_keep_a_value_is_not_used(
    field: str, value: Any, formats: Formats, text: str
) -> None:
    assert fed_again(field, value, formats) == text


def test_what_goes_to_a_text_field_is_written_plain() -> None:
    """As `as_text` of the mapping has it: the field would get another text else."""
    assert fed_again("Asset_Name", 1.234, GERMAN) == "1.234"
    assert fed_again("Asset_Name", 42.0, GERMAN) == "42"
    assert fed_again("Asset_Name", date(2024, 3, 1), GERMAN) == "2024-03-01"


def test_where_no_fields_are_known_dates_have_the_formats_of_the_job() -> None:
    assert fed_again("", date(2024, 3, 1), GERMAN, known=False) == "01.03.2024"
    assert fed_again("", datetime(2024, 3, 1, 9, 30), GERMAN, known=False) == "01.03.2024 09:30:00"


def test_a_moment_keeps_its_offset_where_no_zone_is_declared() -> None:
    formats = Formats(datetime_format="%d.%m.%Y %H:%M")
    at = datetime(2024, 3, 1, 9, 30, tzinfo=UTC)
    assert fed_again("Inspected_At", at, formats) == "2024-03-01T09:30:00+00:00"
