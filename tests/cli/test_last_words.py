"""Whatever ends a command, it ends with an exit code of ours and one message: no second exception."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
import typer
from rich.console import Console

import zmigrate
from zmigrate import events
from zmigrate.cli.errors import crash
from zmigrate.cli.streams import Input, Output, json_escaped, standard_streams, wants_json
from zmigrate.cli.watching import Watch
from zmigrate.display.progress import LiveProgress
from zmigrate.engine.model.outcomes import RowCounts
from zmigrate.engine.storage.run_log import RunLog
from zmigrate.engine.storage.run_result import RunResult
from zmigrate.events import EventHub

JOB = """
import sys
from zmigrate import Job

class Panic(BaseException):
    "As a library in Rust raises it."

class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")

class Odd(Job):
    "Odd."

    scopes = ("ZohoCRM.org.READ",)

    def check(self):
        {what}

    def run(self, ctx):
        pass
"""


@pytest.fixture
def odd(zmigrate, folder):
    """Runs a job that does this before anything is sent."""

    def run(what: str, *words: str):
        (folder / "jobs").mkdir(exist_ok=True)
        (folder / "jobs" / "odd.py").write_text(JOB.format(what=what))
        return zmigrate("run", "odd", "--emulator", *words)

    return run


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("raise Panic('at the disco')", "the job's code raised Panic: at the disco"),
        ("raise Mute", "the job's code raised Mute"),
        ("raise BrokenPipeError(32, 'Broken pipe')", "the job's code raised BrokenPipeError"),
        ("raise EOFError('it ends too early')", "the job's code raised EOFError: it ends too early"),
        ("sys.exit(1)", "the job's code raised SystemExit: 1"),
    ],
)
def test_whatever_a_jobs_code_raises_is_told_with_its_line_and_kept_in_a_file(odd, folder, what, said):
    done = odd(what, "--json")
    assert (done.code, json.loads(done.out)["error"]["code"]) == (2, "JOB_FAILED")
    assert f"odd.py:18: {said}" in done.err
    assert "Traceback" not in done.err
    (file,) = (folder / ".zmigrate" / "crashes").iterdir()
    assert "in check" in file.read_text("utf-8")


def test_a_traceback_is_shown_on_request_also_of_what_is_no_exception(odd):
    assert "Traceback" in odd("raise Panic", "-v").err


def test_an_interruption_is_one_line_and_an_object_under_json(odd):
    done = odd("raise KeyboardInterrupt", "--json")
    assert (done.code, done.err) == (130, "\ninterrupted\n")
    assert json.loads(done.out)["error"]["code"] == "INTERRUPTED"


@pytest.mark.parametrize("state_dir", ["a\0b", "file/below"])
def test_a_traceback_that_can_be_written_nowhere_is_no_second_fault(folder, state_dir):
    (folder / "file").write_text("")
    assert "-v" in (crash(RuntimeError("boom"), ["run", "--state-dir", state_dir]).hint or "")


# -- the display --------------------------------------------------------------------------------------


class Broken:
    def __call__(self, event: events.Event) -> None:
        raise KeyError("a fault of ours")


def test_a_listener_that_fails_goes_quiet_and_the_log_has_its_traceback(tmp_path):
    heard: list[events.Event] = []
    log = RunLog(tmp_path / "run.log")
    hub = EventHub(Broken(), heard.append, log)
    for batch in (1, 2):
        hub.emit(events.BatchSent(batch, 100))
    log.close()
    assert [event.batch for event in heard if isinstance(event, events.BatchSent)] == [1, 2]
    lines = [json.loads(line) for line in (tmp_path / "run.log").read_text().splitlines()]
    (told,) = [line for line in lines if "Traceback" in (line.get("detail") or "")]
    assert "in __call__" in told["detail"]
    assert [line["message"] for line in lines if line.get("level") == "warning"] == [
        "Broken failed and gets no more events: KeyError: 'a fault of ours'"
    ]


def test_a_picture_that_fails_leaves_the_terminal_to_what_a_job_prints():
    screen, before = io.StringIO(), sys.stderr
    progress = LiveProgress(Console(file=screen, force_terminal=True, width=80))
    facts = events.BannerFacts("import", None, "", "", "", practice=False)
    with progress:
        progress(events.RunStarted("", "", facts, {}))
        assert sys.stderr is not before
        with pytest.raises(TypeError):
            progress(events.Tick(in_flight="no number", limit=5, parked=0, token_left_s=None))
        assert sys.stderr is before
        assert "\x1b[?25h" in screen.getvalue()  # the cursor is back


class Undrawable(RunResult):
    """A result that the summary can't show, by a fault of ours."""

    def to_json(self):
        return {"error": None}


