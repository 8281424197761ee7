"""Explains a run to somebody who sees it for the first time: what goes wrong, and does no harm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from zmigrate import events
from zmigrate.wording import counted, duration

if TYPE_CHECKING:
    from rich.text import Text

TOLD_OF_EACH_KIND = 2


class Story:
    """Reports the first events of each kind, and leaves the rest to the figures."""

    def __init__(self, say: Callable[[Text], None]) -> None:
        self._say = say
        self._told: Counter[str] = Counter()
        self._in_doubt: set[int] = set()

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.TokenAcquired(renewed=True):
                self._tell(
                    "token", "the token ran out midway: one thread fetched a new one, the rest went on"
                )
            case events.Throttled():
                limit = counted(event.limit, "call")
                self._tell(
                    "throttled", f"Zoho says 429, too many at once: sent again, now at most {limit} at a time"
                )
            case events.BatchDoubted():
                self._doubt(event)
            case events.BatchDone():
                self._done(event)

    def _doubt(self, event: events.BatchDoubted) -> None:
        self._in_doubt.add(event.batch)
        rows, wait = counted(event.rows, "row"), duration(event.settle_in_s)
        self._tell("doubt", f"{rows} sent, no answer: written or not? Set aside for {wait}", "yellow")

    def _done(self, event: events.BatchDone) -> None:
        if event.batch not in self._in_doubt:
            return
        self._in_doubt.discard(event.batch)
        if event.in_doubt:
            rows = counted(event.in_doubt, "row")
            self._tell(
                "lost",
                f"checked: it can't be found out whether {rows} were written; they end in doubt",
                "yellow",
            )
            return
        rows = counted(event.created, "row")
        self._tell("settled", f"checked by their keys: these {rows} are in Zoho now, each once", "green")

    def _tell(self, kind: str, line: str, style: str = "") -> None:
        from rich.text import Text

        self._told[kind] += 1
        if self._told[kind] <= TOLD_OF_EACH_KIND:
            self._say(Text.assemble(("  > ", "dim"), (line, style)))
