"""The command line: one file a group of commands. Turns errors into messages and exit codes. No HTTP."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from zmigrate.signals import INTERRUPTED, handled_by

__all__ = ["INTERRUPTED", "main"]


UNHEARD = "stopping, but a call has not returned yet; a second Ctrl-C (or SIGTERM) ends zmigrate at once"


def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """End a command on any signal, as Ctrl-C does. Runs and plans have their own handlers."""
    raise KeyboardInterrupt


def main(argv: Sequence[str] | None = None) -> int:
    """Run `zmigrate` with these arguments (default: the process's own) and return its exit code."""
    from zmigrate.cli.streams import say, standard_streams

    words = list(sys.argv[1:] if argv is None else argv)
    own_process = argv is None
    try:
        with (
            standard_streams(words, own_process=own_process),
            handled_by(interrupt, unheard=lambda: say(UNHEARD), until_the_end=own_process),
        ):
            from zmigrate.cli.app import run_command_line

            return run_command_line(words)
    except KeyboardInterrupt:  # before or after the time in which somebody else handles it
        return INTERRUPTED
