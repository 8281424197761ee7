"""What the author of a job can test: records in, a run or a plan, and every row with what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import write_rows
from zmigrate import Argument, Csv, Find, Flow, Insert, Job, RecordJob, Ref, Skip, Upsert, scopes_for
from zmigrate.errors import ScopeError, UsageError


class Leads(RecordJob):
    """Leads, by their key."""

    write = Upsert("Leads", match_on="Legacy_ID")
    scopes = scopes_for(write)

    file: Path = Argument(help="CSV file.")

    def source(self) -> Csv:
        return Csv(self.file)

    def transform(self, row: Any) -> Any:
        if row["name"] == "leave out":
            raise Skip("told so")
        return {"Legacy_ID": row["id"], "Last_Name": row["name"], "Company": row["company"]}


class Misspelt(Leads):
    """A field that Zoho does not have."""

    def transform(self, row: Any) -> Any:
        return {"Legacy_ID": row["id"], "Last_Name": row["name"], "Compani": row["company"]}


class ContactsOfAccounts(RecordJob):
    """Contacts whose account is in the org."""

    write = Insert("Contacts", key="Legacy_ID")
    scopes = scopes_for(write, finds=("Accounts",))

    file: Path = Argument(help="CSV file.")

    def source(self) -> Csv:
        return Csv(self.file)

    def transform(self, row: Any) -> Any:
        account = Find("Accounts", "Account_Name", row["company"])
        return {"Legacy_ID": row["id"], "Last_Name": row["name"], "Account_Name": account}


@pytest.fixture
def people(tmp_path: Path) -> Path:
    names = ["Ada", "leave out", "Zoë"]
    rows = [{"id": f"L-{at}", "name": name, "company": "Acme"} for at, name in enumerate(names, start=1)]
    return write_rows(tmp_path / "people.csv", rows)


def test_every_row_comes_with_its_line_key_action_id_and_reasons(zoho, run_job, people):
    (known,) = zoho.add("Leads", [{"Legacy_ID": "L-3", "Last_Name": "Zoe", "Company": "Acme"}])
    result = run_job(Leads(file=people))
    assert (result.state, result.exit_code, result.error) == ("finished", 0, None)
    assert (result.rows.read, result.rows.created, result.rows.updated, result.rows.skipped) == (3, 1, 1, 1)
    assert [(each.line, each.key, each.action) for each in result.outcomes] == [
        (2, "L-1", "created"),
        (3, None, "skipped"),
        (4, "L-3", "updated"),
    ]
    assert result.outcomes.of_key("L-3").id == known
    assert result.outcomes.at_line(3).reasons[0].message == "told so"
    (lead,) = zoho.records("Leads", Legacy_ID="L-3")
    assert lead["Last_Name"] == "Zoë"


def test_a_wrong_field_name_is_told_with_its_row(zoho, run_job, plan_job, people):
    for found in (plan_job(Misspelt(file=people)), run_job(Misspelt(file=people))):
        said = str(found.error or found.outcomes.at_line(2))
        assert "Compani" in said
        assert found.exit_code != 0
    assert zoho.audit("Leads").creates == 0


def test_a_missing_mandatory_value_fails_its_row_in_plan_and_run_alike(run_job, plan_job, tmp_path):
    rows = [{"id": "L-1", "name": "", "company": "Acme"}, {"id": "L-2", "name": "Zoë", "company": "Acme"}]
    path = write_rows(tmp_path / "people.csv", rows)
    planned, ran = plan_job(Leads(file=path)), run_job(Leads(file=path))
    for outcomes in (planned.outcomes, ran.outcomes):
        assert [each.action for each in outcomes] == ["failed", "created"]
        assert outcomes.at_line(2).codes == ("MANDATORY_NOT_FOUND",)
        assert outcomes.at_line(2).reasons[0].field == "Last_Name"
    assert (planned.counts.refused, ran.rows.failed) == (1, 1)


def test_a_plan_writes_nothing_and_has_the_warnings(zoho, plan_job, people):
    planned = plan_job(Leads(file=people))
    assert (planned.counts.creates, planned.counts.skipped, planned.exit_code) == (2, 1, 0)
    assert all(warning.code and warning.message for warning in planned.warnings)
    assert zoho.records("Leads") == []
    assert [each.id for each in planned.outcomes] == [None, None, None]


def test_a_duplicate_is_refused_by_zoho(zoho, run_job, tmp_path):
    class InsertLeads(Leads):
        """Insert them."""

        write = Insert("Leads", key="Legacy_ID")

    zoho.add("Leads", [{"Legacy_ID": "L-1", "Last_Name": "Ada", "Company": "Acme"}])
    rows = [{"id": "L-1", "name": "Ada", "company": "Acme"}]
    result = run_job(InsertLeads(file=write_rows(tmp_path / "people.csv", rows)))
    assert result.outcomes.of_key("L-1").codes == ("DUPLICATE_DATA",)
    assert len(zoho.records("Leads")) == 1


def test_a_lookup_leads_to_a_record_that_the_test_added(zoho, run_job, tmp_path):
    (acme,) = zoho.add("Accounts", [{"Account_Name": "Acme"}])
    rows = [
        {"id": "C-1", "name": "Ada", "company": "Acme"},
        {"id": "C-2", "name": "Zoë", "company": "Nobody & Sons"},
    ]
    result = run_job(ContactsOfAccounts(file=write_rows(tmp_path / "people.csv", rows)))
    assert [each.action for each in result.outcomes] == ["created", "failed"]
    (contact,) = zoho.records("Contacts")
    assert contact["Account_Name"]["id"] == acme


@pytest.mark.parametrize("key", ["Legacy_ID", "Old_System_Ref"])
def test_a_run_that_was_killed_goes_on_and_creates_nothing_twice(zoho, run_job, resume_job, tmp_path, key):
    class InsertLeads(Leads):
        """Insert them, by a key that is unique or not."""

        write = Insert("Leads", key=key)
        scopes = scopes_for(write)

        def transform(self, row: Any) -> Any:
            return {key: row["id"], "Last_Name": row["name"], "Company": row["company"]}

    rows = [{"id": f"L-{at}", "name": f"Name {at}", "company": "Acme"} for at in range(250)]
    job = InsertLeads(file=write_rows(tmp_path / "people.csv", rows))
    killed = run_job(job, killed_after=1, concurrency=1)
    assert (killed.state, killed.exit_code, killed.run) == ("interrupted", 130, None)
    assert killed.rows.created == 0, "the answer had come, and nothing had noted it"
    assert zoho.audit("Leads").creates >= 100
    result = resume_job()
    assert (result.state, result.rows.created, len(result.outcomes)) == ("finished", 250, 250)
    assert zoho.created_twice("Leads", key) == {}
    assert zoho.audit("Leads").creates == 250


def test_a_run_can_be_killed_again_while_it_resumes(zoho, run_job, resume_job, tmp_path):
    rows = [{"id": f"L-{at}", "name": f"Name {at}", "company": "Acme"} for at in range(250)]
    job = Leads(file=write_rows(tmp_path / "people.csv", rows))
    run_job(job, killed_after=1, concurrency=1)
    assert resume_job(killed_after=1, concurrency=1).state == "interrupted"
    assert resume_job().state == "finished"
    assert zoho.created_twice("Leads", "Legacy_ID") == {}
    assert len(zoho.records("Leads")) == 250


def test_a_run_that_ends_before_it_is_killed_fails_the_test(run_job, people):
    with pytest.raises(AssertionError, match="sent 1 write requests, and was to be killed after 2"):
        run_job(Leads(file=people), killed_after=2)


def test_a_hand_written_job_comes_with_its_items_and_is_killed_too(zoho, run_job, resume_job):
    class Rename(Job):
        """Rename every account."""

        scopes = ("ZohoCRM.modules.accounts.READ", "ZohoCRM.modules.accounts.UPDATE")

        def run(self, ctx: Any) -> None:
            accounts = list(ctx.crm.records("Accounts", fields=["Account_Name"]))
            for account in ctx.each(accounts, key="id"):
                name = account["Account_Name"].removesuffix(" Ltd") + " Ltd"
                body = {"data": [{"id": account["id"], "Account_Name": name}]}
                ctx.crm.put("/crm/v8/Accounts", json=body)

    zoho.add("Accounts", [{"Account_Name": f"Acme {number}"} for number in range(3)])
    assert run_job(Rename(), killed_after=2).rows.updated == 1
    result = resume_job()
    assert [each.action for each in result.outcomes] == ["updated"] * 3
    assert {each["Account_Name"] for each in zoho.records("Accounts")} == {
        "Acme 0 Ltd",
        "Acme 1 Ltd",
        "Acme 2 Ltd",
    }


def test_what_a_job_tells_is_in_the_result(run_job):
    class Tell(Job):
        """Tell how many accounts there are."""

        scopes = ("ZohoCRM.modules.accounts.READ",)

        def run(self, ctx: Any) -> None:
            ctx.log(f"{len(list(ctx.crm.records('Accounts', fields=['Account_Name'])))} accounts")

    assert "0 accounts" in run_job(Tell()).messages


def test_the_rows_of_a_flow_come_with_their_step(zoho, run_job, plan_job, tmp_path):
    class Accounts(RecordJob):
        """Accounts."""

        write = Upsert("Accounts", match_on="Legacy_ID")
        scopes = scopes_for(write)

        def source(self) -> Csv:
            return Csv(tmp_path / "accounts.csv")

        def transform(self, row: Any) -> Any:
            return {"Legacy_ID": row["id"], "Account_Name": row["name"]}

    class Contacts(RecordJob):
        """Contacts of these accounts."""

        write = Upsert("Contacts", match_on="Legacy_ID")
        scopes = scopes_for(write)

        def source(self) -> Csv:
            return Csv(tmp_path / "contacts.csv")

        def transform(self, row: Any) -> Any:
            account = Ref("Accounts", row["company"])
            return {"Legacy_ID": row["id"], "Last_Name": row["name"], "Account_Name": account}

    class Both(Flow):
        """Accounts, then their contacts."""

        def jobs(self) -> Any:
            return [Accounts(), Contacts()]

    write_rows(tmp_path / "accounts.csv", [{"id": "A-1", "name": "Acme"}])
    rows = [{"id": "C-1", "name": "Ada", "company": "A-1"}, {"id": "C-2", "name": "Zoë", "company": "A-9"}]
    write_rows(tmp_path / "contacts.csv", rows)
    for found in (plan_job(Both()), run_job(Both())):
        assert [(each.step[3:], each.line, each.action) for each in found.outcomes] == [
            ("accounts", 2, "created"),
            ("contacts", 2, "created"),
            ("contacts", 3, "failed"),
        ], found
        assert found.outcomes.at_line(3).codes == ("REFERENCE_OPEN",)
        with pytest.raises(LookupError, match="2 rows have line 2"):
            found.outcomes.at_line(2)


@pytest.mark.zoho(allowed_scopes="ZohoCRM.modules.leads.READ")
def test_what_keeps_a_run_from_beginning_is_in_the_result(run_job, plan_job, people):
    for found in (run_job(Leads(file=people)), plan_job(Leads(file=people))):
        assert isinstance(found.error, ScopeError)
        assert (found.exit_code, found.outcomes) == (3, ())


def test_a_file_that_is_not_there_is_in_the_result_too(run_job, tmp_path):
    result = run_job(Leads(file=tmp_path / "none.csv"))
    assert isinstance(result.error, UsageError)
    assert (result.state, result.run, result.exit_code) == (None, None, 2)


def test_an_assertion_that_fails_shows_the_counts_the_error_and_the_first_rows(run_job, plan_job, tmp_path):
    rows = [{"id": "L-1", "name": "", "company": "Acme"}]
    path = write_rows(tmp_path / "people.csv", rows)
    shown = repr(run_job(Leads(file=path)))
    assert shown.startswith("<JobResult finished, read 1, failed 1; line 2 failed: MANDATORY_NOT_FOUND ")
    assert repr(plan_job(Leads(file=path))).startswith("<JobPlan 1 rows; line 2 failed: MANDATORY_NOT_FOUND ")
    assert repr(run_job(Leads(file=tmp_path / "none.csv"))).startswith("<JobResult not begun; SOURCE")


def test_nothing_of_a_persons_own_profile_and_environment_is_used(
    zoho, run_job, people, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("zmigrate.toml").write_text('[profiles.default]\nclient_id = "mine"\n', encoding="utf-8")
    Path(".env").write_text("ZMIGRATE_STATE_DIR=mine\nZMIGRATE_SETTLE_S=nonsense\n", encoding="utf-8")
    for name, value in {
        "ZMIGRATE_CLIENT_ID": "mine",
        "ZMIGRATE_SOID": "nonsense",
        "ZMIGRATE_STATE_DIR": str(tmp_path / "mine"),
        "ZMIGRATE_SETTLE_S": "nonsense",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    assert run_job(Leads(file=people)).exit_code == 0
    assert not (tmp_path / "mine").exists()
    assert not (tmp_path / ".zmigrate").exists()
    assert zoho.state_dir.is_dir()


def test_settings_are_given_with_the_run(run_job, people):
    result = run_job(Leads(file=people), environ={"ZMIGRATE_SETTLE_S": "nonsense"})
    assert "ZMIGRATE_SETTLE_S" in str(result.error)
