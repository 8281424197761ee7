"""The token endpoint of Zoho Accounts: one request and its answer. No locks, no waiting, no retries.

Accounts answers most failures with status 200, so the body decides (zoho.com/accounts/protocol/oauth).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from urllib.parse import urlencode

import httpx
import orjson

from zmigrate.zoho import wire
from zmigrate.zoho.backoff import retry_after_s
from zmigrate.zoho.barriers import Barrier, block_page, is_page
from zmigrate.zoho.facts.codes import TOKEN_REFUSALS
from zmigrate.zoho.facts.limits import TOKEN_LIFE_S
from zmigrate.zoho.redaction import Redactor
from zmigrate.zoho.secret import Secret

TOKEN_PATH = "/oauth/v2/token"  # noqa: S105 - a path, not a password

REVOKE_TIMEOUT_S = 5.0  # half of this time to connect, half for the answer

_MILLISECONDS_ABOVE_S = 24 * 3_600
"""Older Zoho services give `expires_in` in milliseconds. No token lives for a day."""


class Client(Protocol):
    """The client that a token belongs to (config.Credentials has these)."""

    @property
    def client_id(self) -> str: ...
    @property
    def client_secret(self) -> Secret: ...
    @property
    def soid(self) -> str: ...
    @property
    def accounts_url(self) -> str: ...
    @property
    def redactor(self) -> Redactor: ...


@dataclass(frozen=True, slots=True)
class Granted:
    """A token, as the endpoint gives it. `life_s` counts from the moment of asking."""

    value: Secret
    scopes: frozenset[str]
    api_domain: str
    life_s: float


@dataclass(frozen=True, slots=True)
class Denied:
    """No token. `fate`: wait a whole window, try again soon, or never ask again like this."""

    fate: Literal["throttled", "transient", "refused"]
    code: str
    why: str
    sent: bool = True
    retry_after_s: float = 0.0
    barrier: Barrier | None = None
    """What stands in the way, if it does not go away by itself."""


class Accounts:
    """Asks for tokens and revokes them. Secrets go in the form body, and into no frame that can raise."""

    def __init__(self, http: wire.HttpClient, client: Client, now: Callable[[], float] = time.time) -> None:
        self._http = http
        self._client = client
        self._now = now
        self.redactor = client.redactor  # Hides secrets in Zoho's answers
        self.redactor.add(client.client_secret)

    @property
    def url(self) -> str:
        return self._client.accounts_url

    def ask(self, scopes: tuple[str, ...]) -> Granted | Denied:
        """One request for a token with these scopes (POST /oauth/v2/token, grant_type client_credentials)."""
        answer = wire.send(self._http, self._request(scopes), None)
        if isinstance(answer, wire.Trouble):
            url = self._client.accounts_url
            why = f"{url} did not answer" if answer.sent else f"can't reach {url}"
            return Denied("transient", answer.why, why, sent=answer.sent, barrier=answer.barrier)
        denied = self._denied_by_a_page(answer)
        return denied or read_answer(answer, scopes, self._now(), self.redactor)

    def _denied_by_a_page(self, answer: httpx.Response) -> Denied | None:
        """For a web page in place of JSON, which is no answer of Zoho's."""
        if not is_page(answer.status_code, answer.content):
            return None
        barrier = block_page(httpx.URL(self._client.accounts_url).host, answer.status_code)
        return Denied("transient", f"HTTP_{answer.status_code}", barrier.what.rstrip("."), barrier=barrier)

    def revoke(self, token: Secret) -> bool:
        """Give the token back (POST /oauth/v2/token/revoke). Best effort, takes some seconds, never
        raises.
        """
        answer = wire.send(self._http, self._revoke_request(token), None)
        return isinstance(answer, httpx.Response) and answer.status_code == 200

    def _request(self, scopes: tuple[str, ...]) -> httpx.Request:
        return self._http.build_request(
            "POST",
            self._client.accounts_url + TOKEN_PATH,
            headers=_FORM,
            content=urlencode(
                {
                    "grant_type": "client_credentials",
                    "client_id": self._client.client_id,
                    "client_secret": self._client.client_secret.reveal(),
                    "scope": ",".join(scopes),
                    "soid": self._client.soid,
                }
            ),
        )

    def _revoke_request(self, token: Secret) -> httpx.Request:
        return self._http.build_request(
            "POST",
            self._client.accounts_url + "/oauth/v2/token/revoke",
            headers=_FORM,
            content=urlencode({"token": token.reveal()}),
            timeout=REVOKE_TIMEOUT_S / 2,
        )


