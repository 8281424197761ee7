"""The two consoles. Printed text can't control them. What is drawn on them lives elsewhere."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TextIO, TypedDict

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.live import Live
    from rich.text import Text


SPINS_PER_S = 12.5


class _Colors(TypedDict, total=False):
    force_terminal: bool
    color_system: Literal["auto", "standard"]


def stderr_console() -> Console:
    """The console for progress, banners and messages. rich honours NO_COLOR, TERM=dumb and COLUMNS."""
    from zmigrate.display.printable_console import PrintableConsole

    return PrintableConsole(
        file=sys.stderr, stderr=True, highlight=False, emoji=False, markup=False, **_colors(sys.stderr)
    )


def stdout_console() -> Console:
    """The console for results."""
    from zmigrate.display.printable_console import PrintableConsole

    return PrintableConsole(
        file=sys.stdout, highlight=False, emoji=False, markup=False, **_colors(sys.stdout)
    )


def _colors(stream: TextIO) -> _Colors:
    """FORCE_COLOR asks for colors in a file, and no more. rich would take the file for a terminal, and draw
    on it.
    """
    if stream.isatty():
        return {}
    return {"force_terminal": False, "color_system": "standard" if os.environ.get("FORCE_COLOR") else "auto"}


def begin_live(console: Console, picture: RenderableType, *, by_itself: bool = False) -> Live:
    """Show a picture at the bottom of the terminal, below what a job module prints meanwhile. If stdout is
    not a terminal, stdout is left alone.

    `by_itself`: the picture moves between updates, and is removed at the end.
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
    console.show_cursor(True)  # rich hides the cursor, and a killed process could not show it again
    return live


def end_live(live: Live) -> None:
    """Leave the last picture on the terminal."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    live.stop()


@dataclass(frozen=True, slots=True)
class Hanging:
    """A text after a lead. Further lines are indented as far as the first."""

    lead: Text
    body: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        indent = self.lead.cell_len
        for number, line in enumerate(self.body.wrap(console, max(options.max_width - indent, 1))):
            line.rstrip()
            yield Text.assemble(self.lead if number == 0 else " " * indent, line)
