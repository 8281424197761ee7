"""Zoho Accounts: access tokens for client credentials, with refusals and limits; and their revocation.

Facts: Accounts docs "client credentials flow", Kaizen #164, CRM docs v8 "token validity". A refusal is an
HTTP 200 with an error in its body; throttling is a 400.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass

from .answers import Answer, Json, json_answer
from .clock import Clock
from .options import Options
from .scopes import any_covers, exists

THROTTLED = {
    "en": (
        "Access Denied",
        "You have made too many requests continuously. Please try again after some time.",
    ),
    "zh": ("拒绝访问", "您连续发出的请求过多。请稍后再试。"),
    "de": (
        "Zugriff verweigert",
        "Sie haben fortlaufend zu viele Anfragen gestellt. Versuchen Sie es später erneut.",
    ),
}
HTML = b"<!DOCTYPE html>\n<html><head><title>Zoho Accounts</title></head><body>Invalid request</body></html>"
CLIENT_CREDENTIALS = "client_credentials"
SERVICE = "ZohoCRM"
OTHER_GRANTS = frozenset({"authorization_code", "refresh_token"})


@dataclass(frozen=True, slots=True)
class Token:
    """An access token: its scopes in lower case, and its end in the clock's steady seconds."""

    scopes: frozenset[str]
    ends_at: float


class Accounts:
    """Makes, checks and revokes the access tokens of one client of one org."""

    def __init__(self, clock: Clock, client_id: str, client_secret: str, zgid: str) -> None:
        self._clock = clock
        self.client_id = client_id
        self.client_secret = client_secret
        self._zgid = zgid
        self._tokens: OrderedDict[str, Token] = OrderedDict()
        self._minted: deque[float] = deque()
        self._allowed: dict[tuple[frozenset[str], str], bool] = {}
        self.requests = 0
        self.refused = 0
        self.revoked = 0
        self.granted: list[list[str]] = []

    def mint(self, form: Mapping[str, str], options: Options, own_url: str) -> Answer:
        """`POST /oauth/v2/token`. `form` has the parameters of body and query."""
        self.requests += 1
        error = self._client_error(form)
        if error:
            return self._refuse(error, options)
        now = self._clock.steady()
        while self._minted and self._minted[0] <= now - options.token_window_s:
            self._minted.popleft()
        if len(self._minted) >= options.token_limit:
            self.refused += 1
            title, description = THROTTLED[options.throttle_language]
            body = {"error_description": description, "error": title}
            if not options.throttle_bare:
                body["status"] = "failure"
            return json_answer(body, options.throttle_status)
        error = self._request_error(form, options)
        if error:
            return self._refuse(error, options)
        scopes = form["scope"].split(",")
        return json_answer(self._issue(scopes, now, options, own_url))

    def _client_error(self, form: Mapping[str, str]) -> str | None:
        if form.get("grant_type") != CLIENT_CREDENTIALS:
            return "invalid_code" if form.get("grant_type") in OTHER_GRANTS else "unsupported_grant_type"
        if form.get("client_id") != self.client_id:
            return "invalid_client"
        if form.get("client_secret") != self.client_secret:
            return "invalid_client_secret"
        return None

    def _request_error(self, form: Mapping[str, str], options: Options) -> str | None:
        scopes = [scope for scope in form.get("scope", "").split(",") if scope]
        if not scopes or not all(exists(scope) for scope in scopes):
            return "invalid_scope"
        if options.allowed_scopes:
            allowed = frozenset(scope.strip().lower() for scope in options.allowed_scopes.split(","))
            if not all(any_covers(allowed, scope.lower()) for scope in scopes):
                return "invalid_scope"
        service, _, org = form.get("soid", "").partition(".")
        if not options.soid_case_sensitive:
            service = SERVICE if service.lower() == SERVICE.lower() else service
        if not org or service != SERVICE:
            return "missing_org_info"
        return None if org == self._zgid else options.wrong_org_error

    def _refuse(self, error: str, options: Options) -> Answer:
        self.refused += 1
        return json_answer({"error": error}, options.token_error_status)

    def _issue(self, scopes: list[str], now: float, options: Options, own_url: str) -> Json:
        self._minted.append(now)
        for value in [value for value, token in self._tokens.items() if token.ends_at <= now]:
            del self._tokens[value]
        while len(self._tokens) >= options.active_tokens:
            self._tokens.popitem(last=False)
        value = f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"
        self._tokens[value] = Token(frozenset(scope.lower() for scope in scopes), now + options.token_life_s)
        self.granted.append(scopes)
        return {
            "access_token": value,
            "scope": " ".join(scopes),
            "api_domain": options.api_domain or own_url,
            "token_type": "Bearer",
            "expires_in": int(options.token_life_s),
        }

    def find(self, value: str) -> Token | None:
        """The token with this value, if it has not ended."""
        token = self._tokens.get(value)
        return token if token and token.ends_at > self._clock.steady() else None

    def may(self, token: Token, wanted: str) -> bool:
        """Whether the token's scopes cover `wanted` (lower case)."""
        key = (token.scopes, wanted)
        if key not in self._allowed:
            self._allowed[key] = any_covers(token.scopes, wanted)
        return self._allowed[key]

    def revoke(self, value: str) -> Answer:
        """`POST /oauth/v2/token/revoke`."""
        if self._tokens.pop(value, None) is None:
            return json_answer({"error": "invalid_token", "status": "failure"}, 400)
        self.revoked += 1
        return json_answer({"status": "success"})

    def expire_all(self) -> None:
        """Ends every token now."""
        self._tokens.clear()
