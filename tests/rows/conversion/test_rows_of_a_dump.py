"""Rows of subforms and links as Zoho's own answers have them: what Zoho sets itself is left out, and told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rows.assets import converter
from tests.rows.conversion.value_table import ACCOUNT, CONTACT
from zmigrate.rows.conversion.converter import BadValue

DUMPED: dict[str, Any] = {
    "id": "4876876000000415001",
    "Parent_Id": {"name": "Drill", "id": "4876876000000415002"},
    "Created_Time": "2024-01-02T10:00:00+01:00",
    "Modified_Time": "2024-01-02T10:00:00+01:00",
    "$in_merge": False,
    "$field_states": None,
    "Cost_per_Hour": 12.5,
    "Service_Date": "2024-01-02",
}
SET_BY_ZOHO = {"$in_merge", "Cost_per_Hour", "Created_Time", "Modified_Time", "Parent_Id"}


def told(names: set[str]) -> set[str]:
    return {f"Service_Log.{name}" for name in names}


def test_a_row_of_a_new_record_loses_its_id_and_what_zoho_sets() -> None:
    insert = converter(operation="insert")
    record = insert.convert({"Name": "x", "Service_Log": [DUMPED]})
    assert record["Service_Log"] == [{"Service_Date": "2024-01-02"}]
    assert insert.left_out == told(SET_BY_ZOHO | {"id"})


@pytest.mark.parametrize("operation", ["update", "upsert"])
def test_a_row_of_a_record_that_exists_keeps_its_id(operation: Any) -> None:
    update = converter(operation=operation)
    assert update.convert({"Service_Log": [DUMPED]})["Service_Log"] == [
        {"id": DUMPED["id"], "Service_Date": "2024-01-02"}
    ]
    assert update.left_out == told(SET_BY_ZOHO)


def test_an_id_is_refused_where_an_insert_may_change_a_record_that_exists() -> None:
    insert = converter(operation="insert", may_update=True)
    with pytest.raises(BadValue, match="a new record has no rows yet"):
        insert.convert({"Name": "x", "Service_Log": [DUMPED]})


def test_a_name_that_is_no_field_of_the_rows_is_still_refused() -> None:
    insert = converter(operation="insert")
    with pytest.raises(BadValue) as bad:
        insert.convert({"Name": "x", "Service_Log": [{**DUMPED, "Hrs": 1}]})
    assert [(one.field, one.code) for one in bad.value.reasons] == [("Service_Log[0].Hrs", "UNKNOWN_FIELD")]


def test_nothing_is_told_of_rows_that_lose_nothing() -> None:
    insert = converter(operation="insert")
    rows = [{"id": "", "Parent_Id": None, "Service_Date": "2024-01-02"}]
    assert insert.convert({"Name": "x", "Service_Log": rows})["Service_Log"] == [
        {"Service_Date": "2024-01-02"}
    ]
    assert insert.left_out == set()


def test_the_links_of_a_new_record_lose_their_ids_and_what_zoho_sets() -> None:
    link = {"id": ACCOUNT, "Used_By": {"name": "Doe", "id": CONTACT}, "$in_merge": False}
    insert, update = converter(operation="insert"), converter()
    assert insert.convert({"Name": "x", "Used_By": [link]})["Used_By"] == [{"Used_By": {"id": CONTACT}}]
    assert insert.left_out == {"Used_By.$in_merge", "Used_By.id"}
    assert update.convert({"Used_By": [link]})["Used_By"] == [{"id": ACCOUNT, "Used_By": {"id": CONTACT}}]
    assert update.left_out == {"Used_By.$in_merge"}
