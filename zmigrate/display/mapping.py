"""A proposed mapping on a terminal: which column goes where, how sure that is, and what to check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zmigrate.display.console import Hanging
from zmigrate.wording import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from zmigrate.rows.proposal.propose import Line, Proposal

ROOMY = 100
IGNORED_SHOWN = 12


def summary(proposal: Proposal, file: str, out: str, width: int) -> RenderableType:
    """The table, the unsure lines, and the ignored columns."""
    from rich.console import Group
    from rich.text import Text

    head = f"{file} to {proposal.module}: {counted(len(proposal.lines), 'column')} mapped, "
    head += f"{len(proposal.left)} ignored; looked at {counted(proposal.rows, 'row')}"
    parts: list[RenderableType] = [Text(head), line_table(proposal, width), *key_text(proposal)]
    doubts = doubts_of(proposal)
    if doubts:
        parts.append(Text("unsure of", style="bold yellow"))
        parts += [Hanging(Text("  "), Text(each)) for each in doubts]
    if proposal.left:
        names = [each.column.name for each in proposal.left]
        more = f" and {len(names) - IGNORED_SHOWN} more" if len(names) > IGNORED_SHOWN else ""
        parts.append(Text(f"ignored: {', '.join(map(repr, names[:IGNORED_SHOWN]))}{more}"))
    look = "; check the lines that say UNSURE" if doubts else ""
    parts.append(Text(f"written to {out}{look}"))
    return Group(*parts)


def line_table(proposal: Proposal, width: int) -> RenderableType:
    """A line for each column that has a field."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    made.add_column("column", overflow="fold", max_width=40 if width >= ROOMY else 24)
    made.add_column("field", overflow="fold")
    made.add_column("sure", justify="right", no_wrap=True)
    made.add_column("why", overflow="fold")
    for line in proposal.lines:
        style = "" if line.sure else "yellow"
        made.add_row(
            Text(plain(line.column.name)),
            line.field.api_name,
            Text(f"{line.score} %", style=style),
            Text(why_text(line)),
        )
    return made


def why_text(line: Line) -> str:
    """`the name; dates as %d/%m/%Y`, and how a reference is found."""
    reference = line.reference
    found = "" if reference is None else f"; {reference.kind} {reference.module}"
    return line.why + found


def key_text(proposal: Proposal) -> list[RenderableType]:
    from rich.text import Text

    if proposal.key is None:
        return []
    return [Text(f"key: {proposal.key} ({proposal.key_why})")]


def doubts_of(proposal: Proposal) -> list[str]:
    """One line each: the field, and what a person should check."""
    doubts = [f"{each.field.api_name}: {doubt}" for each in proposal.lines for doubt in each.doubts]
    doubts += [f"{each.api_name}: mandatory, and no column goes there" for each in proposal.wanted]
    if proposal.key is None:
        doubts.append(f"the key: {proposal.key_why}")
    return [plain(each) for each in doubts]


def plain(text: str) -> str:
    """Text on one line, with control characters escaped."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
