"""`api` and `emulator`: trying Zoho out, against an emulator over a real socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request

import pytest

from zmigrate.cli.emulator import environment_of, shown
from zmigrate.emulator import Emulator
from zmigrate.emulator import Options as EmulatorOptions


def test_api_prints_the_answer_as_json(zmigrate, credentials):
    done = zmigrate("api", "GET", "/crm/v8/org")
    assert done.code == 0, done.err
    assert json.loads(done.out)["org"][0]["zgid"] == credentials.soid.removeprefix("ZohoCRM.")


def test_api_sends_a_body_and_pages_through(zmigrate, credentials, folder):
    seed(credentials.url, "Leads", [{"Last_Name": f"n{number}"} for number in range(450)])
    words = ["/crm/v8/Leads", "--param", "fields=Last_Name", "--all"]
    done = zmigrate("api", "GET", *words, "--scope", "ZohoCRM.modules.leads.READ")
    assert done.code == 0, done.err
    assert len(json.loads(done.out)["data"]) == 450
    (folder / "body.json").write_text('{"data": [{"Last_Name": "Ada"}]}')
    done = zmigrate("api", "post", "/crm/v8/Leads", "--data", "@body.json")
    assert json.loads(done.out)["data"][0]["code"] == "SUCCESS"


def seed(url: str, module: str, records: list[dict[str, object]]) -> None:
    body = json.dumps({"data": records}).encode()
    request = urllib.request.Request(
        f"{url}/_emulator/records/{module}", body, {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request).close()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["FETCH", "/crm/v8/org"], "unknown method 'FETCH'"),
        (["GET", "crm/v8/org"], "does not begin with a slash"),
        (["GET", "/crm/v8/org", "--param", "x"], "is not of the form K=V"),
        (["POST", "/crm/v8/Leads", "--data", "{"], "--data is not JSON: it ends too early"),
        (["POST", "/crm/v8/Leads", "--data", ""], "--data is not JSON: it is empty"),
        (
            ["POST", "/crm/v8/Leads", "--data", "{'a': 1}"],
            "goes wrong at line 1, column 2, before \"'a': 1}\"",
        ),
        (["POST", "/crm/v8/Leads", "--data", "@nowhere.json"], "there is no file nowhere.json"),
        (["POST", "/crm/v8/Leads", "--all"], "--all pages through a GET"),
        (["GET", "/crm/v8/something/else"], "which scopes"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_sent(zmigrate, words, message):
    done = zmigrate("api", *words)
    assert done.code == 2
    assert message in done.err


@pytest.mark.parametrize(
    "words",
    [
        ["POST", "/crm/v8/coql", "--data", '{"select_query": "select id from Leads where id is not null"}'],
        ["GET", "/crm/v8/Leads/actions/count"],
    ],
)
def test_queries_and_counts_get_all_the_scopes_that_they_need(zmigrate, credentials, words):
    assert zmigrate("api", *words).code == 0


def test_a_scope_too_few_is_answered_with_the_option_that_names_it(zmigrate, credentials):
    query = '{"select_query": "select id from Leads where id is not null"}'
    done = zmigrate("api", "POST", "/crm/v8/coql", "--data", query, "--scope", "ZohoCRM.coql.READ")
    assert done.code == 3
    assert "It needs --scope ZohoCRM.coql.READ --scope ZohoCRM.modules.leads.READ" in done.err
    assert "job" not in done.err


def test_what_zoho_refuses_is_an_error_with_its_words(zmigrate, credentials):
    done = zmigrate("api", "GET", "/crm/v8/Leeds", "--scope", "ZohoCRM.modules.ALL", "--json")
    assert done.code == 3
    assert "INVALID_MODULE" in json.loads(done.out)["error"]["message"]


def test_the_emulator_prints_what_points_zmigrate_at_it_and_ends_well_on_ctrl_c(zmigrate, monkeypatch):
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from zmigrate.cli import main; sys.exit(main())", "emulator"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        lines = [process.stdout.readline() for _ in range(6)]
        assert lines[0].startswith("# ")
        for line in lines[1:]:
            export, _, assignment = line.strip().partition(" ")
            name, _, value = assignment.partition("=")
            assert export == "export"
            monkeypatch.setenv(name, value)
        assert zmigrate("check").code == 0
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def test_the_emulators_options_are_those_of_its_class(zmigrate):
    text = zmigrate("emulator", "--help").out
    assert "--rate-lost-answer" in text
    assert "--client-secret" not in text


def test_the_emulator_listens_on_loopback_only(zmigrate):
    done = zmigrate("emulator", "--host", "0.0.0.0")
    assert done.code == 2
    assert "loopback" in done.err


def test_faults_come_early_in_the_emulators_help_and_names_are_whole(zmigrate):
    text = zmigrate("emulator", "--help").out
    panels = [line.split("─ ")[1].split(" ─")[0] for line in text.splitlines() if line.startswith("╭─ ")]
    assert panels == ["Options", "Server", "Faults", "Accounts", "Org and limits", "Rules"]
    for field in shown(EmulatorOptions):
        flag = "no-" + field.name if field.default is True else field.name
        assert f" --{flag.replace('_', '-')} " in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "99999"], "--port must be from 0 to 65535, not 99999"),
        (["--rate-429", "3"], "--rate-429 must be a share of the requests, from 0 to 1, not 3"),
        (["--rate-lost-answer", "-0.1"], "from 0 to 1, not -0.1"),
        (["--latency-ms", "much"], "--latency-ms must be a number"),
    ],
)
def test_a_wrong_value_for_the_emulator_is_wrong_use(zmigrate, words, message):
    done = zmigrate("emulator", *words)
    assert done.code == 2
    assert message in done.err


def test_the_emulator_takes_an_orgs_own_fields(zmigrate, tmp_path, monkeypatch):
    given = tmp_path / "fields.json"
    given.write_text('{"fields": [{"api_name": "Kennung", "data_type": "text", "length": 9}]}')
    command = "import sys; from zmigrate.cli import main; sys.exit(main())"
    words = ["emulator", "--fields", f"Baustellen={given}"]
    process = subprocess.Popen([sys.executable, "-c", command, *words], stdout=subprocess.PIPE, text=True)
    try:
        for line in [process.stdout.readline() for _ in range(6)][1:]:
            name, _, value = line.strip().removeprefix("export ").partition("=")
            monkeypatch.setenv(name, value)
        assert "Kennung" in zmigrate("fields", "Baustellen").out
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("Leads", "--fields takes MODULE=FILE.json, not Leads"),
        ("Leads=nowhere.json", "nowhere.json can't be read"),
        ("Leads={folder}/text.json", "text.json is no JSON"),
        ("Leads={folder}/list.json", "Leads"),
    ],
)
def test_fields_for_the_emulator_that_are_no_answer_are_wrong_use(zmigrate, tmp_path, pair, message):
    (tmp_path / "text.json").write_text("Last_Name")
    (tmp_path / "list.json").write_text("[]")
    done = zmigrate("emulator", "--fields", pair.format(folder=tmp_path))
    assert done.code == 2
    assert message in done.err


def test_the_emulator_says_how_many_tokens_it_gives():
    with Emulator(EmulatorOptions(token_limit=500, token_window_s=60)) as emulator:
        assert environment_of(emulator)["ZMIGRATE_TOKEN_LIMIT"] == "500/60"


def test_no_option_takes_a_secret(zmigrate):
    for command in ("init", "check", "api", "emulator", "resume"):
        assert "secret" not in zmigrate(command, "--help").out.replace("client secret", "").lower()
    assert "ZMIGRATE_CLIENT_SECRET" not in os.environ
