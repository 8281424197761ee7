"""Machines as people have them: shared homes and project folders, containers, private groups, umasks, and a
`.env` that a password manager serves.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.security.test_nothing_to_commit import committed, needs_git, repository
from tests.security.test_state_folders import NOBODY, acted, needs_root, open_path
from tests.support import Bench, leads, thorough, write_rows
from zmigrate import Argument, Csv, Flow, RecordJob, Upsert, config, scopes_for
from zmigrate.cli import main
from zmigrate.cli.git_ignore import keep_from_git
from zmigrate.cli.ids import org_among
from zmigrate.cli.profile_file import write_profile
from zmigrate.cli.scaffold import write_scaffold
from zmigrate.config import Secret
from zmigrate.engine.storage.id_map import IdMap
from zmigrate.engine.storage.ledger import identity
from zmigrate.errors import ConfigError, UsageError
from zmigrate.plain_files import SMALL_FILE_BYTES, TooLarge, read_served
from zmigrate.state_folders import private_folder

__all__ = ["open_path", "repository"]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes, and no pipes with a name")

DAEMON = 1
"""A user whose main group is named alike, and has no other members, on every Linux."""
COLLEAGUE = 54321
TEAM = 54322


def owned(folder: Path, uid: int, gid: int, mode: int) -> Path:
    folder.mkdir()
    os.chown(folder, uid, gid)
    folder.chmod(mode)
    return folder


# -- folders above -----------------------------------------------------------------------------------


@needs_root
@pytest.mark.parametrize("deep", ["", "mine"])
def test_root_keeps_nothing_in_a_folder_that_another_user_can_swap(deep: str, open_path: Path) -> None:
    work = owned(open_path / "w9", NOBODY, NOBODY, 0o755)
    (work / deep).mkdir(exist_ok=True)
    for told in acted(work / deep / ".zmigrate", "use, look"):
        assert told.startswith("2 ")
        assert "nobody can rename or replace it" in told
        assert f"{work} belongs to nobody" in told
        assert "docker run -u UID" in told
        assert "chmod 700" not in told
    assert not (work / deep / ".zmigrate").exists()


@needs_root
def test_the_folder_behind_a_link_is_looked_at_too(open_path: Path) -> None:
    work = owned(open_path / "work", NOBODY, NOBODY, 0o755)
    inner = work / "inner"
    inner.mkdir()
    (open_path / "state").symlink_to(inner)
    (told,) = acted(open_path / "state", "use")
    assert "nobody can rename or replace it" in told


@needs_root
def test_a_link_of_another_user_on_the_way_is_not_followed(open_path: Path) -> None:
    (open_path / "mine").mkdir()
    link = open_path / "link"
    link.symlink_to(open_path / "mine")
    assert acted(link / "deep" / "state", "use") == ["done"]
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    (told,) = acted(link / "deep" / "state", "use")
    assert f"{link} is a link made by nobody" in told


@needs_root
@pytest.mark.parametrize(
    ("mode", "group", "refused"), [(0o2775, TEAM, True), (0o3775, TEAM, False), (0o775, 0, False)]
)
def test_root_trusts_no_team(mode: int, group: int, refused: bool, open_path: Path) -> None:
    (told,) = acted(owned(open_path / "work", 0, group, mode) / "state", "use")
    assert told.startswith("2 ") == refused
    if refused:
        assert "chmod g-w" in told


@needs_root
def test_a_user_works_in_a_teams_folder_in_the_home_of_a_colleague(open_path: Path) -> None:
    home = owned(open_path / "home", COLLEAGUE, COLLEAGUE, 0o755)
    team = owned(home / "team", COLLEAGUE, NOBODY, 0o2775)
    assert acted(team / ".zmigrate", "use, look", NOBODY) == ["done", "done"]


@needs_root
@pytest.mark.parametrize("mode", [0o755, 0o1777])
def test_a_user_keeps_nothing_in_a_folder_of_somebody_who_shares_none_with_them(
    mode: int, open_path: Path
) -> None:
    theirs = owned(open_path / "theirs", COLLEAGUE, COLLEAGUE, mode)
    mine = owned(theirs / "mine", NOBODY, NOBODY, 0o755)
    (told,) = acted(mine / "state", "use", NOBODY)
    assert told.startswith("2 ")
    assert f"{theirs} belongs to the user with the id {COLLEAGUE}" in told


@needs_root
@pytest.mark.parametrize("mode", thorough([0o755, 0o775, 0o1777]))
def test_folders_as_systems_make_them_are_used(mode: int, open_path: Path) -> None:
    home = owned(open_path / "home", NOBODY, NOBODY, mode & ~stat.S_ISVTX & ~stat.S_IWOTH)
    assert acted(home / "state", "use, look", NOBODY) == ["done", "done"]
    around = owned(open_path / "around", 0, 0, mode)
    mine = owned(around / "mine", NOBODY, NOBODY, 0o700)
    assert acted(mine / "state", "use, look", NOBODY) == ["done", "done"]


# -- a folder that is replaced during a run ------------------------------------------------------------


class Replaced(RecordJob):
    """While it runs, somebody puts another state folder in the place of its own."""

    write = Upsert("Leads", match_on="Legacy_ID")
    scopes = scopes_for(write)

    folder: Path = Argument()

    def source(self) -> Csv:
        return Csv(self.folder / "leads.csv")

    def transform(self, row: Any) -> dict[str, Any]:
        state = self.folder / ".zmigrate"
        at_work = [path.parent.relative_to(state) for path in state.glob("runs/**/run.log")]
        if at_work and not (self.folder / "replaced").exists():
            (self.folder / "replaced").touch()
            state.rename(self.folder / "taken")
            (state / at_work[0]).mkdir(parents=True)
        return dict(row)


class AllReplaced(Flow):
    """The same as a step."""

    folder: Path = Argument()

    def jobs(self) -> tuple[RecordJob, ...]:
        return (Replaced(folder=self.folder),)


@pytest.mark.parametrize("job", [Replaced, AllReplaced])
def test_nothing_is_written_into_a_folder_that_has_taken_the_place_of_a_runs(
    job: type[Replaced | AllReplaced], bench: Bench
) -> None:
    write_rows(bench.folder / "leads.csv", leads(3))
    result = bench.run(job(folder=bench.folder))
    assert result.exit_code == 4
    assert result.error is not None
    assert result.error.code == "FOLDER_REPLACED"
    assert "was moved or replaced during the run" in result.error.message
    state = bench.folder / ".zmigrate"
    assert [path for path in (state / "runs").rglob("*") if path.is_file()] == []
    shutil.rmtree(state)
    (bench.folder / "taken").rename(state)
    assert bench.resume(result.run_id).exit_code == 0
    assert len(bench.records("Leads")) == 3


# -- private groups ----------------------------------------------------------------------------------


@needs_root
@pytest.mark.parametrize(("uid", "gid", "taken"), [(DAEMON, DAEMON, True), (DAEMON, TEAM, False)])
def test_a_folder_that_the_users_private_group_can_write_to_is_the_users_alone(
    uid: int, gid: int, taken: bool, open_path: Path
) -> None:
    state = owned(open_path / "state", uid, gid, 0o775)
    (told,) = acted(state, "use", uid)
    assert (told == "done") == taken
    if not taken:
        assert "its whole group can write to it (mode 0775)" in told


@needs_root
def test_a_user_whom_the_system_does_not_list_has_no_private_group(open_path: Path) -> None:
    state = owned(open_path / "state", COLLEAGUE, COLLEAGUE, 0o775)
    (told,) = acted(state, "use", COLLEAGUE)
    assert "its whole group can write to it" in told
    assert f"chmod 700 {state}" in told


# -- hints -------------------------------------------------------------------------------------------


@needs_root
def test_who_works_in_another_users_folder_is_told_to_be_that_user(open_path: Path) -> None:
    state = owned(open_path / "state", COLLEAGUE, COLLEAGUE, 0o755)
    for told in acted(state, "use, look", NOBODY):
        assert f"{state} is not a safe place for zmigrate's files: it belongs to" in told
        assert "Work as that user (in a container: docker run -u UID)" in told
        assert "chmod 700" not in told


@needs_root
@pytest.mark.parametrize("mode", [0o2775, 0o1777])
def test_in_a_volume_of_a_cluster_a_folder_of_ones_own_is_offered_and_works(
    mode: int, open_path: Path
) -> None:
    volume = owned(open_path / "volume", 0, TEAM if mode == 0o1777 else NOBODY, mode)
    (told,) = acted(volume, "use", NOBODY)
    assert "chmod 700" not in told
    assert f"{volume}/state" in told
    assert acted(volume / "state", "use", NOBODY) == ["done"]


@needs_root
def test_a_volume_that_is_open_to_everybody_is_for_its_owner_to_change(open_path: Path) -> None:
    volume = owned(open_path / "volume", 0, 0, 0o777)
    (told,) = acted(volume, "use", NOBODY)
    assert f"chmod 1777 {volume}" in told
    assert "init container" in told
    volume.chmod(0o1777)
    assert acted(volume / "state", "use", NOBODY) == ["done"]


# -- git ---------------------------------------------------------------------------------------------


@needs_git
@pytest.mark.parametrize("own", [None, "*.pyc\n"])
@pytest.mark.parametrize("inner", ["runs", "orgs/2", "tokens", "crashes"])
def test_git_takes_no_data_from_a_state_folder_that_holds_other_things(
    inner: str, own: str | None, repository: Path
) -> None:
    (repository / "keep").write_text("hi")
    if own is not None:
        (repository / ".gitignore").write_text(own)
    made = private_folder(repository / inner, repository)
    (made / "data.json").write_text("{}")
    assert committed(repository) == ([".gitignore"] if own else []) + ["keep"]
    assert ((repository / ".gitignore").read_text() if own else None) == own


@needs_git
def test_git_takes_no_data_of_a_run_whose_state_folder_is_the_repository(repository: Path) -> None:
    (repository / "leads.csv").write_text("Last_Name,Company\nDoe,Acme\n")
    words = ["--module", "Leads", "--operation", "insert", "--emulator", "--state-dir", str(repository)]
    assert main(["run", "import-csv", str(repository / "leads.csv"), *words]) == 0
    assert [name for name in committed(repository) if name != "start.lock"] == ["leads.csv"]


# -- umask -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("umask", "folder", "file"), [(0o022, 0o755, 0o644), (0o077, 0o700, 0o600)])
def test_what_colleagues_are_to_read_has_the_mode_of_the_umask(
    umask: int, folder: int, file: int, tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    before = os.umask(umask)
    try:
        made = write_scaffold("load-all", tmp_path)
        write_profile(tmp_path, "one", {"client_id": "1"}, Secret("s"))
        list(keep_from_git(tmp_path / ".env"))
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE((tmp_path / path).stat().st_mode) for path in made.files}
    assert set(modes.values()) == {file}
    assert {stat.S_IMODE((tmp_path / path.parent).stat().st_mode) for path in made.files} == {folder}
    for name, mode in {"zmigrate.toml": file, ".gitignore": file, ".env": 0o600}.items():
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode


def test_a_file_that_is_written_again_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "zmigrate.toml").write_text("")
    (tmp_path / "zmigrate.toml").chmod(0o640)
    write_profile(tmp_path, "one", {"client_id": "1"}, Secret("s"))
    assert stat.S_IMODE((tmp_path / "zmigrate.toml").stat().st_mode) == 0o640


# -- .env as a pipe ----------------------------------------------------------------------------------


def serve(path: Path, content: bytes, times: int = 1) -> threading.Thread:
    """As a password manager does it: whoever opens the pipe gets the content."""
    os.mkfifo(path)

    def write() -> None:
        for _ in range(times):
            try:
                with open(path, "wb") as pipe:
                    pipe.write(content)
            except BrokenPipeError:
                pass

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread


def test_an_env_that_is_served_through_a_pipe_is_read_once_for_a_whole_command(tmp_path: Path) -> None:
    text = (
        "ZMIGRATE_STATE_DIR=kept\nZMIGRATE_CLIENT_ID=1000.ABCDEF\nZMIGRATE_CLIENT_SECRET=abcdef\n"
        "ZMIGRATE_SOID=ZohoCRM.1\nZMIGRATE_DC=EU\n"
    )
    serving = serve(tmp_path / ".env", text.encode())
    assert config.load_settings(environ={}, folder=tmp_path).state_dir == tmp_path / "kept"
    credentials = config.load_credentials(None, folder=tmp_path, environ={})
    assert credentials.client_secret.reveal() == "abcdef"
    serving.join(5)
    assert not serving.is_alive()


def test_a_pipe_that_nobody_writes_to_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / ".env")
    monkeypatch.setattr(config, "DOTENV_WAIT_S", 0.1)
    with pytest.raises(ConfigError, match=r"nobody has written into this pipe for") as caught:
        config.load_settings(environ={}, folder=tmp_path)
    assert "client_secret_command" in str(caught.value.hint)


def test_a_writer_that_stops_half_way_is_not_waited_for_without_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env")
    keeps_open = os.open(tmp_path / ".env", os.O_RDWR)
    try:
        os.write(keeps_open, b"A=1\n")
        with pytest.raises(TimeoutError):
            read_served(tmp_path / ".env", 0.1)
    finally:
        os.close(keeps_open)


def test_an_endless_pipe_is_not_read_to_its_end(tmp_path: Path) -> None:
    serve(tmp_path / ".env", b"A=1\n" * (SMALL_FILE_BYTES // 4 + 1))
    with pytest.raises(TooLarge):
        read_served(tmp_path / ".env", 20)


def test_a_secret_is_not_written_into_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env")
    with pytest.raises(ConfigError, match="is a pipe, so a secret can't be written into it") as caught:
        write_profile(tmp_path, "one", {"client_id": "1"}, Secret("s"))
    assert "the program that serves the file" in str(caught.value.hint)
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_ctrl_c_ends_the_wait_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env")
    (tmp_path / "leads.csv").write_text("Last_Name,Company\nDoe,Acme\n")
    program = (
        "import signal, sys, threading, time; from zmigrate.cli import main\n"
        "threading.Thread(target=lambda: (open('.env', 'wb', 0), signal.raise_signal(signal.SIGINT),"
        " time.sleep(30)), daemon=True).start()\n"  # it opens once the pipe is being read
        "sys.exit(main(['runs']))"
    )
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 130, done.stderr


# -- orgs --------------------------------------------------------------------------------------------


def test_an_org_without_a_zgid_shares_nothing_with_the_one_whose_zgid_is_its_id(tmp_path: Path) -> None:
    for org in (("111", "222"), ("222", "")):
        IdMap.open(tmp_path, org).close()
    assert sorted(path.name for path in (tmp_path / "orgs").iterdir()) == ["222", "id-222"]


@pytest.mark.parametrize("record", [{"id": "222"}, {"id": "222", "zgid": None}, {"id": "222", "zgid": ""}])
def test_an_org_whose_record_has_no_zgid_has_a_place(record: dict[str, object], tmp_path: Path) -> None:
    IdMap.open(tmp_path, identity(record)).close()
    assert (tmp_path / "orgs" / "id-222" / "ids.db").is_file()


ACME = {"id": "111", "zgid": "222", "name": "Acme"}
PORTAL = {"id": "222", "zgid": "", "name": "Portal"}


@pytest.mark.parametrize(("wanted", "found"), [("111", ACME), ("ZohoCRM.222", ACME), ("id-222", PORTAL)])
def test_an_org_is_named_by_its_id_or_its_zgid(wanted: str, found: dict[str, str]) -> None:
    assert org_among([PORTAL, ACME], wanted) == found


def test_a_number_that_is_the_id_of_one_org_and_the_zgid_of_another_names_neither() -> None:
    with pytest.raises(UsageError, match="222 is the id of one org and the zgid of another") as caught:
        org_among([ACME, PORTAL], "222")
    assert "ZohoCRM.222 (Acme), id-222 (Portal)" in str(caught.value.hint)
