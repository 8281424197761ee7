"""Which field a column is proposed for, what is declared for it, and what is said to be unsure."""

from __future__ import annotations

import csv
import tomllib
from datetime import date
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rows.fields import choices, field, module
from zmigrate.errors import UsageError
from zmigrate.rows.conversion.converter import BadValue, Converter
from zmigrate.rows.mapping import read_mapping
from zmigrate.rows.proposal.column_sample import Column, dates_in, look_at, numbers_in, words_in
from zmigrate.rows.proposal.fit import UsersByName
from zmigrate.rows.proposal.match import best_assignment
from zmigrate.rows.proposal.propose import Line, Proposal, propose
from zmigrate.rows.proposal.toml_text import mapping_text, quoted

DEALS = module(
    field("Deal_Name", length=120, mandatory=True),
    field("Account_Name", "lookup", lookup_module="Accounts"),
    field("Contact_Name", "lookup", lookup_module="Contacts"),
    field("What_Id", "lookup", lookup_module="se_module"),
    field(
        "Stage",
        "picklist",
        mandatory=True,
        pick_list=choices("-None-", "Qualification", "Needs Analysis", "Closed Won", "Closed Lost"),
    ),
    field("Lead_Source", "picklist", pick_list=choices("-None-", "Cold Call", "Trade Show", "Web Download")),
    field("Interests", "multiselectpicklist", pick_list=choices("Hardware", "Software", "Training")),
    field("Amount", "currency", length=16, decimal_place=2),
    field("Probability", "percent", length=3),
    field("Closing_Date", "date"),
    field("Legacy_Created_Time", "datetime"),
    field("Description", "textarea", length=32000),
    field("Legacy_ID", length=100, unique=True, external="org"),
    field("Old_System_Ref", length=120),
    field("Email", "email", length=100),
    field("Phone", "phone", length=30),
    field("Website", "website", length=450),
    field("Urgent", "boolean"),
    field("Owner", "ownerlookup"),
    field("Created_Time", "datetime", creatable=False, updatable=False),
    field("Old_Fax", on_layout=False),
    field("Layout", "layout"),
    name="Deals",
)
ACCOUNTS = module(
    field("Account_Name", length=200, mandatory=True),
    field("Parent_Account", "lookup", lookup_module="Accounts"),
    field("Employees", "integer"),
    field("Billing_City", length=100),
    field("Billing_Code", length=30),
    name="Accounts",
)
LEADS = module(
    field("Last_Name", length=80, mandatory=True),
    field("First_Name", length=40),
    field("Company", length=200),
    field("Designation", length=100),
    field("Email", "email"),
    field("Secondary_Email", "email"),
    field("Phone", "phone"),
    field("Mobile", "phone"),
    field("Zip_Code", length=30),
    field("City", length=100),
    field("Lead_Source", "picklist", pick_list=choices("Cold Call", "Trade Show", "Web Download")),
    field("Legacy_ID", length=100, unique=True, external="org"),
    name="Leads",
)
USERS = UsersByName.of(
    [
        {"id": "4150868000000225013", "full_name": "Anna Snelling", "email": "anna@example.com"},
        {"id": "4150868000000225014", "full_name": "Ben Okafor", "email": "ben@example.com"},
        {
            "id": "4150868000000225015",
            "full_name": "Old Timer",
            "email": "old@example.com",
            "status": "closed",
        },
    ]
)


def column(name: str, *values: Any) -> Column:
    return look_at(({name: value} for value in values), [name])[0]


def proposed(*columns: Column, fields: Any = DEALS, operation: Any = "insert", **more: Any) -> Proposal:
    return propose(columns, fields, operation, **more)


def only(proposal: Proposal) -> Line:
    (line,) = proposal.lines
    return line


def text_of(proposal: Proposal, **more: Any) -> str:
    return mapping_text(proposal, file="x.csv", next_command="zmigrate plan", **more)


