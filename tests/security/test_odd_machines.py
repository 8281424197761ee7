"""Machines without time zones, homes or locks; names that are not UTF-8; colors that are wanted in a file."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from zmigrate.ready_jobs.import_csv import ImportCsv

from tests.support import thorough
from zmigrate import run
from zmigrate.cli.errors import problem_behind
from zmigrate.config import load_settings
from zmigrate.engine.preflight.repetition import starting
from zmigrate.engine.storage.folder import make_private
from zmigrate.engine.storage.id_map import _unusable
from zmigrate.engine.storage.journal_file import guard
from zmigrate.engine.storage.lock import Lock, LockHeld
from zmigrate.errors import ConfigError, DiskFull, JobError, RunError, ZmigrateError
from zmigrate.private_files import scratch_folder
from zmigrate.zoho.shared_file import SharedFile

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has other homes, locks and names")

ODD = os.fsdecode(b"caf\xe9")
"""A name in Latin-1."""
TO_LEADS = ("--module", "Leads", "--operation", "insert", "--emulator")
ROWS = "Last_Name,Company\nDoe,Acme\n"


def zmigrate(folder: Path, *words: str | bytes, **environ: str | None) -> subprocess.CompletedProcess[str]:
    """Run a command in its own process. A variable that is None is not set."""
    env = {name: value for name, value in {**os.environ, **environ}.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-m", "zmigrate", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=60,
        check=False,
        env=env,
    )


@pytest.fixture
def leads(tmp_path: Path) -> Path:
    path = tmp_path / "leads.csv"
    path.write_text(ROWS)
    return path


# -- time zones --------------------------------------------------------------------------------------


def test_a_time_zone_is_known_where_the_system_has_none(leads: Path) -> None:
    done = zmigrate(
        leads.parent,
        *("plan", "import-csv", "leads.csv", *TO_LEADS, "--timezone", "Europe/Berlin"),
        PYTHONTZPATH="",
    )
    assert done.returncode == 0, done.stderr


# -- homes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["option", "variable", ".env"])
@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("~/state", "~/state names the home of this user, who has none."),
        ("~nobody-of-that-name/state", "names the home of a user who does not exist."),
    ],
)
def test_a_home_that_is_not_there_is_told_and_no_folder_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str, state: str, said: str
) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda _uid: (_ for _ in ()).throw(KeyError()))
    if by == ".env":
        (tmp_path / ".env").write_text(f"ZMIGRATE_STATE_DIR={state}\n")
    environ = {"ZMIGRATE_STATE_DIR": state} if by == "variable" else {}
    chosen = Path(state) if by == "option" else None
    with pytest.raises(ConfigError, match=said) as caught:
        load_settings(environ=environ, folder=tmp_path, state_dir=chosen)
    assert "--state-dir /path/to/folder" in str(caught.value.hint)
    assert not list(tmp_path.glob("~*"))


@pytest.mark.parametrize("by", ["option", "variable", ".env"])
def test_a_home_is_found_however_the_state_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    if by == ".env":
        (tmp_path / ".env").write_text("ZMIGRATE_STATE_DIR=~/state\n")
    environ = {"ZMIGRATE_STATE_DIR": "~/state"} if by == "variable" else {}
    chosen = Path("~/state") if by == "option" else None
    found = load_settings(environ=environ, folder=tmp_path, state_dir=chosen)
    assert found.state_dir == tmp_path / "home" / "state"


# -- file systems ------------------------------------------------------------------------------------


@pytest.fixture
def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on NFS without its lock service."""

    def flock(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)


def begin_a_run(folder: Path) -> None:
    with starting(folder / "state"):
        pass


def spend(folder: Path) -> None:
    with SharedFile(folder / "state" / "credits.json").edit():
        pass


@pytest.mark.parametrize("use", [begin_a_run, spend])
@pytest.mark.usefixtures("without_locks")
def test_a_file_system_without_locks_is_told_as_that_and_no_other_process_is_blamed(
    tmp_path: Path, use: Callable[[Path], None]
) -> None:
    with pytest.raises(ZmigrateError) as caught:
        use(tmp_path)
    assert caught.value.exit_code == 2
    assert "its file system has no locks" in caught.value.message
    assert "on a local disk" in str(caught.value.hint)


def test_a_lock_that_another_holds_is_still_told_as_that(tmp_path: Path) -> None:
    held = Lock(tmp_path / "lock")
    held.take()
    with pytest.raises(LockHeld, match=str(os.getpid())):
        Lock(tmp_path / "lock").take()
    held.release()


@pytest.mark.parametrize(
    "name", ["SQLITE_IOERR_SHMMAP", "SQLITE_IOERR_SHMOPEN", "SQLITE_IOERR_LOCK", "SQLITE_PROTOCOL"]
)
def test_a_database_that_can_not_be_locked_is_no_full_disk(tmp_path: Path, name: str) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = name
    for raised in (_unusable(tmp_path / "ids.db", error), _of_guard(tmp_path / "journal.db", error)):
        assert isinstance(raised, RunError)
        assert "its file system can't hold a database" in raised.message
        assert "on a local disk" in str(raised.hint)


