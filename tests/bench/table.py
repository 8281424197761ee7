"""The table: what was measured, the reach, and whether it is met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEADER = ("what", "measured", "reach", "met")


@dataclass(frozen=True, slots=True)
class Line:
    """One row. `met` None: a figure to compare with, which has no reach."""

    what: str
    measured: str
    reach: str = ""
    met: bool | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        met = "" if self.met is None else "yes" if self.met else "NO"
        return self.what, self.measured, self.reach, met


def at_most(what: str, value: float, reach: float, measured: str, unit: str) -> Line:
    return Line(what, measured, f"≤ {reach:g}{unit}", value <= reach)


def at_least(what: str, value: float, reach: float, measured: str, unit: str) -> Line:
    return Line(what, measured, f"≥ {reach:g}{unit}", value >= reach)


def drawn(lines: Sequence[Line]) -> str:
    """A table that reads in a terminal and in Markdown."""
    rows = [HEADER, *(line.cells for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    out = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    out.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(out)
