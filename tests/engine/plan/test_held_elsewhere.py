"""Leads that Zoho also holds against contacts, by its duplicate check preference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tests.support import Bench, file_job, read_rows, write_rows
from zmigrate import Csv, Flow, Insert, RecordJob, Update, Upsert, scopes_for
from zmigrate.engine.plan.plan import Plan
from zmigrate.events import TokenAcquired
from zmigrate.job.writes import Write

SCOPE = "ZohoCRM.settings.duplicate_check_preference.READ"
CONTACT = {"Legacy_ID": "K2", "Last_Name": "Doe"}


def leads_job(bench: Bench, write: Write, keys: Sequence[str] = ("K1", "K2", "K3")) -> RecordJob:
    rows = [{"Legacy_ID": key, "Last_Name": "x", "Company": "y"} for key in keys]
    return file_job(write, write_rows(bench.folder / "leads.csv", rows))


def rejects(plan: Plan) -> list[tuple[int, str | None, str]]:
    return [(reject.line, reject.reason.field, reject.reason.code) for reject in plan.rejects]


def warned(plan: Plan, code: str) -> list[str]:
    return [each.message for each in plan.warnings if each.code == code]


@pytest.fixture
def mapped(bench_with: Callable[..., Bench]) -> Bench:
    return bench_with(duplicate_check="mapped_module_records")


@pytest.mark.parametrize(
    "write",
    [
        Insert("Leads"),
        Insert("Leads", key="Legacy_ID"),
        Insert("Leads", key="Legacy_ID", on_existing="skip"),
        Insert("Leads", key="Legacy_ID", on_existing="update"),
        Upsert("Leads", match_on="Legacy_ID"),
    ],
    ids=repr,
)
def test_a_lead_with_the_key_of_a_contact_is_refused_in_plan_and_run_and_changes_nothing(
    write: Write, mapped: Bench
) -> None:
    [contact] = mapped.seed([CONTACT], "Contacts")
    job = leads_job(mapped, write)

    with mapped.plan(job) as plan:
        assert rejects(plan) == [(3, "Legacy_ID", "DUPLICATE_DATA")]
        (reject,) = plan.rejects
        (told,) = warned(plan, "HELD_AGAINST")
    result = mapped.run(job)

    assert f"a record of Contacts, {contact}," in reject.reason.message
    assert "Contacts (by Legacy_ID)" in told
    assert "converted leads" in told
    assert (result.rows.created, result.rows.failed) == (2, 1)
    assert (result.rows.updated, result.rows.skipped) == (0, 0)
    [failed] = read_rows(result.files["errors"])
    assert failed["line"] == "3"
    assert f"a record of Contacts, {contact}," in failed["message"]
    assert mapped.records("Contacts")[0]["Last_Name"] == "Doe"


def test_a_lead_keeps_a_value_that_a_contact_has_and_may_not_take_a_new_one(
    bench_with: Callable[..., Bench],
) -> None:
    bench = bench_with()
    kept, changed = bench.seed(
        [{"Legacy_ID": "K2", "Last_Name": "a"}, {"Legacy_ID": "K9", "Last_Name": "b"}], "Leads"
    )
    bench.seed([CONTACT], "Contacts")
    bench.options(duplicate_check="mapped_module_records")
    rows = [{"id": one, "Legacy_ID": "K2" if one == kept else "k3"} for one in (kept, changed)]
    rows[1]["Legacy_ID"] = "K4"
    bench.seed([{"Legacy_ID": "K4", "Last_Name": "Roe"}], "Contacts")
    job = file_job(Update("Leads"), write_rows(bench.folder / "leads.csv", rows))

    with bench.plan(job) as plan:
        assert rejects(plan) == [(3, "Legacy_ID", "DUPLICATE_DATA")]
    assert bench.run(job).rows.failed == 1


def test_converted_leads_are_told_though_no_row_is_known(bench_with: Callable[..., Bench]) -> None:
    bench = bench_with(duplicate_check="converted_records")

    with bench.plan(leads_job(bench, Insert("Leads", key="Legacy_ID"))) as plan:
        (told,) = warned(plan, "HELD_AGAINST")

    assert "converted leads, which the plan can't see" in told


@pytest.mark.parametrize(
    ("module", "row", "asks"),
    [
        ("Leads", {"Legacy_ID": "K1", "Last_Name": "x", "Company": "y"}, True),
        ("Leads", {"Last_Name": "x", "Company": "y"}, False),
        ("Contacts", {"Legacy_ID": "K1", "Last_Name": "x"}, True),
        ("Accounts", {"Legacy_ID": "K1", "Account_Name": "x"}, False),
    ],
)
def test_the_preference_is_read_only_where_a_row_can_meet_it(
    module: str, row: Mapping[str, str], asks: bool, bench: Bench
) -> None:
    path = write_rows(bench.folder / "rows.csv", [row])
    members = {
        "__module__": __name__,
        "write": Insert(module),
        "scopes": scopes_for(Insert(module)),
        "source": lambda self: Csv(path),
        "columns": {name: name for name in row},
    }
    job: RecordJob = type("Load", (RecordJob,), members)()

    with bench.plan(job) as plan:
        assert warned(plan, "HELD_AGAINST") == []
        assert [each for each in warned(plan, "CHECK") if "other modules" in each] == []

    asked = bench.stats()["requests"].get("GET /crm/v8/settings/duplicate_check_preference", 0)
    assert bool(asked) is asks
    (token,) = bench.seen(TokenAcquired)
    assert (SCOPE in token.scopes) is (module in {"Leads", "Contacts"})
    bench.events.clear()
    bench.run(job)
    assert all(SCOPE not in each.scopes for each in bench.seen(TokenAcquired)), "a run needs no such scope"


def test_a_client_without_the_scope_plans_all_the_same_and_is_told(bench_with: Callable[..., Bench]) -> None:
    allowed = ["ZohoCRM.org.READ", "ZohoCRM.users.READ", "ZohoCRM.coql.READ", "ZohoCRM.modules.ALL"]
    settings = [f"ZohoCRM.settings.{name}.READ" for name in ("fields", "layouts")]
    bench = bench_with(allowed_scopes=",".join([*allowed, *settings]))

    with bench.plan(leads_job(bench, Insert("Leads", key="Legacy_ID"))) as plan:
        (told,) = [each for each in warned(plan, "CHECK") if "other modules" in each]
        assert plan.counts.creates == 3

    assert "OAUTH_SCOPE_MISMATCH" in told


@pytest.mark.parametrize("status", ["400", "403"])
def test_a_refusal_to_tell_the_preference_is_told_and_stops_nothing(status: str, bench: Bench) -> None:
    bench.script(
        {
            "method": "GET",
            "path": "/crm/v8/settings/duplicate_check_preference",
            "fault": status,
            "code": "NO_PERMISSION",
        }
    )

    with bench.plan(leads_job(bench, Insert("Leads", key="Legacy_ID"))) as plan:
        (told,) = [each for each in warned(plan, "CHECK") if "other modules" in each]
        assert plan.counts.creates == 3

    assert "NO_PERMISSION" in told


def test_contacts_that_cant_be_read_are_told_and_refuse_no_row(mapped: Bench) -> None:
    mapped.seed([CONTACT], "Contacts")
    mapped.options(denied_permissions="Crm_Implied_View_Contacts")

    with mapped.plan(leads_job(mapped, Insert("Leads", key="Legacy_ID"))) as plan:
        assert rejects(plan) == []
        assert warned(plan, "HELD_AGAINST")


def test_leads_are_held_against_the_contacts_that_an_earlier_step_would_create(mapped: Bench) -> None:
    class Load(RecordJob, abstract=True):
        def transform(self, row: Any) -> dict[str, Any]:
            return dict(row)

    class Contacts(Load):
        write = Insert("Contacts", key="Legacy_ID")
        scopes = scopes_for(write)

        def source(self) -> Csv:
            return Csv(write_rows(mapped.folder / "contacts.csv", [CONTACT]))

    class Leads(Load):
        write = Insert("Leads", key="Legacy_ID")
        scopes = scopes_for(write)

        def source(self) -> Csv:
            rows = [{"Legacy_ID": key, "Last_Name": "x", "Company": "y"} for key in ("K1", "K2")]
            return Csv(write_rows(mapped.folder / "leads.csv", rows))

    class Both(Flow):
        def jobs(self) -> tuple[RecordJob, ...]:
            return (Contacts(), Leads())

    with mapped.plan(Both()) as plan:
        assert (plan.counts.creates, plan.counts.refused) == (2, 1)
        (reject,) = plan.steps[1].plan.rejects  # type: ignore[attr-defined]
    result = mapped.run(Both())

    assert "Contacts" in reject.reason.message
    assert (result.rows.created, result.rows.failed) == (2, 1)
