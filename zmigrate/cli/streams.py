"""The standard streams while a command runs. A failing stream changes no result.

`main` replaces `sys.stdin`, `sys.stdout` and `sys.stderr`, so that no print needs a guard, in libraries too.
Results go through here too (`echo`, `print_json`).
"""

from __future__ import annotations

import atexit
import errno
import json
import os
import re
import select
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from typing import IO, Any, TextIO, cast

from zmigrate.printable import drawable, json_printable, printable

STDOUT, STDERR = 1, 2  # descriptors
LOOK_EVERY_S = 0.5
NON_ASCII = re.compile(r"[^\x00-\x7f]")


STAND_INS = {"→": "->", "…": "...", "·": "-", "–": "-", "µ": "u"}
"""What stands for the signs of messages that an encoding lacks, such as that of a Windows console."""


def backslashed(text: str, encoding: str) -> str:
    """The text in an encoding that lacks some of its characters: with signs of ASCII for ours, and backslash
    escapes for all others, as Python has them on stderr.
    """
    lacking = {ord(sign): plain for sign, plain in STAND_INS.items() if not _has(encoding, sign)}
    return text.translate(lacking).encode(encoding, "backslashreplace").decode(encoding)


def _has(encoding: str, sign: str) -> bool:
    try:
        sign.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def json_escaped(text: str, _encoding: str) -> str:
    """JSON with escapes for all that is not ASCII. In JSON only strings hold such characters."""
    return NON_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text)


