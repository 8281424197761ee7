"""Values become Zoho's JSON; what can't is told with its field, a code and what to write instead."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest

from tests.rows.fields import LEADS
from zmigrate.formats import Formats
from zmigrate.rows.values import BadValue, Converter, field_problem


class Source(Enum):
    PARTNER = "Partner"


class Level(int, Enum):
    HIGH = 3


def converted(name: str, value: object, operation: Any = "insert", **options: Any) -> object:
    """What becomes of one value; `...` if nothing is sent."""
    record = Converter(LEADS, operation, **options).convert({"Last_Name": "Doe", name: value})
    return record.get(name, ...)


def refusal(name: str, value: object, operation: Any = "insert", **options: Any) -> BadValue:
    with pytest.raises(BadValue) as bad:
        converted(name, value, operation, **options)
    return bad.value


GOOD: list[tuple[str, object, object]] = [
    ("First_Name", "Zoë ", "Zoë "),
    ("First_Name", 5, "5"),
    ("First_Name", Decimal("1.50"), "1.50"),
    ("First_Name", date(2024, 1, 2), "2024-01-02"),
    ("First_Name", Source.PARTNER, "Partner"),
    ("Description", "a\nb", "a\nb"),
    ("Email", " jo.o'neil+x@mail.example.com ", "jo.o'neil+x@mail.example.com"),
    ("Phone", "+49 (30) 555-0100, x;1#", "+49 (30) 555-0100, x;1#"),
    ("Website", "www.example.com", "www.example.com"),
    ("Lead_Source", " Partner ", "Partner"),
    ("Lead_Source", "Open", "New"),
    ("Lead_Source", "New", "New"),
    ("Lead_Source", Source.PARTNER, "Partner"),
    ("Interests", "Hardware; Software;", ["Hardware", "Software"]),
    ("Interests", ["Software"], ["Software"]),
    ("Interests", [], []),
    ("No_of_Employees", " 0250 ", 250),
    ("No_of_Employees", -12, -12),
    ("No_of_Employees", 250.0, 250),
    ("No_of_Employees", Decimal(250), 250),
    ("No_of_Employees", Level.HIGH, 3),
    ("Legacy_Number", "0012345600012", "0012345600012"),
    ("Legacy_Number", 123456789012345678, "123456789012345678"),
    ("Annual_Revenue", "1234.50", 1234.5),
    ("Annual_Revenue", "-.5", -0.5),
    ("Annual_Revenue", 7, 7.0),
    ("Annual_Revenue", Decimal("0.10"), 0.1),
    ("Annual_Revenue", "9999999999999999", 9999999999999999),
    ("Score", 0.1 + 0.2, 0.3),
    ("Discount", "25", 25.0),
    ("First_Contact", "2024-02-29", "2024-02-29"),
    ("First_Contact", date(2024, 2, 29), "2024-02-29"),
    ("Legacy_Created_Time", "2024-03-31T09:30:15+02:00", "2024-03-31T09:30:15+02:00"),
    ("Legacy_Created_Time", "2024-03-31 09:30Z", "2024-03-31T09:30:00+00:00"),
    ("Legacy_Created_Time", "2024-03-31T09:30:15.123-0530", "2024-03-31T09:30:15-05:30"),
    ("Legacy_Created_Time", datetime(2024, 3, 31, 9, 30, 15, 999, UTC), "2024-03-31T09:30:15+00:00"),
    ("Email_Opt_Out", "Yes", True),
    ("Email_Opt_Out", "off", False),
    ("Email_Opt_Out", 1, True),
    ("Email_Opt_Out", False, False),
    ("Account", "4876876000000123001", {"id": "4876876000000123001"}),
    ("Account", 42, {"id": "42"}),
    ("Account", {"id": "42", "name": "Acme"}, {"id": "42"}),
    ("Owner", {"id": 42}, {"id": "42"}),
    ("Lines", [{"Col": "v"}], [{"Col": "v"}]),
    ("Tag", [{"name": "old"}], [{"name": "old"}]),
    ("Odd", {"ALARM": "x"}, {"ALARM": "x"}),
    ("$se_module", "Accounts", "Accounts"),
]


@pytest.mark.parametrize(("name", "value", "json"), GOOD)
def test_a_value_becomes_json(name: str, value: object, json: object) -> None:
    assert converted(name, value) == json
    assert type(converted(name, value)) is type(json)


@pytest.mark.parametrize("name", [each.api_name for each in LEADS if each.creatable and each.on_layout][2:-1])
@pytest.mark.parametrize("operation", ["insert", "update", "upsert"])
def test_empty_text_is_not_sent(name: str, operation: str) -> None:
    if name == "Quality" or (name == "Only_New" and operation == "update"):
        return
    assert converted(name, "", operation) is ...
    assert converted(name, " \t\n", operation) is ...


def test_none_is_left_out_of_an_insert_and_blanks_the_field_of_an_update() -> None:
    for name in ("First_Name", "Email", "No_of_Employees", "Interests", "Account", "First_Contact"):
        assert converted(name, None, "insert") is ...
        assert converted(name, None, "update") is None
        assert converted(name, None, "upsert") is None


BAD: list[tuple[str, object, str]] = [
    ("First_Name", "x" * 41, "41 characters, 40 is the most"),
    ("First_Name", "a\ud800", "half of a letter"),
    ("First_Name", 1.5, "text is wanted, not a number"),
    ("First_Name", True, "text is wanted, not a boolean"),
    ("First_Name", ["a"], "text is wanted, not a list"),
    ("Email", "jo@@example.com", "not an e-mail address"),
    ("Email", "jo@example", "not an e-mail address"),
    ("Email", "jo doe@example.com", "not an e-mail address"),
    ("Phone", "0555_1*", "'_' can't stand in a phone number"),
    ("Phone", "0" * 31, "31 characters, 30 is the most"),
    ("Website", "example", "not a web address"),
    ("Website", "www.exa mple.com", "not a web address"),
    ("Lead_Source", "Fax", "'Fax' is not in the pick list; it has Trade Show, Partner, Open"),
    ("Lead_Source", "trade show", "did you mean 'Trade Show'?"),
    ("Interests", "Hardware;Softwear", "did you mean 'Software'?"),
    ("Interests", 5, "a list is wanted"),
    ("No_of_Employees", "1,234", "not a whole number"),
    ("No_of_Employees", "12.0", "not a whole number"),
    ("No_of_Employees", 2.5, "2.5 is not a whole number"),
    ("No_of_Employees", 1234567890, "more than 9 digits"),
    ("No_of_Employees", "1234567890", "10 digits, 9 is the most"),
    ("No_of_Employees", True, "not a boolean"),
    ("No_of_Employees", float("nan"), "no number at all"),
    ("No_of_Employees", "٣", "not a whole number"),
    ("Legacy_Number", "1" * 19, "19 digits, 18 is the most"),
    ("Annual_Revenue", "1,234.50", "not a plain number such as 1234.50"),
    ("Annual_Revenue", "1234,50", "not a plain number"),
    ("Annual_Revenue", "€ 5", "no currency sign"),
    ("Annual_Revenue", "1e5", "not a plain number"),
    ("Annual_Revenue", "12345678901234567", "more than 16 digits"),
    ("Annual_Revenue", "0.1234567890123", "more than 9 digits after the point"),
    ("Annual_Revenue", "1234567890123456.789", "more digits than a number in JSON keeps"),
    ("Annual_Revenue", float("inf"), "no number at all"),
    ("Annual_Revenue", Decimal("sNaN"), "no number at all"),
    ("Annual_Revenue", False, "not a boolean"),
    ("Discount", "123456", "more than 5 digits"),
    ("First_Contact", "31.03.2024", "not a date such as 2024-03-31"),
    ("First_Contact", "2023-02-29", "there is no day 2023-02-29"),
    ("First_Contact", "20240331", "not a date"),
    ("First_Contact", datetime(2024, 3, 31, tzinfo=UTC), "give value.date()"),
    ("Legacy_Created_Time", "2024-03-31T09:30:00", "no time zone; write an offset"),
    ("Legacy_Created_Time", datetime(2024, 3, 31, 9, 30), "no time zone"),
    ("Legacy_Created_Time", "2024-03-31", "not a date-time"),
    ("Legacy_Created_Time", "2024-03-31T25:00:00Z", "there is no time"),
    ("Email_Opt_Out", "maybe", "neither yes nor no"),
    ("Email_Opt_Out", 2, "neither yes nor no"),
    ("Account", "Acme", "is not an id of Zoho, which is up to 20 digits; give the record's id"),
    ("Account", "5.54597E+18", "was rounded by a spreadsheet, its last digits are gone"),
    ("No_of_Employees", "1.23457E+17", "'1.23457E+17' was rounded by a spreadsheet"),
    ("Legacy_Number", "1,23457E+17", "was rounded by a spreadsheet"),
    ("Annual_Revenue", "1.23457E+17", "was rounded by a spreadsheet"),
    ("Account", {"name": "Acme"}, "no id"),
    ("Lines", "x", "a list or an object is wanted"),
    ("Lines", [{"Col": object()}], "JSON can't hold it"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD)
def test_a_bad_value_is_told_with_zohos_code(name: str, value: object, message: str) -> None:
    bad = refusal(name, value)
    assert (bad.field, bad.code) == (name, "INVALID_DATA")
    assert message in bad.message


@pytest.mark.parametrize(
    ("name", "operation", "code", "message"),
    [
        (
            "Frist_Name",
            "insert",
            "UNKNOWN_FIELD",
            "Leads has no field 'Frist_Name'; did you mean 'First_Name'?",
        ),
        ("first name", "insert", "UNKNOWN_FIELD", "did you mean 'First_Name'?"),
        ("Quality", "insert", "NOT_WRITABLE", "Zoho computes it (formula)"),
        ("Created_Time", "insert", "NOT_WRITABLE", "read-only"),
        ("Only_New", "update", "NOT_WRITABLE", "read-only in an update"),
        ("Old_Fax", "insert", "NOT_WRITABLE", "on no layout"),
        ("id", "insert", "NOT_WRITABLE", "a new record has no id yet"),
    ],
)
def test_a_field_that_zoho_would_drop_is_told(name: str, operation: Any, code: str, message: str) -> None:
    bad = refusal(name, "5", operation)
    assert (bad.field, bad.code) == (name, code)
    assert message in bad.message


def test_field_problems_can_be_asked_for_before_the_first_row() -> None:
    assert field_problem(LEADS, "Last_Name", "insert") is None
    assert field_problem(LEADS, "Created_Time", "update", key="Created_Time") is None
    assert field_problem(LEADS, "Nope", "insert") == ("UNKNOWN_FIELD", "Leads has no field 'Nope'")


def test_a_date_time_without_offset_is_read_in_a_declared_time_zone() -> None:
    zone = Formats(timezone="Europe/Berlin")
    name = "Legacy_Created_Time"
    assert converted(name, "2024-07-01T09:30", formats=zone) == "2024-07-01T09:30:00+02:00"
    assert converted(name, datetime(2024, 1, 1, 9), formats=zone) == "2024-01-01T09:00:00+01:00"
    assert converted(name, "2024-07-01T09:30Z", formats=zone) == "2024-07-01T09:30:00+00:00"


def test_an_old_local_time_with_seconds_in_its_offset_becomes_utc() -> None:
    moment = datetime(1890, 1, 1, tzinfo=timezone(timedelta(minutes=53, seconds=28)))
    assert converted("Legacy_Created_Time", moment) == "1889-12-31T23:06:32+00:00"


def test_the_key_is_trimmed_and_an_empty_one_fails_the_row() -> None:
    assert converted("Legacy_ID", "  L1 ", key="Legacy_ID") == "L1"
    for empty in ("", "  ", None):
        bad = refusal("Legacy_ID", empty, key="Legacy_ID")
        assert (bad.field, bad.code) == ("Legacy_ID", "EMPTY_KEY")
    with pytest.raises(BadValue, match="the key is empty"):
        Converter(LEADS, "upsert", "Legacy_ID").convert({"Last_Name": "Doe"})


def test_a_key_that_a_spreadsheet_has_rounded_is_refused() -> None:
    with pytest.raises(BadValue, match="was rounded by a spreadsheet"):
        converted("Legacy_ID", "1.23457E+17", key="Legacy_ID")
    assert converted("Legacy_ID", "A1.5E+11", key="Legacy_ID") == "A1.5E+11"


def test_an_update_by_id_wants_an_id() -> None:
    update = Converter(LEADS, "update", "id")
    assert update.convert({"id": " 42 ", "Last_Name": "Doe"}) == {"id": "42", "Last_Name": "Doe"}
    assert update.convert({"id": 42})["id"] == "42"
    with pytest.raises(BadValue, match="'L1' is not an id of Zoho"):
        update.convert({"id": "L1"})


def test_a_delete_keeps_the_key_alone() -> None:
    assert Converter(LEADS, "delete", "id").convert({"id": "42", "Whatever": object()}) == {"id": "42"}
    assert Converter(LEADS, "delete", "Legacy_ID").convert({"Legacy_ID": "L1", "Email": "x"}) == {
        "Legacy_ID": "L1"
    }


@pytest.mark.parametrize("record", [None, "text", ["a"], 5])
def test_what_is_no_record_is_told(record: Any) -> None:
    with pytest.raises(BadValue, match="transform gave") as bad:
        Converter(LEADS, "insert").convert(record)
    assert bad.value.code == "NOT_A_RECORD"


def test_the_value_that_is_shown_is_cut() -> None:
    assert len(refusal("Email", "x" * 5000).value) == 201
