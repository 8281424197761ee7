"""`zmigrate plan JOB`: shows what a run would do, without writing. One command a job, as for `run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import typer

from zmigrate import events
from zmigrate.cli import streams
from zmigrate.cli.options import JobsPath, PlanFlags
from zmigrate.cli.run import RunGroup, job_command
from zmigrate.errors import UsageError, ZmigrateError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.live import Live
    from rich.spinner import Spinner
    from typer._click import Command

    from zmigrate.display.plan import PlanFiles
    from zmigrate.engine.plan.plan import FlowPlan, Plan
    from zmigrate.job.job import Job
    from zmigrate.registry import JobEntry


class PlanGroup(RunGroup):
    """The group whose commands are the jobs that can be planned."""

    def command_of(self, entry: JobEntry) -> Command:
        return job_command(entry, PlanFlags, start)


class PlanProgress:
    """Shows on stderr how far a plan has come, and what it waits for."""

    def __init__(self, *, quiet: bool, verbose: bool) -> None:
        from zmigrate.display.console import stderr_console
        from zmigrate.display.notes import Notes

        self._console = stderr_console()
        self._notes = Notes(verbose=verbose)
        self._quiet = quiet
        self._spinner: Spinner | None = None
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._quiet:
            from rich.spinner import Spinner

            from zmigrate.display.console import begin_live

            self._spinner = Spinner("dots", "reading", style="status.spinner")
            self._live = begin_live(self._console, self._spinner, by_itself=True)
        return self

    def __exit__(self, *_: object) -> None:
        from zmigrate.display.console import end_live

        if self._live is not None:
            end_live(self._live)

    def __call__(self, event: events.Event) -> None:
        from zmigrate.display.plan import judged
        from zmigrate.display.progress import copying

        if isinstance(event, events.RowsJudged) and self._spinner is not None:
            self._spinner.update(text=judged(event))
        if isinstance(event, events.RowsCopied) and self._spinner is not None:
            self._spinner.update(text=copying(event))
        told = isinstance(event, events.Log) and event.level == "warning"  # the plan shows warnings itself
        line = None if self._quiet or told else self._notes.line(event)
        if line is not None:
            self._console.print(line, soft_wrap=True)


def start(job: Job, options: PlanFlags) -> None:
    """Plan the job, print the plan, and end with its exit code."""
    from zmigrate.engine.entry import Caller, foresee

    chosen = options.chosen()
    check_files(job, options)
    with PlanProgress(quiet=options.quiet, verbose=options.verbose) as progress:
        found = foresee(job, chosen, Caller(listeners=(progress,)))
    with found:
        try:
            files = write_files(found, job, options)
        except ZmigrateError:
            if not options.json:  # with --json the one object is the error
                show(found, options)
            raise
        show(found, options, files)
        raise typer.Exit(found.exit_code)


def write_files(found: Plan | FlowPlan, job: Job, options: PlanFlags) -> PlanFiles:
    """Write the files that were asked for; return what the plan shows of them."""
    from zmigrate.display.plan import PlanFiles

    if options.rejects is not None:
        found.write_rejects(options.rejects)
    if options.details is not None:
        found.write_details(options.details)
    commands = {} if options.rejects is None else load_commands(found, job, options.rejects, options)
    return PlanFiles(options.details, options.rejects, commands)


def show(found: Plan | FlowPlan, options: PlanFlags, files: PlanFiles | None = None) -> None:
    """Print the plan. `files`: what was written."""
    if options.json:
        found.write_json(streams.result())
    elif not options.quiet:
        from zmigrate.display.console import stdout_console
        from zmigrate.display.plan import NO_FILES, report

        shown = report(found, files or NO_FILES, practice=options.emulator)
        stdout_console().print(shown, crop=False)


def load_commands(found: Plan | FlowPlan, job: Job, rejects: Path, options: PlanFlags) -> dict[str, str]:
    """The command that loads the rejects of a mapping's step once they are fixed, by the step's name."""
    from zmigrate.cli.reload_commands import load_words
    from zmigrate.display.next_commands import Named
    from zmigrate.engine.plan.plan import FlowPlan
    from zmigrate.engine.preflight.steps import steps_in
    from zmigrate.rows.mapping.folder_mapping import LoadFile

    if not isinstance(found, FlowPlan) or options.emulator:  # another command has another emulator
        return {}
    loads = {step.name: step.job.load for step in steps_in(job) if isinstance(step.job, LoadFile)}
    given = ["--profile", options.profile] if options.profile else []
    given += [word for name in options.trigger or () for word in ("--trigger", name)]
    named = Named(options.state_dir, options.jobs)
    made = {}
    for step in found.steps:
        load = loads.get(step.facts.name)
        if load is None or load.mapping is None:
            continue
        of_mapping = {name for name, each in loads.items() if each.mapping == load.mapping}
        alike = [each.facts for each in found.steps if each.facts.name in of_mapping]
        words = load_words(step.rows_file(rejects), load.mapping, alike, alike.index(step.facts))
        made[step.facts.name] = named.run([*words, *given])
    return made


def check_files(job: Job, options: PlanFlags) -> None:
    """Raise UsageError before anything is read, if the files that are asked for can't be written, or if one
    exists: a person may have changed it.
    """
    from zmigrate.engine.plan.row_files import check_paths, file_of_step
    from zmigrate.engine.preflight.steps import steps_in
    from zmigrate.rows.mapping.folder_mapping import LoadFile

    steps = steps_in(job)
    paths = [
        file_of_step(path, step.name) if step.name else path
        for path in (options.details, options.rejects)
        if path is not None
        for step in steps
    ]
    check_paths(paths, [step.source for step in steps])
    folders = {step.job.load.folder.resolve() for step in steps if isinstance(step.job, LoadFile)}
    inside = next((path for path in paths if path.resolve().parent in folders), None)
    if inside is not None:
        raise UsageError(
            f"{inside} is in the folder that is imported: the next plan would find a file without a load",
            hint="Name a file in another folder.",
        )
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError("--details and --rejects name the same file", hint="Give each its own.")
    there = [str(path) for path in paths if path.exists()]
    if there and not options.force:
        raise UsageError(
            f"{', '.join(there)} {'exist' if len(there) > 1 else 'exists'} already, perhaps with changes of "
            "yours",
            hint="Choose another name, or overwrite with --force.",
        )


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(cls=PlanGroup, no_args_is_help=True, pretty_exceptions_enable=False)

    @group.callback()
    def plan(jobs: JobsPath = None) -> None:
        """Show what a job would do, row by row. Writes nothing to Zoho."""

    app.add_typer(group, name="plan")
