"""The command line: one file a group of commands. Errors become messages and exit codes; no HTTP."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run `zmigrate` with these arguments (default: the process's own) and return its exit code."""
    from zmigrate.cli.app import run_command_line

    return run_command_line(argv)
