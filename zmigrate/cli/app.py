"""The tree of commands, and what surrounds each of them. Each command lives in its group's file."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from zmigrate.cli import INTERRUPTED, errors, streams
from zmigrate.cli.commands import CommandGroup, LazyCommand

if TYPE_CHECKING:
    from typer._click import Command as AnyCommand

PROGRAM = "zmigrate"
COMPLETION = "_ZMIGRATE_COMPLETE"  # A shell sets this variable to ask for completions

COMMANDS = {
    "demo": ("demo", "The whole story on an embedded emulator that misbehaves."),
    "jobs": ("jobs", "List the jobs that can be run from this folder."),
    "show": ("jobs", "Describe a job: its write, scopes and options."),
    "new": ("jobs", "Start a job of your own: module, test, small file."),
    "plan": ("plan", "Show what a job would do, row by row. Writes nothing to Zoho."),
    "run": ("run", "Run a job. `zmigrate run JOB --help` shows its options."),
    "resume": ("runs", "Go on with a run that was interrupted, paused or limited."),
    "runs": ("runs", "List the runs that were made from this folder."),
    "report": ("runs", "Show what a run did and why rows failed."),
    "ids": ("ids", "The id map: which record belongs to which key."),
    "init": ("setup", "Set up a profile: ask for client and org, try them."),
    "check": ("setup", "Check credentials, scopes, org, clock and reachability."),
    "map": ("map", "Propose a mapping file for a file and a module."),
    "fields": ("fields", "List a module's fields: types, rules, what is writable."),
    "api": ("api", "Make one API call and print the answer as JSON."),
    "emulator": ("emulator", "A local Zoho CRM on loopback, with faults on demand."),
}
"""Each command's module and its help in one line, in the order in which a newcomer meets the commands."""


class Deferred(LazyCommand):
    """A command that is imported when it is called, so that the root's help stays fast."""

    def __init__(self, name: str, module: str, help_line: str) -> None:
        super().__init__(name, help=help_line)
        self._module = module

    def real(self) -> AnyCommand:
        group = typer.Typer()
        import_module(f"zmigrate.cli.{self._module}").add_to(group)
        return typer.main.get_group(group).commands[self.name or ""]


app = typer.Typer(
    name=PROGRAM,
    cls=CommandGroup,
    help="One-time migration jobs against Zoho CRM: nothing lost, nothing doubled, every row accounted for.",
    epilog="See the whole story without an account: zmigrate demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)


def print_version(wanted: bool) -> None:
    """`zmigrate 0.2.0`."""
    if not wanted:
        return
    from importlib.metadata import version

    streams.echo(f"{PROGRAM} {version(PROGRAM)}")
    raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Tell more; show tracebacks of unexpected errors.")
    ] = False,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=print_version)
    ] = False,
) -> None:
    context.obj = verbose


def tree() -> CommandGroup:
    """The root with all its commands."""
    command = typer.main.get_command(app)
    assert isinstance(command, CommandGroup)  # noqa: S101 - `cls` above says so
    for name, (module, help_line) in COMMANDS.items():
        command.add_command(Deferred(name, module, help_line))
    return command


def run_command_line(words: Sequence[str]) -> int:
    """Parse, run, and turn whatever happens into messages and an exit code."""
    if os.environ.get(COMPLETION):
        tree().main(args=list(words), prog_name=PROGRAM)  # answers the shell and exits
    try:
        return invoke(words)
    except BaseException as error:  # some libraries raise their errors as BaseException
        return tell(error, words)


def invoke(words: Sequence[str]) -> int:
    """Call the command and return its exit code.

    typer's own `main` is not used: it turns every broken pipe into exit code 1, and an EOFError into an
    interruption.
    """
    root = tree()
    try:
        with root.make_context(PROGRAM, list(words)) as context:
            root.invoke(context)
    except typer.Exit as leaving:
        return leaving.exit_code
    return 0


def tell(error: BaseException, words: Sequence[str]) -> int:
    """Print the error on stderr, with --json on stdout too. Returns the exit code."""
    problem = errors.problem_behind(error, words)
    with suppress(BaseException):  # a second Ctrl-C ends the message
        if problem.traceback and {"-v", "--verbose"}.intersection(words):
            streams.say(problem.traceback.rstrip())
        if problem.exit_code == INTERRUPTED:
            streams.say(f"\n{problem.message}")
        elif problem.message:
            errors.tell(problem, sys.stderr)
        if streams.wants_json(words):
            errors.tell_json(problem, words)
    return problem.exit_code