# ------------------------------------------------------------------------------------------------- headers


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("Surname", "Last_Name"),
        ("lastName", "Last_Name"),
        ("LAST NAME", "Last_Name"),
        ("Nachname", "Last_Name"),
        ("given-name", "First_Name"),
        ("firma", "Company"),
        ("Account", "Company"),
        ("e-mail", "Email"),
        ("mail address", "Email"),
        ("Second Email", "Secondary_Email"),
        ("tel.", "Phone"),
        ("Phone No", "Phone"),
        ("cell", "Mobile"),
        ("Postcode", "Zip_Code"),
        ("PLZ", "Zip_Code"),
        ("town", "City"),
        ("Ville", "City"),
        ("job title", "Designation"),
        ("lead_sorce", "Lead_Source"),
        ("Legacy ID", "Legacy_ID"),
    ],
)
def test_a_header_finds_its_field(header, wanted):
    line = only(proposed(Column(header, 0, {}, 0), fields=LEADS))
    assert line.field.api_name == wanted


@pytest.mark.parametrize(
    "header", ["internal_7", "xyz", "Created_Time", "Old_Fax", "Layout", "What_Id", "", "!!"]
)
def test_a_header_like_no_field_that_can_be_written_goes_nowhere(header):
    proposal = proposed(column(header, "some text", "other text"))
    assert proposal.lines == ()
    assert [each.column.name for each in proposal.left] == [header]


def test_no_field_is_given_twice_and_all_together_come_out_best():
    proposal = proposed(
        column("email", "a@example.com"),
        column("second email", "b@example.com"),
        column("phone", "+49 30 123456"),
        column("mobile phone", "+49 170 123456"),
        fields=LEADS,
    )
    assert {line.column.name: line.field.api_name for line in proposal.lines} == {
        "email": "Email",
        "second email": "Secondary_Email",
        "phone": "Phone",
        "mobile phone": "Mobile",
    }


@given(
    st.dictionaries(
        st.integers(0, 4),
        st.dictionaries(st.integers(0, 4), st.integers(1, 100).map(float), max_size=5),
        max_size=5,
    )
)
def test_the_assignment_is_the_best_of_all(scores):
    pairs = best_assignment(scores)
    assert len(set(pairs.values())) == len(pairs)
    total = sum(scores[left][right] for left, right in pairs.items())
    every = product(*[[None, *found] for found in scores.values()])
    best = 0.0
    for rights in every:
        taken = [right for right in rights if right is not None]
        if len(set(taken)) == len(taken):
            best = max(
                best,
                sum(
                    found[right]
                    for found, right in zip(scores.values(), rights, strict=True)
                    if right is not None
                ),
            )
    assert total == pytest.approx(best)


def test_a_column_that_has_the_fields_api_name_comes_before_names_that_read_like_it():
    columns = [column(name, "a", "b") for name in ("Légacy ID", "legacy-id", "Legacy_ID", "legacy id")]
    lines = {line.field.api_name: line.column.name for line in proposed(*columns).lines}
    assert lines["Legacy_ID"] == "Legacy_ID"


def test_a_field_that_is_as_near_and_that_nothing_fills_is_named():
    fields = module(field("Sales_Agent"), field("Owner", "ownerlookup"), name="Deals")
    proposal = proposed(column("sales_agent", "Anna Snelling", "Who Else"), fields=fields, users=USERS)
    assert only(proposal).field.api_name == "Sales_Agent"
    assert "# Owner would suit it too, and have no column." in text_of(proposal)


# -------------------------------------------------------------------------------------------------- values


def test_values_tell_the_field_where_the_header_says_nothing():
    line = only(proposed(column("col7", "ada@example.com", "bob@example.org"), fields=LEADS))
    assert line.field.api_name == "Email"
    assert not line.sure
    assert "e-mail addresses" in line.why


@pytest.mark.parametrize("value", ["1.2.1990", "1234567.50", "12-12-2024"])
def test_dates_and_numbers_are_not_taken_for_phones(value):
    assert proposed(column("col7", value), fields=LEADS).lines == ()


def test_values_that_a_field_would_refuse_speak_against_the_name():
    proposal = proposed(column("Closing Date", "soon", "later", "never"))
    assert proposal.lines == ()
    assert proposal.left[0].near == "Closing_Date"


