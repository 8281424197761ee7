"""A command line in a folder of its own, without anybody's credentials."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from zmigrate.cli import main
from zmigrate.cli.emulator import environment_of
from zmigrate.emulator import Emulator, Options


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


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(Options()) as served:
        yield served


@pytest.fixture
def credentials(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The environment points at an emulator."""
    for name, value in environment_of(emulator).items():
        monkeypatch.setenv(name, value)
    return emulator


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What stdin will give, line by line."""

    def give(*lines: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(line + "\n" for line in lines)))

    return give
