"""After Ctrl-C, SIGTERM or a kill: no process of a command is left, and no copy of rows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zmigrate.private_files import scratch_folder
from zmigrate.rows.sources import workbook_process

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")

GIVES_UP_AFTER_S = 30.0
TO_LEADS = ("--module", "Leads", "--operation", "insert", "--emulator")
SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OF_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
OF_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def long_workbook(path: Path, rows: int) -> Path:
    """A workbook whose sheet takes a while to read."""

    def cells(number: int, *texts: str) -> str:
        written = (
            f'<c r="{"AB"[at]}{number}" t="inlineStr"><is><t>{text}</t></is></c>'
            for at, text in enumerate(texts)
        )
        return f'<row r="{number}">{"".join(written)}</row>'

    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/sheet1.xml" ContentType="{TYPE}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{OF_PACKAGE}"><Relationship Id="r1" '
        f'Type="{OF_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{SPREADSHEET}" xmlns:r="{OF_OFFICE}"><sheets>'
        '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{OF_PACKAGE}"><Relationship Id="r1" '
        f'Type="{OF_OFFICE}/worksheet" Target="sheet1.xml"/></Relationships>',
        "xl/sheet1.xml": f'<worksheet xmlns="{SPREADSHEET}"><sheetData>'
        + cells(1, "Last_Name", "Company")
        + "".join(cells(number, f"N{number}", "Acme") for number in range(2, rows + 2))
        + "</sheetData></worksheet>",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def marked(mark: str) -> list[int]:
    """The processes that have this variable in their environment, whatever their parent or group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environ = (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if f"ZM_TEST_MARK={mark}".encode() in environ.split(b"\0") and state != "Z":
                found.append(int(entry.name))
    return found


def until(happens: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + GIVES_UP_AFTER_S
    while not happens():
        assert time.monotonic() < end, what
        time.sleep(0.02)


class Started:
    """A command, and all processes that come from it."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.mark = os.urandom(8).hex()
        (folder / "tmp").mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "zmigrate", *words],
            cwd=folder,
            env={**os.environ, "ZM_TEST_MARK": self.mark, "TMPDIR": str(folder / "tmp")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def children(self) -> list[int]:
        return [pid for pid in marked(self.mark) if pid != self.process.pid]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ends(self) -> int:
        self.process.communicate(timeout=GIVES_UP_AFTER_S)
        until(lambda: not marked(self.mark), "a process is left")
        return self.process.returncode


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    started: list[Started] = []

    def begin(*words: str) -> Started:
        started.append(Started(tmp_path, *words))
        return started[-1]

    yield begin
    for each in started:
        for pid in marked(each.mark):
            os.kill(pid, signal.SIGKILL)
        each.process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_reader_of_a_workbook_ends_with_its_command(
    start: Callable[..., Started], tmp_path: Path, number: signal.Signals
) -> None:
    long_workbook(tmp_path / "leads.xlsx", 60_000)
    command = start("plan", "import-file", "leads.xlsx", *TO_LEADS)
    until(lambda: bool(command.children()), "no reader was started")
    command.signal(number)
    assert command.ends() in (130, -number)


def test_a_second_signal_leaves_no_reader_of_a_workbook(
    start: Callable[..., Started], tmp_path: Path
) -> None:
    long_workbook(tmp_path / "leads.xlsx", 60_000)
    command = start("plan", "import-file", "leads.xlsx", *TO_LEADS)
    until(lambda: bool(command.children()), "no reader was started")
    (reader,) = command.children()
    os.kill(reader, signal.SIGSTOP)  # as if one sheet took minutes: the command waits for it
    command.signal(signal.SIGINT)
    command.signal(signal.SIGTERM)
    command.process.wait(GIVES_UP_AFTER_S)
    os.kill(reader, signal.SIGCONT)
    assert command.ends() in (130, -signal.SIGTERM)


MIDDLE = """
import os, subprocess, sys
program = [sys.executable, "-I", "-S", sys.argv[1], sys.argv[2], str(1 << 32), str(os.getpid()), *sys.path]
print(subprocess.Popen(program, stdin=int(sys.argv[3]), stderr=subprocess.DEVNULL).pid, file=sys.stderr)
"""


def test_a_reader_that_is_at_work_ends_with_the_process_that_asked_it(tmp_path: Path) -> None:
    """Its pipes stay open here, and it waits for more to do. So nothing but its own look at who asked ends
    it, as it must where a sheet takes minutes.
    """
    path = long_workbook(tmp_path / "leads.xlsx", 10)
    program = Path(workbook_process.__file__)
    held, its = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-c", MIDDLE, str(program), str(path), str(held)],
            pass_fds=[held],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=True,
        )
        reader = int(done.stderr.split()[0])
        until(lambda: is_gone(reader), "the reader is left")
    finally:
        os.close(held)
        os.close(its)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("command", ["check", "run"])
def test_the_program_that_is_asked_for_the_secret_ends_with_the_command(
    start: Callable[..., Started], tmp_path: Path, command: str
) -> None:
    (tmp_path / "leads.csv").write_text("Last_Name,Company\nDoe,Acme\n")
    (tmp_path / "zmigrate.toml").write_text(
        '[profiles.default]\nclient_id = "1000.ABCDEF"\nsoid = "ZohoCRM.1"\ndc = "EU"\n'
        'client_secret_command = "sleep 600"\n'
    )
    words = () if command == "check" else ("import-csv", "leads.csv", *TO_LEADS[:4])
    started = start(command, *words)
    until(lambda: any(is_asleep(pid, b"sleep") for pid in started.children()), "it was not started")
    until(lambda: is_asleep(started.process.pid, b""), "the command does not wait for it")
    started.signal(signal.SIGTERM)
    assert started.ends() == 130


def is_asleep(pid: int, name: bytes) -> bool:
    """Whether this program runs, and waits."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        return words.startswith(name) and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][1] == "S"
    except OSError:
        return False


def test_a_first_signal_leaves_no_temporary_files(start: Callable[..., Started], tmp_path: Path) -> None:
    long_workbook(tmp_path / "leads.xlsx", 20_000)
    command = start("plan", "import-file", "leads.xlsx", *TO_LEADS)
    until(lambda: bool(list((tmp_path / "tmp").glob("zmigrate-*"))), "no temporary folder")
    command.signal(signal.SIGTERM)
    assert command.ends() == 130
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_temporary_files_of_a_killed_command_go_with_the_next_one(
    start: Callable[..., Started], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_workbook(tmp_path / "leads.xlsx", 60_000)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    command = start("plan", "import-file", "leads.xlsx", *TO_LEADS)
    until(lambda: bool(list((tmp_path / "tmp").glob("zmigrate-*/alive.lock"))), "no temporary folder")
    (left,) = (tmp_path / "tmp").glob("zmigrate-*")
    made_an_hour_ago(left)
    with scratch_folder():
        assert left.exists()  # its process lives
    made_an_hour_ago(left)
    command.signal(signal.SIGKILL)
    command.ends()
    with scratch_folder() as own:
        assert [path.name for path in (tmp_path / "tmp").iterdir()] == [own.name]


def made_an_hour_ago(folder: Path) -> None:
    then = time.time() - 3_600
    os.utime(folder, (then, then))


def test_the_emulator_of_a_command_ends_with_it(start: Callable[..., Started], tmp_path: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        command = start("emulator")
        assert command.process.stdout is not None
        assert b"Zoho CRM emulator at" in command.process.stdout.readline()
        command.signal(number)
        assert command.ends() in (0, 130)
