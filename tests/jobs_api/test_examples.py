"""The example jobs and the sample files are what their docstrings say."""

from __future__ import annotations

from datetime import date
from importlib.resources import as_file, files
from pathlib import Path

import pytest
import zmigrate.samples
from zmigrate.ready_jobs.fill_country import FillCountry
from zmigrate.ready_jobs.import_pipeline import ImportPipeline

from tests.rows.fields import choices, field, module
from tests.rows.refusals import Told
from zmigrate import Csv, Skip
from zmigrate.rows.conversion.converter import BadValue, Converter
from zmigrate.rows.conversion.keys import fold_key
from zmigrate.zoho.facts.patterns import misses_pattern

LEADS = module(
    field("Legacy_ID", length=100, unique=True),
    field("First_Name", length=40),
    field("Last_Name", length=80, mandatory=True),
    field("Company", length=200),
    field("Email", "email", length=100),
    field("Phone", "phone", length=30),
    field(
        "Lead_Source",
        "picklist",
        pick_list=choices(
            *("Advertisement", "Cold Call", "Employee Referral", "Online Store"),
            *("Partner", "Trade Show", "Web Download", "Web Research"),
        ),
    ),
    field("City", length=100),
    field("Description", "textarea", length=32000),
)


def sample(name: str) -> Csv:
    with as_file(files(zmigrate.samples) / name) as path:
        return Csv(path)


def test_of_the_sample_leads_ten_must_fail_and_zoho_may_refuse_two_more() -> None:
    leads, converter = sample("leads.csv"), Converter(LEADS, "insert", "Legacy_ID")
    assert (leads.scan().rows, leads.columns) == (3000, tuple(LEADS.fields))
    reasons: list[str] = []
    doubtful: list[str] = []
    keys: set[str] = set()
    for row in leads.rows():
        try:
            record = converter.convert(row.values)
        except BadValue as bad:
            reasons.append(Told.of(bad).field)
            continue
        key = fold_key(record["Legacy_ID"])
        if key in keys:
            reasons.append("repeated")
        keys.add(key)
        doubtful += [
            name for name, value in record.items() if misses_pattern(LEADS.fields[name].data_type, str(value))
        ]
    assert sorted(reasons) == sorted(
        ["Lead_Source"] * 2 + ["Last_Name"] * 3 + ["repeated"] * 2 + ["First_Name", "Email", "Legacy_ID"]
    )
    assert sorted(doubtful) == ["Email", "Phone"]


def test_the_sample_leads_have_what_trips_others() -> None:
    values = [row.values for row in sample("leads.csv").rows()]
    assert any("\n" in row["Description"] for row in values)
    assert any('"' in row["Company"] and "," not in row["Company"] for row in values)
    assert any("," in row["Company"] for row in values)
    assert any(not row["Last_Name"].isascii() for row in values)


def test_the_old_crm_has_forty_people_three_without_an_address() -> None:
    old = sample("old_crm.csv")
    assert (old.scan().rows, old.columns) == (40, ("id", "name", "email"))
    assert sum(not row.values["email"] for row in old.rows()) == 3


def test_a_deal_of_the_pipeline_becomes_a_deal_of_zoho() -> None:
    job = ImportPipeline(file=Path("pipeline.csv"), open_until=date(2018, 1, 1))
    row = {
        "opportunity_id": "1C1I7A6R",
        "sales_agent": "Moses Frase",
        "product": "GTX Plus Basic",
        "account": "",
        "deal_stage": "Engaging",
        "engage_date": "2016-10-20",
        "close_date": "",
        "close_value": "",
    }
    deal = job.transform(row)
    assert deal["Deal_Name"] == "Unknown account – GTX Plus Basic"
    assert (deal["Stage"], deal["Closing_Date"], deal["Amount"]) == (
        "Value Proposition",
        date(2018, 1, 1),
        "",
    )
    with pytest.raises(ValueError, match="no stage in Zoho is known for 'Gone'"):
        job.transform(row | {"deal_stage": "Gone"})


@pytest.mark.parametrize(
    ("phone", "country"),
    [("+49 30 5550123", "Germany"), ("0049 30", "Germany"), ("+351 21", "Portugal"), ("+ 3 9 06", "Italy")],
)
def test_a_country_is_told_by_the_longest_prefix(phone: str, country: str) -> None:
    assert FillCountry().transform({"id": "1", "Phone": phone}) == {"id": "1", "Country": country}


@pytest.mark.parametrize("phone", ["+1 555 0100", "030 555"])
def test_a_prefix_of_no_one_country_is_left_out(phone: str) -> None:
    with pytest.raises(Skip):
        FillCountry().transform({"id": "1", "Phone": phone})
