"""Handles signals that end a process, for a while: the first one asks for an end, the second one ends it.

After the first signal the default handlers are active again. So the next one ends the process wherever it is:
in a driver's call, in a pattern, in a job that catches everything. Works on the main thread only.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, NoReturn, TypeAlias

from zmigrate.signals_of_system import put_default_when_delivered
from zmigrate.stopping import StopRequested, StopSignal

ENDING: Final = ("SIGINT", "SIGTERM", "SIGBREAK")
"""SIGBREAK, Ctrl-Break, is on Windows only."""
HANGUP: Final = "SIGHUP"
"""Not on Windows. A closing terminal sends one, and its shell another, so a second one is not a person's
wish.
"""

INTERRUPTED: Final = 130  # the exit code of an interrupted process

UNHEARD_S: Final = 2.0
"""If the main thread has not noticed a signal after this time, a person is told what it waits for."""

SECOND_UNHEARD_S: Final = 0.2  # how long the main thread may take to notice a second signal

Handle: TypeAlias = Callable[[int, FrameType | None], None]


def nothing() -> None:
    """Does nothing."""


def end_waiting(_number: int, _frame: FrameType | None) -> NoReturn:
    """A handler for the time in which a run waits for a person or another program, and has written nothing.
    The run's own handler would only note the signal.
    """
    raise StopRequested


@contextmanager
def stop_on_signals(stop: StopSignal) -> Iterator[None]:
    """While inside, a signal asks for a stop; a second one ends the process."""
    with handled_by(lambda _number, _frame: stop.request()):
        yield


@contextmanager
def handled_by(
    handle: Handle,
    *,
    put_right: Callable[[], None] | None = None,
    unheard: Callable[[], None] = nothing,
    until_the_end: bool = False,
) -> Iterator[None]:
    """While inside, the first signal goes to this handler, and a second one ends the process. Afterwards the
    earlier handlers are back.

    An ignored signal stays ignored, as SIGHUP under nohup and SIGINT in a script's background job. So does
    one with a handler outside Python, which could not be put back.

    `put_right`: what must be done before a second signal may end the process, such as to restore the
    terminal. `unheard`: called in another thread if a signal came and the main thread is in a call that does
    not return. `until_the_end`: the process ends with the block, so after a signal the default handlers stay.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    frame = _Frame(handle, put_right, unheard)
    frame.install()
    try:
        yield
    finally:
        frame.remove(until_the_end=until_the_end)


class _Frame:
    """The handlers of one block. `came`: a signal has come, to this block or to one inside it."""

    def __init__(
        self, handle: Handle, put_right: Callable[[], None] | None, unheard: Callable[[], None]
    ) -> None:
        self._act = handle
        self._put_right = put_right
        self._unheard = unheard
        self._before: dict[int, Any] = {}
        self._outer: _Frame | None = None
        self._ear: _Ear | None = None
        self.came = False

    def install(self) -> None:
        numbers = [_number(name) for name in (*ENDING, HANGUP)]
        for number in numbers:
            handler = signal.getsignal(number) if number else None
            if handler in (None, signal.SIG_IGN):
                continue
            self._before[number] = handler
            owner = getattr(handler, "__self__", None)
            if isinstance(owner, _Frame):
                self._outer = owner
        if self._outer is not None and self._outer.came:  # a second one ends the process in any case
            self.came = True
        for number in self._before:
            if not (self.came and number != _number(HANGUP)):
                self._put(number)
        self._ear = self._find_ear()
        if self._ear is not None and self._put_right is not None:
            self._ear.put_right.append(self._put_right)

    def _find_ear(self) -> _Ear | None:
        if self._outer is not None:
            return self._outer._ear
        ear = _Ear(self._unheard) if self._before else None
        return ear if ear is not None and ear.begin() else None

    def _put(self, number: int) -> None:
        signal.signal(number, self.handle)
        # `put_right` is Python code, so the system must not end the process before it.
        if self._put_right is None and number != _number(HANGUP) and _default_ends():
            put_default_when_delivered(number)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """A signal has come. Python calls this in the main thread, between two steps of its code."""
        if self._ear is not None:
            self._ear.heard.set()
        if self.came:
            if number != _number(HANGUP):
                end()
            return
        if self._put_right is not None:
            self._put_right()
        self._note()
        self._act(number, frame)

    def _note(self) -> None:
        self.came = True
        if not _default_ends():
            return  # `handle` stays, and ends the process
        for number in self._before:
            if number != _number(HANGUP):
                signal.signal(number, signal.SIG_DFL)

    def remove(self, *, until_the_end: bool) -> None:
        if self._ear is not None and self._put_right is not None:
            self._ear.put_right.remove(self._put_right)
        if self._outer is not None and self.came:
            self._outer.came = True
        stays = self.came and (until_the_end or self._outer is not None)
        for number, handler in self._before.items():
            if stays and number != _number(HANGUP):
                continue
            if self._outer is not None and handler == self._outer.handle:
                self._outer._put(number)
            else:
                signal.signal(number, handler)
        if self._outer is None and self._ear is not None and not stays:
            self._ear.close()


