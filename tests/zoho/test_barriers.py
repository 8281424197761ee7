"""What can't pass by itself is told at once, with what to do: at the token, at the first call, and midway."""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.zoho.company_network import CA, CERTIFICATES, PAGE, Answer, Proxy, as_json, running, zoho
from tests.zoho.fakes import CREDENTIALS, FakeZoho, SlumberingStop, Time, rig, settings
from zmigrate.cli import main
from zmigrate.errors import ConfigError, InDoubt, Outage, RefusedError, ZmigrateError
from zmigrate.zoho.answers import Call
from zmigrate.zoho.backoff import Backoff
from zmigrate.zoho.barriers import barrier_of
from zmigrate.zoho.connection import Connection, connect
from zmigrate.zoho.wire import CONNECTIONS, HttpClient, Trouble, build_client, send

SCOPES = ("ZohoCRM.org.READ", "ZohoCRM.modules.ALL")
PASSWORD = "pa55word"
LEAD = {"Last_Name": "Doe"}


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The way to Zoho leads through a proxy whose CA is trusted."""
    for name in ("SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with running(Proxy()) as served:
        monkeypatch.setenv("HTTPS_PROXY", served.url.replace("//", f"//jo:{PASSWORD}@"))
        monkeypatch.setenv("SSL_CERT_FILE", str(CA))
        yield served


@contextmanager
def connection(folder: Path) -> Iterator[Connection]:
    time = Time()
    with connect(
        CREDENTIALS,
        SCOPES,
        settings=settings(folder, read_timeout_s=5.0),
        emit=lambda event: None,
        stop=SlumberingStop(time),
        backoff=Backoff(budget_s=60.0, uniform=lambda _low, high: high, monotonic=time.monotonic),
    ) as made:
        yield made


def refused_407(proxy: Proxy) -> None:
    proxy.refuses = (407, "Proxy Authentication Required")


def refused_403(proxy: Proxy) -> None:
    proxy.refuses = (403, "Forbidden")


def expired(proxy: Proxy) -> None:
    proxy.certificate = "expired"


def of_another_host(proxy: Proxy) -> None:
    proxy.certificate = "other"


def without_tls(proxy: Proxy) -> None:
    proxy.speaks_tls = False


def page(status: int, body: bytes = PAGE[2]) -> Callable[[Proxy], None]:
    def blocked(proxy: Proxy) -> None:
        proxy.answer = lambda path: (status, "text/html", body)

    return blocked


BARRIERS: list[tuple[Callable[[Proxy], None], str, str, str]] = [
    (refused_407, "PROXY_LOGIN", "wants another login (status 407)", "HTTPS_PROXY=http://USER:PASSWORD@"),
    (refused_403, "PROXY_REFUSED", "refuses to connect to", "allow"),
    (expired, "CERTIFICATE", "has expired", "Check the clock of this machine: it says 20"),
    (of_another_host, "CERTIFICATE", "belongs to another host", "in a browser"),
    (without_tls, "NO_TLS", "does not speak TLS", "write http:// there"),
    (page(200), "BLOCK_PAGE", "A web page comes instead of an answer", "login page of a Wi-Fi"),
    (page(403), "BLOCK_PAGE", "A web page comes instead of an answer", "firewall"),
    (page(302, b""), "BLOCK_PAGE", "A web page comes instead of an answer", "firewall"),
    (page(511), "BLOCK_PAGE", "A web page comes instead of an answer", "login page"),
]
IDS = [f"{code}-{number}" for number, (_, code, _, _) in enumerate(BARRIERS)]


@pytest.mark.parametrize(("put", "code", "said", "remedy"), BARRIERS, ids=IDS)
def test_at_the_token_it_is_wrong_use_of_the_machine_and_told_at_once(
    proxy: Proxy, tmp_path: Path, put: Callable[[Proxy], None], code: str, said: str, remedy: str
) -> None:
    put(proxy)
    with pytest.raises(ConfigError) as caught, connection(tmp_path):
        pass
    assert (caught.value.code, caught.value.exit_code) == (code, 2)
    assert said in caught.value.message
    assert "accounts.zoho.com" in caught.value.message
    assert remedy in str(caught.value.hint)
    assert PASSWORD not in f"{caught.value.message}{caught.value.hint}"
    assert proxy.connects == (3 if code == "BLOCK_PAGE" else 1)  # a page may be an accident


@pytest.mark.parametrize(("put", "code", "said", "remedy"), BARRIERS, ids=IDS)
def test_at_the_first_call_it_is_told_at_once_too(
    proxy: Proxy, tmp_path: Path, put: Callable[[Proxy], None], code: str, said: str, remedy: str
) -> None:
    with connection(tmp_path) as connected:
        put(proxy)
        proxy.connects = 0
        with pytest.raises(ConfigError) as caught:
            connected.crm.org()
        assert proxy.connects <= 3  # the call twice, and another one to compare with
    assert caught.value.code == code
    assert said in caught.value.message
    assert "www.zohoapis.com" in caught.value.message


@pytest.mark.parametrize(("put", "code", "said", "remedy"), BARRIERS, ids=IDS)
def test_midway_the_run_pauses_at_once_and_can_be_resumed(
    proxy: Proxy, tmp_path: Path, put: Callable[[Proxy], None], code: str, said: str, remedy: str
) -> None:
    with connection(tmp_path) as connected:
        connected.crm.org()
        put(proxy)
        proxy.connects = 0
        with pytest.raises(Outage) as caught:
            connected.crm.get("/crm/v8/Leads", {"fields": "id"})
        assert proxy.connects <= 3
    assert (caught.value.code, caught.value.exit_code) == (code, 4)
    assert remedy in str(caught.value.hint)


def test_a_self_signed_certificate_is_told_with_the_variable_for_the_companys_own(
    proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ConfigError) as caught, connection(tmp_path):
        pass
    assert caught.value.code == "CERTIFICATE"
    assert "not trusted by this machine" in caught.value.message
    assert "SSL_CERT_FILE=/path/to/ca.pem (REQUESTS_CA_BUNDLE and SSL_CERT_DIR" in str(caught.value.hint)
    assert proxy.connects == 1


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR"])
def test_a_companys_certificate_is_trusted_where_the_environment_names_it(
    proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    named = CA
    if variable == "SSL_CERT_DIR":
        named = tmp_path / "certificates"
        named.mkdir()
        (named / f"{subject_hash()}.0").write_bytes(CA.read_bytes())
    monkeypatch.setenv(variable, str(named))
    with connection(tmp_path / "state") as connected:
        assert connected.crm.org().name == "Acme"


def subject_hash() -> str:
    """The name under which OpenSSL looks the CA up in a folder, as `openssl rehash` gives it."""
    return "2d15fde1"


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR"])
@pytest.mark.parametrize(("content", "why"), [(None, "No such file"), ("hello", "it has no certificate")])
def test_certificates_that_are_not_there_are_named_with_their_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, content: str | None, why: str
) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    place = tmp_path / "ca.pem"
    if content is not None:
        place.write_text(content)
    monkeypatch.setenv(variable, str(place))
    with pytest.raises(ConfigError, match=f"{variable} names certificates.*{why}"):
        build_client(read_timeout_s=1.0)


@pytest.mark.parametrize(
    ("proxy_url", "said"),
    [
        (f"socks5://jo:{PASSWORD}@127.0.0.1:1", "pip install 'httpx[socks]'"),
        (f"ftp://jo:{PASSWORD}@127.0.0.1:1", "A proxy is given as http://HOST:PORT"),
        (f"http://jo:{PASSWORD}@127.0.0.1:port", "A proxy is given as http://HOST:PORT"),
    ],
)
def test_a_proxy_that_can_not_be_used_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy_url: str, said: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy_url)
    with pytest.raises(ConfigError) as caught:
        build_client(read_timeout_s=1.0)
    assert said in str(caught.value.hint)
    assert PASSWORD not in f"{caught.value.message}{caught.value.hint}"


# -- what is no barrier ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [502, 503, 504, 429])
def test_a_proxy_that_fails_for_a_while_is_tried_again(proxy: Proxy, tmp_path: Path, status: int) -> None:
    proxy.refuses = (status, f"Later, {PASSWORD}")
    with pytest.raises(Outage, match="No token within the time budget") as at_the_token, connection(tmp_path):
        pass
    assert proxy.connects > 3
    proxy.refuses = None
    with connection(tmp_path) as connected:
        proxy.refuses = (status, f"Later, {PASSWORD}")
        with pytest.raises(Outage, match="Not done within") as midway:
            connected.crm.org()
    for caught in (at_the_token, midway):
        assert caught.value.message.endswith(f".com (ProxyError {status}).")
        assert caught.value.hint == (
            "Check the network, the proxy (HTTPS_PROXY or ALL_PROXY) and status.zoho.com."
        )


def test_tunnels_that_break_before_tls_are_tried_again_for_as_long_as_it_takes(proxy: Proxy) -> None:
    """More of them than a pool has connections. A call in flight meanwhile is answered."""
    answered = threading.Event()

    def slow(path: str) -> Answer:
        if path == "/slow":
            answered.wait(30.0)
        return zoho(path)

    proxy.answer = slow
    with build_client(read_timeout_s=5.0) as client, ThreadPoolExecutor() as threads:
        request = httpx.Request("GET", "https://www.zohoapis.com/slow")
        long = threads.submit(send, client, request, None)
        while proxy.asked != ["/slow"]:
            time.sleep(0.01)
        proxy.drops = 3 * CONNECTIONS
        found = {str(told_of(client)) for _ in range(3 * CONNECTIONS)}
        assert found == {"ConnectError"}
        reply = send(client, httpx.Request("GET", "https://www.zohoapis.com/crm/v8/org"), None)
        assert isinstance(reply, httpx.Response)
        answered.set()
        assert isinstance(long.result(), httpx.Response)


def told_of(client: HttpClient) -> str:
    trouble = send(client, httpx.Request("GET", "https://www.zohoapis.com/crm/v8/org"), None)
    assert isinstance(trouble, Trouble)
    return trouble.why


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_page_of_a_server_that_fails_is_tried_again(proxy: Proxy, tmp_path: Path, status: int) -> None:
    with connection(tmp_path) as connected:
        page(status)(proxy)
        with pytest.raises(Outage, match="Not done within the time budget"):
            connected.crm.org()


@pytest.mark.parametrize("status", [404, 302])
def test_a_page_for_one_call_alone_is_this_calls_answer(proxy: Proxy, tmp_path: Path, status: int) -> None:
    """Such as Zoho's own page for a path that it does not know."""

    def answer(path: str) -> Answer:
        return (status, "text/html", b"<html>") if path == "/crm/v8/Nothing" else zoho(path)

    proxy.answer = answer
    with connection(tmp_path) as connected, pytest.raises(ZmigrateError) as caught:
        connected.crm.get("/crm/v8/Nothing")
    assert caught.value.code == f"HTTP_{status}"
    assert proxy.asked.count("/crm/v8/Nothing") == 1


