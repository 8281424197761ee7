"""kill -9 at any moment, then resume: the same as a run that was never killed."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGKILL, SIGTERM, Signals

import pytest

from tests.engine.victim import Victim, importing
from tests.support import Bench, leads, write_rows
from zmigrate.engine.storage.ledger import list_runs

STORM = {
    "rate_lost_answer": 0.05,
    "rate_5xx": 0.03,
    "rate_reset": 0.03,
    "token_life_s": 2.0,
    "concurrency": 6,
    "latency_ms": 30.0,
    "faults_on": "all",
}
ROWS = 5_000
KINDS = [
    ("insert", "Legacy_ID"),
    ("insert", "Old_System_Ref"),
    ("upsert", "Legacy_ID"),
    ("update", "Legacy_ID"),
    ("delete", "Legacy_ID"),
]
SLOW = pytest.mark.slow
OUTCOME = {"insert": "created", "upsert": "created", "update": "updated", "delete": "deleted"}
UNANSWERED = "SELECT id FROM batch WHERE id NOT IN (SELECT batch FROM outcome)"


def writes_of(bench: Bench) -> int:
    """Requests that write to Leads, answered or not."""
    requests: dict[str, int] = bench.stats()["requests"]
    return sum(count for what, count in requests.items() if "/crm/v8/Leads" in what and "GET" not in what)


def killed_at_a_random_point(bench: Bench, seed: int) -> None:
    """Run, kill after some write requests; for some seeds kill the resume, too; then resume to the end."""
    dice = random.Random(seed)
    operation, key = KINDS[seed % len(KINDS)]
    if operation in {"update", "delete"}:
        bench.seed(leads(ROWS, key=key))
    rows = [
        {key: row[key]} if operation == "delete" else {**row, "City": "Bern"} for row in leads(ROWS, key=key)
    ]
    arguments = importing(write_rows(bench.folder / "leads.csv", rows), key, operation)
    for _ in range(dice.choice([1, 1, 2])):
        victim = Victim(bench, *arguments)
        moment = writes_of(bench) + dice.randrange(1, 30)
        victim.wait_until(lambda moment=moment: writes_of(bench) >= moment)
        victim.kill()
        victim.gone()
        # Killed before it had opened its run: nothing was sent, and the run is started again.
        opened = list(bench.folder.glob(".zmigrate/runs/*/run.json"))
        arguments = ["resume", "last"] if opened else arguments
    result = Victim(bench, *arguments).result()
    if result["error"] is not None and result["error"]["code"] == "RUN":
        assert "finished" in result["error"]["message"]
    else:
        assert (result["error"], result["state"]) == (None, "finished")
        assert (result["rows"]["read"], result["rows"][OUTCOME[operation]]) == (ROWS, ROWS)
    check_org(bench, operation, key)


def check_org(bench: Bench, operation: str, key: str) -> None:
    audit = bench.audit(key=key)
    assert audit["created_twice"] == []
    if operation == "delete":
        assert (audit["records"], audit["deletes"]) == (0, ROWS)
    else:
        assert (audit["records"], audit["distinct_keys"]) == (ROWS, ROWS)
        assert {record["City"] for record in bench.records()} == {"Bern"}


@pytest.mark.parametrize("seed", [1, pytest.param(4, marks=SLOW)])
def test_killed_and_resumed_equals_a_clean_run(seed: int, bench_with: Callable[..., Bench]) -> None:
    killed_at_a_random_point(bench_with(seed=seed, **STORM), seed)


@SLOW
@pytest.mark.parametrize("seed", [0, 2, 3, *range(5, 30)])
def test_killed_and_resumed_equals_a_clean_run_at_28_more_points(
    seed: int, bench_with: Callable[..., Bench]
) -> None:
    killed_at_a_random_point(bench_with(seed=seed, **STORM), seed)


def test_a_full_disk_pauses_the_run_and_loses_nothing(bench: Bench, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "leads.csv", leads(ROWS))
    result = Victim(bench, *importing(path, "Legacy_ID"), file_limit=300_000).result()
    assert result["error"]["code"] == "DISK_FULL", result
    assert "journal" in result["error"]["message"] or "run" in result["error"]["message"]
    result = Victim(bench, "resume", "last").result()
    assert (result["state"], result["rows"]["created"]) == ("finished", ROWS)
    assert bench.audit()["created_twice"] == []


@pytest.mark.parametrize(
    "signal", [SIGINT, *(pytest.param(other, marks=SLOW) for other in (SIGTERM, SIGHUP))]
)
def test_a_signal_drains_and_the_resume_goes_on(
    signal: Signals, bench_with: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = bench_with(latency_ms=50)
    path = write_rows(tmp_path / "leads.csv", leads(ROWS))
    victim = Victim(bench, *importing(path, "Legacy_ID"))
    victim.wait_until(lambda: bench.audit()["creates"] >= 500)
    victim.kill(signal)
    result = victim.result()
    assert (victim.process.returncode, result["state"]) == (130, "interrupted")
    assert result["rows"]["pending"] == 0
    assert result["rows"]["created"] == bench.audit()["creates"]
    assert Victim(bench, "resume", "last").result()["rows"]["created"] == ROWS
    assert bench.audit()["created_twice"] == []


@pytest.mark.parametrize("key", [pytest.param("Legacy_ID", marks=SLOW), "Old_System_Ref"])
def test_killed_between_intent_and_send(key: str, bench: Bench, tmp_path: Path) -> None:
    """The intents are in the journal, and Zoho refuses to look at the requests: nothing is applied."""
    path = write_rows(tmp_path / "leads.csv", leads(1_000, key=key))
    bench.script(
        {
            "method": "POST",
            "path": "/crm/v8/Leads",
            "fault": "429",
            "times": 100,
            "headers": {"Retry-After": "60"},
        }
    )
    victim = Victim(bench, *importing(path, key))
    victim.wait_until(lambda: len(victim.journal(f"{UNANSWERED} AND state='sent'")) >= 2)
    victim.kill()
    assert victim.gone() == -SIGKILL
    assert bench.audit(key=key)["creates"] == 0
    (killed,) = list_runs(tmp_path / ".zmigrate")
    assert killed.record.state == "interrupted"
    assert killed.record.result is not None
    assert killed.record.result["rows"]["pending"] >= 200
    bench.post("reset", {})
    result = Victim(bench, "resume", "last").result()
    assert result["rows"]["created"] == 1_000
    assert bench.audit(key=key)["created_twice"] == []
    assert bench.audit(key=key)["records"] == 1_000


@pytest.mark.parametrize("key", ["Legacy_ID", pytest.param("Old_System_Ref", marks=SLOW)])
def test_killed_between_answer_and_outcome(key: str, bench: Bench, tmp_path: Path) -> None:
    """The writes are applied, and the answers are still trickling in."""
    path = write_rows(tmp_path / "leads.csv", leads(1_000, key=key))
    bench.script({"method": "POST", "path": "/crm/v8/Leads", "fault": "slow_body", "times": 3, "delay_s": 20})
    victim = Victim(bench, *importing(path, key))
    victim.wait_until(lambda: bench.audit(key=key)["creates"] >= 300)
    victim.kill()
    assert victim.gone() == -SIGKILL
    result = Victim(bench, "resume", "last").result()
    assert result["error"] is None, result
    assert result["rows"]["created"] == 1_000
    assert bench.audit(key=key)["created_twice"] == []
    assert bench.audit(key=key)["records"] == 1_000


@pytest.mark.slow
@pytest.mark.parametrize("key", ["Legacy_ID", "Old_System_Ref"])
def test_killed_while_settling_and_again_while_the_resume_settles(
    key: str, bench: Bench, tmp_path: Path
) -> None:
    path = write_rows(tmp_path / "leads.csv", leads(1_000, key=key))
    bench.script(
        {"method": "POST", "path": "/crm/v8/Leads", "fault": "lost_answer", "times": 4},
        {"method": "POST", "path": "/crm/v8/Leads", "fault": "reset", "times": 2},
    )
    victim = Victim(bench, *importing(path, key), settle_s=3)
    victim.wait_until(lambda: len(victim.journal(f"{UNANSWERED} AND doubted")) >= 3)
    victim.kill()
    assert victim.gone() == -SIGKILL
    again = Victim(bench, "resume", "last", settle_s=3)
    again.wait_until(lambda: bench.stats()["token_requests"] >= 2)
    again.kill()
    assert again.gone() == -SIGKILL
    result = Victim(bench, "resume", "last").result()
    assert result["error"] is None, result
    assert result["rows"]["created"] == 1_000
    assert bench.audit(key=key)["created_twice"] == []
    assert bench.audit(key=key)["records"] == 1_000
