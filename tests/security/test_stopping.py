"""Stopping always works: the second signal ends the process wherever it is, and a resume doubles nothing."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM

import pytest

from tests.engine.victim import environ_for
from tests.support import Bench, leads, thorough, write_rows

pty = pytest.importorskip("pty")
termios = pytest.importorskip("termios")

Process = subprocess.Popen[bytes]
WAIT_S = 30.0
SOON_S = 5.0
"""What "at once" may take on a busy machine. No test waits so long unless it fails."""

ENDED = {-SIGINT, -SIGTERM, 130}
"""By the system's own handler, or by ours."""

PAIRS = thorough([(SIGTERM, SIGINT), (SIGINT, SIGINT), (SIGTERM, SIGTERM), (SIGINT, SIGTERM)])
TRAP_AT, ROWS = 250, 400

JOB = """
import collections, itertools, re, time
from pathlib import Path
from zmigrate import Argument, Csv, Insert, RecordJob, scopes_for

def swallow():
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:
            pass

HANGS = {
    "swallow": swallow,
    "re": lambda: re.search("^(a+)+$", "a" * 60 + "b"),
    "pow": lambda: pow(3, 1 << 40_000),
    "deque": lambda: collections.deque(itertools.repeat(0), maxlen=0),
}

class Hang(RecordJob):
    \"\"\"Hangs on one row as long as there is a file `trap`.\"\"\"

    write = Insert("Leads", key="Legacy_ID")
    scopes = scopes_for(write)
    refers_to = ()
    file: Path = Argument(help="CSV.")

    def source(self):
        return Csv(self.file)

    def transform(self, row):
        trap = Path("trap")
        if row["Legacy_ID"] == "L-000250" and trap.exists():
            Path("hangs").touch()
            HANGS[trap.read_text()]()
        return dict(row)
"""


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts `zmigrate` in the test's folder; whatever still runs at the end is killed."""
    begun: list[Process] = []

    def start(*words: str, environ: dict[str, str], **more) -> Process:
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        process = subprocess.Popen(
            [sys.executable, "-m", "zmigrate", *words],
            cwd=tmp_path,
            env=environ,
            start_new_session=True,
            **{**streams, **more},
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end, "the moment never came"
        time.sleep(0.01)


def cpu_s(process: Process) -> float:
    """What its main thread has used by now."""
    try:
        fields = Path(f"/proc/{process.pid}/task/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        pytest.skip("this system does not tell what a thread has used")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def delivered(process: Process) -> bool:
    """Whether no signal is still on its way to it."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        pytest.skip("this system does not tell which signals are pending")
    return "ShdPnd:\t0000000000000000" in status


def signalled(process: Process, numbers: Sequence[signal.Signals], between: Callable[[], object]) -> int:
    """Sends the first signal, waits, sends the second; gives the exit code."""
    process.send_signal(numbers[0])
    until(lambda: delivered(process) and between())
    assert process.poll() is None, "the first signal has ended it"
    process.send_signal(numbers[1])
    return process.wait(SOON_S)


def nobody(url: str = "http://127.0.0.1:9") -> dict[str, str]:
    """The environment of somebody with credentials, for an org behind this URL."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ZMIGRATE_")}
    made_up = {"CLIENT_ID": "1000.X", "CLIENT_SECRET": "made-up", "SOID": "1", "ACCOUNTS_URL": url}
    return {**own, **{f"ZMIGRATE_{name}": value for name, value in made_up.items()}}


ENDLESS = "with recursive n(id) as (select 1 union all select id + 1 from n) select id from n"


def endless_query(command: str, tmp_path: Path) -> list[str]:
    import sqlite3

    with closing(sqlite3.connect(tmp_path / "old.db")) as made:
        made.execute("create table person (id integer)")
        made.commit()
    of_database = ["sqlite:///old.db", "--select", ENDLESS, "--order-by", "id", "--module", "Leads"]
    return [command, "import-file", *of_database, "--operation", "insert"]


