"""What becomes of values, type by type: good ones with their JSON, bad ones with what is said of them.

Fields are those of the emulated org. Ids of records are these; who has other records puts his own in their
place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from zmigrate.job.formats import Formats
from zmigrate.job.references import Find, Ref

ACCOUNT = "1000000000000000001"
CONTACT = "1000000000000000002"
OTHER_CONTACT = "1000000000000000003"
PRODUCT = "1000000000000000004"
LAYOUT = "1000000000000000005"
NOBODY = "1000000000000000009"
IDS = (ACCOUNT, CONTACT, OTHER_CONTACT, PRODUCT, LAYOUT)

MIRA, TOM, ANA, LENA = (
    "5545974000000200001",
    "5545974000000200002",
    "5545974000000200004",
    "5545974000000200003",
)

GERMAN = Formats(
    decimal=",",
    thousands=".",
    date_format="%d.%m.%Y",
    datetime_format="%d.%m.%Y %H:%M",
    timezone="Europe/Berlin",
    true=("ja", "J"),
    false=("nein", "N"),
)
ENGLISH = Formats(thousands=",", date_format="%m/%d/%Y", datetime_format="%m/%d/%Y %I:%M %p %z")
SWISS = Formats(thousands="'")
FRENCH = Formats(decimal=",", thousands=" ", date_format="%d/%m/%y")
BERLIN = Formats(timezone="Europe/Berlin")


class Make(Enum):
    USED = "Used"


class Level(int, Enum):
    HIGH = 3


@dataclass(frozen=True)
class Good:
    """A value and the JSON that it becomes."""

    field: str
    value: Any
    json: Any
    formats: Formats = field(default_factory=Formats)
    module: str = "Legacy_Assets"
    beside: Mapping[str, Any] = field(default_factory=dict)
    """More of the JSON that its record becomes."""


@dataclass(frozen=True)
class Bad:
    """A value that is refused, and a part of what is said."""

    field: str
    value: Any
    says: str
    formats: Formats = field(default_factory=Formats)
    code: str = "INVALID_DATA"
    ambiguous: bool = False
    at: str | None = None
    """The field that is told, where it is not `field`."""
    module: str = "Legacy_Assets"
    ours: bool = False
    """Zoho would take it as it is, and make something else of it, or is never sent it."""


GOOD = [
    # text
    Good("Serial_Number", "Zoë ", "Zoë "),
    Good("Serial_Number", 5, "5"),
    Good("Serial_Number", Decimal("1.50"), "1.50"),
    Good("Serial_Number", date(2024, 1, 2), "2024-01-02"),
    Good("Serial_Number", Make.USED, "Used"),
    Good("Serial_Number", "=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
    Good("Remarks", "a\nb", "a\nb"),
    Good("Remarks", "x" * 2_000, "x" * 2_000),
    Good("Condition_Report", "x" * 50_000, "x" * 50_000),
    Good("Description", "x" * 32_000, "x" * 32_000),
    # e-mail, phone, website
    Good("Email", " jo.o'neil+x@mail.example.com ", "jo.o'neil+x@mail.example.com"),
    Good("Email", "jörg@straße.example_1.com", "jörg@straße.example_1.com"),
    Good("Contact_Phone", "+49 (30) 555-0100, x;1#", "+49 (30) 555-0100, x;1#"),
    Good("Contact_Phone", "1-800-FLOWERS", "1-800-FLOWERS"),
    Good("Manual_URL", "www.example.com", "www.example.com"),
    Good("Manual_URL", "https://example.com/a?b=c d".replace(" ", "%20"), "https://example.com/a?b=c%20d"),
    # whole numbers
    Good("Units", " 0250 ", 250),
    Good("Units", "0000000042", 42),
    Good("Units", "-0123456789", -123456789),
    Good("Units", -12, -12),
    Good("Units", 250.0, 250),
    Good("Units", Decimal(250), 250),
    Good("Units", Level.HIGH, 3),
    Good("Units", "1,234", 1234, ENGLISH),
    Good("Units", "1.234.567", 1234567, GERMAN),
    Good("Units", "1234", 1234, GERMAN),
    Good("Barcode", "0012345600012", "0012345600012"),
    Good("Barcode", 123456789012345678, "123456789012345678"),
    Good("Barcode", "12 345 678", "12345678", FRENCH),
    # decimals, currencies, percent
    Good("Weight", "12.125", 12.125),
    Good("Weight", "1.234,5", 1234.5, GERMAN),
    Good("Purchase_Price", "1234.50", 1234.5),
    Good("Purchase_Price", "-.5", -0.5),
    Good("Purchase_Price", Decimal("0.10"), 0.1),
    Good("Purchase_Price", 7, 7.0),
    Good("Purchase_Price", "9999999999999999", 9999999999999999),
    Good("Purchase_Price", "1.234,50", 1234.5, GERMAN),
    Good("Purchase_Price", "1234,50", 1234.5, GERMAN),
    Good("Purchase_Price", "-1.234", -1234.0, GERMAN),
    Good("Purchase_Price", "1234", 1234.0, GERMAN),
    Good("Purchase_Price", 1234.5, 1234.5, GERMAN),
    Good("Purchase_Price", "1,234,567.89", 1234567.89, ENGLISH),
    Good("Purchase_Price", "1'234.50", 1234.5, SWISS),
    Good("Purchase_Price", "1’234.50", 1234.5, SWISS),
    Good("Purchase_Price", "1 234,5", 1234.5, FRENCH),
    Good("Purchase_Price", "1\u202f234,5", 1234.5, FRENCH),
    Good("Depreciation", "25", 25.0),
    Good("Depreciation", "12,5", 12.5, GERMAN),
    # dates
    Good("Purchase_Date", "2024-02-29", "2024-02-29"),
    Good("Purchase_Date", date(2024, 2, 29), "2024-02-29"),
    Good("Purchase_Date", datetime(2024, 2, 29), "2024-02-29"),
    Good("Purchase_Date", date(2024, 2, 29), "2024-02-29", GERMAN),
    Good("Purchase_Date", "3.4.2024", "2024-04-03", GERMAN),
    Good("Purchase_Date", "3/4/2024", "2024-03-04", ENGLISH),
    Good("Purchase_Date", "03/04/24", "2024-04-03", FRENCH),
    # date-times
    Good("Inspected_At", "2024-03-31T09:30:15+02:00", "2024-03-31T09:30:15+02:00"),
    Good("Inspected_At", "2024-03-31 09:30Z", "2024-03-31T09:30:00+00:00"),
    Good("Inspected_At", "2024-03-31T09:30:15.123-0530", "2024-03-31T09:30:15-05:30"),
    Good("Inspected_At", datetime(2024, 3, 31, 9, 30, 15, 999, UTC), "2024-03-31T09:30:15+00:00"),
    Good("Inspected_At", "2024-07-01T09:30", "2024-07-01T09:30:00+02:00", BERLIN),
    Good("Inspected_At", datetime(2024, 1, 1, 9), "2024-01-01T09:00:00+01:00", BERLIN),
    Good("Inspected_At", "1.7.2024 09:30", "2024-07-01T09:30:00+02:00", GERMAN),
    Good("Inspected_At", "7/1/2024 9:30 PM -0500", "2024-07-01T21:30:00-05:00", ENGLISH),
    Good("Inspected_At", "2024-10-27T02:30+02:00", "2024-10-27T02:30:00+02:00", BERLIN),
    # booleans
    Good("Insured", "Yes", True),
    Good("Insured", "off", False),
    Good("Insured", 1, True),
    Good("Insured", False, False),
    Good("Insured", "JA", True, GERMAN),
    Good("Insured", "n", False, GERMAN),
    Good("Insured", True, True, GERMAN),
    # pick lists: the stored name is sent
    Good("Condition", " Used ", "Used"),
    Good("Condition", Make.USED, "Used"),
    Good("Condition", "New", "Open"),
    Good("Condition", "Open", "Open"),
    Good("Colours", "Red; BLUE;", ["RED", "BLUE"]),
    Good("Colours", ["Green"], ["GREEN"]),
    # lookups and users
    Good("Account", ACCOUNT, {"id": ACCOUNT}),
    Good("Account", {"id": int(ACCOUNT), "name": "Acme"}, {"id": ACCOUNT}),
    Good("Caretaker", TOM, {"id": TOM}),
    Good("Caretaker", "TOM.Okafor@example.com", {"id": TOM}),
    Good("Caretaker", "tom  okafor", {"id": TOM}),
    Good("Owner", {"name": "Tom Okafor", "id": TOM, "email": "x@example.com"}, {"id": TOM}),
    Good("Owner", {"email": "ana.silva@example.com"}, {"id": ANA}),
    Good("Used_By", [CONTACT], [{"Used_By": {"id": CONTACT}}]),
    Good(
        "Used_By",
        f"{CONTACT};{OTHER_CONTACT}",
        [{"Used_By": {"id": CONTACT}}, {"Used_By": {"id": OTHER_CONTACT}}],
    ),
    Good("Used_By", [{"id": CONTACT}], [{"Used_By": {"id": CONTACT}}]),
    Good("Used_By", [{"Used_By": {"id": CONTACT}}], [{"Used_By": {"id": CONTACT}}]),
    Good(
        "Reviewers",
        "mira.berger@example.com; Tom Okafor",
        [{"Reviewers": {"id": MIRA}}, {"Reviewers": {"id": TOM}}],
    ),
    Good("Who_Id", CONTACT, {"id": CONTACT}, module="Tasks"),
    Good("Layout", LAYOUT, {"id": LAYOUT}),
    # lists and objects
    Good("Tag", "old; import 2024", [{"name": "old"}, {"name": "import 2024"}]),
    Good("Tag", ["old"], [{"name": "old"}]),
    Good("Tag", [{"name": "old", "id": "1"}], [{"name": "old"}]),
    Good(
        "Service_Log",
        [{"Service_Date": "2.1.2024", "Hours": "1,5", "Under_Warranty": "ja", "Part": PRODUCT, "Work": ""}],
        [{"Service_Date": "2024-01-02", "Hours": 1.5, "Under_Warranty": True, "Part": {"id": PRODUCT}}],
        GERMAN,
    ),
    Good(
        "Service_Log",
        '[{"Service_Date": "2024-01-02", "Technician": "Tom Okafor"}, {"Service_Date": "2024-01-03"}]',
        [{"Service_Date": "2024-01-02", "Technician": {"id": TOM}}, {"Service_Date": "2024-01-03"}],
    ),
    Good("Documents", [{"File_Id__s": "c01f"}], [{"File_Id__s": "c01f"}]),
    Good("Photos", '[{"File_Id__s": "c01f"}]', [{"File_Id__s": "c01f"}]),
    Good(
        "Participants",
        [{"type": "email", "Email": "jo@example.com"}],
        [{"type": "email", "Email": "jo@example.com"}],
        module="Events",
    ),
    Good("Recurring_Activity", {"RRULE": "FREQ=DAILY"}, {"RRULE": "FREQ=DAILY"}, module="Events"),
    Good("Remind_At", '{"ALARM": "ACTION=EMAIL"}', {"ALARM": "ACTION=EMAIL"}, module="Tasks"),
    Good(
        "Remind_At", [{"unit": 15, "period": "minutes"}], [{"unit": 15, "period": "minutes"}], module="Events"
    ),
]

BAD = [
    # text
    Bad("Serial_Number", "x" * 81, "81 characters, 80 is the most"),
    Bad("Serial_Number", "a\ud800", "half of a letter", ours=True),
    Bad("Serial_Number", 1.5, "text is wanted, not a number"),
    Bad("Serial_Number", True, "text is wanted, not a boolean"),
    Bad("Serial_Number", ["a"], "text is wanted, not a list"),
    Bad("Serial_Number", Ref("Accounts", "A1"), "text is wanted, not a Ref", ours=True),
    Bad("Remarks", "x" * 2_001, "2,001 characters, 2,000 is the most"),
    Bad("Condition_Report", "x" * 50_001, "50,001 characters, 50,000 is the most"),
    # e-mail, phone, website
    Bad("Email", "at work", "not an e-mail address"),
    Bad("Email", "jo@", "not an e-mail address"),
    Bad("Email", "@example.com", "not an e-mail address"),
    Bad("Contact_Phone", "0" * 31, "31 characters, 30 is the most"),
    Bad("Manual_URL", "example.com/" + "x" * 450, "is the most"),
    # whole numbers
    Bad("Units", "1,234", 'declare thousands = "," in the mapping'),
    Bad("Units", "1.234", "is not a number with ',' for the decimals and ' ' between thousands", FRENCH),
    Bad("Units", "12.0", "not a whole number"),
    Bad("Units", "12,5", "'12,5' is not a whole number", GERMAN),
    Bad("Units", 2.5, "2.5 is not a whole number"),
    Bad("Units", "1234567890", "10 digits, 9 is the most"),
    Bad("Units", True, "not a boolean"),
    Bad("Units", 1234567890, "more than 9 digits"),
    Bad("Units", float("nan"), "no number at all", ours=True),
    Bad("Units", "٣", "not a whole number"),
    Bad("Units", "1.23457E+11", "was rounded by a spreadsheet"),
    Bad("Barcode", "1" * 19, "19 digits, 18 is the most"),
    Bad("Barcode", "4006381-333931", "not a whole number"),
    # decimals, currencies, percent
    Bad(
        "Purchase_Price", "1,234", 'could be 1234 (thousands = ",") or 1.234 (decimal = ",")', ambiguous=True
    ),
    Bad("Purchase_Price", "1,234.50", 'declare thousands = "," in the mapping'),
    Bad("Purchase_Price", "1234,50", 'declare decimal = "," in the mapping'),
    Bad("Purchase_Price", "1.234,50", 'declare decimal = "," and thousands = "."'),
    Bad("Purchase_Price", "1234.50", "is not a number with ',' for the decimals", GERMAN),
    Bad("Purchase_Price", "1.23,50", "is not a number with ','", GERMAN),
    Bad("Purchase_Price", "12.34.567", "is not a number with ','", GERMAN),
    Bad("Purchase_Price", "€ 5", "no currency sign"),
    Bad("Purchase_Price", "€ 5,00", "is not a number with ','", GERMAN),
    Bad("Purchase_Price", "1e5", "not a plain number"),
    Bad("Purchase_Price", "(5.00)", "not a plain number"),
    Bad("Purchase_Price", "12345678901234567", "more than 16 digits"),
    Bad("Purchase_Price", "0.1234567890123", "more than 9 digits after the point"),
    Bad("Purchase_Price", False, "not a boolean"),
    Bad("Purchase_Price", "1234567890123456.789", "more digits than a number in JSON keeps"),
    Bad("Purchase_Price", float("inf"), "no number at all", ours=True),
    Bad("Purchase_Price", Decimal("sNaN"), "no number at all", ours=True),
    Bad("Depreciation", "123456", "more than 5 digits"),
    Bad("Probability", "1000", "more than 3 digits before the point", module="Deals"),
    Bad("Depreciation", "12 %", "not a plain number"),
    # dates
    Bad("Purchase_Date", "3/4/2024", "3 April 2024 (%d/%m/%Y) or 4 March 2024 (%m/%d/%Y)", ambiguous=True),
    Bad("Purchase_Date", "3/4/24", "it could be 3 April 2024 (%d/%m/%y)", ambiguous=True),
    Bad("Purchase_Date", "4/4/2024", "declare which as date_format in the mapping, or --date-format"),
    Bad("Purchase_Date", "25/12/2024", "it fits %d/%m/%Y: declare that as date_format"),
    Bad("Purchase_Date", "12/25/2024", "it fits %m/%d/%Y"),
    Bad("Purchase_Date", "31.12.2024", "it fits %d.%m.%Y"),
    Bad("Purchase_Date", "20240331", "it fits %Y%m%d"),
    Bad("Purchase_Date", "31 Dec 2024", "it fits %d %b %Y"),
    Bad("Purchase_Date", "2024-12-31 00:00:00", "it fits %Y-%m-%d %H:%M:%S"),
    Bad("Purchase_Date", "2023-02-29", "there is no day 2023-02-29"),
    Bad("Purchase_Date", "soon", "'soon' is not a date such as 2024-03-31"),
    Bad("Purchase_Date", "2024-12-31", "does not fit the declared format %d.%m.%Y", GERMAN, ours=True),
    Bad("Purchase_Date", datetime(2024, 3, 31, tzinfo=UTC), 'in a mapping: split = "T", part = 1', ours=True),
    # date-times
    Bad("Inspected_At", "2024-03-31T09:30:00", "no time zone; add an offset"),
    Bad("Inspected_At", "2024-03-31", "it fits %Y-%m-%d: declare that as datetime_format"),
    Bad("Inspected_At", "3/4/2024 9:30 AM", "(%d/%m/%Y %I:%M %p) or 4 March 2024", ambiguous=True),
    Bad("Inspected_At", "2024-03-31T25:00:00Z", "there is no time"),
    Bad("Inspected_At", "2024-03-31T09:30:00+01:60", "is not a date-time", ours=True),
    Bad("Inspected_At", "0001-01-01T00:00:00+10:00", "beyond what a date-time can be"),
    Bad("Inspected_At", "9999-12-31T23:59:59-10:00", "beyond what a date-time can be"),
    Bad("Inspected_At", "31.3.2024 02:30", "there was no 02:30 on 2024-03-31 in Europe/Berlin", GERMAN),
    Bad("Inspected_At", 1711877400, "not a date-time"),
    # booleans
    Bad("Insured", "maybe", "neither yes nor no; write true/false"),
    Bad("Insured", "yes", "write 'ja' or 'J', or 'nein' or 'N', as declared", GERMAN),
    Bad("Insured", 2, "neither yes nor no"),
    # pick lists
    Bad("Condition", "Broken", "'Broken' is not in the pick list; it has New, Used, Scrap"),
    Bad("Condition", "used", "did you mean 'Used'?"),
    Bad("Colours", "Red;Blu", "did you mean 'Blue'?"),
    Bad("Colours", 5, "a list is wanted"),
    # lookups and users
    Bad("Account", "Acme", "is not an id of Zoho, which is up to 20 digits; give the record's id"),
    Bad("Account", "5.54597E+18", "was rounded by a spreadsheet"),
    Bad("Account", {"name": "Acme"}, "no id"),
    Bad("Account", Ref("Contacts", "C1"), "Account refers to Accounts, not to Contacts", ours=True),
    Bad("Caretaker", "tom.okafer@example.com", "did you mean 'tom.okafor@example.com'?"),
    Bad("Caretaker", "Lena Former", "Lena Former (lena.former@example.com) is not active"),
    Bad("Caretaker", LENA, "is not active"),
    Bad("Caretaker", NOBODY, "the org has no user"),
    Bad("Owner", {"id": LENA}, "is not active"),
    Bad("Owner", "Ana Silva", "ana.silva@example.com and ana.silva.lisbon@example.com", ambiguous=True),
    Bad("Owner", Find("Contacts", "Email", "jo@example.com"), "a user is wanted", ours=True),
    Bad("Used_By", "Jo Doe", "is not an id of Zoho"),
    Bad("Used_By", [Ref("Accounts", "A1")], "Used_By refers to Contacts, not to Accounts", ours=True),
    Bad("Reviewers", ["nobody@example.com"], "the org has no user"),
    Bad("Who_Id", Ref("Accounts", "A1"), "Who_Id refers to Contacts or Leads", module="Tasks", ours=True),
    Bad(
        "What_Id",
        {"id": ACCOUNT},
        "it names the module of What_Id",
        code="MANDATORY_NOT_FOUND",
        at="$se_module",
        module="Tasks",
    ),
    # lists and objects
    Bad("Tag", "x" * 26, "26 characters, 25 is the most"),
    Bad(
        "Inspected_At",
        "2024-10-27T02:30",
        "came twice in Europe/Berlin, when the clocks went back; add the offset that is meant: +02",
        BERLIN,
        ambiguous=True,
    ),
    Bad("Tag", 5, "a list is wanted"),
    Bad("Service_Log", "x", "a list or an object is wanted"),
    Bad("Service_Log", "[{]", "not JSON that can be read"),
    Bad("Service_Log", {"Work": "x"}, "a list of rows is wanted"),
    Bad("Service_Log", ["x"], "a row of a subform is an object, not text", at="Service_Log[0]"),
    Bad(
        "Service_Log",
        [{"Service_Date": "2024-01-02"}, {"Service_Date": "2024-01-02", "Hours": "two"}],
        "'two' is not a plain number",
        at="Service_Log[1].Hours",
    ),
    Bad(
        "Service_Log",
        [{"Work": "x"}],
        "required field not found",
        code="MANDATORY_NOT_FOUND",
        at="Service_Log[0].Service_Date",
    ),
    Bad(
        "Service_Log",
        [{"Service_Date": "2024-01-02"}] * 201,
        "201 rows, 200 is the most in one record",
        code="LIMIT_EXCEEDED",
    ),
    Bad("Documents", "c01f", "a list or an object is wanted"),
    Bad("Documents", {"File_Id__s": "c01f"}, "a list is wanted, as Zoho's pages show it, not an object"),
    Bad("Recurring_Activity", [1], "an object is wanted", module="Events"),
    Bad("Remind_At", [{"unit": object()}], "JSON can't hold it", module="Events", ours=True),
    Bad("Remind_At", [{"unit": "15", "period": "minutes"}], "a reminder is", module="Events"),
    Bad("Remind_At", ["x"], "an object is wanted, not text", module="Events"),
    Bad("Remind_At", {"ALARM": 5}, 'the text "ALARM"', module="Tasks"),
    Bad("Recurring_Activity", {"x": "y"}, 'the text "RRULE"', module="Events"),
    Bad("Documents", [{}], "<id of an uploaded file>", code="MANDATORY_NOT_FOUND"),
    Bad("Photos", ["abc"], "<id of an uploaded file>"),
    Bad("Documents", [{"File_Id__s": 5}], "<id of an uploaded file>"),
    Bad("Participants", [{"type": "robot"}], "[0].type is one of email", module="Events"),
    Bad("Participants", [{"type": "email"}], 'has its "Email"', module="Events", code="MANDATORY_NOT_FOUND"),
    Bad(
        "Participants",
        [{"type": "contact", "participant": Find("Contacts", "Email", "jo@example.com")}],
        "JSON can't hold it",
        module="Events",
        ours=True,
    ),
    Bad("Participants", ["a@b.de"], "an object is wanted, not text", module="Events"),
    Bad(
        "Participants",
        [{"type": "email", "Email": f"p{n}@example.com"} for n in range(51)],
        "51 participants, 50 is the most",
        module="Events",
        code="LIMIT_EXCEEDED",
    ),
    Bad("Condition", "Hired Out", "not in the pick list"),
]
