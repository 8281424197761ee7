"""`zmigrate resume`, `runs` and `report`: what has been run here, and going on with it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zmigrate.cli.commands import Command
from zmigrate.cli.options import (
    AsJson,
    Concurrency,
    Jobs,
    Json,
    KeepGoing,
    Limit,
    Profile,
    Quiet,
    State,
    StateDir,
    Verbose,
    Wait,
    Yes,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from zmigrate.engine.ledger import RunInfo

RunRef = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run, the beginning of one, or `last`.")]


def add_to(app: typer.Typer) -> None:
    @app.command(cls=Command)
    def resume(
        run: RunRef,
        profile: Profile = None,
        limit: Limit = None,
        concurrency: Concurrency = None,
        yes: Yes = False,
        keep_going: KeepGoing = False,
        wait: Wait = False,
        as_json: AsJson = False,
        quiet: Quiet = False,
        jobs: Jobs = None,
        state_dir: StateDir = None,
        verbose: Verbose = False,
    ) -> None:
        """Go on with a run that was interrupted, paused or limited."""
        from zmigrate.cli.watching import Watch
        from zmigrate.engine import entry

        watch = Watch(quiet=quiet, verbose=verbose, as_json=as_json)
        with watch:
            result = entry.resume(
                run,
                profile=profile,
                limit=limit,
                concurrency=concurrency,
                yes=yes,
                keep_going=keep_going,
                wait=wait,
                jobs=jobs,
                state_dir=state_dir,
                listeners=(watch,),
                confirm=watch.confirm if sys.stdin.isatty() else None,
            )
        watch.finish(result)

    @app.command(cls=Command)
    def runs(state_dir: State = None, as_json: Json = False) -> None:
        """List the runs that were made from this folder."""
        from zmigrate.cli.connections import found_settings
        from zmigrate.engine.ledger import list_runs

        found = list_runs(found_settings(state_dir).state_dir)
        if as_json:
            typer.echo(json.dumps([as_data(info) for info in found], ensure_ascii=False))
            return
        from zmigrate.display.console import stdout_console

        stdout_console().print(table(found) if found else "no runs yet")

    @app.command(cls=Command)
    def report(run: RunRef, state_dir: State = None, as_json: Json = False) -> None:
        """Tell what a run did and why rows failed."""
        from zmigrate.cli.connections import found_settings
        from zmigrate.engine.ledger import find_run

        info = find_run(found_settings(state_dir).state_dir, run)
        if as_json:
            typer.echo(json.dumps(as_data(info), ensure_ascii=False))
            return
        from zmigrate.display.console import stdout_console

        stdout_console().print(description(info))


def as_data(info: RunInfo) -> dict[str, Any]:
    raise NotImplementedError


def table(found: list[RunInfo]) -> RenderableType:
    raise NotImplementedError


def description(info: RunInfo) -> RenderableType:
    raise NotImplementedError