@pytest.mark.parametrize("numbers", PAIRS)
def test_the_second_signal_ends_a_query_that_never_returns(started, tmp_path, numbers):
    process = started(*endless_query("plan", tmp_path), environ=nobody())
    until(lambda: cpu_s(process) > 1.0)
    used = cpu_s(process)
    assert signalled(process, numbers, lambda: cpu_s(process) > used + 0.1) in ENDED


@pytest.mark.slow
def test_a_first_signal_that_is_not_heard_is_told_of(started, tmp_path):
    process = started(*endless_query("run", tmp_path), environ=nobody())
    until(lambda: cpu_s(process) > 1.0)
    process.send_signal(SIGINT)
    assert process.stderr is not None
    assert b"a second Ctrl-C" in process.stderr.readline()


@pytest.mark.parametrize("numbers", PAIRS)
@pytest.mark.parametrize("hang", thorough(["re", "swallow", "pow"]))
def test_what_a_killed_run_had_written_is_not_written_again(started, tmp_path, bench, hang, numbers):
    process = hanging(started, tmp_path, bench, hang)
    used = cpu_s(process)
    heard = (lambda: True) if hang == "swallow" else lambda: cpu_s(process) > used + 0.05
    assert signalled(process, numbers, heard) in ENDED
    assert_resumed_without_doubles(started, tmp_path, bench)


def test_a_call_that_holds_the_interpreter_for_good_is_ended_by_the_system(started, tmp_path, bench):
    """No Python code runs any more, in no thread."""
    process = hanging(started, tmp_path, bench, "deque")
    used = cpu_s(process)
    assert signalled(process, (SIGINT, SIGINT), lambda: cpu_s(process) > used + 0.05) == -SIGINT
    assert_resumed_without_doubles(started, tmp_path, bench)


def hanging(started: Callable[..., Process], tmp_path: Path, bench: Bench, hang: str) -> Process:
    """A run that has written two batches and hangs in a row of the third."""
    (tmp_path / "hang.py").write_text(JOB)
    (tmp_path / "trap").write_text(hang)
    write_rows(tmp_path / "leads.csv", leads(ROWS))
    words = ["run", "hang", "leads.csv", "--jobs", "hang.py", "--yes", "--concurrency", "1"]
    process = started(*words, environ=environ_for(bench))
    until(lambda: (tmp_path / "hangs").exists() or process.poll() is not None)
    assert process.poll() is None, process.stderr and process.stderr.read()
    return process


def assert_resumed_without_doubles(started: Callable[..., Process], tmp_path: Path, bench: Bench) -> None:
    (tmp_path / "trap").unlink()
    resumed = started("resume", "last", "--jobs", "hang.py", "--yes", environ=environ_for(bench))
    _, told = resumed.communicate(timeout=60)
    assert resumed.returncode == 0, told
    audit = bench.audit()
    assert (audit["records"], audit["creates"]) == (ROWS, ROWS)


@pytest.fixture
def mute() -> Iterator[tuple[str, Callable[[], object]]]:
    """A server that takes connections and never answers: its URL, and what tells that somebody is there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield (
            f"http://127.0.0.1:{listener.getsockname()[1]}",
            lambda: select.select([listener], [], [], 0)[0],
        )


@pytest.mark.parametrize("words", thorough([["check"], ["fields", "Leads"], ["api", "GET", "/crm/v8/org"]]))
def test_a_command_that_is_no_run_ends_at_the_first_signal_while_it_waits(started, mute, words):
    url, somebody = mute
    process = started(*words, environ=nobody(url))
    until(somebody)
    process.send_signal(SIGTERM)
    assert process.wait(SOON_S) == 130


def test_the_second_signal_ends_a_run_whose_request_is_never_answered(started, tmp_path, mute):
    url, somebody = mute
    write_rows(tmp_path / "leads.csv", leads(3))
    words = ["run", "import-csv", "leads.csv", "--module", "Leads", "--operation", "insert", "--yes"]
    process = started(*words, environ=nobody(url))
    until(somebody)
    assert signalled(process, (SIGTERM, SIGINT), lambda: True) in ENDED


def test_a_signal_that_was_ignored_at_the_beginning_stays_so_after_another_came(started, tmp_path, bench):
    (tmp_path / "hang.py").write_text(JOB)
    (tmp_path / "trap").write_text("swallow")
    write_rows(tmp_path / "leads.csv", leads(ROWS))
    process = started(
        "run", "hang", "leads.csv", "--jobs", "hang.py", "--yes",
        environ=environ_for(bench),
        preexec_fn=lambda: signal.signal(SIGINT, signal.SIG_IGN),
    )  # fmt: skip
    until((tmp_path / "hangs").exists)
    for number in (SIGTERM, SIGINT, SIGHUP, SIGHUP):
        process.send_signal(number)
        until(lambda: delivered(process))
    assert process.poll() is None
    process.send_signal(SIGTERM)
    assert process.wait(SOON_S) in ENDED


# -- the terminal afterwards --------------------------------------------------------------------------


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends: the person's, and the program's."""
    mine, its = pty.openpty()
    yield mine, its
    os.close(its)
    os.close(mine)


