"""Source text becomes a value, is written to the emulated org, and reads back as what was meant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rows.assets import converter
from tests.rows.org import Org
from zmigrate.job.formats import Formats
from zmigrate.rows.conversion.converter import BadValue
from zmigrate.rows.conversion.dates import came_twice

MARKS = [
    Formats(decimal=decimal, thousands=thousands)
    for decimal in ".,"
    for thousands in ("", ",", ".", " ", "'")
    if decimal != thousands
]
DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d", "%d %b %Y", "%B %d, %Y", "%d-%m-%y")
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Africa/Johannesburg", "UTC")
OVER_HTTP = settings(max_examples=25, deadline=None)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)


def written(number: Decimal, formats: Formats, grouped: bool) -> str:
    """A number as people write it."""
    text = format(number, ",f" if grouped else "f")
    whole, point, rest = text.partition(".")
    return whole.replace(",", formats.thousands) + point.replace(".", formats.decimal) + rest


def read_back(org: Org, field: str, texts: Sequence[Any], formats: Formats) -> list[Any]:
    assets = converter(formats=formats)
    records = org.read_back("Legacy_Assets", [assets.convert({field: text}) for text in texts])
    return [record[field] for record in records]


@OVER_HTTP
@given(
    st.lists(st.tuples(st.decimals(-(10**11), 10**11, places=3), st.booleans()), min_size=1, max_size=10),
    st.sampled_from(MARKS),
)
def test_numbers_of_all_marks_come_back(
    org: Org, numbers: list[tuple[Decimal, bool]], formats: Formats
) -> None:
    texts = [written(number, formats, grouped) for number, grouped in numbers]
    found = read_back(org, "Weight", texts, formats)
    assert [Decimal(repr(one)) for one in found] == [number for number, _ in numbers]


@OVER_HTTP
@given(st.lists(st.integers(-(10**9) + 1, 10**9 - 1), min_size=1, max_size=10), st.sampled_from(MARKS))
def test_whole_numbers_of_all_marks_come_back(org: Org, numbers: list[int], formats: Formats) -> None:
    texts = [written(Decimal(number), formats, grouped=True) for number in numbers]
    assert read_back(org, "Units", texts, formats) == numbers
    assert read_back(org, "Barcode", texts, formats) == [str(number) for number in numbers]


@given(st.from_regex(r"[+-]?[0-9]{0,4}([., '][0-9]{0,4}){0,3}", fullmatch=True), st.sampled_from(MARKS))
def test_a_number_is_read_in_one_way_only(text: str, formats: Formats) -> None:
    """Whatever is read writes itself the same again, its leading zeros and its bare decimal mark aside."""
    try:
        record = converter(formats=formats).convert({"Weight": text})
    except BadValue:
        return
    if not record:
        assert not text.strip()
        return
    text = text.strip()
    plain = Decimal(repr(record["Weight"]))
    stripped = text.lstrip("+").replace(formats.thousands or "\0", "")
    assert Decimal(stripped.replace(formats.decimal, ".")) == plain
    if formats.thousands and formats.thousands in text:
        head, *groups = text.lstrip("+-").partition(formats.decimal)[0].split(formats.thousands)
        assert 1 <= len(head) <= 3
        assert {len(group) for group in groups} == {3}


@OVER_HTTP
@given(
    st.sampled_from(DATE_FORMATS),
    st.lists(st.dates(date(1970, 1, 1), date(2068, 12, 31)), min_size=1, max_size=10),
)
def test_dates_in_all_formats_come_back(org: Org, date_format: str, days: list[date]) -> None:
    texts = [day.strftime(date_format) for day in days]
    found = read_back(org, "Purchase_Date", texts, Formats(date_format=date_format))
    assert [date.fromisoformat(one) for one in found] == days


@OVER_HTTP
@given(
    st.lists(st.datetimes(datetime(1971, 1, 1), datetime(2068, 12, 31)), min_size=1, max_size=10),
    st.sampled_from(ZONES),
    st.sampled_from(["%d/%m/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%Y-%m-%dT%H:%M:%S"]),
)
def test_local_times_come_back_as_the_same_moment(
    org: Org, moments: list[datetime], zone: str, datetime_format: str
) -> None:
    there = [moment.replace(microsecond=0, tzinfo=UTC).astimezone(ZoneInfo(zone)) for moment in moments]
    there = [moment for moment in there if not came_twice(moment)] or [
        datetime(2024, 1, 1, tzinfo=ZoneInfo(zone))
    ]
    texts = [moment.strftime(datetime_format) for moment in there]
    found = read_back(org, "Inspected_At", texts, Formats(datetime_format=datetime_format, timezone=zone))
    assert [datetime.fromisoformat(one) for one in found] == there


@OVER_HTTP
@given(st.lists(TEXTS.filter(lambda text: not text.isspace()), min_size=1, max_size=10, unique=True))
def test_text_comes_back(org: Org, texts: list[str]) -> None:
    assert read_back(org, "Description", texts, Formats()) == texts


@OVER_HTTP
@given(
    st.lists(st.lists(st.sampled_from(["Red", "Green", "Blue"]), min_size=1, unique=True), min_size=1),
    st.lists(st.sampled_from(["New", "Open", "Used", "Scrap"]), min_size=1),
)
def test_choices_come_back_by_their_stored_names(
    org: Org, several: list[list[str]], single: list[str]
) -> None:
    texts = [" ; ".join(chosen) for chosen in several]
    assert read_back(org, "Colours", texts, Formats()) == [
        [shown.upper() for shown in chosen] for chosen in several
    ]
    stored = [{"New": "Open"}.get(shown, shown) for shown in single]
    assert read_back(org, "Condition", single, Formats()) == stored


@OVER_HTTP
@given(st.sampled_from("yn"), st.booleans(), st.booleans())
def test_declared_words_come_back_as_booleans(org: Org, style: str, meant: bool, loud: bool) -> None:
    words = {"y": ("wahr", "falsch"), "n": ("sí", "no")}[style]
    word = words[0] if meant else words[1]
    formats = Formats(true=(words[0],), false=(words[1],))
    assert read_back(org, "Insured", [word.upper() if loud else word], formats) == [meant]
