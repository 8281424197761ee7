"""Which token opens which call."""

from __future__ import annotations

import pytest

from tests.emulator.zoho import Zoho, lead

READ_LEADS = "ZohoCRM.modules.leads.READ"


def test_a_call_without_a_header_is_an_authentication_failure(zoho: Zoho) -> None:
    del zoho.http.headers["Authorization"]

    answer = zoho.get("/org")

    assert (answer.status_code, answer.json()["code"]) == (401, "AUTHENTICATION_FAILURE")


def test_bearer_is_taken_unless_switched_off(zoho: Zoho) -> None:
    token = zoho.login()
    zoho.http.headers["Authorization"] = f"Bearer {token}"
    assert zoho.get("/org").status_code == 200

    zoho.set(accept_bearer=False)

    assert zoho.get("/org").json()["code"] == "INVALID_TOKEN"


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("GET", "/org", ["ZohoCRM.org.READ"]),
        ("GET", "/users", ["ZohoCRM.users.READ"]),
        ("GET", "/settings/fields?module=Leads", ["ZohoCRM.settings.fields.READ"]),
        ("GET", "/settings/modules", ["ZohoCRM.settings.modules.READ"]),
        ("GET", "/settings/layouts?module=Leads", ["ZohoCRM.settings.layouts.READ"]),
        ("GET", "/Leads?fields=id", [READ_LEADS]),
        ("GET", "/Leads/deleted", [READ_LEADS]),
        (
            "GET",
            "/Leads/actions/count",
            [READ_LEADS, "ZohoSearch.securesearch.READ", "ZohoCRM.settings.layouts.READ"],
        ),
        ("POST", "/Leads", ["ZohoCRM.modules.leads.CREATE"]),
        ("POST", "/Leads/upsert", ["ZohoCRM.modules.leads.CREATE"]),
        ("PUT", "/Leads", ["ZohoCRM.modules.leads.UPDATE"]),
        ("DELETE", "/Leads?ids=1", ["ZohoCRM.modules.leads.DELETE"]),
        ("POST", "/coql", ["ZohoCRM.coql.READ", READ_LEADS]),
        ("POST", "/Legacy_Assets", ["ZohoCRM.modules.custom.CREATE"]),
    ],
)
def test_each_call_needs_all_of_its_scopes(zoho: Zoho, method: str, path: str, scopes: list[str]) -> None:
    query = "select id from Leads where id is not null"
    body = {"data": [lead(Name="x")], "select_query": query}
    content = {"json": body} if method in ("POST", "PUT") else {}

    zoho.login(*scopes)
    allowed = zoho.http.request(method, f"/crm/v8{path}", **content)  # type: ignore[arg-type]  # keywords
    assert allowed.status_code != 401, allowed.text

    for without in range(len(scopes)):
        others = [scope for number, scope in enumerate(scopes) if number != without]
        zoho.login(*others, "ZohoCRM.files.CREATE")
        refused = zoho.http.request(method, f"/crm/v8{path}", **content)  # type: ignore[arg-type]  # keywords
        assert (refused.status_code, refused.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")
        assert refused.json()["message"] == "Unauthorized"


@pytest.mark.parametrize(
    "query",
    [
        "select id, Account_Name.Account_Name from Contacts where id is not null",
        "select id from Contacts where Account_Name.Account_Name = 'Firm'",
        "select id from Contacts where id is not null order by Account_Name.Account_Name",
    ],
)
def test_a_query_needs_the_scope_of_each_module_that_it_reads(zoho: Zoho, query: str) -> None:
    contacts = ["ZohoCRM.coql.READ", "ZohoCRM.modules.contacts.READ"]

    zoho.login(*contacts)
    refused = zoho.query(query)
    zoho.login(*contacts, "ZohoCRM.modules.accounts.READ")
    answered = zoho.query(query)

    assert (refused.status_code, refused.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")
    assert answered.status_code == 204


def test_a_query_for_the_id_of_a_reference_reads_one_module(zoho: Zoho) -> None:
    zoho.login("ZohoCRM.coql.READ", "ZohoCRM.modules.contacts.READ")

    assert zoho.query("select Account_Name.id from Contacts where Account_Name.id = 1").status_code == 204


@pytest.mark.parametrize(
    ("scope", "may"),
    [
        ("ZohoCRM.modules.ALL", True),
        ("ZohoCRM.modules.CREATE", True),
        ("ZohoCRM.modules.WRITE", True),
        ("ZohoCRM.modules.Leads.create", True),
        ("ZohoCRM.modules.leads.WRITE", True),
        ("ZohoCRM.modules.leads.UPDATE", False),
        ("ZohoCRM.modules.contacts.ALL", False),
        ("ZohoCRM.modules.READ", False),
    ],
)
def test_wider_scopes_cover_narrower_ones(zoho: Zoho, scope: str, may: bool) -> None:
    zoho.login(scope)

    assert (zoho.insert([lead()]).status_code == 201) is may


def test_write_does_not_cover_deleting(zoho: Zoho) -> None:
    zoho.login("ZohoCRM.modules.WRITE")

    assert zoho.delete(["1"]).status_code == 401


def test_nothing_is_written_by_a_call_that_its_scope_refuses(zoho: Zoho) -> None:
    zoho.login(READ_LEADS)
    zoho.insert([lead()])

    assert zoho.control("audit", module="Leads")["creates"] == 0
    assert [one["applied"] for one in zoho.control("writes")] == [False]
