"""Options that several commands share, each declared once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zmigrate.errors import UsageError
from zmigrate.zoho.facts.triggers import TRIGGERS

if TYPE_CHECKING:
    from zmigrate.engine.model.run_options import PlanOptions, RunOptions

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


NO_TRIGGER = ["none"]


def known_triggers(names: list[str] | None) -> list[str] | None:
    """Refuse a name that Zoho does not know: Zoho would answer SUCCESS and trigger nothing."""
    for name in names or () if names != NO_TRIGGER else ():
        if name not in TRIGGERS:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(TRIGGERS)}")
    return names


def triggers(names: list[str] | None) -> list[str] | None:
    """What Zoho shall run; None: not given. `none` can stand alone only, and is given: nothing."""
    return None if not names else [] if names == NO_TRIGGER else names


Trigger = Annotated[
    list[str] | None,
    typer.Option(
        "--trigger",
        metavar="NAME",
        callback=known_triggers,
        help=f"Let Zoho run these: {', '.join(TRIGGERS)}. Default: none.",
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

AS_BEGUN = "Default: as the run began."
"""What a resume takes over from its run."""
ProfileAgain = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help=f"Credentials: a profile of zmigrate.toml. {AS_BEGUN}",
        rich_help_panel=RUNNER_PANEL,
    ),
]
LimitAgain = Annotated[
    int | None,
    typer.Option(
        "--limit",
        min=1,
        metavar="N",
        help="Stop after N further rows (of a flow: in all).",
        rich_help_panel=RUNNER_PANEL,
    ),
]
ConcurrencyAgain = Annotated[
    int | None,
    typer.Option(
        "--concurrency",
        min=1,
        max=25,
        metavar="N",
        help=f"At most N requests at a time. {AS_BEGUN}",
        rich_help_panel=RUNNER_PANEL,
    ),
]
TriggerAgain = Annotated[
    list[str] | None,
    typer.Option(
        "--trigger",
        metavar="NAME",
        callback=known_triggers,
        help=f"Let Zoho run these: {', '.join(TRIGGERS)}; or none. {AS_BEGUN}",
        rich_help_panel=RUNNER_PANEL,
    ),
]
KeepGoingAgain = Annotated[
    bool | None,
    typer.Option(
        "--keep-going/--no-keep-going",
        help=f"Go on even if the first 500 rows are all refused. {AS_BEGUN}",
        show_default=False,
        rich_help_panel=RUNNER_PANEL,
    ),
]
WaitAgain = Annotated[
    bool | None,
    typer.Option(
        "--wait/--no-wait",
        help=f"Wait for API credits instead of stopping. {AS_BEGUN}",
        show_default=False,
        rich_help_panel=RUNNER_PANEL,
    ),
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

    def chosen(self) -> PlanOptions:
        """What the engine is told of them. Raises UsageError where they exclude each other."""
        from zmigrate.engine.model.run_options import PlanOptions

        refuse_both(self)
        return PlanOptions(
            profile=self.profile,
            emulator=self.emulator,
            limit=self.limit,
            ask=self.ask,
            concurrency=self.concurrency,
            allow_env=tuple(self.allow_env or ()),
            state_dir=self.state_dir,
        )


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

    def chosen(self) -> RunOptions:
        """What the engine is told of them. Raises UsageError where they exclude each other."""
        from zmigrate.engine.model.run_options import RunOptions

        refuse_both(self)
        return RunOptions(
            profile=self.profile,
            emulator=self.emulator,
            limit=self.limit,
            concurrency=self.concurrency,
            trigger=triggers(self.trigger),
            yes=self.yes,
            again=self.again,
            keep_going=self.keep_going or None,
            wait=self.wait or None,
            allow_env=tuple(self.allow_env or ()),
            state_dir=self.state_dir,
        )


def refuse_both(flags: RunFlags | PlanFlags) -> None:
    """Raise UsageError where two places for the credentials are named."""
    if flags.emulator and flags.profile:
        raise UsageError("--emulator and --profile exclude each other", hint="leave one of them out")