@pytest.mark.parametrize(
    ("values", "formats"),
    [
        (["2024-03-31", "2024-01-02"], ("iso",)),
        (["31/12/2024", "01/02/2024"], ("%d/%m/%Y",)),
        (["12/31/2024", "01/02/2024"], ("%m/%d/%Y",)),
        (["03/04/2024", "01/02/2024"], ("%d/%m/%Y", "%m/%d/%Y")),
        (["31.12.2024"], ("%d.%m.%Y",)),
        (["31 Dec 2024", "1 Jan 2025"], ("%d %b %Y",)),
        (["December 31, 2024"], ("%B %d, %Y",)),
        (["31/12/2024 13:14"], ("%d/%m/%Y %H:%M",)),
        (["12/31/2024 1:14 PM"], ("%m/%d/%Y %I:%M %p",)),
        (["2024-03-31T09:30:00Z"], ("iso",)),
        (["20241231"], ("%Y%m%d",)),
    ],
)
def test_the_formats_that_fit_all_dates_are_found(values, formats):
    found = dates_in(values)
    assert found is not None
    assert found.formats == formats
    assert list(found.fitting) == values


@pytest.mark.parametrize("values", [[], ["x"], ["99/99/2024"], ["12345678901234567890"], ["0000-00-00"]])
def test_what_is_no_date_has_no_format(values):
    found = dates_in(values)
    assert found is None or not found.fitting


def test_a_date_that_reads_in_two_ways_is_said_to_be_unsure():
    line = only(proposed(column("close date", "03/04/2024", "01/02/2024")))
    assert line.fit.settings == {"format": "%d/%m/%Y"}
    assert "%d/%m/%Y and %m/%d/%Y fit all" in " ".join(line.unsure)


def test_a_time_of_day_that_a_date_has_no_room_for_is_said():
    line = only(proposed(column("closing date", "31/12/2024 13:14")))
    assert line.unsure == ("the values have a time of day, the field has none",)


def test_how_many_values_are_none_of_the_type_is_said():
    line = only(proposed(column("amount", "1", "2", "3", "n/a")))
    (said,) = line.doubts
    assert said.startswith("1 of 4 values would be refused: 'n/a' is not a plain number; write 1234.50")
    assert line.unsure == (said.replace("'n/a'", "one"),)


def test_dates_of_a_workbook_need_no_format():
    line = only(proposed(column("close date", date(2024, 3, 31))))
    assert (line.field.api_name, dict(line.fit.settings)) == ("Closing_Date", {})


def test_a_time_without_an_offset_gets_the_orgs_zone_and_a_question():
    line = only(proposed(column("legacy created time", "2024-03-31 09:30"), time_zone="Europe/Berlin"))
    assert line.fit.settings == {"timezone": "Europe/Berlin"}
    assert "time zone" in " ".join(line.unsure)


@pytest.mark.parametrize(
    ("values", "decimal", "thousands", "unsure"),
    [
        (["1234", "5"], ".", "", False),
        (["1234.50", "5"], ".", "", False),
        (["1,234.50", "5"], ".", ",", False),
        (["1.234,50", "5"], ",", ".", False),
        (["1234,5", "0,25"], ",", "", False),
        (["1 234,50"], ",", " ", False),
        (["1'234.50"], ".", "'", False),
        (["1,234", "12"], ".", ",", True),
        (["1.234", "12"], ",", ".", True),
        (["0.123", "12"], ".", "", False),
    ],
)
def test_the_marks_of_numbers_are_found(values, decimal, thousands, unsure):
    found = numbers_in(values)
    assert found is not None
    assert (found.decimal, found.thousands, found.unsure) == (decimal, thousands, unsure)


@pytest.mark.parametrize(
    ("values", "true", "false", "declare"),
    [
        (["yes", "no"], ("yes",), ("no",), False),
        (["1", "0"], ("1",), ("0",), False),
        (["Ja", "Nein"], ("Ja",), ("Nein",), True),
        (["x"], ("x",), (), True),
    ],
)
def test_words_for_yes_and_no(values, true, false, declare):
    assert words_in(values) == (true, false, declare)


def test_words_that_are_neither_yes_nor_no_are_asked_about():
    assert words_in(["red", "green"]) is None
    proposal = proposed(column("urgent", "P", "Q"))
    assert "which value is yes" in " ".join(only(proposal).unsure)


