"""What rows point at: records by id, rows of the file, keys of earlier runs, records that the org has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.support import Bench, file_job, read_rows, write_rows
from zmigrate import Csv, Find, Flow, Insert, RecordJob, Ref, Upsert, scopes_for
from zmigrate.engine.plan.plan import Plan
from zmigrate.engine.plan.record_ids import invited_users
from zmigrate.job.writes import Write

ACCOUNTS = Insert("Accounts", key="Legacy_ID")
CONTACTS = Insert("Contacts", key="Legacy_ID")


def job_of(
    bench: Bench,
    write: Write,
    rows: Sequence[Mapping[str, str]],
    transform: Any,
    *,
    finds: Sequence[str] = (),
    scopes: Sequence[str] = (),
) -> RecordJob:
    path = write_rows(bench.folder / f"{write.module}.csv", rows)
    members = {
        "__module__": __name__,
        "write": write,
        "scopes": (*scopes_for(write, finds=finds), *scopes),
        "source": lambda self: Csv(path),
        "transform": lambda self, row: transform(row),
    }
    job: RecordJob = type("Load", (RecordJob,), members)()
    return job


def rejects(plan: Plan) -> list[tuple[int, str | None, str]]:
    return [(reject.line, reject.reason.field, reject.reason.code) for reject in plan.rejects]


def codes(plan: Plan) -> dict[str, Any]:
    return {warning.code: warning for warning in plan.warnings}


def contact(row: Mapping[str, str]) -> dict[str, Any]:
    return {"Legacy_ID": row["id"], "Last_Name": "x", "Account_Name": Ref("Accounts", row["account"])}


def account(row: Mapping[str, str]) -> dict[str, Any]:
    return {"Legacy_ID": row["id"], "Account_Name": "x", "Parent_Account": Ref("Accounts", row["parent"])}


# -- ids -------------------------------------------------------------------------------------------


def by_id(row: Mapping[str, str]) -> dict[str, Any]:
    return {"Legacy_ID": row["id"], "Last_Name": "x", "Account_Name": row["account"]}


def test_ids_that_name_no_record_fail_their_rows(bench: Bench) -> None:
    known = bench.seed([{"Account_Name": "A"}, {"Account_Name": "B"}], "Accounts")
    absent = str(int(max(known)) + 5)
    rows = [
        {"id": str(n), "account": each} for n, each in enumerate([known[0], absent, known[1], absent, ""])
    ]
    job = job_of(bench, CONTACTS, rows, by_id, scopes=["ZohoCRM.modules.accounts.READ"])
    assert rejects(bench.plan(job)) == [
        (3, "Account_Name", "INVALID_DATA"),
        (5, "Account_Name", "INVALID_DATA"),
    ]
    result = bench.run(job)
    assert (result.rows.created, result.rows.failed) == (3, 2)


def test_the_people_of_an_event_are_looked_for_where_their_kind_says(bench: Bench) -> None:
    [contact_id] = bench.seed([{"Last_Name": "C"}], "Contacts")
    [lead_id] = bench.seed([{"Last_Name": "L", "Company": "X"}], "Leads")
    user_id = bench.get("users")[0]["id"]
    given = [("contact", contact_id), ("lead", lead_id), ("lead", contact_id), ("email", "jo@example.com")]
    given += [("user", user_id), ("user", contact_id)]
    start = "2024-01-01T10:00:00+00:00"
    job = job_of(
        bench,
        Insert("Events", key="Legacy_ID"),
        [{"id": str(number), "type": kind, "who": who} for number, (kind, who) in enumerate(given)],
        lambda row: {
            "Legacy_ID": row["id"],
            "Event_Title": "Visit",
            "Start_DateTime": start,
            "End_DateTime": start,
            "Participants": [{"type": row["type"], "participant": row["who"]}],
        },
        scopes=["ZohoCRM.modules.contacts.READ", "ZohoCRM.modules.leads.READ", "ZohoCRM.users.READ"],
    )
    place = "Participants[0].participant"
    assert rejects(bench.plan(job)) == [(4, place, "INVALID_DATA"), (7, place, "INVALID_DATA")]
    result = bench.run(job)
    assert (result.rows.created, result.rows.failed) == (4, 2)


@pytest.mark.parametrize("value", ["Ada, Ben", ["Ada"], None])
def test_a_field_of_another_module_may_be_called_participants(value: Any) -> None:
    assert list(invited_users({"Participants": value})) == []


def test_ids_of_several_lookups_are_looked_for_too(bench: Bench) -> None:
    known = bench.seed([{"Product_Name": "A"}, {"Product_Name": "B"}], "Products")
    absent = str(int(max(known)) + 5)
    rows = [
        {"id": str(n), "products": each}
        for n, each in enumerate([";".join(known), f"{known[0]};{absent};{absent}", absent, ""])
    ]
    deal = {"Deal_Name": "x", "Stage": "Qualification"}
    job = job_of(
        bench,
        Insert("Deals", key="Legacy_ID"),
        rows,
        lambda row: {**deal, "Legacy_ID": row["id"], "Related_Products": row["products"]},
        scopes=["ZohoCRM.modules.products.READ"],
    )
    assert rejects(bench.plan(job)) == [
        (3, "Related_Products", "INVALID_DATA"),
        (4, "Related_Products", "INVALID_DATA"),
    ]
    result = bench.run(job)
    assert (result.rows.created, result.rows.failed) == (2, 2)


def test_ids_are_looked_for_in_modules_that_the_job_itself_does_not_read(bench: Bench) -> None:
    plan = bench.plan(job_of(bench, CONTACTS, [{"id": "1", "account": "12345"}], by_id))
    assert rejects(plan) == [(2, "Account_Name", "INVALID_DATA")]


# -- references ------------------------------------------------------------------------------------


def test_references_to_what_nobody_wrote_are_listed(bench: Bench) -> None:
    bench.run(
        file_job(ACCOUNTS, write_rows(bench.folder / "a.csv", [{"Legacy_ID": "A1", "Account_Name": "A"}]))
    )
    rows = [{"id": str(n), "account": key} for n, key in enumerate(["A1", "A1 ", "A2", ""])]
    plan = bench.plan(job_of(bench, CONTACTS, rows, contact))
    assert rejects(plan) == [(4, "Account_Name", "REFERENCE_OPEN")]
    assert plan.counts.creates == 3


def test_values_that_point_at_nothing_are_counted(bench: Bench) -> None:
    rows = [{"id": str(n), "account": key} for n, key in enumerate(["A1", "A2", "A1"])]
    warning = codes(bench.plan(job_of(bench, CONTACTS, rows, contact)))["POINTS_AT_NOTHING"]
    assert "2 different values of Account_Name refer to no record: 'A1' (2), 'A2' (1)" in warning.message


def test_rows_that_only_follow_a_refused_one_are_not_counted_as_pointing_at_nothing(bench: Bench) -> None:
    rows = [{"id": "a", "parent": "x"}, {"id": "b", "parent": "y"}, {"id": "c", "parent": "a"}]
    plan = bench.plan(job_of(bench, ACCOUNTS, rows, account))
    warning = codes(plan)["POINTS_AT_NOTHING"]
    assert (plan.counts.refused, warning.count, warning.lines) == (3, 2, (2, 3))


def test_references_inside_the_file_may_point_anywhere_in_it(bench: Bench) -> None:
    rows = [{"id": "a", "parent": "c"}, {"id": "b", "parent": ""}, {"id": "c", "parent": "b"}]
    plan = bench.plan(job_of(bench, ACCOUNTS, rows, account))
    assert (rejects(plan), plan.counts.creates) == ([], 3)


def test_a_row_that_is_refused_takes_those_down_that_point_at_it(bench: Bench) -> None:
    rows = [
        {"id": "a", "parent": "b"},
        {"id": "b", "parent": "c"},
        {"id": "c", "parent": "nobody"},
        {"id": "d", "parent": ""},
    ]
    plan = bench.plan(job_of(bench, ACCOUNTS, rows, account))
    assert {line for line, _, _ in rejects(plan)} == {2, 3, 4}
    assert bench.run(job_of(bench, ACCOUNTS, rows, account)).rows.created == plan.counts.creates == 1


@pytest.mark.parametrize(
    ("when_open", "code", "creates"),
    [("leave_out", "REFERENCE_LEFT_OUT", 1), ("stop", "REFERENCE_STOPS", 0)],
)
def test_what_an_open_reference_does_is_said(bench: Bench, when_open: Any, code: str, creates: int) -> None:
    def transform(row: Mapping[str, str]) -> dict[str, Any]:
        return {**contact(row), "Account_Name": Ref("Accounts", row["account"], when_open=when_open)}

    plan = bench.plan(job_of(bench, CONTACTS, [{"id": "1", "account": "gone"}], transform))
    assert codes(plan)[code].lines == (2,)
    assert when_open != "stop" or "stop before it writes any row of" in codes(plan)[code].message
    assert plan.counts.creates == creates


def test_finds_are_looked_for_in_the_org_once_a_value(bench: Bench) -> None:
    bench.seed([{"Account_Name": name} for name in ("Acme", "Twin", "Twin")], "Accounts")
    names = ["Acme", "Acme ", "Twin", "Nobody", "Acme"]

    def transform(row: Mapping[str, str]) -> dict[str, Any]:
        found = Find("Accounts", "Account_Name", row["account"])
        return {"Legacy_ID": row["id"], "Last_Name": "x", "Account_Name": found}

    rows = [{"id": str(n), "account": name} for n, name in enumerate(names)]
    plan = bench.plan(job_of(bench, CONTACTS, rows, transform, finds=["Accounts"]))
    assert rejects(plan) == [
        (4, "Account_Name", "REFERENCE_AMBIGUOUS"),
        (5, "Account_Name", "REFERENCE_OPEN"),
    ]
    result = bench.run(job_of(bench, CONTACTS, rows, transform, finds=["Accounts"]))
    assert (result.rows.created, result.rows.failed) == (3, 2)


# -- file after file -------------------------------------------------------------------------------


def test_a_flow_hands_the_keys_of_one_file_on_to_the_next(bench: Bench) -> None:
    rows = [{"Legacy_ID": "A1", "Account_Name": "A"}, {"Legacy_ID": "A2", "Account_Name": ""}]
    accounts = file_job(ACCOUNTS, write_rows(bench.folder / "a.csv", rows))
    contacts = job_of(
        bench, CONTACTS, [{"id": str(n), "account": key} for n, key in enumerate(["A1", "A2"])], contact
    )

    class Both(Flow):
        """Accounts, then contacts."""

        def jobs(self) -> list[RecordJob]:
            return [accounts, contacts]

    with bench.plan(Both()) as plan:
        assert [(step.plan.counts.creates, step.plan.counts.refused) for step in plan.steps] == [
            (1, 1),
            (1, 1),
        ]
        [reject] = plan.steps[1].plan.rejects
    assert (reject.line, reject.reason.code, reject.follows) == (3, "REFERENCE_OPEN", True)
    assert "line 3 of" in reject.reason.message
    assert "a.csv, which would be refused itself" in reject.reason.message


def test_an_upsert_finds_parents_in_its_own_file(bench: Bench) -> None:
    write = Upsert("Accounts", match_on="Legacy_ID")
    bench.seed([{"Legacy_ID": "a", "Account_Name": "x"}], "Accounts")
    rows = [{"id": "a", "parent": ""}, {"id": "b", "parent": "a"}]
    counts = bench.plan(job_of(bench, write, rows, account)).counts
    assert (counts.creates, counts.refused) == (1, 0)


# -- several modules, and rows of subforms ---------------------------------------------------------


def test_who_may_be_a_contact_or_a_lead(bench: Bench) -> None:
    [lead] = bench.seed([{"Last_Name": "x"}])
    [contact_id] = bench.seed([{"Last_Name": "x"}], "Contacts")
    [account_id] = bench.seed([{"Account_Name": "x"}], "Accounts")
    rows = [{"who": who} for who in (lead, contact_id, account_id)]
    job = job_of(bench, Insert("Tasks"), rows, lambda row: {"Subject": "x", "Who_Id": row["who"]})
    assert rejects(bench.plan(job)) == [(4, "Who_Id", "INVALID_DATA")]
    result = bench.run(job)
    assert (result.rows.created, result.rows.failed) == (2, 1)


@pytest.mark.parametrize("module", ["accounts", "Nope", "no module"])
def test_a_module_that_the_org_has_not_is_told(bench: Bench, module: str) -> None:
    [account_id] = bench.seed([{"Account_Name": "x"}], "Accounts")
    rows = [{"what": account_id, "module": name} for name in ("Accounts", module)]
    task = lambda row: {"Subject": "x", "What_Id": row["what"], "$se_module": row["module"]}  # noqa: E731
    job = job_of(bench, Insert("Tasks"), rows, task)
    assert rejects(bench.plan(job)) == [(3, "What_Id", "INVALID_DATA")]
    result = bench.run(job)
    assert (result.rows.created, result.rows.failed) == (1, 1)


def test_ids_in_the_rows_of_a_subform_are_looked_for(bench: Bench) -> None:
    [product] = bench.seed([{"Product_Name": "x"}], "Products")
    rows = [{"id": str(number), "part": part} for number, part in enumerate((product, "999999999999"))]

    def asset(row: Mapping[str, str]) -> dict[str, Any]:
        log = [{"Service_Date": "2024-01-01"}, {"Service_Date": "2024-01-01", "Part": row["part"]}]
        return {"Legacy_ID": row["id"], "Name": "x", "Service_Log": log}

    job = job_of(bench, Insert("Legacy_Assets", key="Legacy_ID"), rows, asset)
    field = "Service_Log[1].Part"
    assert rejects(bench.plan(job)) == [(3, field, "INVALID_DATA")]
    [failed] = read_rows(bench.run(job).files["errors"])
    assert (failed["line"], failed["field"], failed["code"]) == ("3", field, "INVALID_DATA")


def test_a_layout_that_the_module_has_not_is_told(bench: Bench) -> None:
    rows = [{"id": "1", "layout": "999999999999"}, {"id": "2", "layout": ""}]

    def lead(row: Mapping[str, str]) -> dict[str, Any]:
        return {"Legacy_ID": row["id"], "Last_Name": "x", "Layout": row["layout"]}

    job = job_of(bench, Insert("Leads", key="Legacy_ID"), rows, lead)
    assert rejects(bench.plan(job)) == [(2, "Layout", "INVALID_DATA")]
    [failed] = read_rows(bench.run(job).files["errors"])
    assert (failed["line"], failed["field"], failed["code"]) == ("2", "Layout", "INVALID_DATA")
