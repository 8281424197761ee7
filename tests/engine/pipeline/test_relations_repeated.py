"""Records that point at one another: keys that stand several times or are there already, limits between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.engine.pipeline.test_relations import account, make, parents
from tests.support import Bench, file_job, read_rows, write_rows
from zmigrate import Blank, Delete, Find, Insert, RecordJob, Ref, Update, Upsert
from zmigrate.engine.storage.id_map import IdMap
from zmigrate.engine.storage.ledger import identity, list_runs
from zmigrate.events import RequestSent
from zmigrate.job.writes import Write
from zmigrate.reasons import told

INSERT = Insert("Accounts", key="Legacy_ID")
UPSERT = Upsert("Accounts", match_on="Legacy_ID")
EACH = Upsert("Accounts", match_on="Legacy_ID", on_repeated="each")


def load(bench: Bench, write: Write, *rows: tuple[str, str, str]) -> RecordJob:
    """A load of accounts by (key, name, parent's key)."""
    cells = [dict(zip(("id", "name", "parent"), row, strict=True)) for row in rows]
    return make(write, write_rows(bench.folder / "accounts.csv", cells), account)


def names(bench: Bench) -> dict[str, str]:
    return {record["Legacy_ID"]: record["Account_Name"] for record in bench.records("Accounts")}


def test_the_later_row_of_a_key_is_written_later_although_it_has_no_parent(bench: Bench) -> None:
    result = bench.run(load(bench, EACH, ("a", "Old", "b"), ("b", "B", ""), ("a", "New", "")))
    assert (result.rows.created, result.rows.updated) == (2, 1)
    assert names(bench) == {"a": "New", "b": "B"}
    assert parents(bench) == {"a": "b", "b": None}


def test_the_first_row_of_a_key_is_inserted_although_it_has_a_parent(bench: Bench) -> None:
    result = bench.run(load(bench, INSERT, ("a", "First", "b"), ("b", "B", ""), ("a", "Second", "")))
    assert names(bench) == {"a": "First", "b": "B"}
    [failed] = read_rows(result.files["errors"])
    assert (failed["line"], failed["code"]) == ("4", "DUPLICATE_IN_SOURCE")


@pytest.mark.parametrize("there_before", [False, True])
def test_a_link_does_not_overwrite_what_a_later_row_says(there_before: bool, bench: Bench) -> None:
    if there_before:
        bench.seed([{"Legacy_ID": key, "Account_Name": "Old"} for key in "abc"], "Accounts")
    rows = [("a", "A", "b"), ("b", "B", "a"), ("c", "C", ""), ("a", "A2", "c")]
    result = bench.run(load(bench, EACH, *rows))
    assert (result.state, result.rows.created + result.rows.updated) == ("finished", 4)
    assert names(bench)["a"] == "A2"
    assert parents(bench) == {"a": "c", "b": "a", "c": None}


@pytest.mark.parametrize("key", ["Legacy_ID", "Old_System_Ref"])
def test_a_circle_of_records_that_are_updated_since_they_exist_is_closed(key: str, bench: Bench) -> None:
    old = [{"Legacy_ID": name, key: name, "Account_Name": "Old"} for name in "ab"]
    bench.seed(old, "Accounts")
    job = load(bench, Insert("Accounts", key=key, on_existing="update"), ("a", "A", "b"), ("b", "B", "a"))
    members = {"transform": lambda self, row: {**account(row), key: row["id"], "Legacy_ID": row["id"]}}
    result = bench.run(type("Load", (type(job),), {"__module__": __name__, **members})())
    assert (result.rows.updated, result.rows.failed) == (2, 0)
    assert parents(bench) == {"a": "b", "b": "a"}


def test_a_limit_between_the_rows_of_a_circle_leaves_its_link_to_the_resume(bench: Bench) -> None:
    result = bench.run(load(bench, INSERT, ("a", "A", "b"), ("b", "B", "a"), ("c", "C", "")), limit=2)
    assert (result.state, result.rows.created, result.rows.pending) == ("limited", 1, 1)
    result = bench.resume()
    assert (result.state, result.rows.created, result.rows.failed) == ("finished", 3, 0)
    assert parents(bench) == {"a": "b", "b": "a", "c": None}


def test_who_was_refused_before_a_resume_and_is_well_now_moves_no_other_row(bench: Bench) -> None:
    """A row that is refused is nobody's child. Mended in the org meanwhile, it would stand elsewhere."""
    owners = {2: "new@example.com", 12: "new@example.com"}
    rows = [
        {"id": f"k{n}", "name": f"N{n}", "parent": f"k{n + 10}" if n < 10 else "", "owner": owners.get(n, "")}
        for n in range(20)
    ]
    members = {"transform": lambda self, row: {**account(row), "Owner": row["owner"]}}
    job = make(INSERT, write_rows(bench.folder / "accounts.csv", rows), account)
    job = type("Load", (type(job),), {**members, "scopes": (*job.scopes, "ZohoCRM.users.READ")})()
    assert bench.run(job, limit=14).state == "limited"
    bench.post("users", [{"email": "new@example.com", "full_name": "New One"}])
    result = bench.resume()
    assert (result.state, result.rows.created, result.rows.failed) == ("finished", 18, 2)
    for name, lines in (("success", 18), ("errors", 2)):
        found = read_rows(result.files[name])
        assert len({row["id"] for row in found}) == lines
        assert all(row["key"] in {"", row["id"]} for row in found)
        assert all(row["line"] == str(int(row["id"][1:]) + 2) for row in found)
    assert set(parents(bench)) == {f"k{n}" for n in range(20) if n not in owners}


def test_a_link_that_is_refused_with_its_whole_request_names_the_record(bench: Bench) -> None:
    refusal = {"code": "INVALID_DATA", "message": "bad", "details": {}, "status": "error"}
    fault = {"method": "PUT", "path": "/crm/v8/Accounts", "fault": "answer", "status": 400, "body": refusal}
    bench.script(fault)
    result = bench.run(load(bench, INSERT, ("a", "A", "b"), ("b", "B", "a")))
    assert (result.rows.created, result.rows.failed) == (1, 1)
    [failed] = read_rows(result.files["errors"])
    ids = {record["Legacy_ID"]: record["id"] for record in bench.records("Accounts")}
    assert f"written as {ids['a']}, but Parent_Account could not be set" in failed["message"]


def test_what_a_run_deleted_does_not_come_back_with_the_resume_of_an_older_one(bench: Bench) -> None:
    def of(row: Mapping[str, Any]) -> dict[str, Any]:
        return {"Legacy_ID": row["id"], "Last_Name": "Doe", "Account_Name": Ref("Accounts", row["of"])}

    job = load(bench, INSERT, ("a", "A", ""), ("b", "B", ""), ("c", "C", ""))
    begun = bench.run(job, limit=2)
    ids = {record["Legacy_ID"]: record["id"] for record in bench.records("Accounts")}
    gone = write_rows(bench.folder / "gone.csv", [{"id": ids["a"]}])
    assert bench.run(make(Delete("Accounts"), gone, dict)).rows.deleted == 1
    contacts = Insert("Contacts", key="Legacy_ID")
    first = write_rows(bench.folder / "first.csv", [{"id": "1", "of": "b"}])
    assert bench.run(make(contacts, first, of)).rows.created == 1
    bench.job = job
    assert bench.resume(begun.run_id).rows.created == 3
    second = write_rows(bench.folder / "second.csv", [{"id": "2", "of": "a"}, {"id": "3", "of": "c"}])
    result = bench.run(make(contacts, second, of))
    assert (result.rows.created, result.rows.failed) == (1, 1)
    assert [row["code"] for row in read_rows(result.files["errors"])] == ["REFERENCE_OPEN"]


def test_a_link_that_is_found_in_the_org_is_asked_for_before_it_is_written(bench: Bench) -> None:
    """The last row of `a` takes its link after the first one's, which closes a circle."""
    bench.seed([{"Legacy_ID": "x", "Account_Name": "Acme"}], "Accounts")

    def either(row: Mapping[str, Any]) -> dict[str, Any]:
        found = Find("Accounts", "Account_Name", row["parent"])
        return {**account(row), **({"Parent_Account": found} if row["parent"] == "Acme" else {})}

    rows = [("a", "A", "b"), ("b", "B", "a"), ("a", "A2", "Acme")]
    cells = [dict(zip(("id", "name", "parent"), row, strict=True)) for row in rows]
    job = make(EACH, write_rows(bench.folder / "accounts.csv", cells), either, ["Accounts"])
    result = bench.run(job)
    assert (result.state, result.rows.created, result.rows.updated) == ("finished", 2, 1)
    assert parents(bench) == {"a": "x", "b": "a", "x": None}


def test_a_key_that_an_earlier_row_took_is_not_in_doubt_after_server_errors(bench: Bench) -> None:
    fault = {
        "method": "POST",
        "path": "/crm/v8/Accounts",
        "contains": '"Legacy_ID":"c"',
        "fault": "500_after",
    }
    bench.script(*[fault] * 3)
    rows = [("a", "A", ""), ("b", "B", ""), ("a", "A2", "b"), ("c", "C", "b")]
    result = bench.run(load(bench, INSERT, *rows))
    assert (result.rows.created, result.rows.failed, result.rows.in_doubt) == (3, 1, 0)
    [failed] = read_rows(result.files["errors"])
    assert (failed["line"], failed["code"]) == ("4", "DUPLICATE_IN_SOURCE")


@pytest.mark.parametrize("write", [INSERT, UPSERT])
def test_a_child_waits_for_the_row_of_its_parent_that_is_written(write: Write, bench: Bench) -> None:
    """The first row of `a` is refused, the second one, which has a parent, is not."""
    rows = [("r", "R", ""), ("c", "C", "a"), ("a", "A", "nobody"), ("b", "B", "r"), ("a", "A2", "b")]
    result = bench.run(load(bench, write, *rows))
    assert (result.rows.created, result.rows.failed) == (4, 1)
    assert parents(bench) == {"r": None, "b": "r", "a": "b", "c": "a"}


def test_no_circle_is_made_of_waiting_for_the_last_row_of_a_key(bench: Bench) -> None:
    """The last row of `a` is below `c`, which is below `a`: no link is written by itself."""
    rows = [("r", "R", ""), ("a", "A", "r"), ("c", "C", "a"), ("a", "A2", "c")]
    result = bench.run(load(bench, EACH, *rows))
    assert (result.rows.created, result.rows.updated, result.rows.failed) == (3, 1, 0)
    assert parents(bench) == {"r": None, "a": "c", "c": "a"}
    assert not [sent for sent in bench.seen(RequestSent) if sent.method == "PUT"]


def test_a_link_counts_where_that_of_a_later_row_of_its_record_stays_open(bench: Bench) -> None:
    result = bench.run(load(bench, EACH, ("a", "A", "a"), ("a", "A2", "nobody")))
    assert (result.rows.created, result.rows.failed) == (1, 1)
    [failed] = read_rows(result.files["errors"])
    assert (failed["line"], failed["code"]) == ("3", "REFERENCE_OPEN")
    assert parents(bench) == {"a": "a"}


@pytest.mark.parametrize("thrown_away", [False, True])
def test_the_id_map_follows_keys_that_a_run_changed(thrown_away: bool, bench: Bench) -> None:
    """Two accounts change their keys, by updates that find them by id; and one loses its key."""
    bench.run(load(bench, INSERT, ("a", "A", ""), ("b", "B", ""), ("c", "C", "")))
    ids = {record["Account_Name"]: record["id"] for record in bench.records("Accounts")}
    members = {"transform": lambda self, row: {"id": row["id"], "Legacy_ID": row["key"] or Blank}}
    for number, (name, key) in enumerate([("A", "tmp"), ("B", "a"), ("A", "b"), ("C", "")]):
        path = write_rows(bench.folder / f"change-{number}.csv", [{"id": ids[name], "key": key}])
        job = make(Update("Accounts"), path, dict)
        assert (
            bench.run(type("Change", (type(job),), {"__module__": __name__, **members})()).rows.updated == 1
        )
        if thrown_away:
            for file in bench.folder.glob(".zmigrate/orgs/*/ids.db*"):
                file.unlink()

    def of(row: Mapping[str, Any]) -> dict[str, Any]:
        return {"Legacy_ID": row["id"], "Last_Name": "Doe", "Account_Name": Ref("Accounts", row["id"])}

    rows = [{"id": key} for key in ("a", "b", "c", "tmp")]
    path = write_rows(bench.folder / "contacts.csv", rows)
    result = bench.run(make(Insert("Contacts", key="Legacy_ID"), path, of))
    assert (result.rows.created, result.rows.failed) == (2, 2)
    linked = {record["Legacy_ID"]: record["Account_Name"]["id"] for record in bench.records("Contacts")}
    assert linked == {"a": ids["B"], "b": ids["A"]}


def test_the_plan_tells_of_records_that_were_deleted_in_the_org(bench: Bench) -> None:
    bench.run(load(bench, INSERT, ("a", "A", ""), ("b", "B", "")))
    ids = {record["Legacy_ID"]: record["id"] for record in bench.records("Accounts")}
    gone = write_rows(bench.folder / "gone.csv", [{"id": ids["a"]}])
    elsewhere = Bench(bench.emulator, bench.folder / "elsewhere")
    elsewhere.folder.mkdir()
    assert elsewhere.run(make(Delete("Accounts"), gone, dict)).rows.deleted == 1

    def of(row: Mapping[str, Any]) -> dict[str, Any]:
        return {"Legacy_ID": row["id"], "Last_Name": "Doe", "Account_Name": Ref("Accounts", row["id"])}

    path = write_rows(bench.folder / "contacts.csv", [{"id": "a"}, {"id": "b"}])
    job = make(Insert("Contacts", key="Legacy_ID"), path, of)
    with bench.plan(job) as plan:
        [reject] = plan.rejects
        assert (reject.line, reject.reason.code) == (2, "INVALID_DATA")
        assert "zmigrate ids check" in told(reject.reason)
    result = bench.run(job)
    assert [row["code"] for row in read_rows(result.files["errors"])] == ["INVALID_DATA"]


def test_circles_that_have_nothing_to_do_with_each_other_are_written_together(bench: Bench) -> None:
    """One after the other they would cost two calls each."""
    alone = [(f"s{n}", f"S{n}", f"s{n}") for n in range(150)]
    pairs = [(f"{x}{n}", "P", f"{y}{n}") for n in range(100) for x, y in ("ab", "ba")]
    result = bench.run(load(bench, INSERT, *alone, *pairs))
    assert (result.rows.created, result.rows.failed) == (350, 0)
    assert parents(bench) == {key: parent for key, _, parent in [*alone, *pairs]}
    writes = [
        sent
        for sent in bench.seen(RequestSent)
        if sent.path.startswith("/crm/v8/Accounts") and sent.method != "GET"
    ]
    assert len(writes) <= 10


def test_the_id_map_forgets_a_key_that_an_upsert_replaced(bench_with: Any) -> None:
    """Zoho found the record by its e-mail address, and it has the row's key now."""
    bench = bench_with(email_unique=True)
    row = {"Last_Name": "Doe", "Company": "x", "Email": "a@example.com"}
    write = write_rows(bench.folder / "one.csv", [{"Legacy_ID": "9", **row}])
    bench.run(file_job(Insert("Leads", key="Legacy_ID"), write))
    again = write_rows(bench.folder / "two.csv", [{"Legacy_ID": "5", **row}])
    assert bench.run(file_job(Upsert("Leads", match_on="Legacy_ID"), again)).rows.updated == 1
    org = list_runs(bench.folder / ".zmigrate")[0].record.org
    ids = IdMap.open(bench.folder / ".zmigrate", identity(org))
    assert {key: len(found.ids) for key, found in ids.find("Leads", ["9", "5"]).items()} == {"9": 0, "5": 1}
    ids.close()
