"""The events of a run: small frozen dataclasses that travel upwards. Nothing here draws or acts.

Listeners (the progress display, the JSON log, tests) are called on the main thread only.
"""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from zmigrate.errors import ZmigrateError
from zmigrate.wording import name_of


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True, slots=True)
class StepFacts:
    """One step of a flow."""

    name: str
    file: str  # the source of its rows
    module: str
    operation: str
    rows: int | None

    @classmethod
    def of_record(cls, step: Mapping[str, Any]) -> StepFacts:
        """A step, from what the flow's `run.json` says of it."""
        write, rows = step["write"], step["source"].get("rows")
        return cls(step["name"], step["file"], write["module"], write["operation"], rows)


@dataclass(frozen=True, slots=True)
class BannerFacts:
    """What a person reads before anything is written, and is asked to agree to."""

    job: str
    code: str | None  # the file of the job's code, or "ready-made"; None if no job is run
    org: str
    environment: str
    place: str  # where the credentials were found
    practice: bool  # True on the embedded emulator
    module: str | None = None
    operation: str | None = None
    rows: int | None = None  # of the source; None if the total is not known
    rows_done: int = 0
    steps: Sequence[StepFacts] = ()  # the steps of a flow
    reads: Sequence[str] = ()  # environment variables, each with the host that gets its value
    call: str | None = None  # the call of `zmigrate api`, which has no rows: `POST /crm/v8/Leads`
    warning: str | None = None  # what the call may do besides what was asked for


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The checks are done and the run folder is open; nothing has been written to the org yet."""

    run_id: str
    folder: str
    facts: BannerFacts
    done: Mapping[str, int]  # rows by outcome, from sessions before this one


@dataclass(frozen=True, slots=True)
class FlowStarted(Event):
    """The checks of all steps are done and the flow's folder is open. Each step has its own RunStarted and
    RunEnded.
    """

    run_id: str
    folder: str
    facts: BannerFacts


@dataclass(frozen=True, slots=True)
class TokenAcquired(Event):
    renewed: bool
    lifetime_s: float
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting(Event):
    """The run waits on purpose: for a token, for credits, for Zoho to come back."""

    what: str
    seconds: float
    why: str | None = None  # the reason, if it is not obvious


@dataclass(frozen=True, slots=True)
class RequestSent(Event):
    """A request got its answer, or none."""

    method: str
    path: str
    status: int | None
    elapsed_s: float
    credits: int


@dataclass(frozen=True, slots=True)
class WriteAnswered(Event):
    """Zoho answered a write of a hand-written job. The answer may refuse single records."""

    method: str
    path: str
    operation: Literal["insert", "update", "upsert", "delete"] | None
    """None if this does not write records (settings, tags)."""
    elements: tuple[Any, ...]
    """Zoho's result for each record or other thing, in any shape. Empty if Zoho only reports success."""
    repeatable: bool
    """Repeating the call does no harm."""
    doubted: bool
    """An earlier attempt of this call may have been applied."""
    item: int = 0
    """The item of the job's loops for which the call was made; 0 for none."""


@dataclass(frozen=True, slots=True)
class CallFailed(Event):
    """A call of a hand-written job was refused as a whole, or its answer was lost: see `error`."""

    method: str
    path: str
    records: int  # how many records it would write; 1 for another write, 0 for a read
    repeatable: bool  # Repeating the call does no harm
    error: ZmigrateError
    item: int = 0  # the item of the job's loops for which the call was made; 0 for none


@dataclass(frozen=True, slots=True)
class Retrying(Event):
    """A request will be sent again after `wait_s` seconds."""

    method: str
    path: str
    attempt: int
    wait_s: float
    why: str
    left_s: float | None = None  # seconds until zmigrate gives up


@dataclass(frozen=True, slots=True)
class Throttled(Event):
    """Zoho answered 429. `limit`: how many heavy calls may be in flight from now on."""

    limit: int