def test_values_that_a_pick_list_lacks_get_the_nearest_and_a_question():
    line = only(proposed(column("stage", *["Won"] * 3, *["closed lost"] * 2, "Zzz")))
    text = text_of(proposed(column("stage", *["Won"] * 3, *["closed lost"] * 2, "Zzz")))
    assert [(each.value, each.near, each.sure) for each in line.fit.values] == [
        ("closed lost", "Closed Lost", True),
        ("Won", "Closed Won", False),
        ("Zzz", None, False),
    ]
    assert tomllib.loads(text)["fields"]["Stage"] == {
        "column": "stage",
        "values": {"closed lost": "Closed Lost", "Won": "Closed Won"},
    }
    assert '"Won" = "Closed Won"  # 3 rows; UNSURE: the nearest' in text
    assert '# "Zzz" = ""  # 1 row; UNSURE: nothing near' in text


def test_several_choices_in_a_cell_are_parted():
    line = only(proposed(column("interests", "Hardware, Software", "Training")))
    assert line.fit.settings == {"split": ","}
    assert dict(only(proposed(column("interests", "Hardware;Software"))).fit.settings) == {}


def test_text_that_is_too_long_is_said():
    line = only(proposed(column("deal name", "x" * 130, "short", "short 2", "short 3")))
    assert "up to 130 characters; the field takes 120" in " ".join(line.unsure)


# ------------------------------------------------------------------------------------ users and references


def test_names_of_users_go_to_the_owner_and_leavers_are_listed():
    proposal = proposed(column("agent", "Anna Snelling", "ben@example.com", "Old Timer"), users=USERS)
    assert only(proposal).field.api_name == "Owner"
    text = text_of(proposal, samples=True)
    assert '# "Old Timer" = ""  # 1 row' in text
    assert "UNSURE: these are not active users" in text


def test_a_misspelt_user_is_listed_with_the_nearest():
    text = text_of(proposed(column("owner", "Anna Snelling", "Ana Sneling"), users=USERS), samples=True)
    assert '# "Ana Sneling" = "anna@example.com"  # 1 row' in text


def test_what_is_commented_out_is_toml_once_the_mark_is_gone():
    proposal = proposed(column("stage", "Won", "Zzz"), column("agent", "Ann", "Old Timer"), users=USERS)
    text = text_of(proposal, samples=True)
    lines = [line for line in text.splitlines() if line.startswith('# "') and '" = "' in line]
    assert lines
    for line in lines:
        tomllib.loads(line.removeprefix("# "))


def test_names_of_users_tell_the_owner_whatever_the_header():
    line = only(proposed(column("col3", "Anna Snelling", "Ben Okafor"), users=USERS))
    assert (line.field.api_name, line.sure) == ("Owner", False)


def test_a_lookup_of_names_is_found_in_the_org_and_ref_is_offered():
    line = only(proposed(column("company", "Acme", "Isdom")))
    assert line.reference is not None
    assert (line.reference.kind, line.reference.module, line.reference.by) == (
        "find",
        "Accounts",
        "Account_Name",
    )
    text = text_of(proposed(column("company", "Acme", "Isdom")))
    assert tomllib.loads(text)["fields"]["Account_Name"] == {
        "find": "Accounts",
        "by": "Account_Name",
        "column": "company",
    }
    assert '# or: Account_Name = { ref = "Accounts", column = "company" }' in text


@pytest.mark.parametrize(
    ("values", "by"), [(["a@example.com", "b@example.com"], "Email"), (["Ada Li", "Bo Li"], "Full_Name")]
)
def test_people_are_found_by_what_the_values_are(values, by):
    reference = only(proposed(column("contact name", *values))).reference
    assert reference is not None
    assert reference.by == by


def test_a_lookup_of_old_ids_is_a_ref():
    reference = only(proposed(column("account_id", "A-1", "A-1", "A-2"))).reference
    assert reference is not None
    assert (reference.kind, reference.module) == ("ref", "Accounts")


def test_a_lookup_of_zoho_ids_is_the_column_itself():
    line = only(proposed(column("account", "4150868000000225013")))
    assert line.reference is None
    assert "only ids of this org" in " ".join(line.unsure)


def test_a_parent_in_the_same_file_is_a_ref_to_its_key():
    proposal = proposed(
        column("account", "Acme", "Isdom", "Konex"),
        column("subsidiary_of", "", "Acme", "Acme"),
        fields=ACCOUNTS,
    )
    parent = proposal.lines[1]
    assert proposal.key == "Account_Name"
    assert 'find = "Accounts", by = "Account_Name", column = "subsidiary_of"' in text_of(proposal)
    assert parent.field.api_name == "Parent_Account"
    assert parent.reference is not None
    assert parent.reference.kind == "ref"


