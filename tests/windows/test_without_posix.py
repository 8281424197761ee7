"""A whole migration where `fcntl`, `resource`, POSIX's flags, functions and signals are missing, where a file
that is open can't be replaced or deleted, and where the console has 256 characters.
"""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.support import Bench, leads, read_rows, write_rows
from tests.windows.system import CONSOLE, Windows, only

BREAK = signal.SIGTTIN
"""What stands for SIGBREAK, which Linux lacks."""
ROOT = Path(__file__).parent.parent.parent
UPSERT = ("import-csv", "leads.csv", "--module", "Leads", "--operation", "upsert", "--match-on", "Legacy_ID")
ODD = {"Last_Name": "Łukasz → 李", "Company": "Ünal & Söhne"}


def export_of(bench: Bench, count: int) -> list[dict[str, str]]:
    """A file whose second row has a name that the console lacks, and whose third row Zoho refuses."""
    rows = leads(count)
    rows[1] |= ODD
    rows[2]["Last_Name"] = ""
    write_rows(bench.folder / "leads.csv", rows)
    return rows


def test_the_shim_takes_posix_away(windows: Windows) -> None:
    done = windows.python(
        "import os, sys, zmigrate.engine.storage.lock as lock\n"
        "from zmigrate.file_owner import this_user\n"
        "print(sys.platform, hasattr(os, 'O_NOFOLLOW'), hasattr(lock, 'fcntl'), this_user())\n"
        "held = open('held', 'w')\n"
        "try: os.replace('held', 'other')\n"
        "except PermissionError as error: print(error.strerror)\n"
    )
    assert done.out.splitlines()[0] == "win32 False False -1"
    assert "used by another process" in done.out


def test_a_file_is_planned_run_to_a_limit_resumed_and_reported(bench: Bench, windows: Windows) -> None:
    export_of(bench, 250)
    planned = windows("plan", *UPSERT, "--details", "details.csv", "--rejects", "rejects.csv")
    assert planned.code == 1, planned.said
    assert len(read_rows(bench.folder / "details.csv")) == 250
    ran = windows("run", *UPSERT, "--limit", "100")
    assert ran.code == 1, ran.said
    resumed = windows("resume", "last")
    assert resumed.code == 1, resumed.said
    assert bench.audit()["created_twice"] == []
    assert bench.audit()["records"] == 249
    (odd,) = bench.records(key="Legacy_ID", value="L-000002")
    assert {name: odd[name] for name in ODD} == ODD
    (failed,) = read_rows(only(bench.folder, ".zmigrate/runs/*/errors.csv"))
    assert (failed["line"], failed["code"]) == ("4", "MANDATORY_NOT_FOUND")
    reported = windows("report", "last")
    listed = windows("runs")
    for done in (planned, ran, resumed, reported, listed):
        assert "Traceback" not in done.said
        assert "Warning" not in done.said
        assert "\\u" not in done.said, "a console must not need escapes for our own words"


def test_a_run_that_was_killed_is_resumed(bench: Bench, windows: Windows) -> None:
    write_rows(bench.folder / "leads.csv", leads(3_000))
    bench.options(latency_ms=20)
    process = windows.begin("run", *UPSERT, "--json")
    while bench.audit()["creates"] < 300 and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert 300 <= bench.audit()["creates"] < 3_000
    bench.options(latency_ms=0)
    resumed = windows("resume", "last", "--json")
    assert json.loads(resumed.out)["rows"]["created"] == 3_000, resumed.said
    assert bench.audit()["created_twice"] == []


@pytest.mark.slow
def test_a_folder_of_files_that_refer_to_one_another_is_loaded(bench: Bench, windows: Windows) -> None:
    shutil.copytree(ROOT / "samples" / "export", bench.folder / "export")
    done = windows("run", "import-folder", "export", "--json")
    result = json.loads(done.out)
    assert (done.code, result["state"]) == (0, "finished"), done.said
    assert result["rows"]["created"] == result["rows"]["read"] > 10
    assert "Warning" not in done.err
    exported = windows("ids", "export")
    assert exported.code == 0
    assert len(read_rows(bench.folder / "ids.csv")) == result["rows"]["read"]


