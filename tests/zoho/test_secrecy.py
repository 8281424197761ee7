"""No secret and no token in any repr, log, exception text or traceback, even one that shows locals."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.zoho.conftest import LocalZohoFactory
from tests.zoho.fakes import CREDENTIALS, SECRET, TOKEN, FakeZoho, Rig, refused, rig, token_answer
from zmigrate.stopping import StopRequested
from zmigrate.zoho.answers import Call

INSERT = Call("POST", "/crm/v8/Leads", content=b"{}", expect=1)
HIDDEN = (SECRET, TOKEN, "aaaabbbb", "ccccdddd")


def everything_of(error: BaseException) -> str:
    """All that a crash report could show: the chain of causes and contexts, suppressed or not, and locals."""
    parts: list[str] = []
    seen: set[int] = set()
    queue: list[BaseException | None] = [error]
    while queue:
        one = queue.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        shown = traceback.TracebackException.from_exception(one, capture_locals=True)
        parts += ["".join(shown.format()), repr(one), str(vars(one))]
        queue += [one.__cause__, one.__context__]
    return "\n".join(parts)


def wire_frames(text: str) -> str:
    """The report without the frames of this test file, whose locals hold the fake's own secrets."""
    kept: list[str] = []
    keep = True
    for line in text.splitlines():
        if line.startswith("  File "):
            keep = "/tests/" not in line and "mock.py" not in line
        if keep:
            kept.append(line)
    return "\n".join(kept)


def failure(work: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - any failure at all
        work()
    return caught.value


FAILURES: dict[str, tuple[httpx.Response | Exception, httpx.Response | Exception]] = {
    "accounts can't be reached": (httpx.ConnectError("no"), httpx.Response(500)),
    "accounts breaks off": (httpx.ReadError("no"), httpx.Response(500)),
    "accounts refuses": (httpx.Response(200, json={"error": "invalid_client"}), httpx.Response(500)),
    "accounts echoes the secret": (
        httpx.Response(400, json={"error": f"bad {SECRET}", "message": SECRET}),
        httpx.Response(500),
    ),
    "accounts answers rubbish": (httpx.Response(200, text=f"<html>{SECRET}"), httpx.Response(500)),
    "the token is for another host": (token_answer(api_domain="https://evil.example"), httpx.Response(500)),
    "the token lacks scopes": (token_answer(scope="ZohoCRM.org.READ"), httpx.Response(500)),
    "the connection breaks": (token_answer(), httpx.ReadError("reset")),
    "zoho can't be reached": (token_answer(), httpx.ConnectError("no")),
    "the answer times out": (token_answer(), httpx.ReadTimeout("slow")),
    "zoho refuses the token": (token_answer(), refused("INVALID_TOKEN", 401)),
    "zoho refuses the call": (token_answer(), refused("INVALID_MODULE", 400)),
    "zoho answers rubbish": (token_answer(), httpx.Response(201, text=TOKEN)),
}


@pytest.mark.parametrize("what", FAILURES)
def test_no_secret_in_a_traceback_even_with_locals(tmp_path: Path, what: str) -> None:
    tokens, reply = FAILURES[what]

    with rig(tmp_path, FakeZoho([reply], [tokens])) as wire:
        error = failure(lambda: wire.transport.send(INSERT))

    report = everything_of(error)
    assert "transport.py" in report or "oauth.py" in report
    for hidden in HIDDEN:
        assert hidden not in wire_frames(report)
        assert hidden not in str(error)
        assert hidden not in str(getattr(error, "hint", ""))


@pytest.mark.parametrize("what", ["the connection breaks", "the answer times out", "accounts breaks off"])
def test_an_error_of_the_wire_carries_no_httpx_exception_along(tmp_path: Path, what: str) -> None:
    tokens, reply = FAILURES[what]

    with rig(tmp_path, FakeZoho([reply], [tokens])) as wire:
        error: BaseException | None = failure(lambda: wire.transport.send(INSERT))

    while error is not None:
        assert not isinstance(error, httpx.HTTPError)
        error = error.__cause__ or error.__context__


def test_a_renewal_that_is_refused_in_the_middle_of_a_request_shows_nothing(tmp_path: Path) -> None:
    zoho = FakeZoho(
        [refused("INVALID_TOKEN", 401)],
        [token_answer(), httpx.Response(200, json={"error": "invalid_client"})],
    )

    with rig(tmp_path, zoho) as wire:
        error = failure(lambda: wire.transport.send(INSERT))

    report = wire_frames(everything_of(error))
    assert "sync_auth_flow" in report
    for hidden in HIDDEN:
        assert hidden not in report


def test_a_stop_in_a_backoff_shows_nothing_either(tmp_path: Path) -> None:
    with rig(tmp_path, FakeZoho([httpx.ConnectError("no")])) as wire:
        wire.stop.before_sleep = wire.stop.request
        error = failure(lambda: wire.transport.send(INSERT))

    assert isinstance(error, StopRequested)
    for hidden in HIDDEN:
        assert hidden not in wire_frames(everything_of(error))


def shown(wire: Rig) -> str:
    parts = (wire.tokens, wire.tokens.token(), wire.transport, wire.crm, wire.credits, CREDENTIALS)
    return " ".join([*map(repr, parts), *map(repr, wire.events), *map(str, parts)])


def test_no_secret_in_the_repr_of_anything_nor_in_events(tmp_path: Path) -> None:
    with rig(tmp_path) as wire:
        answer = wire.transport.send(INSERT)

        for hidden in HIDDEN:
            assert hidden not in shown(wire) + repr(answer)


def test_no_secret_in_any_file_of_the_state_folder(tmp_path: Path) -> None:
    with rig(tmp_path) as wire:
        wire.transport.send(INSERT)
        wire.tokens.revoke()

    text = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).decode()
    assert text
    for hidden in HIDDEN:
        assert hidden not in text


def test_nothing_is_logged_even_when_everything_is_listened_to(
    local_zoho: LocalZohoFactory, caplog: pytest.LogCaptureFixture
) -> None:
    zoho = local_zoho()

    with caplog.at_level(logging.DEBUG), zoho.connect() as connection:
        connection.crm.org()
        secret, token = zoho.emulator.client_secret, connection.tokens.token().value.reveal()

    assert [record for record in caplog.records if record.name.startswith(("httpx", "httpcore"))] == []
    assert secret not in caplog.text
    assert token not in caplog.text


def test_a_broken_connection_over_a_real_socket_shows_nothing(local_zoho: LocalZohoFactory) -> None:
    zoho = local_zoho()
    connection = zoho.connect()
    token = connection.tokens.token().value.reveal()
    zoho.order("script", [{"path": "/crm/v8/org", "fault": "reset", "times": 9}])

    error = failure(lambda: connection.crm.post("/crm/v8/org", json={"a": 1}))

    report = wire_frames(everything_of(error))
    assert token not in report
    assert zoho.emulator.client_secret not in report


def test_an_unexpected_error_in_a_thread_prints_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The default hook prints a traceback without locals; what it prints must be clean too."""
    with rig(tmp_path, FakeZoho([httpx.ReadError("reset")])) as wire:

        def work() -> None:
            try:
                wire.transport.send(INSERT)
            except Exception:
                traceback.print_exc(file=sys.stderr)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    printed = capsys.readouterr().err
    assert "InDoubt" in printed
    for hidden in HIDDEN:
        assert hidden not in printed
