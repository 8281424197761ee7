"""Commands of zmigrate on a system that has nothing of POSIX, for tests on Linux."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.engine.victim import environ_for
from tests.support import Bench

WITHOUT_POSIX = Path(__file__).with_name("without_posix.py")
CONSOLE = "cp1252"


@dataclass
class Windows:
    """Runs commands in the folder of a bench, against its emulator. Output goes to a console of cp1252, and
    each unclosed file is told.
    """

    bench: Bench

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        environ = {
            **environ_for(self.bench, 0.2),
            "PYTHONIOENCODING": f"{CONSOLE}:strict",
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "120",
        }
        command = [
            sys.executable,
            "-X",
            "dev",
            "-W",
            "error::ResourceWarning",
            str(WITHOUT_POSIX),
            *arguments,
        ]
        return subprocess.Popen(
            command, cwd=self.bench.folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def __call__(self, *arguments: str) -> Done:
        process = self.begin(*arguments)
        out, err = process.communicate(timeout=300)
        return Done(process.returncode, out.decode(CONSOLE), err.decode(CONSOLE))

    def python(self, code: str) -> Done:
        """Python code on this system."""
        return self("-c", code)


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found
