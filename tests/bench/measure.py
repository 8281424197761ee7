"""Runs a command in a process of its own and says what it cost."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

KIB = 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process cost: seconds on the clock, seconds of CPU (user and system), bytes at its peak."""

    began_at: float
    wall_s: float
    cpu_s: float
    peak_bytes: int
    code: int
    output: bytes


class CommandFailed(Exception):
    """A measured command ended with an error, or did not do its work."""


class Child:
    """A command under way. Its output goes to files, so that no pipe can fill up."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  closed by wait
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed by said
        self._began_at = time.time()
        self._clock = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **(environ or {})},
            cwd=folder,
            stdout=self._output,
            stderr=self._errors,
        )

    def wait(self) -> Cost:
        """Its end, and its cost. `ru_maxrss` is in KiB on Linux."""
        _, status, usage = os.wait4(self.process.pid, 0)
        wall_s = time.perf_counter() - self._clock
        self.process.returncode = os.waitstatus_to_exitcode(status)
        with self._output:
            self._output.seek(0)
            output = self._output.read()
        return Cost(
            self._began_at,
            wall_s,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss * KIB,
            self.process.returncode,
            output,
        )

    def said(self) -> str:
        """The end of what it said on stderr."""
        with self._errors:
            self._errors.seek(0)
            return self._errors.read().decode(errors="replace")[-500:].strip()


def run(
    command: Sequence[str], *, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> Cost:
    """Run a command to its end. Raises CommandFailed with what it said on stderr, unless it exits with 0."""
    child = Child(command, environ=environ, folder=folder)
    cost = child.wait()
    said = child.said()
    if cost.code != 0:
        raise CommandFailed(f"{' '.join(command[1:4])} ended with {cost.code}: {said}")
    return cost
