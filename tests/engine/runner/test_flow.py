"""A flow: several jobs as one run, from the first check to the last file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

import zmigrate
from tests.support import Bench, read_rows, write_rows
from zmigrate import Argument, Csv, Flow, Insert, Job, RecordJob, Upsert, scopes_for
from zmigrate.engine.storage.ledger import find_run, list_runs
from zmigrate.errors import JobError, RefusedError, RunError, SourceError, UsageError
from zmigrate.events import Event, FlowStarted, RunStarted, TokenAcquired, Waiting
from zmigrate.stopping import StopSignal


class LoadAccounts(RecordJob):
    """Accounts of the old system."""

    write = Insert("Accounts", key="Legacy_ID")
    scopes = scopes_for(write)

    file: Path = Argument()

    def source(self) -> Csv:
        return Csv(self.file)

    def transform(self, row: Any) -> dict[str, Any]:
        return dict(row)


class LoadContacts(LoadAccounts):
    """Contacts of the old system."""

    write = Upsert("Contacts", match_on="Legacy_ID")
    scopes = scopes_for(write)


class LoadLeads(LoadAccounts):
    """Leads of the old system."""

    write = Insert("Leads", key="Legacy_ID")
    scopes = scopes_for(write)


class MigrateAll(Flow):
    """Everything of the old system."""

    folder: Path = Argument(help="Folder of the export.")

    def jobs(self) -> tuple[RecordJob, ...]:
        return (
            LoadAccounts(file=self.folder / "accounts.csv"),
            LoadContacts(file=self.folder / "contacts.csv"),
            LoadLeads(file=self.folder / "leads.csv"),
        )


STEPS = ["01-accounts", "02-contacts", "03-leads"]


def export(folder: Path, *, accounts: int = 250, contacts: int = 150, leads: int = 50) -> MigrateAll:
    """A folder with three files, and the flow that loads it."""
    numbers = {"accounts": accounts, "contacts": contacts, "leads": leads}
    for name, count in numbers.items():
        field = "Account_Name" if name == "accounts" else "Last_Name"
        extra = {"Company": "Old Inc."} if name == "leads" else {}
        rows = [{"Legacy_ID": f"{name[0]}{n}", field: f"{name} {n}", **extra} for n in range(1, count + 1)]
        write_rows(folder / f"{name}.csv", rows)
    return MigrateAll(folder=folder)


def change(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")


def states(result: zmigrate.RunResult) -> list[tuple[str, str]]:
    assert result.steps is not None
    return [(step["run_id"].rpartition("/")[2], step["state"]) for step in result.steps]


# -------------------------------------------------------------------------------- the way through


def test_each_step_is_a_run_of_its_own_and_the_flow_sums_them_up(bench: Bench, tmp_path: Path) -> None:
    result = bench.run(export(tmp_path))
    assert (result.state, result.exit_code) == ("finished", 0)
    assert (result.rows.read, result.rows.created) == (450, 450)
    assert states(result) == [(name, "finished") for name in STEPS]
    assert len(bench.records("Accounts")) == 250
    body = result.to_json()
    assert [step["rows"]["created"] for step in body["steps"]] == [250, 150, 50]
    assert body["not_begun"] == []
    assert body["tokens"]["acquired"] == 3  # one a step: the first goes on with that of the checks
    assert body["requests"]["sent"] == sum(step["requests"]["sent"] for step in body["steps"])
    folder = find_run(tmp_path / ".zmigrate", "last").folder
    for name in STEPS:
        names = {path.name for path in folder.step(name).path.iterdir()}
        assert {"run.json", "journal.db", "run.log", "success.csv", "errors.csv"} <= names
    assert orjson.loads((folder.path / "run.json").read_bytes())["result"] == body


def test_each_step_has_a_token_with_its_own_scopes_and_the_checks_only_read(
    bench: Bench, tmp_path: Path
) -> None:
    bench.run(export(tmp_path))
    first, *later = [set(event.scopes) for event in bench.seen(TokenAcquired)]
    assert len(later) == 2
    for scopes, module in zip(later, ["contacts", "leads"], strict=True):
        own = {scope for scope in scopes if scope.startswith("ZohoCRM.modules.")}
        assert own
        assert all(module in scope for scope in own)
        assert {scope for scope in own if scope.endswith("READ")} <= first
    writing = {scope for scope in first if not scope.endswith(".READ")}
    assert writing == {"ZohoCRM.modules.accounts.CREATE"}, "of the first step alone"


def test_a_resumed_flow_takes_no_token_beyond_one_a_step(bench: Bench, tmp_path: Path) -> None:
    bench.run(export(tmp_path), limit=260)
    bench.events.clear()
    assert bench.resume().rows.created == 450
    first, last = [set(event.scopes) for event in bench.seen(TokenAcquired)]
    assert {scope for scope in first if not scope.endswith("READ")} == {
        "ZohoCRM.modules.contacts.CREATE",
        "ZohoCRM.modules.contacts.UPDATE",
    }
    assert "ZohoCRM.modules.leads.CREATE" in last


def test_a_flow_of_eight_steps_stays_within_the_budget_of_tokens(bench: Bench, tmp_path: Path) -> None:
    class MigrateEight(Flow):
        def jobs(self) -> tuple[RecordJob, ...]:
            return tuple(LoadAccounts(file=tmp_path / f"{n}.csv") for n in range(8))

    for n in range(8):
        write_rows(tmp_path / f"{n}.csv", [{"Legacy_ID": f"A{n}", "Account_Name": f"A {n}"}])
    bench.environ["ZMIGRATE_TOKEN_LIMIT"] = "9/600"
    assert not [each for each in bench.plan(MigrateEight()).warnings if each.code == "TOKENS"]
    assert bench.run(MigrateEight()).rows.created == 8
    assert bench.seen(Waiting) == []
    assert bench.stats()["token_requests"] == 9, "one of the plan, and one a step"


def test_checks_that_are_not_agreed_to_give_their_token_back(
    bench_with: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = bench_with(org_type="production")
    with pytest.raises(UsageError, match="not confirmed"):
        bench.run(export(tmp_path), yes=False, confirm=lambda facts: False)
    assert (bench.stats()["token_requests"], bench.stats()["revoked"]) == (1, 1)


def test_one_banner_lists_the_steps_and_production_is_asked_about_once(
    bench_with: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = bench_with(org_type="production")
    flow = export(tmp_path)
    asked = []
    with pytest.raises(UsageError, match="not confirmed"):
        bench.run(flow, yes=False, confirm=asked.append)
    (banner,) = asked
    assert banner.rows == 450
    assert [(step.name, step.module, step.rows) for step in banner.steps] == [
        ("01-accounts", "Accounts", 250),
        ("02-contacts", "Contacts", 150),
        ("03-leads", "Leads", 50),
    ]
    assert list_runs(tmp_path / ".zmigrate") == []
    result = bench.run(flow, yes=False, confirm=lambda banner: asked.append(banner) or True)
    assert (result.state, len(asked)) == ("finished", 2)
    (started,) = bench.seen(FlowStarted)
    assert (started.facts.rows, [step.name for step in started.facts.steps]) == (450, STEPS)
    assert [event.facts.job for event in bench.seen(RunStarted)][1] == "migrate-all 2/3: 02-contacts"


def test_from_python_all_steps_run_on_one_embedded_emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = zmigrate.run(export(tmp_path, accounts=3, contacts=2, leads=1), emulator=True)
    assert (result.state, result.rows.created) == ("finished", 6)
    assert len({step["api_domain"] for step in result.steps or ()}) == 1
    assert not (tmp_path / ".zmigrate" / "orgs").exists()
    trial = zmigrate.run(export(tmp_path), emulator=True, limit=1)
    assert (trial.state, trial.rows.created) == ("limited", 1)
    with pytest.raises(RunError, match="practice"):
        zmigrate.resume(trial.run_id)


# -------------------------------------------------------------------------------- what is checked first


def test_what_is_wrong_with_any_step_is_told_before_the_first_write(bench: Bench, tmp_path: Path) -> None:
    flow = export(tmp_path)
    (tmp_path / "leads.csv").unlink()
    change(tmp_path / "contacts.csv", "c7,", "c7,too,many,")
    with pytest.raises(UsageError) as caught:
        bench.run(flow)
    first, second = caught.value.message.split("\n")
    assert first.startswith("02-contacts (contacts.csv): ")
    assert ":8" in first or "line 8" in first
    assert second.startswith("03-leads (leads.csv): ")
    assert "no such file" in second
    assert bench.stats()["token_requests"] == 0


def test_metadata_of_every_step_is_looked_at_before_the_first_write(bench: Bench, tmp_path: Path) -> None:
    class LoadNothing(LoadLeads):
        """A key that is no field."""

        write = Upsert("Leads", match_on="Old_Nummer")
        scopes = scopes_for(write)

    class Wrong(Flow):
        """Its last step can't work."""

        def jobs(self) -> tuple[RecordJob, ...]:
            return (LoadAccounts(file=tmp_path / "accounts.csv"), LoadNothing(file=tmp_path / "leads.csv"))

    export(tmp_path)
    with pytest.raises(UsageError, match=r"02-leads \(leads.csv\): Leads has no field 'Old_Nummer'"):
        bench.run(Wrong())
    assert bench.records("Accounts") == []
    assert list_runs(tmp_path / ".zmigrate") == []


