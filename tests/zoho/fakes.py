"""Stand-ins for tests of the wire: a Zoho that answers as told, and a time that passes only when slept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx

from zmigrate.config import Credentials, Secret, Settings
from zmigrate.events import Event
from zmigrate.stopping import StopRequested, StopSignal
from zmigrate.zoho.accounts import Accounts
from zmigrate.zoho.backoff import Backoff
from zmigrate.zoho.clock import ZohoClock
from zmigrate.zoho.credits import CreditLedger
from zmigrate.zoho.crm import Crm
from zmigrate.zoho.limiter import Limiter
from zmigrate.zoho.oauth import TokenProvider
from zmigrate.zoho.token_budget import MintLedger
from zmigrate.zoho.transport import OrgMeters, Transport
from zmigrate.zoho.wire import build_client

SECRET = "0123secret4567"
TOKEN = "1000.aaaabbbb.ccccdddd"
API = "https://www.zohoapis.com"
CREDENTIALS = Credentials("1000.CLIENT", Secret(SECRET), "ZohoCRM.700", "https://accounts.zoho.com", "a test")

Reply = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Time:
    """A clock that only sleeping moves."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.start = start
        self.passed = 0.0

    def now(self) -> float:
        return self.start + self.passed

    def monotonic(self) -> float:
        return 100.0 + self.passed


class SlumberingStop(StopSignal):
    """A stop signal whose sleep moves a `Time` at once, and notes how long it was asked to sleep."""

    def __init__(self, time: Time) -> None:
        super().__init__()
        self.time = time
        self.slept: list[float] = []
        self.before_sleep: Callable[[], object] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.before_sleep()
        if self.requested:
            raise StopRequested
        self.time.passed += seconds


def token_answer(**changes: Any) -> httpx.Response:
    body = {
        "access_token": TOKEN,
        "scope": "ZohoCRM.modules.ALL ZohoCRM.org.READ ZohoCRM.coql.READ ZohoCRM.settings.ALL",
        "api_domain": API,
        "token_type": "Bearer",
        "expires_in": 3600,
    }
    return httpx.Response(
        200, json={key: value for key, value in {**body, **changes}.items() if value != ...}
    )


def records_answer(*elements: dict[str, Any], status: int = 201) -> httpx.Response:
    return httpx.Response(status, json={"data": list(elements)})


def created(number: int = 1) -> dict[str, Any]:
    return {"code": "SUCCESS", "details": {"id": str(number)}, "message": "record added", "status": "success"}


def refused(code: str, status: int = 400, **details: Any) -> httpx.Response:
    body = {"code": code, "details": details, "message": "no", "status": "error"}
    return httpx.Response(status, json=body)


@dataclass
class FakeZoho:
    """Answers from two queues; the last reply of a queue is given for ever."""

    replies: list[Reply] = field(default_factory=lambda: [records_answer(created())])
    tokens: list[Reply] = field(default_factory=lambda: [token_answer()])
    requests: list[httpx.Request] = field(default_factory=list)
    token_forms: list[dict[str, str]] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    signed_with: list[str] = field(default_factory=list)
    """The Authorization of each request, as it was when it came."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            if request.url.path == "/oauth/v2/token/revoke":
                self.revoked.append(parse_qs(request.content.decode())["token"][0])
                return httpx.Response(200, json={"status": "success"})
            if request.url.path == "/oauth/v2/token":
                form = parse_qs(request.content.decode())
                self.token_forms.append({name: values[0] for name, values in form.items()})
                return _reply(self.tokens, request)
            self.requests.append(request)
            self.signed_with.append(request.headers.get("authorization", ""))
            return _reply(self.replies, request)

    @property
    def bodies(self) -> list[bytes]:
        return [request.content for request in self.requests]


def _reply(queue: list[Reply], request: httpx.Request) -> httpx.Response:
    reply = queue.pop(0) if len(queue) > 1 else queue[0]
    if isinstance(reply, Exception):
        raise reply
    if isinstance(reply, httpx.Response):
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
    return reply(request)


@dataclass
class Rig:
    """Everything between a call and a fake Zoho, with time in the test's hand."""

    zoho: FakeZoho
    time: Time
    stop: SlumberingStop
    events: list[Event]
    tokens: TokenProvider
    limiter: Limiter
    clock: ZohoClock
    credits: CreditLedger
    transport: Transport
    crm: Crm

    def told(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@contextmanager
def rig(
    folder: Path,
    zoho: FakeZoho | None = None,
    *,
    scopes: tuple[str, ...] = ("ZohoCRM.modules.ALL",),
    token_limit: tuple[int, float] = (10, 600.0),
    wait_for_credits: bool = False,
    local: bool = False,
) -> Iterator[Rig]:
    zoho = zoho or FakeZoho()
    time = Time()
    stop = SlumberingStop(time)
    events: list[Event] = []
    backoff = Backoff(uniform=lambda _low, high: high, monotonic=time.monotonic)
    with build_client(read_timeout_s=5.0, transport=httpx.MockTransport(zoho)) as http:
        tokens = TokenProvider(
            Accounts(http, CREDENTIALS, time.now),
            scopes,
            ledger=MintLedger(folder, CREDENTIALS.client_id, token_limit),
            stop=stop,
            emit=events.append,
            local=local,
            backoff=backoff,
            now=time.now,
            monotonic=time.monotonic,
        )
        limiter, clock, credits = Limiter(), ZohoClock(), CreditLedger(time.now)
        transport = Transport(
            http,
            tokens,
            OrgMeters(limiter, clock, credits),
            stop=stop,
            emit=events.append,
            backoff=backoff,
            wait_for_credits=wait_for_credits,
            now=time.now,
        )
        yield Rig(zoho, time, stop, events, tokens, limiter, clock, credits, transport, Crm(transport))


def settings(folder: Path, **changes: Any) -> Settings:
    return Settings(state_dir=folder, **changes)
