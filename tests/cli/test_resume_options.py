"""Which options a resume takes over from its run, and which it does not."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.engine.victim import Victim, importing
from tests.support import Bench, leads, write_rows
from zmigrate.cli.emulator import environment_of
from zmigrate.emulator import Emulator, Options
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.ledger import find_run

ROWS = 1_500
WRITE = "POST /crm/v8/Leads"
INSERT = ["--module", "Leads", "--operation", "insert", "--key", "Legacy_ID"]


@pytest.fixture
def slow(bench_with: Callable[..., Bench]) -> Bench:
    """So slow that there is a midway."""
    return bench_with(latency_ms=60)


def interrupted(bench: Bench, *flags: str) -> None:
    """A run with these flags that Ctrl-C has ended after its first write."""
    path = write_rows(bench.folder / "leads.csv", leads(ROWS))
    victim = Victim(bench, *importing(path, "Legacy_ID"), *flags)
    victim.wait_until(lambda: bench.stats()["requests"].get(WRITE, 0) > 0)
    victim.kill(signal.SIGINT)
    assert victim.gone() == 130, victim.errors


def resumed(bench: Bench, *flags: str) -> dict[str, Any]:
    """The result of a resume with these flags."""
    return Victim(bench, "resume", "last", *flags).result()


def triggers_since(bench: Bench, before: int) -> set[tuple[str, ...]]:
    return {tuple(write["trigger"]) for write in bench.get("writes", module="Leads")[before:]}


# -- what is kept --------------------------------------------------------------------------------------------


def test_a_resume_keeps_concurrency_and_trigger(slow: Bench) -> None:
    interrupted(slow, "--concurrency", "1", "--trigger", "workflow", "--trigger", "approval")
    before = len(slow.get("writes"))
    assert resumed(slow)["rows"]["created"] == ROWS
    assert slow.stats()["in_flight_max"] == 1
    assert triggers_since(slow, before) == {("workflow", "approval")}


def test_concurrency_and_trigger_may_be_given_anew(slow: Bench) -> None:
    interrupted(slow, "--concurrency", "1", "--trigger", "workflow")
    before = len(slow.get("writes"))
    assert slow.stats()["in_flight_max"] == 1
    assert resumed(slow, "--concurrency", "4", "--trigger", "none")["rows"]["created"] == ROWS
    assert 1 < slow.stats()["in_flight_max"] <= 4
    assert triggers_since(slow, before) == {()}


@pytest.fixture
def refusing(slow: Bench) -> Bench:
    """Its org has every key already."""
    slow.seed([{"Legacy_ID": row["Legacy_ID"], "Last_Name": "There"} for row in leads(ROWS)])
    return slow


def test_a_resume_keeps_going_if_its_run_did(refusing: Bench) -> None:
    interrupted(refusing, "--keep-going")
    result = resumed(refusing)
    assert (result["state"], result["rows"]["failed"]) == ("finished", ROWS)


def test_a_resume_may_stop_where_its_run_kept_going(refusing: Bench) -> None:
    interrupted(refusing, "--keep-going")
    assert resumed(refusing, "--no-keep-going")["state"] == "paused"


def test_a_resume_keeps_going_where_it_is_told_to(refusing: Bench) -> None:
    path = write_rows(refusing.folder / "leads.csv", leads(ROWS))
    assert Victim(refusing, *importing(path, "Legacy_ID")).result()["state"] == "paused"
    assert resumed(refusing, "--keep-going")["state"] == "finished"


@pytest.fixture
def poor(bench_with: Callable[..., Bench]) -> Bench:
    """Its org has credits for the reads and one write; a second run has none left for its write."""
    return bench_with(credits=22)


def test_a_resume_waits_for_credits_if_its_run_did(poor: Bench) -> None:
    limited(poor, "--wait")
    waiting = Victim(poor, "resume", "last")
    log = find_run(poor.folder / ".zmigrate", "last").folder.log
    waiting.wait_until(lambda: "API credits" in log.read_text("utf-8"))
    assert waiting.process.poll() is None, "it paused"
    waiting.kill(signal.SIGINT)
    assert waiting.gone() == 130


def test_a_resume_may_pause_where_its_run_would_wait(poor: Bench) -> None:
    limited(poor, "--wait")
    assert resumed(poor, "--no-wait")["state"] == "paused"


def test_a_resume_pauses_where_nobody_has_said_to_wait(poor: Bench) -> None:
    limited(poor)
    assert resumed(poor)["state"] == "paused"


def limited(bench: Bench, *flags: str) -> None:
    """A run that was cut short by a limit."""
    path = write_rows(bench.folder / "leads.csv", leads(150))
    victim = Victim(bench, *importing(path, "Legacy_ID"), "--limit", "100", *flags)
    assert victim.gone() == 0, victim.errors


PROFILES = """\
[profiles.{name}]
client_id = "{client_id}"
client_secret_env = "THE_SECRET"
soid = "{soid}"
accounts_url = "{accounts_url}"
"""


def test_a_resume_keeps_the_profile_unless_another_is_named(zmigrate, folder, monkeypatch) -> None:
    with Emulator(Options()) as emulator:
        said = {"client_id": emulator.client_id, "soid": emulator.soid, "accounts_url": emulator.accounts_url}
        wrong = {**said, "client_id": "1000.NOBODY"}
        Path("zmigrate.toml").write_text(
            PROFILES.format(name="default", **wrong) + PROFILES.format(name="right", **said)
        )
        monkeypatch.setenv("THE_SECRET", emulator.client_secret)
        write_rows(folder / "leads.csv", leads(30))
        first = zmigrate("run", "import-csv", "leads.csv", *INSERT, "--profile", "right", "--limit", "10")
        assert first.code == 0, first.err
        other = zmigrate("resume", "last", "--profile", "default", "--limit", "5")
        same = zmigrate("resume", "last", "--limit", "5")
    assert other.code == 3, other.err
    assert same.code == 0, same.err


def test_a_run_of_an_earlier_zmigrate_goes_on_with_what_it_has_kept(zmigrate, folder, credentials) -> None:
    write_rows(folder / "leads.csv", leads(30))
    zmigrate("run", "import-csv", "leads.csv", *INSERT, "--trigger", "workflow", "--limit", "10")
    run = find_run(folder / ".zmigrate", "last").folder
    record = run.read()
    old = {name: record.settings[name] for name in ("profile", "trigger", "limit", "allow_env")}
    journal = Journal.open(run.journal)
    run.write(replace(record, settings=old), journal)
    journal.close()
    done = zmigrate("resume", "last", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["rows"]["created"] == 30
    bench = Bench(credentials, folder)
    assert triggers_since(bench, 0) == {("workflow",)}


def test_settings_that_can_be_none_are_told_as_damage(zmigrate, folder, credentials) -> None:
    write_rows(folder / "leads.csv", leads(30))
    zmigrate("run", "import-csv", "leads.csv", *INSERT, "--limit", "10")
    run = find_run(folder / ".zmigrate", "last").folder
    record = run.read()
    journal = Journal.open(run.journal)
    run.write(replace(record, settings={**record.settings, "concurrency": "many"}), journal)
    journal.close()
    done = zmigrate("resume", "last")
    assert done.code == 5, done.err
    assert "settings" in done.err


# -- what is not kept ----------------------------------------------------------------------------------------


def test_a_resume_keeps_neither_limit_nor_how_its_run_was_shown(zmigrate, folder, credentials) -> None:
    write_rows(folder / "leads.csv", leads(30))
    shown = ["--json", "--quiet", "--verbose"]
    first = zmigrate("run", "import-csv", "leads.csv", *INSERT, "--limit", "10", *shown)
    assert orjson.loads(first.out)["state"] == "limited"
    second = zmigrate("resume", "last")
    assert second.code == 0, second.err
    assert second.out == ""
    assert "rows read  30" in second.err
    assert "token" not in second.err.partition("finished")[0]


def test_a_resume_asks_again_before_it_writes_to_production(zmigrate, folder, monkeypatch) -> None:
    write_rows(folder / "leads.csv", leads(30))
    with Emulator(Options(org_type="production")) as emulator:
        for name, value in environment_of(emulator).items():
            monkeypatch.setenv(name, value)
        first = zmigrate("run", "import-csv", "leads.csv", *INSERT, "--limit", "10", "--yes")
        refused = zmigrate("resume", "last")
        agreed = zmigrate("resume", "last", "--yes")
    assert first.code == 0, first.err
    assert refused.code == 2
    assert "--yes" in refused.err
    assert agreed.code == 0, agreed.err


def test_help_says_what_a_resume_takes_over(zmigrate) -> None:
    text = " ".join(zmigrate("resume", "--help").out.replace("│", " ").split())
    assert text.count("Default: as the run began.") == 5
    for flag in ("--profile", "--concurrency", "--trigger", "--no-keep-going", "--no-wait"):
        assert flag in text


def test_none_is_a_trigger_that_stands_alone(zmigrate, folder, credentials) -> None:
    write_rows(folder / "leads.csv", leads(3))
    both = zmigrate("run", "import-csv", "leads.csv", *INSERT, "--trigger", "none", "--trigger", "workflow")
    assert both.code == 2
    assert "'none' is none of" in both.err
    alone = zmigrate("run", "import-csv", "leads.csv", *INSERT, "--trigger", "none")
    assert alone.code == 0, alone.err
    assert triggers_since(Bench(credentials, folder), 0) == {()}
