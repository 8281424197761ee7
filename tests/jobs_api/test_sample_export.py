"""The folder of the samples: planned and loaded as the README says, each record pointing where it should."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from zmigrate.ready_jobs.import_folder import ImportFolder

from tests.support import Bench
from zmigrate.errors import UsageError

EXPORT = Path(__file__).parents[2] / "samples" / "export"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXPORT, tmp_path / "export"))


def by_key(bench: Bench, module: str) -> dict[str, dict[str, Any]]:
    return {record["Legacy_ID"]: record for record in bench.records(module)}


def test_the_plan_refuses_nothing_and_the_run_creates_what_it_said(bench: Bench, folder: Path) -> None:
    with bench.plan(ImportFolder(folder=folder)) as plan:
        assert [step.plan.counts.refused for step in plan.steps] == [0, 0, 0]
        foreseen = [step.plan.counts.creates for step in plan.steps]
    assert bench.audit("Accounts")["creates"] == 0
    result = bench.run(ImportFolder(folder=folder))
    assert result.steps is not None
    assert [step["rows"]["created"] for step in result.steps] == foreseen == [7, 6, 4]
    accounts, contacts, deals = (by_key(bench, module) for module in ("Accounts", "Contacts", "Deals"))
    assert accounts["104"]["Parent_Account"]["id"] == accounts["105"]["id"]
    assert contacts["C-2"]["Account_Name"]["id"] == accounts["102"]["id"]
    assert not contacts["C-6"].get("Account_Name")
    assert deals["D-2"]["Contact_Name"]["id"] == contacts["C-3"]["id"]
    assert deals["D-2"]["Owner"]["email"] == "tom.okafor@example.com"
    assert (deals["D-1"]["Amount"], deals["D-1"]["Closing_Date"]) == (48000, "2024-03-15")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("C-7,Bo,Other,bo@halden.example,102,\n", "REFERENCE_AMBIGUOUS"),
        ("", "REFERENCE_OPEN"),
    ],
)
def test_what_a_find_will_meet_is_foreseen_from_the_files_before_it(
    bench: Bench, folder: Path, line: str, code: str
) -> None:
    contacts = (folder / "contacts.csv").read_text(encoding="utf-8")
    contacts = contacts + line if line else contacts.replace("bo@halden.example", "ho@halden.example")
    (folder / "contacts.csv").write_text(contacts, encoding="utf-8")
    with bench.plan(ImportFolder(folder=folder)) as plan:
        rejects = [(reject.line, reject.reason.code) for reject in plan.steps[2].plan.rejects]
    assert rejects == [(2, code)]
    result = bench.run(ImportFolder(folder=folder))
    assert result.steps is not None
    assert (result.steps[2]["rows"]["created"], result.steps[2]["rows"]["failed"]) == (3, 1)


def test_what_the_org_has_and_a_file_adds_is_two_records(bench: Bench, folder: Path) -> None:
    bench.seed([{"Last_Name": "Old", "Email": "BO@halden.example"}], "Contacts")
    with bench.plan(ImportFolder(folder=folder)) as plan:
        [reject] = plan.steps[2].plan.rejects
    assert (reject.line, reject.reason.code) == (2, "REFERENCE_AMBIGUOUS")
    assert "line 3 of contacts.csv" in reject.reason.message


def test_a_row_that_is_refused_for_a_value_tells_its_open_references_too(bench: Bench, folder: Path) -> None:
    contacts = (folder / "contacts.csv").read_text(encoding="utf-8")
    (folder / "contacts.csv").write_text(contacts.replace("bo@", "ho@"), encoding="utf-8")
    deals = (folder / "deals.csv").read_text(encoding="utf-8")
    (folder / "deals.csv").write_text(deals.replace("48.000,00", "much"), encoding="utf-8")
    with bench.plan(ImportFolder(folder=folder)) as plan:
        deals_plan = plan.steps[2].plan
        assert [(reject.line, reject.reason.field) for reject in deals_plan.rejects] == [
            (2, "Amount"),
            (2, "Contact_Name"),
        ]
        assert (deals_plan.counts.refused, deals_plan.counts.creates) == (1, 3)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            '{ ref = "Acounts", column = "parent" }',
            r"toml:\d+: fields\.Parent_Account refers to Acounts",
        ),
        (
            '{ find = "Accounts", by = "Nmae", column = "parent" }',
            "looks for Accounts by 'Nmae', but there is no such field",
        ),
        ('"parent"\nAccount_Site = { ref = "Accounts", column = "name" }', r"Account_Site is a reference"),
    ],
)
@pytest.mark.parametrize("act", ["plan", "run"])
def test_a_reference_that_can_not_be_is_refused_before_the_first_row(
    bench: Bench, folder: Path, act: str, wrong: str, told: str
) -> None:
    mapping = (folder / "mapping.toml").read_text(encoding="utf-8")
    (folder / "mapping.toml").write_text(
        mapping.replace('{ ref = "Accounts", column = "parent" }', wrong), encoding="utf-8"
    )
    with pytest.raises(UsageError, match=told):
        getattr(bench, act)(ImportFolder(folder=folder))
    assert bench.audit("Accounts")["creates"] == 0


@pytest.mark.parametrize(
    ("users", "told"),
    [
        ('default_user = "nobody@example.com"', "default user 'nobody@example.com' is not a user of the org"),
        ('[users]\n"a" = "nobody"', "the successor of 'a': the org has no user 'nobody'"),
    ],
)
@pytest.mark.parametrize("act", ["plan", "run"])
def test_a_declared_user_who_is_none_is_refused_before_the_first_row(
    bench: Bench, folder: Path, act: str, users: str, told: str
) -> None:
    mapping = (folder / "mapping.toml").read_text(encoding="utf-8")
    given = '[users]\n"anna.left@old.example" = "tom.okafor@example.com"\n'
    (folder / "mapping.toml").write_text(mapping.replace(given, users + "\n"), encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        getattr(bench, act)(ImportFolder(folder=folder))
