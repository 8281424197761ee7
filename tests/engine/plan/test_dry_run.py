"""A plan is the run itself, against a model of the org: what that promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from jobs.import_folder import ImportFolder
from tests.engine.plan.test_plan import fates, planned, rejects
from tests.engine.plan.test_plan_pointing import ACCOUNTS, CONTACTS, contact, job_of
from tests.support import Bench, file_job, leads, read_rows, write_rows
from zmigrate import Csv, Delete, Find, Flow, Insert, RecordJob, Ref, Update, Upsert, scopes_for

INSERT = Insert("Leads", key="Legacy_ID")


def everything_in(folder: Path) -> dict[str, bytes]:
    """By their paths. SQLite makes empty files beside a database that it only reads."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in files
        if not path.name.endswith(("-wal", "-shm"))
    }


def test_a_plan_changes_nothing_in_the_state_folder_nor_in_the_id_map(bench: Bench) -> None:
    rows = [{"Legacy_ID": "A1", "Account_Name": "A"}]
    bench.run(file_job(ACCOUNTS, write_rows(bench.folder / "a.csv", rows)))
    runs, orgs = bench.folder / ".zmigrate" / "runs", bench.folder / ".zmigrate" / "orgs"
    before = everything_in(runs), sorted(orgs.rglob("ids.db*"))
    people = [{"id": "1", "account": "A1"}, {"id": "2", "account": "A9"}]
    with bench.plan(job_of(bench, CONTACTS, people, contact)) as plan:
        assert rejects(plan) == [(3, "Account_Name", "REFERENCE_OPEN")]
    assert (everything_in(runs), sorted(orgs.rglob("ids.db*"))) == before


def test_all_that_is_wrong_with_a_row_is_told_where_a_run_stops_at_the_first(bench: Bench) -> None:
    """A date that is none, a key that the org has, a reference to nothing, an account that is not there."""
    bench.seed([{"Legacy_ID": "1", "Last_Name": "There"}], "Contacts")

    def person(row: Mapping[str, str]) -> dict[str, Any]:
        return {**contact(row), "Date_of_Birth": "soon", "Reporting_To": "999999", "Last_Name": ""}

    job = job_of(bench, CONTACTS, [{"id": "1", "account": "A9"}], person)
    with bench.plan(job) as plan:
        told = {(field, code) for _, field, code in rejects(plan)}
        assert plan.counts.refused == 1
    assert told == {
        ("Date_of_Birth", "INVALID_DATA"),
        ("Last_Name", "MANDATORY_NOT_FOUND"),
        ("Account_Name", "REFERENCE_OPEN"),
        ("Reporting_To", "INVALID_DATA"),
        ("Legacy_ID", "DUPLICATE_DATA"),
    }
    [failed] = read_rows(bench.run(job).files["errors"])
    assert set(failed["code"].split("; ")) <= {code for _, code in told}


def test_a_key_that_is_not_there_is_told_beside_a_bad_value(bench: Bench) -> None:
    bench.seed(leads(1))
    rows = [{"Legacy_ID": "none", "Email": "nope"}, {"Legacy_ID": "L-000001", "Email": "nope"}]
    assert rejects(planned(bench, Update("Leads", key="Legacy_ID"), rows)) == [
        (2, "Email", "INVALID_DATA"),
        (2, "Legacy_ID", "KEY_NOT_FOUND"),
        (3, "Email", "INVALID_DATA"),
    ]


def test_what_is_wrong_by_another_row_of_the_file_alone_is_not_told_of_a_refused_row(bench: Bench) -> None:
    rows = leads(2)
    rows[0]["Email"] = "nope"
    rows[1]["Legacy_ID"] = rows[0]["Legacy_ID"]
    assert rejects(planned(bench, INSERT, rows)) == [(2, "Email", "INVALID_DATA")]


@pytest.mark.parametrize("write", [INSERT, Upsert("Leads", match_on="Legacy_ID"), Insert("Leads")])
def test_the_estimate_of_a_run_is_the_figure_of_its_plan(bench: Bench, write: Any) -> None:
    rows = leads(250)
    with planned(bench, write, rows) as plan:
        credits = plan.price.credits
    result = bench.run(file_job(write, bench.folder / "rows.csv"))
    assert result.credits["estimated"] == credits


