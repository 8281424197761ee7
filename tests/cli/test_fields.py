"""`fields`: what a mapper needs to know of a module's fields, against an emulator over a real socket."""

from __future__ import annotations

import csv
import io
import json
import urllib.request

import pytest

from zmigrate.cli.emulator import environment_of
from zmigrate.cli.fields import Found, as_csv_text, holds
from zmigrate.display.fields import rule_words
from zmigrate.emulator import Emulator
from zmigrate.emulator import Options as EmulatorOptions
from zmigrate.zoho.metadata import Field, ModuleFields, PickListValue, read_field


def names(done) -> list[str]:
    """The api names of `--json`."""
    return [each["api_name"] for each in json.loads(done.out)["fields"]]


@pytest.mark.parametrize("width", [80, 140])
def test_fields_fit_the_screen_and_names_are_whole(zmigrate, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    done = zmigrate("fields", "Leads", "--emulator")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= width
    assert "unique, external" in next(line for line in lines if line.startswith(" Legacy_ID"))
    assert "mandatory" in next(line for line in lines if line.startswith(" Last_Name "))
    assert "mandatory on" in next(line for line in lines if line.startswith(" Company"))
    listed = [line.split()[0] for line in lines if line.startswith(" ") and line.split()]
    assert set(names(zmigrate("fields", "Leads", "--emulator", "--json"))) <= set(listed)


def test_what_cannot_be_written_says_why(zmigrate):
    out = zmigrate("fields", "Leads", "--emulator").out
    row = {line.split()[0]: line for line in out.splitlines() if line.startswith(" ") and line.split()}
    assert row["Data_Quality"].rstrip().endswith("computed")
    assert row["Created_Time"].rstrip().endswith("read-only")
    assert row["Old_Fax_Number"].rstrip().endswith("no layout")


def test_where_lookups_and_subforms_point_is_said(zmigrate, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    out = zmigrate("fields", "Legacy_Assets", "--emulator").out
    assert "to Accounts" in out
    assert "rows of Service_Log" in out


def test_a_subform_is_writable_and_says_what_its_rows_have(zmigrate):
    done = zmigrate("fields", "Legacy_Assets", "--emulator", "--json")
    by_name = {each["api_name"]: each for each in json.loads(done.out)["fields"]}
    log = by_name["Service_Log"]
    assert (log["creatable"], log["updatable"], log["why_not_written"]) == (True, True, None)
    assert {"Service_Date", "Hours", "Part"} <= set(log["columns"])
    assert by_name["Name"]["columns"] == []
    out = zmigrate("fields", "Legacy_Assets", "--emulator").out
    assert "rows of Service_Log: Service_Date" in out.replace("\n", " ")


def test_an_encrypted_field_is_no_key(zmigrate):
    raw = {"api_name": "Secret", "unique": {"casesensitive": "1"}, "crypt": {"mode": "encryption"}}
    secret = read_field(raw, on_layout=True)
    found = Found(ModuleFields("Leads", {"Secret": secret}), {}, 1)
    assert "encrypted: no key" in rule_words(secret)
    assert not holds(secret, found, {"unique": True}, None)


def test_long_pick_lists_are_cut_on_a_screen_and_whole_on_demand(zmigrate):
    out = zmigrate("fields", "Leads", "--emulator").out
    (line,) = [line for line in out.splitlines() if line.startswith("Lead_Source: ")]
    assert line.endswith("…")
    whole = zmigrate("fields", "Leads", "--emulator", "--values", "lead_source").out
    assert "Web Research" in whole


def test_a_value_that_is_stored_otherwise_is_shown_with_both(zmigrate):
    out = zmigrate("fields", "Legacy_Assets", "--emulator", "--values", "Condition").out
    assert ["New", "Open"] in [line.split() for line in out.splitlines()]
    assert "New (stored: Open)" in zmigrate("fields", "Legacy_Assets", "--emulator", "--csv").out


def test_piped_output_has_a_whole_field_on_each_line(zmigrate, monkeypatch):
    monkeypatch.delenv("COLUMNS")
    out = zmigrate("fields", "Deals", "--emulator").out
    (line,) = [line for line in out.splitlines() if line.startswith(" Related_Products")]
    assert line.split()[:2] == ["Related_Products", "multiselectlookup"]
    assert "…" not in line


@pytest.mark.parametrize(
    ("words", "inside", "outside"),
    [
        (["--mandatory"], {"Last_Name", "Company"}, {"Phone"}),
        (["--unique"], {"Legacy_ID"}, {"Email"}),
        (["--writable"], {"Email"}, {"Created_Time", "Data_Quality", "Old_Fax_Number"}),
        (["--custom"], {"Legacy_ID"}, {"Last_Name"}),
        (["--type", "Email"], {"Email", "Secondary_Email"}, {"Phone"}),
        (["--find", "legacy"], {"Legacy_ID", "Legacy_Number"}, {"Phone"}),
        (["--find", "last name"], {"Last_Name"}, {"First_Name"}),
        (["--custom", "--unique"], {"Legacy_ID"}, {"Legacy_Number"}),
    ],
)
def test_filters(zmigrate, words, inside, outside):
    found = set(names(zmigrate("fields", "Leads", "--emulator", "--json", *words)))
    assert inside <= found
    assert not outside & found


def test_a_filter_that_nothing_passes_says_so(zmigrate):
    done = zmigrate("fields", "Leads", "--emulator", "--find", "nowhere to be found")
    assert (done.code, done.out) == (0, "no field of Leads matches\n")


def test_fields_as_json_have_layouts_and_all_values(zmigrate):
    found = json.loads(zmigrate("fields", "Deals", "--emulator", "--json").out)
    by_name = {each["api_name"]: each for each in found["fields"]}
    assert found["module"] == "Deals"
    assert len(by_name["Stage"]["pick_list"]) > 8
    assert by_name["Closing_Date"]["mandatory_on"] == ["Standard"]
    assert by_name["Data_Quality"]["why_not_written"] == "computed"


def test_fields_as_csv(zmigrate):
    rows = list(csv.DictReader(io.StringIO(zmigrate("fields", "Leads", "--emulator", "--csv").out)))
    by_name = {row["api_name"]: row for row in rows}
    assert by_name["Last_Name"]["mandatory"] == "yes"
    assert by_name["Company"]["mandatory_on"] == "Standard"
    assert by_name["Legacy_ID"]["external"] == "org"
    assert "Web Research" in by_name["Lead_Source"]["values"].split("; ")


def test_csv_runs_no_formula_of_a_label():
    raw = {"api_name": "Evil", "field_label": '=cmd|" /C calc"!A0', "data_type": "text"}
    field = read_field(raw, on_layout=True)
    text = as_csv_text(Found(ModuleFields("Leads", {"Evil": field}), {}, 1), [field])
    assert next(csv.DictReader(io.StringIO(text)))["label"] == '\'=cmd|" /C calc"!A0'


def test_a_client_that_may_not_read_layouts_gets_the_rest_and_is_told(zmigrate, monkeypatch):
    with Emulator(EmulatorOptions(allowed_scopes="ZohoCRM.settings.fields.READ")) as emulator:
        for name, value in environment_of(emulator).items():
            monkeypatch.setenv(name, value)
        done = zmigrate("fields", "Leads", "--json")
    assert done.code == 0, done.err
    assert "warning: the layouts can't be read" in done.err
    found = json.loads(done.out)
    assert found["layouts_read"] is False
    assert any(each["mandatory"] for each in found["fields"])


def test_layouts_that_zoho_refuses_to_show_are_told_and_done_without(zmigrate, credentials):
    refusal = {"code": "NO_PERMISSION", "message": "permission denied", "details": {}, "status": "error"}
    fault = {"path": "/crm/v8/settings/layouts", "fault": "answer", "status": 403, "body": refusal}
    request = urllib.request.Request(
        f"{credentials.url}/_emulator/script",
        json.dumps([fault]).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).close()
    done = zmigrate("fields", "Leads", "--json")
    assert done.code == 0, done.err
    assert "the layouts can't be read" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["Deal"], "error: the org has no module 'Deal'\nhint: Did you mean Deals?\n"),
        (["Deals", "--type", "pciklist"], "Deals has no field of type 'pciklist'"),
        (["Deals", "--values", "Stagge"], "hint: Did you mean Stage?"),
        (["Deals", "--values", "Amount"], "Amount has no values to choose from"),
        (["Deals", "--json", "--csv"], "--json and --csv exclude each other"),
    ],
)
def test_wrong_use_is_told(zmigrate, words, message):
    done = zmigrate("fields", *words, "--emulator")
    assert done.code == 2
    assert message in done.err


def test_fields_on_the_emulator_leave_nothing_behind(zmigrate, folder):
    zmigrate("fields", "Leads", "--emulator")
    assert list(folder.iterdir()) == []


def test_values_that_are_not_in_use_are_not_offered():
    from zmigrate.display.fields import values_text

    values = (PickListValue("a", "A", True), PickListValue("b", "b", False), PickListValue("c", "c", True))
    field = read_field({"api_name": "X", "data_type": "picklist"}, on_layout=True)
    field = Field(**{name: getattr(field, name) for name in Field.__slots__} | {"pick_list": values})
    assert values_text(field, 1) == "A (stored: a) … 1 more"


def test_a_standard_module_that_the_org_lacks_is_not_proposed_itself(zmigrate):
    done = zmigrate("fields", "Quotes", "--emulator")
    assert done.code == 2
    assert "no module 'Quotes'" in done.err
    assert "Did you mean" not in done.err
