"""`--help` stays fast, since what only one command needs is imported by that command."""

from __future__ import annotations

import subprocess
import sys

from zmigrate.cli.app import Deferred, tree

HEAVY = (
    "httpx",
    "orjson",
    "starlette",
    "uvicorn",
    "zmigrate.engine",
    "zmigrate.emulator",
    "zmigrate.zoho",
    "zmigrate.registry",
)


def test_root_help_imports_no_job_and_nothing_heavy():
    code = (
        "import sys; from zmigrate.cli import main; main(['--help']);"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_root_help_does_not_read_the_folder_of_jobs(zmigrate, folder):
    (folder / "jobs").mkdir()
    (folder / "jobs" / "bad.py").write_text("raise SystemExit('imported')")
    assert zmigrate("--help").code == 0


def test_what_the_root_says_of_a_command_is_the_first_line_of_its_own_help():
    for command in tree().commands.values():
        assert isinstance(command, Deferred)
        assert (command.real().help or "").partition("\n")[0] == command.help