def test_ids_of_records_that_would_be_created_are_never_shown(bench: Bench, tmp_path: Path) -> None:
    rows = [{"Email": "a@x.io", "Last_Name": "A"}, {"Email": "a@x.io", "Last_Name": "B"}]
    twins = job_of(bench, Insert("Leads"), rows, dict)
    later = job_of(
        bench,
        CONTACTS,
        [{"id": "1"}],
        lambda row: {
            "Legacy_ID": row["id"],
            "Last_Name": "x",
            "Account_Name": Find("Accounts", "Account_Name", "N"),
        },
        finds=["Accounts"],
    )
    both = job_of(
        bench, ACCOUNTS, [{"id": "1"}, {"id": "2"}], lambda row: {"Legacy_ID": row["id"], "Account_Name": "N"}
    )

    class All(Flow):
        """Twins, accounts of one name, and a contact that looks for it."""

        def jobs(self) -> list[RecordJob]:
            return [twins, both, later]

    with bench.plan(All()) as plan:
        [reject] = plan.steps[2].plan.rejects
        plan.write_details(tmp_path / "all.csv")
    assert reject.reason.code == "REFERENCE_AMBIGUOUS"
    assert "of line 2 of Accounts.csv" in reject.reason.message
    for path in tmp_path.glob("all-*.csv"):
        assert "90000000" not in path.read_text()


def test_a_later_step_finds_what_an_earlier_one_changed_or_deleted(bench: Bench) -> None:
    """A name that an update gives away, one that it brings, and one whose record a delete takes away."""
    ids = bench.seed([{"Account_Name": name, "Legacy_ID": name} for name in ("Old", "Gone")], "Accounts")

    def person(row: Mapping[str, str]) -> dict[str, Any]:
        found = Find("Accounts", "Account_Name", row["account"])
        return {"Legacy_ID": row["id"], "Last_Name": "x", "Account_Name": found}

    names = ["Old", "New", "Gone"]
    people = job_of(
        bench,
        CONTACTS,
        [{"id": str(n), "account": each} for n, each in enumerate(names)],
        person,
        finds=["Accounts"],
    )
    jobs = [
        file_job(
            Update("Accounts", key="Legacy_ID"),
            write_rows(bench.folder / "renamed.csv", [{"Legacy_ID": "Old", "Account_Name": "New"}]),
        ),
        file_job(Delete("Accounts"), write_rows(bench.folder / "deleted.csv", [{"id": ids[1]}])),
        people,
    ]

    class All(Flow):
        """Renames, deletes, then refers."""

        def jobs(self) -> list[RecordJob]:
            return list(jobs)

    with bench.plan(All()) as plan:
        told = rejects(plan.steps[2].plan)
    assert told == [(2, "Account_Name", "REFERENCE_OPEN"), (4, "Account_Name", "REFERENCE_OPEN")]
    result = bench.run(All())
    assert (result.rows.created, result.rows.failed) == (1, 2)


def test_a_parent_that_is_refused_takes_its_children_down_in_a_later_step_too(bench: Bench) -> None:
    parents = file_job(
        ACCOUNTS, write_rows(bench.folder / "a.csv", [{"Legacy_ID": "A1", "Account_Name": ""}])
    )
    children = job_of(
        bench,
        CONTACTS,
        [{"id": "1", "account": "A1"}],
        lambda row: {"Legacy_ID": "1", "Last_Name": "x", "Account_Name": Ref("Accounts", row["account"])},
    )

    class Both(Flow):
        """Accounts, then contacts."""

        def jobs(self) -> list[RecordJob]:
            return [parents, children]

    with bench.plan(Both()) as plan:
        assert plan.counts.refused == 2
    assert bench.run(Both()).rows.failed == 2


