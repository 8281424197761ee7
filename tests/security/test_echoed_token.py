"""Whatever Zoho, or a proxy in its place, echoes: nobody sees a token or the client secret."""

from __future__ import annotations

import html
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.support import QUICK, file_job, leads, write_rows
from tests.zoho.fakes import CREDENTIALS, SECRET, TOKEN, FakeZoho, created, rig, token_answer
from zmigrate.cli import main
from zmigrate.config import Credentials, Secret
from zmigrate.engine.entry import run
from zmigrate.errors import ZmigrateError
from zmigrate.job.writes import Insert
from zmigrate.zoho.answers import Call
from zmigrate.zoho.redaction import Redactor

EARLIER = "1000.1111222233334444.5555666677778888"
LATER = "1000.9999aaaabbbbcccc.ddddeeeeffff0000"
CLIENT_SECRET = "s3cr3t/with+odd&chars=é"


def spellings(secret: str) -> dict[str, str]:
    """A secret as text in an answer, after the JSON around it has been read."""
    return {
        "raw": secret,
        "in a sentence": f"Bearer {secret}, which is bad",
        "percent-encoded": quote(secret, safe=""),
        "percent-encoded whole": "".join(f"%{byte:02x}" for byte in secret.encode()),
        "in capitals of hexadecimal": "".join(f"%{byte:02X}" for byte in secret.encode()),
        "JSON in JSON": json.dumps({"token": secret}),
        "JSON in JSON, slashes escaped": json.dumps(secret).replace("/", "\\/"),
        "escaped whole": "".join(f"\\u{ord(letter):04x}" for letter in secret),
        "JSON in JSON in JSON": json.dumps(json.dumps("".join(f"\\u{ord(each):04x}" for each in secret))),
        "HTML": html.escape(secret),
        "HTML whole": "".join(f"&#{ord(letter)};" for letter in secret),
    }


@pytest.mark.parametrize("secret", [EARLIER, CLIENT_SECRET])
@pytest.mark.parametrize("how", spellings("x" * 9))
def test_a_secret_is_hidden_in_every_spelling_and_the_rest_stays(secret: str, how: str) -> None:
    redactor = Redactor()
    redactor.add(Secret(secret))
    text = spellings(secret)[how]

    hidden = redactor.redacted({"message": f"before {text} after", "list": [[text]], text: 1})

    assert secret not in json.dumps(hidden, ensure_ascii=False)
    assert hidden["message"].startswith("before ")
    assert hidden["message"].endswith(" after")
    assert "***" in hidden["list"][0][0]
    assert secret[4:] not in str(hidden)


def test_text_that_holds_no_secret_stays_as_it_is() -> None:
    redactor = Redactor()
    redactor.add(Secret(EARLIER))
    body = {"a": ["100 % & more", "C:\\temp", 1, None, {"b": EARLIER[:-1]}]}

    assert redactor.redacted(json.loads(json.dumps(body))) == body


def test_a_word_too_short_to_be_a_secret_hides_nothing() -> None:
    redactor = Redactor()
    redactor.add(Secret("Leads"))

    assert redactor.redacted({"message": "Leads"}) == {"message": "Leads"}


def test_a_hostile_text_is_looked_through_in_no_time() -> None:
    redactor = Redactor()
    redactor.add(Secret("\\" * 20 + EARLIER))
    for mark in ("\\", "%", "&#0", "1"):
        redactor.redacted([mark * 300_000])


INSERT = Call("POST", "/crm/v8/Leads", content=b"{}", expect=1)
UPSERT_OF_TWO = Call("POST", "/crm/v8/Leads/upsert", content=b"{}", expect=2, brief=True)


def refusal(text: str) -> dict[str, Any]:
    details = {"api_name": text, "reason": text, "permissions": [text]}
    return {"code": text, "message": text, "status": "error", "details": details}


@pytest.mark.parametrize("how", spellings("x" * 9))
@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_never_shows_the_token_or_the_secret(tmp_path: Path, how: str, status: int) -> None:
    text = spellings(TOKEN)[how] + " " + spellings(SECRET)[how]
    reply = httpx.Response(status, json=refusal(text))

    with rig(tmp_path, FakeZoho([reply])) as wire, pytest.raises(ZmigrateError) as caught:
        wire.transport.send(INSERT)

    shown = f"{caught.value} {caught.value.hint} {caught.value.code}"
    assert not any(each in shown for each in (TOKEN, SECRET, text))


