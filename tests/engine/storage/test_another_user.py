"""A state folder of another user: whose it is, and that what is in it is not taken for nothing."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from zmigrate.file_owner import cant_read

NOBODY = 65534
LOOK = """
import os
from pathlib import Path
from zmigrate.engine.storage.ledger import find_run, list_runs
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.errors import ZmigrateError
from zmigrate.zoho.shared_file import SharedFile
os.seteuid({uid})  # the libraries may lie where the other user may not look
state = Path({state!r})
def shared():
    with SharedFile(state / "tokens.json").edit():
        pass
def create():
    RunFolder.create(state, "job")
for look in ({looks}):
    try:
        print("found", look())
    except ZmigrateError as error:
        print(error.exit_code, error.message, "|", error.hint)
"""


def as_nobody(state: Path, looks: str) -> list[str]:
    """What a process of another user is told, line by line."""
    program = LOOK.format(uid=NOBODY, state=str(state), looks=looks + ",")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


needs_root = pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can be another user")


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that every user may enter, as pytest's own is not."""
    with TemporaryDirectory() as made:
        path = Path(made)
        path.chmod(0o755)
        yield path


@needs_root
@pytest.mark.parametrize("closed", ["", "runs", "runs/20240101-000000-file-job-0000"])
def test_another_users_folder_says_whose_it_is(closed: str, open_path: Path) -> None:
    state = open_path / "state"
    run = state / "runs" / "20240101-000000-file-job-0000"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    (state / closed).chmod(0o700)
    told = as_nobody(state, "lambda: list_runs(state), lambda: find_run(state, '2024'), shared, create")
    if closed.startswith("runs/"):
        assert told[0].startswith("found [UnreadableRun")
        told = told[1:]
    for line in told:
        assert line.startswith("2 ")
        assert "belongs to root" in line
        assert "--state-dir" in line


@needs_root
def test_another_users_run_guards_and_is_not_taken_for_one_that_never_began(open_path: Path) -> None:
    run = open_path / "runs" / "20240101-000000-file-job-0000"
    run.mkdir(parents=True)
    run.chmod(0o700)
    (told,) = as_nobody(open_path, "lambda: [run.may_have_sent for run in list_runs(state)]")
    assert told == "found [True]"


def test_what_the_system_does_not_permit_is_told_with_the_owner(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.touch()
    refused = cant_read(path, PermissionError(errno.EACCES, "Permission denied"))
    assert refused.exit_code == 2
    assert f"it belongs to {path.owner()}" in refused.message
    inside = cant_read(path / "deep" / "er", PermissionError(errno.EACCES, "Permission denied"))
    assert f"{path} belongs to {path.owner()}" in inside.message
    assert "belongs" not in cant_read(path, OSError(errno.EIO, "Input/output error")).message
