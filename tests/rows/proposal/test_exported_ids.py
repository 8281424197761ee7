"""Columns with ids as Zoho's own CSV exports write them: `zcrm_` and the digits."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.rows.fields import field, module
from zmigrate.rows.mapping import read_mapping
from zmigrate.rows.proposal.column_sample import look_at
from zmigrate.rows.proposal.fit import UsersByName
from zmigrate.rows.proposal.propose import Proposal, propose
from zmigrate.rows.proposal.toml_text import mapping_text

FIELDS = module(
    field("Last_Name", length=80, mandatory=True),
    field("Legacy_ID", length=100, unique=True, external="org"),
    field("Account_Name", "lookup", lookup_module="Accounts"),
    field("Owner", "ownerlookup"),
    name="Contacts",
)
SUE = "4876876000000225013"
USERS = UsersByName.of([{"id": SUE, "full_name": "Sue Ray", "email": "sue@example.com", "status": "active"}])
ROWS = [
    {
        "Record Id": f"zcrm_487687600000041500{number}",
        "Contact Owner.id": f"zcrm_{SUE}",
        "Account Name.id": "zcrm_4876876000000415009",
        "Last Name": f"Doe {number}",
    }
    for number in range(3)
]


@pytest.fixture
def proposal() -> Proposal:
    return propose(look_at(ROWS, list(ROWS[0])), FIELDS, "update", users=USERS)


def test_the_ids_of_an_export_go_to_the_fields_that_ids_go_to(proposal: Proposal) -> None:
    found = {line.column.name: (line.field.api_name, dict(line.fit.settings)) for line in proposal.lines}
    plain = {"split": "zcrm_", "part": -1}
    assert found == {
        "Record Id": ("id", plain),
        "Contact Owner.id": ("Owner", plain),
        "Account Name.id": ("Account_Name", plain),
        "Last Name": ("Last_Name", {}),
    }
    assert (proposal.key, proposal.lines[0].sure) == ("id", True)


def test_the_proposed_mapping_leaves_the_prefix_away(proposal: Proposal, tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(ROWS[0]))
        writer.writeheader()
        writer.writerows(ROWS)
    (tmp_path / "m.toml").write_text(
        mapping_text(proposal, file=path.name, next_command="x", source={"file": path.name}), encoding="utf-8"
    )
    (load,) = read_mapping(tmp_path / "m.toml")
    assert load.transform(ROWS[0]) == {
        "id": "4876876000000415000",
        "Owner": SUE,
        "Account_Name": "4876876000000415009",
        "Last_Name": "Doe 0",
    }
    assert load.transform({**ROWS[0], "Record Id": "4876876000000415000"})["id"] == "4876876000000415000"
