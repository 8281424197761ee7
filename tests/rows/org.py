"""Records of the emulated org: written as JSON, read back, and compared with what was meant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tests.emulator.zoho import Zoho
from tests.rows.conversion import value_table as table

MANDATORY: dict[str, dict[str, Any]] = {
    "Legacy_Assets": {"Name": "x"},
    "Tasks": {"Subject": "x"},
    "Deals": {"Deal_Name": "x", "Stage": "Qualification"},
    "Events": {
        "Event_Title": "x",
        "Start_DateTime": "2024-01-01T09:00:00+00:00",
        "End_DateTime": "2024-01-01T10:00:00+00:00",
    },
}
"""What a new record of a module needs."""


class Org:
    """The org, whose records take the place of the table's ids."""

    def __init__(self, zoho: Zoho) -> None:
        self.zoho = zoho
        (layout,) = zoho.get("/settings/layouts", module="Legacy_Assets").json()["layouts"]
        made = (
            *zoho.created([{"Account_Name": "Acme"}], "Accounts"),
            *zoho.created([{"Last_Name": "Doe"}, {"Last_Name": "Roe"}], "Contacts"),
            *zoho.created([{"Product_Name": "Part"}], "Products"),
            layout["id"],
        )
        self._ids = dict(zip(table.IDS, made, strict=True))

    def here(self, json: Any) -> Any:
        """The same JSON with this org's ids."""
        if isinstance(json, dict):
            return {name: self.here(value) for name, value in json.items()}
        if isinstance(json, list):
            return [self.here(value) for value in json]
        return self._ids.get(json, json) if isinstance(json, str) else json

    def insert(self, module: str, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The elements of the answer."""
        answer = self.zoho.insert([self.here({**MANDATORY[module], **one}) for one in records], module)
        data: list[dict[str, Any]] = answer.json()["data"]
        return data

    def read_back(self, module: str, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The records as they are after an insert that must be taken."""
        ids = []
        for element in self.insert(module, records):
            assert element["code"] == "SUCCESS", element
            ids.append(element["details"]["id"])
        return [self.zoho.record(record_id, module) for record_id in ids]


def says(found: Any, meant: Any) -> bool:
    """Whether what was read back says what was sent: Zoho adds names and ids, and has a time zone of its
    own."""
    if isinstance(meant, dict) and isinstance(found, dict):
        return all(name in found and says(found[name], value) for name, value in meant.items())
    if meant == []:
        return not found
    if isinstance(meant, list) and isinstance(found, list):
        return len(found) == len(meant) and all(map(says, found, meant))
    if isinstance(meant, str) and isinstance(found, str) and found != meant:
        try:
            return datetime.fromisoformat(found) == datetime.fromisoformat(meant)
        except (TypeError, ValueError):
            return False
    return bool(found == meant)