def test_a_summary_that_fails_changes_no_exit_code(folder, capsys):
    result = object.__new__(Undrawable)
    object.__setattr__(result, "state", "interrupted")
    object.__setattr__(result, "error", None)
    object.__setattr__(result, "rows", RowCounts())
    watch = Watch(quiet=False, verbose=False, as_json=True)
    with pytest.raises(typer.Exit) as left:
        watch.finish(result)
    said = capsys.readouterr()
    assert left.value.exit_code == result.exit_code == 130
    assert json.loads(said.out) == {"error": None}
    assert "warning: the summary can't be shown: KeyError" in said.err
    assert len(list((folder / ".zmigrate" / "crashes").iterdir())) == 1


# -- the streams --------------------------------------------------------------------------------------


class Gone(io.StringIO):
    """A stream whose every use fails, as a terminal's that is gone."""

    def _fail(self, *_: object) -> str:
        raise OSError(5, "Input/output error")

    write = flush = read = readline = isatty = _fail  # type: ignore[assignment]


def test_streams_that_fail_take_everything_and_give_nothing():
    out = Output(Gone())
    out.write("a")
    out.writelines(["b"])
    out.flush()
    out.let_go()
    assert (str(out.lost), out.isatty()) == ("[Errno 5] Input/output error", False)
    assert (Input(Gone()).read(), Input(Gone()).readline(), list(Input(Gone()))) == ("", "", [])


def test_bytes_are_guarded_as_text_is(tmp_path: Path):
    with (tmp_path / "file").open("w") as file:
        Output(file).buffer.write(b"a\n")
    Output(file).buffer.write(b"too late\n")
    assert (tmp_path / "file").read_bytes() == b"a\n"


@pytest.mark.parametrize("text", ['"ž"', '"👋"', '"\udcff"', '["a", "Ä"]'])
def test_json_with_escapes_is_the_same_json(text):
    escaped = json_escaped(text, "ascii")
    assert escaped.isascii()
    assert json.loads(escaped) == json.loads(text)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [("run a --json", True), ("run a -- --json", False), ("run a --json --help", False), ("run a", False)],
)
def test_json_is_wanted_before_the_words_are_parsed(words, wanted):
    assert wants_json(words.split()) is wanted


def test_nothing_can_be_printed_where_everything_fails(monkeypatch):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, Gone())
    with standard_streams(["jobs", "--json"], own_process=False):
        print("a", file=sys.stderr)
        print("b", flush=True)
        assert sys.stdin.readline() == ""
    assert isinstance(sys.stdout, Gone)


def test_nobody_prints_or_asks_past_the_streams():
    """`typer.echo` makes a stream of its own where the encoding is ASCII; `isatty` fails on a closed one."""
    root = Path(zmigrate.__file__).parent
    for path in [
        each for room in ("cli", "display", "engine", "emulator") for each in (root / room).rglob("*.py")
    ]:
        text = path.read_text("utf-8")
        for word in ("typer.echo", "typer.prompt", "typer.confirm", "get_text_stream", "stdin.isatty"):
            assert word not in text, f"{path} has {word}"
