"""kill -9 of a flow, in its second load and between two loads; and more loads than there are tokens for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.engine.victim import Victim
from tests.support import Bench, read_rows, write_rows
from zmigrate import Argument, Csv, Flow, Insert, RecordJob, scopes_for
from zmigrate.engine.storage.ledger import list_runs, list_steps
from zmigrate.events import TokenAcquired, Waiting

ACCOUNTS, CONTACTS, LEADS = 400, 2_500, 200
STORM = {
    "rate_lost_answer": 0.05,
    "rate_5xx": 0.03,
    "rate_reset": 0.03,
    "token_life_s": 2.0,
    "concurrency": 6,
    "latency_ms": 20.0,
}
MAPPING = """
[[load]]
file = "contacts.csv"
module = "Contacts"
operation = "insert"
key = "Legacy_ID"
[load.fields]
Account_Name = { ref = "Accounts", column = "account" }

[[load]]
file = "accounts.csv"
module = "Accounts"
operation = "insert"
key = "Legacy_ID"

[[load]]
file = "leads.csv"
module = "Leads"
operation = "upsert"
match_on = "Legacy_ID"
"""


def export(folder: Path) -> None:
    """A folder of three files; contacts refer to accounts."""
    folder.mkdir()
    (folder / "mapping.toml").write_text(MAPPING, "utf-8")
    accounts = [{"Legacy_ID": f"A{n}", "Account_Name": f"Account {n}"} for n in range(ACCOUNTS)]
    write_rows(folder / "accounts.csv", accounts)
    names = [(f"C{n}", f"Name {n}", f"A{n % ACCOUNTS}") for n in range(CONTACTS)]
    contacts = [dict(zip(("Legacy_ID", "Last_Name", "account"), each, strict=True)) for each in names]
    write_rows(folder / "contacts.csv", contacts)
    leads = [{"Legacy_ID": f"L{n}", "Last_Name": f"Lead {n}", "Company": "Old Inc."} for n in range(LEADS)]
    write_rows(folder / "leads.csv", leads)


def check_all_is_there_once(bench: Bench, result: dict[str, Any]) -> None:
    assert (result["error"], result["state"]) == (None, "finished")
    assert result["rows"]["created"] == result["rows"]["read"] == ACCOUNTS + CONTACTS + LEADS
    for module, count in (("Accounts", ACCOUNTS), ("Contacts", CONTACTS), ("Leads", LEADS)):
        audit = bench.audit(module)
        assert (audit["created_twice"], audit["records"]) == ([], count)
    ids = {record["Legacy_ID"]: record["id"] for record in bench.records("Accounts")}
    for contact in bench.records("Contacts"):
        account = f"A{int(contact['Legacy_ID'][1:]) % ACCOUNTS}"
        assert contact["Account_Name"]["id"] == ids[account]
    assert len(read_rows(result["files"]["success"])) == ACCOUNTS + CONTACTS + LEADS


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
def test_killed_in_the_second_load_and_resumed(
    seed: int, bench_with: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = bench_with(seed=seed, **STORM)
    export(tmp_path / "export")
    victim = Victim(bench, "run", "import-folder", "export")
    victim.wait_until(lambda: bench.audit("Contacts")["creates"] >= 400 * (seed + 1))
    victim.kill()
    victim.gone()
    (killed,) = list_runs(tmp_path / ".zmigrate")
    assert killed.record.state == "interrupted"
    assert [step.record.state for step in list_steps(killed.folder)] == ["finished", "interrupted"]
    shown = killed.stands
    assert shown["rows"]["created"] >= ACCOUNTS
    assert shown["not_begun"] == ["03-leads"]
    check_all_is_there_once(bench, Victim(bench, "resume", "last").result())


@pytest.mark.slow
def test_killed_between_two_loads_and_resumed(bench: Bench, tmp_path: Path) -> None:
    """The second load has its token and asks for the org; its folder is not there yet."""
    export(tmp_path / "export")
    bench.script({"method": "GET", "path": "/crm/v8/org", "fault": "hang", "skip": 1})
    victim = Victim(bench, "run", "import-folder", "export")
    victim.wait_until(lambda: bench.stats()["token_requests"] >= 2)
    victim.kill()
    victim.gone()
    (killed,) = list_runs(tmp_path / ".zmigrate")
    assert [step.record.state for step in list_steps(killed.folder)] == ["finished"]
    # A crash may leave a step's folder without its run.json; nothing was sent by then.
    half = killed.folder.step("02-contacts").path
    half.mkdir()
    (half / "journal.db").touch()
    check_all_is_there_once(bench, Victim(bench, "resume", "last").result())


@pytest.mark.slow
def test_killed_before_the_last_word_and_resumed(bench: Bench, tmp_path: Path) -> None:
    """All steps have finished, and the flow's own run.json does not say so."""
    export(tmp_path / "export")
    Victim(bench, "run", "import-folder", "export").result()
    (run,) = list_runs(tmp_path / ".zmigrate")
    record = orjson.loads(run.folder.record_file.read_bytes())
    run.folder.record_file.write_bytes(orjson.dumps({**record, "state": "running", "result": None}))
    tokens = bench.stats()["token_requests"]
    check_all_is_there_once(bench, Victim(bench, "resume", "last").result())
    assert bench.stats()["token_requests"] == tokens


class LoadSome(RecordJob):
    """Some leads, without a key, so that nothing but tokens is waited for."""

    write = Insert("Leads")
    scopes = scopes_for(write)

    file: Path = Argument()

    def source(self) -> Csv:
        return Csv(self.file)

    def transform(self, row: Any) -> dict[str, Any]:
        return {"Legacy_ID": row["id"], "Last_Name": row["id"], "Company": "Old Inc."}


class Twelve(Flow):
    """Twelve files."""

    folder: Path = Argument()

    def jobs(self) -> list[LoadSome]:
        return [LoadSome(file=file) for file in sorted(self.folder.glob("*.csv"))]


@pytest.mark.slow
def test_twelve_loads_wait_for_their_tokens_and_say_so(
    bench_with: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = bench_with(token_limit=10, token_window_s=4.0)
    bench.environ["ZMIGRATE_TOKEN_LIMIT"] = "10/4"
    folder = tmp_path / "export"
    folder.mkdir()
    for number in range(12):
        write_rows(folder / f"part{number:02}.csv", [{"id": f"P{number}-{row}"} for row in range(3)])
    result = bench.run(Twelve(folder=folder))
    assert (result.state, result.rows.created, result.tokens["acquired"]) == ("finished", 36, 12)
    assert len(bench.seen(TokenAcquired)) == 12
    waits = bench.seen(Waiting)
    assert waits
    assert {wait.what for wait in waits} == {"a token"}
    assert all("10 tokens in 4 s are used up" in wait.why for wait in waits)
    assert bench.stats()["token_requests"] == 12  # none was refused
