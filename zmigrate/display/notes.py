"""The lines that a person should see about a run's events, besides its figures."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from zmigrate import events
from zmigrate.wording import counted, duration

if TYPE_CHECKING:
    from rich.text import Text

STYLE_OF_LEVEL = {"notice": "cyan", "warning": "yellow", "error": "red"}
TROUBLE_EVERY_S = 10.0


class Notes:
    """Gives the line for an event, if it has one.

    Before a run has begun there are no figures, so retries are reported: the first at once, later ones at
    most every ten seconds. `asked`: whether a person has asked for a stop.
    """

    def __init__(
        self,
        *,
        verbose: bool = False,
        asked: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._verbose = verbose
        self._asked = asked
        self._clock = clock
        self._begun = False
        self._told_trouble: float | None = None

    def line(self, event: events.Event) -> Text | None:
        """The line for this event."""
        from rich.text import Text

        self._begun = self._begun or isinstance(event, events.RunStarted)
        match event:
            case events.Log(level=level) if level in STYLE_OF_LEVEL or self._verbose:
                detail = f" ({event.detail})" if event.detail and level != "debug" else ""
                return Text(f"{level}: {event.message}{detail}", style=STYLE_OF_LEVEL.get(level, "dim"))
            case events.Stopping():
                return Text(stopping(event.in_flight, self._asked()), style="yellow")
            case events.Waiting() if self._verbose or event.seconds >= 1:
                return Text(waiting(event), style="yellow")
            case events.Retrying() if not self._begun and not self._verbose:
                return Text(trouble(event), style="yellow") if self._is_time() else None
        return verbose_note(event) if self._verbose else None

    def _is_time(self) -> bool:
        now = self._clock()
        if self._told_trouble is not None and now - self._told_trouble < TROUBLE_EVERY_S:
            return False
        self._told_trouble = now
        return True


def stopping(in_flight: int, asked: bool) -> str:
    """Who stops the run, and what it still waits for."""
    requests = counted(in_flight, "request")
    if asked:
        return f"stopping: finishing {requests} in flight; press Ctrl-C again to stop at once"
    if not in_flight:
        return "the run stops by itself; the reason follows"
    verb = "is" if in_flight == 1 else "are"
    return f"the run stops by itself, once {requests} in flight {verb} answered; the reason follows"


def waiting(event: events.Waiting) -> str:
    """What the run waits for, how long, and why if that is not obvious."""
    if event.why is None:
        return f"waiting {duration(event.seconds)} for {event.what}"
    return f"{event.why}: waiting {duration(event.seconds)} (Ctrl-C stops)"


def trouble(event: events.Retrying) -> str:
    """What fails, and how long it is still tried."""
    left = "" if event.left_s is None else f" for up to {duration(math.ceil(event.left_s))}"
    return f"{event.why.rstrip('.')}: trying again{left}; Ctrl-C stops"


def verbose_note(event: events.Event) -> Text | None:
    """What `-v` adds."""
    from rich.text import Text

    match event:
        case events.TokenAcquired():
            what = "renewed" if event.renewed else "acquired"
            scopes = ", ".join(event.scopes)
            return Text(f"token {what} for {duration(event.lifetime_s)}: {scopes}", style="dim")
        case events.Retrying():
            call = f"{event.method} {event.path}"
            return Text(
                f"{call}: attempt {event.attempt} {event.why}; again in {duration(event.wait_s)}", style="dim"
            )
        case events.Throttled():
            return Text(
                f"throttled by Zoho: {counted(event.limit, 'request')} at a time from now on", style="dim"
            )
        case events.BatchDoubted():
            what = f"batch {event.batch} ({counted(event.rows, 'row')}) in doubt: {event.why}"
            return Text(f"{what}; checking in {duration(event.settle_in_s)}", style="dim")
        case events.BatchSplit():
            what = f"batch {event.batch} ({counted(event.rows, 'row')}) halved"
            return Text(f"{what}: {event.why}", style="dim")
    return None
