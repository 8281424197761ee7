"""What a person reads before anything is written: which org, which write, how many rows; and the question."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from zmigrate.events import BannerFacts
from zmigrate.wording import count, counted

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

WRITE_WORDS = {
    "insert": "insert into",
    "update": "update in",
    "upsert": "upsert into",
    "delete": "DELETE from",
}


def banner(facts: BannerFacts) -> RenderableType:
    """A frame with one fact a line: red on production, green for practice."""
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    production = facts.environment.casefold() == "production" and not facts.practice
    color = "green" if facts.practice else "red" if production else "cyan"
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    if facts.code is not None:
        grid.add_row("code", facts.code)
    grid.add_row("org", facts.org)
    grid.add_row("environment", Text(facts.environment, style=f"bold {color}"))
    grid.add_row("credentials", facts.place)
    if facts.module is not None:
        grid.add_row("write", write_text(facts.operation, facts.module))
    width = max((len(step.name) for step in facts.steps), default=0)
    for number, step in enumerate(facts.steps):
        rows = "" if step.rows is None else f", {counted(step.rows, 'row')}"
        what = f"{step.name:{width}}  {write_text(step.operation, step.module)}{rows}"
        grid.add_row("" if number else "steps", what)
    for number, spends in enumerate(facts.reads):
        grid.add_row("" if number else "reads", spends)
    if facts.call is None:
        grid.add_row("rows", rows_text(facts))
    else:
        grid.add_row("call", facts.call)
    if facts.warning is not None:
        grid.add_row("warning", Text(facts.warning, style="yellow"))
    if facts.practice:
        grid.add_row("practice", "nothing reaches Zoho, and this org is gone afterwards")
    return Panel(grid, title=facts.job, title_align="left", border_style=color, expand=False)


def write_text(operation: str | None, module: str) -> str:
    """`insert into Leads`."""
    return f"{WRITE_WORDS.get(operation or '', operation or 'read')} {module}"


def rows_text(facts: BannerFacts) -> str:
    """`3,000`; `3,000, of which 1,200 are done`; or that the total is not known."""
    done = f"{count(facts.rows_done)} are done" if facts.rows_done else ""
    if facts.rows is None:
        return "as many as the source has" + (done and f"; {done}")
    return count(facts.rows) + (done and f", of which {done}")


def confirm(console: Console, question: str) -> bool:
    """Ask on the terminal. Any answer but yes is no. The caller checks that there is a terminal."""
    console.print(f"{question} [y/N] ", end="", style="bold")
    console.file.flush()
    try:
        return sys.stdin.readline().strip().casefold() in {"y", "yes"}
    except UnicodeDecodeError:  # a key of another keyboard
        return False
