"""A run looked at afterwards: the reasons of its failures, grouped. Reads the run's own result files."""

from __future__ import annotations

import csv
import dataclasses
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zmigrate.display.console import count

if TYPE_CHECKING:
    from rich.console import RenderableType

EXAMPLES = 5
OURS = ("line", "field", "code", "message")


@dataclass(slots=True)
class Reason:
    """One kind of failure: the field and code, how often, and some of the lines where it happened."""

    field: str
    code: str
    message: str
    rows: int = 0
    lines: list[str] = dataclasses.field(default_factory=list)


def reasons_of(path: Path) -> list[Reason]:
    """The reasons in an errors.csv or in_doubt.csv, most frequent first; `[]` where there is no such file."""
    found: dict[tuple[str, str], Reason] = {}
    messages: dict[tuple[str, str], Counter[str]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                line, field_name, code, message = (ours(row, name) for name in OURS)
                reason = found.setdefault((field_name, code), Reason(field_name, code, message))
                reason.rows += 1
                messages.setdefault((field_name, code), Counter())[message] += 1
                if len(reason.lines) < EXAMPLES:
                    reason.lines.append(line)
    except FileNotFoundError:
        return []
    for key, reason in found.items():
        reason.message = messages[key].most_common(1)[0][0]
    return sorted(found.values(), key=lambda reason: -reason.rows)


def ours(row: dict[str, Any], name: str) -> str:
    """Our column, under the name that it has where the source has one of that name too."""
    return str(row.get(f"zmigrate_{name}", row.get(name)) or "")


def reason_table(reasons: list[Reason]) -> RenderableType:
    """How many rows, which field and code, what Zoho said, and where to look."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("field", overflow="fold")
    table.add_column("code", overflow="fold")
    table.add_column("message", overflow="fold")
    table.add_column("lines", overflow="fold", style="dim")
    for each in reasons:
        more = ", …" if each.rows > len(each.lines) else ""
        table.add_row(count(each.rows), each.field, each.code, each.message, ", ".join(each.lines) + more)
    return table