def test_a_refusal_in_json_is_no_page(proxy: Proxy, tmp_path: Path) -> None:
    body = {"code": "NO_PERMISSION", "message": "permission denied", "status": "error", "details": {}}
    with connection(tmp_path) as connected:
        proxy.answer = lambda path: as_json(body, 403)
        with pytest.raises(RefusedError, match="NO_PERMISSION"):
            connected.crm.org()


def test_a_write_that_a_page_answers_with_success_is_in_doubt_and_a_refused_one_is_not(
    proxy: Proxy, tmp_path: Path
) -> None:
    with connection(tmp_path) as connected:
        connected.crm.org()
        page(200)(proxy)
        with pytest.raises(InDoubt):
            connected.crm.post("/crm/v8/Leads", json={"data": [LEAD]})
        page(403)(proxy)
        with pytest.raises(Outage) as caught:
            connected.crm.post("/crm/v8/Leads", json={"data": [LEAD]})
        assert not caught.value.maybe_applied
    assert proxy.asked.count("/crm/v8/Leads") == 2


# -- names of hosts ----------------------------------------------------------------------------------


def of_dns(number: int) -> httpx.ConnectError:
    error = httpx.ConnectError("no")
    error.__cause__ = socket.gaierror(number, "no")
    return error


def test_an_unknown_host_is_a_barrier_and_a_name_server_that_is_silent_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    unknown = barrier_of(of_dns(socket.EAI_NONAME), "accounts.zoho.con")
    assert unknown is not None
    assert unknown.what == "The host accounts.zoho.con is unknown."
    assert barrier_of(of_dns(socket.EAI_AGAIN), "accounts.zoho.com") is None
    assert barrier_of(of_dns(socket.EAI_FAIL), "accounts.zoho.com") is None


