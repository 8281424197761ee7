"""Rows of one source that share a key, or another unique value: which are written, and what is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from zmigrate.ready_jobs.import_csv import ImportCsv

from tests.support import Bench, file_job, leads, read_rows, write_rows
from zmigrate import Delete, Insert, Update, Upsert
from zmigrate.engine.storage.run_result import RunResult
from zmigrate.job.writes import Write

UNIQUE, PLAIN = "Legacy_ID", "Old_System_Ref"
UPSERT = Upsert("Leads", match_on=UNIQUE)
WRITES = {"insert": Insert("Leads", key=UNIQUE), "update": Update("Leads", key=UNIQUE), "upsert": UPSERT}


def loaded(bench: Bench, write: Write, rows: Sequence[Mapping[str, str]], **options: Any) -> RunResult:
    return bench.run(file_job(write, write_rows(bench.folder / "rows.csv", rows)), **options)


def lead(key: str, city: str, **more: str) -> dict[str, str]:
    return {"Legacy_ID": key, "Last_Name": "Doe", "Company": "x", "City": city, **more}


def cities(bench: Bench) -> dict[str, str]:
    return {record["Legacy_ID"]: record["City"] for record in bench.records()}


def told(result: RunResult, kind: str) -> list[tuple[str, str, str]]:
    """Line, code and message of the rows in a result file."""
    return [(row["line"], row["code"], row["message"]) for row in read_rows(result.files[kind])]


# -- the rule ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", WRITES)
def test_the_first_row_of_a_key_is_written_and_a_later_one_fails(operation: str, bench: Bench) -> None:
    if operation == "update":
        bench.seed([lead("a", "old"), lead("b", "old")])
    result = loaded(bench, WRITES[operation], [lead("a", "1"), lead("b", "2"), lead("a", "3")])
    assert (result.rows.failed, result.exit_code) == (1, 1)
    assert cities(bench) == {"a": "1", "b": "2"}
    [(line, code, message)] = told(result, "errors")
    assert (line, code) == ("4", "DUPLICATE_IN_SOURCE")
    assert "the key 'a' is already used in line 2" in message
    assert ("--on-repeated each" in message) == (operation != "insert")


@pytest.mark.parametrize("mode", [None, "first"])
@pytest.mark.parametrize("operation", WRITES)
def test_a_row_that_is_the_same_is_skipped(operation: str, mode: Any, bench: Bench) -> None:
    if operation == "update":
        bench.seed([lead("a", "old")])
    rows = [lead("a", "1"), lead("b", "2"), lead("a", "1")][:: 1 if operation != "update" else 2]
    name = "match_on" if operation == "upsert" else "key"
    write = type(WRITES[operation])("Leads", **{name: UNIQUE}, on_repeated=mode)  # type: ignore[call-arg]
    result = loaded(bench, write, rows)
    assert (result.rows.skipped, result.exit_code) == (1, 0)
    assert told(result, "skipped") == [(str(len(rows) + 1), "SKIPPED", "the same as line 2")]


@pytest.mark.parametrize("operation", ["insert", "upsert"])
def test_a_row_that_zoho_refuses_gives_way_to_the_next(operation: str, bench: Bench) -> None:
    bad = {**lead("a", "1"), "Last_Name": "refuse me"}
    refusal = {"code": "INVALID_DATA", "status": "error", "message": "no", "details": {}}
    bench.script(
        {
            "method": "POST",
            "path": "/crm/v8/Leads*",
            "contains": "refuse me",
            "fault": "answer",
            "status": 200,
            "body": {"data": [refusal]},
        }
    )
    result = loaded(bench, WRITES[operation], [bad, lead("a", "2"), lead("a", "3")])
    assert (result.rows.created, result.rows.failed) == (1, 2)
    assert cities(bench) == {"a": "2"}
    assert [row[:2] for row in told(result, "errors")] == [
        ("2", "INVALID_DATA"),
        ("4", "DUPLICATE_IN_SOURCE"),
    ]


def test_first_and_last_leave_the_others_out(bench: Bench) -> None:
    rows = [lead("a", "1"), lead("a", "2"), lead("a", "3")]
    first = loaded(bench, Upsert("Leads", match_on=UNIQUE, on_repeated="first"), rows)
    assert cities(bench) == {"a": "1"}
    assert [row[2] for row in told(first, "skipped")] == ["line 2 has this key too, and was written"] * 2
    last = loaded(bench, Upsert("Leads", match_on=UNIQUE, on_repeated="last"), rows)
    assert cities(bench) == {"a": "3"}
    assert [row[2] for row in told(last, "skipped")] == ["line 4 has this key too, and comes last"] * 2
    assert (first.exit_code, last.exit_code) == (0, 0)


@pytest.mark.parametrize("key", ["id", UNIQUE])
def test_a_record_is_deleted_once(key: str, bench: Bench) -> None:
    [record_id] = bench.seed([lead("a", "old")])
    cell = record_id if key == "id" else "a"
    result = loaded(bench, Delete("Leads", key=key), [{key: cell}, {key: cell}])
    assert (result.rows.deleted, result.rows.skipped, result.exit_code) == (1, 1, 0)
    assert told(result, "skipped") == [("3", "SKIPPED", "line 2 deletes this record already")]


def test_rows_without_a_key_are_never_compared(bench: Bench) -> None:
    rows = [{"Last_Name": "Doe", "Company": "x"}] * 3
    assert loaded(bench, Insert("Leads"), rows).rows.created == 3


def test_rows_whose_record_was_there_are_skipped_each_by_itself(bench: Bench) -> None:
    bench.seed([lead("a", "old")])
    rows = [lead("a", "1"), lead("a", "2"), lead("a", "2")]
    result = loaded(bench, Insert("Leads", key=UNIQUE, on_existing="skip"), rows)
    assert {row[1] for row in told(result, "skipped")} == {"EXISTS"}
    assert result.rows.skipped == 3


def test_a_row_in_doubt_counts_as_written(bench: Bench) -> None:
    """An update that adds rows to a record can't be repeated; here it is Zoho's answers that never come."""
    [record_id] = bench.seed([lead("a", "old")])
    fails = {"code": "INTERNAL_ERROR", "status": "error", "message": "Internal Server Error", "details": {}}
    bench.script(
        {
            "method": "PUT",
            "path": "/crm/v8/Leads*",
            "contains": "first",
            "fault": "answer",
            "status": 200,
            "body": {"data": [fails]},
            "times": 100,
        }
    )
    rows = [{"id": record_id, "City": "first"}, {"id": record_id, "City": "second"}]
    result = loaded(bench, Update("Leads"), rows)
    assert (result.rows.in_doubt, result.rows.failed) == (1, 1)
    [(line, code, message)] = told(result, "errors")
    assert (line, code) == ("3", "DUPLICATE_IN_SOURCE")
    assert "line 2, and that row may have been written" in message


def test_a_row_that_refers_to_another_record_is_not_the_same(bench: Bench) -> None:
    bench.seed([{"Account_Name": "A", "Legacy_ID": "1"}, {"Account_Name": "B", "Legacy_ID": "2"}], "Accounts")
    mapping = bench.folder / "contacts.toml"
    mapping.write_text(
        '[[load]]\nfile = "contacts.csv"\nmodule = "Contacts"\noperation = "upsert"\nmatch_on = "Legacy_ID"\n'
        "[load.fields]\nLast_Name = 'name'\nLegacy_ID = 'id'\n"
        "Account_Name = { find = 'Accounts', by = 'Legacy_ID', column = 'account' }\n"
    )
    rows = [{"id": "c", "name": "Doe", "account": of} for of in ("1", "2", "1")]
    path = write_rows(bench.folder / "contacts.csv", rows)

    result = bench.run(ImportCsv(file=path, mapping=mapping))
    assert (result.rows.created, result.rows.failed, result.rows.skipped) == (1, 1, 1)


# -- letter case -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [None, "first", "last", "each", "fail"])
@pytest.mark.parametrize("kind", ["upsert", "insert that updates"])
def test_a_row_never_overwrites_one_whose_key_has_another_case(kind: str, mode: Any, bench: Bench) -> None:
    write: Write = Upsert("Leads", match_on=UNIQUE, on_repeated=mode)
    if kind != "upsert":
        write = Insert("Leads", key=UNIQUE, on_existing="update", on_repeated=mode)
    result = loaded(bench, write, [lead("ab1", "1"), lead("AB1", "2")])
    assert (result.rows.created, result.rows.failed) == (1, 1)
    assert cities(bench) == {"ab1": "1"}
    [(line, code, message)] = told(result, "errors")
    assert (line, code) == ("3", "DUPLICATE_IN_SOURCE")
    assert message == ("line 2 has the key 'ab1', in another letter case: Zoho takes both for one record")


def test_another_case_of_a_unique_key_is_told_as_a_duplicate_where_zoho_refuses_it(bench: Bench) -> None:
    result = loaded(bench, Insert("Leads", key=UNIQUE), [lead("ab1", "1"), lead("AB1", "2")])
    assert (result.rows.created, result.rows.failed) == (1, 1)
    [(line, code, message)] = told(result, "errors")
    assert (line, code) == ("3", "DUPLICATE_IN_SOURCE")
    assert "line 2" in message


def test_another_case_of_a_key_that_is_not_unique_is_another_record(bench: Bench) -> None:
    rows = [{**lead(str(n), str(n)), PLAIN: key} for n, key in enumerate(["ab1", "AB1", "ab1"])]
    result = loaded(bench, Insert("Leads", key=PLAIN), rows)
    assert (result.rows.created, result.rows.failed) == (2, 1)
    assert {record[PLAIN] for record in bench.records()} == {"ab1", "AB1"}


def test_e_mail_addresses_have_no_letter_case(bench_with: Callable[..., Bench]) -> None:
    bench = bench_with(email_unique=True)
    rows = [{"Last_Name": mail, "Company": "x", "Email": mail} for mail in ("A@x.com", "a@x.com")]
    result = loaded(bench, Upsert("Leads", match_on="Email", on_repeated="each"), rows)
    assert (result.rows.created, result.rows.updated) == (1, 1)


# -- other unique values -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [None, "each"])
def test_an_upsert_never_changes_the_record_of_a_row_that_shares_a_unique_value(
    mode: Any, bench_with: Callable[..., Bench]
) -> None:
    bench = bench_with(email_unique=True)
    rows = [lead(key, city, Email="jo@example.com") for key, city in ("a1", "b2", "c3")]
    result = loaded(bench, Upsert("Leads", match_on=UNIQUE, on_repeated=mode), rows)
    assert (result.rows.created, result.rows.failed) == (1, 2)
    assert cities(bench) == {"a": "1"}
    assert told(result, "errors")[0] == (
        "3",
        "DUPLICATE_IN_SOURCE",
        "line 2 has this value too, with another Legacy_ID: Zoho would change the record of that line",
    )


@pytest.mark.parametrize("operation", WRITES)
def test_of_rows_that_share_a_unique_value_the_first_wins(
    operation: str, bench_with: Callable[..., Bench]
) -> None:
    """Also far apart, with ten calls in flight, and with the first of them refused."""
    bench = bench_with(email_unique=True)
    rows = [{**row, "Email": f"{row['Legacy_ID']}@example.com"} for row in leads(450)]
    if operation == "update":
        bench.seed([{"Legacy_ID": row["Legacy_ID"], "Last_Name": "x"} for row in rows])
    refused = {**rows[0], "Email": "shared@example.com", "City": "x" * 300}
    shares = {n: {**rows[n], "Email": "shared@example.com"} for n in (130, 131, 270, 400)}
    rows = [refused, *(shares.get(n, row) for n, row in enumerate(rows[1:], start=1))]
    result = loaded(bench, WRITES[operation], rows, concurrency=10)
    assert result.rows.failed == 4
    assert [line for line, _, _ in told(result, "errors")] == ["2", "133", "272", "402"]
    [owner] = [record for record in bench.records() if record["Email"] == "shared@example.com"]
    assert owner["Legacy_ID"] == rows[130]["Legacy_ID"]


# -- resume ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [Insert("Leads", key=UNIQUE), Insert("Leads", key=PLAIN), UPSERT])
def test_after_a_resume_the_rule_is_the_same(write: Write, bench: Bench) -> None:
    rows = [{**lead(str(n), str(n)), str(write.key): f"k{n}"} for n in range(120)]
    rows += [rows[3], {**rows[3], "City": "another"}]
    assert loaded(bench, write, rows, limit=110).state == "limited"
    result = bench.resume()
    assert (result.rows.created, result.rows.skipped, result.rows.failed) == (120, 1, 1)
    assert told(result, "skipped") == [("122", "SKIPPED", "the same as line 5")]
    assert [row[:2] for row in told(result, "errors")] == [("123", "DUPLICATE_IN_SOURCE")]