# ---------------------------------------------------------------------------------------------------- keys


def test_a_column_of_ids_that_differ_becomes_the_key():
    proposal = proposed(column("opportunity_id", "1C1I7A6R", "Z063OYW0"))
    assert only(proposal).field.api_name == "Legacy_ID"
    assert proposal.key == "Legacy_ID"


def test_a_column_of_ids_that_repeat_is_no_key():
    proposal = proposed(column("legacy id", "1", "1", "2"))
    assert proposal.key is None
    assert '# key = "Legacy_ID"' in text_of(proposal)


def test_the_id_of_something_else_is_no_key():
    proposal = proposed(column("product_id", "P1", "P2"))
    assert proposal.lines == ()


def test_an_update_goes_by_the_record_id():
    proposal = proposed(
        column("Record Id", "4150868000000225013"), column("stage", "Closed Won"), operation="update"
    )
    assert proposal.key == "id"
    assert tomllib.loads(text_of(proposal))["fields"]["id"] == "Record Id"


def test_a_delete_needs_nothing_but_its_key():
    columns = column("Legacy ID", "1", "2"), column("Stage", "Closed Won", "Closed Won")
    proposal = proposed(*columns, operation="delete", key="Legacy_ID")
    assert [line.field.api_name for line in proposal.lines] == ["Legacy_ID"]
    assert proposal.wanted == ()


def test_an_upsert_says_match_on():
    text = text_of(proposed(column("Legacy ID", "1", "2"), operation="upsert"))
    assert tomllib.loads(text)["match_on"] == "Legacy_ID"


def test_a_key_that_no_column_fills_is_said():
    text = text_of(proposed(column("stage", "Closed Won"), key="Legacy_ID"))
    assert "UNSURE: give it a column" in text


# ------------------------------------------------------------------------------------------------ the file


def test_mandatory_fields_that_nothing_fills_are_left_as_comments():
    proposal = proposed(column("amount", "1"), on_layouts={"Closing_Date": ["Standard"]})
    text = text_of(proposal)
    assert '# Deal_Name = { constant = "" }' in text
    assert "# UNSURE: no column goes to Stage (picklist), which is mandatory." in text
    assert '# Stage = { constant = "Qualification" }' in text
    assert "# UNSURE: no column goes to Closing_Date (date), which is mandatory on a layout." in text


def test_a_mandatory_name_may_be_made_of_the_columns_that_tell_a_row():
    text = text_of(proposed(column("id", "D1", "D2"), column("account", "Acme", "Acme")))
    assert '# Deal_Name = { template = "{account} - {id}" }' in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", "hunter2"),
        ("api_token", "abc"),
        ("description", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9x1"),
        ("IBAN", "DE02120300000000202051"),
    ],
)
def test_what_may_be_secret_is_not_shown(name, value):
    assert value not in text_of(proposed(column(name, value, value + "x")), samples=True)


def test_samples_are_shortened():
    assert "x" * 60 not in text_of(proposed(column("description", "x" * 5000)), samples=True)


def test_half_of_a_letter_in_a_header_is_told():
    with pytest.raises(UsageError, match="half of a character"):
        text_of(proposed(Column("\ud83d", 0, {}, 0)))


def test_only_the_first_thousand_rows_are_looked_at():
    proposal = proposed(*look_at(({"stage": "Closed Won"} for _ in range(5000)), ["stage"]))
    assert proposal.rows == 1000
    assert "the first 1,000 rows" in text_of(proposal)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NAMES = TEXT.map(str.strip).filter(bool)
COLUMN_NAMES = st.lists(
    NAMES
    | st.sampled_from(["stage", "account", "owner", "amount", "close date", "id", "e-mail", "interests"]),
    min_size=1,
    max_size=6,
    unique=True,
)
CELLS = TEXT | st.sampled_from(
    ["Won", "closed lost", "1.234,5", "31/12/2024", "a@b.com", "ja", "Anna Snelling", ""]
)


