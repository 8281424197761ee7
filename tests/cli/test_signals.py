"""Signals that were ignored when the process began stay ignored; the others end what is under way."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from signal import SIGHUP, SIGINT, SIGTERM

import pytest

from tests.engine.victim import environ_for, importing
from tests.support import Bench, leads, write_rows
from zmigrate.engine.storage.ledger import list_runs
from zmigrate.signals import handled_by, stop_on_signals
from zmigrate.stopping import StopSignal

pty = pytest.importorskip("pty")

Process = subprocess.Popen[bytes]
ROWS = 1_000
WAIT_S = 30.0


@pytest.fixture
def slow(bench_with: Callable[..., Bench]) -> Bench:
    """So slow that there is a midway."""
    return bench_with(latency_ms=50, concurrency=2)


def begun(bench: Bench, *ignored: signal.Signals, master: int | None = None, **streams) -> Process:
    """A run that has written some of its rows; the signals were ignored when it began, as nohup does it.

    `master`: of the terminal that it prints on, which is read meanwhile.
    """
    path = write_rows(bench.folder / "leads.csv", leads(ROWS))

    def ignore() -> None:
        for each in ignored:
            signal.signal(each, signal.SIG_IGN)

    process = subprocess.Popen(
        [sys.executable, "-m", "zmigrate", *importing(path, "Legacy_ID"), "--yes"],
        env={**environ_for(bench), "TERM": "xterm"},
        preexec_fn=ignore,  # noqa: PLW1509
        start_new_session=True,
        **(streams or {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}),
    )

    def midway() -> bool:
        if master is not None and select.select([master], [], [], 0)[0]:
            os.read(master, 65536)
        return bench.audit()["creates"] >= 200 or process.poll() is not None

    end = time.monotonic() + WAIT_S
    while not midway():
        assert time.monotonic() < end
        time.sleep(0.005)
    return process


@pytest.mark.slow
@pytest.mark.parametrize("number", [SIGHUP, pytest.param(SIGINT, marks=pytest.mark.slow)])
def test_a_signal_that_was_ignored_at_the_beginning_stays_ignored(slow, number):
    process = begun(slow, number)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert slow.audit()["records"] == ROWS


def test_the_others_still_drain(slow):
    process = begun(slow, SIGINT)
    process.send_signal(SIGHUP)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert slow.audit()["records"] < ROWS


@pytest.mark.parametrize("ignored", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_run_under_nohup_outlives_its_terminal_and_any_other_drains(slow, ignored):
    """The master's end closes: SIGHUP comes, and whatever is printed from then on fails (EIO)."""
    mine, its = pty.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), its)
    process = begun(slow, *([SIGHUP] if ignored else []), master=mine, **streams)
    os.close(its)
    os.close(mine)
    process.send_signal(SIGHUP)
    assert process.wait(60) == (0 if ignored else 130)
    (made,) = list_runs(slow.folder / ".zmigrate")
    assert made.record.state == ("finished" if ignored else "interrupted")
    assert (slow.audit()["records"] == ROWS) is ignored


def test_an_ignored_signal_does_not_end_the_emulator():
    process = subprocess.Popen(
        [sys.executable, "-m", "zmigrate", "emulator"],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(SIGINT, signal.SIG_IGN),  # noqa: PLW1509
    )
    assert process.stdout is not None
    assert "emulator at" in process.stdout.readline()
    process.send_signal(SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.send_signal(SIGTERM)
    process.wait(10)
    process.stdout.close()


# -- in this process ----------------------------------------------------------------------------------


@pytest.fixture
def _as_before():
    before = {each: signal.getsignal(each) for each in (SIGINT, SIGTERM, SIGHUP)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("_as_before")
def test_handlers_come_back_and_what_is_ignored_is_left_alone():
    signal.signal(SIGHUP, signal.SIG_IGN)
    before = signal.getsignal(SIGTERM)
    stop, heard = StopSignal(), []
    with stop_on_signals(stop):
        with handled_by(lambda number, frame: heard.append(number)):
            signal.raise_signal(SIGHUP)
        assert (heard, stop.requested) == ([], False)
        signal.raise_signal(SIGTERM)
        assert stop.requested
        assert {signal.getsignal(each) for each in (SIGINT, SIGTERM)} == {signal.SIG_DFL}
    assert signal.getsignal(SIGTERM) is before


@pytest.mark.usefixtures("_as_before")
def test_a_signal_during_a_question_is_the_first_one_of_the_run_too():
    stop, heard = StopSignal(), []
    with stop_on_signals(stop):
        with handled_by(lambda number, frame: heard.append(number)):
            signal.raise_signal(SIGTERM)
        assert (heard, stop.requested) == ([SIGTERM], False)
        assert {signal.getsignal(each) for each in (SIGINT, SIGTERM)} == {signal.SIG_DFL}
        signal.raise_signal(SIGHUP)  # a terminal that closes ends nothing a second time


def test_a_handler_from_outside_python_is_left_alone():
    code = (
        "import ctypes, signal\nfrom zmigrate.signals import stop_on_signals\n"
        "from zmigrate.stopping import StopSignal\n"
        "mine = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda number: None)\n"
        "libc = ctypes.CDLL(None); libc.signal.argtypes = [ctypes.c_int, type(mine)]\n"
        "libc.signal.restype = ctypes.c_void_p; libc.signal(signal.SIGHUP, mine)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
        "with stop_on_signals(StopSignal()): pass\n"
        "print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
