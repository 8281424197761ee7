"""The ready-made job import-folder: the files of an export, by a mapping."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from zmigrate.ready_jobs.import_folder import ImportFolder

from tests.support import Bench, credentials_of, read_rows
from zmigrate import FlowPlan
from zmigrate.engine.entry import plan
from zmigrate.errors import JobError, RunError, SourceError, UsageError

ACCOUNTS = """
[[load]]
file = "accounts.csv"
module = "Accounts"
operation = "insert"
key = "Legacy_ID"
[load.fields]
Account_Name = "name"
Parent_Account = { ref = "Accounts", column = "parent" }
"""
CONTACTS = """
[[load]]
file = "contacts.csv"
module = "Contacts"
operation = "upsert"
match_on = "Legacy_ID"
[load.fields]
Last_Name = "name"
Account_Name = { ref = "Accounts", column = "account" }
"""
DEALS = """
[[load]]
file = "deals.csv"
module = "Deals"
operation = "insert"
key = "Legacy_ID"
[load.fields]
Deal_Name = "name"
Stage = { constant = "Qualification" }
Account_Name = { ref = "Accounts", column = "account" }
Contact_Name = { ref = "Contacts", column = "contact" }
"""
FILES = {
    "accounts.csv": "Legacy_ID,name,parent\nA2,Daughter,A1\nA1,Mother,\n",
    "contacts.csv": "Legacy_ID,name,account\nC1,Ada,A1\nC2,Ben,A2\nC3,Cy,A9\n",
    "deals.csv": "Legacy_ID,name,account,contact\nD1,Big,A1,C1\nD2,Small,A2,C2\nD3,Lost,A1,C3\n",
}


def export(folder: Path, mapping: str = DEALS + CONTACTS + ACCOUNTS, **files: str | None) -> ImportFolder:
    """A folder with the mapping and the files; `accounts=None` leaves accounts.csv out."""
    chosen = FILES | {f"{name}.csv": text for name, text in files.items()}
    for name, text in chosen.items():
        if text is not None:
            (folder / name).write_text(text, "utf-8")
    (folder / "mapping.toml").write_text(mapping, "utf-8")
    return ImportFolder(folder=folder)


def files_of(flow: ImportFolder) -> list[str]:
    return [load.load.file for load in flow.jobs()]


def refused(flow: ImportFolder) -> JobError:
    with pytest.raises(JobError) as caught:
        flow.jobs()
    return caught.value


# -------------------------------------------------------------------------------- the order


def test_files_that_others_refer_to_come_first(tmp_path: Path) -> None:
    assert files_of(export(tmp_path)) == ["accounts.csv", "contacts.csv", "deals.csv"]


def test_without_references_the_mapping_says_the_order(tmp_path: Path) -> None:
    plain = [part.split("[load.fields]")[0] for part in (DEALS, ACCOUNTS, CONTACTS)]
    assert files_of(export(tmp_path, "".join(plain))) == ["deals.csv", "accounts.csv", "contacts.csv"]


def test_a_file_that_is_searched_in_comes_first_too_unless_that_is_a_circle(tmp_path: Path) -> None:
    finds = CONTACTS.replace('ref = "Accounts"', 'find = "Accounts", by = "Account_Name"')
    assert files_of(export(tmp_path, DEALS + finds + ACCOUNTS))[0] == "accounts.csv"
    owned = ACCOUNTS + 'Description = { ref = "Contacts", column = "parent" }\n'
    order = files_of(export(tmp_path, DEALS + owned + finds))
    assert order == ["contacts.csv", "accounts.csv", "deals.csv"]


CIRCLE = 'Description = { ref = "Contacts", column = "main" }\n'


def test_a_circle_is_refused_with_its_lines_and_a_way_out(tmp_path: Path) -> None:
    error = refused(export(tmp_path, DEALS + CONTACTS + ACCOUNTS + CIRCLE))
    assert "in a circle" in error.message
    assert "mapping.toml:20: fields.Account_Name: contacts.csv refers to Accounts" in error.message
    assert "mapping.toml:30: fields.Description: accounts.csv refers to Contacts" in error.message
    assert 'operation = "update"' in (error.hint or "")


def test_the_way_out_of_a_circle_is_the_same_file_once_more(tmp_path: Path) -> None:
    """Accounts without the contact; contacts; then the accounts' contact, as an update of the same file."""
    again = ACCOUNTS.partition("[load.fields]")[0].replace("insert", "update")
    once = again.replace("update", "insert") + 'ignore = ["main"]\n[load.fields]\nAccount_Name = "name"\n'
    flow = export(
        tmp_path,
        again + 'ignore = ["name"]\n[load.fields]\n' + CIRCLE + CONTACTS + once,
        accounts="Legacy_ID,name,main\nA1,Mother,C1\n",
        contacts="Legacy_ID,name,account\nC1,Ada,A1\n",
        deals=None,
    )
    assert [(step.load.file, step.load.operation) for step in flow.jobs()] == [
        ("accounts.csv", "insert"),
        ("contacts.csv", "upsert"),
        ("accounts.csv", "update"),
    ]


