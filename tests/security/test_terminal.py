"""Names, values and messages of other people never control the terminal that shows them."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import PLAIN_HTTP, leads, write_rows
from zmigrate.printable import UNPRINTABLE, drawable, json_printable, printable

EVIL = "a\x1b]52;c;ZWNobyBoaQ==\x07b\x1b[2Jc\x9b1Ad\u202ee\u200bf\x7fg"
"""Writes the clipboard, clears the screen, moves the cursor, turns the line around, hides a letter."""
SHOWN = r"a\x1b]52;c;ZWNobyBoaQ==\x07b\x1b[2Jc\x9b1Ad\u202ee\u200bf\x7fg"
IMPORT = ["--module", "Leads", "--operation", "insert", "--key", "Legacy_ID"]


def script(emulator, *faults: dict[str, Any]) -> None:
    httpx.post(f"{emulator.url}/_emulator/script", json=list(faults), **PLAIN_HTTP).raise_for_status()


def answer(emulator, path: str, status: int, body: Any, times: int = 1, method: str | None = None) -> None:
    """The next calls of this path are answered so."""
    text = json.dumps(body)
    script(emulator, {"fault": str(status), "path": path, "body": text, "times": times, "method": method})


def clean(*texts: str) -> None:
    for text in texts:
        found = UNPRINTABLE.search(text)
        assert found is None, (found, text)


# -- the filter ------------------------------------------------------------------------------------


@given(st.text())
def test_printable_text_has_nothing_that_controls_and_stays_so(text):
    shown = printable(text)
    clean(shown)
    assert printable(shown) == shown
    assert "\n" not in text or "\n" in shown


@pytest.mark.parametrize("text", ["Müller & Söhne, 東京 – “ok”\t3 €\n", "é", "🙂", "اسم"])
def test_text_that_people_write_stays_as_it_is(text):
    assert printable(text) == drawable(text) == text


@given(st.dictionaries(st.text(), st.text()))
def test_json_means_what_it_meant(value):
    shown = json_printable(json.dumps(value, ensure_ascii=False))
    clean(shown)
    assert json.loads(shown) == value


def test_what_draws_may_reach_a_terminal_and_nothing_else_may():
    assert drawable("\x1b[1;31mred\x1b[0m\r\x1b[?25l\x1b[2K") == "\x1b[1;31mred\x1b[0m\r\x1b[?25l\x1b[2K"
    for evil in ("\x1b]52;c;eA==\x07", "\x1bPq\x1b\\", "\x9b2J", "\x1bc", "\x1b[>c\x05", "\u2066"):
        clean(drawable(evil))


# -- files -----------------------------------------------------------------------------------------


def test_names_of_files_are_shown_escaped(zmigrate, folder):
    done = zmigrate("plan", "import-csv", f"{EVIL}.csv", *IMPORT, "--emulator")
    assert done.code == 2
    assert SHOWN in done.err
    clean(done.out, done.err)


def test_columns_of_a_csv_file_are_shown_escaped(zmigrate, folder):
    write_rows(folder / "leads.csv", [{**row, EVIL: "x"} for row in leads(2)])
    for words in ([], ["--json"]):
        done = zmigrate("plan", "import-csv", "leads.csv", *IMPORT, "--emulator", *words)
        assert done.code == 2
        clean(done.out, done.err)


def test_values_of_refused_rows_are_shown_escaped(zmigrate, folder):
    write_rows(folder / "leads.csv", [{**leads(1)[0], "Email": EVIL}])
    for command in ("plan", "run"):
        for words in ([], ["--json"]):
            done = zmigrate(command, "import-csv", "leads.csv", *IMPORT, "--emulator", *words)
            assert done.code == 1, done.err
            clean(done.out, done.err)
            assert "52;c;" in done.out or command == "run"
    clean(zmigrate("report", "last").out)


def test_keys_of_json_lines_are_shown_escaped(zmigrate, folder):
    rows = [{**row, EVIL: "x"} for row in leads(2)]
    (folder / "leads.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = zmigrate("plan", "import-file", "leads.jsonl", *IMPORT, "--emulator")
    assert done.code in {1, 2}
    clean(done.out, done.err)


def test_names_in_a_zip_archive_are_shown_escaped(zmigrate, folder):
    with zipfile.ZipFile(folder / "leads.zip", "w") as archive:
        for number in range(2):
            archive.writestr(f"{EVIL}{number}.csv", "Last_Name\nLi\n")
    done = zmigrate("plan", "import-csv", "leads.zip", *IMPORT, "--emulator")
    assert done.code == 2
    assert "52;c;" in done.err
    clean(done.out, done.err)


def test_words_of_a_mapping_are_shown_escaped(zmigrate, folder):
    write_rows(folder / "leads.csv", leads(2))
    key = json.dumps(EVIL.replace("\x9b", "").replace("\x7f", ""))
    for line in (f"{key} = 1", f"[fields]\n{key} = 1", f"[fields]\nLast_Name = {key}"):
        (folder / "mapping.toml").write_text(line + "\n", "utf-8")
        done = zmigrate("plan", "import-csv", "leads.csv", "--mapping", "mapping.toml", *IMPORT, "--emulator")
        assert done.code == 2
        clean(done.out, done.err)


def test_the_holder_of_a_lock_is_shown_escaped(zmigrate, folder):
    write_rows(folder / "leads.csv", leads(2))
    assert zmigrate("run", "import-csv", "leads.csv", *IMPORT, "--emulator", "--limit", "1").code == 0
    (run,) = (folder / ".zmigrate" / "runs").iterdir()
    lock = run / "run.lock"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys; file = open(sys.argv[1], 'r+'); fcntl.flock(file, fcntl.LOCK_EX);"
            f"file.write({EVIL.encode('ascii', 'ignore').decode()!r}); file.flush(); print(1, flush=True);"
            "sys.stdin.read()",
            str(lock),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        done = zmigrate("resume", "last", "--emulator")
        assert done.code == 2
        clean(done.out, done.err)
    finally:
        holder.communicate()


# -- jobs ------------------------------------------------------------------------------------------

JOB = f"""
from zmigrate import Argument, Csv, Insert, Option, RecordJob, scopes_for

