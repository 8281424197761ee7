"""`zmigrate plan JOB`: what a run would do, found out without writing. One command a job, as for `run`."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer

from zmigrate import events
from zmigrate.cli.options import JobsPath, PlanOptions
from zmigrate.cli.run import RunGroup, job_command
from zmigrate.errors import UsageError
from zmigrate.stopping import StopSignal

if TYPE_CHECKING:
    from rich.status import Status
    from typer._click import Command

    from zmigrate.job import Job
    from zmigrate.registry import JobEntry


class PlanGroup(RunGroup):
    """Its commands are the jobs that can be found."""

    def command_of(self, entry: JobEntry) -> Command:
        return job_command(entry, PlanOptions, start)


class Progress:
    """Tells on stderr how far a plan has come, and what it waits for."""

    def __init__(self, *, quiet: bool, verbose: bool) -> None:
        from zmigrate.display.console import stderr_console
        from zmigrate.display.notes import Notes

        self._console = stderr_console()
        self._notes = Notes(verbose=verbose)
        self._quiet = quiet
        self._status: Status | None = None
        if self._console.is_terminal and not quiet:
            self._status = self._console.status("reading")

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, event: events.Event) -> None:
        from zmigrate.display.plan import judged

        if isinstance(event, events.RowsJudged) and self._status is not None:
            self._status.update(judged(event))
        told = isinstance(event, events.Log) and event.level == "warning"  # the plan has it
        line = None if self._quiet or told else self._notes.line(event)
        if line is not None:
            self._console.print(line, soft_wrap=True)


def start(job: Job, options: PlanOptions) -> None:
    """Plan the job, say what was found, and end with the plan's exit code."""
    from zmigrate.engine.entry import plan
    from zmigrate.engine.planning.reject_file import check_path
    from zmigrate.job import Flow, RecordJob, source_of, steps_of

    if options.emulator and options.profile:
        raise UsageError("--emulator and --profile exclude each other", hint="leave one of them out")
    if options.rejects is not None:
        steps = steps_of(job) if isinstance(job, Flow) else [job] if isinstance(job, RecordJob) else []
        for step in steps:
            check_path(options.rejects, source_of(step))
    stop = StopSignal()
    with Progress(quiet=options.quiet, verbose=options.verbose) as progress:
        found = plan(
            job,
            profile=options.profile,
            emulator=options.emulator,
            limit=options.limit,
            ask=options.ask,
            concurrency=options.concurrency,
            state_dir=options.state_dir,
            listeners=(progress,),
            stop=stop,
        )
        if options.rejects is not None:
            found.write_rejects(options.rejects)
    with found:
        if options.json:
            found.write_json(sys.stdout)
        elif not options.quiet:
            from zmigrate.display.console import stdout_console
            from zmigrate.display.plan import report

            stdout_console().print(report(found, rejects=options.rejects, practice=options.emulator))
        raise typer.Exit(found.exit_code)


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(cls=PlanGroup, no_args_is_help=True, pretty_exceptions_enable=False)

    @group.callback()
    def plan(jobs: JobsPath = None) -> None:
        """Say beforehand what a job would do, row by row. Writes nothing."""

    app.add_typer(group, name="plan")