# -------------------------------------------------------------------------------- refusals


def test_a_load_without_a_file_is_refused_with_its_line(tmp_path: Path) -> None:
    error = refused(export(tmp_path, DEALS + CONTACTS + ACCOUNTS.replace("accounts.csv", "acounts.csv")))
    assert f"mapping.toml:23: file: {tmp_path} has no file acounts.csv" in error.message
    assert error.hint == "Did you mean accounts.csv?"


def test_a_file_that_no_load_is_for_is_refused_unless_it_is_ignored(tmp_path: Path) -> None:
    flow = export(tmp_path, ACCOUNTS)
    error = refused(flow)
    assert "contacts.csv, deals.csv" in error.message
    assert 'ignore_files = ["contacts.csv", "deals.csv"]' in (error.hint or "")
    (tmp_path / "README.md").write_text("no data")
    assert files_of(export(tmp_path, 'ignore_files = ["contacts.csv", "d*.csv"]\n' + ACCOUNTS))
    error = refused(export(tmp_path, 'ignore_files = ["notes.csv"]\n' + DEALS + CONTACTS + ACCOUNTS))
    assert "mapping.toml:1: ignore_files: " in error.message


def test_a_database_of_the_environment_needs_no_file(tmp_path: Path) -> None:
    text = ACCOUNTS.replace(
        '"accounts.csv"', '"${CRM_DB}"\nselect = "select 1 as Legacy_ID"\norder_by = "Legacy_ID"'
    )
    flow = export(tmp_path, text, accounts=None, contacts=None, deals=None)
    assert files_of(flow) == ["${CRM_DB}"]


