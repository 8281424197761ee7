"""Options that several commands share, each declared once."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zmigrate.errors import UsageError
from zmigrate.state_folders import from_home
from zmigrate.zoho.facts.triggers import TRIGGERS

if TYPE_CHECKING:
    from zmigrate.engine.model.run_options import PlanOptions, RunOptions

VARIABLE_NAME = re.compile(r"\w+")  # A variable's name in a URL: `${NAME}`
RUNNER_PANEL = "Options of every run"
PLAN_PANEL = "Options of a plan"


def run_option(*flags: str, **about: Any) -> Any:
    """An option of the runner, which help shows apart from those of the job."""
    return typer.Option(*flags, rich_help_panel=RUNNER_PANEL, **about)


def plan_option(*flags: str, **about: Any) -> Any:
    """An option that only a plan has, shown below those of its run."""
    return typer.Option(*flags, rich_help_panel=PLAN_PANEL, **about)


Profile = Annotated[
    str | None, run_option("--profile", metavar="NAME", help="Credentials: a profile of zmigrate.toml.")
]
UseEmulator = Annotated[
    bool, run_option("--emulator", help="Practise on an embedded emulator; needs no credentials.")
]
Limit = Annotated[
    int | None,
    run_option("--limit", min=1, metavar="N", help="Stop after N rows (of a flow: in all); resume goes on."),
]
Concurrency = Annotated[
    int | None,
    run_option(
        "--concurrency",
        min=1,
        max=25,
        metavar="N",
        help="At most N requests at a time. Without it the org's ceiling is found.",
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
    run_option(
        "--trigger",
        metavar="NAME",
        callback=known_triggers,
        help=f"Let Zoho run these: {', '.join(TRIGGERS)}. Default: none.",
    ),
]
Yes = Annotated[bool, run_option("--yes", "-y", help="Don't ask before writing to production.")]
Again = Annotated[
    bool,
    run_option(
        "--again",
        help="Start again although the same run exists. Records with a unique key are not written twice.",
    ),
]
KeepGoing = Annotated[
    bool, run_option("--keep-going", help="Go on even if the first 500 rows are all refused.")
]
Wait = Annotated[bool, run_option("--wait", help="Wait for API credits instead of stopping.")]

AS_BEGUN = "Default: as the run began."
"""What a resume takes over from its run."""
ProfileAgain = Annotated[
    str | None,
    run_option("--profile", metavar="NAME", help=f"Credentials: a profile of zmigrate.toml. {AS_BEGUN}"),
]
LimitAgain = Annotated[
    int | None,
    run_option("--limit", min=1, metavar="N", help="Stop after N further rows (of a flow: in all)."),
]
ConcurrencyAgain = Annotated[
    int | None,
    run_option("--concurrency", min=1, max=25, metavar="N", help=f"At most N requests at a time. {AS_BEGUN}"),
]
TriggerAgain = Annotated[
    list[str] | None,
    run_option(
        "--trigger",
        metavar="NAME",
        callback=known_triggers,
        help=f"Let Zoho run these: {', '.join(TRIGGERS)}; or none. {AS_BEGUN}",
    ),
]
KeepGoingAgain = Annotated[
    bool | None,
    run_option(
        "--keep-going/--no-keep-going",
        help=f"Go on even if the first 500 rows are all refused. {AS_BEGUN}",
        show_default=False,
    ),
]
WaitAgain = Annotated[
    bool | None,
    run_option(
        "--wait/--no-wait", help=f"Wait for API credits instead of stopping. {AS_BEGUN}", show_default=False
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
    run_option(
        "--allow-env",
        metavar="NAME",
        callback=names_of_variables,
        help="Let a database URL use this variable, as in ${DB_PASSWORD}; repeatable.",
    ),
]
AsJson = Annotated[bool, run_option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, run_option("--quiet", "-q", help="No progress and no summary.")]


def typed_path(path: Path | None) -> Path | None:
    """The path of an option, which may begin with `~`."""
    return None if path is None else from_home(path)


Jobs = Annotated[
    Path | None,
    run_option("--jobs", metavar="PATH", callback=typed_path, help="A job module, or a folder of them."),
]
StateDir = Annotated[
    Path | None, run_option("--state-dir", metavar="DIR", help="Where runs are kept (default .zmigrate).")
]
Verbose = Annotated[bool, run_option("--verbose", "-v", help="Tell of tokens, retries and throttling.")]

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
CheckProfile = Annotated[
    str | None, typer.Option("--profile", metavar="NAME", help="Credentials: a profile of zmigrate.toml.")
]
JobsPath = Annotated[
    Path | None,
    typer.Option("--jobs", metavar="PATH", callback=typed_path, help="A job module, or a folder of them."),
]
State = Annotated[
    Path | None, typer.Option("--state-dir", metavar="DIR", help="Where runs are kept (default .zmigrate).")
]

Ask = Annotated[
    int | None,
    plan_option(
        "--ask", min=0, metavar="N", help="Ask the org for the keys of N rows at most (default 100000)."
    ),
]
Details = Annotated[
    Path | None,
    plan_option(
        "--details",
        metavar="FILE.csv",
        callback=typed_path,
        help="Write every row with what would become of it.",
    ),
]
Rejects = Annotated[
    Path | None,
    plan_option(
        "--rejects",
        metavar="FILE.csv",
        callback=typed_path,
        help="Write the rows that would be refused, to be fixed and loaded.",
    ),
]
Replace = Annotated[
    bool, plan_option("--force", help="Replace the files of --details and --rejects where they exist.")
]
LimitRead = Annotated[
    int | None, run_option("--limit", min=1, metavar="N", help="Read the first N rows only.")
]


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

        return RunOptions(**told_engine(self, RunOptions))


@dataclass(frozen=True, slots=True)
class PlanFlags(RunFlags):
    """The options of a plan: those of the run that it foresees, then its own."""

    limit: LimitRead = None
    details: Details = None
    rejects: Rejects = None
    force: Replace = False
    ask: Ask = None

    def chosen(self) -> PlanOptions:
        """What the engine is told of them. Raises UsageError where they exclude each other."""
        from zmigrate.engine.model.run_options import PlanOptions

        return PlanOptions(**told_engine(self, PlanOptions))


def told_engine(flags: RunFlags, options: type[RunOptions]) -> dict[str, Any]:
    """The flags that are options of the engine, by name. Raises UsageError where two places for the
    credentials are named.
    """
    if flags.emulator and flags.profile:
        raise UsageError("--emulator and --profile exclude each other", hint="leave one of them out")
    told = {each.name: getattr(flags, each.name) for each in fields(options)}
    return told | {
        "trigger": triggers(flags.trigger),
        "keep_going": flags.keep_going or None,
        "wait": flags.wait or None,
        "allow_env": tuple(flags.allow_env or ()),
    }
