"""What type checkers make of the author's API."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

AUTHOR = Path(__file__).with_name("author.py")


@pytest.mark.slow
def test_mypy_knows_the_constructor_of_a_job_and_finds_wrong_use(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary"]
    command += ["--no-pretty", "--cache-dir", str(tmp_path), str(AUTHOR)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=AUTHOR.parents[2])
    found = dict(re.findall(r"author\.py:(\d+): error: (.*)", run.stdout))
    lines = AUTHOR.read_text(encoding="utf-8").splitlines()
    wanted = {
        str(number): line.partition("# error: ")[2]
        for number, line in enumerate(lines, 1)
        if "# error: " in line
    }
    assert found.keys() == wanted.keys(), run.stdout + run.stderr
    for number, message in wanted.items():
        assert message in found[number]


def test_the_front_door_has_what_it_names() -> None:
    import zmigrate

    assert sorted(zmigrate.__all__) == zmigrate.__all__
    for name in zmigrate.__all__:
        assert getattr(zmigrate, name) is not None
