"""The id map beside runs that can't be read, and one that is damaged itself."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support import Bench, file_job, read_rows, write_rows
from zmigrate import Argument, Csv, Insert, RecordJob, Ref, scopes_for
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.id_map import IdMap, KeyRule
from zmigrate.engine.storage.ledger import identity
from zmigrate.events import Log


def only(bench: Bench) -> RunFolder:
    (found,) = bench.folder.glob(".zmigrate/runs/*")
    return RunFolder(found)


class LoadContacts(RecordJob):
    """Contacts that refer to accounts of an earlier run."""

    write = Insert("Contacts", key="Legacy_ID")
    scopes = scopes_for(write)
    file: Path = Argument()

    def source(self) -> Csv:
        return Csv(self.file)

    def transform(self, row: Any) -> dict[str, Any]:
        return {**row, "Account_Name": Ref("Accounts", row["Account_Name"])}


def accounts_and_a_contact(bench: Bench) -> tuple[RunFolder, LoadContacts]:
    rows = [{"Legacy_ID": f"A{number}", "Account_Name": "Acme"} for number in range(5)]
    path = write_rows(bench.folder / "accounts.csv", rows)
    bench.run(file_job(Insert("Accounts", key="Legacy_ID"), path))
    contact = [{"Legacy_ID": "C1", "Last_Name": "Doe", "Account_Name": "A3"}]
    return only(bench), LoadContacts(file=write_rows(bench.folder / "contacts.csv", contact))


def test_a_lost_record_loses_no_key(bench: Bench) -> None:
    accounts, contacts = accounts_and_a_contact(bench)
    accounts.record_file.unlink()
    assert bench.run(contacts).rows.created == 1


@pytest.mark.parametrize("record_too", [True, False])
def test_keys_of_a_run_that_cant_be_read_are_told_as_such(record_too: bool, bench: Bench) -> None:
    accounts, contacts = accounts_and_a_contact(bench)
    accounts.journal.write_bytes(b"x" * 8192)
    if record_too:
        accounts.record_file.unlink()
    result = bench.run(contacts)
    assert result.rows.failed == 1
    assert any(accounts.run_id in event.message for event in bench.seen(Log) if event.level == "warning")
    (failed,) = read_rows(result.files["errors"])
    assert accounts.run_id in failed["message"]


def test_keys_that_were_taken_up_before_their_journal_was_damaged_are_known(bench: Bench) -> None:
    accounts, contacts = accounts_and_a_contact(bench)
    IdMap.open(bench.folder / ".zmigrate", identity(accounts.read().org)).close()
    accounts.journal.write_bytes(b"x" * 8192)
    assert bench.run(contacts).rows.created == 1
    assert not [event for event in bench.seen(Log) if event.level == "warning"]


def test_a_damaged_id_map_is_kept_and_built_again(bench: Bench) -> None:
    accounts, contacts = accounts_and_a_contact(bench)
    org = identity(accounts.read().org)
    IdMap.open(bench.folder / ".zmigrate", org).close()
    (file,) = bench.folder.glob(".zmigrate/orgs/*/ids.db")
    file.write_bytes(b"x" * 8192)
    assert bench.run(contacts).rows.created == 1
    (kept,) = file.parent.glob("ids.db.damaged-*")
    assert kept.read_bytes() == b"x" * 8192
    assert any(kept.name in event.message for event in bench.seen(Log) if event.level == "warning")


def test_a_key_of_a_run_that_was_dated_ahead_gives_way_to_a_later_one(bench: Bench) -> None:
    accounts, _ = accounts_and_a_contact(bench)
    record = accounts.read()
    ahead = replace(record, started_at="2999-01-01T00:00:00+00:00")
    accounts.record_file.write_bytes(orjson.dumps(ahead.to_json()))
    with closing(IdMap.open(bench.folder / ".zmigrate", identity(record.org))) as ids:
        ids.add(KeyRule("Accounts", "Legacy_ID", unique=True), time.time(), [("A3", "77")])
        assert ids.find("Accounts", ["A3"])["A3"].ids == ["77"]
