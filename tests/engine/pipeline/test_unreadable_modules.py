"""References into modules that the token may not read: told as that, once, with the line to write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.support import Bench, read_rows, write_rows
from zmigrate import Csv, Find, Insert, Query, RecordJob, Ref, Update, scopes_for
from zmigrate.errors import JobError, RefusedError
from zmigrate.events import TokenAcquired
from zmigrate.job.writes import Write

CONTACTS = Insert("Contacts", key="Legacy_ID")
VIEW_ACCOUNTS = "Crm_Implied_View_Accounts"


def looking(bench: Bench, scopes: Sequence[str], rows: int = 3, **members: Any) -> RecordJob:
    path = write_rows(bench.folder / "c.csv", [{"id": f"C{n}", "account": "Acme"} for n in range(rows)])
    return job(bench, CONTACTS, scopes, lambda self: Csv(path), look, **members)


def look(row: Mapping[str, Any]) -> dict[str, Any]:
    account = Find("Accounts", "Account_Name", row["account"])
    return {"Legacy_ID": row["id"], "Last_Name": "x", "Account_Name": account}


def job(
    bench: Bench, write: Write, scopes: Sequence[str], source: Any, transform: Any, **members: Any
) -> RecordJob:
    body = {
        "__module__": __name__,
        "write": write,
        "scopes": tuple(scopes),
        "source": source,
        "transform": lambda self, row: transform(row),
        **members,
    }
    made: RecordJob = type("Load", (RecordJob,), body)()
    return made


# -- declared ---------------------------------------------------------------------------------------


def test_what_rows_look_into_is_declared_beside_the_write() -> None:
    looks = ("ZohoCRM.coql.READ", "ZohoCRM.modules.accounts.READ")

    for declared in (Find("Accounts"), Find("Accounts", "Account_Name", "x")):
        assert scopes_for(Insert("Contacts"), declared) == ("ZohoCRM.modules.contacts.CREATE", *looks)
    assert scopes_for(Insert("Contacts"), finds=("Accounts",)) == scopes_for(
        Insert("Contacts"), Find("Accounts")
    )
    assert scopes_for(None, Query("select id from Leads where id is not null"), Find("Accounts")) == (
        "ZohoCRM.coql.READ",
        "ZohoCRM.modules.leads.READ",
        "ZohoCRM.modules.accounts.READ",
    )


def test_a_ref_needs_a_scope_only_for_circles_of_its_own_module() -> None:
    assert scopes_for(Insert("Contacts"), Ref("Accounts", "A1")) == scopes_for(Insert("Contacts"))
    assert scopes_for(Insert("Accounts"), Ref("Accounts", "A1")) == scopes_for(
        Insert("Accounts"), refers_to=("Accounts",)
    )


@pytest.mark.parametrize("way", ["scopes_for", "refers_to"])
def test_a_declared_module_is_looked_into(way: str, bench: Bench) -> None:
    bench.seed([{"Account_Name": "Acme"}], "Accounts")
    members: dict[str, Any] = {"refers_to": ("Accounts",)} if way == "refers_to" else {}
    scopes = scopes_for(CONTACTS, Find("Accounts")) if way == "scopes_for" else scopes_for(CONTACTS)
    load = looking(bench, scopes, **members)

    assert not [each for each in bench.plan(load).warnings if each.code == "SCOPE_LACKING"]
    assert bench.run(load).rows.created == 3
    (token,) = bench.seen(TokenAcquired)[-1:]
    assert {"ZohoCRM.coql.READ", "ZohoCRM.modules.accounts.READ"} <= set(token.scopes)


# -- undeclared -------------------------------------------------------------------------------------


def test_an_undeclared_module_stops_the_run_once_with_the_line_to_write(bench: Bench) -> None:
    bench.seed([{"Account_Name": "Acme"}], "Accounts")

    result = bench.run(looking(bench, scopes_for(CONTACTS), rows=250))

    assert (result.state, result.exit_code) == ("refused", 3)
    assert (result.rows.created, result.rows.failed) == (0, 0)
    error = result.error
    assert error is not None
    assert "the token may not read Accounts" in error.message
    assert "ZohoCRM.modules.accounts.READ" in error.message
    assert 'scopes = scopes_for(write, Find("Accounts"))' in (error.hint or "")
    assert bench.get("writes", module="Contacts") == []


def test_a_required_reference_into_an_undeclared_module_stops_before_the_run(bench: Bench) -> None:
    def required(row: Mapping[str, Any]) -> dict[str, Any]:
        account = Find("Accounts", "Account_Name", row["account"], when_open="stop")
        return {"Legacy_ID": row["id"], "Last_Name": "x", "Account_Name": account}

    path = write_rows(bench.folder / "c.csv", [{"id": "C1", "account": "Acme"}])
    load = job(bench, CONTACTS, scopes_for(CONTACTS), lambda self: Csv(path), required)

    with pytest.raises(RefusedError, match="the token may not read Accounts"):
        bench.run(load)


def test_a_plan_tells_that_a_run_would_stop_and_looks_all_the_same(bench: Bench) -> None:
    bench.seed([{"Account_Name": "Acme"}], "Accounts")

    with bench.plan(looking(bench, scopes_for(CONTACTS))) as plan:
        (told,) = [each for each in plan.warnings if each.code == "SCOPE_LACKING"]
        assert plan.counts.creates == 3

    assert "lacks ZohoCRM.modules.accounts.READ" in told.message
    assert 'Find("Accounts")' in told.message


# -- the profile ------------------------------------------------------------------------------------


def test_a_module_that_the_profile_does_not_see_is_told_and_no_row_is_blamed(bench: Bench) -> None:
    bench.seed([{"Account_Name": "Acme"}], "Accounts")
    bench.options(denied_permissions=VIEW_ACCOUNTS)
    load = looking(bench, scopes_for(CONTACTS, Find("Accounts")))

    with pytest.raises(RefusedError, match="the token may not read Accounts"):
        bench.plan(load)
    result = bench.run(load)

    assert (result.state, result.rows.failed, result.rows.created) == ("refused", 0, 0)
    assert result.error is not None
    assert VIEW_ACCOUNTS in result.error.message
    assert "Profiles" in (result.error.hint or "")


@pytest.mark.parametrize("how", ["permission", "hidden tab"])
def test_ids_of_a_module_that_the_profile_does_not_see_are_not_told_as_absent(how: str, bench: Bench) -> None:
    [account] = bench.seed([{"Account_Name": "Acme"}], "Accounts")
    if how == "permission":
        bench.options(denied_permissions=VIEW_ACCOUNTS)
    else:
        bench.script(
            {
                "method": "GET",
                "path": "/crm/v8/Accounts",
                "fault": "400",
                "code": "INVALID_MODULE",
                "times": 9,
            }
        )
    path = write_rows(bench.folder / "c.csv", [{"id": "C1", "account": account}])
    by_id = lambda row: {"Legacy_ID": row["id"], "Last_Name": "x", "Account_Name": row["account"]}  # noqa: E731
    load = job(bench, CONTACTS, scopes_for(CONTACTS), lambda self: Csv(path), by_id)

    with bench.plan(load) as plan:
        assert (plan.counts.creates, plan.counts.refused) == (1, 0)
        (told,) = [each for each in plan.warnings if "Accounts" in each.message]
    assert "the token may not read Accounts" in told.message


# -- queries ----------------------------------------------------------------------------------------


def test_a_query_through_a_standard_lookup_needs_the_other_module(bench: Bench) -> None:
    query = Query("select id, Account_Name.Industry from Contacts where Account_Name.Industry is not null")
    write = Update("Contacts")
    scopes = scopes_for(write, Query("select id from Contacts where id is not null"))
    load = job(bench, write, scopes, lambda self: query, lambda row: {"id": row["id"]})

    with pytest.raises(JobError, match=r"missing: ZohoCRM\.modules\.accounts\.READ"):
        bench.run(load)


def test_a_query_through_a_custom_lookup_needs_the_other_module_too(bench: Bench) -> None:
    query = Query("select id, Product_Link.Product_Name from Deals where id is not null")
    write = Update("Deals")
    load = job(bench, write, scopes_for(write, query), lambda self: query, lambda row: {"id": row["id"]})

    with pytest.raises(JobError, match=r"through lookups.* missing: ZohoCRM\.modules\.products\.READ"):
        bench.run(load)


def test_rows_with_a_result_each_that_lack_a_permission_fail_with_its_name(bench: Bench) -> None:
    bench.options(denied_permissions="Crm_Implied_Create_Contacts", denied_shape="rows")
    path = write_rows(bench.folder / "c.csv", [{"id": f"C{n}"} for n in range(3)])
    load = job(
        bench,
        CONTACTS,
        scopes_for(CONTACTS),
        lambda self: Csv(path),
        lambda row: {"Legacy_ID": row["id"], "Last_Name": "x"},
    )

    result = bench.run(load)

    assert result.rows.failed == 3
    assert all("Crm_Implied_Create_Contacts" in row["message"] for row in read_rows(result.files["errors"]))
