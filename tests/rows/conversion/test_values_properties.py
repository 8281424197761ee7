"""Whatever a job brings: `convert` gives JSON that says the same, or raises BadValue, and nothing else."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from tests.rows.fields import LEADS
from zmigrate.rows.conversion.converter import BadValue, Converter

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(st.characters())  # lone surrogates too
    | st.binary(max_size=5)
    | st.dates()
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.from_regex(
        r"[+-]?\d{0,20}[.,]?\d{0,12}|\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?",
        fullmatch=True,
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)
NAMES = st.sampled_from(sorted(LEADS.fields)) | st.text(max_size=5) | st.integers()


@given(
    st.dictionaries(NAMES, VALUES, max_size=4),
    st.sampled_from(["insert", "update", "upsert", "delete"]),
    st.sampled_from([None, "id", "Legacy_ID", "Legacy_Number", "Email"]),
)
def test_convert_gives_json_or_a_bad_value(record: Any, operation: Any, key: Any) -> None:
    try:
        converted = Converter(LEADS, operation, key).convert(record)
    except BadValue:
        return
    orjson.dumps(converted)


def sent(name: str, value: object) -> Any:
    """The value as Zoho would read it."""
    return orjson.loads(orjson.dumps(Converter(LEADS, "update").convert({name: value})))[name]


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
        lambda text: not text.isspace()
    )
)
def test_text_arrives_as_it_was(text: str) -> None:
    assert sent("First_Name", text) == text


@given(st.integers(-(10**9) + 1, 10**9 - 1))
def test_whole_numbers_arrive_from_text_and_from_python(number: int) -> None:
    assert sent("No_of_Employees", str(number)) == sent("No_of_Employees", number) == number


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_long_numbers_arrive_as_text(number: int) -> None:
    assert sent("Legacy_Number", number) == str(number)


@given(st.decimals(-(10**12), 10**12, places=2))
def test_amounts_arrive_to_the_cent(amount: Decimal) -> None:
    assert Decimal(repr(sent("Annual_Revenue", format(amount, "f")))) == amount
    assert Decimal(repr(sent("Annual_Revenue", amount))) == amount


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**17), max_value=10**17))
def test_an_amount_never_arrives_as_another(amount: Decimal) -> None:
    try:
        arrived = sent("Annual_Revenue", amount)
    except BadValue:
        return
    assert Decimal(repr(arrived)) == amount


@given(st.dates())
def test_dates_arrive(day: date) -> None:
    assert date.fromisoformat(sent("First_Contact", day)) == day
    assert sent("First_Contact", day.isoformat()) == day.isoformat()


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2900, 1, 1), timezones=st.timezones()))
def test_moments_arrive_to_the_second(moment: datetime) -> None:
    arrived = datetime.fromisoformat(sent("Legacy_Created_Time", moment))
    assert (
        arrived.timestamp() == moment.replace(microsecond=0).timestamp()
    )  # in a gap of a zone, == is never true
    assert sent("Legacy_Created_Time", arrived.isoformat()) == arrived.isoformat()


@given(st.lists(st.sampled_from(["Hardware", "Software"]), min_size=1))
def test_choices_arrive_from_text_and_from_a_list(chosen: list[str]) -> None:
    assert sent("Interests", ";".join(chosen)) == sent("Interests", chosen) == chosen
