"""What a plan says of the rows of a file: which would be written, which refused and why, and what to know."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

import zmigrate
from tests.engine.pipeline.test_relations import account, make
from tests.support import Bench, file_job, leads, read_rows, thorough, write_rows
from zmigrate import Csv, Delete, Insert, Job, Query, RecordJob, Ref, Skip, Update, Upsert, Users, scopes_for
from zmigrate.engine.plan.plan import Plan
from zmigrate.errors import SourceError, UsageError
from zmigrate.events import Event, Log, RowsJudged
from zmigrate.job.formats import Formats
from zmigrate.stopping import StopRequested, StopSignal

INSERT = Insert("Leads", key="Legacy_ID")
UPSERT = Upsert("Leads", match_on="Legacy_ID")
READS = {
    "GET /crm/v8/org",
    "GET /crm/v8/settings/fields",
    "GET /crm/v8/settings/layouts",
    "GET /crm/v8/settings/duplicate_check_preference",
    "GET /crm/v8/users",
}


def planned(bench: Bench, write: Any, rows: list[dict[str, str]], **options: Any) -> Plan:
    return bench.plan(file_job(write, write_rows(bench.folder / "rows.csv", rows)), **options)


def fates(plan: Plan) -> dict[str, int]:
    counts = plan.counts
    names = ("creates", "updates", "deletes", "skipped", "refused", "not_asked")
    assert counts.rows == sum(getattr(counts, name) for name in names)
    assert counts.unchanged <= counts.updates
    return {name: getattr(counts, name) for name in (*names, "unchanged") if getattr(counts, name)}


def rejects(plan: Plan) -> list[tuple[int, str | None, str]]:
    return [(reject.line, reject.reason.field, reject.reason.code) for reject in plan.rejects]


def warned(plan: Plan) -> dict[str, Any]:
    return {warning.code: warning for warning in plan.warnings}


# -- nothing is written ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "write", [INSERT, UPSERT, Update("Leads", key="Legacy_ID"), Delete("Leads", key="Legacy_ID")]
)
def test_a_plan_sends_nothing_that_writes_and_leaves_no_run(bench: Bench, write: Any) -> None:
    bench.seed([{"Legacy_ID": "L-000001", "Last_Name": "There"}])
    before = bench.records()
    planned(bench, write, leads(250)).close()
    assert bench.get("writes") == []
    assert bench.records() == before
    asked = set(bench.stats()["requests"])
    assert {name for name in asked if not name.endswith("/coql")} <= READS
    assert not list(bench.folder.glob(".zmigrate/runs/*"))


def test_the_token_has_the_jobs_scopes_and_those_of_the_checks(bench: Bench) -> None:
    planned(bench, INSERT, leads(3))
    (token,) = bench.seen(zmigrate.events.TokenAcquired)
    wanted = {*scopes_for(INSERT), "ZohoCRM.org.READ", "ZohoCRM.users.READ"}
    settings = {
        f"ZohoCRM.settings.{name}.READ" for name in ("fields", "layouts", "duplicate_check_preference")
    }
    assert set(token.scopes) == wanted | settings | {"ZohoCRM.modules.READ", "ZohoCRM.coql.READ"}


# -- what becomes of rows --------------------------------------------------------------------------


def test_into_an_empty_module_all_rows_are_created(bench: Bench) -> None:
    plan = planned(bench, INSERT, leads(120))
    assert (fates(plan), plan.exit_code, list(plan.rejects)) == ({"creates": 120}, 0, [])
    assert plan.asked == "the module is empty"


def test_create_is_not_said_of_what_exists(bench: Bench) -> None:
    rows = leads(120)
    ids = bench.seed([rows[4], rows[99]])
    plan = planned(bench, INSERT, rows)
    assert fates(plan) == {"creates": 118, "refused": 2}
    assert rejects(plan) == [(6, "Legacy_ID", "DUPLICATE_DATA"), (101, "Legacy_ID", "DUPLICATE_DATA")]
    assert ids[0] in next(iter(plan.rejects)).reason.message


def test_keys_are_compared_as_the_org_compares_them(bench: Bench) -> None:
    bench.seed([{"Legacy_ID": "abc", "Last_Name": "x"}])
    rows = [{"Legacy_ID": key, "Last_Name": "y"} for key in ("ABC ", "abd")]
    assert fates(planned(bench, INSERT, rows)) == {"creates": 1, "refused": 1}


@pytest.mark.parametrize(
    ("on_existing", "expected"),
    [
        ("skip", {"creates": 2, "skipped": 2}),
        ("update", {"creates": 2, "updates": 2, "unchanged": 1}),
        ("fail", {"creates": 2, "refused": 2}),
    ],
)
def test_on_existing_says_what_becomes_of_rows_whose_records_are_there(
    bench: Bench, on_existing: Any, expected: dict[str, int]
) -> None:
    rows = leads(4)
    bench.seed([rows[0], {**rows[1], "Company": "another"}])
    plan = planned(bench, Insert("Leads", key="Legacy_ID", on_existing=on_existing), rows)
    assert fates(plan) == expected
    if on_existing == "fail":
        assert {code for _, _, code in rejects(plan)} == {"EXISTS"}


def test_an_insert_by_a_key_that_is_not_unique_warns_of_namesakes(bench: Bench) -> None:
    rows = leads(3)
    bench.seed([rows[1]])
    for row in rows:
        del row["Legacy_ID"]
    plan = planned(bench, Insert("Leads", key="Email"), rows)
    assert fates(plan) == {"creates": 3}
    warning = warned(plan)["NAMESAKES"]
    assert (warning.field, warning.count, warning.lines) == ("Email", 1, (3,))
    assert "NAMESAKES" not in warned(planned(bench, Insert("Leads", key="Email", on_existing="skip"), rows))


def test_an_upsert_tells_created_updated_and_unchanged_apart(bench: Bench) -> None:
    rows = leads(5)
    bench.seed(
        [rows[0], {**rows[1], "Email": "old@example.com"}, {"Legacy_ID": "L-000003", "Last_Name": "x"}]
    )
    assert fates(planned(bench, UPSERT, rows)) == {"creates": 2, "updates": 3, "unchanged": 1}


def test_what_is_unchanged_is_compared_by_type(bench: Bench) -> None:
    record = {
        "Legacy_ID": "1",
        "Last_Name": "x",
        "Annual_Revenue": 12.5,
        "No_of_Employees": 7,
        "Legacy_Created_Time": "2024-03-31T09:30:00+02:00",
        "First_Contact": "2024-03-31",
        "Email_Opt_Out": True,
        "Interests": ["Software", "Hardware"],
        "Legacy_Number": "42",
        "Lead_Source": "Partner",
    }
    bench.seed([record])
    row = {
        **{name: str(value) for name, value in record.items()},
        "Annual_Revenue": "12.50",
        "Legacy_Created_Time": "2024-03-31T07:30:00Z",
        "Email_Opt_Out": "yes",
        "Interests": "Hardware;Software",
    }
    assert fates(planned(bench, UPSERT, [row])) == {"updates": 1, "unchanged": 1}
    for name, other in (
        ("Annual_Revenue", "12.51"),
        ("Legacy_Created_Time", "2024-03-31T09:30:00Z"),
        ("Interests", "Hardware"),
        ("Email_Opt_Out", "no"),
        ("First_Contact", "2024-04-01"),
    ):
        assert fates(planned(bench, UPSERT, [{**row, name: other}])) == {"updates": 1}, name


def test_updates_by_a_key_need_exactly_one_record(bench: Bench) -> None:
    bench.seed(
        [
            {"Last_Name": name, "Email": mail}
            for name, mail in (("A", "a@x.io"), ("B", "b@x.io"), ("B", "b@x.io"))
        ]
    )
    rows = [{"Email": mail, "Company": "New"} for mail in ("a@x.io", "b@x.io", "c@x.io")]
    plan = planned(bench, Update("Leads", key="Email"), rows)
    assert fates(plan) == {"updates": 1, "refused": 2}
    assert rejects(plan) == [(3, "Email", "KEY_AMBIGUOUS"), (4, "Email", "KEY_NOT_FOUND")]


def test_updates_and_deletes_by_id_look_whether_the_records_are_there(bench: Bench) -> None:
    (known,) = bench.seed([{"Last_Name": "A", "Company": "Same"}])
    rows = [{"id": known, "Company": "Same"}, {"id": known[:-1] + "0", "Company": "x"}]

    class Reading(RecordJob):
        """Updates by id, with leave to read."""

        write = Update("Leads")
        scopes = (*scopes_for(write), "ZohoCRM.modules.leads.READ")

        def source(self) -> Csv:
            return Csv(bench.folder / "rows.csv")

        def transform(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
            return dict(row)

    write_rows(bench.folder / "rows.csv", rows)
    plan = bench.plan(Reading())
    assert fates(plan) == {"updates": 1, "unchanged": 1, "refused": 1}
    assert rejects(plan) == [(3, "id", "INVALID_DATA")]
    plan = planned(bench, Delete("Leads"), [{"id": row["id"]} for row in [*rows, rows[0]]])
    assert fates(plan) == {"deletes": 1, "refused": 1, "skipped": 1}


def test_a_plan_looks_where_the_job_itself_may_not(bench: Bench) -> None:
    """An update by id needs no scope to read; the plan has one all the same, and tells of ids of nothing."""
    bench.seed(leads(1))
    plan = planned(bench, Update("Leads"), [{"id": "1", "Company": "x"}])
    assert rejects(plan) == [(2, "id", "INVALID_DATA")]


def test_an_insert_without_a_key_or_a_unique_field_has_nothing_to_ask(bench: Bench) -> None:
    plan = planned(bench, Insert("Leads"), [{"Last_Name": "x"}, {"Last_Name": "x"}])
    assert fates(plan) == {"creates": 2}
    assert not plan.repeatable
    assert "NOT_SETTLED" in warned(plan)
    assert "Legacy_ID" in warned(plan)["NO_KEY_FILLED"].message


def test_an_upsert_that_zoho_would_send_to_a_record_found_by_another_field_is_told(
    bench_with: Callable[..., Bench],
) -> None:
    bench = bench_with(email_unique=True)
    bench.seed([{"Legacy_ID": "other", "Last_Name": "x", "Email": "lead1@example.com"}])
    plan = planned(bench, UPSERT, leads(2))
    assert fates(plan) == {"creates": 1, "updates": 1}
    assert warned(plan)["FOUND_BY_ANOTHER_FIELD"].field == "Email"


def test_a_record_that_zoho_finds_by_another_field_and_that_has_another_key_is_counted(
    bench_with: Callable[..., Bench],
) -> None:
    bench = bench_with(email_unique=True)
    there = [{"Legacy_ID": "other", "Email": "lead1@example.com"}, {"Email": "lead2@example.com"}]
    bench.seed([{"Last_Name": "x", **record} for record in there])
    plan = planned(bench, UPSERT, leads(3))
    message = warned(plan)["FOUND_BY_ANOTHER_FIELD"].message
    assert "1 of these records have another Legacy_ID, which would be replaced" in message
    result = bench.run(file_job(UPSERT, bench.folder / "rows.csv"))
    assert (result.rows.created, result.rows.updated) == (1, 2)
    [told] = [event.message for event in bench.seen(Log) if event.level == "warning"]
    assert "found 2 rows' records by Email, and not by Legacy_ID" in told


@pytest.mark.parametrize("there", [False, True])
def test_rows_of_an_upsert_that_share_a_unique_value_do_not_overwrite_each_other(
    there: bool, bench_with: Callable[..., Bench]
) -> None:
    """Where no record has the key, Zoho goes by the other unique field."""
    bench = bench_with(email_unique=True)
    rows = leads(300)
    rows[250]["Email"] = rows[0]["Email"].upper()
    rows[251] = {**rows[1], "Company": "Another"}
    if there:
        bench.seed([{"Legacy_ID": row["Legacy_ID"], "Last_Name": "x"} for row in (rows[0], rows[250])])
    write = Upsert("Leads", match_on="Legacy_ID", on_repeated="each")
    plan = planned(bench, write, rows)
    assert rejects(plan) == [(252, "Email", "DUPLICATE_IN_SOURCE")]
    job = file_job(write, bench.folder / "rows.csv")
    assert bench.run(job, limit=200).state == "limited"
    result = bench.resume()
    [failed] = read_rows(result.files["errors"])
    assert (failed["line"], failed["field"], failed["code"]) == ("252", "Email", "DUPLICATE_IN_SOURCE")
    found = {record["Legacy_ID"]: record["Last_Name"] for record in bench.records()}
    assert found[rows[0]["Legacy_ID"]] == rows[0]["Last_Name"]


def test_updates_that_give_one_unique_value_to_two_records_are_refused(
    bench_with: Callable[..., Bench],
) -> None:
    bench = bench_with(email_unique=True)
    rows = leads(3)
    bench.seed([{"Legacy_ID": row["Legacy_ID"], "Last_Name": "x"} for row in rows])
    rows[2]["Email"] = rows[0]["Email"]
    plan = planned(bench, Update("Leads", key="Legacy_ID"), rows)
    assert rejects(plan) == [(4, "Email", "DUPLICATE_DATA")]
    result = bench.run(file_job(Update("Leads", key="Legacy_ID"), bench.folder / "rows.csv"))
    assert (result.rows.updated, result.rows.failed) == (plan.counts.updates, 1)


def test_another_unique_field_whose_value_is_taken_fails_the_row(bench_with: Callable[..., Bench]) -> None:
    bench = bench_with(email_unique=True)
    bench.seed([{"Legacy_ID": "other", "Last_Name": "x", "Email": "lead1@example.com"}])
    rows = leads(4)
    rows[3]["Email"] = rows[2]["Email"].upper()
    plan = planned(bench, INSERT, rows)
    assert rejects(plan) == [(2, "Email", "DUPLICATE_DATA"), (5, "Email", "DUPLICATE_DATA")]


# -- keys that stand several times -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("write", "lines", "expected"),
    [
        (INSERT, [4, 5], {"creates": 2, "refused": 2}),
        (
            Insert("Leads", key="Legacy_ID", on_repeated="last"),
            [5],
            {"creates": 2, "skipped": 1, "refused": 1},
        ),
        (Insert("Leads", key="Legacy_ID", on_repeated="fail"), [2, 5], {"creates": 2, "refused": 2}),
        (UPSERT, [4, 5], {"creates": 2, "refused": 2}),
        (
            Upsert("Leads", match_on="Legacy_ID", on_repeated="each"),
            [4],
            {"creates": 2, "updates": 1, "refused": 1},
        ),
        (
            Upsert("Leads", match_on="Legacy_ID", on_repeated="last"),
            [5],
            {"creates": 2, "skipped": 1, "refused": 1},
        ),
    ],
)
def test_a_key_repeated_in_the_file_is_never_dropped_silently(
    bench: Bench, write: Any, lines: list[int], expected: dict[str, int]
) -> None:
    rows = [{"Legacy_ID": key, "Last_Name": str(n)} for n, key in enumerate(("A", "B", "a", "A"))]
    plan = planned(bench, write, rows)
    assert [line for line, _, _ in rejects(plan)] == lines
    assert {code for _, _, code in rejects(plan)} <= {"DUPLICATE_IN_SOURCE"}
    assert fates(plan) == expected


def test_the_first_row_of_a_key_is_the_first_that_would_be_written(bench: Bench) -> None:
    rows = [
        {"Legacy_ID": "A", "Last_Name": name, "Email": mail}
        for name, mail in (("x", "bad"), ("y", ""), ("z", ""))
    ]
    assert rejects(planned(bench, INSERT, rows)) == [
        (2, "Email", "INVALID_DATA"),
        (4, "Legacy_ID", "DUPLICATE_IN_SOURCE"),
    ]


# -- rejects ---------------------------------------------------------------------------------------


def test_each_reject_has_line_column_field_code_value_and_what_to_do(bench: Bench) -> None:
    path = write_rows(bench.folder / "rows.csv", [{"old id": "1", "name": "x", "mail": "nope"}])

    class Load(RecordJob):
        """Loads leads."""

        write = INSERT
        scopes = scopes_for(INSERT)
        columns = {"old id": "Legacy_ID", "name": "Last_Name", "mail": "Email"}  # noqa: RUF012

        def source(self) -> Csv:
            return Csv(path)

    (reject,) = bench.plan(Load()).to_json()["rejects"]
    assert reject == {
        "line": 2,
        "column": "mail",
        "field": "Email",
        "code": "INVALID_DATA",
        "message": "not an e-mail address such as jo@example.com",
        "value": "nope",
    }


def test_all_errors_of_a_row_are_told_and_the_row_counts_once(bench: Bench) -> None:
    rows = [{"Legacy_ID": "1", "Last_Name": "", "Email": "nope", "First_Contact": "soon"}]
    plan = planned(bench, INSERT, rows)
    assert fates(plan) == {"refused": 1}
    assert {(field, code) for _, field, code in rejects(plan)} == {
        ("Email", "INVALID_DATA"),
        ("First_Contact", "INVALID_DATA"),
        ("Last_Name", "MANDATORY_NOT_FOUND"),
    }


def test_rejects_are_written_to_a_file_that_can_be_mended_and_fed_in_again(bench: Bench) -> None:
    rows = leads(5)
    rows[1]["Email"], rows[3]["Last_Name"], rows[4]["Company"] = "nope", "", "=cmd()"
    rows[4]["Email"] = "also nope"
    plan = planned(bench, INSERT, rows)
    assert plan.write_rejects(bench.folder / "bad.csv") == 3
    with pytest.raises(UsageError, match="the file that the rows come from"):
        plan.write_rejects(plan.source.path)
    written = read_rows(bench.folder / "bad.csv")
    assert [(row["line"], row["field"], row["code"]) for row in written] == [
        ("3", "Email", "INVALID_DATA"),
        ("5", "Last_Name", "MANDATORY_NOT_FOUND"),
        ("6", "Email", "INVALID_DATA"),
    ]
    assert written[2]["Company"] == "'=cmd()"
    text = (bench.folder / "bad.csv").read_text().replace("also nope", "a@x.io").replace("nope", "b@x.io")
    (bench.folder / "bad.csv").write_text(text)
    again = bench.plan(file_job(INSERT, bench.folder / "bad.csv"))
    assert fates(again) == {"creates": 2, "refused": 1}


def test_rows_that_cant_be_read_again_keep_their_cells_for_the_file_of_rejects(bench: Bench) -> None:
    bench.seed([{"Last_Name": "A", "Email": "a@x.io"}, {"Last_Name": "B"}])

    class Backfill(RecordJob):
        """Sets what can't be set."""

        write = Update("Leads")
        query = "select id, Last_Name, Email from Leads"
        scopes = scopes_for(Update("Leads"), Query(query))

        def source(self) -> Query:
            return Query(self.query)

        def transform(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"id": row["id"], "Secondary_Email": "nope" if row["Email"] else "b@x.io"}

    plan = bench.plan(Backfill())
    assert plan.write_rejects(bench.folder / "bad.csv") == 1
    (row,) = read_rows(bench.folder / "bad.csv")
    assert (row["Last_Name"], row["Email"], row["field"]) == ("A", "a@x.io", "Secondary_Email")


