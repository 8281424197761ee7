"""A run in a process of its own, which tests kill."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support import Bench

WAIT_S = 30.0


class Victim:
    """`zmigrate run import-csv …` or `zmigrate resume last` against the bench's emulator."""

    def __init__(
        self, bench: Bench, *arguments: str, settle_s: float = 0.5, file_limit: int | None = None
    ) -> None:
        """`file_limit`: bytes beyond which no file can grow, as on a disk that is full."""
        self.folder = bench.folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "zmigrate", *arguments, "--json", "--yes"],
            cwd=self.folder,
            env=environ_for(bench, settle_s),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=None if file_limit is None else lambda: limit_files(file_limit),  # noqa: PLW1509  on Linux
        )

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        self.process.send_signal(how)

    def gone(self) -> int:
        """Wait for its end; gives the exit code."""
        self.output, self.errors = self.process.communicate(timeout=120)
        return self.process.returncode

    def result(self) -> dict[str, Any]:
        """Its exit has to come with one JSON object on stdout."""
        self.gone()
        found: dict[str, Any] = json.loads(self.output)
        return found

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Poll until the condition holds, or the process has ended by itself."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if self.process.poll() is not None or true():
                return
            time.sleep(0.002)
        raise AssertionError("the moment to kill never came")

    def journal(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the journal, as anybody could with plain sqlite3; nothing where there is none yet."""
        for path in self.folder.glob(".zmigrate/runs/*/journal.db"):
            try:
                with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as reader:
                    return reader.execute(sql).fetchall()
            except sqlite3.OperationalError:
                return []
        return []


def environ_for(bench: Bench, settle_s: float = 0.5) -> dict[str, str]:
    """The environment of a process that has this bench's emulator for its org."""
    emulator = bench.emulator
    return {
        **os.environ,
        "ZMIGRATE_CLIENT_ID": emulator.client_id,
        "ZMIGRATE_CLIENT_SECRET": emulator.client_secret,
        "ZMIGRATE_SOID": emulator.soid,
        "ZMIGRATE_ACCOUNTS_URL": emulator.accounts_url,
        "ZMIGRATE_SETTLE_S": str(settle_s),
        "ZMIGRATE_TOKEN_LIMIT": "1000/600",
    }


def limit_files(size: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def importing(path: Path, key: str, operation: str = "insert", module: str = "Leads") -> list[str]:
    """The command line of an import."""
    by = "--match-on" if operation == "upsert" else "--key"
    return ["run", "import-csv", str(path), "--module", module, "--operation", operation, by, key]
