"""A command ends by its result: streams that are closed, full or gone change no exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import Bench, leads, read_rows, thorough, write_rows
from zmigrate.cli.emulator import environment_of
from zmigrate.engine.storage.ledger import list_runs

pytestmark = pytest.mark.skipif(os.name != "posix", reason="closes descriptors as a POSIX shell does")

ZMIGRATE = f"{sys.executable} -m zmigrate"
IMPORT = "import-csv leads.csv --module Leads --operation insert --key Legacy_ID --emulator"
FULL = "> /dev/full 2> /dev/full"
LINUX = pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux")
SLOW = pytest.mark.slow


@pytest.fixture
def shell(folder):
    """Runs a command line of zmigrate in a shell; gives what it printed and its exit code."""
    write_rows(folder / "leads.csv", leads(3))

    def run(words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", f"exec {ZMIGRATE} {words}"],
            cwd=folder,
            env={**os.environ, **environ},
            capture_output=True,
            encoding=environ.get("PYTHONIOENCODING", "utf-8"),
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )

    return run


@pytest.mark.parametrize(
    "redirected",
    [
        ">&- 2>&- <&-",
        pytest.param(FULL, marks=LINUX),
        *(
            pytest.param(each, marks=SLOW)
            for each in (
                ">&-",
                "2>&-",
                "<&-",
                "> /dev/full",
                "2> /dev/full",
                "--json >&-",
                "--json 2>&-",
                "--json > /dev/full",
                "--json >&- 2>&- <&-",
            )
        ),
    ],
)
def test_streams_that_are_closed_or_full_change_nothing_of_a_run(shell, folder, redirected):
    assert shell(f"run {IMPORT} {redirected}").returncode == 0
    (made,) = list_runs(folder / ".zmigrate")
    assert made.record.state == "finished"
    assert [row["action"] for row in read_rows(made.folder.result_file("success"))] == ["created"] * 3
    for line in (made.folder.path / "run.log").read_text().splitlines():
        json.loads(line)  # nothing else was printed into it


@pytest.mark.parametrize("redirected", [">&- 2>&- <&-", pytest.param(FULL, marks=[LINUX, SLOW])])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--help", 0),
        ("--version", 0),
        ("jobs", 0),
        ("runs --json", 0),
        ("chekc --json", 2),
        ("report last", 2),
        *(
            pytest.param(*each, marks=SLOW)
            for each in (
                ("resume last --json", 2),
                ("show import-csv", 0),
                (f"plan {IMPORT}", 0),
                (f"plan {IMPORT} --json", 0),
                ("fields Leads --emulator", 0),
                ("fields Leads --emulator --csv", 0),
                ("api GET /crm/v8/org --emulator", 0),
                ("map leads.csv --module Leads --emulator", 0),
                ("ids export", 2),
                ("check", 2),
                ("init", 2),
                ("new import-customers", 0),
                ("run", 2),
                ("demo", 0),
            )
        ),
    ],
)
def test_every_command_has_the_exit_code_of_its_result(shell, words, code, redirected):
    assert shell(f"{words} {redirected}").returncode == code


def test_a_result_that_does_not_fit_on_the_disk_is_told(shell):
    done = shell("jobs --json > /dev/full")
    assert (done.returncode, done.stderr) == (
        0,
        "warning: the output is incomplete: No space left on device\n",
    )


@pytest.mark.parametrize(
    "words", ["jobs", "jobs --json", "--help", pytest.param(f"plan {IMPORT} --json", marks=SLOW)]
)
def test_a_reader_that_goes_away_is_no_fault(shell, folder, words):
    shell("--version")  # the byte code is compiled
    mine, its = os.pipe()
    os.close(mine)
    process = subprocess.Popen(
        [sys.executable, "-m", "zmigrate", *words.split()], cwd=folder, stdout=its, stderr=subprocess.PIPE
    )
    os.close(its)
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (0, b"")


@pytest.mark.parametrize("encoding", ["ascii", pytest.param("cp1252", marks=SLOW)])
def test_an_encoding_that_lacks_a_character_loses_nothing(shell, folder, encoding):
    (folder / "jobs").mkdir()
    (folder / "jobs" / "odd.py").write_text(
        "from zmigrate import Job\n\nclass Odd(Job):\n    'Žluťoučký 👋 kůň.'\n"
        "    scopes = ('ZohoCRM.org.READ',)\n"
        "    def run(self, ctx): pass\n",
        encoding="utf-8",
    )
    shown = shell("show odd", PYTHONIOENCODING=encoding)
    assert (shown.returncode, r"k\u016f\u0148" in shown.stdout) == (0, True)
    data = json.loads(shell("show odd --json", PYTHONIOENCODING=encoding).stdout)
    assert data["help"] == "Žluťoučký 👋 kůň."


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("stdout", "sys.{}.close()"),
        ("stderr", "sys.{} = None"),
        *(
            pytest.param(*each, marks=SLOW)
            for each in (
                ("stdin", "sys.{}.close()"),
                ("stdin", "sys.{} = None"),
                ("stdout", "sys.{} = None"),
                ("stderr", "sys.{}.close()"),
            )
        ),
    ],
)
def test_a_stream_that_python_has_not_is_none_to_ask_or_to_print_at(folder, name, how):
    code = (
        f"import sys; from zmigrate.cli import main; {how.format(name)}; sys.exit(main(['jobs', '--json']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) is (name != "stdout")


def test_a_caller_in_the_same_process_gets_its_streams_back(folder):
    code = (
        "import os, sys; from zmigrate.cli import main; had = sys.stdin, sys.stdout, sys.stderr\n"
        "for words in (['jobs', '--json'], ['--version']): main(words)\n"
        "assert (sys.stdin, sys.stdout, sys.stderr) == had; print('after'); os.write(1, b'')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    first, *rest = done.stdout.splitlines()
    assert json.loads(first)
    assert (len(rest), rest[1], done.stderr) == (2, "after", "")


# -- questions ----------------------------------------------------------------------------------------


@pytest.fixture
def production(bench_with, monkeypatch) -> Bench:
    bench = bench_with(org_type="production")
    for name, value in environment_of(bench.emulator).items():
        monkeypatch.setenv(name, value)
    return bench


@pytest.mark.parametrize("redirected", thorough(["<&-", "< /dev/null", ">&- 2>&- <&-"]))
def test_without_a_terminal_nothing_is_written_to_production(shell, production, redirected):
    done = shell(f"run {IMPORT.removesuffix(' --emulator')} {redirected}")
    assert done.returncode == 2
    assert "there is no terminal to ask at" in done.stderr or "2>&-" in redirected
    assert production.audit()["creates"] == 0


@pytest.mark.parametrize("ended", ["by Ctrl-D", "with its terminal"])
def test_a_question_whose_answer_never_comes_is_a_no(folder, production, ended):
    pty = pytest.importorskip("pty")
    write_rows(folder / "leads.csv", leads(3))
    mine, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "zmigrate", "run", *IMPORT.split()[:-1]],
        stdin=its,
        stdout=its,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),  # noqa: PLW1509
    )
    os.close(its)
    told = b""
    while b"[y/N]" not in told:
        told += os.read(process.stderr.fileno(), 4096)
    if ended == "by Ctrl-D":
        os.write(mine, b"\x04")
    else:
        os.close(mine)
    _, rest = process.communicate(timeout=10)
    assert process.returncode == 2
    assert b"not confirmed; nothing was written" in rest
    assert production.audit()["creates"] == 0


def test_a_secret_that_is_asked_for_and_never_typed_is_wrong_use(folder):
    pty = pytest.importorskip("pty")
    (folder / "jobs").mkdir()
    (folder / "jobs" / "safe.py").write_text(
        "from zmigrate import Job, Option\n\nclass Safe(Job):\n    'Safe.'\n"
        "    scopes = ('ZohoCRM.org.READ',)\n"
        "    password: str = Option(secret=True, env='SAFE_PASSWORD', help='Password')\n"
        "    def run(self, ctx): pass\n"
    )
    mine, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "zmigrate", "run", "safe", "--emulator"],
        stdin=its,
        stdout=its,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    os.close(its)
    told = b""
    while b"Password: " not in told:
        told += os.read(process.stderr.fileno(), 4096)
    os.write(mine, b"\x04")
    _, rest = process.communicate(timeout=10)
    assert (process.returncode, b"the input ended" in rest) == (2, True)
    os.close(mine)


def test_what_is_piped_in_as_a_body_is_read_and_what_is_no_text_is_named(shell, folder):
    (folder / "body").write_bytes(b'{"data": "\xff"}')
    done = shell("api POST /crm/v8/Leads --emulator --data @- < body")
    assert (done.returncode, "standard input can't be read: it is not UTF-8" in done.stderr) == (2, True)
    done = shell("api POST /crm/v8/Leads --emulator --data @- <&-")
    assert (done.returncode, "standard input is not JSON: it is empty" in done.stderr) == (2, True)
