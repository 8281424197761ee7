"""Tokens: one for the job, renewed in time by one thread while the others go on or wait. In memory only."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

import httpx
from tenacity import RetryCallState, Retrying

from zmigrate.errors import Outage, RefusedError, Retryable, ScopeError, ZmigrateError
from zmigrate.events import Emit, TokenAcquired, Waiting
from zmigrate.events import Retrying as RetryingEvent
from zmigrate.stopping import StopRequested, StopSignal
from zmigrate.zoho.accounts import TOKEN_PATH, Accounts, Denied, Granted
from zmigrate.zoho.backoff import Backoff, BudgetSpent, FullJitter, Patience
from zmigrate.zoho.barriers import network_hint
from zmigrate.zoho.facts import scopes as scope_facts
from zmigrate.zoho.facts.codes import TOKEN_REFUSALS
from zmigrate.zoho.facts.data_centres import API_DOMAINS, base_url, url_fault
from zmigrate.zoho.redaction import Redactor
from zmigrate.zoho.secret import Secret
from zmigrate.zoho.token_budget import MintLedger

_POLL_S = 0.1
_RENEW_AT_SHARE = 0.10
_RENEW_AT_MOST_S = 300.0
_SENDS_MAX = 6  # A request is sent at most this often, however short tokens live

_ACCIDENTAL_PAGES = 2  # so many web pages in place of a token may be an accident of the server
_SERVER_FAILURES = 4  # after this many failures of the accounts server, a failure counts as a refusal


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. `expires` and `renew_at` are monotonic seconds; `generation` counts from 1."""

    value: Secret
    generation: int
    scopes: frozenset[str]
    api_domain: str
    expires: float
    renew_at: float

    def header(self) -> str:
        """The value of the Authorization header."""
        return "Zoho-oauthtoken " + self.value.reveal()


class _Flight:
    """One request for a token, which the other threads wait for."""

    __slots__ = ("error", "landed")

    def __init__(self) -> None:
        self.landed = False
        self.error: BaseException | None = None