@pytest.mark.slow
def test_a_database_and_a_workbook_are_read(bench: Bench, windows: Windows) -> None:
    code = (
        "import sqlite3; db = sqlite3.connect('old.db')\n"
        "db.execute('create table person (Legacy_ID text, Last_Name text, Company text)')\n"
        "db.execute(\"insert into person values ('P-1', 'Ada', 'Acme')\"); db.commit(); db.close()\n"
        "import openpyxl; book = openpyxl.Workbook(); sheet = book.active\n"
        "sheet.append(['Legacy_ID', 'Last_Name', 'Company']); sheet.append(['W-1', 'Zoe', 'Acme'])\n"
        "book.save('people.xlsx')\n"
    )
    assert windows.python(code).code == 0
    options = ("--module", "Leads", "--operation", "insert", "--key", "Legacy_ID")
    select = ("--select", "select * from person")
    for source in (("sqlite:///old.db", *select), ("people.xlsx",)):
        done = windows("run", "import-file", *source, *options)
        assert done.code == 0, done.said
    assert {each["Legacy_ID"] for each in bench.records()} == {"P-1", "W-1"}


def test_a_result_file_that_another_program_has_open_is_told_and_written_by_the_resume(
    bench: Bench, windows: Windows
) -> None:
    export_of(bench, 150)
    assert windows("run", *UPSERT, "--limit", "50").code == 1
    errors = only(bench.folder, ".zmigrate/runs/*/errors.csv").relative_to(bench.folder)
    done = windows.python(
        f"held = open({str(errors)!r})\n"
        "from zmigrate.cli import main\n"
        "code = main(['resume', 'last'])\n"
        "held.close()\n"
        "raise SystemExit(code)\n"
    )
    assert done.code == 4, done.said
    assert "Close the file if a program has it open" in done.said
    assert windows("resume", "last").code == 1
    assert bench.audit()["records"] == 149
    assert bench.audit()["created_twice"] == []


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(BREAK, marks=pytest.mark.slow)], ids=["Ctrl-C", "Ctrl-Break"]
)
def test_a_key_press_ends_a_run_in_good_order(number: int, bench: Bench, windows: Windows) -> None:
    write_rows(bench.folder / "leads.csv", leads(3_000))
    bench.options(latency_ms=50)
    process = windows.begin("run", *UPSERT, "--json")
    while bench.audit()["creates"] < 300 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == 130, err
    stopped = json.loads(out)
    assert (stopped["state"], stopped["rows"]["pending"]) == ("interrupted", 0)
    assert stopped["rows"]["created"] == bench.audit()["creates"]
    assert "Warning" not in err.decode(CONSOLE)


def test_a_run_that_another_process_works_on_is_named_with_its_pid(bench: Bench, windows: Windows) -> None:
    done = windows.python(
        "import os\n"
        "from pathlib import Path\n"
        "from zmigrate.engine.storage.lock import Lock, LockHeld\n"
        "first, second = Lock(Path('run.lock')), Lock(Path('run.lock'))\n"
        "first.take()\n"
        "print(second.held_elsewhere, first.displaced)\n"
        "try: second.take()\n"
        "except LockHeld as held: print(held.holder == str(os.getpid()))\n"
        "first.release(); second.take(); print(second.held)\n"
    )
    assert done.out.split() == ["True", "False", "True", "True"], done.said


def test_a_link_in_the_place_of_a_file_is_not_followed_without_the_flag_for_it(windows: Windows) -> None:
    done = windows.python(
        "import os\n"
        "from pathlib import Path\n"
        "from zmigrate.private_files import open_private, read_whole\n"
        "Path('mine').write_text('mine'); os.symlink('mine', 'run.json')\n"
        "link = Path('run.json')\n"
        "for work in (lambda: open_private(link, os.O_RDWR), lambda: read_whole(link, 9)):\n"
        "    try: work()\n"
        "    except OSError as error: print(error.strerror)\n"
    )
    assert done.out.splitlines() == ["there is a link in its place"] * 2, done.said


@pytest.mark.slow
def test_the_demo_tells_its_story(windows: Windows) -> None:
    done = windows("demo")
    assert done.code == 0, done.said
    assert "Warning" not in done.said
    assert "\\u" not in done.said


@pytest.mark.slow
@pytest.mark.parametrize("command", [("--help",), ("run", "import-csv", "--help"), ("emulator", "--help")])
def test_the_help_is_printed(command: tuple[str, ...], windows: Windows) -> None:
    done = windows(*command)
    assert done.code == 0, done.said
    assert "\\u" not in done.said
