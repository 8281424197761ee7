"""What a person reads about a refusal: which permission, which scope, the edition, or a firewall."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.zoho.fakes import FakeZoho, created, records_answer, refused, rig, token_answer
from zmigrate import Query
from zmigrate.errors import Fatal, RefusedError, ScopeError
from zmigrate.zoho.answers import Call, decode, judge
from zmigrate.zoho.coql import parse
from zmigrate.zoho.redaction import Redactor

READ = Call("GET", "/crm/v8/Leads", repeatable=True)
INSERT = Call("POST", "/crm/v8/Leads", content=b"{}", expect=3)
PAGE = decode(b"\n<!DOCTYPE html><html><body>Request blocked</body></html>", Redactor())


def error(code: str, message: str = "no", **details: Any) -> dict[str, Any]:
    return {"code": code, "details": details, "message": message, "status": "error"}


# -- permissions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [["Crm_Implied_Create_Leads"], "Crm_Implied_Create_Leads"])
@pytest.mark.parametrize("status", [400, 403])
def test_a_missing_permission_is_named_bare_or_in_data(told: object, status: int) -> None:
    bare = error("NO_PERMISSION", permissions=told)
    wrapped = {"data": [{key: value for key, value in bare.items() if key != "status"}]}

    for body in (bare, {"data": [bare]}, wrapped) if status == 403 else (bare,):
        with pytest.raises(RefusedError, match="Missing: Crm_Implied_Create_Leads") as caught:
            judge(INSERT, status, body)
        assert "Profiles" in (caught.value.hint or "")


def test_a_403_with_a_result_for_each_record_is_an_answer() -> None:
    body = {"data": [error("NO_PERMISSION", permissions=["Crm_Implied_Create_Leads"])] * 3}

    assert judge(INSERT, 403, body) is body


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("FEATURE_NOT_SUPPORTED", ""),
        ("FEATURE_NOT_ENABLED", ""),
        ("NO_PERMISSION", "This feature is not available in your edition"),
        ("SOMETHING_NEW", "Please upgrade your license"),
    ],
)
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_403_for_the_edition_is_not_told_as_one_for_the_profile(
    code: str, message: str, wrapped: bool
) -> None:
    told = error(code, message)

    with pytest.raises(RefusedError) as caught:
        judge(INSERT, 403, {"data": [told]} if wrapped else told)

    assert "edition" in (caught.value.hint or "")
    assert "Profiles" not in (caught.value.hint or "")


def test_permissions_that_zoho_names_count_more_than_its_words() -> None:
    told = error("NO_PERMISSION", "feature", permissions=["Crm_Implied_View_Leads"])

    with pytest.raises(RefusedError) as caught:
        judge(READ, 403, told)

    assert "Profiles" in (caught.value.hint or "")


# -- a firewall's page ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403, 406])
def test_a_web_page_in_place_of_a_refusal_is_told_as_a_firewalls(status: int) -> None:
    with pytest.raises(Fatal, match="firewall or proxy") as caught:
        judge(INSERT, status, PAGE)

    assert (caught.value.code, caught.value.may_be_one_record) == ("BLOCK_PAGE", True)
    assert "HTML, a script or SQL" in (caught.value.hint or "")


def test_a_blocked_read_is_not_repeated(tmp_path: Path) -> None:
    zoho = FakeZoho([httpx.Response(403, html="<html>Blocked</html>"), httpx.Response(200, json={"org": []})])

    with rig(tmp_path, zoho) as wire, pytest.raises(Fatal, match="did not reach Zoho") as caught:
        wire.transport.send(READ)

    assert [request.url.path for request in zoho.requests] == ["/crm/v8/Leads", "/crm/v8/org"]
    assert (caught.value.exit_code, caught.value.may_be_one_record) == (3, False)


# -- scopes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "scopes"),
    [
        ("select id from Accounts where id is not null", ["accounts"]),
        ("select Account_Name.Industry from Contacts where id is not null", ["contacts", "accounts"]),
        (
            "select id from Contacts where Account_Name.Parent_Account.Industry = 'a.b'",
            ["contacts", "accounts"],
        ),
        ("select id from Deals where Contact_Name.Account_Name.id = '1'", ["deals", "contacts"]),
        ("select 'What_Id->Deals.Stage' from Tasks where id is not null", ["tasks", "deals"]),
        ("select id from Leads where Email = 'Account_Name.Industry'", ["leads"]),
    ],
)
def test_a_query_needs_every_module_that_it_reads(query: str, scopes: list[str]) -> None:
    wanted = ("ZohoCRM.coql.READ", *(f"ZohoCRM.modules.{name}.READ" for name in scopes))

    body = orjson.dumps({"select_query": query})
    with pytest.raises(ScopeError) as caught:
        judge(Call("POST", "/crm/v8/coql", content=body), 401, error("OAUTH_SCOPE_MISMATCH"))

    assert caught.value.needed == wanted
    if "'What_Id" not in query:
        assert Query(query).scopes == wanted


def test_what_a_query_goes_through_is_read_off_its_text() -> None:
    select = parse("select id, Account_Name.Area.Name from Deals where (Amount > 1.5) and Parent.id = '1'")

    assert select.lookup_paths == (("Account_Name", "Area"),)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b'{"select_query": 1}', b'{"select_query": "hm"}'])
def test_a_query_that_is_none_needs_at_least_the_scope_of_queries(content: bytes) -> None:
    with pytest.raises(ScopeError, match="OAUTH_SCOPE_MISMATCH") as caught:
        judge(Call("POST", "/crm/v8/coql", content=content), 401, error("OAUTH_SCOPE_MISMATCH"))

    assert caught.value.needed == ("ZohoCRM.coql.READ",)


def test_only_the_scope_that_the_token_lacks_is_named(tmp_path: Path) -> None:
    zoho = FakeZoho(
        [refused("OAUTH_SCOPE_MISMATCH", 401)],
        [token_answer(scope="ZohoCRM.coql.READ ZohoCRM.modules.contacts.READ")],
    )

    with rig(tmp_path, zoho, scopes=("ZohoCRM.coql.READ",)) as wire, pytest.raises(ScopeError) as caught:
        list(wire.crm.query("select Account_Name.Industry from Contacts where id is not null"))

    assert caught.value.hint == (
        "The token lacks ZohoCRM.modules.accounts.READ. Declare it in the job's scopes."
    )


def test_a_row_without_permission_among_others_is_its_own_result(tmp_path: Path) -> None:
    denied = error("NO_PERMISSION", permissions=["Crm_Implied_Create_Leads"])
    zoho = FakeZoho([records_answer(created(1), denied, created(2), status=207)])

    with rig(tmp_path, zoho) as wire:
        answer = wire.transport.send(INSERT)

    assert answer.body["data"][1] == denied