def _of_guard(path: Path, error: sqlite3.Error) -> ZmigrateError:
    with pytest.raises(ZmigrateError) as caught, guard(path):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("number", "kind", "said"), [(errno.ENOSPC, DiskFull, "full"), (errno.EROFS, RunError, "Read-only")]
)
def test_a_state_folder_that_can_not_be_made_is_told_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[ZmigrateError], said: str
) -> None:
    def mkdir(path: Path, _mode: int) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(os, "mkdir", mkdir)
    with pytest.raises(kind, match=said) as caught:
        make_private(tmp_path / "state", tmp_path / "state")
    assert "--state-dir" in str(caught.value.hint)


# -- names that are not UTF-8 ------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_file_whose_name_is_not_utf8_is_refused_before_anything_else(leads: Path, command: str) -> None:
    leads.rename(leads.with_name(ODD))
    done = zmigrate(leads.parent, command, "import-csv", ODD, *TO_LEADS)
    assert done.returncode == 2
    assert r"caf\udce9 is not UTF-8" in done.stderr
    assert "Rename it." in done.stderr
    assert sorted(os.listdir(leads.parent)) == [ODD]


@pytest.mark.parametrize("command", thorough(["run", "plan", "runs"]))
def test_a_state_folder_whose_name_is_not_utf8_is_refused(leads: Path, command: str) -> None:
    words = () if command == "runs" else ("import-csv", "leads.csv", *TO_LEADS)
    done = zmigrate(leads.parent, command, *words, "--state-dir", ODD)
    assert done.returncode == 2
    assert r"caf\udce9 can't be used: its path is not UTF-8" in done.stderr
    assert os.listdir(leads.parent) == ["leads.csv"]


def test_a_folder_to_work_in_whose_name_is_not_utf8_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / ODD
    folder.mkdir()
    (folder / "leads.csv").write_text(ROWS)
    for words in (
        ("plan", "import-csv", "leads.csv", *TO_LEADS),
        ("run", "import-csv", "leads.csv", *TO_LEADS),
    ):
        done = zmigrate(folder, *words, "--state-dir", str(tmp_path / "state"))
        assert (done.returncode, "is not UTF-8" in done.stderr) == (2, True)


def test_a_folder_of_files_names_the_one_that_is_not_utf8(tmp_path: Path) -> None:
    export = tmp_path / "export"
    export.mkdir()
    (export / "leads.csv").write_text(ROWS)
    (export / f"{ODD}.csv").write_text(ROWS)
    (export / "mapping.toml").write_text(
        '[[load]]\nfile = "leads.csv"\nmodule = "Leads"\noperation = "insert"\n'
        '[load.fields]\nLast_Name = "Last_Name"\nCompany = "Company"\n'
    )
    for command in ("plan", "run"):
        done = zmigrate(tmp_path, command, "import-folder", "export", "--emulator")
        assert done.returncode == 2
        assert r"caf\udce9.csv" in done.stderr
    assert 'ignore_files = ["caf?.csv"]' in done.stderr
    mapping = export / "mapping.toml"
    mapping.write_text('ignore_files = ["caf?.csv"]\n' + mapping.read_text())
    assert zmigrate(tmp_path, "plan", "import-folder", "export", "--emulator").returncode == 0


def test_a_job_of_python_refuses_such_a_path_too(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="is not UTF-8"):
        run(ImportCsv(file=tmp_path / ODD, module="Leads", operation="insert"))


def test_a_job_file_whose_name_is_not_utf8_is_refused_in_plan_and_run(leads: Path) -> None:
    jobs = leads.parent / ODD
    jobs.mkdir()
    (jobs / "mine.py").write_text(
        "from zmigrate import Csv, Insert, RecordJob, scopes_for\n"
        "class Mine(RecordJob):\n"
        "    write = Insert('Leads')\n"
        "    scopes = scopes_for(write)\n"
        "    def source(self): return Csv('leads.csv')\n"
        "    def transform(self, row): return dict(row)\n"
    )
    for command in ("plan", "run"):
        done = zmigrate(leads.parent, command, "mine", "--jobs", ODD, "--emulator")
        assert (done.returncode, "is not UTF-8" in done.stderr) == (2, True), done.stderr