def _default_ends() -> bool:
    """Whether the default handler ends this process. In a container's first process it does not: the kernel
    drops signals that process number 1 does not handle (pid_namespaces(7)).
    """
    return os.getpid() != 1


class _Ear:
    """Notices signals while the main thread is in a call that does not return: Python's C code writes each
    signal's number into a pipe, and a thread reads it. The second signal ends the process.
    """

    def __init__(self, unheard: Callable[[], None]) -> None:
        self._unheard = unheard
        self._read, self._writing, self._close = _pipe()
        self.heard = threading.Event()  # the main thread has noticed the signal
        self.put_right: list[Callable[[], None]] = []

    def begin(self) -> bool:
        """Start listening. False if another library listens already."""
        other = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        if other != -1:
            signal.set_wakeup_fd(other)
            self._close()
            return False
        threading.Thread(target=self._listen, name="zmigrate-signals", daemon=True).start()
        return True

    def close(self) -> None:
        other = signal.set_wakeup_fd(-1)
        if other != self._writing:
            signal.set_wakeup_fd(other)
        self._close()  # the thread reads to the end

    def _listen(self) -> None:
        ending = {_number(name) for name in ENDING}
        first = 0
        while byte := self._read():
            number = byte[0]
            if not first and number in {*ending, _number(HANGUP)}:
                first = number
                threading.Thread(target=self._wait_for_main, daemon=True).start()
            elif first and number in ending and self._is_another(first, number):
                for put_right in self.put_right:
                    put_right()
                end()

    def _is_another(self, first: int, number: int) -> bool:
        """Whether this is a second wish. A library that catches a signal raises it again after its cleanup,
        and the main thread notices it only then.
        """
        return number != first or not self.heard.wait(SECOND_UNHEARD_S)

    def _wait_for_main(self) -> None:
        if not self.heard.wait(UNHEARD_S):
            self._unheard()


def _pipe() -> tuple[Callable[[], bytes], int, Callable[[], None]]:
    """(a function that reads one byte, the descriptor to write to, a function that closes it)."""
    if sys.platform == "win32":
        from socket import socketpair  # noqa: PLC0415

        ours, its = socketpair()
        its.setblocking(False)

        def receive() -> bytes:
            byte = ours.recv(1)
            if not byte:
                ours.close()
            return byte

        return receive, its.fileno(), its.close
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def read() -> bytes:
        byte = os.read(reading, 1)
        if not byte:
            os.close(reading)
        return byte

    return read, writing, lambda: os.close(writing)


def end() -> NoReturn:
    """End the process at once, without any further Python code."""
    os._exit(INTERRUPTED)


def _number(name: str) -> int:
    """The signal's number; 0 if the system has no such signal."""
    return int(getattr(signal, name, 0))
