"""The two consoles. What is drawn on them lives elsewhere. No text that is printed on them controls them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.live import Live
    from rich.text import Text


SPINS_PER_S = 12.5


def stderr_console() -> Console:
    """Where progress, banners and messages go. rich honours NO_COLOR, TERM=dumb and COLUMNS."""
    from zmigrate.display.printable_console import PrintableConsole

    return PrintableConsole(file=sys.stderr, stderr=True, highlight=False, emoji=False, markup=False)


def stdout_console() -> Console:
    """Where results go."""
    from zmigrate.display.printable_console import PrintableConsole

    return PrintableConsole(file=sys.stdout, highlight=False, emoji=False, markup=False)


def begin_live(console: Console, picture: RenderableType, *, by_itself: bool = False) -> Live:
    """Show a picture at the bottom of the terminal. What a job module prints meanwhile stands above it; where
    stdout is no terminal, what it prints there goes there as ever.

    `by_itself`: it moves between updates, and is gone at the end.
    """
    from rich.live import Live

    live = Live(
        picture,
        console=console,
        auto_refresh=by_itself,
        refresh_per_second=SPINS_PER_S,
        transient=by_itself,
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=True,
    )
    live.start(refresh=True)
    console.show_cursor(True)  # rich hides it, and a process that is killed could not show it again
    return live


def end_live(live: Live) -> None:
    """Leave the last picture where it stands, below what was printed without an end of its line."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    live.stop()


@dataclass(frozen=True, slots=True)
class Hanging:
    """A text behind a lead; what does not fit its line goes on below, as far in, with no blank at an end."""

    lead: Text
    body: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        indent = self.lead.cell_len
        for number, line in enumerate(self.body.wrap(console, max(options.max_width - indent, 1))):
            line.rstrip()
            yield Text.assemble(self.lead if number == 0 else " " * indent, line)