class TokenProvider:
    """Hands out the current token and renews it: before it expires, or when Zoho has refused it.

    If many threads need a new token, one asks for it. While the old one is still good the others use it;
    otherwise they wait, and watch the stop signal.
    """

    def __init__(
        self,
        accounts: Accounts,
        scopes: tuple[str, ...],
        *,
        ledger: MintLedger,
        stop: StopSignal,
        emit: Emit,
        local: bool,
        backoff: Backoff | None = None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        optional: tuple[str, ...] = (),
    ) -> None:
        """`optional`: scopes that are asked for, too, and that a token need not have."""
        self._accounts = accounts
        self._needed = scopes
        self._asked = tuple(dict.fromkeys((*scopes, *optional)))
        self._ledger = ledger
        self._stop = stop
        self._emit = emit
        self._local = local
        self._now = now
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._token: Token | None = None
        self._flight: _Flight | None = None
        self._refused: ZmigrateError | None = None
        self.acquired = 0
        """How many tokens were got, with renewals."""
        self.api_domain = ""
        """The host for which the tokens are good: the same for all, known from the first on."""
        self._backoff = backoff = backoff or Backoff()
        self._retrying = Retrying(
            sleep=stop.sleep,
            wait=FullJitter(backoff),
            stop=BudgetSpent(backoff),
            retry=_may_ask_again,
            before_sleep=self._tell_retry,
            retry_error_callback=self._give_up,
        )

    @property
    def redactor(self) -> Redactor:
        """Hides the client's secret and its tokens in Zoho's answers."""
        return self._accounts.redactor

    @property
    def renewed(self) -> int:
        return max(0, self.acquired - 1)

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that were granted; empty before the first token."""
        return self._token.scopes if self._token else frozenset()

    def token(self) -> Token:
        """The current token, renewed if it is about to expire.

        Raises RefusedError or ScopeError if Zoho refuses, Outage if accounts can't be reached within the time
        budget, StopRequested if asked to stop while waiting.
        """
        return self._unless_due() or self._obtain(self._unless_due)

    def renew(self, seen_generation: int) -> Token:
        """A token newer than the refused one. If another thread has renewed it already, that one."""
        return self._obtain(lambda: self._if_newer(seen_generation), refused=seen_generation)

    def is_over(self, token: Token) -> bool:
        """Whether this token has expired, or a newer one is there."""
        held = self._token
        return held is None or held.generation != token.generation or self._monotonic() >= token.expires

    def left_s(self) -> float | None:
        """Seconds until the current token expires. None before the first."""
        return None if self._token is None else max(0.0, self._token.expires - self._monotonic())

    def budget_left(self) -> int:
        """How many more tokens this client may ask for in the present window, over all processes."""
        return self._ledger.left(self._now())

    def revoke(self) -> bool:
        """Give the current token back, best effort. Never raises. False if there is none or Zoho refused."""
        with self._changed:
            token, self._token = self._token, None
        return token is not None and self._accounts.revoke(token.value)

    def _obtain(self, take: Callable[[], Token | None], refused: int | None = None) -> Token:
        """The token that `take` finds, or a new one, which this thread or another one asks for.

        While another thread asks, a token that is alive and not the `refused` one is used.
        """
        while True:
            with self._changed:
                token = take()
                if token is not None:
                    return token
                if self._refused is not None:
                    raise copy.copy(self._refused)
                flight = self._flight
                if flight is None:
                    flight = self._flight = _Flight()
                    break
                token = self._if_alive(refused)
                if token is not None:
                    return token
                while not flight.landed and not self._stop.requested:
                    self._changed.wait(_POLL_S)
            if flight.error is not None:
                raise copy.copy(flight.error)
            if not flight.landed:
                self._stop.check()
        return self._fly(flight)

    def _unless_due(self) -> Token | None:
        held = self._token
        return held if held is not None and self._monotonic() < held.renew_at else None

    def _if_newer(self, generation: int) -> Token | None:
        held = self._token
        return held if held is not None and held.generation > generation else None

    def _if_alive(self, refused: int | None) -> Token | None:
        held = self._token
        alive = held is not None and held.generation != refused and self._monotonic() < held.expires
        return held if alive else None

    def _fly(self, flight: _Flight) -> Token:
        """Ask for a token for all threads, and tell them the result."""
        try:
            token = self._mint()
        except BaseException as error:
            flight.error = StopRequested() if isinstance(error, StopRequested) else _for_the_others(error)
            if isinstance(error, RefusedError):
                self._refused = error
            raise
        else:
            self._token = token
            return token
        finally:
            with self._changed:
                flight.landed = True
                self._flight = None
                self._changed.notify_all()

    def _mint(self) -> Token:
        asked_at, granted = self._granted()
        fault = url_fault(granted.api_domain, API_DOMAINS, loopback_http=self._local)
        if fault is not None:
            raise RefusedError(
                f"The token came with an api_domain that {fault}; no token is sent there.",
                hint="Check accounts_url. If it is right, tell Zoho's support.",
                code="API_DOMAIN",
            )
        api_domain = base_url(granted.api_domain)
        if self.api_domain and api_domain != self.api_domain:
            raise RefusedError(
                f"The renewed token belongs to {api_domain}, the one before to {self.api_domain}.",
                hint="The org moved or the client changed. Check the credentials, then resume.",
                code="API_DOMAIN_CHANGED",
            )
        lacking = scope_facts.missing(granted.scopes, self._needed)
        if lacking:
            raise ScopeError(
                f"Zoho granted a token without {', '.join(lacking)}.",
                hint="Give the client's owner what these scopes open, or leave them out of the job.",
            )
        self.api_domain = api_domain
        self.acquired += 1
        self._emit(TokenAcquired(self.acquired > 1, granted.life_s, tuple(sorted(granted.scopes))))
        return Token(
            granted.value,
            self.acquired,
            granted.scopes,
            api_domain,
            expires=asked_at + granted.life_s,
            renew_at=asked_at + granted.life_s - min(granted.life_s * _RENEW_AT_SHARE, _RENEW_AT_MOST_S),
        )

    def _granted(self) -> tuple[float, Granted]:
        """Zoho refuses all scopes if one of them is unknown to it: then the optional ones are left out."""
        try:
            return self._retrying(self._ask, Patience())
        except ScopeError:
            if self._asked == self._needed:
                raise
            self._asked = self._needed
            return self._retrying(self._ask, Patience())

    def _ask(self, patience: Patience) -> tuple[float, Granted]:
        """One request, as soon as the token limit allows it. Returns the monotonic time of asking and the
        token.
        """
        reserved = self._wait_for_place()
        asked_at = self._monotonic()
        answer = self._accounts.ask(self._asked)
        if isinstance(answer, Denied) and not answer.sent:
            self._ledger.release(reserved)
        else:
            self._ledger.confirm(reserved, self._now())
        if isinstance(answer, Granted):
            return asked_at, answer
        self._refuse_barrier(answer, patience)
        if patience.first_trouble is None:
            patience.first_trouble = asked_at
        patience.failures += answer.code in TOKEN_REFUSALS or (answer.sent and answer.barrier is not None)
        if patience.failures >= _SERVER_FAILURES:
            raise _refusal(answer, self._asked)
        patience.asked_to_wait_s = answer.retry_after_s
        if answer.fate == "throttled":
            self._ledger.block(self._now())
        raise _denial_error(answer, self._asked)

    def _refuse_barrier(self, denied: Denied, patience: Patience) -> None:
        """Raise if something stands between this machine and Zoho that does not go away by itself. The first
        web pages may be an accident.
        """
        barrier, reached_before = denied.barrier, self.acquired > 0
        if barrier is None or (denied.sent and patience.failures < _ACCIDENTAL_PAGES):
            return
        if barrier.stops(reached_before=reached_before):
            raise barrier.error(reached_before=reached_before)

    def _wait_for_place(self) -> float:
        while True:
            now = self._now()
            wait_s = self._ledger.reserve(now)
            if wait_s <= 0:
                return now
            self._emit(Waiting("a token", wait_s, self._ledger.reason(now)))
            self._stop.sleep(wait_s)

    def _give_up(self, state: RetryCallState) -> tuple[float, Granted]:
        error = state.outcome.exception() if state.outcome else None
        raise Outage(
            f"No token within the time budget of {self._backoff.budget_s:.0f} s: {error}.",
            hint=getattr(error, "hint", None) or network_hint(self._accounts.url),
        )

    def _tell_retry(self, state: RetryCallState) -> None:
        patience: Patience = state.args[-1]
        error = state.outcome.exception() if state.outcome else None
        self._emit(
            RetryingEvent(
                "POST",
                TOKEN_PATH,
                state.attempt_number + 1,
                state.upcoming_sleep,
                str(error),
                self._backoff.left_s(patience),
            )
        )


class _NoTokenNow(Retryable):
    """The accounts server gave no token for now."""


def _may_ask_again(state: RetryCallState) -> bool:
    return state.outcome is not None and isinstance(state.outcome.exception(), _NoTokenNow)


def _denial_error(denied: Denied, asked: tuple[str, ...]) -> ZmigrateError:
    """The error for a refusal of the token endpoint. It quotes only the answer's code."""
    if denied.fate == "refused":
        return _refusal(denied, asked)
    return _NoTokenNow(f"{denied.why} ({denied.code})", hint=denied.barrier.hint if denied.barrier else None)


