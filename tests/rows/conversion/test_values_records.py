"""A record as a whole: all that is wrong with it, what is missing, what it points at."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rows.assets import MODULES, converter
from tests.rows.conversion.value_table import ACCOUNT, CONTACT
from tests.rows.fields import LEADS, choices, field, module
from tests.rows.refusals import Told
from zmigrate import Blank
from zmigrate.errors import Fatal, UsageError
from zmigrate.job.formats import Formats
from zmigrate.job.references import Find, Ref
from zmigrate.rows.conversion.converter import BadValue, Converter
from zmigrate.rows.conversion.open_id import OpenId


def refusal(record: Any, *args: Any, **more: Any) -> Told:
    with pytest.raises(BadValue) as bad:
        converter(*args, **more).convert(record)
    return Told.of(bad.value)


# -- all that is wrong -----------------------------------------------------------------------------


def test_all_bad_fields_of_a_record_are_told_at_once() -> None:
    bad = refusal({"Units": "two", "Email": "jo@", "Nmae": "x", "Purchase_Date": "3/4/2024"})
    assert [(error.field, error.code, error.value, error.ambiguous) for error in bad.reasons] == [
        ("Units", "INVALID_DATA", "two", False),
        ("Email", "INVALID_DATA", "jo@", False),
        ("Nmae", "UNKNOWN_FIELD", "x", False),
        ("Purchase_Date", "INVALID_DATA", "3/4/2024", True),
    ]
    assert bad.field == "Units; Email; Nmae; Purchase_Date"
    assert bad.code == "INVALID_DATA; UNKNOWN_FIELD"
    assert bad.message.startswith("Units: 'two' is not a whole number")
    assert "; Email: not an e-mail address" in bad.message
    assert bad.ambiguous


def test_a_single_error_is_told_without_its_field_in_the_message() -> None:
    bad = refusal({"Email": "jo@"})
    assert (bad.field, bad.message) == ("Email", "not an e-mail address such as jo@example.com")
    assert str(BadValue(*bad.reasons)) == "Email: not an e-mail address such as jo@example.com"


# -- what is missing -------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{}, {"Name": ""}, {"Name": " "}, {"Name": None}, {"Name": []}])
def test_an_insert_without_a_mandatory_field_is_refused(given: dict[str, Any]) -> None:
    bad = refusal({**given, "Units": 1}, operation="insert")
    assert (bad.field, bad.code) == ("Name", "MANDATORY_NOT_FOUND")
    assert "required field not found" in bad.message


def test_all_missing_fields_are_told_beside_those_that_are_bad() -> None:
    bad = refusal({"Amount": "x"}, "Deals", operation="insert")
    assert [(error.field, error.code) for error in bad.reasons] == [
        ("Amount", "INVALID_DATA"),
        ("Deal_Name", "MANDATORY_NOT_FOUND"),
        ("Stage", "MANDATORY_NOT_FOUND"),
    ]
    assert (
        refusal({"Deal_Name": "x", "Stage": "Nonsense"}, "Deals", operation="insert").code == "INVALID_DATA"
    )
    nothing_chosen = refusal({"Deal_Name": "x", "Stage": "-None-"}, "Deals", operation="insert")
    assert (nothing_chosen.field, nothing_chosen.code) == ("Stage", "MANDATORY_NOT_FOUND")


def test_an_update_need_not_give_a_mandatory_field_and_must_not_blank_it() -> None:
    assert converter().convert({"Units": 1}) == {"Units": 1}
    assert converter(operation="upsert").convert({"Units": 1}) == {"Units": 1}
    for operation in ("update", "upsert"):
        assert converter(operation=operation).convert({"Name": None, "Units": 1}) == {"Units": 1}
        bad = refusal({"Name": Blank}, operation=operation)
        assert (bad.field, bad.code) == ("Name", "MANDATORY_NOT_FOUND")


def test_an_open_reference_in_a_mandatory_lookup_counts_as_given() -> None:
    fields = module(field("Unit", "lookup", lookup_module="Org_Units", mandatory=True))
    insert = Converter(fields, "insert")
    assert insert.convert({"Unit": Ref("Org_Units", "U1")}) == {"Unit": {"id": None}}
    with pytest.raises(BadValue, match="required field not found"):
        insert.convert({"Unit": Ref("Org_Units", " ")})


def test_a_mandatory_key_that_is_empty_is_told_once() -> None:
    with pytest.raises(BadValue) as bad:
        Converter(LEADS, "insert", "Last_Name").convert({"Last_Name": "", "Email": "x"})
    assert [(error.field, error.code) for error in bad.value.reasons] == [
        ("Email", "INVALID_DATA"),
        ("Last_Name", "EMPTY_KEY"),
    ]


# -- references ------------------------------------------------------------------------------------


def test_references_become_open_ids_that_are_listed_in_order() -> None:
    assets = converter()
    one, two = Ref("Accounts", "A1"), Find("Contacts", "Email", "jo@example.com", when_open="leave_out")
    record = assets.convert({"Account": one, "Used_By": [two, {"id": CONTACT}, Ref("Contacts", "")]})
    assert record == {
        "Account": {"id": None},
        "Used_By": [{"Used_By": {"id": None}}, {"Used_By": {"id": CONTACT}}],
    }
    first, second = assets.open
    assert isinstance(first, OpenId)
    assert first is record["Account"]
    assert second is record["Used_By"][0]["Used_By"]
    assert [(each.field, each.reference) for each in assets.open] == [("Account", one), ("Used_By", two)]
    assert assets.convert({"Units": 1}) == {"Units": 1}
    assert assets.open == ()


@pytest.mark.parametrize("key", ["", " ", None])
def test_a_reference_with_an_empty_key_leaves_the_field_alone(key: Any) -> None:
    assets = converter()
    assert assets.convert({"Account": Ref("Accounts", key), "Units": 1}) == {"Units": 1}
    assert assets.convert({"Account": Find("Accounts", "Account_Name", key)}) == {}
    assert assets.open == ()


def test_a_key_is_taken_as_trimmed_text() -> None:
    assets = converter()
    assets.convert({"Account": Ref("Accounts", 7)})  # type: ignore[arg-type]
    assert assets.open[0].reference == Ref("Accounts", "7")
    assets.convert({"Account": Find("Accounts", "Account_Name", " Acme ")})
    assert assets.open[0].reference == Find("Accounts", "Account_Name", "Acme")


def test_a_refused_records_references_are_told_and_are_not_the_next_ones() -> None:
    assets = converter()
    with pytest.raises(BadValue):
        assets.convert({"Account": Ref("Accounts", "A1"), "Units": "x"})
    assert [open_id.reference for open_id in assets.open] == [Ref("Accounts", "A1")]
    assets.convert({"Units": 1})
    assert assets.open == ()


def test_references_in_a_subform_are_told_by_the_subforms_field() -> None:
    assets = converter()
    rows = [{"Service_Date": "2024-01-02", "Part": Find("Products", "Product_Name", "GTX Pro")}]
    record = assets.convert({"Service_Log": rows})
    (found,) = assets.open
    assert found is record["Service_Log"][0]["Part"]
    assert found.field == "Service_Log"


def test_what_id_is_written_with_the_module_that_it_points_at() -> None:
    tasks = converter("Tasks")
    record = tasks.convert({"What_Id": Ref("Deals", "D1"), "Who_Id": Ref("Leads", "L1")})
    assert record == {"What_Id": {"id": None}, "Who_Id": {"id": None}, "$se_module": "Deals"}
    given = tasks.convert({"$se_module": "Deals", "What_Id": Find("Deals", "Deal_Name", "Big")})
    assert given["$se_module"] == "Deals"
    assert tasks.convert({"$se_module": "Accounts", "What_Id": ACCOUNT})["What_Id"] == {"id": ACCOUNT}
    assert tasks.convert({"What_Id": Blank}) == {"What_Id": None}
    bad = refusal({"What_Id": Ref("Deals", "D1"), "$se_module": "Accounts"}, "Tasks")
    assert (bad.field, bad.message) == ("$se_module", "What_Id refers to Deals, but $se_module says Accounts")


def test_rows_with_references_are_taken_one_by_one() -> None:
    assets = converter()
    columns = [("1", "2"), (Ref("Accounts", "A1"), "")]
    assert assets.convert_columns(("Units", "Account"), columns) is None
    assert assets.open == ()
    assert converter("Tasks").convert_columns(("What_Id",), [(ACCOUNT,)]) is None
    assert assets.convert_columns(("Units", "Account"), [("1",), (ACCOUNT,)]) == [
        {"Units": 1, "Account": {"id": ACCOUNT}}
    ]


# -- subforms --------------------------------------------------------------------------------------


def test_every_bad_cell_of_a_subform_is_told_by_row_and_field() -> None:
    rows = [{"Service_Date": "2.1.2024", "Hours": 1}, {"Hours": "x", "Nowhere": 1}]
    bad = refusal({"Service_Log": rows, "Units": "x"})
    assert [(error.field, error.code) for error in bad.reasons] == [
        ("Service_Log[0].Service_Date", "INVALID_DATA"),
        ("Service_Log[1].Hours", "INVALID_DATA"),
        ("Service_Log[1].Nowhere", "UNKNOWN_FIELD"),
        ("Service_Log[1].Service_Date", "MANDATORY_NOT_FOUND"),
        ("Units", "INVALID_DATA"),
    ]


def test_a_row_that_is_there_is_changed_and_one_may_be_taken_out() -> None:
    rows = [
        {"id": "42", "Hours": Blank, "Cost": None},
        {"id": 43, "_delete": None},
        {"id": "", "Service_Date": "2024-01-02"},
    ]
    assert converter().convert({"Service_Log": rows})["Service_Log"] == [
        {"id": "42", "Hours": None},
        {"id": 43, "_delete": None},
        {"Service_Date": "2024-01-02"},
    ]
    assert converter().convert({"Service_Log": Blank}) == {"Service_Log": []}


def test_the_links_of_a_record_are_removed_one_by_one_and_not_blanked() -> None:
    fields = module(field("Links", "multiselectlookup", json_type="jsonarray"))
    assert Converter(fields, "insert").convert({"Links": Blank}) == {}
    with pytest.raises(BadValue, match="can only be removed one by one"):
        Converter(fields, "update").convert({"Links": Blank})


@pytest.mark.parametrize("operation", ["insert", "update", "upsert"])
def test_an_empty_list_leaves_every_field_alone_as_none_does(operation: Any) -> None:
    """Zoho's own answers have `[]` where a record has no tags, no rows, no choices."""
    record = {
        "Name": "x",
        "Units": 1,
        "Service_Log": [],
        "Colours": [],
        "Used_By": (),
        "Tag": [],
        "$taxes": [],
    }
    assert converter(operation=operation).convert(record) == {"Name": "x", "Units": 1}
    assert converter(operation=operation).convert({"Name": "x", "Service_Log": "[]"}) == {"Name": "x"}


