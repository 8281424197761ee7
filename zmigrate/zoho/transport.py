"""Sends a call: signs it, limits the calls in flight, repeats what is safe to repeat, counts.

A call that was not sent, or refused before it was applied (429, 401), is always safe to repeat. If the result
is unknown (5xx, reset, timeout, unreadable answer, another number of results), the call must be repeatable.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import httpx
from tenacity import RetryCallState, Retrying

from zmigrate import events
from zmigrate.errors import Fatal, InDoubt, Outage, ReadFailed, Retryable, ScopeError, ZmigrateError
from zmigrate.events import Emit, RequestSent, Throttled, Waiting
from zmigrate.stopping import StopRequested, StopSignal
from zmigrate.zoho import wire
from zmigrate.zoho.answers import Answer, Call, Done, decode, is_token_refused, judge, read_done
from zmigrate.zoho.backoff import Backoff, BudgetSpent, FullJitter, Patience, retry_after_s
from zmigrate.zoho.barriers import REFUSING_PAGES, Barrier, block_page, is_page, network_hint
from zmigrate.zoho.body import ACCEPTED_ENCODING
from zmigrate.zoho.clock import ZohoClock, steady_time
from zmigrate.zoho.credits import CreditLedger
from zmigrate.zoho.facts import scopes as scope_facts
from zmigrate.zoho.facts.codes import Meaning, speaks_of_org
from zmigrate.zoho.limiter import Limiter
from zmigrate.zoho.oauth import TokenProvider, ZohoAuth
from zmigrate.zoho.redaction import Redactor
from zmigrate.zoho.urls import Urls

_FAILURES_OF_ONE_WRITE = 4
_FAILURES_OF_ONE_READ = 8
"""After this many server errors or unusable answers, while other calls are answered, the call is to blame."""

_THROTTLED_ALONE = 8
"""After so many answers of "too many requests" to one call, while nearly nothing is in flight and no other
call is answered, the credits are most likely spent. With the usual waits that takes two minutes."""

_INNER_FAILURES = 5  # how often a call is sent while a service inside Zoho fails

_PROBE = Call("GET", "/crm/v8/org", repeatable=False, credits=1)


@dataclass(slots=True)
class _Story(Patience):
    """What one call has gone through. `failures`: its server errors and unusable answers."""

    sent_at: float = 0.0
    attempts: int = 0
    doubted_at: float | None = None
    doubt_timed_out: bool = False
    doubt_status: int | None = None
    others_before: int = 0  # how many calls were answered before this one began
    given_up: bool = False
    throttled_alone: int = 0  # "too many requests" in a row, while no other call was answered
    answered_then: int = 0  # how many calls were answered when the first of these came


class OrgMeters(NamedTuple):
    """What is measured of one org: how many calls may be in flight, its clock, its credits."""

    limiter: Limiter
    clock: ZohoClock
    credits: CreditLedger


class Transport:
    """One httpx client for all threads. `send` is thread-safe and synchronous."""

    def __init__(
        self,
        http: wire.HttpClient,
        tokens: TokenProvider,
        meters: OrgMeters,
        *,
        stop: StopSignal,
        emit: Emit,
        backoff: Backoff | None = None,
        wait_for_credits: bool = False,
        now: Callable[[], float] = steady_time,
    ) -> None:
        self._http = http
        self.tokens = tokens
        self._auth = ZohoAuth(tokens, partial(is_token_refused, redactor=tokens.redactor))
        self.limiter, self.clock, self.credits = meters
        self._stop = stop
        self._emit = emit
        self._backoff = backoff or Backoff()
        self._wait_for_credits = wait_for_credits
        self._now = now
        self._lock = threading.Lock()
        self._answered = 0
        self._urls = Urls()
        self._extensions = {"timeout": http.timeout.as_dict()}
        self.sent = 0  # HTTP requests sent to the API, with repeats
        self.retried = 0  # Attempts after the first
        self.throttled = 0  # answers 429
        self._retrying = Retrying(
            sleep=stop.sleep,
            wait=FullJitter(self._backoff),
            stop=BudgetSpent(self._backoff),
            retry=_may_repeat,
            before_sleep=self._tell_retry,
            retry_error_callback=self._give_up,
        )

    def send(self, call: Call) -> Answer:
        """Send the call until it is answered or must not be repeated.

        Raises Fatal, RefusedError, ScopeError or OrgFull if Zoho refuses it; InDoubt if it is unknown whether
        a write was applied and it must not be repeated, if Zoho fails on this write while it answers other
        calls, or if a stop came after such an attempt; ReadFailed if Zoho fails on this read only; Outage or
        CreditsSpent if the time budget or the credits are spent; StopRequested if asked to stop while
        waiting. The error's `maybe_applied` shows whether an earlier attempt of a write may have been
        applied.
        """
        story = _Story(others_before=self._answered)
        try:
            return self._retrying(self._attempt, call, story)
        except ZmigrateError as error:
            error.maybe_applied = call.writes and story.doubted_at is not None
            raise
        except StopRequested:
            if story.doubted_at is None or not call.writes:
                raise
        raise InDoubt(
            f"{call.method} {call.path} was sent, not answered, and not repeated, since the run was stopped.",
            status=story.doubt_status,
            timed_out=story.doubt_timed_out,
            others_answered=self._answered > story.others_before,
        )

    def _attempt(self, call: Call, story: _Story) -> Answer:
        self._afford(call, story)
        base = self.tokens.token().api_domain
        with self.limiter.slot(call.heavy, self._stop) as slot:
            sent_at = self._now()
            reply = wire.send(self._http, self._request(base, call), self._auth)
            answered_at = self._now()
            self._count(call, story, reply, sent_at, answered_at)
            if isinstance(reply, httpx.Response):
                if reply.status_code == 429:
                    slot.throttled()
                elif reply.status_code < 500:
                    slot.succeeded()
        try:
            if isinstance(reply, wire.Trouble):
                self._refuse_barrier(reply.barrier)
                raise _trouble_error(call, reply, base)
            self._refuse_block_page(story, reply)
            self.clock.observe(reply.headers.get("date"), sent_at, answered_at)
            self.credits.correct(reply.headers.get("x-api-credits-remaining"))
            done = _done(call, story, reply, self.tokens.redactor)
            body = None if done is not None else self._judged(call, story, reply, answered_at)
        except InDoubt as doubt:
            self._note_doubt(call, story, doubt, sent_at)
            raise
        except Retryable as refusal:
            self._note_refusal(call, story, refusal)
            raise
        with self._lock:
            self._answered += 1
        return Answer(
            reply.status_code,
            body,
            reply.headers,
            story.sent_at,
            answered_at,
            story.attempts,
            story.doubted_at,
            story.doubt_timed_out,
            done,
        )

    def _refuse_barrier(self, barrier: Barrier | None) -> None:
        """Raise if something stands between this machine and Zoho that does not go away by itself."""
        if barrier is not None and barrier.stops(reached_before=self._answered > 0):
            raise barrier.error(reached_before=self._answered > 0)

    def _refuse_block_page(self, story: _Story, reply: httpx.Response) -> None:
        """Raise if web pages come for every call. A page for this call alone is judged like other answers,
        and so is the first one that does not refuse it: it may be an accident.
        """
        if not is_page(reply.status_code, reply.content):
            return
        if reply.status_code not in REFUSING_PAGES and not story.failures:
            return
        other = self._probe()
        if isinstance(other, httpx.Response) and is_page(other.status_code, other.content):
            self._refuse_barrier(block_page(reply.request.url.host, reply.status_code))

    def _judged(self, call: Call, story: _Story, reply: httpx.Response, answered_at: float) -> Any:
        """The body of an answer. Raises what `judge` raises."""
        body = decode(reply.content, self.tokens.redactor)
        story.asked_to_wait_s = retry_after_s(reply, body, answered_at)
        try:
            return judge(call, reply.status_code, body)
        except ScopeError as error:
            lacking = scope_facts.missing(self.tokens.scopes, error.needed)
            if lacking:
                error.needed = tuple(lacking)
                error.hint = f"The token lacks {' and '.join(lacking)}. Declare it in the job's scopes."
            raise

    def _request(self, base: str, call: Call) -> httpx.Request:
        return httpx.Request(
            call.method,
            self._urls.of(base, call),
            headers=_HEADERS if call.content is None else _JSON_HEADERS,
            content=call.content,
            extensions=self._extensions,
        )

    def _afford(self, call: Call, story: _Story) -> None:
        """Wait for credits or raise CreditsSpent. These waits do not count as trouble."""
        while (wait_s := self.credits.shortage_s(call.credits)) > 0:
            if not self._wait_for_credits:
                raise self.credits.spent_error(wait_s)
            self._emit(Waiting("API credits", wait_s))
            self._stop.sleep(wait_s)
            story.first_trouble = None

    def _count(
        self,
        call: Call,
        story: _Story,
        reply: httpx.Response | wire.Trouble,
        sent_at: float,
        answered_at: float,
    ) -> None:
        answered = isinstance(reply, httpx.Response)
        status = reply.status_code if isinstance(reply, httpx.Response) else None
        charged = status not in _FREE_STATUSES if answered else getattr(reply, "sent", False)
        credits = call.credits if charged else 0
        if credits:
            self.credits.spend(credits)
        if story.attempts == 0:
            story.sent_at = sent_at
        story.attempts += 1
        with self._lock:
            self.sent += 1 + (len(reply.history) if isinstance(reply, httpx.Response) else 0)
            self.retried += story.attempts > 1
            self.throttled += status == 429
        self._emit(RequestSent(call.method, call.path, status, answered_at - sent_at, credits))
        if status == 429:
            self._emit(Throttled(self.limiter.limit(True)))

    def _note_doubt(self, call: Call, story: _Story, doubt: InDoubt, sent_at: float) -> None:
        """Remember that this attempt's result is unknown, and whether the call itself is to blame."""
        doubt.others_answered = self._answered > story.others_before
        story.doubted_at = sent_at
        story.doubt_timed_out |= doubt.timed_out
        story.doubt_status = doubt.status
        if story.first_trouble is None:
            story.first_trouble = self._backoff.monotonic()
        if not doubt.by_zoho:
            return
        story.failures += 1
        if story.failures == 1:
            story.others_before = self._answered
        elif story.failures >= (_FAILURES_OF_ONE_WRITE if call.writes else _FAILURES_OF_ONE_READ):
            story.given_up = doubt.others_answered or self._answers_elsewhere(call)
            doubt.others_answered = story.given_up
        if story.given_up and not call.writes:
            raise ReadFailed(
                f"{doubt.message} This happened {story.failures} times, while Zoho answered other calls.",
                hint="Nothing that depends on it was decided. See status.zoho.com, then try again; if it"
                " stays so, show Zoho's support the call.",
            ) from None

    def _answers_elsewhere(self, call: Call) -> bool:
        """Whether Zoho answers a light call: after a run's last batch there are no others to compare with."""
        reply = self._probe()
        if isinstance(reply, wire.Trouble):
            return False
        try:
            judge(_PROBE, reply.status_code, decode(reply.content, self.tokens.redactor))
        except (InDoubt, Retryable):
            return False
        except ZmigrateError:
            return True  # a refusal is an answer
        return True

    def _probe(self) -> httpx.Response | wire.Trouble:
        """What comes for a light call, to compare with."""
        with self._lock:
            self.sent += 1
        return wire.send(self._http, self._request(self.tokens.token().api_domain, _PROBE), self._auth)

    def _note_refusal(self, call: Call, story: _Story, refusal: Retryable) -> None:
        if story.first_trouble is None:
            story.first_trouble = self._backoff.monotonic()
        if refusal.status is None:
            return
        if speaks_of_org(refusal.code) is Meaning.LATER:
            story.failures += 1
            if story.failures >= _INNER_FAILURES:
                raise Outage(
                    f"{refusal.message} This happened {story.failures} times.",
                    hint=refusal.hint,
                    code=refusal.code,
                ) from None
            return
        self._watch_throttling(call, story)
        if self.credits.exhausted(call.credits) and not self._wait_for_credits:
            raise self.credits.spent_error(self.credits.shortage_s(call.credits)) from None

    def _watch_throttling(self, call: Call, story: _Story) -> None:
        """Zoho does not say which limit was reached, and names the credits left only late (zoho-api 3.3). Too
        many calls in flight, though, are soon answered again once there are fewer of them."""
        if self._answered != story.answered_then or self.limiter.limit(call.heavy) > 1:
            story.throttled_alone, story.answered_then = 0, self._answered
        story.throttled_alone += 1
        if story.throttled_alone >= _THROTTLED_ALONE:
            story.throttled_alone = 0
            self.credits.presume_spent(story.asked_to_wait_s)

    def _tell_retry(self, state: RetryCallState) -> None:
        call: Call = state.args[0]
        story: _Story = state.args[1]
        error = state.outcome.exception() if state.outcome else None
        self._emit(
            events.Retrying(
                call.method,
                call.path,
                state.attempt_number + 1,
                state.upcoming_sleep,
                str(error),
                self._backoff.left_s(story),
            )
        )

    def _give_up(self, state: RetryCallState) -> Answer:
        call: Call = state.args[0]
        story: _Story = state.args[1]
        error = state.outcome.exception() if state.outcome else None
        throttled = isinstance(error, Retryable) and error.status is not None
        if throttled and story.asked_to_wait_s >= self._backoff.budget_s:
            self.credits.presume_spent(story.asked_to_wait_s)
        if throttled and self.credits.exhausted(call.credits):
            raise self.credits.spent_error(self.credits.shortage_s(call.credits))
        unusable = isinstance(error, InDoubt) and error.status is not None and error.status < 500
        raise Outage(
            f"Not done within the time budget of {self._backoff.budget_s:.0f} s: {str(error).rstrip('.')}.",
            hint=_OTHERS_CALL
            if throttled
            else "See status.zoho.com; or does a proxy answer instead of Zoho?"
            if unusable
            else getattr(error, "hint", None) or network_hint(self.tokens.api_domain),
        )


