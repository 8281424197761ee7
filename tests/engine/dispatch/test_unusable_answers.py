"""An answer without the list that it promises is no answer: nothing is taken for absent because of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.engine.victim import Victim, importing
from tests.support import Bench, credentials_of, file_job, leads, read_rows, thorough, write_rows
from zmigrate import Argument, Csv, Delete, Find, Insert, RecordJob, scopes_for
from zmigrate.config import Settings
from zmigrate.engine.pipeline.lookups import forget_gone
from zmigrate.engine.storage.id_map import IdMap
from zmigrate.stopping import StopSignal
from zmigrate.zoho.connection import Connection, connect

UNIQUE, PLAIN = "Legacy_ID", "Old_System_Ref"
LEADS = {"method": "POST", "path": "/crm/v8/Leads"}
COQL = {"method": "POST", "path": "/crm/v8/coql", "fault": "empty_200"}
SHAPES = ["none", "object", "null_list", "html"]


@pytest.mark.parametrize("shape", thorough(SHAPES, 2))
def test_a_look_for_lost_records_that_gets_no_answer_doubles_nothing(shape: str, bench: Bench) -> None:
    path = write_rows(bench.folder / "leads.csv", leads(300, key=PLAIN))
    of_row_1 = {"contains": "L-000001"}
    bench.script(
        {**LEADS, **of_row_1, "fault": "lost_answer"}, {**COQL, **of_row_1, "shape": shape, "times": 2}
    )

    result = bench.run(file_job(Insert("Leads", key=PLAIN), path))

    assert (result.state, result.rows.created) == ("finished", 300)
    audit = bench.audit(key=PLAIN)
    assert (audit["creates"], audit["created_twice"]) == (300, [])


@pytest.mark.parametrize("key", thorough([PLAIN, UNIQUE]))
def test_records_that_a_look_up_did_not_tell_are_found_by_the_next_one(key: str, bench: Bench) -> None:
    bench.seed(leads(60, key=key))
    path = write_rows(bench.folder / "leads.csv", leads(100, key=key))
    bench.script({**COQL, "shape": "object", "times": 2})

    result = bench.run(file_job(Insert("Leads", key=key, on_existing="skip"), path))

    assert (result.rows.created, result.rows.skipped, result.rows.failed) == (40, 60, 0)
    assert len(bench.records()) == 100


def test_a_reference_is_not_open_because_a_look_up_got_no_answer(bench: Bench) -> None:
    [account] = bench.seed([{"Account_Name": "Acme"}], module="Accounts")
    rows = [{"Last_Name": f"N{number}", "company": "Acme"} for number in range(50)]
    job = ContactsOfAcme(file=write_rows(bench.folder / "c.csv", rows))
    bench.script({**COQL, "shape": "null_list", "times": 2})

    result = bench.run(job)

    assert (result.rows.created, result.rows.failed) == (50, 0)
    assert {record["Account_Name"]["id"] for record in bench.records("Contacts")} == {account}


def test_a_deletion_that_was_not_answered_is_not_done_because_a_look_up_is_empty(bench: Bench) -> None:
    """The first request was not applied, and the records were locked meanwhile: they are still there."""
    ids = bench.seed(leads(5))
    path = write_rows(bench.folder / "d.csv", [{"id": one} for one in ids])
    refused = [
        {"code": "INVALID_DATA", "details": {"id": one}, "message": "record not deleted", "status": "error"}
        for one in ids
    ]
    bench.script(
        {"method": "DELETE", "path": "/crm/v8/Leads", "fault": "reset", "times": 1},
        {"method": "DELETE", "path": "/crm/v8/Leads", "fault": "answer", "status": 400,
         "body": {"data": refused}},
        {"method": "GET", "path": "/crm/v8/Leads", "fault": "empty_200", "shape": "object", "times": 2},
    )  # fmt: skip

    result = bench.run(file_job(Delete("Leads"), path))

    assert (result.rows.deleted, result.rows.failed) == (0, 5)
    assert len(bench.records()) == 5


def test_while_no_look_up_is_answered_the_run_pauses_and_goes_on_later(bench: Bench) -> None:
    bench.environ["ZMIGRATE_RETRY_BUDGET_S"] = "0.5"
    path = write_rows(bench.folder / "leads.csv", leads(300, key=PLAIN))
    bench.script({**LEADS, "fault": "lost_answer", "times": 1}, {**COQL, "times": 500})

    paused = bench.run(file_job(Insert("Leads", key=PLAIN), path))
    assert (paused.state, paused.exit_code) == ("paused", 4)
    assert paused.error is not None
    assert "/crm/v8/coql is empty" in paused.error.message
    assert paused.rows.failed == 0

    bench.script_clear()
    result = bench.resume()
    assert (result.state, result.rows.created) == ("finished", 300)
    assert bench.audit(key=PLAIN)["creates"] == 300


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["half", "none"])
def test_killed_while_it_looks_for_lost_records_a_run_doubles_nothing(shape: str, bench: Bench) -> None:
    path = write_rows(bench.folder / "leads.csv", leads(300, key=PLAIN))
    bench.script({**LEADS, "fault": "lost_answer", "times": 1}, {**COQL, "shape": shape, "times": 500})
    victim = Victim(bench, *importing(path, PLAIN))
    victim.wait_until(lambda: bench.stats()["requests"].get("POST /crm/v8/coql", 0) >= 2)
    victim.kill()
    victim.gone()

    bench.script_clear()
    bench.script({**COQL, "shape": shape, "times": 1})
    result = Victim(bench, "resume", "last").result()

    assert (result["state"], result["rows"]["created"]) == ("finished", 300)
    assert bench.audit(key=PLAIN)["creates"] == 300


class ContactsOfAcme(RecordJob):
    """Contacts that name their account."""

    write = Insert("Contacts")
    scopes = (*scopes_for(write), "ZohoCRM.coql.READ", "ZohoCRM.modules.accounts.READ")
    file: Path = Argument(help="CSV.")

    def source(self) -> Csv:
        return Csv(self.file)

    def transform(self, row: Any) -> dict[str, Any]:
        return {
            "Last_Name": row["Last_Name"],
            "Account_Name": Find("Accounts", "Account_Name", row["company"]),
        }


def connected(bench: Bench) -> Connection:
    settings = Settings(state_dir=Path(tempfile.mkdtemp(dir=bench.folder)))
    scopes = ("ZohoCRM.modules.ALL", "ZohoCRM.org.READ")
    return connect(
        credentials_of(bench.emulator), scopes, settings=settings, emit=lambda event: None, stop=StopSignal()
    )


@pytest.mark.parametrize("shape", thorough(SHAPES, 2))
def test_a_check_of_the_id_map_forgets_no_key_that_it_got_no_answer_about(shape: str, bench: Bench) -> None:
    result = bench.run(file_job(Insert("Leads", key=UNIQUE), write_rows(bench.folder / "l.csv", leads(150))))
    bench.script({"method": "GET", "path": "/crm/v8/Leads", "fault": "empty_200", "shape": shape, "times": 2})
    org = (str(result.org["id"]), bench.emulator.soid.rpartition(".")[2])

    with connected(bench) as connection, closing(IdMap.open(bench.folder / ".zmigrate", org)) as ids:
        looked_for, gone = forget_gone(ids, connection.crm)
        kept = len(list(ids.entries()))

    assert (looked_for.total(), gone.total(), kept) == (150, 0, 150)


def test_a_run_through_random_empty_answers_is_the_same_as_one_without(
    bench_with: Callable[..., Bench],
) -> None:
    bench = bench_with(rate_empty_200=0.2, rate_lost_answer=0.1, seed=3)
    path = write_rows(bench.folder / "leads.csv", leads(1_000, key=PLAIN))

    result = bench.run(file_job(Insert("Leads", key=PLAIN), path))

    assert (result.state, result.rows.created) == ("finished", 1_000)
    assert bench.audit(key=PLAIN)["creates"] == 1_000
    assert len(read_rows(result.files["success"])) == 1_000