@given(st.data())
def test_whatever_is_in_the_file_the_mapping_is_toml_and_has_each_column_once(data):
    names = data.draw(COLUMN_NAMES)
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, CELLS)), max_size=5))
    proposal = propose(look_at(rows, names), DEALS, "insert", users=USERS, time_zone="Europe/Berlin")
    said = tomllib.loads(text_of(proposal))
    used = [rule if isinstance(rule, str) else rule["column"] for rule in said["fields"].values()]
    assert sorted([*used, *said.get("ignore", [])]) == sorted(names)
    assert set(said["fields"]) <= set(DEALS.fields)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back_as_a_load_that_uses_each_column_once(data, tmp_path_factory):
    names = data.draw(COLUMN_NAMES.filter(lambda names: all(name.isprintable() for name in names)))
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, CELLS)), min_size=1, max_size=5))
    folder = tmp_path_factory.mktemp("mapping")
    with (folder / "x.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows([{name: cell.replace("\0", "") for name, cell in row.items()} for row in rows])
    proposal = propose(look_at(rows, names), DEALS, "insert", users=USERS)
    (load,) = read_mapping(written(folder, text_of(proposal, source={"file": "x.csv", "delimiter": ","})))
    used = [each for fill in load.fills for each in fill.columns]
    assert sorted([*used, *load.words.ignore]) == sorted(names)


def written(folder: Path, text: str) -> Path:
    path = folder / "mapping.toml"
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_quoted_text_comes_back_from_toml(text):
    assert tomllib.loads(f"x = {quoted(text)}")["x"] == text


def test_what_is_proposed_for_dirty_values_the_converter_takes(tmp_path):
    same = {"deal name": "Deal", "stage": "Closed Won"}
    rows = [
        {
            **same,
            "close date": "31/12/2024",
            "amount": "1.234,50",
            "urgent": "ja",
            "interests": "Hardware,Software",
        },
        {**same, "close date": "01/02/2025", "amount": "7,5", "urgent": "nein", "interests": "Training"},
    ]
    proposal = propose(look_at(rows, list(rows[0])), DEALS, "insert")
    with (tmp_path / "x.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (load,) = read_mapping(written(tmp_path, text_of(proposal, source={"file": "x.csv"})))
    converter = Converter(DEALS, "insert", formats=load.formats)
    try:
        records = [converter.convert(load.transform(row)) for row in rows]
    except BadValue as error:
        pytest.fail(str(error))
    assert records[0] == {
        "Deal_Name": "Deal",
        "Stage": "Closed Won",
        "Closing_Date": "2024-12-31",
        "Amount": 1234.5,
        "Urgent": True,
        "Interests": ["Hardware", "Software"],
    }


def test_a_name_of_two_users_is_no_user() -> None:
    twins = [
        {"id": "1", "full_name": "Anna  Snelling", "email": "a@example.com"},
        {"id": "2", "first_name": "Anna", "last_name": "Snelling", "email": "b@example.com"},
        {"id": "3", "full_name": "Old Timer", "email": "old@example.com", "status": "Closed"},
    ]
    known = UsersByName.of(twins).names
    assert known == {"1": "a@example.com", "a@example.com": "a@example.com"} | {
        "2": "b@example.com",
        "b@example.com": "b@example.com",
    }


def test_numbers_are_looked_at_as_a_run_compares_them() -> None:
    rows = [{"code": value} for value in (1.0, 1, Decimal("1E+3"), True, None)]
    assert dict(look_at(rows, ["code"])[0].values) == {"1": 2, "1000": 1, "true": 1}


def test_a_column_that_tells_a_records_state_goes_nowhere() -> None:
    fields = module(field("Approved", "boolean"), field("Last_Name"))

    proposal = proposed(column("$approved", "true", "true"), column("Last_Name", "A", "B"), fields=fields)

    assert [line.column.name for line in proposal.lines] == ["Last_Name"]
    (left,) = proposal.left
    assert (left.column.name, left.near) == ("$approved", None)
    assert left.why == "it tells the state of a record in Zoho, and is no field"


def test_an_encrypted_field_is_proposed_for_its_column_but_not_as_the_key() -> None:
    fields = module(field("Legacy_ID", unique=True, encrypted=True), field("Last_Name", mandatory=True))

    proposal = proposed(column("Legacy_ID", "1", "2"), column("Last_Name", "A", "A"), fields=fields)

    assert [line.field.api_name for line in proposal.lines] == ["Legacy_ID", "Last_Name"]
    assert proposal.key is None