def test_files_in_archives_are_found_and_the_archive_is_in_a_load(bench: Bench, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("crm/assets.csv", "Serial_Number,name,account\nS1,Laptop,A1\n")
        archive.writestr("log.csv", "asset,what\nS1,Bought\nS1,Mended\n")
    assets = """
[[load]]
file = "export.zip/crm/assets.csv"
module = "Legacy_Assets"
operation = "insert"
key = "Serial_Number"
[load.fields]
Name = "name"
Serial_Number = "Serial_Number"
Account = { ref = "Accounts", column = "account" }
[load.fields.Service_Log]
rows = "export.zip/log.csv"
match = { asset = "Serial_Number" }
[load.fields.Service_Log.fields]
Work = "what"
Service_Date = { constant = "2024-05-01" }
"""
    flow = export(tmp_path, assets + ACCOUNTS, contacts=None, deals=None)
    result = bench.run(flow)
    assert (result.rows.created, result.rows.failed) == (3, 0), result.error
    (asset,) = bench.records("Legacy_Assets")
    assert [row["Work"] for row in asset["Service_Log"]] == ["Bought", "Mended"]


def test_records_that_are_referred_to_need_a_key(tmp_path: Path) -> None:
    keyless = ACCOUNTS.replace('key = "Legacy_ID"\n', "")
    error = refused(export(tmp_path, CONTACTS + keyless, deals=None))
    assert "mapping.toml:11: accounts.csv has no key" in error.message
    assert "mapping.toml:9: fields.Account_Name refers to it" in error.message


def test_a_folder_without_a_mapping_and_a_folder_that_is_none(tmp_path: Path) -> None:
    flow = export(tmp_path)
    (tmp_path / "mapping.toml").unlink()
    assert "has no mapping.toml" in refused(flow).message
    assert "there is no such folder" in refused(ImportFolder(folder=tmp_path / "x")).message
    assert "is a file" in refused(ImportFolder(folder=tmp_path / "deals.csv")).message


def test_the_same_file_twice_is_two_loads(tmp_path: Path) -> None:
    flow = export(
        tmp_path,
        ACCOUNTS + ACCOUNTS.replace("insert", "update").split("[load.fields]")[0],
        deals=None,
        contacts=None,
    )
    assert files_of(flow) == ["accounts.csv", "accounts.csv"]


# -------------------------------------------------------------------------------- plan, run, resume


def planned(bench: Bench, flow: ImportFolder, **options: Any) -> FlowPlan:
    found = plan(
        flow,
        credentials=credentials_of(bench.emulator),
        folder=bench.folder,
        environ=bench.environ,
        listeners=(bench.events.append,),
        **options,
    )
    assert isinstance(found, FlowPlan)
    return found


def test_the_plan_knows_the_keys_of_earlier_files_and_the_run_agrees(bench: Bench, tmp_path: Path) -> None:
    flow = export(tmp_path)
    with planned(bench, flow) as found:
        body = found.to_json()
        assert [step["step"] for step in body["steps"]] == ["01-accounts", "02-contacts", "03-deals"]
        assert [step["refused"] for step in body["steps"]] == [0, 1, 1]
        (contact,) = body["steps"][1]["rejects"]
        assert (contact["line"], contact["field"]) == (4, "Account_Name")
        (deal,) = body["steps"][2]["rejects"]  # its contact is refused, so it will not be there
        assert (deal["line"], deal["field"]) == (4, "Contact_Name")
        assert (body["rows"], body["creates"], body["refused"], found.exit_code) == (8, 6, 2, 1)
        assert body["requests"] > sum(
            step["requests"] for step in body["steps"]
        )  # a look at all of them first
    assert bench.stats()["token_requests"] == 1
    assert bench.records("Accounts") == []
    result = bench.run(flow)
    assert (result.rows.created, result.rows.failed) == (6, 2)
    failed = [(row["file"], row["line"], row["field"]) for row in read_rows(result.files["errors"])]
    assert failed == [("contacts.csv", "4", "Account_Name"), ("deals.csv", "4", "Contact_Name")]
    ids = {
        record["Legacy_ID"]: record["id"]
        for name in ("Accounts", "Contacts")
        for record in bench.records(name)
    }
    deals = {record["Legacy_ID"]: record for record in bench.records("Deals")}
    assert (deals["D2"]["Account_Name"]["id"], deals["D2"]["Contact_Name"]["id"]) == (ids["A2"], ids["C2"])
    daughter = next(record for record in bench.records("Accounts") if record["Legacy_ID"] == "A2")
    assert daughter["Parent_Account"]["id"] == ids["A1"]


def test_a_plan_of_a_flow_writes_its_rejects_a_file_each(bench: Bench, tmp_path: Path) -> None:
    with planned(bench, export(tmp_path)) as found:
        assert found.write_rejects(tmp_path / "bad.csv") == 2
    (row,) = read_rows(tmp_path / "bad-02-contacts.csv")
    assert (row["line"], row["Legacy_ID"]) == ("4", "C3")
    assert not (tmp_path / "bad-01-accounts.csv").exists()


def test_records_of_an_earlier_run_can_be_referred_to(bench: Bench, tmp_path: Path) -> None:
    bench.run(export(tmp_path, ACCOUNTS, contacts=None, deals=None))
    (tmp_path / "accounts.csv").unlink()
    flow = export(tmp_path, CONTACTS, accounts=None, deals=None)
    result = bench.run(flow)
    assert (result.rows.created, result.rows.failed) == (2, 1)


def test_a_changed_mapping_is_refused_at_resume(bench: Bench, tmp_path: Path) -> None:
    bench.run(export(tmp_path), limit=1)
    mapping = tmp_path / "mapping.toml"
    before = mapping.read_text("utf-8")
    mapping.write_text(before.replace("Qualification", "Closed Won"), "utf-8")
    with pytest.raises(SourceError, match=r"mapping.toml has changed since run .* began"):
        bench.resume(job=None)
    mapping.write_text(before, "utf-8")
    assert bench.resume(job=None).state == "finished"


def test_a_limit_takes_the_first_rows_of_all_files_and_the_resume_the_rest(
    bench: Bench, tmp_path: Path
) -> None:
    contacts = "Legacy_ID,name,account\nC1,Ada,A1\nC2,Ben,A2\n"
    flow = export(
        tmp_path, CONTACTS + ACCOUNTS, accounts=FILES["accounts.csv"], contacts=contacts, deals=None
    )
    with bench.plan(flow, limit=3) as foreseen:
        assert [step.plan.counts.creates for step in foreseen.steps] == [2, 1]
    trial = bench.run(flow, limit=3)  # both accounts, and Ada
    assert (trial.state, trial.rows.created, trial.rows.failed) == ("limited", 3, 0)
    assert (bench.resume().rows.created, bench.audit("Accounts")["created_twice"]) == (4, [])


def test_columns_that_go_nowhere_are_told_of_all_files_before_the_first_call(
    bench: Bench, tmp_path: Path
) -> None:
    flow = export(
        tmp_path,
        contacts="Legacy_ID,name,account\nC1,Ada,A1\n",
        deals="Legacy_ID,name,account,contact,extra\nD1,Big,A1,C1,x\n",
        accounts="Legacy_ID,name,parent,shoe_size\nA1,Mother,,9\n",
    )
    with pytest.raises(UsageError) as caught:
        bench.run(flow)
    assert "'shoe_size' goes nowhere" in caught.value.message
    assert "'extra' goes nowhere" in caught.value.message
    with pytest.raises(RunError, match="there are no runs"):
        bench.resume()


def test_the_command_line_shows_the_steps_and_the_total(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from zmigrate.cli import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "export").mkdir()
    export(tmp_path / "export")
    assert main(["run", "import-folder", "export", "--emulator", "--json"]) == 1
    out, err = capsys.readouterr()
    body = json.loads(out)
    assert [step["rows"]["created"] for step in body["steps"]] == [2, 2, 2]
    lines = [line.split() for line in err.splitlines()]
    assert ["03-deals", "finished", "3", "2", "1"] in lines
    assert ["total", "8", "6", "2"] in lines
    assert "import-folder 2/3: 02-contacts" in err
    assert main(["runs", "--json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)
    assert run["result"]["rows"]["created"] == 6
    assert main(["report", "last"]) == 0
    assert "02-contacts: why rows failed" in capsys.readouterr().out
    assert main(["report", "last/02"]) == 0
    assert "REFERENCE_OPEN" in capsys.readouterr().out
    assert main(["plan", "import-folder", "export", "--emulator"]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["total", "8", "6", "2"] in lines


def test_the_plan_knows_what_earlier_files_rename(bench: Bench, tmp_path: Path) -> None:
    old = [{"Legacy_ID": key, "Account_Name": name} for key, name in (("A1", "Old Name"), ("A2", "Same"))]
    bench.seed(old, "Accounts")
    upserts = ACCOUNTS.replace('"insert"\nkey', '"upsert"\nmatch_on').partition("Parent_Account")[0]
    finds = CONTACTS.replace('ref = "Accounts"', 'find = "Accounts", by = "Account_Name"')
    flow = export(
        tmp_path,
        upserts + finds,
        accounts="Legacy_ID,name\nA1,New Name\nA2,Same\nA3,Third\n",
        contacts="Legacy_ID,name,account\nC1,Ada,New Name\nC2,Ben,Old Name\nC3,Cy,Same\nC4,Di,Third\n",
        deals=None,
    )
    (tmp_path / "deals.csv").unlink(missing_ok=True)
    with planned(bench, flow) as found:
        [reject] = found.to_json()["steps"][1]["rejects"]
        assert (reject["line"], reject["value"]) == (3, "Old Name")
    result = bench.run(flow)
    assert [(row["file"], row["line"]) for row in read_rows(result.files["errors"])] == [
        ("contacts.csv", "3")
    ]


def test_a_key_whose_row_is_refused_itself_is_told_as_that(bench: Bench, tmp_path: Path) -> None:
    flow = export(
        tmp_path,
        accounts="Legacy_ID,name,parent\nA1,,\nA2,Daughter,A1\n",
        contacts="Legacy_ID,name,account\nC1,Ada,A1\nC2,Ben,A9\n",
        deals="Legacy_ID,name,account,contact\nD1,Big,,\n",
    )
    with planned(bench, flow) as found:
        steps = found.to_json()["steps"]
    [_, daughter] = steps[0]["rejects"]
    assert (
        daughter["message"]
        == "the Accounts record with the key 'A1' is in line 2, which would be refused itself"
    )
    [ada, ben] = steps[1]["rejects"]
    assert ada["message"].endswith("is in line 2 of accounts.csv, which would be refused itself")
    assert "not in this run, and not in earlier runs" in ben["message"]