def test_a_step_that_goes_by_another_field_changes_the_keys_that_later_steps_refer_to(bench: Bench) -> None:
    """An earlier run wrote A1; a step that goes by the account's number makes it A2."""
    first = [{"Legacy_ID": "A1", "Account_Name": "A", "Account_Number": "7"}]
    bench.run(file_job(ACCOUNTS, write_rows(bench.folder / "a.csv", first)))
    again = [{"Account_Number": "7", "Legacy_ID": "A2"}]
    renamed = file_job(
        Update("Accounts", key="Account_Number"), write_rows(bench.folder / "again.csv", again)
    )
    rows = [{"id": "1", "account": "A1"}, {"id": "2", "account": "A2"}]
    people = job_of(bench, CONTACTS, rows, contact)

    class Both(Flow):
        """Renames, then refers."""

        def jobs(self) -> list[RecordJob]:
            return [renamed, people]

    with bench.plan(Both()) as plan:
        told = rejects(plan.steps[1].plan)
    result = bench.run(Both())
    assert told == [(2, "Account_Name", "REFERENCE_OPEN")]
    assert [row["line"] for row in read_rows(result.files["errors"])] == ["2"]


@pytest.mark.parametrize("write", [Update("Leads"), Delete("Leads")])
def test_an_id_that_is_none_fails_its_row_alone(bench: Bench, write: Any) -> None:
    """As Zoho's own export writes ids."""
    [known] = bench.seed(leads(1))
    rows = [{"id": f"zcrm_{known}", "Company": "x"}, {"id": known, "Company": "x"}]
    with planned(bench, write, rows) as plan:
        assert rejects(plan) == [(2, "id", "INVALID_DATA")]
        counts = plan.counts
    assert (counts.updates + counts.deletes, counts.refused) == (1, 1)


def test_a_row_that_transform_refuses_lacks_nothing_else(bench: Bench) -> None:
    path = write_rows(bench.folder / "rows.csv", [{"id": "1", "name": "Sue", "state": "odd"}])
    mapping = (
        f'[[load]]\nfile = "{path.name}"\nmodule = "Leads"\noperation = "insert"\nkey = "Legacy_ID"\n'
        '[load.fields]\nLegacy_ID = "id"\nLast_Name = "name"\n'
        'Rating = { column = "state", values = { hot = "Active" }, strict = true }\n'
    )
    (bench.folder / "m.toml").write_text(mapping)
    with bench.plan(ImportFolder(folder=bench.folder, mapping=bench.folder / "m.toml")) as plan:
        [reject] = plan.steps[0].plan.rejects
    assert reject.reason.code == "NOT_IN_VALUES"


def test_a_key_that_is_written_in_another_letter_case_is_a_change(bench: Bench) -> None:
    bench.seed([{"Legacy_ID": "L1", "Last_Name": "Abel"}])
    rows = [{"Legacy_ID": "l1", "Last_Name": "Abel"}]
    with planned(bench, Upsert("Leads", match_on="Legacy_ID"), rows) as plan:
        assert (plan.counts.updates, plan.counts.unchanged) == (1, 0)


def test_with_ignore_case_a_case_sensitive_key_is_looked_up_first(bench_with: Callable[..., Bench]) -> None:
    """Zoho would accept a second record."""
    bench = bench_with(legacy_case_sensitive=True)
    [known] = bench.seed([{"Legacy_ID": "ab-1", "Last_Name": "There"}])
    write = Insert("Leads", key="Legacy_ID", on_existing="update", ignore_case=True)
    rows = [{"Legacy_ID": "AB-1", "Last_Name": "New"}]
    with planned(bench, write, rows) as plan:
        assert (plan.counts.creates, plan.counts.updates) == (0, 1)
    assert bench.run(file_job(write, bench.folder / "rows.csv")).rows.updated == 1
    assert [(record["id"], record["Last_Name"]) for record in bench.records()] == [(known, "New")]


@pytest.mark.parametrize("write", [Delete("Leads", key="Legacy_ID", ignore_case=True)])
def test_with_ignore_case_no_row_speaks_for_one_of_another_spelling(
    write: Any, bench_with: Callable[..., Bench]
) -> None:
    bench = bench_with(legacy_case_sensitive=True)
    bench.seed([{"Legacy_ID": key, "Last_Name": key} for key in ("m1", "M1")])
    rows = [{"Legacy_ID": "m1"}, {"Legacy_ID": "M1"}]
    with planned(bench, write, rows) as plan:
        assert rejects(plan) == [(3, "Legacy_ID", "DUPLICATE_IN_SOURCE")]
    result = bench.run(file_job(write, bench.folder / "rows.csv"))
    assert (result.rows.deleted, result.rows.failed, result.rows.skipped) == (1, 1, 0)