OWN_JOB = """
import os
from pathlib import Path
from zmigrate import Csv, Insert, LoadJob, RecordJob, Rows, Sql, read_mapping, scopes_for

class Of:
    write = Insert('Leads')
    scopes = scopes_for(write)
    def transform(self, row): return dict(row)

class Mine({bases}):
    {more}
"""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("source = Csv(os.fsdecode(b'caf\\xe9'))", r"caf\udce9 is not UTF-8"),
        ("source = Sql(os.fsdecode(b'sqlite:///caf\\xe9'), 'select 1')", "is not UTF-8"),
        ("source, reads = Csv('leads.csv'), (Path(os.fsdecode(b'caf\\xe9')),)", r"caf\udce9 is not UTF-8"),
        (
            "source = Rows([{'Last_Name': 'x'}, {'Last_Name': os.fsdecode(b'caf\\xe9')}])",
            "row 2: a value of column Last_Name has half of a character",
        ),
        (
            "source = Rows([{'Last_Name': ['x', os.fsdecode(b'caf\\xe9')]}])",
            "row 1: a value of column Last_Name has half of a character",
        ),
        ("source = Rows([{os.fsdecode(b'caf\\xe9'): 'x'}])", "has half of a character"),
        ("source = Rows(lambda: iter([{os.fsdecode(b'caf\\xe9'): 'x'}]))", "has half of a character"),
        ("load = property(lambda self: read_mapping(os.fsdecode(b'caf\\xe9'))[0])", "is not UTF-8"),
    ],
)
def test_what_a_job_of_ones_own_names_is_refused_in_plan_and_run_alike(
    leads: Path, more: str, said: str
) -> None:
    leads.with_name(ODD).write_text(ROWS)
    bases = "LoadJob" if more.startswith("load =") else "Of, RecordJob"
    leads.with_name("mine.py").write_text(OWN_JOB.format(bases=bases, more=more))
    for command in ("plan", "run"):
        done = zmigrate(leads.parent, command, "mine", "--jobs", "mine.py", "--emulator")
        assert said in done.stderr
        assert "fault of zmigrate" not in done.stderr


@pytest.mark.parametrize("place", ["file", "out"])
def test_a_mapping_is_made_for_no_such_file_and_gets_no_such_name(leads: Path, place: str) -> None:
    leads.with_name(ODD + ".csv").write_text(ROWS)
    file, out = (ODD + ".csv", "m.toml") if place == "file" else ("leads.csv", ODD + ".toml")
    done = zmigrate(leads.parent, "map", file, "--module", "Leads", "--out", out, "--emulator")
    assert (done.returncode, "is not UTF-8" in done.stderr) == (2, True)
    assert "Rename it." in done.stderr
    assert not list(leads.parent.glob("*.toml"))


# -- colors ------------------------------------------------------------------------------------------


def test_forced_colors_draw_nothing_in_a_file(leads: Path) -> None:
    for command in ("plan", "run"):
        done = zmigrate(leads.parent, command, "import-csv", "leads.csv", *TO_LEADS, FORCE_COLOR="1")
        assert done.returncode == 0, done.stderr
        assert "\x1b[32m" in done.stderr + done.stdout
        drawn = [mark for mark in ("\x1b[?25l", "\x1b[1A", "\x1b[2K", "\r") if mark in done.stderr]
        assert drawn == []


def test_a_locale_of_ascii_changes_no_result(leads: Path) -> None:
    leads.write_text("Last_Name,Company\nMüller,Größe\n", "utf-8")
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = zmigrate(leads.parent, "run", "import-csv", "leads.csv", *TO_LEADS, "--json", **ascii_only)
    assert done.returncode == 0, done.stderr
    success = json.loads(done.stdout)["files"]["success"]
    assert "Müller" in (leads.parent / success).read_text("utf-8")


# -- folders -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["runs"], ["check"], ["jobs"], ["plan", "import-csv", "x.csv", *TO_LEADS]])
def test_a_current_folder_that_was_deleted_is_told(tmp_path: Path, words: list[str]) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    program = (
        "import os, sys; os.rmdir(os.getcwd()); from zmigrate.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=gone, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "error: the current folder was deleted\n" in done.stderr


def test_a_machine_without_a_place_for_temporary_files_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", nowhere)
    with pytest.raises(ConfigError, match="no folder for temporary files") as caught, scratch_folder():
        pass
    assert "TMPDIR" in str(caught.value.hint)


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_state_folder_or_a_folder_of_jobs_that_is_none_is_told(leads: Path, kind: str) -> None:
    place = leads.with_name("place")
    if kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to("/dev/null")
    done = zmigrate(leads.parent, "run", "import-csv", "leads.csv", *TO_LEADS, "--state-dir", "place")
    assert (done.returncode, "place is a pipe or device, not a folder" in done.stderr) == (2, True)
    done = zmigrate(leads.parent, "jobs", "--jobs", "place")
    assert (done.returncode, "place is a pipe or a device, not a file or folder" in done.stderr) == (2, True)


def test_too_few_open_files_are_told_as_that_and_no_journal_is_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    assert "ulimit -n" in str(problem_behind(few, ["runs"]).hint)

    def open_private(_path: Path, _flags: int) -> int:
        raise few

    monkeypatch.setattr("zmigrate.engine.storage.journal_file.open_private", open_private)
    found = _of_guard(tmp_path / "journal.db", sqlite3.OperationalError("unable to open database file"))
    assert isinstance(found, RunError)
    assert "Too many open files" in found.message
    assert "ulimit -n" in str(found.hint)
