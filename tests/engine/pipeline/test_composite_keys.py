"""Keys of several fields, together: insert, update, delete, references, plan, a lost answer, a resume."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from zmigrate.ready_jobs.import_folder import ImportFolder

import zmigrate
from tests.support import Bench, read_rows, write_rows
from zmigrate import Csv, Delete, Insert, RecordJob, Ref, Update
from zmigrate.events import RequestSent

KEY = ("Last_Name", "Company")
SEVERAL = Insert("Leads", key=KEY, on_existing="update")


def a_job(
    write: Any,
    path: Path,
    transform: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
    refers_to: tuple[str, ...] = (),
) -> RecordJob:
    made = type(
        "Several",
        (RecordJob,),
        {
            "__module__": __name__,
            "write": write,
            "scopes": zmigrate.scopes_for(write),
            "source": lambda self: Csv(path),
            "transform": lambda self, row: transform(row),
            **({"refers_to": refers_to} if refers_to else {}),
        },
    )
    job: RecordJob = made()
    return job


def rows_of(bench: Bench, *rows: tuple[str, str, str]) -> Path:
    named = [{"Last_Name": name, "Company": company, "Phone": phone} for name, company, phone in rows]
    return write_rows(bench.folder / "rows.csv", named)


def there(bench: Bench, *rows: tuple[str, str, str]) -> list[str]:
    return bench.seed(
        [{"Last_Name": name, "Company": company, "Phone": phone} for name, company, phone in rows]
    )


def phones(bench: Bench) -> dict[tuple[str, str], Any]:
    return {(each["Last_Name"], each["Company"]): each.get("Phone") for each in bench.records()}


CROSSED = [
    ("Doe", "Acme", "1"),
    ("Doe", "Bolt", "2"),
    ("Ray", "Acme", "3"),
    ("a", "b|c", "4"),
    ("a|b", "c", "5"),
]
"""Each value is in several keys; and two of them would be one text if a bar were not told from a value's."""


def test_an_insert_with_such_a_key_creates_updates_and_skips(bench: Bench) -> None:
    there(bench, ("Doe", "Acme", "old"), ("Ray", "Bolt", "old"))
    job = a_job(SEVERAL, rows_of(bench, *CROSSED))
    plan = bench.plan(job)
    assert (plan.counts.creates, plan.counts.updates) == (4, 1)
    result = bench.run(job)
    assert (result.exit_code, result.rows.created, result.rows.updated) == (0, 4, 1)
    assert phones(bench) == {**{(n, c): p for n, c, p in CROSSED}, ("Ray", "Bolt"): "old"}
    skips = a_job(Insert("Leads", key=KEY, on_existing="skip"), rows_of(bench, *CROSSED))
    assert bench.plan(skips).counts.skipped == 5
    again = bench.run(skips)
    assert (again.rows.skipped, len(bench.records())) == (5, 6)
    assert {row["key"] for row in read_rows(again.files["skipped"])} >= {"Doe | Acme", "a | b||c", "a||b | c"}


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_an_update_and_a_delete_find_their_records(bench: Bench, operation: str) -> None:
    there(bench, *((name, company, "old") for name, company, _ in CROSSED), ("Ray", "Bolt", "old"))
    write = Update("Leads", key=KEY) if operation == "update" else Delete("Leads", key=KEY)
    job = a_job(write, rows_of(bench, *CROSSED, ("No", "One", "6")))
    plan = bench.plan(job)
    assert (plan.counts.updates + plan.counts.deletes, plan.counts.refused) == (5, 1)
    result = bench.run(job)
    assert (result.rows.updated + result.rows.deleted, result.rows.failed) == (5, 1)
    (failed,) = read_rows(result.files["errors"])
    assert (failed["key"], failed["field"], failed["code"]) == (
        "No | One",
        "Last_Name+Company",
        "KEY_NOT_FOUND",
    )
    left = {("Ray", "Bolt"): "old"}
    assert phones(bench) == (
        left if operation == "delete" else {**{(n, c): p for n, c, p in CROSSED}, **left}
    )


