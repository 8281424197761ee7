"""The state folder as others on the same machine see it: who can read, write and replace what is in it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support import Bench, file_job, leads, thorough, write_rows
from zmigrate import Upsert
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.private_files import Draft

NOBODY = 65534
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be others"
)

AS_ANOTHER = """
import encodings.ascii, os, tempfile  # while the libraries can be read
from pathlib import Path
from zmigrate.engine.storage.folder import RunFolder
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.ledger import list_runs
from zmigrate.engine.preflight.repetition import starting
from zmigrate.errors import ZmigrateError
from zmigrate.private_files import Draft, scratch_folder
from zmigrate.zoho.shared_file import SharedFile
state = Path({state!r})
os.setegid({uid})
os.seteuid({uid})
os.umask({umask})
def use():
    with starting(state):
        folder = RunFolder.create(state, "job")
    Journal.create(folder.journal).close()
    with SharedFile(state / "tokens" / "one.json", root=state).edit() as content:
        content["n"] = 1
    with Draft(folder.path / "success.csv") as file:
        file.write("line")
    with scratch_folder() as scratch:
        (scratch / "x").mkdir()
    folder.unlock()
def look():
    list_runs(state)
for act in ({acts},):
    try:
        act()
        print("done")
    except ZmigrateError as error:
        print(error.exit_code, error.message, "|", error.hint)
"""


def acted(state: Path, acts: str, uid: int = 0, umask: str = "0o022") -> list[str]:
    program = AS_ANOTHER.format(state=str(state), uid=uid, umask=umask, acts=acts)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def modes(folder: Path) -> dict[str, int]:
    every = [folder, *folder.rglob("*")]
    return {str(path.relative_to(folder.parent)): stat.S_IMODE(path.lstat().st_mode) for path in every}


def open_to_others(folder: Path) -> dict[str, int]:
    """What is not 0700 as a folder, or 0600 as a file."""
    return {
        name: mode
        for name, mode in modes(folder).items()
        if mode != (0o700 if (folder.parent / name).is_dir() else 0o600)
    }


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that every user may enter, as pytest's own is not."""
    with TemporaryDirectory() as made:
        path = Path(made)
        path.chmod(0o755)
        yield path


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_whatever_the_umask_all_of_a_run_is_its_users_alone(umask: int, bench: Bench, tmp_path: Path) -> None:
    job = file_job(Upsert("Leads", match_on="Legacy_ID"), write_rows(tmp_path / "leads.csv", leads(3)))
    before = os.umask(umask)
    try:
        assert bench.run(job, state_dir=tmp_path / "deep" / "er" / "state").exit_code == 0
    finally:
        os.umask(before)
    found = modes(tmp_path / "deep")
    assert any(name.endswith("/journal.db") for name in found)
    assert any(name.endswith("/success.csv") for name in found)
    assert open_to_others(tmp_path / "deep") == {}


@needs_root
@pytest.mark.parametrize("umask", thorough(["0o777", "0o277", "0o000"]))
def test_a_umask_that_takes_the_users_own_rights_keeps_nobody_from_working(
    umask: str, open_path: Path
) -> None:
    home = open_path / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    assert acted(home / "a" / "state", "use, use, look", NOBODY, umask) == ["done"] * 3
    assert open_to_others(home / "a") == {}


def test_what_sqlite_keeps_beside_a_journal_is_private_too(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from zmigrate.engine.storage.journal import Journal\n"
        "os.umask(0); folder = Path(sys.argv[1]); journal = Journal.create(folder / 'journal.db')\n"
        "journal.put_fact('a', 1); print(*(oct(each.stat().st_mode & 0o777) for each in folder.iterdir()))"
    )
    words = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0o600"] * 3


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702])
def test_a_folder_that_others_can_write_to_is_refused_and_stays_as_it_is(mode: int, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    if os.geteuid() == 0:
        os.chown(state, 0, NOBODY)  # root's own group has no other members
    state.chmod(mode)
    for line in acted(state, "use, look"):
        assert line.startswith("2 ")
        assert f"mode {mode:04o}" in line
        shared_on_purpose = mode & stat.S_ISVTX  # as /tmp: nobody else could use it any more
        assert (f"chmod 700 {state}" in line) is not bool(shared_on_purpose)
        assert ("Name a new folder in it" in line) is bool(shared_on_purpose)
        assert "--state-dir" in line
    assert stat.S_IMODE(state.stat().st_mode) == mode
    assert list(state.iterdir()) == []


@pytest.mark.parametrize("inner", ["runs", "tokens"])
def test_a_folder_inside_the_state_folder_is_looked_at_too(inner: str, tmp_path: Path) -> None:
    (tmp_path / inner).mkdir()
    (tmp_path / inner).chmod(0o777)
    (told,) = acted(tmp_path, "use")
    assert told.startswith("2 ")
    assert str(tmp_path / inner) in told


def test_a_folder_that_others_can_only_read_is_taken_as_it_is(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o755)
    assert acted(state, "use, look") == ["done", "done"]
    assert stat.S_IMODE(state.stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in state.iterdir()} == {0o700, 0o600}


@pytest.mark.parametrize(("mode", "refused"), [(0o777, True), (0o1777, False), (0o775, False)])
def test_a_folder_around_it_that_lets_everybody_swap_it_is_refused(
    mode: int, refused: bool, tmp_path: Path
) -> None:
    around = tmp_path / "around"
    (around / "mine").mkdir(parents=True)
    around.chmod(mode)
    (told,) = acted(around / "mine" / "state", "use")
    assert told.startswith("2 ") == refused
    if refused:
        assert f"chmod o-w {around}" in told
        assert list((around / "mine").iterdir()) == []


@needs_root
def test_another_users_folder_is_refused_even_to_root(open_path: Path) -> None:
    state = open_path / "state"
    state.mkdir(mode=0o700)
    os.chown(state, NOBODY, NOBODY)
    for line in acted(state, "use, look"):
        assert line.startswith("2 ")
        assert "belongs to nobody" in line
    assert list(state.iterdir()) == []


@needs_root
def test_a_link_that_another_user_has_made_leads_nowhere(open_path: Path) -> None:
    mine = open_path / "mine"
    mine.mkdir(mode=0o700)
    link = open_path / "state"
    link.symlink_to(mine)
    assert acted(link, "use") == ["done"]  # one's own link is one's own affair
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    (told,) = acted(link, "use")
    assert told.startswith("2 ")
    assert "a link made by nobody" in told


def test_a_crash_file_is_private_and_not_written_where_others_can_write(tmp_path: Path) -> None:
    program = (
        "import os, sys; from zmigrate.cli.errors import crash_folder, write_traceback\n"
        "os.umask(0)\n"
        "print(write_traceback(ValueError('x'), crash_folder(('--state-dir', sys.argv[1]))))"
    )
    words = [sys.executable, "-c", program]
    done = subprocess.run([*words, str(tmp_path / "new")], capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_file()
    assert open_to_others(tmp_path / "new") == {}
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    done = subprocess.run([*words, str(shared)], capture_output=True, text=True, check=True)
    assert done.stdout == "None\n"
    assert list(shared.iterdir()) == []


def test_what_a_killed_process_has_not_finished_goes_with_the_next_session(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "job")
    Draft(folder.result_file("errors")).file.close()  # never finished
    folder.unlock()
    assert len(list(folder.path.glob("*.part"))) == 1
    folder.lock()
    assert list(folder.path.glob("*.part")) == []
    folder.unlock()
