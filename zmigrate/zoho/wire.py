"""The httpx side of the wire: the client, and the meaning of its exceptions. No policy.

Frames of httpx and httpcore hold headers and bodies with secrets. So a transport error becomes a value here,
and an error raised from it later has no cause and no context.
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

CONNECTIONS = 32  # 25 calls in flight, the accounts server, and a reserve

_KEEPALIVE_S = 4.0
"""Shorter than servers keep idle connections (usually 5 s), so that a request seldom meets a closing one."""

_CONNECT_TIMEOUT_S = 20.0

_READS_AN_ANSWER = 5  # An answer that comes drop by drop is given up after this many read timeouts

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_MALFORMED = (httpx.LocalProtocolError, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a request got no answer."""

    why: str
    sent: bool  # False: it certainly never reached Zoho
    timed_out: bool = False
    malformed: bool = False  # True: it can't be sent at all
    status: int | None = None  # the status of an unusable answer; `why` then says what is wrong with it


class _NoCookies(CookieJar):
    """Stores no cookies: a call needs only its token, and httpx would read the cookies of every answer."""

    def extract_cookies(self, response: object, request: object) -> None:
        pass


def build_client(
    *, read_timeout_s: float, local: bool = False, transport: httpx.BaseTransport | None = None
) -> httpx.Client:
    """The client of a connection, shared by all threads: HTTP/1.1, no redirects, httpx's own logging off. An
    answer must end within five read timeouts, and its size is limited (`body`).

    The environment's proxies and certificates (HTTPS_PROXY, SSL_CERT_FILE) count, unless Zoho is this
    machine. Raises ConfigError if they can't be used.
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
    """httpx's own certificates, loaded once: that takes 20 ms, and plain HTTP does not need them."""
    return httpx.create_ssl_context(trust_env=False)


def send(client: httpx.Client, request: httpx.Request, auth: httpx.Auth | None) -> httpx.Response | Trouble:
    """Send once and read the whole answer. Errors on the way are returned, not raised."""
    try:
        return client.send(request, auth=auth)
    except (httpx.RequestError, httpx.StreamError) as error:
        return trouble_of(error)


def trouble_of(error: Exception) -> Trouble:
    """What an exception of httpx means for the request.

    Only a request that failed before the connection was made is certainly not sent. If a connection broke
    later, even an idle one that the server closed before reading, it is unknown.
    """
    if isinstance(error, body.Unusable):
        return Trouble(error.why, sent=True, status=error.status)
    why = type(error).__name__
    if isinstance(error, _MALFORMED):
        return Trouble(why, sent=False, malformed=True)
    if isinstance(error, _NOT_SENT):
        return Trouble(why, sent=False, timed_out=isinstance(error, httpx.TimeoutException))
    return Trouble(why, sent=True, timed_out=isinstance(error, httpx.TimeoutException))
