"""The commands whose token opens another org than the one asked for, and those that ask before they write."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import tomllib

import httpx
import pytest

from zmigrate.cli.emulator import environment_of
from zmigrate.cli.profile_file import write_profile
from zmigrate.config import Secret
from zmigrate.emulator import Emulator, Options

AT_TERMINAL = [
    sys.executable,
    "-c",
    "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "from zmigrate.cli import main; sys.exit(main())",
]
POST = ["api", "POST", "/crm/v8/Leads", "--data", '{"data": [{"Last_Name": "Ada", "Company": "A"}]}']
SELECT = '{"select_query": "select id from Leads where id is not null"}'
QUERY = ["api", "POST", "/crm/v8/coql", "--data", SELECT]
GET = ["api", "GET", "/crm/v8/users"]
IMPORT = ["import-csv", "leads.csv", "--module", "Leads", "--operation", "insert"]


@pytest.fixture
def org_of(monkeypatch):
    """An emulator with these options, at which the environment points."""
    served = []

    def serve(**options) -> Emulator:
        emulator = Emulator(Options(**options)).__enter__()
        served.append(emulator)
        for name, value in environment_of(emulator).items():
            monkeypatch.setenv(name, value)
        return emulator

    yield serve
    for emulator in served:
        emulator.__exit__(None, None, None)


def leads_in(emulator: Emulator) -> list[dict[str, object]]:
    found = httpx.get(f"{emulator.url}/_emulator/records/Leads", timeout=10).json()
    return found["data"] if isinstance(found, dict) else found


def profile_of(emulator: Emulator, folder, name: str = "default", **more: bool) -> None:
    values = {"client_id": emulator.client_id, "soid": emulator.soid, "accounts_url": emulator.accounts_url}
    write_profile(folder, name, values | more, Secret(emulator.client_secret))


# -- another org than the one asked for ------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["check"], id="check"),
        pytest.param(["ids", "check"], id="ids check"),
        pytest.param(["ids", "export", "--profile", "default"], id="ids export"),
        pytest.param(["map", "leads.csv", "--module", "Leads"], id="map"),
        pytest.param([*POST, "--yes"], id="api"),
        pytest.param(["run", *IMPORT, "--yes"], id="run"),
        pytest.param(["plan", *IMPORT], id="plan"),
    ],
)
def test_a_command_that_reads_the_org_stops_with_3_and_both_names(zmigrate, folder, org_of, words):
    emulator = org_of(wrong_zgid=True)
    profile_of(emulator, folder)
    (folder / "leads.csv").write_text("Last_Name,Company\nAda,A\n")
    done = zmigrate(*words)
    assert done.code == 3, done.err
    assert emulator.soid in done.err
    assert "Emulated Trading" in done.err
    assert "portal = true" in done.err
    assert leads_in(emulator) == []
    assert not (folder / "mapping.toml").exists()


def test_check_shows_what_it_found_all_the_same(zmigrate, org_of):
    emulator = org_of(wrong_zgid=True)
    assert "org           NOT the one asked for: Emulated Trading" in zmigrate("check").out
    done = zmigrate("check", "--json")
    found = json.loads(done.out)
    assert done.code == 3
    assert found["error"]["code"] == "WRONG_ORG"
    assert found["credentials"]["soid"] == emulator.soid != f"ZohoCRM.{found['org']['zgid']}"


def test_a_profile_that_says_portal_may_open_another_org(zmigrate, folder, org_of):
    emulator = org_of(wrong_zgid=True)
    profile_of(emulator, folder, "theirs", portal=True)
    done = zmigrate("check", "--profile", "theirs")
    assert done.code == 0, done.err
    assert f"{emulator.soid} names a portal" in done.out
    assert zmigrate(*POST, "--profile", "theirs").code == 0


def test_init_does_not_keep_a_profile_for_another_org(zmigrate, typed, folder):
    with Emulator(Options(wrong_zgid=True)) as emulator:
        typed("", emulator.accounts_url, emulator.client_id, emulator.client_secret, emulator.soid)
        done = zmigrate("init")
    assert done.code == 3
    assert emulator.soid in done.err
    assert "Emulated Trading" in done.err
    assert not (folder / "zmigrate.toml").exists()


# -- at a terminal ---------------------------------------------------------------------------------


class Terminal:
    """The command line at a terminal of its own."""

    def __init__(self, *words: str) -> None:
        pty = pytest.importorskip("pty")
        self._mine, its = pty.openpty()
        self.process = subprocess.Popen(
            [*AT_TERMINAL, *words], stdin=its, stdout=its, stderr=its, start_new_session=True
        )
        os.close(its)
        self.text = ""

    def until(self, wanted: str) -> None:
        end = time.monotonic() + 30
        while wanted not in self.text:
            assert time.monotonic() < end, self.text
            if select.select([self._mine], [], [], 0.2)[0]:
                self.text += os.read(self._mine, 4096).decode()

    def answer(self, question: str, line: str) -> None:
        self.until(question)
        os.write(self._mine, f"{line}\n".encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._mine)


@pytest.fixture
def terminal(folder):
    opened: list[Terminal] = []

    def open_one(*words: str) -> Terminal:
        opened.append(Terminal(*words))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.mark.parametrize(("word", "kept"), [("y", True), ("", False)])
def test_init_asks_whether_the_soid_is_a_portals(folder, terminal, word, kept):
    with Emulator(Options(wrong_zgid=True)) as emulator:
        shown = terminal("init", "--profile", "theirs")
        shown.answer("accounts URL [US]: ", emulator.accounts_url)
        shown.answer("client id: ", emulator.client_id)
        shown.answer("client secret (not shown): ", emulator.client_secret)
        shown.answer("org id: ", emulator.soid)
        shown.answer("the id of a portal? [y/N]: ", word)
        shown.until("zmigrate check --profile theirs" if kept else "Once more")
    assert "Emulated Trading" in shown.text
    assert (folder / "zmigrate.toml").exists() is kept
    if kept:
        profile = tomllib.loads((folder / "zmigrate.toml").read_text())["profiles"]["theirs"]
        assert (profile["portal"], profile["soid"]) == (True, emulator.soid)


@pytest.mark.parametrize(("word", "code", "created"), [("y", 0, 1), ("n", 2, 0)])
def test_a_call_that_writes_asks_on_production_and_names_the_org(org_of, terminal, word, code, created):
    emulator = org_of(org_type="production")
    shown = terminal(*POST)
    shown.answer("[y/N]", word)
    shown.until('"data"' if created else "not confirmed")
    assert shown.process.wait(10) == code
    for fact in ("Emulated Trading", "production", "the environment", "POST /crm/v8/Leads"):
        assert fact in shown.text
    assert len(leads_in(emulator)) == created


def test_ctrl_c_at_the_question_ends_the_call_before_it_is_sent(org_of, terminal):
    emulator = org_of(org_type="production")
    shown = terminal(*POST)
    shown.until("[y/N]")
    shown.process.send_signal(signal.SIGINT)
    shown.until("nothing was written")
    assert shown.process.wait(10) == 130
    assert leads_in(emulator) == []


def test_ctrl_c_while_the_call_is_on_its_way_does_not_say_that_nothing_was_written(org_of, terminal):
    emulator = org_of()
    late = {"method": "POST", "path": "/crm/v8/Leads", "fault": "delay", "delay_s": 30}
    httpx.post(f"{emulator.url}/_emulator/script", json=[late], timeout=10)
    shown = terminal(*POST)
    end = time.monotonic() + 30
    while not leads_in(emulator):
        assert time.monotonic() < end, shown.text
    shown.process.send_signal(signal.SIGINT)
    shown.until("Zoho may have applied it")
    assert shown.process.wait(10) == 130
    assert "nothing was written" not in shown.text


# -- without one -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        POST,
        ["api", "PUT", "/crm/v8/Leads/1", "--data", "{}"],
        ["api", "PATCH", "/crm/v8/org", "--data", "{}"],
        ["api", "DELETE", "/crm/v8/Leads/1"],
    ],
    ids=["POST", "PUT", "PATCH", "DELETE"],
)
@pytest.mark.parametrize("org_type", ["production", "absent"])
def test_nobody_to_ask_means_that_nothing_is_written(zmigrate, org_of, words, org_type):
    emulator = org_of(org_type=org_type)
    done = zmigrate(*words, "--json")
    assert done.code == 2
    assert json.loads(done.out)["error"]["code"] == "NOT_CONFIRMED"
    assert "is a production org, and there is no terminal to ask at" in done.err
    assert "add --yes" in done.err
    assert leads_in(emulator) == []


def test_with_yes_a_call_is_sent_and_only_the_answer_is_on_stdout(zmigrate, org_of):
    emulator = org_of(org_type="production")
    done = zmigrate(*POST, "--yes")
    assert done.code == 0, done.err
    assert json.loads(done.out)["data"][0]["code"] == "SUCCESS"
    assert "Emulated Trading" in done.err
    assert len(leads_in(emulator)) == 1


@pytest.mark.parametrize(
    ("words", "org_type"),
    [(POST, "sandbox"), (POST, "developer"), (QUERY, "production"), (GET, "production")],
    ids=["sandbox", "developer org", "query", "GET"],
)
def test_sandboxes_and_reads_are_not_asked_about(zmigrate, org_of, words, org_type):
    org_of(org_type=org_type)
    assert zmigrate(*words).code == 0


def test_practice_is_never_asked_about(zmigrate):
    done = zmigrate(*POST, "--emulator")
    assert done.code == 0, done.err
    assert "practice" in done.err


@pytest.mark.parametrize("words", [QUERY, GET], ids=["query", "GET"])
def test_a_read_does_not_pay_for_a_look_at_the_org(zmigrate, org_of, words):
    emulator = org_of()
    zmigrate(*words)
    stats = httpx.get(f"{emulator.url}/_emulator/stats", timeout=10).json()
    assert len(stats["requests"]) == 1, stats


def test_a_get_that_executes_something_is_asked_about_like_a_write():
    from zmigrate.cli.api import writes

    assert writes("GET", "/crm/v8/functions/mail_all/actions/execute")
    assert not writes("GET", "/crm/v8/Leads/actions/count")
    assert not writes("POST", "/crm/v8/coql")