def test_a_transform_that_fails_or_skips_is_told_with_its_reasons(bench: Bench) -> None:
    path = write_rows(bench.folder / "rows.csv", leads(6))

    class Picky(RecordJob):
        """Loads some leads."""

        write = INSERT
        scopes = scopes_for(INSERT)

        def source(self) -> Csv:
            return Csv(path)

        def transform(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
            number = int(row["Legacy_ID"][2:])
            if number % 2:
                raise Skip("odd" if number < 5 else "five")
            return {"Legacy_ID": row["Legacy_ID"], "Last_Name": str(1 // (number - 4))}

    plan = bench.plan(Picky())
    assert fates(plan) == {"creates": 2, "skipped": 3, "refused": 1}
    assert list(plan.skips) == [("odd", 2), ("five", 1)]
    assert rejects(plan) == [(5, None, "TRANSFORM_FAILED")]
    assert "Company" in warned(plan)["COLUMNS_UNREAD"].message
    assert "Legacy_ID" not in warned(plan)["COLUMNS_UNREAD"].message


@pytest.mark.parametrize(
    ("write", "kinds"),
    [
        (
            Insert("Leads", key="Legacy_ID", on_repeated="first"),
            [("the same as an earlier row", 2), ("an earlier row has this key", 1)],
        ),
        (Insert("Leads", key="Legacy_ID", on_repeated="last"), [("a later row has this key", 3)]),
        (
            Insert("Leads", key="Legacy_ID", on_existing="skip", on_repeated="each"),
            [("the org has the record already", 4)],
        ),
        (Delete("Leads", key="Legacy_ID"), [("an earlier row deletes this record", 3)]),
    ],
)
def test_skipped_rows_are_counted_by_kinds_without_lines_and_ids(
    bench: Bench, write: Any, kinds: list[tuple[str, int]]
) -> None:
    row = {"Legacy_ID": "A", "Last_Name": "x"}
    if write.operation == "delete" or write.on_existing:
        bench.seed([row])
    plan = planned(bench, write, [row, row, row, {**row, "Last_Name": "y"}])
    assert list(plan.skips) == kinds


@pytest.mark.parametrize(
    "copy", [dict, lambda row: {**row}, lambda row: dict(row.items()), lambda row: row.copy()]
)
def test_a_row_that_is_taken_whole_leaves_no_column_unread(bench: Bench, copy: Any) -> None:
    path = write_rows(bench.folder / "rows.csv", leads(2))

    class Whole(RecordJob):
        """Loads leads."""

        write = INSERT
        scopes = scopes_for(INSERT)

        def source(self) -> Csv:
            return Csv(path)

        def transform(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
            taken: dict[str, Any] = copy(row)
            return taken

    assert "COLUMNS_UNREAD" not in warned(bench.plan(Whole()))


# -- what to know ----------------------------------------------------------------------------------


def test_values_that_a_pick_list_lacks_are_counted_with_the_nearest(bench: Bench) -> None:
    values = ["Partnerr", "Cold Cal", "Partnerr", "Partner", "zzz"]
    rows = [{**row, "Lead_Source": value} for row, value in zip(leads(5), values, strict=True)]
    warning = warned(planned(bench, INSERT, rows))["NOT_IN_PICK_LIST"]
    assert (warning.field, warning.count) == ("Lead_Source", 4)
    assert (
        "'Partnerr' (2, nearest 'Partner'), 'Cold Cal' (1, nearest 'Cold Call'), 'zzz' (1)" in warning.message
    )


def test_the_century_of_short_years_is_asked_about(bench: Bench) -> None:
    rows = [{**row, "First_Contact": "01/04/55", "Email": ""} for row in leads(2)]
    job = file_job(INSERT, write_rows(bench.folder / "rows.csv", rows))
    type(job).formats = Formats(date_format="%d/%m/%y", datetime_format="%d/%m/%y")
    warning = warned(bench.plan(job))["SHORT_YEARS"]
    assert (warning.field, "2000 to 2068" in warning.message) == ("First_Contact", True)


def test_values_that_a_pick_list_lacks_are_all_counted_however_many(bench: Bench) -> None:
    rows = [{**row, "Lead_Source": f"Source {number}"} for number, row in enumerate(leads(1_200))]
    warning = warned(planned(bench, INSERT, rows))["NOT_IN_PICK_LIST"]
    assert (warning.count, warning.lines) == (1_200, (2, 3, 4))
    assert "1,200 of the file's values are not choices of" in warning.message
    assert "and 1,192 more" in warning.message


def test_legacy_dates_are_sent_to_a_field_of_the_orgs_own(bench: Bench) -> None:
    rows = [{**row, "Created_Time": "2017-01-01T00:00:00Z"} for row in leads(2)]
    plan = planned(bench, INSERT, rows)
    assert {code for _, _, code in rejects(plan)} == {"NOT_WRITABLE"}
    warning = warned(plan)["DROPPED_BY_ZOHO"]
    assert "Legacy_Created_Time" in warning.message
    assert warning.count == 2


@pytest.mark.parametrize("field", ["Data_Quality", "Old_Fax_Number", "Full_Name"])
def test_fields_whose_values_zoho_would_drop_are_told(bench: Bench, field: str) -> None:
    plan = planned(bench, INSERT, [{**leads(1)[0], field: "x"}])
    assert warned(plan)["DROPPED_BY_ZOHO"].field == field
    assert fates(plan) == {"refused": 1}


def test_what_the_layout_wants_and_nothing_fills_is_told(bench: Bench) -> None:
    plan = planned(bench, INSERT, [{"Legacy_ID": "1", "Last_Name": "x"}])
    assert "Company" in warned(plan)["UNFILLED_ON_LAYOUT"].message
    assert warned(plan)["NO_OWNER"].field == "Owner"
    assert fates(plan) == {"creates": 1}


def test_ambiguous_dates_are_told(bench: Bench) -> None:
    rows = [{**row, "First_Contact": "3/4/2024"} for row in leads(2)]
    warning = warned(planned(bench, INSERT, rows))["AMBIGUOUS"]
    assert (warning.field, warning.count) == ("First_Contact", 2)


def test_owners_are_listed_with_who_is_meant(bench: Bench) -> None:
    path = write_rows(
        bench.folder / "rows.csv",
        [
            {**row, "Owner": name}
            for row, name in zip(leads(4), ["Anna Gone", "Anna Gone", "nobody", "Lena Former"], strict=True)
        ],
    )

    class Owned(RecordJob):
        """Loads leads with owners."""

        write = INSERT
        scopes = scopes_for(INSERT)
        users = Users(successors={"Anna Gone": "tom.okafor@example.com"})

        def source(self) -> Csv:
            return Csv(path)

        def transform(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
            return dict(row)

    plan = bench.plan(Owned())
    users = {each.text: (each.rows, each.user) for each in plan.users}
    assert users["Anna Gone"] == (2, "Tom Okafor (tom.okafor@example.com)")
    assert users["nobody"][1] is None
    assert users["Lena Former"][1] is None
    assert rejects(plan) == [(4, "Owner", "INVALID_DATA"), (5, "Owner", "INVALID_DATA")]


def test_owners_given_by_id_are_looked_for_too(bench: Bench) -> None:
    people = {user["full_name"]: user["id"] for user in zmigrate_users(bench)}
    ids = [people["Tom Okafor"], people["Lena Former"], "123"]

    class ById(RecordJob):
        """Loads leads with owners by id."""

        write = INSERT
        scopes = scopes_for(INSERT)

        def source(self) -> Csv:
            return Csv(bench.folder / "rows.csv")

        def transform(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
            return {**row, "Owner": {"id": row["Owner"]}}

    write_rows(bench.folder / "rows.csv", [{**row, "Owner": i} for row, i in zip(leads(3), ids, strict=True)])
    assert rejects(bench.plan(ById())) == [(3, "Owner", "INVALID_DATA"), (4, "Owner", "INVALID_DATA")]


def zmigrate_users(bench: Bench) -> list[dict[str, Any]]:
    from tests.engine.plan.test_plan_agrees import connected

    with connected(bench, ["ZohoCRM.users.READ"]) as connection:
        return list(connection.crm.users("AllUsers"))


def test_a_run_before_is_told(bench: Bench) -> None:
    job = file_job(INSERT, write_rows(bench.folder / "rows.csv", leads(3)))
    result = bench.run(job)
    warning = warned(bench.plan(job))["RUN_BEFORE"]
    assert result.run_id in warning.message


def test_a_clock_that_is_off_is_told(bench_with: Callable[..., Bench]) -> None:
    plan = planned(bench_with(clock_skew_s=3600.0), INSERT, leads(1))
    assert "clock" in warned(plan)["CHECK"].message


# -- what can't be planned -------------------------------------------------------------------------


def test_a_file_without_rows_is_told_as_by_a_run(bench: Bench) -> None:
    (bench.folder / "rows.csv").write_text("Legacy_ID,Last_Name\n")
    job = file_job(INSERT, bench.folder / "rows.csv")
    with pytest.raises(SourceError) as by_plan:
        bench.plan(job)
    with pytest.raises(SourceError) as by_run:
        bench.run(job)
    assert str(by_plan.value) == str(by_run.value)


def test_a_job_by_hand_cant_be_planned(bench: Bench) -> None:
    class ByHand(Job):
        """Does something."""

        scopes = ("ZohoCRM.org.READ",)

        def run(self, ctx: Any) -> None:
            pass

    with pytest.raises(UsageError, match="hand-written job, which can't be planned"):
        bench.plan(ByHand())


def test_a_limit_reads_the_first_rows_only(bench: Bench) -> None:
    plan = planned(bench, INSERT, leads(300), limit=150)
    assert (plan.counts.rows, plan.limited) == (150, True)
    assert not planned(bench, INSERT, leads(150), limit=150).limited


def test_rows_of_a_circle_count_at_a_limit_too(bench: Bench, tmp_path: Path) -> None:
    rows = [{"id": f"k{n}", "name": "N", "parent": f"k{n ^ 1}"} for n in range(30)]
    path = write_rows(bench.folder / "a.csv", rows)
    with bench.plan(make(Insert("Accounts", key="Legacy_ID"), path, account), limit=21) as plan:
        assert (fates(plan), plan.limited) == ({"creates": 21}, True)
        assert plan.write_details(tmp_path / "details.csv") == 21


def test_a_stop_ends_a_plan_and_nothing_was_written(bench_with: Callable[..., Bench]) -> None:
    bench = bench_with(latency_ms=20)
    bench.seed(leads(9_000, start=50_000))
    stop = StopSignal()

    def interrupt(event: Event) -> None:
        if isinstance(event, RowsJudged):
            stop.request()

    with pytest.raises(StopRequested):
        planned(bench, UPSERT, leads(3_000, start=49_000), stop=stop, listeners=(interrupt,))
    assert bench.get("writes") == []


# -- as an object ----------------------------------------------------------------------------------


def test_the_object_has_the_keys_of_the_contract_and_is_streamed_alike(bench: Bench) -> None:
    rows = leads(30)
    rows[3]["Email"] = rows[8]["Email"] = "nope"
    with planned(bench, INSERT, rows) as plan:
        whole = plan.to_json()
        stream = StringIO()
        plan.write_json(stream)
    assert json.loads(stream.getvalue()) == whole
    assert {"job", "org", "rows", "creates", "updates", "rejects", "warnings", "repeatable"} <= set(whole)
    assert {"requests", "credits", "minutes", "unchanged", "skipped", "not_asked", "environment"} <= set(
        whole
    )
    assert whole["org"].keys() == {"id", "name", "sandbox"}
    assert set(whole["warnings"][0]) == {"code", "message", "field", "count", "lines"}


def test_the_front_door_plans(bench: Bench) -> None:
    path: Path = write_rows(bench.folder / "rows.csv", leads(2))
    with zmigrate.plan(file_job(INSERT, path), emulator=True, folder=bench.folder, environ={}) as plan:
        assert fates(plan) == {"creates": 2}


# -- what stops a run ------------------------------------------------------------------------------


def test_a_run_that_would_stop_at_its_first_rows_is_told(bench: Bench) -> None:
    rows = [{**row, "Email": "nobody"} for row in leads(500)] + leads(5, start=900)
    plan = planned(bench, INSERT, rows)
    assert "first 500 rows are all refused with INVALID_DATA" in warned(plan)["BREAKER"].message
    assert bench.run(file_job(INSERT, bench.folder / "rows.csv")).state == "paused"
    assert "BREAKER" not in warned(planned(bench, INSERT, [*leads(1), *rows]))


def test_a_reference_that_stops_the_run_is_told_with_its_lines(bench: Bench) -> None:
    rows = [{"id": key, "name": "x", "parent": parent} for key, parent in ("ab", "ba", "cx")]
    path = write_rows(bench.folder / "a.csv", rows)

    def strict(row: Any) -> dict[str, Any]:
        return {**account(row), "Parent_Account": Ref("Accounts", row["parent"], when_open="stop")}

    job = make(Insert("Accounts", key="Legacy_ID"), path, strict)
    with bench.plan(job) as plan:
        assert warned(plan)["REFERENCE_STOPS"].lines == (4,)
    with pytest.raises(UsageError, match="line 4"):
        bench.run(job)


def test_keys_behind_the_limit_that_a_run_goes_by_are_told(bench: Bench) -> None:
    write = Insert("Leads", key="Legacy_ID", on_repeated="last")
    rows = [*leads(3), *leads(1)]
    assert "on_repeated = last" in warned(planned(bench, write, rows, limit=3))["LIMIT"].message
    assert "LIMIT" not in warned(planned(bench, write, rows))


@pytest.mark.parametrize(
    ("on_existing", "on_repeated", "expected"),
    [
        ("skip", None, {"creates": 1, "skipped": 2, "refused": 1}),
        ("skip", "each", {"creates": 1, "skipped": 3}),
        ("update", None, {"creates": 1, "updates": 1, "refused": 2}),
        ("update", "each", {"creates": 1, "updates": 3}),
        ("fail", "each", {"creates": 1, "refused": 3}),
    ],
)
@pytest.mark.parametrize("key", thorough(["Old_System_Ref", "Legacy_ID"]))
def test_keys_that_stand_twice_and_are_there_already(
    key: str, on_existing: Any, on_repeated: Any, expected: dict[str, int], bench: Bench
) -> None:
    one, two = leads(2, key=key)
    bench.seed([one])
    write = Insert("Leads", key=key, on_existing=on_existing, on_repeated=on_repeated)
    plan = planned(bench, write, [{**row, "City": f"{n}"} for n, row in enumerate((one, one, two, two))])
    assert fates(plan) == expected
    rows = bench.run(file_job(write, bench.folder / "rows.csv")).rows
    counts = plan.counts
    assert (rows.created, rows.updated, rows.skipped, rows.failed) == (
        counts.creates,
        counts.updates,
        counts.skipped,
        counts.refused,
    )


def test_rows_that_leave_empty_what_the_layout_wants_are_counted(bench: Bench) -> None:
    rows = leads(3)
    rows[1]["Company"] = ""
    warning = warned(planned(bench, INSERT, rows))["EMPTY_ON_LAYOUT"]
    assert (warning.field, warning.count) == ("Company", 1)


def test_a_row_of_an_upsert_that_zoho_refuses_gives_way_to_those_that_share_its_value(
    bench_with: Callable[..., Bench],
) -> None:
    bench = bench_with(email_unique=True)
    rows = leads(3)
    rows[0]["Last_Name"] = ""
    rows[1]["Email"] = rows[0]["Email"]
    plan = planned(bench, UPSERT, rows)
    assert rejects(plan) == [(2, "Last_Name", "MANDATORY_NOT_FOUND")]
    job = file_job(UPSERT, bench.folder / "rows.csv")
    assert bench.run(job, limit=1).rows.failed == 1
    assert (bench.resume().rows.failed, len(bench.records())) == (1, 2)
