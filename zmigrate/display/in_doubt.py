"""Rows in doubt at the end of a run: what that means, why, where they are listed, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zmigrate.display.console import Hanging
from zmigrate.display.report import reasons_of
from zmigrate.wording import count, counted, nearby

if TYPE_CHECKING:
    from rich.console import RenderableType

CAUSES_SHOWN = 3
MEANING = "These rows may be in Zoho: its answer was lost, and zmigrate could not find out."
LOOK_FIRST = (
    "What to do: look for them in Zoho by {field}, and delete the rows that Zoho has from that file. Then "
    "load the rest. Add --again only then: it creates every row of the file once more."
)
LOOKED_UP = (
    "What to do: load that file by {field}. zmigrate looks for each row in Zoho and leaves out the rows that "
    "are there. ({field} must be different for each record.)"
)
LOOK = "What to do: look for each of them in Zoho."  # for a hand-written job, which reads no such file
TELLING = "name or e-mail address"  # how a person finds a record without a key

LOAD = "What to do: load that file again. Records that Zoho has are found by their key, not written twice."
ROWS_WITHIN = "If rows go into subforms, look at those records first: the rows would be added a second time."
KEY_NEXT_TIME = "With a key (--key FIELD, best a unique field) zmigrate finds this out by itself."


@dataclass(frozen=True, slots=True)
class Reload:
    """How to load the rows in doubt again."""

    operation: str
    key: str | None
    doubles: bool
    """Loading the rows as they are could make second records."""
    command: str | None
    """None if no command loads such a file."""
    by: str | None = None
    """The field by which the command finds the rows that Zoho has, and leaves them out."""


def in_doubt(
    result: Mapping[str, Any], reloads: Mapping[str, Reload], *, practice: bool, by_hand: bool
) -> Iterator[RenderableType]:
    """The section about rows in doubt, for a run or for each step of a flow. `reloads`: by run id. `by_hand`:
    the job is hand-written."""
    from rich.text import Text

    steps = result.get("steps")
    for run in [result] if steps is None else [step for step in steps if step["rows"].get("in_doubt")]:
        place = "" if steps is None else f"{run['run_id'].rpartition('/')[2]}: "
        rows = run["rows"]["in_doubt"]
        them = "it" if rows == 1 else "them"
        told = f"{place}{counted(rows, 'row')} in doubt: Zoho may have {them}, or not"
        yield Text(told, style="bold yellow")
        yield plain(MEANING)
        path = run["files"].get("in_doubt")
        if path is None:
            yield plain("in_doubt.csv is written once the run has been resumed.")
            continue
        yield from causes(Path(path))
        yield plain("Listed in:")
        yield in_one_piece(nearby(path))
        if by_hand:
            yield plain(LOOK)
        elif not practice:
            yield from what_to_do(reloads.get(run["run_id"]))


def causes(path: Path) -> Iterator[RenderableType]:
    """Why the rows are in doubt, the most frequent cause first."""
    from rich.text import Text

    kinds = sorted((kind for each in reasons_of(path) for kind in each.kinds), key=lambda kind: -kind.rows)
    for kind in kinds[:CAUSES_SHOWN]:
        yield Hanging(Text(f"{count(kind.rows):>7}  "), Text(kind.message))
    if len(kinds) > CAUSES_SHOWN:
        yield Text(f"{'':9}and {counted(len(kinds) - CAUSES_SHOWN, 'more reason')}: see the file")


def what_to_do(reload: Reload | None) -> Iterator[RenderableType]:
    """What a person does with the rows. If the job is not known, the careful way."""
    if reload is not None and reload.by is not None:
        yield plain(LOOKED_UP.format(field=reload.by))
    elif reload is None or reload.doubles:
        yield plain(LOOK_FIRST.format(field=(reload and reload.key) or TELLING))
    else:
        yield plain(LOAD)
        if reload.operation in {"update", "upsert"}:
            yield plain(ROWS_WITHIN)
    if reload is not None and reload.command is not None:
        yield in_one_piece(reload.command)
    if reload is not None and reload.operation == "insert" and reload.key is None:
        yield plain(KEY_NEXT_TIME)


def plain(text: str) -> RenderableType:
    """A sentence, wrapped."""
    from rich.text import Text

    return Hanging(Text(), Text(text))


def in_one_piece(text: str) -> RenderableType:
    """A path or a command to copy: indented, never cut."""
    from rich.text import Text

    return Text(f"  {text}", no_wrap=True, overflow="ignore")
