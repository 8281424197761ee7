"""Questions to the org, several at a time. The answers come in any order; few are in memory at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from zmigrate.engine.workers import Finished, Workers
from zmigrate.stopping import StopSignal
from zmigrate.zoho.facts.limits import HEAVY_IN_FLIGHT

Tag = TypeVar("Tag")
Value = TypeVar("Value")

WAITING = 2 * HEAVY_IN_FLIGHT
WAIT_S = 0.2


def in_parallel(
    tasks: Iterable[tuple[Tag, Callable[[], Value]]],
    stop: StopSignal,
    deliver: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Tag, Value]]:
    """What the tasks come to, as they end. `deliver` is called while waiting. Raises what a task raises."""
    workers: Workers[Tag] = Workers(HEAVY_IN_FLIGHT)
    try:
        for tag, task in tasks:
            workers.start(tag, task)
            yield from _done(workers.finished(0))
            while workers.busy >= WAITING:
                stop.check()
                deliver()
                yield from _done(workers.finished(WAIT_S))
        while workers.busy:
            stop.check()
            deliver()
            yield from _done(workers.finished(WAIT_S))
        deliver()
    finally:
        workers.close(wait=not workers.busy)


def _done(finished: list[Finished[Tag]]) -> Iterator[tuple[Tag, Value]]:
    for each in finished:
        if each.error is not None:
            raise each.error
        yield each.tag, each.value  # type: ignore[misc]  # the task's own type
