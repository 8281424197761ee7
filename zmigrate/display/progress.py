"""The progress of a run on stderr: live on a terminal, else a plain line every few seconds, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, Self

from zmigrate import events
from zmigrate.display.console import begin_live, end_live
from zmigrate.display.figures import Figures
from zmigrate.display.notes import Notes
from zmigrate.wording import count, counted, duration

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.text import Text

REDRAW_EVERY_S = 0.1
PLAIN_LINE_EVERY_S = 5.0
STILL = 6  # While nothing moves, plain lines come this many times as seldom

ALWAYS_SHOWN = {
    "insert": ("created",),
    "update": ("updated",),
    "upsert": ("created", "updated"),
    "delete": ("deleted",),
}


class Progress(Protocol):
    """Listens to events, has an end, and can print a line without breaking the picture."""

    def __call__(self, event: events.Event) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def say(self, line: str | Text) -> None: ...


def progress_for(
    console: Console,
    *,
    quiet: bool = False,
    verbose: bool = False,
    asked: Callable[[], bool] = lambda: True,
    clock: Callable[[], float] = time.monotonic,
) -> Progress:
    """The progress that suits stderr. `asked`: whether a person has asked for a stop."""
    if quiet:
        return SilentProgress()
    notes = Notes(verbose=verbose, asked=asked, clock=clock)
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveProgress(console, notes, clock=clock)
    return PlainProgress(console, notes, clock=clock)


class SilentProgress:
    """`--quiet`: no progress."""

    def __call__(self, event: events.Event) -> None:
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def say(self, line: str | Text) -> None:
        return


class PlainProgress:
    """One line every few seconds, for logs and pipes."""

    def __init__(
        self,
        console: Console,
        notes: Notes | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        every_s: float = PLAIN_LINE_EVERY_S,
    ) -> None:
        self._console = console
        self._notes = notes or Notes(clock=clock)
        self._clock = clock
        self._every_s = every_s
        self._last_line = clock()
        self._figures = Figures(clock)
        self._told: object = None
        self._in_flow = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def __call__(self, event: events.Event) -> None:
        self._figures.take(event)
        note = self._notes.line(event)
        if note is not None:
            self.say(note)
        self._in_flow |= isinstance(event, events.FlowStarted)
        if self._in_flow and isinstance(event, events.RunStarted):
            self.say(event.facts.job)
        if isinstance(event, events.Tick | events.RowsCopied) and self._is_time():
            self.say(plain_line(self._figures))
        if isinstance(event, events.RunEnded):
            self.say(plain_line(self._figures))

    def _is_time(self) -> bool:
        """Whether a line is due. Lines are rare while nothing moves, since they would all be alike."""
        figures = self._figures
        stand = (figures.rows_done, figures.requests, figures.waiting_for, figures.copied)
        every_s = self._every_s * (STILL if stand == self._told else 1)
        if self._clock() - self._last_line < every_s:
            return False
        self._last_line, self._told = self._clock(), stand
        return True

    def say(self, line: str | Text) -> None:
        self._console.print(line, soft_wrap=True)


class LiveProgress:
    """A bar and a few lines of figures, redrawn on a tick and at most ten times a second."""

    def __init__(
        self, console: Console, notes: Notes | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._notes = notes or Notes(clock=clock)
        self._clock = clock
        self._last_drawn = -REDRAW_EVERY_S
        self._figures = Figures(clock)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def __call__(self, event: events.Event) -> None:
        try:
            self._take(event)
        except Exception:
            self._give_up()
            raise

    def _take(self, event: events.Event) -> None:
        self._figures.take(event)
        note = self._notes.line(event)
        if note is not None:
            self.say(note)
        if isinstance(event, events.RunStarted):
            self._start()
        elif isinstance(event, events.RunEnded):
            self._stop()
        elif isinstance(event, events.Tick | events.RowsCopied | events.Stopping):
            self._draw()

    def say(self, line: str | Text) -> None:
        self._console.print(line)

    def _start(self) -> None:
        self._live = begin_live(self._console, self._picture())

    def _draw(self) -> None:
        now = self._clock()
        if self._live is None or now - self._last_drawn < REDRAW_EVERY_S:
            return
        self._last_drawn = now
        self._live.update(self._picture(), refresh=True)

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is None:
            return
        try:
            live.update(self._picture())
        finally:
            end_live(live)

    def _give_up(self) -> None:
        """Leave the terminal to others, so that an error in drawing does not break a job's output."""
        live, self._live = self._live, None
        if live is not None:
            with suppress(Exception):  # the same error again
                end_live(live)

    def _picture(self) -> RenderableType:
        return picture(self._figures, self._console.width)


def cells(figures: Figures) -> list[tuple[str, str]]:
    """The figures as (text, style), most important first. Zeros are left out."""
    now = [] if figures.ended else moment(figures)
    left = f", {count(figures.credits_left)} left" if figures.credits_left is not None else ""
    return [
        *outcomes(figures),
        *now,
        *troubles(figures),
        (f"credits {count(figures.credits_used)} used{left}", ""),
    ]


