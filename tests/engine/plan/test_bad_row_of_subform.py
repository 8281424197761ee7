"""A row of a subform that is refused, in a field that a new record must have."""

from __future__ import annotations

import json

from zmigrate.ready_jobs.import_file import ImportFile

from tests.support import Bench
from tests.zoho.fields_answers import ANSWERS


def test_a_field_with_a_bad_row_is_not_told_as_missing_too(bench: Bench) -> None:
    for answer in ANSWERS:
        if answer.name in ("v6_quoted_items", "v6_quotes"):
            bench.post(f"fields/{answer.module}", answer.read())
    (product,) = bench.seed([{"Product_Name": "P"}], "Products")
    row = {"Subject": "Q", "Quoted_Items": [{"Product_Name": {"id": product}, "Quantity": "many"}]}
    path = bench.folder / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")

    plan = bench.plan(ImportFile(file=str(path), module="Quotes", operation="insert", key="Subject"))

    told = [(one["code"], one["field"]) for one in plan.to_json()["rejects"]]
    assert told == [("INVALID_DATA", "Quoted_Items[0].Quantity")]
