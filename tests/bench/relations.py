"""Accounts with parents anywhere in the file, contacts that refer to them: memory, and whether every link is
right, also after kills.
"""

from __future__ import annotations

import csv
import json
import random
import shutil
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.bench.lab import MIB, Lab
from tests.bench.measure import Child, CommandFailed, Cost, run
from tests.bench.table import Line, at_most

CONTACTS_EACH = 3
SHARE_WITH_PARENT = 0.8

MAPPING = """
[[load]]
file = "accounts.csv"
module = "Accounts"
operation = "insert"
key = "Legacy_ID"
[load.fields]
Legacy_ID = "id"
Account_Name = "name"
Parent_Account = { ref = "Accounts", column = "parent" }

[[load]]
file = "contacts.csv"
module = "Contacts"
operation = "insert"
key = "Legacy_ID"
[load.fields]
Legacy_ID = "id"
Last_Name = "name"
Account_Name = { ref = "Accounts", column = "account" }
"""


def relations(lab: Lab) -> Iterator[Line]:
    """Few accounts with their contacts for comparison, many, and many with kills."""
    few = _load(lab, lab.sizes.few_accounts)
    many = _load(lab, lab.sizes.accounts)
    rows = lab.sizes.accounts * (1 + CONTACTS_EACH)
    told = json.loads(many.output)
    what = f"{lab.sizes.accounts:,} accounts in a tree, {lab.sizes.accounts * CONTACTS_EACH:,} contacts"
    yield Line(f"{what}: rows a second", f"{rows / told['elapsed_s']:,.0f}, start to end")
    peak, small = many.peak_bytes / MIB, few.peak_bytes / MIB
    yield at_most("… peak memory", peak, 100, f"{peak:.1f} MiB", " MiB")
    growth, than = peak / small, f"{lab.sizes.few_accounts * (1 + CONTACTS_EACH):,} rows"
    yield at_most(f"… against {than}", growth, 1.1, f"{growth:.3f} × ({small:.1f} MiB)", " ×")
    yield _links_right(lab, "… links that are wrong")
    _load(lab, lab.sizes.accounts, kills=("Accounts", "Contacts"))
    yield _links_right(lab, "… links that are wrong after a kill in each load")


def _load(lab: Lab, accounts: int, kills: Iterable[str] = ()) -> Cost:
    """Load the folder into an empty org; killed in the middle of these modules, and resumed."""
    lab.server.fresh()
    shutil.rmtree(lab.state, ignore_errors=True)
    folder = folder_of(lab.folder, accounts)
    command = lab.command("run", "import-folder", str(folder))
    for module in kills:
        half = accounts * (CONTACTS_EACH if module == "Contacts" else 1) // 200
        victim = Child(command, environ=lab.server.environ, folder=lab.folder)
        label = f"POST /crm/v8/{module}"
        while lab.server.writes_so_far(label) < half and victim.process.poll() is None:
            time.sleep(0.01)
        victim.process.send_signal(signal.SIGKILL)
        victim.wait()
        command = lab.command("resume", "last")
    cost = run(command, environ=lab.server.environ, folder=lab.folder)
    told: dict[str, Any] = json.loads(cost.output)["rows"]
    rows = accounts * (1 + CONTACTS_EACH)
    created = lab.server.created("Accounts", "Legacy_ID") + lab.server.created("Contacts", "Legacy_ID")
    if not rows == told["created"] == created:
        raise CommandFailed(f"{rows} rows, {told['created']} said to be created, {created} in the org")
    return cost


def _links_right(lab: Lab, what: str) -> Line:
    folder = folder_of(lab.folder, lab.sizes.accounts)
    ids: dict[str, str] = {}
    points_at: dict[str, str] = {}
    for record in lab.server.records("Accounts", ("Legacy_ID", "Parent_Account")):
        ids[record["id"]] = record["Legacy_ID"]
        points_at[record["Legacy_ID"]] = _id(record["Parent_Account"])
    wrong = _wrong(folder / "accounts.csv", "parent", ids, points_at)
    contacts = {
        record["Legacy_ID"]: _id(record["Account_Name"])
        for record in lab.server.records("Contacts", ("Legacy_ID", "Account_Name"))
    }
    wrong += _wrong(folder / "contacts.csv", "account", ids, contacts)
    links = len(points_at) + len(contacts)
    return at_most(what, wrong, 0, f"{wrong} of {links:,} rows", "")


def _wrong(path: Path, column: str, ids: dict[str, str], points_at: dict[str, str]) -> int:
    with path.open(encoding="utf-8", newline="") as handle:
        return sum(
            ids.get(points_at.get(row["id"], "none"), "") != row[column] for row in csv.DictReader(handle)
        )


def _id(value: Any) -> str:
    return value["id"] if value else ""


def folder_of(scratch: Path, accounts: int) -> Path:
    """The files of so many accounts; made once. No account is its own ancestor."""
    folder = scratch / f"folder-{accounts}"
    if folder.is_dir():
        return folder
    folder.mkdir()
    dice = random.Random(accounts)
    old_to_young = list(range(accounts))
    dice.shuffle(old_to_young)
    parent = [""] * accounts
    for age, account in enumerate(old_to_young):
        if age and dice.random() < SHARE_WITH_PARENT:
            parent[account] = f"A-{old_to_young[dice.randrange(age)]:07}"
    _write(
        folder / "accounts.csv",
        ("id", "name", "parent"),
        ((f"A-{number:07}", f"Company {number}", parent[number]) for number in range(accounts)),
    )
    _write(
        folder / "contacts.csv",
        ("id", "name", "account"),
        (
            (f"C-{number:07}", f"Miller {number}", f"A-{dice.randrange(accounts):07}")
            for number in range(accounts * CONTACTS_EACH)
        ),
    )
    (folder / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    return folder


def _write(path: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(header)
        writer.writerows(rows)