def test_midway_an_unknown_host_may_be_a_laptop_without_its_wifi() -> None:
    unknown = barrier_of(of_dns(socket.EAI_NONAME), "accounts.zoho.com")
    assert unknown is not None
    assert unknown.stops(reached_before=False)
    assert not unknown.stops(reached_before=True)


def test_midway_an_unknown_host_is_tried_again_and_told_with_its_remedy_at_last(tmp_path: Path) -> None:
    call = Call("GET", "/crm/v8/org", repeatable=True)
    answer = as_json({"org": [{"id": "1"}]})
    good = httpx.Response(200, content=answer[2])
    with rig(tmp_path, FakeZoho([good, of_dns(socket.EAI_NONAME), good, of_dns(socket.EAI_NONAME)])) as wire:
        wire.transport.send(call)
        assert wire.transport.send(call).attempts == 2
        with pytest.raises(Outage, match="within the time budget") as caught:
            wire.transport.send(call)
    assert "Check the internet connection" in str(caught.value.hint)


def test_at_the_beginning_an_unknown_host_is_told_at_once(tmp_path: Path) -> None:
    unknown = of_dns(socket.EAI_NONAME)
    for asked in (FakeZoho([unknown]), FakeZoho(tokens=[unknown])):
        with rig(tmp_path, asked) as wire, pytest.raises(ConfigError) as caught:
            wire.transport.send(Call("GET", "/crm/v8/org", repeatable=True))
        assert caught.value.code == "UNKNOWN_HOST"
        assert wire.stop.slept == []


