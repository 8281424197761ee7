"""The README tells the truth: its commands are there, its job runs, its tables agree with the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    """The code between `<!-- name -->` and `<!-- end -->`."""
    match = re.search(rf"<!-- {name} -->\n```\w*\n(.*?)```\n<!-- end -->", README, re.DOTALL)
    assert match is not None, name
    return match.group(1)


def zmigrate(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("ZMIGRATE_")}
    command = [sys.executable, "-m", "zmigrate", *arguments]
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)


def test_the_job_of_the_readme_runs_from_the_command_line_and_from_python(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "import_old_leads.py").write_text(block("job"), encoding="utf-8")
    sample = str(ROOT / "samples" / "old_crm.csv")
    ran = zmigrate("run", "import-old-leads", sample, "--emulator", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    script = block("job") + block("python").replace("samples/old_crm.csv", sample)
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("finished")


def test_the_practice_run_of_the_readme_works(tmp_path: Path) -> None:
    match = re.search(r"zmigrate (run import-csv samples/leads\.csv .*--emulator)", README)
    assert match is not None
    arguments = match.group(1).replace("samples/", f"{ROOT}/samples/").split()
    assert zmigrate(*arguments, cwd=tmp_path).returncode == 1, "a dozen rows are refused on purpose"


def test_the_hand_written_job_of_the_readme_runs(tmp_path: Path) -> None:
    script = block("by-hand") + "import zmigrate\nprint(zmigrate.run(TidyLeads(), emulator=True).state)\n"
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "finished\n"), ran.stderr


@pytest.mark.parametrize("name", ["demo", "tests"])
def test_the_two_commands_are_one_line_each_and_need_nothing_but_python(name: str) -> None:
    command = block(name)
    assert len(command.splitlines()) == 1
    assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -q ")


def test_every_command_is_in_the_readme_and_every_command_of_the_readme_is_there(tmp_path: Path) -> None:
    shown = zmigrate("--help", cwd=tmp_path).stdout
    there = set(re.findall(r"^│ ([a-z]+) ", shown, re.MULTILINE))
    table = README[README.index("| command | |") :]
    named = {
        word
        for cell in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for word in re.findall(r"`([a-z]+)", cell)
    }
    assert there == named


@pytest.mark.parametrize("command", ["plan", "run"])
def test_the_folder_of_the_readme_works(command: str, tmp_path: Path) -> None:
    match = re.search(rf"zmigrate ({command} import-folder samples/export --emulator)", README)
    assert match is not None
    arguments = match.group(1).replace("samples/", f"{ROOT}/samples/").split()
    ran = zmigrate(*arguments, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr


def test_every_option_of_the_readme_is_there(tmp_path: Path) -> None:
    commands = [("plan", "import-csv"), ("run", "import-csv"), ("map",), ("api",), ("new",), ("emulator",)]
    shown = "".join(zmigrate(*words, "--help", cwd=tmp_path).stdout for words in commands)
    for option in set(re.findall(r"(?<!\S)`?(--[a-z][a-z-]+)", README)):
        assert option in shown, option


def test_exit_codes_of_the_readme_are_those_of_the_errors() -> None:
    from zmigrate import errors
    from zmigrate.engine.storage.run_result import EXIT_INTERRUPTED, EXIT_OK, EXIT_ROWS

    named = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    raised = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.ZmigrateError)
    }
    assert named == raised | {EXIT_OK, EXIT_ROWS, EXIT_INTERRUPTED}