def read_until(terminal: int, wanted: bytes) -> bytes:
    heard = b""

    def more() -> bool:
        nonlocal heard
        if select.select([terminal], [], [], 0)[0]:
            heard += os.read(terminal, 65536)
        return wanted in heard

    until(more)
    return heard


def test_two_signals_at_once_while_a_secret_is_typed_leave_the_terminal_with_its_echo(started, terminal):
    """`init` asks for the client's secret, which is not shown."""
    mine, its = terminal
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), its)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ZMIGRATE_")}

    def own_terminal() -> None:
        import fcntl

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = started("init", environ=environ, preexec_fn=own_terminal, **streams)
    until(lambda: answered(mine, its))
    assert signalled(process, (SIGINT, SIGINT), lambda: True) in ENDED
    assert termios.tcgetattr(its)[3] & termios.ECHO


def answered(mine: int, its: int) -> bool:
    """Answers whatever is asked for, until what is typed is no longer shown."""
    if not termios.tcgetattr(its)[3] & termios.ECHO:
        return True
    if select.select([mine], [], [], 0)[0] and b": " in os.read(mine, 65536):
        os.write(mine, b"\n")
    return False


def test_a_run_that_is_killed_leaves_the_terminal_with_its_cursor(started, terminal, tmp_path, bench):
    mine, its = terminal
    (tmp_path / "hang.py").write_text(JOB)
    (tmp_path / "trap").write_text("deque")
    write_rows(tmp_path / "leads.csv", leads(ROWS))
    process = started(
        "run", "hang", "leads.csv", "--jobs", "hang.py", "--yes",
        environ={**environ_for(bench), "TERM": "xterm"},
        **dict.fromkeys(("stdin", "stdout", "stderr"), its),
    )  # fmt: skip
    shown = read_until(mine, b"\x1b[?25l")
    until((tmp_path / "hangs").exists)
    assert signalled(process, (SIGINT, SIGINT), lambda: True) == -SIGINT
    while select.select([mine], [], [], 0)[0]:
        shown += os.read(mine, 65536)
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l")


UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc"]


def can_unshare() -> bool:
    try:
        return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not can_unshare(), reason="makes a namespace of its own, as a container has")
@pytest.mark.parametrize("numbers", [(SIGTERM, SIGTERM), (SIGINT, SIGINT)])
def test_the_second_signal_ends_the_first_process_of_a_container(tmp_path, bench: Bench, numbers):
    (tmp_path / "hang.py").write_text(JOB)
    (tmp_path / "trap").write_text("swallow")
    write_rows(tmp_path / "leads.csv", leads(ROWS))
    words = ["run", "hang", "leads.csv", "--jobs", "hang.py", "--yes", "--concurrency", "1"]
    outer = subprocess.Popen(
        [*UNSHARE, sys.executable, "-m", "zmigrate", *words],
        cwd=tmp_path,
        env=environ_for(bench),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until((tmp_path / "hangs").exists)
        inner = int(Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text())
        for number in numbers:
            assert outer.poll() is None
            os.kill(inner, number)
            time.sleep(0.3)
        assert outer.wait(SOON_S) != 0
    finally:
        outer.kill()
        outer.wait()