def test_a_scope_that_a_later_step_may_not_have_is_told_before_the_first_write(
    bench_with: Callable[..., Bench], tmp_path: Path
) -> None:
    modules = ("accounts", "contacts")
    allowed = ["ZohoCRM.org.READ", "ZohoCRM.settings.fields.READ", "ZohoCRM.users.READ", "ZohoCRM.coql.READ"]
    bench = bench_with(
        allowed_scopes=",".join([*allowed, *(f"ZohoCRM.modules.{name}.ALL" for name in modules)])
    )
    with pytest.raises(RefusedError, match="leads"):
        bench.run(export(tmp_path))
    assert bench.records("Accounts") == []


def test_the_same_flow_does_not_run_twice(bench: Bench, tmp_path: Path) -> None:
    flow = export(tmp_path)
    done = bench.run(flow)
    with pytest.raises(RunError, match=f"the same file was inserted already: {done.run_id}/01-accounts"):
        bench.run(flow)
    with pytest.raises(RunError, match=f"inserted already: {done.run_id}/01-accounts"):
        bench.run(LoadAccounts(file=tmp_path / "accounts.csv"))
    assert bench.run(flow, again=True).rows.failed == 300  # of the inserts; the contacts are updated


def test_an_unfinished_flow_is_to_be_resumed(bench: Bench, tmp_path: Path) -> None:
    flow = export(tmp_path)
    begun = bench.run(flow, limit=10)
    with pytest.raises(RunError, match="unfinished") as caught:
        bench.run(flow)
    assert f"zmigrate resume {begun.run_id}" in (caught.value.hint or "")
    with pytest.raises(RunError, match="can only go on as a whole"):
        bench.resume("last/01")


