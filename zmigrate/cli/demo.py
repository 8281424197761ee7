"""`zmigrate demo`: the whole story in a few seconds, on an embedded emulator that misbehaves on purpose."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from zmigrate.cli.commands import Command
from zmigrate.cli.options import State

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from zmigrate.config import Credentials
    from zmigrate.emulator import Options
    from zmigrate.engine.entry import RunResult
    from zmigrate.engine.plan.price import PlanCounts
    from zmigrate.job.job import RecordJob

MODULE = "Leads"
KEY = "Legacy_ID"
WRITES = {"method": "POST", "path": f"/crm/v8/{MODULE}"}
SCRIPT = (
    {"fault": "503", "skip": 3},
    {"fault": "lost_answer", "skip": 6},
    {"fault": "429", "skip": 9},
    {"fault": "reset", "skip": 12},
    {"fault": "late", "skip": 17, "delay_s": 1.0},
    {"fault": "lost_answer", "skip": 22},
)
"""Faults that happen in every demo, besides those that happen by chance."""

SETTINGS = {"ZMIGRATE_SETTLE_S": "2", "ZMIGRATE_TOKEN_LIMIT": "10/20"}
FAILED = 5

INTRODUCTION = """\
{rows:,} leads go from a CSV file into a Zoho CRM that lives inside this
process and misbehaves on purpose. Nothing leaves this machine.

  - only four calls may be made at once, and each takes its time
  - a token lives for four seconds (Zoho's: an hour)
  - some calls are throttled, some fail, some connections break
  - some answers get lost AFTER the records were written: sending
    those batches again blindly would write the records twice
"""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What the plan said."""

    counts: PlanCounts
    doubtful: int
    """Rows that it would create, but that Zoho may refuse for the form of a value."""

    def came_true(self, created: int, failed: int) -> bool:
        """Whether the run created and refused as many rows, the doubtful ones being either."""
        doubted = failed - self.counts.refused
        return 0 <= doubted <= self.doubtful and created == self.counts.creates - doubted


@dataclass(frozen=True, slots=True)
class Proof:
    """What the emulator's records show, beside what the run reports."""

    expected: Counter[str]  # keys that the run reports as created
    found: Counter[str]  # keys of the records in the org
    creates: int
    created_twice: int
    foreseen: bool  # whether the plan named the right numbers of created and refused rows
    lost: int  # Writes that were applied, but whose answer never reached zmigrate

    @property
    def holds(self) -> bool:
        return (
            self.found == self.expected
            and self.creates == self.expected.total()
            and self.created_twice == 0
            and self.foreseen
            and max(self.found.values(), default=0) == 1
        )


def add_to(app: typer.Typer) -> None:
    @app.command(cls=Command)
    def demo(state_dir: State = None) -> None:
        """The whole story on an embedded emulator that misbehaves."""
        play(state_dir)


def play(state_dir: Path | None) -> None:
    """Run the import, and prove from the emulator's audit that each row is there once."""
    from importlib import import_module
    from importlib.resources import as_file, files

    from zmigrate.display.console import stderr_console, stdout_console
    from zmigrate.display.demo_story import Story
    from zmigrate.display.progress import progress_for
    from zmigrate.engine.entry import practice_org, run
    from zmigrate.stopping import StopSignal

    console = stderr_console()
    with as_file(files("zmigrate.samples") / "leads.csv") as sample:
        console.print(introduction(rows_of(sample)))
        job = import_module("zmigrate.ready_jobs.import_csv").ImportCsv(
            file=sample, module=MODULE, operation="insert", key=KEY
        )
        stop = StopSignal()
        progress = progress_for(console, asked=lambda: stop.requested)
        with practice_org(misbehaving()) as credentials:
            foreseen = foresee(job, credentials)
            console.print(plan_line(foreseen))
            tell(credentials.accounts_url, "script", [WRITES | fault for fault in SCRIPT])
            with progress:
                result = run(
                    job,
                    credentials=credentials,
                    environ=SETTINGS,
                    state_dir=state_dir,
                    listeners=(Story(progress.say), progress),
                    stop=stop,
                )
            finished = result.state == "finished"
            proof = prove(credentials.accounts_url, result, foreseen) if finished else None
    stdout_console().print(ending(result, proof))
    if proof is None:
        raise typer.Exit(result.exit_code)
    raise typer.Exit(0 if proof.holds else FAILED)


def foresee(job: RecordJob, credentials: Credentials) -> Foreseen:
    """What `zmigrate plan` says about the import."""
    from zmigrate.engine.entry import plan
    from zmigrate.engine.plan.doubtful import MAY_REFUSE
    from zmigrate.private_files import scratch_folder

    with (
        scratch_folder() as scratch,
        plan(job, credentials=credentials, environ=SETTINGS, state_dir=scratch) as foreseen,
    ):
        doubtful = sum(warning.count or 0 for warning in foreseen.warnings if warning.code == MAY_REFUSE)
        return Foreseen(foreseen.counts, doubtful)


def plan_line(foreseen: Foreseen) -> str:
    return (
        f"The plan, before anything is written: {foreseen.counts.creates:,} rows would be created, "
        f"{foreseen.counts.refused:,} refused. Of the former Zoho may refuse {foreseen.doubtful:,}, for the "
        "form of a phone or an e-mail.\n"
    )


def misbehaving() -> Options:
    """An org with every trouble that a one-time import can meet."""
    from zmigrate.emulator import Options

    return Options(
        latency_ms=750,
        token_life_s=4,
        token_window_s=20,
        sub_concurrency=4,
        rate_429=0.02,
        rate_5xx=0.02,
        rate_lost_answer=0.03,
        faults_on="writes",
        seed=11,
    )


def rows_of(sample: Path) -> int:
    """How many rows the sample has, without its header."""
    import csv

    with sample.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def ask(url: str, what: str) -> Any:
    """The emulator's answer about its own records, over HTTP."""
    import json
    from urllib.request import urlopen

    with urlopen(f"{url}/_emulator/{what}") as answer:  # noqa: S310 - loopback
        return json.load(answer)


def tell(url: str, what: str, body: object) -> None:
    """Set something in the emulator, over HTTP."""
    import json
    from urllib.request import Request, urlopen

    request = Request(  # noqa: S310 - loopback
        f"{url}/_emulator/{what}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urlopen(request).close()  # noqa: S310


def prove(url: str, result: RunResult, foreseen: Foreseen) -> Proof:
    """Compare success.csv with the emulator's records and audit, and the run with its plan."""
    audit = ask(url, f"audit?module={MODULE}&key={KEY}")
    records = ask(url, f"records/{MODULE}")
    writes = ask(url, f"writes?module={MODULE}")
    return Proof(
        expected=Counter(created_keys(result.files.get("success"))),
        found=Counter(str(record[KEY]) for record in records),
        creates=audit["creates"],
        created_twice=len(audit["created_twice"]),
        foreseen=foreseen.came_true(result.rows.created, result.rows.failed),
        lost=sum(1 for write in writes if write["applied"] and not isinstance(write["status"], int)),
    )


def created_keys(path: str | None) -> list[str]:
    """The keys in success.csv."""
    import csv

    if path is None:
        return []
    with open(path, encoding="utf-8-sig", newline="") as file:
        return [row["key"] for row in csv.DictReader(file)]


def introduction(rows: int) -> RenderableType:
    """What is going to happen."""
    from rich.panel import Panel

    return Panel(
        INTRODUCTION.format(rows=rows).rstrip(), title="zmigrate demo", title_align="left", expand=False
    )


def ending(result: RunResult, proof: Proof | None) -> RenderableType:
    """Accounting, proof, files, and what to try next."""
    from rich.console import Group
    from rich.text import Text

    from zmigrate.display.summary import accounting, balance, cost, files, summary

    body = result.to_json()
    if proof is None:
        return summary(body, practice=True)
    return Group(
        "",
        accounting(body["rows"]),
        balance(body["rows"]),
        "",
        "From the org's own books:",
        *(proof_line(holds, text) for holds, text in proof_texts(proof)),
        "",
        Text(cost(body), style="dim"),
        *files(body),
        "",
        f"why {body['rows']['failed']} rows were refused:  zmigrate report last",
        "begin a job of your own:   zmigrate new import-customers",
    )


def proof_texts(proof: Proof) -> list[tuple[bool, str]]:
    """The sentences of the proof, each with whether it holds."""
    total = proof.found.total()
    return [
        (proof.found == proof.expected, f"it holds {total:,} leads: those of success.csv, key by key"),
        (
            proof.created_twice == 0 and proof.creates == total,
            f"{proof.creates:,} creations, none of them twice",
        ),
        (proof.foreseen, "as many as the plan had said, and as many refused or doubtful"),
        (proof.lost > 0, f"although the answers to {proof.lost} writes got lost after they were applied"),
    ]


def proof_line(holds: bool, text: str) -> Text:
    """A sentence, and whether it holds."""
    from rich.text import Text

    return Text.assemble(("  yes  ", "bold green") if holds else ("  NO   ", "bold red"), text)
