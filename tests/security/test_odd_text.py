"""Odd text from answers, settings and the command line is refused as what it is: exit 2, 3 or 4, never 5."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import credentials_of, thorough
from tests.zoho.conftest import SCOPES
from tests.zoho.fakes import CREDENTIALS, FakeZoho, created, records_answer, rig, token_answer
from zmigrate.cli import main
from zmigrate.config import Settings, load_credentials, load_settings
from zmigrate.emulator import Emulator, Options
from zmigrate.errors import (
    ApiError,
    ConfigError,
    InDoubt,
    PausedError,
    RefusedError,
    UsageError,
    ZmigrateError,
)
from zmigrate.job.references import Users
from zmigrate.rows.conversion.refusal import Refused
from zmigrate.rows.conversion.users import UserDirectory
from zmigrate.stopping import StopSignal
from zmigrate.zoho.answers import Call, decode, is_unreadable
from zmigrate.zoho.backoff import LONGEST_WAIT_S, retry_after_s
from zmigrate.zoho.clock import ZohoClock, http_date
from zmigrate.zoho.connection import connect
from zmigrate.zoho.crm import Crm
from zmigrate.zoho.facts.data_centres import ACCOUNTS_DOMAINS, API_DOMAINS, base_url, url_fault
from zmigrate.zoho.ids import id_text
from zmigrate.zoho.org_check import org_fault
from zmigrate.zoho.redaction import Redactor

# -- hosts -------------------------------------------------------------------------------------------------

NO_HOSTS = [
    "https://www.zohoapis.com\n",
    "https://www.zoho\napis.com",
    "https://www.zohoapis.com\x00",
    "https://www.zohoapis.com\t.evil.example",
    " https://www.zohoapis.com",
    "https://www.zohoapis.com.",
    "https://www.zohoapis\u3002com",
    "https://www.zohoapıs.com",
    "https://xn--bcher-kva.zohoapis.com",
    "https://xn--zohoapis-123.com",
    "https://" + "a" * 64 + ".zohoapis.com",
    "https://" + "a." * 400 + "zohoapis.com",
    "https://-a.zohoapis.com",
    "https://..zohoapis.com",
    "https://.zohoapis.com",
    "https://user@www.zohoapis.com",
    "https://www.zohoapis.com@evil.example",
    "https://evil.example\\@www.zohoapis.com",
    "https://evil.example\\.zohoapis.com",
    "https://evil.example#.zohoapis.com",
    "https://evil.example?.zohoapis.com",
    "https://evil.example/.zohoapis.com",
    "https://www.zohoapis.com?",
    "https://www.zohoapis.com#",
    "https://www.zohoapis.com:",
    "https://www.zohoapis.com:99999",
    "https://www.zohoapis.com:٤٤٣",
    "https://www.zohoapis.com:8443",
    "https://www.zohoapis.com/crm",
    "https://www_zohoapis.com",
    "https://***.zohoapis.com",
    "https://%77ww.zohoapis.com",
    "https:www.zohoapis.com",
    "//www.zohoapis.com",
    "javascript://www.zohoapis.com",
    "https://www.zohoapis.com\udcff",
]


@pytest.mark.parametrize("url", NO_HOSTS)
def test_a_token_is_sent_to_no_host_that_only_looks_like_zohos(tmp_path: Path, url: str) -> None:
    assert url_fault(url, API_DOMAINS, loopback_http=False) is not None
    try:
        answer = token_answer(api_domain=url)
    except UnicodeEncodeError:  # JSON in bytes can't say it
        return
    with rig(tmp_path, FakeZoho(tokens=[answer])) as wire, pytest.raises(RefusedError):
        wire.tokens.token()


@pytest.mark.parametrize("url", [url for url in NO_HOSTS if url.strip() == url])
def test_a_secret_is_sent_to_no_host_that_only_looks_like_zohos(url: str) -> None:
    accounts = url.replace("zohoapis", "zoho")
    assert url_fault(accounts, ACCOUNTS_DOMAINS, loopback_http=True) is not None


@pytest.mark.parametrize(
    "url",
    [
        "https://WWW.ZohoAPIs.com",
        "HTTPS://www.zohoapis.com",
        "https://www.zohoapis.com:443",
        "https://www.zohoapis.com/",
    ],
)
def test_one_host_has_one_spelling(tmp_path: Path, url: str) -> None:
    assert base_url(url) == "https://www.zohoapis.com"
    zoho = FakeZoho(tokens=[token_answer(expires_in=1), token_answer(api_domain=url)])

    with rig(tmp_path, zoho) as wire:
        wire.tokens.token()
        wire.tokens.renew(1)

        assert wire.tokens.api_domain == "https://www.zohoapis.com"


@pytest.mark.parametrize("api_domain", [None, 7, [], {}, ["https://www.zohoapis.com"], True])
def test_an_api_domain_that_is_no_text_is_refused(tmp_path: Path, api_domain: Any) -> None:
    zoho = FakeZoho(tokens=[token_answer(api_domain=api_domain)])
    with rig(tmp_path, zoho) as wire, pytest.raises(RefusedError):
        wire.tokens.token()


# -- settings ----------------------------------------------------------------------------------------------

GOOD = {
    "ZMIGRATE_CLIENT_ID": "1000.CLIENT",
    "ZMIGRATE_CLIENT_SECRET": "0123secret4567",
    "ZMIGRATE_SOID": "ZohoCRM.700",
    "ZMIGRATE_DC": "EU",
}
ODD_TEXTS = ["a\nb", "a\x00b", "a\x1b[31mb", "\udcff", "x" * 100_000, "a\u2028b", "\x7f"]


@pytest.mark.parametrize("text", ODD_TEXTS)
@pytest.mark.parametrize("name", [*GOOD, "ZMIGRATE_UPLOAD_URL"])
def test_odd_text_in_a_variable_is_a_fault_of_the_configuration(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_credentials(None, folder=tmp_path, environ={**GOOD, name: text})

    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 500


@pytest.mark.parametrize("soid", ["١٢٣", "ZohoCRM.１２３", "9" * 5_000, "-1", "ZohoCRM.", "1e5"])
def test_an_org_is_named_by_plain_digits(tmp_path: Path, soid: str) -> None:
    with pytest.raises(ConfigError):
        load_credentials(None, folder=tmp_path, environ={**GOOD, "ZMIGRATE_SOID": soid})


@pytest.mark.parametrize(
    "key", ["client_id", "soid", "dc", "accounts_url", "upload_url", "client_secret_env"]
)
@pytest.mark.parametrize("text", [r"a\nb", r"a\u0000b", r"\u001b[31m", "x" * 100_000])
def test_odd_text_in_a_profile_is_a_fault_of_the_configuration(tmp_path: Path, key: str, text: str) -> None:
    values = {"client_id": "1000.A", "soid": "700", "client_secret_env": "SECRET", "dc": "EU", key: text}
    if key == "accounts_url":
        del values["dc"]
    lines = "\n".join(f'{name} = "{value}"' for name, value in values.items())
    (tmp_path / "zmigrate.toml").write_text(f"[profiles.default]\n{lines}\n")

    with pytest.raises(ConfigError):
        load_credentials(None, folder=tmp_path, environ={"SECRET": "0123secret4567"})


@pytest.mark.parametrize(
    "content",
    [
        b"a = " + b"[" * 50_000 + b"]" * 50_000,
        b"a = " + b"{b=" * 5_000,
        b"[" + b"a." * 50_000 + b"a]",
        b"a = " + b"1" * 5_000,
        b"a = 9999-99-99",
        b"\xff\xfe",
        b"\x00",
        b"# " + b"x" * 2_000_000,
        b"profiles = 7",
        b"profiles.default = 7",
        b"[[profiles]]",
    ],
)
def test_odd_toml_is_a_fault_of_the_configuration(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "zmigrate.toml").write_bytes(content)

    with pytest.raises(ConfigError):
        load_credentials("default", folder=tmp_path, environ={})


@pytest.mark.parametrize("name", ["ZMIGRATE_READ_TIMEOUT_S", "ZMIGRATE_RETRY_BUDGET_S", "ZMIGRATE_SETTLE_S"])
@pytest.mark.parametrize("text", ["1e308", "inf", "nan", "-1", "٦٠", "9" * 5_000, "1e999"])
def test_a_time_that_no_clock_can_wait_is_refused(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load_settings(environ={name: text}, folder=tmp_path)


@pytest.mark.parametrize("text", ["9" * 5_000 + "/1", "1/" + "9" * 400, "٣/٦٠", "-1/1", "1/nan"])
def test_an_odd_token_limit_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        load_settings(environ={"ZMIGRATE_TOKEN_LIMIT": text}, folder=tmp_path)


@pytest.mark.parametrize("folder", ["a\x00b", "~no-such-user-here/x"])
def test_a_state_folder_that_can_not_be_is_refused(tmp_path: Path, folder: str) -> None:
    with pytest.raises(ConfigError):
        load_settings(environ={}, folder=tmp_path, state_dir=Path(folder))


# -- headers -----------------------------------------------------------------------------------------------

NO_DATES = [
    "Sun, 06 Nov 99999 08:49:37 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Sun, 06 Nov 1994 08:49:37 +99999999999999999999",
    "Sun, 06 Nov " + "1" * 5_000 + " 08:49:37 GMT",
    "Sun, ٠6 Nov 1994 08:49:37 GMT",
    "",
    " ",
    ",",
    "mon,",
]


@pytest.mark.parametrize("text", NO_DATES)
def test_an_odd_date_teaches_nothing(text: str) -> None:
    clock = ZohoClock()
    clock.observe(text, 1.0, 2.0)

    assert http_date(text) is None
    assert clock.skew() is None


@given(st.text(max_size=80))
def test_no_date_at_all_raises(text: str) -> None:
    found = http_date(text)
    assert found is None or math.isfinite(found)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        *((odd, 0.0) for odd in ("nan", "-5", "inf", "1e999", "١٢", "9" * 5_000, "1_0")),
    ],
)
def test_only_a_plain_number_of_seconds_is_waited_for(text: str, seconds: float) -> None:
    response = httpx.Response(429, headers=[(b"retry-after", text.encode())])
    assert retry_after_s(response, None, 0.0) == seconds


@pytest.mark.parametrize("told", [1e300, 2**63, -1, True])
def test_a_wait_that_a_body_asks_for_is_finite(told: Any) -> None:
    wait_s = retry_after_s(httpx.Response(429), {"details": {"retry_after": told}}, 0.0)
    assert 0 <= wait_s <= LONGEST_WAIT_S


@pytest.mark.parametrize(
    "text", ["9" * 5_000, "-" + "9" * 5_000, "NaN", "1e999", "١٢", "", "+5", "0x10", "1_000"]
)
def test_an_odd_credit_header_is_no_credit_header(tmp_path: Path, text: str) -> None:
    content = json.dumps({"data": [created()]}).encode()
    headers = [(b"x-api-credits-remaining", text.encode()), (b"date", text.encode())]
    with rig(tmp_path, FakeZoho([lambda _: httpx.Response(201, headers=headers, content=content)])) as wire:
        wire.transport.send(Call("POST", "/crm/v8/Leads", content=b"{}", expect=1))

        assert wire.credits.left() is None


@pytest.mark.parametrize(
    "told", ["soon", "9" * 5_000, "nan", "1e999", -1, 0, True, None, [], {}, 1e300, "١٢x"]
)
def test_a_token_whose_life_is_odd_lives_an_hour(tmp_path: Path, told: Any) -> None:
    with rig(tmp_path, FakeZoho(tokens=[token_answer(expires_in=told)])) as wire:
        wire.tokens.token()

        assert wire.tokens.left_s() == 3_600


# -- answers -----------------------------------------------------------------------------------------------

NO_ANSWERS = {
    "deep": b'{"data": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "deep enough for Python": b'{"data": ' + b"[" * 900 + b"]" * 900 + b"}",
    "deep objects": b'{"data": ' + b'{"a":' * 500 + b"1" + b"}" * 501,
    "half a character": b'{"data": [{"id": "\\ud800"}]}',
    "a number of thousands of digits": b'{"data": [{"id": ' + b"1" * 5_000 + b"}]}",
    "NaN": b'{"data": [{"id": NaN}]}',
    "infinity": b'{"data": [{"id": 1e999}]}',
    "no UTF-8": b'{"data": [{"id": "\xff"}]}',
}


@pytest.mark.parametrize("what", NO_ANSWERS)
@pytest.mark.parametrize("brief", [True, False])
def test_odd_json_leaves_a_write_in_doubt_and_fails_a_read(tmp_path: Path, what: str, brief: bool) -> None:
    reply = httpx.Response(200, content=NO_ANSWERS[what])
    insert = Call("POST", "/crm/v8/Leads", content=b"{}", expect=1, brief=brief)
    with rig(tmp_path, FakeZoho([reply])) as wire:
        with pytest.raises(InDoubt):
            wire.transport.send(insert)
        with pytest.raises(ZmigrateError) as caught:
            wire.crm.get("/crm/v8/Leads/1")

    assert caught.value.exit_code == 4


def test_brackets_in_texts_are_not_depth() -> None:
    body = {"data": [{"id": "1", "Description": "[{" * 5_000}]}
    assert decode(json.dumps(body).encode(), Redactor()) == body
    assert is_unreadable(decode(b"[" * 150 + b"]" * 150, Redactor()))


@pytest.mark.parametrize("told", ["9" * 10_000, "١٢٣", "", " ", "1.0", "-1", 1.5, True, None, [], {}, -1])
def test_what_is_no_id_is_none(told: Any) -> None:
    assert id_text(told) is None


def test_a_page_whose_ids_are_thousands_of_digits_long_is_no_page(tmp_path: Path) -> None:
    body = {"data": [{"id": "9" * 10_000}], "info": {"more_records": True}}
    zoho = FakeZoho([httpx.Response(200, json=body)])
    with rig(tmp_path, zoho) as wire, pytest.raises(ZmigrateError) as caught:
        list(wire.crm.query("select id from Leads"))

    assert caught.value.exit_code == 4


def test_a_page_token_that_no_url_can_hold_is_an_error_of_the_call(tmp_path: Path) -> None:
    info = {"more_records": True, "next_page_token": "x" * 100_000}
    reply = httpx.Response(200, json={"data": [{"id": "1"}], "info": info})
    with rig(tmp_path, FakeZoho([reply])) as wire, pytest.raises(ZmigrateError) as caught:
        list(wire.crm.records("Leads", ["id"]))

    assert caught.value.exit_code == 3


# -- answers about the org: any node may be anything ---------------------------------------------------------

ODD_JSON = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 2**63, 1.5, "", "²", "١٢", "9" * 5_000, "\x00", "\x1b[31m", "true", "null"]),
    st.sampled_from([[], [[]], [None], [{}], {}, {"id": []}, {"api_name": {}}, {"": None}, [1, "a"]]),
    st.text(max_size=5),
)


@cache
def good_answers() -> dict[str, Any]:
    """What the emulator says about its org, users, modules, fields and layouts, a few of each."""
    with Emulator(Options()) as emulator, TemporaryDirectory() as folder:
        local = Settings(Path(folder))
        credentials = credentials_of(emulator)
        with connect(credentials, SCOPES, settings=local, emit=[].append, stop=StopSignal()) as connection:
            answers = {
                "org": connection.crm.get("/crm/v8/org"),
                "users": connection.crm.get("/crm/v8/users"),
                "modules": connection.crm.get("/crm/v8/settings/modules"),
                "fields": connection.crm.get("/crm/v8/settings/fields", {"module": "Leads"}),
                "layouts": connection.crm.get("/crm/v8/settings/layouts", {"module": "Leads"}),
            }
    fields = answers["fields"]["fields"]
    kinds = {field["data_type"]: field for field in fields}
    answers["fields"]["fields"] = [*kinds.values(), *fields[:3]]
    layout = answers["layouts"]["layouts"][0]
    layout["sections"] = [{**section, "fields": section["fields"][:2]} for section in layout["sections"][:2]]
    return {name: {**body, name: body[name][:20]} for name, body in answers.items()}


def nodes(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for place, child in inside for each in nodes(child, (*path, place)))]


def replaced(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    changed = deepcopy(value)
    node = changed
    for place in path[:-1]:
        node = node[place]
    node[path[-1]] = odd
    return changed


def read_all(crm: Crm) -> None:
    """Everything that zmigrate reads about an org, and what it makes of it."""
    org = crm.org()
    assert org_fault(org, CREDENTIALS) is None or org.name is not None
    assert isinstance(f"{org.credit_allowance} {org.production}", str)
    crm.modules()
    for field in crm.fields("Leads"):
        assert hash(field) is not None
        assert all(isinstance(value.actual, str) for value in field.pick_list)
    assert hash(crm.layouts("Leads")) is not None
    crm.current_user()
    directory = UserDirectory(Users(), crm.users)
    for text in ("jo@example.com", "nobody"):
        with suppress(Refused):
            directory.resolve(text)


@settings(
    max_examples=int(os.environ.get("ODD_ANSWERS", "40")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_whatever_an_answer_about_the_org_holds_it_is_read_or_refused(tmp_path: Path, data: Any) -> None:
    answers = good_answers()
    name = data.draw(st.sampled_from(sorted(answers)))
    path = data.draw(st.sampled_from(nodes(answers[name])))
    changed = {**answers, name: replaced(answers[name], path, data.draw(ODD_JSON))}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=changed[request.url.path.rpartition("/")[2]])

    allowed = suppress(UsageError, RefusedError, PausedError, ApiError)
    with rig(tmp_path, FakeZoho([answer])) as wire, allowed:
        read_all(wire.crm)


# -- the command line --------------------------------------------------------------------------------------


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., int]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leads.csv").write_text("Legacy_ID,Last_Name,Company\n1,a,b\n")

    def run(*words: str) -> int:
        code = main(words)
        told = capsys.readouterr().err
        assert code == 0 or "error:" in told
        return code

    return run


ODD_WORDS = ["\udcff", "a\x00b", "x" * 5_000, "~no-such-user-here/x", "9" * 5_000, "١٢", "NaN"]
PLACES = [
    ["jobs", "--jobs", "?"],
    ["show", "?"],
    ["show", "import-csv", "--jobs", "?"],
    ["new", "?"],
    ["plan", "?"],
    ["plan", "import-csv", "?", "--module", "Leads", "--emulator"],
    ["plan", "import-csv", "leads.csv", "--module", "Leads", "--emulator", "--mapping", "?"],
    ["run", "import-csv", "leads.csv", "--module", "Leads", "--profile", "?"],
    ["run", "import-csv", "leads.csv", "--module", "Leads", "--emulator", "--limit", "?"],
    ["run", "import-csv", "leads.csv", "--module", "Leads", "--emulator", "--trigger", "?"],
    ["resume", "?"],
    ["resume", "last", "--state-dir", "?"],
    ["runs", "--state-dir", "?"],
    ["report", "?"],
    ["report", "last", "--state-dir", "?"],
    ["ids", "?"],
    ["check", "--profile", "?"],
    ["map", "?"],
    ["map", "leads.csv", "--module", "?"],
    ["fields", "?"],
    ["fields", "Leads", "--profile", "?"],
    ["api", "?", "/crm/v8/org"],
    ["api", "GET", "?"],
    ["api", "GET", "/crm/v8/org", "--emulator", "--scope", "?"],
    ["api", "GET", "/crm/v8/org", "--profile", "?"],
    ["api", "POST", "/crm/v8/Leads", "--emulator", "--data", "?"],
    ["emulator", "--port", "?"],
    ["emulator", "--host", "?"],
]


@pytest.mark.parametrize("words", thorough(PLACES, 8), ids=" ".join)
def test_odd_text_on_the_command_line_is_wrong_use(shell: Callable[..., int], words: list[str]) -> None:
    codes = {odd[:20]: shell(*(odd if word == "?" else word for word in words)) for odd in ODD_WORDS}

    assert set(codes.values()) <= {0, 2, 3}, codes


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000 + "]" * 100_000,
        "[" * 300 + "]" * 300,
        '{"data": [{"Last_Name": "\\ud800"}]}',
        '{"data": [{"Last_Name": "\udcff"}]}',
        '{"data": [{"Amount": NaN}]}',
        '{"data": [{"Amount": -Infinity}]}',
        '{"data": [{"Amount": 1e999}]}',
        '{"data": [{"Amount": ' + "9" * 5_000 + "}]}",
        '{"data": [{"Amount": ' + "9" * 30 + "}]}",
        "@a\x00b",
        "@" + "x" * 5_000,
        "@/",
    ],
)
def test_a_body_that_zoho_would_not_understand_is_wrong_use(shell: Callable[..., int], text: str) -> None:
    assert shell("api", "POST", "/crm/v8/Leads", "--emulator", "--data", text) == 2


@pytest.mark.parametrize("param", ["a=\udcff", "\udcff=a", "page=" + "9" * 5_000, "page=١", "page=x"])
def test_a_parameter_that_can_not_be_sent_is_wrong_use(shell: Callable[..., int], param: str) -> None:
    words = ["api", "GET", "/crm/v8/users", "--emulator", "--all"]
    assert shell(*words, "--param", param) == 2


def test_parameters_that_no_url_can_hold_are_an_error_of_the_call(shell: Callable[..., int]) -> None:
    assert shell("api", "GET", "/crm/v8/org", "--emulator", "--param", "a=" + "x" * 100_000) == 3


@pytest.mark.parametrize(
    "json", [{"a": "\ud800"}, {"a": 2**64}, {"a": math.nan}, {1: 2}, {"a": object()}, b"{}"]
)
def test_a_body_of_a_job_that_is_no_json_is_wrong_use(tmp_path: Path, json: Any) -> None:
    with rig(tmp_path, FakeZoho([records_answer(created())])) as wire, pytest.raises(UsageError):
        wire.crm.post("/crm/v8/settings/tags", json=json)

    assert wire.zoho.requests == []


@pytest.mark.parametrize("params", [{"a": None}, {"a": "\ud800"}, {"a": 10**5_000}, {"a": [1]}, {7: "a"}])
def test_parameters_of_a_job_that_can_not_be_sent_are_wrong_use(tmp_path: Path, params: Any) -> None:
    with rig(tmp_path) as wire, pytest.raises(UsageError):
        wire.crm.get("/crm/v8/settings/tags", params)

    assert wire.zoho.requests == []
