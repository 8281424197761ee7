"""The tree of commands, and the frame around every one of them. Each command lives in its group's file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from zmigrate.cli import api, demo, emulator, errors, fields, jobs, run, runs, setup
from zmigrate.cli.commands import Group
from zmigrate.errors import ZmigrateError
from zmigrate.stopping import StopRequested

if TYPE_CHECKING:
    from typer._click import Context

PROGRAM = "zmigrate"

ORDER = (
    *("demo", "jobs", "show", "new", "run", "resume", "runs", "report"),
    *("init", "check", "fields", "api", "emulator"),
)


class Root(Group):
    """The commands in the order in which a newcomer meets them."""

    def list_commands(self, ctx: Context) -> list[str]:
        return sorted(super().list_commands(ctx), key=ORDER.index)


app = typer.Typer(
    name=PROGRAM,
    cls=Root,
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


for group in (demo, jobs, run, runs, setup, fields, api, emulator):
    group.add_to(app)


def run_command_line(argv: Sequence[str] | None = None) -> int:
    """Parse, run, and turn whatever happens into messages and an exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    command = typer.main.get_command(app)
    try:
        code = command.main(args=words, prog_name=PROGRAM, standalone_mode=False)
    except (typer.Abort, StopRequested):
        typer.echo("interrupted; nothing was written", err=True)
        return errors.INTERRUPTED
    except (ZmigrateError, typer.TyperException) as error:
        return fail(errors.problem_of(error), words)
    except Exception as error:
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
