"""DESIGN 5 "Tokens", against an accounts server that answers as told."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.zoho.fakes import (
    API,
    SECRET,
    TOKEN,
    FakeZoho,
    Rig,
    created,
    records_answer,
    refused,
    rig,
    token_answer,
)
from zmigrate.errors import Outage, RefusedError, ScopeError, ZmigrateError
from zmigrate.events import Retrying, TokenAcquired, Waiting
from zmigrate.stopping import StopRequested
from zmigrate.zoho.answers import Call

GET = Call("GET", "/crm/v8/org", repeatable=True)
INSERT = Call("POST", "/crm/v8/Leads", content=b"{}", expect=1)
ORG = httpx.Response(200, json={"org": [{"id": "1", "zgid": "700"}]})
DEAD = refused("INVALID_TOKEN", 401)


def error_of(rig_: Rig) -> ZmigrateError:
    with pytest.raises(ZmigrateError) as caught:
        rig_.tokens.token()
    return caught.value


def test_credentials_go_in_the_form_body_and_not_in_the_url(tmp_path: Path) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return token_answer()

    zoho = FakeZoho(tokens=[answer])

    with rig(tmp_path, zoho, scopes=("ZohoCRM.modules.ALL", "ZohoCRM.org.READ")) as wire:
        wire.tokens.token()

    [request] = seen
    assert (request.method, str(request.url)) == ("POST", "https://accounts.zoho.com/oauth/v2/token")
    assert zoho.token_forms == [
        {
            "grant_type": "client_credentials",
            "client_id": "1000.CLIENT",
            "client_secret": SECRET,
            "scope": "ZohoCRM.modules.ALL,ZohoCRM.org.READ",
            "soid": "ZohoCRM.700",
        }
    ]


def test_calls_carry_the_token_and_go_to_its_api_domain(tmp_path: Path) -> None:
    zoho = FakeZoho([ORG], [token_answer(api_domain="https://sandbox.zohoapis.eu")])

    with rig(tmp_path, zoho) as wire:
        wire.transport.send(GET)

    [request] = zoho.requests
    assert str(request.url) == "https://sandbox.zohoapis.eu/crm/v8/org"
    assert request.headers["authorization"] == f"Zoho-oauthtoken {TOKEN}"


def test_one_token_serves_the_job_until_a_tenth_of_its_life_is_left(tmp_path: Path) -> None:
    with rig(tmp_path, FakeZoho(tokens=[token_answer(expires_in=1_000)])) as wire:
        wire.tokens.token()
        wire.time.passed = 899.0
        wire.tokens.token()
        assert (wire.tokens.acquired, wire.tokens.renewed) == (1, 0)

        wire.time.passed = 901.0
        wire.tokens.token()

        assert (wire.tokens.acquired, wire.tokens.renewed) == (2, 1)


def test_a_long_lived_token_is_renewed_five_minutes_ahead(tmp_path: Path) -> None:
    with rig(tmp_path, FakeZoho(tokens=[token_answer(expires_in=7_200)])) as wire:
        wire.tokens.token()
        wire.time.passed = 6_899.0
        wire.tokens.token()
        assert wire.tokens.acquired == 1

        wire.time.passed = 6_901.0
        wire.tokens.token()

        assert wire.tokens.acquired == 2


@pytest.mark.parametrize("code", ["INVALID_TOKEN", "AUTHENTICATION_FAILURE"])
def test_a_stray_refusal_of_a_live_token_is_answered_by_the_same_token_once_more(
    tmp_path: Path, code: str
) -> None:
    zoho = FakeZoho([refused(code, 401), records_answer(created())])

    with rig(tmp_path, zoho) as wire:
        answer = wire.transport.send(INSERT)

    assert answer.status == 201
    assert zoho.signed_with == [f"Zoho-oauthtoken {TOKEN}"] * 2
    assert (answer.attempts, wire.transport.sent, wire.tokens.acquired) == (1, 2, 1)


@pytest.mark.parametrize("code", ["INVALID_TOKEN", "AUTHENTICATION_FAILURE"])
def test_a_live_token_that_is_refused_twice_is_renewed_and_the_request_replayed_once(
    tmp_path: Path, code: str
) -> None:
    zoho = FakeZoho(
        replies=[refused(code, 401), refused(code, 401), records_answer(created())],
        tokens=[token_answer(), token_answer(access_token="1000.new.new")],
    )

    with rig(tmp_path, zoho) as wire:
        answer = wire.transport.send(INSERT)

    assert answer.status == 201
    assert zoho.signed_with == [
        f"Zoho-oauthtoken {TOKEN}",
        f"Zoho-oauthtoken {TOKEN}",
        "Zoho-oauthtoken 1000.new.new",
    ]
    assert zoho.bodies == [b"{}"] * 3
    assert (answer.attempts, wire.transport.sent, wire.tokens.renewed) == (1, 3, 1)


def test_a_token_that_has_lived_its_life_is_renewed_at_the_first_refusal(tmp_path: Path) -> None:
    def refuse_late(request: httpx.Request) -> httpx.Response:
        wire.time.passed += 3_600.0
        return DEAD

    zoho = FakeZoho([refuse_late, records_answer(created())])

    with rig(tmp_path, zoho) as wire:
        wire.transport.send(INSERT)

    assert (len(zoho.requests), wire.tokens.renewed) == (2, 1)


def test_a_fresh_token_that_is_refused_too_is_not_renewed_again(tmp_path: Path) -> None:
    zoho = FakeZoho(replies=[DEAD])

    with rig(tmp_path, zoho) as wire, pytest.raises(RefusedError, match="fresh token") as caught:
        wire.transport.send(INSERT)

    assert caught.value.code == "INVALID_TOKEN"
    assert "another data centre" in (caught.value.hint or "")
    assert len(zoho.requests) == 3, "twice with the first token, once with the new one"
    assert wire.tokens.acquired == 2


def test_a_request_with_an_old_generation_takes_the_new_token_instead_of_asking(tmp_path: Path) -> None:
    with rig(tmp_path) as wire:
        old = wire.tokens.token()
        new = wire.tokens.renew(old.generation)

        assert wire.tokens.renew(old.generation) is new

    assert wire.tokens.acquired == 2


def test_a_missing_scope_is_no_reason_to_renew(tmp_path: Path) -> None:
    zoho = FakeZoho(replies=[refused("OAUTH_SCOPE_MISMATCH", 401)])

    with rig(tmp_path, zoho) as wire, pytest.raises(ScopeError):
        wire.transport.send(INSERT)

    assert (len(zoho.requests), wire.tokens.acquired) == (1, 1)


def test_the_eleventh_token_within_ten_minutes_is_waited_for_and_said(tmp_path: Path) -> None:
    with rig(tmp_path) as wire:
        token = wire.tokens.token()
        for _ in range(9):
            token = wire.tokens.renew(token.generation)
        assert wire.stop.slept == []

        wire.tokens.renew(token.generation)

    [waiting] = wire.told(Waiting)
    assert waiting.why.endswith("are used up, and each command or step of a flow takes one")
    assert 599 < waiting.seconds < 601
    assert wire.time.passed >= 600
    assert len(wire.zoho.token_forms) == 11


def test_a_renewed_token_with_another_api_domain_stops_the_run(tmp_path: Path) -> None:
    zoho = FakeZoho(tokens=[token_answer(), token_answer(api_domain="https://www.zohoapis.eu")])

    with rig(tmp_path, zoho) as wire:
        token = wire.tokens.token()
        with pytest.raises(RefusedError, match=r"zohoapis\.eu") as caught:
            wire.tokens.renew(token.generation)
        assert caught.value.code == "API_DOMAIN_CHANGED"

        with pytest.raises(RefusedError, match=r"zohoapis\.eu"):
            wire.tokens.renew(token.generation)

    assert len(zoho.token_forms) == 2


@pytest.mark.parametrize(
    ("api_domain", "fault"),
    [
        ("https://www.zohoapis.com.evil.example", "not a host of Zoho"),
        ("http://www.zohoapis.com", "not https"),
        ("http://127.0.0.1:9", "this machine"),
        (..., "not https"),
        (17, "not https"),
    ],
)
def test_a_token_for_a_foreign_or_plain_api_domain_is_refused(
    tmp_path: Path, api_domain: object, fault: str
) -> None:
    zoho = FakeZoho(tokens=[token_answer(api_domain=api_domain)])

    with rig(tmp_path, zoho) as wire, pytest.raises(RefusedError, match=fault):
        wire.transport.send(GET)

    assert zoho.requests == []


def test_a_plain_api_domain_of_this_machine_is_good_when_accounts_is_this_machine(tmp_path: Path) -> None:
    zoho = FakeZoho(tokens=[token_answer(api_domain="http://127.0.0.1:9")])

    with rig(tmp_path, zoho, local=True) as wire:
        assert wire.tokens.token().api_domain == "http://127.0.0.1:9"


def test_granted_scopes_must_cover_what_was_asked_for(tmp_path: Path) -> None:
    zoho = FakeZoho(tokens=[token_answer(scope="ZohoCRM.modules.leads.READ")])

    with rig(tmp_path, zoho, scopes=("ZohoCRM.modules.leads.READ", "ZohoCRM.coql.READ")) as wire:
        error = error_of(wire)

    assert isinstance(error, ScopeError)
    assert "ZohoCRM.coql.READ" in error.message
    assert "leads" not in error.message


def test_granted_scopes_may_be_wider_and_in_another_letter_case(tmp_path: Path) -> None:
    zoho = FakeZoho(tokens=[token_answer(scope="zohocrm.modules.all ZohoCRM.settings.ALL")])
    scopes = ("ZohoCRM.modules.leads.CREATE", "ZohoCRM.settings.fields.READ")

    with rig(tmp_path, zoho, scopes=scopes) as wire:
        assert "zohocrm.modules.all" in wire.tokens.token().scopes


@pytest.mark.parametrize(
    ("changes", "life_s"),
    [
        ({"expires_in": 3600}, 3600),
        ({"expires_in": "1800"}, 1800),
        ({"expires_in": 3_600_000, "expires_in_sec": 3600}, 3600),
        ({"expires_in": 3_600_000}, 3600),
        ({"expires_in": 2}, 2),
        ({"expires_in": ...}, 3600),
        ({"expires_in": 0}, 3600),
        ({"expires_in": -5}, 3600),
        ({"expires_in": "soon"}, 3600),
        ({"expires_in": None}, 3600),
    ],
)
def test_the_life_of_a_token_is_read_in_whatever_shape_it_comes(
    tmp_path: Path, changes: dict[str, object], life_s: float
) -> None:
    with rig(tmp_path, FakeZoho(tokens=[token_answer(**changes)])) as wire:
        wire.tokens.token()

        assert wire.tokens.left_s() == life_s
        assert wire.told(TokenAcquired)[0].lifetime_s == life_s


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        ("invalid_client", RefusedError, "Self Client"),
        ("invalid_client_secret", RefusedError, "Client Secret"),
        ("invalid_scope", ScopeError, "spelling"),
        ("missing_org_info", RefusedError, "soid"),
        ("invalid_soid", RefusedError, "soid"),
        ("invalid_org", RefusedError, "soid"),
        ("unsupported_grant_type", RefusedError, "Self Client"),
        ("invalid_grant", RefusedError, "Self Client"),
        ("something_new", RefusedError, "documentation"),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_a_refusal_of_accounts_is_judged_by_its_body_and_says_what_to_do(
    tmp_path: Path, error: str, kind: type[ZmigrateError], says: str, status: int
) -> None:
    zoho = FakeZoho(tokens=[httpx.Response(status, json={"error": error})])

    with rig(tmp_path, zoho) as wire:
        caught = error_of(wire)
        again = error_of(wire)

    assert type(caught) is type(again) is kind
    assert (caught.code, caught.exit_code) == (error, 3)
    assert says in (caught.hint or "")
    assert len(zoho.token_forms) == 1, "what was refused is not asked for again"


THROTTLED = {
    "English": ("Access Denied", "You have made too many requests continuously."),
    "Chinese": ("拒绝访问", "您连续发出的请求过多。请稍后再试。"),
    "code": ("access_denied", "You have made too many requests continuously."),
}


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("said", [{"status": "failure"}, {}], ids=["with status", "without"])
@pytest.mark.parametrize("language", THROTTLED)
def test_throttling_is_known_in_any_language_and_waits_a_whole_window(
    tmp_path: Path, language: str, status: int, said: dict[str, str]
) -> None:
    error, text = THROTTLED[language]
    body = {"error_description": text, "error": error, **said}
    zoho = FakeZoho(tokens=[httpx.Response(status, json=body), token_answer()])

    with rig(tmp_path, zoho) as wire:
        wire.tokens.token()

    assert wire.time.passed >= 600
    assert wire.told(Waiting)
    assert len(zoho.token_forms) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"error": "invalid_client", "error_description": "The client is unknown"},
        {"error": "invalid_client", "error_description": "unknown", "status": "failure"},
        {"error": "access_denied"},
        {"error": "something_new", "error_description": "never seen"},
    ],
)
def test_a_refusal_with_a_description_is_not_taken_for_throttling(
    tmp_path: Path, body: dict[str, str]
) -> None:
    zoho = FakeZoho(tokens=[httpx.Response(200, json=body)])

    with rig(tmp_path, zoho) as wire:
        caught = error_of(wire)

    assert (caught.code, wire.time.passed) == (body["error"], 0)


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(200, html="<html>busy</html>"),
        httpx.Response(502, html="<html>bad gateway</html>"),
        httpx.Response(503, json={"error": "unavailable"}),
        httpx.Response(200, json={"error": "general_error"}),
        httpx.Response(200, json=["what"]),
        httpx.Response(200, content=b""),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"access_token": None}),
        httpx.ConnectError("no route"),
        httpx.ReadTimeout("silence"),
    ],
)
def test_a_transient_failure_of_accounts_is_asked_again_after_a_while(
    tmp_path: Path, reply: httpx.Response | Exception
) -> None:
    zoho = FakeZoho(tokens=[reply, reply, token_answer()])

    with rig(tmp_path, zoho) as wire:
        wire.tokens.token()

    assert wire.stop.slept == [1.0, 2.0]


def test_accounts_that_never_answers_is_an_outage_once_the_budget_is_spent(tmp_path: Path) -> None:
    zoho = FakeZoho(tokens=[httpx.ConnectError("no route")])

    with rig(tmp_path, zoho) as wire:
        error = error_of(wire)

    assert isinstance(error, Outage)
    assert 800 < wire.time.passed < 900
    assert len(zoho.token_forms) > 10, "what was never sent takes no place in the token limit"


def test_a_general_error_that_stays_is_taken_for_a_refusal(tmp_path: Path) -> None:
    zoho = FakeZoho(tokens=[httpx.Response(200, json={"error": "general_error"})])

    with rig(tmp_path, zoho) as wire:
        error = error_of(wire)

    assert isinstance(error, RefusedError)
    assert len(zoho.token_forms) == 4


def test_a_stop_while_waiting_for_a_token_raises_at_once(tmp_path: Path) -> None:
    zoho = FakeZoho(tokens=[httpx.Response(503)])

    with rig(tmp_path, zoho) as wire:
        wire.stop.before_sleep = wire.stop.request
        with pytest.raises(StopRequested):
            wire.tokens.token()

    assert len(zoho.token_forms) == 1


def test_revoking_gives_the_current_token_back_once(tmp_path: Path) -> None:
    with rig(tmp_path) as wire:
        assert wire.tokens.revoke() is False
        wire.tokens.token()

        assert wire.tokens.revoke() is True
        assert wire.tokens.revoke() is False

    assert wire.zoho.revoked == [TOKEN]


def test_an_answer_without_scopes_grants_what_was_asked(tmp_path: Path) -> None:
    with rig(tmp_path, FakeZoho(tokens=[token_answer(scope=...)])) as wire:
        assert wire.tokens.token().scopes == {"ZohoCRM.modules.ALL"}
        assert wire.tokens.token().api_domain == API


def test_it_tells_which_host_is_out_of_reach_and_how_long_it_is_tried(tmp_path: Path) -> None:
    with rig(tmp_path, FakeZoho(tokens=[httpx.ConnectError("no"), token_answer()])) as wire:
        wire.tokens.token()

    [retrying] = wire.told(Retrying)
    assert retrying.why == "can't reach https://accounts.zoho.com (ConnectError)"
    assert retrying.left_s == 900.0
