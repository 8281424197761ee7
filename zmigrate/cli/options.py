"""Options that several commands share, each declared once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from zmigrate.zoho.facts.triggers import TRIGGERS

VARIABLE_NAME = re.compile(r"\w+")  # A variable's name in a URL: `${NAME}`
RUNNER_PANEL = "Options of every run"

Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="Credentials: a profile of zmigrate.toml.",
        rich_help_panel=RUNNER_PANEL,
    ),
]
UseEmulator = Annotated[
    bool,
    typer.Option(
        "--emulator",
        help="Practise on an embedded emulator; needs no credentials.",
        rich_help_panel=RUNNER_PANEL,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        min=1,
        metavar="N",
        help="Stop after N rows (of a flow: in all); resume goes on.",
        rich_help_panel=RUNNER_PANEL,
    ),
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        "--concurrency",
        min=1,
        max=25,
        metavar="N",
        help="At most N requests at a time. Without it the org's ceiling is found.",
        rich_help_panel=RUNNER_PANEL,
    ),
]


def known_triggers(names: list[str] | None) -> list[str] | None:
    """Refuse a name that Zoho does not know: Zoho would answer SUCCESS and trigger nothing."""
    for name in names or ():
        if name not in TRIGGERS:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(TRIGGERS)}")
    return names


Trigger = Annotated[
    list[str] | None,
    typer.Option(
        "--trigger",
        metavar="NAME",
        callback=known_triggers,
        help="Let Zoho run these: workflow, approval, blueprint, pathfinder, orchestration. Default: none.",
        rich_help_panel=RUNNER_PANEL,
    ),
]
Yes = Annotated[
    bool,
    typer.Option("--yes", "-y", help="Don't ask before writing to production.", rich_help_panel=RUNNER_PANEL),
]
Again = Annotated[
    bool,
    typer.Option(
        "--again",
        help="Start again although the same run exists. Records with a unique key are not written twice.",
        rich_help_panel=RUNNER_PANEL,
    ),
]
KeepGoing = Annotated[
    bool,
    typer.Option(
        "--keep-going", help="Go on even if the first 500 rows are all refused.", rich_help_panel=RUNNER_PANEL
    ),
]
Wait = Annotated[
    bool,
    typer.Option("--wait", help="Wait for API credits instead of stopping.", rich_help_panel=RUNNER_PANEL),
]


def names_of_variables(names: list[str] | None) -> list[str] | None:
    """Refuse a value in place of a name: `$NAME`, or the value that a shell put in its place."""
    for name in names or ():
        if VARIABLE_NAME.fullmatch(name) is None:
            raise typer.BadParameter("it takes the name of a variable alone, as in: --allow-env DB_PASSWORD")
    return names


AllowEnv = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-env",
        metavar="NAME",
        callback=names_of_variables,
        help="Let a database URL use this variable, as in ${DB_PASSWORD}; repeatable.",
        rich_help_panel=RUNNER_PANEL,
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object on stdout.", rich_help_panel=RUNNER_PANEL),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress and no summary.", rich_help_panel=RUNNER_PANEL)
]
Jobs = Annotated[
    Path | None,
    typer.Option(
        "--jobs", metavar="PATH", help="A job module, or a folder of them.", rich_help_panel=RUNNER_PANEL
    ),
]
StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        metavar="DIR",
        help="Where runs are kept (default .zmigrate).",
        rich_help_panel=RUNNER_PANEL,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="Show tokens, retries and throttling.", rich_help_panel=RUNNER_PANEL
    ),
]

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
CheckProfile = Annotated[
    str | None, typer.Option("--profile", metavar="NAME", help="Credentials: a profile of zmigrate.toml.")
]
JobsPath = Annotated[
    Path | None, typer.Option("--jobs", metavar="PATH", help="A job module, or a folder of them.")
]
State = Annotated[
    Path | None, typer.Option("--state-dir", metavar="DIR", help="Where runs are kept (default .zmigrate).")
]

Ask = Annotated[
    int | None,
    typer.Option(
        "--ask",
        min=0,
        metavar="N",
        help="Ask the org for the keys of N rows at most (default 100000).",
        rich_help_panel=RUNNER_PANEL,
    ),
]
Rejects = Annotated[
    Path | None,
    typer.Option(
        "--rejects",
        metavar="FILE.csv",
        help="Write the rows that would be refused, to be fixed and loaded.",
        rich_help_panel=RUNNER_PANEL,
    ),
]
ReplaceRejects = Annotated[
    bool,
    typer.Option(
        "--force", help="Replace the file of --rejects where there is one.", rich_help_panel=RUNNER_PANEL
    ),
]
LimitRead = Annotated[
    int | None,
    typer.Option(
        "--limit", min=1, metavar="N", help="Read the first N rows only.", rich_help_panel=RUNNER_PANEL
    ),
]


@dataclass(frozen=True, slots=True)
class PlanFlags:
    """The options of a plan, in the order in which help shows them."""

    profile: Profile = None
    emulator: UseEmulator = False
    limit: LimitRead = None
    ask: Ask = None
    rejects: Rejects = None
    force: ReplaceRejects = False
    concurrency: Concurrency = None
    allow_env: AllowEnv = None
    json: AsJson = False
    quiet: Quiet = False
    jobs: Jobs = None
    state_dir: StateDir = None
    verbose: Verbose = False


@dataclass(frozen=True, slots=True)
class RunFlags:
    """The runner's options, in the order in which help shows them."""

    profile: Profile = None
    emulator: UseEmulator = False
    limit: Limit = None
    concurrency: Concurrency = None
    trigger: Trigger = None
    yes: Yes = False
    again: Again = False
    keep_going: KeepGoing = False
    wait: Wait = False
    allow_env: AllowEnv = None
    json: AsJson = False
    quiet: Quiet = False
    jobs: Jobs = None
    state_dir: StateDir = None
    verbose: Verbose = False
