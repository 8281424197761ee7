"""Example: a backfill. Shows a query as source, an update by id, and rows that are left out for a reason."""

from __future__ import annotations

from collections.abc import Mapping

from zmigrate import Query, RecordJob, Skip, Update, scopes_for

COUNTRIES = {  # without +1, which some twenty countries share
    "+31": "Netherlands",
    "+33": "France",
    "+34": "Spain",
    "+351": "Portugal",
    "+353": "Ireland",
    "+39": "Italy",
    "+41": "Switzerland",
    "+43": "Austria",
    "+44": "United Kingdom",
    "+45": "Denmark",
    "+46": "Sweden",
    "+47": "Norway",
    "+48": "Poland",
    "+49": "Germany",
    "+90": "Turkey",
    "+91": "India",
}


class FillCountry(RecordJob):
    """Fill in the country of leads that have a phone number and no country, by the number's prefix."""

    write = Update("Leads")
    leads = Query("select id, Phone from Leads where Country is null and Phone is not null")
    scopes = scopes_for(write, leads)

    def source(self) -> Query:
        return self.leads

    def transform(self, row: Mapping[str, str]) -> dict[str, str]:
        return {"id": row["id"], "Country": country_of(row["Phone"])}


def country_of(phone: str) -> str:
    """The country with the longest known prefix. Raises Skip if there is none."""
    number = phone.replace(" ", "")
    if number.startswith("00"):
        number = "+" + number[2:]
    for length in (4, 3, 2):
        if number[:length] in COUNTRIES:
            return COUNTRIES[number[:length]]
    raise Skip(f"no country is known for {phone}")