def test_several_records_with_the_key_fail_the_row(bench: Bench) -> None:
    there(bench, ("Doe", "Acme", "1"), ("Doe", "Acme", "2"))
    result = bench.run(a_job(Update("Leads", key=KEY), rows_of(bench, ("Doe", "Acme", "9"))))
    assert read_rows(result.files["errors"])[0]["code"] == "KEY_AMBIGUOUS"


def test_an_empty_part_fails_the_row_with_its_field(bench: Bench) -> None:
    for write in (Insert("Leads", key=KEY), Update("Leads", key=KEY), Delete("Leads", key=KEY)):
        job = a_job(write, rows_of(bench, ("Doe", "", "1")))
        assert bench.plan(job).counts.refused == 1
        (failed,) = read_rows(bench.run(job, again=True).files["errors"])
        assert (failed["field"], failed["code"]) == ("Company", "EMPTY_KEY")


def test_letter_case_counts_and_ignore_case_takes_it(bench: Bench) -> None:
    there(bench, ("doe", "ACME", "old"))
    rows = rows_of(bench, ("Doe", "Acme", "new"))
    (failed,) = read_rows(bench.run(a_job(Update("Leads", key=KEY), rows)).files["errors"])
    assert "the org has 'doe | ACME'" in failed["message"]
    assert bench.run(a_job(Update("Leads", key=KEY, ignore_case=True), rows)).rows.updated == 1


def test_rows_that_share_the_whole_key_are_repeated_and_those_that_share_a_part_are_not(bench: Bench) -> None:
    rows = rows_of(bench, ("Doe", "Acme", "1"), ("Doe", "Bolt", "2"), ("Doe", "Acme", "3"))
    for mode, created in ((None, "1"), ("last", "3")):
        job = a_job(Insert("Leads", key=KEY, on_repeated=mode), rows)  # type: ignore[arg-type]
        plan = bench.plan(job)
        result = bench.run(job, again=True)
        assert (plan.counts.creates, result.rows.created) == (2, 2)
        assert phones(bench)["Doe", "Acme"] == created
        bench.run(a_job(Delete("Leads", key=KEY), rows))


@pytest.mark.parametrize("fault", ["lost_answer", "reset"])
def test_a_lost_answer_is_looked_up_by_all_fields(bench: Bench, fault: str) -> None:
    rows = [(f"Name {number % 7}", f"Company {number}", str(number)) for number in range(30)]
    bench.script({"method": "POST", "path": "/crm/v8/Leads", "fault": fault, "times": 1})
    result = bench.run(a_job(Insert("Leads", key=KEY), rows_of(bench, *rows)))
    assert (result.rows.created, result.rows.in_doubt, len(bench.records())) == (30, 0, 30)


def test_a_resume_goes_on_and_knows_the_keys_that_were_written(bench: Bench) -> None:
    rows = rows_of(bench, *CROSSED, ("Doe", "Acme", "again"))
    job = a_job(Insert("Leads", key=KEY, on_repeated="first"), rows)
    assert bench.run(job, limit=3).state == "limited"
    result = bench.resume()
    assert (result.state, result.rows.created, result.rows.skipped) == ("finished", 5, 1)
    assert phones(bench)["Doe", "Acme"] == "1"


def test_a_number_and_an_address_are_compared_as_such(bench: Bench) -> None:
    bench.seed([{"Last_Name": "Doe", "Company": "Acme", "Legacy_Number": "7", "Email": "Jo@Example.com"}])
    rows = [{"Legacy_Number": "007", "Email": "jo@example.COM", "Phone": "1"}]
    job = a_job(Update("Leads", key=("Legacy_Number", "Email")), write_rows(bench.folder / "n.csv", rows))
    assert bench.plan(job).counts.updates == 1
    assert bench.run(job).rows.updated == 1


def test_look_ups_take_about_as_many_calls_as_those_of_one_field(bench: Bench) -> None:
    def queries(write: Any, rows: Path) -> int:
        bench.events.clear()
        bench.run(a_job(write, rows), again=True)
        return sum(event.path.endswith("/coql") for event in bench.seen(RequestSent))

    known = [(f"Name {number}", f"Company {number}", "1") for number in range(300)]
    there(bench, *known)
    rows = rows_of(bench, *known)
    several = queries(Update("Leads", key=KEY), rows)
    assert several <= queries(Update("Leads", key="Last_Name"), rows) + 1


