"""The question before a write to production: what ends it besides an answer."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

import pytest

from zmigrate.cli.emulator import environment_of
from zmigrate.emulator import Emulator, Options

pty = pytest.importorskip("pty")

AT_TERMINAL = [
    sys.executable,
    "-c",
    "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "from zmigrate.cli import main; sys.exit(main())",
]


@pytest.fixture
def production(monkeypatch):
    with Emulator(Options(org_type="production")) as emulator:
        for name, value in environment_of(emulator).items():
            monkeypatch.setenv(name, value)
        yield emulator


@pytest.fixture
def asked(folder, production):
    """A run that waits for its answer, and the terminal that it waits at."""
    (folder / "leads.csv").write_text("Legacy_ID,Last_Name\nL1,Li\n")
    mine, its = pty.openpty()
    words = ["run", "import-csv", "leads.csv", "--module", "Leads", "--operation", "insert"]
    process = subprocess.Popen(
        [*AT_TERMINAL, *words], stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    yield process, mine, read_until(mine, b"[y/N]")
    process.kill()
    process.wait()


def read_until(terminal: int, wanted: bytes) -> bytes:
    text, end = b"", time.monotonic() + 30
    while wanted not in text:
        assert time.monotonic() < end, text
        if select.select([terminal], [], [], 0.2)[0]:
            text += os.read(terminal, 4096)
    return text


@pytest.mark.parametrize(
    "name", ["SIGTERM", *(pytest.param(name, marks=pytest.mark.slow) for name in ("SIGHUP", "SIGINT"))]
)
def test_a_signal_ends_the_question_and_the_run(asked, name):
    process, terminal, _ = asked
    process.send_signal(getattr(signal, name))
    read_until(terminal, b"nothing was written")
    assert process.wait(10) == 130
    os.close(terminal)


def test_a_terminal_that_goes_away_ends_them_too(asked):
    process, terminal, _ = asked
    os.close(terminal)
    assert process.wait(10) == 130