# -------------------------------------------------------------------------------- stops


def test_failed_rows_do_not_stop_the_flow(bench: Bench, tmp_path: Path) -> None:
    flow = export(tmp_path)
    change(tmp_path / "accounts.csv", "a7,accounts 7", "a7,")
    result = bench.run(flow)
    assert (result.state, result.exit_code, result.rows.failed, result.rows.created) == (
        "finished",
        1,
        1,
        449,
    )


def test_a_step_that_is_refused_in_the_middle_stops_the_flow_and_is_resumed(
    bench: Bench, tmp_path: Path
) -> None:
    flow = export(tmp_path, contacts=80)
    refusal = {"code": "NO_PERMISSION", "details": {}, "message": "permission denied", "status": "error"}
    path = "/crm/v8/Contacts/upsert"
    bench.script({"method": "POST", "path": path, "fault": "answer", "status": 403, "body": refusal})
    result = bench.run(flow)
    assert result.state == "refused"
    assert result.exit_code == 3
    assert result.error is not None
    assert result.error.message.startswith("02-contacts (contacts.csv): ")
    assert states(result) == [("01-accounts", "finished"), ("02-contacts", "refused")]
    assert result.to_json()["not_begun"] == ["03-leads"]
    again = bench.resume()
    assert (again.state, again.rows.created) == ("finished", 380)
    assert bench.audit("Accounts")["creates"] == 250