_OTHERS_CALL = (
    "Other programs may use up the calls that the org may have in flight: stop them, then resume, perhaps"
    " with a lower --concurrency."
)
_HEADERS = [
    ("user-agent", "zmigrate"),
    ("accept", "application/json"),
    ("accept-encoding", ACCEPTED_ENCODING),
]
_JSON_HEADERS = [*_HEADERS, ("content-type", "application/json")]
_FREE_STATUSES = frozenset({401, 429})  # statuses that cost no credits
_SUCCESS = frozenset({200, 201})  # statuses when every record was written: 201 for an insert, else 200


def _done(call: Call, story: _Story, reply: httpx.Response, redactor: Redactor) -> list[Done] | None:
    """The records of a plain success, if that is all the caller needs. None if the answer must be judged.

    After a doubt all of `data[]` is needed: times and users show whose record it is.
    """
    if (
        not call.brief
        or call.expect is None
        or reply.status_code not in _SUCCESS
        or story.doubted_at is not None
    ):
        return None
    return read_done(reply.content, call.expect, redactor)


def _name(call: Call) -> str:
    return f"{call.method} {call.path}"


def _trouble_error(call: Call, trouble: wire.Trouble, base: str) -> Fatal | InDoubt | Retryable:
    name = _name(call)
    if trouble.malformed:
        return Fatal(f"{name} can't be sent: {trouble.why}.", code="MALFORMED_REQUEST")
    if trouble.status is not None:
        return InDoubt(
            f"Zoho's answer to {name} {trouble.why} (status {trouble.status}).", status=trouble.status
        )
    if trouble.sent:
        return InDoubt(
            f"The connection broke before Zoho answered {name}: {trouble.why}.", timed_out=trouble.timed_out
        )
    barrier = trouble.barrier
    why, hint = (trouble.why, None) if barrier is None else (barrier.code, barrier.hint)
    return Retryable(f"can't reach {base} ({why})", code="NOT_SENT", hint=hint)


def _may_repeat(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Retryable):
        return True
    call: Call = state.args[0]
    story: _Story = state.args[1]
    return isinstance(error, InDoubt) and call.repeatable and not story.given_up