def test_an_empty_list_of_a_mandatory_subform_counts_as_missing() -> None:
    fields = module(field("Items", "subform", json_type="jsonarray", mandatory=True))
    with pytest.raises(BadValue, match="required field not found"):
        Converter(fields, "insert").convert({"Items": []})
    assert Converter(fields, "update").convert({"Items": []}) == {}


def test_an_empty_list_as_key_is_an_empty_key() -> None:
    with pytest.raises(BadValue) as bad:
        Converter(LEADS, "update", "Last_Name").convert({"Last_Name": []})
    assert [error.code for error in bad.value.reasons] == ["EMPTY_KEY"]


def test_a_text_of_separators_alone_chooses_nothing_and_erases_nothing() -> None:
    assert converter().convert({"Colours": " ; "}) == {}
    assert converter().convert({"Colours": Blank}) == {"Colours": None}


def test_a_column_of_a_subform_may_have_formats_of_its_own() -> None:
    formats = Formats(decimal=",").for_field("Service_Log.Cost", decimal=".", thousands=",")
    rows = [{"Service_Date": "2024-01-02", "Hours": "1,5", "Cost": "1,234.50"}]
    assert converter(formats=formats).convert({"Service_Log": rows})["Service_Log"] == [
        {"Service_Date": "2024-01-02", "Hours": 1.5, "Cost": 1234.5}
    ]