def test_ctrl_c_drains_the_step_and_later_ones_are_not_begun(bench: Bench, tmp_path: Path) -> None:
    flow, stop = export(tmp_path, contacts=3_000), StopSignal()

    def at_contacts(event: Event) -> None:
        if isinstance(event, RunStarted) and event.facts.module == "Contacts":
            stop.request()

    result = bench.run(flow, stop=stop, listeners=(at_contacts,))
    assert (result.state, result.exit_code) == ("interrupted", 130)
    assert states(result) == [("01-accounts", "finished"), ("02-contacts", "interrupted")]
    assert result.rows.pending == 0
    assert bench.resume().rows.created == 3_300
    assert bench.audit("Contacts")["created_twice"] == []


def test_ctrl_c_while_a_step_waits_for_its_token(bench: Bench, tmp_path: Path) -> None:
    bench.environ["ZMIGRATE_TOKEN_LIMIT"] = "1/600"
    flow, stop = export(tmp_path), StopSignal()

    def at_waiting(event: Event) -> None:
        if isinstance(event, Waiting) and event.what == "a token":
            stop.request()

    result = bench.run(flow, stop=stop, listeners=(bench.events.append, at_waiting))
    assert result.state == "interrupted"
    assert states(result) == [("01-accounts", "finished")]
    assert "1 tokens in 10 min" in bench.seen(Waiting)[0].why
    bench.environ["ZMIGRATE_TOKEN_LIMIT"] = "1000/600"
    assert bench.resume().rows.created == 450


def test_a_limit_is_one_of_all_rows_and_the_resume_goes_on_behind_it(bench: Bench, tmp_path: Path) -> None:
    result = bench.run(export(tmp_path), limit=20)
    assert (result.state, result.rows.created) == ("limited", 20)
    assert states(result) == [("01-accounts", "limited")]
    result = bench.resume(limit=280)
    assert (result.state, result.rows.created) == ("limited", 300)
    assert states(result) == [("01-accounts", "finished"), ("02-contacts", "limited")]
    first_two = 450 - 50
    result = bench.resume(limit=first_two - 300)
    assert (result.state, result.rows.created) == ("limited", first_two)
    assert result.to_json()["not_begun"] == ["03-leads"]
    result = bench.resume()
    assert (result.state, result.rows.created) == ("finished", 450)
    for module in ("Accounts", "Contacts", "Leads"):
        assert bench.audit(module)["created_twice"] == []
    with pytest.raises(RunError, match="finished"):
        bench.resume()


# -------------------------------------------------------------------------------- resume


def test_a_changed_file_is_refused_at_resume_also_of_a_step_to_come(bench: Bench, tmp_path: Path) -> None:
    bench.run(export(tmp_path), limit=20)
    change(tmp_path / "leads.csv", "leads 40", "leads four")
    with pytest.raises(UsageError, match=r"03-leads \(leads.csv\): .*leads.csv has changed"):
        bench.resume()


def test_a_changed_flow_is_refused_at_resume(bench: Bench, tmp_path: Path) -> None:
    flow = export(tmp_path)
    bench.run(flow, limit=20)
    jobs = flow.jobs()
    flow.jobs = lambda: jobs[:2]  # type: ignore[method-assign]
    with pytest.raises(RunError, match=r"its steps were 01-accounts, 02-contacts, 03-leads, and are"):
        bench.resume()
    flow.jobs = lambda: (jobs[0], jobs[1], LoadContacts(file=tmp_path / "leads.csv"))  # type: ignore[method-assign]
    with pytest.raises(RunError, match=r"03-leads \(leads.csv\) is not what it was when run .* its job was"):
        bench.resume()


class Mapped(Flow):
    """A flow that goes by a file."""

    folder: Path = Argument()

    @property
    def reads(self) -> tuple[Path, ...]:
        return (self.folder / "mapping.toml",)

    def jobs(self) -> tuple[RecordJob, ...]:
        return (LoadAccounts(file=self.folder / "accounts.csv"),)


def test_a_changed_mapping_is_refused_at_resume(bench: Bench, tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "mapping.toml").write_text("a = 1")
    bench.run(Mapped(folder=tmp_path), limit=20)
    (tmp_path / "mapping.toml").write_text("a = 2")
    with pytest.raises(SourceError, match=r"mapping.toml has changed since run"):
        bench.resume()
    (tmp_path / "mapping.toml").write_text("a = 1")
    assert bench.resume().state == "finished"


