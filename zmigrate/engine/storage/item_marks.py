"""How the journal names the rows of a hand-written job, as JSON. An item of a loop is named by the loop and
its key, after the loop and key of every loop around it; a row outside of loops by its number.
"""

from __future__ import annotations

import linecache
from types import FrameType

import orjson

Loop = tuple[str, int]
"""The line of code that begins the loop, and a number from 1, since several loops may begin on one line."""

Path = tuple[Loop | str, ...]
"""Loop, key, loop, key …: a loop's path ends with the loop, an item's path with its key."""

DEEPEST = 8
"""Calls between a job's `run` and `ctx.each` that are looked at to tell loops apart."""


def item_mark(path: Path, times: int = 1) -> str:
    """`[["for x in ctx.each(new):",1],"K7"]`; with `,2` at the end if the key comes again in the loop."""
    return orjson.dumps(path if times == 1 else (*path, times)).decode()


def loose_mark(number: int) -> str:
    """`[12]`: the twelfth row of the run is not an item of a loop."""
    return orjson.dumps([number]).decode()


def key_of(mark: str) -> str | None:
    """The item's key; None for a row outside of loops."""
    parts = orjson.loads(mark)
    return None if len(parts) == 1 else str(parts[len(parts) // 2 * 2 - 1])


def line_of(caller: FrameType | None) -> str:
    """The line of job code that runs now, after the lines that called it: `self.load(ctx) > for …`; ""
    without source. A loop is named by its text, so it keeps its name if a loop before it is no longer
    reached.
    """
    lines: list[str] = []
    while caller is not None and len(lines) < DEEPEST and not _ours(caller):
        lines.append(_text_of(caller))
        caller = caller.f_back
    return " > ".join(reversed(lines)) if all(lines) else ""


def _text_of(frame: FrameType) -> str:
    """`for x in ctx.each(new):`. If the file has the same line twice, the second has ` #2` behind it."""
    lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)
    text = "".join(lines[frame.f_lineno - 1 : frame.f_lineno]).strip()
    before = sum(line.strip() == text for line in lines[: frame.f_lineno - 1])
    return f"{text} #{before + 1}" if before and text else text


def _ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).startswith("zmigrate.engine.")
