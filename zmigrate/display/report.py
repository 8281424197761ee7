"""A run looked at afterwards: the reasons of its failures, grouped. Reads the run's own result files."""

from __future__ import annotations

import csv
import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zmigrate.errors import ConfigError
from zmigrate.file_owner import cant_read
from zmigrate.private_files import open_private
from zmigrate.rows.sources.csv_delimiter import strict_reader
from zmigrate.rows.spreadsheet import ERROR_COLUMNS, FILE_COLUMN, own_name, unescape
from zmigrate.wording import count, counted

if TYPE_CHECKING:
    from rich.console import RenderableType

EXAMPLES = 5
OURS = ("line", "field", "code", "message")
LINES_WIDTH = 26
KINDS_SHOWN = 5
RECORD_ID = re.compile(r"\b\d{15,20}\b")
KINDS_KEPT = 10_000
"""Of one group: a message can quote the row's value, so there may be as many as rows."""


@dataclass(slots=True)
class MessageCount:
    """One message: how often, and some of the lines where it happened."""

    message: str
    rows: int = 0
    lines: list[str] = dataclasses.field(default_factory=list)


@dataclass(slots=True)
class FailureGroup:
    """The failures with one field and code, by what was said of them."""

    field: str
    code: str
    rows: int = 0
    kinds: list[MessageCount] = dataclasses.field(default_factory=list)
    """Most frequent first."""


def reasons_of(path: Path) -> list[FailureGroup]:
    """The reasons in an errors.csv or in_doubt.csv, most frequent first; `[]` where there is no such file."""
    found: dict[tuple[str, str], FailureGroup] = {}
    kinds: dict[tuple[str, str], dict[str, MessageCount]] = {}
    try:
        with open(path, encoding="utf-8-sig", newline="", opener=open_private) as file:
            reader = strict_reader(file, ",")
            header = [own_name(column) for column in next(reader, [])]
            del header[len(ERROR_COLUMNS) + (header[:1] == [FILE_COLUMN]) :]
            for row in filter(None, reader):
                said = dict(zip(header, row, strict=False))
                line, field_name, code, message = (unescape(said.get(name, "")) for name in OURS)
                group = (field_name, code)
                found.setdefault(group, FailureGroup(*group)).rows += 1
                note(kinds.setdefault(group, {}), message, line)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise cant_read(path, error) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can't be read: {error}.", hint="A resume writes it again.") from error
    for group, reason in found.items():
        reason.kinds = sorted(kinds[group].values(), key=lambda kind: -kind.rows)
    return sorted(found.values(), key=lambda reason: -reason.rows)


def note(kinds: dict[str, MessageCount], message: str, line: str) -> None:
    """Count a message; those that differ by the ids of records alone are one. Of too many the later are left
    out."""
    alike = RECORD_ID.sub("…", message)
    kind = kinds.get(alike)
    if kind is None:
        if len(kinds) >= KINDS_KEPT:
            return
        kind = kinds[alike] = MessageCount(message)
    elif kind.message != message:
        kind.message = alike
    kind.rows += 1
    if len(kind.lines) < EXAMPLES:
        kind.lines.append(line)


def reason_list(reasons: list[FailureGroup]) -> RenderableType:
    """How many rows, which field and code; below, what was said of them, how often, and where to look."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    parts: list[RenderableType] = []
    for each in reasons:
        head = Text.assemble((f"{count(each.rows):>7}", "bold"), "  ", (each.field, "bold"))
        head.append(("  " if each.field else "") + each.code)
        parts += [head, Padding(kind_table(each.kinds[:KINDS_SHOWN]), (0, 0, 0, 9))]
        more = len(each.kinds) - KINDS_SHOWN
        if more > 0:
            parts.append(Text(f"{'':9}and {counted(more, 'more kind')}: see the file", style="dim"))
    return Group(*parts)


def kind_table(kinds: list[MessageCount]) -> RenderableType:
    """A line each: how often, what was said, example lines."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold", style="dim", max_width=LINES_WIDTH)
    for each in kinds:
        more = ", …" if each.rows > len(each.lines) else ""
        noun = "line" if each.rows == 1 else "lines"
        table.add_row(count(each.rows), each.message, f"{noun} {', '.join(each.lines)}{more}")
    return table
