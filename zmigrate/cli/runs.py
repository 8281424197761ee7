"""`zmigrate resume`, `runs` and `report`: lists, reports and continues the runs of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zmigrate.cli import streams
from zmigrate.cli.commands import Command
from zmigrate.cli.options import (
    AllowEnv,
    AsJson,
    ConcurrencyAgain,
    Jobs,
    JobsPath,
    Json,
    KeepGoingAgain,
    LimitAgain,
    ProfileAgain,
    Quiet,
    State,
    StateDir,
    TriggerAgain,
    Verbose,
    WaitAgain,
    Yes,
    triggers,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from zmigrate.display.next_commands import Named
    from zmigrate.engine.storage.ledger import Run, RunInfo, UnreadableRun
    from zmigrate.engine.storage.run_record import RunRecord
    from zmigrate.events import BannerFacts

RunRef = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run, the beginning of one, or `last`.")]

REASONS = (("why rows failed", "errors"), ("rows in doubt", "in_doubt"), ("skipped rows", "skipped"))
"""Titles in a report, and the result file with the rows."""


def add_to(app: typer.Typer) -> None:
    @app.command(cls=Command)
    def resume(
        context: typer.Context,
        run: RunRef,
        profile: ProfileAgain = None,
        limit: LimitAgain = None,
        concurrency: ConcurrencyAgain = None,
        trigger: TriggerAgain = None,
        yes: Yes = False,
        keep_going: KeepGoingAgain = None,
        wait: WaitAgain = None,
        allow_env: AllowEnv = None,
        as_json: AsJson = False,
        quiet: Quiet = False,
        jobs: Jobs = None,
        state_dir: StateDir = None,
        verbose: Verbose = False,
    ) -> None:
        """Go on with a run that was interrupted, paused or limited."""
        from zmigrate.cli.watching import Watch
        from zmigrate.display.next_commands import Named
        from zmigrate.engine import entry
        from zmigrate.engine.model.run_options import RunOptions

        chosen = RunOptions(
            profile=profile,
            limit=limit,
            concurrency=concurrency,
            trigger=triggers(trigger),
            yes=yes,
            keep_going=keep_going,
            wait=wait,
            allow_env=tuple(allow_env or ()),
            state_dir=state_dir,
        )
        watch = Watch(quiet=quiet, verbose=verbose or bool(context.obj), as_json=as_json)
        with watch:
            secrets = secrets_of(run, jobs, state_dir)
            result = entry.go_on(run, chosen, watch.caller(), jobs=jobs, secrets=secrets)
        watch.finish(result, named=Named(state_dir, jobs, allow_env or ()))

    @app.command(cls=Command)
    def runs(state_dir: State = None, as_json: Json = False) -> None:
        """List the runs that were made from this folder."""
        from zmigrate.cli.connections import found_settings
        from zmigrate.engine.storage.ledger import list_runs

        found = list_runs(found_settings(state_dir).state_dir)
        if as_json:
            streams.print_json([as_data(info) for info in found])
            return
        from rich.console import Group

        from zmigrate.display.console import stdout_console

        stdout_console().print(Group(table(found), *troubles(found)) if found else "no runs yet")

    @app.command(cls=Command)
    def report(run: RunRef, jobs: JobsPath = None, state_dir: State = None, as_json: Json = False) -> None:
        """Show what a run did and why rows failed."""
        from zmigrate.cli.connections import found_settings
        from zmigrate.engine.storage.ledger import find_run

        info = find_run(found_settings(state_dir).state_dir, run)
        if as_json:
            streams.print_json(as_data(info))
            return
        from zmigrate.display.console import stdout_console
        from zmigrate.display.next_commands import Named

        stdout_console().print(description(info, Named(state_dir, jobs, allowed_in(info.record))), crop=False)


def secrets_of(reference: str, jobs: Path | None, state_dir: Path | None) -> dict[str, str]:
    """The job's secret options, from the environment or a prompt. No run keeps them."""
    from zmigrate.cli.connections import found_settings
    from zmigrate.cli.run import secret_value
    from zmigrate.engine.storage.inputs import class_of_run
    from zmigrate.engine.storage.ledger import find_run
    from zmigrate.job.job import options

    record = find_run(found_settings(state_dir).state_dir, reference).record
    if not record.unfinished or record.practice:
        return {}
    found = {
        spec.name: secret_value(spec)
        for spec in options(class_of_run(record, jobs, Path.cwd()))
        if spec.secret
    }
    return {name: value for name, value in found.items() if value is not None}


def as_data(info: Run) -> dict[str, Any]:
    """A run as JSON: what the ledger knows, and the last result. For an unreadable run only what is known."""
    from zmigrate.engine.storage.ledger import UnreadableRun

    if isinstance(info, UnreadableRun):
        job, state, record = info.job, state_of(info), None
    else:
        record = info.record
        job, state = record.job, record.state
    return {
        "run_id": info.run_id,
        "job": job,
        "state": state,
        "running": info.running,
        "started_at": record and record.started_at,
        "updated_at": record and record.updated_at,
        "org": record and dict(record.org),
        "practice": record and record.practice,
        "folder": str(info.folder.path),
        "result": record and record.result,
        "trouble": info.refusal.message
        if isinstance(info, UnreadableRun)
        else info.trouble or info.uncounted,
    }


def state_of(run: UnreadableRun) -> str:
    return "unreadable" if run.may_have_sent else "not begun"