def outcomes(figures: Figures) -> list[tuple[str, str]]:
    """The outcomes of the rows so far."""
    operation = (figures.run.operation if figures.run else None) or ""
    always = {"failed", *ALWAYS_SHOWN.get(operation, ())}
    counts = [
        ("created", figures.created, "green"),
        ("updated", figures.updated, "green"),
        ("unchanged", figures.unchanged, ""),
        ("deleted", figures.deleted, "green"),
        ("skipped", figures.skipped, ""),
        ("failed", figures.failed, "red"),
        ("in doubt", figures.in_doubt, "yellow"),
    ]
    return [
        (f"{name} {count(rows)}", style if rows else "")
        for name, rows, style in counts
        if rows or name in always
    ]


def moment(figures: Figures) -> list[tuple[str, str]]:
    """The present state: batches in doubt, requests in flight, token."""
    shown = []
    if figures.parked:
        # After a resume only the number of batches is known.
        before = counted(figures.parked, "request") + " from before"
        what = counted(figures.rows_parked, "row") if figures.rows_parked else before
        shown.append((f"checking {what} whose answer was lost", "yellow"))
    shown.append((f"in flight {min(figures.in_flight, figures.limit)} of {figures.limit}", ""))
    if figures.token_left_s is not None:
        shown.append((f"token {duration(round(max(figures.token_left_s, 0)))} left", ""))
    return shown


def troubles(figures: Figures) -> list[tuple[str, str]]:
    """Renewals, retries and throttling."""
    counts = [
        ("tokens renewed", figures.renewals, ""),
        ("retries", figures.retries, "yellow"),
        ("throttled", figures.throttled, "yellow"),
    ]
    return [(f"{name} {count(number)}", style) for name, number, style in counts if number > 0]


def copying(event: events.RowsCopied) -> str:
    """`reading from the database: 12,000 of 1,000,000 rows`."""
    rows, total = event.rows, event.rows_total
    how_far = counted(rows, "row") if total is None else f"{count(rows)} of {counted(total, 'row')}"
    return f"reading from the database: {how_far}"


def pace(figures: Figures) -> list[str]:
    """Rows done, rows per second, time left, time elapsed."""
    total, done = figures.rows_total, figures.rows_done
    parts = [counted(done, "row") if total is None else f"{count(done)} of {counted(total, 'row')}"]
    rate = figures.rows_per_s
    if rate is not None:
        parts.append(f"{rate:,.0f} rows/s")
    left = figures.left_s
    if left is not None and done != total:
        parts.append(f"{duration(round(left))} left")
    parts.append(f"{duration(round(figures.elapsed_s))} elapsed")
    return parts


def plain_line(figures: Figures) -> str:
    """One line for a log."""
    if figures.copied is not None:
        return copying(figures.copied)
    waiting = [f"waiting for {figures.waiting_for}"] if figures.waiting_for else []
    parts = [*pace(figures), *waiting, *(text for text, _ in cells(figures))]
    return percent(figures) + ", ".join(parts)


def percent(figures: Figures) -> str:
    """` 61%  `, rounded down so that only a complete run says 100 %. "" if the total is not known."""
    return "" if figures.share is None else f"{int(figures.share * 100):3}%  "


def picture(figures: Figures, width: int) -> RenderableType:
    """The live picture: bar, pace, figures, and what the run waits for."""
    from rich.console import Group
    from rich.text import Text

    lines: list[RenderableType] = [bar_line(figures)]
    if figures.copied is not None:
        return Group(*lines, Text(copying(figures.copied)))
    lines += flow([(part, "bold" if i == 0 else "") for i, part in enumerate(pace(figures))], width)
    lines += flow(cells(figures), width)
    if figures.waiting_for is not None:
        left = duration(round(figures.waiting_left_s))
        lines.append(Text(f"waiting for {figures.waiting_for}: {left}", style="yellow"))
    elif figures.stopping and not figures.ended:
        lines.append(Text("stopping: finishing what is in flight; Ctrl-C again ends at once", style="yellow"))
    return Group(*lines)


def bar_line(figures: Figures) -> RenderableType:
    """The job's name, the bar, the share done. The bar pulses if the total is not known."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    share = figures.share
    bar = ProgressBar(
        total=1.0,
        completed=1.0 if figures.ended and share is None else share or 0.0,
        pulse=share is None and not figures.ended,
        animation_time=figures.elapsed_s,
    )
    line = Table.grid(padding=(0, 1), expand=True)
    line.add_column(no_wrap=True)
    line.add_column(ratio=1)
    line.add_column(no_wrap=True, justify="right")
    name = figures.run.job if figures.run else ""
    line.add_row(
        Text(name, style="bold", overflow="ellipsis"), bar, Text(percent(figures).strip(), style="bold")
    )
    return line


def flow(parts: list[tuple[str, str]], width: int) -> list[Text]:
    """Lay the parts out on as few lines as they need, without breaking a part."""
    from rich.text import Text

    separator = " · "
    lines: list[Text] = []
    line = Text()
    for text, style in parts:
        room = width - line.cell_len - len(separator)
        if line.plain and len(text) > room:
            lines.append(line)
            line = Text()
        if line.plain:
            line.append(separator, style="dim")
        line.append(text, style=style)
    return [*lines, line] if line.plain else lines