class Output:
    """A stream to write to. If it can't be written any more (the reader is gone, the disk is full), it drops
    the text and notes why. On a terminal, no control characters get through except those that draw.
    """

    def __init__(self, stream: IO[Any], escape: Callable[[str, str], str] = backslashed) -> None:
        self._stream = stream
        self._escape = escape
        self._terminal = is_terminal(stream)
        self.lost: Exception | None = None  # why some of the text was dropped

    def write(self, text: Any) -> int:
        shown = self._guarded(text) if isinstance(text, str) else text
        try:
            try:
                self._stream.write(shown)
            except UnicodeEncodeError as error:  # which names only the kind of an encoding: "charmap"
                encoding = getattr(self._stream, "encoding", None) or error.encoding
                self._stream.write(self._escape(shown, encoding))
        except (OSError, ValueError) as error:  # ValueError: it is closed
            self.lost = error
        return len(text)

    def _guarded(self, text: str) -> str:
        return drawable(text) if self._terminal else text

    def writelines(self, lines: Sequence[Any]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self.lost = error
        except ValueError:  # it is closed; the writes that came too late have noted it
            return

    def isatty(self) -> bool:
        return is_terminal(self._stream)

    @property
    def buffer(self) -> Output:
        return Output(cast("TextIO", self._stream).buffer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def let_go(self) -> None:
        """Flush. If that fails, send the descriptor to nowhere: the interpreter flushes again when it ends,
        and a failure there would change the exit code.
        """
        self.flush()
        if self.lost is None:
            return
        with suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)
        self.flush()


class JsonOutput(Output):
    """An output for JSON. Invisible characters and terminal commands in strings are escaped, in files too."""

    def __init__(self, stream: IO[Any]) -> None:
        super().__init__(stream, json_escaped)

    def _guarded(self, text: str) -> str:
        return json_printable(text)


class Input:
    """A stream to read from. If it is closed or its terminal is gone, it is at its end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def readline(self, size: int = -1) -> str:
        self._wait()
        return self._read(self._stream.readline, size)

    def read(self, size: int = -1) -> str:
        return self._read(self._stream.read, size)

    def __iter__(self) -> Iterator[str]:
        return iter(self.readline, "")

    def isatty(self) -> bool:
        return is_terminal(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _read(self, read: Callable[[int], str], size: int) -> str:
        try:
            return read(size)
        except UnicodeDecodeError:
            raise
        except (OSError, ValueError):
            return ""

    def _wait(self) -> None:
        """Wait for a line on the terminal, a little at a time: a blocking read would delay a signal that
        comes just before it.
        """
        if sys.platform == "win32" or not self.isatty():
            return
        with suppress(OSError, ValueError):
            while not select.select([self._stream], [], [], LOOK_EVERY_S)[0]:
                continue


def is_terminal(stream: IO[Any] | None) -> bool:
    """Whether the stream is a terminal. A closed or missing stream is none."""
    try:
        return stream is not None and stream.isatty()
    except (OSError, ValueError):
        return False


def can_ask() -> bool:
    """Whether there is a terminal to ask at."""
    return is_terminal(sys.stdin)


# -- what commands print ---------------------------------------------------------------------------

_RESULT: ContextVar[Output | None] = ContextVar("result", default=None)
"""Set while a command runs. `sys.stdout` is not used: a job module may replace it."""


def result() -> TextIO:
    """The stream for results. With --json it is stdout, and nothing else writes there."""
    return cast("TextIO", _RESULT.get() or JsonOutput(sys.stdout))


def print_json(data: object, *, indent: int | None = None) -> None:
    """Print one JSON value on stdout."""
    stream = result()
    stream.write(json.dumps(data, ensure_ascii=False, indent=indent) + "\n")
    stream.flush()


def echo(text: str) -> None:
    """Print a line of a result on stdout."""
    sys.stdout.write(printable(text) + "\n")


def write_data(text: str) -> None:
    """Print data on stdout unchanged, for a file or another program."""
    sys.stdout.write(text)


def say(text: str) -> None:
    """Print a line for a person on stderr."""
    prompt(text + "\n")


def prompt(text: str) -> None:
    """Print text for a person on stderr, without a line break."""
    sys.stderr.write(printable(text))
    sys.stderr.flush()


def wants_json(words: Sequence[str]) -> bool:
    """Whether a command line, even an invalid one, asks for one JSON object on stdout."""
    options = words[: words.index("--")] if "--" in words else words
    return "--json" in options and "--help" not in options


# -- for the time of a command ---------------------------------------------------------------------


@contextmanager
def standard_streams(words: Sequence[str], *, own_process: bool) -> Iterator[None]:
    """While inside, the standard streams exist and never fail, whatever the process started with.

    `own_process`: the process ends with the command, so the streams stay. Otherwise the caller gets back the
    old ones.
    """
    before = sys.stdin, sys.stdout, sys.stderr
    fill_descriptors()
    with ExitStack() as stack:
        out = Output(opened(sys.stdout, "w", stack))
        err = Output(opened(sys.stderr, "w", stack))
        sys.stdin = cast("TextIO", Input(opened(sys.stdin, "r", stack)))
        sys.stderr = cast("TextIO", err)
        if wants_json(words):
            found = kept_apart(out, stack, give_back=not own_process)
            sys.stdout = sys.stderr
        else:
            found = JsonOutput(out._stream)
            sys.stdout = cast("TextIO", out)
        token = _RESULT.set(found)
        if own_process:
            atexit.register(close_down, (found, out), err)  # job modules may print when the interpreter ends
        try:
            yield
        finally:
            close_down((found, out), err)
            _RESULT.reset(token)
            if not own_process:
                sys.stdin, sys.stdout, sys.stderr = before


def fill_descriptors() -> None:
    """Open each closed descriptor from 0 to 2, to nowhere. Otherwise the next opened file, such as a run's
    log, would get its number, and all that is printed.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null == number:
                os.set_inheritable(null, True)
            else:
                os.dup2(null, number)
                os.close(null)


def opened(stream: TextIO | None, mode: str, stack: ExitStack) -> TextIO:
    """The stream, or one that leads nowhere if the stream is missing or closed."""
    if stream is not None and not getattr(stream, "closed", False):
        return stream
    return cast("TextIO", stack.enter_context(open(os.devnull, mode, encoding="utf-8")))


def kept_apart(out: Output, stack: ExitStack, *, give_back: bool) -> Output:
    """A stream for the one JSON object alone. Everything else goes to stderr: what Python code prints, and
    what C code and processes of a job write to descriptor 1.
    """
    if descriptor_of(out) != STDOUT:
        return JsonOutput(out._stream)
    out.flush()
    saved = os.dup(STDOUT)
    stream = stack.enter_context(os.fdopen(saved, "w", encoding=out.encoding))
    os.dup2(STDERR, STDOUT)
    if give_back:
        stack.callback(os.dup2, saved, STDOUT)
        stack.callback(out.flush)  # before stdout is given back, so that nothing mixes with the result
    return JsonOutput(stream)


def descriptor_of(stream: Output) -> int | None:
    """The stream's descriptor. None if it has none, as in a test."""
    try:
        return int(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return None


def close_down(results: Sequence[Output], err: Output) -> None:
    """Flush the streams, and warn if not all of a result could be printed."""
    for stream in results:
        stream.let_go()
    lost = next((stream.lost for stream in results if stream.lost is not None), None)
    # After EPIPE nobody misses anything: the reader is gone, as in `| head`.
    if lost is not None and getattr(lost, "errno", None) != errno.EPIPE:
        err.write(f"warning: the output is incomplete: {getattr(lost, 'strerror', None) or lost}\n")
    err.let_go()
    for stream in results:
        stream.lost = None
