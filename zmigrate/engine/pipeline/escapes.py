"""Values that look as if an escape of a result file, or of a spreadsheet, stayed in them: `'=see file`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from zmigrate.engine.model.batch import PreparedRow
from zmigrate.rows.spreadsheet import seems_escaped
from zmigrate.wording import count

LINES_KEPT = 3


class Escaped(NamedTuple):
    """What is to be said of one field."""

    field: str
    values: int
    lines: tuple[int, ...]
    message: str


@dataclass(slots=True)
class _Seen:
    rows: int = 0
    lines: list[int] = field(default_factory=list)
    """The first ones."""


class Escapes:
    """Counts such values in rows that can be sent. `undone`: the source has undone its escapes already."""

    def __init__(self, *, undone: bool) -> None:
        self._undone = undone
        self._seen: dict[str, _Seen] = {}

    def note(self, rows: Sequence[PreparedRow]) -> None:
        if self._undone:
            return
        for row in rows:
            for name, value in row.record.items():
                if type(value) is str and value[:1] == "'" and seems_escaped(value):
                    seen = self._seen.setdefault(name, _Seen())
                    seen.rows += 1
                    if len(seen.lines) < LINES_KEPT:
                        seen.lines.append(row.line)

    def told(self) -> Iterator[Escaped]:
        """One for each field that has such values."""
        for name, seen in sorted(self._seen.items()):
            many = "1 value begins" if seen.rows == 1 else f"{count(seen.rows)} values begin"
            yield Escaped(
                name,
                seen.rows,
                tuple(seen.lines),
                f"{many} with ' before = + - @ or a tab in {name}, and Zoho would get the ' too. Written by"
                " zmigrate or a spreadsheet as an escape? Then load the errors.csv or success.csv as zmigrate"
                " wrote it, with all its columns, or delete the ' in the file",
            )
