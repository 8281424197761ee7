"""The two consoles. What is drawn on them lives elsewhere."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text


class Patient:
    """A stream for as long as somebody reads it. When that one is gone (`2>&1 | head`, a closed terminal, a
    lost SSH session), it takes what it is given and says nothing; a run goes on, or stops, as it was told.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def stderr_console() -> Console:
    """Where progress, banners and messages go. rich honours NO_COLOR, TERM=dumb and COLUMNS."""
    from rich.console import Console

    file = cast("TextIO", Patient(sys.stderr))
    return Console(file=file, stderr=True, highlight=False, emoji=False, markup=False)


def stdout_console() -> Console:
    """Where results go."""
    from rich.console import Console

    return Console(highlight=False, emoji=False, markup=False)


@dataclass(frozen=True, slots=True)
class Hanging:
    """A text behind a lead; what does not fit its line goes on below, as far in, with no blank at an end."""

    lead: Text
    body: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        indent = self.lead.cell_len
        for number, line in enumerate(self.body.wrap(console, max(options.max_width - indent, 1))):
            line.rstrip()
            yield Text.assemble(self.lead if number == 0 else " " * indent, line)
