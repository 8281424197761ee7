"""Threads that only do HTTP; and calls to the org, several at a time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from zmigrate.stopping import StopSignal
from zmigrate.zoho.facts.limits import HEAVY_IN_FLIGHT

Tag = TypeVar("Tag")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Finished(Generic[Tag]):
    """The result of a task: a value or an exception."""

    tag: Tag
    value: object = None
    error: BaseException | None = None


class Workers(Generic[Tag]):
    """Runs tasks in daemon threads, so that a hard stop never waits for a request."""

    def __init__(self, count: int) -> None:
        self._tasks: queue.SimpleQueue[tuple[Tag, Callable[[], object]] | None] = queue.SimpleQueue()
        self._finished: queue.SimpleQueue[Finished[Tag]] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"zmigrate-worker-{number}", daemon=True)
            for number in range(count)
        ]
        self.count = count
        self.busy = 0  # Tasks that were started and not yet picked up. Main thread only.
        for thread in self._threads:
            thread.start()

    def start(self, tag: Tag, task: Callable[[], object]) -> None:
        self.busy += 1
        self._tasks.put((tag, task))

    def finished(self, wait_s: float) -> list[Finished[Tag]]:
        """All tasks that are finished by now. Waits up to `wait_s` for the first."""
        done: list[Finished[Tag]] = []
        try:
            done.append(self._finished.get(timeout=wait_s) if wait_s > 0 else self._finished.get_nowait())
            while True:
                done.append(self._finished.get_nowait())
        except queue.Empty:
            self.busy -= len(done)
            return done

    def close(self, *, wait: bool) -> None:
        """End the threads when they are idle. `wait` for that, or let the process end them."""
        for _ in self._threads:
            self._tasks.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _work(self) -> None:
        while (job := self._tasks.get()) is not None:
            tag, task = job
            try:
                self._finished.put(Finished(tag, value=task()))
            except BaseException as error:  # handed over to the main thread, whatever it is
                self._finished.put(Finished(tag, error=error))


WAITING = 2 * HEAVY_IN_FLIGHT
WAIT_S = 0.2


def in_parallel(
    tasks: Iterable[tuple[Tag, Callable[[], Value]]],
    stop: StopSignal,
    deliver: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Tag, Value]]:
    """The results of the tasks, as they end. `deliver` is called while waiting. Raises a task's error."""
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