def test_the_bytes_of_an_answer_may_escape_every_letter(tmp_path: Path) -> None:
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in TOKEN)
    body = f'{{"code": "X", "status": "error", "message": "{escaped}", "details": {{}}}}'
    reply = httpx.Response(400, content=body.encode())

    with rig(tmp_path, FakeZoho([reply])) as wire, pytest.raises(ZmigrateError) as caught:
        wire.transport.send(INSERT)

    assert TOKEN not in str(caught.value)
    assert "***" in str(caught.value)


def test_a_success_told_in_brief_is_looked_at_too(tmp_path: Path) -> None:
    elements = [{**created(1), "action": "update", "duplicate_field": TOKEN}, created(2)]
    reply = httpx.Response(200, json={"data": elements})

    with rig(tmp_path, FakeZoho([reply])) as wire:
        answer = wire.transport.send(UPSERT_OF_TWO)

    assert TOKEN not in repr(answer)
    assert answer.body["data"][0]["duplicate_field"] == "***"


def test_a_record_that_is_read_shows_no_token(tmp_path: Path) -> None:
    reply = httpx.Response(200, json={"data": [{"id": "1", "Description": TOKEN, TOKEN: 1}]})

    with rig(tmp_path, FakeZoho([reply])) as wire:
        assert wire.crm.get("/crm/v8/Leads/1") == {"data": [{"id": "1", "Description": "***", "***": 1}]}


def test_a_token_from_before_the_renewal_is_hidden_too(tmp_path: Path) -> None:
    dead = httpx.Response(401, json={"code": "INVALID_TOKEN", "status": "error", "message": "x"})
    echo = httpx.Response(400, json=refusal(f"{EARLIER} {LATER}"))
    zoho = FakeZoho(
        [dead, dead, echo], [token_answer(access_token=EARLIER), token_answer(access_token=LATER)]
    )

    with rig(tmp_path, zoho) as wire, pytest.raises(ZmigrateError) as caught:
        wire.transport.send(INSERT)

    assert len(zoho.requests) == 3
    assert EARLIER not in str(caught.value)
    assert LATER not in str(caught.value)


def test_tokens_of_an_earlier_connection_of_this_process_are_hidden_too(tmp_path: Path) -> None:
    """Each step of a flow gets a token of its own with the same credentials."""
    with rig(tmp_path, FakeZoho(tokens=[token_answer(access_token=EARLIER)])) as wire:
        wire.transport.send(INSERT)
    echo = httpx.Response(400, json=refusal(EARLIER))

    with rig(tmp_path, FakeZoho([echo])) as wire, pytest.raises(ZmigrateError) as caught:
        wire.transport.send(INSERT)

    assert EARLIER not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": f"ZohoCRM.org.READ {SECRET} {LATER}"},
        {"access_token": ..., "error": "invalid_" + SECRET},
        {"api_domain": f"https://{LATER}.zohoapis.com"},
        {"api_domain": f"https://{SECRET}.zohoapis.com"},
    ],
)
def test_the_token_endpoint_may_echo_too(tmp_path: Path, changes: dict[str, Any]) -> None:
    answer = token_answer(**{"access_token": LATER, **changes})
    shown = ""

    with rig(tmp_path, FakeZoho(tokens=[answer])) as wire:
        try:
            wire.tokens.token()
        except ZmigrateError as error:
            shown = f"{error} {error.hint}"
        shown += repr(wire.events) + wire.tokens.api_domain + repr(wire.tokens.scopes)

    assert LATER not in shown
    assert SECRET not in shown


@pytest.mark.parametrize(
    "token", ["", "a b", "a\r\nX-Evil: 1", "é" * 20, "\x00" * 9, "x" * 5_000, 7, None, ["x"]]
)
def test_a_token_that_no_header_can_hold_is_no_token(tmp_path: Path, token: Any) -> None:
    zoho = FakeZoho(tokens=[token_answer(access_token=token)])
    with rig(tmp_path, zoho) as wire, pytest.raises(ZmigrateError) as caught:
        wire.tokens.token()

    assert caught.value.exit_code in {3, 4}