# -------------------------------------------------------------------------------- files


def test_the_result_files_say_of_which_file_a_row_is(bench: Bench, tmp_path: Path) -> None:
    flow = export(tmp_path)
    change(tmp_path / "accounts.csv", "a7,accounts 7", "a7,")
    change(tmp_path / "leads.csv", "leads 3", "=cmd()")
    result = bench.run(flow)
    folder = find_run(tmp_path / ".zmigrate", "last").folder
    own = read_rows(folder.step("01-accounts").result_file("errors"))
    assert list(own[0]) == ["file", "line", "key", "field", "code", "message", "Legacy_ID", "Account_Name"]
    assert [(row["file"], row["line"], row["key"]) for row in own] == [("accounts.csv", "8", "a7")]
    success = read_rows(result.files["success"])
    assert list(success[0]) == ["file", "line", "key", "id", "action"]
    assert len(success) == 449
    assert [row["file"] for row in success[:249]] == ["accounts.csv"] * 249
    (failed,) = read_rows(result.files["errors"])
    assert list(failed) == ["file", "line", "key", "field", "code", "message"]
    assert (failed["file"], failed["code"]) == ("accounts.csv", "MANDATORY_NOT_FOUND")
    # A person mends the step's file and feeds it in: our columns are dropped, the formula's mark goes.
    assert Csv(folder.step("01-accounts").result_file("errors")).columns == ("Legacy_ID", "Account_Name")
    leads = {
        row.values["Legacy_ID"]: row.values
        for row in Csv(folder.step("03-leads").result_file("success")).rows()
    }
    assert leads["l3"] == {"Legacy_ID": "l3", "Last_Name": "=cmd()", "Company": "Old Inc."}


def test_formulas_stay_escaped_and_a_column_called_file_keeps_its_name(bench: Bench, tmp_path: Path) -> None:
    class Odd(LoadAccounts):
        """Files with odd names and columns."""

        def transform(self, row: Any) -> dict[str, Any]:
            return {"Account_Name": row["file"], "Legacy_ID": row["key"]}

    class OddFlow(Flow):
        """One step."""

        def jobs(self) -> tuple[RecordJob, ...]:
            return (Odd(file=tmp_path / '=a,"b.csv'),)

    write_rows(tmp_path / '=a,"b.csv', [{"key": "=1+1", "file": "x, y"}, {"key": "2", "file": "z"}])
    result = bench.run(OddFlow())
    rows = read_rows(result.files["success"])
    assert [(row["file"], row["key"]) for row in rows] == [("'=a,\"b.csv", "'=1+1"), ("'=a,\"b.csv", "2")]
    fed = Csv(find_run(tmp_path / ".zmigrate", "last/01").folder.result_file("success"))
    assert [row.values for row in fed.rows()] == [{"key": "=1+1", "file": "x, y"}, {"key": "2", "file": "z"}]


# -------------------------------------------------------------------------------- job classes


def test_a_flow_needs_jobs_and_nothing_else() -> None:
    with pytest.raises(JobError, match="has no `jobs`"):
        type("Empty", (Flow,), {})
    with pytest.raises(JobError, match="has its own `scopes`"):
        type("Scoped", (Flow,), {"jobs": lambda self: (), "scopes": ("ZohoCRM.org.READ",)})


def test_jobs_that_are_none(bench: Bench, tmp_path: Path) -> None:
    class CountThings(Job):
        """No record job."""

        scopes = ("ZohoCRM.org.READ",)

        def run(self, ctx: Any) -> None: ...

    def flow(*jobs: Any) -> Flow:
        made: Flow = type("Some", (Flow,), {"jobs": lambda self: jobs})()
        return made

    with pytest.raises(JobError, match="not a record job"):
        bench.run(flow(CountThings()))
    with pytest.raises(JobError, match="has no jobs"):
        bench.run(flow())
    assert set(flow(LoadAccounts(file=tmp_path / "a"), LoadLeads(file=tmp_path / "b")).scopes) == {
        *LoadAccounts.scopes,
        *LoadLeads.scopes,
    }
