"""The org that a token opens, beside the one that the credentials ask for: both are named, and what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zmigrate.config import Credentials, Secret
from zmigrate.errors import OrgError
from zmigrate.zoho.metadata import read_org
from zmigrate.zoho.org_check import org_fault, refuse_other_org

ACME = {"id": "5545974000000000001", "zgid": "222", "company_name": "Acme", "type": "Production"}
FROM_PROFILE = Credentials(
    client_id="c",
    client_secret=Secret("s"),
    soid="ZohoCRM.333",
    accounts_url="https://accounts.zoho.eu",
    place="profile `prod` in zmigrate.toml",
    profile="prod",
)
FROM_ENVIRONMENT = replace(FROM_PROFILE, place="the environment", profile="")


def test_both_orgs_are_named_with_the_place_of_the_soid() -> None:
    with pytest.raises(OrgError) as refused:
        refuse_other_org(read_org({"org": [ACME]}), FROM_PROFILE)
    assert (refused.value.exit_code, refused.value.code) == (3, "WRONG_ORG")
    assert "Asked for: ZohoCRM.333 (profile `prod` in zmigrate.toml)." in refused.value.message
    assert "Opened: Acme, ZohoCRM.222 (production)." in refused.value.message


@pytest.mark.parametrize(
    ("credentials", "where"),
    [(FROM_PROFILE, "[profiles.prod] of zmigrate.toml"), (FROM_ENVIRONMENT, "a profile of zmigrate.toml")],
)
def test_the_hint_names_the_right_soid_and_how_to_say_that_it_is_a_portals(
    credentials: Credentials, where: str
) -> None:
    fault = org_fault(read_org({"org": [ACME]}), credentials)
    assert fault is not None
    assert fault.hint is not None
    assert "it is ZohoCRM.222" in fault.hint
    assert f"If 333 is a portal's id, say so in {where}: portal = true." in fault.hint


def test_a_soid_that_has_the_orgs_id_is_told_the_zgid_and_nothing_of_portals() -> None:
    fault = org_fault(read_org({"org": [ACME]}), replace(FROM_PROFILE, soid="ZohoCRM.5545974000000000001"))
    assert fault is not None
    assert fault.hint == "5545974000000000001 is the org's id; the soid needs its zgid: ZohoCRM.222."


def test_an_org_that_does_not_say_its_zgid_is_not_taken_for_the_right_one() -> None:
    nameless = read_org({"org": [{"id": "5545974000000000001", "company_name": "Acme"}]})
    with pytest.raises(OrgError, match="is unknown") as refused:
        refuse_other_org(nameless, FROM_PROFILE)
    assert (refused.value.exit_code, refused.value.code) == (3, "UNKNOWN_ORG")
    refuse_other_org(nameless, replace(FROM_PROFILE, portal=True))


def test_a_portals_soid_is_not_compared() -> None:
    refuse_other_org(read_org({"org": [ACME]}), replace(FROM_PROFILE, portal=True))
