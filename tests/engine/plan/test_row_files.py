"""The file of a plan with every row: what would become of it, why, and the columns of the source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support import Bench, file_job, leads, read_rows, write_rows
from zmigrate import Csv, Delete, Insert, Query, RecordJob, Skip, Update, Upsert, scopes_for
from zmigrate.engine.plan.plan import Plan

UPSERT = Upsert("Leads", match_on="Legacy_ID")


def details(bench: Bench, plan: Plan) -> list[dict[str, str]]:
    path = bench.folder / "all.csv"
    with plan:
        assert plan.write_details(path) == plan.counts.rows
    return read_rows(path)


def planned(bench: Bench, write: Any, rows: list[dict[str, str]], **options: Any) -> Plan:
    return bench.plan(file_job(write, write_rows(bench.folder / "rows.csv", rows)), **options)


def test_each_row_has_its_fate_and_the_id_of_a_record_that_is_there(bench: Bench) -> None:
    rows = leads(4)
    there = bench.seed([rows[1], {**rows[2], "Last_Name": "Before"}])
    rows[3]["Email"] = "nope"
    written = details(bench, planned(bench, UPSERT, rows))
    assert [(row["line"], row["fate"], row["id"], row["code"], row["message"]) for row in written] == [
        ("2", "create", "", "", ""),
        ("3", "update", there[0], "", "changes nothing"),
        ("4", "update", there[1], "", ""),
        ("5", "refuse", "", "INVALID_DATA", "not an e-mail address such as jo@example.com"),
    ]
    assert [row["Company"] for row in written] == [row["Company"] for row in rows]


def test_rows_to_delete_have_the_ids_of_their_records(bench: Bench) -> None:
    there = bench.seed(leads(2))
    rows = leads(3)
    written = details(bench, planned(bench, Delete("Leads", key="Legacy_ID"), rows))
    assert [(row["fate"], row["id"], row["code"]) for row in written] == [
        ("delete", there[0], ""),
        ("delete", there[1], ""),
        ("refuse", "", "KEY_NOT_FOUND"),
    ]


def test_a_row_that_is_left_out_has_its_reason(bench: Bench) -> None:
    class Some(RecordJob):
        """Leaves a row out."""

        write = Insert("Leads", key="Legacy_ID")
        scopes = scopes_for(Insert("Leads", key="Legacy_ID"))

        def source(self) -> Csv:
            return Csv(bench.folder / "rows.csv")

        def transform(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
            if row["Legacy_ID"] == "L-000002":
                raise Skip("not wanted")
            return dict(row)

    write_rows(bench.folder / "rows.csv", leads(2))
    written = details(bench, bench.plan(Some()))
    assert [(row["fate"], row["message"]) for row in written] == [("create", ""), ("skip", "not wanted")]


def test_a_row_whose_record_was_not_looked_up_says_so(bench: Bench) -> None:
    bench.seed(leads(1, start=900))
    written = details(bench, planned(bench, UPSERT, leads(3), ask=1))
    assert [row["fate"] for row in written] == ["create", "not_asked", "not_asked"]
    assert all(row["id"] == "" for row in written)
    assert written[1]["code"] == "NOT_ASKED"


def test_the_id_of_a_record_that_would_only_be_created_is_never_shown(bench: Bench) -> None:
    rows = [{**leads(1)[0], "City": city} for city in "abc"]
    plan = planned(bench, Upsert("Leads", match_on="Legacy_ID", on_repeated="each"), rows)
    written = details(bench, plan)
    assert [(row["fate"], row["id"], row["message"]) for row in written] == [
        ("create", "", ""),
        ("update", "", "overwrites what line 2 wrote"),
        ("update", "", "overwrites what line 3 wrote"),
    ]


def test_formulas_are_escaped_and_columns_with_our_names_keep_theirs(bench: Bench) -> None:
    rows = [{"Legacy_ID": "1", "Last_Name": "=cmd()", "id": "77", "fate": "sealed"}]
    write_rows(bench.folder / "rows.csv", rows)
    job = file_job(Insert("Leads", key="Legacy_ID"), bench.folder / "rows.csv")
    type(job).transform = lambda self, row: {name: row[name] for name in ("Legacy_ID", "Last_Name")}  # type: ignore[method-assign]
    (row,) = details(bench, bench.plan(job))
    assert (row["Last_Name"], row["id"], row["fate"]) == ("'=cmd()", "77", "sealed")
    assert (row["zmigrate_fate"], row["zmigrate_id"]) == ("create", "")


def test_the_file_can_be_loaded_as_its_source_was(bench: Bench) -> None:
    rows = leads(3)
    rows[0]["Company"] = "=cmd()"
    details(bench, planned(bench, UPSERT, rows))
    found = Csv(bench.folder / "all.csv")
    assert list(found.columns or ()) == list(rows[0])
    assert [row.values for row in found.rows()] == rows


def test_rows_that_cant_be_read_again_keep_their_cells(bench: Bench) -> None:
    there = bench.seed([{"Last_Name": "A", "Email": "a@x.io"}, {"Last_Name": "B"}, {"Last_Name": "C"}])

    class Backfill(RecordJob):
        """Sets what can't be set."""

        write = Update("Leads")
        query = "select id, Last_Name, Email from Leads"
        scopes = scopes_for(Update("Leads"), Query(query))

        def source(self) -> Query:
            return Query(self.query)

        def transform(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
            if row["Last_Name"] == "C":
                raise Skip("not C")
            return {"id": row["id"], "Secondary_Email": "nope" if row["Email"] else "b@x.io"}

    written = details(bench, bench.plan(Backfill()))
    assert [(row["Last_Name"], row["Email"], row["fate"]) for row in written] == [
        ("A", "a@x.io", "refuse"),
        ("B", "", "update"),
        ("C", "", "skip"),
    ]
    assert [row["id"] for row in written] == there