# -- over a real socket, into files and onto the terminal --------------------------------------------------


class Echoing(BaseHTTPRequestHandler):
    """A Zoho that puts what it is sent into all that it answers."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["content-length"])).decode()
        if self.path.startswith("/oauth"):
            self._answer(200, {"access_token": EARLIER, "api_domain": self.server.url, "expires_in": 3600})
            return
        if self.path == "/crm/v8/coql":
            self._answer(204, None)
            return
        records = json.loads(form)["data"]
        self._answer(400, {"data": [refusal(self._echo()) for _ in records]})

    def do_GET(self) -> None:
        if self.path == "/crm/v8/org":
            org = {"id": "1", "zgid": "700", "company_name": self._echo(), "type": "sandbox"}
            self._answer(200, {"org": [org]})
        elif self.path.startswith("/crm/v8/settings/fields"):
            names = ("Legacy_ID", "Last_Name", "Company", "Email")
            writable = {"operation_type": {"api_create": True, "api_update": True}}
            fields = [{"api_name": name, "data_type": "text", **writable} for name in names]
            self._answer(200, {"fields": [] if "unused" in self.path else fields})
        else:
            self._answer(404, refusal(self._echo()))

    def _echo(self) -> str:
        sent = self.headers.get("authorization", "").split()[-1]
        return f"{sent} {quote(CLIENT_SECRET, safe='')} {json.dumps(CLIENT_SECRET)}"

    def _answer(self, status: int, body: Any) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def echoing(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The base URL of an echoing Zoho, to which the environment points."""
    server: Any = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Handler", (Echoing,), {"secret": CLIENT_SECRET})
    )
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    for name, value in {
        **QUICK,
        "ZMIGRATE_CLIENT_ID": "1000.CLIENT",
        "ZMIGRATE_CLIENT_SECRET": CLIENT_SECRET,
        "ZMIGRATE_SOID": "700",
        "ZMIGRATE_ACCOUNTS_URL": server.url,
    }.items():
        monkeypatch.setenv(name, value)
    try:
        yield server.url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def hidden_in(text: str) -> bool:
    every = (EARLIER, CLIENT_SECRET, quote(CLIENT_SECRET, safe=""), json.dumps(CLIENT_SECRET)[1:-1])
    return not any(each in text for each in every)


def test_no_file_of_a_run_holds_what_zoho_echoed(
    tmp_path: Path, echoing: str, caplog: pytest.LogCaptureFixture
) -> None:
    job = file_job(Insert("Leads"), write_rows(tmp_path / "leads.csv", leads(3)))
    credentials = Credentials("1000.CLIENT", Secret(CLIENT_SECRET), "ZohoCRM.700", echoing, "the test")

    with caplog.at_level(logging.DEBUG):
        result = run(job, credentials=credentials, folder=tmp_path, environ=QUICK, yes=True)

    assert result.rows.failed == 3
    files = {
        path.name: path.read_bytes().decode("utf-8", "replace")
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert "***" in files["errors.csv"]
    assert [name for name, text in files.items() if not hidden_in(text)] == []
    assert hidden_in(caplog.text + repr(result))


@pytest.mark.parametrize(
    "words",
    [
        ["api", "GET", "/crm/v8/org"],
        ["api", "GET", "/crm/v8/Leads/1"],
        ["api", "POST", "/crm/v8/Leads", "--data", '{"data": [{"Last_Name": "Ada"}]}', "--yes"],
        ["api", "GET", "/crm/v8/Leads/1", "--json"],
        ["check"],
        ["check", "--json"],
        ["fields", "Leads"],
    ],
)
def test_no_command_shows_what_zoho_echoed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    echoing: str,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    main(words)

    shown = capsys.readouterr()
    assert "***" in shown.out + shown.err or words[0] == "fields"
    assert hidden_in(shown.out + shown.err)


def test_credentials_show_neither_in_their_repr() -> None:
    assert SECRET not in repr(CREDENTIALS)
    assert TOKEN not in repr(CREDENTIALS.redactor)