def test_a_proxy_of_an_unknown_host_is_told_as_the_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://jo:{PASSWORD}@proxy.invalid:3128")
    unknown = barrier_of(of_dns(socket.EAI_NONAME), "accounts.zoho.com")
    assert unknown is not None
    assert unknown.what == "The proxy on the way to accounts.zoho.com has an unknown host."
    assert PASSWORD not in repr(unknown)


def test_a_proxy_that_is_not_there_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://jo:{PASSWORD}@127.0.0.1:{port}")
    with build_client(read_timeout_s=5.0) as client:
        trouble = send(client, httpx.Request("GET", "https://accounts.zoho.com/oauth/v2/token"), None)
    assert isinstance(trouble, Trouble)
    assert not trouble.sent
    assert trouble.barrier is not None
    assert trouble.barrier.what.startswith("Nothing answers at the address of the proxy")
    assert "HTTPS_PROXY" in trouble.barrier.hint
    assert PASSWORD not in repr(trouble)
    assert trouble.barrier.stops(reached_before=False)
    assert not trouble.barrier.stops(reached_before=True), "a proxy may be started anew"


def test_a_network_that_is_unreachable_may_come_back() -> None:
    error = httpx.ConnectError("no")
    error.__cause__ = OSError(101, os.strerror(101))
    assert barrier_of(error, "accounts.zoho.com") is None


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("Invalid username/password", "PROXY_LOGIN"),
        (
            "Requested NO AUTHENTICATION REQUIRED from proxy server, but got NO ACCEPTABLE METHODS.",
            "PROXY_LOGIN",
        ),
        ("Proxy Server could not connect: Connection not allowed by ruleset.", "PROXY_REFUSED"),
        ("Proxy Server could not connect: Host unreachable.", None),
    ],
)
def test_the_words_of_a_socks_proxy_are_understood(said: str, code: str | None) -> None:
    found = barrier_of(httpx.ProxyError(said), "accounts.zoho.com")
    assert (found and found.code) == code


# -- the command line --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", [["check"], ["plan", "import-csv", "leads.csv"], ["run", "import-csv", "leads.csv"]]
)
def test_a_command_says_it_in_one_line_and_leaves_no_run(
    proxy: Proxy,
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    client = {"CLIENT_ID": "1000.X", "CLIENT_SECRET": "secret", "SOID": "700", "DC": "US"}
    for name, value in client.items():
        monkeypatch.setenv(f"ZMIGRATE_{name}", value)
    (tmp_path / "leads.csv").write_text("Last_Name\nDoe\n")
    refused_407(proxy)
    to_leads = ["--module", "Leads", "--operation", "insert"] if len(words) > 1 else []
    assert main([*words, *to_leads, "--json"]) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["error"]["code"] == "PROXY_LOGIN"
    assert "trying again" not in told.err
    assert PASSWORD not in told.err + told.out
    assert list(tmp_path.glob(".zmigrate/runs/*")) == []


def test_the_certificates_of_these_tests_are_what_they_are_called() -> None:
    context = ssl.create_default_context(cafile=CA)
    assert context.cert_store_stats()["x509_ca"] == 1
    assert {path.name for path in CERTIFICATES.iterdir()} == {
        "ca.pem",
        "zoho.pem",
        "expired.pem",
        "other.pem",
    }
