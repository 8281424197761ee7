"""References that wait in the journal, and come back as they were."""

from __future__ import annotations

from typing import Any

import pytest

from zmigrate import Find, Ref
from zmigrate.engine.model import deferred_links
from zmigrate.engine.model.batch import Link, PreparedRow
from zmigrate.job.references import Reference
from zmigrate.rows.conversion.open_id import OpenId


def row_with(reference: Reference) -> PreparedRow:
    return PreparedRow(1, 2, "k", "k", {}, None, (), (Link("Parent", OpenId(reference, "Parent")),))


@pytest.mark.parametrize(
    "reference",
    [
        Ref("Accounts", "A1", "Legacy_ID", "leave_out", ignore_case=True),
        Find("Accounts", "Account_Name", "Acme", ignore_case=True),
        Ref("Accounts", "A1"),
    ],
)
def test_a_packed_link_comes_back_with_all_that_it_says(reference: Reference) -> None:
    row = row_with(reference)
    [back] = deferred_links.with_links([row._replace(links=())], deferred_links.pack_links([row]))
    assert back.links[0].value.reference == reference


@pytest.mark.parametrize("names_module", [True, False])
def test_a_packed_link_names_its_module_if_it_did_before(names_module: bool) -> None:
    link = OpenId(Ref("Contacts", "C1"), "For", names_module=names_module)
    row = PreparedRow(1, 2, "k", "k", {}, None, (), (Link("For", link),))
    [back] = deferred_links.with_links([row._replace(links=())], deferred_links.pack_links([row]))
    assert back.links[0].value == link


@pytest.mark.parametrize(
    ("packed", "reference"),
    [
        ('["ref", "Accounts", "A1", null, "fail"]', Ref("Accounts", "A1")),
        (
            '["find", "Accounts", "Acme", "Account_Name", "stop"]',
            Find("Accounts", "Account_Name", "Acme", "stop"),
        ),
    ],
)
def test_a_link_that_zmigrate_0_1_packed_minds_letter_case(packed: str, reference: Any) -> None:
    stored = f'{{"0": {{"Parent": {{"$ref": {packed}}}}}}}'
    [back] = deferred_links.with_links([row_with(reference)._replace(links=())], stored)
    assert back.links[0].value.reference == reference
