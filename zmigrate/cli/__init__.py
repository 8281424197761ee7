"""The command line: one file a group of commands. Errors become messages and exit codes; no HTTP."""

from __future__ import annotations

import sys
from collections.abc import Sequence

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run `zmigrate` with these arguments (default: the process's own) and return its exit code."""
    from zmigrate.cli.streams import standard_streams

    words = list(sys.argv[1:] if argv is None else argv)
    try:
        with standard_streams(words, own_process=argv is None):
            from zmigrate.cli.app import run_command_line

            return run_command_line(words)
    except KeyboardInterrupt:  # while there is nobody yet to answer it, or no longer
        return INTERRUPTED
