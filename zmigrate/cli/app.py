"""The tree of commands, and the frame around every one of them. Each command lives in its group's file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from zmigrate.cli import errors
from zmigrate.cli.commands import Group, LazyCommand
from zmigrate.errors import ZmigrateError, disk_full, is_full_disk
from zmigrate.stopping import StopRequested

if TYPE_CHECKING:
    from typer._click import Command as AnyCommand

PROGRAM = "zmigrate"

COMMANDS = {
    "demo": ("demo", "The whole story on an embedded emulator that misbehaves."),
    "jobs": ("jobs", "List the jobs that can be run from this folder."),
    "show": ("jobs", "Describe a job: its write, scopes and options."),
    "new": ("jobs", "Begin a job of your own: module, test, small file."),
    "plan": ("plan", "Say beforehand what a job would do, row by row. Writes nothing."),
    "run": ("run", "Run a job. `zmigrate run JOB --help` shows its options."),
    "resume": ("runs", "Go on with a run that was interrupted, paused or limited."),
    "runs": ("runs", "List the runs that were made from this folder."),
    "report": ("runs", "Tell what a run did and why rows failed."),
    "ids": ("ids", "The id map: which record stands for which key."),
    "init": ("setup", "Set up a profile: ask for client and org, try them."),
    "check": ("setup", "Check credentials, scopes, org, clock and reachability."),
    "map": ("map", "Propose a mapping file for a file and a module."),
    "fields": ("fields", "List a module's fields: types, rules, what is writable."),
    "api": ("api", "Make one API call and print the answer as JSON."),
    "emulator": ("emulator", "A local Zoho CRM on loopback, with faults on demand."),
}
"""In the order in which a newcomer meets them: the module where each lives, and its help in a line."""


class Deferred(LazyCommand):
    """A command whose module is imported when it is called: the root's help needs none of them."""

    def __init__(self, name: str, module: str, help_line: str) -> None:
        super().__init__(name, help=help_line)
        self._module = module

    def real(self) -> AnyCommand:
        group = typer.Typer()
        import_module(f"zmigrate.cli.{self._module}").add_to(group)
        return typer.main.get_group(group).commands[self.name or ""]


app = typer.Typer(
    name=PROGRAM,
    cls=Group,
    help="One-time migration jobs against Zoho CRM: nothing lost, nothing doubled, every row accounted for.",
    epilog="See the whole story without an account: zmigrate demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)


def print_version(wanted: bool) -> None:
    """`zmigrate 0.1.0`."""
    if not wanted:
        return
    from importlib.metadata import version

    typer.echo(f"{PROGRAM} {version(PROGRAM)}")
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


def tree() -> Group:
    """The root with all its commands."""
    command = typer.main.get_command(app)
    assert isinstance(command, Group)  # noqa: S101 - said by `cls` above
    for name, (module, help_line) in COMMANDS.items():
        command.add_command(Deferred(name, module, help_line))
    return command


def run_command_line(argv: Sequence[str] | None = None) -> int:
    """Parse, run, and turn whatever happens into messages and an exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = tree().main(args=words, prog_name=PROGRAM, standalone_mode=False)
    except (typer.Abort, StopRequested):
        with suppress(OSError):  # the terminal may be gone
            typer.echo("\ninterrupted; nothing was written", err=True)
        return errors.INTERRUPTED
    except (ZmigrateError, typer.TyperException) as error:
        return fail(errors.problem_of(error, words), words)
    except Exception as error:
        if is_full_disk(error):
            return fail(errors.problem_of(disk_full(error, "then give the command again")), words)
        if "-v" in words or "--verbose" in words:
            import traceback

            traceback.print_exc()
        return fail(errors.crash(error, words), words)
    return code if isinstance(code, int) else 0


def fail(problem: errors.Problem, words: Sequence[str]) -> int:
    """Say it on stderr, and on stdout as JSON where that was asked for."""
    if problem.message:
        errors.tell(problem, sys.stderr)
    if "--json" in words:
        errors.tell_json(problem, words)
    return problem.exit_code
