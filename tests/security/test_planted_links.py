"""A link or a pipe where zmigrate keeps a file: nothing foreign is read, written, cut off or waited for."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import Bench, file_job, leads, write_rows
from zmigrate import Upsert
from zmigrate.cli import main
from zmigrate.cli.errors import write_traceback
from zmigrate.cli.profile_file import write_profile
from zmigrate.cli.scaffold import write_scaffold
from zmigrate.config import Secret
from zmigrate.display.report import reasons_of
from zmigrate.engine.preflight.repetition import starting
from zmigrate.engine.storage.folder import RunFolder, write_whole
from zmigrate.engine.storage.id_map import IdMap
from zmigrate.engine.storage.journal import Journal
from zmigrate.engine.storage.ledger import UnreadableRun, list_runs
from zmigrate.engine.storage.run_log import RunLog
from zmigrate.errors import ConfigError, JournalDamaged, OrgError, RunError, UsageError, ZmigrateError
from zmigrate.private_files import Draft, open_private, read_whole, replace_whole
from zmigrate.zoho.connection import org_folder
from zmigrate.zoho.metadata import read_org
from zmigrate.zoho.org_check import refuse_unusable
from zmigrate.zoho.shared_file import SharedFile

FOREIGN = b"not zmigrate's\n"


@pytest.fixture
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("elsewhere") / "foreign.txt"
    path.write_bytes(FOREIGN)
    return path


def start(state: Path) -> None:
    with starting(state):
        pass


def share(state: Path) -> None:
    with SharedFile(state / "tokens" / "a.json", root=state).edit() as content:
        content["n"] = 1


def log(state: Path) -> None:
    RunLog(state / "run.log").close()


def lock(state: Path) -> None:
    folder = RunFolder(state)
    folder.lock()
    folder.unlock()


OPENED: dict[str, Callable[[Path], object]] = {
    "start.lock": start,
    "tokens/a.lock": share,
    "tokens/a.json": share,
    "run.log": log,
    "run.lock": lock,
    "journal.db": lambda state: Journal.create(state / "journal.db"),
    "journal.db-wal": lambda state: Journal.create(state / "journal.db"),
    "journal.db-shm": lambda state: Journal.create(state / "journal.db"),
    "orgs/2/ids.db": lambda state: IdMap.open(state, ("1", "2")),
    "orgs/2/ids.db-wal": lambda state: IdMap.open(state, ("1", "2")),
}
"""What is opened where it lies, and what opens it."""


@pytest.mark.parametrize("name", OPENED)
@pytest.mark.parametrize("what", ["link", "dangling link", "pipe"])
def test_what_is_no_file_is_not_opened(name: str, what: str, tmp_path: Path, foreign: Path) -> None:
    place = tmp_path / name
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if what == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(foreign if what == "link" else foreign.with_name("new.txt"))
    with pytest.raises((ZmigrateError, OSError), match=r"in its place|can't be (read|written|used|opened)"):
        OPENED[name](tmp_path)
    assert foreign.read_bytes() == FOREIGN
    assert [path.name for path in foreign.parent.iterdir()] == [foreign.name]
    assert place.is_symlink() or place.is_fifo()


REPLACED: dict[str, Callable[[Path], object]] = {
    "run.json": lambda folder: write_whole(folder / "run.json", b"new"),
    "zmigrate.toml": lambda folder: write_profile(folder, "one", {"client_id": "1"}, Secret("s")),
    ".env": lambda folder: write_profile(folder, "one", {"client_id": "1"}, Secret("s")),
}


@pytest.mark.parametrize("name", REPLACED)
def test_a_link_in_the_place_of_what_is_written_whole_is_replaced(
    name: str, tmp_path: Path, foreign: Path
) -> None:
    foreign.write_bytes(b"")
    (tmp_path / name).symlink_to(foreign)
    REPLACED[name](tmp_path)
    assert foreign.read_bytes() == b""
    assert not (tmp_path / name).is_symlink()
    assert (tmp_path / name).stat().st_size


@pytest.mark.parametrize("name", ["bad.csv.part", "run.json.part", ".env.new"])
def test_the_names_of_unfinished_files_can_not_be_foreseen(name: str, tmp_path: Path, foreign: Path) -> None:
    (tmp_path / name).symlink_to(foreign)
    target = tmp_path / name.rpartition(".")[0]
    replace_whole(target, b"1")
    with Draft(target) as file:
        file.write("2")
    assert target.read_text() == "2"
    assert foreign.read_bytes() == FOREIGN
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([target.name, name])


@pytest.mark.parametrize(
    "write", [lambda path: replace_whole(path, b"x"), lambda path: Draft(path).discard()]
)
def test_a_device_or_a_pipe_is_not_replaced_by_a_file(write: Callable[[Path], None], tmp_path: Path) -> None:
    """`--rejects /dev/null` as root would do away with it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    for path in (pipe, tmp_path / "link"):
        with pytest.raises(OSError, match="in its place"):
            write(path)
    assert pipe.is_fifo()
    assert len(list(tmp_path.iterdir())) == 2


def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")

    def interrupted() -> None:
        with Draft(path) as file:
            file.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_as_long_as_can_be_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 125 + ".csv")
    replace_whole(path, b"x")
    assert path.read_bytes() == b"x"


