"""The fixture `zoho`: what a test puts in, what it reads out, and the faults that it asks for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from zmigrate import Insert, Job, JsonLines, RecordJob, Update, Upsert, scopes_for
from zmigrate.testing import Zoho


class Leads(RecordJob):
    """Three leads."""

    write = Upsert("Leads", match_on="Legacy_ID")
    scopes = scopes_for(write)

    def source(self) -> Any:
        return JsonLines(self._file)

    def transform(self, row: Any) -> Any:
        return dict(row)


@pytest.fixture
def job(tmp_path: Path) -> RecordJob:
    (tmp_path / "leads.jsonl").write_text(
        "".join(
            f'{{"Legacy_ID": "L-{number}", "Last_Name": "Name {number}", "Company": "Acme"}}\n'
            for number in range(3)
        ),
        encoding="utf-8",
    )
    return type("ThreeLeads", (Leads,), {"__doc__": "Leads.", "_file": tmp_path / "leads.jsonl"})()


def test_each_test_has_an_org_of_its_own(zoho, tmp_path):
    with Zoho(tmp_path / "other") as other:
        other.add("Leads", [{"Last_Name": "Ada"}])
        assert (len(other.records("Leads")), zoho.records("Leads")) == (1, [])


def test_a_record_that_was_added_has_the_time_and_the_creator_that_the_test_gives(zoho):
    (user,) = zoho.add_users({"full_name": "Old Hand", "email": "old@example.com", "status": "inactive"})
    when = datetime(2019, 5, 1, 12, tzinfo=UTC)
    (lead,) = zoho.add("Leads", [{"Last_Name": "Ada"}], created_time=when, created_by=user)
    (found,) = zoho.records("Leads", id=lead)
    assert datetime.fromisoformat(found["Created_Time"]) == when
    assert found["Created_By"]["name"] == "Old Hand"


@pytest.mark.parametrize(
    ("module", "record", "said"),
    [("Nothing", {}, "no module 'Nothing'"), ("Leads", {"Last_Name": 7}, "Last_Name must be a text")],
)
def test_a_record_that_no_org_can_have_is_refused(zoho, module, record, said):
    with pytest.raises(ValueError, match=said):
        zoho.add(module, [record])


def test_the_audit_counts_what_was_written_and_not_what_was_added(zoho, run_job, job):
    zoho.add("Leads", [{"Legacy_ID": "L-0", "Last_Name": "Old"}])
    run_job(job)
    audit = zoho.audit("Leads")
    assert (audit.creates, audit.updates, audit.deletes, audit.records) == (2, 1, 0, 3)
    (sent,) = zoho.writes("Leads")
    assert (sent.method, sent.path, sent.rows, sent.status) == ("POST", "/crm/v8/Leads/upsert", 3, 200)
    assert (sent.applied, sent.trigger) == (True, [])


def test_a_lost_answer_is_settled(zoho, run_job, job):
    zoho.fault("lost_answer", path="/crm/v8/Leads/upsert")
    result = run_job(job)
    assert [each.action for each in result.outcomes] == ["created"] * 3
    assert [sent.status for sent in zoho.writes("Leads")] == ["lost", 200]
    assert zoho.created_twice("Leads", "Legacy_ID") == {}


def test_a_row_that_zoho_refuses_has_zohos_code(zoho, run_job, job):
    zoho.fault("row_error", rows_containing="L-1", code="RECORD_LOCKED", applied=False)
    result = run_job(job)
    assert result.outcomes.of_key("L-1").codes == ("RECORD_LOCKED",)
    assert (result.exit_code, result.rows.created) == (1, 2)


def test_faults_are_forgotten(zoho, run_job, job):
    zoho.fault("503", times=100)
    zoho.clear_faults()
    assert run_job(job).exit_code == 0


def test_an_unknown_fault_is_refused(zoho):
    with pytest.raises(ValueError, match=r"unknown fault: 'thunder'\. Known are .*lost_answer"):
        zoho.fault("thunder")


def test_options_change_in_mid_test(zoho, run_job, job):
    zoho.change(credits=0)
    result = run_job(job)
    assert result.exit_code == 4


@pytest.mark.zoho(edition="free", org_type="production")
class TestOptionsOfTheMarker:
    def test_a_class_gives_them(self, zoho, run_job, job):
        assert run_job(job).run.org["sandbox"] is False

    @pytest.mark.zoho(org_type="sandbox")
    def test_the_nearest_marker_wins(self, zoho, run_job, job):
        assert run_job(job).run.org["sandbox"] is True


def test_a_token_that_was_ended_is_renewed(zoho, run_job):
    class Twice(Job):
        """Ask twice, and lose the token in between."""

        scopes = ("ZohoCRM.org.READ",)

        def run(self, ctx: Any) -> None:
            ctx.crm.get("/crm/v8/org")
            zoho.expire_tokens()
            ctx.crm.get("/crm/v8/org")

    assert run_job(Twice()).run.tokens["renewed"] == 1


def test_zohos_clock_goes_forward(zoho, run_job, job):
    run_job(job)
    before = zoho.records("Leads")[0]["Modified_Time"]
    zoho.advance(3600)
    zoho.add("Leads", [{"Last_Name": "Later"}])
    after = zoho.records("Leads", Last_Name="Later")[0]["Modified_Time"]
    waited = datetime.fromisoformat(after) - datetime.fromisoformat(before)
    assert 3600 <= waited.total_seconds() < 3660


@pytest.mark.parametrize("mark", ["lock", "convert"])
def test_a_locked_or_converted_record_can_not_be_changed(mark, zoho, run_job, tmp_path):
    (lead,) = zoho.add("Leads", [{"Last_Name": "Ada"}])
    zoho.lock("Leads", lead) if mark == "lock" else zoho.convert(lead)
    (tmp_path / "ids.jsonl").write_text(f'{{"id": "{lead}", "Company": "Acme"}}\n', encoding="utf-8")

    class Change(RecordJob):
        """Change it."""

        write = Update("Leads")
        scopes = scopes_for(write)

        def source(self) -> Any:
            return JsonLines(tmp_path / "ids.jsonl")

        def transform(self, row: Any) -> Any:
            return dict(row)

    assert run_job(Change()).rows.failed == 1
    zoho.lock("Leads", lead, locked=False) if mark == "lock" else zoho.convert(lead, converted=False)
    assert run_job(Change(), again=True).rows.updated == 1


def test_a_custom_field_is_there_with_its_rules(zoho, run_job, job):
    zoho.add_field("Leads", "Region", "picklist", picks=["North", "South"], mandatory=True)
    result = run_job(job)
    assert result.outcomes.at_line(1).reasons[0].field == "Region"


def test_a_module_has_the_fields_of_a_real_org(zoho, run_job, tmp_path):
    text = {"data_type": "text", "json_type": "string", "length": 100, "field_read_only": False}
    shown = {"view_type": {"view": True, "edit": True, "quick_create": True, "create": True}}
    zoho.set_fields(
        "Cars",
        {
            "fields": [
                {"api_name": "Name", "field_label": "Car", "system_mandatory": True, **text, **shown},
                {"api_name": "Plate", "field_label": "Plate", "custom_field": True, **text, **shown},
            ]
        },
    )
    (tmp_path / "cars.jsonl").write_text('{"Name": "Z3", "Plate": "ABC"}\n', encoding="utf-8")

    class Cars(RecordJob):
        """Cars."""

        write = Insert("Cars", key="Plate")
        scopes = scopes_for(write)

        def source(self) -> Any:
            return JsonLines(tmp_path / "cars.jsonl")

        def transform(self, row: Any) -> Any:
            return dict(row)

    assert run_job(Cars()).rows.created == 1
    (car,) = zoho.records("Cars")
    assert car["Plate"] == "ABC"


def test_a_failure_of_the_emulator_itself_fails_the_test(tmp_path):
    local = Zoho(tmp_path)
    with pytest.raises(AssertionError, match="the emulator failed"), local:
        local._emulator._world.audit.broken.append("Traceback: on purpose")


def test_an_orgs_own_fields_can_be_given(zoho: Zoho) -> None:
    field = {"api_name": "Kennung", "data_type": "text", "length": 3, "system_mandatory": True}
    zoho.set_fields("Baustellen", {"fields": [field]})

    zoho.add("Baustellen", [{"Kennung": "B-1"}])

    assert [record["Kennung"] for record in zoho.records("Baustellen")] == ["B-1"]
    with pytest.raises(ValueError, match="Baustellen"):
        zoho.set_fields("Baustellen", {"fields": [field]})


def test_one_record_in_place_of_a_list_and_a_misspelt_field_are_told(zoho):
    with pytest.raises(ValueError, match=r"a list of records is wanted, \[\{'Last_Name': 'Doe'\}\]"):
        zoho.add("Leads", {"Last_Name": "Doe"})
    assert zoho.records("Leads", Legacy_Id="L-1") == []  # there is no record yet
    zoho.add("Leads", [{"Last_Name": "Doe"}])
    with pytest.raises(ValueError, match="no record of Leads has a field 'Legacy_Id'"):
        zoho.records("Leads", Legacy_Id="L-1")


def test_what_is_no_job_is_told(run_job, plan_job):
    for found in (run_job(None), plan_job(None)):
        assert found.error.message == "NoneType is no job"
        assert found.exit_code == 2
