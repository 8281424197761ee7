"""The token endpoint: what it grants, what it refuses and how, its limits, revoking."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.emulator.zoho import Zoho, lead

MINTED_AT_LOGIN = 1


def test_a_token_names_its_scopes_with_spaces_and_the_api_domain(zoho: Zoho) -> None:
    answer = zoho.ask_token(["ZohoCRM.modules.leads.READ", "ZohoCRM.org.READ"])

    body = answer.json()
    assert answer.status_code == 200
    assert body.pop("access_token").startswith("1000.")
    assert body == {
        "scope": "ZohoCRM.modules.leads.READ ZohoCRM.org.READ",
        "api_domain": zoho.emulator.url,
        "token_type": "Bearer",
        "expires_in": 3600,
    }


def test_parameters_are_taken_from_the_query_and_from_a_multipart_form_too(zoho: Zoho) -> None:
    in_query = zoho.http.post("/oauth/v2/token", params=zoho.form())
    multipart = zoho.http.post(
        "/oauth/v2/token", files={name: (None, value) for name, value in zoho.form().items()}
    )

    assert "access_token" in in_query.json()
    assert "access_token" in multipart.json()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_code"),
        ({"client_id": "1000.OTHER"}, "invalid_client"),
        ({"client_id": None}, "invalid_client"),
        ({"client_secret": "wrong"}, "invalid_client_secret"),
        ({"scope": "ZohoCRM.modules.leads.RAED"}, "invalid_scope"),
        ({"scope": "ZohoCRM.modules.legacy_assets.READ"}, "invalid_scope"),
        ({"scope": "ZohoCRM.modules.ALL ZohoCRM.org.READ"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"soid": None}, "missing_org_info"),
        ({"soid": "ZohoDesk.123"}, "missing_org_info"),
        ({"soid": "ZohoCRM.123"}, "invalid_soid"),
    ],
)
def test_a_refusal_stands_in_the_body_of_a_200(zoho: Zoho, change: dict[str, str], error: str) -> None:
    answer = zoho.ask_token(**change)

    assert (answer.status_code, answer.json()) == (200, {"error": error})


def test_the_status_of_refusals_is_a_switch(zoho: Zoho) -> None:
    zoho.set(token_error_status=400)

    assert zoho.ask_token(client_secret="wrong").status_code == 400


def test_the_name_of_the_refusal_of_an_unknown_org_is_a_switch(zoho: Zoho) -> None:
    zoho.set(wrong_org_error="invalid_org")

    assert zoho.ask_token(soid="ZohoCRM.123").json() == {"error": "invalid_org"}


def test_letter_case_of_the_service_in_soid_is_a_switch(zoho: Zoho) -> None:
    digits = zoho.emulator.soid.partition(".")[2]
    assert "access_token" in zoho.ask_token(soid=f"zohocrm.{digits}").json()

    zoho.set(soid_case_sensitive=True)

    assert zoho.ask_token(soid=f"zohocrm.{digits}").json() == {"error": "missing_org_info"}
    assert "access_token" in zoho.ask_token().json()


def test_the_orgs_record_id_is_no_soid(zoho: Zoho) -> None:
    org_id = zoho.get("/org").json()["org"][0]["id"]

    assert zoho.ask_token(soid=f"ZohoCRM.{org_id}").json() == {"error": "invalid_soid"}


def test_a_scope_that_the_client_may_not_have_is_invalid(zoho: Zoho) -> None:
    zoho.set(allowed_scopes="ZohoCRM.modules.ALL, ZohoCRM.org.READ")

    assert "access_token" in zoho.ask_token(["ZohoCRM.modules.leads.CREATE"]).json()
    assert zoho.ask_token(["ZohoCRM.users.READ"]).json() == {"error": "invalid_scope"}


def test_the_eleventh_token_in_ten_minutes_is_denied_with_400(zoho_with: Callable[..., Zoho]) -> None:
    zoho = zoho_with()
    for _ in range(10 - MINTED_AT_LOGIN):
        assert "access_token" in zoho.ask_token().json()

    answer = zoho.ask_token()

    assert answer.status_code == 400
    assert answer.json() == {
        "error_description": "You have made too many requests continuously."
        " Please try again after some time.",
        "error": "Access Denied",
        "status": "failure",
    }


def test_the_window_of_tokens_slides(zoho: Zoho) -> None:
    zoho.set(token_limit=1, token_window_s=0.0)

    assert "access_token" in zoho.ask_token().json()


def test_text_and_status_of_throttling_are_switches(zoho: Zoho) -> None:
    zoho.set(token_limit=1, throttle_language="zh", throttle_status=200)

    answer = zoho.ask_token()

    assert answer.status_code == 200
    assert answer.json()["status"] == "failure"
    assert answer.json()["error"] == "拒绝访问"


@pytest.mark.parametrize("status", [200, 400])
def test_a_throttled_client_may_be_told_so_without_the_key_status(zoho: Zoho, status: int) -> None:
    zoho.set(token_limit=1, throttle_status=status, throttle_bare=True)

    answer = zoho.ask_token()

    assert answer.status_code == status
    assert answer.json().keys() == {"error", "error_description"}


def test_the_sixteenth_active_token_drops_the_oldest(zoho: Zoho) -> None:
    first = zoho.http.headers["Authorization"]
    for _ in range(15 - MINTED_AT_LOGIN):
        zoho.ask_token()
    assert zoho.get("/org").status_code == 200

    zoho.ask_token()

    assert zoho.http.headers["Authorization"] == first
    assert zoho.get("/org").json()["code"] == "INVALID_TOKEN"


def test_a_token_ends_with_its_life(zoho: Zoho) -> None:
    zoho.set(token_life_s=0.0)
    zoho.login()

    answer = zoho.get("/org")

    assert answer.status_code == 401
    assert answer.json() == {
        "code": "INVALID_TOKEN",
        "details": {},
        "message": "invalid oauth token",
        "status": "error",
    }


def test_the_code_for_a_dead_token_is_a_switch(zoho: Zoho) -> None:
    zoho.set(token_life_s=0.0, dead_token_code="AUTHENTICATION_FAILURE")
    zoho.login()

    answer = zoho.get("/org")

    assert (answer.status_code, answer.json()["code"]) == (401, "AUTHENTICATION_FAILURE")


def test_a_revoked_token_is_dead_and_a_second_revoking_refused(zoho: Zoho) -> None:
    token = zoho.login()

    revoked = zoho.http.post("/oauth/v2/token/revoke", params={"token": token})
    again = zoho.http.post("/oauth/v2/token/revoke", data={"token": token})

    assert (revoked.status_code, revoked.json()) == (200, {"status": "success"})
    assert again.status_code == 400
    assert zoho.get("/org").json()["code"] == "INVALID_TOKEN"
    assert zoho.control("stats")["revoked"] == 1


def test_another_api_domain_can_be_told(zoho: Zoho) -> None:
    zoho.set(api_domain="https://evil.example.com")

    assert zoho.ask_token().json()["api_domain"] == "https://evil.example.com"


def test_a_wrong_path_answers_with_a_page(zoho: Zoho) -> None:
    answer = zoho.http.get("/oauth/v2/token")

    assert answer.status_code == 404
    assert "<html" in answer.text


def test_secrets_are_not_in_the_options_repr(zoho_with: Callable[..., Zoho]) -> None:
    zoho = zoho_with(client_secret="hush-hush")

    assert "hush-hush" not in repr(zoho.emulator.options)
    assert zoho.emulator.client_secret == "hush-hush"


@pytest.mark.parametrize("code", ["INVALID_TOKEN", "AUTHENTICATION_FAILURE"])
def test_a_good_token_can_be_refused_now_and_then_with_either_code(zoho: Zoho, code: str) -> None:
    zoho.script({"path": "/crm/v8/org", "fault": "401", "code": code, "times": 2})

    answers = [zoho.get("/org") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 200]
    assert [answer.json().get("code") for answer in answers] == [code, code, None]


@pytest.mark.parametrize("code", ["INVALID_TOKEN", "AUTHENTICATION_FAILURE"])
def test_a_good_token_can_be_refused_by_rate_with_either_code(zoho: Zoho, code: str) -> None:
    zoho.set(rate_401=1.0, dead_token_code=code)
    refused = zoho.get("/org")
    zoho.set(rate_401=0.0)

    assert (refused.status_code, refused.json()["code"]) == (401, code)
    assert zoho.get("/org").status_code == 200


@pytest.mark.parametrize("code", ["INVALID_TOKEN", "AUTHENTICATION_FAILURE"])
def test_every_token_can_be_refused_a_new_one_too(zoho: Zoho, code: str) -> None:
    zoho.set(refuse_tokens=True, dead_token_code=code)
    zoho.login()

    refused = [zoho.get("/org"), zoho.insert([lead(1)])]

    assert [(one.status_code, one.json()["code"]) for one in refused] == [(401, code)] * 2
    assert zoho.control("audit", module="Leads")["creates"] == 0
    zoho.set(refuse_tokens=False)
    assert zoho.get("/org").status_code == 200