class Evil(RecordJob):
    {json.dumps(EVIL)}

    write = Insert("Leads", key="Legacy_ID")
    scopes = scopes_for(write)
    file: str = Argument(help={EVIL!r})
    more: str = Option(default={EVIL!r}, help={EVIL!r}, metavar="X")

    def source(self):
        return Csv(self.file)

    def transform(self, row):
        raise RuntimeError({EVIL!r})
"""


@pytest.mark.parametrize(
    "words", [["jobs"], ["show", "evil"], ["run", "--help"], ["run", "evil", "--help"], ["jobs", "--json"]]
)
def test_a_jobs_own_words_are_shown_escaped(zmigrate, folder, words):
    (folder / "jobs").mkdir()
    (folder / "jobs" / "evil.py").write_text(JOB, "utf-8")
    done = zmigrate(*words)
    assert done.code == 0
    assert "52;c;" in done.out
    clean(done.out, done.err)


def test_an_exception_of_a_job_is_shown_escaped(zmigrate, folder):
    (folder / "jobs").mkdir()
    (folder / "jobs" / "evil.py").write_text(JOB, "utf-8")
    write_rows(folder / "leads.csv", leads(1))
    done = zmigrate("-v", "run", "evil", "leads.csv", "--emulator")
    told = zmigrate("report", "last").out
    assert "52;c;" in told
    clean(done.out, done.err, told)


def test_a_module_that_cannot_be_imported_is_named_escaped(zmigrate, folder):
    (folder / "jobs").mkdir()
    (folder / "jobs" / "evil.py").write_text(f"raise RuntimeError({EVIL!r})", "utf-8")
    done = zmigrate("jobs")
    assert SHOWN in done.err
    clean(done.out, done.err)


def test_completion_prints_no_control_characters(zmigrate, folder, monkeypatch, capsys):
    (folder / "jobs").mkdir()
    (folder / "jobs" / "evil.py").write_text(JOB, "utf-8")
    monkeypatch.setenv("_ZMIGRATE_COMPLETE", "complete_zsh")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "zmigrate run ev")
    with pytest.raises(SystemExit):
        zmigrate()
    printed = capsys.readouterr()
    assert "evil" in printed.out
    clean(printed.out, printed.err)


# -- what Zoho says --------------------------------------------------------------------------------


def org(name: str) -> dict[str, Any]:
    return {"org": [{"id": "1", "zgid": "1", "company_name": name, "type": name, "edition": name}]}


def test_an_org_is_shown_escaped(zmigrate, folder, credentials):
    write_rows(folder / "leads.csv", leads(1))
    digits = credentials.soid.partition(".")[2]
    body = org(EVIL)
    body["org"][0]["zgid"] = digits
    answer(credentials, "/crm/v8/org", 200, body, times=100)
    for words in (
        ["check"],
        ["plan", "import-csv", "leads.csv", *IMPORT],
        ["run", "import-csv", "leads.csv", *IMPORT, "--yes"],
        ["runs"],
        ["report", "last"],
        ["ids", "export", "--out", "ids.csv"],
    ):
        done = zmigrate(*words)
        assert "52;c;" in done.out + done.err or words[0] == "runs", (words, done)
        clean(done.out, done.err)


def test_the_name_of_an_org_makes_no_line_of_its_own(zmigrate, credentials):
    body = org("Acme\n│ environment  sandbox")
    body["org"][0]["zgid"] = credentials.soid.partition(".")[2]
    answer(credentials, "/crm/v8/org", 200, body, times=100)
    for words in (["check"], ["api", "POST", "/crm/v8/Leads", "--data", '{"data": [{}]}', "--yes"]):
        done = zmigrate(*words)
        assert "Acme │ environment sandbox" in done.out + done.err, done


def test_fields_and_pick_lists_are_shown_escaped(zmigrate, folder, credentials):
    field = {
        "api_name": "Evil",
        "label": EVIL,
        "data_type": "picklist",
        "picks": [EVIL, "x"],
    }
    httpx.post(f"{credentials.url}/_emulator/fields/Leads", json=field, **PLAIN_HTTP).raise_for_status()
    for words in (
        ["fields", "Leads"],
        ["fields", "Leads", "--json"],
        ["fields", "Leads", "--values", "Evil"],
    ):
        done = zmigrate(*words)
        assert done.code == 0, done.err
        assert "52;c;" in done.out
        clean(done.out, done.err)
    write_rows(folder / "leads.csv", [{**leads(1)[0], "Evil": "y"}])
    done = zmigrate("plan", "import-csv", "leads.csv", *IMPORT)
    assert done.code == 1
    clean(done.out, done.err)


def test_users_are_shown_escaped(zmigrate, folder, credentials):
    user = {"full_name": EVIL, "email": "evil@example.com", "status": "inactive"}
    httpx.post(f"{credentials.url}/_emulator/users", json=[user], **PLAIN_HTTP).raise_for_status()
    write_rows(folder / "leads.csv", [{**leads(1)[0], "Owner": "evil@example.com"}])
    done = zmigrate("plan", "import-csv", "leads.csv", *IMPORT)
    assert done.code == 1
    clean(done.out, done.err)


@pytest.mark.parametrize("status", [400, 403])
def test_messages_of_a_refusal_are_shown_escaped(zmigrate, folder, credentials, status):
    write_rows(folder / "leads.csv", leads(1))
    refusal = {"code": EVIL, "message": EVIL, "status": "error", "details": {EVIL: EVIL}}
    answer(credentials, "/crm/v8/Leads", status, refusal, times=100, method="POST")
    done = zmigrate("run", "import-csv", "leads.csv", *IMPORT, "--yes")
    assert done.code != 0
    clean(done.out, done.err)
    clean(zmigrate("report", "last").out)


def test_a_refused_row_is_shown_escaped(zmigrate, folder, credentials):
    write_rows(folder / "leads.csv", leads(2))
    row = {"fault": "row_error", "rows_containing": "L-000001", "code": "INVALID_DATA", "message": EVIL}
    script(credentials, {**row, "details": {"api_name": EVIL}})
    done = zmigrate("run", "import-csv", "leads.csv", *IMPORT, "--yes")
    assert done.code == 1
    clean(done.out, done.err, zmigrate("report", "last").out, zmigrate("report", "last", "--json").out)


def test_json_of_api_is_escaped_and_means_the_same(zmigrate, credentials):
    answer(credentials, "/crm/v8/org", 200, org(EVIL))
    done = zmigrate("api", "GET", "/crm/v8/org")
    assert json.loads(done.out)["org"][0]["company_name"] == EVIL
    clean(done.out, done.err)


# -- at a terminal ---------------------------------------------------------------------------------

pty = pytest.importorskip("pty")


def at_terminal(*words: str, cwd: Path) -> tuple[int, str]:
    """The exit code of a command at a terminal, and all that the terminal was given."""
    mine, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "zmigrate", *words], stdin=its, stdout=its, stderr=its, cwd=cwd
    )
    os.close(its)
    text, end = b"", time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([mine], [], [], 0.2)[0]:
            try:
                more = os.read(mine, 65536)
            except OSError:  # the other side has closed it
                break
            if not more:
                break
            text += more
    os.close(mine)
    return process.wait(10), text.decode("utf-8", "surrogateescape")


def test_a_terminal_is_given_colors_and_no_commands_of_others(folder):
    (folder / "jobs").mkdir()
    (folder / "jobs" / "evil.py").write_text(
        JOB.replace("return Csv", "print(" + repr(EVIL) + "); return Csv"), "utf-8"
    )
    write_rows(folder / "leads.csv", [{**leads(1)[0], "Last_Name": EVIL}])
    code, text = at_terminal("-v", "run", "evil", "leads.csv", "--emulator", cwd=folder)
    assert code != 0
    assert "52;c;" in text
    clean(re.sub(r"\x1b\[([0-9;]*m|[0-9]*[AK]|\?25[hl])|\r", "", text))
