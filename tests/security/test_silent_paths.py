"""Nobody gets a mail by accident: whatever path, body or parameters a call is written with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.support import PLAIN_HTTP, QUICK, file_job, leads, write_rows
from tests.zoho.conftest import LocalZoho, LocalZohoFactory, local_zoho
from tests.zoho.fakes import FakeZoho, created, records_answer, rig
from zmigrate.cli import main
from zmigrate.cli.emulator import environment_of
from zmigrate.emulator import Emulator, Options
from zmigrate.engine.entry import run
from zmigrate.errors import UsageError
from zmigrate.job.writes import Insert
from zmigrate.zoho.crm import Crm
from zmigrate.zoho.facts.triggers import loudness, switch_of
from zmigrate.zoho.record_calls import is_heavy

__all__ = ["local_zoho"]

LEAD = {"Last_Name": "Ada", "Company": "Analytical Engines"}
RECORDS = {"data": [LEAD]}

ODD_PATHS = [
    "/crm/v8/Leads?process=1",
    "/crm/v8/Leads?",
    "/crm/v8/Leads/",
    "/crm/v8/./Leads",
    "/crm/v8/Deals/../Leads",
    "/crm/v8//Leads",
    "//crm/v8/Leads",
    "/crm/v8/%4ceads",
    "/crm/v8/Leads#x",
    "/crm/v8/Leads;x=1",
    "/crm/v8/Leads%3Fx",
    "/crm/v8\\Leads",
    "/crm/v8/Leads\\",
    "/crm/v8/Leads\n",
    "/crm/v8/ Leads",
    "/crm/v8/Leads\t",
    "/crm/v8/Leads\x00",
    "/crm/v8/Ｌeads",
    "/crm/v8/Le\u200bads",
    "/crm/v8/L\udcffeads",
    "/crm/v8/@Leads",
    "/crm/v8/Leads@evil.example",
    "/crm/v8/Leads:x",
    "@evil.example/crm/v8/Leads",
    "https://www.zohoapis.com/crm/v8/Leads",
    "crm/v8/Leads",
    "/v8/Leads",
    "/crm/v8/" + "x" * 5_000,
    "",
    "/",
]


@pytest.mark.parametrize("path", ODD_PATHS)
@pytest.mark.parametrize("verb", ["get", "post", "put", "patch", "delete"])
def test_a_path_in_an_odd_spelling_is_refused_and_nothing_is_sent(
    tmp_path: Path, verb: str, path: str
) -> None:
    with rig(tmp_path) as wire, pytest.raises(UsageError) as refused:
        getattr(wire.crm, verb)(path)

    assert wire.zoho.requests == []
    assert refused.value.hint
    assert refused.value.message.isprintable()


@pytest.mark.parametrize("path", [None, b"/crm/v8/Leads", Path("/crm/v8/Leads"), 7])
def test_a_path_is_a_text(tmp_path: Path, path: Any) -> None:
    with rig(tmp_path) as wire, pytest.raises(UsageError):
        wire.crm.post(path, json=RECORDS)


@dataclass
class Sent:
    """A request as it left this machine."""

    params: dict[str, str]
    body: Any


@contextmanager
def sending(folder: Path) -> Iterator[Callable[..., Sent]]:
    """Sends one call of the given method to a Zoho that answers of one record."""
    with rig(folder, FakeZoho([records_answer(created())])) as wire:

        def send(verb: str, path: str, params: Any = None, body: Any = None) -> Sent:
            getattr(wire.crm, verb.lower())(path, params, body)
            request = wire.zoho.requests[-1]
            return Sent(dict(request.url.params), orjson.loads(request.content) if request.content else None)

        yield send


WRITES = [
    ("POST", "/crm/v8/Leads"),
    ("POST", "/crm/v8/leads"),
    ("POST", "/crm/v8/LEADS"),
    ("POST", "/crm/v2/Leads"),
    ("POST", "/crm/v2.1/Leads"),
    ("POST", "/crm/V8/Leads"),
    ("POST", "/crm/v8/my_own_module"),
    ("POST", "/crm/v8/Leads/upsert"),
    ("POST", "/crm/v8/leads/Upsert"),
    ("PUT", "/crm/v8/Leads"),
    ("PUT", "/crm/v8/leads/123"),
    ("PUT", "/crm/v8/Leads/value-of-an-external-field"),
    ("PATCH", "/crm/v8/Leads/123"),
    ("PATCH", "/crm/v8/Leads"),
    ("POST", "/crm/v8/Notes"),
    ("POST", "/crm/v8/Tasks"),
    ("POST", "/crm/v8/Leads/actions/assign_territories"),
    ("POST", "/crm/v8/Leads/123/actions/remove_territories"),
]
BODIES = [
    {"data": [LEAD]},
    {"data": (LEAD,)},
    {"data": LEAD},
    {"data": []},
    {},
    {"data": [LEAD], "trigger": None},
    {"data": [LEAD], "Trigger": ["workflow"]},
]


@pytest.mark.parametrize(("verb", "path"), WRITES)
@pytest.mark.parametrize("body", BODIES)
def test_every_write_that_takes_trigger_is_silent_unless_told(
    tmp_path: Path, verb: str, path: str, body: Any
) -> None:
    with sending(tmp_path) as send:
        assert send(verb, path, None, body).body["trigger"] == []


def test_cadences_are_left_out_too_also_where_the_body_says_null(tmp_path: Path) -> None:
    with sending(tmp_path) as send:
        inserted = send("POST", "/crm/v8/leads", None, {**RECORDS, "skip_feature_execution": None}).body
        upserted = send("POST", "/crm/v8/leads/upsert", None, RECORDS).body

    assert inserted["skip_feature_execution"] == [{"name": "cadences"}]
    assert [one["action"] for one in upserted["skip_feature_execution"]] == ["insert", "update"]


@pytest.mark.parametrize("trigger", [[], ["workflow"], ["workflow", "approval"]])
def test_a_wish_in_the_body_is_sent_as_it_is(tmp_path: Path, trigger: list[str]) -> None:
    with sending(tmp_path) as send:
        assert send("POST", "/crm/v8/leads", None, {**RECORDS, "trigger": trigger}).body["trigger"] == trigger


@pytest.mark.parametrize(
    "body",
    [
        '{"data": [{"Last_Name": "Ada"}]}',
        b'{"data": [{"Last_Name": "Ada"}]}',
        [LEAD],
        [RECORDS],
        orjson.Fragment(b'{"data": [{"Last_Name": "Ada"}]}'),
        {**RECORDS, "trigger": "workflow"},
        {**RECORDS, "trigger": ""},
        {**RECORDS, "trigger": False},
        {**RECORDS, "trigger": {}},
        {**RECORDS, "trigger": [None]},
        {**RECORDS, "trigger": ["workflows"]},
        {**RECORDS, "trigger": orjson.Fragment(b'["workflow"]')},
        {**RECORDS, "wf_trigger": "true"},
    ],
)
@pytest.mark.parametrize("path", ["/crm/v8/Leads", "/crm/v8/Leads/upsert"])
def test_a_body_that_might_count_as_saying_nothing_of_triggers_is_refused(
    tmp_path: Path, path: str, body: Any
) -> None:
    with rig(tmp_path) as wire, pytest.raises(UsageError):
        wire.crm.post(path, json=body)

    assert wire.zoho.requests == []


@pytest.mark.parametrize("name", ["trigger", "wf_trigger", "Trigger", "WF_TRIGGER"])
def test_a_parameter_that_would_trigger_is_refused_with_the_place_where_it_belongs(
    tmp_path: Path, name: str
) -> None:
    with rig(tmp_path) as wire, pytest.raises(UsageError, match="takes no parameter") as refused:
        wire.crm.post("/crm/v8/Leads", {name: "workflow"}, RECORDS)

    assert '"trigger": ["workflow"]' in str(refused.value.hint)


@pytest.mark.parametrize(
    "path", ["/crm/v8/Leads/123", "/crm/v8/leads/123", "/crm/v2/Leads", "/crm/v8/notes/1"]
)
def test_a_delete_is_silent_unless_told(tmp_path: Path, path: str) -> None:
    with sending(tmp_path) as send:
        assert send("DELETE", path, {"ids": "123"}).params["wf_trigger"] == "false"
        assert send("DELETE", path, {"ids": "123", "wf_trigger": True}).params["wf_trigger"] == "true"


@pytest.mark.parametrize("value", [None, "", "yes", 1, []])
def test_a_wish_for_a_delete_that_zoho_might_not_understand_is_refused(tmp_path: Path, value: Any) -> None:
    with rig(tmp_path) as wire, pytest.raises(UsageError):
        wire.crm.delete("/crm/v8/Leads/123", {"wf_trigger": value})

    assert wire.zoho.requests == []


def test_a_photo_is_silent_too(tmp_path: Path) -> None:
    with sending(tmp_path) as send:
        assert send("POST", "/crm/v8/Leads/123/photo").params == {"restrict_triggers": "workflow"}


def part(method: str, uri: str, body: Any = None, **params: Any) -> dict[str, Any]:
    return {
        "method": method,
        "uri": uri,
        "params": params,
        "headers": {},
        "body": body,
        "sub_request_id": "a",
    }


def composite(*parts: Any) -> dict[str, Any]:
    return {"rollback_on_fail": False, "concurrent_execution": False, "__composite_requests": parts}


@pytest.mark.parametrize("version", ["v8", "v2.1"])
def test_the_parts_of_a_composite_request_are_silent(tmp_path: Path, version: str) -> None:
    body = composite(
        part("POST", "/crm/v8/leads", RECORDS),
        part("put", "/crm/v8/Leads/@{a:$.data[0].details.id}", RECORDS),
        part("DELETE", "/crm/v8/Leads", ids="1"),
        part("POST", "/crm/v8/Leads", {**RECORDS, "trigger": ["workflow"]}),
        part("GET", "/crm/v8/Leads", fields="id"),
    )
    with sending(tmp_path) as send:
        sent = send("POST", f"/crm/{version}/__composite_requests", None, body).body["__composite_requests"]

    insert, update, delete, loud, read = sent
    assert insert["body"]["trigger"] == update["body"]["trigger"] == []
    assert delete["params"] == {"ids": "1", "wf_trigger": "false"}
    assert loud["body"]["trigger"] == ["workflow"]
    assert read == part("GET", "/crm/v8/Leads", fields="id")
    assert update["uri"] == "/crm/v8/Leads/@{a:$.data[0].details.id}"


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "x",
        {"__composite_requests": "x"},
        {"__composite_requests": [orjson.Fragment(b"{}")]},
        composite(part("POST", "/crm/v8/Leads?x=1", RECORDS)),
        composite(part("POST", "/crm/v8/%4ceads", RECORDS)),
        composite(part("POST", "/crm/v8/Leads", "text")),
        composite(part("POST", "@{a:$.data}", RECORDS)),
        composite(part("PUT", "/crm/v8/@{a:$.x}", RECORDS)),
        composite(part("POST", "/crm/v8/Le@{a:$.x}ads", RECORDS)),
        composite(part("POST", "/crm/v@{a:$.x}/Leads", RECORDS)),
        composite(part("POST", "/crm/@{a:$.x}/Leads", RECORDS)),
        composite({"method": "POST", "body": RECORDS}),
        composite(part("POST", "/crm/v8/__composite_requests", composite())),
        composite({**part("DELETE", "/crm/v8/Leads"), "params": "ids=1"}),
    ],
)
def test_a_composite_request_that_could_hide_a_write_is_refused(tmp_path: Path, body: Any) -> None:
    with rig(tmp_path) as wire, pytest.raises(UsageError):
        wire.crm.post("/crm/v8/__composite_requests", json=body)

    assert wire.zoho.requests == []


# -- the table agrees with Zoho's own files ----------------------------------------------------------

TAKES_TRIGGER = [
    ("POST", "/crm/v8/Leads"),
    ("PUT", "/crm/v8/Leads"),
    ("PUT", "/crm/v8/Leads/1"),
    ("POST", "/crm/v8/Leads/upsert"),
    ("POST", "/crm/v8/Leads/actions/assign_territories"),
    ("POST", "/crm/v8/Leads/1/actions/assign_territories"),
    ("POST", "/crm/v8/Leads/actions/remove_territories"),
    ("POST", "/crm/v8/Leads/1/actions/remove_territories"),
]
CANT_BE_SILENCED = [
    ("POST", "/crm/v8/Leads/actions/mass_update"),
    ("POST", "/crm/v8/Leads/1/actions/convert"),
    ("POST", "/crm/v8/leads/actions/mass_convert"),
    ("POST", "/crm/v8/Leads/actions/change_owner"),
    ("POST", "/crm/v8/Leads/1/actions/add_tags"),
    ("POST", "/crm/v8/Leads/1/actions/send_mail"),
    ("PUT", "/crm/v8/Leads/1/Campaigns"),
    ("POST", "/crm/v8/Leads/1/Notes"),
    ("PUT", "/crm/v8/Deals/1/actions/blueprint"),
    ("POST", "/crm/v8/users"),
    ("POST", "/crm/email/v8/send"),
    ("POST", "/crm/bulk/v8/write"),
    ("POST", "/crm/bulk/v2/write"),
    ("POST", "/crm/private/json/Leads/insertRecords"),
]
SETS_NOTHING_OFF = [
    ("GET", "/crm/v8/Leads"),
    ("POST", "/crm/v8/coql"),
    ("POST", "/crm/v8/settings/fields"),
    ("POST", "/crm/v8/Leads/actions/count"),
    ("POST", "/crm/bulk/v8/read"),
]


@pytest.mark.parametrize(("method", "path"), TAKES_TRIGGER)
def test_calls_whose_file_has_trigger_have_it_as_their_switch(method: str, path: str) -> None:
    switch = switch_of(method, path)
    assert switch is not None
    assert (switch.name, loudness(method, path)) == ("trigger", None)


@pytest.mark.parametrize(("method", "path"), CANT_BE_SILENCED)
def test_a_call_that_can_not_be_silenced_is_known_as_such(method: str, path: str) -> None:
    assert loudness(method, path)


@pytest.mark.parametrize(("method", "path"), SETS_NOTHING_OFF)
def test_other_calls_need_no_warning(method: str, path: str) -> None:
    assert switch_of(method, path) is None
    assert loudness(method, path) is None


@pytest.mark.parametrize(
    ("method", "path", "params", "rows"),
    [
        ("POST", "/crm/v8/coql", (), 0),
        ("POST", "/crm/v8/__composite_requests", (), 0),
        ("POST", "/crm/v8/leads/1/actions/convert", (), 0),
        ("POST", "/crm/v8/leads", (), 11),
        ("GET", "/crm/v8/leads", (("sort_by", "id"),), 0),
        ("GET", "/crm/v8/leads", (("cvid", "1"),), 0),
    ],
)
def test_calls_that_share_zohos_sub_concurrency_are_heavy(
    method: Any, path: str, params: tuple[tuple[str, str], ...], rows: int
) -> None:
    assert is_heavy(method, path, params, rows)
    assert not is_heavy("POST", "/crm/v8/leads", (), 10)


# -- a run from Python ---------------------------------------------------------------------------------


@pytest.mark.parametrize("trigger", ["workflow", ["workflows"], [None]])
def test_a_run_refuses_a_trigger_that_zoho_would_not_know(tmp_path: Path, trigger: Any) -> None:
    job = file_job(Insert("Leads"), write_rows(tmp_path / "leads.csv", leads(1)))

    with pytest.raises(UsageError, match="trigger"):
        run(job, trigger=trigger, emulator=True, folder=tmp_path, environ={})


# -- the command ---------------------------------------------------------------------------------------


@dataclass
class Shell:
    """The command line, and the emulator that its environment points at."""

    emulator: Emulator
    capture: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> tuple[int, str, str]:
        code = main(words)
        captured = self.capture.readouterr()
        return code, captured.out, captured.err

    def writes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(f"{self.emulator.url}/_emulator/writes", **PLAIN_HTTP).json()
        return found


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    monkeypatch.chdir(tmp_path)
    with Emulator(Options(org_type="sandbox")) as emulator:
        for name, value in {**QUICK, **environment_of(emulator)}.items():
            monkeypatch.setenv(name, value)
        yield Shell(emulator, capsys)


@pytest.mark.parametrize("path", [path for path in ODD_PATHS if "\x00" not in path])
def test_api_refuses_an_odd_path_before_anything_is_sent(shell: Shell, path: str) -> None:
    code, out, err = shell("api", "POST", path, "--data", json.dumps(RECORDS))

    assert (code, out) == (2, "")
    assert "hint:" in err
    assert shell.writes() == []


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/crm/v8/Leads?fields=Last_Name", "zmigrate api GET /crm/v8/Leads --param fields=Last_Name"),
        (
            "/crm/v8/Leads?fields=Last_Name,Email&page=2",
            "zmigrate api GET /crm/v8/Leads --param fields=Last_Name,Email --param page=2",
        ),
        (
            "https://www.zohoapis.com/crm/v8/Leads/search?word=two%20words",
            "zmigrate api GET /crm/v8/Leads/search --param 'word=two words'",
        ),
        ("/crm/v8//%4ceads/#x", "zmigrate api GET /crm/v8/Leads"),
        ("v8/Leads", "zmigrate api GET /crm/v8/Leads"),
        ("Leads", "zmigrate api GET /crm/v8/Leads"),
    ],
)
def test_the_refusal_gives_the_command_to_type(shell: Shell, path: str, command: str) -> None:
    _, _, err = shell("api", "GET", path)

    assert f"write it as: {command}\n" in err


def test_the_command_that_the_refusal_gives_works(shell: Shell) -> None:
    shell("api", "POST", "/crm/v8/Leads", "--data", json.dumps(RECORDS))
    code, out, err = shell("api", "GET", "/crm/v8/Leads", "--param", "fields=Last_Name")

    assert code == 0, err
    assert json.loads(out)["data"][0]["Last_Name"] == "Ada"


@pytest.mark.parametrize("path", ["/crm/v8/leads", "/crm/v8/LEADS", "/crm/v8/Leads/upsert"])
def test_api_writes_silently_in_any_letter_case(shell: Shell, path: str) -> None:
    code, _, err = shell("api", "POST", path, "--data", json.dumps(RECORDS), "--scope", "ZohoCRM.modules.ALL")

    assert code == 0, err
    assert [write["trigger"] for write in shell.writes()] == [[]]


def test_api_guesses_the_scopes_of_a_module_in_small_letters(shell: Shell) -> None:
    code, _, err = shell("api", "POST", "/crm/v8/leads", "--data", json.dumps(RECORDS))

    assert code == 0, err


@pytest.mark.parametrize(
    ("path", "warning"),
    [
        ("/crm/v8/Leads/actions/mass_update", "a mass update sets off the org's workflows"),
        ("/crm/v8/Leads/1/actions/convert", "no way to keep this call from setting off workflows"),
        ("/crm/bulk/v8/write", "Zoho does not document whether a bulk write sets off workflows"),
    ],
)
def test_api_warns_of_a_call_that_can_not_be_silenced(shell: Shell, path: str, warning: str) -> None:
    _, _, err = shell("api", "POST", path, "--data", "{}", "--scope", "ZohoCRM.modules.ALL")

    told = " ".join(err.replace("│", " ").split())
    assert warning in told


def test_api_does_not_warn_of_a_write_that_is_silent(shell: Shell) -> None:
    _, _, err = shell("api", "POST", "/crm/v8/Leads", "--data", json.dumps(RECORDS))

    assert "warning" not in err


# -- queries -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/crm/v8/coql/", "/crm/v8/coql?x", "/crm/v8//coql", "/crm/v8/coql/../Leads"]
)
def test_a_path_that_only_looks_like_a_query_is_no_query(tmp_path: Path, path: str) -> None:
    with rig(tmp_path) as wire, pytest.raises(UsageError):
        wire.crm.post(path, json=RECORDS)


def test_a_query_by_hand_is_sent_as_it_is(local_zoho: LocalZohoFactory) -> None:
    zoho: LocalZoho = local_zoho()
    crm: Crm = zoho.connect().crm
    crm.post("/crm/v8/leads", json=RECORDS)

    found = crm.post(
        "/crm/v8/coql", json={"select_query": "select Last_Name from Leads where id is not null"}
    )

    assert found["data"][0]["Last_Name"] == "Ada"
    assert [write["trigger"] for write in zoho.ask("writes")] == [[]]
