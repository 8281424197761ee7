"""The httpx side of the wire: the one client, and what its exceptions mean. No policy.

Frames of httpx and httpcore hold headers and bodies, secrets among them. So a transport error becomes a value
here, and what is raised from it later has neither cause nor context.
"""

from __future__ import annotations

import logging
import ssl
import time
from dataclasses import dataclass
from functools import cache
from http.cookiejar import CookieJar

import httpx

from zmigrate.errors import ConfigError
from zmigrate.zoho import body

CONNECTIONS = 32
"""25 calls in flight, the accounts server, and a reserve."""

_KEEPALIVE_S = 4.0
"""Shorter than servers keep idle connections (5 s is usual), so that a request seldom meets one just being
closed."""

_CONNECT_TIMEOUT_S = 20.0

_READS_AN_ANSWER = 5
"""Read timeouts, after which an answer that comes drop by drop is given up."""

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_MALFORMED = (httpx.LocalProtocolError, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a request got no answer."""

    why: str
    sent: bool
    """False when it certainly never reached Zoho."""
    timed_out: bool = False
    malformed: bool = False
    """True when it can't be sent at all."""
    status: int | None = None
    """That of an answer that came, and can't be taken; `why` then says of the answer what is wrong."""


class _NoCookies(CookieJar):
    """Keeps none: a call needs nothing but its token, and httpx would read the cookies of every answer."""

    def extract_cookies(self, response: object, request: object) -> None:
        pass


def build_client(
    *, read_timeout_s: float, local: bool = False, transport: httpx.BaseTransport | None = None
) -> httpx.Client:
    """The one client of a connection, shared by all threads: HTTP/1.1, no redirects, httpx's own logging
    silent. An answer has five read timeouts to come as a whole, and a size (`body`).

    Proxies and certificates of the environment (HTTPS_PROXY, SSL_CERT_FILE) count, unless Zoho is this
    machine. Raises ConfigError when they can't be used.
    """
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    limits = httpx.Limits(
        max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=_KEEPALIVE_S
    )

    def bound(response: httpx.Response) -> None:
        body.bound(response, time.monotonic() + _READS_AN_ANSWER * read_timeout_s)

    try:
        return httpx.Client(
            transport=transport,
            verify=_certificates() if local else True,
            cookies=_NoCookies(),
            headers={"accept-encoding": body.ACCEPTED_ENCODING},
            event_hooks={"response": [bound]},
            trust_env=not local,
            follow_redirects=False,
            timeout=httpx.Timeout(read_timeout_s, connect=min(_CONNECT_TIMEOUT_S, read_timeout_s)),
            limits=limits,
        )
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
        raise ConfigError(
            f"The proxy or the certificates of the environment can't be used ({type(error).__name__}).",
            hint="Check HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.",
        ) from None


@cache
def _certificates() -> ssl.SSLContext:
    """Those that httpx brings, loaded once: 20 ms of CPU, of no use to plain HTTP on this machine."""
    return httpx.create_ssl_context(trust_env=False)


def send(client: httpx.Client, request: httpx.Request, auth: httpx.Auth | None) -> httpx.Response | Trouble:
    """Send once and read the whole answer; what goes wrong on the way comes back as a value."""
    try:
        return client.send(request, auth=auth)
    except (httpx.RequestError, httpx.StreamError) as error:
        return trouble_of(error)


def trouble_of(error: Exception) -> Trouble:
    """What an exception of httpx says about the fate of the request.

    Only what failed before a connection stood is certainly not sent. A connection that broke later, even an
    idle one that the server closed before it read anything, leaves the fate unknown.
    """
    if isinstance(error, body.Unusable):
        return Trouble(error.why, sent=True, status=error.status)
    why = type(error).__name__
    if isinstance(error, _MALFORMED):
        return Trouble(why, sent=False, malformed=True)
    if isinstance(error, _NOT_SENT):
        return Trouble(why, sent=False, timed_out=isinstance(error, httpx.TimeoutException))
    return Trouble(why, sent=True, timed_out=isinstance(error, httpx.TimeoutException))
