"""Questions on the terminal. Prompts go to stderr; without a terminal the answers are lines of stdin."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress

from zmigrate.cli import interrupt, streams
from zmigrate.cli.streams import can_ask
from zmigrate.errors import UsageError
from zmigrate.printable import printable
from zmigrate.signals import handled_by, nothing


def ask(question: str, *, default: str | None = None) -> str:
    """The answer to a question; the default if it is empty. Raises UsageError when stdin ends."""
    shown = f" [{default}]" if default else ""
    answer = read_line(f"{question}{shown}: ")
    return answer.strip() or default or ""


def ask_hidden(question: str) -> str:
    """The answer to a question, not shown while it is typed."""
    if not can_ask():
        return read_line(f"{question}: ").strip()
    return read_hidden(f"{question} (not shown): ").strip()


def read_hidden(prompt: str) -> str:
    """A line from the terminal, not shown while it is typed. Raises UsageError when the input ends."""
    from getpass import getpass

    with handled_by(interrupt, put_right=shows_again()):
        try:
            return getpass(printable(prompt), sys.stderr)
        except EOFError:
            raise ended() from None


def shows_again() -> Callable[[], None]:
    """A function that restores the terminal, which a signal during a hidden answer would leave silent."""
    if sys.platform == "win32":
        return nothing
    import termios

    try:
        terminal = sys.stdin.fileno()
        now = termios.tcgetattr(terminal)
    except (OSError, ValueError, termios.error):  # no terminal
        return nothing

    def put_back() -> None:
        with suppress(termios.error):
            termios.tcsetattr(terminal, termios.TCSANOW, now)

    return put_back


def ask_yes(question: str) -> bool:
    """Whether the answer is yes. Any other answer is no."""
    return read_line(f"{question} [y/N]: ").strip().casefold() in {"y", "yes"}


def read_line(prompt: str) -> str:
    """A line of stdin after a prompt on stderr."""
    streams.prompt(prompt)
    try:
        line = sys.stdin.readline()
    except UnicodeDecodeError as error:
        raise UsageError(f"the answer can't be read: it is not {error.encoding.upper()}") from None
    if not can_ask():
        streams.say("")
    if not line:
        raise ended()
    return line


def ended() -> UsageError:
    return UsageError("the input ended before every question was answered")