def troubles(found: list[Run]) -> list[RenderableType]:
    """What is wrong with runs that can't be read, in whole or in part, and what to do."""
    from rich.text import Text

    from zmigrate.engine.storage.ledger import UnreadableRun, with_steps

    lines: list[RenderableType] = []
    for run in with_steps(found):
        if isinstance(run, UnreadableRun):
            refusal = run.refusal
            lines.append(Text(refusal.message, style="red" if run.may_have_sent else "dim"))
            if refusal.hint:
                lines.append(Text(f"hint: {refusal.hint}", style="" if run.may_have_sent else "dim"))
        elif run.trouble or run.uncounted:
            lines.append(Text(f"run {run.run_id}: {trouble_of(run)}", style="yellow"))
    return lines


def trouble_of(info: RunInfo) -> str:
    """What can't be read of a run."""
    told = []
    if info.trouble:
        told.append(f"{info.trouble}; nothing is lost, since its journal says what the run is")
    if info.uncounted:
        told.append(f"its rows can't be counted: {info.uncounted}")
    return "; ".join(told)


def table(found: list[Run]) -> RenderableType:
    """The runs, newest first. A run's id has its time and job."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from zmigrate.display.summary import state_style
    from zmigrate.engine.storage.ledger import UnreadableRun, readable
    from zmigrate.wording import count

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    made.add_column("run (time, job)", no_wrap=True)
    made.add_column("state", no_wrap=True)
    made.add_column("rows", justify="right", no_wrap=True)
    made.add_column("failed", justify="right", no_wrap=True)
    doubts = any(info.rows.in_doubt for info in readable(found))
    if doubts:
        made.add_column("in doubt", justify="right", no_wrap=True)
    made.add_column("org", overflow="fold")
    for info in reversed(found):
        if isinstance(info, UnreadableRun):
            made.add_row(info.run_id, Text(state_of(info), style="red" if info.may_have_sent else "dim"))
            continue
        record = info.record
        rows = (record.result or {}).get("rows")
        shown: list[str | Text] = [count(rows[name]) if rows else "" for name in ("read", "failed")]
        if doubts:
            shown.append(Text(count(info.rows.in_doubt), style="yellow" if info.rows.in_doubt else "dim"))
        state = Text(record.state, style=state_style(record.state, rows or {}))
        org = "practice" if record.practice else str(record.org.get("name", ""))
        made.add_row(info.run_id, state, *shown, org)
    return made


def description(info: RunInfo, named: Named) -> RenderableType:
    """One run on a screen: banner, accounting, reasons, files, what to do next."""
    from rich.console import Group
    from rich.text import Text

    from zmigrate.cli.reload_commands import commands, reloads
    from zmigrate.display.banner import banner
    from zmigrate.display.report import reason_list, reasons_of
    from zmigrate.display.summary import step_line, summary
    from zmigrate.engine.storage.folder import WITHOUT_RECORD
    from zmigrate.engine.storage.ledger import list_steps, readable

    record = info.record
    parts: list[RenderableType] = [banner(facts_of_record(record))]
    parts += troubles([info])
    if info.uncounted:
        parts.append(Text(record.state if info.running else f"hint: {WITHOUT_RECORD}"))
        return Group(*parts)
    if record.result is None:
        parts.append(Text(f"{record.state}; it has no figures yet, since it has never ended"))
        if not info.running:
            parts.append(step_line(f"continue with: {named.resume(info.run_id)}"))
        return Group(*parts)
    parts.append(
        summary(
            {**record.result, "state": record.state},
            practice=record.practice,
            report=True,
            rows_total=(record.source or {}).get("rows"),
            counted_only=info.counted_only,
            commands=None  # a hand-written job's result files have no source columns to load again
            if record.by_hand
            else commands(info, named)
            if record.state == "finished" and not record.practice
            else (),
            reloads={} if record.practice else reloads(info, named),
            named=named,
        )
    )
    for run in readable(list_steps(info.folder)) or [info]:
        place = "" if run is info else f"{run.folder.path.name}: "
        for title, name in REASONS:
            reasons = reasons_of(run.folder.result_file(name))
            if reasons:
                parts += [Text(f"\n{place}{title}", style="bold"), reason_list(reasons)]
    error = record.result.get("error")
    if error:
        parts.append(Text(f"\nended by: {error['message']}", style="red"))
        if error.get("hint"):
            parts.append(Text(f"hint: {error['hint']}"))
    return Group(*parts)


def allowed_in(record: RunRecord) -> list[str]:
    """The variables that the run was allowed to read, for display only."""
    names = record.settings.get("allow_env")
    return [str(name) for name in names] if isinstance(names, list) else []


def facts_of_record(record: RunRecord) -> BannerFacts:
    """The banner, from what the run folder says."""
    from zmigrate.engine.storage.inputs import shown_origin
    from zmigrate.events import BannerFacts, StepFacts

    write = record.write or {}
    return BannerFacts(
        job=record.job,
        code=shown_origin(record.origin),
        org=f"{record.org.get('name', '')} ({record.org.get('zgid', '')})",
        environment="sandbox" if record.org.get("sandbox") else "production",
        place=record.place,
        module=write.get("module"),
        operation=write.get("operation"),
        rows=(record.source or {}).get("rows"),
        practice=record.practice,
        steps=[StepFacts.of_record(step) for step in record.steps or ()],
    )