def test_a_reference_names_the_fields_of_the_key_in_this_run_and_in_later_ones(bench: Bench) -> None:
    accounts = write_rows(
        bench.folder / "accounts.csv",
        [
            {"Account_Name": "Daughter", "Billing_City": "Bern", "mother": "Mother", "city": "Ulm"},
            {"Account_Name": "Mother", "Billing_City": "Ulm", "mother": "", "city": ""},
            {"Account_Name": "Mother", "Billing_City": "Bern", "mother": "", "city": ""},
        ],
    )
    key = ("Account_Name", "Billing_City")

    def of(row: Mapping[str, Any]) -> dict[str, Any]:
        mother = Ref("Accounts", (row["mother"], row["city"]), field=key)
        return {**{name: row[name] for name in key}, "Parent_Account": mother}

    result = bench.run(a_job(Insert("Accounts", key=key), accounts, of, ("Accounts",)))
    assert (result.exit_code, result.rows.created) == (0, 3)
    ids = {(each["Account_Name"], each["Billing_City"]): each for each in bench.records("Accounts")}
    assert ids["Daughter", "Bern"]["Parent_Account"]["id"] == ids["Mother", "Ulm"]["id"]

    contacts = write_rows(bench.folder / "contacts.csv", [{"Last_Name": "Doe"}])
    link = Ref("Accounts", ("Mother", "Bern"), field=key)
    job = a_job(Insert("Contacts"), contacts, lambda row: {**row, "Account_Name": link})
    assert bench.run(job).rows.created == 1
    assert bench.records("Contacts")[0]["Account_Name"]["id"] == ids["Mother", "Bern"]["id"]


def test_the_id_map_follows_a_part_that_a_later_run_changes(bench: Bench) -> None:
    bench.run(a_job(Insert("Leads", key=KEY), rows_of(bench, ("Doe", "Acme", "1"))))
    (record,) = bench.records()
    change = write_rows(bench.folder / "change.csv", [{"id": record["id"], "Company": "Bolt"}])
    assert bench.run(a_job(Update("Leads"), change)).rows.updated == 1
    found = {}
    for company in ("Acme", "Bolt"):
        task = Ref("Leads", ("Doe", company), field=KEY)
        path = write_rows(bench.folder / f"{company}.csv", [{"Subject": company}])
        job = a_job(
            Insert("Tasks"), path, lambda row, task=task: {**row, "What_Id": task, "$se_module": "Leads"}
        )
        found[company] = bench.plan(job).counts.refused
    assert found == {"Acme": 1, "Bolt": 0}


def test_a_folder_refers_by_two_columns(bench: Bench) -> None:
    data = bench.folder / "data"
    data.mkdir()
    (data / "accounts.csv").write_text("Account_Name,Billing_City\nAcme,Ulm\nAcme,Bern\n", encoding="utf-8")
    (data / "contacts.csv").write_text(
        "Last_Name,firm,city\nDoe,Acme,Bern\nRay,,\nNo,Acme,Rome\n", encoding="utf-8"
    )
    (data / "mapping.toml").write_text(
        """
        [[load]]
        file = "accounts.csv"
        module = "Accounts"
        operation = "insert"
        key = ["Account_Name", "Billing_City"]
        [[load]]
        file = "contacts.csv"
        module = "Contacts"
        operation = "insert"
        [load.fields.Account_Name]
        ref = "Accounts"
        by = ["Account_Name", "Billing_City"]
        columns = ["firm", "city"]
        """,
        encoding="utf-8",
    )
    job = ImportFolder(folder=data)
    assert bench.plan(job).counts.refused == 1
    result = bench.run(job)
    assert (result.rows.created, result.rows.failed) == (4, 1)
    bern = next(each["id"] for each in bench.records("Accounts") if each["Billing_City"] == "Bern")
    linked = {each["Last_Name"]: (each["Account_Name"] or {}).get("id") for each in bench.records("Contacts")}
    assert linked == {"Doe": bern, "Ray": None}