def test_a_crash_file_overwrites_nothing(tmp_path: Path, foreign: Path) -> None:
    crashes = tmp_path / "crashes"
    crashes.symlink_to(foreign.parent)  # one's own link is followed, what is in it is not
    written = write_traceback(ValueError("x"), crashes)
    assert written is not None
    assert foreign.read_bytes() == FOREIGN


def test_a_new_job_overwrites_nothing(tmp_path: Path, foreign: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "load_all.py").symlink_to(foreign.with_name("new.py"))
    with pytest.raises(UsageError, match="can't be written"):
        write_scaffold("load-all", tmp_path)
    assert not foreign.with_name("new.py").exists()


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no /dev/zero")
def test_nothing_endless_is_read(tmp_path: Path) -> None:
    (tmp_path / "run.json").symlink_to("/dev/zero")
    with pytest.raises(OSError, match="in its place"):
        read_whole(tmp_path / "run.json", 10)
    with (tmp_path / "big").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="more than"):
        read_whole(tmp_path / "big", 1 << 20)


def test_a_lock_that_stays_is_not_cut_off(tmp_path: Path) -> None:
    """What is opened is never cut off before it is known to be ours."""
    (tmp_path / "a").write_bytes(FOREIGN)
    os.close(open_private(tmp_path / "a", os.O_RDWR | os.O_CREAT))
    assert (tmp_path / "a").read_bytes() == FOREIGN


# -- runs ------------------------------------------------------------------------------------------


@pytest.fixture
def run(bench: Bench) -> Path:
    """The folder of a run that has finished."""
    job = file_job(Upsert("Leads", match_on="Legacy_ID"), write_rows(bench.folder / "leads.csv", leads(2)))
    result = bench.run(job)
    return bench.folder / ".zmigrate" / "runs" / result.run_id


def test_a_run_that_is_a_link_is_named_and_not_looked_into(run: Path, bench: Bench) -> None:
    elsewhere = bench.folder / "elsewhere"
    run.rename(elsewhere)
    run.symlink_to(elsewhere)
    (found,) = list_runs(bench.folder / ".zmigrate")
    assert isinstance(found, UnreadableRun)
    assert "its folder is a link" in found.error.message
    assert found.may_have_sent
    with pytest.raises(JournalDamaged, match="is a link"):
        bench.resume(run.name)


@pytest.mark.parametrize("name", ["run.json", "journal.db", "run.lock", "run.log"])
@pytest.mark.parametrize("what", ["link", "pipe"])
def test_a_run_with_a_link_or_a_pipe_in_it_hides_no_other(
    name: str, what: str, run: Path, bench: Bench, foreign: Path
) -> None:
    other = run.with_name("20240101-000000-file-job-0000")
    shutil.copytree(run, other)
    (other / name).unlink()
    if what == "link":
        (other / name).symlink_to(foreign)
    else:
        os.mkfifo(other / name)
    every = list_runs(bench.folder / ".zmigrate")
    assert sorted(each.run_id for each in every) == sorted([run.name, other.name])
    assert foreign.read_bytes() == FOREIGN


@pytest.mark.parametrize("what", ["link", "pipe"])
def test_a_report_reads_no_link_and_waits_for_no_pipe(what: str, run: Path, foreign: Path) -> None:
    path = run / "errors.csv"
    path.unlink()
    if what == "link":
        path.symlink_to(foreign)
    else:
        os.mkfifo(path)
    with pytest.raises(ConfigError, match="in its place"):
        reasons_of(path)


@pytest.mark.parametrize(
    "reference", ["../../x", "last/../../x", "/etc", "..", ".", "last/..", "", "x/../last"]
)
def test_a_reference_never_leads_out_of_the_runs(
    reference: str, run: Path, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, bench.folder / "x")
    assert main(["report", reference, "--state-dir", str(bench.folder / ".zmigrate")]) in (
        (0,) if reference == "" else (2,)
    )
    assert str(bench.folder / "x") not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["../../x", "/tmp/x", "..", "", "a/b", "a\\b", "c:x", "a\0b"])
def test_the_name_of_a_step_never_leads_out_of_the_run(name: str, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a folder name"):
        RunFolder(tmp_path).step(name)


def test_a_journal_that_is_a_view_is_none(tmp_path: Path) -> None:
    """A query of a hostile journal's own could run for ever."""
    path = tmp_path / "journal.db"
    Journal.create(path).close()
    db = sqlite3.connect(path)
    db.executescript(
        "DROP TABLE fact; CREATE VIEW fact AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n)"
        " SELECT 'run' AS name, x AS value FROM n WHERE x<0"
    )
    db.close()
    with pytest.raises(JournalDamaged, match="not a zmigrate journal"):
        Journal.peek(path)


# -- ids from answers ------------------------------------------------------------------------------


@pytest.mark.parametrize("zgid", ["/tmp/zmigrate-was-here", "../../up", "1/../../2", "12a", "９９", "9" * 40])
def test_an_org_of_an_answer_never_becomes_a_path(zgid: str, bench: Bench) -> None:
    for answer in ({"id": "1", "zgid": zgid}, {"id": zgid, "zgid": "1"}, {"id": zgid}):
        with pytest.raises(OrgError, match="can't be used") as caught:
            refuse_unusable(read_org({"org": [answer]}))
        assert caught.value.exit_code == 3
    with pytest.raises(ConfigError, match="not an org's id"):
        org_folder(bench.folder, "1", zgid)
    with pytest.raises(ConfigError, match="not an org's id"):
        IdMap.open(bench.folder, ("1", zgid))
