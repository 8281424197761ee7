"""Questions on the terminal. Prompts go to stderr; without a terminal the answers are lines of stdin."""

from __future__ import annotations

import sys

from zmigrate.errors import UsageError


def ask(question: str, *, default: str | None = None) -> str:
    """One line; the default where it is empty. Raises UsageError when stdin ends."""
    shown = f" [{default}]" if default else ""
    answer = read_line(f"{question}{shown}: ")
    return answer.strip() or default or ""


def ask_hidden(question: str) -> str:
    """One line that is not shown while it is typed. Nothing prints it afterwards."""
    if not sys.stdin.isatty():
        return read_line(f"{question}: ").strip()
    from getpass import getpass

    return getpass(f"{question} (not shown): ", sys.stderr).strip()


def ask_yes(question: str) -> bool:
    """Anything but yes is no."""
    return read_line(f"{question} [y/N]: ").strip().casefold() in {"y", "yes"}


def read_line(prompt: str) -> str:
    """A line of stdin after a prompt on stderr."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not sys.stdin.isatty():
        sys.stderr.write("\n")
    if not line:
        raise UsageError("the input ended before every question was answered")
    return line
