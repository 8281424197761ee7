from __future__ import annotations

import pytest

from zmigrate.zoho.facts import limits
from zmigrate.zoho.facts.data_centres import ACCOUNTS_DOMAINS, ACCOUNTS_URLS, API_DOMAINS, url_fault
from zmigrate.zoho.facts.scopes import covers, missing, module_scope, scopes_of_call, scopes_of_write


@pytest.mark.parametrize("url", ACCOUNTS_URLS.values())
def test_every_accounts_host_of_the_table_is_one_of_zohos(url: str) -> None:
    assert url_fault(url, ACCOUNTS_DOMAINS, loopback_http=False) is None


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://www.zohoapis.eu", None),
        ("https://sandbox.zohoapis.com.au", None),
        ("http://www.zohoapis.eu", "is not https"),
        ("https://zohoapis.eu.evil.example", "is not a host of Zoho"),
        ("https://evilzohoapis.eu", "is not a host of Zoho"),
        ("https://www.zohoapis.evil", "is not a host of Zoho"),
        ("https://user:pw@www.zohoapis.eu", "has a user name or a password"),
        ("https://www.zohoapis.eu/path", "must be a host without path or query"),
        ("https://www.zohoapis.eu:8443", "must not name a port"),
        ("http://127.0.0.1:8080", "is this machine, not Zoho"),
        ("https://[::1", "is not a URL"),
        ("", "is not https"),
    ],
)
def test_a_token_goes_to_https_on_zohos_hosts_only(url: str, fault: str | None) -> None:
    assert url_fault(url, API_DOMAINS, loopback_http=False) == fault


def test_plain_http_is_good_for_this_machine_where_that_is_allowed() -> None:
    for url in ("http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:99"):
        assert url_fault(url, API_DOMAINS, loopback_http=True) is None
    assert url_fault("http://localhost.evil.example", API_DOMAINS, loopback_http=True) == "is not https"


@pytest.mark.parametrize(
    ("granted", "wanted", "covered"),
    [
        ("ZohoCRM.modules.ALL", "ZohoCRM.modules.leads.CREATE", True),
        ("ZohoCRM.modules.READ", "ZohoCRM.modules.leads.READ", True),
        ("ZohoCRM.modules.READ", "ZohoCRM.modules.leads.CREATE", False),
        ("zohocrm.modules.Leads.read", "ZohoCRM.modules.leads.READ", True),
        ("ZohoCRM.modules.leads.WRITE", "ZohoCRM.modules.leads.UPDATE", True),
        ("ZohoCRM.modules.leads.WRITE", "ZohoCRM.modules.leads.DELETE", False),
        ("ZohoCRM.modules.leads.CREATE ZohoCRM.modules.leads.UPDATE", "ZohoCRM.modules.leads.WRITE", True),
        ("ZohoCRM.modules.leads.CREATE", "ZohoCRM.modules.leads.WRITE", False),
        ("ZohoCRM.modules.leads.ALL", "ZohoCRM.modules.ALL", False),
        ("ZohoCRM.settings.ALL", "ZohoCRM.settings.fields.READ", True),
        ("ZohoCRM.settings.fields.READ", "ZohoCRM.settings.modules.READ", False),
        ("ZohoFiles.files.ALL", "ZohoCRM.files.READ", False),
        ("ZohoCRM.bulk.ALL", "ZohoCRM.bulk.READ", True),
        ("", "ZohoCRM.org.READ", False),
    ],
)
def test_what_a_scope_covers(granted: str, wanted: str, covered: bool) -> None:
    assert covers(granted.split(), wanted) is covered


def test_missing_scopes_are_named_once_and_in_order() -> None:
    wanted = ["ZohoCRM.org.READ", "ZohoCRM.coql.READ", "ZohoCRM.org.READ", "ZohoCRM.modules.leads.READ"]

    assert missing(["ZohoCRM.modules.ALL"], wanted) == ["ZohoCRM.org.READ", "ZohoCRM.coql.READ"]


def test_a_module_without_a_scope_of_its_own_falls_under_custom() -> None:
    assert module_scope("Price_Books", "READ") == "ZohoCRM.modules.pricebooks.READ"
    assert module_scope("Machines", "CREATE") == "ZohoCRM.modules.custom.CREATE"


@pytest.mark.parametrize(
    ("module", "named"),
    [
        ("Services__s", "services"),
        ("Appointments__s", "appointments"),
        ("Locking_Information__s", "lockinginformation"),
        ("locking_information__s", "lockinginformation"),
        ("Services", "services"),
    ],
)
def test_the_scope_of_a_system_module_lacks_its_suffix(module: str, named: str) -> None:
    assert module_scope(module, "READ") == f"ZohoCRM.modules.{named}.READ"


def test_what_a_write_needs() -> None:
    assert scopes_of_write("Leads", "insert", keyed=False) == ("ZohoCRM.modules.leads.CREATE",)
    assert scopes_of_write("Leads", "upsert", keyed=True) == (
        "ZohoCRM.modules.leads.CREATE",
        "ZohoCRM.modules.leads.UPDATE",
        "ZohoCRM.modules.leads.READ",
        "ZohoCRM.coql.READ",
    )
    assert "ZohoCRM.modules.leads.READ" in scopes_of_write("Leads", "delete", keyed=False)


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("GET", "/crm/v8/org", ("ZohoCRM.org.READ",)),
        ("GET", "/crm/v8/leads", ("ZohoCRM.modules.leads.READ",)),
        ("PUT", "/crm/v8/Leads/1", ("ZohoCRM.modules.leads.UPDATE",)),
        ("POST", "/crm/v8/Leads/upsert", ("ZohoCRM.modules.leads.CREATE", "ZohoCRM.modules.leads.UPDATE")),
        ("POST", "/crm/v8/coql", ("ZohoCRM.coql.READ",)),
        ("GET", "/crm/v8/settings/fields", ("ZohoCRM.settings.fields.READ",)),
        ("GET", "/crm/v8/settings/roles", ("ZohoCRM.settings.ALL",)),
        ("GET", "/crm/v8/Leads/search", ("ZohoCRM.modules.leads.READ", "ZohoSearch.securesearch.READ")),
        (
            "GET",
            "/crm/v8/Leads/actions/count",
            ("ZohoCRM.modules.leads.READ", "ZohoSearch.securesearch.READ", "ZohoCRM.settings.layouts.READ"),
        ),
        ("GET", "/elsewhere", ()),
    ],
)
def test_what_a_call_needs(method: str, path: str, scopes: tuple[str, ...]) -> None:
    assert scopes_of_call(method, path) == scopes


def test_prices_of_calls() -> None:
    assert [limits.write_credits("insert", rows) for rows in (1, 10, 11, 100)] == [1, 1, 2, 10]
    assert limits.write_credits("delete", 100) == 1
    assert [limits.coql_credits(rows) for rows in (200, 201, 1_000, 1_001, 2_000)] == [1, 2, 2, 3, 3]


def test_which_writes_share_the_sub_concurrency() -> None:
    assert not limits.is_heavy_write("insert", 10)
    assert limits.is_heavy_write("upsert", 11)
    assert not limits.is_heavy_write("delete", 100)


def test_allowance_by_edition_and_users() -> None:
    assert limits.credit_allowance("Enterprise", 10) == 60_000
    assert limits.credit_allowance("standard", 1_000) == 100_000
    assert limits.credit_allowance("free", 3) == 5_000
    assert limits.credit_allowance("Zoho One", 1) == 51_000
    assert limits.credit_allowance("crm_plus", 2) == 54_000
    assert limits.credit_allowance("unheard of", 3) is None