def _refusal(denied: Denied, asked: tuple[str, ...]) -> RefusedError:
    known = TOKEN_REFUSALS.get(denied.code.lower())
    message = f"{denied.why} ({denied.code})."
    hint = (
        known.hint
        if known
        else "Look the code up in Zoho's accounts documentation; check client, soid and scopes."
    )
    if known is not None and known.about_scopes:
        return ScopeError(f"{message} Asked for: {', '.join(asked)}.", hint=hint, code=denied.code)
    return RefusedError(message, hint=hint, code=denied.code)


def _for_the_others(error: BaseException) -> BaseException:
    """The error for the threads that waited, without the frames of the one that asked."""
    if isinstance(error, ZmigrateError):
        return copy.copy(error)
    return Outage("The token could not be renewed.")


class ZohoAuth(httpx.Auth):
    """Signs each request. A 401 on a token that should be alive may be Zoho's own mistake (github.com/rikas/
    zoho_hub, PR 34): the request is sent again with the same token, and only a second refusal renews the
    token. If a new token is refused at once, it is not renewed again: the client is gone.
    """

    def __init__(self, tokens: TokenProvider, is_token_refused: Callable[[httpx.Response], bool]) -> None:
        self._tokens = tokens
        self._is_token_refused = is_token_refused

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self._tokens.token()
        is_new = refused_before = False
        for _ in range(_SENDS_MAX):
            request.headers["Authorization"] = token.header()
            response = yield request
            if response.status_code != 401:
                return
            response.read()
            if not self._is_token_refused(response):
                return
            if not self._tokens.is_over(token):
                if is_new:
                    return
                if not refused_before:
                    refused_before = True
                    continue
            token, is_new = self._tokens.renew(token.generation), True
