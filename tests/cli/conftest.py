"""A command line in a folder of its own, without anybody's credentials."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from zmigrate.cli import main


@dataclass
class Finished:
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder is an empty one, and no credentials are in the environment."""
    for name in list(os.environ):
        if name.startswith("ZMIGRATE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def zmigrate(capsys: pytest.CaptureFixture[str]) -> Callable[..., Finished]:
    """Run the command line in this process; stdin is not a terminal."""

    def run(*words: str) -> Finished:
        code = main(words)
        captured = capsys.readouterr()
        return Finished(code, captured.out, captured.err)

    return run