@dataclass(frozen=True, slots=True)
class Credits(Event):
    """Credits that this run has used, and how many the org has left in its rolling 24 hours, if known."""

    used: int
    left: int | None


@dataclass(frozen=True, slots=True)
class BatchSent(Event):
    batch: int
    rows: int


@dataclass(frozen=True, slots=True)
class BatchDone(Event):
    """A batch got its outcomes; counts of rows."""

    batch: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    skipped: int = 0
    failed: int = 0
    in_doubt: int = 0


@dataclass(frozen=True, slots=True)
class BatchDoubted(Event):
    """The answer to a batch never came. The batch waits, and is checked in `settle_in_s` seconds."""

    batch: int
    rows: int
    settle_in_s: float
    why: str


@dataclass(frozen=True, slots=True)
class BatchSplit(Event):
    """A batch was refused as a whole and is sent again in halves."""

    batch: int
    rows: int
    why: str


@dataclass(frozen=True, slots=True)
class RowsDecided(Event):
    """Rows that ended without a request: skipped by the job, failed before sending, nothing to write."""

    skipped: int
    failed: int
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Stopping(Event):
    """A stop was asked for. Requests in flight are finished."""

    in_flight: int


@dataclass(frozen=True, slots=True)
class Tick(Event):
    """The loop turned: time to redraw. At most ten a second."""

    in_flight: int
    limit: int
    parked: int
    token_left_s: float | None


@dataclass(frozen=True, slots=True)
class RowsCopied(Event):
    """So many rows of a database are read by now, into the run's folder; of a plan into a temporary one."""

    rows: int
    rows_total: int | None


@dataclass(frozen=True, slots=True)
class RowsJudged(Event):
    """A plan has judged this many rows."""

    rows: int
    rows_total: int | None


@dataclass(frozen=True, slots=True)
class Log(Event):
    """A line for run.log, and for the person when `level` is "notice", "warning" or "error"."""

    level: str
    message: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class RunEnded(Event):
    run_id: str
    state: str


@dataclass(frozen=True, slots=True)
class FlowEnded(Event):
    run_id: str
    state: str


Listener = Callable[[Event], None]
Emit = Callable[[Event], None]


class EventHub:
    """Carries events from any thread to listeners on the main thread (the one that made the hub)."""

    def __init__(self, *listeners: Listener, hide: Callable[[str], str] = str) -> None:
        """`hide`: takes the secrets of the job out of a text."""
        self._listeners = list(listeners)
        self._hide = hide
        self._queue: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._main = threading.get_ident()

    def add(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def remove(self, listener: Listener) -> None:
        """Remove a listener. One that has failed is gone already."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def emit(self, event: Event) -> None:
        """Deliver at once on the main thread; from another thread, leave it for the next `deliver`."""
        if isinstance(event, Log):
            detail = None if event.detail is None else self._hide(event.detail)
            event = replace(event, message=self._hide(event.message), detail=detail)
        self._queue.put(event)
        if threading.get_ident() == self._main:
            self.deliver()

    def deliver(self) -> None:
        """Pass events of other threads to the listeners. Main thread only."""
        while True:
            try:
                event = self._queue.get_nowait()
            except queue.Empty:
                return
            for listener in tuple(self._listeners):
                self._hand_over(listener, event)

    def _hand_over(self, listener: Listener, event: Event) -> None:
        """Call a listener. One that fails (its terminal is gone) is removed, and stops no run.

        Only zmigrate's own errors are passed on, such as a full disk's.
        """
        try:
            listener(event)
        except ZmigrateError:
            raise
        except (Exception, SystemExit) as error:
            self.remove(listener)
            name = type(listener).__name__
            self.emit(Log("warning", f"{name} failed and gets no more events: {name_of(error)}"))
            self.emit(Log("debug", f"how {name} failed", "".join(traceback.format_exception(error))))