_TOKEN = re.compile(r"[!-~]{1,500}")  # Characters that a header can have. Today's tokens have 70.
_OAUTH_CODE = re.compile(r"[a-z0-9_]+")
_CODE = re.compile(r"[A-Za-z_ ]{1,40}")
_FORM = {"content-type": "application/x-www-form-urlencoded"}


def read_answer(
    response: httpx.Response, asked: tuple[str, ...], now: float, redactor: Redactor
) -> Granted | Denied:
    """The meaning of the token endpoint's answer. The body decides, whatever the status. Never raises."""
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        return Denied("transient", f"HTTP_{response.status_code}", "The accounts server answered no JSON")
    value = body.pop("access_token", None)
    token = Secret(value) if isinstance(value, str) and _TOKEN.fullmatch(value) else None
    if token is not None:
        redactor.add(token)
    body = redactor.redacted(body)
    if token is not None and "error" not in body:
        return Granted(token, _scopes(body, asked), _api_domain(body), _life_s(body))
    if "error" not in body and response.status_code < 300:  # neither a token nor a refusal
        return Denied("transient", "NO_TOKEN", "The accounts server answered without a token")
    return _denial(response, body, now)


def _denial(response: httpx.Response, body: dict[str, Any], now: float) -> Denied:
    wait_s = retry_after_s(response, body, now)
    code = _plain(body.get("error"))
    if response.status_code == 429 or _is_throttle(body):
        return Denied(
            "throttled", "THROTTLED", "Zoho gives this client no more tokens for now", retry_after_s=wait_s
        )
    known = TOKEN_REFUSALS.get(code.lower())
    if response.status_code >= 500 or (known is not None and known.transient):
        return Denied("transient", code or f"HTTP_{response.status_code}", "The accounts server failed")
    return Denied("refused", code or "NO_TOKEN", known.what if known else "Zoho gives no token")


def _is_throttle(body: dict[str, Any]) -> bool:
    """Whether the client asked for too many tokens (zoho-api 1.4 and 14.4). The texts are translated, and
    `status` may be missing. What is no throttle has a code as its `error`, as a rule without a description.
    """
    error, described = body.get("error"), body.get("error_description")
    if not isinstance(described, str):
        return False
    if "too many requests" in described.lower():
        return True
    is_code = isinstance(error, str) and _OAUTH_CODE.fullmatch(error) is not None
    return not is_code or (body.get("status") == "failure" and error not in TOKEN_REFUSALS)


def _plain(error: object) -> str:
    """The answer's error, if it looks like a code. Nothing else reaches a message."""
    return error if isinstance(error, str) and _CODE.fullmatch(error) else ""


def _scopes(body: dict[str, Any], asked: tuple[str, ...]) -> frozenset[str]:
    """Granted scopes, separated by spaces. An answer without them grants what was asked for."""
    text = body.get("scope")
    given = re.split(r"[\s,]+", text.strip()) if isinstance(text, str) and text.strip() else asked
    return frozenset(given)


def _api_domain(body: dict[str, Any]) -> str:
    text = body.get("api_domain")
    return text.rstrip("/") if isinstance(text, str) else ""


def _life_s(body: dict[str, Any]) -> float:
    """The token's life in seconds: `expires_in_sec`, else `expires_in` (perhaps in ms), else an hour."""
    for key in ("expires_in_sec", "expires_in"):
        told = body.get(key)
        try:
            seconds = 0.0 if isinstance(told, bool) else float(told or 0)
        except (TypeError, ValueError):
            continue
        if seconds > _MILLISECONDS_ABOVE_S:
            seconds /= 1_000
        if 0 < seconds <= _MILLISECONDS_ABOVE_S:
            return seconds
    return float(TOKEN_LIFE_S)
