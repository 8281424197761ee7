"""Example: another CRM's pipeline into Deals. Shows options, a table of words, a transform that decides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from zmigrate import Argument, Csv, Insert, Option, RecordJob, scopes_for

STAGES = {
    "Prospecting": "Qualification",
    "Engaging": "Value Proposition",
    "Won": "Closed Won",
    "Lost": "Closed Lost",
}


class ImportPipeline(RecordJob):
    """Import a sales pipeline into Deals.

    Reads a CSV with the columns opportunity_id, sales_agent, product, account, deal_stage, close_date and
    close_value. Deals needs a text field Legacy_ID, unique if possible, to find each deal again.
    """

    write = Insert("Deals", key="Legacy_ID")
    scopes = scopes_for(write)

    file: Path = Argument(help="CSV of the pipeline.")
    open_until: date = Option(default=date(2017, 12, 31), help="Closing date of deals that are still open.")

    def source(self) -> Csv:
        return Csv(self.file)

    def transform(self, row: Mapping[str, str]) -> dict[str, object]:
        if row["deal_stage"] not in STAGES:
            raise ValueError(f"no stage in Zoho is known for {row['deal_stage']!r}")
        return {
            "Legacy_ID": row["opportunity_id"],
            "Deal_Name": f"{row['account'] or 'Unknown account'} – {row['product']}",
            "Stage": STAGES[row["deal_stage"]],
            "Closing_Date": row["close_date"] or self.open_until,
            "Amount": row["close_value"],
            "Description": f"Sold by {row['sales_agent']}",
        }