def test_two_addresses_of_which_one_has_a_sharp_s_are_two(bench: Bench) -> None:
    write = Insert("Leads", key="Email", on_repeated="last")
    rows = [{"Email": f"info@{name}.de", "Last_Name": name} for name in ("strasse", "straße", "STRASSE")]
    with planned(bench, write, rows) as plan:
        assert (plan.counts.creates, plan.counts.skipped) == (2, 1)
    assert bench.run(file_job(write, bench.folder / "rows.csv")).rows.created == 2


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (Insert("Contacts", key="Legacy_ID"), {"creates": 2, "refused": 3}),
        (Insert("Contacts", key="Legacy_ID", on_existing="skip"), {"creates": 2, "skipped": 3}),
        (Upsert("Contacts", match_on="Legacy_ID"), {"creates": 2, "updates": 3}),
    ],
)
def test_keys_of_rows_that_look_something_up_are_asked_for_all_the_same(
    bench: Bench, write: Any, expected: dict[str, int]
) -> None:
    bench.seed([{"Account_Name": "A", "Phone": "1"}], "Accounts")
    bench.seed([{"Legacy_ID": f"c{n}", "Last_Name": "There"} for n in range(3)], "Contacts")

    def person(row: Mapping[str, str]) -> dict[str, Any]:
        return {"Legacy_ID": row["id"], "Last_Name": "x", "Account_Name": Find("Accounts", "Phone", "1")}

    job = job_of(bench, write, [{"id": f"c{n}"} for n in range(5)], person, finds=["Accounts"])
    with bench.plan(job) as plan:
        assert fates(plan) == expected


def test_a_module_that_was_read_whole_is_known_by_the_fields_that_were_read(bench: Bench) -> None:
    """A small module is read whole by its key; a reference looks for another field of it."""
    there = [{"Legacy_ID": f"a{n}", "Account_Name": "A", "Phone": f"{n}"} for n in range(150)]
    bench.seed(there, "Accounts")
    keys = [{"Legacy_ID": f"a{n}", "Account_Name": f"New {n}"} for n in range(1_000)]
    accounts = file_job(
        Upsert("Accounts", match_on="Legacy_ID"), write_rows(bench.folder / "accounts.csv", keys)
    )

    def person(row: Mapping[str, str]) -> dict[str, Any]:
        return {
            "Legacy_ID": row["id"],
            "Last_Name": "x",
            "Account_Name": Find("Accounts", "Phone", row["id"]),
        }

    people = job_of(bench, CONTACTS, [{"id": str(n)} for n in range(5)], person, finds=["Accounts"])

    class Both(Flow):
        """Accounts, then contacts."""

        def jobs(self) -> list[RecordJob]:
            return [accounts, people]

    with bench.plan(Both()) as plan:
        assert fates(plan.steps[1].plan) == {"creates": 5}


def test_rows_of_one_key_that_are_not_asked_for_are_of_one_record(bench: Bench) -> None:
    bench.seed(leads(2))
    rows = [{"Legacy_ID": "L-000001", "Company": str(n)} for n in range(3)]
    write = Update("Leads", key="Legacy_ID", on_repeated="each")
    with planned(bench, write, rows, ask=0) as plan:
        assert fates(plan) == {"not_asked": 3}


def test_a_source_that_changes_cells_may_have_any_key_twice(bench: Bench) -> None:
    path = write_rows(bench.folder / "rows.csv", [{"id": f"K1#{n}", "name": f"N{n}"} for n in range(3)])

    class Cut(Csv):
        """Cells are cut at a mark."""

        def rows(self, *args: Any, **kwargs: Any) -> Any:
            for row in super().rows(*args, **kwargs):
                yield row._replace(values={name: cell.partition("#")[0] for name, cell in row.values.items()})

    class Load(RecordJob):
        """Loads leads."""

        write = Upsert("Leads", match_on="Legacy_ID")
        scopes = scopes_for(write)
        columns = {"id": "Legacy_ID", "name": "Last_Name"}  # noqa: RUF012

        def source(self) -> Csv:
            return Cut(path)

    result = bench.run(Load())
    assert (result.rows.created, result.rows.updated, result.rows.failed) == (1, 0, 2)