def test_a_subform_whose_fields_are_not_known_is_sent_as_it_is() -> None:
    assert converter(related=None).convert({"Service_Log": [{"Any": 1}]}) == {"Service_Log": [{"Any": 1}]}

    def forbidden(name: str) -> Any:
        raise Fatal("permission denied", code="NO_PERMISSION")

    bad = refusal({"Service_Log": [{"Any": 1}]}, related=forbidden)
    assert "the fields of Service_Log can't be read: permission denied" in bad.message


def test_the_fields_of_a_subform_are_asked_for_when_its_first_row_comes() -> None:
    asked: list[str] = []

    def related(name: str) -> Any:
        asked.append(name)
        return MODULES[name]

    assets = converter(related=related)
    assets.convert({"Units": 1, "Service_Log": ""})
    assert asked == []
    for _ in range(2):
        assets.convert({"Service_Log": [{"Service_Date": "2024-01-02"}]})
    assert asked == ["Service_Log"]


# -- lists that Zoho wraps -------------------------------------------------------------------------


def test_links_that_are_there_are_named_by_their_row() -> None:
    rows = [{"id": "7", "_delete": None}, {"id": 8, "Used_By": CONTACT}]
    assert converter().convert({"Used_By": rows})["Used_By"] == [
        {"id": "7", "_delete": None},
        {"id": "8", "Used_By": {"id": CONTACT}},
    ]


