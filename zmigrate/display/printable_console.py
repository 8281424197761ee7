"""A rich console that shows control characters instead of obeying them. Imports rich: import it late."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from zmigrate.printable import UNPRINTABLE, printable


class PrintableConsole(Console):
    """Prints everything through `printable`, in tables and panels too."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        # Before lines are wrapped, so that they fit; and after, for renderables that make their own segments.
        whole = printable_text(renderable) if isinstance(renderable, Text) else renderable
        for segment in super().render(whole, options):
            if segment.control or UNPRINTABLE.search(segment.text) is None:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)


def printable_text(text: Text) -> Text:
    """The text in its styles, with control characters escaped."""
    found = list(UNPRINTABLE.finditer(text.plain))
    if not found:
        return text
    shown = text.blank_copy()
    for piece in text.divide([place for match in found for place in match.span()]):
        escaped = printable(piece.plain)
        shown.append_text(piece if escaped == piece.plain else Text(escaped))
    return shown
