"""Shows a run to a person: banner, question, progress, summary. A script gets one JSON object."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

import typer

from zmigrate import events
from zmigrate.cli import errors, streams
from zmigrate.display.banner import banner, confirm
from zmigrate.display.console import stderr_console
from zmigrate.display.next_commands import NOTHING_NAMED, Named
from zmigrate.display.progress import progress_for
from zmigrate.display.summary import summary
from zmigrate.errors import ZmigrateError
from zmigrate.signals import end_waiting, handled_by
from zmigrate.stopping import StopSignal

if TYPE_CHECKING:
    from zmigrate.display.in_doubt import Reload
    from zmigrate.engine.entry import Caller, RunResult


class Watch:
    """Listens to a run's events, asks before it writes to production, and reports how it ended."""

    def __init__(self, *, quiet: bool, verbose: bool, as_json: bool) -> None:
        self._quiet = quiet
        self._json = as_json
        self._console = stderr_console()
        self.stop = StopSignal()  # set by the run's signal handlers
        self._progress = progress_for(
            self._console, quiet=quiet, verbose=verbose, asked=lambda: self.stop.requested
        )
        self._banner_shown = False
        self._in_flow = False
        self._rows_total: int | None = None
        self._rows_before = 0

    def __enter__(self) -> Self:
        self._progress.__enter__()
        return self

    def __exit__(self, *why: object) -> None:
        with errors.never_the_result("the progress", None):
            self._progress.__exit__(*why)

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.FlowStarted):
            self._in_flow = True
            self._begin(event)
        elif isinstance(event, events.RunStarted) and not self._in_flow:
            self._begin(event)
        self._progress(event)

    def caller(self) -> Caller:
        """Who watches and stops the run, and is asked if there is a terminal."""
        from zmigrate.engine.entry import Caller

        return Caller((self,), self.confirm if streams.can_ask() else None, self.stop)

    def _begin(self, event: events.RunStarted | events.FlowStarted) -> None:
        self._rows_total = event.facts.rows
        self._rows_before = event.facts.rows_done
        if not self._quiet and not self._banner_shown:
            self._show(event.facts)

    def confirm(self, asked: events.BannerFacts) -> bool:
        """Show what is about to happen, and ask whether to go on."""
        self._show(asked)
        with handled_by(end_waiting):
            return confirm(self._console, "This writes to a PRODUCTION org. Go on?")

    def finish(
        self,
        result: RunResult,
        *,
        practice: bool = False,
        named: Named = NOTHING_NAMED,
    ) -> None:
        """Report the end of the run, on stderr for a person and on stdout as JSON, and exit with its code."""
        body: dict[str, Any] = result.to_json()
        if not self._quiet:
            with errors.never_the_result("the summary", named.state_dir):
                commands, reloads = ([], {}) if practice else reload_commands(result, named)
                self._summarise(body, commands, reloads, named, practice=practice)
        if body["error"] is not None:
            error = body["error"]
            errors.tell(
                errors.ErrorMessage(error["code"], error["message"], error["hint"], result.exit_code),
                sys.stderr,
            )
        if self._json:
            streams.print_json(body)
        raise typer.Exit(result.exit_code)

    def _summarise(
        self,
        body: dict[str, Any],
        commands: list[str] | None,
        reloads: dict[str, Reload],
        named: Named,
        *,
        practice: bool,
    ) -> None:
        shown = summary(
            body,
            practice=practice,
            rows_total=self._rows_total,
            rows_before=self._rows_before,
            commands=commands,
            reloads=reloads,
            named=named,
        )
        self._console.print(shown, crop=False)

    def _show(self, facts: events.BannerFacts) -> None:
        self._banner_shown = True
        self._console.print(banner(facts))


def reload_commands(result: RunResult, named: Named) -> tuple[list[str] | None, dict[str, Reload]]:
    """How to load again what failed, once the run is finished (None for a hand-written job), and what is in
    doubt."""
    fails = result.state == "finished" and result.rows.failed
    if not fails and not result.rows.in_doubt:
        return [], {}
    from zmigrate.cli.connections import found_settings
    from zmigrate.cli.reload_commands import commands, reloads
    from zmigrate.engine.storage.ledger import find_run

    try:
        info = find_run(found_settings(named.state_dir).state_dir, result.run_id)
    except ZmigrateError:
        return [], {}  # the end of the run reports why its folder can't be read
    if info.record.by_hand:
        return None, {}
    return commands(info, named) if fails else [], reloads(info, named)