def test_a_multi_select_lookup_whose_wrapping_is_not_known_must_be_given_wrapped() -> None:
    fields = module(field("Links", "multiselectlookup", json_type="jsonarray"))
    with pytest.raises(BadValue, match="do not say how its ids are wrapped"):
        Converter(fields, "update").convert({"Links": [CONTACT]})


def test_a_name_that_is_stored_for_one_choice_and_shown_for_another_is_not_guessed() -> None:
    fields = module(field("State", "picklist", pick_list=choices("New=Open", "Newer=New", "Done")))
    state = Converter(fields, "update")
    for written, stored in (("Open", "Open"), ("Newer", "New"), ("Done", "Done")):
        assert state.convert({"State": written}) == {"State": stored}
    with pytest.raises(BadValue, match="write the other name") as bad:
        state.convert({"State": "New"})
    assert Told.of(bad.value).ambiguous


# -- declared formats ------------------------------------------------------------------------------


def test_a_field_may_have_formats_of_its_own() -> None:
    formats = Formats(decimal=",").for_field("Weight", decimal=".")
    assert converter(formats=formats).convert({"Purchase_Price": "1,5", "Weight": "1.5"}) == {
        "Purchase_Price": 1.5,
        "Weight": 1.5,
    }


@pytest.mark.parametrize(
    ("formats", "why"),
    [
        (Formats(decimal=";"), "decimal = ';'"),
        (Formats(thousands="_"), "thousands = '_'"),
        (Formats(decimal=",", thousands=","), "both ','"),
        (Formats(date_format="dd/mm/yyyy"), "date_format = 'dd/mm/yyyy' is not a date format"),
        (Formats(date_format="%d/%m"), "is not a date format"),
        (Formats(datetime_format="%d/%m/%Y %I:%M"), "does not say morning or evening"),
        (Formats(datetime_format="%d/%m/%Y %H:%M %Z"), "names of time zones (%Z) are not kept"),
        (Formats(datetime_format="%q"), "datetime_format = '%q'"),
        (Formats(timezone="Europe/Nowhere"), "not a known time zone"),
        (Formats(timezone="../etc/passwd"), "not the name of a time zone"),
        (Formats(true=("no",)), "'no' would mean both true and false"),
        (Formats().for_field("Weight", decimal=""), "Weight: decimal = ''"),
    ],
)
def test_formats_that_can_not_be_read_by_are_refused_before_the_first_row(formats: Formats, why: str) -> None:
    with pytest.raises(UsageError) as error:
        converter(formats=formats)
    assert why in error.value.message


def test_a_call_that_took_place_took_some_time() -> None:
    call = {"Subject": "s", "Call_Type": "Inbound", "Call_Start_Time": "2024-01-01T10:00:00Z"}
    calls = converter("Calls", "insert")
    for duration in ("00:00", "0:00:00", "0"):
        with pytest.raises(BadValue) as bad:
            calls.convert({**call, "Call_Duration": duration})
        assert [(error.field, error.code) for error in bad.value.reasons] == [
            ("Call_Duration", "DEPENDENT_MISMATCH")
        ]
    calls.convert({**call, "Call_Duration": "00:01"})
    calls.convert({**call, "Call_Duration": "00:00", "Outbound_Call_Status": "Scheduled"})


@pytest.mark.parametrize(
    ("field", "row"),
    [
        ("Service_Log", {"id": "123456", "_delete": None}),
        ("Used_By", {"id": "123456", "_delete": None}),
        ("Reviewers", {"id": "123456", "_delete": None}),
        ("Documents", {"id": "123456"}),
    ],
)
def test_a_new_record_has_no_rows_yet(field: str, row: dict[str, Any]) -> None:
    with pytest.raises(BadValue, match="a new record has no rows yet"):
        converter(operation="insert").convert({"Name": "x", field: [row]})
    assert converter(operation="update").convert({field: [row]})[field]
